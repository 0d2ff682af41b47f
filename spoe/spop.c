#include "spoe/spop.h"

#include <stddef.h>

const char *
spop_status_text(enum spop_status status)
{
	static const char *const texts[] = {
		[SPOP_STATUS_NORMAL] = "normal",
		[SPOP_STATUS_IO] = "I/O error",
		[SPOP_STATUS_TIMEOUT] = "timeout",
		[SPOP_STATUS_TOO_BIG] = "frame too big",
		[SPOP_STATUS_INVALID] = "invalid frame",
		[SPOP_STATUS_NO_VERSION] = "no version given",
		[SPOP_STATUS_NO_FRAME_SIZE] = "no max-frame-size given",
		[SPOP_STATUS_NO_CAPABILITIES] = "no capabilities given",
		[SPOP_STATUS_BAD_VERSION] = "unsupported version",
		[SPOP_STATUS_BAD_FRAME_SIZE] = "max-frame-size out of range",
		[SPOP_STATUS_FRAGMENTED] = "fragmentation not supported",
		[SPOP_STATUS_INTERLACED] = "interlaced frames",
		[SPOP_STATUS_UNKNOWN_FRAME_ID] = "unknown frame-id",
		[SPOP_STATUS_RESOURCES] = "out of resources",
	};

	if (status < sizeof(texts) / sizeof(texts[0]))
		return texts[status];
	return status == SPOP_STATUS_UNKNOWN ? "unknown error" : "unknown status";
}
