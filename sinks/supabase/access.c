#include "access.h"

#include <jansson.h>

static const char prefix[] = "$claims.";

static int bad(struct sgr_error *error, const char *table, const char *what) {
    return sgr_error_set(error, SGR_ECONFIG,
                         "rows: of %s, %s; a rule is { \"public.todos\": \"user_id = "
                         "$claims.sub\" }, terms are joined by and",
                         table, what);
}

/* ---- Reading ---- */

static bool is_space(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void skip_spaces(char **place) {
    while (is_space(**place))
        ++*place;
}

/* Up to a space or an equals sign; or what stands in double quotes. */
static struct sgr_slice take_word(char **place) {
    skip_spaces(place);
    if (**place == '"') {
        char *start = ++*place, *end = strchr(start, '"');
        *place = end ? end + 1 : start + strlen(start);
        return (struct sgr_slice){start, end ? (size_t)(end - start) : 0};
    }
    char *start = *place;
    while (**place && **place != '=' && !is_space(**place))
        ++*place;
    return (struct sgr_slice){start, (size_t)(*place - start)};
}

static bool take_sign(char **place) {
    skip_spaces(place);
    if (**place != '=')
        return false;
    ++*place;
    return true;
}

/* Its place among the claims; SIZE_MAX: out of memory. */
static size_t claim_number(struct access *access, struct sgr_slice path) {
    for (size_t i = 0; i < access->claim_count; i++)
        if (strlen(access->claims[i]) == path.size &&
            memcmp(access->claims[i], path.data, path.size) == 0)
            return i;
    char **grown = access->table->common.reallocate(access->host, access->claims,
                                                    (access->claim_count + 1) * sizeof(*grown));
    if (!grown)
        return SIZE_MAX;
    access->claims = grown;
    char *copy = access->table->common.allocate(access->host, path.size + 1);
    if (!copy)
        return SIZE_MAX;
    grown[access->claim_count] = memcpy(copy, path.data, path.size);
    return access->claim_count++;
}

static int add_term(struct access *access, struct access_rule *rule, struct sgr_slice column,
                    struct sgr_slice path, struct sgr_error *error) {
    struct access_term *grown = access->table->common.reallocate(
        access->host, rule->terms, (rule->count + 1) * sizeof(*grown));
    if (grown)
        rule->terms = grown;
    size_t claim = grown ? claim_number(access, path) : SIZE_MAX;
    if (claim == SIZE_MAX)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    grown[rule->count++] = (struct access_term){.column = column, .claim = claim};
    return SGR_OK;
}

static bool is_and(struct sgr_slice word) {
    return word.size == 3 && strncasecmp(word.data, "and", 3) == 0;
}

static int read_terms(struct access *access, struct access_rule *rule, const char *table,
                      char *text, struct sgr_error *error) {
    for (bool more = true; more;) {
        struct sgr_slice column = take_word(&text);
        bool sign = take_sign(&text);
        struct sgr_slice claim = take_word(&text);
        size_t size = sizeof(prefix) - 1;
        if (!column.size || !sign || claim.size <= size || memcmp(claim.data, prefix, size) != 0)
            return bad(error, table, "a term is no COLUMN = $claims.PATH");
        int code = add_term(access, rule, column,
                            (struct sgr_slice){claim.data + size, claim.size - size}, error);
        if (code)
            return code;
        skip_spaces(&text);
        more = *text != '\0';
        if (more && !is_and(take_word(&text)))
            return bad(error, table, "terms are not joined by and");
    }
    return SGR_OK;
}

/* Copies both texts to *place. */
static int read_rule(struct access *access, const char *name, const json_t *text, char **place,
                     struct sgr_error *error) {
    struct access_rule *rule = &access->rules[access->count++];
    const char *dot = strchr(name, '.');
    if (!json_is_string(text))
        return bad(error, name, "it is no text");
    char *own_name = *place, *own_text = own_name + strlen(name) + 1;
    strcpy(own_name, name);
    strcpy(own_text, json_string_value(text));
    *place = own_text + strlen(own_text) + 1;
    rule->name = own_name;
    size_t schema = dot ? (size_t)(dot - name) : 0;
    rule->schema = dot ? (struct sgr_slice){own_name, schema} : (struct sgr_slice){"public", 6};
    rule->table.data = dot ? own_name + schema + 1 : own_name;
    rule->table.size = strlen(rule->table.data);
    return read_terms(access, rule, name, own_text, error);
}

static size_t texts_size(json_t *object) {
    size_t size = 0;
    const char *name;
    json_t *text;
    json_object_foreach(object, name, text) {
        const char *value = json_string_value(text);
        size += strlen(name) + (value ? strlen(value) : 0) + 2;
    }
    return size;
}

static int read_rules(struct access *access, json_t *object, struct sgr_error *error) {
    const char *name;
    json_t *text;
    access->text = access->table->common.allocate(access->host, texts_size(object) + 1);
    access->rules = access->table->common.allocate(access->host, (json_object_size(object) + 1) *
                                                                     sizeof(*access->rules));
    if (!access->text || !access->rules)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    char *place = access->text;
    json_object_foreach(object, name, text) {
        int code = read_rule(access, name, text, &place, error);
        if (code)
            return code;
    }
    return SGR_OK;
}

int access_open(struct access *ret, const struct sgr_sink_host *table, void *host, const char *rows,
                struct sgr_error *error) {
    *ret = (struct access){.table = table, .host = host};
    if (!rows)
        return SGR_OK;
    json_t *object = json_loads(rows, JSON_REJECT_DUPLICATES, NULL);
    int code = json_is_object(object)
                   ? read_rules(ret, object, error)
                   : sgr_error_set(error, SGR_ECONFIG,
                                   "rows: expected an object of tables and rules, such as { "
                                   "\"public.todos\": \"user_id = $claims.sub\" }");
    json_decref(object);
    return code;
}

void access_free(struct access *access) {
    if (!access->table)
        return;
    for (size_t i = 0; i < access->claim_count; i++)
        access->table->common.release(access->host, access->claims[i]);
    for (size_t i = 0; i < access->count; i++)
        access->table->common.release(access->host, access->rules[i].terms);
    access->table->common.release(access->host, access->claims);
    access->table->common.release(access->host, access->rules);
    access->table->common.release(access->host, access->text);
}

/* ---- Asking ---- */

static bool same(struct sgr_slice a, struct sgr_slice b) {
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

const struct access_rule *access_find(const struct access *access, struct sgr_slice schema,
                                      struct sgr_slice table) {
    for (size_t i = 0; i < access->count; i++)
        if (same(access->rules[i].schema, schema) && same(access->rules[i].table, table))
            return &access->rules[i];
    return NULL;
}

/* Each claim as its size and its bytes; the size of one that is not there is UINT32_MAX. */
void access_pass(const struct access *access, const struct sgr_claims *claims,
                 struct sgr_text *ret) {
    for (size_t i = 0; i < access->claim_count; i++) {
        struct sgr_bytes *value = claims ? access->table->claim(claims, access->claims[i]) : NULL;
        uint32_t size = value ? value->size : UINT32_MAX;
        sgr_text_add(ret, (const char *)&size, sizeof(size));
        if (value)
            sgr_text_add(ret, value->data, value->size);
        access->table->bytes_unref(value);
    }
}

struct sgr_slice access_claim(struct sgr_slice pass, size_t i) {
    const char *place = pass.data;
    for (;; i--) {
        uint32_t size;
        memcpy(&size, place, sizeof(size));
        place += sizeof(size);
        if (i == 0)
            return (struct sgr_slice){size == UINT32_MAX ? NULL : place,
                                      size == UINT32_MAX ? 0 : size};
        place += size == UINT32_MAX ? 0 : size;
    }
}
