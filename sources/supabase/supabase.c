/* The Supabase source: tables whose changes come by a Supabase Realtime feed, of either era, and whose rows are read by REST or from Postgres.
 *
 * A feed has neither positions nor transactions, so what it gives is eventual (sangre/source.h): joined first, then all rows are read, and what
 * came meanwhile is applied behind them, in one snapshot; after that, what comes within a moment is one transaction. Whatever breaks the
 * feed, and whatever event leaves a doubt, leads to another reading, of which only what differs goes on. One timer drives what is to be
 * done next. Engine's thread. */
#include <sangre/nearest.h>
#include <stdlib.h>

#include "source.h"
#include "token.h"
#include "url.h"

static void supabase_close(void *state) {
    struct source *source = state;
    const struct sgr_source_host *host = host_of(source);
    source->snapshot = false; /* the host ends, too */
    rows_free(source->reading);
    socket_close(source->socket);
    host->timer_free(source->turn);
    host->timer_free(source->gather);
    host->timer_free(source->compare);
    queue_fini(&source->queue);
    change_reader_fini(&source->change);
    for (size_t i = 0; i < source->count; i++)
        table_fini(&source->tables[i]);
    free(source->tables);
    free(source->names);
    free(source->probe);
    json_decref(source->json);
    free(source);
}

static bool begins(const char *url, const char *plain, const char *secure) {
    return strncmp(url, plain, strlen(plain)) == 0 || strncmp(url, secure, strlen(secure)) == 0;
}

static int check_options(const struct source *source, struct sgr_error *error) {
    const struct options *options = source->service.options;
    struct sgr_text derived = sgr_text_new(&host_of(source)->common, source->service.host_data);
    if (!begins(options->url, "ws://", "wss://"))
        return sgr_error_set(
            error, SGR_ECONFIG,
            "url is where the feed is, such as wss://example.supabase.co/realtime/v1 "
            "or ws://localhost:4000/socket");
    bool derives = url_rest(&derived, options->url);
    sgr_text_free(&derived);
    if (options->rest && options->conninfo)
        return sgr_error_set(error, SGR_ECONFIG, "rows are read by rest or by conninfo, not both");
    if (options->rest ? !begins(options->rest, "http://", "https://")
                      : !derives && !options->conninfo)
        return sgr_error_set(error, SGR_ECONFIG,
                             "rest is where rows are read, such as "
                             "https://example.supabase.co/rest/v1, unless conninfo is");
    if (options->token && options->token_file)
        return sgr_error_set(error, SGR_ECONFIG, "token or token_file, not both");
    if ((options->apikey && !token_fits(options->apikey)) ||
        (options->token && !token_fits(options->token)))
        return sgr_error_set(error, SGR_ECONFIG, "apikey and token are words without blanks");
    return SGR_OK;
}

static int read_tables(struct source *source, struct sgr_error *error) {
    json_error_t fault;
    source->json = json_loads(source->service.options->tables, JSON_REJECT_DUPLICATES, &fault);
    size_t count = json_object_size(source->json);
    if (!count)
        return sgr_error_set(error, SGR_ECONFIG,
                             "tables is { name: { columns: { … }, key: [ … ] }, … }%s%s",
                             source->json ? "" : ": ", source->json ? "" : fault.text);
    source->tables = calloc(count, sizeof(*source->tables));
    source->names = calloc(count, sizeof(*source->names));
    if (!source->tables || !source->names)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for tables");
    const char *name;
    json_t *declaration;
    json_object_foreach(source->json, name, declaration) {
        int code = table_init(&source->tables[source->count], host_of(source),
                              source->service.host_data, name, declaration, error);
        if (code)
            return code;
        source->count++;
    }
    return SGR_OK;
}

static int make_probe(struct source *source) {
    size_t most = 0;
    for (size_t i = 0; i < source->count; i++)
        if (source->tables[i].description.column_count > most)
            most = source->tables[i].description.column_count;
    source->probe = calloc(most, sizeof(*source->probe));
    return source->probe ? SGR_OK : SGR_ENOMEM;
}

