#include "rows.h"

#include <stdlib.h>

#include "direct.h"
#include "rest.h"

struct rows {
    struct rest *rest;
    struct direct *direct;
};

int rows_open(const struct service *service, const struct rows_owner *owner,
              const struct rows_wanted *wanted, struct rows **ret, struct sgr_error *error) {
    struct rows *rows = calloc(1, sizeof(*rows));
    if (!rows)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a reading");
    int code = service->options->conninfo
                   ? direct_open(service, owner, wanted, &rows->direct, error)
                   : rest_open(service, owner, wanted, &rows->rest, error);
    if (code)
        free(rows);
    else
        *ret = rows;
    return code;
}

void rows_free(struct rows *rows) {
    if (!rows)
        return;
    rest_free(rows->rest);
    direct_free(rows->direct);
    free(rows);
}
