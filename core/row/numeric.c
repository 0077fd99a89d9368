/* Decimal arithmetic on digits of base 10000, schoolbook methods. */
#include "row/numeric.h"

#include <math.h>

#include "row/type_internal.h"

#define BASE           10000
#define BASE_DIGITS    4
#define MOST_WEIGHT    32767 /* 131072 digits before the point */
#define MOST_SCALE     16383
#define QUOTIENT_SCALE 1000 /* the most a quotient is given */
#define QUOTIENT_SIZE  16   /* significant decimal digits it has at least */

static const int16_t powers[BASE_DIGITS + 1] = {1, 10, 100, 1000, 10000};

static int larger(int a, int b) {
    return a > b ? a : b;
}

static int16_t *digits_new(struct sgr_arena *arena, int64_t count) {
    return sgr_arena_alloc(arena, (size_t)(count > 0 ? count : 1) * sizeof(int16_t));
}

/* Strips zero digits at both ends and checks what Postgres can hold. */
static int finish(struct sgr_numeric number, struct sgr_numeric *ret) {
    while (number.count && !number.digits[0]) {
        number.digits++;
        number.count--;
        number.weight--;
    }
    while (number.count && !number.digits[number.count - 1])
        number.count--;
    if (!number.count) {
        number.negative = false;
        number.weight = 0;
    }
    if (number.weight > MOST_WEIGHT || number.scale > MOST_SCALE)
        return SGR_ERANGE;
    *ret = number;
    return 0;
}

static struct sgr_numeric special(enum sgr_numeric_kind kind) {
    return (struct sgr_numeric){.kind = kind};
}

/* ---- Text */

/* whole and fraction are decimal digits. */
static int from_digits(struct sgr_arena *arena, bool negative, struct sgr_slice whole,
                       struct sgr_slice fraction, struct sgr_numeric *ret) {
    int64_t lead = (BASE_DIGITS - (int64_t)whole.size % BASE_DIGITS) % BASE_DIGITS;
    int64_t places = lead + (int64_t)(whole.size + fraction.size);
    int64_t count = (places + BASE_DIGITS - 1) / BASE_DIGITS;
    int16_t *digits = digits_new(arena, count);
    if (!digits)
        return SGR_ENOMEM;
    for (size_t i = 0; i < whole.size + fraction.size; i++) {
        char c = i < whole.size ? whole.data[i] : fraction.data[i - whole.size];
        size_t place = (size_t)lead + i;
        int16_t unit = powers[BASE_DIGITS - 1 - place % BASE_DIGITS];
        digits[place / BASE_DIGITS] = (int16_t)(digits[place / BASE_DIGITS] + (c - '0') * unit);
    }
    return finish(
        (struct sgr_numeric){.negative = negative,
                             .weight = (int32_t)((lead + (int64_t)whole.size) / BASE_DIGITS) - 1,
                             .scale = (int32_t)fraction.size,
                             .count = (int32_t)count,
                             .digits = digits},
        ret);
}

static size_t count_digits(struct sgr_slice text, size_t at) {
    size_t end = at;
    while (end < text.size && text.data[end] >= '0' && text.data[end] <= '9')
        end++;
    return end - at;
}

static int parse_plain(struct sgr_arena *arena, struct sgr_slice text, struct sgr_numeric *ret) {
    size_t sign = text.size && text.data[0] == '-';
    struct sgr_slice whole = {text.data + sign, count_digits(text, sign)};
    struct sgr_slice fraction = {text.data, 0};
    size_t at = sign + whole.size;
    if (at < text.size && text.data[at] == '.') {
        fraction = (struct sgr_slice){text.data + at + 1, count_digits(text, at + 1)};
        at += 1 + fraction.size;
    }
    if (at != text.size || !whole.size)
        return SGR_EPARSE;
    return from_digits(arena, sign, whole, fraction, ret);
}

