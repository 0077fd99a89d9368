#define XXH_INLINE_ALL
#include "webhook.h"

#include <sys/random.h>
#include <xxhash.h>

#include "supabase.h"
#include "webhook_config.h"
#include "webhook_endpoint.h"

enum { KEPT = 1 << 20 }; /* bytes that the text of a body keeps for the next */

struct webhooks {
    struct supabase *supabase;
    struct webhook_config config;
    struct endpoints all;
    struct endpoint **endpoints; /* each once */
    size_t endpoint_count;
    struct endpoint **to; /* of each webhook */

    /* The transaction at hand: its body, or the part of it that is being written. */
    struct sgr_text body;
    bool *matched;      /* of each webhook, by a change in the part */
    uint64_t changes;   /* so far */
    uint64_t begins_at; /* the change that the part begins with */
    unsigned parts;     /* that were finished */
    struct commit *current;

    struct commit *first, *last; /* with POSTs that are not answered yet, or current; in order */
    uint64_t log_end;            /* the database's, as far as it is known; 0: not at all */
    bool holding;                /* the stream */
    void *stall;                 /* the timer until it is not held any longer */
};

static const struct supabase_options *options_of(const struct webhooks *webhooks) {
    return webhooks->supabase->options;
}

/* ---- Acknowledging ---- */

static void handled(struct webhooks *webhooks, uint64_t lsn) {
    if (lsn)
        webhooks->supabase->table->stream_handled(webhooks->supabase->stream, lsn);
}

/* Nothing of it is waited for: its position is acknowledged, or with that of the one before it. So all that are listed are waited for, and
 * whoever has a commit wait for hours does not have the list grow with what others take. */
static void finish(struct webhooks *webhooks, struct commit *commit) {
    struct commit *before = commit->before, *next = commit->next;
    if (before && commit->lsn)
        before->lsn = commit->lsn;
    else if (!before)
        handled(webhooks, commit->lsn);
    *(before ? &before->next : &webhooks->first) = next;
    *(next ? &next->before : &webhooks->last) = before;
    webhooks->supabase->table->common.release(webhooks->supabase->host, commit);
}

static void on_done(void *data, struct commit *commit) {
    if (!commit->open)
        finish(data, commit);
}

static void close_current(struct webhooks *webhooks) {
    struct commit *current = webhooks->current;
    webhooks->current = NULL;
    if (!current)
        return;
    current->open = false;
    if (!current->waiting)
        finish(webhooks, current);
}

static void end_transaction(struct webhooks *webhooks, uint64_t lsn) {
    if (webhooks->last)
        webhooks->last->lsn = lsn;
    else
        handled(webhooks, lsn);
    close_current(webhooks);
}

/* NULL: out of memory. */
static struct commit *current_commit(struct webhooks *webhooks) {
    struct supabase *supabase = webhooks->supabase;
    if (webhooks->current)
        return webhooks->current;
    struct commit *commit = supabase->table->common.allocate(supabase->host, sizeof(*commit));
    if (!commit)
        return NULL;
    commit->open = true;
    commit->before = webhooks->last;
    *(webhooks->last ? &webhooks->last->next : &webhooks->first) = commit;
    return webhooks->last = webhooks->current = commit;
}

/* ---- Holding the stream ---- */

static bool anybody_behind(const struct webhooks *webhooks, size_t limit) {
    for (size_t i = 0; i < webhooks->endpoint_count; i++)
        if (endpoint_bytes(webhooks->endpoints[i]) > limit)
            return true;
    return false;
}

static void look(struct webhooks *webhooks);

static void on_stall(void *data) {
    struct webhooks *webhooks = data;
    webhooks->stall = NULL;
    for (size_t i = 0; i < webhooks->endpoint_count; i++)
        if (endpoint_bytes(webhooks->endpoints[i]) >
            (size_t)options_of(webhooks)->webhook_backlog / 2)
            endpoint_give_up(webhooks->endpoints[i],
                             "the stream waited for it for as long as webhook_stall");
    look(webhooks);
}

