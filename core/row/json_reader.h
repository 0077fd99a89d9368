/* A pull reader of JSON text (RFC 8259): tokens with their nesting checked, no memory of its own. */
#ifndef SGR_ROW_JSON_READER_H
#define SGR_ROW_JSON_READER_H

#include <sangre/value.h>

#define SGR_JSON_DEPTH 1024 /* deeper text is refused */

enum sgr_json_kind {
    SGR_JSON_START,
    SGR_JSON_OBJECT, /* { */
    SGR_JSON_OBJECT_END,
    SGR_JSON_ARRAY, /* [ */
    SGR_JSON_ARRAY_END,
    SGR_JSON_KEY,    /* token with its quotes; the colon is taken too */
    SGR_JSON_STRING, /* token with its quotes */
    SGR_JSON_NUMBER,
    SGR_JSON_WORD, /* true, false, null */
    SGR_JSON_END,
    SGR_JSON_BAD,
};

struct sgr_json_reader {
    struct sgr_slice text;
    size_t at;
    enum sgr_json_kind kind; /* of the current token */
    struct sgr_slice token;
    size_t depth;
    uint8_t objects[SGR_JSON_DEPTH / 8]; /* a bit a level: whether it is an object */
};

void sgr_json_reader_init(struct sgr_json_reader *reader, struct sgr_slice text);
void sgr_json_reader_next(struct sgr_json_reader *reader);

#endif
