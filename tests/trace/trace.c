/* Runs a trace: an engine in virtual time, driven and watched through the same seams as the product.
 *
 *     # what it proves
 *     config:
 *       …YAML, indented by two…
 *     steps:
 *     > subscribe NAME VIEW [param=value …] [codec=…] [cursor=@OTHER]   @OTHER: the last cursor that OTHER saw
 *     > insert|update|delete SOURCE.TABLE {new row} [{old row}]          within a transaction that `commit` ends
 *     > truncate SOURCE.TABLE
 *     > commit [SOURCE]
 *     > snapshot SOURCE [EPOCH]                                          rows follow, an eventual source's changes, and its end or abort
 *     > row SOURCE.TABLE {row}
 *     > end|abort SOURCE
 *     > down|up SOURCE                                                   what the source says of itself
 *     > tick 3s                                                          virtual time passes
 *     > unsubscribe NAME
 *     > nodes | counters NODE | rows
 *     < …what came out…
 *
 * Plugins of tests/ can be used, too: `feed` is the memory source as an eventual one.
 * The output must equal the `<` lines; `trace --update FILE` rewrites them. Cursors are shown as c1, c2, … in order of appearance.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/vector.h"
#include "engine/engine.h"

struct client {
    char name[32];
    uint64_t id;
    uint32_t channel;
    struct sgr_buffer cursor;
};

struct trace {
    struct sgr_engine *engine;
    struct sgr_buffer out; /* the file as it would be */
    struct client clients[64];
    size_t client_count;
    struct sgr_map *cursors; /* token → ordinal */
    uint64_t next_id, lsn;
    uint32_t xid;
    bool in_transaction;
};

static void die(const char *what, const struct sgr_error *error) {
    fprintf(stderr, "trace: %s: %s (%s)\n", what, error ? error->message : "",
            error ? error->context : "");
    exit(1);
}

/* ---- Output ---- */

static unsigned cursor_number(struct trace *trace, struct sgr_slice token) {
    uintptr_t known = (uintptr_t)sgr_map_get(trace->cursors, token);
    if (!known) {
        known = sgr_map_count(trace->cursors) + 1;
        sgr_map_put(trace->cursors, token, (void *)known, NULL);
    }
    return (unsigned)known;
}

static struct client *client_of(struct trace *trace, uint64_t id, uint32_t channel, size_t *from) {
    for (; *from < trace->client_count; (*from)++) {
        struct client *client = &trace->clients[*from];
        if (id ? client->id == id : client->id && client->channel == channel)
            return &trace->clients[(*from)++];
    }
    return NULL;
}

static void see_cursor(struct client *client, struct sgr_slice token) {
    sgr_buffer_clear(&client->cursor);
    sgr_buffer_slice(&client->cursor, token);
}

static void print_answer(struct trace *trace, struct client *client,
                         const struct sgr_hub_answer *answer) {
    static const char *const words[] = {"snapshot", "resumed", "reset", "error"};
    const struct sgr_state *state = &answer->state;
    client->channel = answer->channel;
    sgr_buffer_printf(&trace->out, "< %s %s", client->name, words[state->answer]);
    if (state->answer == SGR_ANSWER_ERROR) {
        sgr_buffer_printf(&trace->out, " %d %s: %s\n", state->status, state->code, state->message);
        client->id = 0;
        return;
    }
    see_cursor(client, state->cursor);
    sgr_buffer_printf(&trace->out, " c%u", cursor_number(trace, state->cursor));
    if (state->reason)
        sgr_buffer_printf(&trace->out, " (%s)", state->reason);
    if (state->stale)
        sgr_buffer_puts(&trace->out, " stale");
    if (state->document)
        sgr_buffer_printf(&trace->out, " %.*s", (int)state->document->size, state->document->data);
    sgr_buffer_putc(&trace->out, '\n');
}

/* `id` 0: to all of the channel. False: there is none. */
static bool print_state(struct trace *trace, const struct sgr_hub_answer *answer) {
    size_t from = 0, count = 0;
    for (struct client *client; (client = client_of(trace, answer->id, answer->channel, &from));
         count++)
        print_answer(trace, client, answer);
    return count;
}

