#include "play.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "row/type.h"

/* ---- What happens, in words ---- */

__attribute__((format(printf, 2, 3))) static void note(struct play *play, const char *format, ...) {
    size_t used = strlen(play->trace);
    va_list args;
    va_start(args, format);
    vsnprintf(play->trace + used, TRACE_SIZE - used, format, args);
    va_end(args);
}

static void note_row(struct play *play, const struct sgr_relation *relation,
                     const struct sgr_field *fields) {
    for (size_t i = 0; fields && i < relation->column_count; i++) {
        bool text = fields[i].kind == SGR_FIELD_TEXT;
        note(play, "%s%.*s", i ? "|" : " ", text ? (int)fields[i].size : 1,
             text                               ? fields[i].data
             : fields[i].kind == SGR_FIELD_NULL ? "~"
                                                : "=");
    }
}

/* ---- The host ---- */

static void host_log(void *host, enum sgr_log_level level, const char *format, ...) {
    (void)host;
    (void)level;
    (void)format;
}

static void *host_allocate(void *host, size_t size) {
    (void)host;
    return calloc(1, size);
}

static void *host_reallocate(void *host, void *old, size_t size) {
    (void)host;
    return realloc(old, size);
}

static void host_release(void *host, void *memory) {
    (void)host;
    free(memory);
}

static void host_described(void *host, const struct sgr_relation *relations, size_t count) {
    struct play *play = host;
    note(play, "described %zu\n", count);
    for (size_t i = 0; i < count; i++)
        play->relations[i] = relations[i];
}

static void host_state(void *host, enum sgr_source_state state, const struct sgr_error *error) {
    static const char *const names[] = {"connecting", "waiting", "snapshot",
                                        "streaming",  "down",    "failed"};
    struct play *play = host;
    note(play, "%s\n", names[state]);
    if (error)
        snprintf(play->reason, sizeof(play->reason), "%s", error->message);
}

static int host_begin_snapshot(void *host, const char *epoch, struct sgr_error *error) {
    (void)epoch;
    (void)error;
    note(host, "{\n");
    return SGR_OK;
}

static int host_snapshot_row(void *host, struct sgr_relation *relation,
                             const struct sgr_field *fields, struct sgr_error *error) {
    (void)error;
    note(host, "row %s", relation->table);
    note_row(host, relation, fields);
    note(host, "\n");
    return SGR_OK;
}

static int host_end_snapshot(void *host, uint64_t lsn, struct sgr_error *error) {
    (void)error;
    note(host, "} %llu\n", (unsigned long long)lsn);
    return SGR_OK;
}

static int host_begin(void *host, const struct sgr_transaction *transaction,
                      struct sgr_error *error) {
    (void)error;
    (void)transaction;
    note(host, "(\n");
    return SGR_OK;
}

static bool whole(const struct sgr_change *change) {
    for (size_t i = 0; i < change->relation->column_count; i++)
        if (change->new_fields[i].kind == SGR_FIELD_UNCHANGED)
            return false;
    return true;
}

static int host_change(void *host, const struct sgr_change *change, struct sgr_error *error) {
    struct play *play = host;
    if (change->new_fields && !whole(change) && play->missing &&
        strncmp(change->new_fields[0].data, play->missing, change->new_fields[0].size) == 0)
        return sgr_error_set(error, SGR_ENOTFOUND, "no such row");
    if (change->kind == SGR_UPDATE && change->new_fields[1].kind == SGR_FIELD_UNCHANGED)
        return SGR_OK; /* it only asked */
    note(play, "%c %s", change->kind, change->relation->table);
    note_row(play, change->relation, change->old_fields);
    note_row(play, change->relation, change->new_fields);
    note(play, "\n");
    return SGR_OK;
}

static int host_commit(void *host, const struct sgr_transaction *transaction,
                       struct sgr_error *error) {
    (void)error;
    note(host, ") %llu\n", (unsigned long long)transaction->end_lsn);
    return SGR_OK;
}

static void host_abort(void *host) {
    note(host, "abort\n");
}

static struct sgr_timer *host_timer(void *host, void (*fired)(void *data), void *data) {
    return sgr_timer_new(((struct play *)host)->loop, fired, data);
}

