/* The pure decoders: pgoutput messages and COPY's text, whole, cut short and broken. Bytes are copied to exact-size heap blocks, so that a
 * sanitizer sees any read past their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "copytext.h"
#include "failure.h"
#include "pgoutput.h"

/* ---- Messages, written by hand ---- */

struct bytes {
    char data[1024];
    size_t size;
};

static void put(struct bytes *bytes, uint64_t number, size_t size) {
    for (size_t i = size; i-- > 0;)
        bytes->data[bytes->size++] = (char)(number >> (8 * i));
}

static void put_text(struct bytes *bytes, const char *text) {
    memcpy(bytes->data + bytes->size, text, strlen(text) + 1);
    bytes->size += strlen(text) + 1;
}

/* "n" null, "u" unchanged, else a text. */
static void put_tuple(struct bytes *bytes, size_t count, const char *const *values) {
    put(bytes, count, 2);
    for (size_t i = 0; i < count; i++) {
        bool kind_only = strcmp(values[i], "n") == 0 || strcmp(values[i], "u") == 0;
        put(bytes, (uint64_t)(kind_only ? values[i][0] : 't'), 1);
        if (kind_only)
            continue;
        put(bytes, strlen(values[i]), 4);
        memcpy(bytes->data + bytes->size, values[i], strlen(values[i]));
        bytes->size += strlen(values[i]);
    }
}

static struct bytes begin_message(void) {
    struct bytes bytes = {.size = 0};
    put(&bytes, 'B', 1);
    put(&bytes, 0x1122334455667788, 8);
    put(&bytes, 700000000000000, 8);
    put(&bytes, 4000000000u, 4);
    return bytes;
}

static struct bytes commit_message(void) {
    struct bytes bytes = {.size = 0};
    put(&bytes, 'C', 1);
    put(&bytes, 0, 1);
    put(&bytes, 100, 8);
    put(&bytes, 148, 8);
    put(&bytes, 5, 8);
    return bytes;
}

static struct bytes relation_message(void) {
    struct bytes bytes = {.size = 0};
    put(&bytes, 'R', 1);
    put(&bytes, 16400, 4);
    put_text(&bytes, "public");
    put_text(&bytes, "users");
    put(&bytes, 'd', 1);
    put(&bytes, 2, 2);
    put(&bytes, 1, 1);
    put_text(&bytes, "id");
    put(&bytes, 23, 4);
    put(&bytes, UINT32_MAX, 4);
    put(&bytes, 0, 1);
    put_text(&bytes, "name");
    put(&bytes, 1043, 4);
    put(&bytes, 24, 4);
    return bytes;
}

static struct bytes update_message(void) {
    struct bytes bytes = {.size = 0};
    put(&bytes, 'U', 1);
    put(&bytes, 16400, 4);
    put(&bytes, 'K', 1);
    put_tuple(&bytes, 2, (const char *[]){"1", "n"});
    put(&bytes, 'N', 1);
    put_tuple(&bytes, 2, (const char *[]){"2", "u"});
    return bytes;
}

static struct bytes truncate_message(void) {
    struct bytes bytes = {.size = 0};
    put(&bytes, 'T', 1);
    put(&bytes, 2, 4);
    put(&bytes, 3, 1);
    put(&bytes, 16400, 4);
    put(&bytes, 16401, 4);
    return bytes;
}

static struct bytes delete_message(void) {
    struct bytes bytes = {.size = 0};
    put(&bytes, 'D', 1);
    put(&bytes, 16400, 4);
    put(&bytes, 'O', 1);
    put_tuple(&bytes, 2, (const char *[]){"1", "ann"});
    return bytes;
}

static struct bytes insert_message(void) {
    struct bytes bytes = {.size = 0};
    put(&bytes, 'I', 1);
    put(&bytes, 16400, 4);
    put(&bytes, 'N', 1);
    put_tuple(&bytes, 3, (const char *[]){"1", "n", ""});
    return bytes;
}

static int decode(const char *data, size_t size, struct pgoutput_scratch *scratch,
                  struct pgoutput_message *message) {
    struct sgr_error error = {0};
    char *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    int code = pgoutput_decode(exact, size, scratch, message, &error);
    assert_int_equal(code, error.code);
    free(exact); /* only what is not borrowed may be looked at now */
    return code;
}

static void expect_field(const struct sgr_field *field, char kind, const char *text) {
    assert_int_equal(field->kind, kind);
    if (kind != 't')
        return;
    assert_int_equal(field->size, strlen(text));
    assert_memory_equal(field->data, text, field->size);
}

