#include "process.h"

#include <string.h>
#include <time.h>

#include "clock.h"

double bench_process_cpu(int process) {
    clockid_t clock;
    struct timespec used;
    int error = clock_getcpuclockid(process, &clock);
    if (error || clock_gettime(clock, &used))
        bench_die("no CPU time of process %d: %s", process, error ? strerror(error) : "it is gone");
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}
