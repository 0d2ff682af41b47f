/* The JSON that `usher status` and `usher explain --live` print. */
#include "agent/admin/api.h"

#include "agent/core/advice/lines.h"
#include "agent/engine/data_path.h"
#include "agent/engine/explain.h"
#include "agent/engine/fact_text.h"
#include "agent/io/worker.h"
#include "agent/tls/store.h"

static json_t *
server_json(const struct proxy *p, const struct server *s, const struct server_report *r)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:i, s:I}", "backend", p->name, "server", s->name,
			 "broker", !proxy_has_option(p, "spop-check"), "state",
			 server_status_name(r->status), "weight", (int)r->weight, "sessions",
			 (json_int_t)r->sessions);
}

static json_t *
servers_json(const struct world *w)
{
	json_t *servers = json_array();

	for (size_t i = 0; i < w->topology.n_proxies; i++) {
		const struct proxy *p = w->topology.proxies[i];

		for (unsigned j = 0; w->pools[i] && j < p->n_servers; j++) {
			struct server_report r = pool_server(w->pools[i], j);

			json_array_append_new(servers, server_json(p, p->servers[j], &r));
		}
	}
	return servers;
}

static void
add_engine(void *arg, const struct admin_engine *engine)
{
	char id[256];

	json_array_append_new(arg,
			      json_pack("{s:s, s:i}", "id", str_escape(engine->id, id, sizeof(id)),
					"connections", (int)engine->connections));
}

static json_t *
haproxy_json(const struct admin_view *view)
{
	struct admin_haproxy h;
	json_t *engines = json_array();

	view->haproxy(view->arg, &h);
	view->engines(view->arg, add_engine, engines);
	return json_pack("{s:b, s:b, s:b, s:I, s:I, s:s, s:o}", "wanted", (int)h.is_wanted,
			 "has_runtime_socket", (int)h.has_socket, "runtime_socket", (int)h.answers,
			 "pid", (json_int_t)h.pid, "uptime_s", (json_int_t)h.uptime_s, "version",
			 h.version, "engines", engines);
}

static json_t *
refusals_json(const struct counters *c)
{
	json_t *refusals = json_object();

	for (enum refusal r = 0; r < N_REFUSALS; r++)
		json_object_set_new(refusals, refusal_name(r),
				    json_integer((json_int_t)c->refusals[r]));
	return refusals;
}

static json_t *
counters_json(const struct counters *c)
{
	json_t *counters = json_object();

	for (enum counter i = 0; i < N_COUNTERS; i++)
		json_object_set_new(counters, counter_name(i),
				    json_integer((json_int_t)c->value[i]));
	return counters;
}

static json_t *
entries_json(const struct world *w)
{
	struct stick_stats s = stick_table_stats(w->env.table);

	return json_pack("{s:I, s:I, s:I, s:I}", "total", (json_int_t)s.entries, "tentative",
			 (json_int_t)s.tentative, "evicted", (json_int_t)s.evicted, "max",
			 (json_int_t)w->policy.max_entries);
}

static json_t *
reload_json(const struct admin_reloads *r)
{
	return json_pack("{s:i, s:i, s:I, s:b}", "done", (int)r->done, "refused", (int)r->refused,
			 "last", (json_int_t)r->last, "last_refused", (int)r->last_refused);
}

static json_t *
certificates_json(const struct world *w)
{
	const struct tls_store *store = w->data_path ? w->data_path->tls : NULL;
	json_t *all = json_array();

	for (size_t i = 0; store && i < tls_store_n_presented(store); i++) {
		struct tls_presented c = tls_store_presented(store, i);

		json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:I}", "frontend", c.frontend,
						     "file", c.file, "name", c.name, "expires_at",
						     (json_int_t)c.expires_at));
	}
	return all;
}

/* NULL: it does not stand by. */
static json_t *
standby_json(const struct admin_view *view)
{
	struct admin_standby s;

	if (!view->standby)
		return NULL;
	view->standby(view->arg, &s);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:I}", "state", s.state_name(s.state),
			 "reason", s.reason, "for_ms", (json_int_t)s.for_ms, "takeovers",
			 (json_int_t)s.n_takeovers, "given_back", (json_int_t)s.n_given_back,
			 "last_ms", s.last_us / 1e3, "sessions", (json_int_t)s.sessions);
}

json_t *
api_status(const struct admin_view *view, double decisions_per_s)
{
	const struct world *w = view->world(view->arg);
	struct counters c;

	view->counters(view->arg, &c);
	return json_pack("{s:s, s:I, s:i, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o*}", "version",
			 USHER_VERSION, "uptime_s", (json_int_t)(time(NULL) - view->started),
			 "workers", (int)view->n_workers, "haproxy", haproxy_json(view), "servers",
			 servers_json(w), "decisions_per_s", decisions_per_s, "entries",
			 entries_json(w), "refusals", refusals_json(&c), "counters",
			 counters_json(&c), "reload", reload_json(view->reloads), "certificates",
			 certificates_json(w), "standby", standby_json(view));
}

json_t *
api_explain(const struct admin_view *view, const char *(*get)(void *arg, const char *name),
	    void *get_arg, const char **what)
{
	const struct world *w = view->world(view->arg);
	struct facts facts = { 0 };
	struct decide_input in = { .facts = &facts, .now = worker_now() };

	for (enum fact fact = 0; fact < N_FACTS; fact++) {
		const char *value = get(get_arg, fact_name(fact));

		if (value && !fact_from_text(&facts, fact, str_of(value))) {
			*what = fact_name(fact);
			return NULL;
		}
	}
	for (size_t i = 0; i < w->policy.named.n; i++) {
		const char *value = get(get_arg, w->policy.named.items[i].text);

		if (value)
			facts_set_str(&facts, (enum fact)(FACT_NAMED + i), str_of(value));
	}
	return explain(&w->env, &in);
}
