/* `crossdock trace`: the timeline of a document over all systems, one line a fact. */
#include "app/question.h"
#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>

enum { MAP_HASH_SHOWN = 8 };

static void print_text(const xd_json *object, const char *member, int width)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    xd_cli_value(&buf, xd_json_get(object, xd_str_from(member)));
    printf("%-*.*s", width, XD_FMT(xd_buf_str(&buf)));
    xd_buf_finish(&buf);
}

/* " by wms_receipt@1a2b3c4d from 9f86d081#3": the version of the map, and the bytes and the record
 * in them that it was given. */
static void print_origin(const xd_json *entry)
{
    xd_str map = XD_TEXT(entry, "map");
    xd_str raw = XD_TEXT(entry, "raw");
    const char *at = map.len ? memchr(map.ptr, '@', map.len) : NULL;
    const char *mark = raw.len ? memchr(raw.ptr, '#', raw.len) : NULL;
    if (at && mark && mark - raw.ptr > MAP_HASH_SHOWN) {
        size_t shown = (size_t)(at - map.ptr) + 1 + MAP_HASH_SHOWN;
        printf(" by %.*s from %.*s%.*s", (int)(shown < map.len ? shown : map.len), map.ptr,
               MAP_HASH_SHOWN, raw.ptr, (int)(raw.ptr + raw.len - mark), mark);
    }
}

static void print_document(const xd_cli *cli, const xd_json *entry)
{
    bool own = xd_json_get_bool(entry, XD_STR("own"));
    printf("%s", own ? xd_cli_style(cli, XD_STYLE_BOLD) : "");
    print_text(entry, "kind", 17);
    putchar(' ');
    print_text(entry, "document", 20);
    printf("%s ", own ? xd_cli_plain(cli) : "");
}

static void print_result(const xd_json *entry)
{
    print_text(entry, "result", 0);
    if (XD_TEXT(entry, "reason").len) {
        fputs(": ", stdout);
        print_text(entry, "reason", 0);
    }
}

/* What came of a document that waited stands where it went on. */
static void print_event(const xd_cli *cli, const xd_json *entry)
{
    print_document(cli, entry);
    if (XD_GET(entry, "resumed_by")) {
        fputs("waits, see below", stdout);
        return;
    }
    print_result(entry);
    const xd_json *waits = XD_GET(entry, "waits_for");
    if (waits && waits->type == XD_JSON_ARRAY && waits->count == 2) {
        printf(", waits for %.*s %.*s", XD_FMT(waits->items[0].text), XD_FMT(waits->items[1].text));
    }
    print_origin(entry);
}

static void print_resumed(const xd_cli *cli, const xd_json *entry)
{
    print_document(cli, entry);
    print_result(entry);
    print_origin(entry);
    printf(", %" PRId64 " ms later, with ", XD_INT(entry, "waited_ms", 0));
    print_text(entry, "by_kind", 0);
    putchar(' ');
    print_text(entry, "by_document", 0);
}

enum { MAX_ROLES = 16 };

/* The sum of one role on one side of a journal entry. */
typedef struct side_sum {
    xd_str role;
    xd_decimal amount;
} side_sum;

/* Adds a line's amount to its role's sum; false when there are too many roles or the sum leaves the
 * range of exact arithmetic. */
static bool add_line(side_sum *sums, int *count, xd_str role, xd_str amount)
{
    xd_decimal value;
    int i = 0;
    while (i < *count && !xd_str_eq(sums[i].role, role)) {
        i++;
    }
    if (i == MAX_ROLES || xd_decimal_parse(amount, &value, NULL) != XD_OK) {
        return false;
    }
    if (i == *count) {
        sums[(*count)++] = (side_sum){role, XD_ZERO};
    }
    return xd_decimal_add(sums[i].amount, value, &sums[i].amount) == XD_OK;
}

static void print_side(const xd_json *lines, const char *side)
{
    side_sum sums[MAX_ROLES];
    int count = 0;
    bool whole = true;
    for (uint32_t i = 0; lines && i < lines->count; i++) {
        const xd_json *line = &lines->items[i];
        xd_str amount = xd_json_get_text(line, xd_str_from(side));
        xd_str role = XD_TEXT(line, "role");
        if (amount.len) {
            whole =
                add_line(sums, &count, role.len ? role : XD_TEXT(line, "account"), amount) && whole;
        }
    }
    for (int i = 0; i < count; i++) {
        char text[XD_DECIMAL_MAX_TEXT];
        printf("%s%.*s %.*s", i ? ", " : "", XD_FMT(sums[i].role),
               XD_FMT(xd_decimal_text(sums[i].amount, text)));
    }
    fputs(whole ? "" : ", ...", stdout);
}

