/* Folding change streams: what the node holds is compared with what the table would. */
#include "unit/graph/table.h"

static void log_batch(void *data, struct sgr_node *node, const struct sgr_batch *batch) {
    struct table *t = data;
    (void)node;
    static char out[4096];
    out[0] = '\0';
    for (size_t i = 0; i < batch->count; i++)
        write_row(t, batch->items[i].row, batch->items[i].weight, out, sizeof(out));
    t->relation.host_data = out;
}

static void rows_come_change_and_go(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    assert_int_equal(INSERT(&t, "1", "one", "1.50"), 0);
    assert_int_equal(INSERT(&t, "2", NULL, NULL), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 one 1.50; 2 null null");
    assert_int_equal(UPDATE(&t, "2", "two", "NaN"), 0);
    assert_int_equal(DELETE(&t, "1"), 0);
    commit(&t);
    assert_string_equal(contents(&t), "2 two NaN");
    table_fini(&t);
}

static void changes_of_one_row_in_a_transaction_are_netted(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    assert_int_equal(sgr_node_observe(t.node, log_batch, &t), 0);
    INSERT(&t, "1", "a", NULL);
    INSERT(&t, "2", "kept", NULL);
    commit(&t);
    UPDATE(&t, "1", "b", NULL);
    UPDATE(&t, "1", "c", NULL);
    DELETE(&t, "2"); /* and back again */
    INSERT(&t, "2", "kept", NULL);
    INSERT(&t, "3", "brief", NULL);
    UPDATE(&t, "3", "briefer", NULL);
    DELETE(&t, "3");
    commit(&t);
    assert_string_equal(t.relation.host_data, "-1{\"id\":1,\"name\":\"a\",\"price\":null}\n"
                                              "+1{\"id\":1,\"name\":\"c\",\"price\":null}\n");
    sgr_node_unobserve(t.node, log_batch, &t);
    table_fini(&t);
}

static void a_changed_key_moves_the_row(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    INSERT(&t, "1", "one", NULL);
    INSERT(&t, "2", "two", NULL);
    commit(&t);
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_KEY, FIELDS("1", NULL, NULL), FIELDS("9", "one", UNCHANGED)),
        0);
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_KEY, FIELDS("2", NULL, NULL), FIELDS("1", "two", NULL)), 0);
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_KEY, FIELDS("9", NULL, NULL), FIELDS("2", "one", NULL)), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 two null; 2 one null");
    /* onto a key that is taken */
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_KEY, FIELDS("2", NULL, NULL), FIELDS("1", "x", NULL)),
        SGR_EINTERNAL);
    sgr_fold_abort(t.fold);
    table_fini(&t);
}

static void unchanged_values_come_from_the_row_we_have(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    INSERT(&t, "1", "long", "1");
    commit(&t);
    UPDATE(&t, "1", UNCHANGED, "2");
    UPDATE(&t, "1", UNCHANGED, "3");
    commit(&t);
    assert_string_equal(contents(&t), "1 long 3");
    INSERT(&t, "2", "in here", "1"); /* also from a row of this transaction */
    UPDATE(&t, "2", UNCHANGED, "5");
    commit(&t);
    assert_string_equal(contents(&t), "1 long 3; 2 in here 5");
    assert_int_equal(INSERT(&t, "4", UNCHANGED, "1"), SGR_EINTERNAL);
    sgr_fold_abort(t.fold);
    table_fini(&t);
}

static void without_a_key_rows_are_told_apart_by_content(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_FULL, false);
    INSERT(&t, "1", "a", NULL);
    INSERT(&t, "1", "a", NULL);
    INSERT(&t, "1", "b", NULL);
    commit(&t);
    assert_string_equal(contents(&t), "1 a null x2; 1 b null");
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_FULL, FIELDS("1", "a", NULL), FIELDS("1", UNCHANGED, "7")),
        0);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_FULL, FIELDS("1", "b", NULL), NULL), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 a 7; 1 a null");
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_FULL, FIELDS("1", "a", NULL), NULL), 0);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_FULL, FIELDS("1", "a", NULL), NULL),
                     SGR_EINTERNAL);
    sgr_fold_abort(t.fold);
    assert_int_equal(UPDATE(&t, "1", "a", "8"), SGR_EINTERNAL);
    sgr_fold_abort(t.fold);
    table_fini(&t);
}

