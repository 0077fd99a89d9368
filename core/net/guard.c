/* Guards: subscriptions to views that ask for a token. A guard keeps what was asked for, adds the claims to its parameters before the engine is
 * asked, and ends or asks anew when the token expires or another one comes.
 *
 * A subscription is told of a refusal from the loop, so it stands on the server's list of refused ones until then. */
#define _GNU_SOURCE
#include "net/internal.h"

#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "row/type.h"

static const struct sgr_verdict no_token = {
    .status = 401, .code = "unauthorized", .message = "this view asks for a token"};
static const struct sgr_verdict expired = {
    .status = 401, .code = "token_expired", .message = "the token has expired"};
static const struct sgr_verdict by_others = {
    .status = 401,
    .code = "invalid_token",
    .message = "this view takes tokens by the config's own auth, and this one was not judged by "
               "that"};
static const struct sgr_verdict no_memory = {
    .status = 503, .code = "out_of_memory", .message = "out of memory"};

/* ---- Which views ---- */

int sgr__access_fill(struct sgr_server *server) {
    const struct sgr_plan_server *options = &server->options;
    server->access = sgr_map_new();
    if (!server->access)
        return SGR_ENOMEM;
    for (size_t i = 0; i < options->access_count; i++)
        if (sgr_map_put(server->access, sgr_slice(options->access[i].view),
                        (void *)(uintptr_t)&options->access[i], NULL))
            return SGR_ENOMEM;
    return SGR_OK;
}

const struct sgr_plan_access *sgr__access_find(const struct sgr_server *server,
                                               struct sgr_slice view) {
    return server->options.access_count ? sgr_map_get(server->access, view) : NULL;
}

/* ---- Refusing ---- */

static void refuse(struct sgr__guard *guard, const struct sgr_verdict *why) {
    struct sgr_server *server = sgr__subscription_server(guard->subscription);
    guard->refusal = *why;
    guard->refusal.claims = NULL;
    ev_periodic_stop(server->loop, &guard->expiry);
    guard->subscription->live = false; /* no commits any more */
    sgr_list_remove(&guard->waiting);
    sgr_list_append(&server->refused, &guard->waiting);
    ev_async_send(server->loop, &server->wake);
}

__attribute__((format(printf, 4, 5))) static int
refuse_for(struct sgr__guard *guard, int status, const char *code, const char *format, ...) {
    struct sgr_verdict why = {.status = status, .code = code};
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    free(guard->text);
    guard->text = text;
    why.message = text ? text : code;
    refuse(guard, &why);
    return SGR_EINVAL;
}

void sgr__refusals_tell(struct sgr_server *server) {
    while (!sgr_list_empty(&server->refused)) {
        struct sgr__guard *guard = SGR_CONTAINER(server->refused.next, struct sgr__guard, waiting);
        struct sgr_subscription *subscription = guard->subscription;
        sgr_list_remove(&guard->waiting);
        sgr__subscription_tell_error(subscription, guard->refusal.status, guard->refusal.code,
                                     guard->refusal.message);
    }
}

/* ---- Copies ---- */

static struct sgr_slice put(char **place, struct sgr_slice text) {
    char *copy = *place;
    if (!text.data)
        return text;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *place += text.size + 1;
    return (struct sgr_slice){copy, text.size};
}

static size_t wish_size(const struct sgr_subscribe *what) {
    size_t size = what->view.size + (what->codec ? strlen(what->codec) : 0) + what->cursor.size + 3;
    for (size_t i = 0; i < what->parameter_count; i++)
        size += sizeof(*what->parameters) + what->parameters[i].name.size +
                what->parameters[i].value.size + 2;
    return size;
}

