/* A config's tree as compact JSON. Internal to the loader. */
#ifndef SGR_LOADER_JSON_H
#define SGR_LOADER_JSON_H

#include "base/buffer.h"
#include "config/document.h"

/* Unquoted true, false, null and JSON's numbers stay what they look like, other scalars are strings. */
void sgr__json_write(const struct sgr_document_node *node, struct sgr_buffer *out);

#endif
