/* Outgoing requests and websockets, against our own listener with a sink that is part of the test. */
#include "unit/net/fake_engine.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/client_internal.h"

enum { BIG = 300000, HUGE_BODY = 3 << 20 };

/* ---- The server's side ---- */

static struct {
    const struct sgr_sink_host *table;
    void *host;
    struct sgr_request *kept; /* never answered */
} probe;

static void respond_text(struct sgr_request *request, int status, struct sgr_slice text) {
    struct sgr_bytes *bytes = probe.table->bytes_new(text.data, text.size);
    probe.table->respond(request, status, "text/plain", NULL, bytes);
    probe.table->bytes_unref(bytes);
}

static void on_echo(void *data, struct sgr_request *request) {
    (void)data;
    respond_text(request, 201, probe.table->body(request));
}

static void on_header(void *data, struct sgr_request *request) {
    (void)data;
    respond_text(request, 200, probe.table->header(request, "x-custom"));
}

static void on_huge(void *data, struct sgr_request *request) {
    static char text[HUGE_BODY];
    (void)data;
    respond_text(request, 202, (struct sgr_slice){text, sizeof(text)});
}

static void on_silence(void *data, struct sgr_request *request) {
    (void)data;
    probe.kept = request;
}

static void on_message(struct sgr_connection *connection, void *data, struct sgr_slice text,
                       bool binary) {
    (void)data;
    (void)binary;
    struct sgr_bytes *bytes = probe.table->bytes_new(text.data, text.size);
    if (sgr_slice_equal(text, SGR_SLICE("bye")))
        probe.table->shut(connection, 4001, "as you wish");
    else
        probe.table->send(connection, bytes);
    probe.table->bytes_unref(bytes);
}

static void on_closed(struct sgr_connection *connection, void *data, int code) {
    (void)connection;
    (void)data;
    (void)code;
}

static void on_upgrade(void *data, struct sgr_request *request) {
    static const struct sgr_connection_callbacks callbacks = {.message = on_message,
                                                              .closed = on_closed};
    (void)data;
    struct sgr_slice asked = probe.table->query(request, "be");
    if (asked.data)
        probe.table->respond(request, 403, NULL, NULL, NULL);
    else
        assert_non_null(probe.table->accept(request, &callbacks, NULL, NULL));
}

static const struct sgr_route routes[] = {
    {.kind = SGR_ROUTE_POST, .path = "/echo", .request = on_echo},
    {.kind = SGR_ROUTE_GET, .path = "/header", .request = on_header},
    {.kind = SGR_ROUTE_GET, .path = "/huge", .request = on_huge},
    {.kind = SGR_ROUTE_GET, .path = "/silence", .request = on_silence},
    {.kind = SGR_ROUTE_WEBSOCKET, .path = "/socket", .request = on_upgrade},
};

static int open_probe(const struct sgr_sink_host *table, void *host, const void *options,
                      void **ret_state, struct sgr_error *error) {
    (void)options;
    probe.table = table;
    probe.host = host;
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
        if (table->route(host, &routes[i], error))
            return error->code;
    *ret_state = &probe;
    return 0;
}

static void nothing(void *state) {
    (void)state;
}

static const struct sgr_sink_methods methods = {
    .open = open_probe, .drain = nothing, .close = nothing};
static const struct sgr_plugin plugin = {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "probe",
                                         .methods_size = sizeof(methods), .sink = &methods};

/* ---- The client's side ---- */

struct fixture {
    struct engine *engine;
    struct sgr_client *client;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    char log[4096];
    char reason[64]; /* why a websocket ended */
    size_t messages, bytes;
    bool over;
};

static void wake(void *data) {
    struct fixture *f = data;
    pthread_mutex_lock(&f->lock);
    f->woken = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* Dispatches once more. */
static void turn(struct fixture *f) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ENGINE_PATIENCE;
    pthread_mutex_lock(&f->lock);
    while (!f->woken)
        assert_int_equal(pthread_cond_timedwait(&f->changed, &f->lock, &until), 0);
    f->woken = false;
    pthread_mutex_unlock(&f->lock);
    sgr_client_dispatch(f->client);
}

static void run_until_over(struct fixture *f) {
    while (!f->over)
        turn(f);
    f->over = false;
}

static void note(struct fixture *f, const char *format, ...) {
    size_t used = strlen(f->log);
    va_list args;
    va_start(args, format);
    vsnprintf(f->log + used, sizeof(f->log) - used, format, args);
    va_end(args);
}

