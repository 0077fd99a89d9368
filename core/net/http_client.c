/* Outgoing HTTP requests: libcurl's multi interface on one thread; it looks names up on threads of its own. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include <sangre/error.h>

#include "base/slice.h"
#include "net/client_internal.h"

enum { TIMEOUT_MILLISECONDS = 30000, CONNECT_MILLISECONDS = 10000, POLL_MILLISECONDS = 10000 };
enum { BODY_LIMIT = 1 << 20 };

struct http_worker {
    struct sgr__worker worker;
    CURLM *multi;
    struct sgr_list running; /* of struct sgr_http; its thread's */
};

struct sgr_http {
    struct sgr__handle handle;
    void (*done)(void *data, const struct sgr_http_answer *answer);
    void *data;
    char *method, *url, *body, *ca_file;
    size_t body_size;
    struct curl_slist *headers;
    int64_t timeout;
    bool cancel; /* atomic */

    /* The worker's until it is over. */
    CURL *easy; /* NULL: not begun, or over */
    struct sgr_list running;
    struct sgr_buffer answer;
    long status;
    char error[CURL_ERROR_SIZE];
};

/* ---- The worker's thread ---- */

static size_t receive(char *data, size_t one, size_t count, void *user) {
    struct sgr_http *http = user;
    sgr_buffer_append(&http->answer, data, one * count);
    return http->answer.failed ? 0 : one * count;
}

static void set_up(struct sgr_http *http, CURL *easy) {
    long timeout = http->timeout ? (long)((http->timeout + 999) / 1000) : TIMEOUT_MILLISECONDS;
    curl_easy_setopt(easy, CURLOPT_URL, http->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sangre");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, http);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers);
    if (http->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    if (http->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, http->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)http->body_size);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http->method);
    if (strcmp(http->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
}

static void end(struct http_worker *worker, struct sgr_http *http) {
    if (http->easy) {
        curl_multi_remove_handle(worker->multi, http->easy);
        curl_easy_cleanup(http->easy);
        sgr_list_remove(&http->running);
    }
    http->easy = NULL;
    sgr__client_tell(http->handle.client, &http->handle.over);
}

static void begin(struct http_worker *worker, struct sgr_http *http) {
    CURL *easy = curl_easy_init();
    if (easy) {
        set_up(http, easy);
        if (curl_multi_add_handle(worker->multi, easy) == CURLM_OK) {
            http->easy = easy;
            sgr_list_append(&worker->running, &http->running);
            return;
        }
        curl_easy_cleanup(easy);
    }
    snprintf(http->error, sizeof(http->error), "out of memory");
    end(worker, http);
}

static void finished(struct http_worker *worker, CURL *easy, CURLcode code) {
    struct sgr_http *http;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&http);
    if (code == CURLE_OK)
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http->status);
    else if (http->answer.failed)
        snprintf(http->error, sizeof(http->error), "the answer is larger than %zu bytes",
                 http->answer.limit);
    else if (!http->error[0])
        snprintf(http->error, sizeof(http->error), "%s", curl_easy_strerror(code));
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

static void *run(void *data) {
    struct http_worker *worker = data;
    while (take_submitted(worker)) {
        int running, left;
        curl_multi_perform(worker->multi, &running);
        for (CURLMsg *message; (message = curl_multi_info_read(worker->multi, &left));)
            if (message->msg == CURLMSG_DONE)
                finished(worker, message->easy_handle, message->data.result);
        curl_multi_poll(worker->multi, NULL, 0, POLL_MILLISECONDS, NULL);
    }
    SGR_LIST_EACH(link, &worker->running)
    end(worker, SGR_CONTAINER(link, struct sgr_http, running));
    return NULL;
}

/* ---- The owner's side ---- */

static void interrupt(struct sgr__worker *worker) {
    curl_multi_wakeup(SGR_CONTAINER(worker, struct http_worker, worker)->multi);
}

static void worker_free(struct sgr__worker *base) {
    struct http_worker *worker = SGR_CONTAINER(base, struct http_worker, worker);
    curl_multi_cleanup(worker->multi);
    free(worker);
}

static void curl_begin(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct sgr__worker *sgr__http_worker_new(struct sgr_client *client) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_begin);
    struct http_worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return NULL;
    worker->worker.interrupt = interrupt;
    worker->worker.free = worker_free;
    worker->multi = curl_multi_init();
    sgr_list_init(&worker->running);
    if (worker->multi && sgr__worker_start(&worker->worker, client, run) == 0)
        return &worker->worker;
    curl_multi_cleanup(worker->multi);
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
    curl_slist_free_all(http->headers);
    sgr_buffer_fini(&http->answer);
    free(http->method);
    free(http->url);
    free(http->body);
    free(http->ca_file);
    free(http);
}

/* One list item a line. */
static int copy_headers(struct sgr_http *http, const char *headers) {
    while (headers && *headers) {
        size_t size = strcspn(headers, "\r\n");
        char *line = sgr_slice_copy((struct sgr_slice){headers, size});
        struct curl_slist *list =
            line && size ? curl_slist_append(http->headers, line) : http->headers;
        free(line);
        if (!line || (size && !list))
            return SGR_ENOMEM;
        http->headers = list;
        headers += size;
        headers += strspn(headers, "\r\n");
    }
    return 0;
}

static int copy_request(struct sgr_http *http, const struct sgr_http_request *request) {
    http->method = strdup(request->method ? request->method : "GET");
    http->url = strdup(request->url);
    http->body = request->body.data ? sgr_slice_copy(request->body) : NULL;
    http->body_size = request->body.size;
    http->ca_file = request->ca_file ? strdup(request->ca_file) : NULL;
    http->timeout = request->timeout;
    http->answer.limit = request->limit ? request->limit : BODY_LIMIT;
    if (!http->method || !http->url || (request->body.data && !http->body) ||
        (request->ca_file && !http->ca_file))
        return SGR_ENOMEM;
    return copy_headers(http, request->headers);
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
