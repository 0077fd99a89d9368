/* Cursors under tokens: whoever comes back with one is resumed under the claims by which it was told, and under no others. */
#define _GNU_SOURCE
#include "unit/net/fake_engine.h"

#include "unit/auth/sign.h"
#include "unit/net/client.h"

static const struct signer signer = {"HS256", .secret = SGR_SLICE(SECRET)};

/* ---- /mine takes `user` from sub, /ours takes `team` from team, /members asks for any token, all others for none ---- */

static struct sgr_document_node place = {.file = "t", .line = 1, .column = 1};
static const struct sgr_plan_key key = {.place = &place, .secret = SECRET};
static const struct sgr_plan_auth auth = {.place = &place, .keys = &key, .key_count = 1};
static const struct sgr_column user = {.name = "user", .type = SGR_INT4, .type_name = "int"};
static const struct sgr_column team = {.name = "team", .type = SGR_INT4, .type_name = "int"};
static const struct sgr_plan_claim subject = {.column = &user, .path = "sub"};
static const struct sgr_plan_claim members = {.column = &team, .path = "team"};
static const struct sgr_plan_access access_rules[] = {
    {"/mine", &subject, 1}, {"/ours", &members, 1}, {"/members", NULL, 0}};

static int setup(void **state) {
    struct engine *engine = engine_new();
    engine->options.auth = &auth;
    engine->options.access = access_rules;
    engine->options.access_count = 3;
    engine_start(engine);
    *state = engine;
    return 0;
}

static char *token_for(const char *sub, const char *of_team) {
    char *more = text_of(",\"team\":\"%s\"", of_team), *claims = claims_for(sub, more);
    char *token = make_token(&signer, NULL, claims);
    free(claims);
    free(more);
    return token;
}

static char *bearer(const char *sub, const char *of_team) {
    char *token = token_for(sub, of_team), *header = text_of("Authorization: Bearer %s\r\n", token);
    free(token);
    return header;
}

static struct client come(const struct engine *engine, const char *path, const char *sub,
                          const char *of_team) {
    struct client client = client_connect(engine->port);
    char *header = bearer(sub, of_team);
    assert_int_equal(client_upgrade(&client, path, header), 101);
    free(header);
    return client;
}

static void say_auth(struct client *client, const char *sub, const char *of_team) {
    char *token = token_for(sub, of_team),
         *text = text_of("{\"type\":\"auth\",\"token\":\"%s\"}", token);
    client_say(client, text);
    client_expect_part(client, "\"auth\"");
    free(text);
    free(token);
}

/* Those who left are forgotten meanwhile. */
static struct ask asked(struct engine *engine, const char *view) {
    struct ask ask = engine_ask(engine);
    while (ask.kind == SGR_ASK_UNSUBSCRIBE)
        ask = engine_ask(engine);
    assert_int_equal(ask.kind, SGR_ASK_SUBSCRIBE);
    assert_string_equal(ask.view, view);
    return ask;
}

static struct ask subscribe(struct engine *engine, struct client *client, const char *view,
                            const char *cursor) {
    char *text = text_of("{\"type\":\"subscribe\",\"id\":\"%s\",\"view\":\"%s\",\"cursor\":\"%s\"}",
                         view, view, cursor);
    client_say(client, text);
    free(text);
    return asked(engine, view);
}

static void resume(struct engine *engine, const struct ask *ask, uint32_t channel,
                   const char *cursor) {
    struct sgr_hub_answer answer =
        make_answer(ask->id, channel, SGR_ANSWER_RESUMED, cursor, "[\"rest\"]");
    answer.state.previous = sgr_slice(ask->cursor);
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
}

/* Of the next message: what stands in its member, e.g. "cursor", until the next hear. */
static const char *cursor_of(struct client *client, const char *member, const char *part) {
    static char text[2][128];
    static int turn;
    char *heard = client_hear(client), *quoted = text_of("\"%s\":\"", member);
    char *at = strstr(heard, quoted), *to = text[turn ^= 1];
    if (!at || !strstr(heard, part))
        fail_msg("no %s with %s in %s", member, part, heard);
    snprintf(to, sizeof(text[0]), "%.*s", (int)strcspn(at + strlen(quoted), "\""),
             at + strlen(quoted));
    free(heard);
    free(quoted);
    return to;
}

