#include "engine/cursors.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/vector.h"

/* One remembered commit: its number, when, and behind it in `positions` its source_count + 1 components. */
struct entry {
    uint64_t number;
    int64_t time;
    uint64_t sum;
};

struct sgr_cursors {
    size_t width; /* sources, and the tick */
    uint64_t epoch;
    uint64_t *base;
    uint64_t *now;
    struct sgr_vector entries;   /* of struct entry */
    struct sgr_vector positions; /* of uint64_t, `width` an entry */
    size_t forgotten;            /* entries at the front that are dead but not yet moved out */
    struct sgr_bytes *token;     /* of the present position; NULL: nobody asked yet */
};

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

enum { EPOCH_DIGITS = SGR_CURSORS_EPOCH_DIGITS };

struct sgr_cursors *sgr_cursors_new(size_t source_count) {
    struct sgr_cursors *cursors = calloc(1, sizeof(*cursors));
    if (!cursors)
        return NULL;
    cursors->width = source_count + 1;
    cursors->base = calloc(cursors->width, sizeof(uint64_t));
    cursors->now = calloc(cursors->width, sizeof(uint64_t));
    cursors->entries = SGR_VECTOR_INIT(struct entry);
    cursors->positions = SGR_VECTOR_INIT(uint64_t);
    if (!cursors->base || !cursors->now) {
        sgr_cursors_free(cursors);
        return NULL;
    }
    return cursors;
}

void sgr_cursors_free(struct sgr_cursors *cursors) {
    if (!cursors)
        return;
    sgr_vector_fini(&cursors->entries);
    sgr_vector_fini(&cursors->positions);
    sgr_bytes_unref(cursors->token);
    free(cursors->base);
    free(cursors->now);
    free(cursors);
}

static void forget_token(struct sgr_cursors *cursors) {
    sgr_bytes_unref(cursors->token);
    cursors->token = NULL;
}

void sgr_cursors_restart(struct sgr_cursors *cursors, uint64_t identity,
                         const uint64_t *positions) {
    sgr_vector_clear(&cursors->entries);
    sgr_vector_clear(&cursors->positions);
    forget_token(cursors);
    cursors->forgotten = 0;
    cursors->epoch = identity;
    for (size_t i = 0; i + 1 < cursors->width; i++)
        cursors->base[i] = cursors->now[i] = positions[i];
    cursors->now[cursors->width - 1] = 0;
}

static uint64_t sum_of(const struct sgr_cursors *cursors, const uint64_t *positions) {
    uint64_t sum = 0;
    for (size_t i = 0; i < cursors->width; i++)
        sum += positions[i] - cursors->base[i];
    return sum;
}

int sgr_cursors_commit(struct sgr_cursors *cursors, uint64_t number, size_t source,
                       uint64_t position, int64_t time) {
    if (sgr_vector_reserve(&cursors->entries, cursors->entries.count + 1) ||
        sgr_vector_reserve(&cursors->positions, cursors->positions.count + cursors->width))
        return SGR_ENOMEM;
    forget_token(cursors);
    if (source == SIZE_MAX)
        cursors->now[cursors->width - 1]++;
    else
        cursors->now[source] = position;
    for (size_t i = 0; i < cursors->width; i++)
        sgr_vector_push(&cursors->positions, &cursors->now[i]);
    struct entry entry = {number, time, sum_of(cursors, cursors->now)};
    return sgr_vector_push(&cursors->entries, &entry);
}

static void drop_front(struct sgr_vector *vector, size_t count) {
    char *items = vector->items;
    vector->count -= count;
    memmove(items, items + count * vector->item_size, vector->count * vector->item_size);
    if (vector->capacity / 4 > vector->count)
        sgr_vector_fit(vector);
}

static size_t entry_bytes(const struct sgr_cursors *cursors) {
    return sizeof(struct entry) + cursors->width * sizeof(uint64_t);
}

size_t sgr_cursors_bytes(const struct sgr_cursors *cursors) {
    return (cursors->entries.count - cursors->forgotten) * entry_bytes(cursors);
}

void sgr_cursors_trim(struct sgr_cursors *cursors, int64_t time, size_t bytes) {
    size_t most = bytes / entry_bytes(cursors), count = cursors->entries.count;
    if (count - cursors->forgotten > most)
        cursors->forgotten = count - (most ? most : 1);
    while (cursors->forgotten + 1 < count &&
           SGR_VECTOR_AT(&cursors->entries, struct entry, cursors->forgotten)->time < time)
        cursors->forgotten++;
    /* Moved only once half of it is dead, so that each entry is moved about once. */
    if (cursors->forgotten < 1024 || cursors->forgotten * 2 < cursors->entries.count)
        return;
    drop_front(&cursors->entries, cursors->forgotten);
    drop_front(&cursors->positions, cursors->forgotten * cursors->width);
    cursors->forgotten = 0;
}

static void put_number(struct sgr_buffer *out, uint64_t number) {
    char text[12];
    size_t at = sizeof(text);
    do {
        text[--at] = digits[number % 62];
        number /= 62;
    } while (number);
    sgr_buffer_append(out, text + at, sizeof(text) - at);
}

static void put_epoch(struct sgr_buffer *out, uint64_t epoch) {
    for (int i = 0; i < EPOCH_DIGITS; i++, epoch /= 62)
        sgr_buffer_putc(out, digits[epoch % 62]);
}

