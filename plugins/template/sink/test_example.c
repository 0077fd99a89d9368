/* The sink against a host that keeps one route, one request and one answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/slice.h"
#include "loader/loader.h"

struct sgr_request {
    struct sgr_slice path;
};

static struct fake {
    struct sgr_route route;
    char view[64];
    const struct sgr_subscription_callbacks *callbacks;
    void *data;
    int status;
    char body[256];
} fake;

static void *fake_allocate(void *host, size_t size) {
    (void)host;
    return calloc(1, size);
}

static void fake_release(void *host, void *memory) {
    (void)host;
    free(memory);
}

static int fake_route(void *host, const struct sgr_route *route, struct sgr_error *error) {
    (void)host;
    (void)error;
    fake.route = *route;
    return 0;
}

static struct sgr_slice fake_path(const struct sgr_request *request) {
    return request->path;
}

static void fake_respond(struct sgr_request *request, int status, const char *content_type,
                         const char *headers, struct sgr_bytes *body) {
    (void)request;
    (void)content_type;
    (void)headers;
    fake.status = status;
    snprintf(fake.body, sizeof(fake.body), "%.*s", (int)body->size, body->data);
}

static struct sgr_subscription *fake_subscribe(void *host, struct sgr_connection *connection,
                                               const struct sgr_subscribe *what,
                                               const struct sgr_subscription_callbacks *callbacks,
                                               void *data) {
    (void)host;
    (void)connection;
    snprintf(fake.view, sizeof(fake.view), "%.*s", (int)what->view.size, what->view.data);
    fake.callbacks = callbacks;
    fake.data = data;
    return NULL;
}

static const struct sgr_sink_host table = {
    .common = {.size = sizeof(table), .allocate = fake_allocate, .release = fake_release},
    .bytes_new = sgr_bytes_new,
    .bytes_ref = sgr_bytes_ref,
    .bytes_unref = sgr_bytes_unref,
    .route = fake_route,
    .path = fake_path,
    .respond = fake_respond,
    .subscribe = fake_subscribe,
};

/* Opens the sink, sends a GET and answers it with this state. */
static void get(const char *path, const struct sgr_state *state) {
    const char *directories[] = {getenv("SANGRE_PLUGIN_DIR"), NULL};
    struct sgr_loader *loader = sgr_loader_new(directories);
    const struct sgr_plugin *plugin;
    struct sgr_options *options;
    struct sgr_error error;
    void *sink;
    fake = (struct fake){0};
    assert_int_equal(sgr_loader_plugin(loader, SGR_SINK, "example", &plugin, &error), 0);
    assert_int_equal(sgr_options_parse(plugin, NULL, NULL, &options, &error), 0);
    assert_int_equal(plugin->sink->open(&table, NULL, sgr_options_struct(options), &sink, &error),
                     0);
    struct sgr_request request = {sgr_slice(path)};
    fake.route.request(fake.route.data, &request);
    fake.callbacks->state(fake.data, NULL, state);
    plugin->sink->drain(sink);
    plugin->sink->close(sink);
    sgr_options_free(options);
    sgr_loader_free(loader);
}

static void test_a_document_is_wrapped(void **state) {
    (void)state;
    struct sgr_bytes *document = sgr_bytes_new("[1]", 3);
    get("/example/users", &(struct sgr_state){.answer = SGR_ANSWER_SNAPSHOT, .document = document});
    sgr_bytes_unref(document);
    assert_string_equal(fake.view, "/users");
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake.body, "{\"view\":\"/users\",\"document\":[1]}");
}

static void test_an_unknown_view_keeps_its_status(void **state) {
    (void)state;
    get("/example/nobody", &(struct sgr_state){.answer = SGR_ANSWER_ERROR, .status = 404});
    assert_int_equal(fake.status, 404);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document_is_wrapped),
        cmocka_unit_test(test_an_unknown_view_keeps_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