static void expect_stamped(const char *cursor, const char *bare) {
    size_t size = strlen(bare);
    if (strncmp(cursor, bare, size) != 0 || cursor[size] != '-' || strlen(cursor) != size + 7)
        fail_msg("%s is not %s with a stamp", cursor, bare);
}

/* ---- One view ---- */

static void expect_reset(struct engine *engine, const char *path, const char *sub,
                         const char *of_team) {
    struct client client = come(engine, path, sub, of_team);
    struct ask ask = asked(engine, "/mine");
    assert_string_equal(ask.cursor, "");
    engine_snapshot(engine, &ask, 9, "c2", "[]");
    cursor_of(&client, "cursor", "\"type\":\"reset\",\"reason\":\"claims\"");
    client_close(&client);
}

static void a_cursor_resumes_under_its_own_claims_only(void **state) {
    struct engine *engine = *state;
    struct client client = come(engine, "/mine", "7", "1");
    struct ask ask = asked(engine, "/mine");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    char first[64], path[100];
    snprintf(first, sizeof(first), "%s", cursor_of(&client, "cursor", "snapshot"));
    expect_stamped(first, "c1");
    engine_commit(engine, "c1", "c2", 5, "[1]", 0);
    char *frame = client_hear(&client), *expected;
    snprintf(path, sizeof(path), "/mine?cursor=c2%s", first + 2);
    expected = text_of("{\"f\":{\"p\":\"%s\",\"c\":\"c2%s\",\"d\":[1]}}", first, first + 2);
    assert_string_equal(frame, expected);
    client_close(&client);

    client = come(engine, path, "7", "2"); /* of another team, which /mine does not ask for */
    ask = asked(engine, "/mine");
    assert_string_equal(ask.cursor, strchr(path, '=') + 1);
    resume(engine, &ask, 5, "c3");
    assert_string_equal(cursor_of(&client, "p", "rest"), ask.cursor);
    expect_stamped(cursor_of(&client, "cursor", "caught_up"), "c3");
    client_close(&client);

    expect_reset(engine, path, "8", "1");
    expect_reset(engine, "/mine?cursor=c2", "7", "1");
    expect_reset(engine, "/mine?cursor=c2-", "7", "1");
    expect_reset(engine, "/mine?cursor=c2-0000001", "7", "1");
    expect_reset(engine, "/mine?cursor=-", "7", "1");
    free(frame);
    free(expected);
}

static void documents_and_event_streams_have_stamps_too(void **state) {
    struct engine *engine = *state;
    struct client get = client_connect(engine->port), stream = client_connect(engine->port);
    char *header = bearer("7", "1"), *events = text_of("%sAccept: text/event-stream\r\n", header);
    client_get(&get, "/mine", header);
    struct ask ask = asked(engine, "/mine");
    engine_snapshot(engine, &ask, 0, "c1", "[]");
    struct response response = client_response(&get);
    const char *cursor = header_of(&response, "sangre-cursor");
    expect_stamped(cursor, "c1");
    char *path = text_of("/mine?cursor=%s", cursor);
    client_get(&stream, path, events);
    ask = asked(engine, "/mine");
    assert_string_equal(ask.cursor, strchr(path, '=') + 1);
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    engine_commit(engine, "c1", "c2", 5, "[1]", 0);
    char *id = text_of("id: c2%s", strchr(path, '-'));
    while (!strstr(stream.data, id))
        client_need(&stream, stream.size + 1);
    response_free(&response);
    client_close(&get);
    client_close(&stream);
    free(header);
    free(events);
    free(path);
    free(id);
}

static void a_view_that_uses_no_claim_has_no_stamp_and_looks_at_none(void **state) {
    struct engine *engine = *state;
    struct client client = come(engine, "/members?cursor=c1-abcdef", "7", "1");
    struct ask ask = asked(engine, "/members");
    assert_string_equal(ask.cursor, "c1-abcdef");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    assert_string_equal(cursor_of(&client, "cursor", "snapshot"), "c1");
    client_close(&client);
}

static void revisions_do_not_say_whose_they_were(void **state) {
    struct engine *engine = *state;
    struct client client = come(engine, "/ws/mine-diffed-5", "7", "1");
    struct ask ask = asked(engine, "/mine");
    assert_true(ask.by_revision && !ask.have_revision);
    engine_snapshot(engine, &ask, 5, "c1", "{\"a\":1}");
    client_expect_part(&client, "\"from\":5,\"diffs\":[{\"op\":\"add\",\"path\":\"/a\"");
    client_close(&client);
}

