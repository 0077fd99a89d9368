#include "audience.h"

#include "watch.h"

/* ---- What tells audiences apart ---- */

static void put_part(struct sgr_text *key, struct sgr_slice part) {
    sgr_text_add(key, (const char *)&part.size, sizeof(part.size));
    sgr_text_slice(key, part);
}

static void write_key(struct sgr_text *key, const struct channel *channel, struct sgr_slice pass) {
    struct sgr_text changes = sgr_text_new(key->common, key->host);
    char era = (char)channel->era;
    sgr_text_add(key, &era, 1);
    put_part(key, channel->topic->entry.key);
    put_part(key, pass);
    frame_json(&changes, channel->config.changes);
    put_part(key, (struct sgr_slice){changes.data, changes.size});
    key->failed |= changes.failed;
    sgr_text_free(&changes);
}

/* ---- Wishes ---- */

/* Of the first era, which wishes by its topic: that is for topics_match to see. */
static const struct wish everything = {
    .events = EVENTS_ALL, .schema = {"*", 1}, .table = {"*", 1}, .filter = {"", 0}};

static int read_wishes(struct audience *audience, struct sgr_error *error) {
    struct supabase *supabase = audience->supabase;
    struct condition_maker maker = {&supabase->table->common, supabase->host};
    size_t count = audience->era == ERA_V0 ? 1 : json_array_size(audience->changes);
    audience->wishes =
        supabase->table->common.allocate(supabase->host, count * sizeof(*audience->wishes));
    if (!audience->wishes)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    if (audience->era == ERA_V0)
        audience->wishes[audience->count++] = everything;
    while (audience->count < count) {
        int code = wish_read(&maker, json_array_get(audience->changes, audience->count),
                             &audience->wishes[audience->count], error);
        if (code)
            return code;
        audience->count++;
    }
    return SGR_OK;
}

/* ---- Life ---- */

static void audience_free(struct audience *audience) {
    struct supabase *supabase = audience->supabase;
    struct condition_maker maker = {&supabase->table->common, supabase->host};
    watch_unbind(audience);
    if (audience->place) {
        index_remove(&supabase->audiences, &audience->entry);
        *audience->place = audience->next;
        if (audience->next)
            audience->next->place = audience->place;
    }
    for (size_t i = 0; i < audience->count; i++)
        wish_free(&maker, &audience->wishes[i]);
    for (int vsn = 0; vsn < VSN_COUNT; vsn++)
        supabase->table->common.release(supabase->host, audience->receivers[vsn].items);
    supabase->table->common.release(supabase->host, audience->wishes);
    json_decref(audience->changes);
    supabase->table->common.release(supabase->host, audience);
}

static bool list_audience(struct audience *audience, struct sgr_slice key) {
    struct supabase *supabase = audience->supabase;
    if (!index_add(&supabase->audiences, &audience->entry, key))
        return false;
    audience->place = &supabase->first_audience;
    audience->next = supabase->first_audience;
    if (audience->next)
        audience->next->place = &audience->next;
    supabase->first_audience = audience;
    return true;
}

static int bind_everywhere(struct audience *audience, struct sgr_error *error) {
    struct table *table = audience->supabase->topics.first_table;
    int code = SGR_OK;
    for (; table && !code; table = table->next)
        if (table->watch)
            code = watch_bind(table->watch, audience, error);
    return code;
}

static int audience_new(const struct channel *channel, struct sgr_slice key, struct sgr_slice pass,
                        struct audience **ret, struct sgr_error *error) {
    struct supabase *supabase = channel->socket->supabase;
    struct audience *audience =
        supabase->table->common.allocate(supabase->host, sizeof(*audience) + key.size + pass.size);
    if (!audience)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    audience->supabase = supabase;
    audience->era = channel->era;
    audience->topic = channel->topic;
    audience->changes = json_incref(channel->config.changes);
    memcpy(audience->key, key.data, key.size);
    if (pass.size)
        memcpy(audience->key + key.size, pass.data, pass.size);
    audience->pass = (struct sgr_slice){audience->key + key.size, pass.size};
    int code = read_wishes(audience, error);
    if (!code)
        code = bind_everywhere(audience, error);
    if (!code && !list_audience(audience, (struct sgr_slice){audience->key, key.size}))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory");
    if (code)
        audience_free(audience);
    else
        *ret = audience;
    return code;
}

static int audience_get(const struct channel *channel, struct sgr_slice pass, struct audience **ret,
                        struct sgr_error *error) {
    struct supabase *supabase = channel->socket->supabase;
    struct sgr_text key = sgr_text_new(&supabase->table->common, supabase->host);
    int code = SGR_OK;
    write_key(&key, channel, pass);
    struct sgr_slice slice = {key.data, key.size};
    *ret = key.failed ? NULL : (struct audience *)index_find(&supabase->audiences, slice);
    if (key.failed)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory");
    else if (!*ret)
        code = audience_new(channel, slice, pass, ret, error);
    sgr_text_free(&key);
    return code;
}

/* ---- Seats ---- */

static bool take_seat(struct receivers *receivers, struct channel *channel) {
    struct supabase *supabase = channel->socket->supabase;
    if (receivers->count == receivers->capacity) {
        size_t capacity = receivers->capacity ? receivers->capacity * 2 : 1;
        struct channel **items = supabase->table->common.reallocate(
            supabase->host, receivers->items, capacity * sizeof(*items));
        if (!items)
            return false;
        receivers->items = items;
        receivers->capacity = capacity;
    }
    channel->seat = receivers->count;
    receivers->items[receivers->count++] = channel;
    return true;
}

static void free_if_empty(struct audience *audience) {
    if (!audience->receivers[VSN_1].count && !audience->receivers[VSN_2].count)
        audience_free(audience);
}

int audience_join(struct channel *channel, struct sgr_slice pass, struct sgr_error *error) {
    struct audience *audience;
    int code = audience_get(channel, pass, &audience, error);
    if (code)
        return code;
    if (!take_seat(&audience->receivers[channel->socket->vsn], channel)) {
        free_if_empty(audience);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    channel->audience = audience;
    return SGR_OK;
}

void audience_leave(struct channel *channel) {
    struct audience *audience = channel->audience;
    if (!audience)
        return;
    struct receivers *receivers = &audience->receivers[channel->socket->vsn];
    struct channel *last = receivers->items[--receivers->count];
    receivers->items[channel->seat] = last;
    last->seat = channel->seat;
    channel->audience = NULL;
    free_if_empty(audience);
}
