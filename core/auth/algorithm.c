/* The signature algorithms of RFC 7518 and RFC 8037. `none` is not among them. */
#include "auth/internal.h"

const struct sgr__algorithm sgr__algorithms[] = {
    {"HS256", SGR__HMAC, "SHA256", 0},    {"HS384", SGR__HMAC, "SHA384", 0},
    {"HS512", SGR__HMAC, "SHA512", 0},    {"RS256", SGR__RSA, "SHA256", 0},
    {"RS384", SGR__RSA, "SHA384", 0},     {"RS512", SGR__RSA, "SHA512", 0},
    {"PS256", SGR__PSS, "SHA256", 0},     {"PS384", SGR__PSS, "SHA384", 0},
    {"PS512", SGR__PSS, "SHA512", 0},     {"ES256", SGR__ECDSA, "SHA256", 256},
    {"ES384", SGR__ECDSA, "SHA384", 384}, {"ES512", SGR__ECDSA, "SHA512", 521},
    {"EdDSA", SGR__EDDSA, NULL, 0},
};
const size_t sgr__algorithm_count = sizeof(sgr__algorithms) / sizeof(*sgr__algorithms);

uint32_t sgr__algorithm_bit(const char *name) {
    for (size_t i = 0; i < sgr__algorithm_count; i++)
        if (strcmp(sgr__algorithms[i].name, name) == 0)
            return 1u << i;
    return 0;
}

void sgr__algorithm_names(uint32_t set, struct sgr_buffer *out) {
    bool first = true;
    for (size_t i = 0; i < sgr__algorithm_count; i++) {
        if (!(set & 1u << i))
            continue;
        sgr_buffer_printf(out, "%s%s", first ? "" : ", ", sgr__algorithms[i].name);
        first = false;
    }
}
