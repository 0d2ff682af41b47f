/* Making and ending the plain structs; lookups by name. */
#include "agent/core/topology/model.h"

#include <stdlib.h>

void
topology_init(struct topology *t)
{
	*t = (struct topology){ .tls.lifetime_s = 300 };
	map_init(&t->frontends);
	map_init(&t->backends);
}

static void
free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

static void
free_server_texts(struct server *s)
{
	tls_settings_fini(&s->tls);
	free(s->init_addr);
	free(s->resolvers);
	free(s->track);
}

static void
free_server(struct server *s)
{
	free_server_texts(s);
	free(s->name);
	free(s->address);
	free(s);
}

static void
free_lines(struct raw_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_texts(lines[i].words, lines[i].n);
	free(lines);
}

static void
free_proxy(struct proxy *p)
{
	free_lines(p->lines, p->n_lines);
	free_lines(p->all, p->n_all);
	for (size_t i = 0; i < p->n_filters; i++) {
		free(p->filters[i].engine);
		free(p->filters[i].config);
	}
	free(p->filters);
	log_targets_fini(&p->logs, &p->n_logs);
	for (size_t i = 0; i < p->n_binds; i++) {
		tls_settings_fini(&p->binds[i].tls);
		free(p->binds[i].text);
	}
	free(p->binds);
	map_fini(&p->server_by_name);
	for (size_t i = 0; i < p->n_servers; i++)
		free_server(p->servers[i]);
	free(p->servers);
	free_server_texts(&p->default_server);
	free(p->default_backend_name);
	free(p->log_format);
	free(p->log_format_sd);
	free(p->error_log_format);
	free(p->log_tag);
	free(p->balance_by);
	free(p->name);
	free(p);
}

static void
free_resolvers(struct resolvers *r)
{
	for (size_t i = 0; i < r->n_nameservers; i++)
		free(r->nameservers[i].name);
	free(r->nameservers);
	free(r->name);
	free(r);
}

void
topology_fini(struct topology *t)
{
	map_fini(&t->frontends);
	map_fini(&t->backends);
	for (size_t i = 0; i < t->n_proxies; i++)
		free_proxy(t->proxies[i]);
	free(t->proxies);
	for (size_t i = 0; i < t->n_defaults; i++)
		free_proxy(t->defaults[i]);
	free(t->defaults);
	for (size_t i = 0; i < t->n_resolvers; i++)
		free_resolvers(t->resolvers[i]);
	free(t->resolvers);
	for (size_t i = 0; i < t->n_variables; i++) {
		free(t->variables[i].name);
		free(t->variables[i].value);
	}
	free(t->variables);
	tls_global_fini(&t->tls);
	free_lines(t->global, t->n_global);
	log_targets_fini(&t->logs, &t->n_logs);
	free(t->log_tag);
	free(t->log_send_hostname);
	free_lines(t->others, t->n_others);
	free_texts(t->stats_sockets, t->n_stats_sockets);
	free_texts(t->files, t->n_files);
	topology_init(t);
}

struct proxy *
topology_frontend(const struct topology *t, struct str name)
{
	return map_get(&t->frontends, name);
}

struct proxy *
topology_backend(const struct topology *t, struct str name)
{
	return map_get(&t->backends, name);
}

struct server *
proxy_server(const struct proxy *p, struct str name)
{
	return map_get(&p->server_by_name, name);
}

struct resolvers *
topology_resolvers(const struct topology *t, struct str name)
{
	for (size_t i = 0; i < t->n_resolvers; i++)
		if (str_is(name, t->resolvers[i]->name))
			return t->resolvers[i];
	return NULL;
}

bool
proxy_is_carried(const struct proxy *p)
{
	return !p->disabled && (p->mode == PROXY_TCP || p->has_upgrades);
}

bool
server_check_is_tls(const struct server *s)
{
	return s->check_tls == CHECK_TLS_ALWAYS ||
	       (s->check_tls == CHECK_TLS_AS_SERVER && s->ssl && !s->check_elsewhere);
}

unsigned
server_check_header(const struct server *s)
{
	unsigned own = s->proxy_header & (PROXY_HEADER_V1 | PROXY_HEADER_V2);

	if (!s->check_send_proxy && (!own || s->check_elsewhere))
		return 0;
	return own & PROXY_HEADER_V2 ? PROXY_HEADER_V2 : PROXY_HEADER_V1;
}

bool
spoe_filter_is_ours(const struct spoe_filter *f)
{
	return str_has_prefix(str_of(f->engine), STR("usher"));
}

const char *
proxy_kind_name(enum proxy_kind kind)
{
	switch (kind) {
	case PROXY_FRONTEND:
		return "frontend";
	case PROXY_BACKEND:
		return "backend";
	case PROXY_LISTEN:
		return "listen";
	case PROXY_DEFAULTS:
		break;
	}
	return "defaults";
}

const char *
balance_name(enum balance_kind kind)
{
	static const char *const names[] = {
		[BALANCE_ROUNDROBIN] = "roundrobin",
		[BALANCE_LEASTCONN] = "leastconn",
		[BALANCE_SOURCE] = "source",
		[BALANCE_RANDOM] = "random",
		[BALANCE_HASH] = "hash",
		[BALANCE_RENDEZVOUS] = "rendezvous",
	};

	return names[kind];
}
