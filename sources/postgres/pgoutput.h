/* Decodes messages of the logical replication protocol, version 1, as the output plugin pgoutput sends them.
 *
 * Pure: bytes in, one message out; no I/O, no state but scratch arrays that are used again. Every length and count in the bytes is distrusted: a
 * message that is cut short, overlong or of an unknown kind is SGR_EPROTOCOL. Nothing is copied: texts point into the given bytes. */
#ifndef POSTGRES_PGOUTPUT_H
#define POSTGRES_PGOUTPUT_H

#include <sangre/source.h>

enum pgoutput_kind {
    PGOUTPUT_BEGIN = 'B',
    PGOUTPUT_COMMIT = 'C',
    PGOUTPUT_ORIGIN = 'O',
    PGOUTPUT_MESSAGE = 'M',
    PGOUTPUT_RELATION = 'R',
    PGOUTPUT_TYPE = 'Y',
    PGOUTPUT_INSERT = 'I',
    PGOUTPUT_UPDATE = 'U',
    PGOUTPUT_DELETE = 'D',
    PGOUTPUT_TRUNCATE = 'T',
};

struct pgoutput_column {
    const char *name;
    uint32_t type; /* OID */
    int32_t modifier;
    bool key; /* part of the replica identity */
};

struct pgoutput_tuple {
    const struct sgr_field *fields;
    size_t count;
};

struct pgoutput_message {
    enum pgoutput_kind kind;
    union {
        struct {
            uint64_t final_lsn; /* start of the commit record */
            int64_t commit_time;
            uint32_t xid;
        } begin;
        struct {
            uint64_t commit_lsn, end_lsn;
            int64_t commit_time;
        } commit;
        struct {
            uint32_t oid;
            const char *schema; /* "" is pg_catalog */
            const char *table;
            char identity; /* enum sgr_identity */
            const struct pgoutput_column *columns;
            size_t column_count;
        } relation;
        struct {
            uint32_t oid;
            const char *schema; /* "" is pg_catalog */
            const char *name;   /* of a domain: its base type's */
        } type;
        struct {
            uint32_t oid;
            enum sgr_old_kind old_kind;
            struct pgoutput_tuple old_tuple, new_tuple; /* count 0: none */
        } change;
        struct {
            const uint32_t *oids;
            size_t count;
            bool cascade, restart_identity;
        } truncate;
    };
};

/* Arrays that messages borrow; zeroed at first. A message lives until the next one is decoded with the same scratch. */
struct pgoutput_scratch {
    struct sgr_field *old_fields, *new_fields;
    size_t old_capacity, new_capacity;
    struct pgoutput_column *columns;
    size_t column_capacity;
    uint32_t *oids;
    size_t oid_capacity;
};

/* SGR_EPROTOCOL, SGR_ENOMEM. */
int pgoutput_decode(const char *bytes, size_t size, struct pgoutput_scratch *scratch,
                    struct pgoutput_message *ret, struct sgr_error *error);
void pgoutput_scratch_fini(struct pgoutput_scratch *scratch);

#endif
