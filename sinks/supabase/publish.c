/* Broadcasts that are posted over HTTP.
 *
 *     POST /api/broadcast                       {"messages":[{"topic","event","payload","private"?}, …]}
 *     POST /api/broadcast/TOPIC/events/EVENT    the payload: JSON, or bytes as application/octet-stream; ?private=true
 *
 * Topics are without the prefix that they have on websockets. 202 with no body: it was sent to whoever was there. */
#include "broadcast.h"
#include "supabase.h"

#define PREFIX "realtime:"
#define EVENTS "/events/"

/* ---- Answers ---- */

static void answer(struct supabase *supabase, struct sgr_request *request, int status,
                   const char *json) {
    struct sgr_bytes *body = json ? supabase->table->bytes_new(json, strlen(json)) : NULL;
    supabase->table->respond(request, status, json ? "application/json" : NULL, NULL, body);
    supabase->table->bytes_unref(body);
}

static bool equal_nocase(struct sgr_slice text, const char *lower, size_t size) {
    if (text.size < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        char byte = text.data[i];
        if ((byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte) != lower[i])
            return false;
    }
    return true;
}

static struct sgr_slice token_of_post(const struct supabase *supabase,
                                      const struct sgr_request *request) {
    struct sgr_slice header = supabase->table->header(request, "authorization");
    if (!header.size)
        return supabase->table->header(request, "apikey");
    if (!equal_nocase(header, "bearer ", 7))
        return (struct sgr_slice){NULL, 0};
    return (struct sgr_slice){header.data + 7, header.size - 7};
}

struct poster {
    bool known, anybody, backend;
};

/* Who is not known has been answered. */
static struct poster poster_of(struct supabase *supabase, struct sgr_request *request) {
    const struct tokens *tokens = &supabase->tokens;
    struct token_verdict verdict =
        token_connects(&supabase->tokens, token_of_post(supabase, request));
    struct poster poster = {.known = verdict.expiry > wall_now(),
                            .anybody = token_has_role(tokens, verdict.claims, ROLE_ANYBODY),
                            .backend = token_has_role(tokens, verdict.claims, ROLE_BACKEND)};
    token_drop(tokens, verdict.claims);
    if (!poster.known)
        answer(supabase, request, 401, "{\"message\":\"Unauthorized\"}");
    return poster;
}

/* Else it has been answered. `is_private`: whether any of so many is. */
static bool may_post(struct supabase *supabase, struct sgr_request *request,
                     const struct poster *poster, size_t count, bool is_private) {
    bool refused = is_private && poster->anybody;
    size_t bytes = supabase->table->body(request).size;
    bool in_time = refused || poster->backend ||
                   may_speak(&supabase->posted_until, supabase->options->posts, count, bytes);
    if (refused)
        answer(supabase, request, 403,
               "{\"message\":\"a private channel needs a token whose role is not anon\"}");
    else if (!in_time)
        answer(supabase, request, 429, "{\"message\":\"Too many messages per second\"}");
    return in_time && !refused;
}

/* ---- One message ---- */

static struct room *find_room(struct supabase *supabase, struct sgr_slice topic, bool is_private) {
    struct sgr_text name = sgr_text_new(&supabase->table->common, supabase->host);
    sgr_text_puts(&name, PREFIX);
    sgr_text_slice(&name, topic);
    struct room *room =
        name.failed ? NULL
                    : rooms_find(supabase, (struct sgr_slice){name.data, name.size}, is_private);
    sgr_text_free(&name);
    return room;
}

/* Whether it was sent or nobody was there. */
static bool post(struct supabase *supabase, struct sgr_slice topic, bool is_private,
                 const struct broadcast *what) {
    struct room *room = find_room(supabase, topic, is_private);
    supabase->table->common.count(supabase->host, "broadcasts_posted", 1);
    return !room || broadcast_send(room, NULL, what);
}

/* ---- Several ---- */

/* What is wrong with a member: nothing is, it is not there or empty, it is of another kind. */
static const char *const complaints[] = {NULL, "can't be blank", "is invalid"};

static int look_at_text(const json_t *value) {
    if (!value || json_is_null(value))
        return 1;
    return json_is_string(value) ? !json_string_length(value) : 2;
}

static int look_at_payload(const json_t *value) {
    return !value || json_is_null(value);
}

static bool complain(json_t *about, const char *name, int what) {
    if (what)
        json_object_set_new(about, name, json_pack("[s]", complaints[what]));
    return what;
}

/* An object with a list for each member that is wrong; whether there is any. */
static bool look_at_message(const json_t *message, json_t *ret) {
    const json_t *is_private = json_object_get(message, "private");
    bool wrong = complain(ret, "topic", look_at_text(json_object_get(message, "topic")));
    wrong |= complain(ret, "payload", look_at_payload(json_object_get(message, "payload")));
    wrong |= complain(ret, "event", look_at_text(json_object_get(message, "event")));
    wrong |=
        complain(ret, "private",
                 is_private && !json_is_null(is_private) && !json_is_boolean(is_private) ? 2 : 0);
    return wrong;
}

/* NULL: all are right. */
static json_t *look_at_messages(const json_t *messages) {
    if (!json_array_size(messages))
        return json_pack("{s[s]}", "messages",
                         complaints[!messages                 ? 1
                                    : json_is_array(messages) ? 1
                                                              : 2]);
    json_t *list = json_array();
    bool wrong = !list;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        json_t *about = json_object();
        wrong |= look_at_message(json_array_get(messages, i), about);
        wrong |= json_array_append_new(list, about) != 0;
    }
    if (wrong)
        return json_pack("{so}", "messages", list);
    json_decref(list);
    return NULL;
}

