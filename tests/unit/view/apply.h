/* Clients in small: RFC 6902 patches and the codec `rows` applied to documents. Fails the test on anything a client could not do. */
#ifndef TEST_VIEW_APPLY_H
#define TEST_VIEW_APPLY_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static inline json_t *parse_json(const char *text, size_t size) {
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("not JSON: %s in %.*s", error.text, (int)size, text);
    return json;
}

/* ---- JSON Patch ---- */

static inline void unescape(char *token) {
    char *to = token;
    for (char *from = token; *from; from++, to++) {
        *to = *from;
        if (*from == '~')
            *to = *++from == '0' ? '~' : '/';
    }
    *to = '\0';
}

/* The value that holds the last token, which is copied out; NULL: the path is the document itself. */
static inline json_t *pointer_parent(json_t *document, const char *path, char *ret_token) {
    json_t *at = document;
    if (!*path)
        return NULL;
    for (;;) {
        assert_int_equal(*path, '/');
        const char *end = strchr(path + 1, '/');
        size_t size = end ? (size_t)(end - path - 1) : strlen(path + 1);
        assert_true(size < 200);
        memcpy(ret_token, path + 1, size);
        ret_token[size] = '\0';
        unescape(ret_token);
        if (!end)
            return at;
        at = json_is_array(at) ? json_array_get(at, (size_t)atoll(ret_token))
                               : json_object_get(at, ret_token);
        if (!at)
            fail_msg("no such place: %s", path);
        path = end;
    }
}

static inline json_t *patch_take(json_t *document, const char *path) {
    char token[200];
    json_t *parent = pointer_parent(document, path, token);
    assert_non_null(parent);
    json_t *value = json_is_array(parent) ? json_array_get(parent, (size_t)atoll(token))
                                          : json_object_get(parent, token);
    if (!value)
        fail_msg("nothing to take at %s", path);
    json_incref(value);
    if (json_is_array(parent))
        json_array_remove(parent, (size_t)atoll(token));
    else
        json_object_del(parent, token);
    return value;
}

/* Takes the value over. */
static inline void patch_put(json_t **document, const char *path, json_t *value, bool replace) {
    char token[200];
    json_t *parent = pointer_parent(*document, path, token);
    if (!parent) {
        json_decref(*document);
        *document = value;
    } else if (json_is_array(parent)) {
        size_t at = (size_t)atoll(token);
        if (at > json_array_size(parent) - replace)
            fail_msg("beyond the list: %s", path);
        replace ? json_array_set_new(parent, at, value) : json_array_insert_new(parent, at, value);
    } else {
        assert_true(!replace || json_object_get(parent, token));
        json_object_set_new(parent, token, value);
    }
}

static inline void patch_op(json_t **document, json_t *op) {
    const char *name = json_string_value(json_object_get(op, "op"));
    const char *path = json_string_value(json_object_get(op, "path"));
    if (strcmp(name, "remove") == 0)
        json_decref(patch_take(*document, path));
    else if (strcmp(name, "move") == 0)
        patch_put(document, path,
                  patch_take(*document, json_string_value(json_object_get(op, "from"))), false);
    else
        patch_put(document, path, json_deep_copy(json_object_get(op, "value")),
                  strcmp(name, "replace") == 0);
}

/* Takes the document over and returns what becomes of it. */
static inline json_t *apply_json_patch(json_t *document, json_t *patch) {
    size_t i;
    json_t *op;
    json_array_foreach(patch, i, op) patch_op(&document, op);
    return document;
}

/* ---- rows ---- */

static inline bool has_row_key(json_t *member, json_t *fields, json_t *key) {
    if (json_array_size(fields) == 1)
        return json_equal(json_object_get(member, json_string_value(json_array_get(fields, 0))),
                          key);
    for (size_t i = 0; i < json_array_size(fields); i++)
        if (!json_equal(json_object_get(member, json_string_value(json_array_get(fields, i))),
                        json_array_get(key, i)))
            return false;
    return true;
}

