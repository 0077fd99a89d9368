/* Rounding of numerics: to a scale, to whole numbers, and to what a column can hold. */
#include "row/numeric.h"

#define BASE        10000
#define BASE_DIGITS 4
#define MOST_SCALE  16383

static const int powers[] = {1, 10, 100, 1000, 10000};

/* Cuts decimal digits off behind `scale`; *ret_up says whether the first that went was 5 or more. The copy has room for a carry in front. */
static int cut(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
               struct sgr_numeric *ret, bool *ret_up) {
    int64_t places = ((int64_t)number->weight + 1) * BASE_DIGITS + scale; /* decimal digits kept */
    *ret_up = false;
    *ret = (struct sgr_numeric){.negative = number->negative, .weight = number->weight + 1};
    if (!number->count)
        places = -1;
    int64_t full = places < 0 ? 0 : places / BASE_DIGITS,
            part = places < 0 ? 0 : places % BASE_DIGITS;
    int64_t count = full + (part > 0);
    int16_t *digits = sgr_arena_alloc(
        arena, (size_t)((count < number->count ? count : number->count) + 2) * sizeof(int16_t));
    if (!digits)
        return SGR_ENOMEM;
    ret->digits = digits;
    if (number->count && (count > number->count || (count == number->count && !part))) {
        memcpy(digits + 1, number->digits, (size_t)number->count * sizeof(int16_t));
        ret->count = number->count + 1;
        return 0;
    }
    if (places < 0) {
        ret->count = 1;
        return 0;
    }
    if (count)
        memcpy(digits + 1, number->digits, (size_t)count * sizeof(int16_t));
    ret->count = (int32_t)count + 1;
    if (!part) {
        *ret_up = number->digits[full] >= BASE / 2;
        return 0;
    }
    int unit = powers[BASE_DIGITS - part], last = digits[count];
    *ret_up = last % unit >= unit / 2;
    digits[count] = (int16_t)(last - last % unit);
    return 0;
}

/* Adds one in the last kept place. */
static void step_up(struct sgr_numeric *number, int scale) {
    int16_t *digits = (int16_t *)(uintptr_t)number->digits;
    int rest = ((scale % BASE_DIGITS) + BASE_DIGITS) % BASE_DIGITS;
    int step = powers[(BASE_DIGITS - rest) % BASE_DIGITS];
    for (int i = number->count - 1; i >= 0; i--) {
        int sum = digits[i] + step;
        digits[i] = (int16_t)(sum % BASE);
        if (sum < BASE)
            return;
        step = 1;
    }
}

static int finish(struct sgr_numeric number, int scale, struct sgr_numeric *ret) {
    number.scale = scale > 0 ? scale : 0;
    while (number.count && !number.digits[0]) {
        number.digits++;
        number.count--;
        number.weight--;
    }
    while (number.count && !number.digits[number.count - 1])
        number.count--;
    if (!number.count) {
        number.weight = 0;
        number.negative = false;
    }
    *ret = number;
    return 0;
}

static int clamp(int scale) {
    return scale > MOST_SCALE ? MOST_SCALE : scale < -140000 ? -140000 : scale;
}

int sgr_numeric_truncate(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                         struct sgr_numeric *ret) {
    struct sgr_numeric result;
    bool up;
    if (number->kind != SGR_NUMERIC_FINITE) {
        *ret = *number;
        return 0;
    }
    scale = clamp(scale);
    int code = cut(arena, number, scale, &result, &up);
    return code ? code : finish(result, scale, ret);
}

int sgr_numeric_round(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                      struct sgr_numeric *ret) {
    struct sgr_numeric result;
    bool up;
    if (number->kind != SGR_NUMERIC_FINITE) {
        *ret = *number;
        return 0;
    }
    scale = clamp(scale);
    int code = cut(arena, number, scale, &result, &up);
    if (code)
        return code;
    if (up)
        step_up(&result, scale);
    return finish(result, scale, ret);
}

/* Towards zero, and one further out if the sign is that of `direction` and something was cut off. */
static int whole(struct sgr_arena *arena, const struct sgr_numeric *number, int direction,
                 struct sgr_numeric *ret) {
    struct sgr_numeric cut_off, rest, one;
    int code = sgr_numeric_truncate(arena, number, 0, &cut_off);
    if (code || number->kind != SGR_NUMERIC_FINITE)
        goto end;
    code = sgr_numeric_subtract(arena, number, &cut_off, &rest);
    if (code || sgr_numeric_sign(&rest) != direction)
        goto end;
    code = sgr_numeric_from_int(arena, direction, &one);
    if (!code)
        code = sgr_numeric_add(arena, &cut_off, &one, &cut_off);
end:
    if (!code)
        *ret = cut_off;
    return code;
}

int sgr_numeric_floor(struct sgr_arena *arena, const struct sgr_numeric *number,
                      struct sgr_numeric *ret) {
    return whole(arena, number, -1, ret);
}

int sgr_numeric_ceil(struct sgr_arena *arena, const struct sgr_numeric *number,
                     struct sgr_numeric *ret) {
    return whole(arena, number, 1, ret);
}

int sgr_numeric_fit(struct sgr_arena *arena, const struct sgr_numeric *number,
                    int32_t type_modifier, struct sgr_numeric *ret) {
    struct sgr_numeric rounded;
    if (type_modifier < 4 || number->kind == SGR_NUMERIC_NAN) {
        *ret = *number;
        return 0;
    }
    if (number->kind != SGR_NUMERIC_FINITE)
        return SGR_ERANGE;
    int precision = (type_modifier - 4) >> 16 & 0xffff;
    int scale = (((type_modifier - 4) & 0x7ff) ^ 1024) - 1024;
    int code = sgr_numeric_round(arena, number, scale, &rounded);
    if (code)
        return code;
    int places = 0; /* digits before the point */
    if (rounded.count) {
        places = rounded.weight * BASE_DIGITS;
        for (int digit = rounded.digits[0]; digit; digit /= 10)
            places++;
    }
    if (rounded.count && places > precision - scale)
        return SGR_ERANGE;
    *ret = rounded;
    return 0;
}
