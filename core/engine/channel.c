/* Channels: instances with a codec, and what a client of one gets that has nothing, or all up to a cursor. */
#include "engine/publisher.h"

#include <stdlib.h>

/* ---- Making and dropping ---- */

static struct publisher_served *served_of(struct sgr_publisher *publisher,
                                          struct sgr_instance *instance) {
    struct publisher_served *served = sgr_instance_data(instance);
    if (served)
        return served;
    served = calloc(1, sizeof(*served));
    if (!served)
        return NULL;
    served->instance = instance;
    served->token = sgr_cursors_token(publisher->parts.cursors);
    if (!served->token) {
        free(served);
        return NULL;
    }
    sgr_list_init(&served->channels);
    sgr_instance_set_data(instance, served);
    return served;
}

static void served_drop_if_unused(struct publisher_served *served) {
    if (!sgr_list_empty(&served->channels))
        return;
    sgr_instance_set_data(served->instance, NULL);
    sgr_bytes_unref(served->token);
    free(served);
}

static struct publisher_channel *channel_of(struct sgr_publisher *publisher,
                                            struct publisher_served *served,
                                            const struct sgr_codec *codec) {
    SGR_LIST_EACH(link, &served->channels) {
        struct publisher_channel *channel = SGR_CONTAINER(link, struct publisher_channel, link);
        if (channel->codec == codec)
            return channel;
    }
    struct publisher_channel *channel = calloc(1, sizeof(*channel));
    if (!channel || !(channel->number = sgr_slots_add(&publisher->channels, channel))) {
        free(channel);
        return NULL;
    }
    channel->codec = codec;
    channel->served = served;
    sgr_list_init(&channel->kept);
    sgr_list_append(&served->channels, &channel->link);
    return channel;
}

struct publisher_channel *sgr__publisher_channel(struct sgr_publisher *publisher,
                                                 struct sgr_instance *instance,
                                                 const struct sgr_codec *codec) {
    struct publisher_served *served = served_of(publisher, instance);
    struct publisher_channel *channel = served ? channel_of(publisher, served, codec) : NULL;
    if (served && !channel)
        served_drop_if_unused(served);
    return channel;
}

static void channel_drop_if_unused(struct sgr_publisher *publisher,
                                   struct publisher_channel *channel) {
    if (channel->subscriptions || !sgr_list_empty(&channel->kept))
        return;
    sgr_slots_remove(&publisher->channels, channel->number);
    sgr_list_remove(&channel->link);
    free(channel);
}

void sgr__publisher_drop_if_unused(struct sgr_publisher *publisher,
                                   struct publisher_channel *channel) {
    struct publisher_served *served = channel->served;
    channel_drop_if_unused(publisher, channel);
    served_drop_if_unused(served);
}

bool sgr__publisher_changed(struct sgr_publisher *publisher, struct publisher_served *served) {
    SGR_LIST_EACH(link, &served->channels) {
        struct publisher_channel *channel = SGR_CONTAINER(link, struct publisher_channel, link);
        sgr__publisher_forget(publisher, channel);
        channel_drop_if_unused(publisher, channel);
    }
    bool used = !sgr_list_empty(&served->channels);
    served_drop_if_unused(served);
    return used;
}

struct sgr_bytes *sgr__publisher_bytes(struct sgr_buffer *buffer) {
    struct sgr_bytes *bytes =
        buffer->failed ? NULL : sgr_bytes_new(buffer->data ? buffer->data : "", buffer->size);
    sgr_buffer_fini(buffer);
    return bytes;
}

/* ---- States ---- */

uint64_t sgr__publisher_revision(const struct sgr_publisher *publisher,
                                 const struct sgr_instance *instance) {
    return publisher->revision_base + sgr_instance_revision(instance);
}

/* Fills what every state of a channel has; its document and cursor get references for the hub. */
static struct sgr_state channel_state(const struct sgr_publisher *publisher,
                                      const struct publisher_channel *channel) {
    return (struct sgr_state){
        .cursor = sgr__bytes_slice(channel->served->token),
        .revision = sgr__publisher_revision(publisher, channel->served->instance),
        .stale = publisher->stale,
        .time = publisher->commit_time,
    };
}

/* Epoch, last change and codec: it stays the same while the document does, also when nobody subscribes between two requests. */
static void write_etag(const struct publisher_channel *channel, struct sgr_buffer *out) {
    const struct sgr_bytes *token = channel->served->token;
    sgr_buffer_append(out, token->data, SGR_CURSORS_EPOCH_DIGITS);
    sgr_buffer_printf(out, "-%llx-%s",
                      (unsigned long long)sgr_instance_changed(channel->served->instance),
                      channel->codec->name);
}

int sgr__publisher_snapshot(struct sgr_publisher *publisher, struct publisher_channel *channel,
                            const char *reset_reason, struct sgr_buffer *etag,
                            struct sgr_state *ret, struct sgr_error *error) {
    struct sgr_bytes *document;
    int code = sgr__publisher_document(publisher, channel, &document, error);
    if (code)
        return code;
    struct sgr_state state = channel_state(publisher, channel);
    state.answer = reset_reason ? SGR_ANSWER_RESET : SGR_ANSWER_SNAPSHOT;
    state.reason = reset_reason;
    state.document = document;
    write_etag(channel, etag);
    state.etag = etag->failed ? state.cursor : (struct sgr_slice){etag->data, etag->size};
    *ret = state;
    return SGR_OK;
}

/* What came after commit `from`, which the client has. SGR_ENOTFOUND: history does not reach back. */
static int resumed_state(struct sgr_publisher *publisher, struct publisher_channel *channel,
                         uint64_t from, struct sgr_slice previous, struct sgr_state *ret,
                         struct sgr_error *error) {
    struct sgr_bytes *patches;
    int code = sgr__publisher_rest(publisher, channel, from, &patches, error);
    if (code)
        return code;
    struct sgr_state state = channel_state(publisher, channel);
    state.answer = SGR_ANSWER_RESUMED;
    state.document = patches;
    state.previous = previous;
    *ret = state;
    return SGR_OK;
}

static int resume_at(struct sgr_publisher *publisher, struct publisher_channel *channel,
                     const struct sgr_subscribe *what, uint64_t *ret_from) {
    if (what->by_revision) {
        if (what->revision < publisher->revision_base)
            return SGR_ENOTFOUND;
        return sgr_instance_commit_of_revision(channel->served->instance,
                                               what->revision - publisher->revision_base, ret_from);
    }
    if (sgr_slice_equal(what->cursor, sgr__bytes_slice(channel->served->token))) {
        *ret_from = sgr_instance_changed(channel->served->instance);
        return SGR_OK;
    }
    return sgr_cursors_find(publisher->parts.cursors, what->cursor, ret_from);
}

/* Resume if the client's past is known, else a snapshot; a reset if it thought it had one. */
int sgr__publisher_opening(struct sgr_publisher *publisher, struct publisher_channel *channel,
                           const struct sgr_subscribe *what, struct sgr_buffer *etag,
                           struct sgr_state *ret, struct sgr_error *error) {
    uint64_t from;
    bool resuming = what->by_revision ? what->have_revision : what->cursor.size > 0;
    if (resuming && resume_at(publisher, channel, what, &from) == SGR_OK) {
        int code = resumed_state(publisher, channel, from, what->cursor, ret, error);
        if (code != SGR_ENOTFOUND)
            return code;
    }
    return sgr__publisher_snapshot(publisher, channel, resuming ? "history" : NULL, etag, ret,
                                   error);
}
