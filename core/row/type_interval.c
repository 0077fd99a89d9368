/* Intervals as text, in Postgres' own style ("1 year 2 mons -3 days +04:05:06.789") and the forms people write with units. */
#include "row/calendar.h"
#include "row/type_internal.h"

enum unit_kind { MICROSECONDS, DAYS, MONTHS };

struct unit {
    const char *names; /* blank-separated; a plural is listed */
    enum unit_kind kind;
    int64_t factor;
    int fraction_days; /* a fraction of this unit is that part of so many days */
};

static const struct unit units[] = {
    {"us usec usecs microsecond microseconds usecond useconds", MICROSECONDS, 1, 0},
    {"ms msec msecs millisecond milliseconds mseconds", MICROSECONDS, 1000, 0},
    {"s sec secs second seconds", MICROSECONDS, SGR_SECOND, 0},
    {"m min mins minute minutes", MICROSECONDS, SGR_MINUTE, 0},
    {"h hr hrs hour hours", MICROSECONDS, SGR_HOUR, 0},
    {"d day days", DAYS, 1, 1},
    {"w week weeks", DAYS, 7, 7},
    {"mon mons month months", MONTHS, 1, 30},
    {"y yr yrs year years", MONTHS, 12, 0},
    {"dec decs decade decades", MONTHS, 120, 0},
    {"c cent century centuries", MONTHS, 1200, 0},
    {"mil mils millennia millennium", MONTHS, 12000, 0},
};
#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

static bool word_in(struct sgr_slice word, const char *names) {
    while (*names) {
        size_t size = strcspn(names, " ");
        size_t same = 0;
        while (same < size && same < word.size && (word.data[same] | 32) == names[same])
            same++;
        if (same == size && same == word.size)
            return true;
        names += size + (names[size] == ' ');
    }
    return false;
}

static int find_unit(struct sgr_slice word) {
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (word_in(word, units[i].names))
            return (int)i;
    return -1;
}

/* Sums, wider than the result so that only the end is checked. */
struct sums {
    __int128 microseconds, days, months;
};

/* Truncates, and rounds what is left to the nearest microsecond: Postgres' way with fractions. */
static void add_fraction_of_days(struct sums *sums, double days) {
    int64_t whole = (int64_t)days;
    double microseconds = (days - (double)whole) * (double)SGR_DAY;
    int64_t whole_microseconds = (int64_t)microseconds;
    double rest = microseconds - (double)whole_microseconds;
    sums->days += whole;
    sums->microseconds += whole_microseconds + (rest > 0.5) - (rest < -0.5);
}

static void add_quantity(struct sums *sums, const struct unit *unit, bool negative, int64_t whole,
                         double fraction) {
    __int128 amount = (__int128)(negative ? -whole : whole) * unit->factor;
    double part = negative ? -fraction : fraction;
    switch (unit->kind) {
    case MICROSECONDS: {
        double microseconds = part * (double)unit->factor;
        int64_t floor = (int64_t)microseconds;
        double rest = microseconds - (double)floor;
        sums->microseconds += amount + floor + (rest > 0.5) - (rest < -0.5);
        break;
    }
    case DAYS:
        sums->days += amount;
        if (unit->fraction_days == 1) {
            struct sums day = {0};
            add_fraction_of_days(&day, part);
            sums->microseconds += day.microseconds + day.days * SGR_DAY;
        } else {
            add_fraction_of_days(sums, part * 7);
        }
        break;
    case MONTHS:
        sums->months += amount;
        if (unit->fraction_days)
            add_fraction_of_days(sums, part * unit->fraction_days);
        else
            sums->months += (int64_t)__builtin_rint(part * (double)unit->factor);
    }
}

struct interval_reader {
    struct sgr_slice text;
    size_t at;
    struct sums sums;
    unsigned seen; /* bits of units: none may come twice, and a clock is three */
    bool any;
};

static char peek(const struct interval_reader *reader) {
    return reader->at < reader->text.size ? reader->text.data[reader->at] : '\0';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void skip_blanks(struct interval_reader *reader) {
    while (peek(reader) == ' ' || (peek(reader) >= '\t' && peek(reader) <= '\r'))
        reader->at++;
}

static struct sgr_slice read_word(struct interval_reader *reader) {
    size_t start = reader->at;
    while ((peek(reader) | 32) >= 'a' && (peek(reader) | 32) <= 'z')
        reader->at++;
    return (struct sgr_slice){reader->text.data + start, reader->at - start};
}

static bool mark(struct interval_reader *reader, unsigned bits) {
    bool fresh = !(reader->seen & bits);
    reader->seen |= bits;
    reader->any = true;
    return fresh;
}

static bool read_amount(struct interval_reader *reader, int64_t *ret_whole, double *ret_fraction) {
    char copy[64] = "0";
    size_t count = 1;
    int64_t whole = 0;
    bool digit = is_digit(peek(reader));
    for (; is_digit(peek(reader)); reader->at++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, peek(reader) - '0', &whole))
            return false;
    if (peek(reader) == '.')
        do {
            if (count + 1 >= sizeof(copy))
                return false;
            copy[count++] = peek(reader);
            reader->at++;
            digit |= is_digit(peek(reader));
        } while (is_digit(peek(reader)));
    *ret_whole = whole;
    *ret_fraction = count > 1 ? sgr__decimal_to_double(copy, NULL, false) : 0.0;
    return digit;
}

