/* `crossdock match explain`: how an invoice was matched, with every number and limit. */
#include "app/question.h"

#include <stdio.h>

static void print_member(const xd_json *object, const char *member)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    xd_cli_value(&buf, xd_json_get(object, xd_str_from(member)));
    printf("%.*s", XD_FMT(xd_buf_str(&buf)));
    xd_buf_finish(&buf);
}

/* "label a, b": the members of object that are there, in order, each behind its word. */
static void print_figures(const char *label, const xd_json *object, const xd_argument *members)
{
    if (!object) {
        return;
    }
    printf("  %-10s", label);
    bool first = true;
    for (const xd_argument *member = members; member->name; member++) {
        const xd_json *value = xd_json_get(object, xd_str_from(member->name));
        bool zero = value && value->type == XD_JSON_STRING && xd_str_eq(value->text, XD_STR("0"));
        if (value && !(zero && member > members)) {
            printf("%s%s", first ? "" : ", ", member->value);
            print_member(object, member->name);
            first = false;
        }
    }
    putchar('\n');
}

static void print_rule(const xd_cli *cli, const xd_json *rule)
{
    bool within = xd_json_get_bool(rule, XD_STR("within"));
    printf("  %s%s%s ", xd_cli_style(cli, within ? XD_STYLE_GREEN : XD_STYLE_RED),
           within ? "within" : "BREACH", xd_cli_plain(cli));
    printf("%-18.*s ", XD_FMT(XD_TEXT(rule, "rule")));
    print_member(rule, "actual");
    fputs(" against ", stdout);
    print_member(rule, "expected");
    fputs(", difference ", stdout);
    print_member(rule, "difference");
    if (XD_TEXT(rule, "difference_percent").len) {
        fputs(" (", stdout);
        print_member(rule, "difference_percent");
        fputs(" %)", stdout);
    }
    if (XD_TEXT(rule, "upper").len) {
        fputs(", at most ", stdout);
        print_member(rule, "upper");
    }
    if (XD_TEXT(rule, "lower").len) {
        fputs(", at least ", stdout);
        print_member(rule, "lower");
    }
    const xd_json *limit = XD_GET(rule, "limit");
    if (limit && limit->count) {
        fputs(" by ", stdout);
        print_member(rule, "limit");
    } else {
        fputs(", not checked", stdout);
    }
    putchar('\n');
}

static void print_hold(const xd_cli *cli, const xd_json *hold)
{
    bool open = xd_str_eq(XD_TEXT(hold, "status"), XD_STR("OPEN"));
    printf("  %s%s%s ", xd_cli_style(cli, open ? XD_STYLE_YELLOW : XD_STYLE_GREEN),
           open ? "HELD" : "released", xd_cli_plain(cli));
    print_member(hold, "code");
    fputs(": ", stdout);
    print_member(hold, "evidence");
    printf("\n    hold ");
    print_member(hold, "id");
    fputs(" since ", stdout);
    print_member(hold, "placed_at");
    if (!open) {
        fputs(", released by ", stdout);
        print_member(hold, "released_by");
        if (XD_TEXT(hold, "reason").len) {
            fputs(": ", stdout);
            print_member(hold, "reason");
        }
    }
    putchar('\n');
}

static void print_holds(const xd_cli *cli, const xd_json *owner)
{
    const xd_json *holds = XD_GET(owner, "holds");
    for (uint32_t i = 0; holds && i < holds->count; i++) {
        print_hold(cli, &holds->items[i]);
    }
}

