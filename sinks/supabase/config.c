#include "config.h"

#include "frame.h"

enum { KEY_LENGTH = 1024 /* bytes */, ENTRIES = 100, COST_OF_TABLES = 10 };

/* Whatever is left out, null or no bool is the default; some clients write bools as texts. */
static bool flag(const json_t *from, const char *name, bool fallback) {
    const json_t *value = json_object_get(from, name);
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return *text == 't';
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

/* What cannot be told for sure must not make a channel public. */
static bool is_no_flag(const json_t *from, const char *name) {
    const json_t *value = json_object_get(from, name);
    return value && !json_is_null(value) && flag(from, name, true) != flag(from, name, false);
}

/* A number is taken as the text that it is written by. */
static json_t *read_key(const json_t *key) {
    if (json_is_string(key))
        return json_string_length(key) ? json_incref((json_t *)key) : NULL;
    char *text = json_is_number(key) ? json_dumps(key, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    json_t *named = text ? json_string(text) : NULL;
    free(text);
    return named;
}

static bool names_all(const json_t *entry, const char *name) {
    const char *text = json_string_value(json_object_get(entry, name));
    return text && strcmp(text, "*") == 0;
}

/* It is worked out for each table that it names. */
static size_t cost_of(const json_t *entry) {
    bool one = json_is_string(json_object_get(entry, "table")) && !names_all(entry, "table") &&
               !names_all(entry, "schema");
    return one ? 1 : COST_OF_TABLES;
}

static const char *read_changes(struct config *config, const json_t *list) {
    if (!list || json_is_null(list))
        return NULL;
    if (!json_is_array(list))
        return "InvalidJoinPayload: \"postgres_changes\" is no list";
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_object(json_array_get(list, i)))
            return "InvalidJoinPayload: an entry of \"postgres_changes\" is no object";
    if (json_array_size(list) > ENTRIES)
        return "InvalidJoinPayload: there are more than 100 \"postgres_changes\"";
    if (!json_array_size(list))
        return NULL;
    for (size_t i = 0; i < json_array_size(list); i++)
        config->changes_cost += cost_of(json_array_get(list, i));
    config->changes = json_incref((json_t *)list);
    config->changes_size = json_dumpb(list, NULL, 0, JSON_COMPACT);
    return NULL;
}

const char *config_read(struct config *ret, const json_t *from) {
    const json_t *broadcast = json_object_get(from, "broadcast");
    const json_t *presence = json_object_get(from, "presence");
    const json_t *key = json_object_get(presence, "key");
    *ret = (struct config){0};
    const char *wrong = read_changes(ret, json_object_get(from, "postgres_changes"));
    if (wrong)
        return wrong;
    if (is_no_flag(from, "private"))
        wrong = "InvalidJoinPayload: \"private\" is neither true nor false";
    else if (json_string_length(key) > KEY_LENGTH)
        wrong = "InvalidJoinPayload: \"presence.key\" is too long";
    if (wrong) {
        config_free(ret);
        return wrong;
    }
    ret->broadcast_ack = flag(broadcast, "ack", false);
    ret->broadcast_self = flag(broadcast, "self", false);
    ret->presence = flag(presence, "enabled", true);
    ret->private = flag(from, "private", false);
    ret->waits =
        ret->changes && flag(json_object_get(from, "postgres_changes_options"), "wait", false);
    ret->presence_key = read_key(key);
    return NULL;
}

void config_free(struct config *config) {
    json_decref(config->presence_key);
    json_decref(config->changes);
    *config = (struct config){0};
}

static void echo(struct sgr_text *text, const json_t *entry, size_t id) {
    const char *name;
    json_t *value;
    sgr_text_puts(text, "{");
    json_object_foreach((json_t *)entry, name, value) {
        if (strcmp(name, "id") == 0)
            continue;
        sgr_text_json(text, (struct sgr_slice){name, strlen(name)});
        sgr_text_puts(text, ":");
        frame_json(text, value);
        sgr_text_puts(text, ",");
    }
    sgr_text_puts(text, "\"id\":");
    sgr_text_uint(text, id);
    sgr_text_puts(text, "}");
}

void config_echo(struct sgr_text *text, const struct config *config) {
    sgr_text_puts(text, "[");
    for (size_t i = 0; i < json_array_size(config->changes); i++) {
        if (i)
            sgr_text_puts(text, ",");
        echo(text, json_array_get(config->changes, i), i + 1);
    }
    sgr_text_puts(text, "]");
}
