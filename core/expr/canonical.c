/* Spells a tree so that equal text means equal expression: one spelling a construct, every call in parentheses, every constant with its
 * type. What is spelled parses again to the same tree. */
#include "expr/operations.h"

static void put_node(const struct sgr__node *node, const struct sgr_scope *scope,
                     struct sgr_buffer *out);

/* Words that cannot name a column without quotes. */
static const char keywords[] =
    " all analyse analyze and any array as asc asymmetric authorization binary both case"
    " cast check collate collation column concurrently constraint create cross"
    " current_catalog current_date current_role current_schema current_time"
    " current_timestamp current_user default deferrable desc distinct do else end except"
    " false fetch for foreign freeze from full grant group having ilike in initially inner"
    " intersect into is isnull join lateral leading left like limit localtime"
    " localtimestamp natural not notnull null offset on only or order outer overlaps"
    " placing primary references returning right select session_user similar some"
    " symmetric table tablesample then to trailing true union unique user using variadic"
    " verbose when where window with ";

static bool is_keyword(const char *name) {
    size_t size = strlen(name);
    for (const char *at = strstr(keywords, name); at; at = strstr(at + 1, name))
        if (at[-1] == ' ' && at[size] == ' ')
            return true;
    return false;
}

static bool is_plain_name(const char *name) {
    const char *at = name;
    if (!((*at >= 'a' && *at <= 'z') || *at == '_'))
        return false;
    while ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_')
        at++;
    return !*at && !is_keyword(name);
}

static void put_name(const char *name, struct sgr_buffer *out) {
    if (is_plain_name(name)) {
        sgr_buffer_puts(out, name);
        return;
    }
    sgr_buffer_putc(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            sgr_buffer_putc(out, '"');
        sgr_buffer_putc(out, *name);
    }
    sgr_buffer_putc(out, '"');
}

static void put_quoted(struct sgr_slice text, struct sgr_buffer *out) {
    sgr_buffer_putc(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'')
            sgr_buffer_putc(out, '\'');
        sgr_buffer_putc(out, text.data[i]);
    }
    sgr_buffer_putc(out, '\'');
}

static void put_modifier(const struct sgr_column *type, struct sgr_buffer *out) {
    int32_t modifier = type->type_modifier;
    if (modifier < 0)
        return;
    if (type->type == SGR_NUMERIC)
        sgr_buffer_printf(out, "(%d,%d)", (modifier - 4) >> 16 & 0xffff,
                          (((modifier - 4) & 0x7ff) ^ 1024) - 1024);
    else if (type->type == SGR_TEXT || type->type == SGR_BPCHAR)
        sgr_buffer_printf(out, "(%d)", modifier - 4);
    else
        sgr_buffer_printf(out, "(%d)", modifier);
}

static void put_type(const struct sgr_column *type, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "::");
    if (type->type == SGR_ARRAY && type->type_name[0] == '_') {
        sgr_buffer_puts(out, type->type_name + 1);
        sgr_buffer_puts(out, "[]");
        return;
    }
    sgr_buffer_puts(out, type->type_name);
    put_modifier(type, out);
}

static void put_constant(const struct sgr__node *node, struct sgr_buffer *out) {
    const struct sgr_value *value = &node->value;
    struct sgr_column type = node->type;
    type.type_modifier = -1; /* it is in the value already */
    if (value->null) {
        sgr_buffer_puts(out, "NULL");
        put_type(&type, out);
        return;
    }
    if (value->type == SGR_BOOL) {
        sgr_buffer_puts(out, value->i ? "true" : "false");
        return;
    }
    if (value->type == SGR_INT4 && value->i >= 0) {
        sgr_buffer_int(out, value->i);
        return;
    }
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_value_text(value, &text);
    if (text.failed)
        out->failed = true;
    else
        put_quoted((struct sgr_slice){text.data, text.size}, out);
    sgr_buffer_fini(&text);
    if (value->type != SGR_TEXT || strcmp(type.type_name, "varchar") == 0)
        put_type(&type, out);
}

