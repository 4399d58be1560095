/* Built-in functions that search: with a string, a regular expression, or any function that acts as
 * a matcher. Owns nothing. Pure. */
#include "mapping/functions.h"

enum { MAX_GROUPS = 100 };

/* --- matchers --- */

struct found {
    size_t start, end; /* bytes of the subject */
    xd_value groups;   /* array of strings, undefined where a group took no part */
    xd_value object;   /* of a matcher function; else undefined */
};

struct matcher {
    const xd_call *call;
    xd_str subject;
    const xd_regex *regex; /* or NULL: */
    xd_value function;     /* the next one to call */
    size_t from;
    bool again;
    size_t counted; /* bytes of the subject whose characters are known: */
    int64_t chars;
};

static xd_status fail_empty(const xd_run *run)
{
    return xd_fail(run->fault, XD_INVALID, "D1004",
                   "the regular expression matches a zero-length string again and again");
}

/* A fault of the regular expression engine keeps its text but not its place. */
static xd_status regex_status(const xd_run *run, xd_status status)
{
    if (status != XD_OK) {
        run->fault->offset = -1;
    }
    return status;
}

/* The next match of a regex at or after from. */
static xd_status match_regex(xd_run *run, const xd_regex *regex, xd_str subject, size_t from,
                             bool again, bool *ret_found, struct found *ret)
{
    *ret_found = false;
    if (again && from >= subject.len) {
        return XD_OK;
    }
    xd_regex_span spans[MAX_GROUPS + 1];
    uint32_t groups = xd_regex_groups(regex);
    groups = groups < MAX_GROUPS ? groups : MAX_GROUPS;
    bool found;
    XD_TRY(regex_status(
        run, xd_regex_match(regex, subject, from, spans, groups + 1, &found, run->fault)));
    if (!found) {
        return XD_OK;
    }
    if (again && spans[0].end == spans[0].start) {
        return fail_empty(run);
    }
    xd_list list = {0};
    XD_TRY(xd_list_reserve(run, &list, groups));
    for (uint32_t i = 1; i <= groups; i++) {
        xd_value group = xd_undefined();
        if (spans[i].start != SIZE_MAX) {
            group = xd_string_value(
                (xd_str){subject.ptr + spans[i].start, spans[i].end - spans[i].start});
        }
        list.items[list.count++] = group;
    }
    *ret_found = true;
    *ret = (struct found){spans[0].start, spans[0].end, xd_list_value(&list, 0), xd_undefined()};
    return XD_OK;
}

/* Reads what a matcher function gave. */
static xd_status read_match(struct matcher *m, const xd_value *object, struct found *ret)
{
    const xd_value *start = xd_is_object(object) ? xd_value_member(object, XD_STR("start")) : NULL;
    const xd_value *end = xd_is_object(object) ? xd_value_member(object, XD_STR("end")) : NULL;
    const xd_value *groups =
        xd_is_object(object) ? xd_value_member(object, XD_STR("groups")) : NULL;
    const xd_value *next = xd_is_object(object) ? xd_value_member(object, XD_STR("next")) : NULL;
    if (!start || !end || !xd_is_number(start) || !xd_is_number(end) ||
        start->type == XD_V_INFINITE || end->type == XD_V_INFINITE ||
        (groups && !xd_is_array(groups)) || (next && !xd_is_function(next))) {
        return xd_call_fail(m->call, "T1010",
                            "the matcher function passed to \"%.*s\" does not return an object "
                            "with start, end, groups and next",
                            XD_FMT(m->call->name));
    }
    int64_t first = xd_number_int64(xd_number_of(start));
    int64_t last = xd_number_int64(xd_number_of(end));
    size_t from = xd_utf8_offset(m->subject, first > 0 ? (size_t)first : 0);
    size_t to = xd_utf8_offset(m->subject, last > 0 ? (size_t)last : 0);
    *ret = (struct found){from, to > from ? to : from, xd_array_value(NULL, 0, 0), *object};
    if (groups) {
        ret->groups = *groups;
        XD_TRY(xd_value_force(m->call->run, &ret->groups));
    }
    m->function = next ? *next : xd_undefined();
    return XD_OK;
}

