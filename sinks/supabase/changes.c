#include "changes.h"

#include "answer.h"
#include "audience.h"
#include "payload_v2.h"
#include "watch.h"

#define EXTENSION "postgres_changes"

/* ---- Channels ---- */

static void tell_that_changes_flow(const struct channel *channel) {
    channel_system(channel, EXTENSION, "ok", "Subscribed to PostgreSQL");
}

static bool same_pass(const struct channel *channel, const struct sgr_text *pass) {
    const struct audience *audience = channel->audience;
    return audience && audience->pass.size == pass->size &&
           (!pass->size || memcmp(audience->pass.data, pass->data, pass->size) == 0);
}

static void sit_down(struct channel *channel, const struct sgr_text *pass) {
    struct supabase *supabase = channel->socket->supabase;
    struct sgr_error error = {0};
    if (same_pass(channel, pass))
        return;
    audience_leave(channel);
    int code = pass->failed
                   ? SGR_ENOMEM
                   : audience_join(channel, (struct sgr_slice){pass->data, pass->size}, &error);
    if (code == SGR_ENOMEM)
        socket_shut(channel->socket, 1013, "out of memory");
    else if (code)
        channel_system(channel, EXTENSION, "error", error.message);
    else if (channel->era == ERA_V2 && supabase->flowing)
        tell_that_changes_flow(channel);
}

void changes_join(struct channel *channel) {
    struct supabase *supabase = channel->socket->supabase;
    struct sgr_text pass = sgr_text_new(&supabase->table->common, supabase->host);
    bool asks = channel->era == ERA_V2 ? channel->config.changes != NULL
                                       : channel->era == ERA_V0 && supabase->access.count;
    if (!asks)
        return;
    access_pass(&supabase->access, channel->claims, &pass);
    sit_down(channel, &pass);
    sgr_text_free(&pass);
}

void changes_leave(struct channel *channel) {
    audience_leave(channel);
}

void changes_flow(struct supabase *supabase) {
    for (struct audience *audience = supabase->first_audience; audience; audience = audience->next)
        for (int vsn = 0; vsn < VSN_COUNT && audience->era == ERA_V2; vsn++)
            for (size_t i = 0; i < audience->receivers[vsn].count; i++)
                if (audience->receivers[vsn].items[i]->socket->listed)
                    tell_that_changes_flow(audience->receivers[vsn].items[i]);
}

/* ---- Tables ---- */

static struct channel *any_of(const struct audience *audience) {
    for (int vsn = 0; vsn < VSN_COUNT; vsn++)
        if (audience->receivers[vsn].count)
            return audience->receivers[vsn].items[0];
    return NULL;
}

/* What its channels ask for cannot be had of a table that they name. */
static void dismiss(struct audience *audience, const struct sgr_error *error) {
    size_t left = audience->receivers[VSN_1].count + audience->receivers[VSN_2].count;
    for (; left; left--) {
        struct channel *channel = any_of(audience);
        audience_leave(channel); /* the last one takes the audience along */
        channel_system(channel, EXTENSION, "error", error->message);
    }
}

bool changes_watch(struct supabase *supabase, struct table *table,
                   const struct sgr_relation *relation) {
    if (table->watch || (supabase->options->strict && !supabase->access.count))
        return true;
    struct watch *watch = watch_new(supabase, table, relation);
    struct sgr_error error;
    if (!watch)
        return false;
    for (struct audience *audience = supabase->first_audience, *next; audience; audience = next) {
        next = audience->next;
        int code = watch_bind(watch, audience, &error);
        if (code == SGR_ENOMEM) {
            watch_free(watch);
            return false;
        }
        if (code)
            dismiss(audience, &error);
    }
    table->watch = watch;
    return true;
}

/* A TRUNCATE shows no row. */
bool changes_protects(const struct table *table, const struct sgr_change *change) {
    return table->watch && table->watch->rule && change->kind != SGR_TRUNCATE;
}

/* ---- Changes ---- */

static void add_hit(struct audience *audience, struct binding *binding) {
    struct binding **place = &audience->hits;
    while (*place && (*place)->id < binding->id)
        place = &(*place)->next_hit;
    binding->next_hit = *place;
    *place = binding;
}

