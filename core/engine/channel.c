/* Channels: instances with a codec, and what a client of one gets that has nothing, or all up to a cursor. */
#include "engine/publisher.h"

#include <stdlib.h>

/* ---- Making and dropping ---- */

static struct publisher_channel *first_of(const struct sgr_instance *instance) {
    return sgr_instance_data(instance);
}

/* Channels of an instance are where it changed last; the first of them is where it is now. */
static struct sgr_bytes *token_for(const struct sgr_publisher *publisher,
                                   const struct sgr_instance *instance) {
    const struct publisher_channel *other = first_of(instance);
    return other ? sgr_bytes_ref(other->token) : sgr_cursors_token(publisher->parts.cursors);
}

static void link_last(struct publisher_channel *channel) {
    struct publisher_channel *first = first_of(channel->instance), **at = &first;
    while (*at)
        at = &(*at)->next;
    *at = channel;
    sgr_instance_set_data(channel->instance, first);
}

static struct publisher_channel *channel_new(struct sgr_publisher *publisher,
                                             struct sgr_instance *instance,
                                             const struct sgr_codec *codec) {
    struct publisher_channel *channel = calloc(1, sizeof(*channel));
    struct sgr_bytes *token = channel ? token_for(publisher, instance) : NULL;
    uint32_t number = token ? sgr_slots_add(&publisher->channels, channel) : 0;
    if (!number) {
        sgr_bytes_unref(token);
        free(channel);
        return NULL;
    }
    *channel = (struct publisher_channel){
        .instance = instance, .codec = codec, .token = token, .number = number};
    sgr_list_init(&channel->kept);
    link_last(channel);
    return channel;
}

struct publisher_channel *sgr__publisher_channel(struct sgr_publisher *publisher,
                                                 struct sgr_instance *instance,
                                                 const struct sgr_codec *codec) {
    struct publisher_channel *channel = first_of(instance);
    while (channel && channel->codec != codec)
        channel = channel->next;
    return channel ? channel : channel_new(publisher, instance, codec);
}

static void unlink_channel(struct publisher_channel *channel) {
    struct publisher_channel *first = first_of(channel->instance), **at = &first;
    while (*at != channel)
        at = &(*at)->next;
    *at = channel->next;
    sgr_instance_set_data(channel->instance, first);
}

void sgr__publisher_drop_if_unused(struct sgr_publisher *publisher,
                                   struct publisher_channel *channel) {
    if (channel->subscriptions || !sgr_list_empty(&channel->kept))
        return;
    unlink_channel(channel);
    sgr_slots_remove(&publisher->channels, channel->number);
    sgr_bytes_unref(channel->token);
    free(channel);
}

void sgr__publisher_changed(struct sgr_publisher *publisher, struct publisher_channel *first) {
    for (struct publisher_channel *channel = first, *next; channel; channel = next) {
        next = channel->next;
        sgr__publisher_forget(publisher, channel);
        sgr__publisher_drop_if_unused(publisher, channel);
    }
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
        .cursor = sgr__bytes_slice(channel->token),
        .revision = sgr__publisher_revision(publisher, channel->instance),
        .stale = publisher->stale,
        .time = publisher->commit_time,
    };
}

/* Epoch, last change and codec: it stays the same while the document does, also when nobody subscribes between two requests. */
static void write_etag(const struct publisher_channel *channel, struct sgr_buffer *out) {
    const struct sgr_bytes *token = channel->token;
    sgr_buffer_append(out, token->data, SGR_CURSORS_EPOCH_DIGITS);
    sgr_buffer_printf(out, "-%llx-%s", (unsigned long long)sgr_instance_changed(channel->instance),
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
        return sgr_instance_commit_of_revision(channel->instance,
                                               what->revision - publisher->revision_base, ret_from);
    }
    if (sgr_slice_equal(sgr_cursor_bare(what->cursor), sgr__bytes_slice(channel->token))) {
        *ret_from = sgr_instance_changed(channel->instance);
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
