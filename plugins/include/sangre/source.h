/* Sources: where rows come from.
 *
 * A source emits, per transaction, an ordered list of changes (a change stream). The host folds them into Z-sets for relations that nodes
 * use. When sinks bind the stream, the host opens a second instance of the source and lets that `follow`: its changes go to the sinks as they
 * are. Everything here runs on the engine's thread and must not block: a source watches descriptors and arms timers through its host.
 *
 *   open      options in, state out; no I/O yet
 *   describe  asked for the named tables; answers through host->described, or host->failed, from the loop
 *   start     emits a snapshot (begin_snapshot … rows … end_snapshot), then transactions (begin, change …, commit)
 *   follow    in place of describe and start: transactions alone, of all tables, from now on (flowing, then begin, change …, commit)
 *   pause     no more begin() after the current transaction until resume, when following also no more change(); keep the connection alive
 *   ack       everything up to `position` is durable here: the database may forget it
 *   stop      end cleanly; then close
 *
 * A source whose feed has no positions, so that events may be lost, come twice or come late, is *eventual* and says so by its method of that
 * name; since 1.2. Then
 *
 *   changes   are folded leniently: an insert of a key that is there replaces its row, a delete of one that is not does nothing, an update of an
 *             unknown one inserts the row if all its values came. So events may be applied again, in their order, to rows that show them already.
 *             Rows are told apart by the key of the table as described, whatever the identity; a table without one is refused.
 *   compare   whenever something may have been lost, and after each reconnect: begin_snapshot with the epoch of the first one, every row, then
 *             by `change` (without begin and commit) what the feed gave since before the first of them was read, end_snapshot. All of it is
 *             one transaction with what differs from before: subscribers get a frame and no reset. If anything differs, a new epoch begins,
 *             as cursors of the one before named states that the database never had. Until end_snapshot nobody sees anything, and after an
 *             abort everything is as it was. It costs a bit a row and what differs.
 *   positions are the source's own count, which grows with each transaction and each snapshot (end_snapshot's lsn).
 *   states    are SNAPSHOT or any but STREAMING from when the feed is known to be away until end_snapshot has returned: views are stale.
 */
#ifndef SANGRE_SOURCE_H
#define SANGRE_SOURCE_H

#include "change.h"
#include "client.h"
#include "plugin.h"

enum sgr_source_state {
    SGR_SOURCE_CONNECTING,
    SGR_SOURCE_WAITING, /* connected, something must happen first: open transactions, a lock, the slot's owner */
    SGR_SOURCE_SNAPSHOT,
    SGR_SOURCE_STREAMING,
    SGR_SOURCE_DOWN,   /* will try again by itself; views are stale */
    SGR_SOURCE_FAILED, /* will not: the engine ends */
};

enum { SGR_WATCH_READ = 1, SGR_WATCH_WRITE = 2 };

struct sgr_watch; /* a descriptor on the engine's loop */
struct sgr_timer;

struct sgr_source_host {
    struct sgr_host_common common;

    /* Answers describe: relations[i] for the i-th name asked for. Copied. */
    void (*described)(void *host, const struct sgr_relation *relations, size_t count);
    /* Tells the state; `error` says why for WAITING, DOWN and FAILED (a describe that cannot succeed is FAILED). */
    void (*state)(void *host, enum sgr_source_state state, const struct sgr_error *error);

    /* A snapshot replaces everything this source has given before: the host emits the difference as one transaction, under a new epoch, and
     * resets all subscribers; an eventual source's only if its epoch is another one. A key is given once. No transaction is begun in between. */
    int (*begin_snapshot)(void *host, const char *epoch, struct sgr_error *error);
    int (*snapshot_row)(void *host, struct sgr_relation *relation, const struct sgr_field *fields,
                        struct sgr_error *error);
    int (*end_snapshot)(void *host, uint64_t lsn, struct sgr_error *error);

    /* One transaction. Fields are borrowed for the call. An error from `change` means the source broke its own description
     * (malformed text, unknown row); the source reports FAILED or starts over with a snapshot. abort drops what was begun.
     * An eventual source's change can fail in two more ways. It has changed nothing then, and the transaction may go on:
     *   SGR_ENOTFOUND  an update that came without some of its values (unchanged ones), of a row that is not there. If the event may be older than
     *                  the last snapshot, a later one took the row away, and nothing is wrong. Else something was lost: compare.
     *   SGR_ELOST      the change does not say which row it means, or gives it another key without all values: compare. */
    int (*begin)(void *host, const struct sgr_transaction *transaction, struct sgr_error *error);
    int (*change)(void *host, const struct sgr_change *change, struct sgr_error *error);
    int (*commit)(void *host, const struct sgr_transaction *transaction, struct sgr_error *error);
    void (*abort)(void *host);
    /* No transaction up to this position concerns us. */
    void (*advance)(void *host, uint64_t lsn);

