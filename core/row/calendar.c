/* The proleptic Gregorian calendar, by eras of 400 years that begin on the first of March. */
#include "row/calendar.h"

#define ERA_DAYS 146097
#define EPOCH    730425 /* 2000-01-01 in days from 0000-03-01 */

int64_t sgr_calendar_floor(int64_t dividend, int64_t divisor, int64_t *ret_rest) {
    int64_t quotient = dividend / divisor, rest = dividend % divisor;
    if (rest < 0) {
        rest += divisor;
        quotient--;
    }
    if (ret_rest)
        *ret_rest = rest;
    return quotient;
}

int64_t sgr_calendar_days(int64_t year, int64_t month, int64_t day) {
    int64_t from_march, year_of_era;
    year += sgr_calendar_floor(month - 3, 12, &from_march); /* the year that begins in March */
    int64_t era = sgr_calendar_floor(year, 400, &year_of_era);
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - EPOCH;
}

struct sgr_calendar sgr_calendar_date(int64_t days) {
    int64_t day_of_era;
    int64_t era = sgr_calendar_floor(days + EPOCH, ERA_DAYS, &day_of_era);
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    struct sgr_calendar date;
    date.day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
    date.month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    date.year = year + era * 400 + (date.month <= 2);
    return date;
}

int sgr_calendar_month_length(int64_t year, int month) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && leap);
}
