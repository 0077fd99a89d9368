/* A function's text in the config: what `each`, `filter` and `map` were given runs later, in the `lua` operator, which takes text.
 *
 * Lua knows a function's first and last line. Function expressions of the config that begin and end there are found with a small lexer; if
 * several do, the one whose compiled form is the same is meant. Internal to the Lua front end. */
#include "config/lua_front.h"

#include <ctype.h>

#include "base/hash.h"
#include "base/slice.h"

/* --- lexer: names, and anything else one character at a time; comments and strings are skipped */

struct lexer {
    struct sgr_slice text;
    size_t at, start; /* behind the present token, and its start */
    int line;         /* of the present token's end */
    bool name;        /* the token is a name or keyword */
};

static bool name_byte(char byte) {
    return isalnum((unsigned char)byte) || byte == '_';
}

static char peek(const struct lexer *lexer, size_t ahead) {
    return lexer->at + ahead < lexer->text.size ? lexer->text.data[lexer->at + ahead] : '\0';
}

static void advance(struct lexer *lexer, size_t count) {
    for (; count && lexer->at < lexer->text.size; count--)
        lexer->line += lexer->text.data[lexer->at++] == '\n';
}

/* [[ … ]] or [=[ … ]=]; false: not one. */
static bool skip_long(struct lexer *lexer) {
    size_t level = 0;
    if (peek(lexer, 0) != '[')
        return false;
    while (peek(lexer, 1 + level) == '=')
        level++;
    if (peek(lexer, 1 + level) != '[')
        return false;
    advance(lexer, level + 2);
    while (lexer->at < lexer->text.size) {
        size_t equals = 0;
        if (peek(lexer, 0) == ']') {
            while (peek(lexer, 1 + equals) == '=')
                equals++;
            if (equals == level && peek(lexer, 1 + equals) == ']') {
                advance(lexer, level + 2);
                return true;
            }
        }
        advance(lexer, 1);
    }
    return true;
}

static void skip_comment(struct lexer *lexer) {
    advance(lexer, 2);
    if (skip_long(lexer))
        return;
    while (lexer->at < lexer->text.size && peek(lexer, 0) != '\n')
        advance(lexer, 1);
}

static void skip_string(struct lexer *lexer) {
    char quote = peek(lexer, 0);
    advance(lexer, 1);
    while (lexer->at < lexer->text.size && peek(lexer, 0) != quote)
        advance(lexer, peek(lexer, 0) == '\\' ? 2 : 1);
    advance(lexer, 1);
}

/* false: the end. */
static bool next_token(struct lexer *lexer) {
    for (;;) {
        char byte = peek(lexer, 0);
        if (lexer->at >= lexer->text.size)
            return false;
        lexer->start = lexer->at;
        if (isspace((unsigned char)byte))
            advance(lexer, 1);
        else if (byte == '-' && peek(lexer, 1) == '-')
            skip_comment(lexer);
        else
            break;
    }
    lexer->name = name_byte(peek(lexer, 0));
    if (lexer->name) {
        while (name_byte(peek(lexer, 0)))
            advance(lexer, 1);
    } else if (peek(lexer, 0) == '"' || peek(lexer, 0) == '\'') {
        skip_string(lexer);
    } else if (!skip_long(lexer)) {
        advance(lexer, 1);
    }
    return true;
}

static bool is_word(const struct lexer *lexer, const char *word) {
    struct sgr_slice text = {lexer->text.data + lexer->start, lexer->at - lexer->start};
    return lexer->name && sgr_slice_is(text, word);
}

static struct lexer begin(struct sgr_slice text) {
    struct lexer lexer = {.text = text, .line = 1};
    if (text.size && text.data[0] == '#') /* a first line #!… is Lua's comment too */
        while (lexer.at < text.size && peek(&lexer, 0) != '\n')
            advance(&lexer, 1);
    return lexer;
}

/* --- finding */

/* One function's place in the text. */
struct candidate {
    size_t parameters, end; /* from "(" to behind "end" */
    int first_line, parameters_line, last_line;
    bool method; /* with a hidden self */
};

