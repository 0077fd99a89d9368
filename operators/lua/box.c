#include "box.h"

#include <lauxlib.h>
#include <string.h>

/* Lua's states and libraries before a script's first value: below this no cap makes sense. */
enum { SMALLEST_MEMORY = 256 * 1024 };
/* An allocated byte costs a copy and a collection later. */
enum { BYTES_PER_STEP = 32 };

struct box *box_of(lua_State *lua) {
    return *(struct box **)lua_getextraspace(lua);
}

static void overran(lua_State *lua, lua_Debug *activation);

/* From now on every instruction raises the error, so that a script's own pcall can't hold it up. */
static void expire(struct box *box) {
    box->expired = true;
    if (box->lua)
        lua_sethook(box->lua, overran, LUA_MASKCOUNT, 1);
}

static int raise_overrun(lua_State *lua) {
    struct box *box = box_of(lua);
    return luaL_error(lua, "took longer than its budget of %d ms (option 'time')",
                      (int)(box->steps_limit / BOX_STEPS_PER_MICROSECOND / 1000));
}

static void overran(lua_State *lua, lua_Debug *activation) {
    struct box *box = box_of(lua);
    expire(box);
    lua_getinfo(lua, "Sl", activation);
    lua_pushfstring(lua, "%s:%d: took longer than its budget of %d ms (option 'time')",
                    activation->short_src, activation->currentline,
                    (int)(box->steps_limit / BOX_STEPS_PER_MICROSECOND / 1000));
    lua_error(lua);
}

void box_charge(lua_State *lua, size_t steps) {
    struct box *box = box_of(lua);
    if (steps > (size_t)box->work) {
        box->work = 0;
        expire(box);
        raise_overrun(lua);
    }
    box->work -= (int64_t)steps;
}

/* Lua's allocator. A NULL answer becomes an error in Lua, after a full collection and a second try. */
static void *allocate(void *data, void *old, size_t old_size, size_t size) {
    struct box *box = data;
    if (!old)
        old_size = 0; /* it is a type tag then */
    if (size == 0) {
        box->memory -= old_size;
        box->table->common.release(box->host, old);
        return NULL;
    }
    if (size > old_size) {
        size_t more = size - old_size;
        if (more > box->memory_limit - box->memory)
            return NULL;
        size_t steps = more / BYTES_PER_STEP;
        if (steps > (size_t)box->work) {
            box->work = 0;
            expire(box);
            return NULL;
        }
        box->work -= (int64_t)steps;
    }
    void *memory = box->table->common.reallocate(box->host, old, size);
    if (memory)
        box->memory += size - old_size;
    else if (size <= old_size)
        return old; /* Lua counts on shrinking to succeed */
    return memory;
}

/* SplitMix64: small, and good enough for what a row wants. */
uint64_t box_random(lua_State *lua) {
    struct box *box = box_of(lua);
    if (!box->seeded) {
        box->random = box->seed(box->seed_data);
        box->seeded = true;
    }
    uint64_t z = box->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void renew_budget(struct box *box) {
    box->expired = false;
    box->seeded = false;
    box->work = (int64_t)box_work_limit(box);
    int64_t count = box->steps_limit < INT32_MAX ? box->steps_limit : INT32_MAX;
    lua_sethook(box->lua, overran, LUA_MASKCOUNT, (int)count);
}

static int describe_failure(struct box *box, int status, struct sgr_error *error) {
    const char *text = lua_type(box->lua, -1) == LUA_TSTRING ? lua_tostring(box->lua, -1) : NULL;
    if (status == LUA_ERRMEM && !box->expired)
        sgr_error_set(error, SGR_ESCRIPT, "needs more than its budget of %zu KB (option 'memory')",
                      box->memory_limit / 1024);
    else if (box->expired && (!text || !strstr(text, "budget")))
        sgr_error_set(error, SGR_ESCRIPT, "took longer than its budget of %d ms (option 'time')",
                      (int)(box->steps_limit / BOX_STEPS_PER_MICROSECOND / 1000));
    else if (text)
        sgr_error_set(error, SGR_ESCRIPT, "%s", text);
    else
        sgr_error_set(error, SGR_ESCRIPT, "raised an error that is a %s, not a text",
                      luaL_typename(box->lua, -1));
    return SGR_ESCRIPT;
}

int box_call(struct box *box, lua_CFunction function, void *data, struct sgr_error *error) {
    renew_budget(box);
    lua_pushcfunction(box->lua, function);
    lua_pushlightuserdata(box->lua, data);
    int status = lua_pcall(box->lua, 1, 0, 0);
    int code = status == LUA_OK ? 0 : describe_failure(box, status, error);
    lua_settop(box->lua, 0);
    if (status == LUA_ERRMEM) {
        box->work = INT64_MAX;
        lua_gc(box->lua, LUA_GCCOLLECT);
    }
    return code;
}

int box_new(const struct sgr_operator_host *table, void *host, size_t memory_limit,
            int64_t microseconds, uint64_t (*seed)(void *data), void *seed_data, struct box **ret,
            struct sgr_error *error) {
    struct box *box = table->common.allocate(host, sizeof(*box));
    if (!box)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a Lua state");
    box->table = table;
    box->host = host;
    box->memory_limit = memory_limit > SMALLEST_MEMORY ? memory_limit : SMALLEST_MEMORY;
    box->steps_limit = microseconds * BOX_STEPS_PER_MICROSECOND;
    box->work = INT64_MAX;
    box->seed = seed;
    box->seed_data = seed_data;
    box->lua = lua_newstate(allocate, box);
    int code = SGR_ENOMEM;
    if (!box->lua) {
        sgr_error_set(error, code, "no memory for a Lua state");
        goto fail;
    }
    *(struct box **)lua_getextraspace(box->lua) = box;
    int64_t steps = box->steps_limit;
    box->steps_limit = INT32_MAX; /* opening the libraries is not the script's doing */
    code = box_call(box, box_open_libraries, NULL, error);
    box->steps_limit = steps;
    if (code < 0)
        goto fail;
    *ret = box;
    return 0;
fail:
    box_free(box);
    return code;
}

void box_free(struct box *box) {
    if (!box)
        return;
    box->work = INT64_MAX;
    if (box->lua)
        lua_close(box->lua);
    box->table->common.release(box->host, box);
}
