#include "view/history.h"

#include <stdlib.h>

#include "row/row.h"
#include "view/collection.h"

struct moment {
    uint64_t commit;
    int64_t time;
};

void sgr__history_init(struct sgr__history *history) {
    *history = (struct sgr__history){.times = SGR_VECTOR_INIT(struct moment)};
    sgr_list_init(&history->queue);
}

void sgr__history_fini(struct sgr__history *history) {
    while (sgr__history_forget_oldest(history))
        ;
    sgr_vector_fini(&history->times);
}

/* ---- Times ---- */

/* Drops the done ones when they are half of it: amortised O(1). */
static void compact(struct sgr__history *history) {
    size_t left = history->times.count - history->first;
    if (history->first < 64 || history->first < left)
        return;
    struct moment *moments = history->times.items;
    memmove(moments, moments + history->first, left * sizeof(*moments));
    history->times.count = left;
    history->first = 0;
}

int sgr__history_begin(struct sgr__history *history, uint64_t commit, int64_t time) {
    if (sgr_list_empty(&history->queue)) {
        history->times.count = 0;
        history->first = 0;
    }
    compact(history);
    return sgr_vector_push(&history->times, &(struct moment){commit, time});
}

static struct sgr__entry *oldest(const struct sgr__history *history) {
    return sgr_list_empty(&history->queue)
               ? NULL
               : SGR_CONTAINER(history->queue.next, struct sgr__entry, queue);
}

int64_t sgr__history_oldest(struct sgr__history *history) {
    const struct sgr__entry *entry = oldest(history);
    if (!entry)
        return INT64_MAX;
    const struct moment *moments = history->times.items;
    while (history->first + 1 < history->times.count &&
           moments[history->first].commit < entry->commit)
        history->first++;
    return moments[history->first].time;
}

/* ---- Entries ---- */

static struct sgr__history *history_of(const struct sgr__collection *collection) {
    return &sgr__collection_views(collection)->history;
}

static const struct sgr_heap *heap_of(const struct sgr__collection *collection) {
    return sgr__collection_views(collection)->heap;
}

/* What went lives on for the history alone, as a rule; what came is the collection's anyway. */
static size_t charge_of(const struct sgr__level *level, struct sgr__pair pair, int64_t weight) {
    size_t bytes = sizeof(struct sgr__entry) + 8;
    if (weight < 0)
        bytes += sgr_row_size(level->node.schema, pair.node) +
                 (pair.via ? sgr_row_size(level->via.schema, pair.via) : 0);
    return bytes < INT32_MAX ? bytes : INT32_MAX;
}

int sgr__history_add(struct sgr__collection *collection, struct sgr__pair pair, int64_t weight,
                     uint64_t commit, struct sgr_error *error) {
    struct sgr__history *history = history_of(collection);
    struct sgr__entry *entry = malloc(sizeof(*entry));
    if (!entry)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for history");
    *entry = (struct sgr__entry){
        .older = collection->log,
        .collection = collection,
        .commit = commit,
        .node = sgr_row_id_of(heap_of(collection), sgr_row_ref(pair.node)),
        .via = pair.via ? sgr_row_id_of(heap_of(collection), sgr_row_ref(pair.via)) : 0,
        .weight = (int32_t)weight,
        .bytes = (uint32_t)charge_of(collection->level, pair, weight) & INT32_MAX,
    };
    sgr_list_append(&history->queue, &entry->queue);
    collection->log = entry;
    collection->log_count++;
    history->bytes += entry->bytes;
    return 0;
}

static void entry_free(struct sgr__history *history, struct sgr__entry *entry) {
    const struct sgr_heap *heap = heap_of(entry->collection);
    sgr_row_unref(sgr_row_at(heap, entry->node));
    if (entry->via)
        sgr_row_unref(sgr_row_at(heap, entry->via));
    history->bytes -= entry->bytes;
    sgr_list_remove(&entry->queue);
    free(entry);
}

bool sgr__history_forget_oldest(struct sgr__history *history) {
    struct sgr__entry *entry = oldest(history);
    if (!entry)
        return false;
    struct sgr__collection *collection = entry->collection;
    collection->floor = entry->commit;
    if (!--collection->log_count)
        collection->log = NULL;
    entry_free(history, entry);
    return true;
}

void sgr__history_drop(struct sgr__collection *collection) {
    while (collection->log_count) {
        struct sgr__entry *entry = collection->log;
        collection->log = entry->older;
        collection->log_count--;
        entry_free(history_of(collection), entry);
    }
    collection->log = NULL;
}

static struct sgr__entry *newer_than(struct sgr__entry *entry, uint64_t from, uint32_t left) {
    return left && entry->commit > from ? entry : NULL;
}

struct sgr__entry *sgr__log_first(const struct sgr__collection *collection, uint64_t from,
                                  uint32_t *left) {
    *left = collection->log_count;
    return newer_than(collection->log, from, *left);
}

struct sgr__entry *sgr__log_next(const struct sgr__entry *entry, uint64_t from, uint32_t *left) {
    --*left;
    return newer_than(entry->older, from, *left);
}

void sgr__history_silence(struct sgr__collection *collection, uint64_t commit) {
    uint32_t left;
    for (struct sgr__entry *entry = sgr__log_first(collection, commit - 1, &left); entry;
         entry = sgr__log_next(entry, commit - 1, &left))
        entry->silent = true;
}
