#include "key.h"

struct sgr_slice key_bytes(const struct sgr_value *value, char scratch[16]) {
    memset(scratch, 0, 16);
    switch (value->type) {
    case SGR_BOOL:
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
    case SGR_DATE:
    case SGR_TIME:
    case SGR_TIMESTAMP:
    case SGR_TIMESTAMPTZ:
        memcpy(scratch, &value->i, sizeof(value->i));
        return (struct sgr_slice){scratch, sizeof(value->i)};
    case SGR_FLOAT4:
    case SGR_FLOAT8: {
        double number = value->f == 0 ? 0 : value->f; /* -0 equals 0 */
        memcpy(scratch, &number, sizeof(number));
        return (struct sgr_slice){scratch, sizeof(number)};
    }
    case SGR_INTERVAL:
        memcpy(scratch, &value->v, sizeof(value->v));
        return (struct sgr_slice){scratch, sizeof(value->v)};
    case SGR_UUID:
        memcpy(scratch, value->u, sizeof(value->u));
        return (struct sgr_slice){scratch, sizeof(value->u)};
    default:
        return value->s;
    }
}

/* FNV-1a, finished by a mix of the high bits. */
uint64_t key_hash(const struct sgr_schema *schema, const struct sgr_row *row,
                  const uint16_t *columns, size_t count) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < count; i++) {
        struct sgr_value value = sgr_row_value(schema, row, columns ? columns[i] : (uint16_t)i);
        char scratch[16];
        struct sgr_slice bytes = {NULL, 0};
        if (!value.null)
            bytes = key_bytes(&value, scratch);
        for (size_t j = 0; j < bytes.size; j++)
            hash = (hash ^ (unsigned char)bytes.data[j]) * 0x100000001b3u;
        hash = (hash ^ (bytes.size + value.null * 0x10000u)) * 0x100000001b3u;
    }
    return (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15u;
}
