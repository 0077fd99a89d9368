/* The YAML front end, over libfyaml's events: places of every node and key, duplicate keys refused, merge keys (<<) and aliases resolved
 * here by sharing nodes (so an alias can only name what is finished: there are no cycles), variables substituted in scalars. */
#include <libfyaml.h>

#include "base/map.h"
#include "base/slice.h"
#include "config/builder.h"

struct reader {
    struct sgr_document *document;
    struct fy_parser *parser;
    struct fy_diag *diagnostics;
    struct sgr_map *anchors; /* name → struct anchor, in the arena */
    struct sgr_error *error;
};

struct place {
    unsigned line, column;
};

/* A node and how many it stands for with aliases written out. */
struct anchor {
    const struct sgr_document_node *node;
    size_t weight;
};

static int out_of_memory(struct reader *reader) {
    return sgr_error_set(reader->error, SGR_ENOMEM, "out of memory");
}

static struct place event_place(struct fy_event *event, struct place near) {
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (!mark || mark->line < 0)
        return near;
    return (struct place){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static struct sgr_slice token_text(struct fy_token *token) {
    size_t size = 0;
    const char *text = token ? fy_token_get_text(token, &size) : NULL;
    return (struct sgr_slice){text ? text : "", text ? size : 0};
}

/* libfyaml's own first complaint. */
static int parse_error(struct reader *reader) {
    void *iterator = NULL;
    struct fy_diag_error *found = fy_diag_errors_iterate(reader->diagnostics, &iterator);
    if (!found)
        return sgr__document_error_at(reader->document, 1, 1, reader->error,
                                      "this is not valid YAML");
    unsigned line = found->line > 0 ? (unsigned)found->line : 1;
    unsigned column = found->column > 0 ? (unsigned)found->column : 1;
    return sgr__document_error_at(reader->document, line, column, reader->error, "%s", found->msg);
}

static int next_event(struct reader *reader, struct fy_event **ret) {
    struct fy_event *event = fy_parser_parse(reader->parser);
    if (!event)
        return parse_error(reader);
    *ret = event;
    return 0;
}

static bool is_null(struct sgr_slice text) {
    return text.size == 0 || sgr_slice_is(text, "~") || sgr_slice_is(text, "null") ||
           sgr_slice_is(text, "Null") || sgr_slice_is(text, "NULL");
}

static int check_tag(struct reader *reader, struct fy_token *tag, struct place place,
                     bool *ret_string) {
    *ret_string = false;
    if (!tag)
        return 0;
    struct sgr_slice text = token_text(tag);
    if (sgr_slice_is(text, "tag:yaml.org,2002:str") || sgr_slice_is(text, "!!str")) {
        *ret_string = true;
        return 0;
    }
    return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                  "tags such as %.*s are not supported", SGR_SLICE_ARGS(text));
}

static int read_scalar(struct reader *reader, struct fy_event *event, struct place place,
                       struct anchor *ret) {
    struct fy_token *token = event->scalar.value;
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    bool quoted = style != FYSS_PLAIN && style != FYSS_ANY, string;
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && place.column > 1)
        place.column--; /* the mark stands behind the quote */
    int status = check_tag(reader, event->scalar.tag, place, &string);
    if (status != 0)
        return status;
    struct sgr_slice raw = token_text(token), text;
    if (memchr(raw.data, '\0', raw.size))
        return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                      "a NUL character can't stand in a configuration");
    const char *message;
    status = sgr__document_substitute(reader->document, raw, &text, &message);
    if (status != 0)
        return message ? sgr__document_error_at(reader->document, place.line, place.column,
                                                reader->error, "%s", message)
                       : out_of_memory(reader);
    struct sgr_document_node *node =
        sgr__document_scalar(reader->document, text, quoted || string, place.line, place.column);
    if (!node)
        return out_of_memory(reader);
    node->null = !node->quoted && (is_null(raw) || text.size == 0);
    *ret = (struct anchor){node, 1};
    return 0;
}

