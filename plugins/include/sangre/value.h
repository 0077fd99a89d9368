/* Values: the types Sangre knows, and one value of one of them outside a row.
 *
 * Types that are only stored and shown keep Postgres' canonical text (as sent with DateStyle ISO, IntervalStyle postgres,
 * extra_float_digits 3, bytea_output hex, TimeZone UTC). Types that are compared or computed with often are binary.
 */
#ifndef SANGRE_VALUE_H
#define SANGRE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes, not NUL-terminated. */
struct sgr_slice {
    const char *data;
    size_t size;
};

/* X(symbol, name, bytes in a row: 0 = text of variable length, member of sgr_value's union that holds it) */
#define SGR_TYPES(X)                                                                               \
    X(SGR_BOOL, "bool", 1, i)                                                                      \
    X(SGR_INT2, "int2", 2, i)                                                                      \
    X(SGR_INT4, "int4", 4, i)                                                                      \
    X(SGR_INT8, "int8", 8, i)                                                                      \
    X(SGR_FLOAT4, "float4", 4, f)                                                                  \
    X(SGR_FLOAT8, "float8", 8, f)                                                                  \
    X(SGR_NUMERIC, "numeric", 0, s)     /* canonical text: exact, keeps its scale */               \
    X(SGR_TEXT, "text", 0, s)           /* also varchar, name, "char" */                           \
    X(SGR_BPCHAR, "bpchar", 0, s)       /* char(n): trailing blanks do not count in comparisons */ \
    X(SGR_BYTEA, "bytea", 0, s)         /* hex form, \x… */                                      \
    X(SGR_DATE, "date", 4, i)           /* days since 2000-01-01; INT32_MIN/MAX are infinities */  \
    X(SGR_TIME, "time", 8, i)           /* microseconds since midnight, 24:00:00 included */       \
    X(SGR_TIMESTAMP, "timestamp", 8, i) /* microseconds since 2000-01-01; INT64_MIN/MAX */         \
    X(SGR_TIMESTAMPTZ, "timestamptz", 8, i) /* the same, in UTC */                                 \
    X(SGR_INTERVAL, "interval", 16, v)                                                             \
    X(SGR_UUID, "uuid", 16, u)                                                                     \
    X(SGR_JSON, "json", 0, s)   /* text as written; not comparable */                              \
    X(SGR_JSONB, "jsonb", 0, s) /* canonical text */                                               \
    X(SGR_ARRAY, "array", 0, s) /* Postgres' {…} form; element type is in the column */          \
    X(SGR_OTHER, "other", 0, s) /* enums, ranges, composites, extensions: text, equality by text */

enum sgr_type {
#define SGR__TYPE_ENUM(symbol, name, width, member) symbol,
    SGR_TYPES(SGR__TYPE_ENUM)
#undef SGR__TYPE_ENUM
        SGR_TYPE_COUNT
};

struct sgr_interval {
    int64_t microseconds;
    int32_t days;
    int32_t months;
};

/* One value. Which member counts follows from `type` (see SGR_TYPES); a null value has no member. Text borrows. */
struct sgr_value {
    enum sgr_type type;
    bool null;
    union {
        int64_t i;
        double f;
        struct sgr_slice s;
        struct sgr_interval v;
        uint8_t u[16];
    };
};

/* How a column may be ordered and pattern-matched. Equality is bytewise in both. */
enum sgr_collation {
    SGR_COLLATION_NONE,     /* the type has none */
    SGR_COLLATION_C,        /* bytewise */
    SGR_COLLATION_DATABASE, /* the database's default, which this host has in the same version */
    SGR_COLLATION_UNKNOWN,  /* one this host cannot reproduce: ordering by it is refused */
};

#endif
