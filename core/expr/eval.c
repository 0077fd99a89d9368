/* Walks a tree: leaves are looked up, calls dispatch to their operation. */
#include <stdlib.h>

#include "expr/tree.h"

int sgr__frame_out_of_memory(struct sgr__frame *frame) {
    return sgr_error_set(frame->error, SGR_ENOMEM, "out of memory");
}

char *sgr__frame_text(struct sgr__frame *frame, size_t size, struct sgr_value *ret) {
    char *text = sgr_arena_alloc(frame->arena, size + 1);
    if (!text) {
        sgr__frame_out_of_memory(frame);
        return NULL;
    }
    ret->s = (struct sgr_slice){text, size};
    return text;
}

int sgr__frame_take(struct sgr__frame *frame, struct sgr_buffer *buffer, struct sgr_value *ret) {
    bool failed = buffer->failed;
    char *text = failed ? NULL : sgr__frame_text(frame, buffer->size, ret);
    if (text && buffer->size)
        memcpy(text, buffer->data, buffer->size);
    sgr_buffer_fini(buffer);
    return text ? 0 : sgr__frame_out_of_memory(frame);
}

static int eval_column(struct sgr__frame *frame, const struct sgr__node *node,
                       struct sgr_value *ret) {
    const struct sgr_row *row = frame->rows[node->index];
    if (row) {
        *ret = sgr_row_value(frame->schemas[node->index], row, node->column);
        return 0;
    }
    memset(ret, 0, sizeof(*ret));
    ret->type = node->type.type;
    ret->null = true;
    return 0;
}

/* All of them, as Postgres does: a null does not hide what fails behind it. *ret_null: an argument is null and that decides. */
static int eval_arguments(struct sgr__frame *frame, const struct sgr__node *node,
                          struct sgr_value *arguments, bool *ret_null) {
    *ret_null = false;
    for (uint16_t i = 0; i < node->count; i++) {
        int code = sgr__eval(frame, node->arguments[i], &arguments[i]);
        if (code)
            return code;
        *ret_null |= arguments[i].null && !node->operation->takes_nulls;
    }
    return 0;
}

static int eval_call(struct sgr__frame *frame, const struct sgr__node *node,
                     struct sgr_value *ret) {
    struct sgr_value few[4], *arguments = few;
    struct sgr_value value;
    bool null = false;
    memset(&value, 0, sizeof(value));
    value.type = node->type.type;
    int code;
    if (node->operation->lazy) {
        code = node->operation->lazy(frame, node, &value);
    } else {
        if (node->count > 4)
            arguments = sgr_arena_alloc(frame->arena, node->count * sizeof(*arguments));
        if (!arguments)
            return sgr__frame_out_of_memory(frame);
        code = eval_arguments(frame, node, arguments, &null);
        if (!code && null)
            value.null = true;
        else if (!code)
            code = node->operation->apply(frame, node, arguments, &value);
    }
    if (!code)
        *ret = value;
    return code;
}

int sgr__eval(struct sgr__frame *frame, const struct sgr__node *node, struct sgr_value *ret) {
    switch (node->kind) {
    case SGR__CONSTANT:
        *ret = node->value;
        return 0;
    case SGR__COLUMN:
        return eval_column(frame, node, ret);
    case SGR__PARAMETER:
        *ret = frame->parameters[node->index];
        return 0;
    case SGR__CALL:
        return eval_call(frame, node, ret);
    }
    return sgr_error_set(frame->error, SGR_EINTERNAL, "unknown node");
}