static void expect(struct fixture *f, const char *log) {
    assert_string_equal(f->log, log);
    f->log[0] = '\0';
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    probe.kept = NULL;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->engine = engine_new();
    f->engine->options.message_limit = 1 << 20;
    f->engine->sinks[f->engine->sink_count++] =
        (struct sgr_plan_sink){.name = "probe", .plugin = &plugin};
    engine_start(f->engine);
    f->client = sgr_client_new(wake, f);
    assert_non_null(f->client);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    sgr_client_free(f->client);
    engine_free(f->engine);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    free(f);
    return 0;
}

static const char *url(struct fixture *f, const char *scheme, const char *path) {
    static char text[128];
    snprintf(text, sizeof(text), "%s://127.0.0.1:%d%s", scheme, f->engine->port, path);
    return text;
}

static void done(void *data, const struct sgr_http_answer *answer) {
    struct fixture *f = data;
    note(f, "%d %s %.*s\n", answer->status, answer->status ? "-" : answer->error,
         answer->body.size < 64 ? (int)answer->body.size : 0, answer->body.data);
    f->bytes = answer->body.size;
    f->over = true;
}

static void opened(void *data, struct sgr_websocket *websocket) {
    (void)websocket;
    note(data, "opened\n");
}

static void message(void *data, struct sgr_websocket *websocket, struct sgr_slice text,
                    bool binary) {
    struct fixture *f = data;
    (void)websocket;
    f->messages++;
    f->bytes += text.size;
    if (text.size < 64)
        note(f, "%s %.*s\n", binary ? "binary" : "text", SGR_SLICE_ARGS(text));
}

static void closed(void *data, struct sgr_websocket *websocket, int code, int status,
                   const char *reason) {
    struct fixture *f = data;
    (void)websocket;
    note(f, "closed %d %d %s\n", code, status, code == 1006 ? "" : reason);
    snprintf(f->reason, sizeof(f->reason), "%s", reason);
    f->over = true;
}

static const struct sgr_websocket_callbacks callbacks = {opened, message, closed};

static struct sgr_websocket *connect_to(struct fixture *f, const char *address) {
    struct sgr_websocket_open open = {.url = address};
    struct sgr_websocket *websocket = sgr_client_websocket(f->client, f, &open, &callbacks, f);
    assert_non_null(websocket);
    return websocket;
}

static void send_text(struct sgr_websocket *websocket, const char *text) {
    assert_int_equal(sgr_client_websocket_send(websocket, sgr_slice(text), false), 0);
}

/* ---- Tests ---- */

static void a_request_brings_the_answer_with_its_status(void **state) {
    struct fixture *f = *state;
    struct sgr_http_request get = {.url = url(f, "http", "/header"),
                                   .headers = "x-other: 1\r\nx-custom: here\r\n"};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    expect(f, "200 - here\n");
    struct sgr_http_request post = {
        .method = "POST", .url = url(f, "http", "/echo"), .body = SGR_SLICE("{\"a\":1}")};
    assert_non_null(sgr_client_http(f->client, f, &post, done, f));
    run_until_over(f);
    expect(f, "201 - {\"a\":1}\n");
    get.url = url(f, "http", "/nowhere");
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    assert_int_equal(strncmp(f->log, "404 - ", 6), 0);
}

static void an_answer_beyond_its_limit_or_time_is_an_error(void **state) {
    struct fixture *f = *state;
    struct sgr_http_request post = {.method = "POST",
                                    .url = url(f, "http", "/echo"),
                                    .body = SGR_SLICE("0123456789"),
                                    .limit = 9};
    assert_non_null(sgr_client_http(f->client, f, &post, done, f));
    run_until_over(f);
    expect(f, "0 the answer is larger than 9 bytes \n");
    struct sgr_http_request get = {.url = url(f, "http", "/silence"), .timeout = 50000};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    assert_non_null(strstr(f->log, "timed out"));
}

static void whoever_wants_no_body_has_the_status_whatever_comes_behind_it(void **state) {
    struct fixture *f = *state;
    struct sgr_http_request get = {.url = url(f, "http", "/huge"), .limit = SGR_HTTP_NO_BODY};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    expect(f, "202 - \n");
    struct sgr_http_request post = {.method = "POST",
                                    .url = url(f, "http", "/echo"),
                                    .body = SGR_SLICE("short"),
                                    .limit = SGR_HTTP_NO_BODY};
    assert_non_null(sgr_client_http(f->client, f, &post, done, f));
    run_until_over(f);
    expect(f, "201 - \n");
    get = (struct sgr_http_request){
        .url = url(f, "http", "/silence"), .timeout = 50000, .limit = SGR_HTTP_NO_BODY};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    assert_int_equal(strncmp(f->log, "0 ", 2), 0);
}

