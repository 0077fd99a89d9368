/* The feed: one websocket, a channel for each table, heartbeats, tokens that are renewed. Whatever goes wrong with it, of a channel or as a
 * whole, ends it, for what came meanwhile is lost either way. Engine's thread. */
#ifndef SOURCES_SUPABASE_SOCKET_H
#define SOURCES_SUPABASE_SOCKET_H

#include "options.h"
#include "table.h"

struct socket_owner {
    /* Every change of the wanted tables comes from now on. */
    void (*flowing)(void *data);
    /* One change, maybe before `flowing`; false: the socket is gone. `payload` is checked JSON, borrowed. */
    bool (*event)(void *data, struct table *table, struct sgr_slice payload, bool today);
    /* It has ended; to be closed, from in here too. SGR_EFATAL: trying again would not help. */
    void (*lost)(void *data, const struct sgr_error *error);
    void *data;
};

struct socket;

/* Joins the wanted ones of the tables, of which there is at least one. They and the owner must live until it is closed. */
int socket_open(const struct service *service, const struct socket_owner *owner,
                struct table *tables, size_t count, struct socket **ret, struct sgr_error *error);
void socket_close(struct socket *socket); /* NULL is fine */

#endif