static xd_status next_match(struct matcher *m, bool *ret_found, struct found *ret)
{
    if (m->regex) {
        XD_TRY(match_regex(m->call->run, m->regex, m->subject, m->from, m->again, ret_found, ret));
        if (*ret_found) {
            m->from = ret->end;
            m->again = true;
        }
        return XD_OK;
    }
    *ret_found = false;
    if (!xd_is_function(&m->function)) {
        return XD_OK;
    }
    xd_value subject = xd_string_value(m->subject);
    xd_value result;
    xd_value *args = xd_arena_alloc(m->call->run->arena, sizeof *args);
    if (!args) {
        return xd_run_no_memory(m->call->run);
    }
    args[0] = subject;
    XD_TRY(xd_apply(m->call, &m->function, args, m->again ? 0 : 1, &result));
    m->again = true;
    if (xd_is_undefined(&result)) {
        return XD_OK;
    }
    *ret_found = true;
    return read_match(m, &result, ret);
}

/* The first match, if any is wanted. As in the reference, the match after the last one wanted is
 * looked for as well, so that a regular expression fails alike with and without a limit. */
static xd_status first_match(struct matcher *m, int64_t limit, bool *ret_found, struct found *ret)
{
    *ret_found = false;
    return limit == 0 ? XD_OK : next_match(m, ret_found, ret);
}

static struct matcher matcher_of(const xd_call *call, const xd_value *subject,
                                 const xd_value *pattern)
{
    struct matcher m = {.call = call, .subject = subject->text, .function = *pattern};
    if (xd_function_of(pattern)->kind == XD_FN_REGEX) {
        m.regex = xd_function_of(pattern)->regex;
    }
    return m;
}

/* --- match objects --- */

static xd_status put(xd_run *run, xd_members *members, const char *name, xd_value v)
{
    bool fresh;
    xd_value *place = xd_members_at(run, members, xd_str_from(name), &fresh);
    if (!place) {
        return run->fault->code;
    }
    *place = v;
    return XD_OK;
}

/* Index in characters of a byte, counted on from the one asked for before. */
static xd_value char_index(struct matcher *m, size_t byte)
{
    if (byte < m->counted) {
        m->counted = 0;
        m->chars = 0;
    }
    m->chars += (int64_t)xd_utf8_count((xd_str){m->subject.ptr + m->counted, byte - m->counted});
    m->counted = byte;
    return xd_int_value(m->chars);
}

static xd_value matched(xd_str subject, const struct found *f)
{
    return xd_string_value((xd_str){subject.ptr + f->start, f->end - f->start});
}

/* The object {match, start, end, groups, next} that a regular expression gives when called. */
static xd_status match_object(struct matcher *m, const struct found *f, xd_value *ret)
{
    xd_run *run = m->call->run;
    xd_function *next = xd_arena_zalloc(run->arena, sizeof *next);
    if (!next) {
        return xd_run_no_memory(run);
    }
    xd_value start = char_index(m, f->start);
    xd_value end = char_index(m, f->end);
    *next = (xd_function){.kind = XD_FN_NEXT,
                          .name = XD_STR("next"),
                          .regex = m->regex,
                          .subject = m->subject,
                          .from = f->end,
                          .from_index = m->chars};
    xd_members members = {0};
    XD_TRY(put(run, &members, "match", matched(m->subject, f)));
    XD_TRY(put(run, &members, "start", start));
    XD_TRY(put(run, &members, "end", end));
    XD_TRY(put(run, &members, "groups", f->groups));
    XD_TRY(put(run, &members, "next", xd_function_value(next)));
    *ret = xd_members_value(&members);
    return XD_OK;
}

xd_status xd_regex_call(const xd_call *call, const xd_function *function, xd_str subject,
                        bool again, xd_value *ret)
{
    struct matcher m = {.call = call, .subject = subject, .regex = function->regex};
    bool found;
    struct found f;
    if (again) {
        m.from = m.counted = function->from;
        m.chars = function->from_index;
    }
    XD_TRY(match_regex(call->run, m.regex, subject, m.from, again, &found, &f));
    *ret = xd_undefined();
    return found ? match_object(&m, &f, ret) : XD_OK;
}

/* --- limits --- */

/* The optional limit argument; *ret is -1 when it is absent. */
static xd_status limit_of(const xd_call *call, const xd_value *v, const char *code, int64_t *ret)
{
    *ret = -1;
    if (xd_is_undefined(v)) {
        return XD_OK;
    }
    if (v->type == XD_V_INFINITE) {
        return xd_run_range(call->run);
    }
    xd_number n = xd_number_of(v);
    if (n.coefficient < 0) {
        return xd_call_fail(call, code, "the limit of \"%.*s\" must not be negative",
                            XD_FMT(call->name));
    }
    /* 1.5 still lets a second one through, as counting up to it does. */
    *ret = xd_number_int64(xd_number_round(n, 0, XD_UP));
    return XD_OK;
}

