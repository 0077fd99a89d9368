/* Outgoing connections for a loop (see sangre/client.h): its owner makes one client, is woken when something has happened, and dispatches.
 *
 * HTTP runs on libcurl, which is loaded by then, websockets on libwebsockets, each on a thread of the client's own that the first use starts.
 * Functions are the owner's thread's, but for the wake. */
#ifndef SGR_NET_CLIENT_H
#define SGR_NET_CLIENT_H

#include <sangre/client.h>

struct sgr_client;

/* `wake` is called from any thread and must only wake the owner's loop. NULL: out of memory. */
struct sgr_client *sgr_client_new(void (*wake)(void *data), void *data);
/* Breaks off whatever is under way, without callbacks. */
void sgr_client_free(struct sgr_client *client);
/* Calls back for all that has happened. */
void sgr_client_dispatch(struct sgr_client *client);
/* Breaks off what this owner has under way, without callbacks. NULL client is fine. */
void sgr_client_forget(struct sgr_client *client, const void *owner);

struct sgr_http *sgr_client_http(struct sgr_client *client, const void *owner,
                                 const struct sgr_http_request *request,
                                 void (*done)(void *data, const struct sgr_http_answer *answer),
                                 void *data);
void sgr_client_http_cancel(struct sgr_http *http);

struct sgr_websocket *sgr_client_websocket(struct sgr_client *client, const void *owner,
                                           const struct sgr_websocket_open *open,
                                           const struct sgr_websocket_callbacks *callbacks,
                                           void *data);
int sgr_client_websocket_send(struct sgr_websocket *websocket, struct sgr_slice text, bool binary);
void sgr_client_websocket_close(struct sgr_websocket *websocket, int code);

#endif
