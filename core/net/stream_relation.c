#include "net/stream_relation.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"
#include "base/vector.h"

struct stream_relation {
    uint32_t refs; /* atomic */
    struct sgr_relation relation;
};

/* The present descriptor of each table, by "schema NUL table" and by id. Source's descriptors hold ids, not pointers: they may outlive ours. */
struct sgr_stream_relations {
    struct sgr_map *by_name;
    struct sgr_vector by_id; /* of struct stream_relation *; NULL: replaced */
    struct sgr_buffer key;
};

static struct stream_relation *of(struct sgr_relation *relation) {
    return SGR_CONTAINER(relation, struct stream_relation, relation);
}

struct sgr_relation *sgr_stream_relation_ref(struct sgr_relation *relation) {
    __atomic_fetch_add(&of(relation)->refs, 1, __ATOMIC_RELAXED);
    return relation;
}

void sgr_stream_relation_unref(struct sgr_relation *relation) {
    if (relation && __atomic_sub_fetch(&of(relation)->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(of(relation));
}

/* ---- Copying ---- */

static size_t text_size(const char *text) {
    return text ? strlen(text) + 1 : 1;
}

static const char *put_text(char **place, const char *text) {
    char *at = *place;
    size_t size = text_size(text);
    memcpy(at, text ? text : "", size);
    *place += size;
    return at;
}

/* One block: the descriptor, its columns, all texts. */
static struct stream_relation *copy(const struct sgr_relation *from, uint32_t id) {
    size_t columns_size = from->column_count * sizeof(*from->columns);
    size_t size = columns_size + text_size(from->schema) + text_size(from->table);
    for (size_t i = 0; i < from->column_count; i++)
        size += text_size(from->columns[i].name) + text_size(from->columns[i].type_name);
    struct stream_relation *ours = malloc(sizeof(*ours) + size);
    if (!ours)
        return NULL;
    struct sgr_relation_column *columns = (struct sgr_relation_column *)(ours + 1);
    char *place = (char *)columns + columns_size;
    *ours = (struct stream_relation){.refs = 1,
                                     .relation = {.columns = columns,
                                                  .column_count = from->column_count,
                                                  .identity = from->identity,
                                                  .id = id}};
    ours->relation.schema = put_text(&place, from->schema);
    ours->relation.table = put_text(&place, from->table);
    for (size_t i = 0; i < from->column_count; i++) {
        columns[i] = from->columns[i];
        columns[i].name = put_text(&place, from->columns[i].name);
        columns[i].type_name = put_text(&place, from->columns[i].type_name);
    }
    return ours;
}

static bool same_text(const char *ours, const char *theirs) {
    return strcmp(ours, theirs ? theirs : "") == 0;
}

static bool same_column(const struct sgr_relation_column *ours,
                        const struct sgr_relation_column *theirs) {
    return same_text(ours->name, theirs->name) && same_text(ours->type_name, theirs->type_name) &&
           ours->type == theirs->type && ours->element == theirs->element &&
           ours->collation == theirs->collation && ours->type_modifier == theirs->type_modifier &&
           ours->key == theirs->key && ours->not_null == theirs->not_null;
}

static bool same(const struct sgr_relation *ours, const struct sgr_relation *theirs) {
    if (ours->column_count != theirs->column_count || ours->identity != theirs->identity)
        return false;
    for (size_t i = 0; i < ours->column_count; i++)
        if (!same_column(&ours->columns[i], &theirs->columns[i]))
            return false;
    return true;
}

/* ---- Interning ---- */

static struct stream_relation **at_id(struct sgr_stream_relations *relations, uint32_t id) {
    return SGR_VECTOR_AT(&relations->by_id, struct stream_relation *, id - 1);
}

/* The table's last descriptor gives way; batches may still have it. */
static struct stream_relation *replace(struct sgr_stream_relations *relations, struct sgr_slice key,
                                       const struct sgr_relation *theirs) {
    uint32_t id = (uint32_t)relations->by_id.count + 1;
    struct stream_relation *ours = copy(theirs, id);
    void *old = NULL;
    if (!ours || sgr_vector_push(&relations->by_id, &ours) ||
        sgr_map_put(relations->by_name, key, ours, &old)) {
        if (relations->by_id.count == id)
            relations->by_id.count--;
        free(ours);
        return NULL;
    }
    if (old) {
        *at_id(relations, ((struct stream_relation *)old)->relation.id) = NULL;
        sgr_stream_relation_unref(&((struct stream_relation *)old)->relation);
    }
    return ours;
}

struct sgr_relation *sgr_stream_relation_intern(struct sgr_stream_relations *relations,
                                                struct sgr_relation *theirs) {
    uint32_t noted = (uint32_t)(uintptr_t)theirs->host_data;
    if (noted && *at_id(relations, noted))
        return &(*at_id(relations, noted))->relation;
    struct sgr_buffer *key = &relations->key;
    sgr_buffer_clear(key);
    sgr_buffer_puts(key, theirs->schema ? theirs->schema : "");
    sgr_buffer_putc(key, '\0');
    sgr_buffer_puts(key, theirs->table);
    if (key->failed)
        return NULL;
    struct sgr_slice name = {key->data, key->size};
    struct stream_relation *ours = sgr_map_get(relations->by_name, name);
    if (!ours || !same(&ours->relation, theirs))
        ours = replace(relations, name, theirs);
    if (!ours)
        return NULL;
    theirs->host_data = (void *)(uintptr_t)ours->relation.id;
    return &ours->relation;
}

/* ---- Life ---- */

struct sgr_stream_relations *sgr_stream_relations_new(void) {
    struct sgr_stream_relations *relations = calloc(1, sizeof(*relations));
    if (!relations)
        return NULL;
    relations->by_id = SGR_VECTOR_INIT(struct stream_relation *);
    relations->key = SGR_BUFFER_INIT;
    relations->by_name = sgr_map_new();
    if (relations->by_name)
        return relations;
    free(relations);
    return NULL;
}

void sgr_stream_relations_free(struct sgr_stream_relations *relations) {
    if (!relations)
        return;
    for (size_t i = 0; i < relations->by_id.count; i++) {
        struct stream_relation *ours = *at_id(relations, (uint32_t)i + 1);
        if (ours)
            sgr_stream_relation_unref(&ours->relation);
    }
    sgr_vector_fini(&relations->by_id);
    sgr_buffer_fini(&relations->key);
    sgr_map_free(relations->by_name);
    free(relations);
}
