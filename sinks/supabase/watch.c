#include "watch.h"

#include "access.h"

struct interest {
    struct index_entry entry; /* by what it says */
    struct predicate *predicate;
    struct bucket *bucket; /* NULL: among the untested */
    struct interest *next, **place;
    struct binding *bindings;
    char key[];
};

/* Interests in a value of a column, or rather in its hash. */
struct bucket {
    struct index_entry entry;
    uint64_t hash;
    struct index *index;
    struct interest *first;
};

static void *allocate(const struct watch *watch, size_t size) {
    return watch->supabase->table->common.allocate(watch->supabase->host, size);
}

static void release(const struct watch *watch, void *memory) {
    watch->supabase->table->common.release(watch->supabase->host, memory);
}

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

/* ---- Interests ---- */

static struct bucket *bucket_get(struct watch *watch, size_t column, uint64_t hash) {
    struct index *index = &watch->by_column[column].values;
    struct sgr_slice key = {(const char *)&hash, sizeof(hash)};
    struct bucket *bucket = (struct bucket *)index_find(index, key);
    if (bucket)
        return bucket;
    bucket = allocate(watch, sizeof(*bucket));
    if (!bucket)
        return NULL;
    bucket->hash = hash;
    bucket->index = index;
    key.data = (const char *)&bucket->hash;
    if (index_add(index, &bucket->entry, key))
        return bucket;
    release(watch, bucket);
    return NULL;
}

static bool interest_place(struct watch *watch, struct interest *interest) {
    size_t column;
    uint64_t hash;
    struct interest **first = &watch->untested;
    if (predicate_key(interest->predicate, &column, &hash)) {
        interest->bucket = bucket_get(watch, column, hash);
        if (!interest->bucket)
            return false;
        first = &interest->bucket->first;
    }
    interest->place = first;
    interest->next = *first;
    if (interest->next)
        interest->next->place = &interest->next;
    *first = interest;
    return true;
}

static void interest_free(struct watch *watch, struct interest *interest) {
    struct bucket *bucket = interest->bucket;
    if (interest->place) {
        *interest->place = interest->next;
        if (interest->next)
            interest->next->place = interest->place;
    }
    if (bucket && !bucket->first) {
        index_remove(bucket->index, &bucket->entry);
        release(watch, bucket);
    }
    predicate_free(interest->predicate);
    release(watch, interest);
}

/* What an interest says: the values that the rule asks for, and the filter. */
static void write_key(const struct watch *watch, const struct audience *audience,
                      const struct wish *wish, struct sgr_text *key) {
    for (size_t i = 0; watch->rule && i < watch->rule->count; i++) {
        struct sgr_slice claim = access_claim(audience->pass, watch->rule->terms[i].claim);
        sgr_text_add(key, (const char *)&claim.size, sizeof(claim.size));
        sgr_text_slice(key, claim);
    }
    sgr_text_slice(key, wish->filter);
}

/* The rule's terms, for this audience. */
static int read_rule(const struct watch *watch, const struct audience *audience,
                     struct condition **conditions, size_t *count) {
    struct condition_maker maker = {&watch->supabase->table->common, watch->supabase->host};
    for (*count = 0; watch->rule && *count < watch->rule->count;) {
        const struct access_term *term = &watch->rule->terms[*count];
        struct sgr_slice claim = access_claim(audience->pass, term->claim);
        conditions[*count] = condition_equal(&maker, term->column, claim);
        if (!conditions[*count])
            return SGR_ENOMEM;
        ++*count;
    }
    return SGR_OK;
}

/* A claim that the column's type cannot hold equals none of its values: SGR_EUNAVAILABLE. */
static int bind_conditions(const struct watch *watch, struct condition *const *conditions,
                           size_t rule, size_t count, struct predicate **ret,
                           struct sgr_error *error) {
    const struct condition *const *all = (const struct condition *const *)conditions;
    struct predicate *alone = NULL;
    int code = predicate_new(&watch->columns, all, count, ret, error);
    if (!code || code == SGR_ENOMEM || !rule)
        return code;
    int rule_code = predicate_new(&watch->columns, all, rule, &alone, NULL);
    predicate_free(alone);
    return rule_code ? SGR_EUNAVAILABLE : code;
}

static int read_predicate(const struct watch *watch, const struct audience *audience,
                          const struct wish *wish, struct predicate **ret,
                          struct sgr_error *error) {
    struct condition_maker maker = {&watch->supabase->table->common, watch->supabase->host};
    size_t rule = 0, most = (watch->rule ? watch->rule->count : 0) + 1;
    struct condition **conditions = allocate(watch, most * sizeof(struct condition *));
    if (!conditions)
        return out_of_memory(error);
    int code = read_rule(watch, audience, conditions, &rule);
    if (code)
        out_of_memory(error);
    else {
        conditions[rule] = wish->condition;
        code =
            bind_conditions(watch, conditions, rule, rule + (wish->condition != NULL), ret, error);
    }
    for (size_t i = 0; i < rule; i++)
        condition_free(&maker, conditions[i]);
    release(watch, conditions);
    return code;
}

