/* `crossdock replay --map MAP@NEW --since T --dry-run --diff`: what a changed map would have done
 * to past documents. Reads the log, beside a hub or without one, and writes nothing but its answer.
 */
#include "app/bar.h"
#include "app/cmd_map.h"
#include "app/cmd_replay.h"
#include "app/whatif.h"
#include "canon/nearest.h"

#include <stdio.h>

/* As with diff(1): 0 and 1 are answers, so what goes wrong must be neither. */
enum {
    SAME = XD_EXIT_OK,
    DIFFERENT = XD_EXIT_FAILED,
    TROUBLE = XD_EXIT_USAGE,
    LIMIT_DEFAULT = 50,
    HASH_DIGITS_MIN = 8,
    MAP_ARENA = 512 << 20,
    VALUE_BYTES = 60
};

typedef struct asked {
    xd_cli *cli;
    const char *new_name; /* file or version */
    xd_str name;
    xd_str text;
    xd_instant since;
    int64_t limit;
    xd_bar bar;
    xd_arena arena; /* of all above */
    xd_arena row;   /* of one row */
    bool titled;    /* the accounts' heading is printed */
} asked;

static int trouble(const xd_fault *fault)
{
    int code = xd_cli_fault(fault);
    return code == DIFFERENT ? TROUBLE : code;
}

/* --- which text --- */

/* Versions of the map in the log. */
typedef struct versions {
    asked *asked;
    xd_arena arena;
    xd_nearest near;
    char names[4096]; /* NUL between: what near may point to */
    size_t names_length;
    int64_t known;
    int64_t found; /* whose hash begins with what was asked */
    bool outbound;
    xd_fault *fault;
} versions;

static bool is_hash(xd_str text)
{
    size_t i = 0;
    while (i < text.len && memchr("0123456789abcdef", text.ptr[i], 16)) {
        i++;
    }
    return i == text.len && text.len >= HASH_DIGITS_MIN && text.len <= 64;
}

static void offer_name(versions *v, xd_str name)
{
    if (name.len + 1 < sizeof v->names - v->names_length) {
        char *copy = v->names + v->names_length;
        memcpy(copy, name.ptr, name.len);
        copy[name.len] = '\0';
        v->names_length += name.len + 1;
        xd_nearest_offer(&v->near, copy);
    }
}

static xd_status take_version(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)kind;
    versions *v = context;
    asked *a = v->asked;
    const xd_json *data;
    xd_arena_reset(&v->arena);
    XD_TRY(xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &v->arena, &data, v->fault));
    xd_str name = XD_TEXT(data, "name");
    if (!name.ptr) {
        return XD_OK; /* name/<name> */
    }
    if (!xd_str_eq(name, a->name)) {
        offer_name(v, name);
        return XD_OK;
    }
    v->known++;
    v->outbound = !XD_TEXT(data, "to").ptr;
    xd_str wanted = xd_str_from(a->new_name);
    if (is_hash(wanted) && xd_str_starts(key, wanted)) {
        v->found++;
        a->text = xd_arena_copy(&a->arena, XD_TEXT(data, "text"));
    }
    return XD_OK;
}

static xd_status no_such_map(const versions *v)
{
    const asked *a = v->asked;
    return xd_fail(
        v->fault, XD_NOT_FOUND, "replay.map",
        "the log knows no map %.*s%s%s%s; a map is in it once the hub has started with it",
        XD_FMT(a->name), v->near.best ? "; did you mean " : "", v->near.best ? v->near.best : "",
        v->near.best ? "?" : "");
}

