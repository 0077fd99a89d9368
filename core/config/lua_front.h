/* The Lua front end from within. A config runs once, in a box of its own; its calls of `sangre` build the document that YAML would have given.
 *
 * Functions that take a lua_State may leave by a Lua error (lua_error), so they own no memory but the document's arena's and Lua's. What
 * is wrong is set in front->error with its line before. Names of nodes, sources and parameters are strings in the arena. */
#ifndef SGR_CONFIG_LUA_FRONT_H
#define SGR_CONFIG_LUA_FRONT_H

#include <lauxlib.h>
#include <lua.h>

#include "base/map.h"
#include "config/builder.h"

#define SGR__LUA_CHUNK "=(config)" /* how the config's chunk is called within Lua */

struct sgr__lua_front {
    struct sgr_document *document;
    struct sgr_slice text;
    struct sgr_error *error;
    bool failed;       /* error is set */
    size_t memory;     /* in use by Lua */
    uint64_t steps;    /* instructions done */
    unsigned line;     /* of the method being run; 0: none */
    unsigned depth;    /* of tables being converted */
    size_t nodes_made; /* document nodes */
    struct sgr_vector
        *collect; /* struct sgr__lua_parameter: those met by conversions go here; or NULL */
    struct sgr_map *names; /* of nodes and sources, to keep them distinct: "node x", "source y" */
    struct sgr_vector sources, sinks, nodes, views; /* struct sgr_document_pair */
    const struct sgr_document_node *server, *auth;
};

/* $name with its type, as sangre.param makes it. */
struct sgr__lua_parameter {
    const char *name;
    const struct sgr_document_node *declaration; /* { type, default } */
};

/* What a relation's methods return: a table or node, and what a level adds to it. Immutable; methods make changed copies. */
struct sgr__lua_relation {
    const char *reference;   /* "app.places" or a node's name */
    const char *label;       /* what nodes made of it are called after */
    const char *clause;      /* the first level clause given, NULL: still a plain table or node */
    struct sgr_vector pairs; /* struct sgr_document_pair: the level's clauses; arena's memory */
    struct sgr_vector populate;   /* struct sgr_document_pair */
    struct sgr_vector parameters; /* struct sgr__lua_parameter; of this level and those below */
};

/* --- lua.c */
struct sgr__lua_front *sgr__lua_front(lua_State *L);
/* The line of the config that is being run. */
unsigned sgr__lua_line(lua_State *L);
/* Never returns. */
int sgr__lua_fail(lua_State *L, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));
void sgr__lua_memory(lua_State *L) __attribute__((noreturn));
/* The field's absence, with the nearest of `names` (NULL-terminated). */
void sgr__lua_unknown(lua_State *L, const char *what, const char *word, const char *const *names)
    __attribute__((noreturn));

/* --- lua_box.c: memory, time and libraries */
lua_State *sgr__lua_box(struct sgr__lua_front *front); /* NULL without memory */

/* --- lua_values.c */
const struct sgr_document_node *sgr__lua_text(lua_State *L, const char *text, bool quoted);
const char *sgr__lua_string(lua_State *L, int at, const char *what); /* the arena's */
/* A string, number, boolean, parameter, relation, or table of such. */
const struct sgr_document_node *sgr__lua_value(lua_State *L, int at);
/* The same, but a list of names and { name = value } is a mapping in that order. */
const struct sgr_document_node *sgr__lua_ordered(lua_State *L, int at);
const struct sgr_document_node *sgr__lua_mapping(lua_State *L, const struct sgr_vector *pairs);
const struct sgr_document_node *sgr__lua_null(lua_State *L);
/* items: pointers to nodes */
const struct sgr_document_node *sgr__lua_list(lua_State *L, const struct sgr_vector *items);
/* Vectors in the arena. Whoever copies one and adds to the copy sets its capacity to 0 before, so that the older one stays. */
void sgr__lua_push(lua_State *L, struct sgr_vector *vector, const void *item);
void sgr__lua_pair(lua_State *L, struct sgr_vector *pairs, const char *name,
                   const struct sgr_document_node *value);
/* Pairs of an options table but for the keys in `skip` (NULL-terminated; may be NULL), by name. */
void sgr__lua_pairs(lua_State *L, int at, const char *const *skip, struct sgr_vector *pairs);
/* Refuses keys that are not among these. */
void sgr__lua_check_keys(lua_State *L, int at, const char *what, const char *const *names);

/* --- lua_relation.c */
void sgr__lua_relation_register(lua_State *L);
void sgr__lua_push_table(lua_State *L, const char *source, const char *table);
const struct sgr__lua_relation *sgr__lua_relation(lua_State *L, int at); /* NULL: it is none */
/* Its level as YAML would have it; `link`: pairs to put behind `from`. */
const struct sgr_document_node *sgr__lua_level(lua_State *L,
                                               const struct sgr__lua_relation *relation,
                                               const struct sgr_vector *link);

/* --- lua_sangre.c: the table `sangre` */
void sgr__lua_sangre_register(lua_State *L);
const struct sgr__lua_parameter *sgr__lua_parameter(lua_State *L, int at); /* NULL: it is none */
const struct sgr_document_node *sgr__lua_boxed(lua_State *L,
                                               int at); /* of sangre.ordered; or NULL */
/* `name`, or name_2 …, not used before by one of this kind. */
const char *sgr__lua_distinct(lua_State *L, const char *kind, const char *name);
/* Uses up exactly this name; fails if it is taken. */
void sgr__lua_claim(lua_State *L, const char *kind, const char *name);

/* --- lua_function.c */
/* The text of the function at `at`, as an expression; found by its lines. Refuses functions that use locals of the config. */
const char *sgr__lua_function_text(lua_State *L, int at);

#endif
