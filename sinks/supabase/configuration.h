/* The protocol's configuration file, which is JSON, and mistakes in what it or the config says: each is told with its path, such as
 * `webhooks[1].config.endpoint`, and, of a file, with its line. */
#ifndef SINKS_SUPABASE_CONFIGURATION_H
#define SINKS_SUPABASE_CONFIGURATION_H

#include <jansson.h>
#include <sangre/plugin.h>

/* What is read: the file's contents, or the value of an option. */
struct configuration {
    const char *file; /* NULL: an option */
    char *text;       /* of the file */
    json_t *document;
};

/* SGR_ECONFIG: it cannot be read, or is no JSON object. */
int configuration_read_file(struct configuration *ret, const char *file, struct sgr_error *error);
/* The value of an option, as an object that has it as its only member. */
int configuration_read_option(struct configuration *ret, const char *name, const char *text,
                              struct sgr_error *error);
void configuration_free(struct configuration *configuration);

/* A mistake in what the path names. SGR_ECONFIG. */
__attribute__((format(printf, 4, 5))) int
configuration_error(const struct configuration *configuration, struct sgr_error *error,
                    const char *path, const char *format, ...);

/* Where in a text, which is valid JSON, the value begins that the path leads to, or what of it is there; from 1. */
void configuration_place(const char *text, const char *path, unsigned *ret_line,
                         unsigned *ret_column);

#endif
