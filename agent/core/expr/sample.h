/*
 * A sample: one typed value that an expression yields (HAProxy configuration manual, 7.3), and the
 * conversions between types that HAProxy makes by itself.
 */
#ifndef USHER_CORE_EXPR_SAMPLE_H
#define USHER_CORE_EXPR_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/addr.h"
#include "agent/core/base/str.h"

enum sample_type {
	SAMPLE_NONE,
	SAMPLE_BOOL,
	SAMPLE_INT, /* signed, 64 bits */
	SAMPLE_STR,
	SAMPLE_BIN,
	SAMPLE_IPV4,
	SAMPLE_IPV6,
	/* Only for what keywords say of themselves, never the type of a sample. */
	SAMPLE_ADDR, /* IPv4 or IPv6 */
	SAMPLE_ANY,  /* known when it is evaluated */
};

struct sample {
	enum sample_type type;
	bool may_change; /* more bytes may come, and the answer be another */
	union {
		int64_t number;	  /* BOOL (0 or 1), INT */
		struct str bytes; /* STR, BIN: borrowed, see expr_eval() */
		struct ip ip;	  /* IPV4, IPV6 */
	};
};

/*
 * Room for what an evaluation makes: bounded, given back as a whole. It belongs to whoever
 * evaluates, one per thread; HAProxy's own bound is its buffer size, 16 KiB.
 */
struct scratch {
	char *p;
	size_t size;
	size_t used;
};

/* n bytes, or NULL when the room is used up. */
char *scratch_take(struct scratch *m, size_t n);

/* "string", "integer": as HAProxy's messages call it. */
const char *sample_type_name(enum sample_type type);

/* Can a sample of one type ever become one of the other? What is ANY can become anything. */
bool sample_can_cast(enum sample_type from, enum sample_type to);

/*
 * Turn *s into the type. False when it has no value of that type ("abc" as an address) or the
 * scratch is used up; *s is then of no use, but for may_change.
 */
bool sample_cast(struct sample *s, enum sample_type to, struct scratch *m);

static inline void
sample_set_int(struct sample *s, int64_t number)
{
	s->type = SAMPLE_INT;
	s->number = number;
}

static inline void
sample_set_bool(struct sample *s, bool yes)
{
	s->type = SAMPLE_BOOL;
	s->number = yes;
}

static inline void
sample_set_str(struct sample *s, struct str text)
{
	s->type = SAMPLE_STR;
	s->bytes = text;
}

static inline void
sample_set_bin(struct sample *s, struct str bytes)
{
	s->type = SAMPLE_BIN;
	s->bytes = bytes;
}

void sample_set_ip(struct sample *s, const struct ip *ip);

#endif