/* "INV 600.00, IPV 12.00 | GRNI 612.00 USD": debits, then credits. */
static void print_journal(const xd_json *entry)
{
    const xd_json *lines = XD_GET(entry, "lines");
    print_text(entry, "number", 17);
    putchar(' ');
    print_text(entry, "document", 20);
    putchar(' ');
    print_side(lines, "debit");
    fputs(" | ", stdout);
    print_side(lines, "credit");
    putchar(' ');
    print_text(entry, "currency", 0);
}

static void print_delivery(const xd_cli *cli, const xd_json *entry)
{
    xd_str state = XD_TEXT(entry, "state");
    bool good = xd_str_eq(state, XD_STR("delivered"));
    bool waiting = xd_str_eq(state, XD_STR("waiting"));
    xd_style style = good ? XD_STYLE_GREEN : waiting ? XD_STYLE_YELLOW : XD_STYLE_RED;
    print_text(entry, "message", 17);
    putchar(' ');
    print_text(entry, "document", 20);
    printf(" %s%.*s%s", xd_cli_style(cli, style), XD_FMT(state), xd_cli_plain(cli));
    int64_t ms = good ? XD_INT(entry, "latency_ms", -1) : XD_INT(entry, "waiting_ms", -1);
    if (ms >= 0) {
        printf(" %s %" PRId64 " ms", good ? "after" : "for", ms);
    }
    xd_str map = XD_TEXT(entry, "map");
    const char *at = map.len ? memchr(map.ptr, '@', map.len) : NULL;
    if (at) { /* the version as far as people need it */
        size_t shown = (size_t)(at - map.ptr) + 1 + MAP_HASH_SHOWN;
        printf(" by %.*s", (int)(shown < map.len ? shown : map.len), map.ptr);
    }
    if (XD_TEXT(entry, "reason").len) {
        fputs(": ", stdout);
        print_text(entry, "reason", 0);
    }
}

static void print_hold(const xd_cli *cli, const xd_json *entry, bool released)
{
    printf("%s", xd_cli_style(cli, released ? XD_STYLE_GREEN : XD_STYLE_YELLOW));
    print_text(entry, "code", 17);
    printf("%s ", xd_cli_plain(cli));
    print_text(entry, "invoice", 20);
    if (released) {
        fputs(" released by ", stdout);
        print_text(entry, "released_by", 0);
        if (XD_TEXT(entry, "reason").len) {
            fputs(": ", stdout);
            print_text(entry, "reason", 0);
        }
        return;
    }
    fputs(" held: ", stdout);
    print_text(entry, "evidence", 0);
}

static void print_entry(const xd_cli *cli, const xd_json *entry, xd_str *date)
{
    xd_str at = XD_TEXT(entry, "at"); /* 2026-11-17T13:06:04.123456Z */
    xd_str what = XD_TEXT(entry, "what");
    bool released = xd_str_eq(what, XD_STR("hold_released"));
    if (at.len >= 19) {
        xd_str day = {at.ptr, 10};
        if (!xd_str_eq(day, *date)) {
            printf("%s%.*s (UTC)%s\n", xd_cli_style(cli, XD_STYLE_DIM), XD_FMT(day),
                   xd_cli_plain(cli));
            *date = day;
        }
        printf("%-12.*s  ", at.len > 23 ? 12 : (int)(at.len - 11), at.ptr + 11);
    }
    bool delivery = xd_str_eq(what, XD_STR("delivery"));
    fputs(delivery ? "-> " : "   ", stdout);
    print_text(entry, "system", 16);
    putchar(' ');
    if (xd_str_eq(what, XD_STR("journal"))) {
        print_journal(entry);
    } else if (delivery) {
        print_delivery(cli, entry);
    } else if (released || xd_str_eq(what, XD_STR("hold_placed"))) {
        print_hold(cli, entry, released);
    } else if (xd_str_eq(what, XD_STR("resumed"))) {
        print_resumed(cli, entry);
    } else {
        print_event(cli, entry);
    }
    putchar('\n');
}

static int print_timeline(const xd_cli *cli, const xd_json *trace, const void *context)
{
    (void)context;
    const xd_json *items = XD_GET(trace, "items");
    xd_str date = XD_STR("");
    printf("%s", xd_cli_style(cli, XD_STYLE_BOLD));
    print_text(trace, "document", 0);
    printf("%s", xd_cli_plain(cli));
    const xd_json *orders = XD_GET(trace, "orders");
    if (orders && orders->count) {
        printf("  order%s ", orders->count == 1 ? "" : "s");
        print_text(trace, "orders", 0);
    }
    putchar('\n');
    for (uint32_t i = 0; items && i < items->count; i++) {
        print_entry(cli, &items->items[i], &date);
    }
    if (XD_TEXT(trace, "next").len) {
        fflush(stdout);
        fputs("The first 500 events; --json and the API give the rest.\n", stderr);
    }
    return XD_EXIT_OK;
}

int xd_cmd_trace(xd_cli *cli)
{
    return xd_question_show(cli, "/trace/", cli->arguments[0], "", NULL, print_timeline, NULL);
}