static int keep_wish(struct sgr__guard *guard, const struct sgr_subscribe *what) {
    size_t count = what->parameter_count;
    struct sgr_parameter_text *parameters = malloc(wish_size(what));
    char *place = (char *)(parameters + count);
    if (!parameters)
        return SGR_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        parameters[i].name = put(&place, what->parameters[i].name);
        parameters[i].value = put(&place, what->parameters[i].value);
    }
    guard->wish = parameters;
    guard->what = (struct sgr_subscribe){.view = put(&place, what->view),
                                         .parameters = parameters,
                                         .parameter_count = count,
                                         .codec = put(&place, sgr_slice(what->codec)).data,
                                         .cursor = put(&place, what->cursor),
                                         .by_revision = what->by_revision,
                                         .have_revision = what->have_revision,
                                         .revision = what->revision};
    return SGR_OK;
}

/* ---- Claims as parameters ---- */

static bool given(const struct sgr_subscribe *what, const char *name) {
    for (size_t i = 0; i < what->parameter_count; i++)
        if (sgr_slice_is(what->parameters[i].name, name))
            return true;
    return false;
}

/* The claim's text, of the parameter's type; kept in the arena. */
static int read_claim(struct sgr__guard *guard, const struct sgr_claims *claims,
                      const struct sgr_plan_claim *wanted, struct sgr_arena *arena,
                      struct sgr_slice *ret) {
    const struct sgr_column *column = wanted->column;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    struct sgr_value value;
    if (!sgr_claims_text(claims, wanted->path, &text)) {
        sgr_buffer_fini(&text);
        return refuse_for(guard, 403, "bad_claim", "the token has no usable claim %s, which is %s",
                          wanted->path, column->name);
    }
    const char *copy = sgr_arena_copy(
        arena, (struct sgr_slice){text.data ? text.data : "", text.failed ? 0 : text.size});
    bool failed = text.failed || !copy;
    *ret = (struct sgr_slice){copy, text.size};
    sgr_buffer_fini(&text);
    if (failed) {
        refuse(guard, &no_memory);
        return SGR_ENOMEM;
    }
    if (sgr_value_parse_kept(column->type, column->element, *ret, arena, &value, NULL))
        return refuse_for(guard, 403, "bad_claim", "the token's claim %s is no %s", wanted->path,
                          column->type_name);
    return SGR_OK;
}

/* One for each claim of the view. */
static int read_claims(struct sgr__guard *guard, const struct sgr_claims *claims,
                       struct sgr_arena *arena, struct sgr_slice *values) {
    const struct sgr_plan_access *access = guard->access;
    int code = SGR_OK;
    for (size_t i = 0; !code && i < access->claim_count; i++) {
        const struct sgr_plan_claim *wanted = &access->claims[i];
        if (given(&guard->what, wanted->column->name))
            code = refuse_for(guard, 400, "bad_parameter",
                              "parameter %s comes from the token and can't be given",
                              wanted->column->name);
        else
            code = read_claim(guard, claims, wanted, arena, &values[i]);
    }
    return code;
}

static bool same_values(const struct sgr__guard *guard, const struct sgr_slice *values) {
    for (size_t i = 0; i < guard->access->claim_count; i++)
        if (!sgr_slice_equal(guard->values[i], values[i]))
            return false;
    return true;
}

/* In a block of their own, as there may be many guards; NULL: no memory. */
static struct sgr_slice *copy_values(const struct sgr_slice *values, size_t count) {
    size_t size = count * sizeof(*values) + 1;
    for (size_t i = 0; i < count; i++)
        size += values[i].size + 1;
    struct sgr_slice *copies = malloc(size);
    char *place = (char *)(copies + count);
    for (size_t i = 0; copies && i < count; i++)
        copies[i] = put(&place, values[i]);
    return copies;
}

uint64_t sgr__guard_hash(const struct sgr__guard *guard) {
    uint64_t hash = guard->access->claim_count;
    for (size_t i = 0; i < guard->access->claim_count; i++)
        hash = sgr_hash_mix(hash, sgr_hash_bytes(guard->values[i].data, guard->values[i].size));
    return hash;
}

/* ---- Asking the engine ---- */

