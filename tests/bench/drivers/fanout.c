/* What telling many clients costs the server, as its own CPU time. One commit at a time: the next is made when the last client has the frame
 * of the one before, so nothing is gathered.
 *   bench-fanout all CONNINFO PORT PID CLIENTS COMMITS RECORDING    every commit concerns every client; leaves the frames in RECORDING
 *   bench-fanout changes CONNINFO PORT PID CLIENTS COMMITS RECORDING    the same for clients of Supabase Realtime
 *   bench-fanout bare PORT PID CLIENTS RECORDING                    the same frames from bench-bare
 *   bench-fanout joined PORT PID CLIENTS RECORDING                  the same, to clients that have said something before, as those of `changes` have
 *   bench-fanout one CONNINFO PORT PID CLIENTS COMMITS              every commit concerns one client
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "changes.h"
#include "clock.h"
#include "crowd.h"
#include "postgres.h"
#include "process.h"

enum { WARM_UP = 5, FRAME_LIMIT = 4096 };

struct fanout {
    struct bench_crowd crowd;
    bool listening;          /* frames are due, no snapshots any more */
    char wanted[32];         /* stands in the frame that is due; empty: `frame` is it */
    char frame[FRAME_LIMIT]; /* the first client's, which all others' are equal to */
    size_t frame_size, arrived;
    struct bench_client *addressee; /* NULL: all */
    FILE *recording;
};

static void record(struct fanout *fanout) {
    unsigned char head[4] = {0x81, (unsigned char)fanout->frame_size};
    uint32_t head_size = fanout->frame_size < 126 ? 2 : 4;
    if (head_size == 4) {
        head[1] = 126;
        head[2] = (unsigned char)(fanout->frame_size >> 8);
        head[3] = (unsigned char)fanout->frame_size;
    }
    uint32_t size = head_size + (uint32_t)fanout->frame_size;
    if (fwrite(&size, sizeof(size), 1, fanout->recording) != 1 ||
        fwrite(head, head_size, 1, fanout->recording) != 1 ||
        fwrite(fanout->frame, fanout->frame_size, 1, fanout->recording) != 1)
        bench_die("cannot record: %s", strerror(errno));
}

static void take_first(struct fanout *fanout, const char *text, size_t size) {
    if (size > FRAME_LIMIT || !strstr(text, fanout->wanted))
        bench_die("not the frame with \"%s\": %.200s", fanout->wanted, text);
    memcpy(fanout->frame, text, size);
    fanout->frame_size = size;
    if (fanout->recording)
        record(fanout);
}

static void on_message(struct bench_crowd *crowd, struct bench_client *client, char *text,
                       size_t size) {
    struct fanout *fanout = crowd->data;
    if (!fanout->listening)
        return;
    if (fanout->addressee && client != fanout->addressee)
        bench_die("a frame for a client that it does not concern: %.200s", text);
    if (!fanout->arrived && *fanout->wanted)
        take_first(fanout, text, size);
    else if (size != fanout->frame_size || memcmp(text, fanout->frame, size) != 0)
        bench_die("not what another client was sent: %.200s", text);
    fanout->arrived++;
}

static void await(struct fanout *fanout, size_t count) {
    for (double until = bench_now() + 60; fanout->arrived < count;) {
        if (bench_now() > until)
            bench_die("%zu of %zu clients have the frame after a minute", fanout->arrived, count);
        bench_crowd_turn(&fanout->crowd, 1000);
    }
    fanout->arrived = 0;
}

static void gather(struct fanout *fanout, int port, size_t count, const char *path_format) {
    bench_crowd_init(&fanout->crowd, port, count);
    fanout->crowd.message = on_message;
    fanout->crowd.data = fanout;
    for (size_t i = 0; i < count; i++) {
        char path[64];
        snprintf(path, sizeof(path), path_format, i + 1);
        bench_crowd_connect(&fanout->crowd, path, 0);
    }
}

/* About 200 bytes a frame. No two runs write the same, for what does not change a row makes no frame. */
static void commit(PGconn *connection, struct fanout *fanout, size_t row, long number) {
    snprintf(fanout->wanted, sizeof(fanout->wanted), "note %d.%ld ", (int)getpid(), number);
    bench_sql(connection, "UPDATE board SET note = '%s' || repeat('x', 90) WHERE id = %zu",
              fanout->wanted, row);
}

static void commit_board(PGconn *connection, struct fanout *fanout, long number) {
    commit(connection, fanout, 1, number);
}

static void commit_change(PGconn *connection, struct fanout *fanout, long number) {
    (void)number;
    char *last = bench_ask(connection, "SELECT coalesce(max(id), 0) + 1 FROM bench");
    snprintf(fanout->wanted, sizeof(fanout->wanted), "\"id\":\"%s\"", last);
    free(last);
    bench_sql(connection, "%s", bench_changes_insert);
}

static void gather_board(struct fanout *fanout, int port, size_t clients) {
    gather(fanout, port, clients, "/board?id=1");
    bench_crowd_settle(&fanout->crowd, 1);
}

