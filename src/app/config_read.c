/* Reading a YAML tree against the table of settings: every value is checked, every error is
 * reported with its place, and what is right (or a default) is stored in the draft. Calls no I/O.
 */
#include "app/config_int.h"

#include "base/decimal.h"
#include "canon/nearest.h"

#include <assert.h>
#include <stdio.h>

typedef struct config_walk {
    const char *file;
    xd_str text;
    xd_arena *arena;
    xd_config_errors *errors;
    char path[192]; /* JSON pointer of the value being read */
} config_walk;

#define REPORT(walk, offset, rule, ...)                                                            \
    xd_config_errors_add((walk)->errors, (walk)->file, (walk)->text, (offset), (walk)->path,       \
                         (rule), __VA_ARGS__)

/* --- text formats --- */

static bool all_visible(xd_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool holds_visible(xd_str s)
{
    return s.len > 0 && all_visible(s);
}

static bool lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool holds_name(xd_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!lower_or_digit(s.ptr[i]) && (i == 0 || (s.ptr[i] != '-' && s.ptr[i] != '_'))) {
            return false;
        }
    }
    return s.len > 0 && s.len <= 64;
}

static bool holds_environment(xd_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return s.len > 0;
}

static bool holds_hash(xd_str s)
{
    xd_str prefix = XD_STR("sha256:");
    if (!xd_str_starts(s, prefix) || s.len != prefix.len + 64) {
        return false;
    }
    for (size_t i = prefix.len; i < s.len; i++) {
        char c = s.ptr[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return true;
}

static bool holds_currency(xd_str s)
{
    return xd_currency_digits(s) >= 0;
}

static bool holds_url_path(xd_str s)
{
    return s.len > 0 && s.ptr[0] == '/' && all_visible(s) && !memchr(s.ptr, ' ', s.len);
}

static bool holds_url(xd_str s)
{
    size_t start = xd_str_starts(s, XD_STR("https://"))  ? 8
                   : xd_str_starts(s, XD_STR("http://")) ? 7
                                                         : 0;
    /* A user and password in an address would be a secret in clear. */
    return start && s.len > start && s.ptr[start] != '/' && all_visible(s) &&
           !memchr(s.ptr, ' ', s.len) && !memchr(s.ptr, '@', s.len);
}

bool xd_config_split_address(xd_str text, char *address, uint16_t *port)
{
    size_t colon = text.len;
    while (colon && text.ptr[colon - 1] != ':') {
        colon--;
    }
    int64_t number = 0;
    if (!colon || text.len - colon > 5 ||
        !xd_str_to_int64((xd_str){text.ptr + colon, text.len - colon}, &number) || number < 0 ||
        number > 65535) {
        return false;
    }
    xd_str host = {text.ptr, colon - 1};
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed) {
        host = (xd_str){host.ptr + 1, host.len - 2};
    }
    if (host.len == 0 || host.len > 45) {
        return false;
    }
    bool has_colon = memchr(host.ptr, ':', host.len) != NULL;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool digit = c >= '0' && c <= '9';
        bool hex = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!digit && c != '.' && !(bracketed && (hex || c == ':'))) {
            return false;
        }
    }
    if (has_colon != bracketed) {
        return false;
    }
    memcpy(address, host.ptr, host.len);
    address[host.len] = '\0';
    *port = (uint16_t)number;
    return true;
}

static bool holds_address(xd_str s)
{
    char address[46];
    uint16_t port;
    return xd_config_split_address(s, address, &port);
}

const xd_config_format_info xd_config_formats[XD_CONFIG_FORMAT_COUNT] = {
    [XD_CONFIG_ANY] = {"text without control characters", NULL, all_visible},
    [XD_CONFIG_NAME] = {"a name of a-z, 0-9, - and _ that starts with a letter or digit",
                        "^[a-z0-9][a-z0-9_-]{0,63}$", holds_name},
    [XD_CONFIG_ADDRESS] = {"an IP address and port, such as 127.0.0.1:8080 or [::1]:8080",
                           "^([0-9.]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$", holds_address},
    [XD_CONFIG_URL] = {"an http:// or https:// address without user and password",
                       "^https?://[^/@ ][^@ ]*$", holds_url},
    [XD_CONFIG_URL_PATH] = {"a path that starts with /", "^/[^ ]*$", holds_url_path},
    [XD_CONFIG_PATH] = {"the path of a file or folder", NULL, holds_visible},
    [XD_CONFIG_HASH] = {"sha256: and 64 hex digits, as `crossdock key new` prints it",
                        "^sha256:[0-9a-f]{64}$", holds_hash},
    [XD_CONFIG_ENVIRONMENT] = {"the name of an environment variable", "^[A-Za-z_][A-Za-z0-9_]*$",
                               holds_environment},
    [XD_CONFIG_CURRENCY] = {"an ISO 4217 currency code, such as EUR", "^[A-Z]{3}$", holds_currency},
};

