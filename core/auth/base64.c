/* Base64url as JOSE has it. */
#include "auth/internal.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static int value_of(char byte) {
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '-' ? 62 : byte == '_' ? 63 : -1;
}

bool sgr__base64url(struct sgr_slice text, unsigned char *to, size_t *ret_size) {
    uint32_t bits = 0;
    unsigned held = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = value_of(text.data[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[size++] = (unsigned char)(bits >> held);
        }
    }
    *ret_size = size;
    return held < 6 && !(bits & ((1u << held) - 1));
}

bool sgr__base64_any(struct sgr_slice text, unsigned char *to, size_t *ret_size) {
    char *plain = sgr_slice_copy(text);
    struct sgr_slice trimmed = {plain, text.size};
    if (!plain)
        return false;
    for (size_t i = 0; i < trimmed.size; i++)
        plain[i] = plain[i] == '+' ? '-' : plain[i] == '/' ? '_' : plain[i];
    while (trimmed.size && strchr("= \t\r\n", plain[trimmed.size - 1]))
        trimmed.size--;
    bool good = sgr__base64url(trimmed, to, ret_size);
    OPENSSL_cleanse(plain, text.size);
    free(plain);
    return good;
}
