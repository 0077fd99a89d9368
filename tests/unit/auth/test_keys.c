/* Sets of keys that change behind the verifier's back, and tokens that wait for them. */
#define _GNU_SOURCE
#include "unit/auth/sign.h"

#include <semaphore.h>
#include <unistd.h>

#include "base/log.h"

/* ---- A client whose one request a test answers ---- */

struct sgr_http {
    void (*done)(void *data, const struct sgr_http_answer *answer); /* NULL: there is none */
    void *data;
    int asked, cancelled;
};

static struct sgr_http *ask(void *host, const struct sgr_http_request *request,
                            void (*done)(void *data, const struct sgr_http_answer *answer),
                            void *data) {
    struct sgr_http *issuer = host;
    assert_non_null(strstr(request->url, "issuer"));
    assert_int_equal(request->limit, 256 * 1024);
    assert_true(request->timeout > 0);
    assert_null(issuer->done);
    issuer->done = done;
    issuer->data = data;
    issuer->asked++;
    return issuer;
}

static void cancel(struct sgr_http *issuer) {
    issuer->done = NULL;
    issuer->cancelled++;
}

static const struct sgr_client_methods client = {.http = ask, .http_cancel = cancel};

static void answer(struct sgr_http *issuer, struct sgr_http_answer what) {
    void (*done)(void *data, const struct sgr_http_answer *answer) = issuer->done;
    assert_non_null(done);
    issuer->done = NULL;
    done(issuer->data, &what);
}

/* ---- A verifier's loop ---- */

static sem_t fetched;

static void wake(void *data) {
    (void)data;
    sem_post(&fetched);
}

static struct sgr_verifier_owner owner_with(struct sgr_http *issuer) {
    return (struct sgr_verifier_owner){.wake = wake, .client = &client, .host = issuer};
}

static void serve_next(struct sgr_verifier *verifier) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    assert_int_equal(sem_timedwait(&fetched, &until), 0);
    /* The wake is a fetch's last act but for its end. */
    sgr_verifier_serve(verifier);
}

static char *set_of(EVP_PKEY *key, const char *kid) {
    char *more = text_of(",\"kid\":\"%s\"", kid), *jwk = jwk_ed25519(key, more);
    char *set = text_of("{\"keys\":[%s]}", jwk);
    free(more);
    free(jwk);
    return set;
}

static struct sgr_verifier *url_verifier(void) {
    return verifier_with(
        (struct sgr_token_key){.kind = SGR_KEY_JWKS_URL, .text = SGR_SLICE("https://issuer/keys")});
}

static void tokens_wait_for_the_first_fetch_together(void **state) {
    EVP_PKEY *key = make_ed25519();
    char *set = set_of(key, "k"), *claims = claims_for("ann", "");
    struct signer signer = {"EdDSA", key, .der = false};
    char *token = make_token(&signer, "k", claims);
    struct sgr_http issuer = {0};
    struct sgr_verifier_owner owner = owner_with(&issuer);
    struct sgr_verifier *verifier = url_verifier();
    struct heard heard[3] = {0};
    struct sgr_verification *waiting[3];
    (void)state;
    sgr_verifier_start(verifier, &owner);
    for (size_t i = 0; i < 3; i++) {
        waiting[i] = sgr_verifier_verify(verifier, sgr_slice(token), hear, &heard[i]);
        assert_non_null(waiting[i]);
    }
    sgr_verification_cancel(waiting[1]);
    answer(&issuer, (struct sgr_http_answer){.status = 200, .body = sgr_slice(set)});
    serve_next(verifier);
    assert_int_equal(heard[0].calls, 1);
    assert_int_equal(heard[1].calls, 0);
    assert_int_equal(heard[2].calls, 1);
    assert_non_null(heard[0].claims);
    sgr_claims_unref(heard[0].claims);
    sgr_claims_unref(heard[2].claims);
    assert_int_equal(issuer.asked, 1);
    expect_good(verifier, token, "ann");
    sgr_verifier_free(verifier);
    free(set);
    free(claims);
    free(token);
    EVP_PKEY_free(key);
}

static void a_verifier_can_go_while_keys_are_on_their_way(void **state) {
    EVP_PKEY *key = make_ed25519();
    char *claims = claims_for("ann", "");
    struct signer signer = {"EdDSA", key, .der = false};
    char *token = make_token(&signer, "k", claims);
    struct sgr_http issuer = {0};
    struct sgr_verifier_owner owner = owner_with(&issuer);
    struct sgr_verifier *verifier = url_verifier();
    struct heard heard = {0};
    (void)state;
    sgr_verifier_start(verifier, &owner);
    assert_non_null(sgr_verifier_verify(verifier, sgr_slice(token), hear, &heard));
    sgr_verifier_free(verifier);
    assert_int_equal(heard.calls, 0);
    assert_int_equal(issuer.cancelled, 1);
    free(claims);
    free(token);
    EVP_PKEY_free(key);
}

