#include "replay.h"

#include "answer.h"
#include "value.h"

/* ---- Events ---- */

static const char position_event[] = "position", gap_event[] = "gap";

/* As clients compare names, which take some letters for others: in small ones, and in Turkish İ is i then. */
static bool is_named(struct sgr_slice name, const char *wanted) {
    size_t at = 0;
    for (; *wanted; wanted++) {
        bool dotted = *wanted == 'i' && name.size - at >= 2 && memcmp(name.data + at, "İ", 2) == 0;
        if (!dotted && (at == name.size || (name.data[at] | 0x20) != *wanted))
            return false;
        at += dotted ? 2 : 1;
    }
    return at == name.size;
}

bool replay_is_event(struct sgr_slice name) {
    return is_named(name, position_event) || is_named(name, gap_event);
}

/* `reason` NULL: none. */
static void send_event(struct channel *channel, const char *name, const char *reason) {
    const struct supabase *supabase = channel->socket->supabase;
    bool broadcast = channel->era == ERA_V2;
    char position[24], event[16];
    struct sgr_text payload = sgr_text_new(&supabase->table->common, supabase->host);
    int size = snprintf(event, sizeof(event), "\"%s\"", name);
    struct sgr_slice json = {event, (size_t)size};
    window_write_lsn(position, supabase->window.latest);
    if (broadcast) {
        sgr_text_puts(&payload, "{\"event\":");
        sgr_text_slice(&payload, json);
        sgr_text_puts(&payload, ",\"payload\":");
    }
    sgr_text_puts(&payload, "{\"position\":\"");
    sgr_text_puts(&payload, position);
    if (reason) {
        sgr_text_puts(&payload, "\",\"reason\":\"");
        sgr_text_puts(&payload, reason);
    }
    sgr_text_puts(&payload, broadcast ? "\"},\"type\":\"broadcast\"}" : "\"}");
    channel_push(channel, broadcast ? FRAME_JSON("\"broadcast\"") : json, &payload);
    sgr_text_free(&payload);
}

static void tell(struct channel *channel) {
    const struct window *window = &channel->socket->supabase->window;
    if (!channel->wants_positions || channel->is_behind || !window->begun ||
        channel->told == window->latest)
        return;
    channel->told = window->latest;
    send_event(channel, position_event, NULL);
}

void replay_tell(struct socket *socket) {
    for (struct channel *channel = socket->positions ? socket->channels : NULL; channel;
         channel = channel->next)
        tell(channel);
}

/* ---- What was missed ---- */

/* NULL, or why not all of it was sent: what a client's connection may queue bounds it. */
static const char *send_missed(struct channel *channel, const struct window_piece *piece) {
    struct socket *socket = channel->socket;
    struct supabase *supabase = socket->supabase;
    size_t most = (size_t)supabase->options->backlog / 2;
    for (; piece; piece = piece->next) {
        if (supabase->table->queued(socket->connection) > most)
            return "backlog";
        const char *reason = feed_again(channel, piece->batch);
        if (reason)
            return reason;
    }
    return NULL;
}

static void resolve(struct channel *channel) {
    const struct supabase *supabase = channel->socket->supabase;
    const struct window_piece *piece = NULL;
    const char *reason = window_behind(&supabase->window, channel->since, &piece);
    channel->is_behind = true;
    if (!reason)
        reason = send_missed(channel, piece);
    channel->is_behind = false;
    if (reason) {
        channel->told = supabase->window.latest;
        send_event(channel, gap_event, reason);
    } else {
        tell(channel);
    }
}

/* ---- Channels ---- */

void replay_join(struct channel *channel, const struct message *join) {
    const json_t *since = json_object_get(join->payload, "since");
    const struct supabase *supabase = channel->socket->supabase;
    if (!since || supabase->options->strict)
        return;
    channel->wants_positions = channel->member.is_positioned = true;
    channel->socket->positions++;
    if (json_is_null(since)) {
        tell(channel);
        return;
    }
    if (!window_read_lsn(message_text(since), &channel->since))
        channel->since = UINT64_MAX; /* which was never told */
    if (supabase->window.begun)
        resolve(channel);
    else
        channel->is_behind = true;
}

void replay_leave(struct channel *channel) {
    channel->socket->positions -= channel->wants_positions;
}

void replay_begin(struct supabase *supabase) {
    for (struct socket *socket = supabase->sockets; socket; socket = socket->next)
        for (struct channel *channel = socket->positions ? socket->channels : NULL; channel;
             channel = channel->next) {
            if (channel->is_behind)
                resolve(channel);
            else
                tell(channel);
        }
}
