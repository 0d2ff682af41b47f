/* Options that nobody else asks for are looked up in the lines that the topology keeps. */
#include "agent/names/server_name.h"

bool
server_name_counts(const struct proxy *p)
{
	return p->kind & PROXY_BACKEND && proxy_is_carried(p);
}

bool
server_name_of(const struct server *s, struct host *name)
{
	return s->addr.len == 0 && host_parse(str_of(s->address), name) && name->name.n > 0 &&
	       name->port == name->port_end;
}

/* Does this line speak of the server? Lines of default-server below it do not. */
static bool
is_about(const struct raw_line *line, const struct server *s)
{
	bool is_own = line->at.file == s->at.file && line->at.line == s->at.line;
	bool is_below = line->at.file == s->at.file && line->at.line > s->at.line;

	return is_own || (strcmp(line->words[0], "default-server") == 0 && !is_below);
}

const char *
server_name_option(const struct server *s, const char *option)
{
	const char *found = NULL;

	for (size_t i = 0; i < s->backend->n_all; i++) {
		const struct raw_line *line = &s->backend->all[i];

		for (size_t word = 1; is_about(line, s) && word + 1 < line->n; word++)
			if (strcmp(line->words[word], option) == 0)
				found = line->words[word + 1];
	}
	return found;
}

struct addr
addr_of_ip(const struct ip *ip, uint16_t port)
{
	struct addr a = { 0 };

	if (ip->family == 4) {
		a.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&a.in.sin_addr, ip->bytes, 4);
		a.len = sizeof(a.in);
	} else if (ip->family == 6) {
		a.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		memcpy(&a.in6.sin6_addr, ip->bytes, 16);
		a.len = sizeof(a.in6);
	}
	return a;
}
