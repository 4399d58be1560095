/* Which map makes the bodies of which message for which system, and the documents of which source:
 * joins the names under systems and sources with the maps, and refuses what cannot be meant. */
#include "app/config_int.h"

#include "canon/nearest.h"

#include <stdio.h>

typedef struct joiner {
    xd_config_draft *draft;
    xd_config_system *system;
    xd_config_reporter report;
} joiner;

/* A fault of a system's map; message NULL: of the setting "any". */
static void refuse(const joiner *j, const char *message, const char *rule, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void refuse(const joiner *j, const char *message, const char *rule, const char *format, ...)
{
    char pointer[192];
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(pointer, sizeof pointer, "/systems/%s/maps/%s", j->system->name, message);
    j->report.at(j->report.self, pointer, rule, text);
}

/* The map that setting names, if it is one of what goes out; NULL after reporting. */
static const xd_config_map *find_map(const joiner *j, const char *setting, const char *name)
{
    xd_nearest near = xd_nearest_to(xd_str_from(name));
    for (uint32_t i = 0; i < j->draft->map_count; i++) {
        const xd_config_map *map = &j->draft->maps[i];
        if (!map->name) {
            continue; /* it was refused */
        }
        if (strcmp(map->name, name) == 0) {
            if (map->from) {
                return map;
            }
            refuse(j, setting, "systems.map",
                   "the map %s makes documents of what comes in; a map of what goes out has from",
                   name);
            return NULL;
        }
        xd_nearest_offer(&near, map->name);
    }
    refuse(j, setting, "systems.map", "there is no map \"%s\"%s%s%s; maps has to name it", name,
           near.best ? "; did you mean " : "", near.best ? near.best : "", near.best ? "?" : "");
    return NULL;
}

static bool takes(const xd_config_map *map, const char *message)
{
    return strcmp(map->from, "any") == 0 || strcmp(map->from, message) == 0;
}

static void join_message(const joiner *j, xd_message message, const xd_config_map *rest)
{
    const char *own = j->system->maps[message];
    const char *name = xd_message_name(message);
    const char *setting = own ? name : "any";
    const xd_config_map *map = own ? find_map(j, name, own) : rest;
    if (!map) {
        return;
    }
    if (!takes(map, name)) {
        refuse(j, setting, "systems.map",
               "the map %s is from %s, and not for %s; use another, or write "
               "from: any there",
               map->name, map->from, name);
    } else if (j->system->remote.batch_max > 1 && map->layout_file) {
        refuse(j, setting, "systems.batch",
               "the map %s has a layout, and a batch (batch_max %u) is a JSON array: leave out one "
               "of the two",
               map->name, (unsigned)j->system->remote.batch_max);
    } else {
        j->system->map_of[message] = map;
    }
}

static bool receives(const xd_json *settings, const char *message)
{
    const xd_json *list = XD_GET(settings, "receives");
    for (uint32_t i = 0; list && list->type == XD_JSON_ARRAY && i < list->count; i++) {
        if (xd_str_eq(list->items[i].text, xd_str_from(message))) {
            return true;
        }
    }
    return false;
}

static void join_system(const joiner *j, const xd_json *settings)
{
    const char *any = j->system->maps[XD_MESSAGE_NONE];
    const xd_config_map *rest = any ? find_map(j, "any", any) : NULL;
    for (int i = XD_MESSAGE_NONE + 1; i < XD_MESSAGE_LIMIT; i++) {
        const char *name = xd_message_name((xd_message)i);
        if (receives(settings, name)) {
            join_message(j, (xd_message)i, rest);
        } else if (j->system->maps[i]) {
            refuse(j, name, "systems.receives",
                   "the system does not receive %s: add it to receives, or leave its map out",
                   name);
        }
    }
}

void xd_config_join_maps(xd_config_draft *draft, const xd_json *root, xd_config_reporter report)
{
    const xd_json *systems = XD_GET(root, "systems");
    for (uint32_t i = 0; systems && i < draft->system_count; i++) {
        joiner j = {draft, &draft->systems[i], report};
        if (j.system->name) { /* else it was refused */
            join_system(&j, xd_json_get(systems, xd_str_from(j.system->name)));
        }
    }
}

/* --- sources --- */

static void join_source(xd_config_draft *draft, xd_config_source *source, xd_config_reporter report)
{
    char text[400] = "";
    xd_nearest near = xd_nearest_to(xd_str_from(source->map));
    for (uint32_t i = 0; i < draft->map_count && !source->map_of; i++) {
        const xd_config_map *map = &draft->maps[i];
        if (!map->name) {
            continue; /* it was refused */
        }
        if (strcmp(map->name, source->map) == 0) {
            source->map_of = map;
            if (map->from) {
                snprintf(text, sizeof text,
                         "the map %s is one of what goes out (from); a source needs one with to",
                         map->name);
            }
        } else if (!map->from) {
            xd_nearest_offer(&near, map->name);
        }
    }
    if (!source->map_of) {
        snprintf(text, sizeof text, "there is no map \"%s\"%s%s%s; maps has to name it",
                 source->map, near.best ? "; did you mean " : "", near.best ? near.best : "",
                 near.best ? "?" : "");
    }
    if (text[0]) {
        char pointer[192];
        snprintf(pointer, sizeof pointer, "/sources/%s/map", source->name);
        report.at(report.self, pointer, "sources.map", text);
    }
}

void xd_config_join_sources(xd_config_draft *draft, xd_config_reporter report)
{
    for (uint32_t i = 0; i < draft->source_count; i++) {
        xd_config_source *source = &draft->sources[i];
        if (source->name && source->map) {
            join_source(draft, source, report);
        }
    }
}
