#include "net/stream_batch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "net/stream_relation.h"

/* ---- The ledger ---- */

struct sgr_stream_ledger {
    size_t refs, bytes; /* atomic */
    size_t awaited;     /* atomic; SIZE_MAX: nobody waits */
    bool held;          /* atomic */
    void (*wake)(void *data);
    void *data;
    pthread_mutex_t lock; /* of what follows */
    uint32_t era;
    uint64_t position;
    bool position_awaited;
};

struct sgr_stream_ledger *sgr_stream_ledger_new(void (*wake)(void *data), void *data) {
    struct sgr_stream_ledger *ledger = malloc(sizeof(*ledger));
    if (!ledger)
        return NULL;
    *ledger =
        (struct sgr_stream_ledger){.refs = 1, .awaited = SIZE_MAX, .wake = wake, .data = data};
    pthread_mutex_init(&ledger->lock, NULL);
    return ledger;
}

void sgr_stream_ledger_unref(struct sgr_stream_ledger *ledger) {
    if (!ledger || __atomic_sub_fetch(&ledger->refs, 1, __ATOMIC_ACQ_REL))
        return;
    pthread_mutex_destroy(&ledger->lock);
    free(ledger);
}

size_t sgr_stream_ledger_bytes(const struct sgr_stream_ledger *ledger) {
    return __atomic_load_n(&ledger->bytes, __ATOMIC_SEQ_CST);
}

bool sgr_stream_ledger_await(struct sgr_stream_ledger *ledger, size_t bytes) {
    __atomic_store_n(&ledger->awaited, bytes, __ATOMIC_SEQ_CST);
    if (sgr_stream_ledger_bytes(ledger) > bytes)
        return false;
    __atomic_store_n(&ledger->awaited, SIZE_MAX, __ATOMIC_SEQ_CST);
    return true;
}

static void ledger_return(struct sgr_stream_ledger *ledger, size_t bytes) {
    size_t left = __atomic_sub_fetch(&ledger->bytes, bytes, __ATOMIC_SEQ_CST);
    size_t awaited = __atomic_load_n(&ledger->awaited, __ATOMIC_SEQ_CST);
    if (awaited != SIZE_MAX && left <= awaited &&
        __atomic_exchange_n(&ledger->awaited, SIZE_MAX, __ATOMIC_SEQ_CST) != SIZE_MAX)
        ledger->wake(ledger->data);
}

void sgr_stream_ledger_hold(struct sgr_stream_ledger *ledger) {
    __atomic_store_n(&ledger->held, true, __ATOMIC_SEQ_CST);
}

bool sgr_stream_ledger_held(const struct sgr_stream_ledger *ledger) {
    return __atomic_load_n(&ledger->held, __ATOMIC_SEQ_CST);
}

void sgr_stream_ledger_handled(struct sgr_stream_ledger *ledger, uint32_t era, uint64_t lsn) {
    pthread_mutex_lock(&ledger->lock);
    bool news = era != ledger->era || lsn > ledger->position;
    bool awaited = news && ledger->position_awaited;
    if (news) {
        ledger->era = era;
        ledger->position = lsn;
        ledger->position_awaited = false;
    }
    pthread_mutex_unlock(&ledger->lock);
    if (awaited)
        ledger->wake(ledger->data);
}

bool sgr_stream_ledger_await_handled(struct sgr_stream_ledger *ledger, uint32_t era, uint64_t lsn) {
    pthread_mutex_lock(&ledger->lock);
    bool handled = ledger->era == era && ledger->position >= lsn;
    ledger->position_awaited = !handled;
    pthread_mutex_unlock(&ledger->lock);
    return handled;
}

uint64_t sgr_stream_ledger_position(struct sgr_stream_ledger *ledger, uint32_t era) {
    pthread_mutex_lock(&ledger->lock);
    uint64_t position = ledger->era == era ? ledger->position : 0;
    pthread_mutex_unlock(&ledger->lock);
    return position;
}

/* ---- Blocks ---- */

struct block {
    struct sgr_stream_batch batch;
    size_t size; /* in all */
    struct sgr_stream_ledger *ledger;
    uint32_t refs;  /* atomic */
    bool uncounted; /* atomic: the ledger has its bytes back */
    struct sgr_change changes[];
};