int sgr_numeric_parse(struct sgr_arena *arena, struct sgr_slice text, struct sgr_numeric *ret) {
    int code = parse_plain(arena, text, ret);
    if (code != SGR_EPARSE)
        return code;
    if (sgr_slice_is(text, "NaN"))
        *ret = special(SGR_NUMERIC_NAN);
    else if (sgr_slice_is(text, "Infinity"))
        *ret = special(SGR_NUMERIC_INFINITY);
    else if (sgr_slice_is(text, "-Infinity"))
        *ret = special(SGR_NUMERIC_MINUS_INFINITY);
    else {
        struct sgr_buffer canonical = SGR_BUFFER_INIT;
        struct sgr_slice checked;
        code = sgr__numeric_check(text, &checked, NULL);
        if (!code)
            sgr__numeric_text(checked, &canonical);
        struct sgr_slice again = {canonical.data, canonical.size};
        if (!code)
            code = canonical.failed || sgr_slice_equal(again, text)
                       ? SGR_ENOMEM
                       : sgr_numeric_parse(arena, again, ret);
        sgr_buffer_fini(&canonical);
        return code;
    }
    return 0;
}

/* The digit of 10000^place, zero where none is stored. */
static int digit_at(const struct sgr_numeric *number, int place) {
    int i = number->weight - place;
    return i >= 0 && i < number->count ? number->digits[i] : 0;
}

static void write_group(int digit, int width, struct sgr_buffer *out) {
    for (int i = 0; i < width; i++)
        sgr_buffer_putc(out, (char)('0' + digit / powers[BASE_DIGITS - 1 - i] % 10));
}

void sgr_numeric_write(const struct sgr_numeric *number, struct sgr_buffer *out) {
    static const char *const names[] = {"", "-Infinity", "Infinity", "NaN"};
    if (number->kind != SGR_NUMERIC_FINITE) {
        sgr_buffer_puts(out, names[number->kind]);
        return;
    }
    if (number->negative)
        sgr_buffer_putc(out, '-');
    int top = number->count && number->weight > 0 ? number->weight : 0;
    sgr_buffer_int(out, digit_at(number, top));
    for (int place = top - 1; place >= 0; place--)
        write_group(digit_at(number, place), BASE_DIGITS, out);
    if (!number->scale)
        return;
    sgr_buffer_putc(out, '.');
    for (int left = number->scale, place = -1; left > 0; left -= BASE_DIGITS, place--)
        write_group(digit_at(number, place), left < BASE_DIGITS ? left : BASE_DIGITS, out);
}

/* ---- Conversions */

int sgr_numeric_from_int(struct sgr_arena *arena, int64_t number, struct sgr_numeric *ret) {
    char text[24];
    int size = snprintf(text, sizeof(text), "%lld", (long long)number);
    return sgr_numeric_parse(arena, (struct sgr_slice){text, (size_t)size}, ret);
}

/* Rounds to so many significant digits as printf does, which is what the server's conversion is. */
int sgr_numeric_from_double(struct sgr_arena *arena, double number, int digits,
                            struct sgr_numeric *ret) {
    char text[64];
    if (!isfinite(number)) {
        *ret = special(isnan(number) ? SGR_NUMERIC_NAN
                       : number > 0  ? SGR_NUMERIC_INFINITY
                                     : SGR_NUMERIC_MINUS_INFINITY);
        return 0;
    }
    int size = snprintf(text, sizeof(text), "%.*g", digits, number);
    for (int i = 0; i < size; i++)
        if (text[i] == ',') /* a host application's locale */
            text[i] = '.';
    return sgr_numeric_parse(arena, (struct sgr_slice){text, (size_t)size}, ret);
}

int sgr_numeric_to_int(struct sgr_arena *arena, const struct sgr_numeric *number, int64_t *ret) {
    struct sgr_numeric whole;
    int64_t value = 0;
    if (number->kind != SGR_NUMERIC_FINITE)
        return SGR_ERANGE;
    int code = sgr_numeric_round(arena, number, 0, &whole);
    if (code)
        return code;
    for (int place = whole.count ? whole.weight : -1; place >= 0; place--) {
        int digit = digit_at(&whole, place);
        if (__builtin_mul_overflow(value, BASE, &value) ||
            __builtin_add_overflow(value, whole.negative ? -digit : digit, &value))
            return SGR_ERANGE;
    }
    *ret = value;
    return 0;
}

/* ---- Sums */