static int make_timers(struct source *source) {
    const struct sgr_source_host *host = host_of(source);
    source->turn = host->timer(source->service.host_data, source_turn, source);
    source->gather = host->timer(source->service.host_data, source_gathered, source);
    source->compare = host->timer(source->service.host_data, source_compare, source);
    return source->turn && source->gather && source->compare ? SGR_OK : SGR_ENOMEM;
}

static int supabase_open(const struct sgr_source_host *host, void *host_data, const void *options,
                         void **ret_state, struct sgr_error *error) {
    struct source *source = calloc(1, sizeof(*source));
    if (!source)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    source->service = (struct service){host, host_data, options};
    source->feed = (struct socket_owner){
        .flowing = source_flowing, .event = source_event, .lost = source_lost, .data = source};
    source->queue.limit = (size_t)source->service.options->buffer;
    source->doubt_wait = FIRST_DOUBT;
    snprintf(source->epoch, sizeof(source->epoch), "supabase/%016llx",
             (unsigned long long)host->wall_clock(host_data));
    int code = check_options(source, error);
    if (!code)
        code = read_tables(source, error);
    if (!code && (make_probe(source) || make_timers(source)))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    if (code)
        supabase_close(source);
    else
        *ret_state = source;
    return code;
}

static const char *supabase_eventual(void *state) {
    const struct source *source = state;
    return source->service.options->compare_every
               ? "a feed has no positions and no transactions: a transaction may show in parts, "
                 "and "
                 "what the feed loses without a word, such as a TRUNCATE under today's protocol, "
                 "shows at the next comparison (compare_every, and each reconnection)"
               : "a feed has no positions and no transactions: a transaction may show in parts, "
                 "and "
                 "what the feed loses without a word, such as a TRUNCATE under today's protocol, "
                 "shows at the next reconnection only, unless compare_every is set";
}

static struct table *find_table(const struct source *source, const char *name,
                                struct sgr_error *error) {
    const char *nearest = NULL;
    for (size_t i = 0; i < source->count; i++) {
        if (table_named(&source->tables[i], name))
            return &source->tables[i];
        sgr_name_nearer(name, source->tables[i].description.table, &nearest);
    }
    sgr_error_set(error, SGR_ENOTFOUND, "no table %s is declared%s%s%s", name,
                  nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    return NULL;
}

static int supabase_describe(void *state, const char *const *tables, size_t count,
                             struct sgr_error *error) {
    struct source *source = state;
    bool more = false;
    source->name_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct table *table = find_table(source, tables[i], error);
        if (!table)
            return error ? error->code : SGR_ENOTFOUND;
        if (source->name_count == source->count)
            return sgr_error_set(error, SGR_EINVAL, "a table is asked for twice");
        source->names[source->name_count++] = (size_t)(table - source->tables);
        more |= !table->wanted;
        table->wanted = true;
    }
    source->asked = true;
    if (more && source->socket)
        source_let_go(source); /* it has not joined them */
    host_of(source)->timer_arm(source->turn, 0);
    return SGR_OK;
}

static int supabase_start(void *state, struct sgr_relation *const *relations, size_t count,
                          struct sgr_error *error) {
    struct source *source = state;
    if (source->started)
        return sgr_error_set(error, SGR_EINVAL, "the source was started before");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < source->count; j++) {
            struct table *table = &source->tables[j];
            if (strcmp(relations[i]->table, table->description.table) == 0 &&
                strcmp(relations[i]->schema, table->description.schema) == 0)
                table->relation = relations[i];
        }
    source->started = true;
    host_of(source)->timer_arm(source->turn, 0);
    return SGR_OK;
}

static void supabase_pause(void *state) {
    struct source *source = state;
    source->paused = true;
}

static void supabase_resume(void *state) {
    struct source *source = state;
    source->paused = false;
    if (source->overflown)
        host_of(source)->timer_arm(source->compare, 0);
    else if (source->queue.size)
        host_of(source)->timer_arm(source->gather, 0);
}

static void supabase_ack(void *state, uint64_t lsn) {
    (void)state;
    (void)lsn;
}

static void supabase_stop(void *state) {
    struct source *source = state;
    source->ended = true;
    source_let_go(source);
    host_of(source)->timer_cancel(source->turn);
}

static const char *const protocols[] = {"auto", "v0", "v2", NULL};

