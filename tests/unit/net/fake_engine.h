/* For tests of the network side: a server on any free port with sinks, and an engine that is the test itself. `engine_ask` waits for what the
 * network side asks; the test looks at it and answers. */
#ifndef UNIT_NET_FAKE_ENGINE_H
#define UNIT_NET_FAKE_ENGINE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/slice.h"
#include "net/server.h"

enum { ENGINE_ASKS = 4096, ENGINE_PATIENCE = 60 };

struct ask {
    enum sgr_ask_kind kind;
    uint64_t id;
    uint32_t channel;
    bool once;
    char view[128], codec[32], cursor[64], parameters[512], format[16];
    bool by_revision, have_revision;
    uint64_t revision;
    size_t count;
    uint64_t ids[16];
    uint32_t channels[16];
    char cursors[16][64];
    char lsn[32], source[32];
};

struct engine {
    struct sgr_hub *hub;
    struct sgr_loader *loader;
    struct sgr_document *document;
    struct sgr_server *server;
    struct sgr_plan_server options;
    struct sgr_plan_sink sinks[4];
    size_t sink_count;
    int port;
    bool drained;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    struct ask *asks; /* a ring */
    size_t first, count;
};

/* ---- Asks ---- */

static inline void engine_wake(void *data) {
    struct engine *engine = data;
    pthread_mutex_lock(&engine->lock);
    engine->woken = true;
    pthread_cond_signal(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

static inline void ask_text(char *to, size_t size, struct sgr_slice text) {
    assert_true(text.size < size);
    memcpy(to, text.data ? text.data : "", text.size);
    to[text.size] = '\0';
}

static inline void ask_parameters(struct ask *ask, const struct sgr_subscribe *what) {
    size_t used = 0;
    for (size_t i = 0; i < what->parameter_count; i++)
        used += (size_t)snprintf(
            ask->parameters + used, sizeof(ask->parameters) - used, "%s%.*s=%.*s", i ? "&" : "",
            SGR_SLICE_ARGS(what->parameters[i].name),
            what->parameters[i].value.data ? (int)what->parameters[i].value.size : 6,
            what->parameters[i].value.data ? what->parameters[i].value.data : "(null)");
}

static inline void engine_store(void *data, const struct sgr_ask *from) {
    struct engine *engine = data;
    assert_true(engine->count < ENGINE_ASKS);
    struct ask *ask = &engine->asks[(engine->first + engine->count++) % ENGINE_ASKS];
    *ask = (struct ask){
        .kind = from->kind, .id = from->id, .channel = from->channel, .once = from->once};
    if (from->kind == SGR_ASK_SUBSCRIBE) {
        ask_text(ask->view, sizeof(ask->view), from->what.view);
        ask_text(ask->codec, sizeof(ask->codec), sgr_slice(from->what.codec));
        ask_text(ask->cursor, sizeof(ask->cursor), from->what.cursor);
        ask_parameters(ask, &from->what);
        ask->by_revision = from->what.by_revision;
        ask->have_revision = from->what.have_revision;
        ask->revision = from->what.revision;
    }
    if (from->kind == SGR_ASK_WAIT) {
        ask_text(ask->cursor, sizeof(ask->cursor), from->wait.cursor);
        ask_text(ask->lsn, sizeof(ask->lsn), from->wait.lsn);
        ask_text(ask->source, sizeof(ask->source), from->wait.source);
    }
    if (from->kind == SGR_ASK_EXPLAIN)
        ask_text(ask->format, sizeof(ask->format), sgr_slice(from->format));
    ask->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        assert_true(i < 16);
        ask->ids[i] = from->missed[i].id;
        ask->channels[i] = from->missed[i].channel;
        ask_text(ask->cursors[i], sizeof(ask->cursors[i]), from->missed[i].cursor);
    }
}

static inline void engine_wait(struct engine *engine) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ENGINE_PATIENCE;
    pthread_mutex_lock(&engine->lock);
    while (!engine->woken)
        assert_int_equal(pthread_cond_timedwait(&engine->changed, &engine->lock, &until), 0);
    engine->woken = false;
    pthread_mutex_unlock(&engine->lock);
}

/* The next ask, of any kind; waits for it. */
static inline struct ask engine_ask(struct engine *engine) {
    for (;;) {
        while (sgr_hub_take(engine->hub, engine_store, engine, 64))
            continue;
        if (engine->count) {
            struct ask ask = engine->asks[engine->first];
            engine->first = (engine->first + 1) % ENGINE_ASKS;
            engine->count--;
            return ask;
        }
        engine_wait(engine);
    }
}

static inline struct ask engine_ask_of(struct engine *engine, enum sgr_ask_kind kind) {
    struct ask ask = engine_ask(engine);
    assert_int_equal(ask.kind, kind);
    return ask;
}

static inline struct ask engine_subscribe_ask(struct engine *engine, const char *view) {
    struct ask ask = engine_ask_of(engine, SGR_ASK_SUBSCRIBE);
    assert_string_equal(ask.view, view);
    return ask;
}

/* ---- Answers ---- */

static inline struct sgr_bytes *bytes_of(const char *text) {
    struct sgr_bytes *bytes = text ? sgr_bytes_new(text, strlen(text)) : NULL;
    assert_true(!text || bytes);
    return bytes;
}

static inline struct sgr_hub_answer make_answer(uint64_t id, uint32_t channel, enum sgr_answer kind,
                                                const char *cursor, const char *document) {
    return (struct sgr_hub_answer){
        .id = id,
        .channel = channel,
        .state = {.answer = kind,
                  .document = bytes_of(document),
                  .cursor = sgr_slice(cursor),
                  .etag = sgr_slice(cursor),
                  .reason = kind == SGR_ANSWER_RESET ? "history" : NULL}};
}

