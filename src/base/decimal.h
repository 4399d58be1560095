/* Exact decimals and money. A decimal is coefficient x 10^-scale with a 128-bit coefficient (38
 * significant digits) and scale 0..38. Nothing here ever rounds silently: a result that does not
 * fit is XD_OVERFLOW, and where rounding is possible the mode is an argument. Pure. */
#ifndef XD_BASE_DECIMAL_H
#define XD_BASE_DECIMAL_H

#include "base/buf.h"
#include "base/status.h"

__extension__ typedef __int128 xd_int128;

typedef struct xd_decimal {
    xd_int128 coefficient;
    int32_t scale; /* digits after the point, 0..XD_DECIMAL_MAX_SCALE */
} xd_decimal;

enum { XD_DECIMAL_MAX_SCALE = 38, XD_DECIMAL_MAX_TEXT = 48 };

typedef enum xd_rounding {
    XD_HALF_AWAY, /* half away from zero: the commercial rule, default for amounts */
    XD_HALF_EVEN,
    XD_DOWN, /* towards zero */
    XD_UP    /* away from zero */
} xd_rounding;

#define XD_ZERO ((xd_decimal){0, 0})
static inline xd_decimal xd_decimal_int(int64_t value)
{
    return (xd_decimal){value, 0};
}

/* Reads a JSON number lexeme or the same with a leading '+' refused:
 * -?digits[.digits][e[+-]digits]. Faults: XD_INVALID (syntax), XD_OVERFLOW (more than 38
 * significant digits or scale beyond 38 after dropping trailing fractional zeros). */
XD_CHECKED xd_status xd_decimal_parse(xd_str text, xd_decimal *ret, xd_fault *fault);
/* Plain notation, never an exponent; keeps the scale ("1.50" stays "1.50"). */
void xd_decimal_write(xd_buf *buf, xd_decimal value);
/* As above into text (at least XD_DECIMAL_MAX_TEXT bytes, NUL-terminated); returns its string. */
xd_str xd_decimal_text(xd_decimal value, char *text);
/* Smallest scale that keeps the value; zero has scale 0. */
xd_decimal xd_decimal_normal(xd_decimal value);

XD_CHECKED xd_status xd_decimal_add(xd_decimal a, xd_decimal b, xd_decimal *ret);
XD_CHECKED xd_status xd_decimal_sub(xd_decimal a, xd_decimal b, xd_decimal *ret);
/* Exact; XD_OVERFLOW when the product has more than 38 digits after normalising both. */
XD_CHECKED xd_status xd_decimal_mul(xd_decimal a, xd_decimal b, xd_decimal *ret);
/* a / b rounded to scale digits; the quotient is formed exactly (256-bit dividend) before rounding.
 * XD_INVALID on division by zero. */
XD_CHECKED xd_status xd_decimal_div(xd_decimal a, xd_decimal b, int32_t scale, xd_rounding mode,
                                    xd_decimal *ret);
/* Product rounded to scale, exact 256-bit product before rounding. */
XD_CHECKED xd_status xd_decimal_mul_round(xd_decimal a, xd_decimal b, int32_t scale,
                                          xd_rounding mode, xd_decimal *ret);
/* a x b / c rounded once, exact 256-bit (or wider) in between: proportional relief, percentages. */
XD_CHECKED xd_status xd_decimal_mul_div(xd_decimal a, xd_decimal b, xd_decimal c, int32_t scale,
                                        xd_rounding mode, xd_decimal *ret);
XD_CHECKED xd_status xd_decimal_round(xd_decimal value, int32_t scale, xd_rounding mode,
                                      xd_decimal *ret);
/* <0, 0, >0; exact for all representable values. */
int xd_decimal_cmp(xd_decimal a, xd_decimal b);
static inline int xd_decimal_sign(xd_decimal a)
{
    return (a.coefficient > 0) - (a.coefficient < 0);
}
static inline xd_decimal xd_decimal_neg(xd_decimal a)
{
    return (xd_decimal){-a.coefficient, a.scale};
}
static inline xd_decimal xd_decimal_abs(xd_decimal a)
{
    return a.coefficient < 0 ? xd_decimal_neg(a) : a;
}
static inline xd_decimal xd_decimal_min(xd_decimal a, xd_decimal b)
{
    return xd_decimal_cmp(a, b) <= 0 ? a : b;
}

typedef struct xd_money {
    xd_decimal amount;
    char currency[4]; /* ISO 4217, NUL-terminated */
} xd_money;

/* Minor-unit digits of an ISO 4217 currency (USD 2, JPY 0, KWD 3); -1 when it is not one. */
int xd_currency_digits(xd_str code);
/* XD_INVALID with rule "money.currency" when the currencies differ. */
XD_CHECKED xd_status xd_money_add(xd_money a, xd_money b, xd_money *ret, xd_fault *fault);
/* quantity x unit_price rounded to the currency's minor unit. */
XD_CHECKED xd_status xd_money_extend(xd_decimal quantity, xd_decimal unit_price, xd_str currency,
                                     xd_rounding mode, xd_money *ret, xd_fault *fault);

#endif
