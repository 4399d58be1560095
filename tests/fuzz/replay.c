/* Runs a fuzz target over files without libFuzzer, so that corpora and regressions are part of
 * every check: replay_<name> FOLDER... A missing folder is an empty one. Prints how many files ran.
 * A finding ends the process, and the file that made it is the last one named. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { INPUT_BYTES = 1 << 20 };

/* Custom mutators call it, and none of them runs here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    (void)data;
    return size < max_size ? size : max_size;
}

static int run_file(const char *path)
{
    static uint8_t bytes[INPUT_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    fprintf(stderr, "%s\n", path);
    /* A copy of just this size: a read past its end is seen by the address sanitizer. */
    uint8_t *copy = malloc(size ? size : 1);
    REQUIRE(copy);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t nothing[1];
    int files = 0;
    LLVMFuzzerTestOneInput(nothing, 0);
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.') {
                if (run_file(path) != 0) {
                    return 1;
                }
                files++;
            }
        }
        if (folder) {
            closedir(folder);
        }
    }
    printf("%d files\n", files);
    return 0;
}
