/* Each quantified item can give back at most the longest run of its characters, so the search tree has at most the product of those
 * runs as leaves. That is tight enough to let "(%d+)-(%d+)-(%d+)" pass on any text and to refuse ".-.-.-.-x" on a long one. */
#include "pattern.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

struct class {
    bool has[UCHAR_MAX + 1];
};

struct cursor {
    const char *at, *end;
};

static bool letter_class(int letter, int c) {
    bool in;
    switch (tolower(letter)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    default:
        return letter == c;
    }
    return isupper(letter) ? !in : in;
}

static void add_letter(struct class *class, int letter) {
    for (int c = 0; c <= UCHAR_MAX; c++)
        class->has[c] |= letter_class(letter, c);
}

static void add_range(struct class *class, unsigned char first, unsigned char last) {
    for (int c = first; c <= last; c++)
        class->has[c] = true;
}

/* Behind the opening bracket; leaves the cursor behind the closing one. */
static void read_set(struct cursor *cursor, struct class *ret) {
    bool negated = cursor->at < cursor->end && *cursor->at == '^';
    if (negated)
        cursor->at++;
    bool first = true;
    while (cursor->at < cursor->end && (first || *cursor->at != ']')) {
        first = false;
        unsigned char c = (unsigned char)*cursor->at++;
        if (c == '%' && cursor->at < cursor->end) {
            add_letter(ret, (unsigned char)*cursor->at++);
        } else if (cursor->end - cursor->at >= 2 && *cursor->at == '-' && cursor->at[1] != ']') {
            add_range(ret, c, (unsigned char)cursor->at[1]);
            cursor->at += 2;
        } else {
            ret->has[c] = true;
        }
    }
    if (cursor->at < cursor->end)
        cursor->at++;
    for (int c = 0; negated && c <= UCHAR_MAX; c++)
        ret->has[c] = !ret->has[c];
}

/* One item that matches a single character. */
static void read_item(struct cursor *cursor, struct class *ret) {
    memset(ret, 0, sizeof(*ret));
    unsigned char c = (unsigned char)*cursor->at++;
    if (c == '.')
        memset(ret->has, true, sizeof(ret->has));
    else if (c == '[')
        read_set(cursor, ret);
    else if (c == '%' && cursor->at < cursor->end)
        add_letter(ret, (unsigned char)*cursor->at++);
    else
        ret->has[c] = true;
}

static size_t longest_run(const struct class *class, const char *text, size_t size) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < size; i++) {
        run = class->has[(unsigned char)text[i]] ? run + 1 : 0;
        if (run > longest)
            longest = run;
    }
    return longest;
}

static size_t count_of(const struct class *class, const char *text, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += class->has[(unsigned char)text[i]];
    return count;
}

static size_t times(size_t a, size_t b) {
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

/* The cost of one attempt at one starting point: of a balanced match, a back reference or a frontier, 0 if it is none of those. */
static size_t special_item(struct cursor *cursor, size_t text_size) {
    if (*cursor->at != '%' || cursor->end - cursor->at < 2)
        return 0;
    char kind = cursor->at[1];
    if (kind == 'b') {
        cursor->at += cursor->end - cursor->at < 4 ? cursor->end - cursor->at : 4;
        return text_size + 1;
    }
    if (kind == 'f') { /* the set behind it is an item that takes no character */
        cursor->at += 2;
        return 1;
    }
    if (isdigit((unsigned char)kind)) {
        cursor->at += 2;
        return text_size + 1;
    }
    return 0;
}

/* One item with what stands behind it: how many ways it can be taken. */
static size_t choices(struct cursor *cursor, struct class *ret, const char *text, size_t size) {
    read_item(cursor, ret);
    if (cursor->at == cursor->end || !*cursor->at || !strchr("*+-?", *cursor->at))
        return 1;
    return *cursor->at++ == '?' ? 2 : longest_run(ret, text, size) + 1;
}

size_t pattern_bound(const char *pattern, size_t pattern_size, const char *text, size_t text_size,
                     bool anchors) {
    struct cursor cursor = {pattern, pattern + pattern_size};
    size_t starts = text_size + 1, leaves = 1, each = 1;
    bool anchored = anchors && pattern_size && *pattern == '^';
    if (anchored) {
        cursor.at++;
        starts = 1;
    }
    while (cursor.at < cursor.end) {
        size_t special = special_item(&cursor, text_size);
        each += special ? special : 1;
        if (special)
            continue;
        if (*cursor.at == '(' || *cursor.at == ')') {
            cursor.at++;
            continue;
        }
        struct class class;
        size_t ways = choices(&cursor, &class, text, text_size);
        if (each == 2 && ways == 1 && !anchored) /* most attempts end at their first character */
            starts = count_of(&class, text, text_size);
        leaves = times(leaves, ways);
    }
    size_t search = times(times(starts, leaves), each);
    return search > SIZE_MAX - text_size - 1 ? SIZE_MAX : search + text_size + 1;
}
