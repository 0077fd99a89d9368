/* What the files of outgoing connections share: handles, which the owner has, and events, by which a worker's thread tells of them.
 *
 * A handle belongs to its worker from submission to its OVER event, which comes exactly once and is the last; dispatching it frees the
 * handle. What the owner cancels goes the same way, only that nobody is called back. */
#ifndef SGR_NET_CLIENT_INTERNAL_H
#define SGR_NET_CLIENT_INTERNAL_H

#include <pthread.h>

#include "base/buffer.h"
#include "base/list.h"
#include "net/client.h"

enum sgr__event_kind { SGR__EVENT_OPENED, SGR__EVENT_MESSAGE, SGR__EVENT_OVER };

struct sgr__handle;

struct sgr__event {
    struct sgr_list link;
    struct sgr__handle *handle;
    enum sgr__event_kind kind;
    bool binary;
    struct sgr_buffer data; /* MESSAGE */
};

struct sgr__handle {
    struct sgr_client *client;
    const void *owner;
    struct sgr_list link;      /* client->handles; the owner's */
    struct sgr_list submitted; /* worker->submitted; under the client's lock */
    bool ended;                /* its OVER was told, nothing can be submitted; under the lock */
    bool cancelled;            /* the owner's: no more callbacks */
    struct sgr__event opened, over; /* there from the start, so that telling them never fails */
    void (*happened)(struct sgr__handle *handle,
                     const struct sgr__event *event); /* owner's thread */
    void (*cancel)(struct sgr__handle *handle);
    void (*free)(struct sgr__handle *handle);
};

/* A thread that takes submitted handles. */
struct sgr__worker {
    struct sgr_client *client;
    pthread_t thread;
    struct sgr_list submitted; /* of handles with something new; under the client's lock */
    bool stop;                 /* under the client's lock */
    void (*interrupt)(struct sgr__worker *worker); /* any thread */
    void (*free)(struct sgr__worker *worker);      /* after its thread has ended */
};

struct sgr_client {
    void (*wake)(void *data);
    void *wake_data;
    pthread_mutex_t lock;
    struct sgr_list events;                /* under the lock */
    size_t event_bytes;                    /* they and their data */
    struct sgr_list handles;               /* the owner's */
    struct sgr__worker *http, *websockets; /* NULL until first used */
};

void sgr__handle_init(struct sgr__handle *handle, struct sgr_client *client, const void *owner);
/* Gives the worker something to do for this handle, also again; nothing if it is over. */
void sgr__handle_submit(struct sgr__handle *handle, struct sgr__worker *worker);
/* Worker's thread. Takes the event. */
void sgr__client_tell(struct sgr_client *client, struct sgr__event *event);
/* The worker's next handle with something new, NULL if none; *ret_stop: all shall end. */
struct sgr__handle *sgr__worker_next(struct sgr__worker *worker, bool *ret_stop);
/* Starts the thread with all signals blocked. 0 or SGR_EIO. */
int sgr__worker_start(struct sgr__worker *worker, struct sgr_client *client,
                      void *(*run)(void *worker));

struct sgr__worker *sgr__http_worker_new(struct sgr_client *client);
struct sgr__worker *sgr__websocket_worker_new(struct sgr_client *client);

#endif
