/* JSON text: whether it is any, and equality and hash of jsonb by its canonical text, where only numbers have several forms. */
#include "base/hash.h"
#include "row/json_reader.h"
#include "row/type_internal.h"

bool sgr__json_valid(struct sgr_slice text) {
    struct sgr_json_reader reader;
    sgr_json_reader_init(&reader, text);
    while (reader.kind != SGR_JSON_END && reader.kind != SGR_JSON_BAD)
        sgr_json_reader_next(&reader);
    return reader.kind == SGR_JSON_END;
}

static void start(struct sgr_json_reader *reader, struct sgr_slice text) {
    sgr_json_reader_init(reader, text);
    sgr_json_reader_next(reader);
}

bool sgr__jsonb_equal(struct sgr_slice text_a, struct sgr_slice text_b) {
    struct sgr_json_reader a, b;
    if (sgr_slice_equal(text_a, text_b))
        return true;
    start(&a, text_a);
    start(&b, text_b);
    for (;;) {
        if (a.kind != b.kind || a.kind == SGR_JSON_BAD)
            return false;
        if (a.kind == SGR_JSON_END)
            return true;
        if (a.kind == SGR_JSON_NUMBER ? sgr_numeric_compare(a.token, b.token) != 0
                                      : !sgr_slice_equal(a.token, b.token))
            return false;
        sgr_json_reader_next(&a);
        sgr_json_reader_next(&b);
    }
}

uint64_t sgr__jsonb_hash(struct sgr_slice text) {
    struct sgr_json_reader reader;
    uint64_t hash = sgr_hash_seed;
    for (start(&reader, text); reader.kind != SGR_JSON_END && reader.kind != SGR_JSON_BAD;
         sgr_json_reader_next(&reader)) {
        uint64_t token = reader.kind == SGR_JSON_NUMBER
                             ? sgr__numeric_hash(reader.token)
                             : sgr_hash_bytes(reader.token.data, reader.token.size);
        hash = sgr_hash_mix(hash, token + reader.kind);
    }
    return hash;
}