/* The epoch, which has always as many digits; the sources' positions, with points between them; and ~ the tick, if there was one. */
static struct sgr_bytes *write_token(const struct sgr_cursors *cursors) {
    struct sgr_buffer out = SGR_BUFFER_INIT;
    put_epoch(&out, cursors->epoch);
    for (size_t i = 0; i + 1 < cursors->width; i++) {
        if (i)
            sgr_buffer_putc(&out, '.');
        put_number(&out, cursors->now[i] - cursors->base[i]);
    }
    if (cursors->now[cursors->width - 1]) {
        sgr_buffer_putc(&out, '~');
        put_number(&out, cursors->now[cursors->width - 1]);
    }
    struct sgr_bytes *token = out.failed ? NULL : sgr_bytes_new(out.data, out.size);
    sgr_buffer_fini(&out);
    return token;
}

struct sgr_bytes *sgr_cursors_token(struct sgr_cursors *cursors) {
    if (!cursors->token)
        cursors->token = write_token(cursors);
    return cursors->token ? sgr_bytes_ref(cursors->token) : NULL;
}

static bool take_number(struct sgr_slice *rest, uint64_t *ret) {
    uint64_t number = 0;
    size_t used = 0;
    for (; used < rest->size; used++) {
        const char *digit = rest->data[used] ? strchr(digits, rest->data[used]) : NULL;
        if (!digit)
            break;
        if (__builtin_mul_overflow(number, 62, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digit - digits), &number))
            return false;
    }
    if (!used)
        return false;
    rest->data += used;
    rest->size -= used;
    *ret = number;
    return true;
}

static bool take_byte(struct sgr_slice *rest, char byte) {
    if (!rest->size || rest->data[0] != byte)
        return false;
    rest->data++;
    rest->size--;
    return true;
}

static bool take_epoch(const struct sgr_cursors *cursors, struct sgr_slice *rest) {
    struct sgr_buffer ours = SGR_BUFFER_INIT;
    put_epoch(&ours, cursors->epoch);
    bool same =
        !ours.failed && rest->size > ours.size && memcmp(rest->data, ours.data, ours.size) == 0;
    sgr_buffer_fini(&ours);
    if (same) {
        rest->data += EPOCH_DIGITS;
        rest->size -= EPOCH_DIGITS;
    }
    return same;
}

/* The sum of the token's components relative to the base, which is what they are written as. */
static bool take_sum(const struct sgr_cursors *cursors, struct sgr_slice rest, uint64_t *components,
                     uint64_t *ret_sum) {
    uint64_t sum = 0;
    for (size_t i = 0; i < cursors->width; i++) {
        bool tick = i + 1 == cursors->width;
        if (tick && !rest.size)
            components[i] = 0;
        else if (((tick || i) && !take_byte(&rest, tick ? '~' : '.')) ||
                 !take_number(&rest, &components[i]))
            return false;
        sum += components[i];
    }
    *ret_sum = sum;
    return rest.size == 0;
}

/* Of our shape, whatever the epoch: as many digits for it, then numbers. */
static bool well_formed(struct sgr_slice token) {
    uint64_t number;
    for (size_t i = 0; i < EPOCH_DIGITS; i++)
        if (i >= token.size || !token.data[i] || !strchr(digits, token.data[i]))
            return false;
    struct sgr_slice rest = {token.data + EPOCH_DIGITS, token.size - EPOCH_DIGITS};
    bool more = rest.size > 0;
    for (bool first = true; more && (first || take_byte(&rest, '.')) && take_number(&rest, &number);
         first = false)
        more = rest.size > 0;
    return !more || (take_byte(&rest, '~') && take_number(&rest, &number) && !rest.size);
}

int sgr_cursors_positions(const struct sgr_cursors *cursors, struct sgr_slice token,
                          uint64_t *ret_positions) {
    uint64_t sum;
    token = sgr_cursor_bare(token);
    if (!well_formed(token))
        return SGR_EPARSE;
    if (!take_epoch(cursors, &token))
        return SGR_ENOTFOUND;
    if (!take_sum(cursors, token, ret_positions, &sum))
        return SGR_EPARSE;
    for (size_t i = 0; i < cursors->width; i++)
        if (__builtin_add_overflow(ret_positions[i], cursors->base[i], &ret_positions[i]))
            return SGR_EPARSE;
    return SGR_OK;
}

uint64_t sgr_cursors_ticks(const struct sgr_cursors *cursors) {
    return cursors->now[cursors->width - 1];
}

const uint64_t *sgr_cursors_base(const struct sgr_cursors *cursors) {
    return cursors->base;
}

static const struct entry *search(const struct sgr_cursors *cursors, uint64_t sum) {
    size_t low = cursors->forgotten, high = cursors->entries.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct entry *entry = SGR_VECTOR_AT(&cursors->entries, struct entry, middle);
        if (entry->sum == sum)
            return entry;
        if (entry->sum < sum)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int sgr_cursors_find(const struct sgr_cursors *cursors, struct sgr_slice token,
                     uint64_t *ret_number) {
    uint64_t sum, *components = calloc(cursors->width, sizeof(*components));
    if (!components)
        return SGR_ENOMEM;
    const struct entry *entry = NULL;
    token = sgr_cursor_bare(token);
    if (take_epoch(cursors, &token) && take_sum(cursors, token, components, &sum))
        entry = search(cursors, sum);
    bool same = entry != NULL;
    size_t at = same ? (size_t)(entry - SGR_VECTOR_AT(&cursors->entries, struct entry, 0)) : 0;
    for (size_t i = 0; same && i < cursors->width; i++)
        same = *SGR_VECTOR_AT(&cursors->positions, uint64_t, at * cursors->width + i) -
                   cursors->base[i] ==
               components[i];
    free(components);
    if (!same)
        return SGR_ENOTFOUND;
    *ret_number = entry->number;
    return SGR_OK;
}