static void a_status_counts_though_the_body_behind_it_never_comes(void **state) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    char where[64], asked[1024];
    snprintf(where, sizeof(where), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    struct sgr_http_request get = {.url = where, .limit = SGR_HTTP_NO_BODY};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    int connection = accept(listener, NULL, NULL);
    assert_true(read(connection, asked, sizeof(asked)) > 0);
    assert_int_equal(write(connection, head, sizeof(head) - 1), sizeof(head) - 1);
    close(connection);
    close(listener);
    run_until_over(f);
    expect(f, "200 - \n");
}

static void other_schemes_and_dead_addresses_are_errors(void **state) {
    struct fixture *f = *state;
    struct sgr_http_request request = {.url = "file:///etc/hostname"};
    assert_non_null(sgr_client_http(f->client, f, &request, done, f));
    run_until_over(f);
    assert_int_equal(strncmp(f->log, "0 ", 2), 0);
    assert_int_equal(f->bytes, 0);
    request.url = "http://127.0.0.1:1/";
    assert_non_null(sgr_client_http(f->client, f, &request, done, f));
    run_until_over(f);
    assert_non_null(strstr(f->log, "connect"));
}

/* libcurl takes no text of more than 8 MB. */
static void a_request_of_which_a_part_is_not_taken_is_not_made_without_it(void **state) {
    struct fixture *f = *state;
    enum { SIZE = 9000000 };
    char *text = malloc(SIZE + 1);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    struct sgr_http_request get = {.url = url(f, "http", "/header"), .ca_file = text};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    expect(f, "0 the request cannot be made \n");
    free(text);
}

static void what_is_cancelled_calls_nobody(void **state) {
    struct fixture *f = *state;
    struct sgr_http_request silent = {.url = url(f, "http", "/silence")};
    sgr_client_http_cancel(sgr_client_http(f->client, f, &silent, done, f));
    struct sgr_http_request get = {.url = url(f, "http", "/header"), .headers = "x-custom: 2\r\n"};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    expect(f, "200 - 2\n");
    sgr_client_websocket_close(connect_to(f, url(f, "ws", "/socket")), 1000);
    get.url = url(f, "http", "/header");
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    expect(f, "200 - 2\n");
    silent.url = url(f, "http", "/silence");
    assert_non_null(sgr_client_http(f->client, &get, &silent, done, f)); /* another's */
    connect_to(f, url(f, "ws", "/socket"));
    sgr_client_forget(f->client, f);
    sgr_client_forget(f->client, &get);
    get.url = url(f, "http", "/header");
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
    expect(f, "200 - 2\n");
    silent.url = url(f, "http", "/silence");
    assert_non_null(sgr_client_http(f->client, f, &silent, done, f)); /* under way at the end */
    connect_to(f, url(f, "ws", "/socket"));
}

static void a_websocket_carries_messages_both_ways_and_tells_how_it_ended(void **state) {
    struct fixture *f = *state;
    struct sgr_websocket *websocket = connect_to(f, url(f, "ws", "/socket"));
    send_text(websocket, "one"); /* before it is open */
    while (f->messages < 1)
        turn(f);
    send_text(websocket, "");
    send_text(websocket, "two");
    while (f->messages < 3)
        turn(f);
    expect(f, "opened\ntext one\ntext \ntext two\n");
    send_text(websocket, "bye");
    run_until_over(f);
    expect(f, "closed 4001 0 as you wish\n");
}

static void large_messages_arrive_whole_or_close_the_connection(void **state) {
    struct fixture *f = *state;
    char *text = malloc(BIG);
    memset(text, 'x', BIG);
    struct sgr_websocket *websocket = connect_to(f, url(f, "ws", "/socket"));
    assert_int_equal(sgr_client_websocket_send(websocket, (struct sgr_slice){text, BIG}, false), 0);
    while (f->messages < 1)
        turn(f);
    assert_int_equal(f->bytes, BIG);
    sgr_client_websocket_close(websocket, 1000);
    f->log[0] = '\0';
    struct sgr_websocket_open open = {.url = url(f, "ws", "/socket"), .limit = BIG - 1};
    websocket = sgr_client_websocket(f->client, f, &open, &callbacks, f);
    assert_int_equal(sgr_client_websocket_send(websocket, (struct sgr_slice){text, BIG}, false), 0);
    run_until_over(f);
    expect(f, "opened\nclosed 1009 0 a message was too large\n");
    free(text);
}

