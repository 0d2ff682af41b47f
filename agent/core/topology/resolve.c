/* References, followed once all files are read; the order of the findings is HAProxy's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/topology/parser.h"

/* Names with a log-format tag are made at run time. */
static bool
is_dynamic(const char *name)
{
	return strchr(name, '%') != NULL;
}

static const char *
mode_name(enum proxy_mode mode)
{
	return mode == PROXY_HTTP ? "http" : "tcp";
}

/* The backend of that name, or NULL with an alert; `how` names the reference in both alerts. */
static struct proxy *
find_backend(const struct topology *t, const struct proxy *p, const char *name, bool is_default,
	     struct report *r)
{
	struct proxy *backend = topology_backend(t, str_of(name));

	if (!backend) {
		report_cfg(r, FINDING_ALERT, "Proxy '%s': unable to find required %s: '%s'.",
			   p->name, is_default ? "default_backend" : "use_backend", name);
	} else if (backend->mode != p->mode) {
		report_cfg(r, FINDING_ALERT,
			   "%s %s '%s' (%s:%d) tries to use incompatible %s %s '%s' (%s:%d) %s "
			   "(see 'mode').",
			   mode_name(p->mode), parser_capability_name(p->kind), p->name, p->at.file,
			   p->at.line, mode_name(backend->mode),
			   backend->kind == PROXY_LISTEN ? "proxy" : "backend", backend->name,
			   backend->at.file, backend->at.line,
			   is_default ? "as its default backend" : "in a 'use_backend' rule");
	}
	return backend;
}

static void
resolve_backends(const struct topology *t, struct proxy *p, struct report *r)
{
	if (p->default_backend_name)
		p->default_backend = find_backend(t, p, p->default_backend_name, true, r);
	else if (p->kind == PROXY_LISTEN)
		p->default_backend = p;
	for (size_t i = 0; i < p->n_lines; i++) {
		char **words = p->lines[i].words;

		if (strcmp(words[0], "use_backend") == 0 && !is_dynamic(words[1]))
			find_backend(t, p, words[1], false, r);
	}
}

static void
resolve_servers(struct proxy *p, struct report *r)
{
	for (size_t i = 0; i < p->n_lines; i++) {
		char **words = p->lines[i].words;

		if (strcmp(words[0], "use-server") == 0 && !is_dynamic(words[1]) &&
		    !proxy_server(p, str_of(words[1])))
			report_cfg(r, FINDING_ALERT,
				   "%s '%s' : unable to find server '%s' referenced in a "
				   "'use-server' rule.",
				   p->kind == PROXY_LISTEN ? "proxy" : "backend", p->name,
				   words[1]);
	}
	for (size_t i = 0; i < p->n_servers; i++) {
		const struct server *s = p->servers[i];
		const struct server *first = proxy_server(p, str_of(s->name));

		if (first != s)
			report_cfg(r, FINDING_ALERT,
				   "parsing [%s:%d] : %s '%s', another server named '%s' was "
				   "already defined at line %d, please use distinct names.",
				   s->at.file, s->at.line,
				   p->kind == PROXY_LISTEN ? "proxy" : "backend", p->name, s->name,
				   first->at.line);
	}
}

static void PRINTF_LIKE(3, 4)
	refuse_server(struct report *r, const struct server *s, const char *fmt, ...)
{
	char *what;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		abort();
	va_end(args);
	report_cfg(r, FINDING_ALERT, "[%s:%d] : 'server %s/%s' : %s", s->at.file, s->at.line,
		   s->backend->name, s->name, what);
	free(what);
}

/* The server behind `track`, or NULL with an alert. */
static struct server *
find_tracked(const struct topology *t, const struct server *s, struct report *r)
{
	const char *slash = strrchr(s->track, '/');
	struct str backend = { s->track, slash ? (size_t)(slash - s->track) : 0 };
	const char *name = slash ? slash + 1 : s->track;
	const struct proxy *p = slash ? topology_backend(t, backend) : s->backend;
	struct server *tracked = p ? proxy_server(p, str_of(name)) : NULL;

	if (!p)
		refuse_server(r, s, "unable to find required proxy '%.*s' for tracking.",
			      STR_ARG(backend));
	else if (!tracked)
		refuse_server(r, s, "unable to find required server '%s' for tracking.", name);
	return tracked;
}

/* Does following from `tracked` lead to s? Only those seen before have their pointers yet. */
static bool
leads_to(const struct server *tracked, const struct server *s)
{
	while (tracked && tracked != s)
		tracked = tracked->tracked;
	return tracked == s;
}

