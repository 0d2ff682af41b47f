/*
 * The port is taken off first, by HAProxy's rules, which addr_parse() does not share: it may be a
 * range or an offset. What is left is an address without port.
 */
#include "agent/core/topology/address.h"

#include <stdio.h>
#include <stdlib.h>

/* The colon in front of the port; NULL: there is none. */
static const char *
find_port(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (!colon || text[0] == '/' || strchr(colon, ']'))
		return NULL;
	return colon;
}

static bool
is_port(long value)
{
	return value >= 0 && value <= 65535;
}

/* The port or ports at `port`, the text behind the colon; HAProxy ends a number where it ends. */
static bool
read_ports(const char *text, const char *port, unsigned flags, struct source *s, char *why)
{
	bool is_offset = *port == '+' || *port == '-';
	char *end;
	long min = strtol(port + is_offset, &end, 10), max = min;
	bool is_range = *end == '-' && !is_offset;

	if (is_range)
		max = strtol(end + 1, NULL, 10);
	if (!is_offset && (*port < '0' || *port > '9'))
		snprintf(why, ADDRESS_WHY, "invalid character '%c' in port number '%s' in '%s'",
			 *port, port, text);
	else if (is_range && !(flags & ADDRESS_RANGE))
		snprintf(why, ADDRESS_WHY, "port range not permitted here in '%s'", text);
	else if (is_offset && !(flags & ADDRESS_OFFSET))
		snprintf(why, ADDRESS_WHY, "port offset not permitted here in '%s'", text);
	else if (!is_port(min) || (!min && (flags & ADDRESS_PORT_NEEDED)))
		snprintf(why, ADDRESS_WHY, "invalid port '%s'", port);
	else if (!is_port(max))
		snprintf(why, ADDRESS_WHY, "invalid port '%s'", end + 1);
	else if (min > max)
		snprintf(why, ADDRESS_WHY, "invalid port range '%ld-%ld'", min, max);
	else {
		s->port_min = (uint16_t)min;
		s->port_max = (uint16_t)max;
		return true;
	}
	return false;
}

/* An address without port: "10.0.0.1", "::1", "[::1]", "*", "", or whatever has a prefix. */
static bool
read_host(struct str host, struct addr *a)
{
	char text[80];
	int n = snprintf(text, sizeof(text), memchr(host.p, ':', host.n) ? "[%.*s]:0" : "%.*s:0",
			 STR_ARG(host));

	if (host.n && (host.p[0] == '/' || host.p[0] == '[' || memchr(host.p, '@', host.n)))
		return addr_parse(host, false, a) == ADDR_OK;
	return n < (int)sizeof(text) && addr_parse(str_of(text), false, a) == ADDR_OK;
}

bool
address_check_port(const char *text, unsigned flags, char *why)
{
	const char *colon = find_port(text);
	struct source unused;

	return !colon || !colon[1] || strchr(text, '@') ||
	       read_ports(text, colon + 1, flags, &unused, why);
}

enum address_result
address_read(const char *text, unsigned flags, struct source *s, char *why)
{
	const char *colon = find_port(text);
	struct str host = { text, colon ? (size_t)(colon - text) : strlen(text) };

	*s = (struct source){ 0 };
	if (colon && colon[1] && !read_ports(text, colon + 1, flags, s, why))
		return ADDRESS_REFUSED;
	if ((!colon || !colon[1]) && text[0] != '/' && (flags & ADDRESS_PORT_NEEDED)) {
		snprintf(why, ADDRESS_WHY, "missing port specification in '%s'", text);
		return ADDRESS_REFUSED;
	}
	if (read_host(host, &s->addr))
		return ADDRESS_OK;
	s->addr.len = 0;
	snprintf(why, ADDRESS_WHY, "invalid address: '%.*s' in '%s'", STR_ARG(host), text);
	return ADDRESS_NAMED;
}