/* One that answers, but slower than the stream flows, has clients wait once and not once a backlog. */
static void park_who_is_still_slow(struct webhooks *webhooks, size_t limit) {
    for (size_t i = 0; i < webhooks->endpoint_count; i++)
        if (endpoint_given_up(webhooks->endpoints[i]) &&
            endpoint_bytes(webhooks->endpoints[i]) > limit)
            endpoint_park(webhooks->endpoints[i],
                          "its backlog is full again since the stream waited for it");
}

/* Held from a full backlog on, until it is half empty. */
static void look(struct webhooks *webhooks) {
    struct supabase *supabase = webhooks->supabase;
    size_t limit = (size_t)options_of(webhooks)->webhook_backlog;
    int64_t stall = options_of(webhooks)->webhook_stall;
    park_who_is_still_slow(webhooks, limit);
    bool hold = anybody_behind(webhooks, webhooks->holding ? limit / 2 : limit);
    if (hold == webhooks->holding)
        return;
    webhooks->holding = hold;
    feed_hold(supabase, HOLD_WEBHOOKS, hold);
    supabase->table->timer_cancel(supabase->host, webhooks->stall);
    webhooks->stall =
        hold && stall ? supabase->table->timer(supabase->host, stall, on_stall, webhooks) : NULL;
    if (hold && stall && !webhooks->stall)
        on_stall(webhooks);
}

static void on_moved(void *data) {
    look(data);
}

static void note_log_end(struct webhooks *webhooks, uint64_t lsn) {
    if (lsn > webhooks->log_end)
        webhooks->log_end = lsn;
}

static void park_laggards(struct webhooks *webhooks) {
    uint64_t lag = (uint64_t)options_of(webhooks)->webhook_lag, end = webhooks->log_end;
    for (size_t i = 0; lag && i < webhooks->endpoint_count; i++) {
        uint64_t position = endpoint_position(webhooks->endpoints[i]);
        if (position && end > position && end - position > lag)
            endpoint_park(webhooks->endpoints[i], "it is further behind than webhook_lag");
    }
}

/* ---- Bodies ---- */

static void begin_part(struct webhooks *webhooks) {
    if (webhooks->body.capacity > KEPT)
        sgr_text_free(&webhooks->body);
    sgr_text_clear(&webhooks->body);
    memset(webhooks->matched, 0, webhooks->config.count * sizeof(*webhooks->matched));
    webhooks->begins_at = webhooks->changes;
}

static void begin_transaction(struct webhooks *webhooks) {
    webhooks->changes = 0;
    webhooks->parts = 0;
    begin_part(webhooks);
}

/* Of a POST, the same whenever it is made again, also by another process. In order of the log. A part is named by both its ends, as another
 * process may cut transactions elsewhere. */
static void write_id(const struct webhooks *webhooks, const struct sgr_transaction *transaction,
                     const struct webhook *webhook, struct post *post) {
    const uint64_t what[] = {webhook->identity, transaction->xid,
                             (uint64_t)transaction->commit_time, webhooks->begins_at,
                             webhooks->changes};
    snprintf(post->id, sizeof(post->id), "%016llx-%016llx",
             (unsigned long long)transaction->commit_lsn,
             (unsigned long long)XXH3_64bits(what, sizeof(what)));
}

