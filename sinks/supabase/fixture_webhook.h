/* What the tests of webhooks share: two tables, a sink with webhooks to endpoints that the test answers for, and transactions to post. */
#ifndef SINKS_SUPABASE_FIXTURE_WEBHOOK_H
#define SINKS_SUPABASE_FIXTURE_WEBHOOK_H

#include "fixture.h"

#define ONE(event, relation, url) \
    "{ event: '" event "', relation: '" relation "', config: { endpoint: '" url "' } }"
#define OPTIONS(webhooks, more) "{ source: db, secure: false, webhooks: [" webhooks "]" more " }"
#define A                       "http://a/x?token=t"
#define B                       "https://b:8443/y"

static struct sgr_relation_column columns[] = {
    {.name = "id", .type_name = "int8", .type = SGR_INT8, .type_modifier = -1, .key = true}};
static struct sgr_relation users = {.schema = "public",
                                    .table = "users",
                                    .columns = columns,
                                    .column_count = 1,
                                    .identity = SGR_IDENTITY_DEFAULT,
                                    .id = 1};
static struct sgr_relation notes = {.schema = "public",
                                    .table = "notes",
                                    .columns = columns,
                                    .column_count = 1,
                                    .identity = SGR_IDENTITY_DEFAULT,
                                    .id = 2};

#define INSERTED(table, id)                                                                   \
    "{\"columns\":[{\"flags\":[\"key\"],\"name\":\"id\",\"type\":\"int8\",\"type_modifier\":" \
    "4294967295}],\"commit_timestamp\":\"2022-10-19T13:50:18Z\",\"errors\":null,\"record\":{" \
    "\"id\":\"" id "\"},\"schema\":\"public\",\"table\":\"" table "\",\"type\":\"INSERT\"}"
#define BODY(changes) "{\"changes\":[" changes "],\"commit_timestamp\":\"2022-10-19T13:50:18Z\"}"

static int teardown(void **unused) {
    (void)unused;
    close_sink();
    assert_int_equal(host.blocks, 0);
    return 0;
}

static void open_with(const char *yaml) {
    struct sgr_error error = {0};
    if (open_flowing(yaml, &error))
        fail_msg("%s", error.message);
}

static struct sgr_change inserted(struct sgr_relation *relation, struct sgr_field *id) {
    return (struct sgr_change){.kind = SGR_INSERT, .relation = relation, .new_fields = id};
}

/* A piece of the transaction that ends at `lsn`. */
static void piece(struct sgr_relation *relation, const char *id, uint64_t lsn, bool first,
                  bool last) {
    struct sgr_field field = text_field(id);
    struct sgr_change change = inserted(relation, &field);
    struct sgr_stream_batch batch = {.transaction = {.xid = (uint32_t)lsn,
                                                     .commit_lsn = lsn - 8,
                                                     .end_lsn = last ? lsn : 0,
                                                     .commit_time = INT64_C(719502618900000)},
                                     .changes = &change,
                                     .count = 1,
                                     .first = first,
                                     .last = last};
    host.bind.callbacks->changes(host.bind.data, &host.stream, &batch);
}

static void insert(struct sgr_relation *relation, const char *id, uint64_t lsn) {
    piece(relation, id, lsn, true, true);
}

/* ---- Endpoints ---- */

static void answer(size_t post, int status) {
    struct sgr_http_answer what = {.status = status, .error = status ? NULL : "no route"};
    void (*done)(void *data, const struct sgr_http_answer *answer) = host.posts[post].done;
    assert_true(post < host.post_count);
    assert_non_null(done);
    host.posts[post].done = NULL;
    done(host.posts[post].data, &what);
}

/* Of the header webhook-NAME; "" if there is none. To be used before the next call. */
static const char *header(size_t post, const char *name) {
    static char value[128];
    char start[64];
    snprintf(start, sizeof(start), "\r\nwebhook-%s: ", name);
    const char *at = strstr(host.posts[post].headers, start);
    snprintf(value, sizeof(value), "%.*s", at ? (int)strcspn(at + strlen(start), "\r") : 0,
             at ? at + strlen(start) : "");
    return value;
}

/* Until the timers have had it tried again. */
static void again(void) {
    pass(INT64_C(30000000));
}

#endif
