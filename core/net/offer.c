/* The header is a list: EXTENSION *( ";" NAME [ "=" VALUE ] ), with commas between the extensions. An offer with a parameter that is unknown, given
 * twice or out of range has to be declined; so is a window smaller than ours, as one deflated buffer serves all clients. */
#include "net/offer.h"

#include <string.h>

enum parameter {
    SERVER_NO_CONTEXT = 1,
    CLIENT_NO_CONTEXT = 2,
    SERVER_WINDOW = 4,
    CLIENT_WINDOW = 8,
    UNKNOWN = 16
};

/* ---- Tokens ---- */

struct reader {
    const char *at, *end;
};

static void skip_blanks(struct reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t'))
        reader->at++;
}

static bool take(struct reader *reader, char byte) {
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

static struct sgr_slice take_token(struct reader *reader) {
    skip_blanks(reader);
    const char *start = reader->at;
    while (reader->at<reader->end && * reader->at> ' ' && !strchr(",;=\"", *reader->at))
        reader->at++;
    return (struct sgr_slice){start, (size_t)(reader->at - start)};
}

/* A token or a quoted one. data NULL: the quotes don't end. */
static struct sgr_slice take_value(struct reader *reader) {
    if (!take(reader, '"'))
        return take_token(reader);
    const char *start = reader->at;
    const char *close = memchr(start, '"', (size_t)(reader->end - start));
    if (!close)
        return (struct sgr_slice){NULL, 0};
    reader->at = close + 1;
    return (struct sgr_slice){start, (size_t)(close - start)};
}

/* ---- Offers ---- */

static enum parameter parameter_of(struct sgr_slice name) {
    if (sgr_slice_is(name, "server_no_context_takeover"))
        return SERVER_NO_CONTEXT;
    if (sgr_slice_is(name, "client_no_context_takeover"))
        return CLIENT_NO_CONTEXT;
    if (sgr_slice_is(name, "server_max_window_bits"))
        return SERVER_WINDOW;
    return sgr_slice_is(name, "client_max_window_bits") ? CLIENT_WINDOW : UNKNOWN;
}

static bool window(struct sgr_slice value, int64_t *ret) {
    return value.size && value.data[0] != '0' && sgr_slice_int(value, ret) && *ret >= 8 &&
           *ret <= 15;
}

/* Whether the parameter can be taken; `seen` are those before it. */
static bool fits(enum parameter parameter, unsigned seen, bool valued, struct sgr_slice value) {
    int64_t bits;
    if (parameter == UNKNOWN || (seen & parameter))
        return false;
    if (parameter == SERVER_WINDOW)
        return valued && window(value, &bits) && bits >= SGR__WINDOW_BITS;
    if (parameter == CLIENT_WINDOW)
        return !valued || window(value, &bits);
    return !valued;
}

/* Behind an extension's name. False: malformed, nothing behind it can be read. */
static bool read_parameters(struct reader *reader, struct sgr__offer *ret) {
    unsigned seen = 0;
    bool acceptable = true;
    while (take(reader, ';')) {
        struct sgr_slice name = take_token(reader), value = {NULL, 0};
        bool valued = take(reader, '=');
        if (valued)
            value = take_value(reader);
        if (!name.size || (valued && !value.size))
            return false;
        enum parameter parameter = parameter_of(name);
        acceptable = acceptable && fits(parameter, seen, valued, value);
        seen |= parameter;
    }
    *ret = (struct sgr__offer){.taken = acceptable,
                               .no_context = seen & SERVER_NO_CONTEXT,
                               .names_window = seen & SERVER_WINDOW};
    return true;
}

struct sgr__offer sgr__offer_choose(struct sgr_slice header) {
    struct reader reader = {header.data, header.data + header.size};
    struct sgr__offer offer;
    while (header.data) {
        struct sgr_slice name = take_token(&reader);
        if (!name.size || !read_parameters(&reader, &offer))
            break;
        if (sgr_slice_is(name, "permessage-deflate") && offer.taken)
            return offer;
        if (!take(&reader, ','))
            break;
    }
    return (struct sgr__offer){0};
}
