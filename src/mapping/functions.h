/* The built-in functions, by file, and what they share. Private to src/mapping. */
#ifndef XD_MAPPING_FUNCTIONS_H
#define XD_MAPPING_FUNCTIONS_H

#include "mapping/map_int.h"

/* Arguments are checked by the signature already and padded with undefined to five. */
#define XD_FN(name)                                                                                \
    xd_status xd_fn_##name(const xd_call *call, xd_value *args, uint32_t arg_count, xd_value *ret)

/* fn_string.c */
XD_FN(string);
XD_FN(length);
XD_FN(substring);
XD_FN(substring_before);
XD_FN(substring_after);
XD_FN(lowercase);
XD_FN(uppercase);
XD_FN(trim);
XD_FN(pad);
XD_FN(join);
/* fn_match.c */
XD_FN(contains);
XD_FN(split);
XD_FN(replace);
XD_FN(match);
/* fn_url.c */
XD_FN(base64encode);
XD_FN(base64decode);
XD_FN(encode_url);
XD_FN(encode_url_component);
XD_FN(decode_url);
XD_FN(decode_url_component);
/* fn_number.c */
XD_FN(number);
XD_FN(abs);
XD_FN(floor);
XD_FN(ceil);
XD_FN(round);
XD_FN(power);
XD_FN(sqrt);
XD_FN(random);
XD_FN(format_number);
XD_FN(format_base);
XD_FN(format_integer);
XD_FN(parse_integer);
XD_FN(sum);
XD_FN(max);
XD_FN(min);
XD_FN(average);
/* fn_array.c */
XD_FN(count);
XD_FN(append);
XD_FN(sort);
XD_FN(reverse);
XD_FN(shuffle);
XD_FN(distinct);
XD_FN(zip);
/* fn_hof.c */
XD_FN(map);
XD_FN(filter);
XD_FN(single);
XD_FN(reduce);
XD_FN(sift);
XD_FN(each);
/* fn_object.c */
XD_FN(keys);
XD_FN(lookup);
XD_FN(spread);
XD_FN(merge);
XD_FN(type);
XD_FN(exists);
XD_FN(boolean);
XD_FN(not );
XD_FN(clone);
XD_FN(error);
XD_FN(assert);
XD_FN(eval);
/* fn_time.c */
XD_FN(now);
XD_FN(millis);
XD_FN(from_millis);
XD_FN(to_millis);
/* fn_trade.c */
XD_FN(xref);
XD_FN(uom);
XD_FN(money);
XD_FN(date);

/* All rows; ends with name NULL. */
extern const xd_builtin xd_builtins[];

/* Characters of UTF-8 text. */
size_t xd_utf8_count(xd_str s);
/* Byte at which character n begins; the length when there are fewer. */
size_t xd_utf8_offset(xd_str s, size_t n);
/* Where needle begins in s at or after from; SIZE_MAX when nowhere. */
size_t xd_str_find(xd_str s, xd_str needle, size_t from);
/* Simple case mapping of one character (unicode.c). */
uint32_t xd_unicode_upper(uint32_t c);
uint32_t xd_unicode_lower(uint32_t c);

/* Calls a function with as many of the three arguments as it takes. */
XD_CHECKED xd_status xd_call_with(const xd_call *call, const xd_value *function, const xd_value *a,
                                  const xd_value *b, const xd_value *c, xd_value *ret);
/* Fails and lets the call add the position. */
xd_status xd_call_fail(const xd_call *call, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
