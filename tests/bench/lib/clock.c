#include "clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bench_sample(struct bench_samples *samples, double value) {
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? samples->capacity * 2 : 1024;
        samples->values = realloc(samples->values, samples->capacity * sizeof(double));
        if (!samples->values)
            bench_die("out of memory");
    }
    samples->values[samples->count++] = value;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(struct bench_samples *samples, double q) {
    if (!samples->count)
        bench_die("no samples");
    qsort(samples->values, samples->count, sizeof(double), compare);
    return samples->values[(size_t)((double)(samples->count - 1) * q + 0.5)];
}

void bench_samples_fini(struct bench_samples *samples) {
    free(samples->values);
    *samples = (struct bench_samples){0};
}

void bench_die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("bench-driver: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}
