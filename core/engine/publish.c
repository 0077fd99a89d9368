/* Commits to channels, and the publisher's life. */
#include "engine/publisher.h"

#include <stdlib.h>

enum { REVISION_SHIFT = 20, MICROSECONDS = 1000000 };

static void on_release(void *data, void *channels) {
    sgr__publisher_changed(data, channels);
}

struct sgr_publisher *sgr_publisher_new(const struct sgr_publisher_parts *parts) {
    struct sgr_publisher *publisher = calloc(1, sizeof(*publisher));
    if (!publisher)
        return NULL;
    publisher->parts = *parts;
    publisher->changed = SGR_VECTOR_INIT(struct sgr_instance *);
    publisher->items = SGR_VECTOR_INIT(struct sgr_hub_item);
    sgr_list_init(&publisher->kept);
    if (sgr__publisher_waits_new(publisher)) {
        free(publisher);
        return NULL;
    }
    sgr_views_on_release(parts->views, on_release, publisher);
    return publisher;
}

void sgr_publisher_free(struct sgr_publisher *publisher) {
    if (!publisher)
        return;
    struct publisher_channel *channel;
    for (uint32_t at = 0; (channel = sgr_slots_next(&publisher->channels, &at));)
        for (uint32_t left = channel->subscriptions; left; left--)
            sgr__publisher_unsubscribe(publisher, channel);
    sgr__publisher_forget_all(publisher);
    sgr_views_on_release(publisher->parts.views, NULL, NULL);
    sgr_slots_fini(&publisher->channels);
    sgr_waits_free(publisher->waits);
    sgr_vector_fini(&publisher->changed);
    sgr_vector_fini(&publisher->items);
    free(publisher);
}

/* ---- Commits ---- */

/* Seconds x 2^20, with their fraction: an epoch that begins later, were it by a millisecond, begins beyond any revision of the one before. */
static uint64_t revision_base(int64_t microseconds) {
    uint64_t seconds = (uint64_t)microseconds / MICROSECONDS;
    uint64_t fraction = (uint64_t)microseconds % MICROSECONDS;
    return (seconds << REVISION_SHIFT) + (fraction << REVISION_SHIFT) / MICROSECONDS;
}

void sgr_publisher_ready(struct sgr_publisher *publisher, int64_t epoch_time) {
    sgr_views_forget(publisher->parts.views);
    publisher->ready = true;
    sgr_hub_ready(publisher->parts.hub);
    publisher->revision_base = revision_base(epoch_time);
    sgr__publisher_waits_restart(publisher);
}

void sgr_publisher_stale(struct sgr_publisher *publisher, bool stale) {
    if (publisher->stale == stale)
        return;
    publisher->stale = stale;
    sgr_hub_stale(publisher->parts.hub, stale);
}

static void collect(void *data, struct sgr_instance *instance) {
    struct sgr_publisher *publisher = data;
    if (sgr_instance_data(instance) && sgr_vector_push(&publisher->changed, &instance))
        publisher->forgot = true;
}

/* The views' collections after the commit, and who shows what changed. Nobody may be forgotten: a client would miss a commit unawares. */
static int commit_views(struct sgr_publisher *publisher, uint64_t number, int64_t now,
                        struct sgr_error *error) {
    sgr_vector_clear(&publisher->changed);
    publisher->forgot = false;
    int code = sgr_views_commit(publisher->parts.views, number, now, collect, publisher, error);
    if (!code && publisher->forgot)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a commit");
    return code;
}

static void move_to(struct publisher_channel *channel, struct sgr_bytes *token) {
    if (channel->token == token)
        return;
    sgr_bytes_unref(channel->token);
    channel->token = sgr_bytes_ref(token);
}

static int render(struct sgr_publisher *publisher, struct publisher_channel *channel, uint64_t from,
                  struct sgr_error *error) {
    struct sgr_hub_item *item = sgr_vector_add(&publisher->items);
    struct sgr_buffer out = SGR_BUFFER_INIT;
    if (!item)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a frame");
    int code = sgr_instance_changes(channel->instance, channel->codec, from, &out, error);
    if (code || !out.size) {
        sgr_buffer_fini(&out);
        publisher->items.count--;
        return code;
    }
    struct sgr_bytes *patches = sgr__publisher_bytes(&out);
    if (!patches) {
        publisher->items.count--;
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a frame");
    }
    *item =
        (struct sgr_hub_item){.channel = channel->number,
                              .patches = patches,
                              .previous = sgr_bytes_ref(channel->token),
                              .revision = sgr__publisher_revision(publisher, channel->instance)};
    return SGR_OK;
}

