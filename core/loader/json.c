/* Depth is bounded by the reader of the document. */
#include "loader/json.h"

#include "base/slice.h"

static size_t digits(const char *at) {
    size_t count = 0;
    while (at[count] >= '0' && at[count] <= '9')
        count++;
    return count;
}

/* JSON's grammar: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_number(struct sgr_slice text) {
    const char *at = text.data;
    at += *at == '-';
    size_t whole = digits(at);
    if (!whole || (whole > 1 && *at == '0'))
        return false;
    at += whole;
    if (*at == '.') {
        if (!digits(at + 1))
            return false;
        at += 1 + digits(at + 1);
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '+' || at[1] == '-');
        if (!digits(at))
            return false;
        at += digits(at);
    }
    return at == text.data + text.size;
}

static void write_scalar(const struct sgr_document_node *node, struct sgr_buffer *out) {
    if (node->null)
        sgr_buffer_puts(out, "null");
    else if (!node->quoted && (sgr_slice_is(node->text, "true") ||
                               sgr_slice_is(node->text, "false") || is_number(node->text)))
        sgr_buffer_slice(out, node->text);
    else
        sgr_buffer_json(out, node->text);
}

void sgr__json_write(const struct sgr_document_node *node, struct sgr_buffer *out) {
    if (node->kind == SGR_DOCUMENT_SCALAR) {
        write_scalar(node, out);
        return;
    }
    bool list = node->kind == SGR_DOCUMENT_SEQUENCE;
    sgr_buffer_putc(out, list ? '[' : '{');
    for (size_t i = 0; i < node->count; i++) {
        if (i)
            sgr_buffer_putc(out, ',');
        if (!list) {
            sgr_buffer_json(out, sgr_slice(node->pairs[i].name));
            sgr_buffer_putc(out, ':');
        }
        sgr__json_write(list ? node->items[i] : node->pairs[i].value, out);
    }
    sgr_buffer_putc(out, list ? ']' : '}');
}