static bool on_state(void *data, const struct sgr_hub_answer *answer) {
    return print_state(data, answer);
}

static void on_reset(void *data, const struct sgr_hub_answer *answer) {
    print_state(data, answer);
}

static void on_composed(void *data, uint64_t request, const struct sgr_hub_answer *answers,
                        size_t count) {
    (void)request;
    for (size_t i = 0; i < count; i++)
        print_state(data, &answers[i]);
}

static void print_item(struct trace *trace, const struct sgr_hub_commit *commit,
                       const struct sgr_hub_item *item) {
    size_t from = 0;
    for (struct client *client; (client = client_of(trace, 0, item->channel, &from));) {
        struct sgr_slice cursor = {commit->cursor->data, commit->cursor->size};
        struct sgr_slice previous = {item->previous->data, item->previous->size};
        bool follows = client->cursor.size == previous.size &&
                       memcmp(client->cursor.data, previous.data, previous.size) == 0;
        sgr_buffer_printf(&trace->out, "< %s %sc%u %.*s\n", client->name,
                          follows ? "" : "DOES NOT FOLLOW ", cursor_number(trace, cursor),
                          (int)item->patches->size, item->patches->data);
        see_cursor(client, cursor);
    }
}

static void on_commit(void *data, const struct sgr_hub_commit *commit) {
    for (size_t i = 0; i < commit->count; i++)
        print_item(data, commit, &commit->items[i]);
}

static void on_stale(void *data, bool stale) {
    struct trace *trace = data;
    sgr_buffer_printf(&trace->out, "< stale %s\n", stale ? "yes" : "no");
}

static void on_explained(void *data, uint64_t request, struct sgr_bytes *text) {
    (void)data;
    (void)request;
    (void)text;
}

static void on_drain(void *data) {
    (void)data;
}

static void receive(struct trace *trace) {
    static const struct sgr_hub_handler handler = {.state = on_state,
                                                   .composed = on_composed,
                                                   .commit = on_commit,
                                                   .reset = on_reset,
                                                   .stale = on_stale,
                                                   .explained = on_explained,
                                                   .drain = on_drain};
    if (trace->engine->failure.code)
        die("the engine failed", &trace->engine->failure);
    while (sgr_hub_receive(trace->engine->hub, &handler, trace, 1000)) {
    }
}

static void no_wake(void *data) {
    (void)data;
}

static void settle(struct trace *trace, int64_t microseconds) {
    sgr_loop_advance(trace->engine->loop, microseconds);
    /* A wake asked for during the turn is served by the next. */
    sgr_loop_advance(trace->engine->loop, 0);
    receive(trace);
}

/* ---- Steps ---- */

static void start(struct trace *trace, const char *config) {
    static const char *const plugins[] = {TEST_PLUGINS, NULL};
    struct sgr_engine_options options = {.size = sizeof(options),
                                         .plugin_directories = plugins,
                                         .config_text = config,
                                         .config_file = "trace.yaml",
                                         .log_level = SGR_LOG_WARN};
    struct sgr_error error = {0};
    if (sgr__engine_new(&options, true, &trace->engine, &error) ||
        sgr__engine_start(trace->engine, &error))
        die("start", &error);
    sgr_hub_on_events(trace->engine->hub, no_wake, NULL);
    for (int i = 0; i < 8; i++)
        settle(trace, 0);
}

static struct engine_source *source_of(struct trace *trace, const char *name, size_t length) {
    for (size_t i = 0; i < trace->engine->source_count; i++) {
        struct engine_source *source = &trace->engine->sources[i];
        if (strlen(source->plan->name) == length && memcmp(source->plan->name, name, length) == 0)
            return source;
    }
    die("no such source in a step", NULL);
    return NULL;
}

static struct engine_relation *relation_of(struct trace *trace, const char *name,
                                           struct engine_source **ret_source) {
    const char *dot = strchr(name, '.');
    if (!dot)
        die("a table is SOURCE.TABLE", NULL);
    struct engine_source *source = source_of(trace, name, (size_t)(dot - name));
    for (size_t i = 0; i < source->plan->table_count; i++)
        if (strcmp(source->relations[i].name, dot + 1) == 0) {
            *ret_source = source;
            return &source->relations[i];
        }
    die("no such table in a step", NULL);
    return NULL;
}

