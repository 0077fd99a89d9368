/* Many small commits by pgbench, and the frames they make at /followeds?user=1:
 *   bench-sustained live CONNINFO PORT RUN FRAMES PGBENCH ARGUMENT …       from pgbench's start to its end, and to the last frame
 *   bench-sustained written CONNINFO PORT RUN FRAMES PGBENCH ARGUMENT …    the walsender rests until pgbench is done: from then to the last frame
 *
 * A commit that affects the view names a place `RUN.N.M`: the Mth by pgbench's client N. Each has to come as one frame of its own that
 * follows on the one before it, in its client's order; FRAMES says how many. The last commit is ours, and names a place `RUN.end`.
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "postgres.h"
#include "websocket.h"

enum { WRITERS = 64 };

struct stream {
    struct bench_websocket socket;
    char cursor[128]; /* that the next frame has to follow on */
    int run;
    long frames;
    long last[WRITERS]; /* the number that each client wrote last */
    bool ended;
};

/* The text member at `text`, as it stands; false: it is not there. */
static bool member(const char *text, const char *name, char *ret, size_t size) {
    const char *start = text ? strstr(text, name) : NULL;
    const char *stop = start ? strchr(start + strlen(name), '"') : NULL;
    if (!stop || (size_t)(stop - start) - strlen(name) >= size)
        return false;
    snprintf(ret, size, "%.*s", (int)(stop - start - (long)strlen(name)), start + strlen(name));
    return true;
}

static void begin(struct stream *stream, int port, int run) {
    *stream = (struct stream){.run = run};
    bench_websocket_open(&stream->socket, port, "/followeds?user=1");
    bench_websocket_message(&stream->socket);
    if (!member(stream->socket.message, "\"cursor\":\"", stream->cursor, sizeof(stream->cursor)))
        bench_die("no snapshot: %.100s", stream->socket.message);
}

/* Several edits of one frame are the place at its several users, and must say the same. */
static void check_value(const char *text, const char *value) {
    char other[64];
    for (const char *at = text; (at = strstr(at, "\"value\":\"")); at++)
        if (!member(at, "\"value\":\"", other, sizeof(other)) || strcmp(value, other) != 0)
            bench_die("a frame of several commits: %.300s", text);
}

static void check_order(struct stream *stream, const char *text, const char *value) {
    unsigned writer;
    long number;
    int run;
    if (sscanf(value, "%d.%u.%ld", &run, &writer, &number) != 3 || run != stream->run ||
        writer >= WRITERS)
        bench_die("not a name that was written: %.300s", text);
    if (number != stream->last[writer] + 1)
        bench_die("change %ld of client %u comes behind its change %ld", number, writer,
                  stream->last[writer]);
    stream->last[writer] = number;
}

static void take_frame(struct stream *stream) {
    const char *text = stream->socket.message;
    char previous[128], value[64];
    if (!member(text, "\"p\":\"", previous, sizeof(previous)) ||
        strcmp(previous, stream->cursor) != 0)
        bench_die("a frame that does not follow on %s: %.200s", stream->cursor, text);
    if (!member(text, "\"c\":\"", stream->cursor, sizeof(stream->cursor)) ||
        !member(text, "\"value\":\"", value, sizeof(value)))
        bench_die("not a frame of a name: %.200s", text);
    check_value(text, value);
    char end[32];
    snprintf(end, sizeof(end), "%d.end", stream->run);
    stream->ended = strcmp(value, end) == 0;
    if (stream->ended)
        return;
    check_order(stream, text, value);
    stream->frames++;
}

static void take_frames(struct stream *stream) {
    while (bench_websocket_next(&stream->socket))
        take_frame(stream);
}

/* ---- pgbench ---- */

struct program {
    pid_t process;
    int output; /* closed by its end */
};

static struct program start(char **arguments) {
    int ends[2];
    struct program program;
    if (pipe(ends))
        bench_die("no pipe");
    program.output = ends[0];
    program.process = fork();
    if (program.process == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    close(ends[1]);
    return program;
}

/* What it says is thrown away; false: it has ended. */
static bool still_runs(const struct program *program) {
    char block[4096];
    return read(program->output, block, sizeof(block)) > 0;
}

static void finish(struct program *program) {
    int status;
    close(program->output);
    if (waitpid(program->process, &status, 0) != program->process || status != 0)
        bench_die("pgbench failed");
}

/* ---- The two ways ---- */

static void write_end(PGconn *connection, const struct stream *stream) {
    bench_sql(connection, "UPDATE places SET name = '%d.end' WHERE id = 63", stream->run);
}

static void read_to_end(struct stream *stream, long frames) {
    take_frames(stream);
    while (!stream->ended) {
        bench_websocket_read(&stream->socket, true);
        take_frames(stream);
    }
    if (stream->frames != frames)
        bench_die("%ld frames for %ld commits", stream->frames, frames);
}

static void live(struct stream *stream, PGconn *connection, long frames, char **arguments) {
    double begun = bench_now();
    struct program program = start(arguments);
    struct pollfd watched[2] = {{.fd = program.output, .events = POLLIN},
                                {.fd = stream->socket.descriptor, .events = POLLIN}};
    for (bool runs = true; runs;) {
        poll(watched, 2, -1);
        if (watched[1].revents) {
            bench_websocket_read(&stream->socket, false);
            take_frames(stream);
        }
        if (watched[0].revents)
            runs = still_runs(&program);
    }
    double ended = bench_now();
    finish(&program);
    write_end(connection, stream);
    read_to_end(stream, frames);
    printf("seconds %.4f\npgbench %.4f\n", bench_now() - begun, ended - begun);
}

static void written(struct stream *stream, PGconn *connection, long frames, char **arguments) {
    char *walsender =
        bench_ask(connection, "SELECT active_pid FROM pg_replication_slots WHERE active");
    pid_t process = (pid_t)atoi(walsender);
    if (process <= 0 || kill(process, SIGSTOP))
        bench_die("no walsender to stop: \"%s\"", walsender);
    struct program program = start(arguments);
    while (still_runs(&program)) {
    }
    finish(&program);
    write_end(connection, stream);
    double begun = bench_now();
    kill(process, SIGCONT);
    read_to_end(stream, frames);
    printf("seconds %.4f\n", bench_now() - begun);
    free(walsender);
}

int main(int argc, char **argv) {
    if (argc < 7)
        bench_die("usage: live|written CONNINFO PORT RUN FRAMES PGBENCH ARGUMENT …");
    PGconn *connection = bench_connect(argv[2]);
    struct stream stream;
    begin(&stream, atoi(argv[3]), atoi(argv[4]));
    if (strcmp(argv[1], "live") == 0)
        live(&stream, connection, atol(argv[5]), argv + 6);
    else
        written(&stream, connection, atol(argv[5]), argv + 6);
    bench_websocket_close(&stream.socket);
    PQfinish(connection);
    return 0;
}
