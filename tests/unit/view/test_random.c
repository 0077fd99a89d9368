/* Random views over random relations through random transactions: each document is what it should be, and each way to it from an earlier
 * one leads there. SANGRE_SEEDS=FIRST-LAST runs other seeds than the usual ones, SANGRE_STEPS more transactions each. */
#include "model.h"

#include <stdio.h>

#include "apply.h"

enum { PAST = 10, INSTANCES = 5, VIEWS = 2 };

struct past {
    uint64_t commit, revision;
    char *document, *rows;
};

struct client {
    struct sgr_instance *instance; /* NULL: closed */
    size_t root;                   /* level */
    struct sgr_view *view;
    int parameters[PARAMETERS];
    struct past past[PAST];
    size_t past_count;
};

struct run {
    struct model m;
    struct client clients[INSTANCES];
    struct sgr_view *views[VIEWS];
    size_t roots[VIEWS];
    uint64_t forgotten; /* commits up to this may be out of history */
    uint64_t epoch;     /* revisions seen up to this commit were of another epoch */
    uint64_t seed;
};

static void add_views(struct run *run) {
    for (size_t i = 0; i < VIEWS; i++) {
        run->roots[i] = draw_level(&run->m, 0);
        char path[10];
        sprintf(path, "/v%zu", i);
        struct sgr_view_spec spec = {.path = path,
                                     .parameters = run->m.parameters,
                                     .parameter_count = PARAMETERS,
                                     .root = run->m.levels[run->roots[i]].spec};
        CHECK(sgr_views_add(run->m.f.views, &spec, &run->views[i], error));
    }
}

/* ---- What a client remembers ---- */

static void forget_past(struct client *client) {
    for (size_t i = 0; i < client->past_count; i++) {
        free(client->past[i].document);
        free(client->past[i].rows);
    }
    client->past_count = 0;
}

static void remember(struct run *run, struct client *client) {
    if (client->past_count == PAST) {
        free(client->past[0].document);
        free(client->past[0].rows);
        memmove(client->past, client->past + 1, sizeof(*client->past) * --client->past_count);
    }
    client->past[client->past_count++] =
        (struct past){run->m.f.commit, sgr_instance_revision(client->instance),
                      document(client->instance, "json-patch"), document(client->instance, "rows")};
}

static void open_client(struct run *run, struct client *client) {
    size_t which = draw(&run->m, VIEWS);
    struct sgr_value values[PARAMETERS];
    static const int columns[PARAMETERS] = {A, B, T};
    for (int i = 0; i < PARAMETERS; i++) {
        client->parameters[i] = chance(&run->m, 10) ? NUL : (int)draw(&run->m, 4);
        values[i] = typed(columns[i], client->parameters[i]);
    }
    client->root = run->roots[which];
    client->view = run->views[which];
    CHECK(sgr_instance_open(client->view, values, &client->instance, error));
    remember(run, client);
}

static void close_client(struct client *client) {
    sgr_instance_close(client->instance);
    client->instance = NULL;
    forget_past(client);
}

/* ---- Checks ---- */

static void differ(const struct run *run, const char *what, const char *expected, const char *found,
                   const char *more) {
    fail_msg("seed %llu commit %llu: %s\nexpected %s\nfound    %s\n%s",
             (unsigned long long)run->seed, (unsigned long long)run->m.f.commit, what, expected,
             found, more);
}

static void check_document(const struct run *run, const struct client *client) {
    struct sgr_buffer expected = SGR_BUFFER_INIT;
    expect_level(&run->m, &run->m.levels[client->root], client->parameters, NULL, &expected);
    char *found = document(client->instance, "json-patch");
    if (strcmp(sgr_buffer_text(&expected), found) != 0)
        differ(run, "document", expected.data, found, "");
    free(found);
    sgr_buffer_fini(&expected);
}

static void check_result(const struct run *run, const char *codec, json_t *found, const char *now,
                         const struct past *past, const char *edits) {
    json_t *expected = parse_json(now, strlen(now));
    if (!json_equal(found, expected)) {
        char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
        char more[2000];
        snprintf(more, sizeof(more), "from %llu: %s\nby %s", (unsigned long long)past->commit,
                 past->document, edits);
        differ(run, codec, now, text, more);
    }
    json_decref(expected);
    json_decref(found);
}

static void check_json_patch(const struct run *run, const struct client *client,
                             const struct past *past, uint64_t from, const char *now) {
    char *text = changes(client->instance, "json-patch", from);
    if (!text) {
        assert_true(from <= run->forgotten);
        return;
    }
    json_t *result = parse_json(past->document, strlen(past->document));
    if (*text) {
        json_t *patch = parse_json(text, strlen(text));
        assert_true(json_array_size(patch) > 0);
        result = apply_json_patch(result, patch);
        json_decref(patch);
    }
    check_result(run, "json-patch", result, now, past, text);
    free(text);
}

