/* The Postgres source: tables from a snapshot, then every transaction from the write-ahead log, exactly from there on.
 *
 * One timer drives what is to be done next: a description that was asked for, or the next session (session.h) when there is none. A failure that a
 * person must put right ends the source; any other is told as DOWN and tried again, soon at first, then less and less often, with
 * jitter. Each session makes a new temporary slot and a new snapshot under a new epoch. Engine's thread. */
#include <stdlib.h>

#include "follow.h"
#include "limits.h"
#include "session.h"

enum {
    FIRST_RETRY = 100000,
    LAST_RETRY = 10000000,
    SETTLED = 10000000, /* a stream that lived this long was no failure to begin with */
};

struct options {
    const char *conninfo;
    struct sgr_strings publication;
    const char *bypass_rls;
    int64_t batch_delay;
    int64_t connect_timeout;
    const char *slot;
    int64_t slot_lag_limit;
};

struct description { /* one that was asked for */
    char **names;
    size_t count;
    struct link *link;
    struct catalog_reader *reader;
    bool wanted; /* not answered yet */
};

struct limited {  /* tables whose rows sinks limit */
    char **texts; /* what the names are of */
    struct catalog_name *names;
    size_t count;
};

struct source {
    const struct sgr_source_host *host;
    void *host_data;
    const struct options *options;
    struct link_target *target;
    struct description description;
    struct session *session;
    struct follow *follow; /* in its place, when following */
    struct limited limited;
    struct follow_memory memory;
    struct sgr_relation **relations;
    size_t count;
    struct sgr_timer *timer;
    unsigned failures; /* in a row */
    int64_t session_began;
    bool started, empty, paused, ended;
    bool following, checking;
};

/* ---- Trying again ---- */

static int64_t retry_delay(struct source *source) {
    int64_t delay = FIRST_RETRY;
    for (unsigned i = 0; i < source->failures && delay < LAST_RETRY; i++)
        delay *= 2;
    if (delay > LAST_RETRY)
        delay = LAST_RETRY;
    uint64_t jitter = source->host->random(source->host_data) % (uint64_t)(delay / 2);
    source->failures++;
    return delay / 2 + (int64_t)jitter;
}

static bool lasting(int code) {
    return code != SGR_EUNAVAILABLE && code != SGR_EIO && code != SGR_EPROTOCOL;
}

static void failed(struct source *source, const struct sgr_error *error) {
    if (lasting(error->code)) {
        source->ended = true;
        source->host->timer_cancel(source->timer);
        source->host->state(source->host_data, SGR_SOURCE_FAILED, error);
        return;
    }
    source->host->timer_arm(source->timer, retry_delay(source));
    /* A description that has to wait does not disturb a stream that goes on. */
    if (source->following || !source->session || session_is_over(source->session))
        source->host->state(source->host_data, SGR_SOURCE_DOWN, error);
}

/* ---- Describing ---- */

static void stop_describing(struct source *source) {
    catalog_reader_free(source->description.reader);
    link_close(source->description.link);
    source->description.reader = NULL;
    source->description.link = NULL;
}

static void forget_names(struct description *description) {
    for (size_t i = 0; i < description->count; i++)
        free(description->names[i]);
    free(description->names);
    description->names = NULL;
    description->count = 0;
}

static void description_failed(void *data, const struct sgr_error *error) {
    struct source *source = data;
    struct sgr_error copy = *error;
    stop_describing(source);
    failed(source, &copy);
}

static int tell_description(struct source *source, const struct catalog *catalog,
                            struct sgr_error *error) {
    struct sgr_relation *relations = calloc(catalog->count + 1, sizeof(*relations));
    if (!relations)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a description");
    for (size_t i = 0; i < catalog->count; i++)
        relations[i] = catalog->tables[i].relation;
    source->description.wanted = false;
    source->failures = 0;
    source->host->described(source->host_data, relations, catalog->count);
    free(relations);
    return SGR_OK;
}

