#include "rules.h"

#include "configuration.h"

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

unsigned rules_event_named(const char *name) {
    for (size_t i = 0; i < EVENT_COUNT; i++)
        if (strcmp(events[i].name, name) == 0)
            return events[i].event;
    return 0;
}

/* ---- Reading ---- */

static int bad(const struct configuration *from, struct sgr_error *error, size_t i,
               const char *what) {
    char path[48];
    snprintf(path, sizeof(path), "realtime[%zu]", i);
    return configuration_error(from, error, path,
                               "%s; a rule is {\"relation\": \"public:users\", \"events\": "
                               "[\"INSERT\", …]}",
                               what);
}

static int read_event(const json_t *name, struct rule *rule) {
    unsigned event = json_is_string(name) ? rules_event_named(json_string_value(name)) : 0;
    rule->events |= event;
    return event ? SGR_OK : SGR_ECONFIG;
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

static int read_rule(struct rules *rules, const struct configuration *file, const json_t *from,
                     size_t i, struct sgr_error *error) {
    const json_t *relation = json_object_get(from, "relation");
    const json_t *list = json_object_get(from, "events");
    struct rule *rule = &rules->items[rules->count++];
    if (!json_is_string(relation) || !*json_string_value(relation))
        return bad(file, error, i, "\"relation\" is no text");
    if (!json_is_array(list))
        return bad(file, error, i, "\"events\" is no list");
    for (size_t k = 0; k < json_array_size(list); k++)
        if (read_event(json_array_get(list, k), rule))
            return bad(file, error, i, "an event is none of INSERT, UPDATE, DELETE, TRUNCATE, *");
    if (read_relation(rules, json_string_value(relation), rule))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    return SGR_OK;
}

/* A file without "realtime" feeds nothing, as it always meant. */
static int read_list(struct rules *rules, const struct configuration *from,
                     struct sgr_error *error) {
    const json_t *list = json_object_get(from->document, "realtime");
    size_t count = json_array_size(list);
    rules->all = false;
    if (list && !json_is_array(list))
        return configuration_error(from, error, "realtime", "expected a list of rules");
    rules->items = rules->common->allocate(rules->host, (count + 1) * sizeof(*rules->items));
    if (!rules->items)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    int code = SGR_OK;
    for (size_t i = 0; i < count && !code; i++)
        code = read_rule(rules, from, json_array_get(list, i), i, error);
    return code;
}

static int read_from(struct rules *rules, const char *list, const char *file,
                     struct sgr_error *error) {
    struct configuration from;
    int code = file ? configuration_read_file(&from, file, error)
                    : configuration_read_option(&from, "realtime", list, error);
    if (code)
        return code;
    code = read_list(rules, &from, error);
    configuration_free(&from);
    return code;
}

int rules_read(struct rules *ret, const struct sgr_host_common *common, void *host,
               const char *list, const char *file, struct sgr_error *error) {
    *ret = (struct rules){.common = common, .host = host, .all = true};
    int code = SGR_OK;
    file = file && *file ? file : NULL;
    if (list && file)
        code = sgr_error_set(error, SGR_ECONFIG,
                             "realtime: what is fed is said twice, here and by "
                             "\"configuration_file\"");
    else if (list || file)
        code = read_from(ret, list, file, error);
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
