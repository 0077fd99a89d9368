/* The table `sangre` of a Lua config: source, sink, server, auth, view, param, env, file. */
#include "config/lua_front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

#define SOURCE    "sangre.source"
#define PARAMETER "sangre.parameter"
#define ORDERED   "sangre.ordered"

/* --- names */

static struct sgr_slice name_key(lua_State *L, const char *kind, const char *name) {
    const char *key = sgr_arena_printf(sgr__lua_front(L)->document->arena, "%s %s", kind, name);
    if (!key)
        sgr__lua_memory(L);
    return sgr_slice(key);
}

static bool claim(lua_State *L, const char *kind, const char *name) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    struct sgr_slice key = name_key(L, kind, name);
    if (sgr_map_get(front->names, key))
        return false;
    if (sgr_map_put(front->names, key, front, NULL) != 0)
        sgr__lua_memory(L);
    return true;
}

void sgr__lua_claim(lua_State *L, const char *kind, const char *name) {
    if (!claim(L, kind, name))
        sgr__lua_fail(L, sgr__lua_line(L), "there is a %s \"%s\" already", kind, name);
}

const char *sgr__lua_distinct(lua_State *L, const char *kind, const char *name) {
    struct sgr_arena *arena = sgr__lua_front(L)->document->arena;
    const char *tried = sgr_arena_copy(arena, sgr_slice(name));
    for (unsigned i = 2; tried && !claim(L, kind, tried); i++)
        tried = sgr_arena_printf(arena, "%s_%u", name, i);
    if (!tried)
        sgr__lua_memory(L);
    return tried;
}

/* --- sources and sinks */

/* Adds { plugin, options } from the table at 1 and returns its name: `name`, or the plugin's. */
static const char *add_instance(lua_State *L, const char *kind, struct sgr_vector *section) {
    static const char *const skip[] = {"name", NULL};
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
    if (lua_type(L, 1) != LUA_TTABLE)
        sgr__lua_fail(L, sgr__lua_line(L), "sangre.%s takes a table: { plugin = NAME, … }", kind);
    lua_getfield(L, 1, "plugin");
    const char *plugin = sgr__lua_string(L, -1, "plugin");
    const char *name;
    if (lua_getfield(L, 1, "name") != LUA_TNIL) {
        name = sgr__lua_string(L, -1, "name");
        sgr__lua_claim(L, kind, name);
    } else {
        name = sgr__lua_distinct(L, kind, strchr(plugin, '/') ? kind : plugin);
    }
    lua_pop(L, 2);
    sgr__lua_pairs(L, 1, skip, &pairs);
    sgr__lua_pair(L, section, name, sgr__lua_mapping(L, &pairs));
    return name;
}

static int sangre_source(lua_State *L) {
    const char *name = add_instance(L, "source", &sgr__lua_front(L)->sources);
    const char **box = lua_newuserdatauv(L, sizeof(*box), 0);
    *box = name;
    luaL_setmetatable(L, SOURCE);
    return 1;
}

static int sangre_sink(lua_State *L) {
    add_instance(L, "sink", &sgr__lua_front(L)->sinks);
    return 0;
}

static int source_table(lua_State *L) {
    const char **box = luaL_testudata(L, 1, SOURCE);
    if (!box)
        sgr__lua_fail(L, sgr__lua_line(L), "call this method with a colon: source:table(NAME)");
    sgr__lua_push_table(L, *box, sgr__lua_string(L, 2, "a table's name"));
    return 1;
}

static int source_index(lua_State *L) {
    static const char *const names[] = {"table", NULL};
    if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "table") == 0) {
        lua_pushcfunction(L, source_table);
        return 1;
    }
    sgr__lua_unknown(L, "method of a source", luaL_tolstring(L, 2, NULL), names);
}

/* --- server and auth */

static int add_section(lua_State *L, const char *name, const struct sgr_document_node **section) {
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
    if (*section)
        sgr__lua_fail(L, sgr__lua_line(L), "sangre.%s is called twice (line %u)", name,
                      (*section)->line);
    if (lua_type(L, 1) != LUA_TTABLE)
        sgr__lua_fail(L, sgr__lua_line(L), "sangre.%s takes a table of settings", name);
    sgr__lua_pairs(L, 1, NULL, &pairs);
    *section = sgr__lua_mapping(L, &pairs);
    return 0;
}

