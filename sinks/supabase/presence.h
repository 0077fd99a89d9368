/* Who is in a room, by what its members show of themselves.
 *
 * A member shows one thing, a *meta*, under its key, and several may have the same key. What changes is gathered for a moment and then told as one
 * difference, so that however many come and go at once, or one does so often, nobody is told more than that. A new member is told what everybody was told
 * last, and then the differences. */
#ifndef SINKS_SUPABASE_PRESENCE_H
#define SINKS_SUPABASE_PRESENCE_H

#include "frame.h"
#include "index.h"

struct supabase;
struct room;
struct member;
struct meta;

struct presence { /* of a room */
    struct index keys;
    size_t bytes;                      /* what all show; new members are told all of it at once */
    struct presence_key *first, **end; /* in the order of their coming */
    struct presence_key *changed;      /* of which something is to be told */
    bool is_changed;
    struct room *next, **place;         /* among the rooms of which that is so */
    struct sgr_bytes *state[VSN_COUNT]; /* what new members are told, kept until it changes */
};

struct presence_turn { /* of all rooms */
    struct supabase *supabase;
    struct room *changed;
    void *timer;
    uint32_t epoch; /* tells our references from those before a restart */
    uint64_t count; /* of references */
};

/* ---- Of all rooms ---- */

struct presence_turn presence_begin(struct supabase *supabase);
void presence_end(struct presence_turn *turn);
void presence_free(struct room *room); /* nobody is in it any more */

/* A key that nobody else has; NULL: out of memory. */
json_t *presence_key_new(void);
/* Shows `payload`, in place of what the member showed before. NULL, or why not, for the client. `payload` NULL: nothing in particular. */
const char *presence_track(struct member *member, const json_t *payload);
void presence_untrack(struct member *member); /* also if it shows nothing */
/* Tells the member who is there. */
void presence_tell(struct member *member);

#endif
