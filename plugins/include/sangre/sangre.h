/* libsangre: an engine inside a host application. The `sangre` program is a thin user of this.
 *
 *     struct sgr_engine *engine;
 *     if (sgr_engine_new(&(struct sgr_engine_options){ .size = sizeof(struct sgr_engine_options), .config_file = "sangre.yaml" }, &engine, &error) == 0)
 *         status = sgr_engine_run(engine, &error);
 *     sgr_engine_free(engine);
 *
 * No signal handlers are installed, nothing is printed but by the log callback's default (standard error).
 */
#ifndef SANGRE_SANGRE_H
#define SANGRE_SANGRE_H

#include "error.h"
#include "plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SGR_API __attribute__((visibility("default")))

struct sgr_engine;

struct sgr_engine_options {
    uint32_t size;           /* sizeof(struct sgr_engine_options) */
    const char *config_file; /* .yaml, .yml or .lua; or: */
    const char
        *config_text; /* the config itself (YAML), named config_file in errors if that is set too */
    const char *const *plugin_directories; /* NULL-terminated; searched before the installed one */
    void (*log)(void *data, enum sgr_log_level level, const char *line); /* NULL: standard error */
    void *log_data;
    enum sgr_log_level log_level;
    bool log_json;
    int listen_port; /* overrides the config's; -1: the config's; 0 in a zeroed struct means the config's too */
    void (*ready)(void *data, int port); /* once the first snapshot is served; engine's thread */
    void *ready_data;
};

/* Reads and checks the config without contacting anything. Any thread. SGR_ECONFIG with file:line:column in the context. */
SGR_API int sgr_engine_new(const struct sgr_engine_options *options, struct sgr_engine **ret,
                           struct sgr_error *error);
/* Contacts the sources, types everything, then returns; nothing is streamed or served. */
SGR_API int sgr_engine_check(struct sgr_engine *engine, struct sgr_error *error);
/* The graph after a check, as text ("text", "dot" or "json"); free() it. NULL: not checked yet, or out of memory. */
SGR_API char *sgr_engine_explain(struct sgr_engine *engine, const char *format);
/* Runs until stopped (0) or a fatal error. The calling thread becomes the engine's; clients are served by a thread of its own. */
SGR_API int sgr_engine_run(struct sgr_engine *engine, struct sgr_error *error);
/* From any thread or a signal handler: drain, close clients with 1001, return from run. */
SGR_API void sgr_engine_stop(struct sgr_engine *engine);
/* A connected client socket that the application accepted itself; any thread, while running. Takes the descriptor over on success. */
SGR_API int sgr_engine_adopt(struct sgr_engine *engine, int descriptor, struct sgr_error *error);
SGR_API int sgr_engine_port(const struct sgr_engine *engine); /* 0: not listening yet */
SGR_API void sgr_engine_free(struct sgr_engine *engine);      /* not while it runs; NULL is fine */
SGR_API const char *sgr_version(void);

#ifdef __cplusplus
}
#endif
#endif
