/* bpi2019-map: the event log of the BPI Challenge 2019 as canonical documents, one CloudEvent a
 * line on standard output. Every row of the log becomes exactly one event, and every purchasing
 * document one purchase order in front of its first event. The log has no quantities and no invoice
 * amounts: a goods receipt or an invoice counts one unit at 1.00 EUR, and orders are open-ended. */
#include "log.h"

#include "base/json.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SOURCE "urn:bpi2019"
#define SITE "main" /* the log names no plant */
#define PRICE "1.00"
#define CURRENCY "EUR"
#define SHUFFLE_WINDOW_US (INT64_C(3600) * 1000000)

enum {
    OUTPUT_BYTES = 1 << 20,
    OUTPUT_MAX_BYTES = 1 << 28,
    NUMBER_MAX = 64, /* bytes; log_read keeps documents short enough for it */
};

typedef struct map_options {
    const char *path;
    bool twice;
    bool shuffle;
    uint64_t seed;
} map_options;

typedef struct map_send { /* one event on its way out */
    xd_instant deliver_at;
    size_t position; /* decides between equal instants */
    bool is_order;
    uint32_t order;
    size_t row;
    xd_instant at;
} map_send;

/* --- the documents --- */

/* ,"name":"text" */
static void write_text(xd_buf *buf, const char *name, xd_str text)
{
    xd_buf_printf(buf, ",\"%s\":", name);
    xd_json_write_string(buf, text);
}

static void write_instant(xd_buf *buf, const char *name, xd_instant at)
{
    xd_buf_printf(buf, ",\"%s\":\"", name);
    xd_instant_write(buf, at);
    xd_buf_char(buf, '"');
}

static void write_date(xd_buf *buf, const char *name, xd_date date)
{
    xd_buf_printf(buf, ",\"%s\":\"", name);
    xd_date_write(buf, date);
    xd_buf_char(buf, '"');
}

/* The log writes NONE where nobody is known. */
static void write_person(xd_buf *buf, const char *name, const p2p_log *log, const log_row *row)
{
    xd_str person = log->persons.texts[row->person];
    if (person.len && !xd_str_eq(person, XD_STR("NONE"))) {
        write_text(buf, name, person);
    }
}

typedef struct map_document { /* what the writers of documents need */
    const p2p_log *log;
    const log_row *row;
    xd_str po;
    uint32_t po_line;
    xd_str supplier;
    char number[NUMBER_MAX]; /* of the document, unique to the row */
} map_document;

static void write_receipt_of(xd_buf *buf, const map_document *document, const char *movement)
{
    xd_buf_printf(buf, "{\"movement\":\"%s\",\"site\":\"" SITE "\"", movement);
    write_text(buf, "receipt_no", xd_str_from(document->number));
    write_text(buf, "purchase_order", document->po);
    write_text(buf, "supplier", document->supplier);
    write_instant(buf, "received_at", document->row->at);
    write_person(buf, "received_by", document->log, document->row);
    xd_buf_printf(buf, ",\"lines\":[{\"line\":1,\"po_line\":%u,\"quantity\":\"1\"}]}",
                  document->po_line);
}

static void write_receipt(xd_buf *buf, const map_document *document)
{
    write_receipt_of(buf, document, "receipt");
}

static void write_receipt_reversal(xd_buf *buf, const map_document *document)
{
    write_receipt_of(buf, document, "reversal");
}

static void write_billed_line(xd_buf *buf, const map_document *document)
{
    xd_buf_printf(buf,
                  ",\"lines\":[{\"line\":1,\"po_line\":%u,\"quantity\":\"1\","
                  "\"unit_price\":\"" PRICE "\"}]}",
                  document->po_line);
}

static void write_invoice(xd_buf *buf, const map_document *document)
{
    XD_BUF_LIT(buf, "{\"currency\":\"" CURRENCY "\"");
    write_text(buf, "invoice", xd_str_from(document->number));
    write_text(buf, "supplier", document->supplier);
    write_text(buf, "po", document->po);
    write_date(buf, "invoice_date", document->row->date);
    write_person(buf, "entered_by", document->log, document->row);
    write_billed_line(buf, document);
}

static void write_credit(xd_buf *buf, const map_document *document)
{
    XD_BUF_LIT(buf, "{\"kind\":\"quantity\",\"currency\":\"" CURRENCY "\"");
    write_text(buf, "credit_memo", xd_str_from(document->number));
    write_text(buf, "supplier", document->supplier);
    write_text(buf, "po", document->po);
    write_date(buf, "credit_date", document->row->date);
    write_billed_line(buf, document);
}