static int compare_magnitudes(const struct sgr_numeric *a, const struct sgr_numeric *b) {
    if (!a->count || !b->count)
        return (a->count > 0) - (b->count > 0);
    int top = larger(a->weight, b->weight);
    int bottom_a = a->weight - a->count, bottom_b = b->weight - b->count;
    int bottom = bottom_a < bottom_b ? bottom_a : bottom_b;
    for (int place = top; place > bottom; place--) {
        int difference = digit_at(a, place) - digit_at(b, place);
        if (difference)
            return difference;
    }
    return 0;
}

/* |a| + factor |b|, factor 1 or -1, |a| >= |b| if it is -1. */
static int combine(struct sgr_arena *arena, const struct sgr_numeric *a,
                   const struct sgr_numeric *b, int factor, bool negative,
                   struct sgr_numeric *ret) {
    int top = larger(a->count ? a->weight : 0, b->count ? b->weight : 0) + 1;
    int bottom_a = a->count ? a->weight - a->count + 1 : 0;
    int bottom_b = b->count ? b->weight - b->count + 1 : 0;
    int bottom = bottom_a < bottom_b ? bottom_a : bottom_b;
    if (bottom > top)
        bottom = top;
    int16_t *digits = digits_new(arena, top - bottom + 1);
    if (!digits)
        return SGR_ENOMEM;
    int carry = 0;
    for (int place = bottom; place <= top; place++) {
        int sum = digit_at(a, place) + factor * digit_at(b, place) + carry;
        carry = sum < 0 ? -1 : sum >= BASE;
        digits[top - place] = (int16_t)(sum - carry * BASE);
    }
    return finish((struct sgr_numeric){.negative = negative,
                                       .weight = top,
                                       .scale = larger(a->scale, b->scale),
                                       .count = top - bottom + 1,
                                       .digits = digits},
                  ret);
}

static bool any_special(const struct sgr_numeric *a, const struct sgr_numeric *b) {
    return a->kind != SGR_NUMERIC_FINITE || b->kind != SGR_NUMERIC_FINITE;
}

static bool any_nan(const struct sgr_numeric *a, const struct sgr_numeric *b) {
    return a->kind == SGR_NUMERIC_NAN || b->kind == SGR_NUMERIC_NAN;
}

static struct sgr_numeric infinity(bool negative) {
    return special(negative ? SGR_NUMERIC_MINUS_INFINITY : SGR_NUMERIC_INFINITY);
}

static struct sgr_numeric add_special(const struct sgr_numeric *a, const struct sgr_numeric *b) {
    bool both = a->kind != SGR_NUMERIC_FINITE && b->kind != SGR_NUMERIC_FINITE;
    if (any_nan(a, b) || (both && a->kind != b->kind))
        return special(SGR_NUMERIC_NAN);
    return special(a->kind != SGR_NUMERIC_FINITE ? a->kind : b->kind);
}

int sgr_numeric_add(struct sgr_arena *arena, const struct sgr_numeric *a,
                    const struct sgr_numeric *b, struct sgr_numeric *ret) {
    if (any_special(a, b)) {
        *ret = add_special(a, b);
        return 0;
    }
    if (a->negative == b->negative)
        return combine(arena, a, b, 1, a->negative, ret);
    if (compare_magnitudes(a, b) >= 0)
        return combine(arena, a, b, -1, a->negative, ret);
    return combine(arena, b, a, -1, b->negative, ret);
}

struct sgr_numeric sgr_numeric_negate(struct sgr_numeric number) {
    if (number.kind == SGR_NUMERIC_INFINITY)
        number.kind = SGR_NUMERIC_MINUS_INFINITY;
    else if (number.kind == SGR_NUMERIC_MINUS_INFINITY)
        number.kind = SGR_NUMERIC_INFINITY;
    number.negative = number.count && !number.negative;
    return number;
}

struct sgr_numeric sgr_numeric_absolute(struct sgr_numeric number) {
    return sgr_numeric_sign(&number) == -1 ? sgr_numeric_negate(number) : number;
}

int sgr_numeric_sign(const struct sgr_numeric *number) {
    switch (number->kind) {
    case SGR_NUMERIC_NAN:
        return 2;
    case SGR_NUMERIC_INFINITY:
        return 1;
    case SGR_NUMERIC_MINUS_INFINITY:
        return -1;
    default:
        return !number->count ? 0 : number->negative ? -1 : 1;
    }
}

