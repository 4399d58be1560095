/* Rewrites a pattern of ECMA-262 into one that PCRE2 reads the same way. Everything ECMA-262 does
 * not know (recursion, verbs, possessive quantifiers, inline options, \Q, \Z, ...) is refused here,
 * so nothing of PCRE2's own language can be reached. Where the web's annex B is laxer than the
 * grammar of the flag u and harmless (a lone brace or bracket, an escaped punctuation mark, a range
 * that ends in a class, a quantified look-around), it is followed unless the caller wants that
 * grammar strictly. Pure; see regex_int.h. */
#include "base/regex_int.h"

#include <stdio.h>

enum { MAX_NAMES = 100, MAX_DEPTH = 200, MAX_REPEAT = 65535, MAX_CODE_POINT = 0x10FFFF };

#define NO_CODE_POINT UINT32_MAX
/* White space and line terminators (ECMA-262 section 12.2, 12.3), and all else. */
#define SPACE                                                                                      \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"  \
    "\\x{3000}\\x{feff}"
#define NOT_SPACE                                                                                  \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"               \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"                 \
    "\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define LINE_END "[\\n\\r\\x{2028}\\x{2029}]"
/* Where the matcher counts its steps: see regex.c. */
#define COUNT_STEP "(?C)"

typedef struct group_name {
    xd_str name; /* borrows the pattern */
    uint32_t group;
} group_name;

typedef struct translation {
    xd_str in;
    size_t at;
    xd_buf *out;
    uint32_t flags;
    uint32_t groups;
    uint32_t name_count;
    group_name names[MAX_NAMES];
    uint32_t depth;
    bool look[MAX_DEPTH]; /* at each depth: the group looks around */
    bool atom;            /* a quantifier may follow */
    size_t stop_out;      /* byte of the output whose origin is asked */
    size_t stop_in;       /* that origin */
    xd_fault *fault;
} translation;