static void catalog_known(void *data, struct catalog *catalog, const struct sgr_error *error) {
    struct source *source = data;
    struct sgr_error own;
    source->description.reader = NULL;
    if (error) {
        description_failed(source, error);
        return;
    }
    int code = catalog_check(catalog, source->options->bypass_rls != NULL, &own);
    stop_describing(source);
    if (!code)
        code = tell_description(source, catalog, &own);
    catalog_free(catalog);
    if (code)
        failed(source, &own);
}

/* `table` is public.table. */
static void split(char *name, struct catalog_name *ret) {
    char *dot = strchr(name, '.');
    *ret = (struct catalog_name){"public", name};
    if (!dot)
        return;
    *dot = '\0';
    *ret = (struct catalog_name){name, dot + 1};
}

static void description_ready(void *data) {
    struct source *source = data;
    struct description *description = &source->description;
    struct catalog_name *names = calloc(description->count + 1, sizeof(*names));
    struct sgr_error error;
    int code =
        names ? SGR_OK : sgr_error_set(&error, SGR_ENOMEM, "out of memory for a description");
    for (size_t i = 0; !code && i < description->count; i++)
        split(description->names[i], &names[i]);
    if (!code)
        code =
            catalog_read(description->link, source->host, source->host_data, names,
                         description->count, catalog_known, source, &description->reader, &error);
    for (size_t i = 0; names && i < description->count; i++)
        if (names[i].table != description->names[i])
            ((char *)names[i].table)[-1] = '.';
    free(names);
    if (code)
        description_failed(source, &error);
}

static void begin_describing(struct source *source) {
    struct link_owner owner = {.host = source->host,
                               .host_data = source->host_data,
                               .ready = description_ready,
                               .lost = description_failed,
                               .data = source};
    struct sgr_error error;
    source->host->state(source->host_data, SGR_SOURCE_CONNECTING, NULL);
    if (link_open(&owner, source->target, false, source->options->connect_timeout,
                  &source->description.link, &error))
        failed(source, &error);
}

/* ---- Sessions ---- */

static void session_over(void *data, const struct sgr_error *error) {
    struct source *source = data;
    if (source->host->now(source->host_data) - source->session_began > SETTLED)
        source->failures = 0;
    failed(source, error);
}

static void begin_session(struct source *source) {
    struct session_setup setup = {.host = source->host,
                                  .host_data = source->host_data,
                                  .target = source->target,
                                  .publication = source->options->publication.items[0],
                                  .bypass_row_security = source->options->bypass_rls != NULL,
                                  .connect_timeout = source->options->connect_timeout,
                                  .batch_delay = source->options->batch_delay,
                                  .relations = source->relations,
                                  .count = source->count,
                                  .paused = source->paused,
                                  .over = session_over,
                                  .data = source};
    struct sgr_error error;
    session_free(source->session);
    source->session = NULL;
    source->session_began = source->host->now(source->host_data);
    source->host->state(source->host_data, SGR_SOURCE_CONNECTING, NULL);
    if (session_new(&setup, &source->session, &error))
        failed(source, &error);
}

static void begin_following(struct source *source) {
    const struct options *options = source->options;
    struct follow_setup setup = {.host = source->host,
                                 .host_data = source->host_data,
                                 .target = source->target,
                                 .publications = options->publication.items,
                                 .publication_count = options->publication.count,
                                 .limited = source->limited.names,
                                 .limited_count = source->limited.count,
                                 .slot = options->slot,
                                 .lag_limit = options->slot_lag_limit,
                                 .bypass_row_security = options->bypass_rls != NULL,
                                 .check = source->checking,
                                 .connect_timeout = options->connect_timeout,
                                 .batch_delay = options->batch_delay,
                                 .paused = source->paused,
                                 .memory = &source->memory,
                                 .over = session_over,
                                 .data = source};
    struct sgr_error error;
    follow_free(source->follow);
    source->follow = NULL;
    source->session_began = source->host->now(source->host_data);
    source->host->state(source->host_data, SGR_SOURCE_CONNECTING, NULL);
    if (follow_new(&setup, &source->follow, &error))
        failed(source, &error);
}

