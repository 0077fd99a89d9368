/* The supabase sink: the plugin, its options, and its life. */
#include <stdlib.h>

#include "supabase.h"
#include "webhook_config.h"

#include "broadcast.h"

#define AT(field, type) SGR_OPTION_AT(struct supabase_options, field, type)
#define SECOND          INT64_C(1000000)

static const struct sgr_option options[] = {
    {.name = "source",
     .type = SGR_OPTION_STRING,
     .offset = AT(source, const char *),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_SOURCE,
     .help = "The source whose changes are sent."},
    {.name = "path",
     .type = SGR_OPTION_STRING,
     .offset = AT(path, const char *),
     .fallback = "/socket/websocket",
     .help = "Where clients connect."},
    {.name = "strict",
     .type = SGR_OPTION_BOOL,
     .offset = AT(strict, bool),
     .fallback = "false",
     .help = "Nothing but what the server of 2022 has: no second path /realtime/v1/websocket, "
             "no `config` in joins, no posts."},
    {.name = "secure",
     .type = SGR_OPTION_BOOL,
     .offset = AT(secure, bool),
     .fallback = "true",
     .help = "Who connects and who joins needs a token."},
    {.name = "secret",
     .type = SGR_OPTION_STRING,
     .offset = AT(secret, const char *),
     .flags = SGR_OPTION_SECRET,
     .help =
         "What tokens are signed with (HS256, HS384, HS512). Needed if secure, unless `auth` is "
         "set."},
    {.name = "auth",
     .type = SGR_OPTION_BOOL,
     .offset = AT(auth, bool),
     .fallback = "false",
     .help = "Tokens are those that the config's own `auth` takes: other algorithms, keys fetched "
             "from a URL."},
    {.name = "claims",
     .type = SGR_OPTION_JSON,
     .offset = AT(claims, const char *),
     .help = "What tokens must say: { claim: value }."},
    {.name = "rows",
     .type = SGR_OPTION_JSON,
     .offset = AT(rows, const char *),
     .help = "Who may see which rows of a table: { \"public.todos\": \"user_id = $claims.sub\" }."},
    {.name = "metrics",
     .type = SGR_OPTION_BOOL,
     .offset = AT(metrics, bool),
     .fallback = "false",
     .help = "Whether GET /metrics tells what runs, in Prometheus' format, to whoever asks."},
    {.name = "realtime",
     .type = SGR_OPTION_JSON,
     .offset = AT(realtime, const char *),
     .help = "Which topics are fed: a list of {relation, events}. Left out: all."},
    {.name = "configuration_file",
     .type = SGR_OPTION_STRING,
     .offset = AT(configuration_file, const char *),
     .help = "A JSON file that has that list as its member \"realtime\", and webhooks as "
             "\"webhooks\"."},
    {.name = "channels",
     .type = SGR_OPTION_INT,
     .offset = AT(channels, int64_t),
     .fallback = "1000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "How many topics one connection may have joined at a time."},
    {.name = "idle_timeout",
     .type = SGR_OPTION_DURATION,
     .offset = AT(idle_timeout, int64_t),
     .fallback = "60s",
     .minimum = SECOND / 10,
     .maximum = 86400 * SECOND,
     .help = "A client that says nothing for so long is closed."},
    {.name = "patience",
     .type = SGR_OPTION_DURATION,
     .offset = AT(patience, int64_t),
     .fallback = "1s",
     .maximum = 3600 * SECOND,
     .help = "How long the stream waits for a client that takes its frames slowly."},
    {.name = "backlog",
     .type = SGR_OPTION_BYTES,
     .offset = AT(backlog, int64_t),
     .fallback = "8MB",
     .minimum = INT64_C(1) << 20,
     .maximum = INT64_C(1) << 40,
     .help = "What may be queued for such a client after that, until it is closed."},
    {.name = "window",
     .type = SGR_OPTION_BYTES,
     .offset = AT(window, int64_t),
     .fallback = "4MB",
     .maximum = INT64_C(1) << 40,
     .help = "How much of the latest changes is kept for clients that come back; 0: none."},
    {.name = "messages",
     .type = SGR_OPTION_INT,
     .offset = AT(messages, int64_t),
     .fallback = "1000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "How many broadcasts and changes of its presence a connection may send a second."},
    {.name = "posts",
     .type = SGR_OPTION_INT,
     .offset = AT(posts, int64_t),
     .fallback = "1000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "How many messages all together may post a second, but for the role service_role."},
    {.name = "presence",
     .type = SGR_OPTION_BYTES,
     .offset = AT(presence, int64_t),
     .fallback = "16KB",
     .maximum = INT64_C(1) << 30,
     .help = "How much a connection may show of itself, in all its channels together."},
    {.name = "webhooks",
     .type = SGR_OPTION_JSON,
     .offset = AT(webhooks, const char *),
     .flags = SGR_OPTION_SECRET,
     .help = "Where transactions are posted: a list of {event, relation, config: {endpoint}}."},
    {.name = "webhook_headers",
     .type = SGR_OPTION_JSON,
     .offset = AT(webhook_headers, const char *),
     .flags = SGR_OPTION_SECRET,
     .help = "Headers of each POST: { name: value }."},
    {.name = "webhook_ca_file",
     .type = SGR_OPTION_STRING,
     .offset = AT(webhook_ca_file, const char *),
     .help = "Certificates (PEM) to trust for https in place of the system's."},
    {.name = "webhook_timeout",
     .type = SGR_OPTION_DURATION,
     .offset = AT(webhook_timeout, int64_t),
     .fallback = "10s",
     .minimum = SECOND / 10,
     .maximum = 3600 * SECOND,
     .help = "How long an endpoint may take to answer, until the POST is tried again."},
    {.name = "webhook_body",
     .type = SGR_OPTION_BYTES,
     .offset = AT(webhook_body, int64_t),
     .fallback = "8MB",
     .minimum = 1024,
     .maximum = INT64_C(1) << 30,
     .help = "From this size on, the rest of a transaction is another POST."},
    {.name = "webhook_backlog",
     .type = SGR_OPTION_BYTES,
     .offset = AT(webhook_backlog, int64_t),
     .fallback = "16MB",
     .minimum = 1024,
     .maximum = INT64_C(1) << 40,
     .help = "What may wait for one endpoint until the stream, and with it clients, waits too."},
    {.name = "webhook_stall",
     .type = SGR_OPTION_DURATION,
     .offset = AT(webhook_stall, int64_t),
     .fallback = "10s",
     .maximum = 86400 * SECOND,
     .help = "How long it then waits for half of that to be taken, until the endpoint is parked; "
             "0s: for ever."},
    {.name = "webhook_patience",
     .type = SGR_OPTION_DURATION,
     .offset = AT(webhook_patience, int64_t),
     .fallback = "1h",
     .maximum = 30 * 86400 * SECOND,
     .help = "How long one POST is tried again, until the endpoint is parked; 0s: for ever."},
    {.name = "webhook_lag",
     .type = SGR_OPTION_BYTES,
     .offset = AT(webhook_lag, int64_t),
     .fallback = "0",
     .maximum = INT64_C(1) << 60,
     .help = "How much of the database's log it may be behind, until it is parked; 0: any."},
    {0},
};

/* ---- Looking at options without a server ---- */

static void *plain_allocate(void *unused, size_t size) {
    (void)unused;
    return calloc(1, size);
}

static void *plain_reallocate(void *unused, void *old, size_t size) {
    (void)unused;
    return realloc(old, size);
}

static void plain_release(void *unused, void *memory) {
    (void)unused;
    free(memory);
}

static const struct sgr_sink_host plain = {.common = {.size = sizeof(plain.common),
                                                      .allocate = plain_allocate,
                                                      .reallocate = plain_reallocate,
                                                      .release = plain_release}};

static struct token_options token_options(const struct supabase_options *own) {
    return (struct token_options){.wanted = own->secure,
                                  .by_config = own->auth,
                                  .secret = own->secret,
                                  .claims = own->claims};
}

static int check_access(const struct supabase_options *own, struct sgr_error *error) {
    struct access access;
    struct token_options tokens = token_options(own);
    int code = tokens_check(&tokens, error);
    if (!code && own->rows && !own->secure)
        code = sgr_error_set(error, SGR_ECONFIG,
                             "rows: it asks for claims of tokens, but \"secure\" is false");
    if (code)
        return code;
    code = access_open(&access, &plain, NULL, own->rows, error);
    access_free(&access);
    return code;
}

static int supabase_check(const void *own_options, struct sgr_error *error) {
    const struct supabase_options *own = own_options;
    struct rules rules;
    struct webhook_config webhooks;
    int code = check_access(own, error);
    if (!code)
        code =
            rules_read(&rules, &plain.common, NULL, own->realtime, own->configuration_file, error);
    if (code)
        return code;
    rules_free(&rules);
    code = webhook_config_read(&webhooks, &plain.common, NULL, own->webhooks, own->webhook_headers,
                               own->configuration_file, error);
    webhook_config_free(&webhooks);
    return code;
}

/* A rule asks the old row of a DELETE too. */
static void supabase_needs(const void *own_options,
                           void (*need)(void *data, const char *source, const char *table,
                                        const char *column),
                           void *data) {
    const struct supabase_options *own = own_options;
    struct access access;
    char column[256];
    if (access_open(&access, &plain, NULL, own->rows, NULL) == 0)
        for (size_t i = 0; i < access.count; i++)
            for (size_t k = 0; k < access.rules[i].count; k++) {
                struct sgr_slice name = access.rules[i].terms[k].column;
                snprintf(column, sizeof(column), "%.*s", (int)name.size, name.data);
                need(data, own->source, access.rules[i].name, column);
            }
    access_free(&access);
}

/* ---- Life ---- */

static int open_parts(struct supabase *supabase, struct sgr_error *error) {
    const struct supabase_options *own = supabase->options;
    struct token_options tokens = token_options(own);
    int code = supabase_check(own, error);
    if (!code)
        code = rules_read(&supabase->rules, &supabase->table->common, supabase->host, own->realtime,
                          own->configuration_file, error);
    if (!code)
        code = webhooks_open(supabase, error);
    if (!code)
        code = tokens_open(&supabase->tokens, supabase->table, supabase->host, &tokens, error);
    if (!code)
        code = access_open(&supabase->access, supabase->table, supabase->host, own->rows, error);
    if (!code)
        code = feed_bind(supabase, error);
    if (!code && own->metrics)
        code = metrics_route(supabase, error);
    if (!code)
        code = broadcast_routes(supabase, error);
    return code ? code : socket_routes(supabase, error);
}

static void supabase_drain(void *state) {
    sockets_shut(state, 1001, "the server stops");
}

static void supabase_close(void *state) {
    struct supabase *supabase = state;
    supabase->table->timer_cancel(supabase->host, supabase->clock);
    webhooks_free(supabase->webhooks);
    feed_free(supabase);
    rooms_free(&supabase->rooms);
    sgr_text_free(&supabase->told);
    topics_free(&supabase->topics);
    index_free(&supabase->audiences);
    access_free(&supabase->access);
    rules_free(&supabase->rules);
    tokens_free(&supabase->tokens);
    sgr_text_free(&supabase->text);
    supabase->table->common.release(supabase->host, supabase);
}

static int supabase_open(const struct sgr_sink_host *table, void *host, const void *own,
                         void **ret_state, struct sgr_error *error) {
    if (table->common.size <= offsetof(struct sgr_sink_host, values))
        return sgr_error_set(error, SGR_EABI,
                             "this server has no change streams or binary messages for sinks");
    struct supabase *supabase = table->common.allocate(host, sizeof(*supabase));
    if (!supabase)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    supabase->table = table;
    supabase->host = host;
    supabase->options = own;
    supabase->topics = topics_new(&table->common, host, &supabase->rules);
    supabase->audiences = index_new(&table->common, host);
    supabase->text = sgr_text_new(&table->common, host);
    supabase->payload = sgr_text_new(&table->common, host);
    supabase->told = sgr_text_new(&table->common, host);
    supabase->rooms = rooms_new(supabase);
    supabase->sockets_end = &supabase->sockets;
    supabase->next_expiry = INT64_MAX;
    int code = open_parts(supabase, error);
    if (code)
        supabase_close(supabase);
    else
        *ret_state = supabase;
    return code;
}

static const struct sgr_sink_methods methods = {.open = supabase_open,
                                                .drain = supabase_drain,
                                                .close = supabase_close,
                                                .check = supabase_check,
                                                .any_thread = true,
                                                .needs = supabase_needs};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "supabase",
    .version = "0.1.0",
    .summary = "A source's changes to clients of Supabase Realtime, of 2022 and of today",
    .options = options,
    .options_size = sizeof(struct supabase_options),
    .methods_size = sizeof(methods),
    .sink = &methods,
};
