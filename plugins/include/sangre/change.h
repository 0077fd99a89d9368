/* What change streams are made of: relations, changes, transactions, positions. Sources emit them, sinks that bind a stream get them.
 */
#ifndef SANGRE_CHANGE_H
#define SANGRE_CHANGE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

enum sgr_change_kind { SGR_INSERT = 'I', SGR_UPDATE = 'U', SGR_DELETE = 'D', SGR_TRUNCATE = 'T' };
enum sgr_old_kind { SGR_OLD_NONE = 0, SGR_OLD_KEY = 'K', SGR_OLD_FULL = 'O' };
enum sgr_identity {
    SGR_IDENTITY_DEFAULT = 'd',
    SGR_IDENTITY_NOTHING = 'n',
    SGR_IDENTITY_FULL = 'f',
    SGR_IDENTITY_INDEX = 'i'
};

struct sgr_relation_column {
    const char *name;
    const char *type_name; /* typname */
    enum sgr_type type;    /* domains: of the base type */
    enum sgr_type element; /* of SGR_ARRAY; else SGR_OTHER */
    enum sgr_collation collation;
    int32_t type_modifier;
    bool key; /* part of the primary key (describe) or the replica identity (change streams) */
    bool not_null;
    bool
        unused; /* in start: nobody reads it. A source may give null for it, and need not mind what becomes of it. Since 1.1 */
};

/* A relation as it is now. Borrowed for the call it is passed to, except in `change`, where the pointer must stay valid and
 * unchanged until the transaction's commit returned; a changed relation gets a new descriptor. */
struct sgr_relation {
    const char *schema;
    const char *table;
    const struct sgr_relation_column *columns;
    size_t column_count;
    enum sgr_identity identity;
    uint32_t
        id; /* for sinks: another descriptor of this stream has another one. Sources leave it zero */
    void *host_data; /* the host's; zero at first */
};

enum sgr_field_kind { SGR_FIELD_NULL = 'n', SGR_FIELD_UNCHANGED = 'u', SGR_FIELD_TEXT = 't' };

struct sgr_field {
    const char *data;
    uint32_t size;
    uint8_t kind; /* enum sgr_field_kind */
};

struct sgr_change {
    enum sgr_change_kind kind;
    enum sgr_old_kind old_kind;
    struct sgr_relation *relation;
    const struct sgr_field *new_fields; /* INSERT, UPDATE: column_count of them */
    const struct sgr_field *old_fields; /* by old_kind; with SGR_OLD_KEY non-key fields are null */
    bool cascade, restart_identity;     /* TRUNCATE */
};

/* Identifies one history of one source: another text means that positions do not compare. */
struct sgr_position {
    uint64_t lsn;      /* commit end; grows with each transaction */
    const char *epoch; /* e.g. system id and timeline; borrowed */
};

struct sgr_transaction {
    uint32_t xid;
    uint64_t commit_lsn; /* start of the commit record */
    uint64_t end_lsn;    /* its end: the position after this transaction */
    int64_t commit_time; /* microseconds since 2000-01-01 UTC */
};

static_assert(sizeof(struct sgr_relation_column) == 40, "released layouts are frozen");
static_assert(sizeof(struct sgr_relation) == 48, "released layouts are frozen");
static_assert(offsetof(struct sgr_relation, id) == 36, "released offsets are frozen");
static_assert(sizeof(struct sgr_field) == 16, "released layouts are frozen");
static_assert(offsetof(struct sgr_change, cascade) == 32, "released offsets are frozen");
static_assert(offsetof(struct sgr_transaction, commit_time) == 24, "released offsets are frozen");

#endif