static int64_t host_now(void *host) {
    return sgr_loop_now(((struct play *)host)->loop);
}

static uint64_t host_random(void *host) {
    (void)host;
    return 0;
}

static int host_parse_type(void *host, const char *name, struct sgr_relation_column *ret,
                           struct sgr_error *error) {
    struct sgr_column column;
    (void)host;
    int code = sgr_type_parse((struct sgr_slice){name, strlen(name)}, &column, error);
    if (code)
        return code;
    ret->type = column.type;
    ret->type_name = column.type_name;
    ret->type_modifier = column.type_modifier;
    return SGR_OK;
}

/* ---- The network ---- */

static struct sgr_http *client_http(void *host, const struct sgr_http_request *request,
                                    void (*done)(void *data, const struct sgr_http_answer *answer),
                                    void *data) {
    struct play *play = host;
    assert_null(play->done_data);
    play->done = done;
    play->done_data = data;
    note(play, "GET %s\n", strchr(request->url, '?') ? strrchr(request->url, '/') : "");
    return (struct sgr_http *)play;
}

static void client_http_cancel(struct sgr_http *http) {
    struct play *play = (struct play *)http;
    play->done_data = NULL;
    note(play, "cancel\n");
}

static struct sgr_websocket *client_websocket(void *host, const struct sgr_websocket_open *open,
                                              const struct sgr_websocket_callbacks *callbacks,
                                              void *data) {
    struct play *play = host;
    (void)open;
    assert_null(play->feed_data);
    play->feed = callbacks;
    play->feed_data = data;
    return (struct sgr_websocket *)play;
}

/* Joins and heartbeats by their topics and refs. */
static int client_send(struct sgr_websocket *websocket, struct sgr_slice message, bool binary) {
    struct play *play = (struct play *)websocket;
    char text[1024];
    (void)binary;
    snprintf(text, sizeof(text), "%.*s", (int)message.size, message.data);
    const char *topic = strstr(text, "\"topic\":\"") + 9, *event = strstr(text, "\"event\":\"") + 9,
               *ref = strstr(text, "\"ref\":\"") + 7;
    note(play, "%.*s %.*s %.*s\n", (int)strcspn(event, "\""), event, (int)strcspn(topic, "\""),
         topic, (int)strcspn(ref, "\""), ref);
    return SGR_OK;
}

static void client_close(struct sgr_websocket *websocket, int code) {
    struct play *play = (struct play *)websocket;
    (void)code;
    play->feed_data = NULL;
    note(play, "close\n");
}

static const struct sgr_client_methods client = {.http = client_http,
                                                 .http_cancel = client_http_cancel,
                                                 .websocket = client_websocket,
                                                 .websocket_send = client_send,
                                                 .websocket_close = client_close};

static const struct sgr_source_host host_table = {
    .common = {sizeof(struct sgr_source_host), host_log, host_allocate, host_reallocate,
               host_release, NULL},
    .described = host_described,
    .state = host_state,
    .begin_snapshot = host_begin_snapshot,
    .snapshot_row = host_snapshot_row,
    .end_snapshot = host_end_snapshot,
    .begin = host_begin,
    .change = host_change,
    .commit = host_commit,
    .abort = host_abort,
    .timer = host_timer,
    .timer_arm = sgr_timer_arm,
    .timer_cancel = sgr_timer_cancel,
    .timer_free = sgr_timer_free,
    .now = host_now,
    .wall_clock = host_now,
    .random = host_random,
    .parse_type = host_parse_type,
    .client = &client,
};

/* ---- Playing ---- */

void play_comes_text(struct play *play, const char *text) {
    assert_non_null(play->feed_data);
    play->feed->message(play->feed_data, (struct sgr_websocket *)play,
                        (struct sgr_slice){text, strlen(text)}, false);
}

__attribute__((format(printf, 2, 3))) void play_comes(struct play *play, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    play_comes_text(play, text);
}

void play_replies(struct play *play, const char *topic, int ref, const char *payload) {
    play_comes(play, "{\"topic\":\"%s\",\"event\":\"phx_reply\",\"payload\":%s,\"ref\":\"%d\"}",
               topic, payload, ref);
}