/* No table is used: there is nothing to connect for. */
static void stream_nothing(struct source *source) {
    struct sgr_error error;
    int code = source->host->begin_snapshot(source->host_data, "empty", &error);
    if (!code)
        code = source->host->end_snapshot(source->host_data, 0, &error);
    source->empty = true;
    if (code)
        failed(source, &error);
    else
        source->host->state(source->host_data, SGR_SOURCE_STREAMING, NULL);
}

static void work(void *data) {
    struct source *source = data;
    if (source->ended)
        return;
    if (source->description.wanted && !source->description.link)
        begin_describing(source);
    if (source->ended || !source->started || source->empty)
        return;
    if (source->following) {
        if (!source->follow || follow_is_over(source->follow))
            begin_following(source);
        return;
    }
    if (!source->count)
        stream_nothing(source);
    else if (!source->session || session_is_over(source->session))
        begin_session(source);
}

/* ---- The contract ---- */

static void forget_limited(struct limited *limited) {
    for (size_t i = 0; i < limited->count; i++)
        free(limited->texts[i]);
    free(limited->texts);
    free(limited->names);
    *limited = (struct limited){0};
}

static void postgres_close(void *state) {
    struct source *source = state;
    stop_describing(source);
    forget_names(&source->description);
    session_free(source->session);
    follow_free(source->follow);
    limits_free(source->memory.limits);
    forget_limited(&source->limited);
    source->host->timer_free(source->timer);
    link_target_free(source->target);
    free(source->relations);
    free(source);
}

static int postgres_open(const struct sgr_source_host *host, void *host_data, const void *options,
                         void **ret_state, struct sgr_error *error) {
    struct source *source = calloc(1, sizeof(*source));
    if (!source)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    source->host = host;
    source->host_data = host_data;
    source->options = options;
    int code = link_target_new(source->options->conninfo, &source->target, error);
    if (!code && !source->options->publication.count)
        code = sgr_error_set(error, SGR_ECONFIG, "publication names none");
    if (!code && !(source->timer = host->timer(host_data, work, source)))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    if (code)
        postgres_close(source);
    else
        *ret_state = source;
    return code;
}

static int postgres_describe(void *state, const char *const *tables, size_t count,
                             struct sgr_error *error) {
    struct source *source = state;
    struct description *description = &source->description;
    stop_describing(source);
    forget_names(description);
    description->names = calloc(count + 1, sizeof(*description->names));
    for (; description->names && description->count < count; description->count++)
        if (!(description->names[description->count] = strdup(tables[description->count])))
            break;
    if (!description->names || description->count < count)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a description");
    description->wanted = true;
    source->host->timer_arm(source->timer, 0);
    return SGR_OK;
}

static int postgres_start(void *state, struct sgr_relation *const *relations, size_t count,
                          struct sgr_error *error) {
    struct source *source = state;
    if (source->started)
        return sgr_error_set(error, SGR_EINVAL, "the source was started before");
    source->relations = calloc(count + 1, sizeof(*source->relations));
    if (!source->relations)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    for (size_t i = 0; i < count; i++)
        source->relations[i] = relations[i];
    source->count = count;
    source->started = true;
    source->host->timer_arm(source->timer, 0);
    return SGR_OK;
}

static int postgres_limit(void *state, const char *const *tables, size_t count,
                          struct sgr_error *error) {
    struct limited *limited = &((struct source *)state)->limited;
    forget_limited(limited);
    limited->texts = calloc(count + 1, sizeof(*limited->texts));
    limited->names = calloc(count + 1, sizeof(*limited->names));
    while (limited->texts && limited->names && limited->count < count) {
        char *text = limited->texts[limited->count] = strdup(tables[limited->count]);
        if (!text)
            break;
        split(text, &limited->names[limited->count++]);
    }
    return limited->names && limited->texts && limited->count == count
               ? SGR_OK
               : sgr_error_set(error, SGR_ENOMEM, "out of memory for what sinks limit");
}