/* The new text: a version in the log when it looks like one, else a file. */
static xd_status find_text(asked *a, xd_store *store, xd_fault *fault)
{
    versions v = {.asked = a, .near = xd_nearest_to(a->name), .fault = fault};
    xd_arena_init(&v.arena, MAP_ARENA);
    xd_status status = store->ops->state_each(store, XD_STATE_MAP, take_version, &v, fault);
    xd_arena_finish(&v.arena);
    XD_TRY(status);
    if (v.known == 0) {
        return no_such_map(&v);
    }
    if (v.outbound) {
        return xd_fail(fault, XD_INVALID, "replay.direction",
                       "map %.*s makes messages that go out; only maps of what comes in (to) can "
                       "be tried on past documents",
                       XD_FMT(a->name));
    }
    if (v.found > 1) {
        return xd_fail(fault, XD_INVALID, "replay.version",
                       "%lld versions of map %.*s begin with %s: give more digits",
                       (long long)v.found, XD_FMT(a->name), a->new_name);
    }
    status = v.found ? XD_OK : xd_map_read_file(a->new_name, &a->arena, &a->text, fault);
    if (status == XD_NOT_FOUND && is_hash(xd_str_from(a->new_name))) {
        return xd_fail(fault, status, "replay.version",
                       "no version of map %.*s begins with %s, and there is no file of that name",
                       XD_FMT(a->name), a->new_name);
    }
    return status;
}

/* --- people's form --- */

static void write_value(xd_buf *buf, const xd_json *value)
{
    xd_buf text;
    xd_buf_init(&text, 1 << 24);
    if (value) {
        xd_json_write(&text, value);
    }
    bool cut = text.len > VALUE_BYTES;
    size_t length = cut ? VALUE_BYTES : text.len;
    while (length && !xd_utf8_valid((xd_str){text.ptr, length}, &(size_t){0})) {
        length--; /* the cut fell inside a character */
    }
    xd_json shown = {.type = XD_JSON_NUMBER, .text = {text.ptr, length}};
    xd_cli_value(buf, &shown);
    xd_buf_str_add(buf, cut ? XD_STR("...") : XD_STR(""));
    xd_buf_finish(&text);
}

/* A text as people may see it, at least so wide. */
static void write_wide(xd_buf *buf, xd_str text, size_t width)
{
    xd_json value = {.type = XD_JSON_STRING, .text = text};
    size_t start = buf->len;
    xd_cli_value(buf, &value);
    while (!buf->failed && buf->len - start < width) {
        xd_buf_char(buf, ' ');
    }
}

/* "/lines/0/unit_price  1.25 -> 1.3", one line each; a side that is absent has + or - instead. */
static void write_fields(xd_buf *buf, const char *indent, const xd_json *rows)
{
    for (uint32_t i = 0; rows && i < rows->count; i++) {
        const xd_json *row = &rows->items[i];
        const xd_json *before = XD_GET(row, "before"), *after = XD_GET(row, "after");
        xd_str path = XD_TEXT(row, "path");
        xd_buf_printf(buf, "%s%s ", indent, before && after ? "~" : after ? "+" : "-");
        write_wide(buf, path.len ? path : XD_STR("/"), 0);
        XD_BUF_LIT(buf, "  ");
        write_value(buf, before ? before : after);
        if (before && after) {
            XD_BUF_LIT(buf, " -> ");
            write_value(buf, after);
        }
        xd_buf_char(buf, '\n');
    }
}

static void write_text(xd_buf *buf, const xd_json *object, const char *name)
{
    const xd_json *value = xd_json_get(object, xd_str_from(name));
    if (value) {
        xd_cli_value(buf, value);
    }
}

static void write_after(xd_buf *buf, const char *words, const xd_json *object, const char *name)
{
    xd_buf_str_add(buf, xd_str_from(words));
    write_text(buf, object, name);
}

/* "posted", or "exception MAP_FAILED: map wms, line 3, ..." */
static void write_outcome(xd_buf *buf, const xd_json *side)
{
    if (!side) {
        XD_BUF_LIT(buf, "nothing");
        return;
    }
    write_text(buf, side, "result");
    if (XD_GET(side, "code")) {
        xd_buf_char(buf, ' ');
        write_text(buf, side, "code");
    }
    if (XD_GET(side, "reason")) {
        XD_BUF_LIT(buf, ": ");
        write_text(buf, side, "reason");
    }
    if (XD_GET(side, "wait")) {
        XD_BUF_LIT(buf, ", waits for ");
        const xd_json *wait = XD_GET(side, "wait");
        for (uint32_t i = 0; i < wait->count; i++) {
            xd_buf_str_add(buf, i ? XD_STR(" ") : XD_STR(""));
            xd_cli_value(buf, &wait->items[i]);
        }
    }
}