static void ask(struct sgr__guard *guard) {
    size_t own = guard->what.parameter_count, more = guard->access->claim_count;
    struct sgr_parameter_text *all = calloc(own + more + 1, sizeof(*all));
    if (!all) {
        refuse(guard, &no_memory);
        return;
    }
    memcpy(all, guard->what.parameters, own * sizeof(*all));
    for (size_t i = 0; i < more; i++)
        all[own + i] = (struct sgr_parameter_text){
            .name = sgr_slice(guard->access->claims[i].column->name), .value = guard->values[i]};
    struct sgr_subscribe what = guard->what;
    what.parameters = all;
    what.parameter_count = own + more;
    if (sgr__subscription_ask(guard->subscription, &what))
        refuse(guard, &no_memory);
    free(all);
}

static void forget_past(struct sgr__guard *guard) {
    guard->what.cursor = (struct sgr_slice){NULL, 0};
    guard->what.have_revision = false;
}

/* A past that was told under other claims is none. A revision does not say whose it was. */
static void ask_first(struct sgr__guard *guard) {
    guard->reset = guard->what.cursor.size && !sgr__stamp_fits(guard, guard->what.cursor);
    if (guard->reset)
        forget_past(guard);
    if (guard->access->claim_count)
        guard->what.have_revision = false;
    ask(guard);
}

static void ask_again(struct sgr__guard *guard) {
    guard->again = false;
    guard->reset |= guard->told;
    forget_past(guard);
    if (sgr__subscription_rename(guard->subscription))
        refuse(guard, &no_memory);
    else
        ask(guard);
}

/* ---- Time ---- */

static void on_expiry(struct ev_loop *loop, ev_periodic *watcher, int events) {
    struct sgr__guard *guard = watcher->data;
    (void)loop;
    (void)events;
    refuse(guard, &expired);
}