static inline void engine_snapshot(struct engine *engine, const struct ask *ask, uint32_t channel,
                                   const char *cursor, const char *document) {
    struct sgr_hub_answer answer =
        make_answer(ask->id, ask->once ? 0 : channel, SGR_ANSWER_SNAPSHOT, cursor, document);
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
}

static inline void engine_refuse(struct engine *engine, const struct ask *ask, int status,
                                 const char *code, const char *message) {
    struct sgr_hub_answer answer = {
        .id = ask->id,
        .state = {.answer = SGR_ANSWER_ERROR, .status = status, .code = code, .message = message}};
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
}

/* Answers a wait; cursor NULL: it cannot be. */
static inline void engine_waited(struct engine *engine, const struct ask *ask, const char *cursor) {
    struct sgr_hub_answer answer = {
        .id = ask->id, .state = {.answer = SGR_ANSWER_RESUMED, .cursor = sgr_slice(cursor)}};
    if (!cursor)
        answer.state = (struct sgr_state){
            .answer = SGR_ANSWER_ERROR, .code = "other_epoch", .message = "of another epoch"};
    sgr_hub_waited(engine->hub, &answer);
}

/* A commit of up to four channels: channel, patches, …, 0. The revision is 100 × the commit's number in its cursor's digits. */
static inline void engine_commit(struct engine *engine, const char *previous, const char *cursor,
                                 int channel, const char *patches, ...) {
    struct sgr_hub_item items[4];
    size_t count = 0;
    va_list args;
    va_start(args, patches);
    while (channel) {
        items[count++] = (struct sgr_hub_item){.channel = (uint32_t)channel,
                                               .patches = bytes_of(patches),
                                               .previous = bytes_of(previous),
                                               .revision = strtoull(cursor + 1, NULL, 10)};
        channel = va_arg(args, int);
        patches = channel ? va_arg(args, const char *) : NULL;
    }
    va_end(args);
    struct sgr_hub_commit commit = {
        .cursor = bytes_of(cursor), .time = 1234567, .count = count, .items = items};
    sgr_hub_commit(engine->hub, &commit);
}

/* ---- Life ---- */

static inline struct engine *engine_new(void) {
    struct engine *engine = calloc(1, sizeof(*engine));
    const char *directories[] = {getenv("SANGRE_PLUGIN_DIR"), NULL};
    assert_non_null(engine);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->changed, NULL);
    engine->asks = calloc(ENGINE_ASKS, sizeof(*engine->asks));
    engine->hub = sgr_hub_new();
    engine->loader = sgr_loader_new(directories);
    assert_true(engine->asks && engine->hub && engine->loader);
    sgr_hub_on_asks(engine->hub, engine_wake, engine);
    engine->options = (struct sgr_plan_server){.listen_host = "127.0.0.1",
                                               .client_buffer = 1 << 20,
                                               .queue_limit = 256 << 20,
                                               .client_timeout = 30000000,
                                               .drain_timeout = 5000000,
                                               .wait_timeout = 30000000,
                                               .message_limit = 1 << 16,
                                               .connection_limit = 10000};
    return engine;
}

/* `yaml`: the sink's options as a mapping. */
static inline void engine_sink(struct engine *engine, const char *name, const char *yaml) {
    struct sgr_error error = {0};
    struct sgr_plan_sink *sink = &engine->sinks[engine->sink_count++];
    struct sgr_options *options;
    const struct sgr_document_node *root = NULL;
    sink->name = name;
    if (yaml) {
        assert_int_equal(sgr_document_read_yaml("t", sgr_slice(yaml), &engine->document, &error),
                         0);
        root = sgr_document_root(engine->document);
    }
    if (sgr_loader_plugin(engine->loader, SGR_SINK, name, &sink->plugin, &error) ||
        sgr_options_parse(sink->plugin, root, NULL, &options, &error))
        fail_msg("%s (%s)", error.message, error.context);
    sink->options = options;
}

static inline void engine_start(struct engine *engine) {
    struct sgr_error error = {0};
    if (!engine->sink_count) {
        engine_sink(engine, "http", NULL);
        engine_sink(engine, "sse", NULL);
        engine_sink(engine, "websocket", NULL);
    }
    if (sgr_server_new(&engine->options, engine->sinks, engine->sink_count, engine->hub,
                       &engine->server, &error) ||
        sgr_server_start(engine->server, &error))
        fail_msg("%s (%s)", error.message, error.context);
    engine->port = sgr_server_port(engine->server);
    sgr_hub_ready(engine->hub);
}

static inline void engine_drain(struct engine *engine) {
    engine->drained = true;
    sgr_hub_drain(engine->hub);
}

static inline void engine_free(struct engine *engine) {
    if (engine->server && !engine->drained)
        engine_drain(engine);
    if (engine->server)
        sgr_server_join(engine->server);
    sgr_server_free(engine->server);
    for (size_t i = 0; i < engine->sink_count; i++)
        sgr_options_free((struct sgr_options *)engine->sinks[i].options);
    sgr_document_free(engine->document);
    sgr_loader_free(engine->loader);
    sgr_hub_free(engine->hub);
    pthread_mutex_destroy(&engine->lock);
    pthread_cond_destroy(&engine->changed);
    free(engine->asks);
    free(engine);
}

static inline int engine_setup(void **state) {
    struct engine *engine = engine_new();
    engine_start(engine);
    *state = engine;
    return 0;
}

static inline int engine_teardown(void **state) {
    engine_free(*state);
    return 0;
}

#define WITH_ENGINE(test) cmocka_unit_test_setup_teardown(test, engine_setup, engine_teardown)

#endif