int sgr_numeric_subtract(struct sgr_arena *arena, const struct sgr_numeric *a,
                         const struct sgr_numeric *b, struct sgr_numeric *ret) {
    struct sgr_numeric negated = sgr_numeric_negate(*b);
    return sgr_numeric_add(arena, a, &negated, ret);
}

/* ---- Products and quotients */

static struct sgr_numeric multiply_special(const struct sgr_numeric *a,
                                           const struct sgr_numeric *b) {
    int sign_a = sgr_numeric_sign(a), sign_b = sgr_numeric_sign(b);
    if (any_nan(a, b) || !sign_a || !sign_b)
        return special(SGR_NUMERIC_NAN);
    return infinity(sign_a != sign_b);
}

int sgr_numeric_multiply(struct sgr_arena *arena, const struct sgr_numeric *a,
                         const struct sgr_numeric *b, struct sgr_numeric *ret) {
    if (any_special(a, b)) {
        *ret = multiply_special(a, b);
        return 0;
    }
    int count = a->count + b->count, scale = a->scale + b->scale;
    int16_t *digits = digits_new(arena, count);
    if (!digits)
        return SGR_ENOMEM;
    for (int i = a->count - 1; i >= 0; i--) {
        int carry = 0;
        for (int j = b->count - 1; j >= 0; j--) {
            int sum = digits[i + j + 1] + a->digits[i] * b->digits[j] + carry;
            digits[i + j + 1] = (int16_t)(sum % BASE);
            carry = sum / BASE;
        }
        digits[i] = (int16_t)carry;
    }
    struct sgr_numeric product = {.negative = a->negative != b->negative,
                                  .weight = a->weight + b->weight + 1,
                                  .scale = scale,
                                  .count = count,
                                  .digits = digits};
    if (scale > MOST_SCALE)
        return sgr_numeric_round(arena, &product, MOST_SCALE, ret);
    return finish(product, ret);
}

/* The server's rule: at least 16 significant digits by its estimate, and no less than either argument shows. */
static int quotient_scale(const struct sgr_numeric *a, const struct sgr_numeric *b) {
    int weight = (a->count ? a->weight : 0) - (b->count ? b->weight : 0);
    int first_a = a->count ? a->digits[0] : 0, first_b = b->count ? b->digits[0] : 0;
    if (first_a <= first_b)
        weight--;
    int scale = QUOTIENT_SIZE - weight * BASE_DIGITS;
    scale = larger(larger(scale, 0), larger(a->scale, b->scale));
    return scale < QUOTIENT_SCALE ? scale : QUOTIENT_SCALE;
}

/* One step of Knuth's algorithm D: the digit of rest / divisor at `at`, subtracted from rest. divisor[0] >= BASE / 2, but for one-digit
 * divisors, whose estimate is exact anyway. */
static int quotient_digit(int32_t *rest, const int32_t *divisor, int count, int at) {
    int64_t two = (int64_t)rest[at] * BASE + rest[at + 1];
    int64_t digit = two / divisor[0];
    if (digit >= BASE)
        digit = BASE - 1;
    while (count > 1 && digit * divisor[1] > (two - digit * divisor[0]) * BASE + rest[at + 2])
        digit--;
    int64_t borrow = 0;
    for (int i = count; i >= 0; i--) {
        int64_t value = rest[at + i] - borrow - (i ? digit * divisor[i - 1] : 0);
        borrow = value < 0 ? (-value + BASE - 1) / BASE : 0;
        rest[at + i] = (int32_t)(value + borrow * BASE);
    }
    if (!borrow)
        return (int)digit;
    int carry = 0;
    for (int i = count; i > 0; i--) {
        int sum = rest[at + i] + divisor[i - 1] + carry;
        carry = sum >= BASE;
        rest[at + i] = sum - carry * BASE;
    }
    rest[at] = (rest[at] + carry) % BASE;
    return (int)digit - 1;
}

