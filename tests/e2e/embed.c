/* A host application: it includes libsangre's public header alone, runs an engine in a thread of its own, serves a view over the memory source
 * and hands over a client's socket that it accepted itself. Exit code 0 if all of it worked. */
#include <sangre/sangre.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

static const char config[] =
    "listen: 127.0.0.1:0\n"
    "sources:\n"
    "  app:\n"
    "    plugin: memory\n"
    "    tables:\n"
    "      users: { columns: { id: int, name: text }, key: [id], rows: [[1, ann], [2, bob]] }\n"
    "views:\n"
    "  /users: { from: app.users }\n"
    "  /user: { from: app.users, params: { id: int }, get: { id: $id } }\n";

struct app {
    struct sgr_engine *engine;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int port;
    bool ended;
    int result;
    int log_lines;
};

static void on_log(void *data, enum sgr_log_level level, const char *line) {
    struct app *app = data;
    (void)level;
    CHECK(strchr(line, '\n') == NULL || strchr(line, '\n')[1] == '\0');
    pthread_mutex_lock(&app->lock);
    app->log_lines++;
    pthread_mutex_unlock(&app->lock);
}

static void on_ready(void *data, int port) {
    struct app *app = data;
    pthread_mutex_lock(&app->lock);
    app->port = port;
    pthread_cond_signal(&app->changed);
    pthread_mutex_unlock(&app->lock);
}

static void *run(void *data) {
    struct app *app = data;
    struct sgr_error error = {0};
    int result = sgr_engine_run(app->engine, &error);
    if (result)
        fprintf(stderr, "run: %s (%s)\n", error.message, error.context);
    pthread_mutex_lock(&app->lock);
    app->result = result;
    app->ended = true;
    pthread_cond_signal(&app->changed);
    pthread_mutex_unlock(&app->lock);
    return NULL;
}

static void start(struct app *app) {
    struct sgr_error error = {0};
    struct sgr_engine_options options = {.size = sizeof(options),
                                         .config_file = "host.yaml",
                                         .config_text = config,
                                         .log = on_log,
                                         .log_data = app,
                                         .log_level = SGR_LOG_INFO,
                                         .ready = on_ready,
                                         .ready_data = app};
    if (sgr_engine_new(&options, &app->engine, &error)) {
        fprintf(stderr, "new: %s (%s)\n", error.message, error.context);
        exit(1);
    }
    CHECK(pthread_create(&app->thread, NULL, run, app) == 0);
    pthread_mutex_lock(&app->lock);
    while (!app->port && !app->ended)
        pthread_cond_wait(&app->changed, &app->lock);
    pthread_mutex_unlock(&app->lock);
    CHECK(!app->ended && app->port > 0);
    CHECK(sgr_engine_port(app->engine) == app->port);
}

static void stop(struct app *app) {
    sgr_engine_stop(app->engine);
    CHECK(pthread_join(app->thread, NULL) == 0);
    CHECK(app->result == 0);
    sgr_engine_free(app->engine);
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int dial(int port) {
    struct sockaddr_in address = loopback(port);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(descriptor >= 0);
    CHECK(connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0);
    return descriptor;
}

/* A client's end; the accepted end is *ret_server's. The application has a listener of its own. */
static int accept_one(int *ret_server) {
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    int client = dial(ntohs(address.sin_port));
    *ret_server = accept(listener, NULL, NULL);
    CHECK(*ret_server >= 0);
    close(listener);
    return client;
}

/* The whole answer to a GET that closes. */
static void get(int descriptor, const char *path, char *answer, size_t room) {
    char request[256];
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    CHECK(write(descriptor, request, (size_t)length) == length);
    size_t used = 0;
    for (ssize_t got;
         used + 1 < room && (got = read(descriptor, answer + used, room - used - 1)) > 0;)
        used += (size_t)got;
    answer[used] = '\0';
    close(descriptor);
}

static void expect(int descriptor, const char *path, const char *status, const char *body) {
    char answer[8192];
    get(descriptor, path, answer, sizeof(answer));
    const char *found = strstr(answer, "\r\n\r\n");
    if (strncmp(answer, status, strlen(status)) != 0 || !found || !strstr(found, body)) {
        fprintf(stderr, "GET %s was answered with:\n%s\n", path, answer);
        exit(1);
    }
}

/* Until the server closes the socket. */
static void expect_end(int descriptor) {
    char byte;
    while (read(descriptor, &byte, 1) > 0)
        ;
    close(descriptor);
}

static void refuses_bad_configs(void) {
    struct sgr_engine *engine = NULL;
    struct sgr_error error = {0};
    struct sgr_engine_options options = {.size = sizeof(options), .config_text = "views: {}\n"};
    CHECK(sgr_engine_new(&options, &engine, &error) == SGR_ECONFIG);
    CHECK(engine == NULL && *error.message && strncmp(error.context, "config:1:1", 10) == 0);
    CHECK(sgr_engine_new(&(struct sgr_engine_options){0}, &engine, &error) == SGR_EINVAL);
    sgr_engine_free(NULL);
}

static void installs_no_signal_handlers(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1};
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        struct sigaction now;
        CHECK(sigaction(signals[i], NULL, &now) == 0);
        CHECK(now.sa_handler == SIG_DFL);
    }
}

static void serves_its_own_port(const struct app *app) {
    expect(dial(app->port), "/users", "HTTP/1.1 200",
           "[{\"id\":1,\"name\":\"ann\"},{\"id\":2,\"name\":\"bob\"}]");
    expect(dial(app->port), "/user?id=2", "HTTP/1.1 200", "{\"id\":2,\"name\":\"bob\"}");
    expect(dial(app->port), "/usres", "HTTP/1.1 404", "did you mean /users?");
}

static void adopts_an_accepted_socket(const struct app *app) {
    struct sgr_error error = {0};
    int server;
    int client = accept_one(&server);
    CHECK(sgr_engine_adopt(app->engine, server, &error) == 0);
    expect(client, "/user?id=1", "HTTP/1.1 200", "{\"id\":1,\"name\":\"ann\"}");
}

/* Idle ones are closed with the rest when the engine stops. */
static int adopts_one_that_stays(const struct app *app) {
    struct sgr_error error = {0};
    int server;
    int client = accept_one(&server);
    CHECK(sgr_engine_adopt(app->engine, server, &error) == 0);
    return client;
}

int main(void) {
    printf("libsangre %s\n", sgr_version());
    refuses_bad_configs();
    for (int round = 0; round < 2;
         round++) { /* an application may start and stop engines as it likes */
        struct app app = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        start(&app);
        serves_its_own_port(&app);
        adopts_an_accepted_socket(&app);
        installs_no_signal_handlers();
        int idle = adopts_one_that_stays(&app);
        stop(&app);
        expect_end(idle);
        CHECK(app.log_lines > 0);
    }
    printf("served, adopted, stopped\n");
    return 0;
}