static int read_alias(struct reader *reader, struct fy_event *event, struct place place,
                      struct anchor *ret) {
    struct sgr_slice name = token_text(event->alias.anchor);
    const struct anchor *found = sgr_map_get(reader->anchors, name);
    if (!found)
        return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                      "there is no anchor &%.*s before this", SGR_SLICE_ARGS(name));
    *ret = *found;
    return 0;
}

static int keep_anchor(struct reader *reader, struct fy_token *token, const struct anchor *what) {
    if (!token)
        return 0;
    struct anchor *copy = sgr_arena_alloc(reader->document->arena, sizeof(*copy));
    if (!copy)
        return out_of_memory(reader);
    *copy = *what;
    return sgr_map_put(reader->anchors, token_text(token), copy, NULL) == 0 ? 0
                                                                            : out_of_memory(reader);
}

static int grow_weight(struct reader *reader, struct place place, size_t *weight, size_t add) {
    *weight += add;
    if (*weight <= SGR__DOCUMENT_NODES)
        return 0;
    return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                  "the configuration has more than %d values", SGR__DOCUMENT_NODES);
}

static int read_node(struct reader *reader, struct fy_event *event, struct place near,
                     unsigned depth, struct anchor *ret);

static int read_items(struct reader *reader, struct place place, unsigned depth,
                      struct sgr_vector *items, size_t *weight) {
    for (;;) {
        struct fy_event *event;
        int status = next_event(reader, &event);
        if (status != 0)
            return status;
        if (event->type == FYET_SEQUENCE_END) {
            fy_parser_event_free(reader->parser, event);
            return 0;
        }
        struct anchor item;
        status = read_node(reader, event, place, depth, &item);
        fy_parser_event_free(reader->parser, event);
        if (status == 0)
            status = grow_weight(reader, place, weight, item.weight);
        if (status == 0 && sgr_vector_push(items, &item.node) != 0)
            status = out_of_memory(reader);
        if (status != 0)
            return status;
    }
}

static int read_sequence(struct reader *reader, struct place place, unsigned depth,
                         struct anchor *ret) {
    struct sgr_vector items = SGR_VECTOR_INIT(struct sgr_document_node *);
    struct sgr_document_node *node =
        sgr__document_node(reader->document, SGR_DOCUMENT_SEQUENCE, place.line, place.column);
    size_t weight = 1;
    int status = node ? read_items(reader, place, depth, &items, &weight) : out_of_memory(reader);
    if (status == 0 && sgr__document_fill_sequence(reader->document, node, &items) != 0)
        status = out_of_memory(reader);
    sgr_vector_fini(&items);
    if (status == 0)
        *ret = (struct anchor){node, weight};
    return status;
}

/* A mapping while it is read. */
struct mapping {
    struct sgr_vector pairs;  /* struct sgr_document_pair */
    struct sgr_vector merges; /* struct anchor: values of << */
    struct sgr_map *names;
    size_t weight;
};

static int read_key(struct reader *reader, struct fy_event *event, struct place near,
                    struct sgr_document_pair *ret) {
    struct place place = event_place(event, near);
    if (event->type != FYET_SCALAR)
        return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                      "a key must be a word");
    struct fy_token *token = event->scalar.value;
    struct sgr_slice text = token_text(token);
    if (text.size == 0 || memchr(text.data, '\0', text.size))
        return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                      "a key must not be empty");
    enum fy_scalar_style style = fy_token_scalar_style(token);
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && place.column > 1)
        place.column--;
    const char *name = sgr_arena_copy(reader->document->arena, text);
    if (!name)
        return out_of_memory(reader);
    *ret = (struct sgr_document_pair){.name = name, .line = place.line, .column = place.column};
    return 0;
}

static int add_pair(struct reader *reader, struct mapping *mapping,
                    const struct sgr_document_pair *pair) {
    struct sgr_slice name = sgr_slice(pair->name);
    if (sgr_map_get(mapping->names, name))
        return sgr__document_error_at(reader->document, pair->line, pair->column, reader->error,
                                      "the key \"%s\" stands here twice", pair->name);
    if (sgr_map_put(mapping->names, name, mapping, NULL) != 0 ||
        sgr_vector_push(&mapping->pairs, pair) != 0)
        return out_of_memory(reader);
    return 0;
}

