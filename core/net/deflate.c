/* Compressed messages (permessage-deflate, RFC 7692), by zlib.
 *
 * libwebsockets' own extension keeps a context for each connection and deflates each message for each client. Here the one thing it has to know
 * is that the extension was agreed on, so that it lets the bit of compressed messages pass: it gets an extension that touches nothing. We write its
 * parameters into the answer, deflate what is sent and inflate what comes.
 *
 * Without a context a message is deflated once: the result is kept with the buffer that all its clients share. With one, each connection has a
 * deflater of its own, whose memory counts to a budget; a connection that gets none is served without. What clients send never has a context,
 * so one inflater serves all of them, on whole messages. */
#define _GNU_SOURCE
#include "net/internal.h"

#include <stdlib.h>

enum {
    LEVEL = 4, /* as small as 6 for our documents, at half its time */
    OWN_MEMORY = 4,
    SHARED_MEMORY = 6,
    ONCE_AT_LEAST = 512, /* below that little is won without a context */
    AGAIN_AT_LEAST = 48,
    PART_AT_LEAST = 128, /* smaller parts are stored */
};

static const unsigned char tail[SGR__DEFLATE_TAIL] = {0x00, 0x00, 0xff, 0xff};

/* ---- Memory ---- */

/* zlib frees by address alone, so each block knows its size. */
static void *allocate(void *opaque, unsigned count, unsigned size) {
    struct sgr_server *server = opaque;
    size_t bytes = (size_t)count * size + sizeof(max_align_t);
    if (bytes > server->options.compression_memory - server->compression_used)
        return NULL;
    max_align_t *block = malloc(bytes);
    if (!block)
        return NULL;
    server->compression_used += bytes;
    *(size_t *)block = bytes;
    return block + 1;
}

static void release(void *opaque, void *memory) {
    struct sgr_server *server = opaque;
    max_align_t *block = (max_align_t *)memory - 1;
    server->compression_used -= *(size_t *)block;
    free(block);
}

/* ---- Deflating ---- */

static z_stream *deflater_new(struct sgr_server *server, int memory, bool counted) {
    z_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    if (counted) {
        stream->zalloc = allocate;
        stream->zfree = release;
        stream->opaque = server;
    }
    if (deflateInit2(stream, LEVEL, Z_DEFLATED, -SGR__WINDOW_BITS, memory, Z_DEFAULT_STRATEGY) ==
        Z_OK)
        return stream;
    free(stream);
    return NULL;
}

static void deflater_free(z_stream *stream) {
    if (stream)
        deflateEnd(stream);
    free(stream);
}

size_t sgr__deflated_bound(size_t size) {
    return size + size / 7 + 64;
}

size_t sgr__deflate(z_stream *stream, const char *from, size_t size, unsigned char *to,
                    size_t room) {
    stream->next_in = (unsigned char *)(uintptr_t)from;
    stream->avail_in = (unsigned)size;
    stream->next_out = to;
    stream->avail_out = (unsigned)room;
    int code = deflate(stream, Z_SYNC_FLUSH);
    if (code != Z_OK || stream->avail_in || !stream->avail_out)
        return 0;
    return room - stream->avail_out;
}

static struct sgr_bytes *deflated_alone(struct sgr_server *server, const struct sgr_bytes *bytes) {
    if (!server->deflater)
        server->deflater = deflater_new(server, SHARED_MEMORY, false);
    if (!server->deflated)
        server->deflated = malloc(SGR__CHUNK);
    if (!server->deflater || !server->deflated || deflateReset(server->deflater) != Z_OK)
        return NULL;
    size_t size =
        sgr__deflate(server->deflater, bytes->data, bytes->size, server->deflated, SGR__CHUNK);
    if (!size || size - SGR__DEFLATE_TAIL >= bytes->size)
        return NULL;
    return sgr_bytes_new((char *)server->deflated, size);
}

/* Kept with the bytes, by the network's thread alone; they themselves there say that it was tried. */
struct sgr_bytes *sgr__deflate_once(struct sgr_server *server, struct sgr_bytes *bytes) {
    struct sgr_bytes **form = sgr_bytes_form(bytes);
    if (bytes->size < PART_AT_LEAST)
        return NULL;
    if (!*form)
        *form = deflated_alone(server, bytes);
    if (!*form)
        *form = bytes;
    return *form == bytes ? NULL : *form;
}

/* The connection's own: for good if it keeps its context, else for one message. */
static bool own_deflater(struct sgr_connection *connection) {
    if (!connection->deflater)
        connection->deflater = deflater_new(connection->server, OWN_MEMORY, true);
    return connection->deflater != NULL;
}

enum sgr__form sgr__deflate_form(struct sgr_connection *connection, size_t size, size_t largest) {
    bool big = sgr__deflated_bound(largest) > SGR__CHUNK;
    if (!connection->deflates || size < AGAIN_AT_LEAST)
        return SGR__PLAIN;
    if ((connection->keeps_context || big) && own_deflater(connection))
        return SGR__BY_ITSELF;
    return big || size < ONCE_AT_LEAST ? SGR__PLAIN : SGR__ONCE;
}

