/* Waits of clients: from what they wrote to positions, and the answer once everything up to there is published. */
#include <stdlib.h>

#include "engine/publisher.h"

static void answer_error(struct sgr_publisher *publisher, uint64_t id, const char *code,
                         const char *message) {
    struct sgr_hub_answer answer = {
        .id = id, .state = {.answer = SGR_ANSWER_ERROR, .code = code, .message = message}};
    sgr_hub_waited(publisher->parts.hub, &answer);
}

static void answer_reached(struct sgr_publisher *publisher, uint64_t id) {
    struct sgr_bytes *now = sgr_cursors_token(publisher->parts.cursors);
    if (!now) {
        answer_error(publisher, id, "out_of_memory", "out of memory");
        return;
    }
    struct sgr_hub_answer answer = {
        .id = id, .state = {.answer = SGR_ANSWER_RESUMED, .cursor = sgr__bytes_slice(now)}};
    sgr_hub_waited(publisher->parts.hub, &answer);
    sgr_bytes_unref(now);
}

static void over(void *data, uint64_t id, enum sgr_waits_end end) {
    if (end == SGR_WAITS_REACHED)
        answer_reached(data, id);
    else
        answer_error(data, id, "other_epoch", "a new epoch began; the cursor is of another one");
}

/* Hexadecimal halves with a slash between them, as Postgres writes a position, or one plain number. */
static bool parse_lsn(struct sgr_slice text, uint64_t *ret) {
    char copy[32], *end;
    if (!text.size || text.size >= sizeof(copy) || memchr(text.data, '\0', text.size))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    bool halves = strchr(copy, '/') != NULL;
    const char *allowed = halves ? "0123456789abcdefABCDEF/" : "0123456789";
    if (strspn(copy, allowed) != text.size || copy[0] == '/')
        return false;
    *ret = strtoull(copy, &end, halves ? 16 : 10);
    if (!halves)
        return text.size < 20;
    uint64_t high = *ret, low = strtoull(end + 1, &end, 16);
    *ret = high << 32 | low;
    return !*end && end[-1] != '/' && high <= UINT32_MAX && low <= UINT32_MAX;
}

/* NULL: the positions are known; else the word for why not. */
static const char *read_lsn(struct sgr_publisher *publisher, const struct sgr_wait *what,
                            uint64_t *positions, const char **ret_message) {
    const struct sgr_publisher_parts *parts = &publisher->parts;
    size_t source = parts->find_source(parts->data, what->source);
    *ret_message = what->source.size ? "there is no source of this name"
                                     : "there are several sources: name the position's";
    if (source >= parts->source_count)
        return "unknown_source";
    *ret_message = "the source's feed has no positions of its database; wait for a cursor";
    if (!parts->has_positions(parts->data, source))
        return "no_positions";
    *ret_message = "lsn is a position as Postgres writes it, such as 0/16B3748";
    return parse_lsn(what->lsn, &positions[source]) ? NULL : "bad_position";
}

static const char *read_cursor(struct sgr_publisher *publisher, const struct sgr_wait *what,
                               uint64_t *positions, const char **ret_message) {
    switch (sgr_cursors_positions(publisher->parts.cursors, what->cursor, positions)) {
    case SGR_OK:
        return NULL;
    case SGR_ENOTFOUND:
        *ret_message = "the cursor is of another epoch";
        return "other_epoch";
    default:
        *ret_message = "this is no cursor of ours";
        return "bad_cursor";
    }
}

void sgr__publisher_wait(struct sgr_publisher *publisher, const struct sgr_ask *ask) {
    const char *code = "not_ready", *message = "the first snapshot is not complete yet";
    uint64_t *positions = calloc(publisher->parts.source_count + 1, sizeof(*positions));
    bool by_cursor = ask->wait.cursor.size > 0;
    if (!positions)
        code = message = NULL;
    else if (publisher->ready && by_cursor)
        code = read_cursor(publisher, &ask->wait, positions, &message);
    else if (publisher->ready)
        code = read_lsn(publisher, &ask->wait, positions, &message);
    if (code)
        answer_error(publisher, ask->id, code, message);
    else if (!positions || sgr_waits_add(publisher->waits, ask->id, positions, by_cursor))
        answer_error(publisher, ask->id, "out_of_memory", "out of memory");
    free(positions);
}

void sgr_publisher_reached(struct sgr_publisher *publisher, size_t source, uint64_t position) {
    size_t ticks = publisher->parts.source_count;
    if (publisher->ready)
        sgr_waits_reached(publisher->waits, source == SIZE_MAX ? ticks : source, position);
}

void sgr__publisher_waits_restart(struct sgr_publisher *publisher) {
    sgr_waits_restart(publisher->waits, sgr_cursors_base(publisher->parts.cursors));
}

int sgr__publisher_waits_new(struct sgr_publisher *publisher) {
    publisher->waits = sgr_waits_new(publisher->parts.source_count + 1, over, publisher);
    return publisher->waits ? SGR_OK : SGR_ENOMEM;
}
