#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

/* On the heap, so that a sanitizer sees what is read behind the end. */
static void expect(const char *from, const char *to) {
    char *text = strdup(from);
    assert_non_null(text);
    sgr_utf8_repair(text);
    assert_string_equal(text, to);
    free(text);
    char *bare = malloc(strlen(from) + !*from); /* without the NUL */
    assert_non_null(bare);
    memcpy(bare, from, strlen(from));
    assert_int_equal(sgr_utf8_valid(bare, strlen(from)), strcmp(from, to) == 0);
    free(bare);
}

static void well_formed_text_is_changed(void **state) {
    (void)state;
    static const char *const texts[] = {"", "plain", "\xc2\x80 \xdf\xbf",
                                        "\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf",
                                        "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect(texts[i], texts[i]);
}

static void malformed_text_reaches_clients(void **state) {
    (void)state;
    expect("a\xff"
           "b\x80",
           "a?b?");
    expect("\xc0\xaf \xc1\xbf", "?? ??");
    expect("\xe0\x9f\xbf", "???");
    expect("\xed\xa0\x80", "???");
    expect("\xf4\x90\x80\x80 \xf5\x80", "???? ??");
    expect("cut \xc3", "cut ?");
    expect("cut \xe2\x82", "cut ??");
    expect("cut \xf0\x9f\x98", "cut ???");
    expect("\xe2\x82z", "??z");
}

static void a_nul_is_in_no_text(void **state) {
    (void)state;
    assert_false(sgr_utf8_valid("a\0b", 3));
    assert_true(sgr_utf8_valid("a\0b", 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_text_is_changed),
        cmocka_unit_test(malformed_text_reaches_clients),
        cmocka_unit_test(a_nul_is_in_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