static char *value_text(const json_t *value) {
    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "t" : "f");
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

static struct sgr_field *fields_of(const struct sgr_relation *relation, json_t *row) {
    struct sgr_field *fields = calloc(relation->column_count + 1, sizeof(*fields));
    for (size_t i = 0; i < relation->column_count; i++) {
        json_t *value = json_object_get(row, relation->columns[i].name);
        if (!value || json_is_null(value)) {
            fields[i].kind = SGR_FIELD_NULL;
            continue;
        }
        char *text = value_text(value);
        bool unchanged = strcmp(text, "<unchanged>") == 0;
        fields[i] = (struct sgr_field){text, (uint32_t)strlen(text),
                                       unchanged ? SGR_FIELD_UNCHANGED : SGR_FIELD_TEXT};
    }
    return fields;
}

static void free_fields(const struct sgr_relation *relation, struct sgr_field *fields) {
    for (size_t i = 0; fields && i < relation->column_count; i++)
        free((char *)fields[i].data);
    free(fields);
}

/* The JSON text at *at as fields; moves *at behind it. NULL at the end of the line. */
static struct sgr_field *take_row(const struct sgr_relation *relation, const char **at) {
    json_error_t problem;
    json_t *row = json_loads(*at, JSON_DISABLE_EOF_CHECK, &problem);
    if (!row)
        return NULL;
    *at += problem.position;
    struct sgr_field *fields = fields_of(relation, row);
    json_decref(row);
    return fields;
}

static void change(struct trace *trace, enum sgr_change_kind kind, char *rest) {
    struct sgr_error error = {0};
    struct engine_source *source;
    char *space = strchr(rest, ' ');
    if (space)
        *space = '\0';
    struct engine_relation *relation = relation_of(trace, rest, &source);
    const char *at = space ? space + 1 : "";
    struct sgr_relation *description = &relation->description;
    struct sgr_field *first = take_row(description, &at),
                     *second = first ? take_row(description, &at) : NULL;
    struct sgr_change change = {.kind = kind, .relation = description};
    change.new_fields = kind == SGR_DELETE ? NULL : first;
    change.old_fields = kind == SGR_DELETE ? first : second;
    if (change.old_fields)
        change.old_kind = description->identity == SGR_IDENTITY_FULL ? SGR_OLD_FULL : SGR_OLD_KEY;
    int code = sgr__source_host()->change(source, &change, &error);
    if (code == SGR_ENOTFOUND || code == SGR_ELOST)
        sgr_buffer_printf(&trace->out, "< %s: %s\n", sgr_error_name(code), error.message);
    else if (code)
        die(rest, &error);
    free_fields(description, first);
    free_fields(description, second);
}

static void commit(struct trace *trace, const char *name) {
    struct sgr_error error = {0};
    struct engine_source *source =
        *name ? source_of(trace, name, strlen(name)) : &trace->engine->sources[0];
    trace->lsn = source->position + 8;
    struct sgr_transaction transaction = {.xid = ++trace->xid,
                                          .commit_lsn = trace->lsn - 4,
                                          .end_lsn = trace->lsn,
                                          .commit_time = sgr_loop_now(trace->engine->loop)};
    if (sgr__source_host()->commit(source, &transaction, &error))
        die("commit", &error);
}

static void snapshot(struct trace *trace, char *rest) {
    struct sgr_error error = {0};
    char *save = NULL, *name = strtok_r(rest, " ", &save), *epoch = strtok_r(NULL, " ", &save);
    struct engine_source *source = source_of(trace, name, strlen(name));
    char same[128];
    snprintf(same, sizeof(same), "%s", source->epoch);
    if (sgr__source_host()->begin_snapshot(source, epoch ? epoch : same, &error))
        die("snapshot", &error);
}

static void snapshot_row(struct trace *trace, char *rest) {
    struct sgr_error error = {0};
    struct engine_source *source;
    char *space = strchr(rest, ' ');
    *space = '\0';
    struct sgr_relation *relation = &relation_of(trace, rest, &source)->description;
    const char *at = space + 1;
    struct sgr_field *fields = take_row(relation, &at);
    if (sgr__source_host()->snapshot_row(source, relation, fields, &error))
        die(rest, &error);
    free_fields(relation, fields);
}

