#include "topic.h"

#include "channel.h"
#include "value.h"

#define PREFIX "realtime:"
enum { FILTER_CHARACTERS = 100 }; /* a value this long makes no topic */

struct topics topics_new(const struct sgr_host_common *common, void *host,
                         const struct rules *rules) {
    return (struct topics){.common = common,
                           .host = host,
                           .rules = rules,
                           .names = index_new(common, host),
                           .tables = index_new(common, host)};
}

/* ---- Where a topic stands at a table ---- */

static bool starts_with(struct sgr_slice text, struct sgr_slice start) {
    return text.size >= start.size && memcmp(text.data, start.data, start.size) == 0;
}

static struct sgr_slice rest_of(struct sgr_slice text, size_t from) {
    return (struct sgr_slice){text.data + from, text.size - from};
}

bool topic_is_channel(struct sgr_slice name) {
    return name.data && starts_with(name, (struct sgr_slice){PREFIX, sizeof(PREFIX) - 1});
}

struct sgr_slice topic_rest_of(struct sgr_slice name) {
    return rest_of(name, sizeof(PREFIX) - 1);
}

/* Topics that filter by the same value of the same column have the same name: there is one. */
static bool add_filter(struct topics *topics, struct table *table, struct table_column *column,
                       struct topic *topic, struct sgr_slice value) {
    struct filter *filter = topics->common->allocate(topics->host, sizeof(*filter));
    if (!filter || !index_add(&column->filters, &filter->entry, value)) {
        topics->common->release(topics->host, filter);
        return false;
    }
    filter->topic = topic;
    filter->index = &column->filters;
    filter->next = topic->filters;
    topic->filters = filter;
    table->filters++;
    return true;
}

static bool attach(struct topics *topics, struct table *table, struct topic *topic) {
    struct sgr_slice name = topic->entry.key;
    for (int i = 0; i < TABLE_WHOLE; i++)
        if (name.size == table->topic[i].size && starts_with(name, table->topic[i]))
            table->whole[i] = topic;
    if (!starts_with(name, table->prefix))
        return true;
    struct sgr_slice rest = rest_of(name, table->prefix.size);
    for (size_t i = 0; i < table->count; i++) {
        struct table_column *column = &table->by_name[i];
        if (starts_with(rest, column->filter) &&
            !add_filter(topics, table, column, topic, rest_of(rest, column->filter.size)))
            return false;
    }
    return true;
}

static bool stands_at(const struct table *table, const struct filter *filter) {
    for (size_t i = 0; i < table->count; i++)
        if (&table->by_name[i].filters == filter->index)
            return true;
    return false;
}

static void detach(struct topics *topics, struct table *table, struct topic *topic) {
    for (int i = 0; i < TABLE_WHOLE; i++)
        if (table->whole[i] == topic)
            table->whole[i] = NULL;
    for (struct filter **place = &topic->filters, *filter; (filter = *place);) {
        if (!stands_at(table, filter)) {
            place = &filter->next;
            continue;
        }
        *place = filter->next;
        index_remove(filter->index, &filter->entry);
        table->filters--;
        topics->common->release(topics->host, filter);
    }
}

/* ---- Topics ---- */

static void topic_free(struct topics *topics, struct topic *topic) {
    for (struct table *table = topics->first_table; table; table = table->next)
        detach(topics, table, topic);
    if (topic->next)
        topic->next->prev = topic->prev;
    if (topic->prev)
        topic->prev->next = topic->next;
    else
        topics->first = topic->next;
    index_remove(&topics->names, &topic->entry);
    for (int era = 0; era < ERA_COUNT; era++)
        for (int vsn = 0; vsn < VSN_COUNT; vsn++)
            topics->common->release(topics->host, topic->receivers[era][vsn].items);
    topics->common->release(topics->host, topic->json);
    topics->common->release(topics->host, topic);
}

