/* Who may see which rows of a table: a rule says which column holds which claim of the client's token.
 *
 *     { "public.todos": "user_id = $claims.sub", "public.notes": "team = $claims.app_metadata.team and owner = $claims.sub" } */
#ifndef SINKS_SUPABASE_ACCESS_H
#define SINKS_SUPABASE_ACCESS_H

#include <sangre/sink.h>
#include <sangre/text.h>

struct access_term {
    struct sgr_slice column;
    size_t claim; /* its place in the pass */
};

struct access_rule {
    const char *name; /* of the table, as it was written */
    struct sgr_slice schema, table;
    struct access_term *terms;
    size_t count;
};

struct access {
    const struct sgr_sink_host *table;
    void *host;
    struct access_rule *rules;
    size_t count;
    char **claims; /* paths, each once */
    size_t claim_count;
    char *text; /* what the slices point into */
};

/* `rows`: a JSON object; NULL: everybody sees all rows. */
int access_open(struct access *ret, const struct sgr_sink_host *table, void *host, const char *rows,
                struct sgr_error *error);
void access_free(struct access *access);

const struct access_rule *access_find(const struct access *access, struct sgr_slice schema,
                                      struct sgr_slice table); /* or NULL */

/* What the claims say of all that rules ask for; those who have the same pass see the same rows. Empty without rules. claims NULL: nothing. */
void access_pass(const struct access *access, const struct sgr_claims *claims,
                 struct sgr_text *ret);
/* A claim in it; data NULL: the token has none. */
struct sgr_slice access_claim(struct sgr_slice pass, size_t i);

#endif
