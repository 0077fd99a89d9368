/* What is kept of the stream, and what of that a client has missed. */
#include "fixture.h"

#include "window.h"

/* A batch is its transaction's end; pieces before the last have none. Each takes 1000 bytes. */
static void add(struct window *window, uint64_t end, bool last) {
    struct sgr_stream_batch batch = {.transaction = {.end_lsn = last ? end : 0}, .last = last};
    window_add(window, &batch);
}

static const char *behind(const struct window *window, uint64_t lsn, uint64_t *ret_end) {
    const struct window_piece *piece = NULL;
    const char *reason = window_behind(window, lsn, &piece);
    *ret_end = piece ? piece->batch->transaction.end_lsn : 0;
    return reason;
}

static void what_came_behind_a_position_is_found(void **unused) {
    (void)unused;
    struct window window = window_new(&table, NULL, 10000);
    uint64_t end;
    assert_string_equal(behind(&window, 5, &end), "position");
    window_flows(&window, 100, false);
    assert_null(behind(&window, 100, &end));
    assert_int_equal(end, 0);
    assert_string_equal(behind(&window, 99, &end), "window");
    assert_string_equal(behind(&window, 101, &end), "position");
    add(&window, 110, true);
    add(&window, 120, true);
    window_flows(&window, 120, false); /* the source was away, and nothing was missed */
    assert_null(behind(&window, 100, &end));
    assert_int_equal(end, 110);
    assert_null(behind(&window, 110, &end));
    assert_int_equal(end, 120);
    assert_null(behind(&window, 115, &end));
    assert_int_equal(end, 120);
    assert_null(behind(&window, 120, &end));
    assert_int_equal(end, 0);
    window_flows(&window, 500, true);
    assert_string_equal(behind(&window, 120, &end), "window");
    window_free(&window);
}

static void whole_transactions_go_the_oldest_first(void **unused) {
    (void)unused;
    struct window window = window_new(&table, NULL, 3000);
    uint64_t end;
    window_flows(&window, 100, false);
    add(&window, 0, false);
    add(&window, 110, true);
    add(&window, 120, true);
    assert_null(behind(&window, 100, &end));
    add(&window, 130, true);
    assert_int_equal(window.bytes, 2000); /* both pieces of the first are gone */
    assert_string_equal(behind(&window, 100, &end), "window");
    assert_null(behind(&window, 110, &end));
    assert_int_equal(end, 120);
    window_free(&window);
}

static void a_transaction_larger_than_the_window_leaves_none(void **unused) {
    (void)unused;
    struct window window = window_new(&table, NULL, 2000);
    uint64_t end;
    window_flows(&window, 100, false);
    add(&window, 110, true);
    for (int i = 0; i < 3; i++)
        add(&window, 0, false);
    assert_int_equal(window.bytes, 0);
    assert_string_equal(behind(&window, 110, &end), "window"); /* its beginning was missed */
    add(&window, 120, true);
    assert_string_equal(behind(&window, 110, &end), "window");
    assert_null(behind(&window, 120, &end));
    add(&window, 130, true);
    assert_null(behind(&window, 120, &end));
    assert_int_equal(end, 130);
    window_free(&window);
}

static void a_window_of_no_bytes_knows_the_present(void **unused) {
    (void)unused;
    struct window window = window_new(&table, NULL, 0);
    uint64_t end;
    window_flows(&window, 100, false);
    add(&window, 110, true);
    assert_null(behind(&window, 110, &end));
    assert_string_equal(behind(&window, 100, &end), "window");
    window_free(&window);
}

static void positions_are_as_the_database_writes_them(void **unused) {
    (void)unused;
    static const char *const wrong[] = {"",      "/",           "0/",          "/0",
                                        "0",     "0/x",         "0/0 ",        " 0/0",
                                        "0/0/0", "123456789/0", "0/123456789", "-1/0"};
    char text[24];
    uint64_t lsn;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(window_read_lsn((struct sgr_slice){wrong[i], strlen(wrong[i])}, &lsn));
    assert_false(window_read_lsn((struct sgr_slice){NULL, 0}, &lsn));
    assert_true(window_read_lsn((struct sgr_slice){"1A/16b3748", 10}, &lsn));
    assert_int_equal(lsn, UINT64_C(0x1A016B3748));
    window_write_lsn(text, lsn);
    assert_string_equal(text, "1A/16B3748");
}

/* ---- Through the sink ---- */

#define TOPIC "\"topic\":\"realtime:*\""

static void who_joins_before_the_stream_flows_is_answered_then(void **unused) {
    (void)unused;
    struct sgr_error error;
    struct sgr_stream_state flowing = {.phase = SGR_STREAM_FLOWING, .lsn = 0x64};
    assert_int_equal(open_sink("{ source: db, secure: false }", &error), 0);
    struct sgr_connection *one = client("1.0.0");
    say(one, "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"since\":\"0/64\"},\"ref\":\"1\"}");
    hears_nothing(one);
    host.bind.callbacks->state(host.bind.data, &host.stream, &flowing);
    hears(one, "{\"event\":\"phx_reply\",\"payload\":{\"response\":{},\"status\":\"ok\"},"
               "\"ref\":\"1\"," TOPIC "}");
    hears(one,
          "{\"event\":\"position\",\"payload\":{\"position\":\"0/64\"},\"ref\":null," TOPIC "}");
    leave(one);
    close_sink();
    assert_int_equal(host.blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_behind_a_position_is_found),
        cmocka_unit_test(whole_transactions_go_the_oldest_first),
        cmocka_unit_test(a_transaction_larger_than_the_window_leaves_none),
        cmocka_unit_test(a_window_of_no_bytes_knows_the_present),
        cmocka_unit_test(positions_are_as_the_database_writes_them),
        cmocka_unit_test(who_joins_before_the_stream_flows_is_answered_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