/* The token's holder hears that it is not his fault. */
static void odd_answers_are_no_keys(void **state) {
    const struct sgr_http_answer answers[] = {{.status = 302, .body = SGR_SLICE("{\"keys\":[]}")},
                                              {.status = 200, .body = SGR_SLICE("{}")},
                                              {.status = 200, .body = SGR_SLICE("{\"keys\"")},
                                              {.status = 200},
                                              {.status = 500},
                                              {.error = "the answer is larger than 262144 bytes"}};
    struct signer signer = {"HS256", .secret = SGR_SLICE(SECRET)};
    char *claims = claims_for("ann", ""), *token = make_token(&signer, "k", claims);
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct sgr_http issuer = {0};
        struct sgr_verifier_owner owner = owner_with(&issuer);
        struct sgr_verifier *verifier = url_verifier();
        struct heard heard = {0};
        sgr_verifier_start(verifier, &owner);
        assert_non_null(sgr_verifier_verify(verifier, sgr_slice(token), hear, &heard));
        answer(&issuer, answers[i]);
        serve_next(verifier);
        assert_int_equal(heard.calls, 1);
        assert_int_equal(heard.verdict.status, 503);
        assert_string_equal(heard.verdict.code, "keys_unavailable");
        assert_int_equal(issuer.asked, 1);
        sgr_verifier_free(verifier);
    }
    free(claims);
    free(token);
}

static void keep_line(void *data, enum sgr_log_level level, const char *line) {
    (void)level;
    snprintf(data, 512, "%s", line);
}

static void secrets_of_a_url_are_not_logged(void **state) {
    char line[512] = "";
    struct sgr_http issuer = {0};
    struct sgr_verifier_owner owner = owner_with(&issuer);
    struct sgr_verifier *verifier = verifier_with((struct sgr_token_key){
        .kind = SGR_KEY_JWKS_URL, .text = SGR_SLICE("https://ann:one@issuer:8443/two?three#four")});
    (void)state;
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_TEXT, keep_line, line);
    sgr_verifier_start(verifier, &owner);
    answer(&issuer, (struct sgr_http_answer){.status = 500});
    serve_next(verifier);
    assert_non_null(strstr(line, "url=https://issuer:8443"));
    for (size_t i = 0; i < 5; i++)
        assert_null(strstr(line, ((const char *[]){"ann", "one", "two", "three", "four"})[i]));
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_TEXT, NULL, NULL);
    sgr_verifier_free(verifier);
}

static void write_file(const char *path, char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(text);
}

static void a_file_is_read_again_when_a_token_names_a_new_key(void **state) {
    char path[] = "/tmp/sangre-keys-XXXXXX";
    EVP_PKEY *old = make_ed25519(), *new = make_ed25519();
    struct signer by_old = {"EdDSA", old, .der = false}, by_new = {"EdDSA", new, .der = false};
    char *claims = claims_for("ann", "");
    char *first = make_token(&by_old, "old", claims), *second = make_token(&by_new, "new", claims);
    char *unnamed = make_token(&by_new, NULL, claims);
    struct heard heard = {0};
    (void)state;
    close(mkstemp(path));
    write_file(path, set_of(old, "old"));
    struct sgr_verifier *verifier =
        verifier_with((struct sgr_token_key){.kind = SGR_KEY_JWKS_FILE, .text = sgr_slice(path)});
    struct sgr_verifier_owner owner = owner_with(NULL);
    sgr_verifier_start(verifier, &owner);
    expect_good(verifier, first, "ann");
    write_file(path, set_of(new, "new"));
    expect_refused(verifier, unnamed, "invalid_token", "signature");
    expect_good(verifier, first, "ann");
    assert_non_null(sgr_verifier_verify(verifier, sgr_slice(second), hear, &heard));
    serve_next(verifier);
    assert_non_null(heard.claims);
    sgr_claims_unref(heard.claims);
    heard = (struct heard){0};
    assert_non_null(sgr_verifier_verify(verifier, sgr_slice(first), hear, &heard));
    serve_next(verifier);
    assert_null(heard.claims); /* the old key counts no more */
    sgr_verifier_free(verifier);
    unlink(path);
    free(claims);
    free(first);
    free(second);
    free(unnamed);
    EVP_PKEY_free(old);
    EVP_PKEY_free(new);
}

int main(void) {
    sem_init(&fetched, 0, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_wait_for_the_first_fetch_together),
        cmocka_unit_test(a_verifier_can_go_while_keys_are_on_their_way),
        cmocka_unit_test(odd_answers_are_no_keys),
        cmocka_unit_test(secrets_of_a_url_are_not_logged),
        cmocka_unit_test(a_file_is_read_again_when_a_token_names_a_new_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
