/* Text on one side, network-order bytes on the other; inet_pton() does the digits. */
#include "agent/core/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

bool
ip_parse(struct str s, struct ip *ip)
{
	char text[IP_TEXT];

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*ip = (struct ip){ 0 };
	if (inet_pton(AF_INET, text, ip->bytes) == 1)
		ip->family = 4;
	else if (inet_pton(AF_INET6, text, ip->bytes) == 1)
		ip->family = 6;
	return ip->family != 0;
}

const char *
ip_format(const struct ip *ip, char *out)
{
	if (!ip->family ||
	    !inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, out, IP_TEXT))
		strcpy(out, "-");
	return out;
}

static bool
is_mapped(const struct ip *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return ip->family == 6 && memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

/* ::ffff:a.b.c.d is a.b.c.d: the same peer, seen by a dual-stack listener. */
static struct ip
unmapped(const struct ip *ip)
{
	struct ip v4 = { .family = 4 };

	if (!is_mapped(ip))
		return *ip;
	memcpy(v4.bytes, ip->bytes + 12, 4);
	return v4;
}

/* Do the first `bits` bits agree? */
static bool
same_network(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool
cidr_parse(struct str s, struct cidr *c)
{
	const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
	struct str host = { s.p, slash ? (size_t)(slash - s.p) : s.n };
	uint64_t bits;
	unsigned max;

	if (!ip_parse(host, &c->ip))
		return false;
	max = c->ip.family == 4 ? 32 : 128;
	bits = max;
	if (slash && !str_u64((struct str){ slash + 1, s.n - host.n - 1 }, &bits))
		return false;
	if (bits > max)
		return false;
	if (bits >= 96 && is_mapped(&c->ip)) {
		c->ip = unmapped(&c->ip);
		bits -= 96;
		max = 32;
	}
	c->bits = (uint8_t)bits;
	for (unsigned i = 0; i < max; i++)
		if (i >= bits)
			c->ip.bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	return true;
}

bool
cidr_has(const struct cidr *c, const struct ip *ip)
{
	struct ip plain = unmapped(ip);

	return plain.family == c->ip.family && same_network(plain.bytes, c->ip.bytes, c->bits);
}

static enum addr_result
parse_unix(struct str path, bool abstract, struct addr *a)
{
	if (path.n == 0 || path.n >= sizeof(a->un.sun_path) - 1)
		return ADDR_BAD;
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path + abstract, path.p, path.n);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
	return ADDR_OK;
}

static bool
take_prefix(struct str *s, struct str prefix)
{
	if (!str_has_prefix(*s, prefix))
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	return true;
}

/* Split at the last colon; brackets around the host are dropped. */
static enum addr_result
split_port(struct str s, bool need_port, struct str *host, in_port_t *port)
{
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	uint64_t number = 0;

	*host = s;
	if (colon && s.p[s.n - 1] != ']') {
		struct str digits = { colon + 1, s.n - (size_t)(colon - s.p) - 1 };

		host->n = (size_t)(colon - s.p);
		if (!str_u64(digits, &number) || number > 65535 || (need_port && number == 0))
			return digits.n == 0 && need_port ? ADDR_NO_PORT : ADDR_BAD_PORT;
	} else if (need_port) {
		return ADDR_NO_PORT;
	}
	if (host->n >= 2 && host->p[0] == '[' && host->p[host->n - 1] == ']') {
		host->p++;
		host->n -= 2;
	}
	*port = htons((uint16_t)number);
	return ADDR_OK;
}

enum addr_result
addr_parse(struct str s, bool need_port, struct addr *a)
{
	bool only4 = false, only6 = false;
	struct str host;
	in_port_t port;
	struct ip ip;
	enum addr_result result;

	*a = (struct addr){ 0 };
	if (take_prefix(&s, STR("unix@")) || (s.n && s.p[0] == '/'))
		return parse_unix(s, false, a);
	if (take_prefix(&s, STR("abns@")))
		return parse_unix(s, true, a);
	if (!(only4 = take_prefix(&s, STR("ipv4@"))))
		only6 = take_prefix(&s, STR("ipv6@"));

	result = split_port(s, need_port, &host, &port);
	if (result != ADDR_OK)
		return result;
	if (host.n == 0 || str_is(host, "*"))
		ip = (struct ip){ .family = only6 ? 6 : 4 };
	else if (!ip_parse(host, &ip))
		return ADDR_NAME;
	if ((only4 && ip.family != 4) || (only6 && ip.family != 6))
		return ADDR_BAD;
	if (ip.family == 4) {
		a->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
		memcpy(&a->in.sin_addr, ip.bytes, 4);
		a->len = sizeof(a->in);
	} else {
		a->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port };
		memcpy(&a->in6.sin6_addr, ip.bytes, 16);
		a->len = sizeof(a->in6);
	}
	return ADDR_OK;
}

void
addr_ip(const struct addr *a, struct ip *ip)
{
	*ip = (struct ip){ 0 };
	if (a->sa.sa_family == AF_INET) {
		ip->family = 4;
		memcpy(ip->bytes, &a->in.sin_addr, 4);
	} else if (a->sa.sa_family == AF_INET6) {
		ip->family = 6;
		memcpy(ip->bytes, &a->in6.sin6_addr, 16);
	}
}

uint16_t
addr_port(const struct addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

void
addr_default_port(struct addr *a, uint16_t port)
{
	if (addr_port(a))
		return;
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

bool
addr_same_port(const struct addr *a, const struct addr *b)
{
	struct ip x, y;

	addr_ip(a, &x);
	addr_ip(b, &y);
	return x.family && addr_port(a) == addr_port(b) && memcmp(&x, &y, sizeof(x)) == 0;
}

const char *
addr_format(const struct addr *a, char *out)
{
	char text[IP_TEXT];

	switch (a->len ? a->sa.sa_family : AF_UNSPEC) {
	case AF_INET:
		inet_ntop(AF_INET, &a->in.sin_addr, text, sizeof(text));
		snprintf(out, ADDR_TEXT, "%s:%u", text, ntohs(a->in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof(text));
		snprintf(out, ADDR_TEXT, "[%s]:%u", text, ntohs(a->in6.sin6_port));
		break;
	case AF_UNIX:
		snprintf(out, ADDR_TEXT, "%s%s", a->un.sun_path[0] ? "unix@" : "abns@",
			 a->un.sun_path[0] ? a->un.sun_path : a->un.sun_path + 1);
		break;
	default:
		strcpy(out, "-");
	}
	return out;
}
