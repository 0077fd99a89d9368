/* What clients are told on their own: replies to what they ask, and events of one channel. */
#ifndef SINKS_SUPABASE_ANSWER_H
#define SINKS_SUPABASE_ANSWER_H

#include "channel.h"
#include "frame.h"

/* phx_reply. `payload` is all of it, JSON. `join` is the join_ref in the answer of the second version of frames: that of a channel, if there is one or was to
 * be one, or NULL. */
void answer(struct socket *socket, const struct message *message, const json_t *join,
            struct sgr_slice payload);
void answer_ok(struct socket *socket, const struct message *message, const json_t *join);
/* {"reason": …} */
void answer_error(struct socket *socket, const struct message *message, const json_t *join,
                  const char *reason);
void answer_unmatched(struct socket *socket, const struct message *message);

/* phx_close or phx_error, as JSON, whose ref is the one of the join. */
void channel_tell(const struct channel *channel, struct sgr_slice event);
/* An event of the channel alone, both parts JSON; if the payload failed, the connection is closed. */
void channel_push(const struct channel *channel, struct sgr_slice event,
                  const struct sgr_text *payload);
/* "system", by which the second era tells of an extension: "postgres_changes" or "system". */
void channel_system(const struct channel *channel, const char *extension, const char *status,
                    const char *text);

#endif
