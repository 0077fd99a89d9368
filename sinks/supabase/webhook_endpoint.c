#include "webhook_endpoint.h"

#include <time.h>

enum {
    FIRST_DELAY = 500000, /* microseconds */
    LAST_DELAY = 30000000,
};

struct waiting {
    struct post post;
    uint64_t missed, missed_first; /* were left out before it, and the LSN of their first */
    uint64_t behind; /* from where on it is behind once it has failed: its commit, or a later gap */
    struct waiting *next;
};

struct endpoint {
    struct endpoints *all;
    struct waiting *first, **end;
    size_t bytes;
    struct sgr_http *http; /* of the first */
    void *timer;           /* until it is tried again */
    unsigned failures;     /* of the first, one after the other */
    int64_t since;         /* when it was tried first; monotonic microseconds */
    bool parked;
    bool given_up;      /* parked for having the stream wait, and not at rest since */
    int64_t rests_from; /* when its queue became empty */
    uint64_t missed, missed_first, missed_last; /* left out since the last push, and their LSNs */
    char *label;                                /* the URL without what may be secret */
    char url[];
};

static void kick(struct endpoint *endpoint);

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void count(const struct endpoint *endpoint, const char *metric, int64_t add) {
    endpoint->all->table->common.count(endpoint->all->host, metric, add);
}

#define LOG(endpoint, level, format, ...)                                                       \
    (endpoint)->all->table->common.log((endpoint)->all->host, level, "webhooks to %s: " format, \
                                       (endpoint)->label, __VA_ARGS__)
#define LSN(lsn) (unsigned)((lsn) >> 32), (unsigned)(lsn)

/* ---- The queue ---- */

static void release(struct endpoint *endpoint, struct post *post) {
    struct commit *commit = post->commit;
    post->commit = NULL;
    if (commit && --commit->waiting == 0)
        endpoint->all->done(endpoint->all->data, commit);
}

static void waiting_free(struct endpoint *endpoint, struct waiting *waiting) {
    release(endpoint, &waiting->post);
    endpoint->bytes -= waiting->post.body->size;
    count(endpoint, "webhook_queued", -1);
    count(endpoint, "webhook_queued_bytes", -(int64_t)waiting->post.body->size);
    endpoint->all->table->bytes_unref(waiting->post.body);
    endpoint->all->table->common.release(endpoint->all->host, waiting);
}

static void pop(struct endpoint *endpoint) {
    struct waiting *first = endpoint->first;
    endpoint->first = first->next;
    if (!endpoint->first)
        endpoint->end = &endpoint->first;
    waiting_free(endpoint, first);
    endpoint->failures = 0;
}

static void miss(struct endpoint *endpoint, uint64_t lsn) {
    if (!endpoint->missed++)
        endpoint->missed_first = lsn;
    endpoint->missed_last = lsn;
    count(endpoint, "webhook_missed", 1);
}

/* One that was to tell of those before it. */
static void miss_waiting(struct endpoint *endpoint, const struct waiting *waiting) {
    if (waiting->missed && !endpoint->missed)
        endpoint->missed_first = waiting->missed_first;
    endpoint->missed += waiting->missed;
    miss(endpoint, waiting->post.lsn);
}

void endpoint_left_out(struct endpoint *endpoint, uint64_t lsn, const char *why) {
    miss(endpoint, lsn);
    LOG(endpoint, SGR_LOG_ERROR, "the one of %X/%X is left out: %s", LSN(lsn), why);
}

static void enqueue(struct endpoint *endpoint, const struct post *post) {
    const struct sgr_sink_host *table = endpoint->all->table;
    if (endpoint->parked) {
        miss(endpoint, post->lsn);
        return;
    }
    struct waiting *waiting = table->common.allocate(endpoint->all->host, sizeof(*waiting));
    if (!waiting) {
        endpoint_left_out(endpoint, post->lsn, "out of memory");
        return;
    }
    if (!endpoint->first && endpoint->given_up)
        endpoint->given_up = now() - endpoint->rests_from < endpoint->all->rest;
    *waiting = (struct waiting){.post = *post,
                                .missed = endpoint->missed,
                                .missed_first = endpoint->missed_first,
                                .behind = post->lsn};
    endpoint->missed = 0;
    table->bytes_ref(post->body);
    post->commit->waiting++;
    *endpoint->end = waiting;
    endpoint->end = &waiting->next;
    endpoint->bytes += post->body->size;
    count(endpoint, "webhook_queued", 1);
    count(endpoint, "webhook_queued_bytes", post->body->size);
}

void endpoint_push(struct endpoint *endpoint, const struct post *post) {
    enqueue(endpoint, post);
    kick(endpoint);
}

