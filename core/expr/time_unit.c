/* Units by name, and which types have which. */
#include "expr/time_unit.h"

#include "base/slice.h"

static const char *const names[SGR__UNKNOWN_UNIT] = {
    [SGR__MICROSECONDS] = "microseconds us usec usecs microsecond usecond useconds",
    [SGR__MILLISECONDS] = "milliseconds ms msec msecs millisecond mseconds",
    [SGR__SECOND] = "second s sec secs seconds",
    [SGR__MINUTE] = "minute m min mins minutes",
    [SGR__HOUR] = "hour h hr hrs hours",
    [SGR__DAY] = "day d days",
    [SGR__WEEK] = "week w weeks",
    [SGR__MONTH] = "month mon mons months",
    [SGR__QUARTER] = "quarter qtr",
    [SGR__YEAR] = "year y yr yrs years",
    [SGR__DECADE] = "decade dec decs decades",
    [SGR__CENTURY] = "century c cent centuries",
    [SGR__MILLENNIUM] = "millennium mil mils millennia",
    [SGR__EPOCH] = "epoch",
    [SGR__DOW] = "dow",
    [SGR__ISODOW] = "isodow",
    [SGR__DOY] = "doy",
    [SGR__ISOYEAR] = "isoyear",
};

static bool listed(struct sgr_slice word, const char *list) {
    while (*list) {
        size_t size = strcspn(list, " "), same = 0;
        while (same < size && same < word.size && (word.data[same] | 32) == list[same])
            same++;
        if (same == size && same == word.size)
            return true;
        list += size + (list[size] == ' ');
    }
    return false;
}

enum sgr__time_unit sgr__time_unit_of(struct sgr_slice name) {
    for (unsigned unit = 0; unit < SGR__UNKNOWN_UNIT; unit++)
        if (listed(name, names[unit]))
            return (enum sgr__time_unit)unit;
    return SGR__UNKNOWN_UNIT;
}

bool sgr__time_unit_fits(enum sgr__time_unit unit, enum sgr_type type, bool truncate) {
    if (unit == SGR__UNKNOWN_UNIT || (truncate && unit > SGR__LAST_TRUNCATED))
        return false;
    switch (type) {
    case SGR_DATE:
        return unit >= SGR__DAY;
    case SGR_TIME:
        return unit <= SGR__HOUR || unit == SGR__EPOCH;
    case SGR_INTERVAL:
        return unit != SGR__WEEK && unit <= SGR__EPOCH;
    default:
        return true;
    }
}