    /* Loop. Callbacks run on the engine's thread. A watch does not own its descriptor. */
    struct sgr_watch *(*watch)(void *host, int descriptor, unsigned events,
                               void (*ready)(void *data, unsigned events), void *data);
    void (*watch_change)(struct sgr_watch *watch, unsigned events);
    void (*watch_free)(struct sgr_watch *watch);
    /* One shot; microseconds of the engine's (virtual or monotonic) time from now. Re-armed from its own callback if wanted. */
    struct sgr_timer *(*timer)(void *host, void (*fired)(void *data), void *data);
    void (*timer_arm)(struct sgr_timer *timer, int64_t microseconds);
    void (*timer_cancel)(struct sgr_timer *timer);
    void (*timer_free)(struct sgr_timer *timer);
    int64_t (*now)(void *host);        /* microseconds of the loop's time, for intervals */
    int64_t (*wall_clock)(void *host); /* microseconds since 2000-01-01 UTC */
    uint64_t (*random)(void *host);
    const char *(*source_name)(void *host);
    /* "int", "numeric(10,2)", "text[]" → type fields of *ret; for sources whose tables are declared in the config. */
    int (*parse_type)(void *host, const char *type_name, struct sgr_relation_column *ret,
                      struct sgr_error *error);
    /* The database's default collation (provider 'c' or 'i', its name, the server's version of it): bytewise, the same on this
     * host, or unknown. */
    enum sgr_collation (*collation)(void *host, char provider, const char *name,
                                    const char *version);

    /* When following, each time before the first begin of a connection, behind the state STREAMING; since 1.1. `position.lsn`: what ends behind it
     * comes. gap NULL: nothing was missed since the last transaction that was committed here, if there was one; else why some may have been, a
     * stable word. A transaction that the host has in part or whole may be emitted again, with the same commit_lsn and the same changes: the
     * host passes on what it has not had. */
    void (*flowing)(void *host, const struct sgr_position *position, const char *gap);

    /* Outgoing requests and websockets, with this host; since 1.1. What is still open when close has returned is broken off. */
    const struct sgr_client_methods *client;

    /* When following, since 1.2: the database's log goes this far at least, whatever of it has been given. For sources that learn of it otherwise than by
     * begin and advance, above all while they are paused; every second is often enough. */
    void (*log_end)(void *host, uint64_t lsn);
};

struct sgr_source_methods {
    int (*open)(const struct sgr_source_host *table, void *host, const void *options,
                void **ret_state, struct sgr_error *error);
    /* Names as in the config: `table` or `schema.table`. May be called again, also while streaming. */
    int (*describe)(void *state, const char *const *tables, size_t count, struct sgr_error *error);
    /* The tables to snapshot and stream: `relations` are as described, and live until close. */
    int (*start)(void *state, struct sgr_relation *const *relations, size_t count,
                 struct sgr_error *error);
    void (*pause)(void *state);
    void (*resume)(void *state);
    void (*ack)(void *state, uint64_t lsn);
    void (*stop)(void *state);
    void (*close)(void *state);
    /* Optional; since 1.1. Relations are the source's own: a descriptor may be freed once the next `change` uses another one for its table,
     * and is valid until the transaction's end. `check`: only look whether it can be followed, and answer with `flowing` or the state FAILED. Nothing is
     * acknowledged but by `ack`. */
    int (*follow)(void *state, bool check, struct sgr_error *error);
    /* Optional; since 1.2. NULL: exact. Else the source is eventual (see above), and this is what it cannot promise and when it compares: a line
     * for `check` and `explain`, valid until close. Asked once, behind open. */
    const char *(*eventual)(void *state);
    /* Optional; since 1.2. Ahead of `follow`: sinks limit who sees the rows of these tables, which they know by their names alone (as in describe;
     * copied). No row that belongs to one of them may come by another name, be it a partition's, that of what it is a partition of, or one it was
     * renamed to. Where that can't be kept, or a table is not there, the source gives nothing: FAILED at the start, and DOWN or FAILED whenever it comes to that. A
     * source without this method has no stream for such sinks. */
    int (*limit)(void *state, const char *const *tables, size_t count, struct sgr_error *error);
};

static_assert(offsetof(struct sgr_source_host, collation) == 224, "released offsets are frozen");
static_assert(offsetof(struct sgr_source_host, flowing) == 232, "released offsets are frozen");
static_assert(offsetof(struct sgr_source_host, client) == 240, "released offsets are frozen");
static_assert(offsetof(struct sgr_source_host, log_end) == 248, "released offsets are frozen");
static_assert(offsetof(struct sgr_source_methods, follow) == 64, "released offsets are frozen");
static_assert(offsetof(struct sgr_source_methods, eventual) == 72, "released offsets are frozen");
static_assert(offsetof(struct sgr_source_methods, limit) == 80, "released offsets are frozen");

#endif
