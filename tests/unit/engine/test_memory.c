/* Each allocation of a commit fails in turn: the network side is told the whole commit or nothing of it, on either way. */
#include "fixture.h"

enum { CHANNELS = 2 };

/* ---- Allocations that fail on demand (the linker leads here) ---- */

static long fail_after = -1; /* -1: never */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void) {
    return fail_after >= 0 && fail_after-- == 0;
}
void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size) {
    return fails() ? NULL : __real_realloc(old, size);
}

/* ---- The network side ---- */

static size_t commits;

static void check(const struct sgr_hub_commit *commit) {
    commits++;
    assert_int_equal(commit->count, CHANNELS);
    for (size_t i = 0; i < commit->count; i++)
        assert_non_null(commit->items[i].patches);
}

static bool take(void *data, const struct sgr_hub_commit *commit) {
    (void)data;
    check(commit);
    return true;
}

static void on_commit(void *data, const struct sgr_hub_commit *commit) {
    (void)data;
    check(commit);
}

static void receive(struct world *world) {
    static const struct sgr_hub_handler handler = {
        .commit = on_commit, .stale = world_stale, .drain = world_nothing, .lost = world_nothing};
    sgr_hub_receive(world->engine->hub, &handler, world, 1000);
}

/* ---- Trying ---- */

static void commit_now(struct world *world, long n) {
    struct engine_source *source = &world->engine->sources[0];
    struct sgr_transaction transaction = {
        .xid = ++world->xid, .commit_lsn = source->position + 4, .end_lsn = source->position + 8};
    struct sgr_error error = {0};
    world_change(world, SGR_INSERT, 1, 1, "a note");
    fail_after = n;
    int code = sgr__source_host()->commit(source, &transaction, &error);
    if (fail_after >= 0)
        assert_int_equal(code, 0);
    else
        assert_true(code == 0 || code == SGR_ENOMEM);
}

/* True: no allocation was the n-th. */
static bool attempt(long n, bool alone) {
    static const struct sgr_hub_alone taking = {.commit = take};
    struct world *world = world_new(NOTES);
    world_subscribe(world, "/notes", NULL, NULL);
    world_subscribe(world, "/by", "1", NULL);
    if (alone)
        sgr_hub_on_alone(world->engine->hub, &taking, NULL);
    commits = 0;
    commit_now(world, n);
    bool worked = fail_after >= 0;
    fail_after = -1;
    receive(world);
    assert_true(commits == 1 || (commits == 0 && !worked));
    world_free(world);
    return worked;
}

static void test_a_queued_commit_is_whole_or_not_there(void **state) {
    (void)state;
    for (long n = 0; !attempt(n, false); n++)
        continue;
}

static void test_a_commit_that_comes_alone_is_whole_or_not_there(void **state) {
    (void)state;
    for (long n = 0; !attempt(n, true); n++)
        continue;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_queued_commit_is_whole_or_not_there),
        cmocka_unit_test(test_a_commit_that_comes_alone_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