static bool write_json(struct topics *topics, struct topic *topic) {
    struct sgr_text text = sgr_text_new(topics->common, topics->host);
    value_json(&text, topic->entry.key);
    topic->json = text.data;
    topic->json_size = text.size;
    return !text.failed;
}

static struct topic *topic_new(struct topics *topics, struct sgr_slice name) {
    struct topic *topic = topics->common->allocate(topics->host, sizeof(*topic) + name.size + 1);
    if (!topic)
        return NULL;
    memcpy(topic->name, name.data, name.size);
    if (!index_add(&topics->names, &topic->entry, (struct sgr_slice){topic->name, name.size})) {
        topics->common->release(topics->host, topic);
        return NULL;
    }
    topic->next = topics->first;
    if (topic->next)
        topic->next->prev = topic;
    topics->first = topic;
    bool ok = write_json(topics, topic);
    for (struct table *table = topics->first_table; table && ok; table = table->next)
        ok = attach(topics, table, topic);
    if (ok)
        return topic;
    topic_free(topics, topic);
    return NULL;
}

struct topic *topics_find(const struct topics *topics, struct sgr_slice name) {
    return (struct topic *)index_find(&topics->names, name);
}

struct topic *topics_get(struct topics *topics, struct sgr_slice name) {
    struct topic *topic = topics_find(topics, name);
    return topic ? topic : topic_new(topics, name);
}

static bool heard(const struct topic *topic, enum era era) {
    return topic->receivers[era][VSN_1].count || topic->receivers[era][VSN_2].count;
}

static bool unused(const struct topic *topic) {
    return !heard(topic, ERA_V0) && !heard(topic, ERA_V2) && !heard(topic, ERA_VIEW);
}

static struct receivers *receivers_of(struct topic *topic, const struct channel *channel) {
    return &topic->receivers[channel->era][channel->socket->vsn];
}

bool topic_join(struct topics *topics, struct topic *topic, struct channel *channel) {
    struct receivers *receivers = receivers_of(topic, channel);
    if (receivers->count == receivers->capacity) {
        size_t capacity = receivers->capacity ? receivers->capacity * 2 : 1;
        struct channel **items =
            topics->common->reallocate(topics->host, receivers->items, capacity * sizeof(*items));
        if (!items) {
            if (unused(topic))
                topic_free(topics, topic);
            return false;
        }
        receivers->items = items;
        receivers->capacity = capacity;
    }
    channel->place = receivers->count;
    receivers->items[receivers->count++] = channel;
    return true;
}

void topic_leave(struct topics *topics, struct topic *topic, struct channel *channel) {
    struct receivers *receivers = receivers_of(topic, channel);
    struct channel *last = receivers->items[--receivers->count];
    receivers->items[channel->place] = last;
    last->place = channel->place;
    if (unused(topic))
        topic_free(topics, topic);
}

/* ---- Tables ---- */

static void table_drop(struct topics *topics, struct table *table) {
    for (struct topic *topic = topics->first; topic; topic = topic->next)
        detach(topics, table, topic);
    if (table->next)
        table->next->prev = table->prev;
    if (table->prev)
        table->prev->next = table->next;
    else
        topics->first_table = table->next;
    index_remove(&topics->tables, &table->entry);
    table_free(table);
}

static bool same_table(const struct table *a, const struct table *b) {
    return a->schema.size == b->schema.size && a->name.size == b->name.size &&
           starts_with(a->schema, b->schema) && starts_with(a->name, b->name);
}

static void drop_older(struct topics *topics, const struct table *table) {
    for (struct table *other = topics->first_table, *next; other; other = next) {
        next = other->next;
        if (other != table && same_table(other, table))
            table_drop(topics, other);
    }
}

