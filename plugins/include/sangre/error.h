/* Error codes and the error record that functions hand back.
 *
 * A function that can fail returns 0 or one of these negative codes and, as its last argument, takes a
 * `struct sgr_error *`, which may be NULL. The code and message are set once, where the fault is known; callers on
 * the way up add context (node, file:line:column, relation, LSN). An error is returned or logged, never both.
 */
#ifndef SANGRE_ERROR_H
#define SANGRE_ERROR_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* X(symbol, number, name on the wire, text) */
#define SGR_ERRORS(X)                                                             \
    X(SGR_ENOMEM, -1, "out_of_memory", "out of memory")                           \
    X(SGR_EINVAL, -2, "invalid", "invalid argument")                              \
    X(SGR_ECONFIG, -3, "config", "error in the configuration")                    \
    X(SGR_ETYPE, -4, "type", "types do not fit")                                  \
    X(SGR_EPARSE, -5, "parse", "text is malformed")                               \
    X(SGR_ERANGE, -6, "out_of_range", "value out of range")                       \
    X(SGR_EDIVISION, -7, "division_by_zero", "division by zero")                  \
    X(SGR_ENOTFOUND, -8, "not_found", "no such thing")                            \
    X(SGR_EEXISTS, -9, "exists", "exists already")                                \
    X(SGR_EABI, -10, "abi", "plugin was built for another version of Sangre")     \
    X(SGR_EIO, -11, "io", "input or output failed")                               \
    X(SGR_EUNAVAILABLE, -12, "unavailable", "not available now, will be retried") \
    X(SGR_EFATAL, -13, "fatal", "cannot go on, and trying again would not help")  \
    X(SGR_ELIMIT, -14, "limit", "a configured limit was reached")                 \
    X(SGR_ESCRIPT, -15, "script", "the script failed")                            \
    X(SGR_EPROTOCOL, -16, "protocol", "the peer broke the protocol")              \
    X(SGR_EUNSUPPORTED, -17, "unsupported", "not supported")                      \
    X(SGR_EINTERNAL, -18, "internal", "internal invariant broken")                \
    X(SGR_ELOST, -19, "lost", "something that came before is missing")

enum sgr_error_code {
    SGR_OK = 0,
#define SGR__ERROR_ENUM(symbol, number, name, text) symbol = number,
    SGR_ERRORS(SGR__ERROR_ENUM)
#undef SGR__ERROR_ENUM
};

/* A plain value; no destructor. `message` says what is wrong, `context` where, innermost first. */
struct sgr_error {
    int code;
    char message[512];
    char context[512];
};

static inline const char *sgr_error_name(int code) {
    switch (code) {
#define SGR__ERROR_NAME(symbol, number, name, text) \
    case number:                                    \
        return name;
        SGR_ERRORS(SGR__ERROR_NAME)
#undef SGR__ERROR_NAME
    default:
        return "ok";
    }
}

/* Sets the error and returns `code`, so that `return sgr_error_set(error, SGR_ETYPE, "…")` is one line. */
__attribute__((format(printf, 3, 4))) static inline int
sgr_error_set(struct sgr_error *error, int code, const char *format, ...) {
    if (error) {
        va_list args;
        va_start(args, format);
        error->code = code;
        error->context[0] = '\0';
        vsnprintf(error->message, sizeof(error->message), format, args);
        va_end(args);
    }
    return code;
}

/* Adds "; in …" behind what is known of the place and returns the error's code (0 without an error). */
__attribute__((format(printf, 2, 3))) static inline int sgr_error_context(struct sgr_error *error,
                                                                          const char *format, ...) {
    if (!error)
        return 0;
    size_t used = strlen(error->context);
    if (used && used + 3 < sizeof(error->context)) {
        memcpy(error->context + used, "; ", 3);
        used += 2;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(error->context + used, sizeof(error->context) - used, format, args);
    va_end(args);
    return error->code;
}

#endif
