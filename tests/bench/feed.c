/* What the benchmarks send. */
#include "feed.h"

#include <inttypes.h>

static const char *const skus[] = {"SKU-497-3878", "SKU-176-0673", "SKU-803-1150", "SKU-244-9021"};

void feed_order(xd_buf *buf, uint64_t number)
{
    xd_buf_printf(buf,
                  "{\"specversion\":\"1.0\",\"id\":\"po-%09" PRIu64
                  "\",\"source\":\"urn:bench:erp\","
                  "\"type\":\"crossdock.purchase_order.v1\",\"time\":\"2026-11-01T08:00:00Z\","
                  "\"data\":{\"po\":\"PO-%09" PRIu64 "\",\"supplier\":\"SUP-%05" PRIu64 "\","
                  "\"site\":\"EAST-02\",\"currency\":\"USD\","
                  "\"ordered_at\":\"2026-11-01T08:00:00Z\",\"terms\":\"NET30\",\"lines\":[",
                  number, number, number % 500);
    for (unsigned line = 0; line < FEED_LINES; line++) {
        xd_buf_printf(buf,
                      "%s{\"po_line\":%u,\"item\":\"%s\",\"uom\":\"EA\","
                      "\"quantity\":\"100000.000\",\"unit_price\":\"41.4690\"}",
                      line ? "," : "", (line + 1) * 10, skus[(number + line) % 4]);
    }
    XD_BUF_LIT(buf, "]}}");
}

void feed_receipt(xd_buf *buf, uint64_t number, uint64_t order)
{
    xd_buf_printf(
        buf,
        "{\"specversion\":\"1.0\",\"id\":\"wms-east-02-%09" PRIu64 "\","
        "\"source\":\"urn:bench:wms\",\"type\":\"goods.receipt.confirmed\","
        "\"time\":\"2026-11-17T13:06:04.123Z\",\"subject\":\"" FEED_RECEIPT_MARK "%09" PRIu64
        "\",\"data\":{\"receipt_no\":\"" FEED_RECEIPT_MARK "%09" PRIu64
        "\",\"purchase_order\":\"PO-%09" PRIu64 "\",\"supplier\":\"SUP-%05" PRIu64
        "\",\"site\":\"EAST-02\",\"received_at\":\"2026-11-17T13:04:50Z\",\"carrier\":\"ODFL\","
        "\"packing_slip\":\"PS-71424\",\"lines\":[",
        number, number, number, order, order % 500);
    for (unsigned line = 0; line < FEED_LINES; line++) {
        xd_buf_printf(buf,
                      "%s{\"line\":%u,\"po_line\":%u,\"item\":\"%s\",\"uom\":\"EA\","
                      "\"quantity\":\"54.000\",\"lots\":[{\"lot\":\"L2026111751A\","
                      "\"quantity\":\"54.000\",\"expires\":\"2027-06-27\"}],"
                      "\"damaged\":\"0.000\",\"disposition\":\"stock\"}",
                      line ? "," : "", line + 1, (line + 1) * 10, skus[(order + line) % 4]);
    }
    XD_BUF_LIT(buf, "]}}");
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
