/* A config as written: a tree of mappings, sequences and scalars, each with its place. YAML and Lua front ends make the same tree. */
#ifndef SGR_CONFIG_DOCUMENT_H
#define SGR_CONFIG_DOCUMENT_H

#include <sangre/error.h>
#include <sangre/value.h>

enum sgr_document_kind { SGR_DOCUMENT_SCALAR, SGR_DOCUMENT_SEQUENCE, SGR_DOCUMENT_MAPPING };

struct sgr_document_node {
    enum sgr_document_kind kind;
    bool quoted;      /* scalar: written in quotes (a string even if it looks like a number) */
    bool null;        /* scalar: empty, ~ or null, unquoted */
    const char *file; /* place, for errors; line and column from 1 */
    unsigned line, column;
    struct sgr_slice text;           /* scalar: variables are substituted already; NUL-terminated */
    size_t count;                    /* sequence items, or mapping pairs */
    struct sgr_document_pair *pairs; /* mapping, in the order written */
    const struct sgr_document_node *const *items; /* sequence */
};

struct sgr_document_pair {
    const char *name;
    unsigned line, column; /* of the key */
    const struct sgr_document_node *value;
};

struct sgr_document; /* owns all nodes */

/* ${NAME} and ${NAME:-default} in YAML scalars are taken from the environment; $$ is a dollar sign where one must stand before {. */
int sgr_document_read_yaml(const char *file, struct sgr_slice text, struct sgr_document **ret,
                           struct sgr_error *error);
int sgr_document_read_lua(const char *file, struct sgr_slice text, struct sgr_document **ret,
                          struct sgr_error *error);
/* By the file's ending: .lua, else YAML. SGR_EIO. */
int sgr_document_read(const char *file, struct sgr_document **ret, struct sgr_error *error);
void sgr_document_free(struct sgr_document *document); /* NULL is fine */
const struct sgr_document_node *sgr_document_root(const struct sgr_document *document);
const struct sgr_document_node *sgr_document_get(const struct sgr_document_node *mapping,
                                                 const char *name); /* NULL: absent */

/* Sets the error with "file:line:column" as context; returns SGR_ECONFIG. */
int sgr_document_error(const struct sgr_document_node *node, struct sgr_error *error,
                       const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
