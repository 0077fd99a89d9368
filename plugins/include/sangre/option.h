/* Options a plugin declares: from one table come parsing, defaults, errors with place and nearest name, `sangre help`,
 * the README's table, a JSON Schema and the redaction of secrets.
 *
 * The host fills a struct of `options_size` bytes at each entry's offset. Strings, lists and expressions are owned by the host
 * and live as long as the plugin's instance.
 */
#ifndef SANGRE_OPTION_H
#define SANGRE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sgr_option_type {
    SGR_OPTION_BOOL,     /* bool */
    SGR_OPTION_INT,      /* int64_t, within minimum and maximum */
    SGR_OPTION_DOUBLE,   /* double */
    SGR_OPTION_STRING,   /* const char * */
    SGR_OPTION_CHOICE,   /* const char *, one of `choices` */
    SGR_OPTION_DURATION, /* int64_t microseconds; written 250ms, 3s, 5min, 1h */
    SGR_OPTION_BYTES, /* int64_t bytes; written 64KB, 16MB, 1GB (powers of 1024) or a plain number */
    SGR_OPTION_STRINGS, /* struct sgr_strings; a list, or one string, or words separated by commas */
    SGR_OPTION_EXPRESSION, /* const char *: SQL text, compiled later against a schema by the host's `compile` */
    SGR_OPTION_COLUMNS, /* struct sgr_pairs, ordered: name → type name, e.g. { occupation: int } */
    SGR_OPTION_PAIRS, /* struct sgr_pairs, ordered: name → text, e.g. { total: "price * amount" } */
    SGR_OPTION_JSON, /* const char *: any value, handed over as compact JSON text */
};

struct sgr_strings {
    const char *const *items;
    size_t count;
};

struct sgr_pair {
    const char *name;
    const char *value;
};

struct sgr_pairs {
    const struct sgr_pair *items;
    size_t count;
};

enum {
    SGR_OPTION_REQUIRED = 1,
    SGR_OPTION_MAIN =
        2, /* the value written right behind the plugin's name: `filter: "price < 100"` */
    SGR_OPTION_SECRET = 4, /* never printed or logged */
    SGR_OPTION_SOURCE =
        8, /* STRING of a sink: names a source, whose change stream the sink binds; since 1.1 */
};

struct sgr_option {
    const char *name;
    enum sgr_option_type type;
    uint32_t
        offset; /* in the plugin's options struct; use SGR_OPTION_AT, which checks the C type */
    uint32_t flags;
    const char *fallback;       /* default, as it would be written in YAML; NULL: zero */
    int64_t minimum, maximum;   /* INT, DURATION (microseconds), BYTES; both 0: any */
    const char *const *choices; /* CHOICE: NULL-terminated */
    const char *help;
};

/* The offset of `field` in `type`; does not compile unless the field has C type `ctype`. */
#define SGR_OPTION_AT(type, field, ctype) \
    ((uint32_t)(offsetof(type, field) +   \
                0 * sizeof(char[_Generic(&((type *)0)->field, ctype * : 1)])))

#endif
