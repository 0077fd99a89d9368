/* The text of numerics: grammar, canonical form, order and hash, all on the digits where they stand.
 *
 * Postgres sends canonical text, so that the general forms (exponents, signs, bare points) are met only in literals. */
#include "base/hash.h"
#include "row/type_internal.h"

#define MOST_WHOLE_DIGITS    131072
#define MOST_FRACTION_DIGITS 16383

/* NaN is above Infinity, as in Postgres. */
enum kind { BELOW = -1, FINITE = 0, ABOVE = 1, NOT_A_NUMBER = 2 };

/* digits = whole followed by fraction; the point stands after `point` of them, which may be before or behind them all. */
struct decimal {
    enum kind kind;
    bool negative;
    struct sgr_slice whole, fraction;
    int64_t point;
    int64_t exponent;
};

static struct sgr_slice take_number(struct sgr_slice *text) {
    size_t size = 0;
    while (size < text->size && text->data[size] >= '0' && text->data[size] <= '9')
        size++;
    struct sgr_slice digits = {text->data, size};
    text->data += size;
    text->size -= size;
    return digits;
}

static bool take(struct sgr_slice *text, char byte) {
    if (!text->size || text->data[0] != byte)
        return false;
    text->data++;
    text->size--;
    return true;
}

static bool read_exponent(struct sgr_slice *text, int64_t *ret) {
    if (!take(text, 'e') && !take(text, 'E'))
        return true;
    bool negative = take(text, '-');
    if (!negative)
        take(text, '+');
    struct sgr_slice digits = take_number(text);
    if (!digits.size)
        return false;
    int64_t exponent = 0;
    for (size_t i = 0; i < digits.size && exponent < 100000000; i++)
        exponent = exponent * 10 + (digits.data[i] - '0');
    *ret = negative ? -exponent : exponent;
    return true;
}

static bool read_special(struct sgr_slice text, bool negative, bool sign, struct decimal *ret) {
    if (sgr__type_word_is(text, "nan") && !sign) {
        ret->kind = NOT_A_NUMBER;
        return true;
    }
    if (!sgr__type_word_is(text, "infinity") && !sgr__type_word_is(text, "inf"))
        return false;
    ret->kind = negative ? BELOW : ABOVE;
    return true;
}

static bool read_decimal(struct sgr_slice text, struct decimal *ret) {
    *ret = (struct decimal){0};
    text = sgr__type_trim(text);
    bool negative = take(&text, '-'), plus = !negative && take(&text, '+');
    if (text.size && ((text.data[0] | 32) == 'n' || (text.data[0] | 32) == 'i'))
        return read_special(text, negative, negative || plus, ret);
    ret->negative = negative;
    ret->whole = take_number(&text);
    if (take(&text, '.'))
        ret->fraction = take_number(&text);
    if (!ret->whole.size && !ret->fraction.size)
        return false;
    if (!read_exponent(&text, &ret->exponent))
        return false;
    ret->point = (int64_t)ret->whole.size + ret->exponent;
    return text.size == 0;
}

static int64_t digit_count(const struct decimal *decimal) {
    return (int64_t)(decimal->whole.size + decimal->fraction.size);
}

/* Zero beyond both ends. */
static char digit_at(const struct decimal *decimal, int64_t i) {
    if (i < 0 || i >= digit_count(decimal))
        return '0';
    size_t at = (size_t)i;
    return at < decimal->whole.size ? decimal->whole.data[at]
                                    : decimal->fraction.data[at - decimal->whole.size];
}

static int64_t first_significant(const struct decimal *decimal) {
    int64_t i = 0;
    while (i < digit_count(decimal) && digit_at(decimal, i) == '0')
        i++;
    return i;
}

static int64_t scale_of(const struct decimal *decimal) {
    int64_t scale = (int64_t)decimal->fraction.size - decimal->exponent;
    return scale > 0 ? scale : 0;
}

int sgr__numeric_check(struct sgr_slice text, struct sgr_slice *ret, struct sgr_error *error) {
    struct decimal decimal;
    if (!read_decimal(text, &decimal))
        return sgr__type_malformed("numeric", text, error);
    int64_t first = first_significant(&decimal);
    bool zero = first == digit_count(&decimal);
    if (scale_of(&decimal) > MOST_FRACTION_DIGITS ||
        (!zero && decimal.point - first > MOST_WHOLE_DIGITS))
        return sgr_error_set(error, SGR_ERANGE, "value overflows numeric format");
    *ret = sgr__type_trim(text);
    return 0;
}