/* `more`: it is not the transaction's last. */
static void finish_part(struct webhooks *webhooks, const struct sgr_transaction *transaction,
                        bool more) {
    struct supabase *supabase = webhooks->supabase;
    struct sgr_text *body = &webhooks->body;
    sgr_text_puts(body, "],\"commit_timestamp\":\"");
    sgr_text_slice(body, payload_time(&supabase->time, transaction->commit_time));
    sgr_text_puts(body, "\"}");
    struct post post = {.lsn = transaction->commit_lsn, .log_end = webhooks->log_end};
    if (more || webhooks->parts)
        post.part = ++webhooks->parts;
    for (size_t i = 0; i < webhooks->config.count; i++) {
        if (!webhooks->matched[i])
            continue;
        if (!post.body && !body->failed) {
            post.body = supabase->table->bytes_new(body->data, body->size);
            post.commit = current_commit(webhooks);
        }
        write_id(webhooks, transaction, &webhooks->config.items[i], &post);
        if (post.body && post.commit)
            endpoint_push(webhooks->to[i], &post);
        else
            endpoint_left_out(webhooks->to[i], post.lsn, "out of memory");
    }
    supabase->table->bytes_unref(post.body);
    begin_part(webhooks);
}

/* Where a part ends depends on its changes alone, so that ids are the same each time. */
static void add_change(struct webhooks *webhooks, const struct sgr_transaction *transaction,
                       const struct sgr_change *change) {
    struct supabase *supabase = webhooks->supabase;
    struct sgr_text *body = &webhooks->body;
    if (body->size >= (size_t)options_of(webhooks)->webhook_body)
        finish_part(webhooks, transaction, true);
    sgr_text_puts(body, webhooks->changes++ == webhooks->begins_at ? "{\"changes\":[" : ",");
    const struct table *table = topics_table(&supabase->topics, change->relation);
    if (table)
        payload_v0(body, table, change, true,
                   payload_time(&supabase->time, transaction->commit_time));
    else
        body->failed = true;
    for (size_t i = 0; i < webhooks->config.count; i++)
        webhooks->matched[i] =
            webhooks->matched[i] || webhook_matches(&webhooks->config.items[i], change);
}

static bool concerns_anybody(const struct webhooks *webhooks,
                             const struct sgr_stream_batch *batch) {
    for (size_t k = 0; k < batch->count; k++)
        for (size_t i = 0; i < webhooks->config.count; i++)
            if (webhook_matches(&webhooks->config.items[i], &batch->changes[k]))
                return true;
    return false;
}

void webhooks_changes(struct webhooks *webhooks, const struct sgr_stream_batch *batch) {
    const struct sgr_transaction *transaction = &batch->transaction;
    bool whole = batch->first && batch->last;
    note_log_end(webhooks, transaction->commit_lsn);
    if (batch->first)
        begin_transaction(webhooks);
    if (!whole || concerns_anybody(webhooks, batch))
        for (size_t i = 0; i < batch->count; i++)
            add_change(webhooks, transaction, &batch->changes[i]);
    if (batch->last) {
        if (webhooks->changes > webhooks->begins_at)
            finish_part(webhooks, transaction, false);
        end_transaction(webhooks, transaction->end_lsn);
        park_laggards(webhooks);
    }
    look(webhooks);
}

void webhooks_position(struct webhooks *webhooks, uint64_t lsn) {
    note_log_end(webhooks, lsn);
    park_laggards(webhooks);
    look(webhooks);
}

/* What is listed by now will acknowledge nothing. */
static void forget_positions(struct webhooks *webhooks) {
    for (struct commit *commit = webhooks->first; commit; commit = commit->next)
        commit->lsn = 0;
    close_current(webhooks);
}

/* A transaction in the midst of it stays unfinished; POSTs are made all the same. */
void webhooks_gap(struct webhooks *webhooks, uint64_t lsn) {
    forget_positions(webhooks);
    for (size_t i = 0; i < webhooks->endpoint_count; i++)
        endpoint_rebase(webhooks->endpoints[i], lsn);
    webhooks->log_end = 0;
    begin_transaction(webhooks);
    look(webhooks);
}

/* ---- Life ---- */

static struct endpoint *endpoint_of(struct webhooks *webhooks, const char *url) {
    for (size_t i = 0; i < webhooks->endpoint_count; i++)
        if (strcmp(endpoint_url(webhooks->endpoints[i]), url) == 0)
            return webhooks->endpoints[i];
    struct endpoint *endpoint = endpoint_new(&webhooks->all, url);
    if (endpoint)
        webhooks->endpoints[webhooks->endpoint_count++] = endpoint;
    return endpoint;
}

