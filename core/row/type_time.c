/* Dates, times and timestamps as text: ISO 8601 as Postgres writes it (years beyond 9999, BC, infinities, 24:00:00), and the
 * usual shorter forms of it that people write. Times with a zone are brought to UTC; without one they are in UTC. */
#include "row/calendar.h"
#include "row/type_internal.h"

struct reader {
    struct sgr_slice text;
    size_t at;
};

static char peek(const struct reader *reader) {
    return reader->at < reader->text.size ? reader->text.data[reader->at] : '\0';
}

static bool take(struct reader *reader, char byte) {
    if (peek(reader) != byte || reader->at >= reader->text.size)
        return false;
    reader->at++;
    return true;
}

static void skip_blanks(struct reader *reader) {
    while (peek(reader) == ' ' || (peek(reader) >= '\t' && peek(reader) <= '\r'))
        reader->at++;
}

/* Between least and most digits; returns how many, 0 for none or too many. */
static int read_digits(struct reader *reader, int least, int most, int64_t *ret) {
    int64_t number = 0;
    int count = 0;
    for (; peek(reader) >= '0' && peek(reader) <= '9'; reader->at++, count++) {
        if (count == most)
            return 0;
        number = number * 10 + (peek(reader) - '0');
    }
    if (count < least)
        return 0;
    *ret = number;
    return count;
}

bool sgr__fraction_read(struct sgr_slice text, size_t *at, int64_t *ret_microseconds) {
    char copy[64] = "0";
    size_t count = 0;
    int64_t exact = 0;
    for (; *at < text.size &&
           (text.data[*at] == '.' || (text.data[*at] >= '0' && text.data[*at] <= '9'));
         (*at)++) {
        if (count + 2 >= sizeof(copy) || (text.data[*at] == '.') != (count == 0))
            return false;
        copy[++count] = text.data[*at];
    }
    if (count <= 7) {
        for (size_t i = 2; i <= 7; i++)
            exact = exact * 10 + (i <= count ? copy[i] - '0' : 0);
        *ret_microseconds = exact;
        return true;
    }
    /* More digits than there are microseconds: as Postgres, through a double, to the nearest even. */
    *ret_microseconds =
        (int64_t)__builtin_rint(sgr__decimal_to_double(copy, NULL, false) * 1000000);
    return true;
}

bool sgr__clock_read(struct sgr_slice text, size_t *at, int64_t *ret_hours, int64_t *ret_rest) {
    struct reader reader = {text, *at};
    int64_t hours, minutes, seconds = 0, fraction = 0;
    if (!read_digits(&reader, 1, 10, &hours) || !take(&reader, ':') ||
        !read_digits(&reader, 1, 2, &minutes))
        return false;
    bool three = take(&reader, ':');
    if (three && !read_digits(&reader, 1, 2, &seconds))
        return false;
    if (peek(&reader) == '.') {
        if (!sgr__fraction_read(text, &reader.at, &fraction))
            return false;
        if (!three) { /* two numbers with a fraction are minutes and seconds */
            seconds = minutes;
            minutes = hours;
            hours = 0;
        }
    }
    if (minutes > 59 || seconds > 60)
        return false;
    *ret_hours = hours;
    *ret_rest = minutes * SGR_MINUTE + seconds * SGR_SECOND + fraction;
    *at = reader.at;
    return true;
}

/* A time of day: at most 24:00:00. */
static int read_clock(struct reader *reader, int64_t *ret) {
    int64_t hours, rest;
    if (!sgr__clock_read(reader->text, &reader->at, &hours, &rest))
        return SGR_EPARSE;
    if (hours > 24 || hours * SGR_HOUR + rest > SGR_DAY)
        return SGR_ERANGE;
    *ret = hours * SGR_HOUR + rest;
    return 0;
}

/* +hh, +hhmm, +hh:mm, +hh:mm:ss; microseconds east of UTC */
static int read_offset(struct reader *reader, int64_t *ret) {
    bool west = peek(reader) == '-';
    int64_t hours, minutes = 0, seconds = 0;
    reader->at++;
    int digits = read_digits(reader, 1, 4, &hours);
    if (digits == 0)
        return SGR_EPARSE;
    if (digits > 2) {
        minutes = hours % 100;
        hours /= 100;
    } else if (take(reader, ':')) {
        if (!read_digits(reader, 2, 2, &minutes) ||
            (take(reader, ':') && !read_digits(reader, 2, 2, &seconds)))
            return SGR_EPARSE;
    }
    if (hours > 15 || minutes > 59 || seconds > 59)
        return SGR_ERANGE;
    int64_t offset = hours * SGR_HOUR + minutes * SGR_MINUTE + seconds * SGR_SECOND;
    *ret = west ? -offset : offset;
    return 0;
}

