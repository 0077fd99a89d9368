/* The log: lines are made on the caller's stack and heap, and written under one lock. Any thread. */
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/slice.h"

enum { LONGEST_LINE = 16 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int highest = SGR_LOG_INFO; /* atomic: read without the lock */
static enum sgr_log_format line_format;
static void (*line_sink)(void *data, enum sgr_log_level level, const char *line);
static void *sink_data;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void sgr_log_configure(enum sgr_log_level level, enum sgr_log_format format,
                       void (*sink)(void *data, enum sgr_log_level level, const char *line),
                       void *data) {
    pthread_mutex_lock(&lock);
    __atomic_store_n(&highest, (int)level, __ATOMIC_RELAXED);
    line_format = format;
    line_sink = sink;
    sink_data = data;
    pthread_mutex_unlock(&lock);
}

bool sgr_log_enabled(enum sgr_log_level level) {
    return (int)level <= __atomic_load_n(&highest, __ATOMIC_RELAXED);
}

static void put_time(struct sgr_buffer *line) {
    struct timespec now;
    struct tm parts;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    sgr_buffer_printf(line, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

/* Whoever names a thing must not be able to forge a line of the log. */
static void put_printable(struct sgr_buffer *line, struct sgr_slice text) {
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f)
            sgr_buffer_printf(line, "\\x%02x", byte);
        else
            sgr_buffer_putc(line, (char)byte);
    }
}

static void make_line(struct sgr_buffer *line, enum sgr_log_level level, const char *component,
                      struct sgr_slice message) {
    if (line_format == SGR_LOG_JSON) {
        sgr_buffer_puts(line, "{\"time\":\"");
        put_time(line);
        sgr_buffer_printf(line, "\",\"level\":\"%s\",\"component\":", level_names[level]);
        sgr_buffer_json(line, sgr_slice(component));
        sgr_buffer_puts(line, ",\"message\":");
        sgr_buffer_json(line, message);
        sgr_buffer_putc(line, '}');
        return;
    }
    put_time(line);
    sgr_buffer_printf(line, " %-5s %s ", level_names[level], component);
    put_printable(line, message);
}

static void write_line(enum sgr_log_level level, struct sgr_buffer *line) {
    const char *text = sgr_buffer_text(line);
    if (!*text)
        return;
    if (line_sink) {
        line_sink(sink_data, level, text);
        return;
    }
    sgr_buffer_putc(line, '\n');
    /* One write a line keeps lines of several processes whole; there is nobody to tell about its failure. */
    ssize_t written = write(STDERR_FILENO, line->data, line->size);
    (void)written;
}

static void log_message(enum sgr_log_level level, const char *component,
                        struct sgr_buffer *message) {
    if (message->size > LONGEST_LINE)
        message->size = LONGEST_LINE;
    struct sgr_buffer line = SGR_BUFFER_INIT;
    pthread_mutex_lock(&lock);
    make_line(&line, level, component, (struct sgr_slice){message->data, message->size});
    write_line(level, &line);
    pthread_mutex_unlock(&lock);
    sgr_buffer_fini(&line);
}

static void put_formatted(struct sgr_buffer *out, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *place = size < 0 ? NULL : sgr_buffer_reserve(out, (size_t)size + 1);
    if (!place)
        return;
    vsnprintf(place, (size_t)size + 1, format, args);
    out->size += (size_t)size;
}

void sgr_log_v(enum sgr_log_level level, const char *component, const char *format, va_list args) {
    if (!sgr_log_enabled(level))
        return;
    struct sgr_buffer message = SGR_BUFFER_INIT;
    put_formatted(&message, format, args);
    log_message(level, component, &message);
    sgr_buffer_fini(&message);
}

void sgr_log(enum sgr_log_level level, const char *component, const char *format, ...) {
    va_list args;
    va_start(args, format);
    sgr_log_v(level, component, format, args);
    va_end(args);
}

void sgr_log_error(enum sgr_log_level level, const char *component, const struct sgr_error *error,
                   const char *format, ...) {
    if (!sgr_log_enabled(level))
        return;
    struct sgr_buffer message = SGR_BUFFER_INIT;
    va_list args;
    va_start(args, format);
    put_formatted(&message, format, args);
    va_end(args);
    if (error) {
        sgr_buffer_printf(&message, ": %s", error->message);
        if (error->context[0])
            sgr_buffer_printf(&message, " (%s)", error->context);
        sgr_buffer_printf(&message, " [%s]", sgr_error_name(error->code));
    }
    log_message(level, component, &message);
    sgr_buffer_fini(&message);
}