static void every_kind_of_message_is_read_whole(void **state) {
    (void)state;
    struct pgoutput_scratch scratch = {0};
    struct pgoutput_message message;
    struct bytes bytes = begin_message();
    assert_int_equal(pgoutput_decode(bytes.data, bytes.size, &scratch, &message, NULL), 0);
    assert_int_equal(message.begin.xid, 4000000000u);
    assert_true(message.begin.final_lsn == 0x1122334455667788);
    bytes = commit_message();
    assert_int_equal(pgoutput_decode(bytes.data, bytes.size, &scratch, &message, NULL), 0);
    assert_true(message.commit.commit_lsn == 100 && message.commit.end_lsn == 148 &&
                message.commit.commit_time == 5);
    bytes = relation_message();
    assert_int_equal(pgoutput_decode(bytes.data, bytes.size, &scratch, &message, NULL), 0);
    assert_string_equal(message.relation.table, "users");
    assert_int_equal(message.relation.column_count, 2);
    assert_true(message.relation.columns[0].key && !message.relation.columns[1].key);
    assert_int_equal(message.relation.columns[0].modifier, -1);
    bytes = insert_message();
    assert_int_equal(pgoutput_decode(bytes.data, bytes.size, &scratch, &message, NULL), 0);
    assert_int_equal(message.change.new_tuple.count, 3);
    expect_field(&message.change.new_tuple.fields[1], 'n', NULL);
    expect_field(&message.change.new_tuple.fields[2], 't', "");
    bytes = update_message();
    assert_int_equal(pgoutput_decode(bytes.data, bytes.size, &scratch, &message, NULL), 0);
    assert_int_equal(message.change.old_kind, SGR_OLD_KEY);
    expect_field(&message.change.old_tuple.fields[0], 't', "1");
    expect_field(&message.change.new_tuple.fields[0], 't', "2");
    expect_field(&message.change.new_tuple.fields[1], 'u', NULL);
    bytes = delete_message();
    assert_int_equal(pgoutput_decode(bytes.data, bytes.size, &scratch, &message, NULL), 0);
    assert_int_equal(message.change.old_kind, SGR_OLD_FULL);
    assert_int_equal(message.change.new_tuple.count, 0);
    expect_field(&message.change.old_tuple.fields[1], 't', "ann");
    bytes = truncate_message();
    assert_int_equal(pgoutput_decode(bytes.data, bytes.size, &scratch, &message, NULL), 0);
    assert_true(message.truncate.cascade && message.truncate.restart_identity);
    assert_int_equal(message.truncate.count, 2);
    assert_int_equal(message.truncate.oids[1], 16401);
    pgoutput_scratch_fini(&scratch);
}

static void messages_cut_short_or_too_long_are_protocol_errors(void **state) {
    (void)state;
    struct bytes (*const makers[])(void) = {begin_message,  commit_message, relation_message,
                                            insert_message, update_message, truncate_message,
                                            delete_message};
    struct pgoutput_scratch scratch = {0};
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        struct bytes bytes = makers[i]();
        struct pgoutput_message message;
        for (size_t size = 0; size < bytes.size; size++)
            assert_int_equal(decode(bytes.data, size, &scratch, &message), SGR_EPROTOCOL);
        assert_int_equal(decode(bytes.data, bytes.size, &scratch, &message), 0);
        assert_int_equal(decode(bytes.data, bytes.size + 1, &scratch, &message), SGR_EPROTOCOL);
    }
    pgoutput_scratch_fini(&scratch);
}

static void lengths_and_counts_are_not_believed(void **state) {
    (void)state;
    struct pgoutput_scratch scratch = {0};
    struct pgoutput_message message;
    struct bytes bytes = truncate_message();
    memset(bytes.data + 1, 0xff, 4);
    assert_int_equal(decode(bytes.data, bytes.size, &scratch, &message), SGR_EPROTOCOL);
    bytes = insert_message();
    memset(bytes.data + 6, 0xff, 2); /* columns */
    assert_int_equal(decode(bytes.data, bytes.size, &scratch, &message), SGR_EPROTOCOL);
    bytes = insert_message();
    memset(bytes.data + 9, 0xff, 4); /* length of the first value */
    assert_int_equal(decode(bytes.data, bytes.size, &scratch, &message), SGR_EPROTOCOL);
    bytes = insert_message();
    bytes.data[8] = 'b';
    assert_int_equal(decode(bytes.data, bytes.size, &scratch, &message), SGR_EPROTOCOL);
    bytes = update_message();
    bytes.data[5] = 'X';
    assert_int_equal(decode(bytes.data, bytes.size, &scratch, &message), SGR_EPROTOCOL);
    bytes.data[0] = '?';
    assert_int_equal(decode(bytes.data, bytes.size, &scratch, &message), SGR_EPROTOCOL);
    pgoutput_scratch_fini(&scratch);
}