/* General categories by the long names PCRE2 does not know (PropertyValueAliases.txt). */
static const struct {
    const char *name;
    const char *category;
} category_names[] = {
    {"Assigned", "^Cn"},
    {"Cased_Letter", "L&"},
    {"Close_Punctuation", "Pe"},
    {"Combining_Mark", "M"},
    {"Connector_Punctuation", "Pc"},
    {"Control", "Cc"},
    {"Currency_Symbol", "Sc"},
    {"Dash_Punctuation", "Pd"},
    {"Decimal_Number", "Nd"},
    {"Enclosing_Mark", "Me"},
    {"Final_Punctuation", "Pf"},
    {"Format", "Cf"},
    {"Initial_Punctuation", "Pi"},
    {"LC", "L&"},
    {"Letter", "L"},
    {"Letter_Number", "Nl"},
    {"Line_Separator", "Zl"},
    {"Lowercase_Letter", "Ll"},
    {"Mark", "M"},
    {"Math_Symbol", "Sm"},
    {"Modifier_Letter", "Lm"},
    {"Modifier_Symbol", "Sk"},
    {"Nonspacing_Mark", "Mn"},
    {"Number", "N"},
    {"Open_Punctuation", "Ps"},
    {"Other", "C"},
    {"Other_Letter", "Lo"},
    {"Other_Number", "No"},
    {"Other_Punctuation", "Po"},
    {"Other_Symbol", "So"},
    {"Paragraph_Separator", "Zp"},
    {"Private_Use", "Co"},
    {"Punctuation", "P"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Spacing_Mark", "Mc"},
    {"Surrogate", "Cs"},
    {"Symbol", "S"},
    {"Titlecase_Letter", "Lt"},
    {"Unassigned", "Cn"},
    {"Uppercase_Letter", "Lu"},
    {"cntrl", "Cc"},
    {"digit", "Nd"},
    {"punct", "P"},
};

/* Properties that are or are not, by both names (ECMA-262, table of binary Unicode property
 * aliases), each ended by a space. */
static const char binary_names[] =
    "ASCII ASCII_Hex_Digit AHex Alphabetic Alpha Any Assigned Bidi_Control Bidi_C "
    "Bidi_Mirrored Bidi_M Case_Ignorable CI Cased Changes_When_Casefolded CWCF "
    "Changes_When_Casemapped CWCM Changes_When_Lowercased CWL Changes_When_NFKC_Casefolded "
    "CWKCF Changes_When_Titlecased CWT Changes_When_Uppercased CWU Dash "
    "Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji Emoji_Component "
    "EComp Emoji_Modifier EMod Emoji_Modifier_Base EBase Emoji_Presentation EPres "
    "Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base Grapheme_Extend Gr_Ext "
    "Hex_Digit Hex IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue IDC "
    "ID_Start IDS Ideographic Ideo Join_Control Join_C Logical_Order_Exception LOE Lowercase "
    "Lower Math Noncharacter_Code_Point NChar Pattern_Syntax Pat_Syn Pattern_White_Space "
    "Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI Sentence_Terminal STerm "
    "Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper "
    "Variation_Selector VS White_Space space XID_Continue XIDC XID_Start XIDS ";

static xd_status refuse(translation *t, size_t at, const char *what)
{
    xd_status status = xd_fail(t->fault, XD_INVALID, "regex.syntax",
                               "The regular expression %s at byte %zu.", what, at);
    xd_fault_at(t->fault, (int64_t)at, NULL);
    return status;
}

static bool is_strict(const translation *t)
{
    return t->flags & XD_REGEX_STRICT;
}

static bool more(const translation *t)
{
    return t->at < t->in.len;
}

/* The byte at distance ahead, 0 past the end (a NUL in the pattern is no syntax anyway). */
static char peek(const translation *t, size_t ahead)
{
    return t->at + ahead < t->in.len ? t->in.ptr[t->at + ahead] : '\0';
}

static bool take(translation *t, const char *literal)
{
    xd_str rest = {t->in.ptr + t->at, t->in.len - t->at};
    xd_str wanted = xd_str_from(literal);
    if (!xd_str_starts(rest, wanted)) {
        return false;
    }
    t->at += wanted.len;
    return true;
}

static void put(translation *t, const char *text)
{
    xd_buf_str_add(t->out, xd_str_from(text));
}

static void put_code_point(translation *t, uint32_t code_point)
{
    xd_buf_printf(t->out, "\\x{%x}", (unsigned)code_point);
}

/* In a group of its own: PCRE2's machine code fails on a quantified reference to a group that took
 * no part, where ECMA-262 matches nothing and goes on. */
static void put_reference(translation *t, uint32_t group)
{
    xd_buf_printf(t->out, "(?:\\g{%u})", (unsigned)group);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Reads exactly count hex digits at distance ahead. */
static bool hex_at(const translation *t, size_t ahead, int count, uint32_t *ret)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++) {
        int digit = hex_digit(peek(t, ahead + (size_t)i));
        if (digit < 0) {
            return false;
        }
        value = value * 16 + (uint32_t)digit;
    }
    *ret = value;
    return true;
}

/* A whole UTF-8 character at the cursor; the pattern was checked before. */
static uint32_t take_character(translation *t)
{
    unsigned char c = (unsigned char)t->in.ptr[t->at++];
    if (c < 0x80) {
        return c;
    }
    uint32_t value = c >= 0xF0 ? c & 0x07u : c >= 0xE0 ? c & 0x0Fu : c & 0x1Fu;
    while (more(t) && ((unsigned char)t->in.ptr[t->at] & 0xC0) == 0x80) {
        value = value << 6 | ((unsigned char)t->in.ptr[t->at++] & 0x3Fu);
    }
    return value;
}

/* After "\u": four digits, a surrogate pair of them, or {digits}. A lone surrogate is allowed; it
 * matches nothing, for UTF-8 has none. */
static xd_status take_unicode_escape(translation *t, size_t start, uint32_t *ret)
{
    uint32_t value = 0;
    if (take(t, "{")) {
        size_t digits = 0;
        for (; hex_digit(peek(t, 0)) >= 0; t->at++, digits++) {
            value = value * 16 + (uint32_t)hex_digit(peek(t, 0));
            if (value > MAX_CODE_POINT) {
                return refuse(t, start, "names a character past U+10FFFF");
            }
        }
        if (digits == 0 || !take(t, "}")) {
            return refuse(t, start, "has an unfinished \\u{...}");
        }
    } else if (hex_at(t, 0, 4, &value)) {
        t->at += 4;
        uint32_t low;
        if (value >= 0xD800 && value < 0xDC00 && peek(t, 0) == '\\' && peek(t, 1) == 'u' &&
            hex_at(t, 2, 4, &low) && low >= 0xDC00 && low < 0xE000) {
            t->at += 6;
            value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
        }
    } else {
        return refuse(t, start, "needs four hexadecimal digits or {...} after \\u");
    }
    *ret = value;
    return XD_OK;
}

