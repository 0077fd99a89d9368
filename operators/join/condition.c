/* "id = user_id and kind = user_kind" to columns. Names are SQL's: lower case unless in double quotes, with the input's name or left/right
 * in front if one likes. */
#include <ctype.h>

#include <sangre/nearest.h>

#include "join.h"

enum { NAME = 64, MOST = 32 }; /* Postgres' names have at most 63 bytes, its indexes 32 columns */

struct name { /* [qualifier.]column */
    char qualifier[NAME], column[NAME];
};

static const char *skip_blanks(const char *at) {
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

static bool letter(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* One name; NULL: there is none, or it is too long. */
static const char *read_word(const char *at, char *ret) {
    size_t size = 0;
    at = skip_blanks(at);
    bool quoted = *at == '"';
    for (at += quoted; *at && size < NAME; at++) {
        if (quoted && *at == '"' && *++at != '"')
            break;
        if (!quoted && !letter(*at))
            break;
        ret[size++] = quoted ? *at : (char)tolower((unsigned char)*at);
    }
    if (!size || size == NAME || (quoted && at[-1] != '"'))
        return NULL;
    ret[size] = '\0';
    return at;
}

static const char *read_name(const char *at, struct name *ret) {
    ret->qualifier[0] = '\0';
    at = read_word(at, ret->column);
    if (!at || *skip_blanks(at) != '.')
        return at;
    memcpy(ret->qualifier, ret->column, NAME);
    return read_word(skip_blanks(at) + 1, ret->column);
}

const char *join_short_name(const struct sgr_input *input) {
    const char *dot = strrchr(input->name, '.');
    return dot ? dot + 1 : input->name;
}

/* 0, 1, or -1 if the qualifier is empty or names both. */
static int side_of(const char *qualifier, const struct sgr_input *inputs, bool *ret_known) {
    bool left = !strcmp(qualifier, "left") || !strcmp(qualifier, join_short_name(&inputs[0]));
    bool right = !strcmp(qualifier, "right") || !strcmp(qualifier, join_short_name(&inputs[1]));
    *ret_known = left || right || !*qualifier;
    return left == right ? -1 : right;
}

static int find_column(const struct sgr_schema *schema, const char *name) {
    for (uint16_t i = 0; i < schema->count; i++)
        if (!strcmp(schema->columns[i].name, name))
            return i;
    return -1;
}

static int resolve_side(const struct name *name, const struct sgr_input *inputs, int side, int *ret,
                        struct sgr_error *error) {
    bool known;
    int said = side_of(name->qualifier, inputs, &known);
    if (!known)
        return sgr_error_set(error, SGR_ENOTFOUND, "%s.%s: the inputs are %s and %s",
                             name->qualifier, name->column, inputs[0].name, inputs[1].name);
    if (said < 0)
        said = side;
    if (said < 0) {
        bool left = find_column(inputs[0].schema, name->column) >= 0;
        bool right = find_column(inputs[1].schema, name->column) >= 0;
        if (left && right)
            return sgr_error_set(error, SGR_ECONFIG,
                                 "both inputs have a column %s: write left.%s or right.%s",
                                 name->column, name->column, name->column);
        said = right;
    }
    *ret = said;
    return 0;
}

static int no_column(const struct sgr_input *input, const char *name, struct sgr_error *error) {
    const char *near = NULL;
    for (uint16_t i = 0; i < input->schema->count; i++)
        sgr_name_nearer(name, input->schema->columns[i].name, &near);
    return sgr_error_set(error, SGR_ENOTFOUND, "%s has no column \"%s\"%s%s%s", input->name, name,
                         near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int resolve(const struct name *name, const struct sgr_input *inputs, int side,
                   struct join_column *ret, struct sgr_error *error) {
    int status = resolve_side(name, inputs, side, &side, error);
    if (status)
        return status;
    int column = find_column(inputs[side].schema, name->column);
    if (column < 0)
        return no_column(&inputs[side], name->column, error);
    *ret = (struct join_column){(uint16_t)side, (uint16_t)column};
    return 0;
}

int join_read_column(const struct join *join, const char *text, const struct sgr_input *inputs,
                     int side, struct join_column *ret, struct sgr_error *error) {
    (void)join;
    struct name name;
    const char *end = read_name(text, &name);
    if (!end || *skip_blanks(end))
        return sgr_error_set(error, SGR_EPARSE, "expected left.column or right.column, not \"%s\"",
                             text);
    return resolve(&name, inputs, side, ret, error);
}

static bool whole(enum sgr_type type) {
    return type == SGR_INT2 || type == SGR_INT4 || type == SGR_INT8;
}

static bool floating(enum sgr_type type) {
    return type == SGR_FLOAT4 || type == SGR_FLOAT8;
}

/* Equality must mean the same on both sides, and be there. */
static bool comparable(const struct sgr_column *a, const struct sgr_column *b) {
    if ((whole(a->type) && whole(b->type)) || (floating(a->type) && floating(b->type)))
        return true;
    if (a->type != b->type || a->type == SGR_JSON)
        return false;
    if (a->type == SGR_ARRAY)
        return a->element == b->element && a->element != SGR_JSON;
    return a->type != SGR_OTHER ||
           (a->type_name && b->type_name && !strcmp(a->type_name, b->type_name));
}

/* One equality, its sides in either order if they are named. */
static int add_equality(struct join *join, const struct name *one, const struct name *other,
                        const struct sgr_input *inputs, struct sgr_error *error) {
    struct join_column a, b;
    bool known;
    int first = side_of(one->qualifier, inputs, &known) == 1 ||
                side_of(other->qualifier, inputs, &known) == 0;
    int status = resolve(one, inputs, first, &a, error);
    if (!status)
        status = resolve(other, inputs, !first, &b, error);
    if (status)
        return status;
    if (a.side == b.side)
        return sgr_error_set(error, SGR_ECONFIG, "%s and %s are columns of the same input",
                             one->column, other->column);
    if (join->on_count == MOST)
        return sgr_error_set(error, SGR_ELIMIT, "more than %d equalities", MOST);
    join->on[a.side][join->on_count] = a.column;
    join->on[b.side][join->on_count] = b.column;
    const struct sgr_column *left = &inputs[0].schema->columns[join->on[0][join->on_count]];
    const struct sgr_column *right = &inputs[1].schema->columns[join->on[1][join->on_count]];
    if (!comparable(left, right))
        return sgr_error_set(error, SGR_ETYPE, "%s.%s is %s and %s.%s is %s: not of one kind",
                             inputs[0].name, left->name, left->type_name, inputs[1].name,
                             right->name, right->type_name);
    join->on_count++;
    return 0;
}

static const char *read_and(const char *at) {
    char word[NAME];
    const char *end = read_word(at, word);
    return end && *skip_blanks(at) != '"' && !strcmp(word, "and") ? end : NULL;
}

int join_read_condition(struct join *join, const char *on, const struct sgr_input *inputs,
                        struct sgr_error *error) {
    for (int side = 0; side < 2; side++) {
        join->on[side] = join->host->common.allocate(join->host_data, MOST * sizeof(uint16_t));
        if (!join->on[side])
            return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    for (const char *at = on; at;) {
        struct name left, right;
        at = read_name(at, &left);
        at = at && *skip_blanks(at) == '=' ? read_name(skip_blanks(at) + 1, &right) : NULL;
        if (!at)
            break;
        int status = add_equality(join, &left, &right, inputs, error);
        if (status || !*skip_blanks(at))
            return status;
        at = read_and(at);
    }
    return sgr_error_set(error, SGR_EPARSE,
                         "expected \"column = column\", several with \"and\", not \"%s\"", on);
}
