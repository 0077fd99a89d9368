#include "join.h"

#include "answer.h"
#include "changes.h"
#include "events.h"
#include "replay.h"
#include "view.h"

enum {
    TEXT_SIZE = 1 << 10, /* bytes, of what a channel keeps of its join, some of it several times */
    VIEW_SIZE = 8 << 10, /* of a topic with a view's parameters and cursor */
    CHANGES_SIZE = 256 << 10, /* bytes, of a connection */
    CHANGES_COST = 1000,      /* likewise */
};

/* What a join comes to before there is a channel. */
struct joining {
    struct socket *socket;
    const struct message *message;
    enum era era;
    struct config config;
    struct token_verdict token; /* owns its claims */
};

/* ---- Refusing ---- */

static void refuse_v0(const struct joining *joining, const char *why) {
    struct supabase *supabase = joining->socket->supabase;
    struct sgr_text reason = sgr_text_new(&supabase->table->common, supabase->host);
    sgr_text_puts(&reason, why);
    sgr_text_slice(&reason, message_text(joining->message->topic));
    sgr_text_add(&reason, "", 1);
    if (reason.failed)
        socket_shut(joining->socket, 1013, "out of memory");
    else
        answer_error(joining->socket, joining->message, joining->message->join_ref, reason.data);
    sgr_text_free(&reason);
}

/* The second era's reasons begin with a code. */
static bool refuse(const struct joining *joining, const char *v0, const char *v2) {
    if (joining->era == ERA_V0)
        refuse_v0(joining, v0);
    else
        answer_error(joining->socket, joining->message, joining->message->join_ref, v2);
    return false;
}

static bool refuse_token(const struct joining *joining, const char *why) {
    char reason[256];
    snprintf(reason, sizeof(reason), "InvalidJWTToken: %s", why);
    return refuse(joining, "error occurred when joining ", reason);
}

/* ---- Tokens ---- */

/* The one that the join names. Data NULL and true: none, so the one the client came with counts. */
static bool named_token(const struct joining *joining, struct sgr_slice *ret) {
    const json_t *payload = joining->message->payload;
    const json_t *user = json_object_get(payload, "user_token");
    *ret = message_text(user);
    if (joining->era == ERA_V0)
        return !user || ret->data;
    if (!ret->data)
        *ret = message_text(json_object_get(payload, "access_token"));
    if (ret->data && token_is_key(*ret))
        ret->data = NULL;
    return true;
}

static struct token_verdict connections_token(const struct socket *socket) {
    if (socket->expiry == INT64_MAX)
        return (struct token_verdict){.why = "Fields `role` and `exp` are required in JWT"};
    return (struct token_verdict){.expiry = socket->expiry,
                                  .claims =
                                      token_claims(&socket->supabase->tokens, socket->claims)};
}

/* A token must expire some day to join by. */
static bool check_token(struct joining *joining) {
    struct tokens *tokens = &joining->socket->supabase->tokens;
    struct sgr_slice token;
    joining->token.expiry = INT64_MAX;
    if (!tokens->wanted)
        return true;
    if (!named_token(joining, &token))
        return refuse_token(joining, "the token is no text");
    joining->token = token.data ? token_joins(tokens, token) : connections_token(joining->socket);
    if (!joining->token.expiry)
        return refuse_token(joining, joining->token.why);
    return joining->token.expiry > wall_now() || refuse_token(joining, "Token has expired");
}

/* A private channel is for those of whom something is known. */
static bool check_private(const struct joining *joining) {
    if (!joining->config.private)
        return true;
    if (!joining->socket->supabase->tokens.wanted)
        return refuse(joining, "",
                      "Unauthorized: this server knows no tokens, so it has no private channels");
    return !token_has_role(&joining->socket->supabase->tokens, joining->token.claims,
                           ROLE_ANYBODY) ||
           refuse(joining, "",
                  "Unauthorized: a private channel needs a token whose role is not anon");
}

/* ---- Joining ---- */

static bool check_limit(const struct joining *joining) {
    const struct socket *socket = joining->socket;
    if (socket->channel_count < (size_t)socket->supabase->options->channels)
        return true;
    return refuse(joining, "too many channels to join ",
                  "ChannelRateLimitReached: Too many channels");
}

static bool shows_view(const struct joining *joining) {
    return !joining->socket->supabase->options->strict &&
           view_is_topic(message_text(joining->message->topic));
}

static bool check_texts(const struct joining *joining) {
    const struct message *message = joining->message;
    size_t most = shows_view(joining) ? VIEW_SIZE : TEXT_SIZE;
    if (message_text(message->topic).size <= most &&
        frame_json_size(message->join_ref) <= TEXT_SIZE &&
        frame_json_size(message->ref) <= TEXT_SIZE)
        return true;
    return refuse(
        joining, "topic, ref or join_ref too long to join ",
        "InvalidJoinPayload: the topic, \"ref\" or \"join_ref\" is longer than 1 KB, or a "
        "view's topic than 8 KB");
}

