/* From an instance's root along what changed since a commit, and no further. */
#include "view/codec.h"

static void begin(struct sgr__writer *writer) {
    if (!writer->any)
        writer->methods->begin(writer);
    writer->any = true;
}

static void write_whole(struct sgr__writer *writer, const struct sgr__level *level,
                        const struct sgr__collection *collection) {
    begin(writer);
    writer->methods->whole(writer, level, collection);
}

static int write_fields(struct sgr__writer *writer, const struct sgr__level *level,
                        struct sgr__pair old, struct sgr__pair now) {
    if (old.node == now.node && old.via == now.via)
        return 0;
    struct sgr_vector changed = SGR_VECTOR_INIT(uint16_t);
    int code = 0;
    for (uint16_t i = 0; !code && i < level->column_count; i++)
        if (!sgr__column_same(level, &level->columns[i], old, now))
            code = sgr_vector_push(&changed, &i);
    if (!code && changed.count) {
        begin(writer);
        writer->methods->fields(writer, changed.items, changed.count);
    }
    sgr_vector_fini(&changed);
    return code ? sgr_error_set(writer->error, code, "out of memory for changes") : 0;
}

static int walk_collection(struct sgr__writer *writer, const struct sgr__collection *collection);

static int walk_level(struct sgr__writer *writer, const struct sgr__level *level,
                      const struct sgr__kept *kept, struct sgr__pair now,
                      const struct sgr__shower *shower) {
    const struct sgr__collection *child = shower->child;
    bool other = !sgr__link_same(level, kept->old, now) || (child && child->born > writer->from);
    if (other)
        write_whole(writer, level, child);
    else if (child && child->changed > writer->from)
        return walk_collection(writer, child);
    return 0;
}

static int walk_member(struct sgr__writer *writer, const struct sgr__collection *collection,
                       const struct sgr__kept *kept) {
    const struct sgr__level *level = collection->level;
    struct sgr__pair now = sgr__member_pair(sgr__collection_views(collection)->heap, kept->member);
    writer->steps[writer->depth++] = (struct sgr__step){level, kept->position, now};
    int code = write_fields(writer, level, kept->old, now);
    for (size_t i = 0; !code && i < level->level_count; i++)
        code = walk_level(writer, &level->levels[i], kept, now, &kept->member->shown->showers[i]);
    writer->depth--;
    return code;
}

static int walk_collection(struct sgr__writer *writer, const struct sgr__collection *collection) {
    struct sgr_views *views = sgr__collection_views(collection);
    const struct sgr__level *level = collection->level;
    struct sgr__edits *edits = &views->edits[level->depth];
    if (writer->from < collection->floor)
        return sgr_error_set(writer->error, SGR_ENOTFOUND, "history does not reach back so far");
    int code = sgr__edits_compose(edits, collection, writer->from, writer->error);
    if (code)
        return code;
    if (edits->removals.count || edits->places.count) {
        if (level->one) {
            write_whole(writer, level, collection);
            return 0;
        }
        begin(writer);
        writer->methods->places(writer, edits);
    }
    for (size_t i = 0; !code && i < edits->kept.count; i++)
        code = walk_member(writer, collection, SGR_VECTOR_AT(&edits->kept, struct sgr__kept, i));
    return code;
}

int sgr__walk(struct sgr__writer *writer) {
    int code = walk_collection(writer, &writer->instance->root);
    if (!code && writer->any)
        writer->methods->end(writer);
    return code;
}