enum { ALIGNMENT = sizeof(void *) };

struct sgr_stream_packer {
    struct sgr_stream_ledger *ledger;
    size_t piece;
    struct block *block; /* being filled; NULL: none yet */
    char *top;           /* where fields and texts begin, aligned */
    size_t count;
};

struct sgr_stream_packer *sgr_stream_packer_new(struct sgr_stream_ledger *ledger, size_t piece) {
    struct sgr_stream_packer *packer = calloc(1, sizeof(*packer));
    if (packer)
        *packer = (struct sgr_stream_packer){.ledger = ledger, .piece = piece};
    return packer;
}

/* Changes in a row of one relation share one reference of it. */
static void unref_relations(const struct sgr_change *changes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!i || changes[i].relation != changes[i - 1].relation)
            sgr_stream_relation_unref(changes[i].relation);
}

static void empty(struct sgr_stream_packer *packer) {
    packer->count = 0;
    if (packer->block)
        packer->top = (char *)packer->block + packer->block->size;
}

void sgr_stream_packer_drop(struct sgr_stream_packer *packer) {
    if (packer->block)
        unref_relations(packer->block->changes, packer->count);
    empty(packer);
}

void sgr_stream_packer_free(struct sgr_stream_packer *packer) {
    if (!packer)
        return;
    sgr_stream_packer_drop(packer);
    free(packer->block);
    free(packer);
}

size_t sgr_stream_packer_count(const struct sgr_stream_packer *packer) {
    return packer->count;
}

/* ---- Adding ---- */

static size_t text_size(const struct sgr_field *fields, size_t count) {
    size_t size = 0;
    for (size_t i = 0; fields && i < count; i++)
        if (fields[i].kind == SGR_FIELD_TEXT)
            size += fields[i].size;
    return size;
}

/* What a change takes at the end of a block. */
static size_t data_size(const struct sgr_change *change) {
    size_t columns = change->relation->column_count;
    size_t fields = (change->new_fields ? columns : 0) + (change->old_fields ? columns : 0);
    size_t size = fields * sizeof(struct sgr_field) + text_size(change->new_fields, columns) +
                  text_size(change->old_fields, columns);
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int make_room(struct sgr_stream_packer *packer, size_t data) {
    size_t needed = sizeof(struct sgr_change) + data;
    if (packer->block) {
        char *end = (char *)&packer->block->changes[packer->count];
        if ((size_t)(packer->top - end) >= needed)
            return SGR_OK;
        if (packer->count)
            return SGR_ELIMIT;
        free(packer->block);
        packer->block = NULL;
    }
    size_t size = sizeof(struct block) + needed;
    size = size > packer->piece ? size : packer->piece / ALIGNMENT * ALIGNMENT;
    packer->block = malloc(size);
    if (!packer->block)
        return SGR_ENOMEM;
    packer->block->size = size;
    empty(packer);
    return SGR_OK;
}

static const struct sgr_field *put_fields(const struct sgr_field *from, size_t count,
                                          struct sgr_field **fields, char **text) {
    struct sgr_field *to = *fields;
    if (!from)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        to[i] = (struct sgr_field){.kind = from[i].kind};
        if (from[i].kind != SGR_FIELD_TEXT)
            continue;
        to[i].data = *text;
        to[i].size = from[i].size;
        if (from[i].size)
            memcpy(*text, from[i].data, from[i].size);
        *text += from[i].size;
    }
    *fields += count;
    return to;
}

int sgr_stream_packer_add(struct sgr_stream_packer *packer, const struct sgr_change *change) {
    size_t data = data_size(change), columns = change->relation->column_count;
    int code = make_room(packer, data);
    if (code)
        return code;
    struct sgr_change *changes = packer->block->changes, *to = &changes[packer->count];
    packer->top -= data;
    struct sgr_field *fields = (struct sgr_field *)packer->top;
    char *text =
        (char *)(fields + (change->new_fields ? columns : 0) + (change->old_fields ? columns : 0));
    *to = *change;
    to->new_fields = put_fields(change->new_fields, columns, &fields, &text);
    to->old_fields = put_fields(change->old_fields, columns, &fields, &text);
    if (!packer->count || changes[packer->count - 1].relation != change->relation)
        sgr_stream_relation_ref(change->relation);
    packer->count++;
    return SGR_OK;
}

