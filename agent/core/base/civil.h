/* The Gregorian calendar, without a clock, a time zone or the C library's locks. */
#ifndef USHER_CORE_BASE_CIVIL_H
#define USHER_CORE_BASE_CIVIL_H

#include <stdint.h>

struct civil {
	int64_t year;
	unsigned month, day, hour, minute, second; /* month from 0 */
};

/* What a clock shows so many seconds after the beginning of 1970. */
struct civil civil_of(int64_t seconds);

/* "Jan" for 0. */
const char *civil_month(unsigned month);

#endif
