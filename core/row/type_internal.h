/* What the files that implement row/type.h share. Each type's file offers parse, text, json, compare or hash where the general one
 * in type_value.c does not do. Pure functions. */
#ifndef SGR_ROW_TYPE_INTERNAL_H
#define SGR_ROW_TYPE_INTERNAL_H

#include "base/slice.h"
#include "row/type.h"

/* "invalid input syntax for type T: …" and "value … is out of range for type T". */
int sgr__type_malformed(const char *type, struct sgr_slice text, struct sgr_error *error);
int sgr__type_out_of_range(const char *type, struct sgr_slice text, struct sgr_error *error);
struct sgr_slice sgr__type_trim(struct sgr_slice text); /* ASCII white space at both ends */
bool sgr__type_word_is(struct sgr_slice text, const char *lower); /* ASCII case is ignored */

/* type_basic.c: bool, uuid, bytea, bpchar */
int sgr__bool_parse(struct sgr_slice text, bool *ret);
int sgr__uuid_parse(struct sgr_slice text, uint8_t *ret);
void sgr__uuid_text(const uint8_t *uuid, struct sgr_buffer *out);
struct sgr_slice sgr__bpchar_trim(struct sgr_slice text);
/* A bytea's bytes one by one, whatever form its text has: -1 at the end, -2 if malformed. *at starts at 0. */
int sgr__bytea_next(struct sgr_slice text, size_t *at);
bool sgr__bytea_valid(struct sgr_slice text);
void sgr__bytea_text(struct sgr_slice text, struct sgr_buffer *out);
int sgr__bytea_compare(struct sgr_slice a, struct sgr_slice b);
uint64_t sgr__bytea_hash(struct sgr_slice text);

/* type_number.c and type_float.c */
int sgr__int_parse(struct sgr_slice text, int64_t minimum, int64_t maximum, const char *type,
                   int64_t *ret, struct sgr_error *error);
int sgr__float_parse(struct sgr_slice text, bool narrow, double *ret, struct sgr_error *error);
void sgr__float_text(double value, bool narrow, struct sgr_buffer *out);
int sgr__float_compare(double a, double b); /* NaN equals NaN and is above all */
/* Decimal text as the C locale reads it, whatever the host application set. `narrow`: as a float. */
double sgr__decimal_to_double(const char *text, char **end, bool narrow);

/* type_numeric.c: the text of numerics */
int sgr__numeric_check(struct sgr_slice text, struct sgr_slice *ret, struct sgr_error *error);
void sgr__numeric_text(struct sgr_slice text, struct sgr_buffer *out); /* canonical */
uint64_t sgr__numeric_hash(struct sgr_slice text);
bool sgr__numeric_special(struct sgr_slice text); /* NaN or an infinity */

/* type_time.c and type_interval.c */
int sgr__date_parse(struct sgr_slice text, int64_t *ret, struct sgr_error *error);
int sgr__time_parse(struct sgr_slice text, int64_t *ret, struct sgr_error *error);
int sgr__timestamp_parse(struct sgr_slice text, bool zoned, int64_t *ret, struct sgr_error *error);
void sgr__date_text(int64_t days, struct sgr_buffer *out);

/* separator ' ' or 'T'; zone "" , "+00" or "+00:00" */
void sgr__timestamp_text(int64_t timestamp, char separator, const char *zone,
                         struct sgr_buffer *out);
void sgr__time_text(int64_t microseconds, struct sgr_buffer *out);
void sgr__minutes_text(int64_t microseconds, struct sgr_buffer *out); /* :mm:ss[.ffffff] */
/* hh:mm[:ss[.ffffff]] from *at on; advances *at. Hours may be beyond 24 (intervals). False: no such thing. */
bool sgr__clock_read(struct sgr_slice text, size_t *at, int64_t *ret_hours, int64_t *ret_rest);
bool sgr__fraction_read(struct sgr_slice text, size_t *at, int64_t *ret_microseconds);
int sgr__interval_parse(struct sgr_slice text, struct sgr_interval *ret, struct sgr_error *error);
void sgr__interval_text(const struct sgr_interval *interval, struct sgr_buffer *out);
__int128 sgr__interval_span(const struct sgr_interval *interval); /* months are 30 days */

/* type_json.c */
bool sgr__json_valid(struct sgr_slice text);
bool sgr__jsonb_equal(struct sgr_slice a, struct sgr_slice b); /* of canonical texts */
uint64_t sgr__jsonb_hash(struct sgr_slice text);
int sgr__jsonb_text(struct sgr_slice text, struct sgr_buffer *out, struct sgr_error *error);

/* type_array.c */
bool sgr__array_valid(struct sgr_slice text);
void sgr__array_json(struct sgr_slice text, enum sgr_type element, struct sgr_buffer *out);
int sgr__array_text(struct sgr_slice text, enum sgr_type element, struct sgr_buffer *out,
                    struct sgr_error *error);

/* collation.c */
int sgr__collation_compare(struct sgr_slice a, struct sgr_slice b);

#endif
