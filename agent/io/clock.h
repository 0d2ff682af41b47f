/* What the wall shows. Any thread. */
#ifndef USHER_IO_CLOCK_H
#define USHER_IO_CLOCK_H

#include <stdint.h>

struct wall_clock {
	int64_t us;	      /* since 1970 */
	int32_t utc_offset_s; /* local time is that much ahead of UTC */
};

struct wall_clock wall_clock_now(void);

#endif