static void end_snapshot(struct trace *trace, const char *name) {
    struct sgr_error error = {0};
    struct engine_source *source = source_of(trace, name, strlen(name));
    if (sgr__source_host()->end_snapshot(source, source->position + 8, &error))
        die("end", &error);
}

static void say(struct trace *trace, const char *name, enum sgr_source_state state) {
    sgr__source_host()->state(source_of(trace, name, strlen(name)), state, NULL);
}

static struct client *find_client(struct trace *trace, const char *name) {
    for (size_t i = trace->client_count; i-- > 0;)
        if (strcmp(trace->clients[i].name, name) == 0)
            return &trace->clients[i];
    return NULL;
}

static void subscribe(struct trace *trace, char *rest) {
    struct sgr_parameter_text parameters[16];
    struct sgr_subscribe what = {.parameters = parameters};
    struct client *client = &trace->clients[trace->client_count++];
    char *save = NULL, *word = strtok_r(rest, " ", &save);
    snprintf(client->name, sizeof(client->name), "%s", word);
    what.view = sgr_slice(strtok_r(NULL, " ", &save));
    while ((word = strtok_r(NULL, " ", &save))) {
        char *equals = strchr(word, '=');
        *equals++ = '\0';
        if (strcmp(word, "codec") == 0)
            what.codec = equals;
        else if (strcmp(word, "cursor") == 0) {
            struct client *other = *equals == '@' ? find_client(trace, equals + 1) : NULL;
            what.cursor = other ? (struct sgr_slice){other->cursor.data, other->cursor.size}
                                : sgr_slice(equals);
        } else
            parameters[what.parameter_count++] = (struct sgr_parameter_text){
                sgr_slice(word),
                strcmp(equals, "null") == 0 ? (struct sgr_slice){0} : sgr_slice(equals)};
    }
    client->id = ++trace->next_id;
    sgr_hub_subscribe(trace->engine->hub, client->id, &what, false);
}

static void unsubscribe(struct trace *trace, const char *name) {
    struct client *client = find_client(trace, name);
    void *farewell = malloc(SGR_HUB_FAREWELL);
    if (!farewell)
        die("out of memory", NULL);
    sgr_hub_unsubscribe(trace->engine->hub, client->channel, farewell);
    client->id = 0;
}

static int64_t duration(const char *text) {
    char *unit;
    double number = strtod(text, &unit);
    return (int64_t)(number * (strcmp(unit, "ms") == 0  ? 1e3
                               : strcmp(unit, "s") == 0 ? 1e6
                                                        : 60e6));
}

static void print_views(struct trace *trace) {
    struct sgr_views_counters counters;
    sgr_views_counters(trace->engine->views, &counters);
    sgr_buffer_printf(&trace->out, "< instances %zu, collections %zu, members %zu\n",
                      counters.instances, counters.collections, counters.members);
}

static void print_work(struct trace *trace) {
    struct sgr_views_counters counters;
    sgr_views_counters(trace->engine->views, &counters);
    sgr_buffer_printf(&trace->out, "< edits %llu, rows read %llu\n",
                      (unsigned long long)counters.edits, (unsigned long long)counters.rows_read);
}

/* Rows made by arithmetic, for traces over much data: fill app.users 1000 {"id":"$n","name":"u$n"} */
static void fill(struct trace *trace, char *rest) {
    char *table = strtok(rest, " "), *count = strtok(NULL, " "), *template = strtok(NULL, "");
    for (long n = 1; n <= atol(count); n++) {
        struct sgr_buffer line = SGR_BUFFER_INIT;
        sgr_buffer_printf(&line, "%s ", table);
        for (const char *at = template; *at; at++) {
            if (at[0] == '$' && at[1] == 'n') {
                sgr_buffer_printf(&line, "%ld", n);
                at++;
            } else
                sgr_buffer_putc(&line, *at);
        }
        sgr_buffer_text(&line);
        change(trace, SGR_INSERT, line.data);
        sgr_buffer_fini(&line);
    }
}

static bool is(char *line, const char *word, char **rest) {
    size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || (line[length] && line[length] != ' '))
        return false;
    *rest = line + length + (line[length] == ' ');
    return true;
}

