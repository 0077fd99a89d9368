/* Requests where there is no libcurl: they fail with the reason, and nothing else does. */
#define _GNU_SOURCE
#include <dlfcn.h>
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

/* In place of libc's. */
void *dlopen(const char *name, int flags) {
    void *(*real)(const char *name, int flags);
    *(void **)&real = dlsym(RTLD_NEXT, "dlopen");
    return real(name && strstr(name, "curl") ? "libnowhere.so.4" : name, flags);
}

static struct fixture {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    int failures;
    char error[256];
} fixture = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void wake(void *data) {
    struct fixture *f = data;
    pthread_mutex_lock(&f->lock);
    f->woken = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void done(void *data, const struct sgr_http_answer *answer) {
    struct fixture *f = data;
    assert_int_equal(answer->status, 0);
    snprintf(f->error, sizeof(f->error), "%s", answer->error);
    f->failures++;
}

static void run_until(struct sgr_client *client, int failures) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    while (fixture.failures < failures) {
        pthread_mutex_lock(&fixture.lock);
        while (!fixture.woken)
            assert_int_equal(pthread_cond_timedwait(&fixture.changed, &fixture.lock, &until), 0);
        fixture.woken = false;
        pthread_mutex_unlock(&fixture.lock);
        sgr_client_dispatch(client);
    }
}

static void requests_fail_with_the_reason(void **state) {
    struct sgr_http_request request = {.url = "http://127.0.0.1:1/", .headers = "a: b\r\n"};
    struct sgr_client *client = sgr_client_new(wake, &fixture);
    (void)state;
    for (int i = 0; i < 10; i++) /* while it is tried, and after */
        assert_non_null(sgr_client_http(client, &fixture, &request, done, &fixture));
    sgr_client_http_cancel(sgr_client_http(client, &fixture, &request, done, &fixture));
    run_until(client, 10);
    assert_non_null(strstr(fixture.error, "HTTP requests need libcurl, which cannot be loaded"));
    assert_non_null(strstr(fixture.error, "libnowhere.so.4"));
    assert_non_null(sgr_client_http(client, &fixture, &request, done, &fixture));
    assert_int_equal(fixture.failures, 10); /* never from within the call */
    run_until(client, 11);
    struct sgr_http *cancelled = sgr_client_http(client, &fixture, &request, done, &fixture);
    sgr_client_http_cancel(cancelled);
    sgr_client_dispatch(client);
    assert_non_null(sgr_client_http(client, &fixture, &request, done, &fixture)); /* at the end */
    sgr_client_free(client);
    assert_int_equal(fixture.failures, 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests_fail_with_the_reason)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
