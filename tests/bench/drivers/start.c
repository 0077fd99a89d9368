/* Starts the program with CONFIG and waits until PATH is answered with a document, after a bare COPY of the same tables:
 *   bench-start CONNINFO PORT PATH PROGRAM CONFIG TABLE…
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "postgres.h"
#include "process.h"

static double copy(const char *conninfo, char **tables) {
    double start = bench_now();
    PGconn *connection = bench_connect(conninfo);
    for (; *tables; tables++) {
        char sql[256], *row;
        snprintf(sql, sizeof(sql), "COPY %s TO STDOUT", *tables);
        PGresult *result = PQexec(connection, sql);
        if (PQresultStatus(result) != PGRES_COPY_OUT)
            bench_die("%s: %s", sql, PQerrorMessage(connection));
        PQclear(result);
        while (PQgetCopyData(connection, &row, 0) > 0)
            PQfreemem(row);
        while ((result = PQgetResult(connection)))
            PQclear(result);
    }
    PQfinish(connection);
    return bench_now() - start;
}

static pid_t start_program(char *program, char *config) {
    pid_t process = fork();
    if (process < 0)
        bench_die("cannot fork: %s", strerror(errno));
    if (process)
        return process;
    execl(program, program, "run", config, (char *)NULL);
    bench_die("%s: %s", program, strerror(errno));
}

/* The whole answer to one GET, read to its end; its size, or 0 if there is no answer or it is an error's. */
static size_t get(int port, const char *path) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        bench_die("no socket: %s", strerror(errno));
    char text[65536] = "";
    size_t total = 0;
    int size = snprintf(text, sizeof(text),
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    bool answered = connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                    send(descriptor, text, (size_t)size, MSG_NOSIGNAL) == size;
    ssize_t got;
    while (answered && (got = recv(descriptor, text, sizeof(text), 0)) > 0) {
        answered = total || (got > 12 && memcmp(text, "HTTP/1.1 200", 12) == 0);
        total += (size_t)got;
    }
    close(descriptor);
    return answered ? total : 0;
}

int main(int argc, char **argv) {
    if (argc < 7)
        bench_die("usage: CONNINFO PORT PATH PROGRAM CONFIG TABLE…");
    printf("copy_s %.4f\n", copy(argv[1], argv + 6));
    double start = bench_now();
    pid_t process = start_program(argv[4], argv[5]);
    size_t bytes;
    while (!(bytes = get(atoi(argv[2]), argv[3]))) {
        if (waitpid(process, NULL, WNOHANG))
            bench_die("the program ended before it served");
        poll(NULL, 0, 1);
    }
    printf("start_s %.4f\nanswer_bytes %zu\ncpu_s %.4f\n", bench_now() - start, bytes,
           bench_process_cpu(process));
    fflush(stdout);
    kill(process, SIGTERM);
    int status;
    waitpid(process, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        bench_die("the program failed at its end");
    return 0;
}