/* --- describing what was found --- */

static const char *found_words(const xd_json *value, char *words, size_t size)
{
    switch (value->type) {
    case XD_JSON_NULL:
        return "nothing";
    case XD_JSON_ARRAY:
        return "a list";
    case XD_JSON_OBJECT:
        return "a mapping";
    case XD_JSON_NUMBER:
        snprintf(words, size, "%.*s", value->text.len > 40 ? 40 : XD_FMT(value->text));
        return words;
    case XD_JSON_STRING: {
        bool long_text = value->text.len > 60;
        xd_str shown = {value->text.ptr, long_text ? 60 : value->text.len};
        snprintf(words, size, "\"%.*s%s\"", XD_FMT(shown), long_text ? "..." : "");
        return words;
    }
    default:
        return xd_json_type_name(value->type);
    }
}

/* --- storing --- */

static void store_integer(const xd_config_field *field, char *base, int64_t value)
{
    void *at = base + field->offset;
    switch (field->store) {
    case XD_CONFIG_AS_U32:
        *(uint32_t *)at = (uint32_t)value;
        break;
    case XD_CONFIG_AS_I32:
        *(int32_t *)at = (int32_t)value;
        break;
    case XD_CONFIG_AS_I64:
        *(int64_t *)at = value;
        break;
    case XD_CONFIG_AS_SIZE:
        *(size_t *)at = (size_t)value;
        break;
    default:
        assert(field->store == XD_CONFIG_NOT_STORED);
    }
}

static void store_text(config_walk *walk, const xd_config_field *field, char *base, xd_str value)
{
    if (field->store == XD_CONFIG_NOT_STORED) {
        return;
    }
    char *copy = xd_arena_alloc(walk->arena, value.len + 1);
    if (!copy) {
        REPORT(walk, -1, "no_memory", "out of memory");
        return;
    }
    memcpy(copy, value.ptr, value.len);
    copy[value.len] = '\0';
    *(const char **)(void *)(base + field->offset) = copy;
}

/* --- values --- */

/* "64KiB" and the like, or plain digits. */
static bool parse_bytes(xd_str s, int64_t *ret)
{
    static const struct {
        const char *suffix;
        int shift;
    } units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    int shift = 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (s.len > 3 && memcmp(s.ptr + s.len - 3, units[i].suffix, 3) == 0) {
            shift = units[i].shift;
            s.len -= 3;
            break;
        }
    }
    while (shift && s.len && s.ptr[s.len - 1] == ' ') {
        s.len--;
    }
    int64_t number = 0;
    if (!xd_str_to_int64(s, &number) || number < 0 || number > INT64_MAX >> shift) {
        return false;
    }
    *ret = number << shift;
    return true;
}

static void read_integer(config_walk *walk, const xd_config_field *field, const xd_json *value,
                         char *base)
{
    bool bytes = field->type == XD_CONFIG_BYTES;
    int64_t number = 0;
    bool good = value->type == XD_JSON_NUMBER || (bytes && value->type == XD_JSON_STRING);
    good =
        good && (bytes ? parse_bytes(value->text, &number) : xd_str_to_int64(value->text, &number));
    if (good && number >= field->min && number <= field->max) {
        store_integer(field, base, number);
        return;
    }
    char words[80];
    REPORT(walk, value->offset, good ? "config.range" : "config.type",
           "must be an integer from %lld to %lld%s%s%s; found %s", (long long)field->min,
           (long long)field->max, field->unit ? " " : "", field->unit ? field->unit : "",
           bytes ? " (64KiB and 8MiB work too)" : "", found_words(value, words, sizeof words));
}

