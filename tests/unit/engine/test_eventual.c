/* A source whose feed has no positions: gaps end with a comparison, which subscribers get as a frame and cursors do not reach across. */
#include "fixture.h"

#define EPOCH "feed/1"

static struct engine_source *source_of(struct world *world) {
    return &world->engine->sources[0];
}

/* The memory source, which gave its snapshot of no rows, plays no more part in it. */
static struct world *world_eventual(void) {
    struct world *world = world_new(NOTES);
    struct engine_source *source = source_of(world);
    source->eventual = "what is lost is found by comparing";
    sgr_fold_be_lenient(source->relations[0].fold);
    free(source->epoch);
    source->epoch = strdup(EPOCH);
    for (int i = 1; i <= 4; i++)
        world_write(world, i, 1, i % 2, 3);
    return world;
}

static void snapshot_row(struct world *world, int id, int author, const char *body) {
    struct engine_source *source = source_of(world);
    struct sgr_error error = {0};
    char texts[2][16];
    snprintf(texts[0], sizeof(texts[0]), "%d", id);
    snprintf(texts[1], sizeof(texts[1]), "%d", author);
    struct sgr_field fields[] = {{texts[0], (uint32_t)strlen(texts[0]), SGR_FIELD_TEXT},
                                 {texts[1], (uint32_t)strlen(texts[1]), SGR_FIELD_TEXT},
                                 {body, (uint32_t)strlen(body), SGR_FIELD_TEXT}};
    if (sgr__source_host()->snapshot_row(source, &source->relations[0].description, fields, &error))
        fail_msg("%s", error.message);
}

static void snapshot_begin(struct world *world, const char *epoch) {
    assert_int_equal(sgr__source_host()->begin_snapshot(source_of(world), epoch, NULL), 0);
}

static void snapshot_end(struct world *world) {
    struct engine_source *source = source_of(world);
    assert_int_equal(sgr__source_host()->end_snapshot(source, source->position + 8, NULL), 0);
    world_receive(world);
}

/* Notes 2 and 4 are author 0's, 1 and 3 are author 1's. */
static void rows_of_author_0(struct world *world) {
    snapshot_row(world, 2, 0, "xxx");
    snapshot_row(world, 4, 0, "xxx");
}

static const char *document(struct world *world) {
    return world->last.state.document ? world->last.state.document->data : "";
}

static void expect_document(struct world *world, const char *view, const char *author,
                            const char *expected) {
    world_subscribe(world, view, author, NULL);
    assert_int_equal(world->last.state.document->size, strlen(expected));
    assert_memory_equal(document(world), expected, strlen(expected));
}

static void test_subscribers_get_what_differs_as_one_frame(void **state) {
    (void)state;
    struct world *world = world_eventual();
    char before[64];
    world_subscribe(world, "/by", "1", NULL);
    snprintf(before, sizeof(before), "%s", world->cursor);
    size_t frames = world->frames, resets = world->answers[SGR_ANSWER_RESET];
    snapshot_begin(world, EPOCH);
    rows_of_author_0(world);
    snapshot_row(world, 3, 1, "changed");
    world_receive(world);
    assert_int_equal(world->frames, frames);
    snapshot_end(world);
    assert_int_equal(world->frames, frames + 1);
    assert_string_equal(world->previous, before);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], resets);
    expect_document(world, "/by", "1", "[{\"id\":3,\"author\":1,\"body\":\"changed\"}]");
    /* And it goes on from there. */
    snprintf(before, sizeof(before), "%s", world->cursor);
    world_write(world, 5, 1, 1, 1);
    world_receive(world);
    assert_int_equal(world->frames, frames + 2);
    assert_string_equal(world->previous, before);
    world_free(world);
}