/* The lexer stands on `function`; goes to its "(" and from there, in a copy, to the matching `end`. */
static bool read_candidate(struct lexer *lexer, struct candidate *ret) {
    struct candidate found = {.first_line = lexer->line};
    while (next_token(lexer) && lexer->text.data[lexer->start] != '(')
        found.method |= lexer->text.data[lexer->start] == ':';
    found.parameters = lexer->start;
    found.parameters_line = lexer->line;
    struct lexer ahead = *lexer;
    for (unsigned depth = 1; next_token(&ahead);) {
        if (is_word(&ahead, "function") || is_word(&ahead, "do") || is_word(&ahead, "if") ||
            is_word(&ahead, "repeat"))
            depth++;
        else if ((is_word(&ahead, "end") || is_word(&ahead, "until")) && --depth == 0) {
            found.end = ahead.at;
            found.last_line = ahead.line;
            *ret = found;
            return true;
        }
    }
    return false;
}

static const char *candidate_text(lua_State *L, const struct candidate *candidate) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    const char *text = sgr_arena_printf(front->document->arena, "function%.*s",
                                        (int)(candidate->end - candidate->parameters),
                                        front->text.data + candidate->parameters);
    if (!text)
        sgr__lua_memory(L);
    return text;
}

/* --- comparing */

struct digest {
    uint64_t hash;
    size_t size;
};

static int add_to_digest(lua_State *L, const void *data, size_t size, void *digest) {
    (void)L;
    struct digest *to = digest;
    to->hash = sgr_hash_bytes_from(data, size, to->hash);
    to->size += size;
    return 0;
}

/* Of the function on top of the stack, which goes: its code without names and places, but with its lines. */
static struct digest pop_digest(lua_State *L) {
    struct digest digest = {0};
    lua_dump(L, add_to_digest, &digest, 1);
    lua_pop(L, 1);
    return digest;
}

/* Compiles the candidate on the lines where it stands in the config. */
static bool same_code(lua_State *L, const struct candidate *candidate, struct digest wanted) {
    luaL_Buffer chunk;
    luaL_buffinit(L, &chunk);
    for (int i = 1; i < candidate->parameters_line; i++)
        luaL_addchar(&chunk, '\n');
    luaL_addstring(&chunk, "return ");
    luaL_addstring(&chunk, candidate_text(L, candidate));
    luaL_pushresult(&chunk);
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    bool same = false;
    if (luaL_loadbufferx(L, text, size, SGR__LUA_CHUNK, "t") == LUA_OK) {
        lua_call(L, 0, 1);
        struct digest digest = pop_digest(L);
        same = digest.hash == wanted.hash && digest.size == wanted.size;
    } else {
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return same;
}

/* --- */

#define CANDIDATES_MAX 16

static size_t find_candidates(struct sgr__lua_front *front, const lua_Debug *debug,
                              struct candidate *found) {
    struct lexer lexer = begin(front->text);
    size_t count = 0;
    while (count < CANDIDATES_MAX && next_token(&lexer) && lexer.line <= debug->linedefined) {
        struct candidate candidate;
        if (!is_word(&lexer, "function") || !read_candidate(&lexer, &candidate))
            continue;
        bool begins = candidate.first_line == debug->linedefined ||
                      candidate.parameters_line == debug->linedefined;
        if (begins && candidate.last_line == debug->lastlinedefined && !candidate.method)
            found[count++] = candidate;
    }
    return count;
}

static void check_upvalues(lua_State *L, int at, int line) {
    const char *name;
    for (int i = 1; (name = lua_getupvalue(L, at, i)); i++) {
        lua_pop(L, 1);
        if (strcmp(name, "_ENV") != 0)
            sgr__lua_fail(L, (unsigned)line,
                          "this function uses \"%s\" from outside of it: it runs later, apart from "
                          "the config, and sees its arguments only; write the value into it",
                          name);
    }
}

const char *sgr__lua_function_text(lua_State *L, int at) {
    struct candidate found[CANDIDATES_MAX];
    lua_Debug debug;
    at = lua_absindex(L, at);
    lua_pushvalue(L, at);
    lua_getinfo(L, ">S", &debug);
    if (strcmp(debug.source, SGR__LUA_CHUNK) != 0)
        sgr__lua_fail(L, sgr__lua_line(L), "this must be a function written in the config");
    check_upvalues(L, at, debug.linedefined);
    size_t count = find_candidates(sgr__lua_front(L), &debug, found);
    if (count == 1)
        return candidate_text(L, &found[0]);
    lua_pushvalue(L, at);
    struct digest wanted = pop_digest(L);
    for (size_t i = 0; i < count; i++)
        if (same_code(L, &found[i], wanted))
            return candidate_text(L, &found[i]);
    sgr__lua_fail(L, (unsigned)debug.linedefined,
                  count ? "several functions stand on this line: give each a line of its own"
                        : "the function's text can't be found: write it as function(row) … end");
}
