#include "script.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "convert.h"
#include "fields.h"
#include "key.h"

struct script {
    const struct sgr_operator_host *table;
    void *host;
    struct script_options options;
    struct sgr_input input;
    const struct sgr_schema *output;
    struct box *box;
    struct fields fields;
    struct sgr_value *values; /* of one output row */
    int function;             /* in the registry */
    /* The run under way. */
    uint64_t tick;
    struct rows *out;
    int code;
};

static uint64_t seed(void *data) {
    const struct script *script = data;
    const struct sgr_input *input = &script->input;
    uint64_t hash = input->key_count
                        ? key_hash(input->schema, script->fields.row, input->key, input->key_count)
                        : key_hash(input->schema, script->fields.row, NULL, input->schema->count);
    return script->table->random(script->host, hash, script->tick);
}

/* Compiling. */

/* Whether the code is one function expression: it starts with `function` and no name behind it. */
static bool starts_as_function(const char *code) {
    for (;;) {
        code += strspn(code, " \t\r\n");
        if (strncmp(code, "--", 2) != 0)
            break;
        code += strcspn(code, "\n");
    }
    if (strncmp(code, "function", 8) != 0)
        return false;
    code += 8;
    code += strspn(code, " \t\r\n");
    return *code == '(';
}

/* Pushes the compiled chunk, or the message and returns false. */
static bool compile(lua_State *lua, const char *before, const char *code) {
    lua_pushfstring(lua, "%s%s", before, code);
    size_t size;
    const char *text = lua_tolstring(lua, -1, &size);
    int status = luaL_loadbufferx(lua, text, size, "=script", "t");
    lua_remove(lua, -2);
    if (status != LUA_OK)
        return false;
    box_push_globals(lua);
    lua_setupvalue(lua, -2, 1);
    return true;
}

/* `function(row) … end`, an expression of `row`, or statements; all on the line they were written on. */
static void push_function(lua_State *lua, const char *code) {
    if (starts_as_function(code) && compile(lua, "return ", code)) {
        lua_call(lua, 0, 1);
        if (!lua_isfunction(lua, -1))
            luaL_error(lua, "the code is neither a function nor the body of one");
        return;
    }
    lua_settop(lua, 0);
    if (compile(lua, "local row <const> = ...; return ", code))
        return;
    lua_settop(lua, 0);
    if (!compile(lua, "local row <const> = ...; ", code))
        lua_error(lua);
}

static int prepare(lua_State *lua) {
    struct script *script = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    fields_open(&script->fields, lua);
    push_function(lua, script->options.code);
    script->function = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

/* Collecting what a script returned. All within box_call. */

static void add_row(lua_State *lua, struct script *script, const struct sgr_row *row) {
    script->code = rows_add(script->table, script->host, script->out, row);
    if (script->code < 0) {
        script->table->row_unref(row);
        luaL_error(lua, "out of memory");
    }
}

static void add_values(lua_State *lua, struct script *script) {
    const struct sgr_row *row;
    int code = script->table->row_new(script->host, script->output, script->values, &row);
    if (code < 0) {
        script->code = code == SGR_ENOMEM ? code : 0;
        luaL_error(lua, "a value does not fit its column");
    }
    add_row(lua, script, row);
}

static void add_current(lua_State *lua, struct script *script) {
    if (!script->fields.changed && script->output == script->fields.input) {
        add_row(lua, script, script->table->row_ref(script->fields.row));
        return;
    }
    fields_take(&script->fields, lua, script->values);
    add_values(lua, script);
}

/* Among the rows for one, no two may have the same key; `seen` is a table of keys. */
static void refuse_duplicate(lua_State *lua, const struct script *script, int seen) {
    const struct sgr_row *row = script->out->items[script->out->count - 1];
    luaL_Buffer bytes;
    luaL_buffinit(lua, &bytes);
    for (size_t i = 0; i < script->options.key_count; i++) {
        struct sgr_value value = sgr_row_value(script->output, row, script->options.key[i]);
        char scratch[16];
        struct sgr_slice part = {"", 0};
        if (!value.null)
            part = key_bytes(&value, scratch);
        luaL_addlstring(&bytes, (const char *)&value.null, sizeof(value.null));
        luaL_addlstring(&bytes, (const char *)&part.size, sizeof(part.size));
        luaL_addlstring(&bytes, part.data, part.size);
    }
    luaL_pushresult(&bytes);
    lua_pushvalue(lua, -1);
    if (lua_rawget(lua, seen) != LUA_TNIL)
        luaL_error(lua, "returned two rows with the same key");
    lua_pop(lua, 1);
    lua_pushboolean(lua, true);
    lua_rawset(lua, seen);
}

static void add_one(lua_State *lua, struct script *script, int index) {
    if (fields_is_object(&script->fields, lua, index)) {
        add_current(lua, script);
    } else if (lua_istable(lua, index)) {
        fields_take_table(&script->fields, lua, index, !script->options.whole, script->values);
        add_values(lua, script);
    } else {
        luaL_error(lua, "returned a list with a %s in it; a list holds rows",
                   luaL_typename(lua, index));
    }
}

static void add_list(lua_State *lua, struct script *script) {
    lua_Unsigned count = lua_rawlen(lua, 1);
    if (count > 1 && script->options.keep_key)
        luaL_error(lua, "returned %d rows, but the key is the input's; declare the rows' own 'key'",
                   (int)count);
    bool check = count > 1 && script->options.key_count;
    lua_settop(lua, 1);
    lua_newtable(lua);
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_settop(lua, 2);
        lua_rawgeti(lua, 1, (lua_Integer)i);
        add_one(lua, script, 3);
        lua_settop(lua, 2);
        if (check)
            refuse_duplicate(lua, script, 2);
        box_charge(lua, script->output->count * 4u);
    }
}

