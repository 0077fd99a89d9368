/* From a config document to a running graph: what it declares, and the building of nodes and views once sources have described their
 * tables. Engine's thread. */
#ifndef SGR_PLAN_PLAN_H
#define SGR_PLAN_PLAN_H

#include "config/document.h"
#include "graph/graph.h"
#include "loader/loader.h"
#include "view/view.h"

struct sgr_plan; /* a config, checked; and, once built, its nodes and views */

struct sgr_plan_source {
    const char *name;
    const struct sgr_plugin *plugin;
    const struct sgr_options *options;
    const struct sgr_document_node *place; /* for errors */
    const char *const *
        tables; /* used by nodes and views, as written behind the source's name ("places", "public.places"); distinct */
    size_t table_count;
    const char *const *sinks; /* that bind its change stream */
    size_t sink_count;
};

struct sgr_plan_sink {
    const char *name;
    const struct sgr_plugin *plugin;
    const struct sgr_options *options;
    const size_t
        *sources; /* whose change streams it binds: numbers, and names as its options have them */
    const char *const *source_names;
    size_t source_count;
};

enum sgr_compression {
    SGR_COMPRESSION_OFF,
    SGR_COMPRESSION_SHARED, /* each message stands alone, and is deflated once for all who get it */
    SGR_COMPRESSION_CONTEXT, /* each connection deflates on its own, with what it sent before */
};

struct sgr_plan_key { /* of `auth:`; one of the first five is set */
    const struct sgr_document_node *place;
    const char *secret, *secret_file, *pem, *file, *jwks;
    const char *algorithms; /* words; NULL: what is usual */
    const char *kid;
    bool base64; /* the secret's encoding */
    int64_t refresh;
};

struct sgr_plan_auth {
    const struct sgr_document_node *place;
    const struct sgr_plan_key *keys;
    size_t key_count;
    struct sgr_strings issuers, audiences;
    const char *claims; /* a JSON object; NULL: none */
    const char *type;
    const char *query, *cookie; /* where a token may stand beside the header; NULL: nowhere */
    int64_t leeway;
    bool required, without_expiry;
};

struct sgr_plan_claim {              /* a parameter that is taken from the token */
    const struct sgr_column *column; /* its name and type */
    const char *path;
};

struct sgr_plan_access { /* a view that asks for a token */
    const char *view;
    const struct sgr_plan_claim *claims;
    size_t claim_count;
};

struct sgr_plan_server {
    const char *listen_host;    /* default 127.0.0.1 */
    int listen_port;            /* default 8080; 0: any free one */
    const char *const *origins; /* allowed besides the same origin; "*": all */
    size_t origin_count;
    size_t
        client_buffer; /* bytes a connection may have queued before it is coalesced; default 1 MiB */
    int64_t
        client_timeout; /* microseconds without progress before a stalled connection is closed; default 30 s */
    int64_t drain_timeout;            /* for SIGTERM; default 5 s */
    int64_t wait_timeout;             /* for a position a client waits for; default 30 s */
    size_t message_limit;             /* largest inbound message or body; default 64 KiB */
    size_t connection_limit;          /* default 10000 */
    enum sgr_compression compression; /* of websockets; default SHARED */
    size_t compression_memory;        /* of all connections' contexts; default 64 MiB */
    size_t queue_limit;               /* bytes queued for all clients; default 256 MiB */
    int64_t history_age;              /* default 5 min */
    size_t history_bytes;             /* default 64 MiB */
    size_t stream_buffer;             /* bytes of a change stream in sinks' hands; default 8 MiB */
    size_t memory_limit;              /* of rows; default 0: none */
    uint64_t seed;                    /* default: random at start; 0 means default */
    const struct sgr_plan_auth *auth; /* NULL: no tokens are known */
    const struct sgr_plan_access *access; /* the views that ask for one; live as long as the plan */
    size_t access_count;
};

/* Checks all that can be checked without a database: keys, plugins, options, names, cycles, parameters. Takes the document over on success.
 * The default sinks (http, sse, websocket) are there unless `sinks:` names its own. */
int sgr_plan_new(struct sgr_document *document, struct sgr_loader *loader, struct sgr_plan **ret,
                 struct sgr_error *error);
void sgr_plan_free(struct sgr_plan *plan);

const struct sgr_plan_source *sgr_plan_sources(const struct sgr_plan *plan, size_t *ret_count);
const struct sgr_plan_sink *sgr_plan_sinks(const struct sgr_plan *plan, size_t *ret_count);
const struct sgr_plan_server *sgr_plan_server(const struct sgr_plan *plan);

/* For what a source says of its options or tables (open, describe): if the config is at fault, makes it the config's error, with the place of
 * the table that the message names, or else the source's. */
void sgr_plan_source_error(const struct sgr_plan *plan, const struct sgr_plan_source *source,
                           struct sgr_error *error);

/* Once each source's tables are known: types everything, makes nodes and views. `table` finds the relation node of a source's table
 * (borrowed; NULL: the source has no such table, which becomes an error at the place that names it). Nodes stay referenced by views, and
 * by the config until it is freed. */
struct sgr_plan_tables {
    void *data;
    struct sgr_node *(*table)(void *data, size_t source, const char *table);
};
int sgr_plan_build(struct sgr_plan *plan, struct sgr_graph *graph, struct sgr_views *views,
                   const struct sgr_plan_tables *tables, struct sgr_error *error);
/* The JSON Schema of a config with the plugins at hand. */
void sgr_plan_schema(struct sgr_loader *loader, struct sgr_buffer *out);

#endif
