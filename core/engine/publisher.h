/* What the files of the publisher share: its channels. Others use engine/publish.h.
 *
 * A channel is an instance with a codec, while somebody subscribes to it or it keeps what was rendered. Who its subscriptions are the network
 * side knows; here they are counted, and each has the instance open. There may be very many channels, most of them the only one of their
 * instance.
 *
 * Engine's thread. */
#ifndef SGR_ENGINE_PUBLISHER_H
#define SGR_ENGINE_PUBLISHER_H

#include "base/list.h"
#include "base/slots.h"
#include "base/vector.h"
#include "engine/publish.h"
#include "engine/waits.h"

struct publisher_channel {
    struct sgr_instance *instance;  /* whose data is the first of its channels */
    struct publisher_channel *next; /* of the instance, with another codec */
    const struct sgr_codec *codec;
    struct sgr_bytes *token; /* cursor of the instance's last change */
    uint32_t number;         /* as the hub calls it */
    uint32_t subscriptions;

    /* What was rendered and is good until the instance changes: see documents.c. A channel stays while it keeps any. */
    struct sgr_bytes *document; /* NULL: nobody asked */
    struct sgr_bytes *rest;     /* behind commit rest_from; NULL: nobody asked */
    uint64_t rest_from;
    struct sgr_list kept; /* in publisher->kept, if there is any of them */
    size_t kept_bytes;
};

struct sgr_publisher {
    struct sgr_publisher_parts parts;
    struct sgr_slots channels; /* by number */
    size_t subscriptions;
    bool ready, stale;
    uint64_t epoch; /* counted */
    uint64_t revision_base;
    int64_t commit_time;
    int64_t sent_at;           /* the loop's time at the last commit that had frames */
    struct sgr_vector changed; /* of struct sgr_instance *, this commit's */
    bool forgot;               /* one of them had no room */
    struct sgr_vector items;   /* of struct sgr_hub_item */
    struct sgr_waits *waits;
    struct sgr_list kept; /* channels with something rendered, the longest unused first */
    size_t kept_bytes;
    struct sgr_publisher_counters counters;
};

/* ---- Channels and what their clients get (channel.c) ---- */

/* The instance's channel with this codec; made if there is none. NULL without memory. */
struct publisher_channel *sgr__publisher_channel(struct sgr_publisher *publisher,
                                                 struct sgr_instance *instance,
                                                 const struct sgr_codec *codec);
/* It stays while it has subscriptions or keeps what was rendered. */
void sgr__publisher_drop_if_unused(struct sgr_publisher *publisher,
                                   struct publisher_channel *channel);
/* An instance changed or goes: forgets what was rendered of its channels, and those that nobody subscribes to. */
void sgr__publisher_changed(struct sgr_publisher *publisher, struct publisher_channel *first);
uint64_t sgr__publisher_revision(const struct sgr_publisher *publisher,
                                 const struct sgr_instance *instance);
/* The whole document. *ret borrows from the channel, `etag` and `reset_reason` (NULL: no reset), and has a reference to the document. */
int sgr__publisher_snapshot(struct sgr_publisher *publisher, struct publisher_channel *channel,
                            const char *reset_reason, struct sgr_buffer *etag,
                            struct sgr_state *ret, struct sgr_error *error);
/* What follows on `what`'s cursor or revision if that is known, else the whole document; a reset if the client thought it had a past. */
int sgr__publisher_opening(struct sgr_publisher *publisher, struct publisher_channel *channel,
                           const struct sgr_subscribe *what, struct sgr_buffer *etag,
                           struct sgr_state *ret, struct sgr_error *error);

/* ---- What is rendered (documents.c) ---- */

/* The whole document; *ret is a reference. SGR_ELIMIT: more is queued than may be. */
int sgr__publisher_document(struct sgr_publisher *publisher, struct publisher_channel *channel,
                            struct sgr_bytes **ret, struct sgr_error *error);
/* What followed on commit `from`; *ret is a reference, or NULL if nothing did. SGR_ENOTFOUND: history does not reach back. SGR_ELIMIT as
 * above. */
int sgr__publisher_rest(struct sgr_publisher *publisher, struct publisher_channel *channel,
                        uint64_t from, struct sgr_bytes **ret, struct sgr_error *error);
/* The channel stays, also if it is unused now. */
void sgr__publisher_forget(struct sgr_publisher *publisher, struct publisher_channel *channel);
void sgr__publisher_forget_all(struct sgr_publisher *publisher);
/* Bytes in buffers for clients and what the network side holds besides. */
size_t sgr__publisher_load(const struct sgr_publisher *publisher);

/* ---- Asks (subscribe.c) ---- */

/* To all subscriptions of the channel. */
void sgr__publisher_reset(struct sgr_publisher *publisher, const struct publisher_channel *channel,
                          struct sgr_state state);
/* The same, with an error that ends them. */
void sgr__publisher_refuse(struct sgr_publisher *publisher, const struct publisher_channel *channel,
                           const struct sgr_error *error);
/* One subscription less. */
void sgr__publisher_unsubscribe(struct sgr_publisher *publisher, struct publisher_channel *channel);

/* ---- Waiting (wait.c) ---- */

int sgr__publisher_waits_new(struct sgr_publisher *publisher);
void sgr__publisher_wait(struct sgr_publisher *publisher, const struct sgr_ask *ask);
/* The epoch that begins has been told to everybody. */
void sgr__publisher_waits_restart(struct sgr_publisher *publisher);

/* Ends the buffer. NULL without memory, also if it had failed. */
struct sgr_bytes *sgr__publisher_bytes(struct sgr_buffer *buffer);

#endif