static void read_decimal(config_walk *walk, const xd_config_field *field, const xd_json *value,
                         char *base)
{
    xd_decimal number = XD_ZERO;
    bool textual = value->type == XD_JSON_NUMBER || value->type == XD_JSON_STRING;
    bool good = textual && xd_decimal_parse(value->text, &number, NULL) == XD_OK;
    if (!good || xd_decimal_sign(number) < 0 ||
        xd_decimal_cmp(number, xd_decimal_int(field->max)) > 0) {
        char words[80];
        char most[32] = "";
        if (field->max < INT64_MAX) {
            snprintf(most, sizeof most, " to %lld", (long long)field->max);
        }
        REPORT(walk, value->offset, good ? "config.range" : "config.type",
               "must be a number from 0%s%s%s; found %s", field->max < INT64_MAX ? most : " up",
               field->unit ? " " : "", field->unit ? field->unit : "",
               found_words(value, words, sizeof words));
        return;
    }
    if (field->store == XD_CONFIG_AS_DOUBLE) {
        /* Only rates are kept as doubles: they time requests and count no goods and no money. */
        double rate = (double)number.coefficient;
        for (int32_t i = 0; i < number.scale; i++) {
            rate /= 10;
        }
        *(double *)(void *)(base + field->offset) = rate;
    }
}

static void read_boolean(config_walk *walk, const xd_config_field *field, const xd_json *value,
                         char *base)
{
    if (value->type != XD_JSON_TRUE && value->type != XD_JSON_FALSE) {
        char words[80];
        REPORT(walk, value->offset, "config.type", "must be true or false; found %s",
               found_words(value, words, sizeof words));
        return;
    }
    if (field->store == XD_CONFIG_AS_BOOL) {
        *(bool *)(base + field->offset) = value->type == XD_JSON_TRUE;
    }
}

static void read_text(config_walk *walk, const xd_config_field *field, const xd_json *value,
                      char *base)
{
    const xd_config_format_info *format = &xd_config_formats[field->format];
    /* A code of digits is text here although YAML calls it a number; its digits are kept. */
    bool textual = value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER;
    if (textual && (int64_t)value->text.len > field->max) {
        REPORT(walk, value->offset, "config.length", "may have %lld bytes; found %zu",
               (long long)field->max, value->text.len);
    } else if (!textual || !format->holds(value->text)) {
        /* What stands where a hash or an address belongs may be a secret: it is not repeated. */
        char words[80];
        bool hide = field->format == XD_CONFIG_HASH ||
                    (textual && value->text.len && memchr(value->text.ptr, '@', value->text.len));
        REPORT(walk, value->offset, textual ? "config.format" : "config.type", "must be %s%s%s",
               format->words, hide ? "" : "; found ",
               hide ? "" : found_words(value, words, sizeof words));
    } else {
        store_text(walk, field, base, value->text);
    }
}

static void list_choices(const xd_config_choices *choices, char *words, size_t size)
{
    size_t used = 0;
    words[0] = '\0';
    for (size_t i = 0; choices->names[i] && used < size; i++) {
        const char *between = i == 0 ? "" : choices->names[i + 1] ? ", " : " or ";
        used += (size_t)snprintf(words + used, size - used, "%s%s", between, choices->names[i]);
    }
}

/* Index of the choice that value names, or -1 after reporting. */
static int read_choice(config_walk *walk, const xd_config_field *field, const xd_json *value)
{
    xd_nearest near = xd_nearest_to(value->type == XD_JSON_STRING ? value->text : XD_STR(""));
    for (int i = 0; field->choices->names[i]; i++) {
        if ((value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER) &&
            xd_str_eq(value->text, xd_str_from(field->choices->names[i]))) {
            return i;
        }
        xd_nearest_offer(&near, field->choices->names[i]);
    }
    char found[80];
    char allowed[256];
    list_choices(field->choices, allowed, sizeof allowed);
    REPORT(walk, value->offset, "config.choice", "must be %s; found %s%s%s%s", allowed,
           found_words(value, found, sizeof found), near.best ? ", did you mean " : "",
           near.best ? near.best : "", near.best ? "?" : "");
    return -1;
}

static void read_choices(config_walk *walk, const xd_config_field *field, const xd_json *value,
                         char *base)
{
    if (value->type != XD_JSON_ARRAY) {
        char words[80];
        REPORT(walk, value->offset, "config.type", "must be a list such as [%s]; found %s",
               field->choices->names[0], found_words(value, words, sizeof words));
        return;
    }
    uint32_t bits = 0;
    size_t length = strlen(walk->path);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        snprintf(walk->path + length, sizeof walk->path - length, "/%u", (unsigned)i);
        int choice = read_choice(walk, field, &value->items[i]);
        if (choice >= 0 && (seen >> choice & 1)) {
            REPORT(walk, value->items[i].offset, "config.duplicate", "\"%s\" stands twice",
                   field->choices->names[choice]);
        }
        if (choice >= 0) {
            seen |= 1u << choice;
            bits |= field->choices->values ? field->choices->values[choice] : 0;
        }
        walk->path[length] = '\0';
    }
    if (field->store == XD_CONFIG_AS_BITS) {
        *(uint32_t *)(void *)(base + field->offset) = bits;
    }
}

