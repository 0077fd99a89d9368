/* Outgoing connections: HTTP requests and websockets that a plugin opens, through its host. Since 1.1.
 *
 * Names are looked up, connections made and certificates verified on threads of the host; callbacks come from the plugin's own loop,
 * never from within the call that caused them. URLs are http, https, ws or wss. Headers are "name: value\r\n…" or NULL. */
#ifndef SANGRE_CLIENT_H
#define SANGRE_CLIENT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

struct sgr_http; /* a request under way */
struct
    sgr_websocket; /* a connection, from websocket() until `closed`, or until websocket_close() */

/* As a limit, since 1.2: the answer's body is of no use. It is dropped, and the status counts, however the body ends. */
#define SGR_HTTP_NO_BODY SIZE_MAX

/* All of it is copied. */
struct sgr_http_request {
    const char *method; /* NULL: GET */
    const char *url;
    const char *headers;
    struct sgr_slice body;
    const char *ca_file; /* PEM; NULL: the system's */
    int64_t timeout;     /* microseconds for all of it; 0: 30 s */
    size_t limit;        /* bytes of the answer's body; 0: 1 MiB. More is an error */
};

struct sgr_http_answer {
    int status;        /* 0: there is none, `error` says why. Redirects are not followed */
    const char *error; /* for people; NULL unless status is 0 */
    struct sgr_slice body;
};

struct sgr_websocket_open {
    const char *url;      /* at most 2000 bytes */
    const char *headers;  /* at most 8 KiB */
    const char *protocol; /* subprotocols to offer; NULL: none */
    const char *ca_file;
    size_t
        limit; /* bytes of a message that comes in; 0: 16 MiB. More closes the connection with 1009 */
};

struct sgr_websocket_callbacks {
    void (*opened)(void *data, struct sgr_websocket *websocket);
    void (*message)(void *data, struct sgr_websocket *websocket, struct sgr_slice message,
                    bool binary);
    /* The last call; the connection is gone when it returns. code: the websocket's, 1006 if it broke or was never open; then status
     * is what the server answered instead of 101, 0 if nothing. `reason` is for people. */
    void (*closed)(void *data, struct sgr_websocket *websocket, int code, int status,
                   const char *reason);
};

/* The same functions stand in the host tables of sources and sinks. */
struct sgr_client_methods {
    /* NULL: out of memory, nothing will be called. Every other mistake comes through `done`. */
    struct sgr_http *(*http)(void *host, const struct sgr_http_request *request,
                             void (*done)(void *data, const struct sgr_http_answer *answer),
                             void *data);
    void (*http_cancel)(struct sgr_http *http); /* `done` will not be called */
    /* NULL: out of memory. */
    struct sgr_websocket *(*websocket)(void *host, const struct sgr_websocket_open *open,
                                       const struct sgr_websocket_callbacks *callbacks, void *data);
    /* Queues a copy. SGR_ELIMIT: 16 MiB wait already; SGR_ENOMEM. */
    int (*websocket_send)(struct sgr_websocket *websocket, struct sgr_slice message, bool binary);
    /* Sends what is queued, says goodbye with `code`; no callback will come. */
    void (*websocket_close)(struct sgr_websocket *websocket, int code);
};

static_assert(offsetof(struct sgr_http_request, limit) == 56, "released offsets are frozen");
static_assert(offsetof(struct sgr_websocket_open, limit) == 32, "released offsets are frozen");
static_assert(offsetof(struct sgr_websocket_callbacks, closed) == 16,
              "released offsets are frozen");
static_assert(sizeof(struct sgr_client_methods) == 40, "released layouts are frozen");

#endif
