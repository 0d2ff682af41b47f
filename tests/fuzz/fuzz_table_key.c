/*
 * The first two bytes choose a table's type and length and the sample's type; the rest is what a
 * client said. A key is as long as the table says, and is found again under the same sample.
 */
#include <assert.h>

#include "agent/core/table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct table_spec
draw_spec(uint8_t a, uint8_t b)
{
	static const struct table_spec specs[] = {
		{ .type = SAMPLE_IPV4, .key_len = 4 }, { .type = SAMPLE_IPV6, .key_len = 16 },
		{ .type = SAMPLE_INT, .key_len = 4 },  { .type = SAMPLE_STR, .key_len = 1 },
		{ .type = SAMPLE_BIN, .key_len = 1 },
	};
	struct table_spec spec = specs[a % 5];

	spec.size = 1 + b % 2 * 5000;
	if (spec.type == SAMPLE_STR || spec.type == SAMPLE_BIN)
		spec.key_len = (uint16_t)(b == 255 ? TABLE_KEY_MAX : 1 + b);
	return spec;
}

static struct sample
draw_sample(uint8_t a, const uint8_t *p, size_t n)
{
	static const enum sample_type types[] = { SAMPLE_BOOL, SAMPLE_INT,  SAMPLE_STR,
						  SAMPLE_BIN,  SAMPLE_IPV4, SAMPLE_IPV6 };
	struct sample s = { .type = types[a / 5 % 6] };

	if (s.type == SAMPLE_STR || s.type == SAMPLE_BIN) {
		s.bytes = (struct str){ n ? (const char *)p : NULL, n };
	} else if (s.type == SAMPLE_IPV4 || s.type == SAMPLE_IPV6) {
		s.ip.family = s.type == SAMPLE_IPV4 ? 4 : 6;
		memcpy(s.ip.bytes, p, n < 16 ? n : 16);
	} else {
		memcpy(&s.number, p, n < 8 ? n : 8);
		if (s.type == SAMPLE_BOOL)
			s.number = s.number != 0;
	}
	return s;
}

static void
use(struct table *t, const struct table_key *key)
{
	struct sample s;
	char server[4];

	table_put_server(t, key, 1000, STR("s1"));
	assert(table_get_server(t, key, 1000, server, sizeof(server)));
	assert(table_read(t, key, TABLE_PRESENT, 1000, &s) && s.number == 1);
	assert(table_count(t) == 1);
	assert(table_drop(t, key));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct table_spec spec;
	struct sample s;
	struct table *t;
	char room[64];
	struct scratch m = { .p = room, .size = sizeof(room) };
	struct table_key key;

	if (n < 2)
		return 0;
	spec = draw_spec(p[0], p[1]);
	s = draw_sample(p[0], p + 2, n - 2);
	t = table_new(&spec, p[1]);
	assert(t);
	if (table_key_from(t, &s, &m, &key)) {
		assert(spec.type == SAMPLE_STR ? key.len <= spec.key_len : key.len == spec.key_len);
		use(t, &key);
	}
	table_free(t);
	return 0;
}
