#include "presence.h"

#include <sys/random.h>

#include "supabase.h"
#include "value.h"

enum { GATHERED = 20000 }; /* microseconds for which changes are */

struct meta {
    struct meta *next, **place;
    struct presence_key *key;
    bool told;
    size_t size, cost;
    size_t own; /* where what the client said begins */
    char ref[32];
    char json[];
};

/* Lives while it has a meta. */
struct presence_key {
    struct index_entry entry;
    struct presence_key *next, **place;
    struct presence_key *next_changed;
    bool is_changed;
    struct meta *shown;   /* everybody was told of these */
    struct meta *joining; /* and of these not yet */
    struct meta *leaving; /* nor that these are gone */
    char name[];
};

static const struct sgr_host_common *common_of(const struct supabase *supabase) {
    return &supabase->table->common;
}

static void release(struct room *room, void *memory) {
    common_of(room->supabase)->release(room->supabase->host, memory);
}

/* ---- Lists of metas ---- */

static void meta_link(struct meta **list, struct meta *meta) {
    meta->next = *list;
    meta->place = list;
    if (meta->next)
        meta->next->place = &meta->next;
    *list = meta;
}

static void meta_unlink(struct meta *meta) {
    *meta->place = meta->next;
    if (meta->next)
        meta->next->place = meta->place;
}

static void metas_free(struct room *room, struct meta **list) {
    for (struct meta *meta; (meta = *list);) {
        meta_unlink(meta);
        release(room, meta);
    }
}

/* ---- Keys ---- */

static struct presence_key *key_new(struct room *room, struct sgr_slice name) {
    struct supabase *supabase = room->supabase;
    struct presence *presence = &room->presence;
    if (!presence->keys.common) {
        presence->keys = index_new(common_of(supabase), supabase->host);
        presence->end = &presence->first;
    }
    struct presence_key *key =
        common_of(supabase)->allocate(supabase->host, sizeof(*key) + name.size);
    if (!key)
        return NULL;
    memcpy(key->name, name.data, name.size);
    if (!index_add(&presence->keys, &key->entry, (struct sgr_slice){key->name, name.size})) {
        release(room, key);
        return NULL;
    }
    key->place = presence->end;
    *key->place = key;
    presence->end = &key->next;
    return key;
}

static void key_free(struct room *room, struct presence_key *key) {
    metas_free(room, &key->shown);
    metas_free(room, &key->joining);
    metas_free(room, &key->leaving);
    index_remove(&room->presence.keys, &key->entry);
    *key->place = key->next;
    if (key->next)
        key->next->place = key->place;
    else
        room->presence.end = key->place;
    release(room, key);
}

static struct presence_key *key_of(struct room *room, struct sgr_slice name) {
    struct presence *presence = &room->presence;
    struct index_entry *found = presence->keys.common ? index_find(&presence->keys, name) : NULL;
    return found ? (struct presence_key *)found : key_new(room, name);
}

/* ---- Whose turn it is ---- */

static void on_turn(void *data);

static void key_changed(struct room *room, struct presence_key *key) {
    struct presence *presence = &room->presence;
    struct presence_turn *turn = &room->supabase->rooms.presence;
    if (!turn->timer)
        turn->timer = room->supabase->table->timer(room->supabase->host, GATHERED, on_turn, turn);
    if (!key->is_changed) {
        key->is_changed = true;
        key->next_changed = presence->changed;
        presence->changed = key;
    }
    if (presence->is_changed)
        return;
    presence->is_changed = true;
    presence->next = turn->changed;
    if (presence->next)
        presence->next->presence.place = &presence->next;
    presence->place = &turn->changed;
    turn->changed = room;
}

static void unlist(struct room *room) {
    struct presence *presence = &room->presence;
    if (!presence->is_changed)
        return;
    presence->is_changed = false;
    *presence->place = presence->next;
    if (presence->next)
        presence->next->presence.place = presence->place;
}

/* ---- What is told ---- */

