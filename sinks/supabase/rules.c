#include "rules.h"

#include <jansson.h>

static const struct {
    const char *name;
    unsigned event;
} events[] = {{"INSERT", EVENT_INSERT},
              {"UPDATE", EVENT_UPDATE},
              {"DELETE", EVENT_DELETE},
              {"TRUNCATE", EVENT_TRUNCATE},
              {"*", EVENTS_ALL}};
enum { EVENT_COUNT = sizeof(events) / sizeof(*events) };

unsigned rules_event_of(enum sgr_change_kind kind) {
    switch (kind) {
    case SGR_INSERT:
        return EVENT_INSERT;
    case SGR_UPDATE:
        return EVENT_UPDATE;
    case SGR_DELETE:
        return EVENT_DELETE;
    case SGR_TRUNCATE:
        return EVENT_TRUNCATE;
    }
    return 0;
}

/* ---- Reading ---- */

static int bad(struct sgr_error *error, size_t i, const char *what) {
    return sgr_error_set(error, SGR_ECONFIG,
                         "rule %zu of \"realtime\": %s; a rule is {\"relation\": \"public:users\", "
                         "\"events\": [\"INSERT\", …]}",
                         i + 1, what);
}

static int read_event(const json_t *name, struct rule *rule) {
    for (size_t i = 0; json_is_string(name) && i < EVENT_COUNT; i++)
        if (strcmp(events[i].name, json_string_value(name)) == 0) {
            rule->events |= events[i].event;
            return SGR_OK;
        }
    return SGR_ECONFIG;
}

static char *keep(struct rules *rules, const char *text, size_t size) {
    char *copy = rules->common->allocate(rules->host, size + 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* The last part may hold colons. */
static int read_relation(struct rules *rules, const char *text, struct rule *rule) {
    for (size_t i = 0; i < 3 && text; i++) {
        const char *colon = i < 2 ? strchr(text, ':') : NULL;
        size_t size = colon ? (size_t)(colon - text) : strlen(text);
        rule->parts[i] = keep(rules, text, size);
        if (!rule->parts[i])
            return SGR_ENOMEM;
        text = colon ? colon + 1 : NULL;
    }
    return SGR_OK;
}

static int read_rule(struct rules *rules, const json_t *from, size_t i, struct sgr_error *error) {
    const json_t *relation = json_object_get(from, "relation");
    const json_t *list = json_object_get(from, "events");
    struct rule *rule = &rules->items[rules->count++];
    if (!json_is_string(relation) || !*json_string_value(relation))
        return bad(error, i, "\"relation\" is no text");
    if (!json_is_array(list))
        return bad(error, i, "\"events\" is no list");
    for (size_t k = 0; k < json_array_size(list); k++)
        if (read_event(json_array_get(list, k), rule))
            return bad(error, i, "an event is none of INSERT, UPDATE, DELETE, TRUNCATE, *");
    if (read_relation(rules, json_string_value(relation), rule))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    return SGR_OK;
}

static int read_list(struct rules *rules, const json_t *list, struct sgr_error *error) {
    if (!json_is_array(list))
        return sgr_error_set(error, SGR_ECONFIG, "\"realtime\" is no list of rules");
    rules->all = false;
    rules->items =
        rules->common->allocate(rules->host, (json_array_size(list) + 1) * sizeof(*rules->items));
    if (!rules->items)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    int code = SGR_OK;
    for (size_t i = 0; i < json_array_size(list) && !code; i++)
        code = read_rule(rules, json_array_get(list, i), i, error);
    return code;
}

/* A file without "realtime" feeds nothing, as it always meant. */
static int read_file(struct rules *rules, const char *file, struct sgr_error *error) {
    json_error_t wrong;
    json_t *document = json_load_file(file, JSON_REJECT_DUPLICATES, &wrong);
    if (!document)
        return sgr_error_set(error, SGR_ECONFIG, "%s:%d:%d: %s", file, wrong.line, wrong.column,
                             wrong.text);
    const json_t *list = json_object_get(document, "realtime");
    const json_t *webhooks = json_object_get(document, "webhooks");
    int code = SGR_OK;
    rules->all = false;
    if (!json_is_object(document))
        code = sgr_error_set(error, SGR_ECONFIG, "%s: no JSON object", file);
    else if (webhooks && (!json_is_array(webhooks) || json_array_size(webhooks)))
        code = sgr_error_set(error, SGR_ECONFIG,
                             "%s: \"webhooks\" are not supported; remove them, for changes would "
                             "silently not be posted",
                             file);
    else if (list)
        code = read_list(rules, list, error);
    json_decref(document);
    return code;
}

static int read_text(struct rules *rules, const char *text, struct sgr_error *error) {
    json_t *list = json_loads(text, JSON_DECODE_ANY, NULL);
    int code = read_list(rules, list, error);
    json_decref(list);
    return code;
}

int rules_read(struct rules *ret, const struct sgr_host_common *common, void *host,
               const char *list, const char *file, struct sgr_error *error) {
    *ret = (struct rules){.common = common, .host = host, .all = true};
    int code = SGR_OK;
    if (list && file)
        code = sgr_error_set(error, SGR_ECONFIG,
                             "what is fed is said twice: by \"realtime\" and by "
                             "\"configuration_file\"");
    else if (list)
        code = read_text(ret, list, error);
    else if (file)
        code = read_file(ret, file, error);
    if (code)
        rules_free(ret);
    return code;
}

void rules_free(struct rules *rules) {
    for (size_t i = 0; i < rules->count; i++)
        for (size_t k = 0; k < 3; k++)
            rules->common->release(rules->host, rules->items[i].parts[k]);
    if (rules->items)
        rules->common->release(rules->host, rules->items);
    rules->items = NULL;
    rules->count = 0;
}

/* ---- Asking ---- */

static bool fits(const char *pattern, const char *name) {
    if (!pattern || !name)
        return !pattern && !name;
    return strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

unsigned rules_events(const struct rules *rules, const char *schema, const char *table,
                      const char *column) {
    unsigned found = rules->all ? EVENTS_ALL : 0;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        if (fits(rule->parts[0], schema) && fits(rule->parts[1], table) &&
            fits(rule->parts[2], column))
            found |= rule->events;
    }
    return found;
}