/* ---- Taking ---- */

static const struct sgr_field *moved_fields(const struct sgr_field *fields, size_t count,
                                            ptrdiff_t by) {
    if (!fields)
        return NULL;
    struct sgr_field *to = (struct sgr_field *)((char *)fields + by);
    for (size_t i = 0; i < count; i++)
        if (to[i].kind == SGR_FIELD_TEXT)
            to[i].data += by;
    return to;
}

/* A block that is exactly as big as what was added; the packer's own is used again. */
static struct block *copy_block(struct sgr_stream_packer *packer) {
    const struct block *from = packer->block;
    const char *from_end = from ? (const char *)from + from->size : NULL;
    size_t data = from ? (size_t)(from_end - packer->top) : 0;
    size_t head = sizeof(struct block) + packer->count * sizeof(struct sgr_change);
    struct block *to = malloc(head + data);
    if (!to)
        return NULL;
    to->size = head + data;
    if (!packer->count)
        return to;
    char *place = (char *)to + head;
    memcpy(to->changes, from->changes, packer->count * sizeof(struct sgr_change));
    memcpy(place, packer->top, data);
    ptrdiff_t by = place - packer->top;
    for (size_t i = 0; i < packer->count; i++) {
        size_t columns = to->changes[i].relation->column_count;
        to->changes[i].new_fields = moved_fields(to->changes[i].new_fields, columns, by);
        to->changes[i].old_fields = moved_fields(to->changes[i].old_fields, columns, by);
    }
    return to;
}

static bool is_full(const struct sgr_stream_packer *packer) {
    const struct block *block = packer->block;
    return block &&
           (size_t)(packer->top - (const char *)&block->changes[packer->count]) < block->size / 8;
}

struct sgr_stream_batch *sgr_stream_packer_take(struct sgr_stream_packer *packer,
                                                const struct sgr_transaction *transaction,
                                                bool first, bool last) {
    bool full = is_full(packer);
    struct block *block = full ? packer->block : copy_block(packer);
    if (!block)
        return NULL;
    block->refs = 1;
    block->uncounted = false;
    block->ledger = packer->ledger;
    block->batch = (struct sgr_stream_batch){.transaction = *transaction,
                                             .changes = block->changes,
                                             .count = packer->count,
                                             .first = first,
                                             .last = last};
    if (!last)
        block->batch.transaction.end_lsn = 0;
    if (full)
        packer->block = NULL;
    empty(packer);
    __atomic_fetch_add(&packer->ledger->refs, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&packer->ledger->bytes, block->size, __ATOMIC_SEQ_CST);
    return &block->batch;
}

/* ---- Sharing ---- */

static struct block *of(const struct sgr_stream_batch *batch) {
    return SGR_CONTAINER((struct sgr_stream_batch *)(uintptr_t)batch, struct block, batch);
}

const struct sgr_stream_batch *sgr_stream_batch_ref(const struct sgr_stream_batch *batch) {
    __atomic_fetch_add(&of(batch)->refs, 1, __ATOMIC_RELAXED);
    return batch;
}

static void uncount(struct block *block) {
    if (!__atomic_exchange_n(&block->uncounted, true, __ATOMIC_ACQ_REL))
        ledger_return(block->ledger, block->size);
}

const struct sgr_stream_batch *sgr_stream_batch_keep(const struct sgr_stream_batch *batch) {
    uncount(of(batch));
    return sgr_stream_batch_ref(batch);
}

void sgr_stream_batch_unref(const struct sgr_stream_batch *batch) {
    if (!batch || __atomic_sub_fetch(&of(batch)->refs, 1, __ATOMIC_ACQ_REL))
        return;
    struct block *block = of(batch);
    unref_relations(block->changes, batch->count);
    uncount(block);
    sgr_stream_ledger_unref(block->ledger);
    free(block);
}

size_t sgr_stream_batch_bytes(const struct sgr_stream_batch *batch) {
    return of(batch)->size;
}