static void check_rows(const struct run *run, const struct client *client, const struct past *past,
                       const char *now) {
    char *text = changes(client->instance, "rows", past->commit);
    if (!text)
        return;
    json_t *held = parse_json(past->rows, strlen(past->rows));
    json_t *result = json_incref(json_object_get(held, "data"));
    if (*text) {
        json_t *edits = parse_json(text, strlen(text));
        result = apply_rows(result, json_object_get(held, "keys"), edits);
        json_decref(edits);
    }
    check_result(run, "rows", result, now, past, text);
    json_decref(held);
    free(text);
}

static void check_full(const struct client *client, const struct past *past, const char *now) {
    char *text = changes(client->instance, "full", past->commit);
    if (text)
        assert_string_equal(*text ? text : past->document, now);
    free(text);
}

static void check_revision(const struct run *run, const struct client *client,
                           const struct past *past, const char *now) {
    uint64_t commit;
    if (past->commit <= run->epoch)
        return;
    int code = sgr_instance_commit_of_revision(client->instance, past->revision, &commit);
    if (code)
        assert_true(past->commit <= run->forgotten);
    else
        check_json_patch(run, client, past, commit, now);
}

static void check_client(struct run *run, struct client *client) {
    check_document(run, client);
    char *now = document(client->instance, "json-patch");
    const struct past *last = &client->past[client->past_count - 1];
    bool told = was_changed(&run->m.f, client->instance);
    if (last->commit == run->m.f.commit - 1) {
        if (!told && strcmp(last->document, now) != 0)
            differ(run, "changed, but was not told", last->document, now, "");
        char *patch = changes(client->instance, "json-patch", last->commit);
        if (patch && told != (*patch != 0))
            differ(run, "told without change, or the reverse", last->document, now, patch);
        free(patch);
    }
    for (size_t i = 0; i < client->past_count; i++) {
        const struct past *past = &client->past[i];
        check_json_patch(run, client, past, past->commit, now);
        check_rows(run, client, past, now);
        check_full(client, past, now);
        check_revision(run, client, past, now);
    }
    free(now);
    remember(run, client);
}

/* ---- Runs ---- */

static void trim(struct run *run) {
    uint64_t kept = draw(&run->m, 6);
    if (chance(&run->m, 20)) {
        sgr_views_forget(run->m.f.views);
        run->forgotten = run->epoch = run->m.f.commit;
    } else if (run->m.f.commit > kept) {
        uint64_t edge = run->m.f.commit - kept;
        run->forgotten = edge > run->forgotten ? edge : run->forgotten;
        sgr_views_trim(run->m.f.views, (int64_t)run->m.f.commit * 1000, (int64_t)kept * 1000,
                       SIZE_MAX);
    }
}

static void step(struct run *run) {
    struct model *m = &run->m;
    for (unsigned i = 1 + draw(m, chance(m, 10) ? 30 : 5); i; i--)
        random_change(m, 25);
    if (chance(m, 10)) /* two runs that one commit takes up */
        CHECK(sgr_graph_run(m->f.graph, error));
    if (chance(m, 10))
        random_change(m, 25);
    commit(&m->f);
    for (size_t i = 0; i < INSTANCES; i++) {
        struct client *client = &run->clients[i];
        if (client->instance)
            check_client(run, client);
        if (client->instance && chance(m, 4))
            close_client(client);
        else if (!client->instance && chance(m, 40))
            open_client(run, client);
    }
    if (chance(m, 5))
        trim(run);
}

static void finish(struct run *run) {
    for (size_t i = 0; i < INSTANCES; i++)
        if (run->clients[i].instance)
            close_client(&run->clients[i]);
    sgr_views_trim(run->m.f.views, INT64_MAX, 0, 0);
    struct sgr_views_counters counters;
    sgr_views_counters(run->m.f.views, &counters);
    assert_int_equal(counters.instances, 0);
    assert_int_equal(counters.collections, 0);
    assert_int_equal(counters.members, 0);
    assert_int_equal(counters.state_bytes, 0);
    assert_int_equal(counters.history_bytes, 0);
    model_fini(&run->m);
}

static void run_seed(uint64_t seed, unsigned steps) {
    static struct run run;
    memset(&run, 0, sizeof(run));
    run.seed = seed;
    model_init(&run.m, seed);
    add_views(&run);
    for (int i = 0; i < 60; i++)
        random_change(&run.m, 20);
    commit(&run.m.f);
    for (unsigned i = 0; i < steps; i++)
        step(&run);
    finish(&run);
}

static void documents_or_diffs_go_wrong(void **state) {
    unsigned first = 1, last = 150, steps = 40;
    (void)state;
    if (getenv("SANGRE_SEEDS"))
        sscanf(getenv("SANGRE_SEEDS"), "%u-%u", &first, &last);
    if (getenv("SANGRE_STEPS"))
        steps = (unsigned)atoi(getenv("SANGRE_STEPS"));
    for (unsigned seed = first; seed <= last; seed++)
        run_seed(seed, steps);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(documents_or_diffs_go_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
