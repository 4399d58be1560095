/* Reads a flow definition from its JSON form (docs/definition.md): one table row per member,
 * checked strictly, because a misspelt tolerance must never mean "not checked". Pure; may call
 * base. */
#include "flow/definition.h"

#include <stdio.h>

static const char *const message_names[XD_MESSAGE_LIMIT] = {
    [XD_MESSAGE_INVENTORY] = "inventory",
    [XD_MESSAGE_RECEIPT_STATUS] = "receipt_status",
    [XD_MESSAGE_JOURNAL] = "journal",
    [XD_MESSAGE_ORDER] = "order",
    [XD_MESSAGE_ORDER_STATUS] = "order_status",
    [XD_MESSAGE_MASTER] = "master",
    [XD_MESSAGE_INVOICE_STATUS] = "invoice_status",
};

static const char *const account_roles[XD_ACCOUNT_COUNT] = {
    "INV", "GRNI", "AP", "VAT", "IPV", "PPV", "RND", "COGS", "SHR", "GIT", "FX", "LCC"};

const char *xd_message_name(xd_message message)
{
    return (unsigned)message < XD_MESSAGE_LIMIT ? message_names[message] : NULL;
}

xd_message xd_message_by_name(xd_str name)
{
    for (int i = 1; i < XD_MESSAGE_LIMIT; i++) {
        if (xd_str_eq(name, xd_str_from(message_names[i]))) {
            return (xd_message)i;
        }
    }
    return XD_MESSAGE_NONE;
}

const char *xd_account_role(xd_account account)
{
    return account_roles[account];
}

/* Where the reader is: the JSON pointer of the value in hand, for faults. */
typedef struct place {
    const struct place *parent;
    xd_str name;
    int64_t index; /* when name.ptr is NULL and parent is not */
} place;

static size_t place_write(const place *at, char *text, size_t size)
{
    if (!at || !at->parent) {
        return 0;
    }
    size_t n = place_write(at->parent, text, size);
    int more = at->name.ptr ? snprintf(text + n, size - n, "/%.*s", XD_FMT(at->name))
                            : snprintf(text + n, size - n, "/%lld", (long long)at->index);
    return more < 0 || (size_t)more >= size - n ? n : n + (size_t)more;
}

static xd_status refuse(const place *at, const xd_json *value, xd_fault *fault, const char *text)
{
    char path[128] = "";
    place_write(at, path, sizeof path);
    (void)xd_fail(fault, XD_INVALID, "definition.value", "definition member %s %s",
                  path[0] ? path : "/", text);
    xd_fault_at(fault, value->offset, path);
    return XD_INVALID;
}

static bool given(const xd_json *value)
{
    return value && value->type != XD_JSON_NULL;
}

static xd_status want_object(const place *at, const xd_json *value, const char *const *names,
                             xd_fault *fault)
{
    if (value->type != XD_JSON_OBJECT) {
        return refuse(at, value, fault, "must be an object");
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const char *const *known = names;
        while (*known && !xd_str_eq(value->members[i].name, xd_str_from(*known))) {
            known++;
        }
        if (!*known) {
            place member = {at, value->members[i].name, 0};
            return refuse(&member, &value->members[i].value, fault,
                          "is not known; docs/definition.md lists the members");
        }
    }
    return XD_OK;
}

static xd_status read_text(const place *parent, const xd_json *object, const char *name, size_t max,
                           const char *forbidden, xd_str *value, xd_fault *fault)
{
    const xd_json *json = xd_json_get(object, xd_str_from(name));
    if (!given(json)) {
        return XD_OK;
    }
    place at = {parent, xd_str_from(name), 0};
    if (json->type != XD_JSON_STRING || json->text.len == 0 || json->text.len > max) {
        return refuse(&at, json, fault, "must be a string of 1 to 64 bytes");
    }
    for (size_t i = 0; i < json->text.len; i++) {
        if ((unsigned char)json->text.ptr[i] < 0x20 ||
            (json->text.ptr[i] && strchr(forbidden, json->text.ptr[i]))) {
            return refuse(&at, json, fault, "holds a character that is not allowed there");
        }
    }
    *value = json->text;
    return XD_OK;
}

static xd_status read_decimal(const place *parent, const xd_json *object, const char *name,
                              xd_decimal *value, bool *ret_set, xd_fault *fault)
{
    const xd_json *json = xd_json_get(object, xd_str_from(name));
    if (!given(json)) {
        return XD_OK;
    }
    place at = {parent, xd_str_from(name), 0};
    xd_decimal read;
    if ((json->type != XD_JSON_STRING && json->type != XD_JSON_NUMBER) ||
        xd_decimal_parse(json->text, &read, NULL) != XD_OK || xd_decimal_sign(read) < 0) {
        return refuse(&at, json, fault, "must be a decimal of zero or more");
    }
    *value = read;
    if (ret_set) {
        *ret_set = true;
    }
    return XD_OK;
}

