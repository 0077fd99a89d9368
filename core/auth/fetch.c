/* Fetching a set of keys. libcurl blocks (and looks names up) on a thread of its own, which lives for one fetch: they are rare. Redirects are
 * not followed, and the answer's size and time are limited. */
#include "auth/internal.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { ANSWER_LIMIT = 256 * 1024, CONNECT_MILLISECONDS = 5000, ALL_MILLISECONDS = 10000 };

struct sgr__fetch {
    pthread_t thread;
    char *url;
    struct sgr_buffer text;
    struct sgr_error error;
    int stop, over; /* atomic */
    void (*done)(void *data);
    void *data;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_begin(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

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

static size_t on_data(char *data, size_t one, size_t size, void *user) {
    struct sgr__fetch *fetch = user;
    sgr_buffer_append(&fetch->text, data, one * size);
    return fetch->text.failed ? 0 : one * size;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct sgr__fetch *fetch = user;
    (void)a, (void)b, (void)c, (void)d;
    return __atomic_load_n(&fetch->stop, __ATOMIC_ACQUIRE);
}

static void set_up(struct sgr__fetch *fetch, CURL *curl) {
    curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ALL_MILLISECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sangre");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
}

static void get(struct sgr__fetch *fetch) {
    pthread_once(&curl_once, curl_begin);
    CURL *curl = curl_easy_init();
    long status = 0;
    if (!curl) {
        sgr_error_set(&fetch->error, SGR_ENOMEM, "out of memory");
        return;
    }
    set_up(fetch, curl);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (fetch->text.failed)
        sgr_error_set(&fetch->error, SGR_ELIMIT, "the answer is larger than %d bytes",
                      ANSWER_LIMIT);
    else if (code != CURLE_OK)
        sgr_error_set(&fetch->error, SGR_EUNAVAILABLE, "%s", curl_easy_strerror(code));
    else if (status != 200)
        sgr_error_set(&fetch->error, SGR_EUNAVAILABLE, "the answer has status %ld", status);
}

static void read_again(struct sgr__fetch *fetch) {
    size_t size;
    char *text = sgr__file_read(fetch->url, ANSWER_LIMIT, &size, &fetch->error);
    if (text)
        sgr_buffer_append(&fetch->text, text, size);
    free(text);
}

/* ---- The thread ---- */

static void *run(void *data) {
    struct sgr__fetch *fetch = data;
    if (strstr(fetch->url, "://"))
        get(fetch);
    else
        read_again(fetch);
    void (*done)(void *data) = fetch->done;
    void *its = fetch->data;
    __atomic_store_n(&fetch->over, 1, __ATOMIC_RELEASE);
    if (done)
        done(its);
    return NULL;
}

struct sgr__fetch *sgr__fetch_start(const char *url, void (*done)(void *data), void *data) {
    struct sgr__fetch *fetch = calloc(1, sizeof(*fetch));
    sigset_t all, old;
    if (!fetch)
        return NULL;
    fetch->url = strdup(url);
    fetch->text.limit = ANSWER_LIMIT;
    fetch->done = done;
    fetch->data = data;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int code = fetch->url ? pthread_create(&fetch->thread, NULL, run, fetch) : ENOMEM;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!code)
        return fetch;
    free(fetch->url);
    free(fetch);
    return NULL;
}

bool sgr__fetch_over(const struct sgr__fetch *fetch) {
    return __atomic_load_n(&fetch->over, __ATOMIC_ACQUIRE);
}

char *sgr__fetch_finish(struct sgr__fetch *fetch, size_t *ret_size, struct sgr_error *error) {
    char *text = NULL;
    __atomic_store_n(&fetch->stop, 1, __ATOMIC_RELEASE);
    pthread_join(fetch->thread, NULL);
    if (!fetch->error.code) {
        text = sgr_slice_copy((struct sgr_slice){fetch->text.data, fetch->text.size});
        *ret_size = fetch->text.size;
    } else if (error) {
        *error = fetch->error;
    }
    sgr_buffer_fini(&fetch->text);
    free(fetch->url);
    free(fetch);
    return text;
}
