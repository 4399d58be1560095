/* Measuring: a clock, a histogram of durations, CPU time and memory of a process, and the one line
 * of JSON that every figure is printed as. For the benchmarks only. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "base/buf.h"

#include <sys/types.h>

int64_t bench_now_ns(void); /* monotonic */
void bench_sleep_ms(int32_t duration_ms);
/* Prints to standard error and ends the program: a benchmark that cannot be carried out has no
 * figure. */
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Appends a file's bytes; writes a file into a folder. */
void bench_read_file(const char *path, xd_buf *buf);
void bench_write_file(const char *folder, const char *name, xd_str text);

/* Durations by powers of two with 32 steps in each: at most 3 % off. */
enum { BENCH_STEPS = 32, BENCH_BUCKETS = 64 * BENCH_STEPS };
typedef struct bench_histogram {
    uint64_t buckets[BENCH_BUCKETS];
    uint64_t count;
} bench_histogram;

void bench_histogram_add(bench_histogram *histogram, int64_t duration_ns);
/* The duration in milliseconds that per_mille of all durations do not exceed; 0 when empty. */
double bench_histogram_ms(const bench_histogram *histogram, uint32_t per_mille);

/* CPU seconds used so far by a process with all its threads; pid 0 is this one. */
double bench_cpu_s(pid_t pid);
/* Resident memory in MB, now and the most so far. */
double bench_rss_mb(pid_t pid);
double bench_rss_peak_mb(pid_t pid);

/* One figure. What does not apply is 0 and printed as null. */
typedef struct bench_figure {
    const char *bench;
    double value;
    const char *unit;
    double floor;          /* the same by a bare program, in the same unit */
    double ratio;          /* of rounds that belong together; 0: value by floor */
    double p50_ms, p99_ms; /* latency */
    double cpu_s;          /* of the measured process, during the measurement */
    double rss_mb;         /* most resident memory of the measured process */
    double events;         /* how many the CPU time was spent on */
} bench_figure;

void bench_print(const bench_figure *figure);

/* The highest of the rounds: the one that other work on the machine disturbed least. */
double bench_best(const double *values, uint32_t count);
enum { BENCH_ROUNDS_MAX = 32 };
/* The middle one of values[i] / floors[i], which were measured one right after the other. */
double bench_median_ratio(const double *values, const double *floors, uint32_t count);
/* Sorts values and returns the middle one. */
double bench_median(double *values, uint32_t count);

#endif