void sgr__deflate_done(struct sgr_connection *connection) {
    if (connection->keeps_context)
        return;
    deflater_free(connection->deflater);
    connection->deflater = NULL;
}

void sgr__deflate_end(struct sgr_connection *connection) {
    deflater_free(connection->deflater);
    connection->deflater = NULL;
}

/* ---- Inflating ---- */

/* A client may end blocks as if nothing followed, and go on behind them. */
static bool inflate_some(z_stream *stream, const void *from, size_t size) {
    stream->next_in = (unsigned char *)(uintptr_t)from;
    stream->avail_in = (unsigned)size;
    while (stream->avail_in && stream->avail_out) {
        int code = inflate(stream, Z_SYNC_FLUSH);
        if (code == Z_STREAM_END)
            code = inflateReset(stream);
        if (code != Z_OK)
            return code == Z_BUF_ERROR;
    }
    return true;
}

static bool inflater_ready(struct sgr_server *server) {
    size_t limit = server->options.message_limit + 1;
    if (server->inflater && server->inflated)
        return inflateReset(server->inflater) == Z_OK;
    server->inflated = server->inflated ? server->inflated : malloc(limit);
    server->inflater = server->inflater ? server->inflater : calloc(1, sizeof(z_stream));
    if (server->inflated && server->inflater && inflateInit2(server->inflater, -MAX_WBITS) == Z_OK)
        return true;
    free(server->inflater);
    server->inflater = NULL;
    return false;
}

int sgr__inflate(struct sgr_server *server, struct sgr_slice message, struct sgr_slice *ret) {
    size_t limit = server->options.message_limit;
    if (!inflater_ready(server))
        return SGR_ENOMEM;
    z_stream *stream = server->inflater;
    stream->next_out = (unsigned char *)server->inflated;
    stream->avail_out = (unsigned)limit + 1;
    bool fine = inflate_some(stream, message.data, message.size) &&
                inflate_some(stream, tail, sizeof(tail));
    size_t size = limit + 1 - stream->avail_out;
    if (fine && size > limit)
        return SGR_ELIMIT;
    if (!fine)
        return SGR_EPARSE;
    *ret = (struct sgr_slice){server->inflated, size};
    return SGR_OK;
}

/* ---- Agreeing ---- */

static const struct lws_ext_options no_options[] = {{0}};
static const char name[] = "permessage-deflate", nobody[] = "-";

/* Goes by what the client calls it; asked for twice it would end the handshake, so it answers to its name once. */
static int extension_callback(struct lws_context *context, const struct lws_extension *extension,
                              struct lws *wsi, enum lws_extension_callback_reasons reason,
                              void *user, void *in, size_t size) {
    (void)context;
    (void)wsi;
    (void)size;
    if (reason != LWS_EXT_CB_CONSTRUCT)
        return 0;
    *(void **)user = NULL;
    *(const struct lws_ext_options **)in = no_options;
    ((struct lws_extension *)(uintptr_t)extension)->name = nobody;
    return 0;
}

void sgr__deflate_begin(struct sgr_server *server) {
    server->extensions[0] = (struct lws_extension){.name = nobody, .callback = extension_callback};
}

void sgr__deflate_fini(struct sgr_server *server) {
    deflater_free(server->deflater);
    if (server->inflater)
        inflateEnd(server->inflater);
    free(server->inflater);
    free(server->inflated);
    free(server->deflated);
}

void sgr__deflate_offer(struct sgr_server *server, struct sgr_slice header,
                        struct sgr__offer *ret) {
    *ret = (struct sgr__offer){0};
    if (server->options.compression != SGR_COMPRESSION_OFF)
        *ret = sgr__offer_choose(header);
    if (server->options.compression != SGR_COMPRESSION_CONTEXT)
        ret->no_context = true;
    server->extensions[0].name = ret->taken ? name : nobody;
}

/* libwebsockets has just ended the line that names the extension. Ours go on in it. */
int sgr__deflate_answer(struct sgr_connection *connection, struct lws_process_html_args *args) {
    const struct sgr__offer *offer = &connection->offer;
    const size_t size = sizeof(name) + 1; /* with the line's end */
    char text[128], window[40] = "";
    connection->server->extensions[0].name = nobody;
    if (!offer->taken || memcmp(args->p - size, "permessage-deflate\r\n", size) != 0)
        return 0;
    if (offer->names_window)
        snprintf(window, sizeof(window), "; server_max_window_bits=%d", SGR__WINDOW_BITS);
    int used = snprintf(text, sizeof(text), "; client_no_context_takeover%s%s\r\n",
                        offer->no_context ? "; server_no_context_takeover" : "", window);
    if (used - 2 > args->max_len)
        return -1;
    memcpy(args->p - 2, text, (size_t)used);
    args->p += used - 2;
    args->max_len -= used - 2;
    connection->deflates = true;
    connection->keeps_context = !offer->no_context;
    return 0;
}
