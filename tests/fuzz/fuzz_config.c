/* libFuzzer target for crossdock.yaml: the whole way from a file on disk to options and definition,
 * secrets left aside. What loads must give a definition that the flows take; what does not must say
 * why, each error at a place inside the file and in printable words. */
#include "app/config.h"
#include "base/json.h"
#include "flow/definition.h"

#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

enum { ARENA_BYTES = 16 << 20 };

static char folder[] = "/tmp/crossdock-fuzz-XXXXXX";
static char file_path[sizeof folder + sizeof "/" XD_CONFIG_FILE];

static void remove_folder(void)
{
    unlink(file_path);
    rmdir(folder);
}

static void write_file(const uint8_t *data, size_t size)
{
    if (!file_path[0]) {
        REQUIRE(mkdtemp(folder));
        snprintf(file_path, sizeof file_path, "%s/%s", folder, XD_CONFIG_FILE);
        atexit(remove_folder);
    }
    FILE *file = fopen(file_path, "wb");
    REQUIRE(file && fwrite(data, 1, size, file) == size);
    REQUIRE(fclose(file) == 0);
}

static int32_t lines_of(const uint8_t *data, size_t size)
{
    int32_t lines = 1;
    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n';
    }
    return lines;
}

static void check_loaded(const xd_config *config)
{
    REQUIRE(config->data_folder && config->database && config->name[0]);
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *json = NULL;
    xd_definition definition;
    REQUIRE(xd_json_parse(config->definition, XD_JSON_LIMITS_DEFAULT, &arena, &json, NULL) ==
            XD_OK);
    REQUIRE(xd_definition_read(json, &arena, &definition, NULL) == XD_OK);
    REQUIRE(definition.system_count == config->outbound.remote_count);
    xd_fault fault = XD_FAULT_NONE;
    REQUIRE(xd_config_may_reload(config, config, &fault) == XD_OK);
    xd_arena_finish(&arena);
}

static void check_errors(const xd_config_errors *errors, int32_t lines)
{
    REQUIRE(errors->count > 0);
    for (uint32_t i = 0; i < errors->count; i++) {
        const xd_config_error *error = &errors->items[i];
        REQUIRE(error->rule[0] && error->text[0]);
        REQUIRE(error->line >= 0 && error->line <= lines && error->column >= 0);
        REQUIRE(xd_utf8_valid(xd_str_from(error->text), NULL));
        REQUIRE(xd_utf8_valid(xd_str_from(error->path), NULL));
    }
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    xd_config_errors_json(errors, &buf);
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *json = NULL;
    REQUIRE(!buf.failed &&
            xd_json_parse(xd_buf_str(&buf), XD_JSON_LIMITS_DEFAULT, &arena, &json, NULL) == XD_OK);
    xd_arena_finish(&arena);
    xd_buf_finish(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static xd_config_errors errors;
    write_file(data, size);
    xd_config config = {0};
    xd_status status = xd_config_load(folder, XD_CONFIG_WITHOUT_SECRETS, &config, &errors);
    if (status == XD_OK) {
        check_loaded(&config);
        xd_config_finish(&config);
    } else {
        REQUIRE(status == XD_INVALID || status == XD_LIMIT);
        check_errors(&errors, lines_of(data, size));
    }
    return 0;
}
