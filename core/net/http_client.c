/* Outgoing HTTP requests: libcurl's multi interface on one thread; it looks names up on threads of its own. The thread loads it first, as
 * that takes longer than a loop may stand still. */
#include <stdlib.h>
#include <string.h>

#include <sangre/error.h>

#include "base/slice.h"
#include "net/client_internal.h"
#include "net/curl.h"

enum { TIMEOUT_MILLISECONDS = 30000, CONNECT_MILLISECONDS = 10000, POLL_MILLISECONDS = 10000 };
enum { BODY_LIMIT = 1 << 20 };

struct http_worker {
    struct sgr__worker worker;
    const struct sgr__curl *curl; /* its thread's, as is what runs */
    struct sgr_list running;      /* of struct sgr_http */

    /* Under the client's lock. */
    CURLM *multi;        /* NULL: not there yet */
    const char *failure; /* why it never will be: its thread has ended. NULL: it has not failed */
};

struct sgr_http {
    struct sgr__handle handle;
    void (*done)(void *data, const struct sgr_http_answer *answer);
    void *data;
    char *method, *url, *headers, *body, *ca_file;
    size_t body_size;
    int64_t timeout;
    bool no_body;
    bool cancel; /* atomic */

    /* The worker's until it is over. */
    CURL *easy; /* NULL: not begun, or over */
    struct curl_slist *lines;
    struct sgr_list running;
    struct sgr_buffer answer;
    size_t dropped; /* bytes of an answer that nobody wants */
    long status;
    char error[CURL_ERROR_SIZE];
};

/* ---- The worker's thread ---- */

static size_t receive(char *data, size_t one, size_t count, void *user) {
    struct sgr_http *http = user;
    sgr_buffer_append(&http->answer, data, one * count);
    return http->answer.failed ? 0 : one * count;
}

/* A short one to its end, so that the connection can be used again. */
static size_t drop(char *data, size_t one, size_t count, void *user) {
    struct sgr_http *http = user;
    (void)data;
    http->dropped += one * count;
    return http->dropped > BODY_LIMIT ? 0 : one * count;
}

static bool add_line(const struct sgr__curl *curl, struct sgr_http *http, struct sgr_slice line) {
    char *copy = sgr_slice_copy(line);
    struct curl_slist *list = copy ? curl->slist_append(http->lines, copy) : NULL;
    free(copy);
    if (list)
        http->lines = list;
    return list;
}

/* One list item a line. What is long would wait a second for those who do not answer `Expect: 100-continue`, so none is sent. */
static bool add_headers(const struct sgr__curl *curl, struct sgr_http *http) {
    bool ok = add_line(curl, http, SGR_SLICE("Expect:"));
    for (const char *at = http->headers; ok && at && *at; at += strspn(at, "\r\n")) {
        size_t size = strcspn(at, "\r\n");
        ok = !size || add_line(curl, http, (struct sgr_slice){at, size});
        at += size;
    }
    return ok;
}

/* By itself libcurl waits, when a request ends, for the thread that still looks its name up, and all others wait with it: a dead name server would stop
 * them, and the process' end. With this such a thread is left to end alone. Before 7.87 libcurl does not know it, so its answer does not matter. */
static void wait_for_no_name(const struct sgr__curl *curl, CURL *easy) {
    static const CURLoption quick_exit = (CURLoption)(CURLOPTTYPE_LONG + 322);
    curl->easy_setopt(easy, quick_exit, 1L);
}

/* Also false if memory is out: what would be left of the request, its certificates above all, could be anything. */
static bool set_up(const struct sgr__curl *curl, struct sgr_http *http, CURL *easy) {
    long timeout = http->timeout ? (long)(http->timeout / 1000 + 1) : TIMEOUT_MILLISECONDS;
    unsigned odd = 0; /* or'ed codes: 0 is fine */
    odd |= curl->easy_setopt(easy, CURLOPT_URL, http->url);
    odd |= curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    odd |= curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    odd |= curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS);
    odd |= curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    odd |= curl->easy_setopt(easy, CURLOPT_USERAGENT, "sangre");
    odd |= curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, http->no_body ? drop : receive);
    odd |= curl->easy_setopt(easy, CURLOPT_WRITEDATA, http);
    odd |= curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
    odd |= curl->easy_setopt(easy, CURLOPT_PRIVATE, http);
    odd |= curl->easy_setopt(easy, CURLOPT_HTTPHEADER, http->lines);
    if (http->ca_file)
        odd |= curl->easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    if (http->body) {
        odd |= curl->easy_setopt(easy, CURLOPT_POSTFIELDS, http->body);
        odd |= curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)http->body_size);
    }
    odd |= curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http->method);
    wait_for_no_name(curl, easy);
    if (strcmp(http->method, "HEAD") == 0)
        odd |= curl->easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return !odd;
}

