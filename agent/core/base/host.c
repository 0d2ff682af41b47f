/* The port is what stands behind the last colon, unless a bracket does. */
#include "agent/core/base/host.h"

static bool
read_port(struct str digits, uint16_t *port)
{
	uint64_t number;

	if (!str_u64(digits, &number) || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

/* "1883" or "1883-1885" */
static bool
read_ports(struct str s, struct host *h)
{
	const char *dash = s.n ? memchr(s.p, '-', s.n) : NULL;
	struct str first = { s.p, dash ? (size_t)(dash - s.p) : s.n };

	if (!read_port(first, &h->port))
		return false;
	h->port_end = h->port;
	return !dash || read_port((struct str){ dash + 1, s.n - first.n - 1 }, &h->port_end);
}

static struct str
without_family(struct str s, uint8_t *family)
{
	if (str_has_prefix(s, STR("ipv4@")))
		*family = 4;
	else if (str_has_prefix(s, STR("ipv6@")))
		*family = 6;
	else
		return s;
	return (struct str){ s.p + 5, s.n - 5 };
}

bool
host_parse(struct str s, struct host *h)
{
	const char *colon;

	*h = (struct host){ 0 };
	s = without_family(s, &h->family);
	if (s.n == 0 || s.p[0] == '/' || memchr(s.p, '@', s.n) || memchr(s.p, '\0', s.n))
		return false;
	colon = memrchr(s.p, ':', s.n);
	if (colon && !memchr(colon, ']', s.n - (size_t)(colon - s.p))) {
		size_t n = (size_t)(colon - s.p);

		if (!read_ports((struct str){ colon + 1, s.n - n - 1 }, h))
			return false;
		s.n = n;
	}
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct str){ s.p + 1, s.n - 2 };
	h->name = s;
	return true;
}
