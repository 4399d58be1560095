/* `crossdock import`: files of events, or in a source's own words, into the running hub. */
#include "app/cli.h"

#include "canon/nearest.h"
#include "ingress/import.h"

#include <stdio.h>

static void say_counts(const char *file, const xd_import_result *result)
{
    printf("%s: %lld events: %lld accepted, %lld known already, %lld refused", file,
           (long long)result->lines, (long long)result->accepted, (long long)result->duplicates,
           (long long)result->refused);
    if (result->resumed_at_line) {
        printf(" (went on after line %lld)", (long long)result->resumed_at_line);
    }
    putchar('\n');
}

/* One line for each refused event, as far as they are listed. */
static void say_problems(const char *file, const xd_import_result *result)
{
    xd_arena arena;
    xd_arena_init(&arena, 64 << 20);
    xd_str list = xd_arena_printf(&arena, "[%.*s]", XD_FMT(xd_buf_str(&result->problems)));
    const xd_json *problems = NULL;
    if (list.ptr && xd_json_parse(list, XD_JSON_LIMITS_DEFAULT, &arena, &problems, NULL) == XD_OK) {
        for (uint32_t i = 0; i < problems->count; i++) {
            const xd_json *problem = &problems->items[i];
            xd_str detail = XD_TEXT(problem, "detail");
            fprintf(stderr, "%s:%lld: %.*s\n", file, (long long)XD_INT(problem, "line", 0),
                    XD_FMT(detail.len ? detail : XD_TEXT(problem, "title")));
        }
    }
    xd_arena_finish(&arena);
}

static int import_file(const xd_cli *cli, const xd_config *config, const xd_source *source,
                       const char *file)
{
    xd_import_bar bar = {0};
    xd_import_options options = {.file = file,
                                 .source = source,
                                 .max_body_bytes = config->ingress.max_body_bytes,
                                 .control_path = config->ingress.control_path,
                                 .no_resume = xd_cli_option(cli, "no-resume") != NULL,
                                 .progress_context = &bar,
                                 .progress = xd_import_draw};
    xd_import_result result = {0};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_import_run(&options, &result, &fault);
    xd_import_draw_end(&bar);
    if (cli->json) {
        xd_buf buf;
        xd_buf_init(&buf, 64 << 20);
        xd_import_write(&result, &buf);
        XD_BUF_LIT(&buf, "\n");
        (void)xd_cli_print(&buf);
        xd_buf_finish(&buf);
    } else {
        say_counts(file, &result);
        say_problems(file, &result);
    }
    int answer = status != XD_OK  ? xd_cli_fault(&fault)
                 : result.refused ? XD_EXIT_FAILED
                                  : XD_EXIT_OK;
    xd_import_finish(&result);
    return answer;
}

/* The source that --source names. */
static xd_status open_source(const xd_config *config, const char *name, xd_source **ret,
                             xd_fault *fault)
{
    xd_nearest near = xd_nearest_to(xd_str_from(name));
    for (uint32_t i = 0; i < config->source_count; i++) {
        const xd_config_source *source = &config->sources[i];
        if (source->map_of && strcmp(source->name, name) == 0) {
            return xd_config_open_source(source, NULL, ret, fault);
        }
        if (source->map_of) {
            xd_nearest_offer(&near, source->name);
        }
    }
    return xd_fail(fault, XD_NOT_FOUND, "source.unknown",
                   "there is no source %s with a map in %s/" XD_CONFIG_FILE "%s%s%s", name,
                   config->folder, near.best ? "; did you mean " : "", near.best ? near.best : "",
                   near.best ? "?" : "");
}

static int import_files(const xd_cli *cli, const xd_config *config, const xd_source *source)
{
    int answer = XD_EXIT_OK;
    for (int i = 0; i < cli->argument_count; i++) {
        int file_answer = import_file(cli, config, source, cli->arguments[i]);
        answer = file_answer > answer ? file_answer : answer;
        if (file_answer == XD_EXIT_REMOTE) {
            break; /* the hub is away: the other files would meet the same */
        }
    }
    return answer;
}

int xd_cmd_import(xd_cli *cli)
{
    xd_config config = {0};
    int answer = xd_cli_config(cli, XD_CONFIG_WITHOUT_SECRETS, &config);
    if (answer >= 0) {
        return answer;
    }
    const char *name = xd_cli_option(cli, "source");
    xd_source *source = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (name && open_source(&config, name, &source, &fault) != XD_OK) {
        answer = xd_cli_fault(&fault);
    } else {
        answer = import_files(cli, &config, source);
    }
    xd_source_close(source);
    xd_config_finish(&config);
    return answer;
}
