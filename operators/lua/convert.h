/* Between SQL values and Lua's. Bool, integers and floats are Lua's own; null is nil; numeric is its exact text, and so is every
 * other type. Within box_call. */
#ifndef SANGRE_LUA_CONVERT_H
#define SANGRE_LUA_CONVERT_H

#include "box.h"

void convert_push(lua_State *lua, const struct sgr_value *value);
/* The Lua value at `index` as a value of the column's type. Text borrows from Lua values, which may be ones pushed here: they must
 * stay on the stack (at most one) while *ret is used. A value that doesn't fit raises an error. */
void convert_take(lua_State *lua, int index, const struct sgr_column *column,
                  struct sgr_value *ret);

#endif
