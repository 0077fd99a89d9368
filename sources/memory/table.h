/* The tables as the option `tables` declares them. Engine's thread. */
#ifndef MEMORY_TABLE_H
#define MEMORY_TABLE_H

#include <jansson.h>
#include <sangre/source.h>

struct memory_table {
    struct sgr_relation description; /* strings and columns are the table's */
    json_t *rows;                    /* array, the snapshot; NULL once it was emitted */
    const char *file;                /* borrowed from the option's JSON; NULL: none */
    struct {
        int64_t every; /* microseconds; 0: does not grow */
        int64_t count; /* rows to add; 0: no end */
        int64_t next;  /* number of the next row */
        json_t *row;   /* borrowed */
    } grow;
    int64_t grown;
    struct sgr_relation *relation; /* the host's; NULL: nobody uses the table */
};

/* Reads one entry of `tables`. Type names are understood by the host. */
int memory_table_init(struct memory_table *table, const struct sgr_source_host *host,
                      void *host_data, const char *name, const json_t *json,
                      struct sgr_error *error);
void memory_table_fini(struct memory_table *table);
/* `table` or `schema.table`. */
bool memory_table_named(const struct memory_table *table, const char *name);
/* 250us, 250ms, 3s, 5min, 1h; false: no duration, or out of range. */
bool memory_duration(const char *text, int64_t *ret);

#endif
