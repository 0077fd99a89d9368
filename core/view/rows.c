/* Keyed edits; codec.h has the format. */
#include "view/codec.h"

/* ---- Documents ---- */

static void write_name(struct sgr_buffer *out, const struct sgr__column *column) {
    sgr_buffer_append(out, column->label.data, column->label.size - 1); /* without its colon */
}

static void write_key_fields(const struct sgr__level *level, struct sgr_buffer *out) {
    if (!level->key_count) {
        sgr_buffer_puts(out, "null");
        return;
    }
    for (size_t i = 0; i < level->key_count; i++) {
        sgr_buffer_putc(out, i ? ',' : '[');
        write_name(out, &level->columns[level->key[i]]);
    }
    sgr_buffer_putc(out, ']');
}

static void write_spec(const struct sgr__level *level, struct sgr_buffer *out) {
    sgr_buffer_putc(out, '{');
    if (level->parent) {
        sgr_buffer_puts(out, "\"field\":");
        write_name(out, &level->field);
        sgr_buffer_putc(out, ',');
    }
    sgr_buffer_puts(out, level->one ? "\"one\":true,\"key\":" : "\"one\":false,\"key\":");
    write_key_fields(level, out);
    sgr_buffer_puts(out, ",\"levels\":[");
    for (size_t i = 0; i < level->level_count; i++) {
        if (i)
            sgr_buffer_putc(out, ',');
        write_spec(&level->levels[i], out);
    }
    sgr_buffer_puts(out, "]}");
}

static void document(struct sgr_instance *instance, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"keys\":");
    write_spec(instance->root.level, out);
    sgr_buffer_puts(out, ",\"data\":");
    sgr__render_collection(instance->root.level, &instance->root, out);
    sgr_buffer_putc(out, '}');
}

/* ---- Paths ---- */

static void begin(struct sgr__writer *writer) {
    sgr_buffer_putc(writer->out, '[');
}

static void end(struct sgr__writer *writer) {
    sgr_buffer_putc(writer->out, ']');
}

static void write_key(const struct sgr__level *level, struct sgr__pair pair,
                      struct sgr_buffer *out) {
    if (level->key_count > 1)
        sgr_buffer_putc(out, '[');
    for (size_t i = 0; i < level->key_count; i++) {
        if (i)
            sgr_buffer_putc(out, ',');
        sgr__render_value(level, &level->columns[level->key[i]], pair, out);
    }
    if (level->key_count > 1)
        sgr_buffer_putc(out, ']');
}

static void write_element(struct sgr_buffer *out) {
    if (out->size && out->data[out->size - 1] != '[')
        sgr_buffer_putc(out, ',');
}

static void write_step(const struct sgr__step *step, struct sgr_buffer *out) {
    if (step->level->parent) {
        write_element(out);
        sgr_buffer_int(out, step->level - step->level->parent->levels);
    }
    if (step->level->one)
        return;
    write_element(out);
    if (step->level->key_count)
        write_key(step->level, step->pair, out);
    else
        sgr_buffer_int(out, (int64_t)step->position);
}

/* {"at":[…: one more step may follow. */
static void open_edit(struct sgr__writer *writer) {
    write_element(writer->out);
    sgr_buffer_puts(writer->out, "{\"at\":[");
    for (size_t i = 0; i < writer->depth; i++)
        write_step(&writer->steps[i], writer->out);
}

static void open_member(struct sgr__writer *writer, const struct sgr__level *level,
                        uint64_t position, struct sgr__pair pair) {
    open_edit(writer);
    write_step(&(struct sgr__step){level, position, pair}, writer->out);
    sgr_buffer_putc(writer->out, ']');
}

/* ---- Lists ---- */

static void write_removals(struct sgr__writer *writer, const struct sgr__edits *edits) {
    for (size_t i = edits->removals.count; i--;) {
        const struct sgr__slot *slot = SGR_VECTOR_AT(&edits->removals, struct sgr__slot, i);
        open_member(writer, edits->collection->level, slot->position, slot->pair);
        sgr_buffer_puts(writer->out, ",\"del\":1}");
    }
}

