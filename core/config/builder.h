/* Making documents: what the front ends share. Internal to config. Nodes live in the document's arena; functions that make one return NULL
 * without memory. */
#ifndef SGR_CONFIG_BUILDER_H
#define SGR_CONFIG_BUILDER_H

#include "base/arena.h"
#include "base/vector.h"
#include "config/document.h"

/* Larger configs are refused: a cap on text, on the depth of nesting, and on nodes with aliases written out, so that a few lines of
 * aliases cannot stand for millions of nodes. */
#define SGR__DOCUMENT_BYTES ((size_t)16 << 20)
#define SGR__DOCUMENT_DEPTH 64
#define SGR__DOCUMENT_NODES 1000000

struct sgr_document {
    struct sgr_arena *arena;
    const char *file;
    const struct sgr_document_node *root;
};

struct sgr_document *sgr__document_new(const char *file);
struct sgr_document_node *sgr__document_node(struct sgr_document *document,
                                             enum sgr_document_kind kind, unsigned line,
                                             unsigned column);
/* Copies the text. */
struct sgr_document_node *sgr__document_scalar(struct sgr_document *document, struct sgr_slice text,
                                               bool quoted, unsigned line, unsigned column);
/* Copy the vector's pairs (struct sgr_document_pair) or items (pointers to nodes) into the node. 0 or SGR_ENOMEM. */
int sgr__document_fill_mapping(struct sgr_document *document, struct sgr_document_node *node,
                               const struct sgr_vector *pairs);
int sgr__document_fill_sequence(struct sgr_document *document, struct sgr_document_node *node,
                                const struct sgr_vector *items);
/* An error at a place that has no node (yet). Returns SGR_ECONFIG. */
int sgr__document_error_at(const struct sgr_document *document, unsigned line, unsigned column,
                           struct sgr_error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* SGR_ECONFIG unless the text is UTF-8 without NUL; SGR_ELIMIT. */
int sgr__document_check_text(const struct sgr_document *document, struct sgr_slice text,
                             struct sgr_error *error);

/* Replaces ${NAME}, ${NAME:-default} and $${ in `text`. *ret is text itself if nothing is replaced, else the arena's. On failure, *ret_message
 * says why (the arena's; NULL: out of memory). */
int sgr__document_substitute(struct sgr_document *document, struct sgr_slice text,
                             struct sgr_slice *ret, const char **ret_message);

#endif
