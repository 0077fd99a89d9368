/* What the tests of rooms share: sinks with these options, and clients that have joined one topic. */
#ifndef SINKS_SUPABASE_FIXTURE_ROOM_H
#define SINKS_SUPABASE_FIXTURE_ROOM_H

#include "fixture.h"

#define TOPIC        "\"topic\":\"realtime:a\""
#define CONFIG(more) "{\"config\":{" more "}}"
#define BARE         CONFIG("\"presence\":{\"enabled\":false}")
#define JOINED_1                                                                               \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"postgres_changes\":[]},\"status\":" \
    "\"ok\""                                                                                   \
    "},\"ref\":\"1\"," TOPIC "}"
#define JOINED_2                                                                         \
    "[\"1\",\"1\",\"realtime:a\",\"phx_reply\",{\"response\":{\"postgres_changes\":[]}," \
    "\"status\":"                                                                        \
    "\"ok\"}]"
#define OK_1                                                                            \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{},\"status\":\"ok\"},\"ref\":" \
    "\"2\"," TOPIC "}"
#define WRONG_1(why)                                                                          \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"reason\":\"" why "\"},\"status\":" \
    "\"error\"},\"ref\":\"2\"," TOPIC "}"
#define EVENT_1(event, payload) \
    "{\"event\":\"" event "\",\"payload\":" payload ",\"ref\":null," TOPIC "}"
#define EVENT_2(event, payload) "[null,null,\"realtime:a\",\"" event "\"," payload "]"
#define SAY_1(event, payload) \
    "{" TOPIC ",\"event\":\"" event "\",\"payload\":" payload ",\"ref\":\"2\",\"join_ref\":\"1\"}"
#define SAY_2(event, payload) "[\"1\",\"2\",\"realtime:a\",\"" event "\"," payload "]"
#define HELLO                 "{\"event\":\"hello\",\"payload\":{\"a\":1},\"type\":\"broadcast\"}"
#define TRACK(what)           "{\"type\":\"presence\",\"event\":\"track\",\"payload\":" what "}"
#define UNTRACK               "{\"type\":\"presence\",\"event\":\"untrack\"}"
#define BYTES(literal)        ((struct sgr_slice){literal, sizeof(literal) - 1})

static inline int open_with(const char *options) {
    struct sgr_error error = {0};
    return open_sink(options, &error);
}

static inline int setup(void **unused) {
    (void)unused;
    return open_with("{ source: db, secure: false }");
}

static inline int setup_secure(void **unused) {
    (void)unused;
    return open_with("{ source: db, secret: s }");
}

static inline int setup_small(void **unused) {
    (void)unused;
    return open_with("{ source: db, secure: false, messages: 2, presence: 64B, backlog: 1MB }");
}

static inline int teardown(void **unused) {
    (void)unused;
    close_sink();
    assert_int_equal(host.blocks, 0);
    return 0;
}

/* ---- Clients ---- */

static inline struct sgr_connection *join_1(const char *payload) {
    struct sgr_connection *connection = client("1.0.0");
    char text[512];
    snprintf(text, sizeof(text),
             "{" TOPIC ",\"event\":\"phx_join\",\"payload\":%s,\"ref\":\"1\",\"join_ref\":\"1\"}",
             payload);
    say(connection, text);
    hears(connection, JOINED_1);
    return connection;
}

static inline struct sgr_connection *join_2(const char *payload) {
    struct sgr_connection *connection = client("2.0.0");
    char text[512];
    snprintf(text, sizeof(text), "[\"1\",\"1\",\"realtime:a\",\"phx_join\",%s]", payload);
    say(connection, text);
    hears(connection, JOINED_2);
    return connection;
}

static inline struct sgr_connection *join_as(const char *token, const char *config) {
    struct sgr_request upgrade = {.apikey = token};
    char text[512];
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    assert_int_equal(upgrade.status, 101);
    snprintf(text, sizeof(text),
             "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"config\":{\"presence\":{\"enabled\":"
             "false}%s}},\"ref\":\"2\"}",
             config);
    say(upgrade.connection, text);
    return upgrade.connection;
}

static inline void gather(void) {
    pass(20000);
}

#endif
