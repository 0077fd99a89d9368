/* Decodes rows of COPY's text format. Pure: no I/O, no allocation. */
#ifndef POSTGRES_COPYTEXT_H
#define POSTGRES_COPYTEXT_H

#include <sangre/source.h>

/* One row, with or without its newline. Escapes are undone in place: fields point into `line`, which is changed. SGR_EPROTOCOL: not `count` fields,
 * or a broken escape. */
int copytext_decode(char *line, size_t size, struct sgr_field *fields, size_t count,
                    struct sgr_error *error);

#endif
