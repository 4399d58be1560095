/* What the fuzz targets share. A target is one file fuzz_<name>.c with LLVMFuzzerTestOneInput and a
 * line in `targets`; it is linked with libFuzzer (make fuzz) and with replay.c (make check). */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* A property of the code under test: broken, it is a finding. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer's own mutation of bytes; for custom mutators. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Changes one JSON text into another: a value replaced, a text or a number altered, a member or an
 * item taken out, doubled, moved or added. One change in eight is one of bytes, so that broken JSON
 * is seen too; what is no JSON gets changes of bytes only. */
size_t fuzz_mutate_json(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
