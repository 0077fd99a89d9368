/* Random tables, views and transactions, and what a view must show, worked out from scratch.
 *
 * Values are small numbers: NUL stands for null, and each column's kind says how a number is written. */
#ifndef TEST_VIEW_MODEL_H
#define TEST_VIEW_MODEL_H

#include "fixture.h"

enum { NUL = -1, COLUMNS = 6, TABLES = 5, LEVELS_MOST = 12, PARAMETERS = 3 };
enum { ID, A, B, T, N, H }; /* id int4, a int4, b int8, t text, n numeric, h int4 */

struct model_row {
    int v[COLUMNS];
};

struct model_table {
    struct sgr_node *node;
    int key[2];
    int key_count; /* 0: a bag */
    struct sgr_vector
        rows; /* of struct model_row; a bag's duplicates stand there as often as they count */
};

struct model_where {
    bool via;
    int column;
    int op; /* 0: none; <, >=, <> */
    int parameter, constant;
};

struct model_level {
    struct sgr_level spec;
    struct model_table *table, *via;
    uint16_t link[4][2]; /* parent, via parent, via child, child */
    struct sgr_level_equality equalities[3];
    int constants[3];
    struct sgr_level_order order[2];
    struct sgr_level_column columns[8];
    struct model_where where;
    char name[8];
    size_t levels[2]; /* in model->levels */
    size_t level_count;
    struct sgr_level below[2];
};

struct model {
    struct fixture f;
    uint64_t random;
    struct model_table tables[TABLES];
    struct model_level levels[LEVELS_MOST];
    size_t level_count;
    struct sgr_view_parameter parameters[PARAMETERS];
};

static inline unsigned draw(struct model *m, unsigned below) {
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(m->random >> 33) % below;
}
static inline bool chance(struct model *m, unsigned percent) {
    return draw(m, 100) < percent;
}

/* ---- Values ---- */

/* Two of them are equal numbers of different scale. */
static const char *const numerics[] = {"1.0", "1.00", "-3", "2.5"};
static const int numeric_rank[] = {1, 1, 0, 2};

static inline void write_value(int column, int value, bool json, char *out) {
    if (value == NUL)
        strcpy(out, "null");
    else if (column == T)
        sprintf(out, json ? "\"t%d\"" : "t%d", value);
    else if (column == N)
        strcpy(out, numerics[value]);
    else
        sprintf(out, "%d", value);
}

/* By value, nulls last. */
static inline int compare_values(int column, int a, int b) {
    if (a == NUL || b == NUL)
        return (a == NUL) - (b == NUL);
    return column == N ? numeric_rank[a] - numeric_rank[b] : a - b;
}

static inline void row_text(const struct model_row *row, char *out) {
    *out = '\0';
    for (int i = 0; i < COLUMNS; i++) {
        write_value(i, row->v[i], false, out + strlen(out));
        strcat(out, "|");
    }
}

static inline struct sgr_value typed(int column, int value) {
    static const enum sgr_type types[] = {SGR_INT4, SGR_INT4,    SGR_INT8,
                                          SGR_TEXT, SGR_NUMERIC, SGR_INT4};
    static const char *const texts[] = {"t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"};
    struct sgr_value made = {.type = types[column], .null = value == NUL};
    if (!made.null && column == T)
        made.s = sgr_slice(texts[value]);
    else if (!made.null)
        made.i = value;
    return made;
}

/* ---- Tables ---- */

static inline struct model_row *row_at(const struct model_table *table, size_t i) {
    return SGR_VECTOR_AT(&table->rows, struct model_row, i);
}

static inline bool is_key(const struct model_table *table, int column) {
    for (int i = 0; i < table->key_count; i++)
        if (table->key[i] == column)
            return true;
    return false;
}

static inline int draw_value(struct model *m, const struct model_table *table, int column) {
    static const unsigned domains[] = {12, 5, 5, 4, 4, 4};
    if (!is_key(table, column) && chance(m, 12))
        return NUL;
    int value = (int)draw(m, domains[column]);
    /* Copies that are equal numbers written differently would stand in an order of no meaning. */
    return column == N && !table->key_count && value == 1 ? 0 : value;
}

static inline struct model_row draw_row(struct model *m, const struct model_table *table) {
    struct model_row row;
    for (int i = 0; i < COLUMNS; i++)
        row.v[i] = draw_value(m, table, i);
    if (!table->key_count) /* so that there are duplicates */
        row.v[ID] = row.v[N] = row.v[H] = 0;
    return row;
}