static void full_identity_with_a_key_survives_a_swap_of_keys(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_FULL, true);
    t.columns[1].key = t.columns[2].key = true; /* a change stream flags every column then */
    INSERT(&t, "1", "one", NULL);
    INSERT(&t, "2", "two", NULL);
    commit(&t);
    /* a deferred constraint lets both be 2 for a moment */
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_FULL, FIELDS("1", "one", NULL), FIELDS("2", "one", NULL)),
        0);
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_FULL, FIELDS("2", "two", NULL), FIELDS("1", "two", NULL)),
        0);
    commit(&t);
    assert_string_equal(contents(&t), "1 two null; 2 one null");
    table_fini(&t);
}

static void an_identity_other_than_the_key_finds_rows(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    INSERT(&t, "1", "a@b", NULL);
    INSERT(&t, "2", "c@d", NULL);
    commit(&t);
    t.relation.identity = SGR_IDENTITY_INDEX; /* REPLICA IDENTITY USING INDEX (name) */
    t.columns[0].key = false;
    t.columns[1].key = true;
    INSERT(&t, "3", "e@f", NULL);
    assert_int_equal(UPDATE(&t, "7", "a@b", NULL), 0); /* the primary key changes, unmentioned */
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_KEY, FIELDS(NULL, "c@d", NULL), FIELDS("2", "x@y", "1")), 0);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_KEY, FIELDS(NULL, "e@f", NULL), NULL), 0);
    commit(&t);
    assert_string_equal(contents(&t), "2 x@y 1; 7 a@b null");
    table_fini(&t);
}

static void an_identity_may_change_in_mid_transaction(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    INSERT(&t, "1", "a", NULL);
    commit(&t);
    UPDATE(&t, "1", "b", NULL);
    struct sgr_relation before = t.relation;
    struct sgr_relation_column columns[3];
    memcpy(columns, t.columns, sizeof(columns));
    columns[0].key = false;
    columns[1].key = true;
    t.relation.columns = columns;
    t.relation.identity = SGR_IDENTITY_INDEX;
    struct sgr_relation other = t.relation;
    struct sgr_field fields[3];
    read_fields(FIELDS("1", "b", "5"), 3, fields);
    struct sgr_change update = {.kind = SGR_UPDATE, .relation = &other, .new_fields = fields};
    assert_int_equal(sgr_fold_change(t.fold, &update, &t.f.error), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 b 5");
    t.relation = before;
    table_fini(&t);
}

static void truncate_takes_all_and_what_came_since(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    INSERT(&t, "1", "a", NULL);
    INSERT(&t, "2", "b", NULL);
    commit(&t);
    UPDATE(&t, "1", "changed", NULL);
    INSERT(&t, "3", "new", NULL);
    assert_int_equal(TRUNCATE(&t), 0);
    INSERT(&t, "2", "again", NULL);
    commit(&t);
    assert_string_equal(contents(&t), "2 again null");
    assert_int_equal(TRUNCATE(&t), 0);
    commit(&t);
    assert_string_equal(contents(&t), "");
    table_fini(&t);
}

static void a_later_snapshot_gives_only_the_difference(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, false, &t.f.error), 0);
    snapshot_row(&t, FIELDS("1", "a", NULL));
    snapshot_row(&t, FIELDS("2", "b", NULL));
    snapshot_row(&t, FIELDS("3", "c", NULL));
    assert_int_equal(sgr_fold_snapshot_finish(t.fold, &t.f.error), 0);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "1 a null; 2 b null; 3 c null");
    assert_int_equal(sgr_node_observe(t.node, log_batch, &t), 0);
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, false, &t.f.error), 0);
    snapshot_row(&t, FIELDS("4", "d", NULL));
    snapshot_row(&t, FIELDS("1", "a", NULL));
    snapshot_row(&t, FIELDS("2", "B", NULL));
    assert_int_equal(sgr_fold_snapshot_finish(t.fold, &t.f.error), 0);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "1 a null; 2 B null; 4 d null");
    assert_null(strstr(t.relation.host_data, "\"id\":1,"));
    sgr_node_unobserve(t.node, log_batch, &t);
    table_fini(&t);
}