static void a_refused_or_impossible_websocket_says_so(void **state) {
    struct fixture *f = *state;
    connect_to(f, url(f, "ws", "/socket?be=refused"));
    run_until_over(f);
    expect(f, "closed 1006 403 \n");
    connect_to(f, "ws://127.0.0.1:1/socket");
    run_until_over(f);
    expect(f, "closed 1006 0 \n");
    connect_to(f, url(f, "http", "/socket"));
    run_until_over(f);
    expect(f, "closed 1006 0 \n");
    static const char *const malformed[] = {
        "::",        "",         "ws://",      "ws:///a",      "ws://a:0/", "ws://a:70000/",
        "ws://u@a/", "ws://a?b", "ws://a/b c", "ws://a/\r\nb", "ws://a b/c"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
        connect_to(f, malformed[i]);
        run_until_over(f);
        expect(f, "closed 1006 0 \n");
        assert_string_equal(f->reason, "the URL is malformed");
    }
}

static void what_does_not_fit_into_a_handshake_ends_the_attempt(void **state) {
    struct fixture *f = *state;
    enum { SIZE = 100000 };
    char *headers = malloc(SIZE + 3);
    memset(headers, 'x', SIZE);
    memcpy(headers, "x-long: ", 8);
    memcpy(headers + SIZE, "\r\n", 3);
    struct sgr_websocket_open open = {.url = url(f, "ws", "/socket"), .headers = headers};
    assert_non_null(sgr_client_websocket(f->client, f, &open, &callbacks, f));
    run_until_over(f);
    expect(f, "closed 1006 0 \n");
    assert_string_equal(f->reason, "the headers are too long");
    headers[SIZE] = '\0';
    memcpy(headers, "ws://127.0.0.1:", 15);
    memcpy(headers + 15, url(f, "ws", "/") + 15, strlen(url(f, "ws", "/")) - 15);
    connect_to(f, headers);
    run_until_over(f);
    expect(f, "closed 1006 0 \n");
    assert_string_equal(f->reason, "the URL is too long");
    free(headers);
}

static void a_long_handshake_is_sent(void **state) {
    struct fixture *f = *state;
    enum { SIZE = 6000, URL_SIZE = 2000 };
    char headers[SIZE + 1], address[URL_SIZE + 1];
    int used = snprintf(address, sizeof(address), "%s?x=", url(f, "ws", "/socket"));
    memset(address + used, 'x', sizeof(address) - (size_t)used);
    address[URL_SIZE] = '\0';
    memset(headers, 'x', sizeof(headers));
    memcpy(headers, "x-long: ", 8);
    memcpy(headers + SIZE - 2, "\r\n", 3);
    struct sgr_websocket_open open = {.url = address, .headers = headers};
    struct sgr_websocket *websocket = sgr_client_websocket(f->client, f, &open, &callbacks, f);
    assert_non_null(websocket);
    while (!*f->log)
        turn(f);
    expect(f, "opened\n");
    sgr_client_websocket_close(websocket, 1000);
}

/* A server may send without end what takes no room but its own. */
static void messages_of_no_bytes_count_while_they_wait(void **state) {
    struct fixture *f = *state;
    enum { MESSAGES = 100 };
    struct sgr_websocket *websocket = connect_to(f, url(f, "ws", "/socket"));
    for (int i = 0; i < MESSAGES; i++)
        send_text(websocket, "");
    size_t bytes = 0;
    for (size_t count = 0; count < MESSAGES + 1; poll(NULL, 0, 1)) { /* and that it is open */
        count = 0;
        pthread_mutex_lock(&f->client->lock);
        SGR_LIST_EACH(link, &f->client->events)
        count++;
        bytes = f->client->event_bytes;
        pthread_mutex_unlock(&f->client->lock);
    }
    assert_true(bytes >= MESSAGES * sizeof(struct sgr__event));
    while (f->messages < MESSAGES)
        turn(f);
    assert_int_equal(f->client->event_bytes, 0);
    sgr_client_websocket_close(websocket, 1000);
}

static void a_server_that_stops_is_told(void **state) {
    struct fixture *f = *state;
    connect_to(f, url(f, "ws", "/socket"));
    turn(f);
    expect(f, "opened\n");
    engine_drain(f->engine);
    run_until_over(f);
    expect(f, "closed 1001 0 the server stops\n");
}

