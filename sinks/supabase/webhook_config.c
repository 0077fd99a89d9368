#define XXH_INLINE_ALL
#include "webhook_config.h"

#include <xxhash.h>

#include "configuration.h"
#include "rules.h"

struct reader {
    struct webhook_config *config;
    const struct configuration *from;
    char path[96];
};

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static const char *path_of(struct reader *reader, size_t i, const char *member) {
    snprintf(reader->path, sizeof(reader->path), "webhooks[%zu]%s", i, member);
    return reader->path;
}

static char *keep(const struct webhook_config *config, const char *text, size_t size) {
    char *copy = config->common->allocate(config->host, size + 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* ---- One webhook ---- */

/* "" if it is left out, NULL if it is no text. */
static const char *text_of(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return value ? json_string_value(value) : "";
}

static int check_members(struct reader *reader, const json_t *from, size_t i,
                         struct sgr_error *error) {
    static const char expected[] = "a webhook has event, relation and config: {endpoint}";
    const char *name;
    json_t *value;
    if (!json_is_object(from))
        return configuration_error(reader->from, error, path_of(reader, i, ""), "%s", expected);
    json_object_foreach((json_t *)from, name, value) {
        if (strcmp(name, "event") == 0 || strcmp(name, "relation") == 0 ||
            strcmp(name, "config") == 0)
            continue;
        snprintf(reader->path, sizeof(reader->path), "webhooks[%zu].%.64s", i, name);
        return configuration_error(reader->from, error, reader->path, "%s", expected);
    }
    return SGR_OK;
}

static int read_event(struct reader *reader, const json_t *from, size_t i, struct webhook *webhook,
                      struct sgr_error *error) {
    const char *name = text_of(from, "event");
    webhook->events = name ? rules_event_named(*name ? name : "*") : 0;
    if (webhook->events)
        return SGR_OK;
    return configuration_error(reader->from, error, path_of(reader, i, ".event"),
                               "expected one of INSERT, UPDATE, DELETE, TRUNCATE, *");
}

/* A part of a relation's name. */
static int read_part(const struct webhook_config *config, const char *text, size_t size,
                     char **ret) {
    if (!size || (size == 1 && *text == '*'))
        return SGR_OK;
    *ret = keep(config, text, size);
    return *ret ? SGR_OK : SGR_ENOMEM;
}

static int read_relation(struct reader *reader, const json_t *from, size_t i,
                         struct webhook *webhook, struct sgr_error *error) {
    const char *name = text_of(from, "relation");
    const char *colon = name ? strchr(name, ':') : NULL;
    if (!name || (colon && strchr(colon + 1, ':')))
        return configuration_error(reader->from, error, path_of(reader, i, ".relation"),
                                   "expected SCHEMA:TABLE, SCHEMA or *");
    size_t size = colon ? (size_t)(colon - name) : strlen(name);
    if (read_part(reader->config, name, size, &webhook->schema) ||
        (colon && read_part(reader->config, colon + 1, strlen(colon + 1), &webhook->table)))
        return out_of_memory(error);
    return SGR_OK;
}

static bool is_url(const char *text) {
    bool secure = strncmp(text, "https://", 8) == 0;
    if (!secure && strncmp(text, "http://", 7) != 0)
        return false;
    const char *host = text + (secure ? 8 : 7);
    if (!*host || strchr("/?#:@", *host))
        return false;
    for (; *host; host++)
        if ((unsigned char)*host <= ' ' || *host == 0x7f)
            return false;
    return true;
}

static int read_endpoint(struct reader *reader, const json_t *from, size_t i,
                         struct webhook *webhook, struct sgr_error *error) {
    const json_t *config = json_object_get(from, "config");
    const char *url = text_of(config, "endpoint");
    if (!url || !is_url(url))
        return configuration_error(reader->from, error,
                                   path_of(reader, i, config ? ".config.endpoint" : ""),
                                   "expected config: {endpoint: URL}, with http:// or https://");
    webhook->endpoint = keep(reader->config, url, strlen(url));
    return webhook->endpoint ? SGR_OK : out_of_memory(error);
}

/* The same in every process: receivers know a request by it that they had before. */
static uint64_t identity(const struct webhook *webhook) {
    const char *const texts[] = {webhook->schema ? webhook->schema : "*",
                                 webhook->table ? webhook->table : "*", webhook->endpoint};
    uint64_t hash = webhook->events;
    for (size_t i = 0; i < 3; i++)
        hash = XXH3_64bits_withSeed(texts[i], strlen(texts[i]) + 1, hash);
    return hash;
}

static uint64_t unlike_earlier(const struct webhook_config *config, uint64_t hash) {
    for (size_t i = 0; i + 1 < config->count; i++)
        if (config->items[i].identity == hash) {
            hash = XXH3_64bits_withSeed("again", 5, hash);
            i = SIZE_MAX; /* the new one too must be nobody's */
        }
    return hash;
}

static int read_webhook(struct reader *reader, const json_t *from, size_t i,
                        struct sgr_error *error) {
    struct webhook *webhook = &reader->config->items[reader->config->count++];
    int code = check_members(reader, from, i, error);
    if (!code)
        code = read_event(reader, from, i, webhook, error);
    if (!code)
        code = read_relation(reader, from, i, webhook, error);
    if (!code)
        code = read_endpoint(reader, from, i, webhook, error);
    if (!code)
        webhook->identity = unlike_earlier(reader->config, identity(webhook));
    return code;
}

/* ---- Headers ---- */

/* A token of HTTP's grammar. */
static bool is_name(const char *name) {
    static const char others[] = "!#$%&'*+-.^_`|~";
    const char *at = name;
    for (; *at; at++)
        if (!((*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') ||
              (*at >= 'a' && *at <= 'z') || strchr(others, *at)))
            return false;
    return at > name;
}

/* No line ends, so that none becomes two. */
static bool is_value(const char *value) {
    for (; *value; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

static bool is_ours(const char *name) {
    static const char *const ours[] = {"webhook-id", "webhook-part",      "webhook-missed",
                                       "host",       "content-length",    "connection",
                                       "expect",     "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (strcasecmp(ours[i], name) == 0)
            return true;
    return false;
}

/* Values are secrets: no message has one. */
static int read_header(struct webhook_config *config, const char *name, const json_t *value,
                       struct sgr_error *error) {
    const char *text = json_string_value(value);
    if (!is_name(name))
        return sgr_error_set(error, SGR_ECONFIG, "webhook_headers: a name is no header's name");
    if (is_ours(name))
        return sgr_error_set(error, SGR_ECONFIG, "webhook_headers: %.64s is set by the server",
                             name);
    if (!text || !*text || !is_value(text))
        return sgr_error_set(error, SGR_ECONFIG,
                             "webhook_headers: the value of %.64s is no text of one line", name);
    sgr_text_puts(&config->headers, name);
    sgr_text_puts(&config->headers, ": ");
    sgr_text_puts(&config->headers, text);
    sgr_text_puts(&config->headers, "\r\n");
    return SGR_OK;
}

static int read_headers(struct webhook_config *config, const char *headers,
                        struct sgr_error *error) {
    json_t *object = json_loads(headers ? headers : "{}", JSON_REJECT_DUPLICATES, NULL);
    const char *name;
    json_t *value;
    bool typed = false;
    int code = SGR_OK;
    if (!json_is_object(object))
        code = sgr_error_set(error, SGR_ECONFIG, "webhook_headers: expected { name: value }");
    json_object_foreach(object, name, value) {
        typed = typed || strcasecmp(name, "content-type") == 0;
        code = code ? code : read_header(config, name, value, error);
    }
    json_decref(object);
    if (!typed)
        sgr_text_puts(&config->headers, "content-type: application/json\r\n");
    sgr_text_add(&config->headers, "", 1);
    return code ? code : config->headers.failed ? out_of_memory(error) : SGR_OK;
}

/* ---- All ---- */

static int read_list(struct webhook_config *config, const struct configuration *from,
                     struct sgr_error *error) {
    const json_t *list = json_object_get(from->document, "webhooks");
    struct reader reader = {.config = config, .from = from};
    if (!list)
        return SGR_OK;
    if (!json_is_array(list))
        return configuration_error(from, error, "webhooks", "expected a list");
    size_t count = json_array_size(list);
    config->items = config->common->allocate(config->host, (count + 1) * sizeof(*config->items));
    if (!config->items)
        return out_of_memory(error);
    int code = SGR_OK;
    for (size_t i = 0; i < count && !code; i++)
        code = read_webhook(&reader, json_array_get(list, i), i, error);
    return code;
}

static int read_both(struct webhook_config *config, const char *list, const char *file,
                     struct sgr_error *error) {
    struct configuration from = {0};
    int code = SGR_OK;
    if (file)
        code = configuration_read_file(&from, file, error);
    if (!code && file && list && json_object_get(from.document, "webhooks"))
        code = sgr_error_set(error, SGR_ECONFIG,
                             "webhooks: they are said twice, here and in configuration_file");
    if (!code && list) {
        configuration_free(&from);
        code = configuration_read_option(&from, "webhooks", list, error);
    }
    if (!code && from.document)
        code = read_list(config, &from, error);
    configuration_free(&from);
    return code;
}

int webhook_config_read(struct webhook_config *ret, const struct sgr_host_common *common,
                        void *host, const char *list, const char *headers, const char *file,
                        struct sgr_error *error) {
    *ret = (struct webhook_config){
        .common = common, .host = host, .headers = sgr_text_new(common, host)};
    int code = read_both(ret, list, file && *file ? file : NULL, error);
    if (!code)
        code = read_headers(ret, headers, error);
    if (code)
        webhook_config_free(ret);
    return code;
}

void webhook_config_free(struct webhook_config *config) {
    if (!config->common)
        return;
    for (size_t i = 0; i < config->count; i++) {
        config->common->release(config->host, config->items[i].schema);
        config->common->release(config->host, config->items[i].table);
        config->common->release(config->host, config->items[i].endpoint);
    }
    config->common->release(config->host, config->items);
    sgr_text_free(&config->headers);
    *config = (struct webhook_config){0};
}

bool webhook_matches(const struct webhook *webhook, const struct sgr_change *change) {
    return (webhook->events & rules_event_of(change->kind)) &&
           (!webhook->schema || strcmp(webhook->schema, change->relation->schema) == 0) &&
           (!webhook->table || strcmp(webhook->table, change->relation->table) == 0);
}