static inline size_t find_key(const struct model_table *table, const struct model_row *row) {
    for (size_t i = 0; table->key_count && i < table->rows.count; i++) {
        bool same = true;
        for (int k = 0; k < table->key_count; k++)
            same &= row_at(table, i)->v[table->key[k]] == row->v[table->key[k]];
        if (same)
            return i;
    }
    return SIZE_MAX;
}

static inline void feed_row(struct model *m, const struct model_table *table,
                            const struct model_row *row, int64_t weight) {
    char text[200];
    row_text(row, text);
    feed(&m->f, table->node, text, weight);
}

static inline void remove_row(struct model *m, struct model_table *table, size_t i) {
    feed_row(m, table, row_at(table, i), -1);
    sgr_vector_remove(&table->rows, i);
}

/* Removes whoever has the key. */
static inline void put_row_of(struct model *m, struct model_table *table, struct model_row row) {
    size_t other = find_key(table, &row);
    if (other != SIZE_MAX)
        remove_row(m, table, other);
    feed_row(m, table, &row, 1);
    sgr_vector_push(&table->rows, &row);
}

static inline void change_row(struct model *m, struct model_table *table) {
    size_t i = draw(m, (unsigned)table->rows.count);
    struct model_row row = *row_at(table, i);
    for (unsigned times = 1 + draw(m, 2); times--;) {
        int column = (int)draw(m, COLUMNS);
        if (!is_key(table, column) || chance(m, 30))
            row.v[column] = draw_value(m, table, column);
    }
    remove_row(m, table, i);
    put_row_of(m, table, row);
}

static inline void random_change(struct model *m, size_t size) {
    struct model_table *table = &m->tables[draw(m, TABLES)];
    unsigned what = draw(m, 10);
    if (!table->rows.count || (what < 4 && table->rows.count < size))
        put_row_of(m, table, draw_row(m, table));
    else if (what < 6)
        remove_row(m, table, draw(m, (unsigned)table->rows.count));
    else
        change_row(m, table);
}

static inline void make_tables(struct model *m) {
    static const char *const columns = "id int4, a int4, b int8, t text, n numeric, h int4";
    for (int i = 0; i < TABLES; i++) {
        struct model_table *table = &m->tables[i];
        table->rows = SGR_VECTOR_INIT(struct model_row);
        unsigned kind = draw(m, 5);
        table->key_count = kind == 0 ? 0 : kind == 1 ? 2 : 1;
        table->key[0] = ID;
        table->key[1] = A;
        uint16_t key[] = {ID, A};
        char name[16];
        sprintf(name, "t%d", i);
        table->node = make_table(&m->f, name, columns, key, (size_t)table->key_count);
    }
}

/* ---- Views ---- */

static inline uint16_t draw_link(struct model *m) {
    static const uint16_t columns[] = {ID, A, B, H};
    return columns[draw(m, 4)];
}

static inline void draw_link_columns(struct model *m, struct model_level *level) {
    size_t count = chance(m, 20) ? 2 : 1;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 2; j++)
            level->link[i][j] = draw_link(m);
    level->spec.parent_columns = level->link[0];
    level->spec.parent_count = level->spec.child_count = count;
    level->spec.child_columns = level->link[3];
    if (!level->via)
        return;
    level->spec.via = level->via->node;
    level->spec.via_parent_columns = level->link[1];
    level->spec.via_child_columns = level->link[2];
    level->spec.child_count = 1;
}

static inline void draw_equalities(struct model *m, struct model_level *level) {
    static const int columns[PARAMETERS] = {A, B, T}; /* of the parameters' types */
    for (size_t i = chance(m, 45) ? 1 + draw(m, 2) : 0; i; i--) {
        size_t at = level->spec.equality_count++;
        int parameter = (int)draw(m, PARAMETERS);
        struct sgr_level_equality *equality = &level->equalities[at];
        equality->via = level->via && chance(m, 50);
        equality->column = (uint16_t)columns[parameter];
        equality->parameter = chance(m, 70) ? parameter : -1;
        level->constants[at] = (int)draw(m, 4);
        equality->constant = typed(columns[parameter], level->constants[at]);
    }
    level->spec.equalities = level->equalities;
}

