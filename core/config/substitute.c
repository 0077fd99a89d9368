/* Variables in a config: ${NAME}, ${NAME:-default}; $${ stands for ${ itself. A default is taken as it is, up to the first }.
 * A variable that is set but empty counts as set for ${NAME} and as unset for ${NAME:-default}, as in a shell. */
#include "config/builder.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/slice.h"

static bool name_byte(char byte, bool first) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_' ||
           (!first && byte >= '0' && byte <= '9');
}

/* `inner` is what stands between the braces. */
static int append_variable(struct sgr_arena *arena, struct sgr_slice inner, struct sgr_buffer *out,
                           const char **ret_message) {
    size_t size = 0;
    while (size < inner.size && name_byte(inner.data[size], size == 0))
        size++;
    bool fallback = inner.size >= size + 2 && memcmp(inner.data + size, ":-", 2) == 0;
    if (size == 0 || (size < inner.size && !fallback)) {
        *ret_message = sgr_arena_printf(
            arena, "\"${%.*s}\" is no variable: write ${NAME} or ${NAME:-default}, or $${ for ${",
            SGR_SLICE_ARGS(inner));
        return SGR_ECONFIG;
    }
    const char *name = sgr_arena_copy(arena, (struct sgr_slice){inner.data, size});
    if (!name)
        return SGR_ENOMEM;
    const char *value = getenv(name);
    if (fallback && (!value || !*value))
        sgr_buffer_append(out, inner.data + size + 2, inner.size - size - 2);
    else if (value)
        sgr_buffer_puts(out, value);
    else {
        *ret_message = sgr_arena_printf(
            arena,
            "environment variable %s is not set: set it, or write ${%s:-default} for a default",
            name, name);
        return SGR_ECONFIG;
    }
    return 0;
}

static int append_replaced(struct sgr_arena *arena, struct sgr_slice text, struct sgr_buffer *out,
                           const char **ret_message) {
    for (size_t i = 0; i < text.size;) {
        const char *at = text.data + i;
        size_t left = text.size - i;
        if (left >= 3 && memcmp(at, "$${", 3) == 0) {
            sgr_buffer_puts(out, "${");
            i += 3;
        } else if (left >= 2 && memcmp(at, "${", 2) == 0) {
            const char *end = memchr(at, '}', left);
            if (!end) {
                *ret_message = "\"${\" has no closing }; write $${ for ${ itself";
                return SGR_ECONFIG;
            }
            struct sgr_slice inner = {at + 2, (size_t)(end - at) - 2};
            int status = append_variable(arena, inner, out, ret_message);
            if (status != 0)
                return status;
            i += (size_t)(end - at) + 1;
        } else {
            sgr_buffer_putc(out, *at);
            i++;
        }
    }
    return out->failed ? SGR_ENOMEM : 0;
}

static bool has_variable(struct sgr_slice text) {
    for (size_t i = 0; i + 1 < text.size; i++)
        if (text.data[i] == '$' && text.data[i + 1] == '{')
            return true;
    return false;
}

int sgr__document_substitute(struct sgr_document *document, struct sgr_slice text,
                             struct sgr_slice *ret, const char **ret_message) {
    *ret_message = NULL;
    if (!has_variable(text)) {
        *ret = text;
        return 0;
    }
    struct sgr_buffer out = SGR_BUFFER_INIT;
    int status = append_replaced(document->arena, text, &out, ret_message);
    struct sgr_slice replaced = {out.data ? out.data : "", out.size};
    char *copy = status == 0 ? sgr_arena_copy(document->arena, replaced) : NULL;
    if (copy)
        *ret = (struct sgr_slice){copy, replaced.size};
    else if (status == 0)
        status = SGR_ENOMEM;
    sgr_buffer_fini(&out);
    return status;
}
