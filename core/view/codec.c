/* The codecs by name, and documents and changes of instances through them. */
#include "view/codec.h"

#include <string.h>

static const struct sgr_codec codecs[] = {
    {"json-patch", &sgr__json_patch},
    {"rows", &sgr__rows},
    {"full", &sgr__full},
};

const struct sgr_codec *sgr_codec_find(const char *name) {
    for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++)
        if (strcmp(codecs[i].name, name) == 0)
            return &codecs[i];
    return NULL;
}

static int check(const struct sgr_buffer *out, struct sgr_error *error) {
    return out->failed ? sgr_error_set(error, SGR_ENOMEM, "out of memory for a document") : 0;
}

int sgr_instance_document(struct sgr_instance *instance, const struct sgr_codec *codec,
                          struct sgr_buffer *out, struct sgr_error *error) {
    codec->methods->document(instance, out);
    return check(out, error);
}

int sgr_instance_changes(struct sgr_instance *instance, const struct sgr_codec *codec,
                         uint64_t from, struct sgr_buffer *out, struct sgr_error *error) {
    struct sgr__writer writer = {
        .methods = codec->methods, .instance = instance, .out = out, .from = from, .error = error};
    size_t start = out->size;
    if (from >= instance->root.born && from >= instance->root.changed)
        return 0;
    if (from < instance->root.born || from < sgr__instance_views(instance)->history.floor)
        return sgr_error_set(error, SGR_ENOTFOUND, "history does not reach back so far");
    int code = sgr__walk(&writer);
    if (!code)
        code = check(out, error);
    if (code || !writer.any)
        out->size = start;
    return code;
}

/* ---- full ---- */

static void plain_document(struct sgr_instance *instance, struct sgr_buffer *out) {
    sgr__render_collection(instance->root.level, &instance->root, out);
}

static void ignore(struct sgr__writer *writer) {
    (void)writer;
}

static void ignore_places(struct sgr__writer *writer, const struct sgr__edits *edits) {
    (void)writer;
    (void)edits;
}

static void ignore_fields(struct sgr__writer *writer, const uint16_t *columns, size_t count) {
    (void)writer;
    (void)columns;
    (void)count;
}

static void ignore_whole(struct sgr__writer *writer, const struct sgr__level *level,
                         const struct sgr__collection *collection) {
    (void)writer;
    (void)level;
    (void)collection;
}

static void write_document(struct sgr__writer *writer) {
    plain_document(writer->instance, writer->out);
}

const struct sgr_codec_methods sgr__full = {
    .document = plain_document,
    .begin = ignore,
    .places = ignore_places,
    .fields = ignore_fields,
    .whole = ignore_whole,
    .end = write_document,
};
