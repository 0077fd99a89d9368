/* The shortest decimal text that reads back as the same float, as Postgres prints it since version 12.
 *
 * Steele and White's / dragon4's exact algorithm on small big integers: the value is R/S, half the gap to its neighbours M±/S, and
 * digits are taken until what is left is within the gap. As in Postgres the gap's ends do not count, so that the text reads back
 * under any rounding, and a tie in the last digit goes to the even one.
 */
#include <math.h>

#include "row/type_internal.h"

#define LIMBS 40 /* 2^1024 × 10 and 10^324 × 2^54 both fit in 1280 bits */

struct big {
    uint32_t limb[LIMBS]; /* least significant first */
    int count;            /* without leading zeros */
};

static void big_set(struct big *big, uint64_t value) {
    big->limb[0] = (uint32_t)value;
    big->limb[1] = (uint32_t)(value >> 32);
    big->count = value >> 32 ? 2 : value ? 1 : 0;
}

static void big_multiply(struct big *big, uint32_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < big->count; i++) {
        carry += (uint64_t)big->limb[i] * factor;
        big->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        big->limb[big->count++] = (uint32_t)carry;
}

static void big_power_of_ten(struct big *big, int power) {
    for (; power >= 9; power -= 9)
        big_multiply(big, 1000000000);
    for (; power > 0; power--)
        big_multiply(big, 10);
}

static void big_shift(struct big *big, int bits) {
    int limbs = bits / 32;
    if (!big->count)
        return;
    if (bits % 32)
        big_multiply(big, (uint32_t)1 << (bits % 32));
    for (int i = big->count - 1; limbs && i >= 0; i--)
        big->limb[i + limbs] = big->limb[i];
    for (int i = 0; i < limbs; i++)
        big->limb[i] = 0;
    big->count += limbs;
}