static xd_status read_bool(const place *parent, const xd_json *object, const char *name,
                           bool *value, xd_fault *fault)
{
    const xd_json *json = xd_json_get(object, xd_str_from(name));
    if (!given(json)) {
        return XD_OK;
    }
    place at = {parent, xd_str_from(name), 0};
    if (json->type != XD_JSON_TRUE && json->type != XD_JSON_FALSE) {
        return refuse(&at, json, fault, "must be true or false");
    }
    *value = json->type == XD_JSON_TRUE;
    return XD_OK;
}

/* One of two words; *value is whether it is the second. */
static xd_status read_choice(const place *parent, const xd_json *object, const char *name,
                             const char *first, const char *second, bool *value, xd_fault *fault)
{
    const xd_json *json = xd_json_get(object, xd_str_from(name));
    if (!given(json)) {
        return XD_OK;
    }
    place at = {parent, xd_str_from(name), 0};
    bool is_second = json->type == XD_JSON_STRING && xd_str_eq(json->text, xd_str_from(second));
    if (!is_second &&
        (json->type != XD_JSON_STRING || !xd_str_eq(json->text, xd_str_from(first)))) {
        char text[96];
        snprintf(text, sizeof text, "must be \"%s\" or \"%s\"", first, second);
        return refuse(&at, json, fault, text);
    }
    *value = is_second;
    return XD_OK;
}

static xd_status read_integer(const place *parent, const xd_json *object, const char *name,
                              int64_t low, int64_t high, int64_t *value, xd_fault *fault)
{
    const xd_json *json = xd_json_get(object, xd_str_from(name));
    if (!given(json)) {
        return XD_OK;
    }
    place at = {parent, xd_str_from(name), 0};
    int64_t read;
    if (json->type != XD_JSON_NUMBER || !xd_str_to_int64(json->text, &read) || read < low ||
        read > high) {
        char text[96];
        snprintf(text, sizeof text, "must be an integer from %lld to %lld", (long long)low,
                 (long long)high);
        return refuse(&at, json, fault, text);
    }
    *value = read;
    return XD_OK;
}

static xd_status read_tolerance(const place *parent, const xd_json *object, const char *name,
                                xd_tolerance *rule, xd_fault *fault)
{
    static const char *const sides[] = {"upper_percent", "upper_absolute", "lower_percent",
                                        "lower_absolute", NULL};
    const xd_json *json = xd_json_get(object, xd_str_from(name));
    if (!given(json)) {
        return XD_OK;
    }
    place at = {parent, xd_str_from(name), 0};
    XD_TRY(want_object(&at, json, sides, fault));
    xd_tolerance read = {0};
    xd_limit_value *limits[] = {&read.upper_percent, &read.upper_absolute, &read.lower_percent,
                                &read.lower_absolute};
    for (int i = 0; sides[i]; i++) {
        XD_TRY(read_decimal(&at, json, sides[i], &limits[i]->value, &limits[i]->set, fault));
    }
    *rule = read;
    return XD_OK;
}

static xd_status read_tolerances(const place *root, const xd_json *json, xd_definition *d,
                                 xd_fault *fault)
{
    static const char *const names[] = {"price",
                                        "extended_price",
                                        "quantity_ordered",
                                        "quantity_received",
                                        "invoice_total",
                                        "over_receipt",
                                        NULL};
    xd_tolerance *const rules[] = {
        &d->price,         &d->extended_price, &d->quantity_ordered, &d->quantity_received,
        &d->invoice_total, &d->over_receipt};
    const xd_json *tolerances = XD_GET(json, "tolerances");
    if (!given(tolerances)) {
        return XD_OK;
    }
    place at = {root, XD_STR("tolerances"), 0};
    XD_TRY(want_object(&at, tolerances, names, fault));
    for (int i = 0; names[i]; i++) {
        XD_TRY(read_tolerance(&at, tolerances, names[i], rules[i], fault));
    }
    return XD_OK;
}

static xd_status read_accounts(const place *root, const xd_json *json, xd_definition *d,
                               xd_fault *fault)
{
    const char *names[XD_ACCOUNT_COUNT + 1] = {NULL};
    for (int i = 0; i < XD_ACCOUNT_COUNT; i++) {
        names[i] = account_roles[i];
    }
    const xd_json *accounts = XD_GET(json, "accounts");
    if (!given(accounts)) {
        return XD_OK;
    }
    place at = {root, XD_STR("accounts"), 0};
    XD_TRY(want_object(&at, accounts, names, fault));
    for (int i = 0; i < XD_ACCOUNT_COUNT; i++) {
        XD_TRY(read_text(&at, accounts, names[i], 64, "", &d->accounts[i], fault));
    }
    return XD_OK;
}

