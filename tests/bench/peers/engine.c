/* Our engine alone, for comparison with libraries that compute the same query in their own process: no Postgres, no client, no wire.
 *
 *     peers-engine USERS UPDATES RESULT
 *
 * Makes the followeds data set by arithmetic (as followeds.sql does), hands it to the engine as a source's snapshot, subscribes to user 1,
 * and then commits the updates one by one (lines `id<TAB>name` for places). Each commit goes all the way to rendered patches, which are
 * taken from the hub as the network side would. Writes the document before and after to RESULT.before and RESULT.after; prints `name
 * value` lines. The engine runs in virtual time, so on this thread alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "engine/engine.h"

/* History is what clients that were away resume from; the libraries keep none. */
static const char config[] =
    "server: { history: { age: 0s, bytes: 0 } }\n"
    "sources:\n"
    "  app:\n"
    "    plugin: memory\n"
    "    tables:\n"
    "      users: { columns: { id: int, name: text }, key: [id] }\n"
    "      places: { columns: { id: int, name: text }, key: [id] }\n"
    "      users_followeds: { columns: { user_id: int, followed_id: int }, key: [user_id, "
    "followed_id] }\n"
    "      users_places: { columns: { user_id: int, place_id: int }, key: [user_id, place_id] }\n"
    "views:\n"
    "  /followeds:\n"
    "    from: app.users\n"
    "    params: { user: int }\n"
    "    get: { id: $user }\n"
    "    populate:\n"
    "      followeds:\n"
    "        from: app.users\n"
    "        via: app.users_followeds (user_id -> followed_id)\n"
    "        populate:\n"
    "          places: { from: app.places, via: app.users_places (user_id -> place_id) }\n";

enum { MICROSECONDS_APART = 1000 }; /* commits, in virtual time: the engine's timers run too */

struct update {
    char id[12], name[40];
};

struct bench {
    struct sgr_engine *engine;
    struct engine_source *source;
    const char *result; /* prefix of the files that documents go to */
    const char *suffix;
    struct update *updates;
    size_t update_count;
    uint64_t frames, patch_bytes, documents;
};

static void must(int code, const char *what, const struct sgr_error *error) {
    if (code)
        bench_die("%s: %s (%s)", what, error->message, error->context);
}

static double cpu_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double resident_mb(void) {
    char line[256];
    long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    if (!file || !kb)
        bench_die("/proc/self/status is not as expected");
    fclose(file);
    return (double)kb / 1024;
}

/* ---- What the network side would take ---- */

static bool on_state(void *data, const struct sgr_hub_answer *answer) {
    struct bench *bench = data;
    if (answer->state.answer != SGR_ANSWER_SNAPSHOT)
        bench_die("no snapshot: %s", answer->state.message ? answer->state.message : "");
    char path[4096];
    snprintf(path, sizeof(path), "%s.%s", bench->result, bench->suffix);
    const struct sgr_bytes *document = answer->state.document;
    FILE *file = fopen(path, "w");
    if (!file || fwrite(document->data, 1, document->size, file) != document->size || fclose(file))
        bench_die("cannot write %s", path);
    bench->documents++;
    return true;
}

static void on_commit(void *data, const struct sgr_hub_commit *commit) {
    struct bench *bench = data;
    bench->frames++;
    for (size_t i = 0; i < commit->count; i++)
        bench->patch_bytes += commit->items[i].patches->size;
}

static void on_stale(void *data, bool stale) {
    (void)data;
    (void)stale;
}

static void on_drain(void *data) {
    (void)data;
}

static void on_lost(void *data) {
    (void)data;
    bench_die("out of memory");
}

static void receive(struct bench *bench) {
    static const struct sgr_hub_handler handler = {.state = on_state,
                                                   .commit = on_commit,
                                                   .stale = on_stale,
                                                   .drain = on_drain,
                                                   .lost = on_lost};
    if (bench->engine->failure.code)
        bench_die("the engine failed: %s", bench->engine->failure.message);
    while (sgr_hub_receive(bench->engine->hub, &handler, bench, 1000)) {
    }
}

