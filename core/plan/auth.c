/* `auth:` — with what tokens are verified, and what views ask of them. Keys are only declared here; core/auth reads them. */
#include <stdlib.h>

#include "base/claim_path.h"
#include "base/slice.h"
#include "plan/internal.h"

struct auth_options {
    struct sgr_strings issuer, audience;
    const char *claims, *query, *cookie, *type;
    int64_t leeway;
    bool required, without_expiry;
};

struct key_options {
    const char *secret, *secret_file, *pem, *file, *jwks, *kid, *encoding;
    struct sgr_strings algorithm;
    int64_t refresh;
};

#define AT(field, type)     SGR_OPTION_AT(struct auth_options, field, type)
#define KEY_AT(field, type) SGR_OPTION_AT(struct key_options, field, type)
#define SECOND              INT64_C(1000000)

static const struct sgr_option auth_table[] = {
    {.name = "issuer",
     .type = SGR_OPTION_STRINGS,
     .offset = AT(issuer, struct sgr_strings),
     .help = "a token's iss is one of these"},
    {.name = "audience",
     .type = SGR_OPTION_STRINGS,
     .offset = AT(audience, struct sgr_strings),
     .help = "one of these is in a token's aud"},
    {.name = "claims",
     .type = SGR_OPTION_JSON,
     .offset = AT(claims, const char *),
     .help = "names and values that a token has equally"},
    {.name = "leeway",
     .type = SGR_OPTION_DURATION,
     .offset = AT(leeway, int64_t),
     .fallback = "30s",
     .maximum = 600 * SECOND,
     .help = "what clocks may differ"},
    {.name = "required",
     .type = SGR_OPTION_BOOL,
     .offset = AT(required, bool),
     .fallback = "false",
     .help = "every view asks for a token that does not say auth: none"},
    {.name = "without_expiry",
     .type = SGR_OPTION_BOOL,
     .offset = AT(without_expiry, bool),
     .fallback = "false",
     .help = "take tokens that have no exp"},
    {.name = "type",
     .type = SGR_OPTION_STRING,
     .offset = AT(type, const char *),
     .help = "what a token's header has as typ; default: none, JWT or at+jwt"},
    {.name = "query",
     .type = SGR_OPTION_STRING,
     .offset = AT(query, const char *),
     .help = "a parameter of the address that may hold the token, for EventSource and WebSocket"},
    {.name = "cookie",
     .type = SGR_OPTION_STRING,
     .offset = AT(cookie, const char *),
     .help = "a cookie that may hold the token"},
    {0},
};

static const struct sgr_option key_table[] = {
    {.name = "secret",
     .type = SGR_OPTION_STRING,
     .offset = KEY_AT(secret, const char *),
     .flags = SGR_OPTION_SECRET,
     .help = "what is shared with the issuer, at least 32 bytes"},
    {.name = "secret_file",
     .type = SGR_OPTION_STRING,
     .offset = KEY_AT(secret_file, const char *),
     .help = "a file that holds the secret; line ends at its end do not count"},
    {.name = "pem",
     .type = SGR_OPTION_STRING,
     .offset = KEY_AT(pem, const char *),
     .help = "a public key or certificate, -----BEGIN …"},
    {.name = "file",
     .type = SGR_OPTION_STRING,
     .offset = KEY_AT(file, const char *),
     .help = "a file that holds the PEM"},
    {.name = "jwks",
     .type = SGR_OPTION_STRING,
     .offset = KEY_AT(jwks, const char *),
     .help = "a set of keys: https://… or a file"},
    {.name = "algorithm",
     .type = SGR_OPTION_STRINGS,
     .offset = KEY_AT(algorithm, struct sgr_strings),
     .help =
         "what the key is for; default HS256, RS256, by the curve, EdDSA, or what the set says"},
    {.name = "kid",
     .type = SGR_OPTION_STRING,
     .offset = KEY_AT(kid, const char *),
     .help = "only for tokens that name this key, or none"},
    {.name = "encoding",
     .type = SGR_OPTION_CHOICE,
     .offset = KEY_AT(encoding, const char *),
     .fallback = "text",
     .choices = (const char *const[]){"text", "base64", NULL},
     .help = "how the secret is written"},
    {.name = "refresh",
     .type = SGR_OPTION_DURATION,
     .offset = KEY_AT(refresh, int64_t),
     .fallback = "1h",
     .minimum = SECOND,
     .maximum = 30 * 86400 * SECOND,
     .help = "how old a set may be before it is fetched again"},
    {0},
};

