/* How a column's value is shown: Postgres' text as a JSON string, timestamps in the form of ISO 8601. */
#ifndef SINKS_SUPABASE_VALUE_H
#define SINKS_SUPABASE_VALUE_H

#include <sangre/change.h>
#include <sangre/text.h>

/* A JSON string with its quotes; control characters as \u001F. */
void value_json(struct sgr_text *text, struct sgr_slice string);
/* "timestamp" and "timestamptz" are others than the server's text: rendered into `scratch`, which has VALUE_SCRATCH bytes. A text that is none
 * of the usual form (infinity, BC) stays as it is. */
enum { VALUE_SCRATCH = 64 };
struct sgr_slice value_text(enum sgr_type type, const struct sgr_field *field, char *scratch);
/* Whether it has fewer than `count` characters. */
bool value_shorter(struct sgr_slice text, size_t count);

/* The name of a type as the protocol has it: a domain's is that of its base. */
const char *value_type_name(const struct sgr_relation_column *column);

#endif