static int sangre_server(lua_State *L) {
    return add_section(L, "server", &sgr__lua_front(L)->server);
}

static int sangre_auth(lua_State *L) {
    return add_section(L, "auth", &sgr__lua_front(L)->auth);
}

/* --- parameters */

const struct sgr__lua_parameter *sgr__lua_parameter(lua_State *L, int at) {
    struct sgr__lua_parameter **box = luaL_testudata(L, at, PARAMETER);
    return box ? *box : NULL;
}

static const char *type_of_default(lua_State *L, int at) {
    switch (lua_type(L, at)) {
    case LUA_TNUMBER:
        return lua_isinteger(L, at) ? "int" : "float8";
    case LUA_TSTRING:
        return "text";
    case LUA_TBOOLEAN:
        return "bool";
    default:
        sgr__lua_fail(L, sgr__lua_line(L),
                      "a parameter needs a default, or its type: sangre.param(name, { type = "
                      "\"int\" })");
    }
}

/* sangre.param(name, default) or sangre.param(name, { type = TYPE, default = VALUE, value = CLAIM }) */
static int sangre_param(lua_State *L) {
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
    struct sgr__lua_parameter *parameter =
        sgr_arena_alloc(sgr__lua_front(L)->document->arena, sizeof(*parameter));
    if (!parameter)
        sgr__lua_memory(L);
    parameter->name = sgr__lua_string(L, 1, "a parameter's name");
    if (lua_istable(L, 2)) {
        sgr__lua_pairs(L, 2, NULL, &pairs);
    } else {
        sgr__lua_pair(L, &pairs, "type", sgr__lua_text(L, type_of_default(L, 2), true));
        sgr__lua_pair(L, &pairs, "default", sgr__lua_value(L, 2));
    }
    parameter->declaration = sgr__lua_mapping(L, &pairs);
    struct sgr__lua_parameter **box = lua_newuserdatauv(L, sizeof(*box), 0);
    *box = parameter;
    luaL_setmetatable(L, PARAMETER);
    return 1;
}

static bool same_scalar(const struct sgr_document_node *a, const char *name,
                        const struct sgr_document_node *b) {
    const struct sgr_document_node *x = sgr_document_get(a, name), *y = sgr_document_get(b, name);
    return x == y || (x && y && sgr_slice_equal(x->text, y->text));
}

static void declare(lua_State *L, struct sgr_vector *pairs,
                    const struct sgr__lua_parameter *parameter) {
    for (size_t i = 0; i < pairs->count; i++) {
        const struct sgr_document_pair *pair = SGR_VECTOR_AT(pairs, struct sgr_document_pair, i);
        if (strcmp(pair->name, parameter->name) != 0)
            continue;
        if (!same_scalar(pair->value, "type", parameter->declaration) ||
            !same_scalar(pair->value, "default", parameter->declaration) ||
            !same_scalar(pair->value, "value", parameter->declaration))
            sgr__lua_fail(L, sgr__lua_line(L),
                          "parameter \"%s\" is declared twice with another type, default or value",
                          parameter->name);
        return;
    }
    sgr__lua_pair(L, pairs, parameter->name, parameter->declaration);
}

/* --- views */

static void add_parameters(lua_State *L, const struct sgr__lua_relation *relation, int options,
                           struct sgr_vector *pairs) {
    for (size_t i = 0; i < relation->parameters.count; i++)
        declare(L, pairs, SGR_VECTOR_AT(&relation->parameters, struct sgr__lua_parameter, i));
    if (lua_istable(L, options) && lua_getfield(L, options, "params") != LUA_TNIL)
        sgr__lua_pairs(L, -1, NULL, pairs);
}

/* sangre.view(path, relation, { params = …, auth = … }) */
static int sangre_view(lua_State *L) {
    static const char *const keys[] = {"params", "auth", NULL};
    struct sgr__lua_front *front = sgr__lua_front(L);
    const char *path = sgr__lua_string(L, 1, "a view's path");
    const struct sgr__lua_relation *relation = sgr__lua_relation(L, 2);
    if (!relation)
        sgr__lua_fail(L, sgr__lua_line(L), "sangre.view takes a path and a relation");
    sgr__lua_claim(L, "view", path);
    sgr__lua_check_keys(L, 3, "option of sangre.view", keys);
    struct sgr_vector parameters = SGR_VECTOR_INIT(struct sgr_document_pair);
    struct sgr_vector head = SGR_VECTOR_INIT(struct sgr_document_pair);
    add_parameters(L, relation, 3, &parameters);
    if (parameters.count)
        sgr__lua_pair(L, &head, "params", sgr__lua_mapping(L, &parameters));
    if (lua_istable(L, 3) && lua_getfield(L, 3, "auth") != LUA_TNIL)
        sgr__lua_pair(L, &head, "auth", sgr__lua_value(L, -1));
    sgr__lua_pair(L, &front->views, path, sgr__lua_level(L, relation, &head));
    return 0;
}

