/* Buffers, shared bytes and slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/slice.h"

static void writes_all_kinds_of_content(void **state) {
    (void)state;
    struct sgr_buffer buffer = SGR_BUFFER_INIT;
    sgr_buffer_puts(&buffer, "a");
    sgr_buffer_putc(&buffer, ':');
    sgr_buffer_append(&buffer, "xyz", 2);
    sgr_buffer_append(&buffer, NULL, 0);
    sgr_buffer_slice(&buffer, SGR_SLICE("-s-"));
    sgr_buffer_printf(&buffer, "%d|%s", 42, "text");
    assert_string_equal(sgr_buffer_text(&buffer), "a:xy-s-42|text");
    assert_int_equal(buffer.size, 14);
    sgr_buffer_clear(&buffer);
    assert_string_equal(sgr_buffer_text(&buffer), "");
    sgr_buffer_fini(&buffer);
    assert_string_equal(sgr_buffer_text(&buffer), "");
    sgr_buffer_fini(&buffer);
}

static void integers_are_written_as_printf_would(void **state) {
    (void)state;
    const int64_t numbers[] = {0,     9,     10,        99,        100,       -1,
                               -10,   12345, 999999999, INT64_MAX, INT64_MIN, INT64_MIN + 1,
                               -1234, 1000,  1 << 20};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        struct sgr_buffer buffer = SGR_BUFFER_INIT;
        char expected[32];
        snprintf(expected, sizeof(expected), "%lld", (long long)numbers[i]);
        sgr_buffer_int(&buffer, numbers[i]);
        assert_string_equal(sgr_buffer_text(&buffer), expected);
        sgr_buffer_fini(&buffer);
    }
}

static void the_limit_fails_the_append_and_keeps_the_content(void **state) {
    (void)state;
    struct sgr_buffer buffer = {.limit = 8};
    sgr_buffer_puts(&buffer, "12345678");
    assert_false(buffer.failed);
    sgr_buffer_putc(&buffer, '9');
    assert_true(buffer.failed);
    sgr_buffer_clear(&buffer);
    sgr_buffer_puts(&buffer, "123456");
    sgr_buffer_printf(&buffer, "%s", "789");
    assert_true(buffer.failed);
    sgr_buffer_putc(&buffer, '7'); /* would fit, but something is missing already */
    assert_string_equal(sgr_buffer_text(&buffer), "123456");
    sgr_buffer_clear(&buffer);
    sgr_buffer_printf(&buffer, "%s", "12345678");
    assert_false(buffer.failed);
    assert_string_equal(sgr_buffer_text(&buffer), "12345678");
    sgr_buffer_fini(&buffer);
}

static void a_size_that_overflows_is_refused(void **state) {
    (void)state;
    struct sgr_buffer buffer = SGR_BUFFER_INIT;
    sgr_buffer_puts(&buffer, "x");
    assert_null(sgr_buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    sgr_buffer_fini(&buffer);
}

static void expect_json(struct sgr_slice text, const char *expected) {
    struct sgr_buffer buffer = SGR_BUFFER_INIT;
    sgr_buffer_json(&buffer, text);
    assert_string_equal(sgr_buffer_text(&buffer), expected);
    sgr_buffer_fini(&buffer);
}

static void json_escapes_what_must_be_and_nothing_else(void **state) {
    (void)state;
    expect_json(SGR_SLICE(""), "\"\"");
    expect_json((struct sgr_slice){NULL, 0}, "\"\"");
    expect_json(SGR_SLICE("plain / text \x7f \xc3\xa9 longer than a word"),
                "\"plain / text \x7f \xc3\xa9 longer than a word\"");
    expect_json(SGR_SLICE("\b\f\n\r\t\"\\\x01\x1f"), "\"\\b\\f\\n\\r\\t\\\"\\\\\\u0001\\u001f\"");
    expect_json(SGR_SLICE("a\0b"), "\"a\\u0000b\"");
}

/* The eight-at-a-time scan against every byte at every place of a word. */
static void json_finds_an_escape_at_any_offset(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < 19; at++) {
            char text[19], expected[64];
            memset(text, 'a', sizeof(text));
            text[at] = (char)byte;
            struct sgr_buffer one = SGR_BUFFER_INIT, whole = SGR_BUFFER_INIT;
            sgr_buffer_json(&one, (struct sgr_slice){&text[at], 1});
            sgr_buffer_json(&whole, (struct sgr_slice){text, sizeof(text)});
            size_t size = (size_t)snprintf(expected, sizeof(expected), "\"%.*s", (int)at, text);
            memcpy(expected + size, one.data + 1, one.size - 2);
            size += one.size - 2;
            size += (size_t)snprintf(expected + size, sizeof(expected) - size, "%.*s\"",
                                     (int)(sizeof(text) - at - 1), text + at + 1);
            assert_int_equal(whole.size, size);
            assert_memory_equal(whole.data, expected, size);
            sgr_buffer_fini(&one);
            sgr_buffer_fini(&whole);
        }
}

