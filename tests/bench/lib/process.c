#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
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

size_t bench_process_memory(int process) {
    char path[64], line[256];
    unsigned long kilobytes = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", process);
    FILE *file = fopen(path, "r");
    if (!file)
        bench_die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof(line), file) && sscanf(line, "RssAnon: %lu", &kilobytes) != 1) {
    }
    fclose(file);
    return (size_t)kilobytes * 1024;
}

size_t bench_process_descriptors(int process) {
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", process);
    DIR *folder = opendir(path);
    if (!folder)
        bench_die("%s: %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

void bench_descriptors(size_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        bench_die("getrlimit: %s", strerror(errno));
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        bench_die("setrlimit: %s", strerror(errno));
    if (limit.rlim_cur < wanted)
        bench_die("%zu descriptors are needed and %lu allowed: raise the hard limit (ulimit -Hn)",
                  wanted, (unsigned long)limit.rlim_cur);
}
