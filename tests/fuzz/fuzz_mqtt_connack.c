/* A broker's first bytes: a decoded CONNACK lies within them, and its prefixes ask for more. */
#include <assert.h>

#include "agent/core/mqtt/connack.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { PACKET_MAX = 4096 };

static bool
is_inside(struct str s, const uint8_t *p, size_t n)
{
	const uint8_t *start = (const uint8_t *)s.p;

	return !start || (start >= p && s.n <= (size_t)(p + n - start));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mqtt_connack c, cut;
	enum mqtt_fault fault;
	enum parse parse = mqtt_connack_decode(p, n, PACKET_MAX, &c, &fault);

	assert((parse == PARSE_BAD) == (fault != MQTT_FAULT_NONE) && fault < N_MQTT_FAULTS);
	if (parse != PARSE_OK)
		return 0;
	assert(c.len <= n && c.len <= PACKET_MAX && !(c.session_present && c.code));
	assert(is_inside(c.properties, p, c.len) && is_inside(c.assigned_id, p, c.len));
	assert(is_inside(c.server_reference, p, c.len) && is_inside(c.reason, p, c.len));
	for (size_t len = c.len; len-- > 0;)
		assert(mqtt_connack_decode(p, len, PACKET_MAX, &cut, &fault) == PARSE_MORE);
	return 0;
}
