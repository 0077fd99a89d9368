#include "predicate.h"

#include "pattern.h"

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };
enum is { IS_NULL, IS_TRUE, IS_FALSE, IS_UNKNOWN };

struct operand {
    struct sgr_value value;
    struct sgr_bytes *text; /* that the value borrows from */
};

struct predicate {
    const struct columns *columns;
    enum condition_kind kind;
    bool negated;
    struct predicate *first, *next; /* of a group; among its like */
    /* A test's: */
    enum condition_operator op;
    size_t column;
    struct operand *operands;
    size_t count;
    struct pattern *pattern;
    enum is is;
};

/* ---- Rows ---- */

size_t columns_find(const struct columns *columns, struct sgr_slice name) {
    for (size_t i = 0; i < columns->count; i++)
        if (strlen(columns->items[i].name) == name.size &&
            memcmp(columns->items[i].name, name.data, name.size) == 0)
            return i;
    return SIZE_MAX;
}

static const struct sgr_field *known(const struct sgr_field *field) {
    return field->kind == SGR_FIELD_UNCHANGED ? NULL : field;
}

/* An UPDATE without an old row has left the key as it is. */
const struct sgr_field *row_old_field(const struct row *row, size_t column) {
    const struct sgr_change *change = row->change;
    if (change->old_kind == SGR_OLD_FULL)
        return known(&change->old_fields[column]);
    if (!row->columns->items[column].key)
        return NULL;
    if (change->old_kind == SGR_OLD_KEY)
        return known(&change->old_fields[column]);
    return change->kind == SGR_UPDATE ? known(&change->new_fields[column]) : NULL;
}

const struct sgr_field *row_field(const struct row *row, size_t column) {
    const struct sgr_change *change = row->change;
    if (change->kind == SGR_DELETE)
        return row_old_field(row, column);
    if (change->new_fields[column].kind != SGR_FIELD_UNCHANGED)
        return &change->new_fields[column];
    return change->old_kind == SGR_OLD_FULL ? row_old_field(row, column) : NULL;
}

static bool row_value(const struct row *row, size_t column, struct sgr_value *ret) {
    const struct sgr_field *field = row_field(row, column);
    if (!field || field->kind != SGR_FIELD_TEXT)
        return false;
    struct sgr_slice text = {field->data, field->size};
    return row->columns->table->values->parse(&row->columns->items[column], text, ret, NULL) == 0;
}

bool row_hash(const struct row *row, size_t column, uint64_t *ret) {
    struct sgr_value value;
    if (!row_value(row, column, &value))
        return false;
    *ret = row->columns->table->values->hash(&value);
    return true;
}

/* ---- Making ---- */

static void *allocate(const struct columns *columns, size_t size) {
    return columns->table->common.allocate(columns->host, size);
}

static void release(const struct columns *columns, void *memory) {
    columns->table->common.release(columns->host, memory);
}

void predicate_free(struct predicate *predicate) {
    if (!predicate)
        return;
    for (struct predicate *child = predicate->first, *next; child; child = next) {
        next = child->next;
        predicate_free(child);
    }
    for (size_t i = 0; i < predicate->count; i++)
        predicate->columns->table->bytes_unref(predicate->operands[i].text);
    pattern_free(predicate->pattern);
    release(predicate->columns, predicate->operands);
    release(predicate->columns, predicate);
}

static const struct sgr_relation_column *column_of(const struct predicate *test) {
    return &test->columns->items[test->column];
}

static int not_for(const struct predicate *test, const char *what, struct sgr_error *error) {
    return sgr_error_set(error, SGR_ETYPE, "%s is not possible for column %s of type %s", what,
                         column_of(test)->name, column_of(test)->type_name);
}

static bool is_text(const struct predicate *test) {
    return column_of(test)->type == SGR_TEXT || column_of(test)->type == SGR_BPCHAR;
}

