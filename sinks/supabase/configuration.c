#include "configuration.h"

#include <errno.h>
#include <stdlib.h>

enum { FILE_LIMIT = 1 << 20 };

/* ---- Places: jansson keeps none, so what is known to be valid is walked once more ---- */

static const char *skip_space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at) {
    for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
    return *at ? at + 1 : at;
}

static const char *skip_value(const char *at) {
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    } while (*at && (depth || !strchr(",}]", *at)));
    return at;
}

/* Behind a value and the comma that follows; NULL: it was the last. */
static const char *next_value(const char *at) {
    at = skip_space(skip_value(at));
    return *at == ',' ? skip_space(at + 1) : NULL;
}

static const char *find_item(const char *at, unsigned long number) {
    if (*at != '[')
        return NULL;
    for (at = skip_space(at + 1); at && number; number--)
        at = next_value(at);
    return at;
}

/* A name is compared as it is written: with escapes it is not found. */
static const char *find_member(const char *at, const char *name, size_t size) {
    if (*at != '{')
        return NULL;
    for (at = skip_space(at + 1); at && *at == '"'; at = next_value(at)) {
        const char *end = skip_string(at);
        bool found = (size_t)(end - at) == size + 2 && memcmp(at + 1, name, size) == 0;
        at = skip_space(skip_space(end) + 1);
        if (found)
            return at;
    }
    return NULL;
}

static const char *find(const char *text, const char *path) {
    const char *at = skip_space(text);
    while (*path) {
        const char *next;
        char *end;
        if (*path == '[') {
            next = find_item(at, strtoul(path + 1, &end, 10));
            path = end + (*end == ']');
        } else {
            size_t size = strcspn(path, ".[");
            next = find_member(at, path, size);
            path += size;
        }
        if (!next)
            break;
        at = next;
        path += *path == '.';
    }
    return at;
}

void configuration_place(const char *text, const char *path, unsigned *ret_line,
                         unsigned *ret_column) {
    const char *at = find(text, path), *start = text;
    *ret_line = 1;
    for (const char *line = text; (line = strchr(line, '\n')) && line < at; start = ++line)
        ++*ret_line;
    *ret_column = (unsigned)(at - start) + 1;
}

/* ---- Errors ---- */

int configuration_error(const struct configuration *configuration, struct sgr_error *error,
                        const char *path, const char *format, ...) {
    char message[320];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (!configuration->file)
        return sgr_error_set(error, SGR_ECONFIG, "%s: %s", path, message);
    unsigned line, column;
    configuration_place(configuration->text, path, &line, &column);
    return sgr_error_set(error, SGR_ECONFIG, "configuration_file: %s:%u:%u: %s: %s",
                         configuration->file, line, column, path, message);
}

/* ---- Reading ---- */

static char *read_text(const char *file, struct sgr_error *error) {
    FILE *from = fopen(file, "re");
    char *text = from ? malloc(FILE_LIMIT + 1) : NULL;
    size_t size = text ? fread(text, 1, FILE_LIMIT + 1, from) : 0;
    bool failed = !text || ferror(from);
    int reason = errno;
    if (from)
        fclose(from);
    if (!failed && size <= FILE_LIMIT) {
        text[size] = '\0';
        return text;
    }
    free(text);
    if (failed)
        sgr_error_set(error, SGR_ECONFIG, "configuration_file: cannot read %s: %s", file,
                      strerror(reason));
    else
        sgr_error_set(error, SGR_ECONFIG, "configuration_file: %s is larger than %d bytes", file,
                      FILE_LIMIT);
    return NULL;
}

int configuration_read_file(struct configuration *ret, const char *file, struct sgr_error *error) {
    json_error_t wrong;
    *ret = (struct configuration){.file = file, .text = read_text(file, error)};
    if (!ret->text)
        return SGR_ECONFIG;
    ret->document = json_loads(ret->text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &wrong);
    int code = SGR_OK;
    if (!ret->document)
        code = sgr_error_set(error, SGR_ECONFIG, "configuration_file: %s:%d:%d: %s", file,
                             wrong.line, wrong.column, wrong.text);
    else if (!json_is_object(ret->document))
        code =
            sgr_error_set(error, SGR_ECONFIG, "configuration_file: %s:1:1: no JSON object", file);
    if (code)
        configuration_free(ret);
    return code;
}

int configuration_read_option(struct configuration *ret, const char *name, const char *text,
                              struct sgr_error *error) {
    *ret = (struct configuration){.document = json_object()};
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (json_object_set_new(ret->document, name, value) == 0)
        return SGR_OK;
    configuration_free(ret);
    return sgr_error_set(error, SGR_ECONFIG, "%s: a name stands twice in it, or it is no value",
                         name);
}

void configuration_free(struct configuration *configuration) {
    json_decref(configuration->document);
    free(configuration->text);
    *configuration = (struct configuration){0};
}
