#include "view/render.h"

#include "row/row.h"

void sgr__render_value(const struct sgr__level *level, const struct sgr__column *column,
                       struct sgr__pair pair, struct sgr_buffer *out) {
    const struct sgr_schema *schema = sgr__level_side(level, column->via)->schema;
    struct sgr_value value =
        sgr_row_value(schema, sgr__pair_row(pair, column->via), column->column);
    sgr_value_json(&value, schema->columns[column->column].element, out);
}

void sgr__render_member(const struct sgr__collection *collection, const struct sgr__member *member,
                        struct sgr_buffer *out) {
    const struct sgr__level *level = collection->level;
    struct sgr__pair pair = sgr__member_pair(sgr__collection_views(collection)->heap, member);
    char before = '{';
    for (size_t i = 0; i < level->column_count; i++, before = ',') {
        sgr_buffer_putc(out, before);
        sgr_buffer_slice(out, level->columns[i].label);
        sgr__render_value(level, &level->columns[i], pair, out);
    }
    for (size_t i = 0; i < level->level_count; i++, before = ',') {
        sgr_buffer_putc(out, before);
        sgr_buffer_slice(out, level->levels[i].field.label);
        sgr__render_collection(&level->levels[i], member->shown->showers[i].child, out);
    }
    if (before == '{')
        sgr_buffer_putc(out, '{');
    sgr_buffer_putc(out, '}');
}

static void render_list(const struct sgr__level *level, const struct sgr__collection *collection,
                        struct sgr_buffer *out) {
    uint64_t position = 0;
    const struct sgr__member *member = collection ? sgr__tree_first(&collection->members) : NULL;
    sgr_buffer_putc(out, '[');
    for (; member && position < level->limit; member = sgr__tree_next(member))
        for (uint32_t copy = 0; copy < member->count && position < level->limit && !out->failed;
             copy++) {
            if (position++)
                sgr_buffer_putc(out, ',');
            sgr__render_member(collection, member, out);
        }
    sgr_buffer_putc(out, ']');
}

void sgr__render_collection(const struct sgr__level *level,
                            const struct sgr__collection *collection, struct sgr_buffer *out) {
    if (!level->one)
        render_list(level, collection, out);
    else if (collection && collection->members.root)
        sgr__render_member(collection, sgr__tree_first(&collection->members), out);
    else
        sgr_buffer_puts(out, "null");
}
