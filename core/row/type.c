/* Names and classes of types: Postgres' spellings to SGR_ types and back. */
#include <string.h>

#include "base/nearest.h"
#include "row/type_internal.h"

const char *sgr_type_name(enum sgr_type type) {
    static const char *const names[] = {
#define TYPE_NAME(symbol, name, width, member) [symbol] = name,
        SGR_TYPES(TYPE_NAME)
#undef TYPE_NAME
    };
    return (unsigned)type < SGR_TYPE_COUNT ? names[type] : "invalid";
}

/* What a type may have in parentheses. */
enum modifier { NONE, LENGTH, PRECISION_SCALE, SECONDS, BITS };

struct type_entry {
    const char *spelling; /* lower case, single blanks */
    const char *typname;
    enum sgr_type type;
    enum modifier modifier;
    const char *array; /* typname of the array type */
};

/* The first entry of a typname is the one that sgr_type_of_typname answers from. */
static const struct type_entry entries[] = {
    {"bool", "bool", SGR_BOOL, NONE, "_bool"},
    {"boolean", "bool", SGR_BOOL, NONE, "_bool"},
    {"int2", "int2", SGR_INT2, NONE, "_int2"},
    {"smallint", "int2", SGR_INT2, NONE, "_int2"},
    {"int4", "int4", SGR_INT4, NONE, "_int4"},
    {"int", "int4", SGR_INT4, NONE, "_int4"},
    {"integer", "int4", SGR_INT4, NONE, "_int4"},
    {"int8", "int8", SGR_INT8, NONE, "_int8"},
    {"bigint", "int8", SGR_INT8, NONE, "_int8"},
    {"float4", "float4", SGR_FLOAT4, NONE, "_float4"},
    {"real", "float4", SGR_FLOAT4, NONE, "_float4"},
    {"float8", "float8", SGR_FLOAT8, NONE, "_float8"},
    {"float", "float8", SGR_FLOAT8, BITS, "_float8"},
    {"double precision", "float8", SGR_FLOAT8, NONE, "_float8"},
    {"numeric", "numeric", SGR_NUMERIC, PRECISION_SCALE, "_numeric"},
    {"decimal", "numeric", SGR_NUMERIC, PRECISION_SCALE, "_numeric"},
    {"dec", "numeric", SGR_NUMERIC, PRECISION_SCALE, "_numeric"},
    {"text", "text", SGR_TEXT, NONE, "_text"},
    {"varchar", "varchar", SGR_TEXT, LENGTH, "_varchar"},
    {"character varying", "varchar", SGR_TEXT, LENGTH, "_varchar"},
    {"char varying", "varchar", SGR_TEXT, LENGTH, "_varchar"},
    {"name", "name", SGR_TEXT, NONE, "_name"},
    {"\"char\"", "char", SGR_TEXT, NONE, "_char"},
    {"bpchar", "bpchar", SGR_BPCHAR, LENGTH, "_bpchar"},
    {"char", "bpchar", SGR_BPCHAR, LENGTH, "_bpchar"},
    {"character", "bpchar", SGR_BPCHAR, LENGTH, "_bpchar"},
    {"bytea", "bytea", SGR_BYTEA, NONE, "_bytea"},
    {"date", "date", SGR_DATE, NONE, "_date"},
    {"time", "time", SGR_TIME, SECONDS, "_time"},
    {"time without time zone", "time", SGR_TIME, SECONDS, "_time"},
    {"timestamp", "timestamp", SGR_TIMESTAMP, SECONDS, "_timestamp"},
    {"timestamp without time zone", "timestamp", SGR_TIMESTAMP, SECONDS, "_timestamp"},
    {"timestamptz", "timestamptz", SGR_TIMESTAMPTZ, SECONDS, "_timestamptz"},
    {"timestamp with time zone", "timestamptz", SGR_TIMESTAMPTZ, SECONDS, "_timestamptz"},
    {"interval", "interval", SGR_INTERVAL, NONE, "_interval"},
    {"uuid", "uuid", SGR_UUID, NONE, "_uuid"},
    {"json", "json", SGR_JSON, NONE, "_json"},
    {"jsonb", "jsonb", SGR_JSONB, NONE, "_jsonb"},
};
#define ENTRY_COUNT (sizeof(entries) / sizeof(entries[0]))

