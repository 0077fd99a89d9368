/* The conninfo, parsed, and what every connection of ours adds to it. */
#include "target.h"

#include <stdlib.h>

/* All that can change a value's text, or end a session that waits. */
static const char pinned[] =
    " -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c bytea_output=hex"
    " -c timezone=UTC -c search_path=pg_catalog -c row_security=off -c lc_monetary=C"
    " -c xmlbinary=base64 -c standard_conforming_strings=on -c client_min_messages=warning"
    " -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"
    " -c default_transaction_deferrable=off";

static const char *value_of(const PQconninfoOption *options, const char *keyword) {
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    return NULL;
}

/* A peer that vanished without a word is noticed within a minute, unless the conninfo says otherwise. */
static const char *const liveliness[][2] = {{"keepalives_idle", "20"},
                                            {"keepalives_interval", "10"},
                                            {"keepalives_count", "4"},
                                            {"tcp_user_timeout", "60000"}};

enum { LIVELINESS = sizeof(liveliness) / sizeof(liveliness[0]), OURS = 3 };

static void add(struct link_target *target, const char *keyword, const char *value) {
    target->keywords[target->count] = keyword;
    target->values[target->count++] = value;
}

static bool is_ours(const char *keyword) {
    static const char *const ours[] = {"options", "client_encoding", "replication",
                                       "fallback_application_name"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcmp(ours[i], keyword) == 0)
            return true;
    return false;
}

static int fill(struct link_target *target, struct sgr_error *error) {
    const char *options = value_of(target->parsed, "options");
    size_t size = (options ? strlen(options) : 0) + sizeof(pinned);
    size_t count = 0;
    while (target->parsed[count].keyword)
        count++;
    target->options = malloc(size);
    target->keywords = calloc(count + LIVELINESS + OURS, sizeof(*target->keywords));
    target->values = calloc(count + LIVELINESS + OURS, sizeof(*target->values));
    if (!target->options || !target->keywords || !target->values)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    snprintf(target->options, size, "%s%s", options ? options : "", pinned);
    for (size_t i = 0; i < count; i++)
        if (target->parsed[i].val && !is_ours(target->parsed[i].keyword))
            add(target, target->parsed[i].keyword, target->parsed[i].val);
    for (size_t i = 0; i < LIVELINESS; i++)
        if (!value_of(target->parsed, liveliness[i][0]))
            add(target, liveliness[i][0], liveliness[i][1]);
    add(target, "options", target->options);
    add(target, "client_encoding", "UTF8");
    add(target, "fallback_application_name", "sangre");
    const char *host = value_of(target->parsed, "host"),
               *database = value_of(target->parsed, "dbname");
    snprintf(target->name, sizeof(target->name), "database %s at %s",
             database ? database : "(default)", host ? host : "(default)");
    return SGR_OK;
}

static bool holds_any(const char *value, const char *letters) {
    return value && strpbrk(value, letters);
}

/* A password that was not percent-encoded spills into the other parts, and from there into messages of libpq and the server. */
static bool spilled(const PQconninfoOption *parsed, bool uri) {
    const char *port = value_of(parsed, "port"), *database = value_of(parsed, "dbname");
    if (port && port[strspn(port, "0123456789,")])
        return true;
    if (database && (strstr(database, "://") || strchr(database, '=')))
        return true;
    return uri && (holds_any(database, "@/") || holds_any(value_of(parsed, "host"), "@"));
}

int link_target_new(const char *conninfo, struct link_target **ret, struct sgr_error *error) {
    struct link_target *target = calloc(1, sizeof(*target));
    if (!target)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    /* libpq's own message quotes the text, and with it the password. */
    target->parsed = PQconninfoParse(conninfo, NULL);
    int code;
    if (target->parsed && !spilled(target->parsed, strstr(conninfo, "://") != NULL))
        code = fill(target, error);
    else
        code = sgr_error_set(
            error, SGR_ECONFIG,
            "conninfo is malformed: it is postgresql://user:password@host:5432/database, in which "
            "letters "
            "like @ : / ? # %% of a password are percent-encoded, or key=value pairs");
    if (code)
        link_target_free(target);
    else
        *ret = target;
    return code;
}

void link_target_free(struct link_target *target) {
    if (!target)
        return;
    PQconninfoFree(target->parsed);
    free(target->options);
    free(target->keywords);
    free(target->values);
    free(target);
}

const char *link_target_name(const struct link_target *target) {
    return target->name;
}

static void hide(char *text, const char *secret) {
    size_t size = secret ? strlen(secret) : 0;
    if (size < 3)
        return;
    for (char *found = text; (found = strstr(found, secret)); found += 3) {
        memcpy(found, "***", 3);
        memmove(found + 3, found + size, strlen(found + size) + 1);
    }
}

void link_target_redact(const struct link_target *target, char *text) {
    hide(text, value_of(target->parsed, "password"));
    hide(text, value_of(target->parsed, "sslpassword"));
}