static void collect(lua_State *lua, struct script *script) {
    luaL_checkstack(lua, script->output->count * 2 + 20, "the row has too many columns");
    if (lua_gettop(lua) == 0 || fields_is_object(&script->fields, lua, 1)) {
        add_current(lua, script);
        return;
    }
    switch (lua_type(lua, 1)) {
    case LUA_TNIL:
        return;
    case LUA_TBOOLEAN:
        if (lua_toboolean(lua, 1))
            add_current(lua, script);
        return;
    case LUA_TTABLE:
        break;
    default:
        luaL_error(lua, "returned a %s; a row, a list of rows, true, false or nothing can be used",
                   luaL_typename(lua, 1));
    }
    lua_pushnil(lua);
    bool empty = !lua_next(lua, 1);
    lua_settop(lua, 1);
    if (empty || lua_rawlen(lua, 1) > 0)
        add_list(lua, script);
    else
        add_one(lua, script, 1);
}

static int run(lua_State *lua) {
    struct script *script = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script->function);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script->fields.object);
    lua_call(lua, 1, LUA_MULTRET);
    collect(lua, script);
    return 0;
}

/* The row as it was, added columns null. */
static int keep_row(struct script *script) {
    const struct sgr_row *row;
    const struct fields *fields = &script->fields;
    if (script->output == fields->input) {
        row = script->table->row_ref(fields->row);
    } else {
        for (uint16_t i = 0; i < script->output->count; i++) {
            int input = fields->items[fields->of_output[i]].input;
            script->values[i] =
                input >= 0 ? sgr_row_value(fields->input, fields->row, (uint16_t)input)
                           : (struct sgr_value){script->output->columns[i].type, true, {0}};
        }
        int code = script->table->row_new(script->host, script->output, script->values, &row);
        if (code < 0)
            return code;
    }
    int code = rows_add(script->table, script->host, script->out, row);
    if (code < 0)
        script->table->row_unref(row);
    return code;
}

int script_run(struct script *script, const struct sgr_row *row, uint64_t tick, bool report,
               struct rows *out) {
    struct sgr_error error = {0};
    size_t before = out->count;
    script->tick = tick;
    script->out = out;
    script->code = 0;
    fields_begin(&script->fields, row);
    if (box_call(script->box, run, script, &error) == 0)
        return 0;
    rows_cut(script->table, out, before);
    if (script->code == SGR_ENOMEM)
        return SGR_ENOMEM;
    if (report)
        script->table->row_failed(script->host, script->fields.input, row, &error);
    return script->options.keep_rows && !script->options.whole ? keep_row(script) : 0;
}

int script_new(const struct sgr_operator_host *table, void *host,
               const struct script_options *options, const struct sgr_input *input,
               const struct sgr_schema *output, struct script **ret, struct sgr_error *error) {
    struct script *script = table->common.allocate(host, sizeof(*script));
    if (!script)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a script");
    *script = (struct script){
        .table = table, .host = host, .options = *options, .input = *input, .output = output};
    int code = SGR_ENOMEM;
    script->values = table->common.allocate(host, (output->count + 1u) * sizeof(*script->values));
    if (!script->values ||
        fields_init(&script->fields, table, host, input->schema, output, options->key,
                    options->keep_key ? options->key_count : 0) < 0) {
        sgr_error_set(error, code, "no memory for a script");
        goto fail;
    }
    code = box_new(table, host, options->memory, options->microseconds, seed, script, &script->box,
                   error);
    if (code == 0)
        code = box_call(script->box, prepare, script, error);
    if (code == 0) {
        *ret = script;
        return 0;
    }
fail:
    script_free(script);
    return code;
}

void script_free(struct script *script) {
    if (!script)
        return;
    box_free(script->box);
    fields_fini(&script->fields, script->table, script->host);
    script->table->common.release(script->host, script->values);
    script->table->common.release(script->host, script);
}
