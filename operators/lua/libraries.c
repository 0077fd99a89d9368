/* What scripts can call. Lua's own functions are listed by name (nothing gets in by default); those that can run long in C are
 * charged for their work first, and those that show hash order, addresses or the world have versions of their own here. */
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "pattern.h"

enum { LONGEST_REPEAT = 1024 * 1024, LONGEST_MOVE = 1024 * 1024, LONGEST_PATTERN = 1024 };

/* Keys in their fixed order: numbers, then texts bytewise, then false and true. */

static int key_rank(lua_State *lua, int index) {
    switch (lua_type(lua, index)) {
    case LUA_TNUMBER:
        return 0;
    case LUA_TSTRING:
        return 1;
    case LUA_TBOOLEAN:
        return 2;
    default:
        return luaL_error(lua, "a table with a %s as a key has no fixed order",
                          luaL_typename(lua, index));
    }
}

static bool text_before(lua_State *lua, int a, int b) {
    size_t size_a, size_b;
    const char *text_a = lua_tolstring(lua, a, &size_a), *text_b = lua_tolstring(lua, b, &size_b);
    int order = memcmp(text_a, text_b, size_a < size_b ? size_a : size_b);
    return order < 0 || (order == 0 && size_a < size_b);
}

static bool key_before(lua_State *lua, int a, int b) {
    int rank_a = key_rank(lua, a), rank_b = key_rank(lua, b);
    if (rank_a != rank_b)
        return rank_a < rank_b;
    if (rank_a == 0)
        return lua_compare(lua, a, b, LUA_OPLT);
    if (rank_a == 1)
        return text_before(lua, a, b);
    return !lua_toboolean(lua, a) && lua_toboolean(lua, b);
}

static int compare_keys(lua_State *lua) {
    lua_pushboolean(lua, key_before(lua, 1, 2));
    return 1;
}

/* Pushes an array of the table's keys in their order; upvalue 1 is table.sort. */
static void push_sorted_keys(lua_State *lua, int table) {
    lua_newtable(lua);
    int keys = lua_gettop(lua);
    lua_Integer count = 0;
    bool sorted = true;
    lua_pushnil(lua);
    while (lua_next(lua, table)) {
        lua_pop(lua, 1);
        if (count) {
            lua_rawgeti(lua, keys, count);
            sorted = sorted && key_before(lua, -1, -2);
            lua_pop(lua, 1);
        } else {
            key_rank(lua, -1);
        }
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, keys, ++count);
    }
    box_charge(lua, (size_t)count * (sorted ? 2 : 16));
    if (sorted)
        return;
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushvalue(lua, keys);
    lua_pushcfunction(lua, compare_keys);
    lua_call(lua, 2, 0);
}

/* Upvalues: table, its keys, how many are done. Keys whose value is gone by now are passed over. */
static int next_pair(lua_State *lua) {
    lua_Integer at = lua_tointeger(lua, lua_upvalueindex(3));
    for (;;) {
        lua_settop(lua, 0);
        lua_rawgeti(lua, lua_upvalueindex(2), ++at);
        if (lua_isnil(lua, 1))
            break;
        lua_pushvalue(lua, 1);
        lua_rawget(lua, lua_upvalueindex(1));
        if (!lua_isnil(lua, 2))
            break;
    }
    lua_pushinteger(lua, at);
    lua_replace(lua, lua_upvalueindex(3));
    return lua_gettop(lua);
}

static int box_pairs(lua_State *lua) {
    luaL_checkany(lua, 1);
    lua_settop(lua, 1);
    if (luaL_getmetafield(lua, 1, "__pairs") != LUA_TNIL) {
        lua_insert(lua, 1);
        lua_call(lua, 1, 3);
        return 3;
    }
    luaL_checktype(lua, 1, LUA_TTABLE);
    push_sorted_keys(lua, 1);
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, next_pair, 3);
    return 1;
}

/* next(table, key): the least key above it. Linear, unlike Lua's, and charged so. */
static int box_next(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 2);
    bool from_start = lua_isnil(lua, 2), found = false;
    lua_pushnil(lua); /* 3: the best so far */
    lua_pushnil(lua);
    size_t seen = 0;
    while (lua_next(lua, 1)) {
        lua_pop(lua, 1);
        seen++;
        if ((from_start ? key_rank(lua, -1) >= 0 : key_before(lua, 2, -1)) &&
            (!found || key_before(lua, lua_gettop(lua), 3))) {
            lua_pushvalue(lua, -1);
            lua_replace(lua, 3);
            found = true;
        }
    }
    box_charge(lua, seen * 2);
    lua_settop(lua, 3);
    if (!found)
        return 1;
    lua_pushvalue(lua, 3);
    lua_rawget(lua, 1);
    return 2;
}

