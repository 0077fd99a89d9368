#include "fields.h"

#include <lauxlib.h>
#include <string.h>

#include "convert.h"

static int find_column(const struct sgr_schema *schema, const char *name) {
    for (uint16_t i = 0; i < schema->count; i++) {
        if (!strcmp(schema->columns[i].name, name))
            return i;
    }
    return -1;
}

static void add_field(struct fields *fields, const char *name) {
    fields->items[fields->count++] = (struct field){
        .name = name,
        .input = find_column(fields->input, name),
        .output = find_column(fields->output, name),
    };
}

int fields_init(struct fields *fields, const struct sgr_operator_host *table, void *host,
                const struct sgr_schema *input, const struct sgr_schema *output,
                const uint16_t *fixed, size_t fixed_count) {
    size_t most = (size_t)input->count + output->count;
    *fields = (struct fields){.input = input, .output = output};
    fields->items = table->common.allocate(host, (most + 1) * sizeof(*fields->items));
    fields->assigned = table->common.allocate(host, most + 1);
    fields->of_output = table->common.allocate(host, (output->count + 1u) * sizeof(uint16_t));
    if (!fields->items || !fields->assigned || !fields->of_output) {
        fields_fini(fields, table, host);
        return SGR_ENOMEM;
    }
    for (uint16_t i = 0; i < input->count; i++) {
        add_field(fields, input->columns[i].name);
        int at = fields->items[i].output;
        if (at >= 0)
            fields->of_output[at] = i;
    }
    for (uint16_t i = 0; i < output->count; i++) {
        if (find_column(input, output->columns[i].name) < 0) {
            fields->of_output[i] = (uint16_t)fields->count;
            add_field(fields, output->columns[i].name);
        }
    }
    for (size_t i = 0; i < fixed_count; i++)
        fields->items[fields->of_output[fixed[i]]].fixed = true;
    return 0;
}

void fields_fini(struct fields *fields, const struct sgr_operator_host *table, void *host) {
    table->common.release(host, fields->items);
    table->common.release(host, fields->assigned);
    table->common.release(host, fields->of_output);
    *fields = (struct fields){0};
}

void fields_begin(struct fields *fields, const struct sgr_row *row) {
    fields->row = row;
    if (fields->changed)
        memset(fields->assigned, 0, fields->count);
    fields->changed = false;
}

/* Upvalue 1 of the metamethods is the struct fields. */
static struct fields *fields_of(lua_State *lua) {
    return lua_touserdata(lua, lua_upvalueindex(1));
}

static int unknown_column(const struct fields *fields, lua_State *lua, int index) {
    luaL_Buffer names;
    lua_pushvalue(lua, index);
    const char *wrong =
        lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : luaL_typename(lua, index);
    luaL_buffinit(lua, &names);
    for (size_t i = 0; i < fields->count; i++) {
        if (i)
            luaL_addstring(&names, ", ");
        luaL_addstring(&names, fields->items[i].name);
    }
    luaL_pushresult(&names);
    return luaL_error(lua, "no column '%s'; there are %s", wrong, lua_tostring(lua, -1));
}

/* The position of the field named by the value at `index`, or -1. */
static int find_field(const struct fields *fields, lua_State *lua, int index) {
    lua_pushvalue(lua, index);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, fields->names);
    lua_insert(lua, -2);
    lua_rawget(lua, -2);
    int at = (int)lua_tointeger(lua, -1) - 1;
    lua_pop(lua, 2);
    return at;
}

static void push_field(const struct fields *fields, lua_State *lua, size_t at) {
    const struct field *field = &fields->items[at];
    if (fields->assigned[at]) {
        lua_rawgeti(lua, LUA_REGISTRYINDEX, fields->values);
        lua_rawgeti(lua, -1, (lua_Integer)at + 1);
        lua_remove(lua, -2);
    } else if (field->input >= 0) {
        struct sgr_value value = sgr_row_value(fields->input, fields->row, (uint16_t)field->input);
        convert_push(lua, &value);
    } else {
        lua_pushnil(lua);
    }
}

static int read_column(lua_State *lua) {
    struct fields *fields = fields_of(lua);
    int at = find_field(fields, lua, 2);
    if (at < 0)
        return unknown_column(fields, lua, 2);
    push_field(fields, lua, (size_t)at);
    return 1;
}

/* A column of the key may be given the value that it has. */
static void keep_fixed(const struct fields *fields, lua_State *lua, const struct field *field,
                       int index) {
    push_field(fields, lua, (size_t)(field - fields->items));
    if (!lua_rawequal(lua, index, -1))
        luaL_error(lua, "column %s is part of the key; to change it, declare 'key'", field->name);
    lua_pop(lua, 1);
}

