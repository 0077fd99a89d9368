#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <pcre2.h>
#include <sangre/text.h>

enum {
    PATTERN_LIMIT = 4096,
    WORKSPACE = 1 << 12, /* bounds the ways that are followed at once: a byte costs their square */
    RUNS = 10000,        /* within one run, for groups that are repeated and keep what they took */
};

struct pattern {
    const struct sgr_host_common *common;
    void *host;
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
};

static _Thread_local int workspace[WORKSPACE]; /* of the match under way */

/* ---- As PCRE2 has it ---- */

/* All of a text must fit, from end to end. */
static int put_like(struct sgr_text *out, struct sgr_slice text, struct sgr_error *error) {
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == '%' || byte == '_') {
            sgr_text_puts(out, byte == '%' ? ".*" : ".");
            continue;
        }
        if (byte == '\\' && ++i == text.size)
            return sgr_error_set(error, SGR_EPARSE,
                                 "LIKE pattern must not end with escape character");
        if (text.data[i] && strchr("\\^$.[|()?*+{}", text.data[i]))
            sgr_text_add(out, "\\", 1);
        sgr_text_add(out, &text.data[i], 1);
    }
    sgr_text_puts(out, "\\z");
    return SGR_OK;
}

/* (?: and, at the beginning, (?i) are taken; verbs and all others that begin so would have to go back, as would \g, which calls a group. */
static bool goes_back(struct sgr_slice text) {
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] == '\\') {
            if (text.data[++i] == 'g')
                return true;
        } else if (text.data[i] == '(' && text.data[i + 1] == '*')
            return true;
        else if (text.data[i] == '(' && text.data[i + 1] == '?' &&
                 (i + 2 == text.size || (text.data[i + 2] != ':' && (i || text.data[2] != 'i'))))
            return true;
    }
    return false;
}

/* It may fit anywhere: one run that begins anywhere, not a run for each beginning. */
static int put_expression(struct sgr_text *out, struct sgr_slice text, struct sgr_error *error) {
    if (goes_back(text))
        return sgr_error_set(error, SGR_EPARSE,
                             "invalid regular expression: only plain groups, (…) and (?:…), are "
                             "supported");
    sgr_text_puts(out, ".*?(?:");
    sgr_text_slice(out, text);
    sgr_text_puts(out, ")");
    return SGR_OK;
}

static int compile(struct pattern *pattern, const struct sgr_text *text, bool any_case,
                   struct sgr_error *error) {
    uint32_t options =
        PCRE2_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_ANCHORED | PCRE2_NEVER_BACKSLASH_C;
    uint32_t references = 0;
    PCRE2_UCHAR why[128];
    PCRE2_SIZE place;
    int number;
    pattern->code =
        pcre2_compile((PCRE2_SPTR)text->data, text->size,
                      any_case ? options | PCRE2_CASELESS : options, &number, &place, NULL);
    if (!pattern->code) {
        pcre2_get_error_message(number, why, sizeof(why));
        return sgr_error_set(error, SGR_EPARSE, "invalid regular expression: %s", (char *)why);
    }
    pcre2_pattern_info(pattern->code, PCRE2_INFO_BACKREFMAX, &references);
    if (references)
        return sgr_error_set(error, SGR_EPARSE,
                             "invalid regular expression: back references are not supported");
    pattern->found = pcre2_match_data_create(1, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->found || !pattern->limits)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    pcre2_set_match_limit(pattern->limits, RUNS);
    return SGR_OK;
}

/* ---- Life ---- */

int pattern_new(const struct sgr_host_common *common, void *host, struct sgr_slice text, bool like,
                bool any_case, struct pattern **ret, struct sgr_error *error) {
    struct sgr_text source = sgr_text_new(common, host);
    if (text.size > PATTERN_LIMIT)
        return sgr_error_set(error, SGR_ELIMIT, "a pattern is longer than %d bytes", PATTERN_LIMIT);
    struct pattern *pattern = common->allocate(host, sizeof(*pattern));
    if (!pattern)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *pattern = (struct pattern){.common = common, .host = host};
    int code = like ? put_like(&source, text, error) : put_expression(&source, text, error);
    if (!code && source.failed)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory");
    if (!code)
        code = compile(pattern, &source, any_case, error);
    sgr_text_free(&source);
    if (code)
        pattern_free(pattern);
    else
        *ret = pattern;
    return code;
}

void pattern_free(struct pattern *pattern) {
    if (!pattern)
        return;
    pcre2_match_data_free(pattern->found);
    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    pattern->common->release(pattern->host, pattern);
}

int pattern_fits(const struct pattern *pattern, struct sgr_slice text) {
    int code =
        pcre2_dfa_match(pattern->code, (PCRE2_SPTR)(text.data ? text.data : ""), text.size, 0,
                        PCRE2_DFA_SHORTEST, pattern->found, pattern->limits, workspace, WORKSPACE);
    if (code >= 0 || code == PCRE2_ERROR_NOMATCH)
        return code >= 0;
    pattern->common->count(pattern->host, "patterns_failed", 1);
    return -1;
}