/* Whether Lua would print the value with its address. */
static bool prints_address(lua_State *lua, int index) {
    switch (lua_type(lua, index)) {
    case LUA_TTABLE:
    case LUA_TFUNCTION:
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA:
    case LUA_TTHREAD:
        if (luaL_getmetafield(lua, index, "__tostring") == LUA_TNIL)
            return true;
        lua_pop(lua, 1);
        return false;
    default:
        return false;
    }
}

static int box_tostring(lua_State *lua) {
    luaL_checkany(lua, 1);
    if (prints_address(lua, 1))
        lua_pushstring(lua, luaL_typename(lua, 1));
    else
        luaL_tolstring(lua, 1, NULL);
    return 1;
}

static void refuse_pointers(lua_State *lua, const char *format) {
    for (const char *at = strchr(format, '%'); at; at = strchr(at, '%')) {
        at++;
        at += strspn(at, "-+ #0123456789.");
        if (*at == 'p')
            luaL_error(lua, "string.format: %%p prints an address, which differs from run to run");
        if (*at)
            at++;
    }
}

/* Upvalue 1: Lua's string.format. */
static int box_format(lua_State *lua) {
    refuse_pointers(lua, luaL_checkstring(lua, 1));
    int count = lua_gettop(lua);
    for (int i = 2; i <= count; i++) {
        if (prints_address(lua, i)) {
            lua_pushstring(lua, luaL_typename(lua, i));
            lua_replace(lua, i);
        }
    }
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

/* Any function whose work grows with its arguments. Upvalue 1: Lua's own. */
static int box_charged(lua_State *lua) {
    size_t work = 0;
    int count = lua_gettop(lua);
    for (int i = 1; i <= count; i++) {
        if (lua_type(lua, i) == LUA_TSTRING)
            work += lua_rawlen(lua, i);
    }
    box_charge(lua, work / 8 + 1);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

/* table.*: a table with metamethods could claim any length. */
static int box_table(lua_State *lua) {
    size_t work = 1;
    int count = lua_gettop(lua);
    for (int i = 1; i <= count; i++) {
        if (lua_type(lua, i) != LUA_TTABLE)
            continue;
        work += lua_rawlen(lua, i);
        if (lua_getmetatable(lua, i))
            return luaL_error(lua, "table functions take plain tables, without a metatable");
    }
    box_charge(lua, work);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

static int box_move(lua_State *lua) {
    lua_Integer from = luaL_checkinteger(lua, 2), to = luaL_checkinteger(lua, 3);
    if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from >= LONGEST_MOVE)
        return luaL_error(lua, "table.move: more than %d elements", LONGEST_MOVE);
    if (to >= from)
        box_charge(lua, (size_t)(to - from) * 4);
    return box_table(lua);
}

static int box_repeat(lua_State *lua) {
    size_t size, separator = 0;
    luaL_checklstring(lua, 1, &size);
    lua_Integer count = luaL_checkinteger(lua, 2);
    luaL_optlstring(lua, 3, "", &separator);
    if (size + separator == 0 || count <= 0) {
        lua_pushliteral(lua, "");
        return 1;
    }
    if ((lua_Unsigned)count > LONGEST_REPEAT / (size + separator))
        return luaL_error(lua, "string.rep: longer than %d bytes", LONGEST_REPEAT);
    box_charge(lua, (size_t)count);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

static void charge_pattern(lua_State *lua, bool anchors) {
    size_t text_size, pattern_size;
    const char *text = luaL_checklstring(lua, 1, &text_size);
    const char *pattern = luaL_checklstring(lua, 2, &pattern_size);
    if (pattern_size > LONGEST_PATTERN)
        luaL_error(lua, "a pattern has at most %d bytes", LONGEST_PATTERN);
    size_t bound = pattern_bound(pattern, pattern_size, text, text_size, anchors);
    if (bound > box_work_limit(box_of(lua)))
        luaL_error(lua,
                   "pattern '%s' could take too long on a text of %d bytes; "
                   "use narrower classes, as [^,]* in place of .*",
                   pattern, (int)text_size);
    box_charge(lua, bound);
}

static int box_find(lua_State *lua) { /* find, match, gsub */
    if (lua_toboolean(lua, 4) && lua_type(lua, 4) == LUA_TBOOLEAN)
        box_charge(lua, lua_rawlen(lua, 1)); /* find's plain search */
    else
        charge_pattern(lua, true);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

static int box_gmatch(lua_State *lua) {
    charge_pattern(lua, false);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

/* Text only: crafted bytecode can break out of any box. */
static int box_load(lua_State *lua) {
    size_t size;
    const char *text = luaL_checklstring(lua, 1, &size);
    const char *name = luaL_optstring(lua, 2, "=load");
    box_charge(lua, size * 4);
    if (luaL_loadbufferx(lua, text, size, name, "t") != LUA_OK) {
        lua_pushnil(lua);
        lua_insert(lua, -2);
        return 2;
    }
    box_push_globals(lua);
    lua_setupvalue(lua, -2, 1);
    return 1;
}

static int box_setmetatable(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (!lua_isnil(lua, 2)) {
        luaL_checktype(lua, 2, LUA_TTABLE);
        static const char *const refused[] = {"__gc", "__mode", "__close"};
        for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
            if (lua_getfield(lua, 2, refused[i]) != LUA_TNIL)
                return luaL_error(lua, "setmetatable: %s is not allowed here", refused[i]);
            lua_pop(lua, 1);
        }
    }
    if (luaL_getmetafield(lua, 1, "__metatable") != LUA_TNIL)
        return luaL_error(lua, "cannot change a protected metatable");
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

static int box_getmetatable(lua_State *lua) {
    luaL_checkany(lua, 1);
    if (lua_type(lua, 1) != LUA_TTABLE || !lua_getmetatable(lua, 1)) {
        lua_pushnil(lua);
        return 1;
    }
    luaL_getmetafield(lua, 1, "__metatable"); /* pushes nothing if there is none */
    return 1;
}

/* A number in [0, limit], each as likely: draws are cut to the least mask that covers the limit until one fits. */
static lua_Unsigned random_below(lua_State *lua, lua_Unsigned limit) {
    lua_Unsigned mask = limit;
    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    lua_Unsigned draw;
    do
        draw = box_random(lua) & mask;
    while (draw > limit);
    return draw;
}

static int box_math_random(lua_State *lua) {
    lua_Integer low = 1, high;
    switch (lua_gettop(lua)) {
    case 0:
        lua_pushnumber(lua, (lua_Number)(box_random(lua) >> 11) * 0x1p-53);
        return 1;
    case 1:
        high = luaL_checkinteger(lua, 1);
        if (high == 0) {
            lua_pushinteger(lua, (lua_Integer)box_random(lua));
            return 1;
        }
        break;
    default:
        low = luaL_checkinteger(lua, 1);
        high = luaL_checkinteger(lua, 2);
    }
    luaL_argcheck(lua, low <= high, lua_gettop(lua), "interval is empty");
    lua_Unsigned drawn = random_below(lua, (lua_Unsigned)high - (lua_Unsigned)low);
    lua_pushinteger(lua, (lua_Integer)(drawn + (lua_Unsigned)low));
    return 1;
}

/* The box's tables. */

struct entry {
    const char *name;
    lua_CFunction wrap; /* NULL: Lua's own value as it is; else a closure over Lua's own function */
};

static const struct entry base_entries[] = {
    {"assert", NULL},     {"error", NULL},
    {"ipairs", NULL},     {"next", box_next},
    {"pcall", NULL},      {"rawequal", NULL},
    {"rawget", NULL},     {"rawlen", NULL},
    {"select", NULL},     {"tonumber", box_charged},
    {"type", NULL},       {"xpcall", NULL},
    {"_VERSION", NULL},   {"tostring", box_tostring},
    {"load", box_load},   {"setmetatable", box_setmetatable},
    {"pairs", box_pairs}, {"getmetatable", box_getmetatable},
    {NULL, NULL},
};
static const struct entry string_entries[] = {
    {"byte", NULL},
    {"char", NULL},
    {"find", box_find},
    {"format", box_format},
    {"gmatch", box_gmatch},
    {"gsub", box_find},
    {"len", NULL},
    {"lower", box_charged},
    {"match", box_find},
    {"rep", box_repeat},
    {"reverse", box_charged},
    {"sub", NULL},
    {"upper", box_charged},
    {NULL, NULL},
};
static const struct entry table_entries[] = {
    {"concat", box_table}, {"insert", box_table}, {"move", box_move},    {"pack", NULL},
    {"remove", box_table}, {"sort", box_table},   {"unpack", box_table}, {NULL, NULL},
};
static const struct entry math_entries[] = {
    {"abs", NULL},   {"acos", NULL}, {"asin", NULL},       {"atan", NULL},
    {"ceil", NULL},  {"cos", NULL},  {"deg", NULL},        {"exp", NULL},
    {"floor", NULL}, {"fmod", NULL}, {"huge", NULL},       {"log", NULL},
    {"max", NULL},   {"min", NULL},  {"maxinteger", NULL}, {"mininteger", NULL},
    {"modf", NULL},  {"pi", NULL},   {"rad", NULL},        {"random", box_math_random},
    {"sin", NULL},   {"sqrt", NULL}, {"tan", NULL},        {"tointeger", NULL},
    {"type", NULL},  {"ult", NULL},  {NULL, NULL},
};
static const struct entry utf8_entries[] = {
    {"char", NULL},  {"charpattern", NULL}, {"codepoint", box_charged},
    {"codes", NULL}, {"len", box_charged},  {"offset", box_charged},
    {NULL, NULL},
};

/* From the table at `from` into a new one, which is left on top. box_pairs gets table.sort instead of Lua's pairs. */
static void push_library(lua_State *lua, int from, const struct entry *entries) {
    lua_newtable(lua);
    for (; entries->name; entries++) {
        if (entries->wrap == box_pairs) {
            lua_getglobal(lua, LUA_TABLIBNAME);
            lua_getfield(lua, -1, "sort");
            lua_remove(lua, -2);
        } else {
            lua_getfield(lua, from, entries->name);
        }
        if (entries->wrap)
            lua_pushcclosure(lua, entries->wrap, 1);
        lua_setfield(lua, -2, entries->name);
    }
}

static int refuse_change(lua_State *lua) {
    lua_pushvalue(lua, 2);
    const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, -1) : "?";
    return luaL_error(
        lua, "'%s' is not a local variable, and globals can't be changed: declare it with 'local'",
        name);
}

/* Replaces the table on top by an empty one that shows its contents and refuses assignments. */
static void freeze(lua_State *lua) {
    lua_newtable(lua);
    lua_createtable(lua, 0, 3);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_change);
    lua_setfield(lua, -2, "__newindex");
    lua_pushboolean(lua, false);
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, -2);
    lua_remove(lua, -2);
}

/* s:upper() and "10" + 1 go through the metatable of strings; it must lead to the boxed functions. */
static void set_string_methods(lua_State *lua, int library) {
    lua_pushliteral(lua, "");
    if (lua_getmetatable(lua, -1)) {
        lua_pushvalue(lua, library);
        lua_setfield(lua, -2, "__index");
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

static const char globals_key = 0; /* its address is the key in the registry */

void box_push_globals(lua_State *lua) {
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &globals_key);
}

static void add_library(lua_State *lua, const char *name, lua_CFunction open,
                        const struct entry *entries) {
    luaL_requiref(lua, name, open, 1);
    push_library(lua, lua_gettop(lua), entries);
    if (open == luaopen_string)
        set_string_methods(lua, lua_gettop(lua));
    freeze(lua);
    lua_setfield(lua, 1, name);
    lua_pop(lua, 1);
}

int box_open_libraries(lua_State *lua) {
    lua_settop(lua, 0);
    luaL_requiref(lua, LUA_TABLIBNAME, luaopen_table, 1);
    luaL_requiref(lua, LUA_GNAME, luaopen_base, 1);
    push_library(lua, 2, base_entries);
    lua_replace(lua, 1);
    lua_settop(lua, 1);
    add_library(lua, LUA_STRLIBNAME, luaopen_string, string_entries);
    add_library(lua, LUA_TABLIBNAME, luaopen_table, table_entries);
    add_library(lua, LUA_MATHLIBNAME, luaopen_math, math_entries);
    add_library(lua, LUA_UTF8LIBNAME, luaopen_utf8, utf8_entries);
    freeze(lua);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &globals_key);
    return 0;
}
