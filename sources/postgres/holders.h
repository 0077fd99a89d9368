/* Who a slot in the making has to wait for: transactions that are open. */
#ifndef POSTGRES_HOLDERS_H
#define POSTGRES_HOLDERS_H

#include "link.h"

extern const char holders_sql[];
/* From the answer to that; SGR_EUNAVAILABLE, for the state WAITING. */
void holders_describe(const PGresult *result, struct sgr_error *error);

#endif
