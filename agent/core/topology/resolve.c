/* References, followed once all files are read; the order of the findings is HAProxy's. */
#include <stdlib.h>

#include "agent/core/topology/parse.h"

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
			   mode_name(p->mode),
			   p->kind == PROXY_LISTEN ? "proxy" : proxy_kind_name(p->kind), p->name,
			   p->at.file, p->at.line, mode_name(backend->mode),
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

void
topology_resolve(struct topology *t, struct report *r)
{
	if (t->faulty)
		return;
	for (size_t i = 0; i < t->n_proxies; i++) {
		resolve_backends(t, t->proxies[i], r);
		resolve_servers(t->proxies[i], r);
	}
}
