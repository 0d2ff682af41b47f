/*
 * Hashes (HAProxy configuration manual, 7.3.1), as far as their algorithms are public. HAProxy's
 * "avalanche" is its own and documented nowhere: asking for it is refused.
 */
#include "agent/core/expr/keyword.h"

#include <stdio.h>
#include <xxhash.h>

#include "agent/core/base/hash.h"
#include "agent/core/base/sha1.h"

static bool
check_avalanche(struct expr_call *call, char *what)
{
	if (call->args[0].number == 0)
		return true;
	snprintf(what, EXPR_ERROR, "usher does not know the avalanche function");
	return false;
}

enum { CRC32, CRC32C, DJB2, SDBM, XXH_32, XXH_64, XXH_3 };

static bool
convert_hash(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct str in = s->bytes;
	uint64_t seed = (uint64_t)call->args[0].number, h = 0;

	switch (call->keyword->detail) {
	case CRC32:
		h = hash_crc32(in);
		break;
	case CRC32C:
		h = hash_crc32c(in);
		break;
	case DJB2:
		h = hash_djb2(in);
		break;
	case SDBM:
		h = hash_sdbm(in);
		break;
	case XXH_32:
		h = XXH32(in.p, in.n, (XXH32_hash_t)seed);
		break;
	case XXH_64:
		h = XXH64(in.p, in.n, seed);
		break;
	case XXH_3:
		h = XXH3_64bits_withSeed(in.p, in.n, seed);
		break;
	}
	sample_set_int(s, (int64_t)h);
	return true;
}

static bool
convert_sha1(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	char *digest = scratch_take(&x->scratch, SHA1_LEN);

	if (!digest)
		return false;
	sha1(s->bytes, (uint8_t *)digest);
	sample_set_bin(s, (struct str){ digest, SHA1_LEN });
	return true;
}

#define HASH(word, what, checked)                                                                  \
	{                                                                                          \
		.name = word, .args = { ARG_INT }, .in = SAMPLE_BIN, .out = SAMPLE_INT,            \
		.eval = convert_hash, .check = checked, .detail = what                             \
	}

const struct expr_keyword expr_convert_hash[] = {
	HASH("crc32", CRC32, check_avalanche),
	HASH("crc32c", CRC32C, check_avalanche),
	HASH("djb2", DJB2, check_avalanche),
	HASH("sdbm", SDBM, check_avalanche),
	{ .name = "sha1", .in = SAMPLE_BIN, .out = SAMPLE_BIN, .eval = convert_sha1 },
	HASH("xxh3", XXH_3, NULL),
	HASH("xxh32", XXH_32, NULL),
	HASH("xxh64", XXH_64, NULL),
	{ 0 },
};
