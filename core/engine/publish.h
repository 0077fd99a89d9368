/* Publishing: the engine's side of subscriptions. Turns asks into answers, and each commit into one rendered buffer a channel.
 *
 * A channel is one instance with one codec, shared by all its subscribers. An instance's cursor is the token of its last change, so that an
 * idle view's cursor stays good however much else is committed. Engine's thread.
 */
#ifndef SGR_ENGINE_PUBLISH_H
#define SGR_ENGINE_PUBLISH_H

#include "engine/cursors.h"
#include "net/hub.h"
#include "view/view.h"

struct sgr_publisher;

/* Microseconds since the one before, from which on a commit comes alone. With less between them the two threads are better used side by side. */
enum { SGR__ALONE = 500 };

/* `explain` writes what runs, for asks of that kind. All pointers are borrowed for the publisher's life. */
struct sgr_publisher_parts {
    struct sgr_views *views;
    struct sgr_cursors *cursors;
    struct sgr_hub *hub;
    size_t queue_limit; /* bytes queued for clients beyond which nothing new is rendered */
    void (*explain)(void *data, enum sgr_explain_format format, struct sgr_buffer *out);
    /* Which of the `source_count` sources has this name; an empty one names the only one. source_count: none. */
    size_t (*find_source)(void *data, struct sgr_slice name);
    bool (*has_positions)(void *data, size_t source); /* that mean something outside of us */
    size_t source_count;
    void *data;
};

struct sgr_publisher *sgr_publisher_new(const struct sgr_publisher_parts *parts);
/* Drops all subscriptions; the hub must not be asked any more. NULL is fine. */
void sgr_publisher_free(struct sgr_publisher *publisher);

/* Answers everything that waits in the hub, at most `most`; true if more waits. */
bool sgr_publisher_serve(struct sgr_publisher *publisher, size_t most);

/* Until the first snapshot is in, subscriptions are answered with 503. epoch_time: when the epoch began, microseconds since 1970. */
void sgr_publisher_ready(struct sgr_publisher *publisher, int64_t epoch_time);
void sgr_publisher_stale(struct sgr_publisher *publisher, bool stale);

/* After sgr_graph_run: views' collections, histories, frames. The cursor log must name `number` already. time: of the commit, microseconds
 * since 1970, 0 if unknown; now: the loop's, for the history's age. */
int sgr_publisher_commit(struct sgr_publisher *publisher, uint64_t number, int64_t time,
                         int64_t now, struct sgr_error *error);
/* The same for a commit that began a new epoch: every subscriber is reset, with `reason`. */
int sgr_publisher_restart(struct sgr_publisher *publisher, uint64_t number, int64_t epoch_time,
                          int64_t now, const char *reason, struct sgr_error *error);

/* The same for one that subscribers can follow: they get a frame, and only who comes back with an older cursor or revision is reset. */
int sgr_publisher_commit_epoch(struct sgr_publisher *publisher, uint64_t number, int64_t epoch_time,
                               int64_t now, struct sgr_error *error);

/* Behind a commit of it, and whenever nothing up to there concerns us: who waits for this position of a source has been served it. A source of
 * SIZE_MAX: the ticks. */
void sgr_publisher_reached(struct sgr_publisher *publisher, size_t source, uint64_t position);

struct sgr_publisher_counters {
    size_t subscriptions;
    uint64_t documents,
        rests;        /* rendered for those who subscribed or resumed; frames are not counted */
    uint64_t refused; /* for what was queued */
    size_t kept_bytes, queued_bytes;
};
void sgr_publisher_counters(const struct sgr_publisher *publisher,
                            struct sgr_publisher_counters *ret);

#endif
