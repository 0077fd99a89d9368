/* What a sink finds wrong with its options, told with the place that it means: the message begins with a path, such as `topics[1].name: `. */
#include <stdlib.h>

#include "plan/internal.h"

/* The value that the next step of the path leads to; NULL: there is none. */
static const struct sgr_document_node *step(const struct sgr_document_node *node,
                                            const char **path) {
    char name[64];
    size_t size = strcspn(*path, ".[]: ");
    if (**path == '[') {
        char *end;
        unsigned long at = strtoul(*path + 1, &end, 10);
        *path = *end == ']' ? end + 1 : end;
        return node->kind == SGR_DOCUMENT_SEQUENCE && at < node->count ? node->items[at] : NULL;
    }
    if (!size || size >= sizeof(name) || node->kind != SGR_DOCUMENT_MAPPING)
        return NULL;
    memcpy(name, *path, size);
    name[size] = '\0';
    *path += size;
    return sgr_document_get(node, name);
}

/* As far as the path leads. */
static const struct sgr_document_node *find(const struct sgr_document_node *node,
                                            const char *path) {
    const char *colon = strstr(path, ": ");
    if (!colon || strcspn(path, " ") < (size_t)(colon - path))
        return node; /* it is about no option */
    for (const struct sgr_document_node *next; (next = step(node, &path)); node = next)
        path += *path == '.';
    return node;
}

int sgr__plan_check_sink(const struct sgr_plan_sink *sink, const struct sgr_document_node *node,
                         struct sgr_error *error) {
    struct sgr_error local = {0};
    const struct sgr_sink_methods *methods = sink->plugin->sink;
    int code = methods->check ? methods->check(sgr_options_struct(sink->options), &local) : 0;
    if (!code)
        return 0;
    code = sgr__plan_place(sgr__place_of(find(node, local.message)), &local);
    if (error)
        *error = local;
    return code;
}
