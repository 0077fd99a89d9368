/* Which webhooks there are: the `webhooks` part of the protocol's configuration file, or the option of that name.
 *
 *     {"event": "*", "relation": "public:users", "config": {"endpoint": "https://example.com/hook"}}
 *
 * Left out, event and relation are "*"; a relation is SCHEMA or SCHEMA:TABLE, either may be *. */
#ifndef SINKS_SUPABASE_WEBHOOK_CONFIG_H
#define SINKS_SUPABASE_WEBHOOK_CONFIG_H

#include <sangre/change.h>
#include <sangre/text.h>

struct webhook {
    char *schema, *table; /* NULL: any */
    unsigned events;      /* of rules.h */
    char *endpoint;       /* a URL */
    uint64_t identity; /* of its event, relation and endpoint, and how often these stood before */
};

struct webhook_config {
    const struct sgr_host_common *common;
    void *host;
    struct webhook *items;
    size_t count;
    struct sgr_text headers; /* of each request, as lines, with a NUL behind them */
};

/* All three as the config has them, NULL if it has not. SGR_ECONFIG, SGR_ENOMEM. */
int webhook_config_read(struct webhook_config *ret, const struct sgr_host_common *common,
                        void *host, const char *list, const char *headers, const char *file,
                        struct sgr_error *error);
void webhook_config_free(struct webhook_config *config);

bool webhook_matches(const struct webhook *webhook, const struct sgr_change *change);

#endif
