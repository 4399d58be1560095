/* Writes the files that are generated from the field tables of src/canon: schemas/<kind>.json and
 * docs/documents.md. With --check it compares instead and says which are stale.
 *     canon_files ROOT            write
 *     canon_files --check ROOT    compare; exit 1 when any differs */
#include "canon/reference.h"

#include "canon/kind.h"

#include <stdio.h>

enum { MAX_FILE = 1 << 20 };

static bool read_file(const char *path, xd_buf *buf)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    xd_buf_clear(buf);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        xd_buf_add(buf, chunk, n);
    }
    bool whole = !ferror(file) && !buf->failed;
    fclose(file);
    return whole;
}

static bool write_file(const char *path, xd_str text)
{
    FILE *file = fopen(path, "wb");
    if (!file) {
        return false;
    }
    bool written = fwrite(text.ptr, 1, text.len, file) == text.len;
    return fclose(file) == 0 && written;
}

/* Writes or compares one file; false when that failed, with a message. */
static bool settle(const char *root, const char *name, xd_str text, bool check, xd_buf *scratch)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", root, name);
    if (!check) {
        if (write_file(path, text)) {
            return true;
        }
        fprintf(stderr, "%s: cannot be written\n", path);
        return false;
    }
    if (read_file(path, scratch) && xd_str_eq(xd_buf_str(scratch), text)) {
        return true;
    }
    fprintf(stderr, "%s is not what the tables say; run 'canon_files %s' and commit it\n", path,
            root);
    return false;
}

int main(int count, char **arguments)
{
    bool check = count == 3 && strcmp(arguments[1], "--check") == 0;
    if (count != 2 && !check) {
        fprintf(stderr, "usage: canon_files [--check] ROOT\n");
        return 2;
    }
    const char *root = arguments[count - 1];
    xd_buf text;
    xd_buf scratch;
    xd_buf_init(&text, MAX_FILE);
    xd_buf_init(&scratch, MAX_FILE);
    bool fine = true;
    size_t kind_count;
    const xd_kind_info *kinds = xd_kinds(&kind_count);
    for (size_t i = 0; i < kind_count; i++) {
        if (kinds[i].fields) {
            char name[128];
            snprintf(name, sizeof name, "schemas/%s.json", kinds[i].name);
            xd_buf_clear(&text);
            xd_canon_schema(&kinds[i], &text);
            fine = !text.failed && settle(root, name, xd_buf_str(&text), check, &scratch) && fine;
        }
    }
    xd_buf_clear(&text);
    xd_canon_reference(&text);
    fine = !text.failed && settle(root, "docs/documents.md", xd_buf_str(&text), check, &scratch) &&
           fine;
    xd_buf_finish(&text);
    xd_buf_finish(&scratch);
    return fine ? 0 : 1;
}
