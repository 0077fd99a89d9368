/* The database's default collation and character classes, reproduced through this host's C library if it is the same version.
 *
 * Process-wide and set before the first comparison; read without locks afterwards. Postgres' order under a libc locale is strcoll's,
 * ties bytewise. Locales whose order is that of the bytes (C, POSIX, C.UTF-8) need no strcoll. */
#define _GNU_SOURCE /* strcoll_l */
#include <gnu/libc-version.h>
#include <locale.h>
#include <stdlib.h>
#include <wctype.h>

#include "row/collation.h"
#include "row/type_internal.h"

static struct {
    enum sgr_collation collation;
    locale_t order;
    enum sgr_collation classes; /* C: ASCII only; DATABASE: by `cases`; UNKNOWN */
    locale_t cases;
} database = {.collation = SGR_COLLATION_UNKNOWN, .classes = SGR_COLLATION_UNKNOWN};

static bool is_c(const char *name) {
    return strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
}

/* Code point order is the order of UTF-8's bytes. */
static bool is_bytewise(const char *name) {
    return is_c(name) || strcmp(name, "C.UTF-8") == 0 || strcmp(name, "C.utf8") == 0;
}

static bool same_version(const char *server_version) {
    return server_version && strcmp(server_version, gnu_get_libc_version()) == 0;
}

static void replace_locale(locale_t *place, locale_t locale) {
    if (*place)
        freelocale(*place);
    *place = locale;
}

enum sgr_collation sgr_ctype_set(char provider, const char *ctype, const char *server_version) {
    replace_locale(&database.cases, (locale_t)0);
    if (is_c(ctype))
        return database.classes = SGR_COLLATION_C;
    database.classes = SGR_COLLATION_UNKNOWN;
    /* The server keeps no version of C.UTF-8, whose letters have changed with Unicode's additions alone. */
    bool unversioned = is_bytewise(ctype) && (!server_version || !*server_version);
    if (provider == 'c' && (unversioned || same_version(server_version)))
        database.cases = newlocale(LC_CTYPE_MASK, ctype, (locale_t)0);
    if (database.cases)
        database.classes = SGR_COLLATION_DATABASE;
    return database.classes;
}

enum sgr_collation sgr_collation_set(char provider, const char *collate,
                                     const char *server_version) {
    replace_locale(&database.order, (locale_t)0);
    sgr_ctype_set(provider, collate, server_version);
    database.collation = SGR_COLLATION_UNKNOWN;
    if (provider != 'c')
        return database.collation;
    if (is_bytewise(collate))
        return database.collation = SGR_COLLATION_C;
    if (same_version(server_version))
        database.order = newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, collate, (locale_t)0);
    if (database.order)
        database.collation = SGR_COLLATION_DATABASE;
    return database.collation;
}

enum sgr_collation sgr_collation_default(void) {
    return database.collation;
}

enum sgr_collation sgr_ctype_default(void) {
    return database.classes;
}

uint32_t sgr_ctype_change(uint32_t codepoint, bool upper) {
    wint_t wide = (wint_t)codepoint;
    if (!database.cases)
        return codepoint;
    return (uint32_t)(upper ? towupper_l(wide, database.cases) : towlower_l(wide, database.cases));
}

/* NUL-terminated, in `room` if it fits. NULL without memory. */
static char *terminated(struct sgr_slice text, char *room, size_t size) {
    char *copy = text.size < size ? room : malloc(text.size + 1);
    if (!copy)
        return NULL;
    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

int sgr__collation_compare(struct sgr_slice a, struct sgr_slice b) {
    char room_a[1024], room_b[1024];
    int order = 0;
    if (!database.order || sgr_slice_equal(a, b))
        return sgr_slice_compare(a, b);
    char *text_a = terminated(a, room_a, sizeof(room_a));
    char *text_b = terminated(b, room_b, sizeof(room_b));
    if (text_a && text_b)
        order = strcoll_l(text_a, text_b, database.order);
    if (text_a != room_a)
        free(text_a);
    if (text_b != room_b)
        free(text_b);
    return order ? order : sgr_slice_compare(a, b);
}
