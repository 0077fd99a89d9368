/* An engine in virtual time whose network side is the test: it asks through the hub and sees what comes out. One table, app.notes; who
 * changes it writes rows as fields. */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "engine/engine.h"

#define NOTES                                                                                   \
    "sources:\n"                                                                                \
    "  app:\n"                                                                                  \
    "    plugin: memory\n"                                                                      \
    "    tables:\n"                                                                             \
    "      notes: { columns: { id: int, author: int, body: text }, key: [id] }\n"               \
    "views:\n"                                                                                  \
    "  /notes: { from: app.notes, order_by: id }\n"                                             \
    "  /by: { from: app.notes, params: { author: int }, where: author = $author, order_by: id " \
    "}\n"

enum { WORLD_IDS = 1024 };

struct world {
    struct sgr_engine *engine;
    uint64_t next_id;
    uint32_t channels[WORLD_IDS]; /* of the last of them */
    uint32_t xid;
    size_t answers[4]; /* by enum sgr_answer */
    size_t frames;
    struct sgr_hub_answer
        last; /* its document is a reference; its text is `cursor`, `code` and `message` */
    char cursor[64], code[32], message[256], reason[32];
    char previous[64]; /* cursor that the last frame follows on */
    uint64_t revision; /* of the last state or frame */
    uint64_t waited;   /* the last wait that was answered; why not is in `code` */
};

static inline bool world_see(void *data, const struct sgr_hub_answer *answer) {
    struct world *world = data;
    const struct sgr_state *state = &answer->state;
    world->answers[state->answer]++;
    sgr_bytes_unref((struct sgr_bytes *)world->last.state.document);
    world->last = *answer;
    if (state->document)
        sgr_bytes_ref((struct sgr_bytes *)state->document);
    snprintf(world->cursor, sizeof(world->cursor), "%.*s", (int)state->cursor.size,
             state->cursor.data ? state->cursor.data : "");
    snprintf(world->code, sizeof(world->code), "%s", state->code ? state->code : "");
    snprintf(world->message, sizeof(world->message), "%s", state->message ? state->message : "");
    snprintf(world->reason, sizeof(world->reason), "%s", state->reason ? state->reason : "");
    world->revision = state->revision;
    if (answer->id)
        world->channels[answer->id % WORLD_IDS] = answer->channel;
    return true;
}

static inline void world_reset(void *data, const struct sgr_hub_answer *answer) {
    world_see(data, answer);
}

static inline void world_composed(void *data, uint64_t request,
                                  const struct sgr_hub_answer *answers, size_t count) {
    (void)request;
    for (size_t i = 0; i < count; i++)
        world_see(data, &answers[i]);
}

static inline void world_commit(void *data, const struct sgr_hub_commit *commit) {
    struct world *world = data;
    world->frames += commit->count;
    snprintf(world->cursor, sizeof(world->cursor), "%.*s", (int)commit->cursor->size,
             commit->cursor->data);
    if (!commit->count)
        return;
    world->revision = commit->items[0].revision;
    snprintf(world->previous, sizeof(world->previous), "%.*s", (int)commit->items[0].previous->size,
             commit->items[0].previous->data);
}

static inline void world_stale(void *data, bool stale) {
    (void)data;
    (void)stale;
}

static inline void world_explained(void *data, uint64_t request, struct sgr_bytes *text) {
    (void)data;
    (void)request;
    (void)text;
}

static inline void world_waited(void *data, const struct sgr_hub_answer *answer) {
    struct world *world = data;
    world->waited = answer->id;
    snprintf(world->code, sizeof(world->code), "%s", answer->state.code ? answer->state.code : "");
}

static inline void world_nothing(void *data) {
    (void)data;
}

/* Takes what the engine has for the network side. */
static inline void world_receive(struct world *world) {
    static const struct sgr_hub_handler handler = {.state = world_see,
                                                   .composed = world_composed,
                                                   .commit = world_commit,
                                                   .reset = world_reset,
                                                   .stale = world_stale,
                                                   .explained = world_explained,
                                                   .waited = world_waited,
                                                   .drain = world_nothing,
                                                   .lost = world_nothing};
    while (sgr_hub_receive(world->engine->hub, &handler, world, 1000)) {
    }
}

/* Lets the engine answer all that was asked; what it answers waits in the hub. */
static inline void world_serve(struct world *world) {
    while (sgr_publisher_serve(world->engine->publisher, 1000)) {
    }
}