void play_inserted(struct play *play, int id) {
    play_comes(
        play,
        "{\"topic\":\"realtime:public:a\",\"event\":\"INSERT\",\"ref\":null,\"payload\":{\"type\":"
        "\"INSERT\",\"record\":{\"id\":\"%d\",\"v\":\"x\"}}}",
        id);
}

void play_updated(struct play *play, int id) {
    play_comes(
        play,
        "{\"topic\":\"realtime:public:a\",\"event\":\"UPDATE\",\"ref\":null,\"payload\":{\"type\":"
        "\"UPDATE\",\"record\":{\"id\":\"%d\",\"v\":\"y\"},\"old_record\":{}}}",
        id);
}

void play_opens(struct play *play) {
    assert_non_null(play->feed_data);
    play->feed->opened(play->feed_data, (struct sgr_websocket *)play);
}

void play_breaks(struct play *play, int status) {
    void *data = play->feed_data;
    assert_non_null(data);
    play->feed_data = NULL;
    play->feed->closed(data, (struct sgr_websocket *)play, 1006, status, "gone");
}

void play_answers(struct play *play, int status, const char *body) {
    void *data = play->done_data;
    assert_non_null(data);
    play->done_data = NULL;
    play->done(data, &(struct sgr_http_answer){.status = status,
                                               .error = status ? NULL : "nobody is there",
                                               .body = {body, strlen(body)}});
}

void play_passes(struct play *play, int64_t milliseconds) {
    sgr_loop_advance(play->loop, milliseconds * 1000);
}

struct play *play_new(void) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/sangre-source-supabase.so", getenv("SANGRE_PLUGIN_DIR"));
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fail_msg("%s", dlerror());
    struct play *play = calloc(1, sizeof(*play));
    assert_non_null(play);
    play->loop = sgr_loop_new(true);
    play->methods = ((const struct sgr_plugin *)dlsym(library, SGR_PLUGIN_SYMBOL))->source;
    play->options = (struct options){
        .url = "ws://feed/socket",
        .rest = "http://rest",
        .tables = "{\"a\":{\"columns\":{\"id\":\"int\",\"v\":\"text\"},\"key\":\"id\"},"
                  "\"b\":{\"columns\":{\"id\":\"int\"},\"key\":\"id\"}}",
        .protocol = "auto",
        .gather = 10000,
        .heartbeat = 25000000,
        .connect_timeout = 30000000,
        .retry_limit = 10000000,
        .page = 2,
        .buffer = 65536,
    };
    return play;
}

void play_open(struct play *play) {
    struct sgr_error error = {0};
    if (play->methods->open(&host_table, play, &play->options, &play->source, &error))
        fail_msg("%s", error.message);
}

void play_free(struct play *play) {
    play->methods->stop(play->source);
    play->methods->close(play->source);
    assert_null(play->feed_data);
    assert_null(play->done_data);
    sgr_loop_free(play->loop);
    free(play);
}

void play_describe(struct play *play, size_t count) {
    const char *names[] = {"a", "public.b"};
    struct sgr_error error;
    assert_int_equal(play->methods->describe(play->source, names, count, &error), 0);
    play_passes(play, 0);
}

void play_start(struct play *play, size_t count) {
    struct sgr_relation *relations[] = {&play->relations[0], &play->relations[1]};
    struct sgr_error error;
    assert_int_equal(play->methods->start(play->source, relations, count, &error), 0);
    play_passes(play, 0);
}

/* One table, `a`, whose row 1 is read. */
struct play *play_streaming_with(struct play *play) {
    play_open(play);
    play_describe(play, 1);
    play_opens(play);
    play_replies(play, "realtime:public:a", 1, play_ok);
    play_passes(play, 0);
    play_answers(play, 200, "[]");
    play_start(play, 1);
    play_answers(play, 200, "[{\"id\":\"1\",\"v\":\"x\"}]");
    play_answers(play, 200, "[]");
    assert_string_equal(play->trace + strlen(play->trace) - 10, "streaming\n");
    play->trace[0] = '\0';
    return play;
}

struct play *play_streaming(void) {
    return play_streaming_with(play_new());
}

/* Of a connection that was made anew: up to where rows are asked for. */
void play_joins_again(struct play *play) {
    play_opens(play);
    play_replies(play, "realtime:public:a", 1, play_ok);
    play_passes(play, 0);
}
