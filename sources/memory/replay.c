#include "replay.h"

#include <errno.h>
#include <stdlib.h>

struct reader {
    struct memory_replay *replay;
    struct memory_table *tables;
    size_t table_count;
    size_t table; /* whose file it is */
    size_t first; /* number of the file's first operation */
};

uint64_t memory_hash(uint64_t hash, const char *text) {
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static int add(struct memory_replay *replay, const struct memory_operation *operation,
               struct sgr_error *error) {
    if (replay->count == replay->capacity) {
        size_t capacity = replay->capacity ? replay->capacity * 2 : 64;
        struct memory_operation *operations =
            realloc(replay->operations, capacity * sizeof(*operations));
        if (!operations)
            return sgr_error_set(error, SGR_ENOMEM, "out of memory for a file's operations");
        replay->operations = operations;
        replay->capacity = capacity;
    }
    replay->operations[replay->count++] = *operation;
    json_incref(operation->line);
    return SGR_OK;
}

static int find_table(const struct reader *reader, const json_t *line, size_t *ret,
                      struct sgr_error *error) {
    const char *name = json_string_value(json_object_get(line, "table"));
    *ret = reader->table;
    if (!name)
        return SGR_OK;
    for (size_t i = 0; i < reader->table_count; i++) {
        if (!memory_table_named(&reader->tables[i], name))
            continue;
        *ret = i;
        return SGR_OK;
    }
    return sgr_error_set(error, SGR_ECONFIG, "no table %s is declared", name);
}

static int read_change(struct reader *reader, json_t *line, enum sgr_change_kind kind,
                       struct sgr_error *error) {
    struct memory_operation operation = {.what = MEMORY_CHANGE,
                                         .kind = kind,
                                         .row = json_object_get(line, "row"),
                                         .old = json_object_get(line, "old"),
                                         .line = line};
    if (kind == SGR_DELETE && !operation.old) {
        operation.old = operation.row;
        operation.row = NULL;
    }
    if ((kind == SGR_INSERT || kind == SGR_UPDATE) && !operation.row)
        return sgr_error_set(error, SGR_ECONFIG, "the operation needs a row");
    if (kind == SGR_DELETE && !operation.old)
        return sgr_error_set(error, SGR_ECONFIG, "the operation needs an old row, or its key");
    int code = find_table(reader, line, &operation.table, error);
    return code ? code : add(reader->replay, &operation, error);
}

static bool in_transaction(const struct reader *reader) {
    const struct memory_replay *replay = reader->replay;
    return replay->count > reader->first &&
           replay->operations[replay->count - 1].what == MEMORY_CHANGE;
}

static int read_operation(struct reader *reader, json_t *line, const char *name,
                          struct sgr_error *error) {
    static const struct {
        const char *name;
        enum sgr_change_kind kind;
    } kinds[] = {{"insert", SGR_INSERT},
                 {"update", SGR_UPDATE},
                 {"delete", SGR_DELETE},
                 {"truncate", SGR_TRUNCATE}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return read_change(reader, line, kinds[i].kind, error);
    struct memory_operation operation = {.what = MEMORY_COMMIT, .line = line};
    if (strcmp(name, "commit") == 0)
        return add(reader->replay, &operation, error);
    operation.what = MEMORY_WAIT;
    if (in_transaction(reader))
        return sgr_error_set(error, SGR_ECONFIG,
                             "'%s' cannot stand within a transaction: commit first", name);
    const char *wait = json_string_value(json_object_get(line, "for"));
    if (strcmp(name, "wait") == 0 && wait && memory_duration(wait, &operation.wait))
        return add(reader->replay, &operation, error);
    return sgr_error_set(error, SGR_ECONFIG,
                         "'%s' is no operation: insert, update, delete, truncate, commit, or wait "
                         "with for: a duration",
                         name);
}

static bool has_column(const struct memory_table *table, const char *name) {
    for (size_t i = 0; i < table->description.column_count; i++)
        if (strcmp(table->description.columns[i].name, name) == 0)
            return true;
    return false;
}

static int read_line(struct reader *reader, const char *text, struct sgr_error *error) {
    struct memory_table *table = &reader->tables[reader->table];
    json_error_t fault;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
    if (!line)
        return sgr_error_set(error, SGR_ECONFIG, "%s (column %d)", fault.text, fault.column);
    const char *operation = json_string_value(json_object_get(line, "op"));
    int code = SGR_OK;
    if (operation && !has_column(table, "op"))
        code = read_operation(reader, line, operation, error);
    else if (reader->replay->count > reader->first)
        code =
            sgr_error_set(error, SGR_ECONFIG, "rows of the snapshot stand before the operations");
    else if (json_array_append(table->rows, line))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a file's rows");
    json_decref(line);
    return code;
}

static bool blank(const char *line) {
    return !line[strspn(line, " \t\r\n")];
}

static int read_lines(struct reader *reader, FILE *file, struct sgr_error *error) {
    const char *path = reader->tables[reader->table].file;
    char *line = NULL;
    size_t capacity = 0;
    int code = SGR_OK;
    for (long number = 1; !code && getline(&line, &capacity, file) >= 0; number++) {
        reader->replay->hash = memory_hash(reader->replay->hash, line);
        if (blank(line))
            continue;
        code = read_line(reader, line, error);
        if (code)
            sgr_error_context(error, "%s:%ld", path, number);
    }
    free(line);
    if (!code && ferror(file))
        code = sgr_error_set(error, SGR_EFATAL, "cannot read %s: %s", path, strerror(errno));
    return code;
}

/* What a file leaves uncommitted is its last transaction. */
static int close_file(struct reader *reader, struct sgr_error *error) {
    struct memory_replay *replay = reader->replay;
    if (replay->count == reader->first ||
        replay->operations[replay->count - 1].what == MEMORY_COMMIT)
        return SGR_OK;
    return add(replay, &(struct memory_operation){.what = MEMORY_COMMIT}, error);
}

int memory_replay_load(struct memory_replay *replay, struct memory_table *tables,
                       size_t table_count, struct sgr_error *error) {
    for (size_t i = 0; i < table_count; i++) {
        if (!tables[i].file)
            continue;
        FILE *file = fopen(tables[i].file, "re");
        if (!file)
            return sgr_error_set(error, SGR_ECONFIG, "cannot open %s of table %s: %s",
                                 tables[i].file, tables[i].description.table, strerror(errno));
        struct reader reader = {replay, tables, table_count, i, replay->count};
        int code = read_lines(&reader, file, error);
        fclose(file);
        if (!code)
            code = close_file(&reader, error);
        if (code)
            return code;
    }
    return SGR_OK;
}

void memory_replay_fini(struct memory_replay *replay) {
    for (size_t i = 0; i < replay->count; i++)
        json_decref(replay->operations[i].line);
    free(replay->operations);
    *replay = (struct memory_replay){0};
}