/* The strings of an array, at most max; each is handed to take. */
static xd_status read_words(const place *parent, const xd_json *object, const char *name,
                            uint32_t max, const char *error,
                            bool (*take)(xd_definition *d, void *target, xd_str word),
                            xd_definition *d, void *target, xd_fault *fault)
{
    const xd_json *json = xd_json_get(object, xd_str_from(name));
    if (!given(json)) {
        return XD_OK;
    }
    place at = {parent, xd_str_from(name), 0};
    if (json->type != XD_JSON_ARRAY || json->count > max) {
        return refuse(&at, json, fault, "must be an array and not too long");
    }
    for (uint32_t i = 0; i < json->count; i++) {
        place item = {&at, XD_STR_NULL, i};
        if (json->items[i].type != XD_JSON_STRING || !take(d, target, json->items[i].text)) {
            return refuse(&item, &json->items[i], fault, error);
        }
    }
    return XD_OK;
}

static bool take_required(xd_definition *d, void *target, xd_str word)
{
    (void)target;
    if (xd_str_eq(word, XD_STR("item"))) {
        d->require_item = true;
    } else if (xd_str_eq(word, XD_STR("supplier"))) {
        d->require_supplier = true;
    } else if (xd_str_eq(word, XD_STR("site"))) {
        d->require_site = true;
    } else {
        return false;
    }
    return true;
}

static bool take_controller(xd_definition *d, void *target, xd_str word)
{
    (void)target;
    if (word.len == 0 || d->controller_count >= XD_DEFINITION_MAX_CONTROLLERS) {
        return false;
    }
    d->controllers[d->controller_count++] = word;
    return true;
}

static bool take_message(xd_definition *d, void *target, xd_str word)
{
    (void)d;
    xd_message message = xd_message_by_name(word);
    ((xd_system_rule *)target)->receives |= 1u << message;
    return message != XD_MESSAGE_NONE;
}