static inline void draw_where(struct model *m, struct model_level *level) {
    static const char *const ops[] = {"", "<", ">=", "<>"};
    static const char *const names[] = {"id", "a", "b", "t", "n", "h"};
    struct model_where *where = &level->where;
    if (!chance(m, 35))
        return;
    where->op = 1 + (int)draw(m, 3);
    where->via = level->via && chance(m, 40);
    where->column = (int[]){ID, A, B, H}[draw(m, 4)];
    where->parameter = chance(m, 50) ? (int)draw(m, 2) : -1;
    where->constant = (int)draw(m, 5);
    char sql[100], right[20];
    if (where->parameter >= 0)
        sprintf(right, "$p%d", where->parameter);
    else
        sprintf(right, "%d", where->constant);
    sprintf(sql, "%s%s %s %s",
            where->via   ? "via."
            : level->via ? "node."
                         : "",
            names[where->column], ops[where->op], right);
    level->spec.where = condition(sql, level->table->node, level->via ? level->via->node : NULL,
                                  m->parameters, PARAMETERS);
}

static inline void draw_columns(struct model *m, struct model_level *level) {
    static const char *const names[2][COLUMNS] = {{"id", "a/x", "b~y", "t", "n", "h"},
                                                  {"vid", "va", "vb", "vt", "vn", "vh"}};
    for (int via = 0; via < (level->via ? 2 : 1); via++)
        for (int i = 0; i < COLUMNS && level->spec.column_count < 8; i++)
            if (chance(m, via ? 25 : 60))
                level->columns[level->spec.column_count++] =
                    (struct sgr_level_column){via, (uint16_t)i, names[via][i]};
    level->spec.columns = level->columns;
    for (size_t i = draw(m, 3); i; i--)
        level->order[level->spec.order_count++] =
            (struct sgr_level_order){.via = level->via && chance(m, 40),
                                     .column = (uint16_t)draw(m, COLUMNS),
                                     .descending = chance(m, 50),
                                     .nulls_first = chance(m, 50)};
    level->spec.order = level->order;
    level->spec.one = chance(m, 25);
    level->spec.limit = chance(m, 35) ? 1 + draw(m, 4) : 0;
}

static inline size_t draw_level(struct model *m, size_t depth) {
    size_t at = m->level_count++;
    struct model_level *level = &m->levels[at];
    memset(level, 0, sizeof(*level));
    level->table = &m->tables[draw(m, TABLES)];
    level->spec.node = level->table->node;
    if (depth) {
        sprintf(level->name, "l%zu", at);
        level->spec.name = level->name;
        level->via = chance(m, 50) ? &m->tables[draw(m, TABLES)] : NULL;
        draw_link_columns(m, level);
    }
    draw_equalities(m, level);
    draw_where(m, level);
    draw_columns(m, level);
    for (size_t i = depth < 2 ? draw(m, 3) : 0; i && m->level_count < LEVELS_MOST; i--) {
        size_t child = draw_level(m, depth + 1);
        level->levels[level->level_count] = child;
        level->below[level->level_count++] = m->levels[child].spec;
    }
    level->spec.levels = level->below;
    level->spec.level_count = level->level_count;
    return at;
}

/* ---- What a view must show ---- */

struct model_pair {
    const struct model_row *node, *via;
};

struct shown {
    const struct model_level *level;
    const int *parameters;
    const struct model_row *parent;
};

static inline const struct model_row *side_of(struct model_pair pair, bool via) {
    return via ? pair.via : pair.node;
}

static inline bool same(int a, int b) {
    return a != NUL && a == b;
}

static inline bool where_holds(const struct shown *at, struct model_pair pair) {
    const struct model_where *where = &at->level->where;
    int value = where->op ? side_of(pair, where->via)->v[where->column] : 0;
    int other = where->parameter >= 0 ? at->parameters[where->parameter] : where->constant;
    if (!where->op)
        return true;
    if (value == NUL || other == NUL)
        return false;
    return where->op == 1 ? value < other : where->op == 2 ? value >= other : value != other;
}

static inline bool matches(const struct shown *at, struct model_pair pair) {
    const struct model_level *level = at->level;
    const struct sgr_level *spec = &level->spec;
    for (size_t i = 0; i < spec->parent_count; i++)
        if (!same(at->parent->v[level->link[0][i]],
                  level->via ? pair.via->v[level->link[1][i]] : pair.node->v[level->link[3][i]]))
            return false;
    for (size_t i = 0; level->via && i < spec->child_count; i++)
        if (!same(pair.via->v[level->link[2][i]], pair.node->v[level->link[3][i]]))
            return false;
    for (size_t i = 0; i < spec->equality_count; i++) {
        const struct sgr_level_equality *equality = &spec->equalities[i];
        int wanted =
            equality->parameter >= 0 ? at->parameters[equality->parameter] : level->constants[i];
        if (!same(side_of(pair, equality->via)->v[equality->column], wanted))
            return false;
    }
    return where_holds(at, pair);
}