static void step(struct trace *trace, char *line) {
    char *rest;
    if (is(line, "subscribe", &rest))
        subscribe(trace, rest);
    else if (is(line, "unsubscribe", &rest))
        unsubscribe(trace, rest);
    else if (is(line, "insert", &rest))
        change(trace, SGR_INSERT, rest);
    else if (is(line, "update", &rest))
        change(trace, SGR_UPDATE, rest);
    else if (is(line, "delete", &rest))
        change(trace, SGR_DELETE, rest);
    else if (is(line, "truncate", &rest))
        change(trace, SGR_TRUNCATE, rest);
    else if (is(line, "fill", &rest))
        fill(trace, rest);
    else if (is(line, "commit", &rest))
        commit(trace, rest);
    else if (is(line, "snapshot", &rest))
        snapshot(trace, rest);
    else if (is(line, "row", &rest))
        snapshot_row(trace, rest);
    else if (is(line, "end", &rest))
        end_snapshot(trace, rest);
    else if (is(line, "abort", &rest))
        sgr__source_host()->abort(source_of(trace, rest, strlen(rest)));
    else if (is(line, "down", &rest))
        say(trace, rest, SGR_SOURCE_DOWN);
    else if (is(line, "up", &rest))
        say(trace, rest, SGR_SOURCE_STREAMING);
    else if (is(line, "tick", &rest))
        settle(trace, duration(rest));
    else if (is(line, "nodes", &rest))
        sgr_buffer_printf(&trace->out, "< nodes %zu\n", sgr_graph_node_count(trace->engine->graph));
    else if (is(line, "views", &rest))
        print_views(trace);
    else if (is(line, "work", &rest))
        print_work(trace);
    else
        die(line, NULL);
    settle(trace, 0);
}

/* ---- The file ---- */

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct sgr_buffer text = SGR_BUFFER_INIT;
    char block[4096];
    if (!file)
        die(path, NULL);
    for (size_t size; (size = fread(block, 1, sizeof(block), file));)
        sgr_buffer_append(&text, block, size);
    fclose(file);
    sgr_buffer_text(&text);
    return text.data;
}

static void run(struct trace *trace, char *text) {
    struct sgr_buffer config = SGR_BUFFER_INIT;
    enum { HEAD, CONFIG, STEPS } part = HEAD;
    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        else
            end = line + strlen(line);
        if (line[0] == '<')
            continue;
        sgr_buffer_puts(&trace->out, line);
        sgr_buffer_putc(&trace->out, '\n');
        if (strcmp(line, "config:") == 0)
            part = CONFIG;
        else if (strcmp(line, "steps:") == 0) {
            part = STEPS;
            start(trace, sgr_buffer_text(&config));
        } else if (part == CONFIG) {
            sgr_buffer_puts(&config, strncmp(line, "  ", 2) == 0 ? line + 2 : line);
            sgr_buffer_putc(&config, '\n');
        } else if (part == STEPS && line[0] == '>')
            step(trace, line + 2);
    }
    sgr_buffer_fini(&config);
}

int main(int argc, char **argv) {
    bool update = argc == 3 && strcmp(argv[1], "--update") == 0;
    if (argc != 2 && !update)
        return fprintf(stderr, "usage: trace [--update] FILE\n"), 2;
    const char *path = argv[argc - 1];
    struct trace trace = {.cursors = sgr_map_new()};
    char *text = read_file(path), *expected = strdup(text);
    run(&trace, text);
    const char *actual = sgr_buffer_text(&trace.out);
    bool same = strcmp(actual, expected) == 0;
    if (update) {
        FILE *file = fopen(path, "wb");
        fwrite(actual, 1, trace.out.size, file);
        fclose(file);
    } else if (!same)
        printf("%s: the trace differs; this is what came out:\n%s", path, actual);
    sgr_engine_free(trace.engine);
    for (size_t i = 0; i < trace.client_count; i++)
        sgr_buffer_fini(&trace.clients[i].cursor);
    sgr_map_free(trace.cursors);
    sgr_buffer_fini(&trace.out);
    free(text);
    free(expected);
    return same || update ? 0 : 1;
}
