/* Built-in functions on instants. Time comes from the world of the run. Owns nothing. Pure. */
#include "mapping/functions.h"

#include "mapping/picture.h"

enum { MICROS = 1000 };

static xd_status picture_status(const xd_call *call, xd_status status)
{
    if (status != XD_OK) {
        call->run->fault->offset = -1;
    }
    return status;
}

static xd_str text_of(const xd_value *v)
{
    return xd_is_string(v) ? v->text : XD_STR("");
}

/* A picture that is given and empty shows nothing, and no text fits it. */
static bool is_empty(const xd_value *picture)
{
    return xd_is_string(picture) && picture->text.len == 0;
}

static xd_status write_millis(const xd_call *call, int64_t millis, const xd_value *picture,
                              const xd_value *zone, xd_value *ret)
{
    xd_str text;
    if (is_empty(picture)) {
        *ret = xd_string_value(XD_STR(""));
        return XD_OK;
    }
    XD_TRY(picture_status(call, xd_picture_from_millis(millis, text_of(picture), text_of(zone),
                                                       call->run->arena, &text, call->run->fault)));
    *ret = xd_string_value(text);
    return XD_OK;
}

static int64_t now_millis(const xd_call *call)
{
    return call->run->world->now / MICROS;
}

XD_FN(now)
{
    (void)arg_count;
    return write_millis(call, now_millis(call), &args[0], &args[1], ret);
}

XD_FN(millis)
{
    (void)args;
    (void)arg_count;
    *ret = xd_int_value(now_millis(call));
    return XD_OK;
}

XD_FN(from_millis)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    if (args[0].type == XD_V_INFINITE) {
        return xd_run_range(call->run);
    }
    int64_t millis = xd_number_int64(xd_number_of(&args[0]));
    return write_millis(call, millis, &args[1], &args[2], ret);
}

XD_FN(to_millis)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    int64_t millis;
    bool found;
    if (is_empty(&args[1])) {
        *ret = xd_undefined();
        return XD_OK;
    }
    XD_TRY(
        picture_status(call, xd_picture_to_millis(args[0].text, text_of(&args[1]), now_millis(call),
                                                  &millis, &found, call->run->fault)));
    *ret = found ? xd_int_value(millis) : xd_undefined();
    return XD_OK;
}
