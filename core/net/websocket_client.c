/* Outgoing websockets: a libwebsockets context of its own, on one thread, as its name look-ups block. */
#include <stdlib.h>
#include <string.h>

#include <sangre/error.h>

#include "base/slice.h"
#include "net/client_internal.h"
#include "net/internal.h"

enum {
    HANDSHAKE_SECONDS = 20,
    PING_SECONDS = 25, /* of silence, then a ping; HANGUP_SECONDS of it, then the end */
    HANGUP_SECONDS = 50,
    CLOSE_SECONDS = 5,
};
enum {
    URL_LIMIT = 2000, /* libwebsockets cuts a longer one off */
    HEADERS_LIMIT = 8 << 10,
    HANDSHAKE_ROOM = 16 << 10, /* for both, and what stands between them */
    MESSAGE_LIMIT = 16 << 20,
    SEND_LIMIT = 16 << 20,
    EVENT_LIMIT = 64 << 20, /* bytes that the owner has not dispatched */
    NORMAL = 1000,
    GOING_AWAY = 1001,
    BROKEN = 1006,
    TOO_BIG = 1009,
    TRY_LATER = 1013,
};

struct websocket_worker {
    struct sgr__worker worker;
    struct lws_context *lws;  /* made and destroyed by the owner; else its thread's */
    struct sgr_vector trusts; /* of struct trust */
};

/* libwebsockets keeps certificates by vhost. */
struct trust {
    char *ca_file; /* "": the system's */
    struct lws_vhost *vhost;
};

struct message {
    struct sgr_list link;
    size_t size;
    bool binary;
    unsigned char data[]; /* LWS_PRE bytes of room, then the message */
};

struct sgr_websocket {
    struct sgr__handle handle;
    const struct sgr_websocket_callbacks *callbacks;
    void *data;
    char *host, *path, *host_header, *headers, *protocol, *ca_file;
    int port;
    bool tls;
    const char *mistake; /* in the URL; told as if the connection had failed */

    struct sgr_list outgoing; /* of struct message; this and the next two under the client's lock */
    size_t outgoing_bytes;
    int close_code; /* 0: open */

    /* The worker's until it is over, then the owner's. */
    struct lws *wsi;
    struct sgr_buffer incoming;
    bool begun, beginning, established, told_over;
    int code, status;
    char reason[128];
};

static const lws_retry_bo_t idle_policy = {.secs_since_valid_ping = PING_SECONDS,
                                           .secs_since_valid_hangup = HANGUP_SECONDS};

/* ---- The worker's thread ---- */

/* From here on it is the owner's, and libwebsockets must not know it any more; but while that still connects for us, it is told of behind
 * that. */
static void over(struct sgr_websocket *websocket, int code, const char *reason) {
    if (websocket->told_over)
        return;
    websocket->told_over = true;
    if (websocket->wsi)
        lws_set_wsi_user(websocket->wsi, NULL);
    if (!websocket->code)
        websocket->code = code;
    if (!websocket->reason[0] && reason)
        snprintf(websocket->reason, sizeof(websocket->reason), "%s", reason);
    websocket->wsi = NULL;
    if (!websocket->beginning)
        sgr__client_tell(websocket->handle.client, &websocket->handle.over);
}

/* Ends the connection from our side; the callback returns -1 then. */
static int refuse(struct sgr_websocket *websocket, int code, const char *reason) {
    websocket->code = code;
    snprintf(websocket->reason, sizeof(websocket->reason), "%s", reason);
    if (websocket->established)
        lws_close_reason(websocket->wsi, (enum lws_close_status)code, NULL, 0);
    return -1;
}

static bool owner_is_behind(struct sgr_client *client) {
    pthread_mutex_lock(&client->lock);
    bool behind = client->event_bytes > EVENT_LIMIT;
    pthread_mutex_unlock(&client->lock);
    return behind;
}

