/* What a value of each type means: parsing Postgres' text, writing it, JSON as to_json writes it, order, equality, hash.
 * Pure functions; no allocation but into the given buffer. */
#ifndef SGR_ROW_TYPE_H
#define SGR_ROW_TYPE_H

#include <sangre/error.h>
#include <sangre/row.h>

#include "base/arena.h"
#include "base/buffer.h"

const char *sgr_type_name(enum sgr_type type);
/* "int", "integer", "varchar(20)", "numeric(10,2)", "text[]", "timestamp with time zone", … → type, element, type_name (static
 * string, Postgres' typname; unknown names are SGR_EPARSE with the nearest name), type_modifier, collation NONE or C. */
int sgr_type_parse(struct sgr_slice name, struct sgr_column *ret, struct sgr_error *error);
/* Built-in types by Postgres' typname ("_int4" included); anything else is SGR_OTHER. */
enum sgr_type sgr_type_of_typname(const char *typname, enum sgr_type *ret_element);
/* Numbers that compare with each other exactly: int2, int4, int8 share a class; each other type is its own (text and bpchar
 * differ; float4 and float8 share one). Join and index columns must be of one class. */
bool sgr_type_same_class(enum sgr_type a, enum sgr_type b);
/* json, arrays of json and the like have no equality; see also collations for order. */
bool sgr_type_has_equality(enum sgr_type type, enum sgr_type element);
bool sgr_type_has_order(enum sgr_type type, enum sgr_type element);

/* Text must be what Postgres sends under the pinned settings (value.h), or a literal a person writes: both are accepted. Text values
 * borrow from `text`. SGR_EPARSE, SGR_ERANGE. */
int sgr_value_parse(enum sgr_type type, struct sgr_slice text, struct sgr_value *ret,
                    struct sgr_error *error);
/* For literals a person wrote: text-kept types (numeric, bytea, jsonb, arrays) are brought to Postgres' canonical form. All text is
 * appended to *buffer, and *ret borrows from it. For numeric and bytea every function here takes
 * any spelling; jsonb and arrays are equal by their canonical text alone. */
int sgr_value_parse_literal(enum sgr_type type, enum sgr_type element, struct sgr_slice text,
                            struct sgr_buffer *buffer, struct sgr_value *ret,
                            struct sgr_error *error);
/* The same, its text in the arena. */
int sgr_value_parse_kept(enum sgr_type type, enum sgr_type element, struct sgr_slice text,
                         struct sgr_arena *arena, struct sgr_value *ret, struct sgr_error *error);
/* Postgres' text of a value that is not null. */
void sgr_value_text(const struct sgr_value *value, struct sgr_buffer *out);
/* As Postgres' to_json(value): null, numbers bare (NaN and infinities quoted), booleans, timestamps with T, arrays as arrays,
 * json as it is, all else a string. `element` matters for arrays only. */
void sgr_value_json(const struct sgr_value *value, enum sgr_type element, struct sgr_buffer *out);

/* Total orders. Nulls: sgr_value_compare puts them last, as Postgres' ASC does; sgr_value_equal holds null equal to null (SQL's
 * three-valued logic is expr's). Types of one class compare across. Text under SGR_COLLATION_DATABASE compares by the collation set with
 * sgr_collation_set, ties bytewise. Types without an order of their own compare by text. */
int sgr_value_compare(const struct sgr_value *a, const struct sgr_value *b,
                      enum sgr_collation collation);
bool sgr_value_equal(const struct sgr_value *a, const struct sgr_value *b);
/* Equal values hash alike, across a class (numeric 1.0 and 1.00, -0.0 and 0.0, '1 day' and '24:00:00', bpchar blanks). */
uint64_t sgr_value_hash(const struct sgr_value *value);

/* The database's default collation: SGR_COLLATION_C if bytewise, _DATABASE after this host's locale of that name was loaded and its
 * version equals the server's, else _UNKNOWN. provider 'c' or 'i'. Process-wide; before the first comparison. */
enum sgr_collation sgr_collation_set(char provider, const char *collate,
                                     const char *server_version);

/* Numerics by their canonical text. */
int sgr_numeric_compare(struct sgr_slice a, struct sgr_slice b);

#endif