struct stamp {
    int64_t year;
    int64_t month, day;
    int64_t clock;  /* microseconds since midnight */
    int64_t offset; /* east of UTC */
    bool before_christ;
};

static struct sgr_slice read_word(struct reader *reader) {
    size_t start = reader->at;
    while ((peek(reader) | 32) >= 'a' && (peek(reader) | 32) <= 'z')
        reader->at++;
    return (struct sgr_slice){reader->text.data + start, reader->at - start};
}

/* What may stand behind date and time, in any order: a zone, BC, AD. A date alone has no offset. */
static int read_tail(struct reader *reader, bool clock, struct stamp *stamp) {
    bool zone = false, era = false;
    for (skip_blanks(reader); reader->at < reader->text.size; skip_blanks(reader)) {
        bool *seen = &zone;
        if (peek(reader) == '+' || peek(reader) == '-') {
            int code = clock ? read_offset(reader, &stamp->offset) : SGR_EPARSE;
            if (code)
                return code;
        } else {
            struct sgr_slice word = read_word(reader);
            stamp->before_christ |= sgr__type_word_is(word, "bc");
            if (sgr__type_word_is(word, "bc") || sgr__type_word_is(word, "ad"))
                seen = &era;
            else if (!sgr__type_word_is(word, "z") && !sgr__type_word_is(word, "utc") &&
                     !sgr__type_word_is(word, "gmt"))
                return SGR_EPARSE;
        }
        if (*seen)
            return SGR_EPARSE;
        *seen = true;
    }
    return 0;
}

static int check_date(struct stamp *stamp) {
    if (stamp->year == 0 || stamp->month < 1 || stamp->month > 12 || stamp->day < 1)
        return SGR_ERANGE;
    if (stamp->before_christ)
        stamp->year = 1 - stamp->year;
    return stamp->day > sgr_calendar_month_length(stamp->year, (int)stamp->month) ? SGR_ERANGE : 0;
}

static int read_stamp(struct sgr_slice text, struct stamp *ret) {
    struct reader reader = {sgr__type_trim(text), 0};
    *ret = (struct stamp){0};
    int year_digits = read_digits(&reader, 1, 7, &ret->year);
    if (!year_digits || !take(&reader, '-') || !read_digits(&reader, 1, 2, &ret->month) ||
        !take(&reader, '-') || !read_digits(&reader, 1, 2, &ret->day))
        return SGR_EPARSE;
    if (year_digits < 3) /* Postgres would take it for a month or a day */
        return SGR_ERANGE;
    bool separator = take(&reader, 'T') || take(&reader, 't');
    skip_blanks(&reader);
    bool clock = separator || (peek(&reader) >= '0' && peek(&reader) <= '9');
    if (clock) {
        int code = read_clock(&reader, &ret->clock);
        if (code)
            return code;
    }
    int code = read_tail(&reader, clock, ret);
    return code ? code : check_date(ret);
}

static bool special(struct sgr_slice text, int64_t minimum, int64_t maximum, int64_t epoch,
                    int64_t *ret) {
    text = sgr__type_trim(text);
    if (sgr__type_word_is(text, "infinity"))
        *ret = maximum;
    else if (sgr__type_word_is(text, "-infinity"))
        *ret = minimum;
    else if (sgr__type_word_is(text, "epoch"))
        *ret = epoch;
    else
        return false;
    return true;
}

static int failure(int code, const char *type, struct sgr_slice text, struct sgr_error *error) {
    if (code == SGR_ERANGE)
        return sgr_error_set(error, code, "date/time field value out of range: \"%.*s\"",
                             text.size > 64 ? 64 : (int)text.size, text.data);
    return sgr__type_malformed(type, text, error);
}