/* ---- TLS, against OpenSSL's own server ---- */

struct tls {
    char folder[32], certificate[64];
    FILE *server; /* its output; the shell tells its process first */
    int process, port;
};

static struct tls tls_start(void) {
    struct tls tls = {.folder = "/tmp/sangre-client-XXXXXX"};
    char command[512];
    assert_non_null(mkdtemp(tls.folder));
    snprintf(tls.certificate, sizeof(tls.certificate), "%s/cert.pem", tls.folder);
    snprintf(command, sizeof(command),
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
             " -keyout key.pem -out cert.pem -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
             " 2>/dev/null && echo $$ &&"
             " exec openssl s_server -accept 127.0.0.1:0 -key key.pem -cert cert.pem -www 2>&1",
             tls.folder);
    tls.server = popen(command, "r");
    assert_non_null(tls.server);
    assert_int_equal(fscanf(tls.server, "%d\n", &tls.process), 1);
    char line[256];
    while (!tls.port && fgets(line, sizeof(line), tls.server))
        sscanf(line, "ACCEPT 127.0.0.1:%d", &tls.port);
    assert_int_not_equal(tls.port, 0);
    return tls;
}

static void tls_stop(struct tls *tls) {
    char command[64];
    kill(tls->process, SIGKILL);
    pclose(tls->server);
    snprintf(command, sizeof(command), "rm -r %s", tls->folder);
    assert_int_equal(system(command), 0);
}

static void get_over_tls(struct fixture *f, const struct tls *tls, const char *host,
                         const char *ca_file) {
    char address[64];
    f->log[0] = '\0';
    snprintf(address, sizeof(address), "https://%s:%d/", host, tls->port);
    struct sgr_http_request get = {.url = address, .ca_file = ca_file};
    assert_non_null(sgr_client_http(f->client, f, &get, done, f));
    run_until_over(f);
}

static void connect_over_tls(struct fixture *f, const struct tls *tls, const char *host,
                             const char *ca_file) {
    char address[64];
    f->log[0] = '\0';
    snprintf(address, sizeof(address), "wss://%s:%d/", host, tls->port);
    struct sgr_websocket_open open = {.url = address, .ca_file = ca_file};
    assert_non_null(sgr_client_websocket(f->client, f, &open, &callbacks, f));
    run_until_over(f);
}

static void certificates_are_verified_with_the_name_they_are_for(void **state) {
    struct fixture *f = *state;
    struct tls tls = tls_start();
    get_over_tls(f, &tls, "127.0.0.1", tls.certificate);
    assert_int_equal(strncmp(f->log, "200 - ", 6), 0);
    get_over_tls(f, &tls, "127.0.0.1", NULL);
    assert_int_equal(strncmp(f->log, "0 ", 2), 0);
    get_over_tls(f, &tls, "localhost", tls.certificate);
    assert_int_equal(strncmp(f->log, "0 ", 2), 0);
    connect_over_tls(f, &tls, "127.0.0.1", tls.certificate);
    expect(f, "closed 1006 200 \n"); /* it speaks no websocket, but TLS */
    connect_over_tls(f, &tls, "127.0.0.1", NULL);
    expect(f, "closed 1006 0 \n");
    connect_over_tls(f, &tls, "localhost", tls.certificate);
    expect(f, "closed 1006 0 \n");
    connect_over_tls(f, &tls, "127.0.0.1", "/nowhere/ca.pem");
    expect(f, "closed 1006 0 \n");
    tls_stop(&tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_request_brings_the_answer_with_its_status),
        TEST(an_answer_beyond_its_limit_or_time_is_an_error),
        TEST(whoever_wants_no_body_has_the_status_whatever_comes_behind_it),
        TEST(a_status_counts_though_the_body_behind_it_never_comes),
        TEST(other_schemes_and_dead_addresses_are_errors),
        TEST(a_request_of_which_a_part_is_not_taken_is_not_made_without_it),
        TEST(what_is_cancelled_calls_nobody),
        TEST(a_websocket_carries_messages_both_ways_and_tells_how_it_ended),
        TEST(large_messages_arrive_whole_or_close_the_connection),
        TEST(a_refused_or_impossible_websocket_says_so),
        TEST(what_does_not_fit_into_a_handshake_ends_the_attempt),
        TEST(a_long_handshake_is_sent),
        TEST(messages_of_no_bytes_count_while_they_wait),
        TEST(a_server_that_stops_is_told),
        TEST(certificates_are_verified_with_the_name_they_are_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