static void
resolve_track(const struct topology *t, struct server *s, struct report *r)
{
	struct server *tracked = find_tracked(t, s, r);

	if (!tracked)
		return;
	if (!tracked->check && !tracked->agent_check && !tracked->track)
		refuse_server(r, s,
			      "unable to use %s/%s for tracking as it does not have any check nor "
			      "agent enabled.",
			      tracked->backend->name, tracked->name);
	else if (leads_to(tracked, s))
		refuse_server(r, s,
			      "unable to track %s/%s as it belongs to a tracking chain looping "
			      "back to %s/%s.",
			      tracked->backend->name, tracked->name, s->backend->name, s->name);
	else
		s->tracked = tracked;
}

/* HAProxy looks for these once all else about all proxies is said. */
static void
resolve_resolvers(const struct topology *t, const struct proxy *p, struct report *r)
{
	for (size_t i = 0; i < p->n_servers; i++) {
		const struct server *s = p->servers[i];

		if (s->resolvers && strcmp(s->resolvers, "default") != 0 &&
		    !topology_resolvers(t, str_of(s->resolvers)))
			report_cfg(r, FINDING_ALERT,
				   "%s '%s', server '%s': unable to find required resolvers '%s'",
				   parser_capability_name(p->kind), p->name, s->name, s->resolvers);
	}
}

/*
 * Also of an address that is not one yet: "broker:1883" has one, "broker:+1" has not; of SRV
 * records ("_mqtt._tcp.example") the port comes with the answer.
 */
static bool
has_service_port(const struct server *s)
{
	const char *colon = strrchr(s->address, ':');

	if (s->addr.len)
		return s->addr.sa.sa_family == AF_UNIX ? !s->checking.addr.len
						       : addr_port(&s->addr) != 0;
	return s->address[0] == '_' || strchr(s->address, '@') ||
	       (colon && colon[1] >= '1' && colon[1] <= '9');
}

/* A script may give its connections ports; then this is the script's matter. */
static void
check_ports(const struct proxy *p, struct report *r)
{
	for (size_t i = 0; i < p->n_servers; i++) {
		const struct server *s = p->servers[i];

		if (s->check && p->check == CHECK_CONNECT && !s->checking.port &&
		    !addr_port(&s->checking.addr) && !has_service_port(s))
			report_cfg(
				r, FINDING_ALERT,
				"config: %s '%s': server '%s' has neither service port nor check "
				"port.",
				parser_capability_name(p->kind), p->name, s->name);
	}
}

static bool
id_is_taken(const struct proxy *p, uint32_t id)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i]->id == id)
			return true;
	return false;
}

/* The rest is counted: each server moves the counter on, taken ids are stepped over. */
static void
number_servers(struct proxy *p)
{
	uint32_t next = 1;
	bool any = false;

	for (size_t i = 0; i < p->n_servers; i++)
		any |= p->servers[i]->id != 0;
	for (size_t i = 0; i < p->n_servers; i++, next++) {
		if (p->servers[i]->id)
			continue;
		while (any && id_is_taken(p, next))
			next++;
		p->servers[i]->id = next;
	}
}

static void
complete_servers(struct topology *t, struct proxy *p, struct report *r)
{
	for (size_t i = 0; i < p->n_servers; i++) {
		struct server *s = p->servers[i];

		if (s->track)
			resolve_track(t, s, r);
		if (!s->has_source)
			s->source = p->source;
	}
	number_servers(p);
}

static void
check_resolvers(const struct topology *t, struct report *r)
{
	for (size_t i = 0; i < t->n_resolvers; i++) {
		const struct resolvers *one = t->resolvers[i];

		if (!one->n_nameservers && !one->parse_resolv_conf)
			report_cfg(r, FINDING_WARNING,
				   "resolvers '%s' [%s:%d] has no nameservers configured!",
				   one->name, one->at.file, one->at.line);
	}
}

void
topology_resolve(struct topology *t, struct report *r)
{
	size_t alerts_before = r->n_alerts;

	if (t->faulty)
		return;
	for (size_t i = 0; i < t->n_proxies; i++) {
		resolve_backends(t, t->proxies[i], r);
		resolve_servers(t->proxies[i], r);
		complete_servers(t, t->proxies[i], r);
	}
	for (size_t i = 0; i < t->n_proxies; i++)
		resolve_resolvers(t, t->proxies[i], r);
	check_resolvers(t, r);
	for (size_t i = 0; i < t->n_proxies && r->n_alerts == alerts_before; i++)
		check_ports(t->proxies[i], r);
}