static struct table *table_add(struct topics *topics, const struct sgr_relation *relation) {
    struct table *table = table_new(topics->common, topics->host, relation, topics->rules);
    if (!table)
        return NULL;
    struct sgr_slice id = {(const char *)&table->id, sizeof(table->id)};
    if (!index_add(&topics->tables, &table->entry, id)) {
        table_free(table);
        return NULL;
    }
    table->next = topics->first_table;
    if (table->next)
        table->next->prev = table;
    topics->first_table = table;
    drop_older(topics, table);
    bool ok = true;
    for (struct topic *topic = topics->first; topic && ok; topic = topic->next)
        ok = attach(topics, table, topic);
    if (ok)
        return table;
    table_drop(topics, table);
    return NULL;
}

struct table *topics_table(struct topics *topics, const struct sgr_relation *relation) {
    struct table *first = topics->first_table;
    if (first && first->id == relation->id)
        return first;
    struct sgr_slice id = {(const char *)&relation->id, sizeof(relation->id)};
    struct index_entry *found = index_find(&topics->tables, id);
    return found ? (struct table *)found : table_add(topics, relation);
}

static bool same_columns(const struct table *a, const struct table *b) {
    return a->full == b->full && a->texts.size == b->texts.size &&
           memcmp(a->texts.data, b->texts.data, a->texts.size) == 0;
}

/* Whether a descriptor of before says the same as the table's own; it is remembered. */
static bool describes(const struct topics *topics, struct table *table,
                      const struct sgr_relation *relation) {
    struct sgr_slice schema = {relation->schema, strlen(relation->schema)};
    struct sgr_slice name = {relation->table, strlen(relation->table)};
    if (table->older == relation->id)
        return true;
    if (table->schema.size != schema.size || !starts_with(table->schema, schema) ||
        table->name.size != name.size || !starts_with(table->name, name))
        return false;
    struct table *other = table_new(topics->common, topics->host, relation, topics->rules);
    bool same = other && same_columns(table, other);
    if (same)
        table->older = relation->id;
    if (other)
        table_free(other);
    return same;
}

struct table *topics_table_of_old(const struct topics *topics,
                                  const struct sgr_relation *relation) {
    struct sgr_slice id = {(const char *)&relation->id, sizeof(relation->id)};
    struct index_entry *found = index_find(&topics->tables, id);
    if (found)
        return (struct table *)found;
    for (struct table *table = topics->first_table; table; table = table->next)
        if (describes(topics, table, relation))
            return table;
    return NULL;
}

void topics_free(struct topics *topics) {
    while (topics->first_table)
        table_drop(topics, topics->first_table);
    while (topics->first)
        topic_free(topics, topics->first);
    index_free(&topics->names);
    index_free(&topics->tables);
}

/* ---- Matching ---- */

static struct topic *match_column(const struct table_column *column,
                                  const struct sgr_field *field) {
    char scratch[VALUE_SCRATCH];
    if (field->kind != SGR_FIELD_TEXT)
        return NULL;
    struct sgr_slice value = value_text(column->type, field, scratch);
    if (!value_shorter(value, FILTER_CHARACTERS))
        return NULL;
    struct index_entry *found = index_find(&column->filters, value);
    return found ? ((struct filter *)found)->topic : NULL;
}

size_t topics_match(const struct table *table, const struct sgr_change *change,
                    struct topic **ret) {
    unsigned event = rules_event_of(change->kind);
    size_t count = 0;
    for (int i = 0; i < TABLE_WHOLE; i++)
        if (table->whole[i] && (table->events[i] & event) && heard(table->whole[i], ERA_V0))
            ret[count++] = table->whole[i];
    const struct sgr_field *fields =
        change->kind == SGR_DELETE ? change->old_fields : change->new_fields;
    if (!table->filters || change->kind == SGR_TRUNCATE || !fields)
        return count;
    for (size_t i = 0; i < table->count; i++) {
        const struct table_column *column = &table->by_name[i];
        struct topic *topic = column->filters.count && (column->events & event)
                                  ? match_column(column, &fields[column->number])
                                  : NULL;
        if (topic && heard(topic, ERA_V0))
            ret[count++] = topic;
    }
    return count;
}