/* The key's member of an object, if it has any such metas. */
static void write_key(struct sgr_text *text, const struct presence_key *key,
                      const struct meta *metas, const struct meta *more, bool *ret_first) {
    const struct meta *const lists[] = {metas, more};
    const char *separator = "";
    if (!metas && !more)
        return;
    sgr_text_puts(text, *ret_first ? "" : ",");
    *ret_first = false;
    value_json(text, key->entry.key);
    sgr_text_puts(text, ":{\"metas\":[");
    for (int i = 0; i < 2; i++)
        for (const struct meta *meta = lists[i]; meta; meta = meta->next) {
            sgr_text_puts(text, separator);
            sgr_text_add(text, meta->json, meta->size);
            separator = ",";
        }
    sgr_text_puts(text, "]}");
}

static void write_difference(struct sgr_text *text, const struct presence *presence) {
    bool first = true;
    sgr_text_puts(text, "{\"joins\":{");
    for (const struct presence_key *key = presence->changed; key; key = key->next_changed)
        write_key(text, key, key->joining, NULL, &first);
    first = true;
    sgr_text_puts(text, "},\"leaves\":{");
    for (const struct presence_key *key = presence->changed; key; key = key->next_changed)
        write_key(text, key, key->leaving, NULL, &first);
    sgr_text_puts(text, "}}");
}

static void write_state(struct sgr_text *text, const struct presence *presence) {
    bool first = true;
    sgr_text_puts(text, "{");
    for (const struct presence_key *key = presence->first; key; key = key->next)
        write_key(text, key, key->shown, key->leaving, &first);
    sgr_text_puts(text, "}");
}

static void forget_state(struct room *room) {
    for (int vsn = 0; vsn < VSN_COUNT; vsn++) {
        room->supabase->table->bytes_unref(room->presence.state[vsn]);
        room->presence.state[vsn] = NULL;
    }
}

/* Everybody has been told. */
static void settle(struct room *room) {
    struct presence *presence = &room->presence;
    for (struct presence_key *key; (key = presence->changed);) {
        presence->changed = key->next_changed;
        key->is_changed = false;
        metas_free(room, &key->leaving);
        for (struct meta *meta; (meta = key->joining);) {
            meta_unlink(meta);
            meta_link(&key->shown, meta);
            meta->told = true;
        }
        if (!key->shown)
            key_free(room, key);
    }
}

static bool says_something(const struct presence *presence) {
    for (const struct presence_key *key = presence->changed; key; key = key->next_changed)
        if (key->joining || key->leaving)
            return true;
    return false;
}

static void take_turn(struct room *room) {
    unlist(room);
    if (says_something(&room->presence)) {
        struct sgr_text *payload = &room->supabase->told;
        sgr_text_clear(payload);
        write_difference(payload, &room->presence);
        forget_state(room);
        room_tell(room, NULL, FRAME_JSON("\"presence_diff\""), payload, TOLD_PRESENCE);
    }
    settle(room);
}

static void on_turn(void *data) {
    struct presence_turn *turn = data;
    turn->timer = NULL;
    while (turn->changed)
        take_turn(turn->changed);
}

void presence_tell(struct member *member) {
    struct room *room = member->room;
    enum vsn vsn = member->socket->vsn;
    struct sgr_bytes **state = &room->presence.state[vsn];
    if (!*state) {
        struct sgr_text *payload = &room->supabase->told;
        sgr_text_clear(payload);
        write_state(payload, &room->presence);
        *state = room_frame(room, vsn, FRAME_JSON("\"presence_state\""), payload);
    }
    member_tell(member, *state, false);
}

/* ---- Coming and going ---- */

static void retire(struct room *room, struct meta *meta) {
    meta_unlink(meta);
    key_changed(room, meta->key);
    if (meta->told)
        meta_link(&meta->key->leaving, meta);
    else
        release(room, meta);
}

void presence_untrack(struct member *member) {
    if (!member->meta)
        return;
    member->socket->presence_bytes -= member->meta->cost;
    member->room->presence.bytes -= member->meta->cost;
    retire(member->room, member->meta);
    member->meta = NULL;
}

/* What the client says of itself without its braces; the references are ours to give. */
static bool write_own(struct sgr_text *text, const json_t *payload) {
    json_t *copy = payload ? json_copy((json_t *)(uintptr_t)payload) : json_object();
    json_object_del(copy, "phx_ref");
    json_object_del(copy, "phx_ref_prev");
    if (json_object_size(copy)) {
        sgr_text_puts(text, ",");
        size_t brace = text->size;
        frame_json(text, copy);
        if (!text->failed) {
            text->size--;
            memmove(text->data + brace, text->data + brace + 1, text->size - brace);
        }
    } else {
        sgr_text_puts(text, "}");
    }
    json_decref(copy);
    return copy && !text->failed;
}

