/* The box a config runs in: an allocator with a cap, a budget of instructions, and libraries without the outside world. There is no pcall, so
 * that nothing survives the budget's end; `pairs` goes by sorted keys, so that a config means the same at each start. */
#include "config/lua_front.h"

#include <lualib.h>
#include <stdlib.h>

#include "base/slice.h"

#define MEMORY_LIMIT ((size_t)64 << 20)
#define STEP_BUDGET  UINT64_C(100000000)
#define STEP_COUNT   10000
#define PATTERN_COST 1e9 /* characters to the power of repetitions */

static void *allocate(void *data, void *old, size_t old_size, size_t size) {
    struct sgr__lua_front *front = data;
    size_t before = old ? old_size : 0;
    if (size == 0) {
        free(old);
        front->memory -= before;
        return NULL;
    }
    if (size > before && front->memory + (size - before) > MEMORY_LIMIT)
        return NULL;
    void *block = realloc(old, size);
    if (block)
        front->memory = front->memory - before + size;
    return block;
}

static void count_steps(lua_State *L, lua_Debug *debug) {
    (void)debug;
    struct sgr__lua_front *front = sgr__lua_front(L);
    front->steps += STEP_COUNT;
    if (front->steps > STEP_BUDGET)
        sgr__lua_fail(L, sgr__lua_line(L), "the config runs too long: more than %llu instructions",
                      (unsigned long long)STEP_BUDGET);
}

/* --- pairs by sorted keys: numbers, then strings, then the rest as it comes */

static int compare_keys(lua_State *L) {
    int a = lua_type(L, 1), b = lua_type(L, 2);
    if (a == b && (a == LUA_TNUMBER || a == LUA_TSTRING))
        lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    else
        lua_pushboolean(L, a != b && a == LUA_TNUMBER ? 1 : a != b && b == LUA_TNUMBER ? 0 : a < b);
    return 1;
}

/* Upvalues: the table, the sorted keys, the last position. */
static int next_pair(lua_State *L) {
    for (;;) {
        lua_Integer at = lua_tointeger(L, lua_upvalueindex(3)) + 1;
        lua_pushinteger(L, at);
        lua_replace(L, lua_upvalueindex(3));
        if (lua_geti(L, lua_upvalueindex(2), at) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_gettable(L, lua_upvalueindex(1)) != LUA_TNIL)
            return 2;
        lua_pop(L, 2);
    }
}

static int sorted_pairs(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_newtable(L);
    lua_Integer count = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_seti(L, 2, ++count);
    }
    lua_getfield(L, LUA_REGISTRYINDEX, "sgr_sort");
    lua_pushvalue(L, 2);
    lua_pushcfunction(L, compare_keys);
    lua_call(L, 2, 0);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, 3);
    return 1;
}

/* --- strings: C loops that the instruction budget does not see */

static int limited_repeat(lua_State *L) {
    size_t size, separator = 0;
    luaL_checklstring(L, 1, &size);
    lua_Integer count = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &separator);
    if (count > 0 && (double)count * (double)(size + separator) > 1 << 20)
        return luaL_error(L, "string.rep would make more than 1 MB");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Matching takes up to size^(repetitions + 1) steps. */
static int limited_match(lua_State *L) {
    size_t size, pattern_size;
    luaL_checklstring(L, 1, &size);
    const char *pattern = luaL_checklstring(L, 2, &pattern_size);
    double cost = (double)size + 1;
    for (size_t i = 0; i < pattern_size; i++)
        if (strchr("*+-?", pattern[i]) && pattern[i])
            cost *= (double)size + 1;
    if (cost > PATTERN_COST)
        return luaL_error(L, "this pattern could take too long on a text of %d bytes", (int)size);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void wrap(lua_State *L, const char *name, lua_CFunction function) {
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

static void limit_strings(lua_State *L) {
    static const char *const matching[] = {"find", "match", "gmatch", "gsub"};
    lua_getglobal(L, "string");
    wrap(L, "rep", limited_repeat);
    for (size_t i = 0; i < sizeof(matching) / sizeof(*matching); i++)
        wrap(L, matching[i], limited_match);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_pop(L, 1);
}

/* Prints no addresses. */
static int plain_tostring(lua_State *L) {
    luaL_checkany(L, 1);
    int type = lua_type(L, 1);
    if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TNIL)
        luaL_tolstring(L, 1, NULL);
    else
        lua_pushstring(L, luaL_typename(L, 1));
    return 1;
}

static void close_doors(lua_State *L) {
    static const char *const gone[] = {
        "dofile", "loadfile", "load",  "require", "collectgarbage", "getmetatable", "setmetatable",
        "pcall",  "xpcall",   "print", "warn",    "next",           "rawset",       NULL};
    for (size_t i = 0; gone[i]; i++) {
        lua_pushnil(L);
        lua_setglobal(L, gone[i]);
    }
    lua_register(L, "pairs", sorted_pairs);
    lua_register(L, "tostring", plain_tostring);
}

/* The same numbers at each start. */
static void seed_random(lua_State *L) {
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, 0);
    lua_call(L, 1, 0);
    lua_pushnil(L);
    lua_setfield(L, -2, "randomseed");
    lua_pop(L, 1);
}

static int open_libraries(lua_State *L) {
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},
    };
    for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_setfield(L, LUA_REGISTRYINDEX, "sgr_sort");
    lua_pop(L, 1);
    limit_strings(L);
    close_doors(L);
    seed_random(L);
    return 0;
}

lua_State *sgr__lua_box(struct sgr__lua_front *front) {
    lua_State *L = lua_newstate(allocate, front);
    if (!L)
        return NULL;
    *(struct sgr__lua_front **)lua_getextraspace(L) = front;
    lua_pushcfunction(L, open_libraries);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lua_close(L);
        return NULL;
    }
    lua_sethook(L, count_steps, LUA_MASKCOUNT, STEP_COUNT);
    return L;
}
