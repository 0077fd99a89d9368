/* What was rendered for one client is kept for the next: however many ask for an instance at one state, it is rendered once a codec.
 *
 * A channel keeps its document, and the last rest that somebody resumed with, until its instance changes. All of them together have a
 * quarter of the budget for what is queued; beyond it those that nobody asked for the longest time go. Whatever is rendered is a shared
 * buffer, which counts once however many queues it stands in; while those and what the network side holds besides exceed the whole budget,
 * nothing new is rendered and clients are told to come again. */
#include "engine/publisher.h"

enum { LOOKED_AT = 64 };

/* ---- Keeping ---- */

static struct publisher_channel *kept_channel(struct sgr_list *link) {
    return SGR_CONTAINER(link, struct publisher_channel, kept);
}

void sgr__publisher_forget(struct sgr_publisher *publisher, struct publisher_channel *channel) {
    sgr_list_remove(&channel->kept);
    publisher->kept_bytes -= channel->kept_bytes;
    channel->kept_bytes = 0;
    sgr_bytes_unref(channel->document);
    sgr_bytes_unref(channel->rest);
    channel->document = channel->rest = NULL;
}

static void forget_and_drop(struct sgr_publisher *publisher, struct publisher_channel *channel) {
    sgr__publisher_forget(publisher, channel);
    sgr__publisher_drop_if_unused(publisher, channel);
}

void sgr__publisher_forget_all(struct sgr_publisher *publisher) {
    SGR_LIST_EACH(link, &publisher->kept)
    forget_and_drop(publisher, kept_channel(link));
}

static size_t weight_of(const struct publisher_channel *channel) {
    return sizeof(*channel) + (channel->document ? channel->document->size : 0) +
           (channel->rest ? channel->rest->size : 0);
}

/* The channel was asked for: it is the last to go. */
static void keep(struct sgr_publisher *publisher, struct publisher_channel *channel) {
    size_t most = publisher->parts.queue_limit / 4;
    publisher->kept_bytes -= channel->kept_bytes;
    channel->kept_bytes = weight_of(channel);
    publisher->kept_bytes += channel->kept_bytes;
    sgr_list_remove(&channel->kept);
    while (publisher->kept_bytes > most && !sgr_list_empty(&publisher->kept))
        forget_and_drop(publisher, kept_channel(publisher->kept.next));
    sgr_list_append(&publisher->kept, &channel->kept);
}

/* ---- The budget ---- */

size_t sgr__publisher_load(const struct sgr_publisher *publisher) {
    return sgr_bytes_living() + sgr_hub_held(publisher->parts.hub);
}

static bool in_queues(const struct sgr_bytes *bytes) {
    return bytes && __atomic_load_n(&bytes->refs, __ATOMIC_RELAXED) > 1;
}

/* Lets go what is kept and in no queue; what is goes when its clients have it. */
static void make_room(struct sgr_publisher *publisher, const struct publisher_channel *wanted) {
    size_t looked_at = 0;
    SGR_LIST_EACH(link, &publisher->kept) {
        struct publisher_channel *channel = kept_channel(link);
        if (looked_at++ == LOOKED_AT ||
            sgr__publisher_load(publisher) <= publisher->parts.queue_limit)
            return;
        if (channel != wanted && !in_queues(channel->document) && !in_queues(channel->rest))
            forget_and_drop(publisher, channel);
    }
}

static int check_load(struct sgr_publisher *publisher, const struct publisher_channel *wanted,
                      struct sgr_error *error) {
    size_t most = publisher->parts.queue_limit;
    if (sgr__publisher_load(publisher) > most)
        make_room(publisher, wanted);
    if (sgr__publisher_load(publisher) <= most)
        return SGR_OK;
    publisher->counters.refused++;
    return sgr_error_set(error, SGR_ELIMIT,
                         "more than %zu bytes are queued for clients; come again in a moment",
                         most);
}

/* ---- Rendering ---- */

int sgr__publisher_document(struct sgr_publisher *publisher, struct publisher_channel *channel,
                            struct sgr_bytes **ret, struct sgr_error *error) {
    if (!channel->document) {
        struct sgr_buffer out = SGR_BUFFER_INIT;
        int code = check_load(publisher, channel, error);
        if (!code)
            code = sgr_instance_document(channel->instance, channel->codec, &out, error);
        if (code) {
            sgr_buffer_fini(&out);
            return code;
        }
        publisher->counters.documents++;
        channel->document = sgr__publisher_bytes(&out);
    }
    if (!channel->document)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a document");
    keep(publisher, channel);
    *ret = sgr_bytes_ref(channel->document);
    return SGR_OK;
}

static int render_rest(struct sgr_publisher *publisher, struct publisher_channel *channel,
                       uint64_t from, struct sgr_bytes **ret, struct sgr_error *error) {
    struct sgr_buffer out = SGR_BUFFER_INIT;
    int code = check_load(publisher, channel, error);
    if (!code)
        code = sgr_instance_changes(channel->instance, channel->codec, from, &out, error);
    if (code || !out.size) {
        sgr_buffer_fini(&out);
        *ret = NULL;
        return code;
    }
    publisher->counters.rests++;
    *ret = sgr__publisher_bytes(&out);
    return *ret ? SGR_OK : sgr_error_set(error, SGR_ENOMEM, "out of memory for a frame");
}

int sgr__publisher_rest(struct sgr_publisher *publisher, struct publisher_channel *channel,
                        uint64_t from, struct sgr_bytes **ret, struct sgr_error *error) {
    if (from >= sgr_instance_changed(channel->instance)) {
        *ret = NULL;
        return SGR_OK;
    }
    if (!channel->rest || channel->rest_from != from) {
        struct sgr_bytes *rest;
        int code = render_rest(publisher, channel, from, &rest, error);
        if (code || !rest) {
            *ret = NULL;
            return code;
        }
        sgr_bytes_unref(channel->rest);
        channel->rest = rest;
        channel->rest_from = from;
    }
    keep(publisher, channel);
    *ret = sgr_bytes_ref(channel->rest);
    return SGR_OK;
}