/* What is between the name and its end: "(10, 2)" and "[]". */
struct spelling {
    char name[64];
    int64_t modifiers[2];
    int modifier_count;
    bool array;
};

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct sgr_slice text, size_t *at) {
    while (*at < text.size && is_blank(text.data[*at]))
        (*at)++;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool read_words(struct sgr_slice text, size_t *at, struct spelling *ret) {
    size_t used = strlen(ret->name);
    for (skip_blanks(text, at); *at < text.size; (*at)++) {
        char c = text.data[*at];
        if (c == '(' || c == '[')
            break;
        if (is_blank(c) && (!used || ret->name[used - 1] == ' '))
            continue;
        if (used + 1 >= sizeof(ret->name))
            return false;
        ret->name[used++] = is_blank(c) ? ' ' : lower(c);
    }
    while (used && ret->name[used - 1] == ' ')
        used--;
    ret->name[used] = '\0';
    return true;
}

static bool read_modifiers(struct sgr_slice text, size_t *at, struct spelling *ret) {
    if (*at >= text.size || text.data[*at] != '(')
        return true;
    do {
        size_t start = ++*at;
        while (*at < text.size && text.data[*at] != ',' && text.data[*at] != ')')
            (*at)++;
        struct sgr_slice number =
            sgr__type_trim((struct sgr_slice){text.data + start, *at - start});
        if (*at >= text.size || ret->modifier_count == 2 ||
            !sgr_slice_int(number, &ret->modifiers[ret->modifier_count++]))
            return false;
    } while (text.data[*at] == ',');
    (*at)++;
    return true;
}

static bool read_brackets(struct sgr_slice text, size_t *at, struct spelling *ret) {
    skip_blanks(text, at);
    while (*at < text.size && text.data[*at] == '[') {
        do
            (*at)++;
        while (*at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9');
        if (*at >= text.size || text.data[(*at)++] != ']')
            return false;
        ret->array = true;
        skip_blanks(text, at);
    }
    return *at == text.size;
}

/* name [(modifiers)] [more of the name] [brackets]: "timestamp(3) with time zone" */
static bool read_spelling(struct sgr_slice text, struct spelling *ret) {
    size_t at = 0;
    if (!read_words(text, &at, ret) || !read_modifiers(text, &at, ret))
        return false;
    skip_blanks(text, &at);
    if (at < text.size && text.data[at] != '[' && text.data[at] != '(') {
        size_t used = strlen(ret->name);
        if (!used || used + 2 > sizeof(ret->name))
            return false;
        memcpy(ret->name + used, " ", 2);
        if (!read_words(text, &at, ret))
            return false;
    }
    return read_brackets(text, &at, ret);
}

static int unknown_type(const char *name, struct sgr_error *error) {
    const char *candidates[ENTRY_COUNT];
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        candidates[i] = entries[i].spelling;
    const char *nearest = sgr_nearest(name, candidates, ENTRY_COUNT);
    if (nearest)
        return sgr_error_set(error, SGR_EPARSE, "unknown type \"%s\", did you mean \"%s\"?", name,
                             nearest);
    return sgr_error_set(error, SGR_EPARSE, "unknown type \"%s\"", name);
}

static int bad_modifier(const struct spelling *spelling, struct sgr_error *error) {
    return sgr_error_set(error, SGR_EPARSE, "invalid modifier of type %s", spelling->name);
}

/* Postgres' encoding of modifiers, as pg_attribute.atttypmod has them. */
static int encode_modifier(const struct type_entry *entry, const struct spelling *spelling,
                           struct sgr_column *column, struct sgr_error *error) {
    int64_t first = spelling->modifiers[0], second = spelling->modifiers[1];
    bool two = spelling->modifier_count == 2;
    if (spelling->modifier_count == 0) {
        bool bare_char = entry->type == SGR_BPCHAR && strcmp(entry->spelling, "bpchar") != 0;
        column->type_modifier = bare_char ? 1 + 4 : -1; /* char is char(1) */
        return 0;
    }
    if (two && entry->modifier != PRECISION_SCALE)
        return bad_modifier(spelling, error);
    switch (entry->modifier) {
    case LENGTH:
        if (first < 1 || first > 10485760)
            return bad_modifier(spelling, error);
        column->type_modifier = (int32_t)first + 4;
        return 0;
    case PRECISION_SCALE:
        if (first < 1 || first > 1000 || second < -1000 || second > 1000)
            return bad_modifier(spelling, error);
        column->type_modifier = (int32_t)((first << 16) | (second & 0x7ff)) + 4;
        return 0;
    case SECONDS:
        if (first < 0 || first > 6)
            return bad_modifier(spelling, error);
        column->type_modifier = (int32_t)first;
        return 0;
    case BITS:
        if (first < 1 || first > 53)
            return bad_modifier(spelling, error);
        if (first <= 24) {
            column->type = SGR_FLOAT4;
            column->type_name = "float4";
        }
        return 0;
    default:
        return bad_modifier(spelling, error);
    }
}

static const struct type_entry *find_spelling(const char *name) {
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (strcmp(entries[i].spelling, name) == 0)
            return &entries[i];
    return NULL;
}

static const struct type_entry *find_typname(const char *typname) {
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (strcmp(entries[i].typname, typname) == 0)
            return &entries[i];
    return NULL;
}

static bool has_collation(enum sgr_type type) {
    return type == SGR_TEXT || type == SGR_BPCHAR;
}

int sgr_type_parse(struct sgr_slice name, struct sgr_column *ret, struct sgr_error *error) {
    struct spelling spelling = {0};
    if (!read_spelling(name, &spelling))
        return sgr_error_set(error, SGR_EPARSE, "malformed type \"%.*s\"",
                             name.size > 64 ? 64 : (int)name.size, name.data);
    const struct type_entry *entry = find_spelling(spelling.name);
    bool array = spelling.array;
    if (!entry && spelling.name[0] == '_' && (entry = find_typname(spelling.name + 1)))
        array = true;
    if (!entry)
        return unknown_type(spelling.name, error);
    struct sgr_column column = {
        .type_name = entry->typname, .type_modifier = -1, .type = entry->type};
    column.element = SGR_OTHER;
    column.collation = has_collation(entry->type) ? SGR_COLLATION_C : SGR_COLLATION_NONE;
    int code = encode_modifier(entry, &spelling, &column, error);
    if (code)
        return code;
    if (array) {
        const struct type_entry *element = find_typname(column.type_name);
        column.element = column.type;
        column.type = SGR_ARRAY;
        column.type_name = element->array;
    }
    ret->type_name = column.type_name;
    ret->type_modifier = column.type_modifier;
    ret->type = column.type;
    ret->element = column.element;
    ret->collation = column.collation;
    return 0;
}

enum sgr_type sgr_type_of_typname(const char *typname, enum sgr_type *ret_element) {
    const struct type_entry *entry = find_typname(typname);
    if (ret_element)
        *ret_element = SGR_OTHER;
    if (entry)
        return entry->type;
    if (typname[0] != '_' || !(entry = find_typname(typname + 1)))
        return SGR_OTHER;
    if (ret_element)
        *ret_element = entry->type;
    return SGR_ARRAY;
}

static enum sgr_type class_of(enum sgr_type type) {
    switch (type) {
    case SGR_INT2:
    case SGR_INT4:
        return SGR_INT8;
    case SGR_FLOAT4:
        return SGR_FLOAT8;
    default:
        return type;
    }
}

bool sgr_type_same_class(enum sgr_type a, enum sgr_type b) {
    return class_of(a) == class_of(b);
}

/* An array's equality is its text's, so it holds only for elements whose equal values have one text. */
static bool text_is_identity(enum sgr_type type) {
    switch (type) {
    case SGR_NUMERIC:
    case SGR_FLOAT4:
    case SGR_FLOAT8:
    case SGR_INTERVAL:
    case SGR_BPCHAR:
    case SGR_JSON:
    case SGR_JSONB:
    case SGR_ARRAY:
        return false;
    default:
        return true;
    }
}

bool sgr_type_has_equality(enum sgr_type type, enum sgr_type element) {
    if (type == SGR_ARRAY)
        return text_is_identity(element);
    return type != SGR_JSON;
}

bool sgr_type_has_order(enum sgr_type type, enum sgr_type element) {
    (void)element;
    switch (type) {
    case SGR_JSON:
    case SGR_JSONB:
    case SGR_ARRAY:
    case SGR_OTHER:
        return false;
    default:
        return true;
    }
}
