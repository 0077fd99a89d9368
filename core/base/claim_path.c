#include "base/claim_path.h"

#include "base/slice.h"

static bool plain(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == ':';
}

/* Bytes read, 0: malformed. */
static size_t read_plain(struct sgr_slice path, char *name) {
    size_t size = 0;
    while (size < path.size && size < SGR_CLAIM_NAME_MAX - 1 && plain(path.data[size])) {
        name[size] = path.data[size];
        size++;
    }
    name[size] = '\0';
    return size;
}

static size_t read_quoted(struct sgr_slice path, char *name) {
    size_t size = 0;
    for (size_t at = 1; at < path.size && size < SGR_CLAIM_NAME_MAX - 1; at++) {
        bool quote = path.data[at] == '"';
        if (quote && at + 1 < path.size && path.data[at + 1] == '"') {
            at++;
        } else if (quote) {
            name[size] = '\0';
            return size ? at + 1 : 0;
        }
        if (!path.data[at])
            return 0;
        name[size++] = path.data[at];
    }
    return 0;
}

bool sgr_claim_path_next(struct sgr_slice *path, char name[SGR_CLAIM_NAME_MAX]) {
    if (!path->size)
        return false;
    size_t used = path->data[0] == '"' ? read_quoted(*path, name) : read_plain(*path, name);
    if (!used || (used < path->size && path->data[used] != '.') || used + 1 == path->size)
        return false;
    used += used < path->size;
    *path = (struct sgr_slice){path->data + used, path->size - used};
    return true;
}

bool sgr_claim_path_valid(struct sgr_slice path) {
    char name[SGR_CLAIM_NAME_MAX];
    if (!path.size)
        return false;
    while (sgr_claim_path_next(&path, name))
        continue;
    return !path.size;
}