/* Whether the event came to the same, and so its effect is worth telling member by member. */
static bool write_results(xd_buf *buf, const xd_json *row)
{
    xd_buf a, b;
    xd_buf_init(&a, 1 << 20);
    xd_buf_init(&b, 1 << 20);
    write_outcome(&a, XD_GET(row, "before"));
    write_outcome(&b, XD_GET(row, "after"));
    bool same = xd_str_eq(xd_buf_str(&a), xd_buf_str(&b));
    if (!same) {
        xd_buf_printf(buf, "  result   %.*s -> %.*s\n", XD_FMT(xd_buf_str(&a)),
                      XD_FMT(xd_buf_str(&b)));
    }
    xd_buf_finish(&a);
    xd_buf_finish(&b);
    return same;
}

static void write_account(xd_buf *buf, const xd_json *row, const char *indent)
{
    xd_str difference = XD_TEXT(row, "difference");
    bool up =
        difference.len && difference.ptr[0] != '-' && strspn(difference.ptr, "0.") < difference.len;
    xd_buf_str_add(buf, xd_str_from(indent));
    write_wide(buf, XD_TEXT(row, "account"), 12);
    xd_buf_char(buf, ' ');
    write_wide(buf, XD_TEXT(row, "role"), 6);
    xd_buf_printf(buf, " %16.*s %16.*s %s%.*s %.*s\n", XD_FMT(XD_TEXT(row, "before")),
                  XD_FMT(XD_TEXT(row, "after")), up ? "+" : "", XD_FMT(difference),
                  XD_FMT(XD_TEXT(row, "currency")));
}

static void write_money(xd_buf *buf, const xd_json *row)
{
    const xd_json *accounts = XD_GET(row, "accounts");
    if (accounts && accounts->count == 0) {
        XD_BUF_LIT(buf, "  entries  differ, with the same sums by account\n");
    }
    for (uint32_t i = 0; accounts && i < accounts->count; i++) {
        write_account(buf, &accounts->items[i], "  account  ");
    }
}

static void write_deliveries(xd_buf *buf, const xd_json *row)
{
    const xd_json *deliveries = XD_GET(row, "deliveries");
    for (uint32_t i = 0; deliveries && i < deliveries->count; i++) {
        const xd_json *one = &deliveries->items[i];
        write_after(buf, "  delivery ", one, "system");
        write_after(buf, " ", one, "message");
        write_after(buf, ": ", one, "change");
        xd_buf_char(buf, '\n');
        write_fields(buf, "             ", XD_GET(one, "fields"));
    }
}

static void write_event(const asked *a, xd_buf *buf, const xd_json *row)
{
    xd_buf_str_add(buf, xd_str_from(xd_cli_style(a->cli, XD_STYLE_BOLD)));
    write_text(buf, row, "kind");
    write_after(buf, " ", row, "key");
    xd_buf_str_add(buf, xd_str_from(xd_cli_plain(a->cli)));
    write_after(buf, "  ", row, "change");
    write_after(buf, ", event ", row, "seq");
    write_after(buf, " of ", row, "recorded_at");
    write_after(buf, " from ", row, "source");
    xd_buf_char(buf, '\n');
    if (XD_GET(row, "unproved")) {
        write_after(buf, "  note     its own map does not give what is in the log: ", row,
                    "unproved");
        xd_buf_char(buf, '\n');
    }
    write_fields(buf, "  ", XD_GET(row, "fields"));
    if (write_results(buf, row)) {
        write_fields(buf, "  effect ", XD_GET(row, "effect"));
    }
    write_money(buf, row);
    write_deliveries(buf, row);
}

static void write_hold(xd_buf *buf, const xd_json *row)
{
    write_after(buf, "hold ", row, "hold");
    write_after(buf, "  ", row, "change");
    xd_str before = XD_TEXT(row, "before"), after = XD_TEXT(row, "after");
    if (before.ptr && after.ptr && !xd_str_eq(before, after)) {
        xd_buf_printf(buf, ", %.*s -> %.*s", XD_FMT(before), XD_FMT(after));
    } else {
        xd_buf_printf(buf, ", %.*s", XD_FMT(before.ptr ? before : after));
    }
    xd_buf_char(buf, '\n');
}