static void print_line(const xd_cli *cli, const xd_json *line)
{
    static const xd_argument invoiced[] = {
        {"quantity", ""}, {"unit_price", "at "}, {"amount", "amount "}, {NULL, NULL}};
    static const xd_argument ordered[] = {{"quantity", ""},
                                          {"uom", ""},
                                          {"unit_price", "at "},
                                          {"version", "version "},
                                          {NULL, NULL}};
    static const xd_argument received[] = {{"net", ""},
                                           {"quantity", "in all "},
                                           {"reversed", "reversed "},
                                           {"returned", "returned "},
                                           {NULL, NULL}};
    static const xd_argument billed[] = {{"quantity", ""}, {"amount", "amount "}, {NULL, NULL}};
    static const xd_argument allocation[] = {{"receipt", ""},
                                             {"receipt_line", "line "},
                                             {"site", "at "},
                                             {"date", "on "},
                                             {"quantity", "takes "},
                                             {"received", "of "},
                                             {"grni_relieved", "relieving GRNI by "},
                                             {NULL, NULL}};
    printf("\n%sLine ", xd_cli_style(cli, XD_STYLE_BOLD));
    print_member(line, "line");
    printf("%s", xd_cli_plain(cli));
    if (XD_TEXT(line, "po").len) {
        fputs(", order ", stdout);
        print_member(line, "po");
        fputs(" line ", stdout);
        print_member(line, "po_line");
    }
    if (XD_TEXT(line, "item").len) {
        fputs(", item ", stdout);
        print_member(line, "item");
    }
    fputs(", level ", stdout);
    print_member(line, "match_level");
    putchar('\n');
    print_figures("invoiced", XD_GET(line, "invoiced"), invoiced);
    print_figures("ordered", XD_GET(line, "ordered"), ordered);
    print_figures("received", XD_GET(line, "received"), received);
    print_figures("billed", XD_GET(line, "billed"), billed);
    const xd_json *rules = XD_GET(line, "rules");
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        print_rule(cli, &rules->items[i]);
    }
    const xd_json *allocations = XD_GET(line, "allocations");
    for (uint32_t i = 0; allocations && i < allocations->count; i++) {
        print_figures("receipt", &allocations->items[i], allocation);
    }
    print_holds(cli, line);
}

static void print_postings(const xd_cli *cli, const xd_json *match)
{
    const xd_json *entries = XD_GET(match, "journal");
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        const xd_json *entry = &entries->items[i];
        const xd_json *lines = XD_GET(entry, "lines");
        printf("\n%sJournal ", xd_cli_style(cli, XD_STYLE_BOLD));
        print_member(entry, "ledger");
        putchar('/');
        print_member(entry, "year");
        putchar('/');
        print_member(entry, "number");
        printf("%s, ", xd_cli_plain(cli));
        print_member(entry, "date");
        putchar(' ');
        print_member(entry, "currency");
        putchar('\n');
        for (uint32_t j = 0; lines && j < lines->count; j++) {
            const xd_json *line = &lines->items[j];
            printf("  %-6.*s %-16.*s %14.*s %14.*s\n", XD_FMT(XD_TEXT(line, "role")),
                   XD_FMT(XD_TEXT(line, "account")), XD_FMT(XD_TEXT(line, "debit")),
                   XD_FMT(XD_TEXT(line, "credit")));
        }
    }
}

static int print_match(const xd_cli *cli, const xd_json *match, const void *context)
{
    (void)context;
    static const xd_argument header[] = {{"supplier", "supplier "},
                                         {"date", "of "},
                                         {"net", "net "},
                                         {"tax", "tax "},
                                         {"total", "total "},
                                         {"currency", ""},
                                         {"entered_by", "entered by "},
                                         {NULL, NULL}};
    const xd_json *invoice = XD_GET(match, "invoice");
    const xd_json *lines = XD_GET(match, "lines");
    printf("%sInvoice ", xd_cli_style(cli, XD_STYLE_BOLD));
    print_member(invoice, "invoice");
    printf("%s: ", xd_cli_plain(cli));
    print_member(invoice, "status");
    printf(", %s\n", xd_json_get_bool(match, XD_STR("payable")) ? "payable" : "not payable");
    print_figures("", invoice, header);
    print_holds(cli, match);
    for (uint32_t i = 0; lines && i < lines->count; i++) {
        print_line(cli, &lines->items[i]);
    }
    print_postings(cli, match);
    return XD_EXIT_OK;
}

int xd_cmd_match_explain(xd_cli *cli)
{
    return xd_question_show(cli, "/invoices/", cli->arguments[0], "/match", NULL, print_match,
                            NULL);
}
