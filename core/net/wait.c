/* Waits: a client that wants to have been sent everything up to some position.
 *
 * The engine answers when it has published that. Its answer comes behind the commits in question, so that a connection which is served commit by
 * commit has them queued by then. One that is paused has not: its answers are kept until what it missed was composed and queued. Each wait
 * that the engine has not answered in time is given up. */
#include <stdlib.h>

#include "net/internal.h"

struct wait {
    struct sgr_list link;     /* of the connection */
    struct sgr_list deadline; /* on server->waits: not answered yet, oldest first */
    struct sgr_connection *connection;
    uint64_t id;
    void (*done)(void *data, const struct sgr_waited *waited);
    void *data;
    ev_tstamp until;
    struct sgr_bytes *cursor; /* the engine's answer, while the connection is paused */
};

_Static_assert(sizeof(struct wait) >= SGR_HUB_FAREWELL, "it has room for its farewell");

static bool is_answered(const struct wait *wait) {
    return sgr_list_empty(&wait->deadline);
}

/* If the engine has not answered yet, nobody waits for that any more. */
static void over(struct wait *wait, const struct sgr_waited *waited) {
    struct sgr_server *server = wait->connection->server;
    struct wait own = *wait;
    bool answered = is_answered(wait);
    sgr_map_remove(server->waiting, sgr__id_key(&own.id));
    sgr_list_remove(&wait->link);
    sgr_list_remove(&wait->deadline);
    own.connection->wait_count--;
    if (answered)
        free(wait);
    else
        sgr_hub_wait_end(server->hub, own.id, wait);
    own.done(own.data, waited);
    sgr_bytes_unref(own.cursor);
}

int sgr__wait(struct sgr_connection *connection, const struct sgr_wait *what,
              void (*done)(void *data, const struct sgr_waited *waited), void *data) {
    struct sgr_server *server = connection->server;
    if (connection->wait_count >= SGR__WAITS)
        return SGR_ELIMIT;
    struct wait *wait = calloc(1, sizeof(*wait));
    if (!wait)
        return SGR_ENOMEM;
    *wait = (struct wait){
        .connection = connection, .id = ++server->next_id, .done = done, .data = data};
    if (sgr_map_put(server->waiting, sgr__id_key(&wait->id), wait, NULL)) {
        free(wait);
        return SGR_ENOMEM;
    }
    if (sgr_hub_wait(server->hub, wait->id, what)) {
        sgr_map_remove(server->waiting, sgr__id_key(&wait->id));
        free(wait);
        return SGR_ENOMEM;
    }
    wait->until = ev_now(server->loop) + (double)server->options.wait_timeout / 1e6;
    sgr_list_append(&connection->waits, &wait->link);
    sgr_list_append(&server->waits, &wait->deadline);
    connection->wait_count++;
    return SGR_OK;
}

static void tell_reached(struct wait *wait, struct sgr_slice cursor) {
    struct sgr_connection *connection = wait->connection;
    struct sgr_waited waited = {
        .cursor = sgr__stamped(&connection->server->stamped, cursor, connection->stamp)};
    over(wait, &waited);
}

static void tell_failed(struct wait *wait, const char *code, const char *message) {
    struct sgr_waited waited = {.code = code, .message = message};
    over(wait, &waited);
}

void sgr__waited(struct sgr_server *server, const struct sgr_hub_answer *answer) {
    struct wait *wait = sgr_map_get(server->waiting, sgr__id_key(&answer->id));
    const struct sgr_state *state = &answer->state;
    if (!wait)
        return;
    sgr_list_remove(&wait->deadline);
    if (state->answer == SGR_ANSWER_ERROR)
        tell_failed(wait, state->code, state->message);
    else if (!wait->connection->paused)
        tell_reached(wait, state->cursor);
    else if (!(wait->cursor = sgr_bytes_new(state->cursor.data, state->cursor.size)))
        tell_failed(wait, "out_of_memory", "out of memory");
}

void sgr__waits_resume(struct sgr_connection *connection) {
    SGR_LIST_EACH(link, &connection->waits) {
        struct wait *wait = SGR_CONTAINER(link, struct wait, link);
        if (wait->cursor)
            tell_reached(wait, sgr__bytes_slice(wait->cursor));
    }
}

void sgr__waits_end(struct sgr_connection *connection) {
    SGR_LIST_EACH(link, &connection->waits)
    over(SGR_CONTAINER(link, struct wait, link), NULL);
}

void sgr__waits_check(struct sgr_server *server) {
    static const struct sgr_waited late = {
        .code = "timeout", .message = "the position was not reached in the time the server waits"};
    ev_tstamp now = ev_now(server->loop);
    SGR_LIST_EACH(link, &server->waits) {
        struct wait *wait = SGR_CONTAINER(link, struct wait, deadline);
        if (wait->until > now)
            return;
        over(wait, &late);
    }
}