static int received(struct sgr_websocket *websocket, const void *data, size_t size) {
    struct sgr_client *client = websocket->handle.client;
    sgr_buffer_append(&websocket->incoming, data, size);
    if (websocket->incoming.failed)
        return refuse(websocket, TOO_BIG, "a message was too large");
    if (!lws_is_final_fragment(websocket->wsi))
        return 0;
    struct sgr__event *event = calloc(1, sizeof(*event));
    if (!event || owner_is_behind(client)) {
        free(event);
        return refuse(websocket, TRY_LATER, "messages came faster than they were taken");
    }
    *event = (struct sgr__event){.handle = &websocket->handle,
                                 .kind = SGR__EVENT_MESSAGE,
                                 .binary = lws_frame_is_binary(websocket->wsi),
                                 .data = websocket->incoming};
    websocket->incoming = (struct sgr_buffer){.limit = event->data.limit};
    sgr__client_tell(client, event);
    return 0;
}

static struct message *next_message(struct sgr_websocket *websocket, int *ret_close_code) {
    struct sgr_client *client = websocket->handle.client;
    struct message *message = NULL;
    pthread_mutex_lock(&client->lock);
    *ret_close_code = websocket->close_code;
    if (!sgr_list_empty(&websocket->outgoing)) {
        message = SGR_CONTAINER(websocket->outgoing.next, struct message, link);
        sgr_list_remove(&message->link);
        websocket->outgoing_bytes -= message->size;
    }
    pthread_mutex_unlock(&client->lock);
    return message;
}

static int write_next(struct sgr_websocket *websocket) {
    int close_code;
    struct message *message = next_message(websocket, &close_code);
    if (!message && close_code)
        return refuse(websocket, close_code, "");
    if (!message)
        return 0;
    int written = lws_write(websocket->wsi, message->data + LWS_PRE, message->size,
                            message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    bool failed = written < (int)message->size;
    free(message);
    if (failed)
        return -1;
    lws_callback_on_writable(websocket->wsi);
    return 0;
}

static int add_headers(struct sgr_websocket *websocket, unsigned char **at, size_t room) {
    size_t size = websocket->headers ? strlen(websocket->headers) : 0;
    if (size > room)
        return -1;
    if (size)
        memcpy(*at, websocket->headers, size);
    *at += size;
    return 0;
}

static void peer_closes(struct sgr_websocket *websocket, const unsigned char *data, size_t size) {
    if (size < 2)
        return;
    websocket->code = data[0] << 8 | data[1];
    snprintf(websocket->reason, sizeof(websocket->reason), "%.*s", (int)size - 2, data + 2);
}

static int happens(struct sgr_websocket *websocket, struct lws *wsi,
                   enum lws_callback_reasons reason, void *in, size_t size) {
    websocket->wsi = wsi;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return add_headers(websocket, in, size);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        websocket->established = true;
        sgr__client_tell(websocket->handle.client, &websocket->handle.opened);
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return received(websocket, in, size);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return write_next(websocket);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        peer_closes(websocket, in, size);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        websocket->status = (int)lws_http_client_http_response(wsi);
        over(websocket, BROKEN, in ? in : "the connection failed");
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        over(websocket, BROKEN, "the connection broke");
        return 0;
    case LWS_CALLBACK_WSI_DESTROY: /* an attempt of which nothing else is told */
        over(websocket, BROKEN, "the connection failed");
        return 0;
    default:
        return 0;
    }
}

/* Of other reasons `user` may be anything. */
static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size) {
    static const enum lws_callback_reasons ours[] = {LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER,
                                                     LWS_CALLBACK_CLIENT_ESTABLISHED,
                                                     LWS_CALLBACK_CLIENT_RECEIVE,
                                                     LWS_CALLBACK_CLIENT_WRITEABLE,
                                                     LWS_CALLBACK_WS_PEER_INITIATED_CLOSE,
                                                     LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
                                                     LWS_CALLBACK_CLIENT_CLOSED,
                                                     LWS_CALLBACK_WSI_DESTROY};
    for (size_t i = 0; user && i < sizeof(ours) / sizeof(*ours); i++)
        if (reason == ours[i])
            return happens(user, wsi, reason, in, size);
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "client", .callback = callback, .rx_buffer_size = 65536}, {0}};