static void put_column(const struct sgr__node *node, const struct sgr_scope *scope,
                       struct sgr_buffer *out) {
    const struct sgr_scope_relation *relation = &scope->relations[node->index];
    if (scope->relation_count > 1) {
        if (relation->alias)
            put_name(relation->alias, out);
        else
            sgr_buffer_printf(out, "#%u", node->index);
        sgr_buffer_putc(out, '.');
    }
    put_name(relation->schema->columns[node->column].name, out);
}

static void put_list(const struct sgr__node *node, uint16_t first, const char *separator,
                     const struct sgr_scope *scope, struct sgr_buffer *out) {
    for (uint16_t i = first; i < node->count; i++) {
        if (i > first)
            sgr_buffer_puts(out, separator);
        put_node(node->arguments[i], scope, out);
    }
}

static void put_case(const struct sgr__node *node, const struct sgr_scope *scope,
                     struct sgr_buffer *out) {
    uint16_t i = 0;
    sgr_buffer_puts(out, "CASE");
    for (; i + 1 < node->count; i += 2) {
        sgr_buffer_puts(out, " WHEN ");
        put_node(node->arguments[i], scope, out);
        sgr_buffer_puts(out, " THEN ");
        put_node(node->arguments[i + 1], scope, out);
    }
    sgr_buffer_puts(out, " ELSE ");
    put_node(node->arguments[i], scope, out);
    sgr_buffer_puts(out, " END");
}

/* NULLIF compares what a CASE can say as well. */
static void put_nullif(const struct sgr__node *node, const struct sgr_scope *scope,
                       struct sgr_buffer *out) {
    sgr_buffer_puts(out, "CASE WHEN ");
    put_node(node->arguments[1], scope, out);
    sgr_buffer_puts(out, " THEN NULL");
    put_type(&node->type, out);
    sgr_buffer_puts(out, " ELSE ");
    put_node(node->arguments[0], scope, out);
    sgr_buffer_puts(out, " END");
}

static void put_form(const struct sgr__node *node, const struct sgr_scope *scope,
                     struct sgr_buffer *out) {
    uint16_t argument = 0;
    for (const char *form = node->operation->form; *form; form++) {
        if (*form != '%') {
            sgr_buffer_putc(out, *form);
        } else if (form[1] == '%' || form[1] == '*') {
            form++;
            if (*form == '%')
                sgr_buffer_putc(out, '%');
            else
                put_list(node, 0, ", ", scope, out);
        } else {
            put_node(node->arguments[argument++], scope, out);
        }
    }
}

static void put_call(const struct sgr__node *node, const struct sgr_scope *scope,
                     struct sgr_buffer *out) {
    const struct sgr__operation *operation = node->operation;
    if (operation->is_cast) {
        sgr_buffer_putc(out, '(');
        put_node(node->arguments[0], scope, out);
        sgr_buffer_putc(out, ')');
        put_type(&node->type, out);
    } else if (operation == &sgr__and || operation == &sgr__or) {
        sgr_buffer_putc(out, '(');
        put_list(node, 0, operation == &sgr__and ? " AND " : " OR ", scope, out);
        sgr_buffer_putc(out, ')');
    } else if (operation == &sgr__in) {
        sgr_buffer_putc(out, '(');
        put_node(node->arguments[0], scope, out);
        sgr_buffer_puts(out, " IN (");
        put_list(node, 1, ", ", scope, out);
        sgr_buffer_puts(out, "))");
    } else if (operation == &sgr__case) {
        put_case(node, scope, out);
    } else if (operation == &sgr__nullif) {
        put_nullif(node, scope, out);
    } else {
        put_form(node, scope, out);
    }
}

static void put_node(const struct sgr__node *node, const struct sgr_scope *scope,
                     struct sgr_buffer *out) {
    switch (node->kind) {
    case SGR__CONSTANT:
        put_constant(node, out);
        break;
    case SGR__COLUMN:
        put_column(node, scope, out);
        break;
    case SGR__PARAMETER:
        sgr_buffer_putc(out, '$');
        sgr_buffer_puts(out, scope->parameters[node->index].name);
        break;
    case SGR__CALL:
        put_call(node, scope, out);
        break;
    }
}

void sgr__canonical(const struct sgr__node *node, const struct sgr_scope *scope,
                    struct sgr_buffer *out) {
    put_node(node, scope, out);
}
