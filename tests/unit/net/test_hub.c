/* The hand-over's promises: order, copies, wakes, counting, and that losses are told. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "net/hub.h"

static int made(void **state) {
    *state = sgr_hub_new();
    return *state ? 0 : -1;
}

static int freed(void **state) {
    sgr_hub_free(*state);
    return 0;
}

static void count_wake(void *data) {
    ++*(int *)data;
}

static void check_ask(void *data, const struct sgr_ask *ask) {
    int *step = data;
    switch ((*step)++) {
    case 0:
        assert_int_equal(ask->kind, SGR_ASK_SUBSCRIBE);
        assert_int_equal(ask->id, 7);
        assert_true(sgr_slice_is(ask->what.view, "/users"));
        assert_string_equal(ask->what.codec, "rows");
        assert_true(sgr_slice_is(ask->what.parameters[1].name, "city"));
        assert_null(ask->what.parameters[1].value.data);
        assert_true(sgr_slice_is(ask->what.parameters[0].value, "1"));
        break;
    case 1:
        assert_int_equal(ask->kind, SGR_ASK_COMPOSE);
        assert_int_equal(ask->count, 2);
        assert_int_equal(ask->missed[1].id, 8);
        assert_int_equal(ask->missed[1].channel, 3);
        assert_true(sgr_slice_is(ask->missed[1].cursor, "c8"));
        break;
    case 2:
        assert_int_equal(ask->kind, SGR_ASK_EXPLAIN);
        assert_string_equal(ask->format, "dot");
        break;
    case 3:
        assert_int_equal(ask->kind, SGR_ASK_UNSUBSCRIBE);
        assert_int_equal(ask->channel, 3);
        break;
    default:
        fail();
    }
}

static void asks_arrive_whole_and_in_order(void **state) {
    struct sgr_hub *hub = *state;
    int wakes = 0, step = 0;
    sgr_hub_on_asks(hub, count_wake, &wakes);
    char name[] = "user", value[] = "1", cursor[] = "c8", format[] = "dot";
    struct sgr_parameter_text parameters[] = {{SGR_SLICE(name), SGR_SLICE(value)},
                                              {SGR_SLICE("city"), {NULL, 0}}};
    parameters[0].value.size = 1;
    struct sgr_subscribe what = {.view = SGR_SLICE("/users"),
                                 .parameters = parameters,
                                 .parameter_count = 2,
                                 .codec = "rows"};
    assert_int_equal(sgr_hub_subscribe(hub, 7, &what, false), 0);
    struct sgr_hub_missed missed[] = {{.id = 7, .channel = 2},
                                      {.id = 8, .channel = 3, .cursor = sgr_slice(cursor)}};
    assert_int_equal(sgr_hub_compose(hub, 1, missed, 2), 0);
    assert_int_equal(sgr_hub_explain(hub, 2, format), 0);
    sgr_hub_unsubscribe(hub, 3, malloc(SGR_HUB_FAREWELL));
    missed[1] = missed[0];
    name[0] = value[0] = cursor[0] = format[0] = 'x';
    assert_int_equal(wakes, 1);
    assert_true(sgr_hub_take(hub, check_ask, &step, 3));
    assert_false(sgr_hub_take(hub, check_ask, &step, 3));
    assert_int_equal(step, 4);
}

static void take_one(void *data, const struct sgr_ask *ask) {
    (void)data;
    (void)ask;
}

static void asks_beyond_the_limit_are_refused_until_some_are_taken(void **state) {
    struct sgr_hub *hub = *state;
    size_t size = 1 << 20, count = 0;
    char *view = calloc(1, size);
    struct sgr_subscribe what = {.view = {view, size}};
    assert_non_null(view);
    while (sgr_hub_subscribe(hub, count + 1, &what, count % 2) == 0)
        assert_true(++count < 1000);
    assert_int_equal(sgr_hub_explain(hub, 1, "dot"), SGR_ENOMEM);
    assert_true(sgr_hub_take(hub, take_one, NULL, 1));
    assert_int_equal(sgr_hub_subscribe(hub, count + 1, &what, true), 0);
    while (sgr_hub_take(hub, take_one, NULL, 1000))
        continue;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sgr_hub_subscribe(hub, i, &what, true), 0);
    free(view);
}

struct seen {
    char text[512];
    bool drained, lost, deaf;
    uint64_t last;
};

static void note(struct seen *seen, const char *format, ...) {
    size_t used = strlen(seen->text);
    va_list args;
    va_start(args, format);
    vsnprintf(seen->text + used, sizeof(seen->text) - used, format, args);
    va_end(args);
}

static bool on_state(void *data, const struct sgr_hub_answer *answer) {
    struct seen *seen = data;
    note(seen, "state %d %s %.*s; ", (int)answer->id,
         answer->state.document ? answer->state.document->data : answer->state.message,
         SGR_SLICE_ARGS(answer->state.cursor));
    return !seen->deaf;
}
static void on_reset(void *data, const struct sgr_hub_answer *answer) {
    note(data, "reset of %d %s; ", (int)answer->channel, answer->state.reason);
}
static void on_composed(void *data, uint64_t request, const struct sgr_hub_answer *answers,
                        size_t count) {
    note(data, "composed %d: %d of %d; ", (int)request, (int)answers[count - 1].id, (int)count);
}
static void on_commit(void *data, const struct sgr_hub_commit *commit) {
    struct seen *seen = data;
    if (!commit->cursor) { /* the threads' test */
        assert_true(commit->items[0].revision == seen->last + 1);
        seen->last = commit->items[0].revision;
        return;
    }
    note(data, "commit %s %d:%s; ", commit->cursor->data, (int)commit->items[0].channel,
         commit->items[0].patches->data);
}
static void on_stale(void *data, bool stale) {
    note(data, "stale %d; ", stale);
}
static void on_explained(void *data, uint64_t request, struct sgr_bytes *text) {
    note(data, "explained %d %s; ", (int)request, text->data);
}
static void on_waited(void *data, const struct sgr_hub_answer *answer) {
    note(data, "waited %d %s; ", (int)answer->id, answer->state.cursor.data);
}
static void on_drain(void *data) {
    note(data, "drain; ");
    ((struct seen *)data)->drained = true;
}
static void on_lost(void *data) {
    ((struct seen *)data)->lost = true;
}

