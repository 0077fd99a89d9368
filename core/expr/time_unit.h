/* The units of extract, date_part and date_trunc. */
#ifndef SGR_EXPR_TIME_UNIT_H
#define SGR_EXPR_TIME_UNIT_H

#include <sangre/value.h>

enum sgr__time_unit {
    SGR__MICROSECONDS,
    SGR__MILLISECONDS,
    SGR__SECOND,
    SGR__MINUTE,
    SGR__HOUR,
    SGR__DAY,
    SGR__WEEK,
    SGR__MONTH,
    SGR__QUARTER,
    SGR__YEAR,
    SGR__DECADE,
    SGR__CENTURY,
    SGR__MILLENNIUM,
    SGR__LAST_TRUNCATED = SGR__MILLENNIUM, /* what follows can be extracted alone */
    SGR__EPOCH,
    SGR__DOW,
    SGR__ISODOW,
    SGR__DOY,
    SGR__ISOYEAR,
    SGR__UNKNOWN_UNIT,
};

enum sgr__time_unit sgr__time_unit_of(struct sgr_slice name); /* case is ignored */
/* Whether date_trunc (truncate) or extract knows it for values of that type. */
bool sgr__time_unit_fits(enum sgr__time_unit unit, enum sgr_type type, bool truncate);

#endif
