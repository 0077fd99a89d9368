/* A lexer for SQL text and for the small languages of views (order_by, on, via), which share SQL's words and quotes. */
#ifndef SGR_PLAN_LEXER_H
#define SGR_PLAN_LEXER_H

#include "base/vector.h"

#include <sangre/value.h>

enum sgr__token_kind {
    SGR__TOKEN_END,
    SGR__TOKEN_WORD,      /* an unquoted name or keyword */
    SGR__TOKEN_QUOTED,    /* "name": text is what stands within, quotes not undoubled */
    SGR__TOKEN_PARAMETER, /* $name: text is the name */
    SGR__TOKEN_OTHER,     /* a string, number, or one character (-> is one) */
    SGR__TOKEN_BROKEN,    /* a quote that does not end */
};

struct sgr__token {
    enum sgr__token_kind kind;
    struct sgr_slice text;
    size_t start, end; /* in the whole text */
};

struct sgr__lexer {
    struct sgr_slice text;
    size_t at;
    struct sgr__token token; /* the present one */
};

/* Stands on the first token then. */
void sgr__lexer_init(struct sgr__lexer *lexer, struct sgr_slice text);
void sgr__lexer_next(struct sgr__lexer *lexer);
bool sgr__token_is(const struct sgr__token *token, const char *mark);          /* OTHER */
bool sgr__token_is_keyword(const struct sgr__token *token, const char *lower); /* WORD, any case */
/* Goes on if the present token is it. */
bool sgr__lexer_take(struct sgr__lexer *lexer, const char *mark);
bool sgr__lexer_take_keyword(struct sgr__lexer *lexer, const char *lower);
/* A WORD or QUOTED one. */
bool sgr__lexer_take_name(struct sgr__lexer *lexer, struct sgr_slice *ret);

/* The condition's top-level conjuncts, as slices of it without their outer parentheses; one if an OR stands there. 0 or SGR_ENOMEM. */
int sgr__conjuncts(struct sgr_slice condition, struct sgr_vector *ret);

#endif
