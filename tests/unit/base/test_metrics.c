/* Prometheus' text format, where names come from people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "base/slice.h"

static void expect(struct sgr_buffer *out, const char *text) {
    assert_string_equal(sgr_buffer_text(out), text);
    sgr_buffer_clear(out);
}

static void labels_are_escaped(void **unused) {
    (void)unused;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    sgr_metric_of(&out, "m", "of", "a \"b\" \\ c\nd", 1);
    expect(&out, "m{of=\"a \\\"b\\\" \\\\ c\\nd\"} 1\n");
    struct sgr_metric_label labels[] = {{"a", SGR_SLICE("")}, {"b", SGR_SLICE("é")}};
    sgr_metric(&out, "m", labels, 2, -3);
    expect(&out, "m{a=\"\",b=\"é\"} -3\n");
    sgr_buffer_fini(&out);
}

static void values_are_whole_where_they_can_be(void **unused) {
    (void)unused;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    sgr_metric(&out, "m", NULL, 0, 4503599627370496.0);
    sgr_metric(&out, "m", NULL, 0, 0.25);
    sgr_metric(&out, "m", NULL, 0, 1e300);
    expect(&out, "m 4503599627370496\nm 0.25\nm 1e+300\n");
    sgr_metric_counter(&out, "m_total", "What it is.", 2);
    expect(&out, "# HELP m_total What it is.\n# TYPE m_total counter\nm_total 2\n");
    sgr_buffer_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(values_are_whole_where_they_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