static void an_aborted_snapshot_or_transaction_leaves_nothing(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, false, &t.f.error), 0);
    snapshot_row(&t, FIELDS("1", "a", NULL));
    sgr_fold_abort(t.fold);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "");
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, false, &t.f.error), 0);
    snapshot_row(&t, FIELDS("1", "a", NULL));
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, false, &t.f.error), 0); /* started over */
    snapshot_row(&t, FIELDS("2", "b", NULL));
    assert_int_equal(sgr_fold_snapshot_finish(t.fold, &t.f.error), 0);
    fixture_run(&t.f);
    INSERT(&t, "3", "c", NULL);
    DELETE(&t, "2");
    sgr_fold_abort(t.fold);
    commit(&t);
    assert_string_equal(contents(&t), "2 b null");
    table_fini(&t);
}

enum { MANY = 1300 }; /* some go into the indexes ahead of the run, some with it */

static int many_snapshot_rows(struct table *t) {
    int status = 0;
    for (int i = 0; !status && i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        status = snapshot_row(t, FIELDS(id, "x", NULL));
    }
    return status;
}

static void an_undisturbed_snapshot_is_there_once_and_all_of_it(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    struct sgr_index *by_name;
    assert_int_equal(sgr_node_index(t.node, (uint16_t[]){1}, 1, &by_name, &t.f.error), 0);
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, true, &t.f.error), 0);
    assert_int_equal(many_snapshot_rows(&t), 0);
    sgr_fold_abort(t.fold);
    assert_int_equal(sgr_index_rows(by_name), 0);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "");
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, true, &t.f.error), 0);
    assert_int_equal(many_snapshot_rows(&t), 0);
    assert_in_range(sgr_index_rows(by_name), 1, MANY - 1);
    assert_int_equal(sgr_fold_snapshot_finish(t.fold, &t.f.error), 0);
    fixture_run(&t.f);
    assert_int_equal(sgr_index_rows(by_name), MANY);
    TRUNCATE(&t);
    INSERT(&t, "7", "y", NULL);
    commit(&t);
    assert_string_equal(contents(&t), "7 y null");
    sgr_node_unindex(t.node, by_name);
    table_fini(&t);
}

static void a_key_twice_in_an_undisturbed_snapshot_is_an_error(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, true, &t.f.error), 0);
    snapshot_row(&t, FIELDS("5", "first", NULL));
    assert_int_equal(many_snapshot_rows(&t), SGR_EINTERNAL);
    assert_non_null(strstr(t.f.error.message, "same key"));
    sgr_fold_abort(t.fold);
    assert_string_equal(contents(&t), "");
    table_fini(&t);
}

/* A pivot: its key is all there is. `other`: an index by its first column, which makes the one by the key superfluous. */
static void pivot_init(struct table *t, struct sgr_index **other) {
    fixture_init(&t->f, 1, NULL);
    t->columns[0] = t->columns[1] = plain_columns[0];
    t->columns[1].name = "other";
    t->relation = (struct sgr_relation){.schema = "public",
                                        .table = "p",
                                        .columns = t->columns,
                                        .column_count = 2,
                                        .identity = SGR_IDENTITY_DEFAULT};
    assert_int_equal(sgr_fold_new(t->f.graph, "app.p", &t->relation, &t->fold, &t->f.error), 0);
    t->node = sgr_fold_node(t->fold);
    if (other)
        assert_int_equal(sgr_node_index(t->node, (uint16_t[]){0}, 1, other, &t->f.error), 0);
    sgr_fold_narrow(t->fold);
}

static void pivot_fini(struct table *t, struct sgr_index *other) {
    if (other)
        sgr_node_unindex(t->node, other);
    table_fini(t);
}

static void pivot_inserts(struct table *t, int from, int count) {
    for (int i = from; i < from + count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(INSERT(t, "1", text), 0);
    }
}