static void test_cursors_do_not_reach_across_but_for_what_did_not_change(void **state) {
    (void)state;
    struct world *world = world_eventual();
    char idle[64], changed[64], here[64];
    world_subscribe(world, "/by", "0", NULL);
    snprintf(idle, sizeof(idle), "%s", world->cursor);
    uint64_t id = world_subscribe(world, "/by", "1", NULL);
    snprintf(changed, sizeof(changed), "%s", world->cursor);
    snapshot_begin(world, EPOCH);
    rows_of_author_0(world);
    snapshot_end(world);
    snprintf(here, sizeof(here), "%s", world->cursor);
    assert_memory_not_equal(here, changed, SGR_CURSORS_EPOCH_DIGITS);
    world_leave(world, id);
    world_subscribe(world, "/by", "1", changed);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], 1);
    assert_string_equal(world->reason, "history");
    world_subscribe(world, "/by", "1", here);
    world_subscribe(world, "/by", "0", idle);
    world_subscribe(world, "/by", "0", here);
    assert_int_equal(world->answers[SGR_ANSWER_RESUMED], 3);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], 1);
    world_free(world);
}

static void test_where_nothing_was_missed_cursors_go_on(void **state) {
    (void)state;
    struct world *world = world_eventual();
    char before[64];
    world_subscribe(world, "/notes", NULL, NULL);
    snprintf(before, sizeof(before), "%s", world->cursor);
    size_t frames = world->frames;
    snapshot_begin(world, EPOCH);
    snapshot_row(world, 1, 1, "xxx");
    rows_of_author_0(world);
    snapshot_row(world, 3, 1, "xxx");
    snapshot_end(world);
    assert_int_equal(world->frames, frames);
    world_write(world, 5, 1, 1, 1);
    world_receive(world);
    assert_string_equal(world->previous, before);
    world_subscribe(world, "/notes", NULL, before);
    assert_int_equal(world->answers[SGR_ANSWER_RESUMED], 1);
    world_free(world);
}

static void test_what_came_meanwhile_is_in_the_same_frame(void **state) {
    (void)state;
    struct world *world = world_eventual();
    world_subscribe(world, "/notes", NULL, NULL);
    size_t frames = world->frames;
    snapshot_begin(world, EPOCH);
    rows_of_author_0(world);
    world_change(world, SGR_DELETE, 2, 0, NULL);
    world_change(world, SGR_INSERT, 4, 0, "newer");
    world_change(world, SGR_INSERT, 7, 7, "new");
    world_receive(world);
    assert_int_equal(world->frames, frames);
    snapshot_end(world);
    assert_int_equal(world->frames, frames + 1);
    expect_document(world, "/notes", NULL,
                    "[{\"id\":4,\"author\":0,\"body\":\"newer\"},"
                    "{\"id\":7,\"author\":7,\"body\":\"new\"}]");
    world_free(world);
}

static void test_an_aborted_comparison_is_seen_by_nobody(void **state) {
    (void)state;
    struct world *world = world_eventual();
    world_subscribe(world, "/notes", NULL, NULL);
    size_t frames = world->frames;
    snapshot_begin(world, EPOCH);
    rows_of_author_0(world);
    world_change(world, SGR_INSERT, 7, 7, "new");
    sgr__source_host()->abort(source_of(world));
    world_write(world, 5, 1, 1, 1);
    world_receive(world);
    assert_int_equal(world->frames, frames + 1);
    expect_document(world, "/by", "0",
                    "[{\"id\":2,\"author\":0,\"body\":\"xxx\"},"
                    "{\"id\":4,\"author\":0,\"body\":\"xxx\"}]");
    expect_document(world, "/by", "7", "[]");
    world_free(world);
}

static uint64_t wait_for(struct world *world, const char *cursor, const char *lsn) {
    struct sgr_wait what = {.cursor = sgr_slice(cursor), .lsn = sgr_slice(lsn)};
    assert_int_equal(sgr_hub_wait(world->engine->hub, ++world->next_id, &what), 0);
    world_serve(world);
    world_receive(world);
    return world->next_id;
}