static void end(struct http_worker *worker, struct sgr_http *http) {
    const struct sgr__curl *curl = worker->curl;
    if (http->easy) {
        curl->multi_remove_handle(worker->multi, http->easy);
        curl->easy_cleanup(http->easy);
        sgr_list_remove(&http->running);
    }
    if (http->lines)
        curl->slist_free_all(http->lines);
    http->easy = NULL;
    http->lines = NULL;
    sgr__client_tell(http->handle.client, &http->handle.over);
}

static void begin(struct http_worker *worker, struct sgr_http *http) {
    const struct sgr__curl *curl = worker->curl;
    CURL *easy = add_headers(curl, http) ? curl->easy_init() : NULL;
    const char *why = easy ? "the request cannot be made" : "out of memory";
    if (easy && set_up(curl, http, easy) &&
        curl->multi_add_handle(worker->multi, easy) == CURLM_OK) {
        http->easy = easy;
        sgr_list_append(&worker->running, &http->running);
        return;
    }
    if (easy)
        curl->easy_cleanup(easy);
    snprintf(http->error, sizeof(http->error), "%s", why);
    end(worker, http);
}

static void finished(struct http_worker *worker, CURL *easy, CURLcode code) {
    const struct sgr__curl *curl = worker->curl;
    struct sgr_http *http;
    curl->easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&http);
    if (code == CURLE_OK || http->no_body) /* 0: the answer had not begun */
        curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http->status);
    if (http->status)
        http->error[0] = '\0';
    else if (http->answer.failed)
        snprintf(http->error, sizeof(http->error), "the answer is larger than %zu bytes",
                 http->answer.limit);
    else if (!http->error[0])
        snprintf(http->error, sizeof(http->error), "%s", curl->easy_strerror(code));
    end(worker, http);
}

/* False: all shall end. */
static bool take_submitted(struct http_worker *worker) {
    bool stop;
    for (struct sgr__handle *handle; (handle = sgr__worker_next(&worker->worker, &stop));) {
        struct sgr_http *http = SGR_CONTAINER(handle, struct sgr_http, handle);
        if (stop || __atomic_load_n(&http->cancel, __ATOMIC_ACQUIRE))
            end(worker, http);
        else
            begin(worker, http);
    }
    return !stop;
}

static void serve(struct http_worker *worker) {
    const struct sgr__curl *curl = worker->curl;
    while (take_submitted(worker)) {
        int running, left;
        curl->multi_perform(worker->multi, &running);
        for (CURLMsg *message; (message = curl->multi_info_read(worker->multi, &left));)
            if (message->msg == CURLMSG_DONE)
                finished(worker, message->easy_handle, message->data.result);
        curl->multi_poll(worker->multi, NULL, 0, POLL_MILLISECONDS, NULL);
    }
    SGR_LIST_EACH(link, &worker->running)
    end(worker, SGR_CONTAINER(link, struct sgr_http, running));
}

/* ---- Without libcurl: whoever submits ends what was submitted ---- */

static void refuse_submitted(struct http_worker *worker, const char *why) {
    bool stop;
    for (struct sgr__handle *handle; (handle = sgr__worker_next(&worker->worker, &stop));) {
        struct sgr_http *http = SGR_CONTAINER(handle, struct sgr_http, handle);
        snprintf(http->error, sizeof(http->error), "%s", why);
        end(worker, http);
    }
}

static void publish(struct http_worker *worker, CURLM *multi, const char *failure) {
    pthread_mutex_lock(&worker->worker.client->lock);
    worker->multi = multi;
    worker->failure = failure;
    pthread_mutex_unlock(&worker->worker.client->lock);
}

