/* Rooms: the channels of today's clients on one topic, between which broadcasts go and which see each other's presence.
 *
 * A topic has two: whoever joined it as private is not in the one of those who did not, and hears nothing of them. A room is there while somebody is in it. */
#ifndef SINKS_SUPABASE_ROOM_H
#define SINKS_SUPABASE_ROOM_H

#include "frame.h"
#include "index.h"
#include "presence.h"

struct supabase;
struct socket;

struct member { /* a channel, as rooms see it */
    struct socket *socket;
    struct room *room; /* NULL: it is in none */
    size_t place;      /* among the room's members; the room's */
    bool hears_itself;
    bool wants_presence;  /* it is told who is there */
    bool is_positioned;   /* events by the names of replay.c are the server's alone to it */
    struct sgr_slice key; /* that it is present by; its own memory */
    struct meta *meta;    /* what it shows of itself; NULL: nothing */
};

struct members {
    struct member **items;
    size_t count, capacity;
};

struct room {
    struct index_entry entry;
    struct supabase *supabase;
    struct members members[VSN_COUNT];
    struct presence presence;
    char *json; /* the topic as a JSON string */
    size_t json_size;
    char name[]; /* a letter for the kind, then the topic */
};

struct rooms {
    struct index names;
    struct presence_turn presence;
};

struct rooms rooms_new(struct supabase *supabase);
void rooms_free(struct rooms *rooms); /* nobody is in any */

/* `member`: with its socket, otherwise empty. False: out of memory. */
bool room_enter(struct member *member, struct sgr_slice topic, bool is_private);
/* Also for one that is in none. */
void room_leave(struct member *member);
struct room *rooms_find(struct supabase *supabase, struct sgr_slice topic, bool is_private);
struct sgr_slice room_topic(const struct room *room);

enum told { TOLD_ALL, TOLD_PRESENCE /* who want it */, TOLD_RESERVED /* who are not positioned */ };
/* To those in it but `except`, who may be NULL; both are JSON. */
void room_tell(struct room *room, const struct member *except, struct sgr_slice event,
               const struct sgr_text *payload, enum told told);
/* A frame as it is, to those who speak vsn 2.0.0. NULL: memory was out. */
void room_tell_binary(struct room *room, const struct member *except, struct sgr_bytes *frame,
                      enum told told);
/* The bytes of such a frame; NULL: out of memory. To be given back with bytes_unref. */
struct sgr_bytes *room_frame(struct room *room, enum vsn vsn, struct sgr_slice event,
                             const struct sgr_text *payload);
/* NULL: out of memory. */
void member_tell(struct member *member, struct sgr_bytes *frame, bool binary);

#endif
