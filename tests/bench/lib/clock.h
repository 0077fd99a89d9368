/* Time and samples for the load drivers. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stddef.h>

double bench_now(void); /* seconds, monotonic */

/* Latencies or the like; sorted when first asked for. */
struct bench_samples {
    double *values;
    size_t count, capacity;
};

void bench_sample(struct bench_samples *samples, double value);
double bench_quantile(struct bench_samples *samples, double q); /* 0 to 1 */
void bench_samples_fini(struct bench_samples *samples);

__attribute__((noreturn, format(printf, 1, 2))) void bench_die(const char *format, ...);

#endif
