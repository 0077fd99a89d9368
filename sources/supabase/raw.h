/* JSON by slices of its own text: numbers keep their digits and nested values stay as they were written, which a decoder to doubles and
 * objects loses. A text is checked once, whole; the walks over it then only find their way. Any thread. */
#ifndef SOURCES_SUPABASE_RAW_H
#define SOURCES_SUPABASE_RAW_H

#include <sangre/value.h>

/* Blanks around it are fine; nested at most 512 deep. */
bool raw_valid(struct sgr_slice text);

/* Over the members of an object or the elements of an array; over anything else there are none. */
struct raw_walk {
    const char *at, *end;
};

struct raw_walk raw_walk(struct sgr_slice value);
/* `ret_name`: a string as it is written, with its quotes; of an element: empty. */
bool raw_next(struct raw_walk *walk, struct sgr_slice *ret_name, struct sgr_slice *ret_value);

/* The last one of that name, as decoders have it; false: there is none. */
bool raw_member(struct sgr_slice object, const char *name, struct sgr_slice *ret);

bool raw_is_string(struct sgr_slice value);
bool raw_is_object(struct sgr_slice value);
bool raw_is_array(struct sgr_slice value);
bool raw_is_null(struct sgr_slice value);

/* What a string says. Borrows from it, or is written to `scratch`, which has room for value.size bytes. */
struct sgr_slice raw_string(struct sgr_slice value, char *scratch);
/* Whether it is a string that says this (plain ASCII). */
bool raw_says(struct sgr_slice value, const char *text);

#endif
