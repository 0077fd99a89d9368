#include "condition.h"

enum { DEPTH = 16 };

struct reader {
    const struct condition_maker *maker;
    struct sgr_error *error;
    int depth;
};

static const char *const names[CONDITION_OPERATOR_COUNT] = {
#define NAME(symbol, name) [symbol] = name,
    CONDITION_OPERATORS(NAME)
#undef NAME
};

/* ---- Texts ---- */

static bool is_space(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct sgr_slice trim(struct sgr_slice text) {
    while (text.size && is_space(text.data[0]))
        text = (struct sgr_slice){text.data + 1, text.size - 1};
    while (text.size && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

static bool is(struct sgr_slice text, const char *other) {
    return text.size == strlen(other) && memcmp(text.data, other, text.size) == 0;
}

static struct sgr_slice rest_of(struct sgr_slice text, size_t from) {
    return (struct sgr_slice){text.data + from, text.size - from};
}

static bool take(struct sgr_slice *text, const char *prefix) {
    size_t size = strlen(prefix);
    if (text->size < size || memcmp(text->data, prefix, size) != 0)
        return false;
    *text = rest_of(*text, size);
    return true;
}

/* What stands before `mark` in *text, which goes on behind it. */
static bool take_until(struct sgr_slice *text, char mark, struct sgr_slice *ret) {
    const char *at = text->size ? memchr(text->data, mark, text->size) : NULL;
    if (!at)
        return false;
    *ret = (struct sgr_slice){text->data, (size_t)(at - text->data)};
    *text = rest_of(*text, ret->size + 1);
    return true;
}

static bool is_wrapped(struct sgr_slice text) {
    return text.size >= 2 && text.data[0] == '(' && text.data[text.size - 1] == ')';
}

/* A quote opens a quoted text only where a value begins. */
static bool opens_quote(struct sgr_slice text, size_t i) {
    return text.data[i] == '"' && i && strchr(".(,", text.data[i - 1]);
}

/* Up to the next comma outside quotes and parentheses; *rest goes on behind it. False: there was none, the rest is all. */
static bool next_part(struct sgr_slice *rest, struct sgr_slice *ret) {
    size_t depth = 0;
    bool quoted = false;
    *ret = *rest;
    for (size_t i = 0; i < rest->size; i++) {
        char byte = rest->data[i];
        if (quoted) {
            i += byte == '\\';
            quoted = byte != '"';
        } else if (opens_quote(*rest, i) || (byte == '"' && i == 0)) {
            quoted = true;
        } else if (byte == '(') {
            depth++;
        } else if (byte == ')') {
            depth -= depth > 0;
        } else if (byte == ',' && !depth) {
            ret->size = i;
            *rest = rest_of(*rest, i + 1);
            return true;
        }
    }
    return false;
}

/* ---- Life ---- */

static void *allocate(const struct reader *reader, size_t size) {
    void *memory = reader->maker->common->allocate(reader->maker->host, size);
    if (!memory)
        sgr_error_set(reader->error, SGR_ENOMEM, "out of memory");
    return memory;
}

void condition_free(const struct condition_maker *maker, struct condition *condition) {
    if (!condition)
        return;
    for (struct condition *child = condition->first, *next; child; child = next) {
        next = child->next;
        condition_free(maker, child);
    }
    maker->common->release(maker->host, condition->values);
    maker->common->release(maker->host, condition->texts);
    maker->common->release(maker->host, condition);
}

/* A test whose texts fit `size` bytes. */
static struct condition *test_new(const struct reader *reader, size_t size, size_t count) {
    struct condition *test = allocate(reader, sizeof(*test));
    if (!test)
        return NULL;
    test->texts = allocate(reader, size + 1);
    test->values = allocate(reader, (count + 1) * sizeof(*test->values));
    if (test->texts && test->values)
        return test;
    condition_free(reader->maker, test);
    return NULL;
}

static struct sgr_slice keep(char **place, struct sgr_slice text) {
    struct sgr_slice kept = {*place, text.size};
    if (text.size)
        memcpy(*place, text.data, text.size);
    *place += text.size;
    return kept;
}

/* ---- Values ---- */

/* A text in quotes that do not end where it ends is taken as it stands. */
static bool is_quoted(struct sgr_slice text) {
    if (text.size < 2 || text.data[0] != '"')
        return false;
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] == '"')
            return i == text.size - 1;
        i += text.data[i] == '\\';
    }
    return false;
}

static struct condition_value read_value(char **place, struct sgr_slice text) {
    if (!is_quoted(text))
        return (struct condition_value){.text = keep(place, text)};
    char *start = *place;
    for (size_t i = 1; i < text.size - 1; i++) {
        i += text.data[i] == '\\';
        *(*place)++ = text.data[i];
    }
    return (struct condition_value){.text = {start, (size_t)(*place - start)}, .quoted = true};
}

static void read_list(struct condition *test, char **place, struct sgr_slice inside) {
    struct sgr_slice part;
    bool more = inside.size > 0;
    while (more) {
        more = next_part(&inside, &part);
        test->values[test->count++] = read_value(place, trim(part));
    }
}

static size_t count_parts(struct sgr_slice text) {
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == ',';
    return count;
}

/* ---- Tests and groups ---- */

