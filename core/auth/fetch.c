/* Fetching a set of keys: from a URL by the owner's client, from a file by a thread that lives for one fetch, as a disk may block and fetches
 * are rare. The answer's size and time are limited. */
#include "auth/internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { ANSWER_LIMIT = 256 * 1024, TIMEOUT = 10000000 /* microseconds */ };

struct sgr__fetch {
    const struct sgr_verifier_owner *owner;
    struct sgr_http *http; /* under way */
    bool reads;            /* a thread reads a file */
    pthread_t thread;
    char *url;
    struct sgr_buffer text;
    struct sgr_error error;
    int over; /* atomic */
    void (*done)(void *data);
    void *data;
};

/* ---- Files ---- */

char *sgr__file_read(const char *path, size_t limit, size_t *ret_size, struct sgr_error *error) {
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(limit + 1) : NULL;
    size_t size = text ? fread(text, 1, limit + 1, file) : 0;
    bool failed = !file || !text || ferror(file);
    int reason = errno;
    if (file)
        fclose(file);
    if (!failed && size <= limit) {
        text[size] = '\0';
        *ret_size = size;
        return text;
    }
    free(text);
    if (failed)
        sgr_error_set(error, SGR_ECONFIG, "cannot read %s: %s", path, strerror(reason));
    else
        sgr_error_set(error, SGR_ECONFIG, "%s is larger than %zu bytes", path, limit);
    return NULL;
}

/* ---- HTTP ---- */

static void on_answer(void *data, const struct sgr_http_answer *answer) {
    struct sgr__fetch *fetch = data;
    fetch->http = NULL;
    if (!answer->status)
        sgr_error_set(&fetch->error, SGR_EUNAVAILABLE, "%s", answer->error);
    else if (answer->status != 200)
        sgr_error_set(&fetch->error, SGR_EUNAVAILABLE, "the answer has status %d", answer->status);
    else if (sgr_buffer_append(&fetch->text, answer->body.data, answer->body.size),
             fetch->text.failed)
        sgr_error_set(&fetch->error, SGR_ENOMEM, "out of memory");
    __atomic_store_n(&fetch->over, 1, __ATOMIC_RELEASE);
    fetch->done(fetch->data);
}

static int ask(struct sgr__fetch *fetch) {
    struct sgr_http_request request = {
        .url = fetch->url, .timeout = TIMEOUT, .limit = ANSWER_LIMIT};
    fetch->http = fetch->owner->client->http(fetch->owner->host, &request, on_answer, fetch);
    return fetch->http ? 0 : ENOMEM;
}

/* ---- Files, by a thread ---- */

static void *run(void *data) {
    struct sgr__fetch *fetch = data;
    size_t size;
    char *text = sgr__file_read(fetch->url, ANSWER_LIMIT, &size, &fetch->error);
    if (text)
        sgr_buffer_append(&fetch->text, text, size);
    free(text);
    void (*done)(void *data) = fetch->done;
    void *its = fetch->data;
    __atomic_store_n(&fetch->over, 1, __ATOMIC_RELEASE);
    done(its);
    return NULL;
}

static int start_reading(struct sgr__fetch *fetch) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int code = pthread_create(&fetch->thread, NULL, run, fetch);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    fetch->reads = !code;
    return code;
}

/* ---- Life ---- */

static void fetch_free(struct sgr__fetch *fetch) {
    sgr_buffer_fini(&fetch->text);
    free(fetch->url);
    free(fetch);
}

struct sgr__fetch *sgr__fetch_start(const struct sgr_verifier_owner *owner, const char *url,
                                    void (*done)(void *data), void *data) {
    struct sgr__fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch)
        return NULL;
    fetch->owner = owner;
    fetch->url = strdup(url);
    fetch->text.limit = ANSWER_LIMIT;
    fetch->done = done;
    fetch->data = data;
    if (fetch->url && !(strstr(url, "://") ? ask(fetch) : start_reading(fetch)))
        return fetch;
    fetch_free(fetch);
    return NULL;
}

bool sgr__fetch_over(const struct sgr__fetch *fetch) {
    return __atomic_load_n(&fetch->over, __ATOMIC_ACQUIRE);
}

char *sgr__fetch_finish(struct sgr__fetch *fetch, size_t *ret_size, struct sgr_error *error) {
    char *text = NULL;
    if (fetch->reads)
        pthread_join(fetch->thread, NULL);
    if (fetch->http)
        fetch->owner->client->http_cancel(fetch->http);
    if (!fetch->error.code) {
        text = sgr_slice_copy((struct sgr_slice){fetch->text.data, fetch->text.size});
        *ret_size = fetch->text.size;
    } else if (error) {
        *error = fetch->error;
    }
    fetch_free(fetch);
    return text;
}
