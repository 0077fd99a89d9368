/* What goes out: a ring of references to shared buffers, and its writing.
 *
 * A small message alone is written from its own buffer, its websocket header standing in the headroom; several are gathered into one write. What
 * libwebsockets could not send it keeps, and nothing more is given to it until that is gone. A message larger than one write, or made of several
 * buffers, goes as websocket fragments, between which libwebsockets may answer a ping.
 *
 * How a message goes, deflated or not, is decided when it is the next. One that is deflated without a context is a row of blocks that do not
 * know of each other: its large parts' deflated forms, its small ones as they are, each behind a stored block's header. */
#include <stdlib.h>

#include "net/internal.h"

enum {
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    DEFLATED = 0x40,
    FINAL = 0x80,
    WS_HEADER = 10,
    STORED_HEADER = 5,
    STORED_MOST = 65535
};

/* ---- The ring ---- */

static struct sgr__part *ring_at(struct sgr_connection *connection, uint32_t i) {
    return &connection->items[(connection->first + i) & (connection->capacity - 1)];
}

static int ring_grow(struct sgr_connection *connection) {
    if (connection->capacity > UINT32_MAX / 4)
        return SGR_ENOMEM;
    struct sgr__part *items = malloc(2 * (size_t)connection->capacity * sizeof(*items));
    if (!items)
        return SGR_ENOMEM;
    for (uint32_t i = 0; i < connection->count; i++)
        items[i] = *ring_at(connection, i);
    if (connection->items != connection->inline_items)
        free(connection->items);
    connection->items = items;
    connection->first = 0;
    connection->capacity *= 2;
    return SGR_OK;
}

int sgr__ring_push(struct sgr_connection *connection, struct sgr_bytes *bytes, bool more,
                   bool binary) {
    if (connection->count == connection->capacity && ring_grow(connection))
        return SGR_ENOMEM;
    *ring_at(connection, connection->count++) =
        (struct sgr__part){sgr_bytes_ref(bytes), more, binary};
    connection->queued += bytes->size;
    return SGR_OK;
}

/* Its reference is the caller's. */
static struct sgr_bytes *ring_take(struct sgr_connection *connection) {
    struct sgr__part *part = ring_at(connection, 0);
    struct sgr_bytes *bytes = part->bytes;
    connection->begun = part->more;
    connection->ready = false;
    if (!part->more)
        connection->form = SGR__UNDECIDED;
    connection->queued -= bytes->size;
    connection->first_at = 0;
    connection->first = (connection->first + 1) & (connection->capacity - 1);
    connection->count--;
    return bytes;
}

static void ring_pop(struct sgr_connection *connection) {
    sgr_bytes_unref(ring_take(connection));
}

void sgr__ring_fini(struct sgr_connection *connection) {
    while (connection->count)
        ring_pop(connection);
    if (connection->items != connection->inline_items)
        free(connection->items);
}

/* ---- The next part ---- */

static void decide_form(struct sgr_connection *connection) {
    size_t size = 0, largest = 0;
    for (uint32_t i = 0; i < connection->count; i++) {
        const struct sgr__part *part = ring_at(connection, i);
        size += part->bytes->size;
        largest = part->bytes->size > largest ? part->bytes->size : largest;
        if (!part->more)
            break;
    }
    connection->form = sgr__deflate_form(connection, size, largest);
}

/* Deflated once for all who get it, a part takes the place of what it was made from. */
static void deflate_part(struct sgr_connection *connection) {
    struct sgr__part *part = ring_at(connection, 0);
    struct sgr_bytes *bytes = part->bytes, *once = sgr__deflate_once(connection->server, bytes);
    connection->stored = !once;
    if (!once && !part->more && !connection->begun)
        connection->form = SGR__PLAIN;
    if (!once)
        return;
    part->bytes = sgr_bytes_ref(once);
    connection->queued += once->size;
    connection->queued -= bytes->size;
    sgr_bytes_unref(bytes);
}

static void look_at(struct sgr_connection *connection) {
    if (connection->ready)
        return;
    connection->ready = true;
    if (connection->form == SGR__UNDECIDED)
        decide_form(connection);
    if (connection->form == SGR__ONCE)
        deflate_part(connection);
}

static bool is_stored(const struct sgr_connection *connection) {
    return connection->form == SGR__ONCE && connection->stored;
}

/* What of the part's bytes is still to be sent. */
static size_t left_of(struct sgr_connection *connection) {
    const struct sgr__part *part = ring_at(connection, 0);
    size_t left = part->bytes->size - connection->first_at;
    bool deflated = connection->form == SGR__ONCE && !connection->stored;
    return deflated && !part->more ? left - SGR__DEFLATE_TAIL : left;
}

static bool fits(struct sgr_connection *connection, size_t room) {
    look_at(connection);
    size_t left = left_of(connection);
    if (connection->form == SGR__BY_ITSELF)
        left = sgr__deflated_bound(left);
    else if (is_stored(connection))
        left = left > STORED_MOST ? SIZE_MAX / 2 : left + STORED_HEADER;
    return left + WS_HEADER <= room;
}

/* ---- Writing ---- */

static size_t ws_header(unsigned char *to, unsigned first_byte, size_t size) {
    to[0] = (unsigned char)first_byte;
    if (size < 126) {
        to[1] = (unsigned char)size;
        return 2;
    }
    if (size < 65536) {
        to[1] = 126;
        to[2] = (unsigned char)(size >> 8);
        to[3] = (unsigned char)size;
        return 4;
    }
    to[1] = 127;
    for (int i = 0; i < 8; i++)
        to[2 + i] = (unsigned char)((uint64_t)size >> (56 - 8 * i));
    return 10;
}