/* One of the first era is kept with its topic, if that gets the change. */
static void on_hit(struct supabase *supabase, struct binding *binding) {
    struct audience *audience = binding->audience;
    struct audience **list = &supabase->hits;
    if (audience->era == ERA_V0) {
        if (audience->topic->change != supabase->change)
            return;
        list = &audience->topic->hits;
    }
    if (!audience->is_hit) {
        audience->is_hit = true;
        audience->next_hit = *list;
        *list = audience;
    }
    if (audience->era == ERA_V2)
        add_hit(audience, binding);
}

struct feeding {
    struct supabase *supabase;
    const struct watch *watch;
    const struct sgr_change *change;
    int64_t time;
    struct sgr_text ids;
};

static const struct sgr_text *data_of(const struct feeding *feeding, struct selection *selection) {
    if (selection->change == feeding->supabase->change)
        return &selection->data;
    selection->change = feeding->supabase->change;
    sgr_text_clear(&selection->data);
    payload_v2(&selection->data, feeding->watch, selection, feeding->change, feeding->time);
    return &selection->data;
}

/* Those hits that show the same columns. */
static struct selection *take_hits(struct feeding *feeding, struct audience *audience) {
    struct selection *selection = audience->hits->selection;
    sgr_text_clear(&feeding->ids);
    for (struct binding **place = &audience->hits, *hit; (hit = *place);) {
        if (hit->selection != selection) {
            place = &hit->next_hit;
            continue;
        }
        *place = hit->next_hit;
        sgr_text_puts(&feeding->ids, feeding->ids.size ? "," : "\"ids\":[");
        sgr_text_uint(&feeding->ids, hit->id);
    }
    sgr_text_puts(&feeding->ids, "]");
    return selection;
}

static struct sgr_bytes *make_frame(const struct feeding *feeding, const struct audience *audience,
                                    enum vsn vsn, const struct sgr_text *data) {
    struct supabase *supabase = feeding->supabase;
    struct sgr_text *text = &supabase->text;
    struct frame frame = {.join_ref = FRAME_NULL,
                          .ref = FRAME_NULL,
                          .topic = {audience->topic->json, audience->topic->json_size},
                          .event = FRAME_JSON("\"" EXTENSION "\"")};
    sgr_text_clear(text);
    frame_head(text, vsn, &frame);
    sgr_text_puts(text, "{\"data\":");
    sgr_text_add(text, data->data, data->size);
    sgr_text_puts(text, ",");
    sgr_text_add(text, feeding->ids.data, feeding->ids.size);
    sgr_text_puts(text, "}");
    frame_tail(text, vsn, &frame);
    if (text->failed || data->failed || feeding->ids.failed)
        return NULL;
    return supabase->table->bytes_new(text->data, text->size);
}

static void send_hits(struct feeding *feeding, struct audience *audience) {
    while (audience->hits) {
        const struct sgr_text *data = data_of(feeding, take_hits(feeding, audience));
        for (enum vsn vsn = VSN_1; vsn < VSN_COUNT; vsn++) {
            if (!feed_concerns(feeding->supabase, &audience->receivers[vsn]))
                continue;
            struct sgr_bytes *bytes = make_frame(feeding, audience, vsn, data);
            feed_send(feeding->supabase, &audience->receivers[vsn], bytes);
            feeding->supabase->table->bytes_unref(bytes);
        }
    }
}

void changes_feed(struct supabase *supabase, struct table *table, const struct sgr_change *change,
                  int64_t time) {
    if (!table->watch)
        return;
    struct feeding feeding = {.supabase = supabase,
                              .watch = table->watch,
                              .change = change,
                              .time = time,
                              .ids = sgr_text_new(&supabase->table->common, supabase->host)};
    if (!supabase->only)
        watch_match(table->watch, change, on_hit);
    else if (supabase->only->audience)
        watch_match_one(table->watch, supabase->only->audience, change, on_hit);
    for (struct audience *audience; (audience = supabase->hits);) {
        supabase->hits = audience->next_hit;
        audience->is_hit = false;
        send_hits(&feeding, audience);
    }
    sgr_text_free(&feeding.ids);
}