static int read_pair(struct reader *reader, struct fy_event *key, struct place place,
                     unsigned depth, struct mapping *mapping) {
    struct sgr_document_pair pair;
    struct anchor value;
    struct fy_event *event;
    int status = read_key(reader, key, place, &pair);
    if (status == 0)
        status = next_event(reader, &event);
    if (status != 0)
        return status;
    status = read_node(reader, event, (struct place){pair.line, pair.column}, depth, &value);
    fy_parser_event_free(reader->parser, event);
    if (status == 0)
        status = grow_weight(reader, place, &mapping->weight, value.weight);
    if (status != 0)
        return status;
    if (strcmp(pair.name, "<<") == 0)
        return sgr_vector_push(&mapping->merges, &value) == 0 ? 0 : out_of_memory(reader);
    pair.value = value.node;
    return add_pair(reader, mapping, &pair);
}

/* Adds what the mapping does not have itself. */
static int merge(struct reader *reader, struct mapping *into, const struct sgr_document_node *from,
                 bool nested) {
    if (from->kind == SGR_DOCUMENT_SEQUENCE && !nested) {
        int status = 0;
        for (size_t i = 0; i < from->count && status == 0; i++)
            status = merge(reader, into, from->items[i], true);
        return status;
    }
    if (from->kind != SGR_DOCUMENT_MAPPING)
        return sgr_document_error(from, reader->error,
                                  "the value of << must be a mapping or a list of mappings");
    for (size_t i = 0; i < from->count; i++) {
        if (sgr_map_get(into->names, sgr_slice(from->pairs[i].name)))
            continue;
        int status = add_pair(reader, into, &from->pairs[i]);
        if (status != 0)
            return status;
    }
    return 0;
}

static int read_pairs(struct reader *reader, struct place place, unsigned depth,
                      struct mapping *mapping) {
    for (;;) {
        struct fy_event *event;
        int status = next_event(reader, &event);
        if (status != 0)
            return status;
        bool end = event->type == FYET_MAPPING_END;
        if (!end)
            status = read_pair(reader, event, place, depth, mapping);
        fy_parser_event_free(reader->parser, event);
        if (end || status != 0)
            return status;
    }
}

static int read_mapping(struct reader *reader, struct place place, unsigned depth,
                        struct anchor *ret) {
    struct mapping mapping = {.pairs = SGR_VECTOR_INIT(struct sgr_document_pair),
                              .merges = SGR_VECTOR_INIT(struct anchor),
                              .names = sgr_map_new(),
                              .weight = 1};
    struct sgr_document_node *node =
        sgr__document_node(reader->document, SGR_DOCUMENT_MAPPING, place.line, place.column);
    int status =
        node && mapping.names ? read_pairs(reader, place, depth, &mapping) : out_of_memory(reader);
    for (size_t i = 0; i < mapping.merges.count && status == 0; i++)
        status =
            merge(reader, &mapping, SGR_VECTOR_AT(&mapping.merges, struct anchor, i)->node, false);
    if (status == 0 && sgr__document_fill_mapping(reader->document, node, &mapping.pairs) != 0)
        status = out_of_memory(reader);
    sgr_vector_fini(&mapping.pairs);
    sgr_vector_fini(&mapping.merges);
    sgr_map_free(mapping.names);
    if (status == 0)
        *ret = (struct anchor){node, mapping.weight};
    return status;
}

static int read_collection(struct reader *reader, struct fy_event *event, struct place place,
                           unsigned depth, struct anchor *ret) {
    bool mapping = event->type == FYET_MAPPING_START, string;
    struct fy_token *tag = mapping ? event->mapping_start.tag : event->sequence_start.tag;
    if (depth >= SGR__DOCUMENT_DEPTH)
        return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                      "nested deeper than %d levels", SGR__DOCUMENT_DEPTH);
    int status = check_tag(reader, tag, place, &string);
    if (status != 0)
        return status;
    return mapping ? read_mapping(reader, place, depth + 1, ret)
                   : read_sequence(reader, place, depth + 1, ret);
}