/* ---- Several views, which have one cursor ---- */

/* Comes back to both; of each: whether it would be resumed. */
static void expect_past(struct engine *engine, const char *cursor, const char *sub,
                        const char *of_team, bool mine, bool ours) {
    struct client client = come(engine, "/", sub, of_team);
    struct ask ask = subscribe(engine, &client, "/mine", cursor);
    assert_string_equal(ask.cursor, mine ? cursor : "");
    ask = subscribe(engine, &client, "/ours", cursor);
    assert_string_equal(ask.cursor, ours ? cursor : "");
    ask = subscribe(engine, &client, "/open", cursor);
    assert_string_equal(ask.cursor, cursor);
    client_close(&client);
}

static void one_cursor_stands_for_the_claims_of_all_views(void **state) {
    struct engine *engine = *state;
    struct client client = come(engine, "/", "7", "1");
    struct ask ask = subscribe(engine, &client, "/open", "");
    engine_snapshot(engine, &ask, 4, "c1", "[]");
    assert_string_equal(cursor_of(&client, "cursor", "snapshot"), "c1");
    ask = subscribe(engine, &client, "/mine", "");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    expect_stamped(cursor_of(&client, "cursor", "snapshot"), "c1");
    ask = subscribe(engine, &client, "/ours", "");
    engine_snapshot(engine, &ask, 6, "c1", "[]");
    cursor_of(&client, "cursor", "snapshot");
    engine_commit(engine, "c1", "c2", 4, "[1]", 0);
    char cursor[64], mixed[64];
    snprintf(cursor, sizeof(cursor), "%s", cursor_of(&client, "c", "/open"));
    expect_stamped(cursor, "c2");
    expect_past(engine, cursor, "7", "1", true, true);
    expect_past(engine, cursor, "8", "1", false, false);
    expect_past(engine, cursor, "7", "2", false, false);

    say_auth(&client, "8", "2"); /* both are asked for anew, one is told */
    struct ask mine = asked(engine, "/mine"), ours = asked(engine, "/ours");
    engine_commit(engine, "c2", "c3", 4, "[2]", 0);
    assert_string_equal(cursor_of(&client, "c", "/open") + 2, cursor + 2);
    engine_snapshot(engine, &mine, 7, "c3", "[]");
    snprintf(mixed, sizeof(mixed), "%s", cursor_of(&client, "cursor", "\"reason\":\"claims\""));
    expect_past(engine, mixed, "7", "1", false, false);
    expect_past(engine, mixed, "8", "2", false, false);
    engine_snapshot(engine, &ours, 8, "c3", "[]");
    snprintf(cursor, sizeof(cursor), "%s", cursor_of(&client, "cursor", "\"reason\":\"claims\""));
    expect_past(engine, cursor, "8", "2", true, true);
    expect_past(engine, cursor, "7", "1", false, false);
    client_close(&client);
}

static void what_goes_on_under_other_claims_is_stamped_with_them(void **state) {
    struct engine *engine = *state;
    struct client client = come(engine, "/", "7", "1");
    struct ask ask = subscribe(engine, &client, "/mine", "");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    ask = subscribe(engine, &client, "/ours", "");
    engine_snapshot(engine, &ask, 6, "c1", "[]");
    cursor_of(&client, "cursor", "snapshot");
    cursor_of(&client, "cursor", "snapshot");
    say_auth(&client, "7", "2"); /* /mine goes on, /ours begins anew */
    ask = asked(engine, "/ours");
    engine_snapshot(engine, &ask, 7, "c1", "[]");
    char cursor[64];
    snprintf(cursor, sizeof(cursor), "%s", cursor_of(&client, "cursor", "\"reason\":\"claims\""));
    expect_past(engine, cursor, "7", "2", true, true);
    client_close(&client);
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, engine_teardown)
    const struct CMUnitTest tests[] = {
        WITH(a_cursor_resumes_under_its_own_claims_only),
        WITH(documents_and_event_streams_have_stamps_too),
        WITH(a_view_that_uses_no_claim_has_no_stamp_and_looks_at_none),
        WITH(revisions_do_not_say_whose_they_were),
        WITH(one_cursor_stands_for_the_claims_of_all_views),
        WITH(what_goes_on_under_other_claims_is_stamped_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
