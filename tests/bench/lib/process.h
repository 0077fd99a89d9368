/* What the kernel says of another process. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

/* User and system time of all its threads so far, in seconds. */
double bench_process_cpu(int process);

#endif