/* What a connection asks for takes memory, and time for each change. */
static bool check_changes(const struct joining *joining) {
    if (joining->socket->changes_size + joining->config.changes_size > CHANGES_SIZE)
        return refuse(joining, NULL,
                      "ChannelRateLimitReached: all \"postgres_changes\" of a connection are "
                      "larger than 256 KB");
    if (joining->socket->changes_cost + joining->config.changes_cost > CHANGES_COST)
        return refuse(joining, NULL,
                      "ChannelRateLimitReached: all \"postgres_changes\" of a connection are more "
                      "than 1000, where one of several tables counts as 10");
    return true;
}

/* A join is worked out for every table, and may come and go without end. */
static bool check_rate(const struct joining *joining) {
    return socket_may_ask(joining->socket, joining->message) ||
           refuse(joining, "too many joins per second to join ",
                  "ClientJoinRateLimitReached: Too many joins per second");
}

static bool read_config(struct joining *joining) {
    const struct supabase *supabase = joining->socket->supabase;
    const json_t *from = json_object_get(joining->message->payload, "config");
    const char *wrong = NULL;
    if (!from || supabase->options->strict)
        return true;
    joining->era = ERA_V2;
    if (!topic_rest_of(message_text(joining->message->topic)).size)
        wrong = "TopicNameRequired: You must provide a topic name";
    else
        wrong = config_read(&joining->config, from);
    return !wrong || refuse(joining, wrong, wrong);
}

static void answer_joined(const struct joining *joining, const struct channel *channel) {
    struct socket *socket = joining->socket;
    struct sgr_text payload =
        sgr_text_new(&socket->supabase->table->common, socket->supabase->host);
    if (joining->era == ERA_V0) {
        answer_ok(socket, joining->message, joining->message->join_ref);
        return;
    }
    sgr_text_puts(&payload, "{\"response\":{\"postgres_changes\":");
    config_echo(&payload, &channel->config);
    sgr_text_puts(&payload, "},\"status\":\"ok\"}");
    if (payload.failed)
        socket_shut(socket, 1013, "out of memory");
    else
        answer(socket, joining->message, joining->message->join_ref,
               (struct sgr_slice){payload.data, payload.size});
    sgr_text_free(&payload);
}

/* Who waits for changes to flow comes again by itself. */
static bool check_flow(const struct joining *joining) {
    return !joining->config.waits || joining->socket->supabase->flowing ||
           refuse(
               joining, "",
               "PostgresChangesSubscribeTimeout: changes do not flow now, as the database is away");
}

static bool check_view(const struct joining *joining) {
    if (!joining->config.changes || !shows_view(joining))
        return true;
    return refuse(joining, NULL, "InvalidJoinPayload: a view has no \"postgres_changes\"");
}

/* In the first era "ok" is all that tells a client that it misses nothing from here on, so it is said when changes flow. */
static void hold(struct channel *channel, const struct message *message) {
    struct supabase *supabase = channel->socket->supabase;
    channel->held = supabase->table->common.allocate(supabase->host, sizeof(*channel->held));
    if (!channel->held) {
        socket_shut(channel->socket, 1013, "out of memory");
        return;
    }
    if (!message_keep(message, channel->held))
        socket_shut(channel->socket, 1013, "out of memory");
}

void join_drop(struct channel *channel) {
    struct supabase *supabase = channel->socket->supabase;
    if (!channel->held)
        return;
    message_free(channel->held);
    supabase->table->common.release(supabase->host, channel->held);
    channel->held = NULL;
}

static void release(struct channel *channel) {
    struct message *message = channel->held;
    answer_ok(channel->socket, message, message->join_ref);
    changes_join(channel);
    replay_join(channel, message);
    join_drop(channel);
}

void joins_release(struct supabase *supabase) {
    for (struct socket *socket = supabase->sockets, *next; socket; socket = next) {
        next = socket->next;
        for (struct channel *channel = socket->channels; channel; channel = channel->next)
            if (channel->held)
                release(channel);
    }
}

/* A view answers by itself, later. */
static void join_checked(struct joining *joining) {
    struct socket *socket = joining->socket;
    bool view = shows_view(joining);
    struct channel *channel =
        channel_new(socket, joining->message, view ? ERA_VIEW : joining->era, &joining->config);
    if (!channel) {
        socket_shut(socket, 1013, "out of memory");
        return;
    }
    channel_take_token(channel, &joining->token);
    joining->token.claims = NULL;
    if (view) {
        if (!view_begin(channel, joining->message, joining->era))
            socket_shut(socket, 1013, "out of memory");
        return;
    }
    if (joining->era == ERA_V0 && !socket->supabase->window.begun) {
        hold(channel, joining->message);
        return;
    }
    answer_joined(joining, channel);
    if (joining->era == ERA_V2)
        events_v2_joined(channel);
    changes_join(channel);
    replay_join(channel, joining->message);
}

void join(struct socket *socket, const struct message *message, struct channel *older) {
    struct joining joining = {.socket = socket, .message = message};
    if (older)
        channel_drop(older);
    if (read_config(&joining) && check_rate(&joining) && check_texts(&joining) &&
        check_view(&joining) && check_flow(&joining) && check_limit(&joining) &&
        check_changes(&joining) && check_token(&joining) && check_private(&joining))
        join_checked(&joining);
    config_free(&joining.config);
    token_drop(&socket->supabase->tokens, joining.token.claims);
}