static xd_status show(void *context, xd_str text, xd_fault *fault)
{
    asked *a = context;
    xd_buf buf;
    const xd_json *row;
    xd_buf_init(&buf, (size_t)1 << 30);
    xd_bar_end(&a->bar);
    if (a->cli->json) {
        xd_buf_str_add(&buf, text);
        xd_buf_char(&buf, '\n');
    } else {
        xd_json_limits limits = {.max_bytes = 1u << 30, .max_depth = 512, .allow_duplicates = true};
        xd_arena_reset(&a->row);
        XD_TRY(xd_json_parse(text, limits, &a->row, &row, fault));
        xd_str type = XD_TEXT(row, "type");
        if (xd_str_eq(type, XD_STR("event"))) {
            write_event(a, &buf, row);
        } else if (xd_str_eq(type, XD_STR("hold"))) {
            write_hold(&buf, row);
        } else {
            if (!a->titled) {
                xd_buf_printf(&buf, "\n%-12s %-6s %16s %16s %s\n", "ACCOUNT", "ROLE", "BEFORE",
                              "AFTER", "DIFFERENCE");
            }
            a->titled = true;
            write_account(&buf, row, "");
        }
    }
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer == XD_EXIT_OK
               ? XD_OK
               : xd_fail(fault, XD_IO, "replay.output", "the differences could not be written");
}

static void write_instant(xd_buf *buf, xd_instant at)
{
    if (at == XD_INSTANT_NONE) {
        XD_BUF_LIT(buf, "the beginning");
    } else {
        xd_instant_write(buf, at);
    }
}

static void write_summary(const asked *a, const xd_whatif_result *r, xd_buf *buf)
{
    const struct {
        const char *name, *words;
        int64_t count;
    } counts[] = {{"changed", "changed", r->changed},
                  {"unchanged", "unchanged", r->unchanged},
                  {"refused", "refused by the new map", r->refused},
                  {"waiting", "waiting for codes", r->waiting},
                  {"dropped", "no longer made", r->dropped},
                  {"added", "made in addition", r->added},
                  {"unproved", "that their own map does not give again", r->unproved},
                  {"downstream", "other events that end otherwise", r->downstream},
                  {"holds", "holds that differ", r->holds},
                  {"accounts", "accounts that differ", r->accounts},
                  {"hidden", "differences not shown (--limit)", r->hidden}};
    size_t n = sizeof counts / sizeof counts[0];
    if (a->cli->json) {
        XD_BUF_LIT(buf, "{\"type\":\"summary\",\"map\":");
        xd_json_write_string(buf, a->name);
        XD_BUF_LIT(buf, ",\"new\":");
        xd_json_write_string(buf, xd_str_from(a->new_name));
        xd_buf_printf(buf, ",\"events\":%lld,\"documents\":%lld", (long long)r->events,
                      (long long)r->documents);
        for (size_t i = 0; i < n; i++) {
            xd_buf_printf(buf, ",\"%s\":%lld", counts[i].name, (long long)counts[i].count);
        }
        xd_buf_printf(buf, ",\"different\":%s}\n", r->different ? "true" : "false");
        return;
    }
    xd_buf_printf(buf, "\n%lld document%s by map %.*s since ", (long long)r->documents,
                  r->documents == 1 ? "" : "s", XD_FMT(a->name));
    write_instant(buf, a->since);
    for (size_t i = 0; i < n; i++) {
        if (counts[i].count || i < 3) {
            xd_buf_printf(buf, "%s%lld %s", i ? ", " : ": ", (long long)counts[i].count,
                          counts[i].words);
        }
    }
    xd_buf_printf(buf, "\nNothing was written.\n");
}

/* --- asking --- */

static void progress(void *context, int64_t done, int64_t total)
{
    xd_bar_draw(&((asked *)context)->bar, done, total);
}