static void settle(struct bench *bench) {
    for (int i = 0; i < 8; i++)
        sgr_loop_advance(bench->engine->loop, 0);
    receive(bench);
}

/* ---- The source's part ---- */

static struct sgr_relation *table_named(struct bench *bench, const char *name) {
    for (size_t i = 0; i < bench->source->plan->table_count; i++)
        if (strcmp(bench->source->relations[i].name, name) == 0)
            return &bench->source->relations[i].description;
    bench_die("no table %s", name);
}

static void pair_row(struct bench *bench, struct sgr_relation *relation, long first, long second) {
    char text[2][24];
    struct sgr_error error = {0};
    struct sgr_field fields[2] = {
        {text[0], (uint32_t)sprintf(text[0], "%ld", first), SGR_FIELD_TEXT},
        {text[1], (uint32_t)sprintf(text[1], "%ld", second), SGR_FIELD_TEXT}};
    must(sgr__source_host()->snapshot_row(bench->source, relation, fields, &error), "row", &error);
}

static void named_rows(struct bench *bench, const char *table, const char *word, long count) {
    struct sgr_relation *relation = table_named(bench, table);
    for (long id = 1; id <= count; id++) {
        char text[24], name[40];
        struct sgr_error error = {0};
        struct sgr_field fields[2] = {
            {text, (uint32_t)sprintf(text, "%ld", id), SGR_FIELD_TEXT},
            {name, (uint32_t)sprintf(name, "%s %ld", word, id), SGR_FIELD_TEXT}};
        must(sgr__source_host()->snapshot_row(bench->source, relation, fields, &error), "row",
             &error);
    }
}

static void edges(struct bench *bench, long users) {
    struct sgr_relation *follows = table_named(bench, "users_followeds"),
                        *visits = table_named(bench, "users_places");
    for (long followed = 2; followed <= 1001; followed++)
        pair_row(bench, follows, 1, followed);
    for (long user = 2; user <= users - 99; user++)
        for (long k = 0; k < 10; k++)
            pair_row(bench, follows, user, (user * 7919 + k * 9973) % users + 1);
    for (long user = 1; user <= users; user++)
        for (long k = 0; k < 5; k++)
            pair_row(bench, visits, user,
                     (user * 31 + k * 3001) % (user >= 2 && user <= 1001 ? 15000 : 20000) + 1);
}

static void fill(struct bench *bench, long users) {
    struct sgr_error error = {0};
    sgr__source_host()->state(bench->source, SGR_SOURCE_SNAPSHOT, NULL);
    must(sgr__source_host()->begin_snapshot(bench->source, "bench", &error), "snapshot", &error);
    named_rows(bench, "users", "user", users);
    named_rows(bench, "places", "place", 20000);
    edges(bench, users);
    must(sgr__source_host()->end_snapshot(bench->source, 0, &error), "snapshot", &error);
    sgr__source_host()->state(bench->source, SGR_SOURCE_STREAMING, NULL);
    settle(bench);
}

static void commit_update(struct bench *bench, struct sgr_relation *places,
                          const struct update *update, uint32_t number) {
    struct sgr_error error = {0};
    struct sgr_field fields[2] = {{update->id, (uint32_t)strlen(update->id), SGR_FIELD_TEXT},
                                  {update->name, (uint32_t)strlen(update->name), SGR_FIELD_TEXT}};
    struct sgr_change change = {.kind = SGR_UPDATE, .relation = places, .new_fields = fields};
    struct sgr_transaction transaction = {
        .xid = number, .commit_lsn = number * 256ull - 128, .end_lsn = number * 256ull};
    const struct sgr_source_host *host = sgr__source_host();
    must(host->begin(bench->source, &transaction, &error), "begin", &error);
    must(host->change(bench->source, &change, &error), "change", &error);
    must(host->commit(bench->source, &transaction, &error), "commit", &error);
    sgr_loop_advance(bench->engine->loop, MICROSECONDS_APART);
    receive(bench);
}

