/* libFuzzer target for the manifest of a backup. One that is read says again, written, what it
 * said, and anything else is refused with a reason. The last member is a hash of all before it,
 * which no fuzzer would ever hit: it is added to inputs that begin with a line feed. */
#include "app/manifest.h"
#include "base/hash.h"

#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

enum { CAP = 1 << 20 };

static char folder[] = "/tmp/crossdock-fuzz-XXXXXX";
static char file_path[sizeof folder + sizeof "/" XD_MANIFEST_FILE];

static void remove_folder(void)
{
    unlink(file_path);
    rmdir(folder);
}

static void write_file(xd_str text)
{
    if (!file_path[0]) {
        REQUIRE(mkdtemp(folder));
        snprintf(file_path, sizeof file_path, "%s/%s", folder, XD_MANIFEST_FILE);
        atexit(remove_folder);
    }
    FILE *file = fopen(file_path, "wb");
    REQUIRE(file && fwrite(text.ptr, 1, text.len, file) == text.len);
    REQUIRE(fclose(file) == 0);
}

static void sign(xd_buf *text)
{
    uint8_t digest[XD_SHA256_BYTES];
    char hex[XD_SHA256_HEX + 1];
    xd_sha256_of(xd_buf_str(text), digest);
    xd_hex(digest, sizeof digest, hex);
    xd_buf_printf(text, ",\n \"seal\":\"%s\"}\n", hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_manifest first, second;
    xd_fault fault = XD_FAULT_NONE;
    xd_buf text, again;
    xd_buf_init(&text, CAP);
    xd_buf_init(&again, CAP);
    bool signs = size > 0 && data[0] == '\n';
    xd_buf_add(&text, (const char *)data + signs, size - signs);
    if (signs) {
        sign(&text);
    }
    write_file(xd_buf_str(&text));
    xd_status status = xd_manifest_read(folder, &first, &fault);
    if (status == XD_OK) {
        xd_manifest_write(&first, &again);
        write_file(xd_buf_str(&again));
        REQUIRE(xd_manifest_read(folder, &second, &fault) == XD_OK);
        REQUIRE(second.schema_version == first.schema_version);
        REQUIRE(strcmp(second.made_at, first.made_at) == 0);
        REQUIRE(second.content.log_head == first.content.log_head);
        REQUIRE(second.content.state_seq == first.content.state_seq);
        REQUIRE(strcmp(second.content.state_hash, first.content.state_hash) == 0);
        REQUIRE(strcmp(second.files[0].sha256, first.files[0].sha256) == 0);
    } else {
        REQUIRE(status == XD_CORRUPT || status == XD_CONFLICT);
        REQUIRE(fault.text[0]);
    }
    xd_buf_finish(&text);
    xd_buf_finish(&again);
    return 0;
}