static void bytes_have_headroom_and_live_until_the_last_reference(void **state) {
    (void)state;
    struct sgr_bytes *bytes = sgr_bytes_new("hello", 5);
    assert_int_equal(bytes->size, 5);
    assert_string_equal(bytes->data, "hello");
    memset((char *)bytes->data - SGR_BYTES_HEADROOM, 0xee, SGR_BYTES_HEADROOM);
    assert_ptr_equal(sgr_bytes_ref(bytes), bytes);
    sgr_bytes_unref(bytes);
    assert_int_equal(bytes->refs, 1);
    sgr_bytes_unref(bytes);
    struct sgr_bytes *empty = sgr_bytes_new(NULL, 0);
    assert_string_equal(empty->data, "");
    sgr_bytes_unref(empty);
    sgr_bytes_unref(NULL);
    assert_null(sgr_bytes_new(NULL, SIZE_MAX));
    assert_null(sgr_bytes_new(NULL, UINT32_MAX));
}

static void slices_compare_bytewise_shorter_first(void **state) {
    (void)state;
    assert_true(sgr_slice_compare(SGR_SLICE("a"), SGR_SLICE("ab")) < 0);
    assert_true(sgr_slice_compare(SGR_SLICE("b"), SGR_SLICE("ab")) > 0);
    assert_true(sgr_slice_compare(SGR_SLICE("\xff"), SGR_SLICE("a")) > 0);
    assert_int_equal(sgr_slice_compare(SGR_SLICE(""), (struct sgr_slice){NULL, 0}), 0);
    assert_true(sgr_slice_is(SGR_SLICE("x"), "x"));
    char *copy = sgr_slice_copy((struct sgr_slice){"abc", 2});
    assert_string_equal(copy, "ab");
    free(copy);
}

static void numbers_are_read_whole_or_not_at_all(void **state) {
    (void)state;
    int64_t number = 5;
    const char *const bad[] = {"",
                               "-",
                               "+",
                               "1x",
                               " 1",
                               "1 ",
                               "9223372036854775808",
                               "--1",
                               "0x1",
                               "1e3",
                               "-9223372036854775809",
                               "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(sgr_slice_int(sgr_slice(bad[i]), &number));
    assert_int_equal(number, 5);
    assert_true(sgr_slice_int(SGR_SLICE("9223372036854775807"), &number));
    assert_true(number == INT64_MAX);
    assert_true(sgr_slice_int(SGR_SLICE("-9223372036854775808"), &number));
    assert_true(number == INT64_MIN);
    assert_true(sgr_slice_int(SGR_SLICE("+0012"), &number));
    assert_int_equal(number, 12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_all_kinds_of_content),
        cmocka_unit_test(integers_are_written_as_printf_would),
        cmocka_unit_test(the_limit_fails_the_append_and_keeps_the_content),
        cmocka_unit_test(a_size_that_overflows_is_refused),
        cmocka_unit_test(json_escapes_what_must_be_and_nothing_else),
        cmocka_unit_test(json_finds_an_escape_at_any_offset),
        cmocka_unit_test(bytes_have_headroom_and_live_until_the_last_reference),
        cmocka_unit_test(slices_compare_bytewise_shorter_first),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