/* ---- The run ---- */

static void no_wake(void *data) {
    (void)data;
}

/* In place of the memory source's: what it would give is given by `fill`. */
static int start_nothing(void *state, struct sgr_relation *const *relations, size_t count,
                         struct sgr_error *error) {
    (void)state;
    (void)relations;
    (void)count;
    (void)error;
    return SGR_OK;
}

static void start(struct bench *bench) {
    static struct sgr_source_methods played;
    struct sgr_engine_options options = {.size = sizeof(options),
                                         .config_text = config,
                                         .config_file = "peers.yaml",
                                         .log_level = SGR_LOG_WARN};
    struct sgr_error error = {0};
    must(sgr__engine_new(&options, true, &bench->engine, &error), "config", &error);
    must(sgr__engine_start(bench->engine, &error), "start", &error);
    sgr_hub_on_events(bench->engine->hub, no_wake, NULL);
    bench->source = &bench->engine->sources[0];
    played = *bench->source->methods;
    played.start = start_nothing;
    bench->source->methods = &played;
    settle(bench);
}

static void ask_document(struct bench *bench, uint64_t id, const char *suffix, bool once) {
    struct sgr_parameter_text user = {sgr_slice("user"), sgr_slice("1")};
    struct sgr_subscribe what = {
        .view = sgr_slice("/followeds"), .parameters = &user, .parameter_count = 1};
    uint64_t before = bench->documents;
    bench->suffix = suffix;
    if (sgr_hub_subscribe(bench->engine->hub, id, &what, once))
        bench_die("cannot subscribe");
    settle(bench);
    if (bench->documents == before)
        bench_die("no document");
}

static void read_updates(struct bench *bench, const char *path) {
    FILE *file = fopen(path, "r");
    if (!file)
        bench_die("cannot read %s", path);
    size_t capacity = 0;
    struct update update;
    while (fscanf(file, "%11[^\t]\t%39[^\n]\n", update.id, update.name) == 2) {
        if (bench->update_count == capacity) {
            capacity = capacity * 2 + 1024;
            bench->updates = realloc(bench->updates, capacity * sizeof(update));
            if (!bench->updates)
                bench_die("out of memory");
        }
        bench->updates[bench->update_count++] = update;
    }
    fclose(file);
    if (!bench->update_count)
        bench_die("%s has no updates", path);
}

static void run_updates(struct bench *bench) {
    struct sgr_relation *places = table_named(bench, "places");
    struct bench_samples times = {0};
    double start = bench_now(), before = cpu_now(), last = start;
    for (size_t i = 0; i < bench->update_count; i++) {
        commit_update(bench, places, &bench->updates[i], (uint32_t)i + 1);
        double now = bench_now();
        bench_sample(&times, now - last);
        last = now;
    }
    double cpu = cpu_now() - before, count = (double)bench->update_count;
    printf("change_us %.3f\nwall_us %.3f\n", cpu / count * 1e6, (last - start) / count * 1e6);
    printf("p50_us %.3f\np99_us %.3f\n", bench_quantile(&times, .5) * 1e6,
           bench_quantile(&times, .99) * 1e6);
    printf("frames %llu\npatch_bytes %.1f\n", (unsigned long long)bench->frames,
           (double)bench->patch_bytes / (double)bench->frames);
    free(times.values);
}

int main(int argc, char **argv) {
    if (argc != 4)
        bench_die("usage: peers-engine USERS UPDATES RESULT");
    struct bench bench = {.result = argv[3]};
    read_updates(&bench, argv[2]);
    double begin = bench_now();
    start(&bench);
    fill(&bench, atol(argv[1]));
    ask_document(&bench, 1, "before", false);
    printf("load_s %.3f\nloaded_mb %.1f\n", bench_now() - begin, resident_mb());
    run_updates(&bench);
    printf("memory_mb %.1f\n", resident_mb());
    ask_document(&bench, 2, "after", true);
    sgr__engine_end(bench.engine);
    sgr_engine_free(bench.engine);
    free(bench.updates);
    return 0;
}
