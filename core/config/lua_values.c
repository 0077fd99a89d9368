/* Lua values as document nodes. */
#include "config/lua_front.h"

#include "base/slice.h"

static struct sgr_document_node *new_node(lua_State *L, enum sgr_document_kind kind) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    if (++front->nodes_made > SGR__DOCUMENT_NODES)
        sgr__lua_fail(L, sgr__lua_line(L), "the config makes more than %d values",
                      SGR__DOCUMENT_NODES);
    struct sgr_document_node *node = sgr__document_node(front->document, kind, sgr__lua_line(L), 1);
    if (!node)
        sgr__lua_memory(L);
    return node;
}

static const struct sgr_document_node *scalar(lua_State *L, struct sgr_slice text, bool quoted) {
    struct sgr_document_node *node = new_node(L, SGR_DOCUMENT_SCALAR);
    const char *copy = sgr_arena_copy(sgr__lua_front(L)->document->arena, text);
    if (!copy)
        sgr__lua_memory(L);
    if (memchr(text.data, '\0', text.size))
        sgr__lua_fail(L, sgr__lua_line(L), "a NUL character can't stand in a configuration");
    node->text = (struct sgr_slice){copy, text.size};
    node->quoted = quoted;
    return node;
}

const struct sgr_document_node *sgr__lua_text(lua_State *L, const char *text, bool quoted) {
    return scalar(L, sgr_slice(text), quoted);
}

const char *sgr__lua_string(lua_State *L, int at, const char *what) {
    if (lua_type(L, at) != LUA_TSTRING)
        sgr__lua_fail(L, sgr__lua_line(L), "%s must be a string, not %s", what,
                      luaL_typename(L, at));
    struct sgr_slice text;
    text.data = lua_tolstring(L, at, &text.size);
    return scalar(L, text, true)->text.data;
}

void sgr__lua_push(lua_State *L, struct sgr_vector *vector, const void *item) {
    size_t size = vector->item_size;
    if (vector->count >= vector->capacity) {
        size_t capacity = vector->count < 4 ? 4 : vector->count * 2;
        char *items = sgr_arena_alloc(sgr__lua_front(L)->document->arena, capacity * size);
        if (!items)
            sgr__lua_memory(L);
        if (vector->count)
            memcpy(items, vector->items, vector->count * size);
        vector->items = items;
        vector->capacity = capacity;
    }
    memcpy((char *)vector->items + vector->count * size, item, size);
    vector->count++;
}

void sgr__lua_pair(lua_State *L, struct sgr_vector *pairs, const char *name,
                   const struct sgr_document_node *value) {
    const char *copy = sgr_arena_copy(sgr__lua_front(L)->document->arena, sgr_slice(name));
    if (!copy)
        sgr__lua_memory(L);
    struct sgr_document_pair pair = {copy, value->line, value->column, value};
    sgr__lua_push(L, pairs, &pair);
}

const struct sgr_document_node *sgr__lua_mapping(lua_State *L, const struct sgr_vector *pairs) {
    struct sgr_document_node *node = new_node(L, SGR_DOCUMENT_MAPPING);
    if (sgr__document_fill_mapping(sgr__lua_front(L)->document, node, pairs) != 0)
        sgr__lua_memory(L);
    return node;
}

/* Pushes a sorted list of the table's keys; fails if one is no string. */
static lua_Integer push_names(lua_State *L, int at) {
    lua_newtable(L);
    int names = lua_gettop(L);
    lua_Integer count = 0;
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_rawlen(L, -2) == 0)
            sgr__lua_fail(L, sgr__lua_line(L),
                          "a table must be a list or have names for keys, not both");
        lua_pushvalue(L, -2);
        lua_seti(L, names, ++count);
    }
    lua_getfield(L, LUA_REGISTRYINDEX, "sgr_sort");
    lua_pushvalue(L, names);
    lua_call(L, 1, 0);
    return count;
}

static bool listed(const char *const *names, const char *name) {
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

void sgr__lua_pairs(lua_State *L, int at, const char *const *skip, struct sgr_vector *pairs) {
    at = lua_absindex(L, at);
    if (lua_isnoneornil(L, at))
        return;
    if (lua_type(L, at) != LUA_TTABLE)
        sgr__lua_fail(L, sgr__lua_line(L), "expected a table of options, not %s",
                      luaL_typename(L, at));
    lua_Integer count = push_names(L, at);
    int names = lua_gettop(L);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, names, i);
        const char *name = lua_tostring(L, -1);
        lua_getfield(L, at, name);
        if (!listed(skip, name))
            sgr__lua_pair(L, pairs, name, sgr__lua_value(L, -1));
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

void sgr__lua_check_keys(lua_State *L, int at, const char *what, const char *const *names) {
    at = lua_absindex(L, at);
    if (lua_isnoneornil(L, at))
        return;
    if (lua_type(L, at) != LUA_TTABLE)
        sgr__lua_fail(L, sgr__lua_line(L), "%s must be a table, not %s", what,
                      luaL_typename(L, at));
    lua_Integer count = push_names(L, at);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, -1, i);
        if (!listed(names, lua_tostring(L, -1)))
            sgr__lua_unknown(L, what, lua_tostring(L, -1), names);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static const struct sgr_document_node *list_value(lua_State *L, int at, lua_Integer count) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    struct sgr_document_node *node = new_node(L, SGR_DOCUMENT_SEQUENCE);
    if (count > SGR__DOCUMENT_NODES)
        sgr__lua_fail(L, sgr__lua_line(L), "a list of more than %d items", SGR__DOCUMENT_NODES);
    const struct sgr_document_node **items =
        sgr_arena_alloc(front->document->arena, (size_t)count * sizeof(*items));
    if (!items)
        sgr__lua_memory(L);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, at, i);
        items[i - 1] = sgr__lua_value(L, -1);
        lua_pop(L, 1);
    }
    node->items = items;
    node->count = (size_t)count;
    return node;
}