static int wrong(const struct reader *reader, const char *what) {
    return sgr_error_set(reader->error, SGR_EPARSE, "%s", what);
}

static bool find_operator(struct sgr_slice name, enum condition_operator *ret) {
    for (int i = 0; i < CONDITION_OPERATOR_COUNT; i++)
        if (is(name, names[i])) {
            *ret = (enum condition_operator)i;
            return true;
        }
    return false;
}

static int read_test(const struct reader *reader, struct sgr_slice column, struct sgr_slice text,
                     struct condition **ret) {
    struct sgr_slice name;
    enum condition_operator op;
    bool negated = take(&text, "not.");
    if (!take_until(&text, '.', &name))
        return sgr_error_set(reader->error, SGR_EPARSE, "[\"%.*s\"]", (int)text.size, text.data);
    if (!find_operator(name, &op))
        return sgr_error_set(reader->error, SGR_EPARSE, "[\"%.*s\", \"%.*s\"]", (int)name.size,
                             name.data, (int)text.size, text.data);
    if (op == CONDITION_IN && !is_wrapped(text))
        return wrong(reader, "`in` filter value must be wrapped by parentheses");
    struct condition *test = test_new(reader, column.size + text.size, count_parts(text));
    if (!test)
        return SGR_ENOMEM;
    char *place = test->texts;
    test->op = op;
    test->negated = negated;
    test->column = keep(&place, column);
    if (op == CONDITION_IN)
        read_list(test, &place, (struct sgr_slice){text.data + 1, text.size - 2});
    else
        test->values[test->count++] = read_value(&place, text);
    *ret = test;
    return SGR_OK;
}

static int read_parts(struct reader *reader, struct sgr_slice text, bool grouped,
                      struct condition *group);

static int read_group(struct reader *reader, enum condition_kind kind, struct sgr_slice inside,
                      bool grouped, struct condition **ret) {
    if (reader->depth == DEPTH)
        return wrong(reader, "groups stand too deep in each other");
    struct condition *group = allocate(reader, sizeof(*group));
    if (!group)
        return SGR_ENOMEM;
    group->kind = kind;
    reader->depth++;
    int code = read_parts(reader, inside, grouped, group);
    reader->depth--;
    if (code)
        condition_free(reader->maker, group);
    else
        *ret = group;
    return code;
}

/* or=(…), or.not=(…) and, within groups, or(…), not.or(…). Data NULL in *ret: it is none. */
static struct sgr_slice group_of(struct sgr_slice text, bool grouped, bool *negated,
                                 enum condition_kind *kind) {
    static const struct sgr_slice none = {NULL, 0};
    *negated = grouped && take(&text, "not.");
    if (take(&text, "or"))
        *kind = CONDITION_OR;
    else if (take(&text, "and"))
        *kind = CONDITION_AND;
    else
        return none;
    if (take(&text, "=") && take(&text, "not."))
        *negated = !*negated;
    return is_wrapped(text) ? (struct sgr_slice){text.data + 1, text.size - 2} : none;
}

/* Within a group, a dot may stand in place of the equals sign. */
static bool take_column(struct sgr_slice *text, bool grouped, struct sgr_slice *ret) {
    const char *dot = grouped && text->size ? memchr(text->data, '.', text->size) : NULL;
    const char *sign = text->size ? memchr(text->data, '=', text->size) : NULL;
    return take_until(text, dot && (!sign || dot < sign) ? '.' : '=', ret);
}

static int read_part(struct reader *reader, struct sgr_slice part, bool grouped,
                     struct condition **ret) {
    enum condition_kind kind;
    bool negated;
    struct sgr_slice column, inside = group_of(part, grouped, &negated, &kind);
    if (!part.size)
        return wrong(reader, "filter must not contain empty segments (check for extra commas)");
    if (inside.data) {
        int code = read_group(reader, kind, inside, true, ret);
        if (!code)
            (*ret)->negated = negated;
        return code;
    }
    if (!take_column(&part, grouped, &column))
        return sgr_error_set(reader->error, SGR_EPARSE, "[\"%.*s\"]", (int)part.size, part.data);
    return read_test(reader, trim(column), part, ret);
}

static int read_parts(struct reader *reader, struct sgr_slice text, bool grouped,
                      struct condition *group) {
    struct condition **end = &group->first;
    struct sgr_slice part;
    for (bool more = true; more; end = &(*end)->next) {
        more = next_part(&text, &part);
        int code = read_part(reader, trim(part), grouped, end);
        if (code)
            return code;
    }
    return SGR_OK;
}

int condition_read(const struct condition_maker *maker, struct sgr_slice text,
                   struct condition **ret, struct sgr_error *error) {
    struct reader reader = {.maker = maker, .error = error};
    text = trim(text);
    *ret = NULL;
    return text.size ? read_group(&reader, CONDITION_AND, text, false, ret) : SGR_OK;
}

struct condition *condition_equal(const struct condition_maker *maker, struct sgr_slice column,
                                  struct sgr_slice value) {
    struct sgr_error error;
    struct reader reader = {.maker = maker, .error = &error};
    struct condition *test = test_new(&reader, column.size + value.size, 1);
    if (!test)
        return NULL;
    char *place = test->texts;
    test->column = keep(&place, column);
    test->values[test->count++] = (struct condition_value){.text = keep(&place, value)};
    return test;
}