static void read_texts(config_walk *walk, const xd_config_field *field, const xd_json *value)
{
    if (value->type != XD_JSON_ARRAY || value->count > field->max_count) {
        char words[80];
        REPORT(walk, value->offset, "config.type", "must be a list of at most %u texts; found %s",
               (unsigned)field->max_count, found_words(value, words, sizeof words));
        return;
    }
    size_t length = strlen(walk->path);
    for (uint32_t i = 0; i < value->count; i++) {
        snprintf(walk->path + length, sizeof walk->path - length, "/%u", (unsigned)i);
        read_text(walk, field, &value->items[i], NULL);
        walk->path[length] = '\0';
    }
}

static void read_section(config_walk *walk, const xd_config_section *section, const xd_json *value,
                         char *base);

static void read_named(config_walk *walk, const xd_config_field *field, const xd_json *value,
                       char *base)
{
    uint32_t count = value ? value->count : 0;
    char *elements = xd_arena_zalloc(walk->arena, count * field->element_bytes + 1);
    if (!elements) {
        REPORT(walk, -1, "no_memory", "out of memory");
        return;
    }
    static const xd_config_field name_field = {.name = "name",
                                               .format = XD_CONFIG_NAME,
                                               .max = 64,
                                               .store = XD_CONFIG_AS_TEXT,
                                               .offset = 0};
    size_t length = strlen(walk->path);
    for (uint32_t i = 0; i < count; i++) {
        const xd_json_member *member = &value->members[i];
        char *element = elements + i * field->element_bytes;
        xd_json name = {.type = XD_JSON_STRING,
                        .offset = (uint32_t)(member->name.ptr - walk->text.ptr),
                        .text = member->name};
        snprintf(walk->path + length, sizeof walk->path - length, "/%.*s", XD_FMT(member->name));
        read_text(walk, &name_field, &name, element);
        read_section(walk, field->section, &member->value, element);
        walk->path[length] = '\0';
    }
    *(void **)(void *)(base + field->offset) = elements;
    *(uint32_t *)(void *)(base + field->count_offset) = count;
}

static void read_scalar_default(config_walk *walk, const xd_config_field *field, char *base);

/* Defaults of a section whose own text was refused, so that later checks can build on them. */
static void fill_defaults(config_walk *walk, const xd_config_section *section, char *base)
{
    for (const xd_config_field *field = section->fields; field->name; field++) {
        if (field->type == XD_CONFIG_SECTION) {
            fill_defaults(walk, field->section, base);
        } else {
            read_scalar_default(walk, field, base);
        }
    }
}

static void read_compound(config_walk *walk, const xd_config_field *field, const xd_json *value,
                          char *base)
{
    if (value->type == XD_JSON_OBJECT && field->type == XD_CONFIG_SECTION) {
        read_section(walk, field->section, value, base);
        return;
    }
    if (value->type == XD_JSON_OBJECT) {
        read_named(walk, field, value, base);
        return;
    }
    char words[80];
    if (field->section->fields[0].format == XD_CONFIG_ENVIRONMENT) {
        REPORT(walk, value->offset, "secret.clear",
               "a secret may not stand in this file; write secret_env: VARIABLE or secret_file: "
               "PATH below it");
    } else {
        REPORT(walk, value->offset, "config.type", "must be a mapping; found %s",
               found_words(value, words, sizeof words));
    }
    if (field->type == XD_CONFIG_SECTION) {
        fill_defaults(walk, field->section, base);
    }
}

static void read_value(config_walk *walk, const xd_config_field *field, const xd_json *value,
                       char *base)
{
    switch (field->type) {
    case XD_CONFIG_TEXT:
        read_text(walk, field, value, base);
        break;
    case XD_CONFIG_INTEGER:
    case XD_CONFIG_BYTES:
        read_integer(walk, field, value, base);
        break;
    case XD_CONFIG_DECIMAL:
        read_decimal(walk, field, value, base);
        break;
    case XD_CONFIG_BOOLEAN:
        read_boolean(walk, field, value, base);
        break;
    case XD_CONFIG_CHOICE:
        (void)read_choice(walk, field, value);
        break;
    case XD_CONFIG_CHOICES:
        read_choices(walk, field, value, base);
        break;
    case XD_CONFIG_TEXTS:
        read_texts(walk, field, value);
        break;
    case XD_CONFIG_SECTION:
    case XD_CONFIG_NAMED:
        read_compound(walk, field, value, base);
        break;
    }
}