static int interest_new(struct watch *watch, const struct audience *audience,
                        const struct wish *wish, struct sgr_slice key, struct interest **ret,
                        struct sgr_error *error) {
    struct interest *interest = allocate(watch, sizeof(*interest) + key.size);
    if (!interest)
        return out_of_memory(error);
    int code = read_predicate(watch, audience, wish, &interest->predicate, error);
    if (!code && !interest_place(watch, interest))
        code = out_of_memory(error);
    if (key.size)
        memcpy(interest->key, key.data, key.size);
    if (!code && !index_add(&watch->interests, &interest->entry,
                            (struct sgr_slice){interest->key, key.size}))
        code = out_of_memory(error);
    if (code)
        interest_free(watch, interest);
    else
        *ret = interest;
    return code;
}

static int interest_get(struct watch *watch, const struct audience *audience,
                        const struct wish *wish, struct interest **ret, struct sgr_error *error) {
    struct sgr_text text = sgr_text_new(&watch->supabase->table->common, watch->supabase->host);
    int code = SGR_OK;
    write_key(watch, audience, wish, &text);
    struct sgr_slice key = {text.data ? text.data : "", text.size};
    *ret = text.failed ? NULL : (struct interest *)index_find(&watch->interests, key);
    if (text.failed)
        code = out_of_memory(error);
    else if (!*ret)
        code = interest_new(watch, audience, wish, key, ret, error);
    sgr_text_free(&text);
    return code;
}

static void interest_release(struct watch *watch, struct interest *interest) {
    if (interest->bindings)
        return;
    index_remove(&watch->interests, &interest->entry);
    interest_free(watch, interest);
}

/* ---- Selections ---- */

static void selection_release(struct watch *watch, struct selection *selection) {
    struct selection **place = &watch->selections;
    if (!selection || --selection->users)
        return;
    while (*place != selection)
        place = &(*place)->next;
    *place = selection->next;
    json_decref((json_t *)selection->select);
    sgr_text_free(&selection->data);
    release(watch, selection->shown);
    release(watch, selection);
}

static int choose(const struct watch *watch, struct selection *selection, struct sgr_error *error) {
    size_t count = selection->select ? json_array_size(selection->select) : 0;
    selection->shown = allocate(watch, watch->columns.count + 1);
    if (!selection->shown)
        return out_of_memory(error);
    memset(selection->shown, !selection->select, watch->columns.count);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(selection->select, i));
        size_t column = columns_find(&watch->columns, (struct sgr_slice){name, strlen(name)});
        if (column == SIZE_MAX)
            return sgr_error_set(error, SGR_ENOTFOUND, "invalid column for select %.100s", name);
        selection->shown[column] = true;
    }
    return SGR_OK;
}

static bool same_select(const json_t *a, const json_t *b) {
    return a && b ? json_equal(a, b) : a == b;
}

static int selection_get(struct watch *watch, const json_t *select, struct selection **ret,
                         struct sgr_error *error) {
    for (struct selection *selection = watch->selections; selection; selection = selection->next)
        if (same_select(selection->select, select)) {
            selection->users++;
            *ret = selection;
            return SGR_OK;
        }
    struct selection *selection = allocate(watch, sizeof(*selection));
    if (!selection)
        return out_of_memory(error);
    selection->users = 1;
    selection->select = json_incref((json_t *)select);
    selection->data = sgr_text_new(&watch->supabase->table->common, watch->supabase->host);
    selection->next = watch->selections;
    watch->selections = selection;
    int code = choose(watch, selection, error);
    if (code)
        selection_release(watch, selection);
    else
        *ret = selection;
    return code;
}

/* ---- Bindings ---- */

static void binding_link(struct binding *binding) {
    struct interest *interest = binding->interest;
    struct audience *audience = binding->audience;
    binding->place = &interest->bindings;
    binding->next = interest->bindings;
    if (binding->next)
        binding->next->place = &binding->next;
    interest->bindings = binding;
    binding->place_own = &audience->bindings;
    binding->next_own = audience->bindings;
    if (binding->next_own)
        binding->next_own->place_own = &binding->next_own;
    audience->bindings = binding;
}