static struct lws_vhost *make_vhost(struct websocket_worker *worker, const char *ca_file) {
    char name[32];
    snprintf(name, sizeof(name), "client %zu", worker->trusts.count);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .vhost_name = name,
        .timeout_secs = HANDSHAKE_SECONDS,
        .connect_timeout_secs = HANDSHAKE_SECONDS,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
    };
    if (*ca_file) {
        info.client_ssl_ca_filepath = ca_file;
        info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    }
    return lws_create_vhost(worker->lws, &info);
}

static struct lws_vhost *find_vhost(struct websocket_worker *worker, const char *ca_file) {
    for (size_t i = 0; i < worker->trusts.count; i++) {
        struct trust *known = SGR_VECTOR_AT(&worker->trusts, struct trust, i);
        if (strcmp(known->ca_file, ca_file) == 0)
            return known->vhost;
    }
    struct trust trust = {.ca_file = strdup(ca_file)};
    trust.vhost = trust.ca_file ? make_vhost(worker, trust.ca_file) : NULL;
    if (!trust.vhost || sgr_vector_push(&worker->trusts, &trust)) {
        free(trust.ca_file);
        return NULL;
    }
    return trust.vhost;
}

static void begin(struct websocket_worker *worker, struct sgr_websocket *websocket) {
    websocket->begun = true;
    struct lws_vhost *vhost = find_vhost(worker, websocket->ca_file ? websocket->ca_file : "");
    if (websocket->mistake || !vhost) {
        over(websocket, BROKEN,
             websocket->mistake ? websocket->mistake : "the certificates cannot be read");
        return;
    }
    struct lws_client_connect_info info = {
        .context = worker->lws,
        .vhost = vhost,
        .address = websocket->host,
        .port = websocket->port,
        .ssl_connection = websocket->tls ? LCCSCF_USE_SSL : 0,
        .path = websocket->path,
        .host = websocket->host_header,
        .protocol = websocket->protocol,
        .local_protocol_name = "client",
        .alpn = "http/1.1",
        .userdata = websocket,
        .retry_and_idle_policy = &idle_policy,
    };
    websocket->beginning = true;
    struct lws *wsi = lws_client_connect_via_info(&info);
    websocket->beginning = false;
    if (websocket->told_over)
        sgr__client_tell(websocket->handle.client, &websocket->handle.over);
    else if (!wsi)
        over(websocket, BROKEN, "the connection failed");
    else
        websocket->wsi = wsi;
}

static void look_after(struct websocket_worker *worker, struct sgr_websocket *websocket) {
    pthread_mutex_lock(&websocket->handle.client->lock);
    bool closing = websocket->close_code;
    pthread_mutex_unlock(&websocket->handle.client->lock);
    if (!websocket->begun && closing)
        over(websocket, NORMAL, "");
    else if (!websocket->begun)
        begin(worker, websocket);
    else if (websocket->wsi) {
        if (closing)
            lws_set_timeout(websocket->wsi, PENDING_TIMEOUT_CLOSE_ACK,
                            websocket->established ? CLOSE_SECONDS : LWS_TO_KILL_ASYNC);
        lws_callback_on_writable(websocket->wsi);
    }
}

/* False: all shall end. */
static bool take_submitted(struct websocket_worker *worker) {
    bool stop;
    for (struct sgr__handle *handle; (handle = sgr__worker_next(&worker->worker, &stop));) {
        struct sgr_websocket *websocket = SGR_CONTAINER(handle, struct sgr_websocket, handle);
        if (stop)
            over(websocket, BROKEN, NULL);
        else
            look_after(worker, websocket);
    }
    return !stop;
}

static void *run(void *data) {
    struct websocket_worker *worker = data;
    while (take_submitted(worker) && lws_service(worker->lws, 0) >= 0)
        continue;
    return NULL;
}

