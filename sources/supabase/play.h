/* The source in virtual time, with a feed and REST that a test plays. What the source does stands in `trace`, line by line: states, frames it
 * sends ("phx_join realtime:public:a 1": event, topic, ref), requests, snapshots in { }, transactions in ( ). */
#ifndef SOURCES_SUPABASE_PLAY_H
#define SOURCES_SUPABASE_PLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/loop.h"
#include "options.h"

enum { TRACE_SIZE = 1 << 16 };

struct play {
    struct sgr_loop *loop;
    const struct sgr_source_methods *methods;
    struct options options;
    void *source;
    struct sgr_relation relations[2];
    char trace[TRACE_SIZE];
    char reason[512];    /* of the last state that had one */
    const char *missing; /* the id of a row that is not there */
    const struct sgr_websocket_callbacks *feed;
    void *feed_data; /* NULL: no connection */
    void (*done)(void *data, const struct sgr_http_answer *answer);
    void *done_data; /* NULL: no request */
};

#define play_expect(play, wanted)                   \
    do {                                            \
        assert_string_equal((play)->trace, wanted); \
        (play)->trace[0] = '\0';                    \
    } while (0)

static const char play_ok[] = "{\"status\":\"ok\",\"response\":{}}";
static const char play_ok_today[] = "{\"status\":\"ok\",\"response\":{\"postgres_changes\":[]}}";

struct play *play_new(void); /* options may be changed before it is opened */
void play_open(struct play *play);
void play_free(struct play *play); /* nothing may be left open */
void play_describe(struct play *play, size_t count);
void play_start(struct play *play, size_t count);
/* One table, `a`, whose row 1 is read; the trace is empty. */
struct play *play_streaming(void);
struct play *play_streaming_with(struct play *play);
void play_joins_again(struct play *play); /* up to where rows are asked for */

/* What comes from outside. */
void play_opens(struct play *play);
void play_breaks(struct play *play, int status);
void play_comes_text(struct play *play, const char *text);
void play_comes(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
void play_replies(struct play *play, const char *topic, int ref, const char *payload);
void play_inserted(struct play *play, int id);
void play_updated(struct play *play, int id); /* by the feed of 2022: without the old key */
void play_answers(struct play *play, int status, const char *body);
void play_passes(struct play *play, int64_t milliseconds);

#endif
