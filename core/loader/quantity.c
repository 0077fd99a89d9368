/* Durations and sizes as people write them: a number, whole or with a fraction, and a unit. */
#include <inttypes.h>

#include "base/slice.h"
#include "loader/option_value.h"

struct unit {
    const char *name;
    int64_t scale;
};

static const struct unit time_units[] = {{"us", 1},
                                         {"ms", 1000},
                                         {"s", 1000000},
                                         {"min", INT64_C(60000000)},
                                         {"m", INT64_C(60000000)},
                                         {"h", INT64_C(3600000000)},
                                         {"d", INT64_C(86400000000)},
                                         {NULL, 0}};
static const struct unit byte_units[] = {{"B", 1},
                                         {"KB", INT64_C(1) << 10},
                                         {"MB", INT64_C(1) << 20},
                                         {"GB", INT64_C(1) << 30},
                                         {"TB", INT64_C(1) << 40},
                                         {NULL, 0}};

static const struct unit *find_unit(const struct unit *units, struct sgr_slice name) {
    for (; units->name; units++)
        if (sgr_slice_is(name, units->name))
            return units;
    return NULL;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* digits[.digits] × scale, exact: 0.5KB is 512, 0.3KB is nothing. */
static bool scale_number(struct sgr_slice number, int64_t scale, int64_t *ret) {
    int64_t amount = 0, divisor = 1;
    bool fraction = false;
    for (size_t i = 0; i < number.size; i++) {
        if (number.data[i] == '.' && !fraction && i && i + 1 < number.size) {
            fraction = true;
            continue;
        }
        if (!is_digit(number.data[i]) || __builtin_mul_overflow(amount, 10, &amount) ||
            __builtin_add_overflow(amount, number.data[i] - '0', &amount) ||
            (fraction && __builtin_mul_overflow(divisor, 10, &divisor)))
            return false;
    }
    __int128 scaled = (__int128)amount * scale;
    if (!number.size || scaled % divisor || scaled / divisor > INT64_MAX)
        return false;
    *ret = (int64_t)(scaled / divisor);
    return true;
}

static bool parse(struct sgr_slice text, const struct unit *units, int64_t *ret) {
    size_t digits = 0;
    while (digits < text.size && (is_digit(text.data[digits]) || text.data[digits] == '.'))
        digits++;
    size_t unit_at = digits;
    while (unit_at < text.size && text.data[unit_at] == ' ')
        unit_at++;
    const struct unit *unit =
        find_unit(units, (struct sgr_slice){text.data + unit_at, text.size - unit_at});
    return unit && scale_number((struct sgr_slice){text.data, digits}, unit->scale, ret);
}

bool sgr__duration_parse(struct sgr_slice text, int64_t *ret) {
    if (sgr_slice_is(text, "0")) {
        *ret = 0;
        return true;
    }
    return parse(text, time_units, ret);
}

bool sgr__bytes_parse(struct sgr_slice text, int64_t *ret) {
    int64_t plain;
    if (sgr_slice_int(text, &plain) && plain >= 0) {
        *ret = plain;
        return true;
    }
    return parse(text, byte_units, ret);
}

static void write(int64_t amount, const struct unit *units, struct sgr_buffer *out) {
    const struct unit *best = units;
    for (const struct unit *unit = units; amount && unit->name; unit++)
        if (amount % unit->scale == 0 && unit->scale > best->scale)
            best = unit;
    sgr_buffer_printf(out, "%" PRId64 "%s", amount / best->scale, amount ? best->name : "");
}

void sgr__duration_write(int64_t microseconds, struct sgr_buffer *out) {
    write(microseconds, time_units, out);
}

void sgr__bytes_write(int64_t bytes, struct sgr_buffer *out) {
    write(bytes, byte_units, out);
}