/* ---- The owner's side ---- */

static void interrupt(struct sgr__worker *worker) {
    lws_cancel_service(SGR_CONTAINER(worker, struct websocket_worker, worker)->lws);
}

static void worker_free(struct sgr__worker *base) {
    struct websocket_worker *worker = SGR_CONTAINER(base, struct websocket_worker, worker);
    if (worker->lws)
        lws_context_destroy(worker->lws);
    for (size_t i = 0; i < worker->trusts.count; i++)
        free(SGR_VECTOR_AT(&worker->trusts, struct trust, i)->ca_file);
    sgr_vector_fini(&worker->trusts);
    free(worker);
}

struct sgr__worker *sgr__websocket_worker_new(struct sgr_client *client) {
    struct websocket_worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return NULL;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .protocols = protocols,
        .pt_serv_buf_size = HANDSHAKE_ROOM,
        .max_http_header_data = HANDSHAKE_ROOM,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    worker->worker.interrupt = interrupt;
    worker->worker.free = worker_free;
    worker->trusts = SGR_VECTOR_INIT(struct trust);
    worker->lws = sgr__lws_context_new(&info);
    if (worker->lws && sgr__worker_start(&worker->worker, client, run) == 0)
        return &worker->worker;
    worker_free(&worker->worker);
    return NULL;
}

static void happened(struct sgr__handle *handle, const struct sgr__event *event) {
    struct sgr_websocket *websocket = SGR_CONTAINER(handle, struct sgr_websocket, handle);
    const struct sgr_websocket_callbacks *callbacks = websocket->callbacks;
    if (event->kind == SGR__EVENT_OPENED)
        callbacks->opened(websocket->data, websocket);
    else if (event->kind == SGR__EVENT_MESSAGE)
        callbacks->message(websocket->data, websocket,
                           (struct sgr_slice){event->data.data, event->data.size}, event->binary);
    else
        callbacks->closed(websocket->data, websocket, websocket->code, websocket->status,
                          websocket->reason);
}

static void close_with(struct sgr_websocket *websocket, int code) {
    struct sgr_client *client = websocket->handle.client;
    websocket->handle.cancelled = true;
    pthread_mutex_lock(&client->lock);
    websocket->close_code = code;
    pthread_mutex_unlock(&client->lock);
    sgr__handle_submit(&websocket->handle, client->websockets);
}

static void cancel(struct sgr__handle *handle) {
    close_with(SGR_CONTAINER(handle, struct sgr_websocket, handle), GOING_AWAY);
}

static void websocket_free(struct sgr__handle *handle) {
    struct sgr_websocket *websocket = SGR_CONTAINER(handle, struct sgr_websocket, handle);
    SGR_LIST_EACH(link, &websocket->outgoing)
    free(SGR_CONTAINER(link, struct message, link));
    sgr_buffer_fini(&websocket->incoming);
    free(websocket->host);
    free(websocket->path);
    free(websocket->host_header);
    free(websocket->headers);
    free(websocket->protocol);
    free(websocket->ca_file);
    free(websocket);
}

static char *join(const char *first, const char *second, const char *third) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_buffer_printf(&text, "%s%s%s", first, second, third);
    char *copy = text.failed ? NULL : strdup(sgr_buffer_text(&text));
    sgr_buffer_fini(&text);
    return copy;
}

/* What could become another line of the request, or is no part of its host. */
static bool is_plain(const char *text, const char *but) {
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f || strchr(but, *text))
            return false;
    return true;
}

