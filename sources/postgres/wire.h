/* Numbers in network order, read from bytes that may end too soon and written into ones that are long enough. */
#ifndef POSTGRES_WIRE_H
#define POSTGRES_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Once the bytes were too short, `cut` stays true and all reads give zero. */
struct wire_reader {
    const char *at, *end;
    bool cut;
};

static inline struct wire_reader wire_reader(const char *bytes, size_t size) {
    return (struct wire_reader){bytes, bytes + size, false};
}

static inline size_t wire_left(const struct wire_reader *reader) {
    return (size_t)(reader->end - reader->at);
}

static inline const char *wire_bytes(struct wire_reader *reader, size_t size) {
    if (reader->cut || wire_left(reader) < size) {
        reader->cut = true;
        return NULL;
    }
    reader->at += size;
    return reader->at - size;
}

static inline uint64_t wire_number(struct wire_reader *reader, size_t size) {
    const char *bytes = wire_bytes(reader, size);
    uint64_t number = 0;
    for (size_t i = 0; bytes && i < size; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return number;
}

static inline uint8_t wire_u8(struct wire_reader *reader) {
    return (uint8_t)wire_number(reader, 1);
}

static inline uint16_t wire_u16(struct wire_reader *reader) {
    return (uint16_t)wire_number(reader, 2);
}

static inline uint32_t wire_u32(struct wire_reader *reader) {
    return (uint32_t)wire_number(reader, 4);
}

static inline uint64_t wire_u64(struct wire_reader *reader) {
    return wire_number(reader, 8);
}

/* NUL-terminated; "" when cut. */
static inline const char *wire_string(struct wire_reader *reader) {
    size_t left = wire_left(reader);
    const char *end = reader->cut || !left ? NULL : memchr(reader->at, '\0', left);
    if (!end) {
        reader->cut = true;
        return "";
    }
    const char *text = reader->at;
    reader->at = end + 1;
    return text;
}

static inline char *wire_put(char *at, uint64_t number, size_t size) {
    for (size_t i = size; i-- > 0; number >>= 8)
        at[i] = (char)(number & 0xff);
    return at + size;
}

#endif