/* Of the rows of a large group each is found by itself; returns how many entries all indexes together had for 1,000 rows. */
static size_t run_pivot(bool narrow) {
    struct table t;
    struct sgr_index *other = NULL;
    struct sgr_node_counters counters;
    pivot_init(&t, narrow ? &other : NULL);
    pivot_inserts(&t, 0, 1000);
    commit(&t);
    sgr_node_counters(t.node, &counters);
    for (int i = 3; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_KEY, FIELDS("1", text), NULL), 0);
    }
    assert_int_equal(change(&t, SGR_UPDATE, SGR_OLD_KEY, FIELDS("1", "2"), FIELDS("9", "2")), 0);
    assert_int_equal(INSERT(&t, "1", "500"), 0); /* one that has just gone */
    commit(&t);
    assert_string_equal(contents(&t), "1 0; 1 1; 1 500; 9 2");
    assert_int_equal(INSERT(&t, "1", "500"), SGR_EINTERNAL);
    sgr_fold_abort(t.fold);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_KEY, FIELDS("1", "2"), NULL), SGR_EINTERNAL);
    sgr_fold_abort(t.fold);
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, false, &t.f.error), 0);
    snapshot_row(&t, FIELDS("1", "0"));
    snapshot_row(&t, FIELDS("7", "7"));
    assert_int_equal(sgr_fold_snapshot_finish(t.fold, &t.f.error), 0);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "1 0; 7 7");
    pivot_fini(&t, other);
    return counters.index_rows;
}

static void a_key_of_all_columns_needs_no_index_beside_another(void **unused) {
    (void)unused;
    assert_int_equal(run_pivot(false), 1000);
    assert_int_equal(run_pivot(true), 1000);
}

static void a_key_index_that_others_use_stays_and_another_identity_gets_its_own(void **unused) {
    (void)unused;
    struct table t;
    struct sgr_index *other, *by_key;
    pivot_init(&t, &other);
    assert_int_equal(sgr_node_index(t.node, (uint16_t[]){0, 1}, 2, &by_key, &t.f.error), 0);
    pivot_inserts(&t, 0, 3);
    commit(&t);
    assert_int_equal(sgr_index_rows(by_key), 3);
    t.relation.identity = SGR_IDENTITY_FULL; /* whole rows are told */
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_FULL, FIELDS("1", "0"), NULL), 0);
    commit(&t);
    t.relation.identity = SGR_IDENTITY_INDEX; /* by the second column alone */
    t.columns[0].key = false;
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_KEY, FIELDS(NULL, "1"), NULL), 0);
    commit(&t);
    t.relation.identity = SGR_IDENTITY_DEFAULT;
    t.columns[0].key = true;
    assert_int_equal(INSERT(&t, "1", "2"), SGR_EINTERNAL);
    sgr_fold_abort(t.fold);
    assert_int_equal(INSERT(&t, "1", "3"), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 2; 1 3");
    assert_int_equal(sgr_index_rows(by_key), 2);
    sgr_node_unindex(t.node, by_key);
    pivot_fini(&t, other);
}

/* 1,300 rows of 100 keys, and one of them once more at the end; the graph's run gives the status. */
static int run_large_pivot(struct table *t, const char *again) {
    assert_int_equal(sgr_fold_snapshot_begin(t->fold, true, &t->f.error), 0);
    for (int i = 0; i < MANY; i++) {
        char key[16], id[16];
        snprintf(key, sizeof(key), "%d", i % 100);
        snprintf(id, sizeof(id), "%d", i);
        assert_int_equal(snapshot_row(t, FIELDS(key, id)), 0);
    }
    if (again)
        assert_int_equal(snapshot_row(t, FIELDS("7", again)), 0);
    assert_int_equal(sgr_fold_snapshot_finish(t->fold, &t->f.error), 0);
    return sgr_graph_run(t->f.graph, &t->f.error);
}