/* Takes `text` apart, which libwebsockets writes into. */
static int read_parts(struct sgr_websocket *websocket, char *text) {
    const char *scheme, *host, *path, *end = text + strlen(text);
    char port[16];
    bool whole = lws_parse_uri(text, &scheme, &host, &websocket->port, &path) == 0 && *host;
    if (!whole || !is_plain(host, "@?") || !is_plain(path, "") || websocket->port <= 0 ||
        websocket->port > UINT16_MAX) {
        websocket->mistake = "the URL is malformed";
        return 0;
    }
    websocket->tls = strcmp(scheme, "wss") == 0;
    if (!websocket->tls && strcmp(scheme, "ws") != 0)
        websocket->mistake = "the URL is not ws:// or wss://";
    bool bracketed = strchr(host, ':');
    snprintf(port, sizeof(port), "%s:%d", bracketed ? "]" : "", websocket->port);
    websocket->host = strdup(host);
    websocket->host_header = join(bracketed ? "[" : "", host, port);
    websocket->path = path >= text && path < end ? join("/", path, "") : strdup("/");
    return websocket->host && websocket->host_header && websocket->path ? 0 : SGR_ENOMEM;
}

static int read_url(struct sgr_websocket *websocket, const char *url) {
    if (strlen(url) > URL_LIMIT) {
        websocket->mistake = "the URL is too long";
        return 0;
    }
    char *text = sgr_slice_copy((struct sgr_slice){url, strcspn(url, "#")});
    int code = text ? read_parts(websocket, text) : SGR_ENOMEM;
    free(text);
    return code;
}

static int copy_open(struct sgr_websocket *websocket, const struct sgr_websocket_open *open) {
    websocket->headers = open->headers ? strdup(open->headers) : NULL;
    websocket->protocol = open->protocol ? strdup(open->protocol) : NULL;
    websocket->ca_file = open->ca_file ? strdup(open->ca_file) : NULL;
    websocket->incoming.limit = open->limit ? open->limit : MESSAGE_LIMIT;
    if ((open->headers && !websocket->headers) || (open->protocol && !websocket->protocol) ||
        (open->ca_file && !websocket->ca_file))
        return SGR_ENOMEM;
    int code = read_url(websocket, open->url);
    if (open->headers && strlen(open->headers) > HEADERS_LIMIT)
        websocket->mistake = "the headers are too long";
    return code;
}

struct sgr_websocket *sgr_client_websocket(struct sgr_client *client, const void *owner,
                                           const struct sgr_websocket_open *open,
                                           const struct sgr_websocket_callbacks *callbacks,
                                           void *data) {
    if (!client->websockets && !(client->websockets = sgr__websocket_worker_new(client)))
        return NULL;
    struct sgr_websocket *websocket = calloc(1, sizeof(*websocket));
    if (!websocket)
        return NULL;
    websocket->callbacks = callbacks;
    websocket->data = data;
    sgr__handle_init(&websocket->handle, client, owner);
    websocket->handle.happened = happened;
    websocket->handle.cancel = cancel;
    websocket->handle.free = websocket_free;
    sgr_list_init(&websocket->outgoing);
    if (copy_open(websocket, open)) {
        sgr_list_remove(&websocket->handle.link);
        websocket_free(&websocket->handle);
        return NULL;
    }
    sgr__handle_submit(&websocket->handle, client->websockets);
    return websocket;
}

int sgr_client_websocket_send(struct sgr_websocket *websocket, struct sgr_slice text, bool binary) {
    struct sgr_client *client = websocket->handle.client;
    if (text.size > SEND_LIMIT)
        return SGR_ELIMIT;
    struct message *message = malloc(sizeof(*message) + LWS_PRE + text.size);
    if (!message)
        return SGR_ENOMEM;
    message->size = text.size;
    message->binary = binary;
    if (text.size)
        memcpy(message->data + LWS_PRE, text.data, text.size);
    pthread_mutex_lock(&client->lock);
    bool full = websocket->outgoing_bytes + text.size > SEND_LIMIT;
    if (!full) {
        sgr_list_append(&websocket->outgoing, &message->link);
        websocket->outgoing_bytes += text.size;
    }
    pthread_mutex_unlock(&client->lock);
    if (full) {
        free(message);
        return SGR_ELIMIT;
    }
    sgr__handle_submit(&websocket->handle, client->websockets);
    return 0;
}

void sgr_client_websocket_close(struct sgr_websocket *websocket, int code) {
    close_with(websocket, code);
}
