/* The structured log: one line per event, `time level component message key=value …`, or JSON. Any thread. The library never logs
 * an error it also returns. A host application may take the lines through a callback instead of standard error. */
#ifndef SGR_BASE_LOG_H
#define SGR_BASE_LOG_H

#include <sangre/error.h>
#include <sangre/plugin.h>

enum sgr_log_format { SGR_LOG_TEXT, SGR_LOG_JSON };

void sgr_log_configure(enum sgr_log_level level, enum sgr_log_format format,
                       void (*sink)(void *data, enum sgr_log_level level, const char *line),
                       void *data);
bool sgr_log_enabled(enum sgr_log_level level);
void sgr_log(enum sgr_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sgr_log_v(enum sgr_log_level level, const char *component, const char *format, va_list args);
/* "message (context) [code]" as a suffix of the line. */
void sgr_log_error(enum sgr_log_level level, const char *component, const struct sgr_error *error,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