static void check_list(lua_State *L, int at, lua_Integer count) {
    lua_Integer all = 0;
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1))
        all++;
    if (all != count)
        sgr__lua_fail(L, sgr__lua_line(L),
                      "a table must be a list or have names for keys, not both");
}

static const struct sgr_document_node *table_value(lua_State *L, int at) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    luaL_checkstack(L, 10, NULL);
    if (++front->depth > SGR__DOCUMENT_DEPTH)
        sgr__lua_fail(L, sgr__lua_line(L), "a table nested deeper than %d levels (or in itself)",
                      SGR__DOCUMENT_DEPTH);
    lua_Integer count = luaL_len(L, at);
    const struct sgr_document_node *node;
    if (count > 0) {
        check_list(L, at, count);
        node = list_value(L, at, count);
    } else {
        struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
        sgr__lua_pairs(L, at, NULL, &pairs);
        node = sgr__lua_mapping(L, &pairs);
    }
    front->depth--;
    return node;
}

static const struct sgr_document_node *object_value(lua_State *L, int at) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    const struct sgr__lua_parameter *parameter = sgr__lua_parameter(L, at);
    const struct sgr__lua_relation *relation = sgr__lua_relation(L, at);
    if (parameter && front->collect)
        sgr__lua_push(L, front->collect, parameter);
    if (parameter) {
        lua_pushfstring(L, "$%s", parameter->name);
        const struct sgr_document_node *node = sgr__lua_text(L, lua_tostring(L, -1), false);
        lua_pop(L, 1);
        return node;
    }
    const struct sgr_document_node *boxed = sgr__lua_boxed(L, at);
    if (boxed)
        return boxed;
    if (relation && relation->clause)
        sgr__lua_fail(L, sgr__lua_line(L), "a relation with %s can only be a view's or be joined",
                      relation->clause);
    if (relation)
        return sgr__lua_text(L, relation->reference, true);
    sgr__lua_fail(L, sgr__lua_line(L), "this %s can't stand in a config", luaL_typename(L, at));
}

static const struct sgr_document_node *number_value(lua_State *L, int at) {
    struct sgr_slice text;
    lua_pushvalue(L, at);
    text.data = lua_tolstring(L, -1, &text.size);
    const struct sgr_document_node *node = scalar(L, text, false);
    lua_pop(L, 1);
    return node;
}

const struct sgr_document_node *sgr__lua_value(lua_State *L, int at) {
    at = lua_absindex(L, at);
    struct sgr_slice text;
    switch (lua_type(L, at)) {
    case LUA_TSTRING:
        text.data = lua_tolstring(L, at, &text.size);
        return scalar(L, text, true);
    case LUA_TNUMBER:
        return number_value(L, at);
    case LUA_TBOOLEAN:
        return sgr__lua_text(L, lua_toboolean(L, at) ? "true" : "false", false);
    case LUA_TTABLE:
        return table_value(L, at);
    case LUA_TFUNCTION:
        return sgr__lua_text(L, sgr__lua_function_text(L, at), true);
    default:
        return object_value(L, at);
    }
}

const struct sgr_document_node *sgr__lua_null(lua_State *L) {
    struct sgr_document_node *node = new_node(L, SGR_DOCUMENT_SCALAR);
    node->null = true;
    return node;
}

const struct sgr_document_node *sgr__lua_list(lua_State *L, const struct sgr_vector *items) {
    struct sgr_document_node *node = new_node(L, SGR_DOCUMENT_SEQUENCE);
    if (sgr__document_fill_sequence(sgr__lua_front(L)->document, node, items) != 0)
        sgr__lua_memory(L);
    return node;
}

const struct sgr_document_node *sgr__lua_ordered(lua_State *L, int at) {
    at = lua_absindex(L, at);
    if (lua_type(L, at) != LUA_TTABLE || luaL_len(L, at) == 0)
        return sgr__lua_value(L, at);
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
    lua_Integer count = luaL_len(L, at);
    check_list(L, at, count);
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_geti(L, at, i) == LUA_TSTRING)
            sgr__lua_pair(L, &pairs, sgr__lua_string(L, -1, "a name"), sgr__lua_value(L, -1));
        else
            sgr__lua_pairs(L, -1, NULL, &pairs);
        lua_pop(L, 1);
    }
    return sgr__lua_mapping(L, &pairs);
}
