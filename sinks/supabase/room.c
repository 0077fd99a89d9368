#include "room.h"

#include "supabase.h"
#include "value.h"

/* ---- Names ---- */

enum { PRIVATE = 'p', PUBLIC = 'o' };

struct rooms rooms_new(struct supabase *supabase) {
    return (struct rooms){.names = index_new(&supabase->table->common, supabase->host),
                          .presence = presence_begin(supabase)};
}

void rooms_free(struct rooms *rooms) {
    presence_end(&rooms->presence);
    if (rooms->names.common)
        index_free(&rooms->names);
}

struct sgr_slice room_topic(const struct room *room) {
    return (struct sgr_slice){room->entry.key.data + 1, room->entry.key.size - 1};
}

struct room *rooms_find(struct supabase *supabase, struct sgr_slice topic, bool is_private) {
    struct sgr_text name = sgr_text_new(&supabase->table->common, supabase->host);
    sgr_text_add(&name, &(char){is_private ? PRIVATE : PUBLIC}, 1);
    sgr_text_slice(&name, topic);
    struct index_entry *found =
        name.failed ? NULL
                    : index_find(&supabase->rooms.names, (struct sgr_slice){name.data, name.size});
    sgr_text_free(&name);
    return (struct room *)found;
}

/* ---- Life ---- */

static void room_free(struct room *room) {
    const struct sgr_host_common *common = &room->supabase->table->common;
    void *host = room->supabase->host;
    presence_free(room);
    index_remove(&room->supabase->rooms.names, &room->entry);
    for (int vsn = 0; vsn < VSN_COUNT; vsn++)
        common->release(host, room->members[vsn].items);
    common->release(host, room->json);
    common->release(host, room);
}

static struct room *room_new(struct supabase *supabase, struct sgr_slice topic, bool is_private) {
    const struct sgr_host_common *common = &supabase->table->common;
    struct room *room = common->allocate(supabase->host, sizeof(*room) + topic.size + 2);
    if (!room)
        return NULL;
    room->supabase = supabase;
    room->name[0] = is_private ? PRIVATE : PUBLIC;
    memcpy(room->name + 1, topic.data, topic.size);
    if (!index_add(&supabase->rooms.names, &room->entry,
                   (struct sgr_slice){room->name, topic.size + 1})) {
        common->release(supabase->host, room);
        return NULL;
    }
    struct sgr_text json = sgr_text_new(common, supabase->host);
    value_json(&json, topic);
    room->json = json.data;
    room->json_size = json.size;
    if (!json.failed)
        return room;
    room_free(room);
    return NULL;
}

static bool is_empty(const struct room *room) {
    return !room->members[VSN_1].count && !room->members[VSN_2].count;
}

static bool reserve_place(struct supabase *supabase, struct members *members) {
    if (members->count < members->capacity)
        return true;
    size_t capacity = members->capacity ? members->capacity * 2 : 1;
    struct member **items = supabase->table->common.reallocate(supabase->host, members->items,
                                                               capacity * sizeof(*items));
    if (!items)
        return false;
    members->items = items;
    members->capacity = capacity;
    return true;
}

bool room_enter(struct member *member, struct sgr_slice topic, bool is_private) {
    struct supabase *supabase = member->socket->supabase;
    struct room *room = rooms_find(supabase, topic, is_private);
    if (!room)
        room = room_new(supabase, topic, is_private);
    if (!room)
        return false;
    struct members *members = &room->members[member->socket->vsn];
    if (!reserve_place(supabase, members)) {
        if (is_empty(room))
            room_free(room);
        return false;
    }
    member->room = room;
    member->place = members->count;
    members->items[members->count++] = member;
    return true;
}

void room_leave(struct member *member) {
    struct room *room = member->room;
    if (!room)
        return;
    presence_untrack(member);
    struct members *members = &room->members[member->socket->vsn];
    struct member *last = members->items[--members->count];
    members->items[member->place] = last;
    last->place = member->place;
    member->room = NULL;
    if (is_empty(room))
        room_free(room);
}

/* ---- Sending ---- */

void member_tell(struct member *member, struct sgr_bytes *frame, bool binary) {
    struct socket *socket = member->socket;
    const struct supabase *supabase = socket->supabase;
    if (!socket->listed)
        return;
    if (!frame)
        socket_shut(socket, 1013, "out of memory");
    else if (supabase->table->queued(socket->connection) > (size_t)supabase->options->backlog)
        socket_shut(socket, 1013, "too slow");
    else if (binary)
        supabase->table->send_binary(socket->connection, frame);
    else
        supabase->table->send(socket->connection, frame);
}

static bool is_told(const struct member *member, enum told told) {
    return told == TOLD_PRESENCE   ? member->wants_presence
           : told == TOLD_RESERVED ? !member->is_positioned
                                   : true;
}

static void tell_members(struct members *members, const struct member *except,
                         struct sgr_bytes *frame, bool binary, enum told told) {
    for (size_t i = 0; i < members->count; i++) {
        struct member *member = members->items[i];
        if (member != except && is_told(member, told))
            member_tell(member, frame, binary);
    }
}

struct sgr_bytes *room_frame(struct room *room, enum vsn vsn, struct sgr_slice event,
                             const struct sgr_text *payload) {
    struct supabase *supabase = room->supabase;
    const struct frame frame = {.join_ref = FRAME_NULL,
                                .ref = FRAME_NULL,
                                .topic = {room->json, room->json_size},
                                .event = event,
                                .payload = {payload->data, payload->size}};
    sgr_text_clear(&supabase->text);
    frame_write(&supabase->text, vsn, &frame);
    return supabase->text.failed || payload->failed
               ? NULL
               : supabase->table->bytes_new(supabase->text.data, supabase->text.size);
}

/* Whether there is anybody to tell. */
static bool concerns(const struct members *members, const struct member *except) {
    return members->count > 1 || (members->count == 1 && members->items[0] != except);
}

void room_tell(struct room *room, const struct member *except, struct sgr_slice event,
               const struct sgr_text *payload, enum told told) {
    for (enum vsn vsn = VSN_1; vsn < VSN_COUNT; vsn++) {
        if (!concerns(&room->members[vsn], except))
            continue;
        struct sgr_bytes *frame = room_frame(room, vsn, event, payload);
        tell_members(&room->members[vsn], except, frame, false, told);
        room->supabase->table->bytes_unref(frame);
    }
}

void room_tell_binary(struct room *room, const struct member *except, struct sgr_bytes *frame,
                      enum told told) {
    tell_members(&room->members[VSN_2], except, frame, true, told);
}