static const struct sgr_sink_methods no_methods;

static const struct sgr_plugin auth_settings = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "auth",
    .version = "1",
    .summary = "with what tokens are verified",
    .options = auth_table,
    .options_size = sizeof(struct auth_options),
    .methods_size = sizeof(struct sgr_sink_methods),
    .sink = &no_methods,
};

static const struct sgr_plugin key_settings = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "a key",
    .version = "1",
    .summary = "a key that tokens are verified with",
    .options = key_table,
    .options_size = sizeof(struct key_options),
    .methods_size = sizeof(struct sgr_sink_methods),
    .sink = &no_methods,
};

/* ---- Keys ---- */

/* Exactly one of these says what the key is. */
static int which_key(const struct sgr_document_node *node, const char **ret,
                     struct sgr_error *error) {
    static const char *const names[] = {"secret", "secret_file", "pem", "file", "jwks"};
    *ret = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct sgr_document_node *value = sgr_document_get(node, names[i]);
        if (value && *ret)
            return sgr__plan_error(sgr__place_of(value), error,
                                   "a key is one thing: \"%s\" and \"%s\" can't stand together",
                                   *ret, names[i]);
        if (value)
            *ret = names[i];
    }
    if (*ret)
        return 0;
    return sgr__plan_error(sgr__place_of(node), error,
                           "a key is one of secret, secret_file, pem, file and jwks");
}

/* "HS256 HS512" */
static int join_words(struct sgr_plan *plan, const struct sgr_strings *words, const char **ret,
                      struct sgr_error *error) {
    const char *text = NULL;
    for (size_t i = 0; i < words->count; i++) {
        text = sgr_arena_printf(plan->arena, "%s%s%s", text ? text : "", text ? " " : "",
                                words->items[i]);
        if (!text)
            return sgr__plan_memory(error);
    }
    *ret = text;
    return 0;
}

static int check_kid(const struct sgr_document_node *node, const char *kind,
                     struct sgr_error *error) {
    static const char *const of_sets[] = {"refresh"}, *const of_keys[] = {"kid"};
    bool set = strcmp(kind, "jwks") == 0;
    const struct sgr_document_node *kid = sgr_document_get(node, set ? *of_keys : *of_sets);
    const struct sgr_document_node *encoding = sgr_document_get(node, "encoding");
    if (kid)
        return sgr__plan_error(sgr__place_of(kid), error, "\"%s\" is for %s",
                               set ? *of_keys : *of_sets,
                               set ? "single keys: a set names its own" : "a jwks");
    if (encoding && strncmp(kind, "secret", 6) != 0)
        return sgr__plan_error(sgr__place_of(encoding), error, "\"encoding\" is for secrets");
    return 0;
}

static int read_key(struct sgr_plan *plan, const struct sgr_document_node *node,
                    struct sgr_plan_key *key, struct sgr_error *error) {
    const char *kind;
    struct sgr_options *options;
    int status = sgr__plan_mapping(node, "a key", error);
    if (status == 0)
        status = sgr_options_parse(&key_settings, node, NULL, &options, error);
    if (status != 0)
        return status;
    if (sgr_vector_push(&plan->auth_options, &options)) {
        sgr_options_free(options);
        return sgr__plan_memory(error);
    }
    const struct key_options *from = sgr_options_struct(options);
    status = which_key(node, &kind, error);
    if (status == 0)
        status = check_kid(node, kind, error);
    *key = (struct sgr_plan_key){.place = node,
                                 .secret = from->secret,
                                 .secret_file = from->secret_file,
                                 .pem = from->pem,
                                 .file = from->file,
                                 .jwks = from->jwks,
                                 .kid = from->kid,
                                 .base64 = strcmp(from->encoding, "base64") == 0,
                                 .refresh = from->refresh};
    return status == 0 ? join_words(plan, &from->algorithm, &key->algorithms, error) : status;
}