static const struct sgr_option supabase_options[] = {
    {.name = "url",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, url, const char *),
     .flags = SGR_OPTION_REQUIRED,
     .help =
         "Where the feed is: wss://PROJECT.supabase.co/realtime/v1, or ws://HOST:4000/socket of "
         "the server of 2022."},
    {.name = "tables",
     .type = SGR_OPTION_JSON,
     .offset = SGR_OPTION_AT(struct options, tables, const char *),
     .flags = SGR_OPTION_REQUIRED,
     .help = "The tables: { name: { columns: { column: type }, key: [column] } }"},
    {.name = "rest",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, rest, const char *),
     .help = "Where rows are read, by PostgREST. Left out: …/rest/v1, if url is …/realtime/v1."},
    {.name = "conninfo",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, conninfo, const char *),
     .flags = SGR_OPTION_SECRET,
     .help = "Where rows are read in place of REST: a database, as libpq names it. A replica must "
             "not be "
             "behind the feed."},
    {.name = "apikey",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, apikey, const char *),
     .flags = SGR_OPTION_SECRET,
     .help = "The service's key. Its role must see all rows."},
    {.name = "token",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, token, const char *),
     .flags = SGR_OPTION_SECRET,
     .help = "A JWT to join and to read with. Left out: the apikey."},
    {.name = "token_file",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, token_file, const char *),
     .help = "A file that holds the token, and is looked at before it is used and at each "
             "heartbeat."},
    {.name = "ca_file",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, ca_file, const char *),
     .help = "Whom to trust, in PEM. Left out: the system's authorities."},
    {.name = "protocol",
     .type = SGR_OPTION_CHOICE,
     .offset = SGR_OPTION_AT(struct options, protocol, const char *),
     .fallback = "auto",
     .choices = protocols,
     .help = "v0: the server of 2022. v2: today's. auto: by what it answers."},
    {.name = "gather",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, gather, int64_t),
     .fallback = "10ms",
     .minimum = 0,
     .maximum = 60000000,
     .help = "How long changes are gathered, from the first on, to be applied at once."},
    {.name = "compare_every",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, compare_every, int64_t),
     .fallback = "0",
     .minimum = 0,
     .maximum = INT64_MAX,
     .help = "When all rows are read again at the latest, for what the feed may have lost. 0: only "
             "after each reconnection, and when an event leaves a doubt."},
    {.name = "page",
     .type = SGR_OPTION_INT,
     .offset = SGR_OPTION_AT(struct options, page, int64_t),
     .fallback = "1000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "Rows asked for in one request."},
    {.name = "buffer",
     .type = SGR_OPTION_BYTES,
     .offset = SGR_OPTION_AT(struct options, buffer, int64_t),
     .fallback = "64MB",
     .minimum = 65536,
     .maximum = INT64_C(1) << 40,
     .help = "What may wait: changes while rows are read, one message, one page."},
    {.name = "heartbeat",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, heartbeat, int64_t),
     .fallback = "25s",
     .minimum = 10000,
     .maximum = 60000000,
     .help = "How often the feed is asked whether it is there; it must have answered by the next "
             "time."},
    {.name = "connect_timeout",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, connect_timeout, int64_t),
     .fallback = "30s",
     .minimum = 10000,
     .maximum = INT64_C(3600000000),
     .help = "How long joining, and one request, may take."},
    {.name = "retry_limit",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, retry_limit, int64_t),
     .fallback = "10s",
     .minimum = 100000,
     .maximum = INT64_C(3600000000),
     .help = "The longest wait before the feed is joined again; the first is of 0.1 s."},
    {0}};

static const struct sgr_source_methods supabase_methods = {.open = supabase_open,
                                                           .describe = supabase_describe,
                                                           .start = supabase_start,
                                                           .pause = supabase_pause,
                                                           .resume = supabase_resume,
                                                           .ack = supabase_ack,
                                                           .stop = supabase_stop,
                                                           .close = supabase_close,
                                                           .eventual = supabase_eventual};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_SOURCE,
              .name = "supabase",
              .version = "0.1.0",
              .summary = "Tables by a Supabase Realtime feed, read by PostgREST or from Postgres",
              .options = supabase_options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_source_methods),
              .source = &supabase_methods};
