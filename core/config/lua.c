/* Running a config written in Lua: places and messages of errors, and the document at the end. */
#include "config/lua_front.h"

#include <stdlib.h>

#include "base/nearest.h"
#include "base/slice.h"

struct sgr__lua_front *sgr__lua_front(lua_State *L) {
    return *(struct sgr__lua_front **)lua_getextraspace(L);
}

unsigned sgr__lua_line(lua_State *L) {
    lua_Debug debug;
    if (sgr__lua_front(L)->line)
        return sgr__lua_front(L)->line;
    for (int level = 0; lua_getstack(L, level, &debug); level++) {
        lua_getinfo(L, "Sl", &debug);
        if (debug.currentline > 0 && strcmp(debug.source, SGR__LUA_CHUNK) == 0)
            return (unsigned)debug.currentline;
    }
    return 1;
}

static void set_error(struct sgr__lua_front *front, unsigned line, const char *message) {
    if (!front->failed)
        sgr__document_error_at(front->document, line, 1, front->error, "%s", message);
    front->failed = true;
}

int sgr__lua_fail(lua_State *L, unsigned line, const char *format, ...) {
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    set_error(sgr__lua_front(L), line, message);
    lua_pushliteral(L, "stopped");
    lua_error(L);
    __builtin_unreachable();
}

void sgr__lua_memory(lua_State *L) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    if (!front->failed)
        sgr_error_set(front->error, SGR_ENOMEM, "out of memory");
    front->failed = true;
    lua_pushliteral(L, "out of memory");
    lua_error(L);
    __builtin_unreachable();
}

void sgr__lua_unknown(lua_State *L, const char *what, const char *word, const char *const *names) {
    size_t count = 0;
    while (names[count])
        count++;
    const char *near = sgr_nearest(word, names, count);
    if (near)
        sgr__lua_fail(L, sgr__lua_line(L), "unknown %s \"%s\"; did you mean \"%s\"?", what, word,
                      near);
    char list[300] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " or "
                                                  : ", ",
                                 names[i]);
    sgr__lua_fail(L, sgr__lua_line(L), "unknown %s \"%s\"; there is %s", what, word, list);
}

/* Lua's own messages begin with "(config):LINE: "; takes that off, and sets the error there. */
static void adopt_message(struct sgr__lua_front *front, const char *message, unsigned line) {
    const char *prefix = &SGR__LUA_CHUNK[1];
    size_t size = strlen(prefix);
    if (strncmp(message, prefix, size) == 0 && message[size] == ':') {
        char *end;
        unsigned long number = strtoul(message + size + 1, &end, 10);
        if (end[0] == ':' && end[1] == ' ' && number > 0 && number < 100000000) {
            line = (unsigned)number;
            message = end + 2;
        }
    }
    set_error(front, line, message);
}

static int handle_message(lua_State *L) {
    const char *message = lua_tostring(L, 1);
    adopt_message(sgr__lua_front(L), message ? message : "an error that is no text",
                  sgr__lua_line(L));
    return 1;
}

static int run_config(lua_State *L) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    lua_pushcfunction(L, handle_message);
    if (luaL_loadbufferx(L, front->text.data, front->text.size, SGR__LUA_CHUNK, "t") != LUA_OK) {
        adopt_message(front, lua_tostring(L, -1), 1);
        return lua_error(L);
    }
    if (lua_pcall(L, 0, 0, -2) != LUA_OK)
        return lua_error(L);
    return 0;
}

static void add_section(lua_State *L, struct sgr_vector *root, const char *name,
                        const struct sgr_vector *pairs) {
    if (pairs->count)
        sgr__lua_pair(L, root, name, sgr__lua_mapping(L, pairs));
}

static int make_root(lua_State *L) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    struct sgr_vector root = SGR_VECTOR_INIT(struct sgr_document_pair);
    if (front->server)
        sgr__lua_pair(L, &root, "server", front->server);
    if (front->auth)
        sgr__lua_pair(L, &root, "auth", front->auth);
    add_section(L, &root, "sources", &front->sources);
    add_section(L, &root, "sinks", &front->sinks);
    add_section(L, &root, "nodes", &front->nodes);
    add_section(L, &root, "views", &front->views);
    front->document->root = sgr__lua_mapping(L, &root);
    return 0;
}

static int call(struct sgr__lua_front *front, lua_State *L, lua_CFunction function) {
    lua_settop(L, 0);
    lua_pushcfunction(L, function);
    int status = lua_pcall(L, 0, 0, 0);
    if (status == LUA_OK)
        return 0;
    if (!front->failed && status == LUA_ERRMEM)
        set_error(front, 1, "the config needs more memory than it may have");
    const char *message = lua_tostring(L, -1);
    set_error(front, 1, message ? message : "the config failed");
    return front->error ? front->error->code : SGR_ECONFIG;
}

static int open_box(lua_State *L) {
    sgr__lua_relation_register(L);
    sgr__lua_sangre_register(L);
    return 0;
}

static int run(struct sgr__lua_front *front) {
    lua_State *L = sgr__lua_box(front);
    if (!L)
        return sgr_error_set(front->error, SGR_ENOMEM, "out of memory");
    int status = call(front, L, open_box);
    if (status == 0)
        status = call(front, L, run_config);
    if (status == 0)
        status = call(front, L, make_root);
    lua_close(L);
    return status;
}

int sgr_document_read_lua(const char *file, struct sgr_slice text, struct sgr_document **ret,
                          struct sgr_error *error) {
    struct sgr_error own = {0};
    struct sgr__lua_front front = {
        .document = sgr__document_new(file),
        .text = text,
        .error = error ? error : &own,
        .names = sgr_map_new(),
        .sources = SGR_VECTOR_INIT(struct sgr_document_pair),
        .sinks = SGR_VECTOR_INIT(struct sgr_document_pair),
        .nodes = SGR_VECTOR_INIT(struct sgr_document_pair),
        .views = SGR_VECTOR_INIT(struct sgr_document_pair),
    };
    int status = front.document && front.names
                     ? sgr__document_check_text(front.document, text, front.error)
                     : sgr_error_set(front.error, SGR_ENOMEM, "out of memory");
    if (status == 0)
        status = run(&front);
    sgr_map_free(front.names);
    if (status == 0)
        *ret = front.document;
    else
        sgr_document_free(front.document);
    return status;
}