/* ---- Parking ---- */

void endpoint_park(struct endpoint *endpoint, const char *why) {
    if (endpoint->parked || !endpoint->first)
        return;
    struct waiting *first = endpoint->first, *next = first->next;
    release(endpoint, &first->post);
    first->next = NULL;
    endpoint->end = &first->next;
    for (struct waiting *waiting = next; waiting; waiting = next) {
        next = waiting->next;
        miss_waiting(endpoint, waiting);
        waiting_free(endpoint, waiting);
    }
    endpoint->parked = true;
    count(endpoint, "webhook_parked", 1);
    LOG(endpoint, SGR_LOG_ERROR,
        "parked, as %s: %llu that waited are left out, as are those of later transactions; the one "
        "of %X/%X is tried again and again, and once it is answered POSTs go on",
        why, (unsigned long long)endpoint->missed, LSN(first->post.lsn));
}

void endpoint_give_up(struct endpoint *endpoint, const char *why) {
    endpoint_park(endpoint, why);
    endpoint->given_up = true;
}

static void take_part_again(struct endpoint *endpoint) {
    endpoint->parked = false;
    count(endpoint, "webhook_parked", -1);
    if (endpoint->missed)
        LOG(endpoint, SGR_LOG_WARN,
            "not parked any more: %llu were left out, of %X/%X to %X/%X; the next tells so by its "
            "header webhook-missed",
            (unsigned long long)endpoint->missed, LSN(endpoint->missed_first),
            LSN(endpoint->missed_last));
    else
        LOG(endpoint, SGR_LOG_INFO, "not parked any more: %s", "none was left out");
}

/* ---- Trying ---- */

static uint64_t random_below(struct endpoints *all, uint64_t limit) {
    all->chance ^= all->chance << 13;
    all->chance ^= all->chance >> 7;
    all->chance ^= all->chance << 17;
    return all->chance % limit;
}

static void on_again(void *data) {
    struct endpoint *endpoint = data;
    endpoint->timer = NULL;
    kick(endpoint);
    endpoint->all->moved(endpoint->all->data);
}

/* Without a timer the next push tries again. */
static int64_t try_later(struct endpoint *endpoint) {
    struct endpoints *all = endpoint->all;
    int64_t delay = FIRST_DELAY;
    for (unsigned i = 1; i < endpoint->failures && delay < LAST_DELAY; i++)
        delay *= 2;
    if (delay > LAST_DELAY)
        delay = LAST_DELAY;
    delay -= (int64_t)random_below(all, (uint64_t)delay / 2);
    endpoint->timer = all->table->timer(all->host, delay, on_again, endpoint);
    return delay;
}

static void failed(struct endpoint *endpoint, const char *why) {
    uint64_t lsn = endpoint->first->post.lsn;
    enum sgr_log_level level = endpoint->failures++ ? SGR_LOG_DEBUG : SGR_LOG_WARN;
    count(endpoint, "webhook_failures", 1);
    if (endpoint->all->patience && now() - endpoint->since >= endpoint->all->patience)
        endpoint_park(endpoint, why);
    int64_t delay = try_later(endpoint);
    LOG(endpoint, level, "the one of %X/%X failed, %s; tried again in %.1f s", LSN(lsn), why,
        (double)delay / 1e6);
}

static void failed_with(struct endpoint *endpoint, const struct sgr_http_answer *answer) {
    char why[128];
    if (!answer->status)
        snprintf(why, sizeof(why), "%.120s", answer->error);
    else
        snprintf(why, sizeof(why), "it was answered with %d%s", answer->status,
                 answer->status / 100 == 3 ? ", and redirects are not followed" : "");
    failed(endpoint, why);
}

/* Whether the answer refuses this very request, and would do so again. Those that are about the endpoint, or the time, are not so. */
static bool refuses(int status) {
    static const int others[] = {401, 402, 403, 404, 405, 407, 408, 409,
                                 410, 421, 423, 424, 425, 426, 429};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (others[i] == status)
            return false;
    return status >= 400 && status < 500;
}

static void done(struct endpoint *endpoint, int status) {
    bool refused = refuses(status);
    const struct post *post = &endpoint->first->post;
    count(endpoint, refused ? "webhook_refused" : "webhook_posts", 1);
    if (refused)
        LOG(endpoint, SGR_LOG_ERROR,
            "the one of %X/%X (%s) was refused with %d and is not tried again", LSN(post->lsn),
            post->id, status);
    else if (endpoint->failures)
        LOG(endpoint, SGR_LOG_INFO, "the one of %X/%X was taken after %u tries", LSN(post->lsn),
            endpoint->failures + 1);
    pop(endpoint);
    endpoint->rests_from = now();
    if (endpoint->parked)
        take_part_again(endpoint);
    else if (!endpoint->first)
        endpoint->given_up = false;
}