static void read_scalar_default(config_walk *walk, const xd_config_field *field, char *base)
{
    if (!field->fallback || field->store == XD_CONFIG_NOT_STORED) {
        return;
    }
    xd_json value = {.text = xd_str_from(field->fallback)};
    if (field->type == XD_CONFIG_BOOLEAN) {
        bool truth = xd_str_eq(value.text, XD_STR("true"));
        value.type = truth ? (uint32_t)XD_JSON_TRUE : (uint32_t)XD_JSON_FALSE;
    } else {
        bool text = field->type == XD_CONFIG_TEXT || field->type == XD_CONFIG_BYTES;
        value.type = text ? (uint32_t)XD_JSON_STRING : (uint32_t)XD_JSON_NUMBER;
    }
    read_value(walk, field, &value, base);
}

static void read_default(config_walk *walk, const xd_config_field *field, char *base)
{
    if (field->type == XD_CONFIG_SECTION) {
        read_section(walk, field->section, NULL, base);
    } else if (field->type == XD_CONFIG_NAMED) {
        read_named(walk, field, NULL, base);
    } else {
        read_scalar_default(walk, field, base);
    }
}

static const xd_config_field *find_field(const xd_config_section *section, xd_str name)
{
    for (const xd_config_field *field = section->fields; field->name; field++) {
        if (xd_str_eq(name, xd_str_from(field->name))) {
            return field;
        }
    }
    return NULL;
}

static bool sounds_secret(xd_str name)
{
    static const char *const words[] = {"secret", "password", "token", "api_key", "key", "bearer"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (xd_str_eq(name, xd_str_from(words[i]))) {
            return true;
        }
    }
    return false;
}

static void report_unknown(config_walk *walk, const xd_config_section *section, xd_str name)
{
    int64_t offset = name.ptr - walk->text.ptr;
    if (sounds_secret(name) && find_field(section, XD_STR("secret_file"))) {
        REPORT(walk, offset, "secret.clear",
               "a secret may not stand in this file; write secret_env: VARIABLE or secret_file: "
               "PATH instead");
        return;
    }
    xd_nearest near = xd_nearest_to(name);
    for (const xd_config_field *field = section->fields; field->name; field++) {
        xd_nearest_offer(&near, field->name);
    }
    if (near.best) {
        REPORT(walk, offset, "config.unknown", "there is no such setting; did you mean \"%s\"?",
               near.best);
        return;
    }
    char known[360] = "";
    size_t used = 0;
    for (const xd_config_field *field = section->fields; field->name && used < sizeof known;
         field++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                 field->name);
    }
    REPORT(walk, offset, "config.unknown", "there is no such setting; known here: %s", known);
}

static void read_section(config_walk *walk, const xd_config_section *section, const xd_json *value,
                         char *base)
{
    size_t length = strlen(walk->path);
    if (value && value->type != XD_JSON_OBJECT && value->type != XD_JSON_NULL) {
        char words[80];
        REPORT(walk, value->offset, "config.type", "must be a mapping; found %s",
               found_words(value, words, sizeof words));
        fill_defaults(walk, section, base);
        return;
    }
    for (uint32_t i = 0; value && value->type == XD_JSON_OBJECT && i < value->count; i++) {
        xd_str name = value->members[i].name;
        if (!find_field(section, name)) {
            snprintf(walk->path + length, sizeof walk->path - length, "/%.*s", XD_FMT(name));
            report_unknown(walk, section, name);
            walk->path[length] = '\0';
        }
    }
    for (const xd_config_field *field = section->fields; field->name; field++) {
        const xd_json *given = value ? xd_json_get(value, xd_str_from(field->name)) : NULL;
        snprintf(walk->path + length, sizeof walk->path - length, "/%s", field->name);
        bool present = given && given->type != XD_JSON_NULL;
        if (!present && field->required) {
            REPORT(walk, value ? (int64_t)value->offset : -1, "config.required", "is required: %s",
                   field->doc);
        } else if (!present || !field->section) {
            /* Before a given value too: when that is refused the default stands, and later checks
             * can build on it. */
            read_default(walk, field, base);
        }
        if (present) {
            read_value(walk, field, given, base);
        }
        walk->path[length] = '\0';
    }
}

void xd_config_read(const xd_json *root, const char *file, xd_str text, xd_arena *arena,
                    xd_config_draft *draft, xd_config_errors *errors)
{
    config_walk walk = {.file = file, .text = text, .arena = arena, .errors = errors};
    read_section(&walk, &xd_config_root, root, (char *)draft);
}
