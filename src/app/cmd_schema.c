/* `crossdock schema`: the JSON Schema of each document kind and of crossdock.yaml, from the tables
 * that check them. */
#include "app/cli.h"

#include "canon/kind.h"
#include "canon/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { SCHEMA_MAX_BYTES = 1 << 20 };

static bool is_public(const xd_kind_info *kind)
{
    return kind->kind != XD_KIND_NONE && !kind->internal;
}

static int print_kinds(void)
{
    size_t count = 0;
    const xd_kind_info *kinds = xd_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_public(&kinds[i])) {
            printf("%-18s %s\n", kinds[i].name, kinds[i].title);
        }
    }
    return XD_EXIT_OK;
}

static int write_file(const char *folder, const char *name, const xd_buf *buf)
{
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s.json", folder, name) >= (int)sizeof path) {
        return xd_cli_say(XD_EXIT_FAILED, "the path of %s is too long", folder);
    }
    FILE *file = fopen(path, "we");
    bool good = file && fwrite(buf->ptr, 1, buf->len, file) == buf->len;
    good = file && fclose(file) == 0 && good;
    return good ? XD_EXIT_OK
                : xd_cli_say(XD_EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
}

static int write_all(const char *folder)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot make %s: %s", folder, strerror(errno));
    }
    size_t count = 0;
    const xd_kind_info *kinds = xd_kinds(&count);
    xd_buf buf;
    xd_buf_init(&buf, SCHEMA_MAX_BYTES);
    xd_config_write_schema(&buf);
    int answer = write_file(folder, XD_CONFIG_FILE, &buf);
    for (size_t i = 0; i < count && answer == XD_EXIT_OK; i++) {
        if (is_public(&kinds[i])) {
            xd_buf_clear(&buf);
            xd_canon_schema(&kinds[i], &buf);
            answer = write_file(folder, kinds[i].name, &buf);
        }
    }
    xd_buf_finish(&buf);
    return answer;
}

static int print_one(const char *name)
{
    const xd_kind_info *kind = xd_kind_by_name(xd_str_from(name));
    bool config = strcmp(name, "config") == 0;
    if (!config && (!kind || !is_public(kind))) {
        size_t count = 0;
        const xd_kind_info *kinds = xd_kinds(&count);
        xd_nearest near = xd_nearest_to(xd_str_from(name));
        for (size_t i = 0; i < count; i++) {
            if (is_public(&kinds[i])) {
                xd_nearest_offer(&near, kinds[i].name);
            }
        }
        return xd_cli_say(XD_EXIT_NOT_FOUND, "there is no kind \"%s\"%s%s%s", name,
                          near.best ? "; did you mean " : "; `crossdock schema` lists them",
                          near.best ? near.best : "", near.best ? "?" : "");
    }
    xd_buf buf;
    xd_buf_init(&buf, SCHEMA_MAX_BYTES);
    if (config) {
        xd_config_write_schema(&buf);
    } else {
        xd_canon_schema(kind, &buf);
    }
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

int xd_cmd_schema(xd_cli *cli)
{
    const char *folder = xd_cli_option(cli, "all");
    if (folder && cli->argument_count) {
        return xd_cli_say(XD_EXIT_USAGE, "give a KIND or --all DIR, not both");
    }
    if (folder) {
        return write_all(folder);
    }
    return cli->argument_count ? print_one(cli->arguments[0]) : print_kinds();
}