static struct sgr__pair pair_of(const struct sgr__collection *collection,
                                const struct sgr__member *member) {
    return sgr__member_pair(sgr__collection_views(collection)->heap, member);
}

static void write_content(struct sgr__writer *writer, const struct sgr__collection *collection,
                          const struct sgr__place *place) {
    if (place->move) {
        sgr_buffer_puts(writer->out, ",\"move\":1");
        return;
    }
    sgr_buffer_puts(writer->out, ",\"put\":");
    sgr__render_member(collection, place->member, writer->out);
}

static void write_place_by_position(struct sgr__writer *writer, const struct sgr__edits *edits,
                                    const struct sgr__place *place) {
    const struct sgr__collection *collection = edits->collection;
    if (place->move && place->from == place->to)
        return;
    open_member(writer, collection->level, place->move ? place->from : place->to,
                pair_of(collection, place->member));
    write_content(writer, collection, place);
    if (place->move) {
        sgr_buffer_puts(writer->out, ",\"to\":");
        sgr_buffer_int(writer->out, (int64_t)place->to);
    }
    sgr_buffer_putc(writer->out, '}');
}

static void write_place_by_key(struct sgr__writer *writer, const struct sgr__edits *edits,
                               const struct sgr__place *place) {
    const struct sgr__collection *collection = edits->collection;
    const struct sgr__level *level = collection->level;
    const struct sgr__member *after = place->position + 1 < level->limit
                                          ? sgr__tree_at(&collection->members, place->position + 1)
                                          : NULL;
    open_member(writer, level, place->position, pair_of(collection, place->member));
    write_content(writer, collection, place);
    sgr_buffer_puts(writer->out, ",\"before\":");
    if (after)
        write_key(level, pair_of(collection, after), writer->out);
    else
        sgr_buffer_puts(writer->out, "null");
    sgr_buffer_putc(writer->out, '}');
}

static void places(struct sgr__writer *writer, const struct sgr__edits *edits) {
    const struct sgr__place *items = edits->places.items;
    size_t count = edits->places.count;
    write_removals(writer, edits);
    for (size_t i = 0; i < count; i++)
        if (edits->collection->level->key_count)
            write_place_by_key(writer, edits, &items[count - 1 - i]);
        else
            write_place_by_position(writer, edits, &items[i]);
}

/* ---- Members ---- */

static void fields(struct sgr__writer *writer, const uint16_t *columns, size_t count) {
    const struct sgr__step *step = &writer->steps[writer->depth - 1];
    open_edit(writer);
    sgr_buffer_puts(writer->out, "],\"set\":");
    for (size_t i = 0; i < count; i++) {
        const struct sgr__column *column = &step->level->columns[columns[i]];
        sgr_buffer_putc(writer->out, i ? ',' : '{');
        sgr_buffer_slice(writer->out, column->label);
        sgr__render_value(step->level, column, step->pair, writer->out);
    }
    sgr_buffer_puts(writer->out, "}}");
}

/* A list below a member is set as a field of it; a to-one is put or deleted where it is. */
static void whole(struct sgr__writer *writer, const struct sgr__level *level,
                  const struct sgr__collection *collection) {
    struct sgr_buffer *out = writer->out;
    open_edit(writer);
    if (level->one) {
        write_step(&(struct sgr__step){.level = level}, out);
        if (collection && collection->members.root) {
            sgr_buffer_puts(out, "],\"put\":");
            sgr__render_collection(level, collection, out);
            sgr_buffer_putc(out, '}');
        } else {
            sgr_buffer_puts(out, "],\"del\":1}");
        }
        return;
    }
    sgr_buffer_puts(out, "],\"set\":{");
    sgr_buffer_slice(out, level->field.label);
    sgr__render_collection(level, collection, out);
    sgr_buffer_puts(out, "}}");
}

const struct sgr_codec_methods sgr__rows = {
    .document = document,
    .begin = begin,
    .places = places,
    .fields = fields,
    .whole = whole,
    .end = end,
};
