/* Many clients for a while, some of which do not read, and one commit every so often:
 *   bench-soak CONNINFO PORT PID CLIENTS STALLED COMMITS INTERVAL_MS TIMEOUT_MS
 *
 * Commit N writes N into the one row of `feed`, which readers watch, and N and a long text into that of `wide`, which the STALLED watch.
 * Dies unless every reader gets every commit, in order, each following on the one before; half of the STALLED, which read only half of the
 * time, get fewer and longer steps but end at the last commit too; and the server closes the connections of the others, which never
 * read, while all else goes on. TIMEOUT_MS is the server's client_timeout. Times and memory are only told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crowd.h"
#include "postgres.h"
#include "process.h"

enum { SMALL_BUFFER = 4096, PATIENCE = 60 };

enum kind { READER, SLEEPER, STALLED };

struct watcher {
    enum kind kind;
    long number;
    char cursor[32];
};

struct soak {
    struct bench_crowd crowd;
    PGconn *connection;
    int process;
    size_t readers, sleepers, stalled;
    long commits, committed;
    double interval, timeout;
    struct watcher *watchers;
    size_t *told;      /* by commit: readers that have it */
    double *made;      /* when */
    size_t at_the_end; /* readers and sleepers that have the last */
    struct bench_samples lags;
    size_t memory_most, descriptors;
    double cut_after; /* when the server had closed all that never read; 0: not yet */
};

/* ---- What clients are told ---- */

static bool text_member(const char *text, const char *name, char *ret, size_t size) {
    const char *start = strstr(text, name);
    const char *stop = start ? strchr(start + strlen(name), '"') : NULL;
    if (!stop || (size_t)(stop - start) - strlen(name) >= size)
        return false;
    snprintf(ret, size, "%.*s", (int)(stop - start - (long)strlen(name)), start + strlen(name));
    return true;
}

static void take_snapshot(struct watcher *watcher, const char *text) {
    const char *number = strstr(text, "\"n\":");
    if (!number || !text_member(text, "\"cursor\":\"", watcher->cursor, sizeof(watcher->cursor)))
        bench_die("not a snapshot: %.200s", text);
    watcher->number = atol(number + 4);
}

static long frame_number(struct watcher *watcher, const char *text) {
    char previous[32];
    const char *number = strstr(text, "\"path\":\"/n\",\"value\":");
    if (!number || !text_member(text, "\"p\":\"", previous, sizeof(previous)))
        bench_die("not a frame: %.200s", text);
    if (strcmp(previous, watcher->cursor) != 0)
        bench_die("a frame that does not follow on %s: %.200s", watcher->cursor, text);
    text_member(text, "\"c\":\"", watcher->cursor, sizeof(watcher->cursor));
    return atol(strchr(number + 9, ':') + 1);
}

static void note_reader(struct soak *soak, long number) {
    if (++soak->told[number] == soak->readers)
        bench_sample(&soak->lags, bench_now() - soak->made[number]);
}

static void on_message(struct bench_crowd *crowd, struct bench_client *client, char *text,
                       size_t size) {
    struct soak *soak = crowd->data;
    struct watcher *watcher = client->data;
    (void)size;
    if (client->messages == 1) {
        take_snapshot(watcher, text);
        return;
    }
    long number = frame_number(watcher, text);
    if (number <= watcher->number || number > soak->committed + 1)
        bench_die("commit %ld behind commit %ld", number, watcher->number);
    if (watcher->kind == READER && number != watcher->number + 1)
        bench_die("a reader is told of commit %ld behind %ld", number, watcher->number);
    watcher->number = number;
    if (watcher->kind == READER)
        note_reader(soak, number);
    soak->at_the_end += watcher->kind != STALLED && number == soak->commits;
}

static void on_closed(struct bench_crowd *crowd, struct bench_client *client) {
    struct watcher *watcher = client->data;
    (void)crowd;
    if (watcher->kind != STALLED)
        bench_die("the server closed the connection of a client that reads");
}

/* ---- The clients ---- */

static void gather(struct soak *soak, int port, size_t clients, size_t stalled) {
    soak->sleepers = stalled / 2;
    soak->stalled = stalled - soak->sleepers;
    soak->readers = clients - stalled;
    soak->watchers = calloc(clients, sizeof(*soak->watchers));
    if (!soak->watchers)
        bench_die("out of memory");
    bench_crowd_init(&soak->crowd, port, clients);
    soak->crowd.message = on_message;
    soak->crowd.closed = on_closed;
    soak->crowd.data = soak;
    for (size_t i = 0; i < clients; i++) {
        bool reads = i < soak->readers;
        soak->watchers[i].kind = reads                                ? READER
                                 : i < soak->readers + soak->sleepers ? SLEEPER
                                                                      : STALLED;
        struct bench_client *client =
            bench_crowd_connect(&soak->crowd, reads ? "/feed" : "/wide", reads ? 0 : SMALL_BUFFER);
        client->data = &soak->watchers[i];
    }
    bench_crowd_settle(&soak->crowd, 1);
}

/* Those that never read, or the sleepers. */
static void deafen(struct soak *soak, enum kind kind, bool deaf) {
    for (size_t i = 0; i < soak->crowd.count; i++)
        if (soak->watchers[i].kind == kind)
            bench_crowd_deafen(&soak->crowd, &soak->crowd.clients[i], deaf);
}

