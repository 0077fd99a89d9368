/* What a join of the second era asks for: its payload's `config`. */
#ifndef SINKS_SUPABASE_CONFIG_H
#define SINKS_SUPABASE_CONFIG_H

#include <jansson.h>
#include <sangre/text.h>

struct config {
    bool broadcast_ack, broadcast_self;
    bool presence;
    bool private;
    json_t *presence_key; /* a text that is not empty, or NULL: the channel has one of its own */
    size_t changes_size;  /* of `changes`, as JSON */
    size_t changes_cost;  /* how many they are; one of several tables is ten */
    json_t *changes;      /* postgres_changes: a list of objects; NULL: none */
    bool waits;           /* it is joined only once these flow */
};

/* NULL, or what is wrong, for the client; then there is nothing to free. */
const char *config_read(struct config *ret, const json_t *from);
void config_free(struct config *config);

/* The list of changes as it was sent, each with its id, which is its place, from 1. */
void config_echo(struct sgr_text *text, const struct config *config);

#endif