bool sgr__numeric_special(struct sgr_slice text) {
    struct decimal decimal;
    return read_decimal(text, &decimal) && decimal.kind != FINITE;
}

/* Already as Postgres writes it: [-] digits without leading zeros [. digits], and no -0. */
static bool is_canonical(const struct decimal *decimal, struct sgr_slice text) {
    size_t whole = decimal->whole.size;
    size_t size =
        decimal->negative + whole + (decimal->fraction.size ? 1 + decimal->fraction.size : 0);
    return size == text.size && whole && (whole == 1 || decimal->whole.data[0] != '0') &&
           !(decimal->negative && first_significant(decimal) == digit_count(decimal));
}

static void write_special(enum kind kind, struct sgr_buffer *out) {
    sgr_buffer_puts(out, kind == NOT_A_NUMBER ? "NaN" : kind == ABOVE ? "Infinity" : "-Infinity");
}

static void write_decimal(const struct decimal *decimal, struct sgr_buffer *out) {
    int64_t first = first_significant(decimal), scale = scale_of(decimal);
    bool zero = first == digit_count(decimal);
    if (decimal->negative && !zero)
        sgr_buffer_putc(out, '-');
    if (zero || first >= decimal->point)
        sgr_buffer_putc(out, '0');
    else
        for (int64_t i = first; i < decimal->point; i++)
            sgr_buffer_putc(out, digit_at(decimal, i));
    if (!scale)
        return;
    sgr_buffer_putc(out, '.');
    for (int64_t i = decimal->point; i < decimal->point + scale; i++)
        sgr_buffer_putc(out, digit_at(decimal, i));
}

void sgr__numeric_text(struct sgr_slice text, struct sgr_buffer *out) {
    struct decimal decimal;
    if (!read_decimal(text, &decimal))
        return;
    if (decimal.kind != FINITE)
        write_special(decimal.kind, out);
    else if (is_canonical(&decimal, text))
        sgr_buffer_slice(out, text);
    else
        write_decimal(&decimal, out);
}

static int compare_magnitudes(const struct decimal *a, const struct decimal *b) {
    int64_t i = first_significant(a), j = first_significant(b);
    bool zero_a = i == digit_count(a), zero_b = j == digit_count(b);
    if (zero_a || zero_b)
        return zero_b - zero_a;
    if (a->point - i != b->point - j)
        return a->point - i < b->point - j ? -1 : 1;
    for (; i < digit_count(a) || j < digit_count(b); i++, j++)
        if (digit_at(a, i) != digit_at(b, j))
            return digit_at(a, i) < digit_at(b, j) ? -1 : 1;
    return 0;
}

static int sign_of(const struct decimal *decimal) {
    if (first_significant(decimal) == digit_count(decimal))
        return 0;
    return decimal->negative ? -1 : 1;
}

int sgr_numeric_compare(struct sgr_slice text_a, struct sgr_slice text_b) {
    struct decimal a, b;
    if (!read_decimal(text_a, &a) || !read_decimal(text_b, &b))
        return sgr_slice_compare(text_a, text_b);
    if (a.kind != FINITE || b.kind != FINITE)
        return (a.kind > b.kind) - (a.kind < b.kind);
    int sign_a = sign_of(&a), sign_b = sign_of(&b);
    if (sign_a != sign_b)
        return sign_a < sign_b ? -1 : 1;
    return sign_a < 0 ? compare_magnitudes(&b, &a) : compare_magnitudes(&a, &b);
}

/* Over sign, place of the first digit, and the digits up to the last that is not zero. */
uint64_t sgr__numeric_hash(struct sgr_slice text) {
    struct decimal decimal;
    if (!read_decimal(text, &decimal))
        return sgr_hash_bytes(text.data, text.size);
    if (decimal.kind != FINITE)
        return sgr_hash_int((uint64_t)decimal.kind + 0x5eed);
    int64_t first = first_significant(&decimal), end = digit_count(&decimal);
    if (first == end)
        return sgr_hash_int(0);
    while (digit_at(&decimal, end - 1) == '0')
        end--;
    uint64_t hash = sgr_hash_seed ^ (uint64_t)(decimal.point - first);
    hash = hash * 2 + decimal.negative;
    for (int64_t i = first; i < end; i++)
        hash = (hash ^ (uint64_t)digit_at(&decimal, i)) * 0x100000001b3u;
    return sgr_hash_int(hash);
}
