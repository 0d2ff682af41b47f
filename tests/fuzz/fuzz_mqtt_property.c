/* Properties, the first byte choosing the packet: each walk ends, at the end or at a fault. */
#include <assert.h>

#include "agent/core/mqtt/property.h"
#include "agent/core/mqtt/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mqtt_property_reader r;
	struct mqtt_property property;
	size_t left;

	if (n == 0)
		return 0;
	mqtt_property_reader_init(&r, (struct str){ (const char *)p + 1, n - 1 }, p[0] % 3);
	for (left = n - 1; mqtt_property_next(&r, &property); left = cursor_left(&r.rest)) {
		assert(cursor_left(&r.rest) < left && property.id < N_MQTT_PROPERTIES);
		assert(mqtt_utf8_is_valid(property.name));
		assert(!property.name.p || property.id == MQTT_USER_PROPERTY);
	}
	assert(r.fault || left == 0);
	assert(!mqtt_property_next(&r, &property));
	return 0;
}
