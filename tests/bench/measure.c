/* Measuring. Reads /proc; prints to standard output. */
#include "measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_sleep_ms(int32_t duration_ms)
{
    struct timespec rest = {duration_ms / 1000, (duration_ms % 1000) * 1000000L};
    while (nanosleep(&rest, &rest) != 0) {
    }
}

void bench_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint32_t bucket_of(uint64_t value)
{
    if (value < BENCH_STEPS) {
        return (uint32_t)value;
    }
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - 5;
    return (shift + 1) * BENCH_STEPS + (uint32_t)(value >> shift) - BENCH_STEPS;
}

static double bucket_value(uint32_t bucket)
{
    if (bucket < BENCH_STEPS) {
        return bucket;
    }
    uint32_t shift = bucket / BENCH_STEPS - 1;
    return (double)((uint64_t)(bucket % BENCH_STEPS + BENCH_STEPS + 1) << shift);
}

void bench_read_file(const char *path, xd_buf *buf)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        bench_die("cannot open %s", path);
    }
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        xd_buf_add(buf, chunk, n);
    }
    fclose(file);
}

void bench_write_file(const char *folder, const char *name, xd_str text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text.ptr, 1, text.len, file) != text.len || fclose(file) != 0) {
        bench_die("cannot write %s", path);
    }
}

void bench_histogram_add(bench_histogram *histogram, int64_t duration_ns)
{
    histogram->buckets[bucket_of(duration_ns > 0 ? (uint64_t)duration_ns : 0)]++;
    histogram->count++;
}

double bench_histogram_ms(const bench_histogram *histogram, uint32_t per_mille)
{
    uint64_t wanted = (histogram->count * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < BENCH_BUCKETS && histogram->count; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted) {
            return bucket_value(i) / 1e6;
        }
    }
    return 0;
}

/* Reads /proc/PID/name into text. */
static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    if (pid) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    } else {
        snprintf(path, sizeof path, "/proc/self/%s", name);
    }
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, size - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    text[n] = '\0';
}

double bench_cpu_s(pid_t pid)
{
    char text[1024];
    unsigned long user = 0;
    unsigned long system = 0;
    read_proc(pid, "stat", text, sizeof text);
    const char *after_name = strrchr(text, ')');
    if (!after_name || sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                              &user, &system) != 2) {
        bench_die("process %d is gone", (int)pid);
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double memory_mb(pid_t pid, const char *field)
{
    char text[4096];
    long kilobytes = 0;
    read_proc(pid, "status", text, sizeof text);
    const char *line = strstr(text, field);
    if (!line || sscanf(line + strlen(field), " %ld", &kilobytes) != 1) {
        bench_die("process %d is gone", (int)pid);
    }
    return (double)kilobytes / 1024;
}

double bench_rss_mb(pid_t pid)
{
    return memory_mb(pid, "VmRSS:");
}

double bench_rss_peak_mb(pid_t pid)
{
    return memory_mb(pid, "VmHWM:");
}

static void print_number(const char *name, double value, int digits)
{
    if (value <= 0) {
        printf(",\"%s\":null", name);
    } else {
        printf(",\"%s\":%.*f", name, digits, value);
    }
}

void bench_print(const bench_figure *figure)
{
    double ratio = figure->floor > 0 ? figure->value / figure->floor : 0;
    ratio = figure->ratio > 0 ? figure->ratio : ratio;
    double per_1000 = figure->events > 0 ? figure->cpu_s * 1000 / figure->events : 0;
    printf("{\"bench\":\"%s\",\"value\":%.*f,\"unit\":\"%s\"", figure->bench,
           figure->value < 100 ? 3 : 0, figure->value, figure->unit);
    print_number("floor", figure->floor, figure->floor < 100 ? 3 : 0);
    print_number("ratio", ratio, 3);
    print_number("p50_ms", figure->p50_ms, 3);
    print_number("p99_ms", figure->p99_ms, 3);
    print_number("cpu_s", figure->cpu_s, 2);
    print_number("rss_mb", figure->rss_mb, 1);
    print_number("cpu_s_per_1000", per_1000, 4);
    puts("}");
    fflush(stdout);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_best(const double *values, uint32_t count)
{
    double best = 0;
    for (uint32_t i = 0; i < count; i++) {
        best = values[i] > best ? values[i] : best;
    }
    return best;
}

double bench_median_ratio(const double *values, const double *floors, uint32_t count)
{
    double ratios[BENCH_ROUNDS_MAX];
    count = count < BENCH_ROUNDS_MAX ? count : BENCH_ROUNDS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        ratios[i] = values[i] / floors[i];
    }
    return bench_median(ratios, count);
}

double bench_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
