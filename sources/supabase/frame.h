/* Messages of the protocol in the form of its first serializer (vsn 1.0.0), which servers of both eras speak:
 * {"topic":…,"event":…,"payload":…,"ref":…}. Any thread. */
#ifndef SOURCES_SUPABASE_FRAME_H
#define SOURCES_SUPABASE_FRAME_H

#include <sangre/text.h>

struct frame { /* slices of the message, as JSON */
    struct sgr_slice topic, event, payload;
    struct sgr_slice ref; /* a string or null; size 0: there is none */
};

/* False: it is no JSON, or no message. */
bool frame_read(struct sgr_slice message, struct frame *ret);
/* The number that a ref is; 0: it is none of ours. */
uint64_t frame_ref(const struct frame *frame);

/* `payload`: JSON. `join`: the ref that the topic was joined with; 0: none. */
void frame_write(struct sgr_text *text, struct sgr_slice topic, const char *event,
                 struct sgr_slice payload, uint64_t ref, uint64_t join);

/* What a join asks of both eras: the server of 2022 goes by the topic and user_token; today's by config and access_token. `token` with data
 * NULL: none. `with_config` false: only what the former knows. */
void frame_join_payload(struct sgr_text *text, struct sgr_slice schema, struct sgr_slice table,
                        struct sgr_slice token, bool with_config);

#endif