static int publish_instance(struct sgr_publisher *publisher, struct sgr_instance *instance,
                            uint64_t number, struct sgr_bytes *token, struct sgr_error *error) {
    sgr__publisher_changed(publisher, sgr_instance_data(instance));
    struct publisher_channel *channel = sgr_instance_data(instance);
    for (; channel; channel = channel->next) {
        int code = render(publisher, channel, number - 1, error);
        if (code)
            return code;
        move_to(channel, token);
    }
    return SGR_OK;
}

/* A part of a commit is told to nobody. */
static void drop_items(struct sgr_publisher *publisher) {
    for (size_t i = 0; i < publisher->items.count; i++) {
        struct sgr_hub_item *item = SGR_VECTOR_AT(&publisher->items, struct sgr_hub_item, i);
        sgr_bytes_unref(item->patches);
        sgr_bytes_unref(item->previous);
    }
    sgr_vector_clear(&publisher->items);
}

static void send_commit(struct sgr_publisher *publisher, struct sgr_bytes *token, int64_t time,
                        int64_t now) {
    if (!publisher->items.count)
        return;
    bool alone = now - publisher->sent_at >= SGR__ALONE;
    publisher->sent_at = now;
    struct sgr_hub_commit commit = {.cursor = sgr_bytes_ref(token),
                                    .time = time,
                                    .count = publisher->items.count,
                                    .items = publisher->items.items};
    if (alone)
        sgr_hub_commit_alone(publisher->parts.hub, &commit);
    else
        sgr_hub_commit(publisher->parts.hub, &commit);
    sgr_vector_clear(&publisher->items);
}

int sgr_publisher_commit(struct sgr_publisher *publisher, uint64_t number, int64_t time,
                         int64_t now, struct sgr_error *error) {
    publisher->commit_time = time;
    int code = commit_views(publisher, number, now, error);
    if (code || !publisher->changed.count)
        return code;
    struct sgr_bytes *token = sgr_cursors_token(publisher->parts.cursors);
    if (!token)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a cursor");
    for (size_t i = 0; !code && i < publisher->changed.count; i++)
        code = publish_instance(publisher,
                                *SGR_VECTOR_AT(&publisher->changed, struct sgr_instance *, i),
                                number, token, error);
    if (code)
        drop_items(publisher);
    else
        send_commit(publisher, token, time, now);
    sgr_bytes_unref(token);
    return code;
}

static int reset_one(struct sgr_publisher *publisher, struct publisher_channel *channel,
                     struct sgr_bytes *token, const char *reason, struct sgr_error *error) {
    move_to(channel, token);
    struct sgr_buffer etag = SGR_BUFFER_INIT;
    struct sgr_state state;
    int code = sgr__publisher_snapshot(publisher, channel, reason, &etag, &state, error);
    if (!code)
        sgr__publisher_reset(publisher, channel, state);
    else if (code == SGR_ELIMIT) /* its clients come back, and are reset then */
        sgr__publisher_refuse(publisher, channel, error);
    sgr_buffer_fini(&etag);
    return code == SGR_ELIMIT ? SGR_OK : code;
}

int sgr_publisher_restart(struct sgr_publisher *publisher, uint64_t number, int64_t epoch_time,
                          int64_t now, const char *reason, struct sgr_error *error) {
    int code = commit_views(publisher, number, now, error);
    if (code)
        return code;
    sgr_views_forget(publisher->parts.views);
    publisher->epoch++;
    publisher->revision_base = revision_base(epoch_time);
    sgr__publisher_forget_all(publisher);
    struct sgr_bytes *token = sgr_cursors_token(publisher->parts.cursors);
    if (!token)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a cursor");
    struct publisher_channel *channel;
    for (uint32_t at = 0; !code && (channel = sgr_slots_next(&publisher->channels, &at));)
        code = reset_one(publisher, channel, token, reason, error);
    sgr_bytes_unref(token);
    sgr__publisher_waits_restart(publisher);
    return code;
}

/* What was shown before is forgotten ahead of the commit, whose changes so are all that there is to resume from. */
int sgr_publisher_commit_epoch(struct sgr_publisher *publisher, uint64_t number, int64_t epoch_time,
                               int64_t now, struct sgr_error *error) {
    sgr_views_forget(publisher->parts.views);
    publisher->revision_base = revision_base(epoch_time);
    int code = sgr_publisher_commit(publisher, number, epoch_time, now, error);
    sgr__publisher_waits_restart(publisher);
    return code;
}

void sgr_publisher_counters(const struct sgr_publisher *publisher,
                            struct sgr_publisher_counters *ret) {
    *ret = publisher->counters;
    ret->subscriptions = publisher->subscriptions;
    ret->kept_bytes = publisher->kept_bytes;
    ret->queued_bytes = sgr__publisher_load(publisher);
}