/* --- mappings whose order matters */

const struct sgr_document_node *sgr__lua_boxed(lua_State *L, int at) {
    const struct sgr_document_node **box = luaL_testudata(L, at, ORDERED);
    return box ? *box : NULL;
}

/* sangre.ordered { { name = value }, … }: a mapping in that order, which a Lua table has not. */
static int sangre_ordered(lua_State *L) {
    if (lua_type(L, 1) != LUA_TTABLE)
        sgr__lua_fail(L, sgr__lua_line(L), "sangre.ordered takes a list of { name = value }");
    const struct sgr_document_node *node = sgr__lua_ordered(L, 1);
    const struct sgr_document_node **box = lua_newuserdatauv(L, sizeof(*box), 0);
    *box = node;
    luaL_setmetatable(L, ORDERED);
    return 1;
}

/* --- environment */

/* sangre.env(name, default) */
static int sangre_env(lua_State *L) {
    const char *name = sgr__lua_string(L, 1, "a variable's name");
    const char *value = getenv(name);
    if (value && (*value || lua_isnoneornil(L, 2)))
        lua_pushstring(L, value);
    else if (!lua_isnoneornil(L, 2))
        lua_pushvalue(L, 2);
    else
        sgr__lua_fail(L, sgr__lua_line(L),
                      "environment variable %s is not set: set it, or give a default: "
                      "sangre.env(\"%s\", default)",
                      name, name);
    return 1;
}

/* --- files */

enum { FILE_LIMIT = 1 << 16 };

static const char *read_all(const char *path, char *to, size_t *ret_size) {
    FILE *file = fopen(path, "re");
    if (!file)
        return strerror(errno);
    *ret_size = fread(to, 1, FILE_LIMIT, file);
    const char *wrong = ferror(file) ? strerror(errno) : NULL;
    fclose(file);
    return !wrong && *ret_size == FILE_LIMIT ? "it has more than 64 KB" : wrong;
}

/* sangre.file(path): its text, without the end of its last line. For secrets that are handed over as files. */
static int sangre_file(lua_State *L) {
    const char *path = sgr__lua_string(L, 1, "a file's path");
    char *text = lua_newuserdatauv(L, FILE_LIMIT, 0);
    size_t size = 0;
    const char *wrong = read_all(path, text, &size);
    if (wrong)
        sgr__lua_fail(L, sgr__lua_line(L), "can't read %s: %s", path, wrong);
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    lua_pushlstring(L, text, size);
    return 1;
}

static const luaL_Reg functions[] = {
    {"source", sangre_source}, {"sink", sangre_sink},
    {"server", sangre_server}, {"auth", sangre_auth},
    {"view", sangre_view},     {"param", sangre_param},
    {"env", sangre_env},       {"ordered", sangre_ordered},
    {"file", sangre_file},     {NULL, NULL},
};

static int unknown_function(lua_State *L) {
    const char *names[sizeof(functions) / sizeof(*functions)] = {NULL};
    for (size_t i = 0; functions[i].name; i++)
        names[i] = functions[i].name;
    sgr__lua_unknown(L, "function of sangre", luaL_tolstring(L, 2, NULL), names);
}

static int read_only(lua_State *L) {
    sgr__lua_fail(L, sgr__lua_line(L), "\"sangre\" can't be changed");
}

void sgr__lua_sangre_register(lua_State *L) {
    luaL_newmetatable(L, SOURCE);
    lua_pushcfunction(L, source_index);
    lua_setfield(L, -2, "__index");
    luaL_newmetatable(L, PARAMETER);
    luaL_newmetatable(L, ORDERED);
    luaL_newlib(L, functions);
    lua_newtable(L);
    lua_pushcfunction(L, unknown_function);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, read_only);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_setglobal(L, "sangre");
    lua_settop(L, 0);
}
