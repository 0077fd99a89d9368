/* Exact decimal arithmetic with Postgres' scales: what numeric's + - * / % and its rounding give, NaN and infinities included.
 *
 * Not libpgtypes': its quotients have a scale that PostgreSQL gave up (1/3 has 17 digits there, 20 in the server), it knows no
 * infinities and it takes a heap block for each number. Digits here are in base 10000 as in the server, because the scale of a quotient
 * depends on it. Numbers are plain values whose digits live in an arena. Functions return 0, SGR_ENOMEM, SGR_EDIVISION or SGR_ERANGE
 * and leave *ret alone on failure; *ret may be an argument. */
#ifndef SGR_ROW_NUMERIC_H
#define SGR_ROW_NUMERIC_H

#include <sangre/error.h>

#include "base/arena.h"
#include "base/buffer.h"

enum sgr_numeric_kind {
    SGR_NUMERIC_FINITE,
    SGR_NUMERIC_MINUS_INFINITY,
    SGR_NUMERIC_INFINITY,
    SGR_NUMERIC_NAN,
};

/* ± 0.d0 d1 … × 10000^(weight + 1). No leading or trailing zero digits; zero has none and is not negative. */
struct sgr_numeric {
    enum sgr_numeric_kind kind;
    bool negative;
    int32_t weight;
    int32_t scale; /* decimal digits shown behind the point */
    int32_t count;
    const int16_t *digits;
};

int sgr_numeric_parse(struct sgr_arena *arena, struct sgr_slice text, struct sgr_numeric *ret);
void sgr_numeric_write(const struct sgr_numeric *number, struct sgr_buffer *out);
int sgr_numeric_from_int(struct sgr_arena *arena, int64_t number, struct sgr_numeric *ret);
/* digits: how many significant ones the conversion keeps (15 for float8, 6 for float4). */
int sgr_numeric_from_double(struct sgr_arena *arena, double number, int digits,
                            struct sgr_numeric *ret);
/* Rounds half away from zero. SGR_ERANGE: NaN, an infinity, or too large. */
int sgr_numeric_to_int(struct sgr_arena *arena, const struct sgr_numeric *number, int64_t *ret);

int sgr_numeric_add(struct sgr_arena *arena, const struct sgr_numeric *a,
                    const struct sgr_numeric *b, struct sgr_numeric *ret);
int sgr_numeric_subtract(struct sgr_arena *arena, const struct sgr_numeric *a,
                         const struct sgr_numeric *b, struct sgr_numeric *ret);
int sgr_numeric_multiply(struct sgr_arena *arena, const struct sgr_numeric *a,
                         const struct sgr_numeric *b, struct sgr_numeric *ret);
int sgr_numeric_divide(struct sgr_arena *arena, const struct sgr_numeric *a,
                       const struct sgr_numeric *b, struct sgr_numeric *ret);
int sgr_numeric_modulo(struct sgr_arena *arena, const struct sgr_numeric *a,
                       const struct sgr_numeric *b, struct sgr_numeric *ret);
struct sgr_numeric sgr_numeric_negate(struct sgr_numeric number);
struct sgr_numeric sgr_numeric_absolute(struct sgr_numeric number);
int sgr_numeric_sign(const struct sgr_numeric *number); /* -1, 0, 1; 2 for NaN */

/* scale may be negative: tens, hundreds, …; the result then shows none. */
int sgr_numeric_round(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                      struct sgr_numeric *ret);
int sgr_numeric_truncate(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                         struct sgr_numeric *ret);
int sgr_numeric_floor(struct sgr_arena *arena, const struct sgr_numeric *number,
                      struct sgr_numeric *ret);
int sgr_numeric_ceil(struct sgr_arena *arena, const struct sgr_numeric *number,
                     struct sgr_numeric *ret);
/* As a column numeric(precision, scale) with this modifier stores it. -1: as it is. SGR_ERANGE: does not fit. */
int sgr_numeric_fit(struct sgr_arena *arena, const struct sgr_numeric *number,
                    int32_t type_modifier, struct sgr_numeric *ret);

#endif