static void refuse_messages(struct supabase *supabase, struct sgr_request *request, json_t *wrong) {
    json_t *body = json_pack("{so}", "errors", wrong);
    char *text = json_dumps(body, JSON_COMPACT);
    answer(supabase, request, text ? 422 : 503, text);
    free(text);
    json_decref(body);
}

static void post_message(struct supabase *supabase, const json_t *message) {
    struct sgr_text payload = sgr_text_new(&supabase->table->common, supabase->host);
    frame_json(&payload, json_object_get(message, "payload"));
    const struct broadcast what = {.event = message_text(json_object_get(message, "event")),
                                   .payload = {payload.data, payload.size}};
    if (!payload.failed)
        post(supabase, message_text(json_object_get(message, "topic")),
             json_is_true(json_object_get(message, "private")), &what);
    sgr_text_free(&payload);
}

static bool any_private(const json_t *messages) {
    for (size_t i = 0; i < json_array_size(messages); i++)
        if (json_is_true(json_object_get(json_array_get(messages, i), "private")))
            return true;
    return false;
}

static void post_messages(struct supabase *supabase, struct sgr_request *request,
                          const struct poster *poster, const json_t *messages) {
    size_t count = json_array_size(messages);
    json_t *wrong = look_at_messages(messages);
    if (wrong) {
        refuse_messages(supabase, request, wrong);
        return;
    }
    if (!may_post(supabase, request, poster, count, any_private(messages)))
        return;
    for (size_t i = 0; i < count; i++)
        post_message(supabase, json_array_get(messages, i));
    answer(supabase, request, 202, NULL);
}

static void on_batch(void *data, struct sgr_request *request) {
    struct supabase *supabase = data;
    struct poster poster = poster_of(supabase, request);
    json_error_t wrong;
    if (!poster.known)
        return;
    json_t *document = frame_read_json(supabase->table->body(request), 0, &wrong);
    if (document)
        post_messages(supabase, request, &poster, json_object_get(document, "messages"));
    else
        answer(supabase, request, 400, "{\"message\":\"the body is no JSON\"}");
    json_decref(document);
}

/* ---- One, named by the path ---- */

/* The topic may hold slashes, and so may the event; the last /events/ stands between them. */
static bool split_path(struct sgr_slice path, struct sgr_slice *ret_topic,
                       struct sgr_slice *ret_event) {
    static const char base[] = "/api/broadcast/";
    size_t size = sizeof(EVENTS) - 1, from = 0;
    while (from + sizeof(base) - 1 <= path.size &&
           memcmp(path.data + from, base, sizeof(base) - 1) != 0)
        from++;
    from += sizeof(base) - 1;
    for (size_t at = path.size; at > from + size; at--)
        if (memcmp(path.data + at - size, EVENTS, size) == 0) {
            *ret_topic = (struct sgr_slice){path.data + from, at - size - from};
            *ret_event = (struct sgr_slice){path.data + at, path.size - at};
            return ret_topic->size && ret_event->size;
        }
    return false;
}

static bool is_utf8(struct sgr_slice text) {
    json_t *string = json_stringn(text.data, text.size);
    json_decref(string);
    return string != NULL;
}

static bool is_private(const struct supabase *supabase, const struct sgr_request *request) {
    struct sgr_slice said = supabase->table->query(request, "private");
    return said.size == 4 && memcmp(said.data, "true", 4) == 0;
}

static void post_single(struct supabase *supabase, struct sgr_request *request,
                        const struct poster *poster, struct sgr_slice topic,
                        struct sgr_slice event) {
    static const char bytes[] = "application/octet-stream";
    struct sgr_slice type = supabase->table->header(request, "content-type");
    bool private = is_private(supabase, request);
    const struct broadcast what = {.event = event,
                                   .payload = supabase->table->body(request),
                                   .raw = equal_nocase(type, bytes, sizeof(bytes) - 1)};
    if (!what.raw && !broadcast_is_json(what.payload))
        answer(supabase, request, 400, "{\"message\":\"the body is no JSON\"}");
    else if (!may_post(supabase, request, poster, 1, private))
        return;
    else if (is_utf8(event) && post(supabase, topic, private, &what))
        answer(supabase, request, 202, NULL);
    else
        answer(supabase, request, 422, "{\"message\":\"topic or event is too long, or no UTF-8\"}");
}

static void on_single(void *data, struct sgr_request *request) {
    struct supabase *supabase = data;
    struct sgr_slice topic, event;
    if (!split_path(supabase->table->path(request), &topic, &event)) {
        answer(supabase, request, 404, "{\"message\":\"Not found\"}");
        return;
    }
    struct poster poster = poster_of(supabase, request);
    if (poster.known)
        post_single(supabase, request, &poster, topic, event);
}

/* ---- Routes ---- */

static int add_base(struct supabase *supabase, const char *base, struct sgr_error *error) {
    char under[64];
    snprintf(under, sizeof(under), "%s/*", base);
    const struct sgr_route routes[] = {
        {.kind = SGR_ROUTE_POST, .path = base, .request = on_batch, .data = supabase},
        {.kind = SGR_ROUTE_POST, .path = under, .request = on_single, .data = supabase}};
    int code = supabase->table->route(supabase->host, &routes[0], error);
    return code ? code : supabase->table->route(supabase->host, &routes[1], error);
}

int broadcast_routes(struct supabase *supabase, struct sgr_error *error) {
    if (supabase->options->strict)
        return SGR_OK;
    int code = add_base(supabase, "/api/broadcast", error);
    return code ? code : add_base(supabase, "/realtime/v1/api/broadcast", error);
}
