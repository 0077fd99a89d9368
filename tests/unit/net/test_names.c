/* Requests whose name server is dead: others go on, and so does the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "net/client.h"
#include "net/curl.h"

enum { PATIENCE = 20 }; /* seconds */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t asking, gave_up; /* look-ups */
    bool answers;
    bool woken;
    int answered; /* requests */
    char error[256];
} fixture = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct timespec until(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec += PATIENCE;
    return time;
}

/* In place of libc's: silent for as long as a test is patient. */
static void ask(void) {
    struct timespec end = until();
    pthread_mutex_lock(&fixture.lock);
    fixture.asking++;
    pthread_cond_broadcast(&fixture.changed);
    while (!fixture.answers && pthread_cond_timedwait(&fixture.changed, &fixture.lock, &end) == 0)
        continue;
    fixture.gave_up += !fixture.answers;
    fixture.asking--;
    pthread_cond_broadcast(&fixture.changed);
    pthread_mutex_unlock(&fixture.lock);
}

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **ret) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || !strstr(name, "dead"))
        return real(name, service, hints, ret);
    ask();
    return EAI_AGAIN;
}

static void wake(void *data) {
    (void)data;
    pthread_mutex_lock(&fixture.lock);
    fixture.woken = true;
    pthread_cond_broadcast(&fixture.changed);
    pthread_mutex_unlock(&fixture.lock);
}

static void done(void *data, const struct sgr_http_answer *answer) {
    (void)data;
    snprintf(fixture.error, sizeof(fixture.error), "%s", answer->error);
    fixture.answered++;
}

static void request(struct sgr_client *client, const char *url, int64_t timeout) {
    struct sgr_http_request what = {.url = url, .timeout = timeout};
    assert_non_null(sgr_client_http(client, &fixture, &what, done, NULL));
}

static void run_until(struct sgr_client *client, int answered) {
    while (fixture.answered < answered) {
        pthread_mutex_lock(&fixture.lock);
        while (!fixture.woken)
            pthread_cond_wait(&fixture.changed, &fixture.lock);
        fixture.woken = false;
        pthread_mutex_unlock(&fixture.lock);
        sgr_client_dispatch(client);
    }
}

static void wait_until_asking(size_t count) {
    struct timespec end = until();
    pthread_mutex_lock(&fixture.lock);
    while (fixture.asking != count)
        assert_int_equal(pthread_cond_timedwait(&fixture.changed, &fixture.lock, &end), 0);
    pthread_mutex_unlock(&fixture.lock);
}

/* Before 7.87 libcurl waits for look-ups. */
static bool libcurl_can(void) {
    const char *why;
    void *library = sgr__curl(&why) ? dlopen("libcurl.so.4", RTLD_NOW | RTLD_NOLOAD) : NULL;
    assert_non_null(library);
    __typeof__(&curl_version_info) version_info;
    *(void **)&version_info = dlsym(library, "curl_version_info");
    return version_info(CURLVERSION_NOW)->version_num >= 0x075700;
}

static void a_dead_name_server_stops_nobody_else_and_not_the_end(void **state) {
    (void)state;
    if (!libcurl_can())
        skip();
    struct sgr_client *client = sgr_client_new(wake, NULL);
    request(client, "http://dead.example/", 50000);
    run_until(client, 1);
    assert_non_null(strstr(fixture.error, "timed out"));
    assert_int_equal(fixture.gave_up, 0);
    wait_until_asking(1);
    request(client, "http://127.0.0.1:1/", 0);
    run_until(client, 2);
    assert_null(strstr(fixture.error, "timed out"));
    request(client, "http://dead.example/", 0);
    wait_until_asking(2);
    sgr_client_free(client);
    assert_int_equal(fixture.gave_up, 0);
    pthread_mutex_lock(&fixture.lock);
    fixture.answers = true;
    pthread_cond_broadcast(&fixture.changed);
    pthread_mutex_unlock(&fixture.lock);
    wait_until_asking(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_name_server_stops_nobody_else_and_not_the_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
