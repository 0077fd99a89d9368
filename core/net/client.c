#include "net/client_internal.h"

#include <signal.h>
#include <stdlib.h>

#include <sangre/error.h>

struct sgr_client *sgr_client_new(void (*wake)(void *data), void *data) {
    struct sgr_client *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->wake = wake;
    client->wake_data = data;
    pthread_mutex_init(&client->lock, NULL);
    sgr_list_init(&client->events);
    sgr_list_init(&client->handles);
    return client;
}

/* ---- Events ---- */

static void event_free(struct sgr__event *event) {
    bool own = event != &event->handle->over && event != &event->handle->opened;
    sgr_buffer_fini(&event->data);
    if (own)
        free(event);
}

void sgr__client_tell(struct sgr_client *client, struct sgr__event *event) {
    pthread_mutex_lock(&client->lock);
    if (event->kind == SGR__EVENT_OVER) {
        event->handle->ended = true;
        sgr_list_remove(&event->handle->submitted);
    }
    sgr_list_append(&client->events, &event->link);
    client->event_bytes += sizeof(*event) + event->data.size;
    pthread_mutex_unlock(&client->lock);
    client->wake(client->wake_data);
}

static struct sgr__event *next_event(struct sgr_client *client) {
    struct sgr__event *event = NULL;
    pthread_mutex_lock(&client->lock);
    if (!sgr_list_empty(&client->events)) {
        event = SGR_CONTAINER(client->events.next, struct sgr__event, link);
        sgr_list_remove(&event->link);
        client->event_bytes -= sizeof(*event) + event->data.size;
    }
    pthread_mutex_unlock(&client->lock);
    return event;
}

static void handle_free(struct sgr__handle *handle) {
    sgr_list_remove(&handle->link);
    handle->free(handle);
}

void sgr_client_dispatch(struct sgr_client *client) {
    for (struct sgr__event *event; (event = next_event(client));) {
        struct sgr__handle *handle = event->handle;
        bool over = event->kind == SGR__EVENT_OVER;
        if (!handle->cancelled)
            handle->happened(handle, event);
        event_free(event);
        if (over)
            handle_free(handle);
    }
}

/* ---- Handles ---- */

void sgr__handle_init(struct sgr__handle *handle, struct sgr_client *client, const void *owner) {
    handle->client = client;
    handle->owner = owner;
    handle->opened = (struct sgr__event){.handle = handle, .kind = SGR__EVENT_OPENED};
    handle->over = (struct sgr__event){.handle = handle, .kind = SGR__EVENT_OVER};
    sgr_list_init(&handle->submitted);
    sgr_list_append(&client->handles, &handle->link);
}

void sgr_client_forget(struct sgr_client *client, const void *owner) {
    if (!client)
        return;
    SGR_LIST_EACH(link, &client->handles) {
        struct sgr__handle *handle = SGR_CONTAINER(link, struct sgr__handle, link);
        if (handle->owner == owner && !handle->cancelled)
            handle->cancel(handle);
    }
}

void sgr__handle_submit(struct sgr__handle *handle, struct sgr__worker *worker) {
    pthread_mutex_lock(&handle->client->lock);
    if (!handle->ended && sgr_list_empty(&handle->submitted))
        sgr_list_append(&worker->submitted, &handle->submitted);
    pthread_mutex_unlock(&handle->client->lock);
    worker->interrupt(worker);
}

/* ---- Workers ---- */

struct sgr__handle *sgr__worker_next(struct sgr__worker *worker, bool *ret_stop) {
    struct sgr__handle *handle = NULL;
    pthread_mutex_lock(&worker->client->lock);
    *ret_stop = worker->stop;
    if (!sgr_list_empty(&worker->submitted)) {
        handle = SGR_CONTAINER(worker->submitted.next, struct sgr__handle, submitted);
        sgr_list_remove(&handle->submitted);
    }
    pthread_mutex_unlock(&worker->client->lock);
    return handle;
}

int sgr__worker_start(struct sgr__worker *worker, struct sgr_client *client,
                      void *(*run)(void *worker)) {
    sigset_t all, old;
    worker->client = client;
    sgr_list_init(&worker->submitted);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int code = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return code ? SGR_EIO : 0;
}

static void worker_stop(struct sgr__worker *worker) {
    if (!worker)
        return;
    pthread_mutex_lock(&worker->client->lock);
    worker->stop = true;
    pthread_mutex_unlock(&worker->client->lock);
    worker->interrupt(worker);
    pthread_join(worker->thread, NULL);
    worker->free(worker);
}

void sgr_client_free(struct sgr_client *client) {
    if (!client)
        return;
    worker_stop(client->http);
    worker_stop(client->websockets);
    for (struct sgr__event *event; (event = next_event(client));)
        event_free(event);
    SGR_LIST_EACH(link, &client->handles)
    handle_free(SGR_CONTAINER(link, struct sgr__handle, link));
    pthread_mutex_destroy(&client->lock);
    free(client);
}