static int read_keys(struct sgr_plan *plan, const struct sgr_document_node *auth,
                     struct sgr_error *error) {
    const struct sgr_document_node *keys = sgr_document_get(auth, "keys");
    if (!keys || (keys->kind == SGR_DOCUMENT_SCALAR && keys->null))
        return sgr__plan_error(sgr__place_of(keys ? keys : auth), error,
                               "auth has no keys: tokens cannot be verified");
    if (keys->kind != SGR_DOCUMENT_SEQUENCE || !keys->count)
        return sgr__plan_error(sgr__place_of(keys), error,
                               "keys must be a list, such as [{ secret: \"${JWT_SECRET}\" }]");
    struct sgr_plan_key *list = sgr_arena_alloc(plan->arena, keys->count * sizeof(*list));
    if (!list)
        return sgr__plan_memory(error);
    plan->auth.keys = list;
    plan->auth.key_count = keys->count;
    int status = 0;
    for (size_t i = 0; i < keys->count && status == 0; i++)
        status = read_key(plan, keys->items[i], &list[i], error);
    return status;
}

/* ---- Where a token stands ---- */

static int check_word(const struct sgr_document_node *auth, const char *name, const char *text,
                      struct sgr_error *error) {
    static const char *const taken[] = {"codec", "cursor", "time", "revision"};
    if (!text)
        return 0;
    bool good = *text;
    for (const char *at = text; *at && good; at++)
        good = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *at);
    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
        good = good && strcmp(text, taken[i]) != 0;
    if (good)
        return 0;
    return sgr__plan_error(sgr__place_of(sgr_document_get(auth, name)), error,
                           "\"%.80s\" can't be the %s's name: letters, digits, _ and -, and not a "
                           "name of the protocol",
                           text, name);
}

static int check_claims(const struct sgr_document_node *auth, struct sgr_error *error) {
    const struct sgr_document_node *claims = sgr_document_get(auth, "claims");
    return claims ? sgr__plan_mapping(claims, "claims", error) : 0;
}

int sgr__plan_auth(struct sgr_plan *plan, const struct sgr_document_node *auth,
                   struct sgr_error *error) {
    static const char *const beside[] = {"keys", NULL};
    int status = sgr__plan_mapping(auth, "auth", error);
    if (status == 0)
        status = sgr_options_parse(&auth_settings, auth, beside, &plan->auth_settings, error);
    if (status == 0)
        status = check_claims(auth, error);
    if (status == 0)
        status = read_keys(plan, auth, error);
    if (status != 0)
        return status;
    const struct auth_options *from = sgr_options_struct(plan->auth_settings);
    struct sgr_plan_auth *to = &plan->auth;
    to->place = auth;
    to->issuers = from->issuer;
    to->audiences = from->audience;
    to->claims = from->claims;
    to->type = from->type;
    to->query = from->query;
    to->cookie = from->cookie;
    to->leeway = from->leeway;
    to->required = from->required;
    to->without_expiry = from->without_expiry;
    status = check_word(auth, "query", to->query, error);
    return status == 0 ? check_word(auth, "cookie", to->cookie, error) : status;
}

/* ---- Views ---- */

int sgr__plan_claim(struct sgr_plan *plan, const struct sgr_document_node *value, const char **ret,
                    struct sgr_error *error) {
    static const char head[] = "$claims.";
    int status = sgr__plan_scalar(value, "a parameter's value", error);
    if (status != 0)
        return status;
    struct sgr_slice text = value->text, path = {text.data + sizeof(head) - 1, 0};
    if (text.size > sizeof(head) - 1 && memcmp(text.data, head, sizeof(head) - 1) == 0)
        path.size = text.size - (sizeof(head) - 1);
    if (!path.size || !sgr_claim_path_valid(path))
        return sgr__plan_error(sgr__place_of(value), error,
                               "a parameter's value is a claim: write $claims.sub, "
                               "$claims.app_metadata.team or $claims.\"https://example.com/team\"; "
                               "what clients may leave out is its default");
    if (!plan->auth.place)
        return sgr__plan_error(sgr__place_of(value), error,
                               "claims need tokens: the config has no auth: { keys: […] }");
    *ret = sgr_arena_copy(plan->arena, path);
    return *ret ? 0 : sgr__plan_memory(error);
}

