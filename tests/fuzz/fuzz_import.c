/* libFuzzer target for files handed to `crossdock import`: the input is the file, sent to a hub in
 * the same process over its control socket. The first byte chooses the ending of the file's name
 * and the size of the requests. The counts must add up, and a second import of the same file must
 * bring nothing new. */
#include "hub.h"
#include "ingress/import.h"

#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

/* False when the file was refused as a whole. */
static bool import(const fuzz_hub *hub, const char *path, uint8_t choice,
                   xd_import_result *ret_result)
{
    xd_import_options options = {.file = path,
                                 .control_path = hub->control_path,
                                 .person = "fuzz",
                                 .chunk_bytes = choice & 4 ? 64 : 4096,
                                 .attempts = 3,
                                 .no_resume = true};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_import_run(&options, ret_result, &fault);
    REQUIRE(status == XD_OK || status == XD_INVALID || status == XD_LIMIT || status == XD_CORRUPT);
    REQUIRE(status == XD_OK || fault.text[0]);
    REQUIRE(ret_result->lines ==
            ret_result->accepted + ret_result->duplicates + ret_result->refused);
    return status == XD_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const endings[] = {"ndjson", "json", "ndjson.gz", "json.gz"};
    if (size < 1) {
        return 0;
    }
    const fuzz_hub *hub = fuzz_hub_get();
    char path[256];
    snprintf(path, sizeof path, "%s/in.%s", hub->folder, endings[data[0] % 4]);
    FILE *file = fopen(path, "wb");
    REQUIRE(file && fwrite(data + 1, 1, size - 1, file) == size - 1);
    REQUIRE(fclose(file) == 0);
    xd_import_result first;
    xd_import_result second;
    bool taken = import(hub, path, data[0], &first);
    REQUIRE(import(hub, path, data[0], &second) == taken);
    REQUIRE(second.accepted == 0);
    REQUIRE(second.lines == first.lines && second.refused == first.refused);
    xd_import_finish(&first);
    xd_import_finish(&second);
    unlink(path);
    fuzz_hub_done();
    return 0;
}
