/* libFuzzer target for questions to the read side: the input is a path, and after it arguments as
 * name=value, one a line. They are asked of a small real database. Whatever is asked, the answer is
 * one JSON value, or a refusal of the question, never of the store. */
#include "api/api_test.h"
#include "api/read.h"
#include "base/json.h"

#include "fuzz.h"

enum { INPUT_BYTES = 4096, ARGUMENTS = 16, ARENA_BYTES = 64 << 20, BODY_BYTES = 4 << 20 };

typedef struct question {
    char text[INPUT_BYTES + 2];
    const char *names[ARGUMENTS], *values[ARGUMENTS];
    int count;
} question;

static test_folder at;
static xd_reader *reader;

static xd_instant ten_o_clock(void)
{
    return TEST_START + 60 * (xd_instant)TEST_SECOND;
}

static void close_reader(void)
{
    xd_read_close(reader);
    test_folder_remove(&at);
}

static void open_reader(void)
{
    test_folder_make(&at);
    test_hub_write(at.path);
    REQUIRE(xd_read_open(at.path, ten_o_clock, &reader, NULL) == XD_OK);
    atexit(close_reader);
}

static const char *argument(void *self, const char *name)
{
    const question *q = self;
    for (int i = 0; i < q->count; i++) {
        if (strcmp(q->names[i], name) == 0) {
            return q->values[i];
        }
    }
    return NULL;
}

/* Cuts the text into a path and arguments, in place. */
static void read_question(question *q, const uint8_t *data, size_t size)
{
    size = size < INPUT_BYTES ? size : INPUT_BYTES;
    q->text[0] = '/';
    memcpy(q->text + 1, data, size);
    q->text[size + 1] = '\0';
    q->count = 0;
    for (char *line = strchr(q->text, '\n'); line && q->count < ARGUMENTS;) {
        *line++ = '\0';
        char *end = strchr(line, '\n');
        if (end) {
            *end = '\0';
        }
        char *equals = strchr(line, '=');
        if (equals) {
            *equals = '\0';
            q->names[q->count] = line;
            q->values[q->count++] = equals + 1;
        }
        line = end;
    }
}

static void check_body(const xd_buf *body)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *json = NULL;
    REQUIRE(xd_json_parse(xd_buf_str(body), XD_JSON_LIMITS_DEFAULT, &arena, &json, NULL) == XD_OK);
    xd_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static question q;
    if (!reader) {
        open_reader();
    }
    if (size) {
        read_question(&q, data, size);
        const char *media_type = NULL;
        xd_read_request request = {
            .path = q.text, .query = argument, .self = &q, .ret_media_type = &media_type};
        xd_buf body;
        xd_fault fault = XD_FAULT_NONE;
        xd_buf_init(&body, BODY_BYTES);
        xd_status status = xd_read_dispatch(reader, &request, &body, &fault);
        if (status == XD_OK && !media_type) {
            check_body(&body);
        } else if (status != XD_OK) {
            REQUIRE(status == XD_INVALID || status == XD_NOT_FOUND || status == XD_LIMIT);
            REQUIRE(body.len == 0 && fault.rule[0] && fault.text[0]);
        }
        xd_buf_finish(&body);
    }
    return 0;
}