static void a_row_twice_in_a_large_snapshot_is_found_wherever_the_two_stand(void **unused) {
    (void)unused;
    static const char *const again[] = {"7", "607", "1207"}; /* settled early, late, not yet */
    for (int i = 0; i < 3; i++) {
        struct table t;
        struct sgr_index *other;
        pivot_init(&t, &other);
        assert_int_equal(run_large_pivot(&t, again[i]), SGR_EINTERNAL);
        assert_non_null(strstr(t.f.error.message, "same key"));
        pivot_fini(&t, other);
    }
    struct table t;
    struct sgr_index *other;
    pivot_init(&t, &other);
    assert_int_equal(run_large_pivot(&t, NULL), 0);
    assert_int_equal(INSERT(&t, "7", "607"),
                     SGR_EINTERNAL); /* what comes later is looked for at once */
    sgr_fold_abort(t.fold);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_KEY, FIELDS("7", "607"), NULL), 0);
    commit(&t);
    assert_int_equal(sgr_index_rows(other), MANY - 1);
    pivot_fini(&t, other);
}

static void a_row_twice_in_a_snapshot_is_an_error_without_a_key_index_too(void **unused) {
    (void)unused;
    struct table t;
    struct sgr_index *other;
    pivot_init(&t, &other);
    assert_int_equal(sgr_fold_snapshot_begin(t.fold, true, &t.f.error), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(snapshot_row(&t, FIELDS("5", i == 1 ? "6" : "5")), 0);
    assert_int_equal(sgr_fold_snapshot_finish(t.fold, &t.f.error), 0);
    assert_int_equal(sgr_graph_run(t.f.graph, &t.f.error), SGR_EINTERNAL);
    assert_non_null(strstr(t.f.error.message, "same key"));
    pivot_fini(&t, other);
}

static void what_cannot_be_is_an_error_with_the_relation(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    INSERT(&t, "1", "a", NULL);
    commit(&t);
    assert_int_equal(INSERT(&t, "1", "b", NULL), SGR_EINTERNAL);
    assert_non_null(strstr(t.f.error.context, "app.t"));
    assert_int_equal(UPDATE(&t, "5", "b", NULL), SGR_EINTERNAL);
    assert_non_null(strstr(t.f.error.message, "id=5"));
    assert_int_equal(DELETE(&t, "5"), SGR_EINTERNAL);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_NONE, NULL, NULL), SGR_EINTERNAL);
    assert_int_equal(INSERT(&t, "x", "b", NULL), SGR_EPARSE);
    assert_non_null(strstr(t.f.error.context, "column id"));
    assert_int_equal(INSERT(&t, "99999999999", "b", NULL), SGR_ERANGE);
    sgr_fold_abort(t.fold);
    commit(&t);
    assert_string_equal(contents(&t), "1 a null");
    table_fini(&t);
}

static void a_widened_and_reordered_relation_goes_on_a_retyped_one_does_not(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    INSERT(&t, "1", "a", "1");
    commit(&t);
    struct sgr_relation_column wide[4] = {t.columns[1],
                                          {.name = "new", .type_name = "bool", .type = SGR_BOOL},
                                          t.columns[2],
                                          t.columns[0]};
    t.relation.columns = wide;
    t.relation.column_count = 4;
    assert_int_equal(UPDATE(&t, "b", "t", "2", "1"), 0);
    assert_int_equal(INSERT(&t, "c", "f", "3", "2"), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 b 2; 2 c 3");
    wide[0].type = SGR_INT8;
    assert_int_equal(INSERT(&t, "1", "f", "3", "2"), SGR_ETYPE);
    assert_non_null(strstr(t.f.error.message, "name"));
    t.relation.column_count = 3;
    wide[0].type = SGR_TEXT;
    assert_int_equal(INSERT(&t, "x", "f", "3"), SGR_ETYPE);
    assert_non_null(strstr(t.f.error.message, "id"));
    sgr_fold_abort(t.fold);
    table_fini(&t);
}

/* Random transactions on twelve keys, against an array that holds what the table would. */

enum { KEYS = 12 };

struct model {
    int64_t price[KEYS]; /* -1: no row */
    int64_t committed[KEYS];
    uint32_t random;
};

static uint32_t next_random(struct model *m, uint32_t below) {
    m->random = m->random * 1664525u + 1013904223u;
    return (m->random >> 8) % below;
}

static int random_step(struct table *t, struct model *m) {
    char id[12], to[12], price[12];
    uint32_t key = next_random(m, KEYS), other = next_random(m, KEYS), what = next_random(m, 20);
    int64_t number = next_random(m, 5);
    snprintf(id, sizeof(id), "%u", key);
    snprintf(to, sizeof(to), "%u", other);
    snprintf(price, sizeof(price), "%lld", (long long)number);
    if (what == 0) {
        memset(m->price, -1, sizeof(m->price));
        return TRUNCATE(t);
    }
    if (m->price[key] < 0) {
        m->price[key] = number;
        return INSERT(t, id, "name", price);
    }
    if (what < 6) {
        m->price[key] = -1;
        return DELETE(t, id);
    }
    if (what < 12 && m->price[other] < 0) {
        m->price[other] = number;
        m->price[key] = -1;
        return change(t, SGR_UPDATE, SGR_OLD_KEY, FIELDS(id, NULL, NULL),
                      FIELDS(to, UNCHANGED, price));
    }
    m->price[key] = number;
    return UPDATE(t, id, "name", price);
}

static void compare(struct table *t, const struct model *m) {
    char expected[1024] = "", *sorted[KEYS], lines[KEYS][64];
    size_t count = 0;
    for (int i = 0; i < KEYS; i++)
        if (m->price[i] >= 0) {
            snprintf(lines[count], 64, "%d name %lld", i, (long long)m->price[i]);
            sorted[count] = lines[count];
            count++;
        }
    qsort(sorted, count, sizeof(*sorted), by_text);
    for (size_t i = 0; i < count; i++)
        snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s%s",
                 i ? "; " : "", sorted[i]);
    assert_string_equal(contents(t), expected);
}