static void gather_changes(struct fanout *fanout, int port, size_t clients) {
    gather(fanout, port, clients, BENCH_CHANGES_PATH);
    bench_crowd_settle(&fanout->crowd, 0);
    for (size_t i = 0; i < clients; i++)
        bench_crowd_say(&fanout->crowd.clients[i], BENCH_CHANGES_JOIN);
    bench_crowd_settle(&fanout->crowd, 1);
}

struct workload {
    void (*gather)(struct fanout *fanout, int port, size_t clients);
    void (*commit)(PGconn *connection, struct fanout *fanout, long number);
};

static const struct workload board = {gather_board, commit_board},
                             changes = {gather_changes, commit_change};

static void all(const struct workload *workload, char **arguments) {
    struct fanout fanout = {.recording = fopen(arguments[5], "wb")};
    PGconn *connection = bench_connect(arguments[0]);
    int process = atoi(arguments[2]);
    size_t clients = (size_t)atol(arguments[3]);
    long commits = atol(arguments[4]);
    double before = 0;
    if (!fanout.recording)
        bench_die("%s: %s", arguments[5], strerror(errno));
    workload->gather(&fanout, atoi(arguments[1]), clients);
    fanout.listening = true;
    for (long i = -WARM_UP; i < commits; i++) {
        if (i == 0)
            before = bench_process_cpu(process);
        workload->commit(connection, &fanout, i);
        await(&fanout, clients);
    }
    printf("us %.3f\n",
           (bench_process_cpu(process) - before) / (double)commits / (double)clients * 1e6);
    printf("bytes %zu\n", fanout.frame_size);
    bench_crowd_fini(&fanout.crowd);
    PQfinish(connection);
    if (fclose(fanout.recording))
        bench_die("cannot record: %s", strerror(errno));
}

/* The next frame of the recording is the one that is due; false: that was all. */
static bool next_recorded(struct fanout *fanout, FILE *file) {
    char message[FRAME_LIMIT + 4];
    uint32_t size;
    if (fread(&size, sizeof(size), 1, file) != 1)
        return false;
    if (size > sizeof(message) || fread(message, size, 1, file) != 1)
        bench_die("the recording is cut off");
    uint32_t head = (message[1] & 0x7f) == 126 ? 4 : 2;
    fanout->frame_size = size - head;
    memcpy(fanout->frame, message + head, fanout->frame_size);
    return true;
}

/* Who has sent something acknowledges what it receives later and less often, and then it is the sender who works for that: a client's kernel takes
 * the connection for a dialogue. So clients have to say what those of the program say. */
static void bare(char **arguments, bool joined) {
    struct fanout fanout = {.listening = true};
    int process = atoi(arguments[1]);
    size_t clients = (size_t)atol(arguments[2]);
    FILE *file = fopen(arguments[3], "rb");
    double before = 0;
    long count = -WARM_UP;
    if (!file)
        bench_die("%s: %s", arguments[3], strerror(errno));
    gather(&fanout, atoi(arguments[0]), clients, "/");
    bench_crowd_settle(&fanout.crowd, 0);
    for (size_t i = 0; joined && i < clients; i++)
        bench_crowd_say(&fanout.crowd.clients[i], BENCH_CHANGES_JOIN);
    for (; next_recorded(&fanout, file); count++) {
        if (count == 0)
            before = bench_process_cpu(process);
        bench_crowd_say(&fanout.crowd.clients[0], "next");
        await(&fanout, clients);
    }
    printf("us %.3f\n",
           (bench_process_cpu(process) - before) / (double)count / (double)clients * 1e6);
    bench_crowd_fini(&fanout.crowd);
    fclose(file);
}

static void one(char **arguments) {
    struct fanout fanout = {0};
    PGconn *connection = bench_connect(arguments[0]);
    int process = atoi(arguments[2]);
    size_t clients = (size_t)atol(arguments[3]);
    long commits = atol(arguments[4]);
    double before = 0;
    gather(&fanout, atoi(arguments[1]), clients, "/board?id=%zu");
    bench_crowd_settle(&fanout.crowd, 1);
    fanout.listening = true;
    for (long i = -WARM_UP; i < commits; i++) {
        size_t row = (size_t)(i + WARM_UP) * 7919 % clients;
        if (i == 0)
            before = bench_process_cpu(process);
        fanout.addressee = &fanout.crowd.clients[row];
        commit(connection, &fanout, row + 1, i);
        await(&fanout, 1);
    }
    printf("us %.3f\n", (bench_process_cpu(process) - before) / (double)commits * 1e6);
    bench_crowd_fini(&fanout.crowd);
    PQfinish(connection);
}

int main(int argc, char **argv) {
    if (argc == 8 && strcmp(argv[1], "all") == 0)
        all(&board, argv + 2);
    else if (argc == 8 && strcmp(argv[1], "changes") == 0)
        all(&changes, argv + 2);
    else if (argc == 6 && strcmp(argv[1], "bare") == 0)
        bare(argv + 2, false);
    else if (argc == 6 && strcmp(argv[1], "joined") == 0)
        bare(argv + 2, true);
    else if (argc == 7 && strcmp(argv[1], "one") == 0)
        one(argv + 2);
    else
        bench_die("usage: all|changes CONNINFO PORT PID CLIENTS COMMITS RECORDING | bare|joined "
                  "PORT PID CLIENTS RECORDING | one CONNINFO PORT PID CLIENTS COMMITS");
    return 0;
}