static int postgres_follow(void *state, bool check, struct sgr_error *error) {
    struct source *source = state;
    if (source->started)
        return sgr_error_set(error, SGR_EINVAL, "the source was started before");
    source->started = source->following = true;
    source->checking = check;
    source->host->timer_arm(source->timer, 0);
    return SGR_OK;
}

static void set_paused(struct source *source, bool paused) {
    source->paused = paused;
    if (source->session)
        session_pause(source->session, paused);
    if (source->follow)
        follow_pause(source->follow, paused);
}

static void postgres_pause(void *state) {
    set_paused(state, true);
}

static void postgres_resume(void *state) {
    set_paused(state, false);
}

static void postgres_ack(void *state, uint64_t lsn) {
    struct source *source = state;
    if (source->session)
        session_ack(source->session, lsn);
    if (source->follow)
        follow_ack(source->follow, lsn);
}

static void postgres_stop(void *state) {
    struct source *source = state;
    source->ended = true;
    source->host->timer_cancel(source->timer);
    stop_describing(source);
    session_free(source->session);
    follow_free(source->follow);
    source->session = NULL;
    source->follow = NULL;
}

static const char *const acknowledged[] = {"acknowledged", NULL};

static const struct sgr_option postgres_options[] = {
    {.name = "conninfo",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, conninfo, const char *),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_SECRET,
     .help = "Where the database is: postgresql://user:password@host:5432/database, or libpq's "
             "key=value pairs. Connect to the "
             "server itself, not to a transaction pooler"},
    {.name = "publication",
     .type = SGR_OPTION_STRINGS,
     .offset = SGR_OPTION_AT(struct options, publication, struct sgr_strings),
     .fallback = "sangre",
     .help =
         "The publications to read. Views have the first one, which is made for the used tables "
         "if it is missing and the role may make it; a change stream has all, which must be "
         "there"},
    {.name = "bypass_rls",
     .type = SGR_OPTION_CHOICE,
     .offset = SGR_OPTION_AT(struct options, bypass_rls, const char *),
     .choices = acknowledged,
     .help = "acknowledged: tables with row level security are read whole, and views decide who "
             "sees what"},
    {.name = "batch_delay",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, batch_delay, int64_t),
     .maximum = 100000,
     .help = "While changes keep coming, how long to wait between reads: 200us costs that much "
             "latency and saves CPU on both sides"},
    {.name = "connect_timeout",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, connect_timeout, int64_t),
     .fallback = "10s",
     .minimum = 100000,
     .maximum = 600000000,
     .help = "How long a connection may take to be made"},
    {.name = "slot",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, slot, const char *),
     .help = "The change stream's permanent replication slot: made if it is missing, and gone on "
             "from after a restart. Without one the slot is temporary"},
    {.name = "slot_lag_limit",
     .type = SGR_OPTION_BYTES,
     .offset = SGR_OPTION_AT(struct options, slot_lag_limit, int64_t),
     .fallback = "0",
     .maximum = INT64_MAX,
     .help = "How far behind the change stream's slot may be; past it the slot is dropped, and the "
             "stream begins anew with a gap that sinks are told of. 0: no limit"},
    {0}};

static const struct sgr_source_methods postgres_methods = {.open = postgres_open,
                                                           .describe = postgres_describe,
                                                           .start = postgres_start,
                                                           .pause = postgres_pause,
                                                           .resume = postgres_resume,
                                                           .ack = postgres_ack,
                                                           .stop = postgres_stop,
                                                           .close = postgres_close,
                                                           .follow = postgres_follow,
                                                           .limit = postgres_limit};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_SOURCE,
              .name = "postgres",
              .version = "0.1.0",
              .summary = "Tables of a PostgreSQL database, followed through logical replication",
              .options = postgres_options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_source_methods),
              .source = &postgres_methods};
