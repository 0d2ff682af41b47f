/* What upgrade_check() has cut out already, the host without its port, and headers by name. */
#include "agent/core/http1/facts.h"

/* RFC 3986, 3.2: the port is behind the last colon, unless that stands in brackets. */
static struct str
without_port(struct str host)
{
	size_t n = host.n;

	while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	return n > 0 && host.p[n - 1] == ':' ? (struct str){ host.p, n - 1 } : host;
}

void
http1_facts(const struct http1_head *h, const struct upgrade *u, const struct fact_names *names,
	    struct facts *f)
{
	struct str value;

	facts_set_str(f, FACT_PATH, u->path);
	facts_set_str(f, FACT_QUERY, u->query);
	facts_set_str(f, FACT_HOST, without_port(u->host));
	for (size_t i = 0; i < names->n; i++)
		if (names->items[i].family == FACT_FAMILY_HEADER &&
		    http1_field_find(h, names->items[i].name.p, &value))
			facts_set_str(f, (enum fact)(FACT_NAMED + i), value);
}