#define SECOND_UNIT 2
#define CLOCK_UNITS (7u << SECOND_UNIT) /* seconds, minutes, hours */

static bool read_clock(struct interval_reader *reader, bool negative) {
    int64_t hours, rest;
    if (!sgr__clock_read(reader->text, &reader->at, &hours, &rest) || !mark(reader, CLOCK_UNITS))
        return false;
    __int128 clock = (__int128)hours * SGR_HOUR + rest;
    reader->sums.microseconds += negative ? -clock : clock;
    return true;
}

/* To Postgres' lexer a word that runs into what follows is a date, but for the few short ones it knows from dates. */
static bool ends_word(const struct interval_reader *reader, struct sgr_slice word) {
    char next = peek(reader);
    if (is_digit(next) || next == '+')
        return word_in(word, "d h m s y mon dec");
    return next != '-' && next != '.' && next != '/';
}

static bool read_field(struct interval_reader *reader) {
    int64_t whole;
    double fraction;
    bool negative = peek(reader) == '-';
    if (negative || peek(reader) == '+')
        reader->at++;
    size_t start = reader->at;
    if (!read_amount(reader, &whole, &fraction))
        return false;
    if (peek(reader) == ':') {
        reader->at = start;
        return read_clock(reader, negative);
    }
    skip_blanks(reader);
    struct sgr_slice word = read_word(reader);
    /* A bare number is in seconds, and only behind everything else. */
    int unit = word.size ? find_unit(word) : reader->at == reader->text.size ? SECOND_UNIT : -1;
    if (unit < 0 || !ends_word(reader, word) || !mark(reader, 1u << unit))
        return false;
    add_quantity(&reader->sums, &units[unit], negative, whole, fraction);
    return true;
}

static bool take_ago(struct interval_reader *reader) {
    size_t start = reader->at;
    if (word_in(read_word(reader), "ago") && reader->any)
        return true;
    reader->at = start;
    return false;
}

static bool read_interval(struct interval_reader *reader) {
    bool ago = false;
    skip_blanks(reader);
    if (peek(reader) == '@')
        reader->at++;
    for (skip_blanks(reader); reader->at < reader->text.size && !ago; skip_blanks(reader))
        if (!(ago = take_ago(reader)) && !read_field(reader))
            return false;
    if (ago) {
        reader->sums.microseconds = -reader->sums.microseconds;
        reader->sums.days = -reader->sums.days;
        reader->sums.months = -reader->sums.months;
    }
    return reader->any && reader->at == reader->text.size;
}

int sgr__interval_parse(struct sgr_slice text, struct sgr_interval *ret, struct sgr_error *error) {
    struct interval_reader reader = {.text = text};
    if (!read_interval(&reader))
        return sgr__type_malformed("interval", text, error);
    const struct sums *sums = &reader.sums;
    struct sgr_interval interval;
    if (__builtin_add_overflow(sums->microseconds, (__int128)0, &interval.microseconds) ||
        __builtin_add_overflow(sums->days, (__int128)0, &interval.days) ||
        __builtin_add_overflow(sums->months, (__int128)0, &interval.months))
        return sgr_error_set(error, SGR_ERANGE, "interval field value out of range: \"%.*s\"",
                             text.size > 64 ? 64 : (int)text.size, text.data);
    *ret = interval;
    return 0;
}

/* Signs are as odd as Postgres': a plus stands only behind a negative part. */
struct interval_writer {
    struct sgr_buffer *out;
    bool any, negative;
};

static void write_part(struct interval_writer *writer, int64_t number, const char *unit) {
    if (!number)
        return;
    if (writer->any)
        sgr_buffer_putc(writer->out, ' ');
    if (writer->negative && number > 0)
        sgr_buffer_putc(writer->out, '+');
    sgr_buffer_int(writer->out, number);
    sgr_buffer_putc(writer->out, ' ');
    sgr_buffer_puts(writer->out, unit);
    if (number != 1)
        sgr_buffer_putc(writer->out, 's');
    writer->negative = number < 0;
    writer->any = true;
}

static void write_clock(struct interval_writer *writer, int64_t microseconds) {
    if (writer->any)
        sgr_buffer_putc(writer->out, ' ');
    if (microseconds < 0)
        sgr_buffer_putc(writer->out, '-');
    else if (writer->negative)
        sgr_buffer_putc(writer->out, '+');
    uint64_t size = microseconds < 0 ? -(uint64_t)microseconds : (uint64_t)microseconds;
    uint64_t hours = size / (uint64_t)SGR_HOUR;
    if (hours < 10)
        sgr_buffer_putc(writer->out, '0');
    sgr_buffer_int(writer->out, (int64_t)hours);
    sgr__minutes_text((int64_t)(size % (uint64_t)SGR_HOUR), writer->out);
}

void sgr__interval_text(const struct sgr_interval *interval, struct sgr_buffer *out) {
    struct interval_writer writer = {.out = out};
    write_part(&writer, interval->months / 12, "year");
    write_part(&writer, interval->months % 12, "mon");
    write_part(&writer, interval->days, "day");
    if (!writer.any || interval->microseconds)
        write_clock(&writer, interval->microseconds);
}

__int128 sgr__interval_span(const struct sgr_interval *interval) {
    return (__int128)interval->microseconds +
           ((__int128)interval->months * 30 + interval->days) * SGR_DAY;
}
