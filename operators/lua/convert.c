#include "convert.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void convert_push(lua_State *lua, const struct sgr_value *value) {
    if (value->null) {
        lua_pushnil(lua);
        return;
    }
    switch (value->type) {
    case SGR_BOOL:
        lua_pushboolean(lua, value->i != 0);
        return;
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
        lua_pushinteger(lua, value->i);
        return;
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        lua_pushnumber(lua, value->f);
        return;
    case SGR_NUMERIC:
    case SGR_TEXT:
    case SGR_JSON:
    case SGR_JSONB:
    case SGR_ARRAY:
    case SGR_OTHER:
        lua_pushlstring(lua, value->s.data, value->s.size);
        return;
    default: {
        struct box *box = box_of(lua);
        struct sgr_slice text = box->table->value_text(box->host, value);
        lua_pushlstring(lua, text.data, text.size);
    }
    }
}

static void misfit(lua_State *lua, int index, const struct sgr_column *column) {
    luaL_error(lua, "column %s is %s, and can't be a %s", column->name, column->type_name,
               luaL_typename(lua, index));
}

static void take_integer(lua_State *lua, int index, const struct sgr_column *column,
                         struct sgr_value *ret) {
    int exact;
    lua_Integer number = lua_tointegerx(lua, index, &exact);
    int64_t limit = column->type == SGR_INT2   ? INT16_MAX
                    : column->type == SGR_INT4 ? INT32_MAX
                                               : INT64_MAX;
    if (!exact)
        luaL_error(lua, "column %s is %s, and %f has a fraction or is too large", column->name,
                   column->type_name, lua_tonumber(lua, index));
    if (number > limit || number < -limit - 1)
        luaL_error(lua, "column %s is %s, and %I is out of its range", column->name,
                   column->type_name, (LUAI_UACINT)number);
    ret->i = number;
}

/* The shortest text that reads back as the same double, as Postgres' own casts to text do. */
static void push_float_text(lua_State *lua, double number) {
    char text[40];
    if (isnan(number)) {
        lua_pushliteral(lua, "NaN");
        return;
    }
    if (isinf(number)) {
        lua_pushstring(lua, number > 0 ? "Infinity" : "-Infinity");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    lua_pushstring(lua, text);
}

static void push_number_text(lua_State *lua, int index) {
    if (lua_isinteger(lua, index))
        lua_pushfstring(lua, "%I", (LUAI_UACINT)lua_tointeger(lua, index));
    else
        push_float_text(lua, lua_tonumber(lua, index));
}

/* JSON clients get this text: it must be UTF-8, and Postgres' texts have no zero bytes. */
static bool is_text(const char *text, size_t size) {
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    while (at < end) {
        unsigned char lead = *at++;
        if (lead < 0x80) {
            if (!lead)
                return false;
            continue;
        }
        int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || end - at < more)
            return false;
        if ((lead == 0xe0 && *at < 0xa0) || (lead == 0xed && *at > 0x9f) ||
            (lead == 0xf0 && *at < 0x90) || (lead == 0xf4 && *at > 0x8f))
            return false;
        for (; more; more--, at++) {
            if ((*at & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}

static void take_text(lua_State *lua, int index, const struct sgr_column *column,
                      struct sgr_value *ret) {
    size_t size;
    const char *text = lua_tolstring(lua, index, &size);
    if (!is_text(text, size))
        luaL_error(lua, "column %s: the text is not valid UTF-8, or has a zero byte", column->name);
    if (column->type == SGR_TEXT) {
        ret->s = (struct sgr_slice){text, size};
        return;
    }
    struct box *box = box_of(lua);
    struct sgr_error error = {0};
    struct sgr_slice slice = {text, size};
    if (box->table->value_parse(box->host, column->type, slice, ret, &error) < 0)
        luaL_error(lua, "column %s is %s: %s", column->name, column->type_name, error.message);
    ret->type = column->type;
}

void convert_take(lua_State *lua, int index, const struct sgr_column *column,
                  struct sgr_value *ret) {
    index = lua_absindex(lua, index);
    memset(ret, 0, sizeof(*ret));
    ret->type = column->type;
    int kind = lua_type(lua, index);
    if (kind == LUA_TNIL) {
        if (column->not_null)
            luaL_error(lua, "column %s can't be nil", column->name);
        ret->null = true;
        return;
    }
    if (kind == LUA_TSTRING) {
        take_text(lua, index, column, ret);
        return;
    }
    switch (column->type) {
    case SGR_BOOL:
        if (kind != LUA_TBOOLEAN)
            break;
        ret->i = lua_toboolean(lua, index);
        return;
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
        if (kind != LUA_TNUMBER)
            break;
        take_integer(lua, index, column, ret);
        return;
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        if (kind != LUA_TNUMBER)
            break;
        ret->f = lua_tonumber(lua, index);
        return;
    case SGR_NUMERIC:
    case SGR_TEXT:
    case SGR_BPCHAR:
        if (kind != LUA_TNUMBER)
            break;
        push_number_text(lua, index);
        take_text(lua, -1, column, ret);
        return;
    default:
        break;
    }
    misfit(lua, index, column);
}