static void random_damage_never_reads_past_the_end(void **state) {
    (void)state;
    struct bytes (*const makers[])(void) = {relation_message, insert_message, update_message,
                                            truncate_message, delete_message};
    struct pgoutput_scratch scratch = {0};
    struct pgoutput_message message;
    uint32_t random = 1;
    for (int i = 0; i < 20000; i++) {
        struct bytes bytes = makers[i % 5]();
        for (int n = 0; n < 3; n++) {
            random = random * 1664525 + 1013904223;
            bytes.data[(random >> 8) % bytes.size] = (char)(random >> 24);
        }
        decode(bytes.data, bytes.size - random % 3, &scratch, &message);
    }
    pgoutput_scratch_fini(&scratch);
}

/* ---- COPY ---- */

static void expect_row(const char *line, size_t count, const char *const *values) {
    struct sgr_field fields[8];
    size_t size = strlen(line);
    char *exact = malloc(size ? size : 1);
    memcpy(exact, line, size);
    assert_int_equal(copytext_decode(exact, size, fields, count, NULL), 0);
    for (size_t i = 0; i < count; i++)
        expect_field(&fields[i], values[i] ? 't' : 'n', values[i]);
    free(exact);
}

static void copied_rows_lose_their_escapes_and_nothing_else(void **state) {
    (void)state;
    expect_row("1\tann\n", 2, (const char *[]){"1", "ann"});
    expect_row("1\tann", 2, (const char *[]){"1", "ann"});
    expect_row("\n", 1, (const char *[]){""});
    expect_row("\t\n", 2, (const char *[]){"", ""});
    expect_row("\\N\t\\\\N\tN\n", 3, (const char *[]){NULL, "\\N", "N"});
    expect_row("a\\tb\\nc\\\\d\\re\\bf\\fg\\v\n", 1, (const char *[]){"a\tb\nc\\d\re\bf\fg\v"});
    expect_row("\\\\\\\\\t\\n\n", 2, (const char *[]){"\\\\", "\n"});
    expect_row("{\"a\": \"\\\\n\"}\n", 1, (const char *[]){"{\"a\": \"\\n\"}"});
}

static void
copied_rows_of_another_width_or_with_a_loose_backslash_are_protocol_errors(void **state) {
    (void)state;
    static const struct {
        const char *line;
        size_t count;
    } cases[] = {{"1\n", 2}, {"1\t2\n", 1}, {"1\t2\t3\n", 2}, {"a\\", 1}, {"\\\tb\n", 2}, {"", 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sgr_field fields[8];
        char line[16];
        strcpy(line, cases[i].line);
        assert_int_equal(copytext_decode(line, strlen(line), fields, cases[i].count, NULL),
                         SGR_EPROTOCOL);
    }
}

static void only_what_a_person_must_change_is_fatal(void **state) {
    (void)state;
    static const char *const lasting[] = {"28P01", "28000", "3D000", "42501",
                                          "42601", "55000", "0A000"};
    static const char *const passing[] = {"",      "57P01", "57P03", "53300", "53400",
                                          "55006", "08006", "40001", "42P01", "42703",
                                          "42704", "XX000", "58030"};
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        assert_int_equal(failure_code(lasting[i]), SGR_EFATAL);
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        assert_int_equal(failure_code(passing[i]), SGR_EUNAVAILABLE);
    assert_int_equal(failure_code(NULL), SGR_EUNAVAILABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_message_is_read_whole),
        cmocka_unit_test(messages_cut_short_or_too_long_are_protocol_errors),
        cmocka_unit_test(lengths_and_counts_are_not_believed),
        cmocka_unit_test(random_damage_never_reads_past_the_end),
        cmocka_unit_test(copied_rows_lose_their_escapes_and_nothing_else),
        cmocka_unit_test(
            copied_rows_of_another_width_or_with_a_loose_backslash_are_protocol_errors),
        cmocka_unit_test(only_what_a_person_must_change_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
