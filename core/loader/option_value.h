/* One option's value: from a config's tree into the plugin's struct, and back as canonical text. Internal to the loader. */
#ifndef SGR_LOADER_OPTION_VALUE_H
#define SGR_LOADER_OPTION_VALUE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "config/document.h"
#include "sangre/option.h"

/* Writes the field of `option` in the struct at `data`; text and lists are the arena's. SGR_ECONFIG with the node's place. */
int sgr__option_read(const struct sgr_option *option, const struct sgr_document_node *node,
                     struct sgr_arena *arena, void *data, struct sgr_error *error);
/* The default, if there is one; the struct is zeroed. Fails if the table's text is not what its type wants. */
int sgr__option_default(const struct sgr_option *option, struct sgr_arena *arena, void *data,
                        struct sgr_error *error);
/* The field's value, equal text for equal values; a secret's hash. */
void sgr__option_write(const struct sgr_option *option, const void *data, struct sgr_buffer *out);
/* "a whole number from 1 to 10" */
void sgr__option_expected(const struct sgr_option *option, struct sgr_buffer *out);
size_t sgr__option_size(enum sgr_option_type type); /* of the field; 0: no such type */
size_t sgr__option_alignment(enum sgr_option_type type);
void sgr__option_range(const struct sgr_option *option, int64_t *ret_least, int64_t *ret_most);

/* 250ms, 3s, 5min, 1h, 2d → microseconds; 64KB, 16MB, 1GB or a plain number → bytes. The largest unit that is exact, back. */
bool sgr__duration_parse(struct sgr_slice text, int64_t *ret);
bool sgr__bytes_parse(struct sgr_slice text, int64_t *ret);
void sgr__duration_write(int64_t microseconds, struct sgr_buffer *out);
void sgr__bytes_write(int64_t bytes, struct sgr_buffer *out);

#endif