static void test_waits_end_with_the_epoch_and_know_no_position_of_a_database(void **state) {
    (void)state;
    struct world *world = world_eventual();
    char past[64], future[80];
    world_subscribe(world, "/notes", NULL, NULL);
    snprintf(past, sizeof(past), "%s", world->cursor);
    snprintf(future, sizeof(future), "%s0", world->cursor); /* 62 times as far */
    uint64_t reached = wait_for(world, past, "");
    assert_int_equal(world->waited, reached);
    assert_string_equal(world->code, "");
    uint64_t waits = wait_for(world, future, "");
    assert_int_equal(world->waited, reached);
    snapshot_begin(world, EPOCH);
    rows_of_author_0(world);
    snapshot_end(world);
    assert_int_equal(world->waited, waits);
    assert_string_equal(world->code, "other_epoch");
    uint64_t late = wait_for(world, past, "");
    assert_int_equal(world->waited, late);
    assert_string_equal(world->code, "other_epoch");
    wait_for(world, "", "0/1");
    assert_string_equal(world->code, "no_positions");
    world_free(world);
}

/* Also if the first snapshot with it came to nothing. */
static void test_another_epoch_of_the_source_resets(void **state) {
    (void)state;
    struct world *world = world_eventual();
    world_subscribe(world, "/notes", NULL, NULL);
    snapshot_begin(world, "feed/2");
    sgr__source_host()->abort(source_of(world));
    snapshot_begin(world, "feed/2");
    rows_of_author_0(world);
    snapshot_end(world);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], 1);
    assert_string_equal(world->reason, "new_epoch");
    snapshot_begin(world, "feed/2");
    snapshot_row(world, 2, 0, "xxx");
    snapshot_end(world);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], 1);
    world_free(world);
}

static void test_an_exact_source_has_no_changes_within_its_snapshot(void **state) {
    (void)state;
    struct world *world = world_new(NOTES);
    struct engine_source *source = source_of(world);
    struct sgr_error error = {0};
    struct sgr_change change = {.kind = SGR_TRUNCATE,
                                .relation = &source->relations[0].description};
    snapshot_begin(world, EPOCH);
    assert_int_equal(sgr__source_host()->change(source, &change, &error), SGR_EINVAL);
    sgr__source_host()->abort(source);
    world_free(world);
}

static void test_a_table_without_a_key_is_refused_where_it_is_used(void **state) {
    (void)state;
    struct world *world = calloc(1, sizeof(*world));
    struct sgr_engine_options options = {
        .size = sizeof(options),
        .config_text = "sources:\n"
                       "  feed: { plugin: memory, tables: { bag: { columns: { id: int } } } }\n"
                       "views: { /bag: { from: feed.bag } }\n",
        .config_file = "test.yaml",
        .log_level = SGR_LOG_ERROR};
    assert_int_equal(sgr__engine_new(&options, true, &world->engine, NULL), 0);
    assert_int_equal(sgr__engine_start(world->engine, NULL), 0);
    source_of(world)->eventual = "it is";
    sgr_loop_advance(world->engine->loop, 0);
    sgr_loop_advance(world->engine->loop, 0);
    assert_int_equal(world->engine->failure.code, SGR_ECONFIG);
    assert_non_null(strstr(world->engine->failure.message, "table bag has no key"));
    assert_non_null(strstr(world->engine->failure.context, "test.yaml:3:24"));
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscribers_get_what_differs_as_one_frame),
        cmocka_unit_test(test_cursors_do_not_reach_across_but_for_what_did_not_change),
        cmocka_unit_test(test_where_nothing_was_missed_cursors_go_on),
        cmocka_unit_test(test_what_came_meanwhile_is_in_the_same_frame),
        cmocka_unit_test(test_an_aborted_comparison_is_seen_by_nobody),
        cmocka_unit_test(test_waits_end_with_the_epoch_and_know_no_position_of_a_database),
        cmocka_unit_test(test_another_epoch_of_the_source_resets),
        cmocka_unit_test(test_an_exact_source_has_no_changes_within_its_snapshot),
        cmocka_unit_test(test_a_table_without_a_key_is_refused_where_it_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
