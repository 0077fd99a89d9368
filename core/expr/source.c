/* Rewrites $name to $1: libpg_query knows numbers only. A small lexer, because a '$' in a string, a quoted name or a comment is none.
 *
 * The parser recurses with an expression's nesting, so the tokens that can nest are counted here and capped. */
#include "expr/source.h"

#include <string.h>

#include "base/nearest.h"
#include "base/slice.h"

#define MOST_BYTES   (1 << 20)
#define MOST_NESTING 1000

static const char prefix[] = "SELECT ";

/* From `parsed` on, text stands at parsed offset - by. */
struct shift {
    size_t parsed;
    int64_t by;
};

static int column_of(const char *text, int64_t offset) {
    int column = 1;
    for (int64_t i = 0; i < offset && text[i]; i++)
        column += (text[i] & 0xc0) != 0x80;
    return column;
}

struct lexer {
    struct sgr__source *source;
    const struct sgr_scope *scope;
    struct sgr_error *error;
    const char *at;
    size_t nesting;
};

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_word(char c) {
    return is_letter(c) || is_digit(c);
}

/* Behind the closing quote, or the end of the text: the parser complains there. */
static const char *skip_quoted(const char *at, char quote, bool escapes) {
    for (at++; *at; at++) {
        if (escapes && *at == '\\' && at[1])
            at++;
        else if (*at == quote && at[1] == quote)
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return at;
}

static const char *skip_comment(const char *at) {
    if (at[0] == '-')
        return at + strcspn(at, "\n");
    int depth = 1;
    for (at += 2; *at && depth; at++) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at++;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at++;
        }
    }
    return at;
}

/* $tag$ … $tag$, with at on the first '$' and tag_end behind the second. */
static const char *skip_dollar_quoted(const char *at, const char *tag_end) {
    size_t size = (size_t)(tag_end - at);
    for (const char *end = strchr(tag_end, '$'); end; end = strchr(end + 1, '$'))
        if (strncmp(end, at, size) == 0)
            return end + size;
    return at + strlen(at);
}

static int find_parameter(const struct sgr_scope *scope, struct sgr_slice name) {
    for (size_t i = 0; i < scope->parameter_count; i++)
        if (sgr_slice_is(name, scope->parameters[i].name))
            return (int)i;
    return -1;
}

static int unknown_parameter(struct lexer *lexer, struct sgr_slice name, size_t offset) {
    const char *candidates[64], *nearest;
    char word[64];
    size_t count = 0;
    for (; count < lexer->scope->parameter_count && count < 64; count++)
        candidates[count] = lexer->scope->parameters[count].name;
    snprintf(word, sizeof(word), "%.*s", SGR_SLICE_ARGS(name));
    nearest = sgr_nearest(word, candidates, count);
    return sgr_error_set(lexer->error, SGR_ENOTFOUND,
                         nearest ? "unknown parameter $%s, did you mean $%s? at column %d"
                                 : "unknown parameter $%s%.0s at column %d",
                         word, nearest ? nearest : "",
                         column_of(lexer->source->text, (int64_t)offset));
}

static int replace_parameter(struct lexer *lexer, const char *end) {
    struct sgr__source *source = lexer->source;
    struct sgr_slice name = {lexer->at + 1, (size_t)(end - lexer->at - 1)};
    int index = find_parameter(lexer->scope, name);
    if (index < 0)
        return unknown_parameter(lexer, name, (size_t)(lexer->at - source->text));
    sgr_buffer_printf(&source->parsed, "$%d", index + 1);
    lexer->at = end;
    /* The parser reads $1a as $1 and a name; nothing but a blank keeps them apart for sure. */
    sgr_buffer_putc(&source->parsed, ' ');
    struct shift shift = {source->parsed.size,
                          (int64_t)source->parsed.size - (int64_t)(end - source->text)};
    return sgr_vector_push(&source->shifts, &shift);
}

static int take_dollar(struct lexer *lexer, const char **ret_end) {
    const char *end = lexer->at + 1;
    if (!is_letter(*end) && *end != '$') {
        if (is_digit(*end))
            return sgr_error_set(lexer->error, SGR_EPARSE,
                                 "parameters have names here, not numbers: $%c", *end);
        *ret_end = end;
        return 0;
    }
    while (is_word(*end))
        end++;
    if (*end == '$') {
        *ret_end = skip_dollar_quoted(lexer->at, end + 1);
        return 0;
    }
    *ret_end = NULL;
    return replace_parameter(lexer, end);
}

/* The end of the token at lexer->at; NULL in *ret_end: it was replaced already. */
static int take_token(struct lexer *lexer, const char **ret_end) {
    const char *at = lexer->at;
    if ((*at == 'e' || *at == 'E') && at[1] == '\'') {
        *ret_end = skip_quoted(at + 1, '\'', true);
    } else if (*at == '\'' || *at == '"') {
        lexer->nesting += *at == '"';
        *ret_end = skip_quoted(at, *at, false);
    } else if ((at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*')) {
        *ret_end = skip_comment(at);
    } else if (*at == '$') {
        lexer->nesting++;
        return take_dollar(lexer, ret_end);
    } else if (is_word(*at)) {
        lexer->nesting += !is_digit(*at);
        for (*ret_end = at; is_word(**ret_end) || **ret_end == '$';)
            (*ret_end)++;
    } else {
        lexer->nesting += !strchr(" \t\r\n\f\v,", *at);
        *ret_end = at + 1;
    }
    return 0;
}

static int rewrite(struct lexer *lexer) {
    while (*lexer->at) {
        const char *end;
        int code = take_token(lexer, &end);
        if (code)
            return code;
        if (end) {
            sgr_buffer_append(&lexer->source->parsed, lexer->at, (size_t)(end - lexer->at));
            lexer->at = end;
        }
        if (lexer->nesting > MOST_NESTING)
            return sgr_error_set(lexer->error, SGR_ELIMIT, "the expression is too long");
    }
    return 0;
}

int sgr__source_init(struct sgr__source *source, const char *text, const struct sgr_scope *scope,
                     struct sgr_error *error) {
    struct lexer lexer = {source, scope, error, text, 0};
    *source = (struct sgr__source){text, SGR_BUFFER_INIT, SGR_VECTOR_INIT(struct shift)};
    if (strlen(text) > MOST_BYTES)
        return sgr_error_set(error, SGR_ELIMIT, "the expression is too long");
    sgr_buffer_puts(&source->parsed, prefix);
    int code = rewrite(&lexer);
    sgr_buffer_text(&source->parsed);
    if (code == SGR_ENOMEM || (!code && source->parsed.failed))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    return code;
}

void sgr__source_fini(struct sgr__source *source) {
    sgr_buffer_fini(&source->parsed);
    sgr_vector_fini(&source->shifts);
}

int sgr__source_column(const struct sgr__source *source, int position) {
    int64_t by = sizeof(prefix) - 1;
    for (size_t i = 0; i < source->shifts.count; i++) {
        const struct shift *shift = SGR_VECTOR_AT(&source->shifts, struct shift, i);
        if ((size_t)position >= shift->parsed)
            by = shift->by;
    }
    return column_of(source->text, position - by);
}