static bool has_claims(const struct sgr__plan_view *view) {
    for (size_t i = 0; i < view->parameter_count; i++)
        if (view->claims && view->claims[i])
            return true;
    return false;
}

/* `auth: required` or `none`; without it, what auth.required says, and what claims need. */
int sgr__plan_view_auth(struct sgr_plan *plan, const struct sgr_document_node *node,
                        struct sgr__plan_view *view, struct sgr_error *error) {
    const struct sgr_document_node *auth = sgr_document_get(node, "auth");
    bool none = auth && auth->kind == SGR_DOCUMENT_SCALAR && sgr_slice_is(auth->text, "none");
    bool required =
        auth && auth->kind == SGR_DOCUMENT_SCALAR && sgr_slice_is(auth->text, "required");
    bool claims = has_claims(view);
    view->guarded = required || claims || (plan->auth.required && !none);
    if (auth && !none && !required)
        return sgr__plan_error(sgr__place_of(auth), error, "auth is required or none");
    if (none && claims)
        return sgr__plan_error(sgr__place_of(auth), error,
                               "the view has parameters from claims, so it needs a token");
    if (required && !plan->auth.place)
        return sgr__plan_error(sgr__place_of(auth), error,
                               "the config has no auth: { keys: […] } to verify tokens with");
    if (plan->auth.query && sgr__plan_parameter(view, sgr_slice(plan->auth.query)) >= 0)
        return sgr__plan_error(view->place, error,
                               "the view has a parameter \"%s\", which holds the token (auth, "
                               "query)",
                               plan->auth.query);
    return 0;
}

static int publish_view(struct sgr_plan *plan, const struct sgr__plan_view *view,
                        struct sgr_plan_access *access, struct sgr_error *error) {
    struct sgr_plan_claim *claims =
        sgr_arena_alloc(plan->arena, (view->parameter_count + 1) * sizeof(*claims));
    if (!claims)
        return sgr__plan_memory(error);
    *access = (struct sgr_plan_access){.view = view->path, .claims = claims};
    for (size_t i = 0; i < view->parameter_count; i++)
        if (view->claims && view->claims[i])
            claims[access->claim_count++] = (struct sgr_plan_claim){
                .column = &view->parameters[i].column, .path = view->claims[i]};
    return 0;
}

int sgr__plan_publish_access(struct sgr_plan *plan, struct sgr_error *error) {
    plan->access = sgr_arena_alloc(plan->arena, (plan->view_count + 1) * sizeof(*plan->access));
    if (!plan->access)
        return sgr__plan_memory(error);
    int status = 0;
    for (size_t i = 0; i < plan->view_count && status == 0; i++)
        if (plan->views[i].guarded)
            status =
                publish_view(plan, &plan->views[i], &plan->access[plan->access_count++], error);
    plan->server.auth = plan->auth.place ? &plan->auth : NULL;
    plan->server.access = plan->access;
    plan->server.access_count = plan->access_count;
    return status;
}

void sgr__plan_auth_free(struct sgr_plan *plan) {
    for (size_t i = 0; i < plan->auth_options.count; i++)
        sgr_options_free(*SGR_VECTOR_AT(&plan->auth_options, struct sgr_options *, i));
    sgr_vector_fini(&plan->auth_options);
    sgr_options_free(plan->auth_settings);
}

void sgr__plan_auth_schema(struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"type\":\"object\",\"properties\":{\"keys\":{\"type\":\"array\","
                         "\"minItems\":1,\"items\":");
    sgr_options_schema(&key_settings, out);
    sgr_buffer_puts(out, "},");
    sgr_options_schema_properties(&auth_settings, out);
    sgr_buffer_puts(out, "},\"required\":[\"keys\"],\"additionalProperties\":false}");
}