static void *run(void *data) {
    struct http_worker *worker = data;
    const char *failure = "out of memory";
    worker->curl = sgr__curl(&failure);
    CURLM *multi = worker->curl ? worker->curl->multi_init() : NULL;
    publish(worker, multi, multi ? NULL : failure);
    if (multi)
        serve(worker);
    else
        refuse_submitted(worker, failure); /* before it was known */
    return NULL;
}

/* ---- The owner's side ---- */

/* While its thread still loads, that looks for itself once it is done. */
static void interrupt(struct sgr__worker *base) {
    struct http_worker *worker = SGR_CONTAINER(base, struct http_worker, worker);
    pthread_mutex_lock(&base->client->lock);
    CURLM *multi = worker->multi;
    const char *failure = worker->failure;
    pthread_mutex_unlock(&base->client->lock);
    if (multi)
        worker->curl->multi_wakeup(multi);
    else if (failure)
        refuse_submitted(worker, failure);
}

static void worker_free(struct sgr__worker *base) {
    struct http_worker *worker = SGR_CONTAINER(base, struct http_worker, worker);
    if (worker->multi)
        worker->curl->multi_cleanup(worker->multi);
    free(worker);
}

struct sgr__worker *sgr__http_worker_new(struct sgr_client *client) {
    struct http_worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return NULL;
    worker->worker.interrupt = interrupt;
    worker->worker.free = worker_free;
    sgr_list_init(&worker->running);
    if (sgr__worker_start(&worker->worker, client, run) == 0)
        return &worker->worker;
    free(worker);
    return NULL;
}

static void happened(struct sgr__handle *handle, const struct sgr__event *event) {
    struct sgr_http *http = SGR_CONTAINER(handle, struct sgr_http, handle);
    (void)event;
    struct sgr_http_answer answer = {.status = (int)http->status,
                                     .error = http->status ? NULL : http->error,
                                     .body = {http->answer.data, http->answer.size}};
    http->done(http->data, &answer);
}

static void cancel(struct sgr__handle *handle) {
    struct sgr_http *http = SGR_CONTAINER(handle, struct sgr_http, handle);
    handle->cancelled = true;
    __atomic_store_n(&http->cancel, true, __ATOMIC_RELEASE);
    sgr__handle_submit(handle, handle->client->http);
}

static void http_free(struct sgr__handle *handle) {
    struct sgr_http *http = SGR_CONTAINER(handle, struct sgr_http, handle);
    sgr_buffer_fini(&http->answer);
    free(http->method);
    free(http->url);
    free(http->headers);
    free(http->body);
    free(http->ca_file);
    free(http);
}

static int copy_request(struct sgr_http *http, const struct sgr_http_request *request) {
    http->method = strdup(request->method ? request->method : "GET");
    http->url = strdup(request->url);
    http->headers = request->headers ? strdup(request->headers) : NULL;
    http->body = request->body.data ? sgr_slice_copy(request->body) : NULL;
    http->body_size = request->body.size;
    http->ca_file = request->ca_file ? strdup(request->ca_file) : NULL;
    http->timeout = request->timeout;
    http->no_body = request->limit == SGR_HTTP_NO_BODY;
    http->answer.limit = request->limit ? request->limit : BODY_LIMIT;
    bool ok = http->method && http->url && (!request->headers || http->headers) &&
              (!request->body.data || http->body) && (!request->ca_file || http->ca_file);
    return ok ? 0 : SGR_ENOMEM;
}

struct sgr_http *sgr_client_http(struct sgr_client *client, const void *owner,
                                 const struct sgr_http_request *request,
                                 void (*done)(void *data, const struct sgr_http_answer *answer),
                                 void *data) {
    if (!client->http && !(client->http = sgr__http_worker_new(client)))
        return NULL;
    struct sgr_http *http = calloc(1, sizeof(*http));
    if (!http)
        return NULL;
    http->done = done;
    http->data = data;
    sgr__handle_init(&http->handle, client, owner);
    sgr_list_init(&http->running);
    http->handle.happened = happened;
    http->handle.cancel = cancel;
    http->handle.free = http_free;
    if (copy_request(http, request)) {
        sgr_list_remove(&http->handle.link);
        http_free(&http->handle);
        return NULL;
    }
    sgr__handle_submit(&http->handle, client->http);
    return http;
}

void sgr_client_http_cancel(struct sgr_http *http) {
    cancel(&http->handle);
}
