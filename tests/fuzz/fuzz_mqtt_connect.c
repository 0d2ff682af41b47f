/* A client's first bytes: views stay inside, prefixes ask for more, and it can be written again. */
#include "agent/core/mqtt/facts.h"
#include "tests/unit/core/mqtt_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { PACKET_MAX = 4096 };

static void
check_written(const uint8_t *p, const struct mqtt_connect *c)
{
	struct mqtt_connect again;
	enum mqtt_fault fault;
	struct buf b;

	buf_init(&b, TEST_PACKET_MAX);
	put_connect(&b, c);
	assert(mqtt_connect_decode(b.data, buf_len(&b), PACKET_MAX, &again, &fault) == PARSE_OK);
	assert(again.len == buf_len(&b) && again.level == c->level);
	assert(connect_flags(&again) == connect_flags(c) && str_eq(again.client_id, c->client_id));
	/* Only MQTT 3.1 has two ways of saying one thing. */
	assert(mqtt_connect_version(c) == 3 ||
	       str_eq(buf_str(&b), (struct str){ (const char *)p, c->len }));
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mqtt_connect c, cut;
	struct facts facts = { 0 };
	enum mqtt_fault fault;
	enum parse parse = mqtt_connect_decode(p, n, PACKET_MAX, &c, &fault);

	assert((parse == PARSE_BAD) == (fault != MQTT_FAULT_NONE) && fault < N_MQTT_FAULTS);
	if (parse != PARSE_OK)
		return 0;
	assert(c.len <= n && c.len <= PACKET_MAX);
	for (size_t len = c.len; len-- > 0;)
		assert(mqtt_connect_decode(p, len, PACKET_MAX, &cut, &fault) == PARSE_MORE);
	mqtt_facts(&c, &facts);
	check_written(p, &c);
	return 0;
}
