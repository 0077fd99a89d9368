/* A many-views client's subscriptions, found by the client's ids: a table of chains, hashed with the host's seed, so that nobody can choose
 * ids that fall into one chain. An id is kept as the client wrote it; "1" and 1 are one. */
#include "websocket.h"

enum { LEAST_CHAINS = 4, CHAIN = 2 }; /* entries a chain before there are more chains */

/* The member's name in frames, without its quotes. */
static struct sgr_slice name_of(const char *id) {
    size_t size = strlen(id);
    return *id == '"' ? (struct sgr_slice){id + 1, size - 2} : (struct sgr_slice){id, size};
}

static struct entry **chain_of(const struct client *client, struct entry **chains, size_t count,
                               struct sgr_slice name) {
    struct sgr_value value = {.type = SGR_TEXT, .s = name};
    return &chains[client->ws->table->values->hash(&value) & (count - 1)];
}

/* Without memory the chains there are grow longer. */
static void grow(struct client *client) {
    struct websocket *ws = client->ws;
    size_t count = client->chain_count ? client->chain_count * 2 : LEAST_CHAINS;
    struct entry **chains = ws->table->common.allocate(ws->host, count * sizeof(struct entry *));
    if (!chains)
        return;
    for (size_t i = 0; i < client->chain_count; i++)
        for (struct entry *entry = client->chains[i], *next; entry; entry = next) {
            struct entry **chain = chain_of(client, chains, count, name_of(entry->id));
            next = entry->next;
            entry->next = *chain;
            *chain = entry;
        }
    ws->table->common.release(ws->host, client->chains);
    client->chains = chains;
    client->chain_count = count;
}

struct entry *entry_find(const struct client *client, const char *id) {
    struct sgr_slice name = name_of(id);
    if (!client->chain_count)
        return NULL;
    struct entry *entry = *chain_of(client, client->chains, client->chain_count, name);
    for (; entry; entry = entry->next) {
        struct sgr_slice other = name_of(entry->id);
        if (other.size == name.size && memcmp(other.data, name.data, name.size) == 0)
            return entry;
    }
    return NULL;
}

struct entry *entry_new(struct client *client, const char *id) {
    struct websocket *ws = client->ws;
    size_t size = strlen(id) + 1;
    if (client->entry_count >= client->chain_count * CHAIN)
        grow(client);
    struct entry *entry =
        client->chain_count
            ? ws->table->common.allocate(ws->host, offsetof(struct entry, id) + size)
            : NULL;
    if (!entry)
        return NULL;
    entry->client = client;
    memcpy(entry->id, id, size);
    struct entry **chain = chain_of(client, client->chains, client->chain_count, name_of(id));
    entry->next = *chain;
    *chain = entry;
    client->entry_count++;
    return entry;
}

void entry_remove(struct entry *entry) {
    struct client *client = entry->client;
    struct entry **at = chain_of(client, client->chains, client->chain_count, name_of(entry->id));
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    client->entry_count--;
    client->ws->table->common.release(client->ws->host, entry);
}

void entries_free(struct client *client) {
    const struct sgr_host_common *common = &client->ws->table->common;
    for (size_t i = 0; i < client->chain_count; i++)
        for (struct entry *entry = client->chains[i], *next; entry; entry = next) {
            next = entry->next;
            common->release(client->ws->host, entry);
        }
    common->release(client->ws->host, client->chains);
    client->chains = NULL;
    client->chain_count = client->entry_count = 0;
}
