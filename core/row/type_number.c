/* Integers and floats as text. */
#define _GNU_SOURCE /* strtod_l */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "row/type_internal.h"

int sgr__int_parse(struct sgr_slice text, int64_t minimum, int64_t maximum, const char *type,
                   int64_t *ret, struct sgr_error *error) {
    struct sgr_slice digits = sgr__type_trim(text);
    bool negative = digits.size && digits.data[0] == '-';
    size_t at = digits.size && (negative || digits.data[0] == '+');
    int64_t number = 0;
    bool overflow = false;
    if (at == digits.size)
        return sgr__type_malformed(type, text, error);
    for (; at < digits.size; at++) {
        char c = digits.data[at];
        if (c < '0' || c > '9')
            return sgr__type_malformed(type, text, error);
        int64_t digit = negative ? '0' - c : c - '0';
        overflow |= __builtin_mul_overflow(number, 10, &number);
        overflow |= __builtin_add_overflow(number, digit, &number);
    }
    if (overflow || number < minimum || number > maximum)
        return sgr__type_out_of_range(type, text, error);
    *ret = number;
    return 0;
}

static locale_t c_locale;

static void make_c_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double sgr__decimal_to_double(const char *text, char **end, bool narrow) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    if (!c_locale) /* no memory for it: the process' own locale is the C one unless a host changed it */
        return narrow ? (double)strtof(text, end) : strtod(text, end);
    return narrow ? (double)strtof_l(text, end, c_locale) : strtod_l(text, end, c_locale);
}

static bool special(struct sgr_slice text, double *ret) {
    static const struct {
        const char *word;
        double value;
    } words[] = {
        {"nan", NAN},           {"+nan", NAN},           {"-nan", NAN},
        {"infinity", INFINITY}, {"+infinity", INFINITY}, {"-infinity", -INFINITY},
        {"inf", INFINITY},      {"+inf", INFINITY},      {"-inf", -INFINITY},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (sgr__type_word_is(text, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

/* strtod wants a NUL behind the text; digits beyond the buffer's end could only matter to a text nobody sends. */
#define LONGEST_FLOAT 1100

static int parse_finite(struct sgr_slice text, bool narrow, double *ret) {
    char copy[LONGEST_FLOAT + 1], *end;
    if (!text.size || text.size > LONGEST_FLOAT)
        return SGR_EPARSE;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    double value = sgr__decimal_to_double(copy, &end, narrow);
    if (end != copy + text.size || isnan(value))
        return SGR_EPARSE;
    /* Subnormal results set ERANGE as well and are fine. */
    if (errno == ERANGE && (value == 0.0 || isinf(value)))
        return SGR_ERANGE;
    if (isinf(value))
        return SGR_EPARSE;
    *ret = value;
    return 0;
}

int sgr__float_parse(struct sgr_slice text, bool narrow, double *ret, struct sgr_error *error) {
    const char *type = narrow ? "real" : "double precision";
    struct sgr_slice trimmed = sgr__type_trim(text);
    if (special(trimmed, ret))
        return 0;
    int code = parse_finite(trimmed, narrow, ret);
    if (code == SGR_EPARSE)
        return sgr__type_malformed(type, text, error);
    if (code == SGR_ERANGE)
        return sgr_error_set(error, SGR_ERANGE, "\"%.*s\" is out of range for type %s",
                             text.size > 64 ? 64 : (int)text.size, text.data, type);
    return 0;
}

int sgr__float_compare(double a, double b) {
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}
