/* `crossdock map new`: drafts a map from a sample to a document kind, tries it on the sample and
 * says what it still lacks. */
#include "app/cmd_map.h"
#include "app/map_draft.h"
#include "app/map_input.h"

#include <stdio.h>

enum { ARENA_BYTES = 1 << 30, DRAFT_BYTES = 1 << 20 };

/* The kind of this name, or the first whose name ends in it ("receipt": goods_receipt). */
static const xd_kind_info *find_kind(xd_str name)
{
    const xd_kind_info *exact = xd_kind_by_name(name);
    size_t count;
    const xd_kind_info *kinds = xd_kinds(&count);
    for (size_t i = 0; !exact && i < count; i++) {
        xd_str known = xd_str_from(kinds[i].name);
        if (known.len > name.len && known.ptr[known.len - name.len - 1] == '_' &&
            xd_str_eq((xd_str){known.ptr + known.len - name.len, name.len}, name)) {
            exact = &kinds[i];
        }
    }
    return exact && exact->fields ? exact : NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Comments of the draft end where the name does: it must not hold their end. */
static void clean_name(const char *path, char *name, size_t size)
{
    snprintf(name, size, "%s", base_name(path));
    for (char *p = name; *p; p++) {
        *p = *p == '*' || (unsigned char)*p < ' ' ? '?' : *p;
    }
}

/* Runs the draft over its sample and says what the result lacks. */
static void try_draft(const xd_kind_info *kind, xd_str draft, const xd_json *sample,
                      xd_arena *arena)
{
    xd_map *map = NULL;
    const xd_json *result = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_map_compile(draft, &map, &fault);
    if (status == XD_OK) {
        status = xd_map_run(map, sample, NULL, NULL, NULL, arena, &result, &fault);
    }
    if (status == XD_OK) {
        fault.path[0] = '\0';
        status = result ? xd_canon_validate(kind, result, &fault)
                        : xd_fail(&fault, XD_INVALID, NULL, "the map gives nothing");
    }
    if (status == XD_OK) {
        xd_cli_say(XD_EXIT_OK,
                   "the draft makes a valid %s of the sample; check that it is the right one",
                   kind->name);
    } else {
        xd_cli_say(XD_EXIT_OK, "the draft does not yet make a valid %s: %s%s%s%s", kind->name,
                   fault.path, fault.path[0] ? ": " : "", fault.text,
                   sample->type == XD_JSON_ARRAY
                       ? " (the sample should hold the rows of one document; `by` tells those of "
                         "a whole file apart)"
                       : "");
    }
    xd_map_destroy(map);
}

static int draft_map(const xd_kind_info *kind, const char *path, const char *layout,
                     xd_arena *arena, xd_buf *out)
{
    const xd_json *sample = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_map_read_input(path, layout, arena, &sample, &fault) != XD_OK) {
        return xd_cli_fault(&fault);
    }
    char name[128];
    clean_name(path, name, sizeof name);
    xd_map_draft(kind, sample, name, out);
    if (out->failed) {
        return xd_cli_say(XD_EXIT_FAILED, "the draft is too large: give a smaller sample");
    }
    int answer = xd_cli_print(out);
    if (answer == XD_EXIT_OK) {
        try_draft(kind, xd_buf_str(out), sample, arena);
    }
    return answer;
}

int xd_cmd_map_new(xd_cli *cli)
{
    const char *from = xd_cli_option(cli, "from");
    const char *to = xd_cli_option(cli, "to");
    if (!from || !to) {
        return xd_cli_say(XD_EXIT_USAGE, "give --from SAMPLE and --to KIND");
    }
    const xd_kind_info *kind = find_kind(xd_str_from(to));
    if (!kind) {
        return xd_cli_say(XD_EXIT_NOT_FOUND,
                          "there is no document kind %s; `crossdock schema` lists them", to);
    }
    xd_arena arena;
    xd_buf out;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf_init(&out, DRAFT_BYTES);
    int answer = draft_map(kind, from, xd_cli_option(cli, "layout"), &arena, &out);
    xd_buf_finish(&out);
    xd_arena_finish(&arena);
    return answer;
}