/* The character that an escape stands for; cursor behind the backslash. Escapes of a letter that
 * mean nothing are refused, as the grammar with the u flag does; when strict, so is all that needs
 * no escape. */
static xd_status take_character_escape(translation *t, size_t start, bool in_class, uint32_t *ret)
{
    if (!more(t)) {
        return refuse(t, start, "ends in a backslash");
    }
    static const char names[] = "tnvfr";
    static const char values[] = "\t\n\v\f\r";
    char c = peek(t, 0);
    const char *control = c ? strchr(names, c) : NULL;
    if (control) {
        t->at++;
        *ret = (uint32_t)values[control - names];
    } else if (c == 'u') {
        t->at++;
        return take_unicode_escape(t, start, ret);
    } else if (c == 'x') {
        t->at++;
        if (!hex_at(t, 0, 2, ret)) {
            return refuse(t, start, "needs two hexadecimal digits after \\x");
        }
        t->at += 2;
    } else if (c == 'c') {
        t->at++;
        if (!is_letter(peek(t, 0))) {
            return refuse(t, start, "needs a letter after \\c");
        }
        *ret = (uint32_t)peek(t, 0) & 31;
        t->at++;
    } else if (c == '0' && !is_digit(peek(t, 1))) {
        t->at++;
        *ret = 0;
    } else if (is_letter(c) || is_digit(c)) {
        return refuse(t, start, "has an escape that ECMA-262 does not know");
    } else if (is_strict(t) && !(in_class && c == '-') && (!c || !strchr("^$\\.*+?()[]{}|/", c))) {
        return refuse(t, start, "has a backslash before a character that needs none");
    } else {
        *ret = take_character(t);
    }
    return XD_OK;
}

static bool is_listed(const char *names, xd_str name)
{
    for (const char *at = names; *at;) {
        size_t length = strcspn(at, " ");
        if (xd_str_eq(name, (xd_str){at, length})) {
            return true;
        }
        at += length + 1;
    }
    return false;
}

/* As ECMA-262 spells them: PCRE2 takes names in any case. */
static bool is_category(xd_str name)
{
    bool is = is_listed("C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi "
                        "Po Ps S Sc Sk Sm So Z Zl Zp Zs ",
                        name);
    for (size_t i = 1; !is && i < sizeof category_names / sizeof category_names[0]; i++) {
        is = xd_str_eq(name, xd_str_from(category_names[i].name)); /* 0 is no category */
    }
    return is;
}

/* \p{Name}, \p{Name=Value} and \P{...}; cursor behind the p. */
static xd_status put_property(translation *t, size_t start, bool negated)
{
    if (!take(t, "{")) {
        return refuse(t, start, "needs {...} after \\p");
    }
    size_t from = t->at;
    size_t equals = 0;
    while (is_letter(peek(t, 0)) || is_digit(peek(t, 0)) || peek(t, 0) == '_' ||
           (peek(t, 0) == '=' && equals == 0)) {
        equals = peek(t, 0) == '=' ? t->at : equals;
        t->at++;
    }
    xd_str name = {t->in.ptr + from, (equals ? equals : t->at) - from};
    xd_str value = equals ? (xd_str){t->in.ptr + equals + 1, t->at - equals - 1} : name;
    if (!take(t, "}") || name.len == 0 || value.len == 0) {
        return refuse(t, start, "has an unfinished property \\p{...}");
    }
    const char *prefix = "";
    if (equals) {
        bool script = xd_str_eq(name, XD_STR("Script")) || xd_str_eq(name, XD_STR("sc"));
        bool extended =
            xd_str_eq(name, XD_STR("Script_Extensions")) || xd_str_eq(name, XD_STR("scx"));
        if (!script && !extended && !xd_str_eq(name, XD_STR("General_Category")) &&
            !xd_str_eq(name, XD_STR("gc"))) {
            return refuse(t, start, "names a property that ECMA-262 does not know");
        }
        prefix = script ? "sc:" : extended ? "scx:" : "";
    }
    if (is_strict(t) && !prefix[0] && !is_category(value) &&
        (equals || !is_listed(binary_names, value))) {
        return refuse(t, start, "names a property that ECMA-262 does not know");
    }
    for (size_t i = 0; !prefix[0] && i < sizeof category_names / sizeof category_names[0]; i++) {
        if (xd_str_eq(value, xd_str_from(category_names[i].name))) {
            value = xd_str_from(category_names[i].category);
            break;
        }
    }
    if (value.ptr[0] == '^') {
        negated = !negated;
        value = (xd_str){value.ptr + 1, value.len - 1};
    }
    xd_buf_printf(t->out, "\\%c{%s%.*s}", negated ? 'P' : 'p', prefix, XD_FMT(value));
    return XD_OK;
}

