/* Stamps: what a cursor says of the claims under which it was told.
 *
 * A cursor names a commit, and under other claims that commit has another document. Who comes back with a cursor and with other claims must not be
 * resumed on the document of the old ones. So behind a cursor that is told for views with claims stands a stamp, a hash of them, and a guard
 * takes a cursor only with a stamp of its own claims; others are answered with a reset. The engine does not look at stamps.
 *
 * Where there is but one subscription the stamp is of the claims that its view uses, so that all who share its channel share its frames too.
 * Several have one cursor together, and for that the stamp is of all claims that any view uses. While some of them were last told under other
 * claims than the rest, it is one that fits nothing. */
#include "net/internal.h"

#include "base/hash.h"

enum { DIGITS = 6, SIZE = DIGITS + 1 };

static const uint64_t stamps = UINT64_C(62) * 62 * 62 * 62 * 62 * 62, no_stamp = 0, odd = 1;

/* ---- What is stamped ---- */

static bool is_known(const struct sgr_vector *paths, const char *path) {
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(*SGR_VECTOR_AT(paths, const char *, i), path) == 0)
            return true;
    return false;
}

int sgr__stamps_fill(struct sgr_server *server) {
    const struct sgr_plan_server *options = &server->options;
    server->claim_paths = SGR_VECTOR_INIT(const char *);
    for (size_t i = 0; i < options->access_count; i++)
        for (size_t k = 0; k < options->access[i].claim_count; k++) {
            const char *path = options->access[i].claims[k].path;
            if (!is_known(&server->claim_paths, path) &&
                sgr_vector_push(&server->claim_paths, &path))
                return SGR_ENOMEM;
        }
    return SGR_OK;
}

/* Neither none nor the odd one. */
static uint64_t stamp_of(uint64_t hash) {
    return hash % (stamps - 2) + 2;
}

static uint64_t stamp_of_values(const struct sgr__guard *guard) {
    return stamp_of(sgr__guard_hash(guard));
}

static uint64_t stamp_of_claims(const struct sgr__guard *guard) {
    const struct sgr_vector *paths = &sgr__subscription_server(guard->subscription)->claim_paths;
    uint64_t hash = paths->count;
    for (size_t i = 0; i < paths->count; i++) {
        struct sgr_buffer text = SGR_BUFFER_INIT;
        bool there = sgr_claims_text(guard->claims, *SGR_VECTOR_AT(paths, const char *, i), &text);
        hash = sgr_hash_mix(hash, there ? sgr_hash_bytes(text.data, text.size) : i);
        if (text.failed)
            hash = sgr_hash_mix(hash, (uintptr_t)guard); /* which fits nothing else */
        sgr_buffer_fini(&text);
    }
    return stamp_of(hash);
}

/* ---- Writing and reading ---- */

static void write_stamp(uint64_t stamp, char text[SIZE]) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    text[0] = SGR__STAMP_BEFORE;
    for (int i = DIGITS; i; i--, stamp /= 62)
        text[i] = digits[stamp % 62];
}

struct sgr_slice sgr__stamped(struct sgr_buffer *room, struct sgr_slice cursor, uint64_t stamp) {
    char text[SIZE];
    if (stamp == no_stamp || !cursor.size || cursor.data[0] == SGR__STAMP_BEFORE)
        return cursor;
    write_stamp(stamp, text);
    sgr_buffer_clear(room);
    sgr_buffer_append(room, cursor.data, cursor.size);
    sgr_buffer_append(room, text, sizeof(text));
    return room->failed ? SGR_SLICE("-") : (struct sgr_slice){room->data, room->size};
}

static bool ends_with(struct sgr_slice cursor, uint64_t stamp) {
    char text[SIZE];
    write_stamp(stamp, text);
    return cursor.size > sizeof(text) &&
           memcmp(cursor.data + cursor.size - sizeof(text), text, sizeof(text)) == 0;
}

bool sgr__stamp_fits(const struct sgr__guard *guard, struct sgr_slice cursor) {
    return !guard->access->claim_count || ends_with(cursor, stamp_of_values(guard)) ||
           ends_with(cursor, stamp_of_claims(guard));
}

/* ---- Whose stamp it is ---- */

void sgr__guard_stamp(struct sgr__guard *guard) {
    bool none = !guard->access->claim_count;
    guard->values_stamp = none ? no_stamp : stamp_of_values(guard);
    guard->claims_stamp = none ? no_stamp : stamp_of_claims(guard);
}

/* Other claims, and a document that is as right by them. */
void sgr__guard_restamp(struct sgr__guard *guard) {
    struct sgr_connection *connection = guard->subscription->connection;
    if (!guard->access->claim_count || guard->values_stamp != stamp_of_values(guard))
        return;
    sgr__guard_stamp(guard);
    if (connection)
        sgr__connection_stamp(connection);
}

static uint64_t with_stamp(uint64_t stamp, uint64_t more) {
    return !more || stamp == more ? stamp : stamp == no_stamp ? more : odd;
}

void sgr__connection_stamp(struct sgr_connection *connection) {
    uint64_t stamp = no_stamp;
    SGR_LIST_EACH(link, &connection->subscriptions) {
        const struct sgr_subscription *subscription =
            SGR_CONTAINER(link, struct sgr_subscription, in_owner);
        const struct sgr__guard *guard = subscription->guard;
        if (guard && !subscription->ended)
            stamp =
                with_stamp(stamp, connection->shared ? guard->claims_stamp : guard->values_stamp);
    }
    connection->stamp = stamp;
}
