/* Years are counted from the 1st of March, where leap days come last. */
#include "agent/core/base/civil.h"

struct civil
civil_of(int64_t seconds)
{
	int64_t days = seconds / 86400, rest = seconds % 86400, era, year;
	unsigned day_of_era, year_of_era, day_of_year, month;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468; /* from 0000-03-01 to 1970-01-01 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	day_of_era = (unsigned)(days - era * 146097);
	year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	year = era * 400 + year_of_era + (month >= 10);
	return (struct civil){ .year = year,
			       .month = (month + 2) % 12,
			       .day = day_of_year - (153 * month + 2) / 5 + 1,
			       .hour = (unsigned)rest / 3600,
			       .minute = (unsigned)rest / 60 % 60,
			       .second = (unsigned)rest % 60 };
}

const char *
civil_month(unsigned month)
{
	static const char names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

	return names[month];
}
