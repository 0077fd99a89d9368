/* The two forms of frames, vsn 1.0.0 and 2.0.0, read and written.
 *
 *     1.0.0  {"event":…,"payload":…,"ref":…,"topic":…}; from clients also "join_ref"
 *     2.0.0  [join_ref, ref, topic, event, payload]
 */
#ifndef SINKS_SUPABASE_FRAME_H
#define SINKS_SUPABASE_FRAME_H

#include <jansson.h>
#include <sangre/text.h>

#include "topic.h"

/* False: there is no such version. Data NULL: none is asked for, which is the first. */
bool frame_version(struct sgr_slice text, enum vsn *ret);

/* A client's message. All but join_ref are there; what they are is for the reader to see. */
struct message {
    json_t *document; /* owns the others */
    size_t size;      /* bytes of the frame */
    const json_t *join_ref, *ref, *topic, *event, *payload;
    struct { /* of a binary frame, which the slices are of: a broadcast's payload */
        bool there, raw;
        struct sgr_slice payload, meta;
    } attached;
};

/* A JSON text with json_loadb's flags; NULL: it is none. Whole numbers too large for jansson are taken as what a double makes of them. */
json_t *frame_read_json(struct sgr_slice text, size_t flags, json_error_t *wrong);
/* 0, or the code that a connection is closed with: 1007 the text is no UTF-8, 1011 it is no message. */
int message_read(struct message *ret, enum vsn vsn, struct sgr_slice text);
void message_free(struct message *message);
/* What an answer needs of a join that waits, and its `since`; a whole one may be as large as any message. False: out of memory. */
bool message_keep(const struct message *message, struct message *ret);
bool message_is(const struct message *message, const char *event);
/* Data NULL: it is no text. */
struct sgr_slice message_text(const json_t *value);

/* The parts of a frame, all of them JSON. */
struct frame {
    struct sgr_slice join_ref, ref, topic, event, payload;
};

#define FRAME_JSON(literal) ((struct sgr_slice){literal, sizeof(literal) - 1})
#define FRAME_NULL          FRAME_JSON("null")

/* The bytes of a frame around its payload, so that it can be put together elsewhere; payloads come between the two. */
void frame_head(struct sgr_text *text, enum vsn vsn, const struct frame *frame);
void frame_tail(struct sgr_text *text, enum vsn vsn, const struct frame *frame);
void frame_write(struct sgr_text *text, enum vsn vsn, const struct frame *frame);

/* Any value as JSON, appended. NULL: null. */
void frame_json(struct sgr_text *text, const json_t *value);
size_t frame_json_size(const json_t *value); /* of that */

#endif