static inline struct sgr_publisher_counters world_counters(const struct world *world) {
    struct sgr_publisher_counters counters;
    sgr_publisher_counters(world->engine->publisher, &counters);
    return counters;
}

/* ---- Asking ---- */

static inline uint64_t world_ask(struct world *world, const char *view, const char *author,
                                 const char *cursor, bool once) {
    struct sgr_parameter_text parameter = {sgr_slice("author"), sgr_slice(author ? author : "")};
    struct sgr_subscribe what = {.view = sgr_slice(view),
                                 .parameters = &parameter,
                                 .parameter_count = author ? 1 : 0,
                                 .cursor = cursor ? sgr_slice(cursor) : (struct sgr_slice){0}};
    assert_int_equal(sgr_hub_subscribe(world->engine->hub, ++world->next_id, &what, once), 0);
    return world->next_id;
}

/* Of what was answered. */
static inline void world_leave(struct world *world, uint64_t id) {
    void *farewell = malloc(SGR_HUB_FAREWELL);
    assert_non_null(farewell);
    sgr_hub_unsubscribe(world->engine->hub, world->channels[id % WORLD_IDS], farewell);
    world_serve(world);
}

/* Asks and takes the answer. */
static inline uint64_t world_subscribe(struct world *world, const char *view, const char *author,
                                       const char *cursor) {
    uint64_t id = world_ask(world, view, author, cursor, false);
    world_serve(world);
    world_receive(world);
    return id;
}

/* ---- Changing ---- */

static inline void world_change(struct world *world, enum sgr_change_kind kind, int id, int author,
                                const char *body) {
    struct engine_source *source = &world->engine->sources[0];
    struct sgr_error error = {0};
    char texts[2][16];
    snprintf(texts[0], sizeof(texts[0]), "%d", id);
    snprintf(texts[1], sizeof(texts[1]), "%d", author);
    struct sgr_field fields[] = {
        {texts[0], (uint32_t)strlen(texts[0]), SGR_FIELD_TEXT},
        {texts[1], (uint32_t)strlen(texts[1]), SGR_FIELD_TEXT},
        {body, body ? (uint32_t)strlen(body) : 0, body ? SGR_FIELD_TEXT : SGR_FIELD_NULL}};
    struct sgr_change change = {.kind = kind, .relation = &source->relations[0].description};
    if (kind == SGR_DELETE) {
        change.old_fields = fields;
        change.old_kind = SGR_OLD_KEY;
    } else {
        change.new_fields = fields;
    }
    if (sgr__source_host()->change(source, &change, &error))
        fail_msg("%s", error.message);
}

static inline void world_commit_now(struct world *world) {
    struct engine_source *source = &world->engine->sources[0];
    struct sgr_error error = {0};
    uint64_t end = source->position + 8;
    struct sgr_transaction transaction = {
        .xid = ++world->xid, .commit_lsn = end - 4, .end_lsn = end};
    if (sgr__source_host()->commit(source, &transaction, &error))
        fail_msg("%s", error.message);
}

static inline void world_pass(struct world *world, int64_t microseconds) {
    sgr_loop_advance(world->engine->loop, microseconds);
    sgr_loop_advance(world->engine->loop, 0);
    if (world->engine->failure.code)
        fail_msg("%s", world->engine->failure.message);
}

/* `count` notes of one author, each of `size` bytes. */
static inline void world_write(struct world *world, int first, int count, int author, size_t size) {
    char *body = malloc(size + 1);
    memset(body, 'x', size);
    body[size] = '\0';
    for (int i = 0; i < count; i++)
        world_change(world, SGR_INSERT, first + i, author, body);
    world_commit_now(world);
    free(body);
}

/* ---- Life ---- */

static inline struct world *world_new(const char *config) {
    struct world *world = calloc(1, sizeof(*world));
    struct sgr_engine_options options = {.size = sizeof(options),
                                         .config_text = config,
                                         .config_file = "test.yaml",
                                         .log_level = SGR_LOG_ERROR};
    struct sgr_error error = {0};
    assert_non_null(world);
    if (sgr__engine_new(&options, true, &world->engine, &error) ||
        sgr__engine_start(world->engine, &error))
        fail_msg("%s (%s)", error.message, error.context);
    for (int i = 0; i < 8; i++)
        world_pass(world, 0);
    assert_int_equal(world->engine->phase, ENGINE_SERVING);
    return world;
}

static inline void world_free(struct world *world) {
    sgr_bytes_unref((struct sgr_bytes *)world->last.state.document);
    sgr_engine_free(world->engine);
    free(world);
}

#endif
