#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { TOKEN_LIMIT = 64 << 10 };

static bool blank(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct sgr_slice trim(struct sgr_slice text) {
    while (text.size && blank(text.data[text.size - 1]))
        text.size--;
    while (text.size && blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    return text;
}

static int unreadable(const char *path, const char *why, struct sgr_error *error) {
    return sgr_error_set(error, SGR_EIO, "token_file %s: %s", path, why);
}

static int read_file(const char *path, struct sgr_text *scratch, struct sgr_error *error) {
    char part[4096];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return unreadable(path, strerror(errno), error);
    ssize_t size;
    sgr_text_clear(scratch);
    while ((size = read(descriptor, part, sizeof(part))) > 0 && scratch->size <= TOKEN_LIMIT)
        sgr_text_add(scratch, part, (size_t)size);
    int code = errno;
    close(descriptor);
    if (size < 0)
        return unreadable(path, strerror(code), error);
    if (scratch->failed)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a token");
    return SGR_OK;
}

bool token_fits(const char *token) {
    for (; *token; token++)
        if ((unsigned char)*token <= ' ' || (unsigned char)*token >= 0x7f)
            return false;
    return true;
}

static bool slice_fits(struct sgr_slice token) {
    for (size_t i = 0; i < token.size; i++)
        if ((unsigned char)token.data[i] <= ' ' || (unsigned char)token.data[i] >= 0x7f)
            return false;
    return token.size > 0 && token.size <= TOKEN_LIMIT;
}

int token_read(const struct options *options, struct sgr_text *scratch, struct sgr_slice *ret,
               struct sgr_error *error) {
    const char *given = options->token ? options->token : options->apikey;
    *ret = (struct sgr_slice){given, given ? strlen(given) : 0};
    if (!options->token_file)
        return SGR_OK;
    int code = read_file(options->token_file, scratch, error);
    if (code)
        return code;
    *ret = trim((struct sgr_slice){scratch->data, scratch->size});
    return slice_fits(*ret) ? SGR_OK : unreadable(options->token_file, "it holds no token", error);
}