static int big_compare(const struct big *a, const struct big *b) {
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (int i = a->count - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static void big_add(const struct big *a, const struct big *b, struct big *ret) {
    uint64_t carry = 0;
    int count = a->count > b->count ? a->count : b->count;
    for (int i = 0; i < count; i++) {
        carry += (uint64_t)(i < a->count ? a->limb[i] : 0) + (i < b->count ? b->limb[i] : 0);
        ret->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    ret->count = count;
    if (carry)
        ret->limb[ret->count++] = (uint32_t)carry;
}

static void big_subtract(struct big *a, const struct big *b) {
    int64_t borrow = 0;
    for (int i = 0; i < a->count; i++) {
        borrow += (int64_t)a->limb[i] - (i < b->count ? b->limb[i] : 0);
        a->limb[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    while (a->count && !a->limb[a->count - 1])
        a->count--;
}

/* a < 10 b: the digit, and the remainder in a. */
static int big_digit(struct big *a, const struct big *b) {
    int digit = 0;
    for (; big_compare(a, b) >= 0; digit++)
        big_subtract(a, b);
    return digit;
}

struct decimal {
    char digits[20];
    int count;
    int exponent; /* value = d.ddd × 10^exponent */
};

/* value = R/S; low and high: half the gaps below and above, in S. */
struct fraction {
    struct big r, s, low, high;
};

static void fraction_of(uint64_t mantissa, int exponent, bool uneven, struct fraction *ret) {
    int shift = uneven ? 2 : 1;
    big_set(&ret->r, mantissa);
    big_set(&ret->s, 1);
    big_set(&ret->low, 1);
    big_set(&ret->high, 1);
    big_shift(&ret->r, shift + (exponent > 0 ? exponent : 0));
    big_shift(&ret->s, shift + (exponent < 0 ? -exponent : 0));
    big_shift(&ret->low, exponent > 0 ? exponent : 0);
    big_shift(&ret->high, (uneven ? 1 : 0) + (exponent > 0 ? exponent : 0));
}

static bool at_least_one(const struct fraction *f) {
    struct big sum;
    big_add(&f->r, &f->high, &sum);
    return big_compare(&sum, &f->s) > 0;
}

static void scale_up(struct fraction *f) {
    big_multiply(&f->r, 10);
    big_multiply(&f->low, 10);
    big_multiply(&f->high, 10);
}

/* Scales to 1/10 <= R/S < 1 (with the upper gap counted) and returns the power of ten taken out. */
static int normalise(struct fraction *f, int guess) {
    if (guess > 0) {
        big_power_of_ten(&f->s, guess);
    } else {
        big_power_of_ten(&f->r, -guess);
        big_power_of_ten(&f->low, -guess);
        big_power_of_ten(&f->high, -guess);
    }
    while (at_least_one(f)) {
        big_multiply(&f->s, 10);
        guess++;
    }
    for (;;) {
        struct fraction tenfold = *f;
        scale_up(&tenfold);
        if (at_least_one(&tenfold))
            return guess;
        *f = tenfold;
        guess--;
    }
}

static bool round_up(struct fraction *f, int digit, bool low, bool high) {
    if (low != high)
        return high;
    big_shift(&f->r, 1);
    int side = big_compare(&f->r, &f->s);
    return side > 0 || (side == 0 && digit % 2 == 1);
}

static void take_digits(struct fraction *f, struct decimal *ret) {
    struct big sum;
    ret->count = 0;
    for (;;) {
        scale_up(f);
        int digit = big_digit(&f->r, &f->s);
        bool low = big_compare(&f->r, &f->low) < 0;
        big_add(&f->r, &f->high, &sum);
        bool high = big_compare(&sum, &f->s) > 0;
        if (low || high || ret->count == 17) {
            digit += round_up(f, digit, low, high);
            ret->digits[ret->count++] = (char)('0' + digit);
            return;
        }
        ret->digits[ret->count++] = (char)('0' + digit);
    }
}

static void shortest(double value, bool narrow, struct decimal *ret) {
    int mantissa_bits = narrow ? 24 : 53, lowest = narrow ? -149 : -1074, exponent;
    (void)frexp(value, &exponent);
    exponent -= mantissa_bits; /* value = mantissa × 2^exponent */
    if (exponent < lowest)
        exponent = lowest;
    uint64_t mantissa = (uint64_t)ldexp(value, -exponent);
    bool uneven = mantissa == (uint64_t)1 << (mantissa_bits - 1) && exponent > lowest;
    struct fraction f;
    fraction_of(mantissa, exponent, uneven, &f);
    ret->exponent = normalise(&f, (int)floor(log10(value))) - 1;
    take_digits(&f, ret);
    /* A digit 10 cannot arise: normalise counted the upper gap. */
}

static void write_exponent(const struct decimal *decimal, struct sgr_buffer *out) {
    int exponent = decimal->exponent < 0 ? -decimal->exponent : decimal->exponent;
    sgr_buffer_putc(out, decimal->digits[0]);
    if (decimal->count > 1) {
        sgr_buffer_putc(out, '.');
        sgr_buffer_append(out, decimal->digits + 1, (size_t)decimal->count - 1);
    }
    sgr_buffer_puts(out, decimal->exponent < 0 ? "e-" : "e+");
    if (exponent < 10)
        sgr_buffer_putc(out, '0');
    sgr_buffer_int(out, exponent);
}

static void write_fixed(const struct decimal *decimal, struct sgr_buffer *out) {
    int whole = decimal->exponent + 1; /* digits before the point */
    if (whole <= 0) {
        sgr_buffer_puts(out, "0.");
        for (int i = whole; i < 0; i++)
            sgr_buffer_putc(out, '0');
        sgr_buffer_append(out, decimal->digits, (size_t)decimal->count);
        return;
    }
    for (int i = 0; i < decimal->count || i < whole; i++) {
        if (i == whole)
            sgr_buffer_putc(out, '.');
        sgr_buffer_putc(out, i < decimal->count ? decimal->digits[i] : '0');
    }
}

void sgr__float_text(double value, bool narrow, struct sgr_buffer *out) {
    struct decimal decimal;
    if (isnan(value)) {
        sgr_buffer_puts(out, "NaN");
        return;
    }
    if (signbit(value))
        sgr_buffer_putc(out, '-');
    value = fabs(value);
    if (isinf(value)) {
        sgr_buffer_puts(out, "Infinity");
        return;
    }
    /* Whole numbers that every digit of is significant: the common case in tables. */
    if (value < (narrow ? 1e6 : 1e15) && value == floor(value)) {
        sgr_buffer_int(out, (int64_t)value);
        return;
    }
    shortest(value, narrow, &decimal);
    if (decimal.exponent >= -4 && decimal.exponent < (narrow ? 6 : 15))
        write_fixed(&decimal, out);
    else
        write_exponent(&decimal, out);
}
