/* The engine's side of the hub (included by hub.h). Engine's thread only. */
#ifndef SGR_NET_HUB_ENGINE_H
#define SGR_NET_HUB_ENGINE_H

enum sgr_ask_kind {
    SGR_ASK_SUBSCRIBE,
    SGR_ASK_UNSUBSCRIBE,
    SGR_ASK_COMPOSE,
    SGR_ASK_EXPLAIN,
    SGR_ASK_WAIT,
    SGR_ASK_WAIT_END, /* of a WAIT, nobody waits for its answer any more */
};

struct sgr_ask { /* owned by the queue; freed after the handler returned */
    enum sgr_ask_kind kind;
    uint64_t id;               /* subscription or request */
    uint32_t channel;          /* UNSUBSCRIBE */
    struct sgr_subscribe what; /* SUBSCRIBE: deep copy */
    bool once;
    size_t count; /* COMPOSE */
    const struct sgr_hub_missed *missed;
    const char *format;   /* EXPLAIN */
    struct sgr_wait wait; /* WAIT: deep copy */
};

void sgr_hub_on_asks(struct sgr_hub *hub, void (*wake)(void *data), void *data);
bool sgr_hub_take(struct sgr_hub *hub, void (*handle)(void *data, const struct sgr_ask *ask),
                  void *data, size_t most);

/* Each takes over the references in what it is given (bytes in states, commits) and copies slices and arrays. */

/* SGR_ENOMEM: nobody will hear of it, nor hold the channel. */
int sgr_hub_answer(struct sgr_hub *hub, const struct sgr_hub_answer *answer);
/* To all subscriptions of answer->channel. */
void sgr_hub_reset(struct sgr_hub *hub, const struct sgr_hub_answer *answer);
void sgr_hub_composed(struct sgr_hub *hub, uint64_t request, const struct sgr_hub_answer *answers,
                      size_t count);
void sgr_hub_commit(struct sgr_hub *hub, const struct sgr_hub_commit *commit);
/* One that the engine has the time to deliver itself, if the network thread sleeps. */
void sgr_hub_commit_alone(struct sgr_hub *hub, const struct sgr_hub_commit *commit);
void sgr_hub_stale(struct sgr_hub *hub, bool stale);
void sgr_hub_explained(struct sgr_hub *hub, uint64_t request, struct sgr_bytes *text);
/* Answers a WAIT: state.answer is RESUMED with the cursor, or ERROR. Behind everything that it waited for. */
void sgr_hub_waited(struct sgr_hub *hub, const struct sgr_hub_answer *answer);
/* Change streams. A source that has one gets its ledger before the network side starts. The others take the batch over, or fail with SGR_ENOMEM. */
int sgr_hub_open_stream(struct sgr_hub *hub, size_t source);
int sgr_hub_stream_batch(struct sgr_hub *hub, size_t source, struct sgr_stream_batch *batch);
int sgr_hub_stream_batch_alone(struct sgr_hub *hub, size_t source, struct sgr_stream_batch *batch);
int sgr_hub_stream_state(struct sgr_hub *hub, size_t source, uint32_t era,
                         const struct sgr_stream_state *state);
/* How far the log of that source is known to go. Without memory nobody hears of it until the next one. */
void sgr_hub_stream_position(struct sgr_hub *hub, size_t source, uint32_t era, uint64_t lsn);
void sgr_hub_ready(struct sgr_hub *hub); /* views are served from here on */
void sgr_hub_drain(struct sgr_hub *hub);
/* What the network side holds; see sgr_hub_hold. */
size_t sgr_hub_held(const struct sgr_hub *hub);
/* Bytes waiting in events; the engine pauses sources beyond its budget. Any thread. */
size_t sgr_hub_backlog(const struct sgr_hub *hub);

#endif
