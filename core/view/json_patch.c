/* RFC 6902. */
#include "view/codec.h"

static void document(struct sgr_instance *instance, struct sgr_buffer *out) {
    sgr__render_collection(instance->root.level, &instance->root, out);
}

static void begin(struct sgr__writer *writer) {
    sgr_buffer_putc(writer->out, '[');
}

static void end(struct sgr__writer *writer) {
    sgr_buffer_putc(writer->out, ']');
}

/* ---- Paths ---- */

static void write_level(struct sgr_buffer *out, const struct sgr__level *level) {
    if (level->parent)
        sgr_buffer_slice(out, level->field.pointer);
}

static void write_position(struct sgr_buffer *out, uint64_t position) {
    sgr_buffer_putc(out, '/');
    sgr_buffer_int(out, (int64_t)position);
}

static void write_steps(struct sgr__writer *writer) {
    for (size_t i = 0; i < writer->depth; i++) {
        write_level(writer->out, writer->steps[i].level);
        if (!writer->steps[i].level->one)
            write_position(writer->out, writer->steps[i].position);
    }
}

/* {"op":"…","path":"/way/down: the rest of the path follows. */
static void open_op(struct sgr__writer *writer, const char *head) {
    struct sgr_buffer *out = writer->out;
    if (out->size && out->data[out->size - 1] != '[')
        sgr_buffer_putc(out, ',');
    sgr_buffer_puts(out, head);
    write_steps(writer);
}

/* ---- Lists ---- */

static void write_removals(struct sgr__writer *writer, const struct sgr__edits *edits) {
    for (size_t i = edits->removals.count; i--;) {
        open_op(writer, "{\"op\":\"remove\",\"path\":\"");
        write_level(writer->out, edits->collection->level);
        write_position(writer->out, SGR_VECTOR_AT(&edits->removals, struct sgr__slot, i)->position);
        sgr_buffer_puts(writer->out, "\"}");
    }
}

static void write_move(struct sgr__writer *writer, const struct sgr__level *level,
                       const struct sgr__place *place) {
    if (place->from == place->to)
        return;
    open_op(writer, "{\"op\":\"move\",\"from\":\"");
    write_level(writer->out, level);
    write_position(writer->out, place->from);
    sgr_buffer_puts(writer->out, "\",\"path\":\"");
    write_steps(writer);
    write_level(writer->out, level);
    write_position(writer->out, place->to);
    sgr_buffer_puts(writer->out, "\"}");
}

static void write_insert(struct sgr__writer *writer, const struct sgr__collection *collection,
                         const struct sgr__place *place) {
    open_op(writer, "{\"op\":\"add\",\"path\":\"");
    write_level(writer->out, collection->level);
    write_position(writer->out, place->to);
    sgr_buffer_puts(writer->out, "\",\"value\":");
    sgr__render_member(collection, place->member, writer->out);
    sgr_buffer_putc(writer->out, '}');
}

static void places(struct sgr__writer *writer, const struct sgr__edits *edits) {
    write_removals(writer, edits);
    for (size_t i = 0; i < edits->places.count; i++) {
        const struct sgr__place *place = SGR_VECTOR_AT(&edits->places, struct sgr__place, i);
        if (place->move)
            write_move(writer, edits->collection->level, place);
        else
            write_insert(writer, edits->collection, place);
    }
}

/* ---- Members ---- */

static void fields(struct sgr__writer *writer, const uint16_t *columns, size_t count) {
    const struct sgr__step *step = &writer->steps[writer->depth - 1];
    for (size_t i = 0; i < count; i++) {
        const struct sgr__column *column = &step->level->columns[columns[i]];
        open_op(writer, "{\"op\":\"replace\",\"path\":\"");
        sgr_buffer_slice(writer->out, column->pointer);
        sgr_buffer_puts(writer->out, "\",\"value\":");
        sgr__render_value(step->level, column, step->pair, writer->out);
        sgr_buffer_putc(writer->out, '}');
    }
}

static void whole(struct sgr__writer *writer, const struct sgr__level *level,
                  const struct sgr__collection *collection) {
    open_op(writer, "{\"op\":\"replace\",\"path\":\"");
    write_level(writer->out, level);
    sgr_buffer_puts(writer->out, "\",\"value\":");
    sgr__render_collection(level, collection, writer->out);
    sgr_buffer_putc(writer->out, '}');
}

const struct sgr_codec_methods sgr__json_patch = {
    .document = document,
    .begin = begin,
    .places = places,
    .fields = fields,
    .whole = whole,
    .end = end,
};
