/* The window: the latest transactions of the change stream, for clients that come back and name the position they were told last. It holds whole
 * transactions, at most so many bytes of them; what is too old goes first. */
#ifndef SINKS_SUPABASE_WINDOW_H
#define SINKS_SUPABASE_WINDOW_H

#include <sangre/sink.h>

struct window_piece {
    struct window_piece *next;
    const struct sgr_stream_batch *batch;
};

struct window {
    const struct sgr_sink_host *table;
    void *host;
    size_t limit, bytes;
    struct window_piece *first, **end;
    uint64_t floor;  /* what ends behind this position is held */
    uint64_t latest; /* where the last whole transaction that came ends */
    bool begun;
    bool skipping; /* what is left of a transaction that is larger than the limit */
};

struct window window_new(const struct sgr_sink_host *table, void *host, size_t limit);
void window_free(struct window *window);

/* The stream flows. Positions before a gap name nothing any more. */
void window_flows(struct window *window, uint64_t lsn, bool gap);
void window_add(struct window *window, const struct sgr_stream_batch *batch);

/* NULL: all that came behind this position is held, and *ret is the first of it (NULL: nothing came). Else why that is not known, a stable word: "window"
 * (it is too long ago) or "position" (it was never told). */
const char *window_behind(const struct window *window, uint64_t lsn,
                          const struct window_piece **ret);

/* Positions as the database writes them. */
bool window_read_lsn(struct sgr_slice text, uint64_t *ret);
void window_write_lsn(char text[24], uint64_t lsn);

#endif
