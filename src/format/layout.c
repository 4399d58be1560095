/* Members of a layout. See layout_int.h. */
#include "format/layout_int.h"

#include "canon/nearest.h"

#include <stdio.h>

xd_status xd_layout_open(const xd_json *object, const char *path, xd_fault *fault, xd_layout *ret)
{
    xd_layout layout = {.object = object, .fault = fault};
    snprintf(layout.path, sizeof layout.path, "%s", path);
    if (!object || object->type != XD_JSON_OBJECT) {
        xd_status status =
            xd_fail(fault, XD_INVALID, "layout.type", "a layout must be an object here, not %s",
                    object ? xd_json_type_name(object->type) : "nothing");
        xd_fault_at(fault, object ? (int64_t)object->offset : -1, path);
        return status;
    }
    *ret = layout;
    return XD_OK;
}

xd_status xd_layout_fail(const xd_layout *layout, const char *member, const char *rule,
                         const char *format, ...)
{
    char text[256];
    char path[192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const xd_json *node = member ? xd_json_get(layout->object, xd_str_from(member)) : NULL;
    snprintf(path, sizeof path, "%s%s%s", layout->path, member ? "/" : "", member ? member : "");
    xd_status status = xd_fail(layout->fault, XD_INVALID, rule, "%s", text);
    xd_fault_at(layout->fault, (node ? node : layout->object)->offset, path);
    return status;
}

xd_status xd_layout_only(const xd_layout *layout, const char *const *names)
{
    for (uint32_t i = 0; i < layout->object->count; i++) {
        const xd_json_member *member = &layout->object->members[i];
        const char *const *name = names;
        while (*name && !xd_str_eq(member->name, xd_str_from(*name))) {
            name++;
        }
        if (*name) {
            continue;
        }
        xd_nearest near = xd_nearest_to(member->name);
        for (name = names; *name; name++) {
            xd_nearest_offer(&near, *name);
        }
        xd_status status = xd_fail(layout->fault, XD_INVALID, "layout.unknown",
                                   "a layout has no member \"%.*s\" here%s%s%s",
                                   XD_FMT(member->name), near.best ? "; did you mean \"" : "",
                                   near.best ? near.best : "", near.best ? "\"?" : "");
        xd_fault_at(layout->fault, member->value.offset, layout->path);
        return status;
    }
    return XD_OK;
}

xd_status xd_layout_text(const xd_layout *layout, const char *member, xd_str *ret)
{
    const xd_json *value = xd_json_get(layout->object, xd_str_from(member));
    if (!value) {
        return XD_OK;
    }
    if (value->type != XD_JSON_STRING) {
        return xd_layout_fail(layout, member, "layout.type", "%s must be a text, not %s", member,
                              xd_json_type_name(value->type));
    }
    *ret = value->text;
    return XD_OK;
}

xd_status xd_layout_bool(const xd_layout *layout, const char *member, bool *ret)
{
    const xd_json *value = xd_json_get(layout->object, xd_str_from(member));
    if (!value) {
        return XD_OK;
    }
    if (value->type != XD_JSON_TRUE && value->type != XD_JSON_FALSE) {
        return xd_layout_fail(layout, member, "layout.type", "%s must be true or false, not %s",
                              member, xd_json_type_name(value->type));
    }
    *ret = value->type == XD_JSON_TRUE;
    return XD_OK;
}

xd_status xd_layout_int(const xd_layout *layout, const char *member, int64_t min, int64_t max,
                        int64_t *ret)
{
    const xd_json *value = xd_json_get(layout->object, xd_str_from(member));
    int64_t number = 0;
    if (!value) {
        return XD_OK;
    }
    if (value->type != XD_JSON_NUMBER || !xd_str_to_int64(value->text, &number) || number < min ||
        number > max) {
        return xd_layout_fail(layout, member, "layout.range",
                              "%s must be a whole number from %lld to %lld", member, (long long)min,
                              (long long)max);
    }
    *ret = number;
    return XD_OK;
}

xd_status xd_layout_char(const xd_layout *layout, const char *member, char *ret)
{
    const xd_json *value = xd_json_get(layout->object, xd_str_from(member));
    if (!value) {
        return XD_OK;
    }
    bool text = value->type == XD_JSON_STRING;
    if (text && value->text.len == 0) {
        *ret = 0;
        return XD_OK;
    }
    char c = text && value->text.len == 1 ? value->text.ptr[0] : 0;
    if (c != '\t' && (c < 0x20 || c > 0x7E)) {
        return xd_layout_fail(layout, member, "layout.character",
                              "%s must be one ASCII character or \"\\t\"; \"\" stands for none",
                              member);
    }
    *ret = c;
    return XD_OK;
}

xd_status xd_layout_word(const xd_layout *layout, const char *member, const char *const *words,
                         int *ret)
{
    xd_str text = XD_STR_NULL;
    XD_TRY(xd_layout_text(layout, member, &text));
    if (!text.ptr) {
        return XD_OK;
    }
    char list[160] = "";
    size_t used = 0;
    for (int i = 0; words[i]; i++) {
        if (xd_str_eq(text, xd_str_from(words[i]))) {
            *ret = i;
            return XD_OK;
        }
        int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
        used += n > 0 && (size_t)n < sizeof list - used ? (size_t)n : 0;
    }
    return xd_layout_fail(layout, member, "layout.word", "%s \"%.*s\" is not one of %s", member,
                          text.len < 40 ? (int)text.len : 40, text.ptr, list);
}

xd_status xd_layout_list(const xd_layout *layout, const char *member, const xd_json **ret)
{
    const xd_json *value = xd_json_get(layout->object, xd_str_from(member));
    if (value && value->type != XD_JSON_ARRAY) {
        return xd_layout_fail(layout, member, "layout.type", "%s must be a list, not %s", member,
                              xd_json_type_name(value->type));
    }
    *ret = value;
    return XD_OK;
}
