/* Finds, checks and loads plugins; parses their options. Engine's thread, at start. */
#ifndef SGR_LOADER_LOADER_H
#define SGR_LOADER_LOADER_H

#include <sangre/operator.h>
#include <sangre/sink.h>
#include <sangre/source.h>

#include "base/buffer.h"
#include "config/document.h"
#include "graph/options.h"

struct sgr_loader;

/* Directories are searched in order for sangre-<kind>-<name>.so (kind: source, operator, sink). Directory NULL-terminated list. */
struct sgr_loader *sgr_loader_new(const char *const *directories);
/* The given directories, $SANGRE_PLUGIN_DIR, those of the installation that this library or program belongs to. NULL: none given. */
struct sgr_loader *sgr_loader_new_default(const char *const *given);
void sgr_loader_free(struct sgr_loader *loader); /* plugins stay loaded */

/* By name, or by absolute path of a .so. The result is a zero-padded copy that lives as long as the loader. SGR_ENOTFOUND (with the nearest
 * name and the directories), SGR_EABI, SGR_EINVAL (no symbol, bad table, name or option table). */
int sgr_loader_plugin(struct sgr_loader *loader, enum sgr_plugin_kind kind, const char *name,
                      const struct sgr_plugin **ret, struct sgr_error *error);
/* The operator with this plan kind. */
int sgr_loader_plan_kind(struct sgr_loader *loader, const char *plan_kind,
                         const struct sgr_plugin **ret, struct sgr_error *error);
/* All in the directories, by kind then name; broken ones are reported through `broken`. */
void sgr_loader_each(struct sgr_loader *loader,
                     void (*found)(void *data, const struct sgr_plugin *plugin, const char *path),
                     void (*broken)(void *data, const char *path, const struct sgr_error *error),
                     void *data);

/* Ready-made configs that plugins bring, sangre-preset-NAME.lua or .yaml in the directories: the path, to be freed, or NULL if there is none. */
char *sgr_loader_preset(const struct sgr_loader *loader, const char *name);
/* All of them, sorted within a directory; of one name the first directory's. */
void sgr_loader_presets(const struct sgr_loader *loader,
                        void (*found)(void *data, const char *name, const char *path), void *data);
/* Where things are looked for; NULL behind the last. */
const char *sgr__loader_directory(const struct sgr_loader *loader, size_t i);

/* `mapping` NULL: all defaults. Keys in `ignore` (NULL-terminated) are not options. Unknown keys, wrong types, ranges and choices are
 * errors with file:line:column in the context and the nearest name or what was expected in the message. */
int sgr_options_parse(const struct sgr_plugin *plugin, const struct sgr_document_node *mapping,
                      const char *const *ignore, struct sgr_options **ret, struct sgr_error *error);
/* `sangre help PLUGIN`, the README's table (Markdown), and the JSON Schema object of one plugin. */
void sgr_options_help(const struct sgr_plugin *plugin, struct sgr_buffer *out);
void sgr_options_markdown(const struct sgr_plugin *plugin, struct sgr_buffer *out);
void sgr_options_schema(const struct sgr_plugin *plugin, struct sgr_buffer *out);
/* Its properties alone, comma-separated, for schemas that hold more beside them. */
void sgr_options_schema_properties(const struct sgr_plugin *plugin, struct sgr_buffer *out);

#endif
