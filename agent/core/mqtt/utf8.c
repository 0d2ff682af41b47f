/*
 * Each character is decoded and its code point judged: what is too small for its length is
 * overlong, and the rest are the ranges that Unicode and MQTT exclude.
 */
#include "agent/core/mqtt/utf8.h"

/* Length of the sequence that a lead byte announces; 0: no lead byte. */
static size_t
sequence_len(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xc0)
		return 0;
	if (lead < 0xe0)
		return 2;
	if (lead < 0xf0)
		return 3;
	return lead < 0xf8 ? 4 : 0;
}

/* Length of the character at p, of which `left` bytes are there; 0: none that may stand here. */
static size_t
character_len(const uint8_t *p, size_t left)
{
	static const struct {
		uint32_t least;
		uint8_t lead_mask;
	} by_len[] = { { 0, 0 }, { 1, 0x7f }, { 0x80, 0x1f }, { 0x800, 0x0f }, { 0x10000, 0x07 } };
	size_t n = sequence_len(p[0]);
	uint32_t point;

	if (n == 0 || n > left)
		return 0;
	point = p[0] & by_len[n].lead_mask;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if (point < by_len[n].least || point > 0x10ffff) /* U+0000 is below the least of one byte */
		return 0;
	return point >= 0xd800 && point <= 0xdfff ? 0 : n;
}

bool
mqtt_utf8_is_valid(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t at = 0;

	while (at < s.n) {
		size_t n = character_len(p + at, s.n - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

bool
mqtt_topic_is_name(struct str s)
{
	return s.n > 0 && !memchr(s.p, '+', s.n) && !memchr(s.p, '#', s.n);
}