/* Puts a class escape (\d \D \w \W \s \S \p \P) when one is at the backslash under the cursor. */
static xd_status put_class_escape(translation *t, bool in_class, bool *ret_put)
{
    size_t start = t->at;
    char c = peek(t, 0) == '\\' ? peek(t, 1) : '\0';
    *ret_put = true;
    t->at += 2;
    switch (c) {
    case 'd':
        put(t, in_class ? "0-9" : "[0-9]");
        return XD_OK;
    case 'D':
        put(t, in_class ? "\\x{0}-/:-\\x{10ffff}" : "[^0-9]");
        return XD_OK;
    case 'w':
        put(t, in_class ? "0-9A-Z_a-z" : "\\w");
        return XD_OK;
    case 'W':
        put(t, "\\W");
        return XD_OK;
    case 's':
        put(t, in_class ? SPACE : "[" SPACE "]");
        return XD_OK;
    case 'S':
        put(t, in_class ? NOT_SPACE : "[" NOT_SPACE "]");
        return XD_OK;
    case 'p':
    case 'P':
        return put_property(t, start, c == 'P');
    default:
        t->at = start;
        *ret_put = false;
        return XD_OK;
    }
}

/* One member of a class: a class escape (*ret = NO_CODE_POINT, already put) or a character. */
static xd_status take_class_atom(translation *t, uint32_t *ret)
{
    size_t start = t->at;
    bool was_put;
    XD_TRY(put_class_escape(t, true, &was_put));
    if (was_put) {
        *ret = NO_CODE_POINT;
        return XD_OK;
    }
    if (!take(t, "\\")) {
        *ret = take_character(t);
        return XD_OK;
    }
    if (take(t, "b")) {
        *ret = '\b';
        return XD_OK;
    }
    return take_character_escape(t, start, true, ret);
}

/* [...], cursor at the bracket. */
static xd_status put_class(translation *t)
{
    size_t open = t->at++;
    bool negated = take(t, "^");
    if (take(t, "]")) {
        put(t, negated ? "[\\x{0}-\\x{10ffff}]" : "(?!)");
        return XD_OK;
    }
    put(t, negated ? "[^" : "[");
    while (more(t) && peek(t, 0) != ']') {
        size_t start = t->at;
        uint32_t low;
        XD_TRY(take_class_atom(t, &low));
        bool range = peek(t, 0) == '-' && peek(t, 1) != ']' && t->at + 1 < t->in.len;
        if (low != NO_CODE_POINT) {
            put_code_point(t, low);
        } else if (range && is_strict(t)) {
            return refuse(t, start, "has a range from a class");
        }
        if (!range || low == NO_CODE_POINT) {
            continue;
        }
        t->at++;
        uint32_t high;
        XD_TRY(take_class_atom(t, &high));
        if (high == NO_CODE_POINT && is_strict(t)) {
            return refuse(t, start, "has a range up to a class");
        }
        if (high == NO_CODE_POINT) { /* [a-\d] means a, the dash and the digits */
            put_code_point(t, '-');
        } else if (high < low) {
            return refuse(t, start, "has a range out of order");
        } else {
            put(t, "-");
            put_code_point(t, high);
        }
    }
    if (!take(t, "]")) {
        return refuse(t, open, "has a class without its closing bracket");
    }
    put(t, "]");
    return XD_OK;
}