static void random_transactions_equal_the_table(void **unused) {
    (void)unused;
    struct table t;
    struct model m = {.random = 20240607};
    table_init(&t, SGR_IDENTITY_DEFAULT, true);
    memset(m.price, -1, sizeof(m.price));
    memset(m.committed, -1, sizeof(m.committed));
    for (int round = 0; round < 2000; round++) {
        uint32_t steps = 1 + next_random(&m, 15);
        for (uint32_t i = 0; i < steps; i++)
            if (random_step(&t, &m))
                fail_msg("round %d: %s", round, t.f.error.message);
        if (next_random(&m, 8) == 0) {
            sgr_fold_abort(t.fold);
            memcpy(m.price, m.committed, sizeof(m.price));
        }
        commit(&t);
        memcpy(m.committed, m.price, sizeof(m.price));
        compare(&t, &m);
    }
    table_fini(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_change_and_go),
        cmocka_unit_test(changes_of_one_row_in_a_transaction_are_netted),
        cmocka_unit_test(a_changed_key_moves_the_row),
        cmocka_unit_test(unchanged_values_come_from_the_row_we_have),
        cmocka_unit_test(without_a_key_rows_are_told_apart_by_content),
        cmocka_unit_test(full_identity_with_a_key_survives_a_swap_of_keys),
        cmocka_unit_test(an_identity_other_than_the_key_finds_rows),
        cmocka_unit_test(an_identity_may_change_in_mid_transaction),
        cmocka_unit_test(truncate_takes_all_and_what_came_since),
        cmocka_unit_test(a_later_snapshot_gives_only_the_difference),
        cmocka_unit_test(an_aborted_snapshot_or_transaction_leaves_nothing),
        cmocka_unit_test(an_undisturbed_snapshot_is_there_once_and_all_of_it),
        cmocka_unit_test(a_key_twice_in_an_undisturbed_snapshot_is_an_error),
        cmocka_unit_test(a_key_of_all_columns_needs_no_index_beside_another),
        cmocka_unit_test(a_key_index_that_others_use_stays_and_another_identity_gets_its_own),
        cmocka_unit_test(a_row_twice_in_a_snapshot_is_an_error_without_a_key_index_too),
        cmocka_unit_test(a_row_twice_in_a_large_snapshot_is_found_wherever_the_two_stand),
        cmocka_unit_test(what_cannot_be_is_an_error_with_the_relation),
        cmocka_unit_test(a_widened_and_reordered_relation_goes_on_a_retyped_one_does_not),
        cmocka_unit_test(random_transactions_equal_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