static inline int compare_identity(const struct model_table *table, const struct model_row *a,
                                   const struct model_row *b) {
    int order = 0;
    for (int i = 0; !order && i < (table->key_count ? table->key_count : COLUMNS); i++) {
        int column = table->key_count ? table->key[i] : i;
        order = compare_values(column, a->v[column], b->v[column]);
    }
    return order;
}

static const struct model_level *sorted_level; /* qsort has no argument for it */

static inline int compare_pairs(const void *x, const void *y) {
    const struct model_level *level = sorted_level;
    struct model_pair a = *(const struct model_pair *)x, b = *(const struct model_pair *)y;
    for (size_t i = 0; i < level->spec.order_count; i++) {
        const struct sgr_level_order *by = &level->order[i];
        int left = side_of(a, by->via)->v[by->column], right = side_of(b, by->via)->v[by->column];
        if ((left == NUL) != (right == NUL))
            return (left == NUL) == by->nulls_first ? -1 : 1;
        int order = compare_values(by->column, left, right);
        if (order)
            return by->descending ? -order : order;
    }
    int order = compare_identity(level->table, a.node, b.node);
    return order || !level->via ? order : compare_identity(level->via, a.via, b.via);
}

static inline void expect_level(const struct model *m, const struct model_level *level,
                                const int *parameters, const struct model_row *parent,
                                struct sgr_buffer *out);

static inline void expect_member(const struct model *m, const struct model_level *level,
                                 const int *parameters, struct model_pair pair,
                                 struct sgr_buffer *out) {
    char text[40], before = '{';
    for (size_t i = 0; i < level->spec.column_count; i++, before = ',') {
        const struct sgr_level_column *column = &level->columns[i];
        write_value(column->column, side_of(pair, column->via)->v[column->column], true, text);
        sgr_buffer_printf(out, "%c\"%s\":%s", before, column->name, text);
    }
    for (size_t i = 0; i < level->level_count; i++, before = ',') {
        const struct model_level *below = &m->levels[level->levels[i]];
        sgr_buffer_printf(out, "%c\"%s\":", before, below->name);
        expect_level(m, below, parameters, pair.node, out);
    }
    sgr_buffer_puts(out, before == '{' ? "{}" : "}");
}

static inline void expect_level(const struct model *m, const struct model_level *level,
                                const int *parameters, const struct model_row *parent,
                                struct sgr_buffer *out) {
    struct shown at = {level, parameters, parent};
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct model_pair);
    for (size_t i = 0; i < level->table->rows.count; i++)
        for (size_t j = 0; j < (level->via ? level->via->rows.count : 1); j++) {
            struct model_pair pair = {row_at(level->table, i),
                                      level->via ? row_at(level->via, j) : NULL};
            if (matches(&at, pair))
                sgr_vector_push(&pairs, &pair);
        }
    sorted_level = level;
    if (pairs.count)
        qsort(pairs.items, pairs.count, sizeof(struct model_pair), compare_pairs);
    size_t limit = level->spec.one ? 1 : level->spec.limit ? level->spec.limit : SIZE_MAX;
    if (!level->spec.one)
        sgr_buffer_putc(out, '[');
    for (size_t i = 0; i < pairs.count && i < limit; i++) {
        if (i)
            sgr_buffer_putc(out, ',');
        expect_member(m, level, parameters, *SGR_VECTOR_AT(&pairs, struct model_pair, i), out);
    }
    if (!level->spec.one)
        sgr_buffer_putc(out, ']');
    else if (!pairs.count)
        sgr_buffer_puts(out, "null");
    sgr_vector_fini(&pairs);
}

/* ---- All of it ---- */

static inline void model_init(struct model *m, uint64_t seed) {
    memset(m, 0, sizeof(*m));
    m->random = seed * 0x9e3779b97f4a7c15u + 1;
    m->f = fixture_new();
    m->parameters[0] = parameter("p0", "int4");
    m->parameters[1] = parameter("p1", "int8");
    m->parameters[2] = parameter("p2", "text");
    make_tables(m);
}

static inline void model_fini(struct model *m) {
    for (int i = 0; i < TABLES; i++) {
        while (m->tables[i].rows.count)
            remove_row(m, &m->tables[i], m->tables[i].rows.count - 1);
        sgr_vector_fini(&m->tables[i].rows);
    }
    CHECK(sgr_graph_run(m->f.graph, error));
    fixture_free(&m->f);
}

#endif