static void write_meta(struct sgr_text *text, const char *ref, const struct meta *before) {
    sgr_text_puts(text, "{\"phx_ref\":\"");
    sgr_text_puts(text, ref);
    if (before) {
        sgr_text_puts(text, "\",\"phx_ref_prev\":\"");
        sgr_text_puts(text, before->ref);
    }
    sgr_text_puts(text, "\"");
}

static bool says_the_same(const struct meta *meta, const struct sgr_text *text, size_t own) {
    return meta && meta->size - meta->own == text->size - own &&
           memcmp(meta->json + meta->own, text->data + own, text->size - own) == 0;
}

static struct meta *meta_new(struct room *room, const struct sgr_text *text, const char *ref) {
    struct supabase *supabase = room->supabase;
    struct meta *meta = common_of(supabase)->allocate(supabase->host, sizeof(*meta) + text->size);
    if (!meta)
        return NULL;
    memcpy(meta->json, text->data, text->size);
    memcpy(meta->ref, ref, sizeof(meta->ref));
    meta->size = text->size;
    return meta;
}

static const char *show(struct member *member, const struct sgr_text *text, size_t own,
                        const char *ref) {
    struct room *room = member->room;
    struct socket *socket = member->socket;
    const struct supabase_options *options = room->supabase->options;
    size_t cost = text->size + member->key.size, before = member->meta ? member->meta->cost : 0;
    if (socket->presence_bytes - before + cost > (size_t)options->presence)
        return "PresenceLimitReached: a client may not show as much";
    if (room->presence.bytes - before + cost > (size_t)options->backlog)
        return "PresenceLimitReached: a channel may not show as much";
    struct meta *meta = meta_new(room, text, ref);
    struct presence_key *key = meta ? key_of(room, member->key) : NULL;
    if (!key) {
        release(room, meta);
        return "PresenceNotTracked: out of memory";
    }
    presence_untrack(member);
    meta->own = own;
    meta->cost = cost;
    meta->key = key;
    meta_link(&key->joining, meta);
    key_changed(room, key);
    member->meta = meta;
    socket->presence_bytes += cost;
    room->presence.bytes += cost;
    return NULL;
}

json_t *presence_key_new(void) {
    unsigned char bytes[16];
    char text[40];
    size_t size = 0;
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return NULL;
    bytes[6] = (unsigned char)(0x40 | (bytes[6] & 0xf)); /* a random UUID, version 4 */
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3f));
    for (size_t i = 0; i < sizeof(bytes); i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    return json_string(text);
}

const char *presence_track(struct member *member, const json_t *payload) {
    struct supabase *supabase = member->socket->supabase;
    struct presence_turn *turn = &supabase->rooms.presence;
    struct sgr_text *text = &supabase->told;
    char ref[sizeof(((struct meta *)NULL)->ref)];
    if (payload && !json_is_object(payload))
        return "InvalidPresencePayload: Presence track payload must be a map";
    snprintf(ref, sizeof(ref), "%08x%llx", turn->epoch, (unsigned long long)turn->count++);
    sgr_text_clear(text);
    write_meta(text, ref, member->meta);
    size_t own = text->size;
    if (!write_own(text, payload))
        return "PresenceNotTracked: out of memory";
    if (says_the_same(member->meta, text, own))
        return NULL;
    return show(member, text, own, ref);
}

/* ---- Life ---- */

struct presence_turn presence_begin(struct supabase *supabase) {
    struct presence_turn turn = {.supabase = supabase};
    if (getrandom(&turn.epoch, sizeof(turn.epoch), GRND_NONBLOCK) < 0)
        turn.epoch = (uint32_t)wall_now(); /* early at boot */
    return turn;
}

void presence_end(struct presence_turn *turn) {
    if (turn->timer)
        turn->supabase->table->timer_cancel(turn->supabase->host, turn->timer);
    turn->timer = NULL;
}

void presence_free(struct room *room) {
    struct presence *presence = &room->presence;
    unlist(room);
    forget_state(room);
    while (presence->first)
        key_free(room, presence->first);
    if (presence->keys.common)
        index_free(&presence->keys);
}