static int read_is(struct predicate *test, struct sgr_slice text, struct sgr_error *error) {
    static const char *const words[] = {"null", "true", "false", "unknown"};
    for (size_t i = 0; i < 4; i++)
        if (text.size == strlen(words[i]) && memcmp(text.data, words[i], text.size) == 0) {
            test->is = (enum is)i;
            return i && column_of(test)->type != SGR_BOOL ? not_for(test, words[i], error) : SGR_OK;
        }
    return sgr_error_set(error, SGR_EPARSE,
                         "`is` filter value must be null, true, false or unknown");
}

static int read_pattern(struct predicate *test, struct sgr_slice text, struct sgr_error *error) {
    bool like = test->op == CONDITION_LIKE || test->op == CONDITION_ILIKE;
    bool any_case = test->op == CONDITION_ILIKE || test->op == CONDITION_IMATCH;
    if (!is_text(test))
        return not_for(test, "a pattern", error);
    return pattern_new(&test->columns->table->common, test->columns->host, text, like, any_case,
                       &test->pattern, error);
}

static int read_values(struct predicate *test, const struct condition *from,
                       struct sgr_error *error) {
    const struct sgr_value_methods *values = test->columns->table->values;
    bool order = test->op >= CONDITION_LT && test->op <= CONDITION_GTE;
    if (!values->comparable(column_of(test)))
        return not_for(test, "comparing", error);
    if (order && !values->ordered(column_of(test)))
        return not_for(test, "order", error);
    test->operands = allocate(test->columns, (from->count + 1) * sizeof(*test->operands));
    if (!test->operands)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    for (size_t i = 0; i < from->count; i++) {
        struct operand *operand = &test->operands[i];
        int code = values->literal(column_of(test), from->values[i].text, &operand->value,
                                   &operand->text, error);
        if (code)
            return code;
        test->count++;
    }
    return SGR_OK;
}

static bool is_null_word(const struct condition *from) {
    const struct condition_value *value = &from->values[0];
    return !value->quoted && value->text.size == 4 && memcmp(value->text.data, "null", 4) == 0;
}

static int read_test(struct predicate *test, const struct condition *from,
                     struct sgr_error *error) {
    test->column = columns_find(test->columns, from->column);
    if (test->column == SIZE_MAX)
        return sgr_error_set(error, SGR_ENOTFOUND, "invalid column for filter %.*s",
                             (int)from->column.size, from->column.data);
    switch (from->op) {
    case CONDITION_IS:
        return read_is(test, from->values[0].text, error);
    case CONDITION_LIKE:
    case CONDITION_ILIKE:
    case CONDITION_MATCH:
    case CONDITION_IMATCH:
        return read_pattern(test, from->values[0].text, error);
    case CONDITION_ISDISTINCT:
        return is_null_word(from) ? SGR_OK : read_values(test, from, error);
    default:
        return read_values(test, from, error);
    }
}

static int bind(const struct columns *columns, const struct condition *from, struct predicate **ret,
                struct sgr_error *error) {
    struct predicate *predicate = allocate(columns, sizeof(*predicate));
    if (!predicate)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *predicate = (struct predicate){
        .columns = columns, .kind = from->kind, .negated = from->negated, .op = from->op};
    *ret = predicate;
    if (from->kind == CONDITION_TEST)
        return read_test(predicate, from, error);
    struct predicate **end = &predicate->first;
    for (const struct condition *child = from->first; child; child = child->next) {
        int code = bind(columns, child, end, error);
        if (code)
            return code;
        end = &(*end)->next;
    }
    return SGR_OK;
}

int predicate_new(const struct columns *columns, const struct condition *const *conditions,
                  size_t count, struct predicate **ret, struct sgr_error *error) {
    struct predicate *all = allocate(columns, sizeof(*all));
    if (!all)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *all = (struct predicate){.columns = columns, .kind = CONDITION_AND};
    struct predicate **end = &all->first;
    int code = SGR_OK;
    for (size_t i = 0; i < count && !code; i++) {
        code = bind(columns, conditions[i], end, error);
        end = *end ? &(*end)->next : end;
    }
    if (code)
        predicate_free(all);
    else
        *ret = all;
    return code;
}

/* ---- Testing ---- */

static enum truth truth_of(bool yes) {
    return yes ? TRUTH_YES : TRUTH_NO;
}