/* A backslash outside a class. */
static xd_status put_escape(translation *t)
{
    size_t start = t->at;
    bool was_put;
    XD_TRY(put_class_escape(t, false, &was_put));
    t->atom = true;
    if (was_put) {
        return XD_OK;
    }
    t->at++;
    char c = peek(t, 0);
    if (c == 'b' || c == 'B') {
        t->at++;
        t->atom = false;
        put(t, c == 'b' ? "\\b" : "\\B");
        return XD_OK;
    }
    if (c >= '1' && c <= '9') {
        uint32_t group = 0;
        for (; is_digit(peek(t, 0)) && group <= MAX_REPEAT; t->at++) {
            group = group * 10 + (uint32_t)(peek(t, 0) - '0');
        }
        if (group > t->groups) {
            return refuse(t, start, "refers to a group that it does not have");
        }
        put_reference(t, group);
        return XD_OK;
    }
    if (take(t, "k<")) {
        size_t from = t->at;
        while (more(t) && peek(t, 0) != '>') {
            t->at++;
        }
        xd_str name = {t->in.ptr + from, t->at - from};
        for (uint32_t i = 0; i < t->name_count; i++) {
            if (xd_str_eq(name, t->names[i].name)) {
                t->at++;
                put_reference(t, t->names[i].group);
                return XD_OK;
            }
        }
        return refuse(t, start, "refers to a named group that it does not have");
    }
    uint32_t value;
    XD_TRY(take_character_escape(t, start, false, &value));
    put_code_point(t, value);
    return XD_OK;
}

/* "(" and what follows it. */
static xd_status put_group(translation *t)
{
    static const char *const forms[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
    size_t start = t->at;
    t->atom = false;
    if (t->depth == MAX_DEPTH) {
        xd_status status = xd_fail(t->fault, XD_LIMIT, "regex.limit",
                                   "The regular expression nests more than %d groups.", MAX_DEPTH);
        xd_fault_at(t->fault, (int64_t)start, NULL);
        return status;
    }
    bool *look = &t->look[t->depth++];
    *look = false;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (take(t, forms[i])) {
            *look = i > 0;
            put(t, forms[i]);
            return XD_OK;
        }
    }
    if (take(t, "(?<")) { /* a named group: its name was noted by find_groups */
        while (more(t) && peek(t, 0) != '>') {
            t->at++;
        }
        t->at++;
    } else if (take(t, "(?")) {
        return refuse(t, start, "has a kind of group that ECMA-262 does not know");
    } else {
        t->at++;
    }
    put(t, "(");
    return XD_OK;
}

/* Reads a number of a quantifier; false when there is none or it is past what is allowed. */
static bool take_count(translation *t, uint32_t *ret)
{
    uint32_t value = 0;
    size_t digits = 0;
    for (; is_digit(peek(t, 0)); t->at++, digits++) {
        value = value > MAX_REPEAT ? value : value * 10 + (uint32_t)(peek(t, 0) - '0');
    }
    *ret = value;
    return digits > 0;
}

/* "{n}", "{n,}" or "{n,m}" at the cursor; *ret_is = false (cursor as it was) when the brace is
 * none of these. */
static xd_status take_braces(translation *t, bool *ret_is, uint32_t *ret_low, uint32_t *ret_high)
{
    size_t start = t->at++;
    uint32_t low;
    uint32_t high = 0;
    bool is = take_count(t, &low);
    bool open_ended = false;
    if (is && take(t, ",")) {
        open_ended = !take_count(t, &high);
    } else {
        high = low;
    }
    is = is && take(t, "}");
    *ret_is = is;
    if (!is) {
        t->at = start;
        return XD_OK;
    }
    if (low > MAX_REPEAT || high > MAX_REPEAT) {
        xd_status status = xd_fail(t->fault, XD_LIMIT, "regex.limit",
                                   "The regular expression repeats more than %d times at byte %zu.",
                                   MAX_REPEAT, start);
        xd_fault_at(t->fault, (int64_t)start, NULL);
        return status;
    }
    if (!open_ended && high < low) {
        return refuse(t, start, "has a quantifier whose numbers are out of order");
    }
    *ret_low = low;
    *ret_high = open_ended ? UINT32_MAX : high;
    return XD_OK;
}

/* A quantifier at the cursor, put with the count of steps behind it. */
static xd_status put_quantifier(translation *t, bool *ret_is)
{
    size_t start = t->at;
    char c = peek(t, 0);
    bool variable = true;
    *ret_is = c == '*' || c == '+' || c == '?';
    uint32_t low = 0;
    uint32_t high = 0;
    if (c == '{') {
        XD_TRY(take_braces(t, ret_is, &low, &high));
        variable = low != high;
    }
    if (!*ret_is) {
        return XD_OK;
    }
    if (!t->atom) {
        return refuse(t, start, "has a quantifier with nothing to repeat");
    }
    if (c != '{') {
        t->at++;
        xd_buf_char(t->out, c);
    } else if (high == UINT32_MAX) {
        xd_buf_printf(t->out, "{%u,}", (unsigned)low);
    } else {
        xd_buf_printf(t->out, "{%u,%u}", (unsigned)low, (unsigned)high);
    }
    if (take(t, "?")) {
        put(t, "?");
    }
    if (variable) {
        put(t, COUNT_STEP);
    }
    t->atom = false;
    return XD_OK;
}