static void write_payment_of(xd_buf *buf, const map_document *document, const char *state)
{
    xd_buf_printf(buf, "{\"status\":\"%s\"", state);
    write_text(buf, "payment", xd_str_from(document->number));
    write_text(buf, "supplier", document->supplier);
    write_text(buf, "po", document->po);
    xd_buf_printf(buf, ",\"po_line\":%u}", document->po_line);
}

static void write_clearing(xd_buf *buf, const map_document *document)
{
    write_payment_of(buf, document, "cleared");
}

static void write_unblocking(xd_buf *buf, const map_document *document)
{
    write_payment_of(buf, document, "block_removed");
}

static void write_activity(xd_buf *buf, const map_document *document)
{
    xd_buf_printf(buf, "{\"po_line\":%u", document->po_line);
    write_text(buf, "activity_no", xd_str_from(document->number));
    write_text(buf, "po", document->po);
    write_text(buf, "activity", document->log->activities.texts[document->row->activity]);
    write_person(buf, "person", document->log, document->row);
    xd_buf_char(buf, '}');
}

typedef struct map_rule {
    const char *activity; /* NULL: every other one */
    const char *kind;
    void (*write)(xd_buf *buf, const map_document *document);
} map_rule;

static const map_rule rules[] = {
    {"Record Goods Receipt", "goods_receipt", write_receipt},
    {"Cancel Goods Receipt", "goods_receipt", write_receipt_reversal},
    {"Record Invoice Receipt", "supplier_invoice", write_invoice},
    {"Cancel Invoice Receipt", "credit_memo", write_credit},
    {"Clear Invoice", "payment_status", write_clearing},
    {"Remove Payment Block", "payment_status", write_unblocking},
    {NULL, "order_activity", write_activity},
};

static const map_rule *rule_of(xd_str activity)
{
    const map_rule *rule = rules;
    while (rule->activity && !xd_str_eq(activity, xd_str_from(rule->activity))) {
        rule++;
    }
    return rule;
}

/* --- the events --- */

static void write_head(xd_buf *buf, const char *kind, xd_instant at)
{
    xd_buf_printf(buf,
                  "{\"specversion\":\"1.0\",\"source\":\"" SOURCE "\",\"type\":\"crossdock.%s.v1\"",
                  kind);
    write_instant(buf, "time", at);
}

static void write_order_event(xd_buf *buf, const p2p_log *log, const map_send *send)
{
    const log_order *order = &log->orders[send->order];
    write_head(buf, "purchase_order", send->at);
    write_text(buf, "id", log->documents.texts[send->order]);
    XD_BUF_LIT(buf, ",\"data\":{\"currency\":\"" CURRENCY "\"");
    write_text(buf, "po", log->documents.texts[send->order]);
    write_text(buf, "supplier", order->supplier);
    write_instant(buf, "ordered_at", send->at);
    XD_BUF_LIT(buf, ",\"lines\":[");
    for (uint32_t i = order->first_line; i != LOG_NO_LINE; i = log->lines[i].next) {
        xd_buf_printf(buf, "%s{\"po_line\":%u,\"unit_price\":\"" PRICE "\"}",
                      i == order->first_line ? "" : ",", log->lines[i].po_line);
    }
    XD_BUF_LIT(buf, "]}}\n");
}

static void write_row_event(xd_buf *buf, const p2p_log *log, const map_send *send)
{
    const log_row *row = &log->rows[send->row];
    const log_line *line = &log->lines[row->line];
    const map_rule *rule = rule_of(log->activities.texts[row->activity]);
    map_document document = {.log = log,
                             .row = row,
                             .po = log->documents.texts[line->order],
                             .po_line = line->po_line,
                             .supplier = log->orders[line->order].supplier};
    /* Invoice numbers are compared without their punctuation, so letters keep the parts apart. */
    snprintf(document.number, sizeof document.number, "%.*s-L%05u-N%u", XD_FMT(document.po),
             document.po_line, row->ordinal);
    char id[NUMBER_MAX];
    snprintf(id, sizeof id, "%.*s/%u", XD_FMT(log->cases.texts[row->line]), row->ordinal);
    write_head(buf, rule->kind, row->at);
    write_text(buf, "id", xd_str_from(id));
    XD_BUF_LIT(buf, ",\"data\":");
    rule->write(buf, &document);
    XD_BUF_LIT(buf, "}\n");
}

