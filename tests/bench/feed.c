/* What the benchmarks send. */
#include "feed.h"

#include <inttypes.h>

enum { SUPPLIERS = 500 };
static const char *const skus[] = {"SKU-497-3878", "SKU-176-0673", "SKU-803-1150", "SKU-244-9021"};

void feed_order(xd_buf *buf, uint64_t number)
{
    xd_buf_printf(buf,
                  "{\"specversion\":\"1.0\",\"id\":\"po-%09" PRIu64
                  "\",\"source\":\"urn:bench:erp\","
                  "\"type\":\"crossdock.purchase_order.v1\",\"time\":\"2026-11-01T08:00:00Z\","
                  "\"data\":{\"po\":\"PO-%09" PRIu64 "\",\"supplier\":\"SUP-%09" PRIu64 "\","
                  "\"site\":\"EAST-02\",\"currency\":\"USD\","
                  "\"ordered_at\":\"2026-11-01T08:00:00Z\",\"terms\":\"NET30\",\"lines\":[",
                  number, number, number % SUPPLIERS);
    for (unsigned line = 0; line < FEED_LINES; line++) {
        xd_buf_printf(buf,
                      "%s{\"po_line\":%u,\"item\":\"%s\",\"uom\":\"EA\","
                      "\"quantity\":\"100000.000\",\"unit_price\":\"41.4690\"}",
                      line ? "," : "", (line + 1) * 10, skus[(number + line) % 4]);
    }
    XD_BUF_LIT(buf, "]}}");
}

/* Writes value over the FEED_DIGITS digits at text. */
static void put_digits(char *text, uint64_t value)
{
    for (int i = FEED_DIGITS - 1; i >= 0; i--) {
        text[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Text around the numbers of a receipt; the sender must not cost more than what it measures. */
static const char receipt_head[] =
    "{\"specversion\":\"1.0\",\"id\":\"wms-east-02-#########\","
    "\"source\":\"urn:bench:wms\",\"type\":\"goods.receipt.confirmed\","
    "\"time\":\"2026-11-17T13:06:04.123Z\",\"subject\":\"" FEED_RECEIPT_MARK
    "#########\",\"data\":{\"receipt_no\":\"" FEED_RECEIPT_MARK
    "#########\",\"purchase_order\":\"PO-#########\","
    "\"supplier\":\"SUP-#########\",\"site\":\"EAST-02\","
    "\"received_at\":\"2026-11-17T13:04:50Z\",\"carrier\":\"ODFL\","
    "\"packing_slip\":\"PS-71424\",\"lines\":[";
static const char receipt_line[] =
    "{\"line\":#,\"po_line\":#0,\"item\":\"############\",\"uom\":\"EA\","
    "\"quantity\":\"54.000\",\"lots\":[{\"lot\":\"L2026111751A\","
    "\"quantity\":\"54.000\",\"expires\":\"2027-06-27\"}],"
    "\"damaged\":\"0.000\",\"disposition\":\"stock\"}";

void feed_receipt(xd_buf *buf, uint64_t number, uint64_t order)
{
    const uint64_t numbers[] = {number, number, number, order, order % SUPPLIERS};
    size_t begin = buf->len;
    xd_buf_add(buf, receipt_head, sizeof receipt_head - 1);
    char *at = buf->ptr + begin;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        at = strchr(at, '#');
        put_digits(at, numbers[i]);
    }
    for (unsigned line = 0; line < FEED_LINES; line++) {
        begin = buf->len;
        xd_buf_add(buf, receipt_line, sizeof receipt_line - 1);
        buf->ptr[begin + 8] = (char)('1' + line);
        buf->ptr[begin + 20] = (char)('1' + line);
        memcpy(buf->ptr + begin + 31, skus[(order + line) % 4], 12);
        xd_buf_char(buf, line + 1 < FEED_LINES ? ',' : ']');
    }
    XD_BUF_LIT(buf, "}}");
}

bool feed_find_receipt(xd_str text, size_t *at, uint64_t *ret_number)
{
    const size_t mark = sizeof FEED_RECEIPT_MARK - 1;
    for (size_t i = *at; i + mark + FEED_DIGITS <= text.len; i++) {
        const char *found =
            memchr(text.ptr + i, FEED_RECEIPT_MARK[0], text.len - mark - FEED_DIGITS - i + 1);
        int64_t number = 0;
        if (!found) {
            return false;
        }
        i = (size_t)(found - text.ptr);
        if (memcmp(found, FEED_RECEIPT_MARK, mark) == 0 &&
            xd_str_to_int64((xd_str){found + mark, FEED_DIGITS}, &number)) {
            *at = i + mark + FEED_DIGITS;
            *ret_number = (uint64_t)number;
            return true;
        }
    }
    return false;
}
