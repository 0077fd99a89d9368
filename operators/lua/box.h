/* The box a script runs in: one Lua state with a memory cap, a step budget, and libraries that can't reach the world.
 *
 * What a script computes depends on its row, the seed and the tick alone: iteration order is fixed, no address is printed, random
 * numbers come from the host, libraries and globals can't be changed. The budget is counted in VM instructions and in the work of
 * library functions, never in time: a slow machine gives the same answer as a fast one.
 *
 * Nothing here may raise a Lua error outside of box_call. The engine's thread. */
#ifndef SANGRE_LUA_BOX_H
#define SANGRE_LUA_BOX_H

#include <lua.h>
#include <sangre/operator.h>

/* Steps (VM instructions, or library work of about their cost) that stand for a microsecond. */
#define BOX_STEPS_PER_MICROSECOND 50

struct box {
    lua_State *lua;
    const struct sgr_operator_host *table;
    void *host;
    size_t memory, memory_limit; /* bytes */
    int64_t steps_limit;         /* of one call */
    int64_t work;                /* steps left for library functions */
    bool expired;                /* this call is over its steps */
    uint64_t (*seed)(void *data);
    void *seed_data;
    bool seeded;
    uint64_t random; /* state of the generator, once seeded */
};

/* `seed` is asked at most once a call, when a script first wants a random number. */
int box_new(const struct sgr_operator_host *table, void *host, size_t memory_limit,
            int64_t microseconds, uint64_t (*seed)(void *data), void *seed_data, struct box **ret,
            struct sgr_error *error);
void box_free(struct box *box); /* NULL is fine */

/* Calls `function` with `data` as a light userdata, protected and within the budgets. SGR_ESCRIPT. */
int box_call(struct box *box, lua_CFunction function, void *data, struct sgr_error *error);
/* Pushes the globals scripts see. */
void box_push_globals(lua_State *lua);
struct box *box_of(lua_State *lua);

/* Within box_call: counts the work of a library function; raises an error when the budget is used up. */
void box_charge(lua_State *lua, size_t steps);
/* For libraries (libraries.c). A step of C is cheaper than an instruction: a call may take so many of them. */
static inline size_t box_work_limit(const struct box *box) {
    return (size_t)box->steps_limit * 4;
}
uint64_t box_random(lua_State *lua);
int box_open_libraries(lua_State *lua);

#endif
