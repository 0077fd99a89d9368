/* What the kernel says of another process. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stddef.h>

/* User and system time of all its threads so far, in seconds. */
double bench_process_cpu(int process);
/* Bytes of memory it has of its own now: no pages of mapped files. */
size_t bench_process_memory(int process);
size_t bench_process_descriptors(int process); /* how many it has open */
/* Takes as many descriptors for this process as the system allows; dies if those are fewer than `wanted`. */
void bench_descriptors(size_t wanted);

#endif
