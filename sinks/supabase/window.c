#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct window window_new(const struct sgr_sink_host *table, void *host, size_t limit) {
    return (struct window){.table = table, .host = host, .limit = limit};
}

/* The transaction that the first piece is of. False: its end has not come yet. */
static bool drop_transaction(struct window *window) {
    bool whole = false;
    while (window->first && !whole) {
        struct window_piece *piece = window->first;
        whole = piece->batch->last;
        if (whole)
            window->floor = piece->batch->transaction.end_lsn;
        window->first = piece->next;
        window->bytes -= window->table->stream_batch_size(piece->batch);
        window->table->stream_batch_unref(piece->batch);
        window->table->common.release(window->host, piece);
    }
    return whole;
}

static void drop_all(struct window *window) {
    while (window->first)
        drop_transaction(window);
}

void window_free(struct window *window) {
    drop_all(window);
}

void window_flows(struct window *window, uint64_t lsn, bool gap) {
    if (window->begun && !gap)
        return;
    drop_all(window);
    window->begun = true;
    window->skipping = false;
    window->floor = window->latest = lsn;
}

/* False: out of memory. */
static bool append(struct window *window, const struct sgr_stream_batch *batch) {
    struct window_piece *piece =
        window->table->common.allocate(window->host, sizeof(struct window_piece));
    if (!piece)
        return false;
    *piece = (struct window_piece){.batch = window->table->stream_batch_keep(batch)};
    if (!window->first)
        window->end = &window->first;
    *window->end = piece;
    window->end = &piece->next;
    window->bytes += window->table->stream_batch_size(batch);
    return true;
}

void window_add(struct window *window, const struct sgr_stream_batch *batch) {
    if (!window->limit || (!window->skipping && !append(window, batch))) {
        drop_all(window);
        window->skipping = true;
    }
    while (window->bytes > window->limit && !window->skipping)
        window->skipping = !drop_transaction(window);
    if (!batch->last)
        return;
    window->latest = batch->transaction.end_lsn;
    if (window->skipping)
        window->floor = window->latest;
    window->skipping = false;
}

const char *window_behind(const struct window *window, uint64_t lsn,
                          const struct window_piece **ret) {
    struct window_piece *piece = window->first;
    if (!window->begun || lsn > window->latest)
        return "position";
    if (window->skipping || lsn < window->floor)
        return "window";
    for (struct window_piece *next = piece; next; next = next->next)
        if (next->batch->last && next->batch->transaction.end_lsn <= lsn)
            piece = next->next;
    *ret = piece;
    return NULL;
}

/* ---- Positions ---- */

static bool read_half(const char **at, const char *end, uint32_t *ret) {
    const char *start = *at;
    *ret = 0;
    for (; *at < end && *at - start < 8; (*at)++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = **at ? strchr(digits, **at) : NULL;
        if (!digit)
            break;
        *ret = *ret << 4 | (uint32_t)((digit - digits) & 15);
    }
    return *at > start;
}

bool window_read_lsn(struct sgr_slice text, uint64_t *ret) {
    const char *at = text.data, *end = at + text.size;
    uint32_t high, low;
    if (!at || !read_half(&at, end, &high) || at == end || *at++ != '/' ||
        !read_half(&at, end, &low) || at != end)
        return false;
    *ret = (uint64_t)high << 32 | low;
    return true;
}

void window_write_lsn(char text[24], uint64_t lsn) {
    snprintf(text, 24, "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
}