static void on_stream_batch(void *data, size_t source, const struct sgr_stream_batch *batch) {
    note(data, "batch %d:%d of %u; ", (int)source, (int)batch->count, batch->transaction.xid);
}
static void on_stream_state(void *data, size_t source, uint32_t era,
                            const struct sgr_stream_state *state) {
    note(data, "stream %d %d %s at %d; ", (int)source, (int)era, state->reason, (int)state->lsn);
}

static const struct sgr_hub_handler handler = {.state = on_state,
                                               .composed = on_composed,
                                               .commit = on_commit,
                                               .reset = on_reset,
                                               .stale = on_stale,
                                               .explained = on_explained,
                                               .waited = on_waited,
                                               .drain = on_drain,
                                               .lost = on_lost,
                                               .stream_batch = on_stream_batch,
                                               .stream_state = on_stream_state};

static struct sgr_bytes *bytes(const char *text) {
    struct sgr_bytes *made_bytes = sgr_bytes_new(text, strlen(text));
    assert_non_null(made_bytes);
    return made_bytes;
}

static void publish_one_of_each(struct sgr_hub *hub) {
    char cursor[] = "c1", reason[] = "epoch", message[] = "no view";
    struct sgr_hub_answer answers[] = {
        {.id = 1, .channel = 3, .state = {.document = bytes("{}"), .cursor = sgr_slice(cursor)}},
        {.id = 2, .state = {.answer = SGR_ANSWER_ERROR, .message = message}},
        {.channel = 3, .state = {.reason = reason}}};
    struct sgr_hub_item item = {.channel = 3, .patches = bytes("[1]"), .previous = bytes("c1")};
    struct sgr_hub_commit commit = {.cursor = bytes("c2"), .count = 1, .items = &item};
    assert_int_equal(sgr_hub_answer(hub, &answers[0]), 0);
    assert_int_equal(sgr_hub_answer(hub, &answers[1]), 0);
    sgr_hub_commit(hub, &commit);
    sgr_hub_reset(hub, &answers[2]);
    sgr_hub_composed(hub, 9, &answers[1], 2);
    sgr_hub_stale(hub, true);
    sgr_hub_explained(hub, 4, bytes("plan"));
    sgr_hub_drain(hub);
    cursor[0] = reason[0] = message[0] = 'x';
}

static void events_arrive_whole_and_in_order(void **state) {
    struct sgr_hub *hub = *state;
    int wakes = 0;
    struct seen seen = {0};
    sgr_hub_on_events(hub, count_wake, &wakes);
    publish_one_of_each(hub);
    assert_int_equal(wakes, 1);
    assert_true(sgr_hub_receive(hub, &handler, &seen, 5));
    assert_false(seen.drained);
    assert_false(sgr_hub_receive(hub, &handler, &seen, 5));
    assert_string_equal(seen.text,
                        "state 1 {} c1; state 2 no view ; commit c2 3:[1]; reset of 3 epoch; "
                        "composed 9: 0 of 2; stale 1; explained 4 plan; drain; ");
    assert_false(seen.lost);
}

static void count_given_back(void *data, const struct sgr_ask *ask) {
    size_t *channels = data;
    assert_int_equal(ask->kind, SGR_ASK_UNSUBSCRIBE);
    channels[ask->channel]++;
}