static int open_endpoints(struct webhooks *webhooks, struct sgr_error *error) {
    const struct sgr_host_common *common = &webhooks->supabase->table->common;
    void *host = webhooks->supabase->host;
    size_t count = webhooks->config.count;
    webhooks->endpoints = common->allocate(host, count * sizeof(*webhooks->endpoints));
    webhooks->to = common->allocate(host, count * sizeof(*webhooks->to));
    webhooks->matched = common->allocate(host, count * sizeof(*webhooks->matched));
    bool ok = webhooks->endpoints && webhooks->to && webhooks->matched;
    for (size_t i = 0; i < count && ok; i++) {
        webhooks->to[i] = endpoint_of(webhooks, webhooks->config.items[i].endpoint);
        ok = webhooks->to[i] != NULL;
    }
    return ok ? SGR_OK : sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static void fill(struct webhooks *webhooks, struct supabase *supabase) {
    const struct sgr_host_common *common = &supabase->table->common;
    const struct supabase_options *own = supabase->options;
    uint64_t chance = 0;
    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
        chance = (uintptr_t)webhooks; /* early at boot */
    webhooks->supabase = supabase;
    webhooks->body = sgr_text_new(common, supabase->host);
    webhooks->all = (struct endpoints){.table = supabase->table,
                                       .host = supabase->host,
                                       .headers = webhooks->config.headers.data,
                                       .ca_file = own->webhook_ca_file,
                                       .timeout = own->webhook_timeout,
                                       .patience = own->webhook_patience,
                                       .rest = own->webhook_stall,
                                       .scratch = sgr_text_new(common, supabase->host),
                                       .chance = chance | 1,
                                       .done = on_done,
                                       .moved = on_moved,
                                       .data = webhooks};
}

static int open_webhooks(struct supabase *supabase, struct webhook_config *takes,
                         struct sgr_error *error) {
    struct webhooks *webhooks = supabase->table->common.allocate(supabase->host, sizeof(*webhooks));
    if (!webhooks) {
        webhook_config_free(takes);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    webhooks->config = *takes;
    fill(webhooks, supabase);
    supabase->webhooks = webhooks;
    return open_endpoints(webhooks, error);
}

int webhooks_open(struct supabase *supabase, struct sgr_error *error) {
    const struct supabase_options *own = supabase->options;
    const struct sgr_sink_host *table = supabase->table;
    struct webhook_config config;
    int code = webhook_config_read(&config, &table->common, supabase->host, own->webhooks,
                                   own->webhook_headers, own->configuration_file, error);
    if (code)
        return code;
    if (!config.count) {
        webhook_config_free(&config);
        return SGR_OK;
    }
    if (table->common.size > offsetof(struct sgr_sink_host, client) && table->client)
        return open_webhooks(supabase, &config, error);
    webhook_config_free(&config);
    return sgr_error_set(error, SGR_EABI, "this server makes no requests for sinks");
}

void webhooks_free(struct webhooks *webhooks) {
    if (!webhooks)
        return;
    struct supabase *supabase = webhooks->supabase;
    const struct sgr_host_common *common = &supabase->table->common;
    supabase->table->timer_cancel(supabase->host, webhooks->stall);
    forget_positions(webhooks);
    for (size_t i = 0; i < webhooks->endpoint_count; i++)
        endpoint_free(webhooks->endpoints[i]);
    common->release(supabase->host, webhooks->endpoints);
    common->release(supabase->host, webhooks->to);
    common->release(supabase->host, webhooks->matched);
    sgr_text_free(&webhooks->body);
    sgr_text_free(&webhooks->all.scratch);
    webhook_config_free(&webhooks->config);
    common->release(supabase->host, webhooks);
}