/* --- functions --- */

XD_FN(contains)
{
    (void)arg_count;
    *ret = xd_undefined();
    if (xd_is_undefined(&args[0]) || xd_is_undefined(&args[1])) {
        return XD_OK;
    }
    bool found = false;
    if (xd_is_string(&args[1])) {
        found = xd_str_find(args[0].text, args[1].text, 0) != SIZE_MAX;
    } else {
        struct matcher m = matcher_of(call, &args[0], &args[1]);
        struct found f;
        XD_TRY(next_match(&m, &found, &f));
    }
    *ret = xd_bool_value(found);
    return XD_OK;
}

XD_FN(match)
{
    (void)arg_count;
    int64_t limit;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(limit_of(call, &args[2], "D3040", &limit));
    xd_list list = {0};
    struct matcher m = matcher_of(call, &args[0], &args[1]);
    bool found;
    struct found f;
    XD_TRY(first_match(&m, limit, &found, &f));
    for (int64_t n = 0; found && (limit < 0 || n < limit); n++) {
        xd_members members = {0};
        xd_value text = matched(m.subject, &f);
        const xd_value *given =
            xd_is_object(&f.object) ? xd_value_member(&f.object, XD_STR("match")) : NULL;
        XD_TRY(put(call->run, &members, "match", given ? *given : text));
        XD_TRY(put(call->run, &members, "index", char_index(&m, f.start)));
        XD_TRY(put(call->run, &members, "groups", f.groups));
        xd_value object = xd_members_value(&members);
        XD_TRY(xd_list_push(call->run, &list, &object));
        XD_TRY(next_match(&m, &found, &f));
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

static xd_status split_string(xd_run *run, xd_str s, xd_str separator, int64_t limit, xd_list *list)
{
    size_t at = 0;
    while (limit < 0 || list->count < limit) {
        size_t end;
        if (separator.len == 0) {
            if (at >= s.len) {
                break;
            }
            end = at + xd_utf8_offset((xd_str){s.ptr + at, s.len - at}, 1);
        } else {
            end = xd_str_find(s, separator, at);
        }
        bool last = end == SIZE_MAX;
        xd_value part = xd_string_value((xd_str){s.ptr + at, (last ? s.len : end) - at});
        XD_TRY(xd_list_push(run, list, &part));
        if (last) {
            break;
        }
        at = end + separator.len;
    }
    return XD_OK;
}

XD_FN(split)
{
    (void)arg_count;
    int64_t limit;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(limit_of(call, &args[2], "D3020", &limit));
    xd_list list = {0};
    if (!xd_is_function(&args[1])) {
        xd_str separator = args[1].text;
        if (xd_is_undefined(&args[1])) {
            XD_TRY(limit == 0 ? XD_OK : xd_list_push(call->run, &list, &args[0]));
        } else {
            if (limit >= 0) {
                limit = xd_number_int64(xd_number_of(&args[2]));
            }
            XD_TRY(split_string(call->run, args[0].text, separator, limit, &list));
        }
        *ret = xd_list_value(&list, 0);
        return XD_OK;
    }
    struct matcher m = matcher_of(call, &args[0], &args[1]);
    size_t start = 0;
    bool found;
    struct found f;
    XD_TRY(first_match(&m, limit, &found, &f));
    while (found && (limit < 0 || list.count < limit)) {
        size_t end = f.start > start ? f.start : start;
        xd_value part = xd_string_value((xd_str){m.subject.ptr + start, end - start});
        XD_TRY(xd_list_push(call->run, &list, &part));
        start = f.end;
        XD_TRY(next_match(&m, &found, &f));
    }
    if (limit < 0 || list.count < limit) {
        xd_value rest = xd_string_value((xd_str){m.subject.ptr + start, m.subject.len - start});
        XD_TRY(xd_list_push(call->run, &list, &rest));
    }
    *ret = xd_list_value(&list, 0);
    return XD_OK;
}

/* Appends a replacement text with its $$, $0 and $n filled in. */
static void add_replacement(xd_text *text, xd_str with, xd_str subject, const struct found *f)
{
    uint32_t groups = f->groups.count;
    int most_digits = 1;
    for (uint32_t n = groups; n >= 10; n /= 10) {
        most_digits++;
    }
    for (size_t i = 0; i < with.len; i++) {
        if (with.ptr[i] != '$') {
            size_t run = i;
            while (i + 1 < with.len && with.ptr[i + 1] != '$') {
                i++;
            }
            xd_text_add(text, with.ptr + run, i + 1 - run);
            continue;
        }
        char c = i + 1 < with.len ? with.ptr[i + 1] : '\0';
        if (c == '$') {
            xd_text_add(text, "$", 1);
            i++;
            continue;
        }
        if (c == '0') {
            xd_text_add(text, subject.ptr + f->start, f->end - f->start);
            i++;
            continue;
        }
        uint32_t index = 0;
        int digits = 0;
        while (digits < most_digits && i + 1 + (size_t)digits < with.len) {
            unsigned digit = (unsigned)(unsigned char)with.ptr[i + 1 + (size_t)digits] - '0';
            if (digit > 9 || (digits > 0 && index * 10 + digit > groups)) {
                break;
            }
            index = index * 10 + digit;
            digits++;
        }
        if (digits == 0) {
            xd_text_add(text, "$", 1);
            continue;
        }
        if (index >= 1 && index <= groups && xd_is_string(&f->groups.items[index - 1])) {
            xd_text_str(text, f->groups.items[index - 1].text);
        }
        i += (size_t)digits;
    }
}

static xd_status replace_match(const xd_call *call, struct matcher *m, const xd_value *replacement,
                               const struct found *f, xd_text *text)
{
    if (xd_is_string(replacement)) {
        add_replacement(text, replacement->text, m->subject, f);
        return XD_OK;
    }
    xd_value object = f->object;
    if (xd_is_undefined(&object)) {
        XD_TRY(match_object(m, f, &object));
    }
    xd_value result;
    xd_value nothing = xd_undefined();
    XD_TRY(xd_call_with(call, replacement, &object, &nothing, &nothing, &result));
    if (!xd_is_string(&result)) {
        return xd_call_fail(call, "D3012",
                            "the function that gives the replacement must return a string");
    }
    xd_text_str(text, result.text);
    return XD_OK;
}

static xd_status replace_string(const xd_call *call, xd_value *args, int64_t limit, xd_value *ret)
{
    if (!xd_is_string(&args[2])) {
        return xd_call_fail(call, "D3012", "a string pattern can only be replaced by a string");
    }
    xd_text text = {.run = call->run};
    xd_str s = args[0].text;
    size_t at = 0;
    for (int64_t n = 0; limit < 0 || n < limit; n++) {
        size_t found = xd_str_find(s, args[1].text, at);
        if (found == SIZE_MAX) {
            break;
        }
        xd_text_add(&text, s.ptr + at, found - at);
        xd_text_str(&text, args[2].text);
        at = found + args[1].text.len;
    }
    xd_text_add(&text, s.ptr + at, s.len - at);
    return xd_text_value(&text, ret);
}

XD_FN(replace)
{
    (void)arg_count;
    int64_t limit;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    if (xd_is_string(&args[1]) && args[1].text.len == 0) {
        return xd_call_fail(call, "D3010", "the pattern of \"replace\" must not be empty");
    }
    XD_TRY(limit_of(call, &args[3], "D3011", &limit));
    if (xd_is_undefined(&args[1]) || xd_is_undefined(&args[2])) {
        return XD_OK;
    }
    if (xd_is_string(&args[1])) {
        return replace_string(call, args, limit, ret);
    }
    xd_text text = {.run = call->run};
    struct matcher m = matcher_of(call, &args[0], &args[1]);
    size_t at = 0;
    bool found;
    struct found f;
    XD_TRY(first_match(&m, limit, &found, &f));
    for (int64_t n = 0; found && (limit < 0 || n < limit); n++) {
        if (f.start > at) {
            xd_text_add(&text, m.subject.ptr + at, f.start - at);
        }
        XD_TRY(replace_match(call, &m, &args[2], &f, &text));
        at = f.end;
        XD_TRY(next_match(&m, &found, &f));
    }
    xd_text_add(&text, m.subject.ptr + at, m.subject.len - at);
    return xd_text_value(&text, ret);
}