/* ---- The run ---- */

static void commit(struct soak *soak) {
    long number = soak->committed + 1;
    soak->made[number] = bench_now();
    bench_sql(soak->connection,
              "BEGIN; UPDATE feed SET n = %ld; UPDATE wide SET n = %ld, filler = repeat('%ld ', "
              "65536 / length('%ld ')); COMMIT",
              number, number, number, number);
    soak->committed = number;
}

static void look_at_server(struct soak *soak, double begun) {
    size_t memory = bench_process_memory(soak->process);
    soak->memory_most = memory > soak->memory_most ? memory : soak->memory_most;
    if (!soak->cut_after &&
        bench_process_descriptors(soak->process) + soak->stalled <= soak->descriptors)
        soak->cut_after = bench_now() - begun;
}

static void run(struct soak *soak) {
    double begun = bench_now(), look = begun;
    bool asleep = false;
    while (soak->committed < soak->commits) {
        double now = bench_now(), next = begun + (double)soak->committed * soak->interval;
        bool sleep = (long)((now - begun) / (soak->timeout / 2)) % 2 == 0;
        if (sleep != asleep)
            deafen(soak, SLEEPER, sleep);
        asleep = sleep;
        if (now >= look) {
            look_at_server(soak, begun);
            look = now + 1;
        }
        if (now >= next)
            commit(soak);
        else
            bench_crowd_turn(&soak->crowd, (int)((next - now) * 1000) + 1);
    }
    deafen(soak, SLEEPER, false);
}

static void await_ends(struct soak *soak) {
    for (double until = bench_now() + PATIENCE;
         soak->at_the_end < soak->readers + soak->sleepers;) {
        if (bench_now() > until)
            bench_die("%zu of %zu clients have the last commit after a minute", soak->at_the_end,
                      soak->readers + soak->sleepers);
        bench_crowd_turn(&soak->crowd, 100);
    }
}

/* How many steps each of those that slept was told of: at least one stood for several commits. */
static double check_sleepers(const struct soak *soak) {
    size_t steps = 0;
    for (size_t i = 0; i < soak->crowd.count; i++) {
        if (soak->watchers[i].kind != SLEEPER)
            continue;
        size_t frames = soak->crowd.clients[i].messages - 1;
        if (frames >= (size_t)soak->commits)
            bench_die("a client that slept was sent all %zu frames: nothing was composed", frames);
        steps += frames;
    }
    return (double)steps / (double)soak->sleepers;
}

/* They are closed at the server's end long since; reading what the kernel still has for them ends. */
static void check_stalled(struct soak *soak) {
    size_t open = soak->crowd.open - soak->stalled;
    for (double until = bench_now() + PATIENCE; !soak->cut_after;) {
        if (bench_now() > until)
            bench_die("the server keeps connections that never read");
        look_at_server(soak, soak->made[1]);
        bench_crowd_turn(&soak->crowd, 100);
    }
    deafen(soak, STALLED, false);
    for (double until = bench_now() + PATIENCE; soak->crowd.open > open;) {
        if (bench_now() > until)
            bench_die("connections that the server closed do not end");
        bench_crowd_turn(&soak->crowd, 100);
    }
}

static void report(struct soak *soak, size_t memory_before, double cpu) {
    double megabyte = 1 << 20;
    printf("lag_p50_ms %.2f\nlag_p99_ms %.2f\n", bench_quantile(&soak->lags, .5) * 1e3,
           bench_quantile(&soak->lags, .99) * 1e3);
    printf("memory_start_mb %.1f\nmemory_most_mb %.1f\nmemory_end_mb %.1f\n",
           (double)memory_before / megabyte, (double)soak->memory_most / megabyte,
           (double)bench_process_memory(soak->process) / megabyte);
    printf("cut_after_s %.1f\ncpu_s %.1f\n", soak->cut_after, cpu);
}

int main(int argc, char **argv) {
    if (argc != 9)
        bench_die("usage: CONNINFO PORT PID CLIENTS STALLED COMMITS INTERVAL_MS TIMEOUT_MS");
    struct soak soak = {.connection = bench_connect(argv[1]),
                        .process = atoi(argv[3]),
                        .commits = atol(argv[6]),
                        .interval = atof(argv[7]) / 1e3,
                        .timeout = atof(argv[8]) / 1e3};
    soak.told = calloc((size_t)soak.commits + 1, sizeof(*soak.told));
    soak.made = calloc((size_t)soak.commits + 1, sizeof(*soak.made));
    if (!soak.told || !soak.made)
        bench_die("out of memory");
    gather(&soak, atoi(argv[2]), (size_t)atol(argv[4]), (size_t)atol(argv[5]));
    size_t memory_before = bench_process_memory(soak.process);
    double cpu = bench_process_cpu(soak.process);
    soak.descriptors = bench_process_descriptors(soak.process);
    deafen(&soak, STALLED, true);
    run(&soak);
    await_ends(&soak);
    cpu = bench_process_cpu(soak.process) - cpu;
    double steps = check_sleepers(&soak);
    check_stalled(&soak);
    printf("sleeper_frames %.1f\n", steps);
    report(&soak, memory_before, cpu);
    bench_crowd_fini(&soak.crowd);
    free(soak.watchers);
    free(soak.told);
    free(soak.made);
    bench_samples_fini(&soak.lags);
    PQfinish(soak.connection);
    return 0;
}
