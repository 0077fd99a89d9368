/* Views over a feed that loses and repeats at random are those over an exact source, once they are compared: two engines with the same views, one
 * of which gets every change once. */
#include "fixture.h"

#define TABLES                                                                 \
    "tables: {\n"                                                              \
    "    users: { columns: { id: int, team: int, name: text }, key: [id] },\n" \
    "    notes: { columns: { id: int, author: int, body: text }, key: [id] } } } }\n"
#define VIEWS                                                                                     \
    "nodes:\n"                                                                                    \
    "  busy: { inputs: [app.notes, app.users], join: author = id,\n"                              \
    "          columns: { note: left.id, team: right.team, name: right.name } }\n"                \
    "  low: { input: app.users, filter: team < 3 }\n"                                             \
    "views:\n"                                                                                    \
    "  /users: { from: app.users, order_by: [team, id],\n"                                        \
    "            populate: { notes: { from: app.notes, on: id = author, order_by: body } } }\n"   \
    "  /busy: { from: busy, order_by: [note, team] }\n"                                           \
    "  /team: { from: low, params: { team: int }, where: team = $team, order_by: name, limit: 3 " \
    "}\n"

static struct world *open_with(const char *plugin) {
    char config[2048];
    snprintf(config, sizeof(config), "sources: { app: { plugin: \"%s\", " TABLES VIEWS, plugin);
    return world_new(config);
}

enum { KEYS = 9, TABLES_COUNT = 2, LOG = 1 << 14 };

struct event {
    enum sgr_change_kind kind;
    int table, key, old_key, link, text; /* old_key and text -1: as it was */
};

struct row {
    bool there;
    int link, text;
};

struct feed {
    struct world *exact, *feed;
    struct row rows[TABLES_COUNT][KEYS];
    struct event log[LOG];
    size_t count, lost;
    uint32_t random;
};

static int below(struct feed *feed, int limit) {
    feed->random = feed->random * 1664525u + 1013904223u;
    return (int)((feed->random >> 8) % (uint32_t)limit);
}

struct texts {
    char key[12], old[12], link[12], text[12];
    struct sgr_field row[3], before[3];
};

static struct sgr_field field(char *text, size_t size, int value, const char *format) {
    snprintf(text, size, format, value);
    return (struct sgr_field){text, (uint32_t)strlen(text), SGR_FIELD_TEXT};
}

static void write_fields(const struct event *event, struct texts *texts) {
    *texts = (struct texts){0};
    texts->row[0] = field(texts->key, sizeof(texts->key), event->key, "%d");
    texts->row[1] = field(texts->link, sizeof(texts->link), event->link, "%d");
    texts->row[2] = event->text < 0 ? (struct sgr_field){.kind = SGR_FIELD_UNCHANGED}
                                    : field(texts->text, sizeof(texts->text), event->text, "t%d");
    int old = event->kind == SGR_DELETE ? event->key : event->old_key;
    texts->before[0] = field(texts->old, sizeof(texts->old), old, "%d");
    texts->before[1] = texts->before[2] = (struct sgr_field){.kind = SGR_FIELD_NULL};
}

static int give(struct world *world, const struct event *event) {
    struct engine_source *source = &world->engine->sources[0];
    struct texts texts;
    struct sgr_error error = {0};
    write_fields(event, &texts);
    struct sgr_change change = {.kind = event->kind,
                                .relation = &source->relations[event->table].description};
    if (event->kind == SGR_DELETE || event->old_key >= 0) {
        change.old_kind = SGR_OLD_KEY;
        change.old_fields = texts.before;
    }
    if (event->kind != SGR_DELETE)
        change.new_fields = texts.row;
    int code = sgr__source_host()->change(source, &change, &error);
    if (code && code != SGR_ENOTFOUND && code != SGR_ELOST)
        fail_msg("%s", error.message);
    return code;
}

static struct event think_of(struct feed *feed) {
    struct event event = {.kind = SGR_UPDATE,
                          .table = below(feed, TABLES_COUNT),
                          .key = below(feed, KEYS),
                          .old_key = -1,
                          .link = below(feed, 5),
                          .text = below(feed, 2) ? -1 : below(feed, 6)};
    struct row *rows = feed->rows[event.table];
    int other = below(feed, KEYS), what = below(feed, 10);
    if (!rows[event.key].there) {
        event.kind = SGR_INSERT;
        event.text = below(feed, 6);
    } else if (what < 3) {
        event.kind = SGR_DELETE;
    } else if (what < 5 && !rows[other].there) {
        event.old_key = event.key;
        event.key = other;
        if (below(feed, 8))
            event.text = rows[event.old_key].text;
    }
    return event;
}