/* `near` is the place to name if libfyaml knows none (an empty value: its key). The event stays the caller's. */
static int read_node(struct reader *reader, struct fy_event *event, struct place near,
                     unsigned depth, struct anchor *ret) {
    struct place place = event_place(event, near);
    struct fy_token *anchor = NULL;
    int status;
    switch (event->type) {
    case FYET_SCALAR:
        anchor = event->scalar.anchor;
        status = read_scalar(reader, event, place, ret);
        break;
    case FYET_ALIAS:
        return read_alias(reader, event, place, ret);
    case FYET_MAPPING_START:
        anchor = event->mapping_start.anchor;
        status = read_collection(reader, event, place, depth, ret);
        break;
    case FYET_SEQUENCE_START:
        anchor = event->sequence_start.anchor;
        status = read_collection(reader, event, place, depth, ret);
        break;
    default:
        return sgr__document_error_at(reader->document, place.line, place.column, reader->error,
                                      "expected a value");
    }
    return status == 0 ? keep_anchor(reader, anchor, ret) : status;
}

/* The stream: at most one document. */
static int read_stream(struct reader *reader) {
    struct place start = {1, 1};
    for (;;) {
        struct fy_event *event;
        int status = next_event(reader, &event);
        if (status != 0)
            return status;
        enum fy_event_type type = event->type;
        struct anchor root;
        if (type == FYET_DOCUMENT_START && reader->document->root) {
            struct place place = event_place(event, start);
            status = sgr__document_error_at(reader->document, place.line, place.column,
                                            reader->error, "a configuration is one document");
        } else if (type != FYET_STREAM_START && type != FYET_STREAM_END &&
                   type != FYET_DOCUMENT_START && type != FYET_DOCUMENT_END) {
            status = read_node(reader, event, start, 0, &root);
            if (status == 0)
                reader->document->root = root.node;
        }
        fy_parser_event_free(reader->parser, event);
        if (status != 0 || type == FYET_STREAM_END)
            return status;
    }
}

static int open_parser(struct reader *reader, struct sgr_slice text) {
    struct fy_diag_cfg diagnostics;
    fy_diag_cfg_default(&diagnostics);
    diagnostics.fp = NULL;
    diagnostics.colorize = false;
    reader->diagnostics = fy_diag_create(&diagnostics);
    if (!reader->diagnostics)
        return SGR_ENOMEM;
    fy_diag_set_collect_errors(reader->diagnostics, true);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG,
                                  .diag = reader->diagnostics};
    reader->parser = fy_parser_create(&config);
    reader->anchors = sgr_map_new();
    if (!reader->parser || !reader->anchors ||
        fy_parser_set_string(reader->parser, text.data, text.size) != 0)
        return SGR_ENOMEM;
    return 0;
}

static void close_parser(struct reader *reader) {
    if (reader->parser)
        fy_parser_destroy(reader->parser);
    if (reader->diagnostics)
        fy_diag_destroy(reader->diagnostics);
    sgr_map_free(reader->anchors);
}

/* An empty file is an empty mapping: what is missing is for the plan to say. */
static int ensure_root(struct reader *reader) {
    if (reader->document->root)
        return 0;
    struct sgr_vector none = SGR_VECTOR_INIT(struct sgr_document_pair);
    struct sgr_document_node *root =
        sgr__document_node(reader->document, SGR_DOCUMENT_MAPPING, 1, 1);
    if (!root || sgr__document_fill_mapping(reader->document, root, &none) != 0)
        return out_of_memory(reader);
    reader->document->root = root;
    return 0;
}

int sgr_document_read_yaml(const char *file, struct sgr_slice text, struct sgr_document **ret,
                           struct sgr_error *error) {
    struct reader reader = {.document = sgr__document_new(file), .error = error};
    int status = reader.document ? sgr__document_check_text(reader.document, text, error)
                                 : out_of_memory(&reader);
    if (status == 0 && text.size) {
        status = open_parser(&reader, text) == 0 ? read_stream(&reader) : out_of_memory(&reader);
        close_parser(&reader);
    }
    if (status == 0)
        status = ensure_root(&reader);
    if (status == 0)
        *ret = reader.document;
    else
        sgr_document_free(reader.document);
    return status;
}