static bool is_over(const struct sgr_claims *claims) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return sgr_claims_expiry(claims) <= (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void watch_expiry(struct sgr__guard *guard) {
    struct ev_loop *loop = sgr__subscription_server(guard->subscription)->loop;
    int64_t at = sgr_claims_expiry(guard->claims);
    ev_periodic_stop(loop, &guard->expiry);
    if (at == INT64_MAX || guard->subscription->once)
        return;
    ev_periodic_set(&guard->expiry, (double)at / 1e6, 0, NULL);
    ev_periodic_start(loop, &guard->expiry);
    sgr__rouse(sgr__subscription_server(guard->subscription));
}

/* ---- Entering and renewing ---- */

static bool refused_already(const struct sgr__guard *guard) {
    return guard->refusal.status != 0;
}

/* NULL: it is refused. */
static struct sgr_slice *values_of(struct sgr__guard *guard, struct sgr_claims *claims) {
    size_t count = guard->access->claim_count;
    struct sgr_arena *arena = sgr_arena_new();
    struct sgr_slice *read = arena ? sgr_arena_alloc(arena, (count + 1) * sizeof(*read)) : NULL;
    struct sgr_slice *values = NULL;
    if (!read)
        refuse(guard, &no_memory);
    else if (is_over(claims))
        refuse(guard, &expired);
    else if (!read_claims(guard, claims, arena, read) && !(values = copy_values(read, count)))
        refuse(guard, &no_memory);
    sgr_arena_free(arena);
    return values;
}

/* Puts the claims in force; true if the engine has to be asked with other values. */
static bool put_in_force(struct sgr__guard *guard, struct sgr_claims *claims) {
    struct sgr_slice *values = values_of(guard, claims);
    if (!values)
        return false;
    bool same = guard->claims && same_values(guard, values);
    free(guard->values);
    guard->values = values;
    sgr_claims_ref(claims);
    sgr_claims_unref(guard->claims);
    guard->claims = claims;
    if (guard->told)
        sgr__guard_restamp(guard);
    watch_expiry(guard);
    return !same;
}

static void enter(struct sgr__guard *guard, struct sgr_claims *claims,
                  const struct sgr_verdict *why) {
    struct sgr_subscription *subscription = guard->subscription;
    bool begun = guard->claims != NULL;
    if (subscription->ended || refused_already(guard))
        return;
    if (!claims)
        refuse(guard, why && why->status ? why : &no_token);
    else if (!put_in_force(guard, claims))
        return;
    else if (!begun)
        ask_first(guard);
    else if (subscription->asked && !subscription->answered)
        guard->again =
            true; /* one question at a time, or a client could have us ask without bound */
    else
        ask_again(guard);
}

void sgr__guard_enter(struct sgr__guard *guard, const struct sgr__identity *identity) {
    enter(guard, identity ? identity->claims : NULL, identity ? &identity->refusal : NULL);
}

void sgr__guard_begin(struct sgr__guard *guard, struct sgr__identity *identity) {
    if (identity && !sgr__identity_known(identity))
        sgr_list_append(&identity->held, &guard->waiting);
    else
        sgr__guard_enter(guard, identity);
}

void sgr__guards_renew(struct sgr_connection *connection) {
    SGR_LIST_EACH(link, &connection->subscriptions) {
        struct sgr__guard *guard = SGR_CONTAINER(link, struct sgr_subscription, in_owner)->guard;
        if (guard && !guard->own && guard->claims)
            enter(guard, connection->identity->claims, &no_token);
    }
}

/* The config's rules are what a view asks for: a sink may have other keys and rules, for what it shows by itself. */
void sgr__guard_own(struct sgr__guard *guard, struct sgr_claims *claims) {
    const struct sgr_server *server = sgr__subscription_server(guard->subscription);
    guard->own = true;
    if (claims && !sgr_claims_are_by(claims, server->verifier))
        enter(guard, NULL, &by_others);
    else
        enter(guard, claims, &no_token);
}

/* ---- Answers ---- */

bool sgr__guard_answer(struct sgr__guard *guard, struct sgr_state *state, char etag[SGR__ETAG]) {
    if (refused_already(guard))
        return false; /* it ended for us while the engine answered */
    if (guard->again) {
        ask_again(guard);
        return false;
    }
    if (guard->reset && state->answer == SGR_ANSWER_SNAPSHOT) {
        state->answer = SGR_ANSWER_RESET;
        state->reason = "claims";
    }
    guard->reset = false;
    guard->told = true;
    if (state->answer != SGR_ANSWER_ERROR)
        sgr__guard_stamp(guard);
    /* Two clients may have two documents at one address. */
    if (state->etag.size && state->etag.size < SGR__ETAG - 20 && guard->access->claim_count) {
        int size = snprintf(etag, SGR__ETAG, "%.*s-%016llx", SGR_SLICE_ARGS(state->etag),
                            (unsigned long long)sgr__guard_hash(guard));
        state->etag = (struct sgr_slice){etag, (size_t)size};
    }
    return true;
}

/* ---- Life ---- */

struct sgr__guard *sgr__guard_new(struct sgr_subscription *subscription,
                                  const struct sgr_plan_access *access,
                                  const struct sgr_subscribe *what) {
    struct sgr__guard *guard = calloc(1, sizeof(*guard));
    if (!guard)
        return NULL;
    guard->subscription = subscription;
    guard->access = access;
    sgr_list_init(&guard->waiting);
    ev_init(&guard->expiry, on_expiry);
    guard->expiry.data = guard;
    if (keep_wish(guard, what)) {
        sgr__guard_free(guard);
        return NULL;
    }
    return guard;
}

void sgr__guard_stop(struct sgr__guard *guard) {
    ev_periodic_stop(sgr__subscription_server(guard->subscription)->loop, &guard->expiry);
    sgr_list_remove(&guard->waiting);
}

void sgr__guard_free(struct sgr__guard *guard) {
    if (!guard)
        return;
    sgr__guard_stop(guard);
    sgr_claims_unref(guard->claims);
    free(guard->values);
    free(guard->wish);
    free(guard->text);
    free(guard);
}
