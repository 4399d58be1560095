/* codes: look-ups a second in a crosswalk of a million codes, beside the same among a thousand (the
 * floor): in random order, half of the codes with two entries.
 *     bench_codes [SECONDS] */
#include "measure.h"

#include "base/random.h"
#include "mapping/crosswalk.h"

#include <stdio.h>
#include <stdlib.h>

enum { FEW = 1000, MANY = 1000000, ROUNDS = 5, BATCH = 4096, CODE_BYTES = 16 };

static void put(xd_crosswalk *index, uint32_t n, xd_instant from)
{
    char code[CODE_BYTES];
    char value[CODE_BYTES];
    snprintf(code, sizeof code, "SKU-%07u", (unsigned)n);
    snprintf(value, sizeof value, "ITEM-%u", (unsigned)n);
    xd_crosswalk_row row = {XD_STR("item"),     XD_STR("wms"), xd_str_from(code),
                            xd_str_from(value), from,          XD_INSTANT_NONE};
    if (xd_crosswalk_put(index, &row, NULL, NULL) != XD_OK) {
        bench_die("no room for the codes");
    }
}

static xd_crosswalk *fill(uint32_t count)
{
    xd_crosswalk *index = NULL;
    if (xd_crosswalk_create((size_t)1 << 30, &index, NULL) != XD_OK) {
        bench_die("no memory for the codes");
    }
    for (uint32_t n = 0; n < count; n++) {
        put(index, n, XD_INSTANT_NONE);
        if (n % 2) {
            put(index, n, 1000);
        }
    }
    return index;
}

/* Look-ups a second; the codes asked for are made before the clock runs. */
static double run(const xd_crosswalk *index, uint32_t count, double seconds)
{
    static char codes[BATCH][CODE_BYTES];
    xd_random random = {.state = count};
    int64_t taken_ns = 0;
    uint64_t done = 0;
    while ((double)taken_ns < seconds * 1e9) {
        for (int i = 0; i < BATCH; i++) {
            snprintf(codes[i], CODE_BYTES, "SKU-%07u", (unsigned)xd_random_below(&random, count));
        }
        int64_t begin = bench_now_ns();
        for (int i = 0; i < BATCH; i++) {
            xd_str found = xd_crosswalk_get(index, XD_STR("item"), XD_STR("wms"),
                                            (xd_str){codes[i], 11}, 2000);
            done += found.len > 0;
        }
        taken_ns += bench_now_ns() - begin;
    }
    return (double)done / ((double)taken_ns / 1e9);
}

int main(int argc, char **argv)
{
    double seconds = (double)(argc > 1 ? strtol(argv[1], NULL, 10) : 5) / (2 * ROUNDS);
    double value[ROUNDS];
    double floor[ROUNDS];
    xd_crosswalk *few = fill(FEW);
    xd_crosswalk *many = fill(MANY);
    double cpu = bench_cpu_s(0);
    double events = 0;
    for (int i = 0; i < ROUNDS; i++) {
        floor[i] = run(few, FEW, seconds);
        value[i] = run(many, MANY, seconds);
        events += (value[i] + floor[i]) * seconds;
        fprintf(stderr, "bench: codes %.0f/s among %d, %.0f/s among %d\n", value[i], MANY, floor[i],
                FEW);
    }
    double ratio = bench_median_ratio(value, floor, ROUNDS);
    bench_print(&(bench_figure){.bench = "codes",
                                .value = bench_median(value, ROUNDS),
                                .unit = "look-ups/s",
                                .floor = bench_median(floor, ROUNDS),
                                .ratio = ratio,
                                .cpu_s = bench_cpu_s(0) - cpu,
                                .events = events,
                                .rss_mb = bench_rss_peak_mb(0)});
    xd_crosswalk_destroy(many);
    xd_crosswalk_destroy(few);
    return 0;
}