/* Position of the member in the list; its size: not there. */
static inline size_t find_row(json_t *list, json_t *spec, json_t *key) {
    json_t *fields = json_object_get(spec, "key");
    if (json_is_null(fields))
        return (size_t)json_integer_value(key);
    size_t i = 0;
    while (i < json_array_size(list) && !has_row_key(json_array_get(list, i), fields, key))
        i++;
    return i;
}

struct row_place {
    json_t *holder; /* an array or an object; NULL: the document itself */
    size_t index;
    const char *field;
    json_t *spec; /* of the level */
};

static inline json_t *row_value(json_t *document, const struct row_place *place) {
    if (!place->holder)
        return document;
    return json_is_array(place->holder) ? json_array_get(place->holder, place->index)
                                        : json_object_get(place->holder, place->field);
}

static inline struct row_place find_place(json_t *document, json_t *spec, json_t *path) {
    struct row_place place = {.spec = spec};
    size_t i = 0, count = json_array_size(path);
    json_t *at = document;
    for (;;) {
        if (!json_is_true(json_object_get(place.spec, "one"))) {
            assert_true(json_is_array(at));
            assert_true(i < count);
            place.holder = at;
            place.index = find_row(at, place.spec, json_array_get(path, i++));
            at = place.index < json_array_size(at) ? json_array_get(at, place.index) : NULL;
        }
        if (i == count)
            return place;
        assert_true(json_is_integer(json_array_get(path, i)));
        size_t level = (size_t)json_integer_value(json_array_get(path, i++));
        place.holder = at;
        place.spec = json_array_get(json_object_get(place.spec, "levels"), level);
        place.field = json_string_value(json_object_get(place.spec, "field"));
        assert_non_null(place.field);
        assert_non_null(at);
        at = json_object_get(at, place.field);
    }
}

static inline size_t row_before(const struct row_place *place, json_t *edit) {
    json_t *before = json_object_get(edit, "before");
    if (!before)
        return place->index;
    if (json_is_null(before))
        return json_array_size(place->holder);
    size_t at = find_row(place->holder, place->spec, before);
    assert_true(at < json_array_size(place->holder));
    return at;
}

static inline void put_row(json_t **document, struct row_place *place, json_t *edit,
                           json_t *value) {
    if (!place->holder) {
        json_decref(*document);
        *document = value;
    } else if (json_is_array(place->holder)) {
        bool keyed = !json_is_null(json_object_get(place->spec, "key"));
        assert_true(!keyed || place->index == json_array_size(place->holder));
        assert_int_equal(json_array_insert_new(place->holder, row_before(place, edit), value), 0);
    } else {
        json_object_set_new(place->holder, place->field, value);
    }
}

static inline void move_row(struct row_place *place, json_t *edit) {
    assert_true(place->index < json_array_size(place->holder));
    json_t *member = json_incref(json_array_get(place->holder, place->index));
    json_array_remove(place->holder, place->index);
    json_t *to = json_object_get(edit, "to");
    size_t at = to ? (size_t)json_integer_value(to) : row_before(place, edit);
    assert_int_equal(json_array_insert_new(place->holder, at, member), 0);
}

static inline void edit_row(json_t **document, json_t *spec, json_t *edit) {
    struct row_place place = find_place(*document, spec, json_object_get(edit, "at"));
    json_t *put = json_object_get(edit, "put"), *set = json_object_get(edit, "set");
    if (put) {
        put_row(document, &place, edit, json_deep_copy(put));
    } else if (set) {
        json_t *member = row_value(*document, &place);
        assert_true(json_is_object(member));
        json_t *copy = json_deep_copy(set);
        assert_int_equal(json_object_update_existing(member, copy), 0);
        json_decref(copy);
    } else if (json_object_get(edit, "move")) {
        move_row(&place, edit);
    } else if (place.holder && json_is_array(place.holder)) {
        assert_int_equal(json_array_remove(place.holder, place.index), 0);
    } else {
        put_row(document, &place, edit, json_null());
    }
}

static inline json_t *apply_rows(json_t *document, json_t *spec, json_t *edits) {
    size_t i;
    json_t *edit;
    json_array_foreach(edits, i, edit) edit_row(&document, spec, edit);
    return document;
}

#endif