static void binding_free(struct watch *watch, struct binding *binding) {
    *binding->place = binding->next;
    if (binding->next)
        binding->next->place = binding->place;
    *binding->place_own = binding->next_own;
    if (binding->next_own)
        binding->next_own->place_own = binding->place_own;
    interest_release(watch, binding->interest);
    selection_release(watch, binding->selection);
    release(watch, binding);
}

static int bind(struct watch *watch, struct audience *audience, size_t i, struct sgr_error *error) {
    const struct wish *wish = &audience->wishes[i];
    struct binding *binding = allocate(watch, sizeof(*binding));
    if (!binding)
        return out_of_memory(error);
    *binding =
        (struct binding){.watch = watch, .audience = audience, .events = wish->events, .id = i + 1};
    int code = interest_get(watch, audience, wish, &binding->interest, error);
    if (!code) {
        code = selection_get(watch, wish->select, &binding->selection, error);
        if (code)
            interest_release(watch, binding->interest);
    }
    if (code)
        release(watch, binding);
    else
        binding_link(binding);
    return code;
}

/* Whoever's token lacks a claim of the rule sees no row. */
static bool may_see(const struct watch *watch, const struct audience *audience) {
    for (size_t i = 0; watch->rule && i < watch->rule->count; i++)
        if (!access_claim(audience->pass, watch->rule->terms[i].claim).data)
            return false;
    return true;
}

/* A wish that names the table only by a star is content with those that have its columns. */
static bool is_fault(const struct audience *audience, const struct wish *wish, int code) {
    return code == SGR_ENOMEM ||
           (code && code != SGR_EUNAVAILABLE && audience->era == ERA_V2 && wish_is_exact(wish));
}

int watch_bind(struct watch *watch, struct audience *audience, struct sgr_error *error) {
    if ((audience->era == ERA_V0 && !watch->rule) || watch->is_hidden || !may_see(watch, audience))
        return SGR_OK;
    for (size_t i = 0; i < audience->count; i++) {
        const struct wish *wish = &audience->wishes[i];
        int code = wish_fits(wish, watch->table->schema, watch->table->name)
                       ? bind(watch, audience, i, error)
                       : SGR_OK;
        if (!is_fault(audience, wish, code))
            continue;
        if (code != SGR_ENOMEM)
            wish_explain(wish, error);
        return code;
    }
    return SGR_OK;
}

void watch_unbind(struct audience *audience) {
    while (audience->bindings)
        binding_free(audience->bindings->watch, audience->bindings);
}

/* ---- Life ---- */

static const char *put_text(char **place, const char *text) {
    char *at = *place;
    strcpy(at, text);
    *place += strlen(text) + 1;
    return at;
}

static bool copy_columns(struct watch *watch, const struct sgr_relation *relation) {
    struct columns *columns = &watch->columns;
    size_t count = relation->column_count, size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(relation->columns[i].name) + strlen(relation->columns[i].type_name) + 2;
    columns->items = allocate(watch, (count + 1) * sizeof(*columns->items));
    watch->by_column = allocate(watch, (count + 1) * sizeof(*watch->by_column));
    char *place = watch->texts = allocate(watch, size);
    if (!columns->items || !watch->by_column || !place)
        return false;
    columns->count = count;
    for (size_t i = 0; i < count; i++) {
        columns->items[i] = relation->columns[i];
        columns->items[i].name = put_text(&place, relation->columns[i].name);
        columns->items[i].type_name = put_text(&place, relation->columns[i].type_name);
        watch->by_column[i].values =
            index_new(&watch->supabase->table->common, watch->supabase->host);
    }
    return true;
}

static void warn(const struct watch *watch, struct sgr_slice column) {
    const struct table *table = watch->table;
    watch->supabase->table->common.log(watch->supabase->host, SGR_LOG_WARN,
                                       "a DELETE of %.*s.%.*s is shown to nobody: \"rows\" asks "
                                       "for its column %.*s, which is not in "
                                       "the table's replica identity",
                                       (int)table->schema.size, table->schema.data,
                                       (int)table->name.size, table->name.data, (int)column.size,
                                       column.data);
}

/* A rule that cannot be followed must not show what it was to hide. */
static void find_rule(struct watch *watch) {
    const struct table *table = watch->table;
    watch->rule = access_find(&watch->supabase->access, table->schema, table->name);
    for (size_t i = 0; watch->rule && i < watch->rule->count; i++) {
        struct sgr_slice column = watch->rule->terms[i].column;
        size_t found = columns_find(&watch->columns, column);
        if (found != SIZE_MAX) {
            if (!table->full && !watch->columns.items[found].key)
                warn(watch, column);
            continue;
        }
        watch->is_hidden = true;
        watch->supabase->table->common.log(watch->supabase->host, SGR_LOG_ERROR,
                                           "nobody is sent rows of %.*s.%.*s: \"rows\" asks for "
                                           "its column %.*s, which is not there",
                                           (int)table->schema.size, table->schema.data,
                                           (int)table->name.size, table->name.data,
                                           (int)column.size, column.data);
    }
}

