#include "failure.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

/* Classes (two letters) and codes that a person must put right; all else may pass. */
static const char *const lasting[] = {
    "0A",    /* feature not supported */
    "22",    /* data exception */
    "28",    /* wrong password, no pg_hba entry */
    "3D",    /* no such database */
    "3F",    /* no such schema */
    "42",    /* syntax, names, rights; but see below */
    "55000", /* wal_level below logical */
    "F0",    /* configuration file */
};

/* A table or column that is gone while it is copied: the next attempt looks at the catalog again and says what changed. */
static const char *const passing[] = {"42P01", "42703", "42704"};

static bool starts_with_any(const char *sqlstate, const char *const *prefixes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strncmp(sqlstate, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

int failure_code(const char *sqlstate) {
    if (!sqlstate || !*sqlstate)
        return SGR_EUNAVAILABLE;
    if (starts_with_any(sqlstate, passing, sizeof(passing) / sizeof(passing[0])))
        return SGR_EUNAVAILABLE;
    return starts_with_any(sqlstate, lasting, sizeof(lasting) / sizeof(lasting[0]))
               ? SGR_EFATAL
               : SGR_EUNAVAILABLE;
}

int failure_of_result(const PGresult *result, struct sgr_error *error) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (!message)
        message = PQresultErrorMessage(result);
    return sgr_error_set(error, failure_code(sqlstate), "%s%s%s%s%s%s", message, hint ? " (" : "",
                         hint ? hint : "", hint ? ")" : "", sqlstate ? " SQLSTATE " : "",
                         sqlstate ? sqlstate : "");
}

/* "FATAL:  28P01: password …" in the server's language: two blanks, five letters or digits, a colon. */
static const char *find_sqlstate(const char *message, char *ret) {
    for (const char *at = message; (at = strstr(at, ":  ")); at += 3) {
        size_t i = 0;
        while (i < 5 && (isdigit((unsigned char)at[3 + i]) || isupper((unsigned char)at[3 + i])))
            i++;
        if (i < 5 || at[8] != ':')
            continue;
        memcpy(ret, at + 3, 5);
        ret[5] = '\0';
        return at;
    }
    ret[0] = '\0';
    return NULL;
}

int failure_of_connection(const PGconn *connection, struct sgr_error *error) {
    const char *message = PQerrorMessage(connection);
    char sqlstate[6];
    find_sqlstate(message, sqlstate);
    /* The first line says it; more lines tell the place in the server's source, or repeat it for other addresses. */
    int size = (int)strcspn(message, "\n");
    if (!size)
        return sgr_error_set(error, SGR_EUNAVAILABLE, "the connection was lost");
    return sgr_error_set(error, failure_code(sqlstate), "%.*s", size, message);
}