/* A fault in the new text has its place there. */
static xd_status check_text(const asked *a, xd_fault *fault)
{
    xd_map *map = NULL;
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = xd_map_compile(a->text, &map, &inner);
    xd_map_destroy(map);
    if (status != XD_OK) {
        xd_fault_locate(&inner, a->text);
        return xd_fail(fault, status, inner.rule, "%s:%d:%d: %s", a->new_name, (int)inner.line,
                       (int)inner.column, inner.text);
    }
    return XD_OK;
}

static xd_status ask(asked *a, const char *database, xd_whatif_result *ret, xd_fault *fault)
{
    xd_store *store;
    XD_TRY(xd_store_sqlite_open(database, XD_STORE_READ, &store, fault));
    /* Without a transaction: the log only grows, and the hub's checkpoints go on meanwhile. */
    xd_status status = find_text(a, store, fault);
    if (status == XD_OK) {
        status = check_text(a, fault);
    }
    if (status == XD_OK) {
        xd_whatif_options options = {.map = a->name,
                                     .text = a->text,
                                     .since = a->since,
                                     .limit = a->limit,
                                     .progress = progress,
                                     .context = a,
                                     .show = show};
        status = xd_whatif_run(store, &options, ret, fault);
    }
    xd_store_destroy(store);
    return status;
}

/* What the options say; -1, or an exit code after saying what is wrong. */
static int read_options(asked *a)
{
    const char *map = xd_cli_option(a->cli, "map");
    const char *since = xd_cli_option(a->cli, "since");
    const char *limit = xd_cli_option(a->cli, "limit");
    const char *at = strchr(map, '@');
    if (!at || at == map || at[1] == '\0') {
        return xd_cli_say(TROUBLE,
                          "--map takes MAP@NEW: the name of a map, and a file or the hash of an "
                          "earlier version, such as wms_receipt@new.jsonata");
    }
    if (!xd_cli_option(a->cli, "dry-run") || !xd_cli_option(a->cli, "diff")) {
        return xd_cli_say(
            TROUBLE, "replay --map only shows what would have been and changes nothing: say so "
                     "with --dry-run --diff. What a new map does, it does to what comes in "
                     "after it is configured");
    }
    a->name = (xd_str){map, (size_t)(at - map)};
    a->new_name = at + 1;
    a->since = XD_INSTANT_NONE;
    if (since && !xd_moment_parse(xd_str_from(since), false, &a->since)) {
        return xd_cli_say(TROUBLE,
                          "--since %s must be a date (UTC) such as 2026-11-23, or an instant such "
                          "as 2026-11-23T08:30:00Z",
                          since);
    }
    a->limit = a->cli->json ? INT64_MAX : LIMIT_DEFAULT;
    if (limit && (!xd_str_to_int64(xd_str_from(limit), &a->limit) || a->limit < 0)) {
        return xd_cli_say(TROUBLE, "--limit %s must be a whole number", limit);
    }
    return -1;
}

static int answer_of(asked *a)
{
    xd_config config = {0};
    int answer = xd_cli_config(a->cli, XD_CONFIG_WITHOUT_SECRETS, &config);
    if (answer >= 0) {
        return answer == DIFFERENT ? TROUBLE : answer;
    }
    xd_whatif_result result;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = ask(a, config.database, &result, &fault);
    xd_bar_end(&a->bar);
    if (status == XD_OK) {
        xd_buf buf;
        xd_buf_init(&buf, 1 << 16);
        write_summary(a, &result, &buf);
        answer = xd_cli_print(&buf) != XD_EXIT_OK ? TROUBLE : result.different ? DIFFERENT : SAME;
        xd_buf_finish(&buf);
    } else {
        answer = trouble(&fault);
    }
    xd_config_finish(&config);
    return answer;
}

int xd_replay_map(xd_cli *cli)
{
    asked a = {.cli = cli, .bar = xd_bar_make(cli)};
    a.bar.doing = "replaying";
    int answer = read_options(&a);
    if (answer < 0) {
        xd_arena_init(&a.arena, MAP_ARENA);
        xd_arena_init(&a.row, (size_t)2 << 30);
        answer = answer_of(&a);
        xd_arena_finish(&a.arena);
        xd_arena_finish(&a.row);
    }
    return answer;
}