static int write_column(lua_State *lua) {
    struct fields *fields = fields_of(lua);
    int at = find_field(fields, lua, 2);
    if (at < 0)
        return unknown_column(fields, lua, 2);
    const struct field *field = &fields->items[at];
    if (field->output < 0)
        return luaL_error(lua, "column %s is not in the output", field->name);
    if (field->fixed)
        keep_fixed(fields, lua, field, 3);
    struct sgr_value value; /* checked here, where the error knows its line */
    convert_take(lua, 3, &fields->output->columns[field->output], &value);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, fields->values);
    lua_pushvalue(lua, 3);
    lua_rawseti(lua, -2, at + 1);
    fields->assigned[at] = fields->changed = true;
    return 0;
}

/* for name, value in pairs(row): the columns in their order, those that are null left out. Upvalue 2: how many are done. */
static int next_column(lua_State *lua) {
    struct fields *fields = fields_of(lua);
    size_t at = (size_t)lua_tointeger(lua, lua_upvalueindex(2));
    int found = 0;
    while (at < fields->count && !found) {
        lua_settop(lua, 0);
        lua_pushstring(lua, fields->items[at].name);
        push_field(fields, lua, at++);
        found = !lua_isnil(lua, 2);
    }
    lua_pushinteger(lua, (lua_Integer)at);
    lua_replace(lua, lua_upvalueindex(2));
    if (found)
        return 2;
    lua_pushnil(lua);
    return 1;
}

static int row_pairs(lua_State *lua) {
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, next_column, 2);
    lua_pushnil(lua);
    lua_pushnil(lua);
    return 3;
}

static void set_method(struct fields *fields, lua_State *lua, const char *name,
                       lua_CFunction method) {
    lua_pushlightuserdata(lua, fields);
    lua_pushcclosure(lua, method, 1);
    lua_setfield(lua, -2, name);
}

void fields_open(struct fields *fields, lua_State *lua) {
    lua_createtable(lua, 0, (int)fields->count);
    for (size_t i = 0; i < fields->count; i++) {
        lua_pushinteger(lua, (lua_Integer)i + 1);
        lua_setfield(lua, -2, fields->items[i].name);
    }
    fields->names = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_createtable(lua, (int)fields->count, 0);
    fields->values = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_newuserdatauv(lua, 0, 0);
    lua_createtable(lua, 0, 4);
    set_method(fields, lua, "__index", read_column);
    set_method(fields, lua, "__newindex", write_column);
    set_method(fields, lua, "__pairs", row_pairs);
    lua_pushboolean(lua, false);
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, -2);
    fields->object = luaL_ref(lua, LUA_REGISTRYINDEX);
}

bool fields_is_object(const struct fields *fields, lua_State *lua, int index) {
    index = lua_absindex(lua, index);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, fields->object);
    bool is = lua_rawequal(lua, index, -1);
    lua_pop(lua, 1);
    return is;
}

/* One output column of the current row; may push a value that the result borrows from. */
static void take_column(const struct fields *fields, lua_State *lua, uint16_t column,
                        struct sgr_value *ret) {
    const struct sgr_column *wanted = &fields->output->columns[column];
    size_t at = fields->of_output[column];
    const struct field *field = &fields->items[at];
    if (!fields->assigned[at] && field->input >= 0 &&
        fields->input->columns[field->input].type == wanted->type) {
        *ret = sgr_row_value(fields->input, fields->row, (uint16_t)field->input);
        return;
    }
    push_field(fields, lua, at);
    convert_take(lua, -1, wanted, ret);
}

void fields_take(const struct fields *fields, lua_State *lua, struct sgr_value *values) {
    for (uint16_t i = 0; i < fields->output->count; i++)
        take_column(fields, lua, i, &values[i]);
}

/* A name the output doesn't have; the least one, so that the message doesn't depend on hash order. */
static void refuse_unknown(const struct fields *fields, lua_State *lua, int index) {
    const char *worst = NULL;
    lua_pushnil(lua);
    while (lua_next(lua, index)) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) != LUA_TSTRING)
            luaL_error(lua,
                       "returned a table that is neither a list nor a row: it has a %s as a key",
                       luaL_typename(lua, -1));
        int at = find_field(fields, lua, lua_gettop(lua));
        const char *name = lua_tostring(lua, -1);
        if ((at < 0 || fields->items[at].output < 0) && (!worst || strcmp(name, worst) < 0))
            worst = name;
    }
    if (worst)
        luaL_error(lua, "returned a row with a column '%s', which the output does not have", worst);
}

void fields_take_table(const struct fields *fields, lua_State *lua, int index, bool fill,
                       struct sgr_value *values) {
    index = lua_absindex(lua, index);
    refuse_unknown(fields, lua, index);
    for (uint16_t i = 0; i < fields->output->count; i++) {
        const struct field *field = &fields->items[fields->of_output[i]];
        lua_pushstring(lua, field->name);
        if (lua_rawget(lua, index) == LUA_TNIL && fill) {
            lua_pop(lua, 1);
            take_column(fields, lua, i, &values[i]);
            continue;
        }
        if (field->fixed)
            keep_fixed(fields, lua, field, lua_gettop(lua));
        convert_take(lua, -1, &fields->output->columns[i], &values[i]);
    }
}
