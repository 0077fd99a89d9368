/* Sets of keys that change behind the verifier's back, and tokens that wait for them. */
#define _GNU_SOURCE
#include "unit/auth/sign.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- A server that answers each request with the same text, once it is let go ---- */

struct issuer {
    pthread_t thread;
    int listener, port;
    const char *answer; /* as it goes over the wire */
    int asked;          /* atomic */
    bool over;          /* atomic */
    sem_t go;
};

static void *serve(void *data) {
    struct issuer *issuer = data;
    char request[4096];
    for (;;) {
        int client = accept(issuer->listener, NULL, NULL);
        if (client < 0 || __atomic_load_n(&issuer->over, __ATOMIC_ACQUIRE)) {
            close(client);
            return NULL;
        }
        __atomic_add_fetch(&issuer->asked, 1, __ATOMIC_ACQ_REL);
        if (read(client, request, sizeof(request)) > 0) {
            sem_wait(&issuer->go);
            (void)!write(client, issuer->answer, strlen(issuer->answer));
        }
        close(client);
    }
}

static struct issuer *issuer_new(const char *answer) {
    struct issuer *issuer = calloc(1, sizeof(*issuer));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    issuer->answer = answer;
    sem_init(&issuer->go, 0, 0);
    issuer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(issuer->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(issuer->listener, 8), 0);
    assert_int_equal(getsockname(issuer->listener, (struct sockaddr *)&address, &size), 0);
    issuer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&issuer->thread, NULL, serve, issuer), 0);
    return issuer;
}

static void issuer_free(struct issuer *issuer) {
    __atomic_store_n(&issuer->over, true, __ATOMIC_RELEASE);
    sem_post(&issuer->go);
    shutdown(issuer->listener, SHUT_RDWR);
    pthread_join(issuer->thread, NULL);
    close(issuer->listener);
    sem_destroy(&issuer->go);
    free(issuer);
}

/* ---- A verifier's loop ---- */

static sem_t fetched;

static void wake(void *data) {
    (void)data;
    sem_post(&fetched);
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

static char *http_of(char *body) {
    char *answer = text_of("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                           strlen(body), body);
    free(body);
    return answer;
}

static struct sgr_verifier *url_verifier(const struct issuer *issuer) {
    char *url = text_of("http://127.0.0.1:%d/keys", issuer->port);
    struct sgr_verifier *verifier =
        verifier_with((struct sgr_token_key){.kind = SGR_KEY_JWKS_URL, .text = sgr_slice(url)});
    free(url);
    return verifier;
}

static void tokens_wait_for_the_first_fetch_together(void **state) {
    EVP_PKEY *key = make_ed25519();
    char *answer = http_of(set_of(key, "k")), *claims = claims_for("ann", "");
    struct signer signer = {"EdDSA", key, .der = false};
    char *token = make_token(&signer, "k", claims);
    struct issuer *issuer = issuer_new(answer);
    struct sgr_verifier *verifier = url_verifier(issuer);
    struct heard heard[3] = {0};
    struct sgr_verification *waiting[3];
    (void)state;
    sgr_verifier_start(verifier, wake, NULL);
    for (size_t i = 0; i < 3; i++) {
        waiting[i] = sgr_verifier_verify(verifier, sgr_slice(token), hear, &heard[i]);
        assert_non_null(waiting[i]);
    }
    sgr_verification_cancel(waiting[1]);
    sem_post(&issuer->go);
    serve_next(verifier);
    assert_int_equal(heard[0].calls, 1);
    assert_int_equal(heard[1].calls, 0);
    assert_int_equal(heard[2].calls, 1);
    assert_non_null(heard[0].claims);
    sgr_claims_unref(heard[0].claims);
    sgr_claims_unref(heard[2].claims);
    assert_int_equal(issuer->asked, 1);
    expect_good(verifier, token, "ann");
    sgr_verifier_free(verifier);
    issuer_free(issuer);
    free(answer);
    free(claims);
    free(token);
    EVP_PKEY_free(key);
}

static void a_verifier_can_go_while_keys_are_on_their_way(void **state) {
    EVP_PKEY *key = make_ed25519();
    char *claims = claims_for("ann", "");
    struct signer signer = {"EdDSA", key, .der = false};
    char *token = make_token(&signer, "k", claims);
    struct issuer *issuer = issuer_new("");
    struct sgr_verifier *verifier = url_verifier(issuer);
    struct heard heard = {0};
    (void)state;
    sgr_verifier_start(verifier, wake, NULL);
    assert_non_null(sgr_verifier_verify(verifier, sgr_slice(token), hear, &heard));
    sgr_verifier_free(verifier);
    assert_int_equal(heard.calls, 0);
    issuer_free(issuer);
    assert_int_equal(sem_trywait(&fetched), 0); /* its thread has ended, and said so */
    free(claims);
    free(token);
    EVP_PKEY_free(key);
}

/* Neither a redirect nor too much nor something else is taken; the token's holder hears that it is not his fault. */
static void odd_answers_are_no_keys(void **state) {
    char *huge = calloc(1, 400 * 1024);
    memset(huge, ' ', 400 * 1024 - 1);
    char *answers[] = {strdup("HTTP/1.1 302 Found\r\nLocation: /more\r\nContent-Length: 0\r\n\r\n"),
                       strdup("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
                       strdup("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{\"keys\""),
                       strdup("no HTTP at all\r\n\r\n"), http_of(huge)};
    struct signer signer = {"HS256", .secret = SGR_SLICE(SECRET)};
    char *claims = claims_for("ann", ""), *token = make_token(&signer, "k", claims);
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct issuer *issuer = issuer_new(answers[i]);
        struct sgr_verifier *verifier = url_verifier(issuer);
        struct heard heard = {0};
        sem_post(&issuer->go);
        sgr_verifier_start(verifier, wake, NULL);
        assert_non_null(sgr_verifier_verify(verifier, sgr_slice(token), hear, &heard));
        serve_next(verifier);
        assert_int_equal(heard.calls, 1);
        assert_int_equal(heard.verdict.status, 503);
        assert_string_equal(heard.verdict.code, "keys_unavailable");
        assert_int_equal(issuer->asked, 1);
        sgr_verifier_free(verifier);
        issuer_free(issuer);
        free(answers[i]);
    }
    free(claims);
    free(token);
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
    sgr_verifier_start(verifier, wake, NULL);
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
        cmocka_unit_test(a_file_is_read_again_when_a_token_names_a_new_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
