/* The C library takes a lock for local time, so each thread asks it once a second only. */
#include "agent/io/clock.h"

#include <time.h>

struct wall_clock
wall_clock_now(void)
{
	static _Thread_local int64_t second = -1;
	static _Thread_local int32_t utc_offset_s;
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second && localtime_r(&now.tv_sec, &local)) {
		second = now.tv_sec;
		utc_offset_s = (int32_t)local.tm_gmtoff;
	}
	return (struct wall_clock){ (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
				    utc_offset_s };
}
