/* The network side: one thread with libwebsockets on libev, the listener, connections, and the host table of sinks. */
#ifndef SGR_NET_SERVER_H
#define SGR_NET_SERVER_H

#include "net/hub.h"
#include "plan/plan.h"

struct sgr_server;

/* Binds the listener (error: SGR_EIO with address and reason) and opens the sinks; serves nothing before start. Creator's thread. */
int sgr_server_new(const struct sgr_plan_server *options, const struct sgr_plan_sink *sinks,
                   size_t sink_count, struct sgr_hub *hub, struct sgr_server **ret,
                   struct sgr_error *error);
int sgr_server_start(struct sgr_server *server, struct sgr_error *error); /* starts the thread */
int sgr_server_port(const struct sgr_server *server);
/* Hands over a connected socket (an embedding application's); any thread. The descriptor is the server's from then on. */
int sgr_server_adopt(struct sgr_server *server, int descriptor, struct sgr_error *error);
/* After the hub's drain event the thread ends by itself within the drain timeout; this waits for it. */
void sgr_server_join(struct sgr_server *server);
void sgr_server_free(struct sgr_server *server);

#endif