struct watch *watch_new(struct supabase *supabase, const struct table *table,
                        const struct sgr_relation *relation) {
    struct watch *watch = supabase->table->common.allocate(supabase->host, sizeof(*watch));
    if (!watch)
        return NULL;
    watch->supabase = supabase;
    watch->table = table;
    watch->columns.table = supabase->table;
    watch->columns.host = supabase->host;
    watch->interests = index_new(&supabase->table->common, supabase->host);
    if (!copy_columns(watch, relation)) {
        watch_free(watch);
        return NULL;
    }
    find_rule(watch);
    return watch;
}

static void free_bindings(struct watch *watch, struct interest *interest) {
    while (interest) {
        struct interest *next = interest->next;
        for (struct binding *binding = interest->bindings, *after; binding; binding = after) {
            after = binding->next; /* the last one takes the interest along */
            binding_free(watch, binding);
        }
        interest = next;
    }
}

static void free_buckets(struct watch *watch, struct index *index) {
    for (size_t i = 0; i < index->capacity; i++)
        while (index->buckets[i])
            free_bindings(watch, ((struct bucket *)index->buckets[i])->first);
    index_free(index);
}

void watch_free(struct watch *watch) {
    if (!watch)
        return;
    free_bindings(watch, watch->untested);
    for (size_t i = 0; i < watch->columns.count; i++)
        free_buckets(watch, &watch->by_column[i].values);
    index_free(&watch->interests);
    release(watch, watch->columns.items);
    release(watch, watch->by_column);
    release(watch, watch->texts);
    release(watch, watch);
}

/* ---- Old rows ---- */

static bool same_text(const struct sgr_field *a, const struct sgr_field *b) {
    return a && b && a->kind == SGR_FIELD_TEXT && b->kind == SGR_FIELD_TEXT && a->size == b->size &&
           memcmp(a->data, b->data, a->size) == 0;
}

/* The same texts hold the same claims; what the old row does not say may have been anybody's. */
bool watch_tells_old(const struct watch *watch, const struct sgr_change *change) {
    struct row row = {.columns = &watch->columns, .change = change};
    if (change->kind != SGR_UPDATE || change->old_kind == SGR_OLD_NONE)
        return true;
    for (size_t i = 0; watch->rule && i < watch->rule->count; i++) {
        size_t column = columns_find(&watch->columns, watch->rule->terms[i].column);
        if (column == SIZE_MAX || !same_text(row_field(&row, column), row_old_field(&row, column)))
            return false;
    }
    return true;
}

/* ---- Matching ---- */

static unsigned row_events(enum sgr_change_kind kind) {
    return rules_event_of(kind) & (EVENT_INSERT | EVENT_UPDATE | EVENT_DELETE);
}

static void ask(const struct watch *watch, const struct interest *interest, const struct row *row,
                void (*hit)(struct supabase *supabase, struct binding *binding)) {
    unsigned event = row_events(row->change->kind);
    for (; interest; interest = interest->next) {
        if (!predicate_holds(interest->predicate, row))
            continue;
        for (struct binding *binding = interest->bindings; binding; binding = binding->next)
            if (binding->events & event)
                hit(watch->supabase, binding);
    }
}

void watch_match_one(const struct watch *watch, const struct audience *audience,
                     const struct sgr_change *change,
                     void (*hit)(struct supabase *supabase, struct binding *binding)) {
    struct row row = {.columns = &watch->columns, .change = change};
    unsigned event = row_events(change->kind);
    for (struct binding *binding = audience->bindings; binding; binding = binding->next_own)
        if (binding->watch == watch && (binding->events & event) &&
            predicate_holds(binding->interest->predicate, &row))
            hit(watch->supabase, binding);
}

void watch_match(const struct watch *watch, const struct sgr_change *change,
                 void (*hit)(struct supabase *supabase, struct binding *binding)) {
    struct row row = {.columns = &watch->columns, .change = change};
    if (!row_events(change->kind))
        return;
    ask(watch, watch->untested, &row, hit);
    for (size_t i = 0; i < watch->columns.count; i++) {
        const struct index *index = &watch->by_column[i].values;
        uint64_t hash;
        if (!index->count || !row_hash(&row, i, &hash))
            continue;
        struct sgr_slice key = {(const char *)&hash, sizeof(hash)};
        const struct bucket *bucket = (const struct bucket *)index_find(index, key);
        if (bucket)
            ask(watch, bucket->first, &row, hit);
    }
}
