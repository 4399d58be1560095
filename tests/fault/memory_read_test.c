/* The read side without memory: every question is asked again and again, and each time another
 * allocation fails, alone or with those that follow it. What comes is the answer that comes with
 * memory, or "no memory"; never an answer that takes for absent what could not be read. The one
 * after it, with memory, is right again.
 *
 *     memory_read_test [EVERY]             tries every EVERY-th allocation (default 1)
 *     memory_read_test N MANY QUESTION     that one run, as a failure names it
 * Last line: "N passed, N failed". */
#include "api/read.h"
#include "hub.h"
#include "no_memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { REPORTED = 12, BODY_CAP = 4 << 20, LONG_BYTES = 20000 /* more than a page */ };

static const uint64_t spans[] = {1, 4, 100000}; /* allocations that fail in a row */
enum { SPANS = sizeof spans / sizeof *spans };

typedef struct question {
    const char *path;
    const char *arguments[7]; /* name, value, ..., NULL */
} question;

static const question questions[] = {
    {"/documents/goods_receipt/EAST/GR-2", {NULL}},
    {"/documents/goods_receipt/GR-2", {NULL}},
    {"/documents/goods_receipt", {"limit", "2", "po", "PO-1", NULL}},
    {"/documents/purchase_order/PO-1", {NULL}},
    {"/documents/supplier_invoice/INV-2", {NULL}},
    {"/documents/adjustment/ADJ-1", {NULL}},
    {"/documents/adjustment", {NULL}},
    {"/documents/stock", {"limit", "1", NULL}},
    {"/trace/PO-1", {NULL}},
    {"/trace/GR-6", {NULL}},
    {"/trace/INV-2", {"limit", "2", NULL}},
    {"/trace/main/2026/1", {NULL}},
    {"/trace/7.1", {NULL}},
    {"/holds", {NULL}},
    {"/holds/LONG", {NULL}},
    {"/dead-letters", {"system", "erp", NULL}},
    {"/dead-letters/5.0", {NULL}},
    {"/parked", {NULL}},
    {"/exceptions", {NULL}},
    {"/outbox", {NULL}},
    {"/crosswalks", {"table", "item", "system", "wms", "at", "2026-11-23", NULL}},
    {"/crosswalks", {"table", "item", "system", "wms", "code", "77", NULL}},
    {"/crosswalks/item/wms/77", {NULL}},
    {"/crosswalks/missing", {NULL}},
    {"/crosswalks/missing", {"table", "item", "system", "wms", NULL}},
    {"/journal", {"limit", "2", NULL}},
    {"/journal", {"format", "hledger", "account", "1310", NULL}},
    {"/balances", {NULL}},
    {"/invoices/INV-2/match", {NULL}},
    {"/invoices/INV-1/match", {NULL}},
    {"/status", {NULL}},
    {"/search", {"q", "GR-", NULL}},
    {"/raw/0123456789abcdef", {NULL}},
    {"/reports/p2p-controls", {NULL}},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

static uint64_t passed, failed;

/* --- what is asked about --- */

/* Beside what the workload of hub.c leaves behind: state that it has none of. LONG stands for a
 * text that no page holds. */
static const struct {
    xd_state_kind kind;
    const char *key, *value;
} more[] = {
    {XD_STATE_HOLD, "LONG",
     "{\"invoice\":\"X\",\"code\":\"PRICE\",\"status\":\"OPEN\",\"placed_at\":"
     "\"2026-11-21T00:00:00Z\",\"note\":\"LONG\"}"},
    {XD_STATE_MAP, "abc", "{\"name\":\"out\",\"text\":\"{'to': $system, 'all': $}\"}"},
    {XD_STATE_DEAD, "5.0",
     "{\"id\":\"5.0\",\"seq\":6,\"index\":0,\"system\":\"erp\",\"message\":\"inventory\","
     "\"class\":\"dead\",\"reason\":\"no\",\"map\":\"out@abc\",\"codes_at\":5,\"attempts\":1,"
     "\"at\":\"2026-11-22T00:00:00Z\",\"state\":\"open\"}"},
    {XD_STATE_DEAD, "6.1",
     "{\"id\":\"6.1\",\"seq\":6,\"index\":1,\"system\":\"erp\",\"message\":\"inventory\","
     "\"wait\":\"item/wms/77\",\"at\":\"2026-11-22T00:00:00Z\",\"state\":\"open\"}"},
    {XD_STATE_CODE_WAIT, "item/wms/77/1", "{\"delivery\":\"6.1\"}"},
    {XD_STATE_PARKED, "xref/item/wms/78/1",
     "{\"seq\":4,\"wait_kind\":\"xref\",\"wait_key\":\"item/wms/78\",\"since\":"
     "\"2026-11-22T00:00:00Z\"}"},
    {XD_STATE_EXCEPTION, "0000000000000006",
     "{\"seq\":6,\"status\":\"open\",\"at\":\"2026-11-22T00:00:00Z\",\"text\":\"LONG\"}"},
    {XD_STATE_CROSSWALK, "item/wms/77",
     "{\"table\":\"item\",\"system\":\"wms\",\"code\":\"77\",\"note\":\"LONG\",\"entries\":[{"
     "\"value\":\"SKU-1\",\"from\":\"2026-01-01T00:00:00Z\"}]}"},
    {XD_STATE_CONTROL, "PO-1/10", "{\"receipts\":12,\"invoices\":3,\"invoice_held_ever\":true}"},
};

static xd_status put(xd_store *store, xd_state_kind kind, const char *key, const char *value,
                     xd_fault *fault)
{
    xd_buf text;
    xd_buf_init(&text, 1 << 16);
    for (const char *p = value; *p; p++) {
        if (strncmp(p, "LONG", 4) == 0) {
            for (int i = 0; i < LONG_BYTES; i++) {
                xd_buf_char(&text, 'n');
            }
            p += 3;
        } else {
            xd_buf_char(&text, *p);
        }
    }
    xd_status status =
        store->ops->state_put(store, kind, xd_str_from(key), xd_buf_str(&text), fault);
    xd_buf_finish(&text);
    return status;
}

static xd_status put_more(const xd_fault_hub *hub, xd_fault *fault)
{
    xd_store *store = NULL;
    XD_TRY(xd_store_sqlite_open(hub->path, XD_STORE_WRITE, &store, fault));
    xd_status status = store->ops->begin(store, fault);
    for (size_t i = 0; status == XD_OK && i < sizeof more / sizeof *more; i++) {
        status = put(store, more[i].kind, more[i].key, more[i].value, fault);
    }
    static char bytes[LONG_BYTES];
    memset(bytes, 'r', sizeof bytes);
    if (status == XD_OK) {
        status = store->ops->raw_put(store, XD_STR("0123456789abcdef"), XD_STR("text/plain"),
                                     (xd_str){bytes, sizeof bytes}, fault);
    }
    status = status == XD_OK ? store->ops->commit(store, fault) : status;
    xd_store_destroy(store);
    return status;
}

/* The workload without its last event, for which a receipt waits, and with deliveries left. */
static xd_status make_hub(xd_fault_hub *hub, xd_fault *fault)
{
    xd_no_memory_plan(0, 0);
    xd_fault_hub_reset(hub);
    XD_TRY(xd_fault_hub_open(hub, fault));
    for (uint32_t i = 0; i + 1 < XD_HUB_EVENTS; i++) {
        XD_TRY(xd_fault_hub_send(hub, i, fault));
        if (i == REPORTED) {
            XD_TRY(xd_fault_hub_report(hub, fault));
        }
    }
    xd_fault_hub_close(hub, true);
    return put_more(hub, fault);
}

/* --- asking --- */

static xd_instant fixed_clock(void)
{
    return INT64_C(1795392000000000); /* 2026-11-23T00:00:00Z */
}

static const char *argument(void *self, const char *name)
{
    for (const char *const *one = self; *one; one += 2) {
        if (strcmp(one[0], name) == 0) {
            return one[1];
        }
    }
    return NULL;
}

static xd_status ask(xd_reader *reader, const question *q, xd_buf *body, xd_fault *fault)
{
    const xd_read_request request = {
        .path = q->path, .query = argument, .self = (void *)(uintptr_t)q->arguments};
    xd_buf_finish(body); /* its growing is among what fails */
    *fault = XD_FAULT_NONE;
    return xd_read_dispatch(reader, &request, body, fault);
}

/* Opens anew, so that opening and preparing are tried too, and asks twice: what is kept between two
 * questions was made without memory. */
static xd_status ask_anew(const xd_fault_hub *hub, const question *q, xd_buf *body, xd_fault *fault)
{
    xd_reader *reader = NULL;
    *fault = XD_FAULT_NONE;
    XD_TRY(xd_read_open(hub->path, fixed_clock, &reader, fault));
    xd_status status = ask(reader, q, body, fault);
    if (status == XD_NO_MEMORY) {
        status = ask(reader, q, body, fault);
    }
    xd_read_close(reader);
    return status;
}

static void judge(const question *q, uint64_t n, uint64_t many, const char *wrong,
                  const char *detail)
{
    passed += !wrong;
    failed += wrong != NULL;
    if (wrong) {
        printf("memory_read_test: %s, allocation %llu and %llu after it: %s%s\n", q->path,
               (unsigned long long)n, (unsigned long long)many - 1, wrong, detail);
        printf("memory_read_test: again with: memory_read_test %llu %llu %zu\n",
               (unsigned long long)n, (unsigned long long)many, (size_t)(q - questions));
        fflush(stdout);
    }
}

static const char *verdict(xd_status status, xd_str said, xd_str right)
{
    return status == XD_NO_MEMORY    ? NULL
           : status != XD_OK         ? "it is refused: "
           : said.len < right.len    ? "the answer is shorter than it should be"
           : !xd_str_eq(said, right) ? "the answer is another one"
                                     : NULL;
}

/* One run with the n-th allocation of the question failing, anew or on a reader that has answered
 * before, and the same question after it. */
static void try_one(const xd_fault_hub *hub, xd_reader *warm, const question *q, xd_str right,
                    uint64_t n, uint64_t many)
{
    xd_fault fault;
    xd_buf body;
    xd_buf_init(&body, BODY_CAP);
    xd_no_memory_plan(n, many);
    xd_status status = warm ? ask(warm, q, &body, &fault) : ask_anew(hub, q, &body, &fault);
    xd_no_memory_plan(0, 0);
    const char *wrong = verdict(status, xd_buf_str(&body), right);
    if (!wrong && warm) {
        status = ask(warm, q, &body, &fault);
        wrong = status == XD_NO_MEMORY ? "there is no memory after it, either"
                                       : verdict(status, xd_buf_str(&body), right);
    }
    judge(q, n, many, wrong, wrong && status != XD_OK ? fault.text : "");
    xd_buf_finish(&body);
}

static bool answer_of(const xd_fault_hub *hub, xd_reader *reader, const question *q, xd_buf *ret)
{
    xd_fault fault;
    xd_status status = reader ? ask(reader, q, ret, &fault) : ask_anew(hub, q, ret, &fault);
    if (status != XD_OK) {
        judge(q, 0, 1, "it is refused with all memory there is: ", fault.text);
    }
    return status == XD_OK;
}

/* Allocations of an answer, which is given; 0 when it is refused. */
static uint64_t measure(const xd_fault_hub *hub, xd_reader *reader, const question *q, xd_buf *ret)
{
    uint64_t allocations = 0;
    for (int i = 0; i < 2; i++) { /* the first answer makes what a reader keeps */
        xd_no_memory_plan(0, 0);
        if (!answer_of(hub, reader, q, ret)) {
            return 0;
        }
        allocations = xd_no_memory_count();
    }
    return allocations;
}

/* Every every-th allocation, on a reader that has answered before; and of a new one every 16th of
 * those. */
static void try_question(const xd_fault_hub *hub, xd_reader *reader, const question *q,
                         uint64_t every)
{
    xd_buf right;
    xd_buf_init(&right, BODY_CAP);
    for (int anew = 0; anew < 2; anew++) {
        xd_reader *warm = anew ? NULL : reader;
        uint64_t step = anew ? every * 16 : every;
        uint64_t allocations = measure(hub, warm, q, &right);
        for (size_t span = 0; span < SPANS; span++) {
            for (uint64_t n = 1 + span; n <= allocations; n += step) {
                try_one(hub, warm, q, xd_buf_str(&right), n, spans[span]);
            }
        }
    }
    xd_buf_finish(&right);
}

static void try_again(const xd_fault_hub *hub, xd_reader *reader, char **argv)
{
    uint64_t n = xd_fault_number(argv[1], 1);
    uint64_t many = xd_fault_number(argv[2], 1);
    const question *q = &questions[xd_fault_number(argv[3], 0) % QUESTIONS];
    xd_buf right;
    xd_buf_init(&right, BODY_CAP);
    if (answer_of(hub, reader, q, &right)) {
        try_one(hub, reader, q, xd_buf_str(&right), n, many);
        try_one(hub, NULL, q, xd_buf_str(&right), n, many);
    }
    xd_buf_finish(&right);
}

int main(int argc, char **argv)
{
    static xd_fault_hub hub;
    xd_fault fault = XD_FAULT_NONE;
    xd_reader *reader = NULL;
    xd_fault_hub_init(&hub);
    xd_status status = make_hub(&hub, &fault);
    status = status == XD_OK ? xd_read_open(hub.path, fixed_clock, &reader, &fault) : status;
    if (status != XD_OK) {
        printf("memory_read_test: wrong without any trouble: %s\n", fault.text);
        failed++;
    } else if (argc == 4) {
        try_again(&hub, reader, argv);
    } else {
        uint64_t every = argc > 1 ? xd_fault_number(argv[1], 1) : 1;
        for (size_t i = 0; i < QUESTIONS; i++) {
            try_question(&hub, reader, &questions[i], every);
        }
        printf("%zu questions: %llu runs, of every %llu. allocation of a reader that is open, and "
               "every %llu. of a new one: %llu wrong\n",
               (size_t)QUESTIONS, (unsigned long long)(passed + failed), (unsigned long long)every,
               (unsigned long long)every * 16, (unsigned long long)failed);
    }
    xd_read_close(reader);
    xd_fault_hub_finish(&hub);
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
