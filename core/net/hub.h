/* The hand-over between the engine's thread and the network thread: two queues and two wakes. Neither side ever waits for the other.
 * What comes alone may be offered to the network side on the engine's thread instead (sgr_hub_on_alone).
 *
 * The network side asks (subscribe, unsubscribe, compose, explain); the engine side answers and publishes. Answers and commits reach the
 * network side in the order in which the engine made them: after a subscription's state with cursor c, it sees exactly the commits behind c.
 * A *channel* is one instance with one codec; a commit carries one rendered buffer a channel, however many subscribe to it.
 *
 * Who subscribes is the network side's business. The engine counts how many subscriptions each channel has, by answers that name it and
 * farewells that give it back. A channel's number is given to another one only when there are none: whoever is still listed under it has
 * said farewell.
 */
#ifndef SGR_NET_HUB_H
#define SGR_NET_HUB_H

#include <sangre/sink.h>

#include "base/bytes.h"
#include "net/stream_batch.h"

struct sgr_hub;

struct sgr_hub *sgr_hub_new(void);
void sgr_hub_free(struct sgr_hub *hub); /* both sides must have stopped */

/* ---- Network side (its thread only) ---- */

/* Called from any thread when events wait; must only wake the loop. Set before the engine starts. */
void sgr_hub_on_events(struct sgr_hub *hub, void (*wake)(void *data), void *data);

enum { SGR_HUB_FAREWELL = 40 }; /* bytes */

/* Copies what it needs. `once`: a snapshot is all that is wanted. Answered by one `state` event with this id, whose channel is held from then
 * on. SGR_ENOMEM also if more waits to be asked than the hub holds. */
int sgr_hub_subscribe(struct sgr_hub *hub, uint64_t id, const struct sgr_subscribe *what,
                      bool once);
/* Gives back a channel that a `state` told, once for each. It never fails, for `memory` carries it: malloc'ed, of at least SGR_HUB_FAREWELL
 * bytes, and taken over. */
void sgr_hub_unsubscribe(struct sgr_hub *hub, uint32_t channel, void *memory);
struct sgr_hub_missed { /* a subscription, and up to where its client has all */
    uint64_t id;
    uint32_t channel;
    struct sgr_slice cursor;
};
/* What each of these subscriptions missed, as of one commit; answered by one `composed` event. */
int sgr_hub_compose(struct sgr_hub *hub, uint64_t request, const struct sgr_hub_missed *missed,
                    size_t count);
int sgr_hub_explain(struct sgr_hub *hub, uint64_t request, const char *format);
/* Answered by one `waited` event when everything up to there has been published. */
int sgr_hub_wait(struct sgr_hub *hub, uint64_t id, const struct sgr_wait *what);
/* A wait that has not been answered need not be any more. Never fails; `memory` as above. */
void sgr_hub_wait_end(struct sgr_hub *hub, uint64_t id, void *memory);
/* The network side holds so many bytes more (or less) for clients that are in no shared buffer. */
void sgr_hub_hold(struct sgr_hub *hub, int64_t change);

bool sgr_hub_is_ready(const struct sgr_hub *hub);

struct sgr_hub_item { /* one channel's part of a commit */
    uint32_t channel;
    struct sgr_bytes *patches;
    struct sgr_bytes *previous; /* cursor text */
    uint64_t revision;          /* of the instance, behind this commit */
};
struct sgr_hub_commit {
    struct sgr_bytes *cursor;
    int64_t time; /* microseconds since 1970, 0: unknown */
    size_t count;
    const struct sgr_hub_item *items;
};
/* Called on the engine's thread with what comes alone, to deliver it there and then. False: it could not, and that is an event like any other. */
struct sgr_hub_alone {
    bool (*commit)(void *data, const struct sgr_hub_commit *commit);
    bool (*stream_batch)(void *data, size_t source, const struct sgr_stream_batch *batch);
};
/* Set before the engine starts, and taken back (NULL) by its thread. `alone` is borrowed until then. */
void sgr_hub_on_alone(struct sgr_hub *hub, const struct sgr_hub_alone *alone, void *data);
/* No event waits. */
bool sgr_hub_idle(struct sgr_hub *hub);

struct sgr_hub_answer {
    uint64_t id;      /* 0: of all subscriptions of the channel (reset) */
    uint32_t channel; /* 0: none (error, once) */
    struct sgr_state state;
    struct sgr_slice
        now; /* the position the state is as of; its own cursor may be older, for nothing changed since. Empty: as that */
    uint64_t epoch; /* counted; resets of a new one come before all else of it */
};

struct sgr_hub_handler { /* everything is borrowed for the call; take references of bytes to keep */
    /* False: nobody holds the channel that it tells, which is given back. */
    bool (*state)(void *data, const struct sgr_hub_answer *answer);
    void (*composed)(void *data, uint64_t request, const struct sgr_hub_answer *answers,
                     size_t count);
    void (*commit)(void *data, const struct sgr_hub_commit *commit);
    /* A channel's subscriptions lost their past (new epoch): state.answer is RESET, or ERROR, which ends them. */
    void (*reset)(void *data, const struct sgr_hub_answer *answer);
    void (*stale)(void *data, bool stale);
    void (*explained)(void *data, uint64_t request, struct sgr_bytes *text);
    void (*waited)(void *data, const struct sgr_hub_answer *answer);
    void (*drain)(void *data); /* the engine stops: close connections cleanly, then end the loop */
    /* Memory ran out and events between the last one and the next one are missing: nothing that is subscribed or asked is sure any more. */
    void (*lost)(void *data);
    /* Of the change stream of a source, by its number. `era` begins anew with each GAP. */
    void (*stream_batch)(void *data, size_t source, const struct sgr_stream_batch *batch);
    void (*stream_state)(void *data, size_t source, uint32_t era,
                         const struct sgr_stream_state *state);
    void (*stream_position)(void *data, size_t source, uint32_t era, uint64_t lsn);
};
/* Handles at most `most` waiting events, and not many batches of streams; true if more wait. */
bool sgr_hub_receive(struct sgr_hub *hub, const struct sgr_hub_handler *handler, void *data,
                     size_t most);

/* The ledger of a source's change stream, borrowed; NULL: it has none. Both sides. */
struct sgr_stream_ledger *sgr_hub_ledger(const struct sgr_hub *hub, size_t source);

/* ---- Engine side: see engine/publish.h; queues are private to hub.c ---- */
#include "net/hub_engine.h"

#endif
