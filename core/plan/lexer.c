#define _GNU_SOURCE /* memmem */
#include "plan/lexer.h"

#include <sangre/error.h>

#include <ctype.h>
#include <strings.h>

#include "base/slice.h"

static bool word_byte(char byte) {
    return isalnum((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

static size_t skip_space(struct sgr_slice text, size_t at) {
    for (;;) {
        while (at < text.size && isspace((unsigned char)text.data[at]))
            at++;
        const char *here = text.data + at;
        size_t left = text.size - at;
        if (left >= 2 && memcmp(here, "--", 2) == 0) {
            const char *end = memchr(here, '\n', left);
            at = end ? (size_t)(end - text.data) : text.size;
        } else if (left >= 2 && memcmp(here, "/*", 2) == 0) {
            const char *end = memmem(here + 2, left - 2, "*/", 2);
            at = end ? (size_t)(end - text.data) + 2 : text.size;
        } else {
            return at;
        }
    }
}

/* Behind the closing quote; a doubled quote is one character. SIZE_MAX: it does not end. */
static size_t quoted_end(struct sgr_slice text, size_t at, bool backslashes) {
    char quote = text.data[at++];
    for (; at < text.size; at++) {
        if (backslashes && text.data[at] == '\\')
            at++;
        else if (text.data[at] == quote) {
            if (at + 1 >= text.size || text.data[at + 1] != quote)
                return at + 1;
            at++;
        }
    }
    return SIZE_MAX;
}

static void set(struct sgr__lexer *lexer, enum sgr__token_kind kind, size_t start, size_t end,
                size_t margin) {
    lexer->token.kind = kind;
    lexer->token.start = start;
    lexer->token.end = end;
    lexer->token.text =
        (struct sgr_slice){lexer->text.data + start + margin, end - start - 2 * margin};
    lexer->at = end;
}

/* $name, or a string in dollar quotes: $tag$ … $tag$. */
static void lex_dollar(struct sgr__lexer *lexer, size_t start) {
    struct sgr_slice text = lexer->text;
    size_t end = start + 1;
    while (end < text.size && word_byte(text.data[end]))
        end++;
    if (end < text.size && text.data[end] == '$' &&
        !(end > start + 1 && isdigit((unsigned char)text.data[start + 1]))) {
        size_t tag = end + 1 - start;
        const char *close =
            memmem(text.data + end + 1, text.size - end - 1, text.data + start, tag);
        set(lexer, close ? SGR__TOKEN_OTHER : SGR__TOKEN_BROKEN, start,
            close ? (size_t)(close - text.data) + tag : text.size, 0);
        return;
    }
    set(lexer, end > start + 1 ? SGR__TOKEN_PARAMETER : SGR__TOKEN_OTHER, start, end, 0);
    if (end > start + 1) {
        lexer->token.text.data++;
        lexer->token.text.size--;
    }
}

static void lex_quoted(struct sgr__lexer *lexer, size_t start, size_t quote) {
    char mark = lexer->text.data[quote];
    size_t end = quoted_end(lexer->text, quote, mark == '\'' && quote > start);
    if (end == SIZE_MAX)
        set(lexer, SGR__TOKEN_BROKEN, start, lexer->text.size, 0);
    else if (mark == '"')
        set(lexer, SGR__TOKEN_QUOTED, start, end, 1);
    else
        set(lexer, SGR__TOKEN_OTHER, start, end, 0);
}

static void lex_word(struct sgr__lexer *lexer, size_t start) {
    size_t end = start;
    while (end < lexer->text.size && word_byte(lexer->text.data[end]))
        end++;
    bool number = isdigit((unsigned char)lexer->text.data[start]);
    set(lexer, number ? SGR__TOKEN_OTHER : SGR__TOKEN_WORD, start, end, 0);
}

void sgr__lexer_next(struct sgr__lexer *lexer) {
    struct sgr_slice text = lexer->text;
    size_t at = skip_space(text, lexer->at);
    if (at >= text.size) {
        set(lexer, SGR__TOKEN_END, text.size, text.size, 0);
        return;
    }
    char byte = text.data[at];
    bool escape = (byte == 'e' || byte == 'E') && at + 1 < text.size && text.data[at + 1] == '\'';
    if (byte == '\'' || byte == '"')
        lex_quoted(lexer, at, at);
    else if (escape)
        lex_quoted(lexer, at, at + 1);
    else if (byte == '$')
        lex_dollar(lexer, at);
    else if (word_byte(byte))
        lex_word(lexer, at);
    else
        set(lexer, SGR__TOKEN_OTHER, at,
            at + (byte == '-' && at + 1 < text.size && text.data[at + 1] == '>' ? 2 : 1), 0);
}

void sgr__lexer_init(struct sgr__lexer *lexer, struct sgr_slice text) {
    *lexer = (struct sgr__lexer){.text = text};
    sgr__lexer_next(lexer);
}

bool sgr__token_is(const struct sgr__token *token, const char *mark) {
    return token->kind == SGR__TOKEN_OTHER && sgr_slice_is(token->text, mark);
}

bool sgr__token_is_keyword(const struct sgr__token *token, const char *lower) {
    return token->kind == SGR__TOKEN_WORD && token->text.size == strlen(lower) &&
           strncasecmp(token->text.data, lower, token->text.size) == 0;
}

bool sgr__lexer_take(struct sgr__lexer *lexer, const char *mark) {
    if (!sgr__token_is(&lexer->token, mark))
        return false;
    sgr__lexer_next(lexer);
    return true;
}

bool sgr__lexer_take_keyword(struct sgr__lexer *lexer, const char *lower) {
    if (!sgr__token_is_keyword(&lexer->token, lower))
        return false;
    sgr__lexer_next(lexer);
    return true;
}

bool sgr__lexer_take_name(struct sgr__lexer *lexer, struct sgr_slice *ret) {
    if (lexer->token.kind != SGR__TOKEN_WORD && lexer->token.kind != SGR__TOKEN_QUOTED)
        return false;
    *ret = lexer->token.text;
    sgr__lexer_next(lexer);
    return true;
}

/* What the search for a top-level AND has to keep in mind. */
struct nesting {
    unsigned depth; /* of parentheses and CASE … END */
    bool between;   /* its AND is still to come */
};

static bool top_level_and(struct nesting *nesting, const struct sgr__token *token) {
    if (sgr__token_is(token, "(") || sgr__token_is(token, "[") ||
        sgr__token_is_keyword(token, "case"))
        nesting->depth++;
    else if (nesting->depth && (sgr__token_is(token, ")") || sgr__token_is(token, "]") ||
                                sgr__token_is_keyword(token, "end")))
        nesting->depth--;
    else if (nesting->depth == 0 && sgr__token_is_keyword(token, "between"))
        nesting->between = true;
    else if (nesting->depth == 0 && sgr__token_is_keyword(token, "and")) {
        if (!nesting->between)
            return true;
        nesting->between = false;
    }
    return false;
}

/* Whether an OR stands at the top, or the text cannot be lexed: then it is not taken apart. */
static bool indivisible(struct sgr_slice condition) {
    struct nesting nesting = {0};
    struct sgr__lexer lexer;
    for (sgr__lexer_init(&lexer, condition); lexer.token.kind != SGR__TOKEN_END;
         sgr__lexer_next(&lexer)) {
        top_level_and(&nesting, &lexer.token);
        if (lexer.token.kind == SGR__TOKEN_BROKEN ||
            (nesting.depth == 0 && sgr__token_is_keyword(&lexer.token, "or")))
            return true;
    }
    return nesting.depth != 0;
}

/* Without spaces around, and without parentheses that enclose all of it. */
static struct sgr_slice strip(struct sgr_slice text) {
    for (;;) {
        while (text.size && isspace((unsigned char)text.data[0]))
            text = (struct sgr_slice){text.data + 1, text.size - 1};
        while (text.size && isspace((unsigned char)text.data[text.size - 1]))
            text.size--;
        struct nesting nesting = {0};
        struct sgr__lexer lexer;
        sgr__lexer_init(&lexer, text);
        if (!sgr__token_is(&lexer.token, "("))
            return text;
        do {
            top_level_and(&nesting, &lexer.token);
            if (lexer.token.kind == SGR__TOKEN_END || lexer.token.kind == SGR__TOKEN_BROKEN)
                return text;
            if (nesting.depth)
                sgr__lexer_next(&lexer);
        } while (nesting.depth);
        if (lexer.token.end != text.size)
            return text;
        text = (struct sgr_slice){text.data + 1, text.size - 2};
    }
}

/* A comment at the end would swallow what is written behind it. */
static struct sgr_slice from_first_to_last_token(struct sgr_slice text) {
    struct sgr__lexer lexer;
    sgr__lexer_init(&lexer, text);
    size_t start = lexer.token.start, end = start;
    for (; lexer.token.kind != SGR__TOKEN_END; sgr__lexer_next(&lexer))
        end = lexer.token.end;
    return (struct sgr_slice){text.data + start, end - start};
}

static int add_conjuncts(struct sgr_slice condition, struct sgr_vector *ret, unsigned depth) {
    condition = strip(condition);
    struct nesting nesting = {0};
    struct sgr__lexer lexer;
    size_t start = 0;
    bool whole = depth >= 32 || indivisible(condition);
    for (sgr__lexer_init(&lexer, condition); !whole && lexer.token.kind != SGR__TOKEN_END;
         sgr__lexer_next(&lexer)) {
        if (!top_level_and(&nesting, &lexer.token))
            continue;
        struct sgr_slice part = {condition.data + start, lexer.token.start - start};
        int status = add_conjuncts(part, ret, depth + 1);
        if (status != 0)
            return status;
        start = lexer.token.end;
    }
    struct sgr_slice rest = {condition.data + start, condition.size - start};
    if (start)
        return add_conjuncts(rest, ret, depth + 1);
    rest = from_first_to_last_token(rest);
    return sgr_vector_push(ret, &rest);
}

int sgr__conjuncts(struct sgr_slice condition, struct sgr_vector *ret) {
    return add_conjuncts(condition, ret, 0);
}
