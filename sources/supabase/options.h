/* The options of a source, as the config gives them. */
#ifndef SOURCES_SUPABASE_OPTIONS_H
#define SOURCES_SUPABASE_OPTIONS_H

#include <sangre/source.h>

struct options {
    const char *url;
    const char *rest;
    const char *conninfo;
    const char *tables;
    const char *protocol;
    const char *apikey;
    const char *token;
    const char *token_file;
    const char *ca_file;
    int64_t gather;
    int64_t heartbeat;
    int64_t connect_timeout;
    int64_t retry_limit;
    int64_t compare_every;
    int64_t page;
    int64_t buffer;
};

/* What both connections to the service need. */
struct service {
    const struct sgr_source_host *host;
    void *host_data;
    const struct options *options;
};

#endif