/* "finance_journal@<64 hex digits>" */
static bool is_version(xd_str text)
{
    enum { HASH_DIGITS = 64, NAME_MAX = 64 };
    if (text.len < HASH_DIGITS + 2 || text.len > NAME_MAX + 1 + HASH_DIGITS ||
        text.ptr[text.len - HASH_DIGITS - 1] != '@') {
        return false;
    }
    for (size_t i = text.len - HASH_DIGITS; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return true;
}

static xd_status read_system_maps(const place *parent, const xd_json *system, xd_system_rule *rule,
                                  xd_fault *fault)
{
    const xd_json *maps = XD_GET(system, "maps");
    if (!given(maps)) {
        return XD_OK;
    }
    place at = {parent, XD_STR("maps"), 0};
    if (maps->type != XD_JSON_OBJECT) {
        return refuse(&at, maps, fault, "must be an object");
    }
    for (uint32_t i = 0; i < maps->count; i++) {
        const xd_json_member *member = &maps->members[i];
        place item = {&at, member->name, 0};
        xd_message message = xd_message_by_name(member->name);
        if (message == XD_MESSAGE_NONE || !(rule->receives & (1u << message))) {
            return refuse(&item, &member->value, fault,
                          "is not a message that the system receives");
        }
        if (member->value.type != XD_JSON_STRING || !is_version(member->value.text)) {
            return refuse(&item, &member->value, fault,
                          "must be the version of a map: name@hash, with 64 hex digits");
        }
        rule->maps[message] = member->value.text;
    }
    return XD_OK;
}

static xd_status read_systems(const place *root, const xd_json *json, xd_definition *d,
                              xd_fault *fault)
{
    static const char *const names[] = {"name", "receives", "maps", NULL};
    const xd_json *systems = XD_GET(json, "systems");
    if (!given(systems)) {
        return XD_OK;
    }
    place at = {root, XD_STR("systems"), 0};
    if (systems->type != XD_JSON_ARRAY || systems->count > XD_DEFINITION_MAX_SYSTEMS) {
        return refuse(&at, systems, fault, "must be an array of at most 32 systems");
    }
    for (uint32_t i = 0; i < systems->count; i++) {
        place item = {&at, XD_STR_NULL, i};
        const xd_json *system = &systems->items[i];
        XD_TRY(want_object(&item, system, names, fault));
        xd_system_rule *rule = &d->systems[i];
        *rule = (xd_system_rule){0};
        XD_TRY(read_text(&item, system, "name", 64, "./", &rule->name, fault));
        if (!rule->name.ptr) {
            return refuse(&item, system, fault, "lacks its name");
        }
        for (uint32_t k = 0; k < i; k++) {
            if (xd_str_eq(d->systems[k].name, rule->name)) {
                return refuse(&item, system, fault, "has the name of an earlier system");
            }
        }
        XD_TRY(read_words(&item, system, "receives", XD_MESSAGE_LIMIT,
                          "is not a message; docs/messages.md lists them", take_message, d, rule,
                          fault));
        XD_TRY(read_system_maps(&item, system, rule, fault));
        d->system_count = i + 1;
    }
    return XD_OK;
}

static xd_definition defaults(void)
{
    const xd_limit_value none_over = {.set = true};
    xd_definition d = {
        .edition = 1,
        .company = XD_STR("main"),
        .currency = XD_STR("USD"),
        .ledger = XD_STR("main"),
        .match_level = 3,
        .price = {.upper_percent = none_over},
        .quantity_ordered = {.upper_percent = none_over},
        .quantity_received = {.upper_percent = none_over},
        .over_receipt = {.upper_percent = none_over},
        .duplicate_days = 7,
        .parked_days = 7,
    };
    for (int i = 0; i < XD_ACCOUNT_COUNT; i++) {
        d.accounts[i] = xd_str_from(account_roles[i]);
    }
    return d;
}

static xd_status read_match(const place *root, const xd_json *json, xd_definition *d,
                            xd_fault *fault)
{
    static const char *const names[] = {"level", "early_invoice", NULL};
    const xd_json *match = XD_GET(json, "match");
    if (!given(match)) {
        return XD_OK;
    }
    place at = {root, XD_STR("match"), 0};
    XD_TRY(want_object(&at, match, names, fault));
    int64_t level = d->match_level;
    XD_TRY(read_integer(&at, match, "level", 2, 3, &level, fault));
    d->match_level = (int)level;
    return read_choice(&at, match, "early_invoice", "park", "post", &d->post_early_invoices, fault);
}

xd_status xd_definition_read(const xd_json *json, xd_arena *arena, xd_definition *ret,
                             xd_fault *fault)
{
    static const char *const names[] = {
        "company",          "currency",    "ledger",         "accounts",    "match",
        "valuation",        "require",     "controls",       "tolerances",  "rounding_cap",
        "controller_limit", "controllers", "duplicate_days", "parked_days", "systems",
        "edition",          NULL};
    (void)arena; /* Everything is borrowed from json; the argument is for members that are not. */
    const place root = {NULL, XD_STR_NULL, 0};
    xd_definition d = defaults();
    int64_t days = d.duplicate_days;
    int64_t parked_days = d.parked_days;
    int64_t edition = d.edition;
    XD_TRY(want_object(&root, json, names, fault));
    XD_TRY(read_text(&root, json, "company", 64, "", &d.company, fault));
    XD_TRY(read_text(&root, json, "currency", 3, "", &d.currency, fault));
    XD_TRY(read_text(&root, json, "ledger", 64, "/", &d.ledger, fault));
    d.digits = xd_currency_digits(d.currency);
    if (d.digits < 0) {
        place at = {&root, XD_STR("currency"), 0};
        return refuse(&at, XD_GET(json, "currency"), fault, "must be an ISO 4217 currency code");
    }
    XD_TRY(read_accounts(&root, json, &d, fault));
    XD_TRY(read_match(&root, json, &d, fault));
    XD_TRY(read_choice(&root, json, "valuation", "moving_average", "standard", &d.standard_cost,
                       fault));
    XD_TRY(read_words(&root, json, "require", 3, "must be \"item\", \"supplier\" or \"site\"",
                      take_required, &d, NULL, fault));
    XD_TRY(read_bool(&root, json, "controls", &d.controls, fault));
    XD_TRY(read_tolerances(&root, json, &d, fault));
    XD_TRY(read_decimal(&root, json, "rounding_cap", &d.rounding_cap, NULL, fault));
    XD_TRY(read_decimal(&root, json, "controller_limit", &d.controller_limit, NULL, fault));
    XD_TRY(read_words(&root, json, "controllers", XD_DEFINITION_MAX_CONTROLLERS,
                      "must be a person's name", take_controller, &d, NULL, fault));
    XD_TRY(read_integer(&root, json, "duplicate_days", 0, 366, &days, fault));
    d.duplicate_days = (int32_t)days;
    XD_TRY(read_integer(&root, json, "parked_days", 0, 3660, &parked_days, fault));
    d.parked_days = (int32_t)parked_days;
    XD_TRY(read_integer(&root, json, "edition", 1, XD_EDITION, &edition, fault));
    d.edition = (int32_t)edition;
    XD_TRY(read_systems(&root, json, &d, fault));
    *ret = d;
    return XD_OK;
}