static void on_answer(void *data, const struct sgr_http_answer *answer) {
    struct endpoint *endpoint = data;
    endpoint->http = NULL;
    if (answer->status / 100 == 2 || refuses(answer->status))
        done(endpoint, answer->status);
    else
        failed_with(endpoint, answer);
    kick(endpoint);
    endpoint->all->moved(endpoint->all->data);
}

/* The headers of the first; NULL: out of memory. */
static const char *headers_of(struct endpoint *endpoint) {
    const struct waiting *first = endpoint->first;
    struct sgr_text *text = &endpoint->all->scratch;
    sgr_text_clear(text);
    sgr_text_puts(text, endpoint->all->headers);
    sgr_text_puts(text, "webhook-id: ");
    sgr_text_puts(text, first->post.id);
    if (first->post.part) {
        sgr_text_puts(text, "\r\nwebhook-part: ");
        sgr_text_uint(text, first->post.part);
    }
    if (first->missed) {
        sgr_text_puts(text, "\r\nwebhook-missed: ");
        sgr_text_uint(text, first->missed);
    }
    sgr_text_add(text, "\r\n", 3);
    return text->failed ? NULL : text->data;
}

/* Tries the first, unless that is under way or has to wait. */
static void kick(struct endpoint *endpoint) {
    struct endpoints *all = endpoint->all;
    if (!endpoint->first || endpoint->http || endpoint->timer)
        return;
    const struct sgr_bytes *body = endpoint->first->post.body;
    struct sgr_http_request request = {.method = "POST",
                                       .url = endpoint->url,
                                       .headers = headers_of(endpoint),
                                       .body = {body->data, body->size},
                                       .ca_file = all->ca_file,
                                       .timeout = all->timeout,
                                       .limit = SGR_HTTP_NO_BODY};
    if (!endpoint->failures)
        endpoint->since = now();
    if (request.headers)
        endpoint->http = all->table->client->http(all->host, &request, on_answer, endpoint);
    if (!endpoint->http)
        failed(endpoint, "out of memory");
}

/* ---- Life ---- */

/* http://user:secret@host:80/secret?secret: http://host:80 */
static char *label_of(struct endpoints *all, const char *url) {
    size_t scheme = (size_t)(strstr(url, "://") - url) + 3;
    size_t size = strcspn(url + scheme, "/?#");
    const char *host = url + scheme;
    for (size_t i = 0; i < size; i++)
        if (url[scheme + i] == '@')
            host = url + scheme + i + 1;
    size -= (size_t)(host - url) - scheme;
    char *label = all->table->common.allocate(all->host, scheme + size + 1);
    if (!label)
        return NULL;
    memcpy(label, url, scheme);
    memcpy(label + scheme, host, size);
    return label;
}

struct endpoint *endpoint_new(struct endpoints *all, const char *url) {
    const struct sgr_host_common *common = &all->table->common;
    struct endpoint *endpoint = common->allocate(all->host, sizeof(*endpoint) + strlen(url) + 1);
    if (!endpoint)
        return NULL;
    endpoint->all = all;
    endpoint->end = &endpoint->first;
    strcpy(endpoint->url, url);
    endpoint->label = label_of(all, url);
    if (endpoint->label)
        return endpoint;
    common->release(all->host, endpoint);
    return NULL;
}

void endpoint_free(struct endpoint *endpoint) {
    const struct sgr_sink_host *table = endpoint->all->table;
    if (endpoint->http)
        table->client->http_cancel(endpoint->http);
    table->timer_cancel(endpoint->all->host, endpoint->timer);
    while (endpoint->first)
        pop(endpoint);
    table->common.release(endpoint->all->host, endpoint->label);
    table->common.release(endpoint->all->host, endpoint);
}

const char *endpoint_url(const struct endpoint *endpoint) {
    return endpoint->url;
}

size_t endpoint_bytes(const struct endpoint *endpoint) {
    return endpoint->parked ? 0 : endpoint->bytes;
}

bool endpoint_given_up(const struct endpoint *endpoint) {
    return endpoint->given_up;
}

uint64_t endpoint_position(const struct endpoint *endpoint) {
    if (endpoint->parked || !endpoint->first)
        return 0;
    return endpoint->failures ? endpoint->first->behind : endpoint->first->post.log_end;
}

void endpoint_rebase(struct endpoint *endpoint, uint64_t lsn) {
    for (struct waiting *waiting = endpoint->first; waiting; waiting = waiting->next)
        waiting->behind = waiting->post.log_end = lsn;
}
