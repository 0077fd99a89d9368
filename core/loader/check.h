/* Whether a descriptor that a shared object exports can be used by this host. Internal to the loader. */
#ifndef SGR_LOADER_CHECK_H
#define SGR_LOADER_CHECK_H

#include <sangre/plugin.h>

#include "base/arena.h"

/* Copies what both sides know of the descriptor and its method table into zeroed tables in the arena. `found` is the plugin's own and is read
 * no further than it says it goes. SGR_EABI: another major, or sizes that cannot be. SGR_EINVAL: a bad name, kind, method or option table. */
int sgr__plugin_check(const struct sgr_plugin *found, struct sgr_arena *arena,
                      const struct sgr_plugin **ret, struct sgr_error *error);
/* [a-z][a-z0-9_]* of at most 63 bytes */
bool sgr__plugin_name(const char *name);
const char *sgr__plugin_kind(enum sgr_plugin_kind kind); /* source, operator, sink; NULL */

#endif
