/* Descriptors of relations as sinks see them: immutable copies, one for each that a source has announced, with an identity that is never used again.
 * Interned by the engine's thread, released by any. */
#ifndef SGR_NET_STREAM_RELATION_H
#define SGR_NET_STREAM_RELATION_H

#include <sangre/change.h>

struct sgr_stream_relations;

struct sgr_stream_relations *sgr_stream_relations_new(void);
void sgr_stream_relations_free(struct sgr_stream_relations *relations); /* NULL is fine */
/* Our copy of a source's descriptor, borrowed until the table gets another one; NULL: out of memory. Notes it in the descriptor's host_data. */
struct sgr_relation *sgr_stream_relation_intern(struct sgr_stream_relations *relations,
                                                struct sgr_relation *theirs);
struct sgr_relation *sgr_stream_relation_ref(struct sgr_relation *relation);
void sgr_stream_relation_unref(struct sgr_relation *relation);

#endif