/* Counts the capturing groups and notes their names, for references may come before them. */
static xd_status find_groups(translation *t)
{
    bool in_class = false;
    for (t->at = 0; more(t); t->at++) {
        char c = peek(t, 0);
        if (c == '\\') {
            t->at++;
        } else if (in_class) {
            in_class = c != ']';
        } else if (c == '[') {
            in_class = true;
        } else if (c == '(' && peek(t, 1) != '?') {
            t->groups++;
        } else if (c == '(' && peek(t, 2) == '<' && peek(t, 3) != '=' && peek(t, 3) != '!') {
            size_t start = t->at;
            size_t from = t->at + 3;
            for (t->at = from; more(t) && peek(t, 0) != '>'; t->at++) {
                unsigned char n = (unsigned char)peek(t, 0);
                bool fine = is_letter((char)n) || n == '_' || n == '$' || n >= 0x80 ||
                            (is_digit((char)n) && t->at > from);
                if (!fine) {
                    return refuse(t, start, "has a group name that is no identifier");
                }
            }
            xd_str name = {t->in.ptr + from, t->at - from};
            if (!more(t) || name.len == 0) {
                return refuse(t, start, "has a group with an unfinished name");
            }
            for (uint32_t i = 0; i < t->name_count; i++) {
                if (xd_str_eq(name, t->names[i].name)) {
                    return refuse(t, start, "has two groups of one name");
                }
            }
            if (t->name_count == MAX_NAMES) {
                return xd_fail(t->fault, XD_LIMIT, "regex.limit",
                               "The regular expression names more than %d groups.", MAX_NAMES);
            }
            t->names[t->name_count++] = (group_name){name, ++t->groups};
        }
    }
    t->at = 0;
    return XD_OK;
}

/* Everything but quantifiers: one term or one sign between terms. */
static xd_status put_term(translation *t)
{
    bool lines = t->flags & XD_REGEX_MULTILINE;
    char c = peek(t, 0);
    switch (c) {
    case '\\':
        return put_escape(t);
    case '[':
        t->atom = true;
        return put_class(t);
    case '(':
        return put_group(t);
    case ')':
        if (t->depth == 0) {
            return refuse(t, t->at, "closes a group that was not opened");
        }
        t->at++;
        t->atom = !is_strict(t) || !t->look[t->depth - 1];
        t->depth--;
        put(t, ")");
        return XD_OK;
    case '|':
        t->at++;
        t->atom = false;
        put(t, "|" COUNT_STEP);
        return XD_OK;
    case '^':
        t->at++;
        t->atom = false;
        put(t, lines ? "(?:\\A|(?<=" LINE_END "))" : "^");
        return XD_OK;
    case '$':
        t->at++;
        t->atom = false;
        put(t, lines ? "(?=" LINE_END "|\\z)" : "$");
        return XD_OK;
    case '.':
        t->at++;
        t->atom = true;
        put(t, "[^\\n\\r\\x{2028}\\x{2029}]");
        return XD_OK;
    case '{':
    case '}':
    case ']':
        if (is_strict(t)) {
            return refuse(t, t->at,
                          "has a brace or bracket that stands alone, which needs a backslash,");
        }
        /* fall through */
    default:
        t->atom = true;
        put_code_point(t, take_character(t));
        return XD_OK;
    }
}

xd_status xd_regex_translate(xd_str pattern, uint32_t flags, size_t stop_out, xd_buf *out,
                             uint32_t *ret_groups, size_t *ret_stop_in, xd_fault *fault)
{
    translation t = {.in = pattern, .out = out, .flags = flags, .stop_out = stop_out};
    t.fault = fault;
    XD_TRY(find_groups(&t));
    while (more(&t)) {
        if (out->len <= stop_out) {
            t.stop_in = t.at;
        }
        bool quantifier;
        XD_TRY(put_quantifier(&t, &quantifier));
        if (!quantifier) {
            XD_TRY(put_term(&t));
        }
    }
    if (t.depth > 0) {
        return refuse(&t, pattern.len, "ends inside a group");
    }
    if (out->failed) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "There is no memory for the expression.");
    }
    *ret_groups = t.groups;
    *ret_stop_in = t.stop_in;
    return XD_OK;
}