/* --- what is sent, and when --- */

static int by_delivery(const void *left, const void *right)
{
    const map_send *a = left;
    const map_send *b = right;
    if (a->deliver_at != b->deliver_at) {
        return a->deliver_at < b->deliver_at ? -1 : 1;
    }
    return (a->position > b->position) - (a->position < b->position);
}

/* One entry per row in order of the log, each order in front of its first row; the whole twice when
 * asked. NULL when out of memory. */
static map_send *plan_sends(const p2p_log *log, const map_options *options, size_t *ret_count)
{
    size_t most = (log->row_count + log->documents.count) * 2;
    map_send *sends = malloc((most ? most : 1) * sizeof *sends);
    bool *seen = calloc(log->documents.count + 1, sizeof *seen);
    if (!sends || !seen) {
        free(sends);
        free(seen);
        return NULL;
    }
    size_t count = 0;
    for (size_t i = 0; i < log->row_count; i++) {
        uint32_t order = log->lines[log->rows[i].line].order;
        map_send send = {.order = order, .row = i, .at = log->rows[i].at};
        if (!seen[order]) {
            seen[order] = true;
            send.is_order = true;
            sends[count++] = send;
            send.is_order = false;
        }
        sends[count++] = send;
    }
    free(seen);
    if (options->twice) {
        memcpy(sends + count, sends, count * sizeof *sends);
        count *= 2;
    }
    xd_random random = {options->seed};
    for (size_t i = 0; options->shuffle && i < count; i++) {
        sends[i].position = i;
        sends[i].deliver_at = sends[i].at + (int64_t)xd_random_below(&random, SHUFFLE_WINDOW_US);
    }
    if (options->shuffle) {
        qsort(sends, count, sizeof *sends, by_delivery);
    }
    *ret_count = count;
    return sends;
}

static bool write_events(const p2p_log *log, const map_send *sends, size_t count)
{
    xd_buf buf;
    xd_buf_init(&buf, OUTPUT_MAX_BYTES);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (sends[i].is_order) {
            write_order_event(&buf, log, &sends[i]);
        } else {
            write_row_event(&buf, log, &sends[i]);
        }
        ok = !buf.failed;
        if (ok && (buf.len >= OUTPUT_BYTES || i + 1 == count)) {
            ok = fwrite(buf.ptr, 1, buf.len, stdout) == buf.len;
            xd_buf_clear(&buf);
        }
    }
    xd_buf_finish(&buf);
    return ok && fflush(stdout) == 0;
}

/* --- the command --- */

static const char usage[] =
    "usage: bpi2019-map [--twice] [--shuffle SEED] [LOG.csv|LOG.csv.gz]\n"
    "Writes the BPI Challenge 2019 event log as CloudEvents, one a line. Without LOG it reads\n"
    "standard input. --twice sends every event twice; --shuffle moves each event by up to an hour\n"
    "of business time, the same way for the same SEED.\n";

static bool read_options(int argc, char **argv, map_options *ret)
{
    map_options options = {.path = "-"};
    bool path_given = false;
    for (int i = 1; i < argc; i++) {
        int64_t seed = 0;
        if (strcmp(argv[i], "--twice") == 0) {
            options.twice = true;
        } else if (strcmp(argv[i], "--shuffle") == 0 && i + 1 < argc &&
                   xd_str_to_int64(xd_str_from(argv[i + 1]), &seed)) {
            options.shuffle = true;
            options.seed = (uint64_t)seed;
            i++;
        } else if (argv[i][0] != '-' && !path_given) {
            options.path = argv[i];
            path_given = true;
        } else {
            return false;
        }
    }
    *ret = options;
    return true;
}

int main(int argc, char **argv)
{
    map_options options;
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    p2p_log log;
    xd_fault fault = XD_FAULT_NONE;
    if (log_read(options.path, &log, &fault) != XD_OK) {
        fprintf(stderr, "bpi2019-map: %s:%d: %s\n", options.path, fault.line, fault.text);
        return 1;
    }
    size_t count = 0;
    map_send *sends = plan_sends(&log, &options, &count);
    bool written = sends && write_events(&log, sends, count);
    if (written) {
        fprintf(stderr, "%zu events of %u order lines in %u orders, %zu sent\n", log.row_count,
                log.cases.count, log.documents.count, count);
    } else {
        perror("bpi2019-map: cannot write the events");
    }
    free(sends);
    log_finish(&log);
    return written ? 0 : 1;
}
