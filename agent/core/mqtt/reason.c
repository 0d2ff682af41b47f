/* One row a reason. */
#include "agent/core/mqtt/reason.h"

static const struct {
	const char *name;
	uint8_t code3, code5;
} table[N_REFUSALS] = {
	[REFUSAL_NOT_AUTHORIZED] = { "not_authorized", 5, 0x87 },
	[REFUSAL_BAD_CLIENT_ID] = { "bad_client_id", 2, 0x85 },
	[REFUSAL_BAD_CREDENTIALS] = { "bad_credentials", 4, 0x86 },
	[REFUSAL_BANNED] = { "banned", 5, 0x8a },
	[REFUSAL_SERVER_UNAVAILABLE] = { "server_unavailable", 3, 0x88 },
	[REFUSAL_SERVER_BUSY] = { "server_busy", 3, 0x89 },
	[REFUSAL_QUOTA_EXCEEDED] = { "quota_exceeded", 3, 0x97 },
	[REFUSAL_RATE_EXCEEDED] = { "rate_exceeded", 3, 0x9f },
	[REFUSAL_USE_ANOTHER_SERVER] = { "use_another_server", 3, 0x9c },
	[REFUSAL_UNSUPPORTED_VERSION] = { "unsupported_version", 1, 0x84 },
};

const char *
refusal_name(enum refusal r)
{
	return table[r].name;
}

enum refusal
refusal_by_name(struct str name)
{
	enum refusal r = 0;

	while (r < N_REFUSALS && !str_is(name, table[r].name))
		r++;
	return r;
}

uint8_t
refusal_code(enum refusal r, unsigned level)
{
	return (level & 0x7f) >= 5 ? table[r].code5 : table[r].code3;
}

bool
connack_means_elsewhere(unsigned code, unsigned level)
{
	if ((level & 0x7f) < 5) /* a bridge sets the high bit */
		return code == 3;
	return code == 0x88 || code == 0x89 || code == 0x9c || code == 0x9d || code == 0x9f;
}
