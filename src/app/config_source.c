/* Opening a source of the project: its layout, its map and what it is told by. */
#include "app/config.h"

xd_status xd_config_open_source(const xd_config_source *source, xd_codes *codes, xd_source **ret,
                                xd_fault *fault)
{
    const xd_config_map *map = source->map_of;
    xd_source_options options = {.name = source->name,
                                 .map_file = map->file,
                                 .map_text = map->text,
                                 .map_hash = xd_str_from(map->hash),
                                 .layout = map->layout,
                                 .to = map->to,
                                 .by = map->by,
                                 .time = map->time,
                                 .codes = codes};
    return xd_source_open(&options, ret, fault);
}
