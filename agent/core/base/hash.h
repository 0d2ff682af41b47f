/*
 * Hashes of byte strings.
 *
 * hash_seeded() is for tables whose keys strangers choose: the process draws its seed at start.
 * hash_fnv1a64() and hash_mix64() are the stable pair that every usher, and usher.lua inside
 * HAProxy, must compute alike: rendezvous ranks servers by mix64(fnv1a64(server "\0" key)).
 */
#ifndef USHER_CORE_BASE_HASH_H
#define USHER_CORE_BASE_HASH_H

#include <stdint.h>
#include <xxhash.h>

#include "agent/core/base/str.h"

static inline uint64_t
hash_seeded(struct str s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.p, s.n, seed);
}

#define HASH_FNV1A64_INIT UINT64_C(0xcbf29ce484222325)

/* FNV-1a continued from h. */
static inline uint64_t
hash_fnv1a64(uint64_t h, const void *p, size_t n)
{
	const uint8_t *byte = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ byte[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* The finaliser of MurmurHash3: every input bit reaches every output bit. */
static inline uint64_t
hash_mix64(uint64_t h)
{
	h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

/* What HAProxy's `hash-type` and converters of these names compute. */
uint32_t hash_sdbm(struct str s);
uint32_t hash_djb2(struct str s);
uint32_t hash_crc32(struct str s);
uint32_t hash_crc32c(struct str s); /* RFC 4960, appendix B */
/* The CRC32C of what `before` is the CRC32C of (0: nothing), followed by s. */
uint32_t hash_crc32c_add(uint32_t before, struct str s);

#endif
