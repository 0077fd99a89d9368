#include "config/builder.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/slice.h"

struct sgr_document *sgr__document_new(const char *file) {
    struct sgr_document *document = calloc(1, sizeof(*document));
    if (!document)
        return NULL;
    document->arena = sgr_arena_new();
    if (document->arena)
        document->file = sgr_arena_copy(document->arena, sgr_slice(file ? file : "config"));
    if (document->file)
        return document;
    sgr_document_free(document);
    return NULL;
}

void sgr_document_free(struct sgr_document *document) {
    if (!document)
        return;
    if (document->arena)
        sgr_arena_free(document->arena);
    free(document);
}

const struct sgr_document_node *sgr_document_root(const struct sgr_document *document) {
    return document->root;
}

const struct sgr_document_node *sgr_document_get(const struct sgr_document_node *mapping,
                                                 const char *name) {
    if (!mapping || mapping->kind != SGR_DOCUMENT_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++)
        if (strcmp(mapping->pairs[i].name, name) == 0)
            return mapping->pairs[i].value;
    return NULL;
}

struct sgr_document_node *sgr__document_node(struct sgr_document *document,
                                             enum sgr_document_kind kind, unsigned line,
                                             unsigned column) {
    struct sgr_document_node *node = sgr_arena_alloc(document->arena, sizeof(*node));
    if (!node)
        return NULL;
    node->kind = kind;
    node->file = document->file;
    node->line = line;
    node->column = column;
    node->text = SGR_SLICE("");
    return node;
}

struct sgr_document_node *sgr__document_scalar(struct sgr_document *document, struct sgr_slice text,
                                               bool quoted, unsigned line, unsigned column) {
    struct sgr_document_node *node =
        sgr__document_node(document, SGR_DOCUMENT_SCALAR, line, column);
    char *copy = node ? sgr_arena_copy(document->arena, text) : NULL;
    if (!copy)
        return NULL;
    node->text = (struct sgr_slice){copy, text.size};
    node->quoted = quoted;
    return node;
}

static void *copy_items(struct sgr_document *document, const struct sgr_vector *vector) {
    size_t size = vector->count * vector->item_size;
    void *copy = sgr_arena_alloc(document->arena, size ? size : 1);
    if (copy && size)
        memcpy(copy, vector->items, size);
    return copy;
}

int sgr__document_fill_mapping(struct sgr_document *document, struct sgr_document_node *node,
                               const struct sgr_vector *pairs) {
    node->pairs = copy_items(document, pairs);
    node->count = node->pairs ? pairs->count : 0;
    return node->pairs ? 0 : SGR_ENOMEM;
}

int sgr__document_fill_sequence(struct sgr_document *document, struct sgr_document_node *node,
                                const struct sgr_vector *items) {
    node->items = copy_items(document, items);
    node->count = node->items ? items->count : 0;
    return node->items ? 0 : SGR_ENOMEM;
}

static int error_at(const char *file, unsigned line, unsigned column, struct sgr_error *error,
                    const char *format, va_list args) {
    if (!error)
        return SGR_ECONFIG;
    error->code = SGR_ECONFIG;
    vsnprintf(error->message, sizeof(error->message), format, args);
    snprintf(error->context, sizeof(error->context), "%s:%u:%u", file, line, column);
    return SGR_ECONFIG;
}

int sgr_document_error(const struct sgr_document_node *node, struct sgr_error *error,
                       const char *format, ...) {
    va_list args;
    va_start(args, format);
    error_at(node->file, node->line, node->column, error, format, args);
    va_end(args);
    return SGR_ECONFIG;
}

int sgr__document_error_at(const struct sgr_document *document, unsigned line, unsigned column,
                           struct sgr_error *error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    error_at(document->file, line, column, error, format, args);
    va_end(args);
    return SGR_ECONFIG;
}

static int read_stream(FILE *stream, const char *file, struct sgr_buffer *out,
                       struct sgr_error *error) {
    for (;;) {
        char *space = sgr_buffer_reserve(out, 1 << 16);
        if (!space)
            return sgr_error_set(error, SGR_ENOMEM, "out of memory");
        size_t got = fread(space, 1, 1 << 16, stream);
        out->size += got;
        if (out->size > SGR__DOCUMENT_BYTES)
            return sgr_error_set(error, SGR_ELIMIT, "configuration %s is larger than %zu bytes",
                                 file, SGR__DOCUMENT_BYTES);
        if (got == 0)
            break;
    }
    if (ferror(stream))
        return sgr_error_set(error, SGR_EIO, "can't read the configuration %s: %s", file,
                             strerror(errno));
    return 0;
}

static int read_file(const char *file, struct sgr_buffer *out, struct sgr_error *error) {
    FILE *stream = fopen(file, "re");
    if (!stream)
        return sgr_error_set(error, SGR_EIO, "can't open the configuration %s: %s", file,
                             strerror(errno));
    int status = read_stream(stream, file, out, error);
    fclose(stream);
    return status;
}

static bool ends_with(const char *text, const char *ending) {
    size_t size = strlen(text), tail = strlen(ending);
    return size >= tail && strcmp(text + size - tail, ending) == 0;
}

int sgr_document_read(const char *file, struct sgr_document **ret, struct sgr_error *error) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    int status = read_file(file, &text, error);
    if (status == 0) {
        struct sgr_slice slice = {text.data ? text.data : "", text.size};
        status = ends_with(file, ".lua") ? sgr_document_read_lua(file, slice, ret, error)
                                         : sgr_document_read_yaml(file, slice, ret, error);
    }
    sgr_buffer_fini(&text);
    return status;
}
