/* The small hashes: keys are short, so simple is fast enough. */
#include "agent/core/base/hash.h"

uint32_t
hash_djb2(struct str s)
{
	uint32_t h = 5381;

	for (size_t i = 0; i < s.n; i++)
		h = h * 33 + (uint8_t)s.p[i];
	return h;
}

uint32_t
hash_sdbm(struct str s)
{
	uint32_t h = 0;

	for (size_t i = 0; i < s.n; i++)
		h = (uint8_t)s.p[i] + (h << 6) + (h << 16) - h;
	return h;
}

/* The reflected CRC with this polynomial, bit by bit, continued from `before`. */
static uint32_t
crc(uint32_t before, struct str s, uint32_t polynomial)
{
	uint32_t c = ~before;

	for (size_t i = 0; i < s.n; i++) {
		c ^= (uint8_t)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? polynomial : 0);
	}
	return ~c;
}

uint32_t
hash_crc32(struct str s)
{
	return crc(0, s, 0xedb88320);
}

uint32_t
hash_crc32c(struct str s)
{
	return hash_crc32c_add(0, s);
}

uint32_t
hash_crc32c_add(uint32_t before, struct str s)
{
	return crc(before, s, 0x82f63b78);
}
