/*
 * Casts go through one function per target type. What HAProxy 2.6 does was seen by running it:
 * numbers are read from the front of a text and the rest is ignored, the empty text is no number,
 * bytes end at their first NUL when they become text.
 */
#include "agent/core/expr/sample.h"

#include <inttypes.h>
#include <stdio.h>

char *
scratch_take(struct scratch *m, size_t n)
{
	char *p = m->p + m->used;

	if (n > m->size - m->used)
		return NULL;
	m->used += n;
	return p;
}

const char *
sample_type_name(enum sample_type type)
{
	static const char *const names[] = {
		[SAMPLE_NONE] = "none",	 [SAMPLE_BOOL] = "boolean", [SAMPLE_INT] = "integer",
		[SAMPLE_STR] = "string", [SAMPLE_BIN] = "binary",   [SAMPLE_IPV4] = "ipv4",
		[SAMPLE_IPV6] = "ipv6",	 [SAMPLE_ADDR] = "ip",	    [SAMPLE_ANY] = "any",
	};

	return names[type];
}

bool
sample_can_cast(enum sample_type from, enum sample_type to)
{
	if (from == to || from == SAMPLE_ANY || to == SAMPLE_ANY || to == SAMPLE_STR ||
	    to == SAMPLE_BIN || from == SAMPLE_STR)
		return true;
	switch (from) {
	case SAMPLE_BOOL:
		return to == SAMPLE_INT;
	case SAMPLE_INT:
		return to == SAMPLE_BOOL || to == SAMPLE_IPV4 || to == SAMPLE_ADDR;
	case SAMPLE_IPV4:
		return to == SAMPLE_INT || to == SAMPLE_IPV6 || to == SAMPLE_ADDR;
	case SAMPLE_ADDR:
		return to == SAMPLE_INT || to == SAMPLE_IPV4 || to == SAMPLE_IPV6;
	case SAMPLE_IPV6:
		return to == SAMPLE_IPV4 || to == SAMPLE_ADDR;
	default:
		return false;
	}
}

void
sample_set_ip(struct sample *s, const struct ip *ip)
{
	s->type = ip->family == 6 ? SAMPLE_IPV6 : SAMPLE_IPV4;
	s->ip = *ip;
}

/* The number at the front of a text: a sign, digits. Too big a one stays at the bound. */
static bool
read_number(struct str s, int64_t *number)
{
	bool negative = s.n && *s.p == '-';
	size_t i = negative || (s.n && *s.p == '+');
	int64_t v = 0;

	if (s.n == 0)
		return false;
	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
		int digit = s.p[i] - '0';

		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, negative ? -digit : digit, &v)) {
			*number = negative ? INT64_MIN : INT64_MAX;
			return true;
		}
	}
	*number = v;
	return true;
}

static uint32_t
ipv4_number(const struct ip *ip)
{
	return (uint32_t)ip->bytes[0] << 24 | (uint32_t)ip->bytes[1] << 16 |
	       (uint32_t)ip->bytes[2] << 8 | ip->bytes[3];
}

static bool
to_int(struct sample *s)
{
	int64_t number = s->number;

	switch (s->type) {
	case SAMPLE_STR:
		if (!read_number(s->bytes, &number))
			return false;
		break;
	case SAMPLE_IPV4:
		number = ipv4_number(&s->ip);
		break;
	case SAMPLE_BOOL:
	case SAMPLE_INT:
		break;
	default:
		return false;
	}
	sample_set_int(s, number);
	return true;
}

static bool
to_bool(struct sample *s)
{
	if (s->type == SAMPLE_IPV4 || !to_int(s))
		return false;
	sample_set_bool(s, s->number != 0);
	return true;
}

static bool
to_addr(struct sample *s)
{
	struct ip ip = { .family = 4 };

	switch (s->type) {
	case SAMPLE_IPV4:
	case SAMPLE_IPV6:
		return true;
	case SAMPLE_INT:
		for (int i = 0; i < 4; i++)
			ip.bytes[i] = (uint8_t)((uint64_t)s->number >> (24 - 8 * i));
		break;
	case SAMPLE_STR:
		if (!ip_parse(s->bytes, &ip))
			return false;
		break;
	default:
		return false;
	}
	sample_set_ip(s, &ip);
	return true;
}

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
to_ipv4(struct sample *s)
{
	struct ip ip = { .family = 4 };

	if (!to_addr(s))
		return false;
	if (s->type == SAMPLE_IPV4)
		return true;
	if (memcmp(s->ip.bytes, mapped, sizeof(mapped)) != 0)
		return false;
	memcpy(ip.bytes, s->ip.bytes + 12, 4);
	sample_set_ip(s, &ip);
	return true;
}

static bool
to_ipv6(struct sample *s)
{
	struct ip ip = { .family = 6 };

	if (!to_addr(s))
		return false;
	if (s->type == SAMPLE_IPV6)
		return true;
	memcpy(ip.bytes, mapped, sizeof(mapped));
	memcpy(ip.bytes + 12, s->ip.bytes, 4);
	sample_set_ip(s, &ip);
	return true;
}

static bool
to_str(struct sample *s, struct scratch *m)
{
	char text[IP_TEXT];
	char *copy;
	size_t n;

	switch (s->type) {
	case SAMPLE_STR:
		return true;
	case SAMPLE_BIN: /* text ends at a NUL */
		sample_set_str(s, (struct str){ s->bytes.p,
						s->bytes.n ? strnlen(s->bytes.p, s->bytes.n) : 0 });
		return true;
	case SAMPLE_BOOL:
	case SAMPLE_INT:
		n = (size_t)snprintf(text, sizeof(text), "%" PRId64, s->number);
		break;
	case SAMPLE_IPV4:
	case SAMPLE_IPV6:
		n = strlen(ip_format(&s->ip, text));
		break;
	default:
		return false;
	}
	copy = scratch_take(m, n);
	if (!copy)
		return false;
	memcpy(copy, text, n);
	sample_set_str(s, (struct str){ copy, n });
	return true;
}

static bool
to_bin(struct sample *s, struct scratch *m)
{
	uint8_t bytes[16];
	size_t n = 8;
	char *copy;

	switch (s->type) {
	case SAMPLE_STR:
	case SAMPLE_BIN:
		s->type = SAMPLE_BIN;
		return true;
	case SAMPLE_BOOL:
	case SAMPLE_INT:
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)((uint64_t)s->number >> (56 - 8 * i));
		break;
	case SAMPLE_IPV4:
	case SAMPLE_IPV6:
		n = s->type == SAMPLE_IPV4 ? 4 : 16;
		memcpy(bytes, s->ip.bytes, n);
		break;
	default:
		return false;
	}
	copy = scratch_take(m, n);
	if (!copy)
		return false;
	memcpy(copy, bytes, n);
	sample_set_bin(s, (struct str){ copy, n });
	return true;
}

bool
sample_cast(struct sample *s, enum sample_type to, struct scratch *m)
{
	if (s->type == to)
		return true;
	switch (to) {
	case SAMPLE_ANY:
		return s->type != SAMPLE_NONE;
	case SAMPLE_BOOL:
		return to_bool(s);
	case SAMPLE_INT:
		return to_int(s);
	case SAMPLE_ADDR:
		return to_addr(s);
	case SAMPLE_IPV4:
		return to_ipv4(s);
	case SAMPLE_IPV6:
		return to_ipv6(s);
	case SAMPLE_STR:
		return to_str(s, m);
	case SAMPLE_BIN:
		return to_bin(s, m);
	case SAMPLE_NONE:
		break;
	}
	return false;
}