/* The digits of |a| / |b| down to 10000^bottom, cut off there. */
static int divide_digits(struct sgr_arena *arena, const struct sgr_numeric *a,
                         const struct sgr_numeric *b, int bottom, struct sgr_numeric *ret) {
    int top = a->weight - b->weight;
    int count = top - bottom + 1, factor = BASE / (b->digits[0] + 1);
    if (count <= 0 || !a->count) {
        *ret = (struct sgr_numeric){0};
        return 0;
    }
    int16_t *digits = digits_new(arena, count);
    size_t size = (size_t)count + (size_t)b->count + 2;
    int32_t *rest = sgr_arena_alloc(arena, size * sizeof(*rest));
    int32_t *divisor = sgr_arena_alloc(arena, ((size_t)b->count + 1) * sizeof(*divisor));
    if (!digits || !rest || !divisor)
        return SGR_ENOMEM;
    int carry = 0;
    for (int i = b->count - 1; i >= 0; i--) {
        divisor[i] = (b->digits[i] * factor + carry) % BASE;
        carry = (b->digits[i] * factor + carry) / BASE;
    }
    carry = 0;
    for (int i = a->count - 1; i >= 0; i--) {
        int product = a->digits[i] * factor + carry;
        if ((size_t)i + 1 < size)
            rest[i + 1] = product % BASE;
        carry = product / BASE;
    }
    rest[0] = carry;
    for (int i = 0; i < count; i++)
        digits[i] = (int16_t)quotient_digit(rest, divisor, b->count, i);
    return finish((struct sgr_numeric){.weight = top, .count = count, .digits = digits}, ret);
}

static int divide_special(const struct sgr_numeric *a, const struct sgr_numeric *b,
                          struct sgr_numeric *ret) {
    int sign_b = sgr_numeric_sign(b);
    if (any_nan(a, b)) {
        *ret = special(SGR_NUMERIC_NAN);
    } else if (a->kind == SGR_NUMERIC_FINITE) {
        *ret = (struct sgr_numeric){0};
    } else if (b->kind != SGR_NUMERIC_FINITE) {
        *ret = special(SGR_NUMERIC_NAN);
    } else {
        if (!sign_b)
            return SGR_EDIVISION;
        *ret = infinity((sgr_numeric_sign(a) < 0) != (sign_b < 0));
    }
    return 0;
}

/* Places that are wanted, in base 10000, with one more to round by. */
static int lowest_place(int scale) {
    return -((scale + BASE_DIGITS - 1) / BASE_DIGITS) - 1;
}

int sgr_numeric_divide(struct sgr_arena *arena, const struct sgr_numeric *a,
                       const struct sgr_numeric *b, struct sgr_numeric *ret) {
    struct sgr_numeric quotient;
    if (any_special(a, b))
        return divide_special(a, b, ret);
    if (!b->count)
        return SGR_EDIVISION;
    int scale = quotient_scale(a, b);
    int code = divide_digits(arena, a, b, lowest_place(scale), &quotient);
    if (code)
        return code;
    quotient.negative = quotient.count && a->negative != b->negative;
    quotient.scale = scale;
    return sgr_numeric_round(arena, &quotient, scale, ret);
}

static int modulo_special(const struct sgr_numeric *a, const struct sgr_numeric *b,
                          struct sgr_numeric *ret) {
    bool nan = any_nan(a, b);
    if (!nan && a->kind != SGR_NUMERIC_FINITE && !sgr_numeric_sign(b))
        return SGR_EDIVISION;
    *ret = nan || a->kind != SGR_NUMERIC_FINITE ? special(SGR_NUMERIC_NAN) : *a;
    return 0;
}

int sgr_numeric_modulo(struct sgr_arena *arena, const struct sgr_numeric *a,
                       const struct sgr_numeric *b, struct sgr_numeric *ret) {
    struct sgr_numeric quotient, product;
    if (any_special(a, b))
        return modulo_special(a, b, ret);
    if (!b->count)
        return SGR_EDIVISION;
    int code = divide_digits(arena, a, b, 0, &quotient);
    if (code)
        return code;
    quotient.negative = quotient.count && a->negative != b->negative;
    code = sgr_numeric_multiply(arena, &quotient, b, &product);
    return code ? code : sgr_numeric_subtract(arena, a, &product, ret);
}