static void happen(struct feed *feed) {
    struct event event = think_of(feed);
    struct row *rows = feed->rows[event.table];
    struct row before = rows[event.old_key >= 0 ? event.old_key : event.key];
    if (event.old_key >= 0)
        rows[event.old_key].there = false;
    rows[event.key] = (struct row){.there = event.kind != SGR_DELETE,
                                   .link = event.link,
                                   .text = event.text < 0 ? before.text : event.text};
    assert_true(feed->count < LOG);
    feed->log[feed->count++] = event;
    assert_int_equal(give(feed->exact, &event), 0);
    if (below(feed, 3) == 0)
        world_commit_now(feed->exact);
}

/* Some not, some twice, and some from before again. */
static void give_some(struct feed *feed, size_t from) {
    for (size_t i = from; i < feed->count; i++) {
        int what = below(feed, 5);
        if (what)
            give(feed->feed, &feed->log[i]);
        if (what == 1 && i > 4)
            give(feed->feed, &feed->log[i - (size_t)below(feed, 5)]);
        if (what == 2)
            world_commit_now(feed->feed);
    }
    world_commit_now(feed->feed);
}

static void give_rows(struct feed *feed) {
    struct engine_source *source = &feed->feed->engine->sources[0];
    for (int table = 0; table < TABLES_COUNT; table++)
        for (int key = 0; key < KEYS; key++) {
            const struct row *row = &feed->rows[table][key];
            struct event event = {.key = key, .link = row->link, .text = row->text};
            struct texts texts;
            write_fields(&event, &texts);
            if (row->there)
                assert_int_equal(
                    sgr__source_host()->snapshot_row(source, &source->relations[table].description,
                                                     texts.row, NULL),
                    0);
        }
}

static void happen_often(struct feed *feed, int most) {
    for (int i = below(feed, most); i > 0; i--)
        happen(feed);
}

/* False: one that came meanwhile asks for another comparison. */
static bool compare(struct feed *feed) {
    const struct sgr_source_host *host = sgr__source_host();
    struct engine_source *source = &feed->feed->engine->sources[0];
    size_t since = feed->count;
    bool lost = false;
    assert_int_equal(host->begin_snapshot(source, source->epoch, NULL), 0);
    happen_often(feed, 8);
    give_rows(feed);
    happen_often(feed, 8);
    size_t half = since + (size_t)below(feed, (int)(feed->count - since) + 1);
    for (; since < half; since++)
        lost |= give(feed->feed, &feed->log[since]) == SGR_ELOST;
    assert_int_equal(host->end_snapshot(source, source->position + 8, NULL), 0);
    for (; since < feed->count; since++)
        lost |= give(feed->feed, &feed->log[since]) == SGR_ELOST;
    world_commit_now(feed->feed);
    world_commit_now(feed->exact);
    return !lost;
}

static char *document(struct world *world, const char *view, int team) {
    char text[12];
    snprintf(text, sizeof(text), "%d", team);
    struct sgr_parameter_text parameter = {sgr_slice("team"), sgr_slice(text)};
    struct sgr_subscribe what = {
        .view = sgr_slice(view), .parameters = &parameter, .parameter_count = team >= 0 ? 1 : 0};
    assert_int_equal(sgr_hub_subscribe(world->engine->hub, ++world->next_id, &what, true), 0);
    world_serve(world);
    world_receive(world);
    assert_non_null(world->last.state.document);
    return strndup(world->last.state.document->data, world->last.state.document->size);
}

static void must_be_equal(struct feed *feed) {
    static const char *const views[] = {"/users", "/busy", "/team"};
    for (int i = 0; i < 7; i++) {
        const char *view = views[i < 2 ? i : 2];
        char *expected = document(feed->exact, view, i - 2),
             *shown = document(feed->feed, view, i - 2);
        assert_string_equal(shown, expected);
        free(expected);
        free(shown);
    }
}

static void test_behind_a_comparison_views_are_those_of_an_exact_source(void **state) {
    (void)state;
    struct feed *feed = calloc(1, sizeof(*feed));
    size_t equal = 0;
    assert_non_null(feed);
    feed->random = 1124;
    feed->exact = open_with("memory");
    feed->feed = open_with(FEED);
    assert_non_null(feed->feed->engine->sources[0].eventual);
    for (int round = 0; round < 300; round++) {
        size_t from = feed->count;
        happen_often(feed, 14);
        give_some(feed, from);
        if (!compare(feed))
            continue;
        must_be_equal(feed);
        equal++;
    }
    assert_in_range(equal, 150, 300);
    assert_in_range(feed->feed->engine->sources[0].gaps, 100, 300);
    world_free(feed->exact);
    world_free(feed->feed);
    free(feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behind_a_comparison_views_are_those_of_an_exact_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