int sgr__date_parse(struct sgr_slice text, int64_t *ret, struct sgr_error *error) {
    struct stamp stamp;
    if (special(text, INT32_MIN, INT32_MAX, -SGR_DATE_TO_UNIX, ret))
        return 0;
    int code = read_stamp(text, &stamp);
    if (code)
        return failure(code, "date", text, error);
    int64_t days = sgr_calendar_days(stamp.year, stamp.month, stamp.day);
    if (days < SGR_DATE_FIRST || days >= SGR_DATE_END)
        return sgr__type_out_of_range("date", text, error);
    *ret = days;
    return 0;
}

int sgr__timestamp_parse(struct sgr_slice text, bool zoned, int64_t *ret, struct sgr_error *error) {
    const char *type = zoned ? "timestamp with time zone" : "timestamp";
    struct stamp stamp;
    if (special(text, INT64_MIN, INT64_MAX, -SGR_DATE_TO_UNIX * SGR_DAY, ret))
        return 0;
    int code = read_stamp(text, &stamp);
    if (code)
        return failure(code, type, text, error);
    int64_t rest = stamp.clock - (zoned ? stamp.offset : 0); /* without a zone it is ignored */
    int64_t days = sgr_calendar_days(stamp.year, stamp.month, stamp.day), timestamp;
    if (__builtin_mul_overflow(days, SGR_DAY, &timestamp) ||
        __builtin_add_overflow(timestamp, rest, &timestamp) || !sgr_timestamp_valid(timestamp))
        return sgr__type_out_of_range(type, text, error);
    *ret = timestamp;
    return 0;
}

int sgr__time_parse(struct sgr_slice text, int64_t *ret, struct sgr_error *error) {
    struct reader reader = {sgr__type_trim(text), 0};
    int code = read_clock(&reader, ret);
    if (!code && reader.at != reader.text.size)
        code = SGR_EPARSE;
    return code ? failure(code, "time", text, error) : 0;
}

static void write_padded(int64_t number, int width, struct sgr_buffer *out) {
    int64_t power = 10;
    for (int i = 1; i < width; i++, power *= 10)
        ;
    for (power /= 10; power > 1 && number < power; power /= 10)
        sgr_buffer_putc(out, '0');
    sgr_buffer_int(out, number);
}

static void write_date(struct sgr_calendar date, struct sgr_buffer *out) {
    write_padded(date.year > 0 ? date.year : 1 - date.year, 4, out);
    sgr_buffer_putc(out, '-');
    write_padded(date.month, 2, out);
    sgr_buffer_putc(out, '-');
    write_padded(date.day, 2, out);
}

void sgr__minutes_text(int64_t microseconds, struct sgr_buffer *out) {
    int64_t fraction = microseconds % SGR_SECOND;
    sgr_buffer_putc(out, ':');
    write_padded(microseconds / SGR_MINUTE % 60, 2, out);
    sgr_buffer_putc(out, ':');
    write_padded(microseconds / SGR_SECOND % 60, 2, out);
    if (!fraction)
        return;
    int width = 6;
    for (; fraction % 10 == 0; fraction /= 10)
        width--;
    sgr_buffer_putc(out, '.');
    write_padded(fraction, width, out);
}

void sgr__time_text(int64_t microseconds, struct sgr_buffer *out) {
    write_padded(microseconds / SGR_HOUR, 2, out);
    sgr__minutes_text(microseconds, out);
}

void sgr__date_text(int64_t days, struct sgr_buffer *out) {
    if (days == INT32_MAX || days == INT32_MIN) {
        sgr_buffer_puts(out, days > 0 ? "infinity" : "-infinity");
        return;
    }
    struct sgr_calendar date = sgr_calendar_date(days);
    write_date(date, out);
    if (date.year <= 0)
        sgr_buffer_puts(out, " BC");
}

void sgr__timestamp_text(int64_t timestamp, char separator, const char *zone,
                         struct sgr_buffer *out) {
    int64_t clock;
    if (!sgr_timestamp_finite(timestamp)) {
        sgr_buffer_puts(out, timestamp > 0 ? "infinity" : "-infinity");
        return;
    }
    struct sgr_calendar date = sgr_calendar_date(sgr_calendar_floor(timestamp, SGR_DAY, &clock));
    write_date(date, out);
    sgr_buffer_putc(out, separator);
    sgr__time_text(clock, out);
    sgr_buffer_puts(out, zone);
    if (date.year <= 0)
        sgr_buffer_puts(out, " BC");
}