static void a_channel_that_nobody_takes_is_given_back_once(void **state) {
    struct sgr_hub *hub = *state;
    struct seen seen = {.deaf = true};
    size_t channels[4] = {0};
    publish_one_of_each(hub);
    while (sgr_hub_receive(hub, &handler, &seen, 100))
        continue;
    assert_int_equal(sgr_hub_backlog(hub), 0);
    while (sgr_hub_take(hub, count_given_back, channels, 100))
        continue;
    assert_int_equal(channels[3],
                     1); /* of the state, and not of the error, the reset or what was composed */
    assert_int_equal(channels[0] + channels[1] + channels[2], 0);
}

static void backlog_counts_bytes_until_they_are_handled(void **state) {
    struct sgr_hub *hub = *state;
    struct seen seen = {0};
    struct sgr_bytes *big = sgr_bytes_new(NULL, 100000);
    assert_non_null(big);
    memset((char *)big->data, 'x', big->size);
    sgr_hub_explained(hub, 1, big);
    assert_true(sgr_hub_backlog(hub) >= 100000);
    sgr_hub_receive(hub, &handler, &seen, 1);
    assert_int_equal(sgr_hub_backlog(hub), 0);
}

static void what_was_never_handled_is_freed(void **state) {
    publish_one_of_each(*state);
    struct sgr_subscribe what = {.view = SGR_SLICE("/users")};
    assert_int_equal(sgr_hub_subscribe(*state, 1, &what, false), 0);
}

enum { COMMITS = 20000 };

static void *publish_many(void *data) {
    for (uint64_t i = 1; i <= COMMITS; i++) {
        struct sgr_hub_item item = {.revision = i};
        struct sgr_hub_commit commit = {.count = 1, .items = &item};
        sgr_hub_commit(data, &commit);
    }
    sgr_hub_drain(data);
    return NULL;
}

struct signal {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
};

static void wake_reader(void *data) {
    struct signal *signal = data;
    pthread_mutex_lock(&signal->lock);
    signal->woken = true;
    pthread_cond_signal(&signal->changed);
    pthread_mutex_unlock(&signal->lock);
}

static void no_event_and_no_wake_is_lost_between_threads(void **state) {
    struct signal signal = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct seen seen = {0};
    pthread_t writer;
    sgr_hub_on_events(*state, wake_reader, &signal);
    assert_int_equal(pthread_create(&writer, NULL, publish_many, *state), 0);
    while (!seen.drained) {
        pthread_mutex_lock(&signal.lock);
        while (!signal.woken)
            pthread_cond_wait(&signal.changed, &signal.lock);
        signal.woken = false;
        pthread_mutex_unlock(&signal.lock);
        while (sgr_hub_receive(*state, &handler, &seen, 64))
            continue;
    }
    pthread_join(writer, NULL);
    assert_int_equal(seen.last, COMMITS);
}

static void check_wait(void *data, const struct sgr_ask *ask) {
    char *seen = data;
    if (ask->kind == SGR_ASK_WAIT)
        sprintf(seen + strlen(seen), "wait %d %.*s %.*s; ", (int)ask->id,
                SGR_SLICE_ARGS(ask->wait.lsn), SGR_SLICE_ARGS(ask->wait.source));
    else
        sprintf(seen + strlen(seen), "%d of %d; ", ask->kind, (int)ask->id);
}

static void a_wait_arrives_whole_and_is_ended(void **state) {
    struct sgr_hub *hub = *state;
    struct sgr_wait what = {.lsn = SGR_SLICE("0/1"), .source = SGR_SLICE("app")};
    char seen[128] = "", expected[128];
    assert_int_equal(sgr_hub_wait(hub, 1, &what), 0);
    assert_int_equal(sgr_hub_wait(hub, 2, &what), 0);
    sgr_hub_wait_end(hub, 2, malloc(SGR_HUB_FAREWELL));
    while (sgr_hub_take(hub, check_wait, seen, 1))
        continue;
    sprintf(expected, "wait 1 0/1 app; wait 2 0/1 app; %d of 2; ", SGR_ASK_WAIT_END);
    assert_string_equal(seen, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(asks_arrive_whole_and_in_order, made, freed),
        cmocka_unit_test_setup_teardown(asks_beyond_the_limit_are_refused_until_some_are_taken,
                                        made, freed),
        cmocka_unit_test_setup_teardown(events_arrive_whole_and_in_order, made, freed),
        cmocka_unit_test_setup_teardown(a_channel_that_nobody_takes_is_given_back_once, made,
                                        freed),
        cmocka_unit_test_setup_teardown(backlog_counts_bytes_until_they_are_handled, made, freed),
        cmocka_unit_test_setup_teardown(what_was_never_handled_is_freed, made, freed),
        cmocka_unit_test_setup_teardown(a_wait_arrives_whole_and_is_ended, made, freed),
        cmocka_unit_test_setup_teardown(no_event_and_no_wake_is_lost_between_threads, made, freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