static enum truth opposite(enum truth truth) {
    return truth == TRUTH_UNKNOWN ? truth : truth_of(truth == TRUTH_NO);
}

static bool is_among(const struct predicate *test, const struct sgr_value *value) {
    for (size_t i = 0; i < test->count; i++)
        if (test->columns->table->values->compare(value, &test->operands[i].value) == 0)
            return true;
    return false;
}

static enum truth test_pattern(const struct predicate *test, const struct sgr_value *value) {
    int fits = pattern_fits(test->pattern, value->s);
    return fits < 0 ? TRUTH_UNKNOWN : truth_of(fits);
}

static enum truth test_value(const struct predicate *test, const struct sgr_value *value) {
    const struct sgr_value_methods *values = test->columns->table->values;
    int order = test->count ? values->compare(value, &test->operands[0].value) : 0;
    switch (test->op) {
    case CONDITION_EQ:
        return truth_of(order == 0);
    case CONDITION_NEQ:
        return truth_of(order != 0);
    case CONDITION_LT:
        return truth_of(order < 0);
    case CONDITION_LTE:
        return truth_of(order <= 0);
    case CONDITION_GT:
        return truth_of(order > 0);
    case CONDITION_GTE:
        return truth_of(order >= 0);
    case CONDITION_IN:
        return truth_of(is_among(test, value));
    case CONDITION_ISDISTINCT:
        return truth_of(!test->count || order != 0);
    case CONDITION_IS:
        return truth_of((test->is == IS_TRUE && value->i) || (test->is == IS_FALSE && !value->i));
    default:
        return test_pattern(test, value);
    }
}

static enum truth test_null(const struct predicate *test) {
    if (test->op == CONDITION_IS)
        return truth_of(test->is == IS_NULL || test->is == IS_UNKNOWN);
    if (test->op == CONDITION_ISDISTINCT)
        return truth_of(test->count > 0);
    return TRUTH_UNKNOWN;
}

static enum truth test_row(const struct predicate *test, const struct row *row) {
    const struct sgr_field *field = row_field(row, test->column);
    struct sgr_value value;
    if (!field)
        return TRUTH_UNKNOWN;
    if (field->kind == SGR_FIELD_NULL)
        return test_null(test);
    if (test->op == CONDITION_IS && test->is != IS_TRUE && test->is != IS_FALSE)
        return TRUTH_NO;
    return row_value(row, test->column, &value) ? test_value(test, &value) : TRUTH_UNKNOWN;
}

static enum truth judge(const struct predicate *predicate, const struct row *row);

/* The first child that decides does; `decisive` is NO for AND, YES for OR. */
static enum truth judge_group(const struct predicate *group, const struct row *row) {
    enum truth decisive = truth_of(group->kind == CONDITION_OR), so_far = opposite(decisive);
    for (const struct predicate *child = group->first; child; child = child->next) {
        enum truth truth = judge(child, row);
        if (truth == decisive)
            return truth;
        if (truth == TRUTH_UNKNOWN)
            so_far = truth;
    }
    return so_far;
}

static enum truth judge(const struct predicate *predicate, const struct row *row) {
    enum truth truth =
        predicate->kind == CONDITION_TEST ? test_row(predicate, row) : judge_group(predicate, row);
    return predicate->negated ? opposite(truth) : truth;
}

bool predicate_holds(const struct predicate *predicate, const struct row *row) {
    return judge(predicate, row) == TRUTH_YES;
}

/* ---- Keys ---- */

bool predicate_key(const struct predicate *predicate, size_t *ret_column, uint64_t *ret_hash) {
    if (predicate->negated || predicate->kind == CONDITION_OR)
        return false;
    if (predicate->kind == CONDITION_TEST) {
        if (predicate->op != CONDITION_EQ)
            return false;
        *ret_column = predicate->column;
        *ret_hash = predicate->columns->table->values->hash(&predicate->operands[0].value);
        return true;
    }
    for (const struct predicate *child = predicate->first; child; child = child->next)
        if (predicate_key(child, ret_column, ret_hash))
            return true;
    return false;
}