static size_t ws_header_size(size_t size) {
    return size < 126 ? 2 : size < 65536 ? 4 : 10;
}

/* Of the next frame: a message is one frame or goes on in others. `ends`: the part does. */
static unsigned first_byte(struct sgr_connection *connection, bool ends) {
    const struct sgr__part *part = ring_at(connection, 0);
    bool final = ends && !part->more;
    if (connection->begun)
        return final ? FINAL : 0;
    return (part->binary ? OPCODE_BINARY : OPCODE_TEXT) |
           (connection->form == SGR__PLAIN ? 0u : DEFLATED) | (final ? FINAL : 0u);
}

static int write_raw(struct sgr_connection *connection, unsigned char *from, size_t size) {
    struct lws *wsi = connection->peer->wsi;
    if (lws_write(wsi, from, size, LWS_WRITE_RAW) < 0)
        return -1;
    sgr__hold(connection->server, &connection->in_flight, lws_partial_buffered(wsi) ? size : 0);
    if (connection->in_flight || connection->count)
        sgr__connection_progress(connection); /* else it is not waited for any more */
    return 0;
}

/* The only message or the end of one, from where it stands. Its header is the same for every connection, and written by this thread alone. */
static int write_alone(struct sgr_connection *connection) {
    size_t size = left_of(connection);
    unsigned char *from = (unsigned char *)ring_at(connection, 0)->bytes->data;
    if (connection->websocket) {
        size_t header = ws_header_size(size);
        from -= header;
        size += ws_header(from, first_byte(connection, true), size);
    }
    struct sgr_bytes *bytes = ring_take(connection);
    int failed = write_raw(connection, from, size);
    sgr_bytes_unref(bytes);
    return failed;
}

/* So much of the first part was written. */
static void advance(struct sgr_connection *connection, size_t size, bool ends) {
    connection->first_at += size;
    connection->begun = true;
    if (ends)
        ring_pop(connection);
}

/* Written behind the longest header and moved to its own. 0: it went wrong. */
static size_t put_deflated(struct sgr_connection *connection, unsigned char *to, size_t room) {
    const struct sgr__part *first = ring_at(connection, 0);
    size_t left = left_of(connection), part = left;
    room -= WS_HEADER;
    if (sgr__deflated_bound(part) > room)
        part = room - room / 8 - 64;
    bool ends = part == left, last = ends && !first->more;
    size_t size = sgr__deflate(connection->deflater, first->bytes->data + connection->first_at,
                               part, to + WS_HEADER, room);
    if (!size)
        return 0;
    if (last)
        size -= SGR__DEFLATE_TAIL;
    size_t header = ws_header(to, first_byte(connection, ends), size);
    memmove(to + header, to + WS_HEADER, size);
    advance(connection, part, ends);
    if (last)
        sgr__deflate_done(connection);
    return header + size;
}

static void stored_header(unsigned char *to, size_t size) {
    to[0] = 0;
    to[1] = (unsigned char)size;
    to[2] = (unsigned char)(size >> 8);
    to[3] = (unsigned char)~size;
    to[4] = (unsigned char)(~size >> 8);
}

static size_t put_stored(struct sgr_connection *connection, unsigned char *to, size_t room) {
    size_t left = left_of(connection), part = left < STORED_MOST ? left : STORED_MOST;
    if (part > room - WS_HEADER - STORED_HEADER)
        part = room - WS_HEADER - STORED_HEADER;
    size_t header = ws_header(to, first_byte(connection, part == left), part + STORED_HEADER);
    stored_header(to + header, part);
    header += STORED_HEADER;
    memcpy(to + header, ring_at(connection, 0)->bytes->data + connection->first_at, part);
    advance(connection, part, part == left);
    return header + part;
}

static size_t put_plain(struct sgr_connection *connection, unsigned char *to, size_t room) {
    size_t left = left_of(connection), header = 0;
    size_t part = left < room - WS_HEADER ? left : room - WS_HEADER;
    if (connection->websocket)
        header = ws_header(to, first_byte(connection, part == left), part);
    memcpy(to + header, ring_at(connection, 0)->bytes->data + connection->first_at, part);
    advance(connection, part, part == left);
    return header + part;
}

/* As much of the first part as fits. Returns the bytes put at `to`, 0 if that went wrong; `room` is some hundred bytes at least. */
static size_t put_part(struct sgr_connection *connection, unsigned char *to, size_t room) {
    if (connection->form == SGR__BY_ITSELF)
        return put_deflated(connection, to, room);
    return is_stored(connection) ? put_stored(connection, to, room)
                                 : put_plain(connection, to, room);
}

/* Whole messages, or a part of one that is larger than a write. */
int sgr__write_behind(struct sgr_connection *connection, const struct sgr_bytes *head) {
    unsigned char *start = (unsigned char *)connection->server->scratch + LWS_PRE;
    size_t used = 0, most = sgr__chunk(connection->server);
    if (head) {
        memcpy(start, head->data, head->size);
        used = head->size;
        most = most + used < SGR__CHUNK ? most + used : SGR__CHUNK;
    }
    while (connection->count && (fits(connection, most - used) || used == 0)) {
        size_t put = put_part(connection, start + used, most - used);
        if (!put && connection->websocket)
            return -1;
        used += put;
    }
    return write_raw(connection, start, used);
}

int sgr__write_some(struct sgr_connection *connection) {
    if (connection->count == 1 && !connection->first_at &&
        fits(connection, sgr__chunk(connection->server)) && connection->form != SGR__BY_ITSELF &&
        !is_stored(connection))
        return write_alone(connection);
    return sgr__write_behind(connection, NULL);
}
