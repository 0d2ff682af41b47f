/* Time-outs, reports of ends, the runtime socket, and the way to usher itself. */
#include <stdio.h>

#include "agent/core/advice/adviser.h"
#include "agent/core/wire/syslog.h"

/* ---- time-outs ------------------------------------------------------------------------------- */

void
find_no_timeout(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct proxy *p = a->askers[i].p;

		if (proxy_timeout(p, "client") <= 0)
			advise(a, FINDING_WARNING, p->at,
			       "%s '%s': without 'timeout client' connections of dead clients "
			       "stay for ever; add 'timeout client 10m'",
			       proxy_kind_name(p->kind), p->name);
	}
	for (size_t i = 0; i < a->n_named; i++) {
		const struct proxy *b = a->named[i];

		if (proxy_timeout(b, "server") <= 0)
			advise(a, FINDING_WARNING, b->at,
			       "%s '%s': without 'timeout server' connections to dead servers "
			       "stay for ever; add 'timeout server 10m'",
			       proxy_kind_name(b->kind), b->name);
	}
}

/* The longest keepalive that clients are known to use. */
struct keepalive {
	uint64_t seconds;
	bool of_policy; /* usher.json speaks of it; else the default of client libraries */
};

enum { KEEPALIVE_USUAL = 60, KEEPALIVE_MAX = 65535 };

static void
read_rule(struct keepalive *k, const struct rule *rule)
{
	for (size_t i = 0; i < rule->n_conditions; i++) {
		const struct condition *c = &rule->conditions[i];
		uint64_t longest = c->max >= KEEPALIVE_MAX ? c->min : c->max;

		if (c->fact != FACT_KEEPALIVE)
			continue;
		if (rule->action == RULE_REJECT) {
			/* `{ "min": 121 }` rejected: 120 is the longest that is not. */
			if (c->max < KEEPALIVE_MAX || rule->n_conditions > 1 || c->min == 0)
				continue;
			longest = c->min - 1;
		}
		if (!k->of_policy || longest > k->seconds)
			*k = (struct keepalive){ longest, true };
	}
}

static struct keepalive
longest_keepalive(const struct policy *p)
{
	struct keepalive k = { KEEPALIVE_USUAL, false };

	for (size_t i = 0; i < p->n_rules; i++)
		read_rule(&k, &p->rules[i]);
	return k;
}

static struct place
place_of_timeout(const struct proxy *p, const char *name)
{
	char words[32];
	size_t at;

	snprintf(words, sizeof(words), "timeout %s", name);
	at = proxy_last_line(p, words);
	return at == SIZE_MAX ? p->at : p->all[at].at;
}

/* A client is silent for as long as its keepalive; the broker itself waits half as long again. */
static void
compare(const struct adviser *a, const struct proxy *p, const char *name)
{
	struct keepalive k = longest_keepalive(a->in->policy);
	int64_t ms = proxy_timeout(p, name);

	if (ms <= 0 || (uint64_t)ms >= k.seconds * 1500)
		return;
	advise(a, FINDING_WARNING, place_of_timeout(p, name),
	       "%s '%s': 'timeout %s' ends live connections of clients whose keepalive is %llu "
	       "seconds, %s; set it to %llus or more",
	       proxy_kind_name(p->kind), p->name, name, (unsigned long long)k.seconds,
	       k.of_policy ? "which usher.json takes" : "the usual one",
	       (unsigned long long)(k.seconds * 3 + 1) / 2);
}

void
find_timeout_keepalive(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct proxy *p = a->askers[i].p;

		/* `timeout tunnel` takes the place of both once the rules are done with. */
		if (!p->default_backend || proxy_timeout(p->default_backend, "tunnel") < 0)
			compare(a, p, "client");
	}
	for (size_t i = 0; i < a->n_named; i++)
		compare(a, a->named[i],
			proxy_timeout(a->named[i], "tunnel") < 0 ? "server" : "tunnel");
}

/* ---- ends of sessions ------------------------------------------------------------------------ */

bool
proxy_reports_ends(const struct proxy *p)
{
	if (!p->log_format_sd || !strstr(p->log_format_sd, SYSLOG_SD_ID))
		return false;
	for (size_t i = 0; i < p->n_logs; i++)
		if (p->logs[i].format && strcmp(p->logs[i].format, "rfc5424") == 0)
			return true;
	return false;
}

void
find_no_session_ends(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct proxy *p = a->askers[i].p;

		if (!proxy_reports_ends(p))
			advise(a, FINDING_WARNING, p->at,
			       "frontend '%s': usher does not hear of sessions' ends, so a sticky "
			       "entry may expire while its client is still connected; add the "
			       "'log … format rfc5424' and 'log-format-sd' lines of "
			       "haproxy/README.md",
			       p->name);
	}
}

void
find_logasap(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct proxy *p = a->askers[i].p;

		if (proxy_reports_ends(p) && proxy_has_option(p, "logasap"))
			advise(a, FINDING_WARNING, p->at,
			       "frontend '%s': 'option logasap' reports the beginning of a session "
			       "as its end; add 'no option logasap'",
			       p->name);
	}
}

void
find_no_stats_socket(const struct adviser *a)
{
	const struct topology *t = a->in->topology;

	if (!a->n_askers || t->n_stats_sockets)
		return;
	advise(a, FINDING_WARNING,
	       t->n_global ? t->global[0].at : (struct place){ a->askers[0].p->at.file, 1 },
	       "usher cannot ask HAProxy which servers are up, draining or full; add 'stats socket "
	       "/run/haproxy/admin.sock mode 660 level operator' to the global section");
}

/* ---- the way to usher ------------------------------------------------------------------------ */

/* The backend over which an asker asks, once for each backend; NULL: not known. */
static const struct proxy *
agent_backend(const struct adviser *a, size_t i)
{
	const struct spoe_engine *e = a->askers[i].engine;

	for (size_t j = 0; e && j < i; j++)
		if (a->askers[j].engine && strcmp(a->askers[j].engine->backend, e->backend) == 0)
			return NULL;
	return e ? topology_backend(a->in->topology, str_of(e->backend)) : NULL;
}

static bool
is_checked(const struct proxy *b)
{
	for (size_t i = 0; i < b->n_servers; i++)
		if (!b->servers[i]->check)
			return false;
	return true;
}

void
find_agent_unchecked(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct proxy *b = agent_backend(a, i);

		if (b && !is_checked(b))
			advise(a, FINDING_WARNING, b->at,
			       "%s '%s': a dead usher is never noticed, and every client waits out "
			       "the whole 'timeout processing'; add 'check inter 500ms fall 1 rise "
			       "1 on-marked-down shutdown-sessions' to the server line",
			       proxy_kind_name(b->kind), b->name);
	}
}

void
find_no_spop_check(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct proxy *b = agent_backend(a, i);

		if (b && is_checked(b) && !proxy_has_option(b, "spop-check"))
			advise(a, FINDING_WARNING, b->at,
			       "%s '%s': the check only sees whether the port is open, not whether "
			       "usher answers; add 'option spop-check'",
			       proxy_kind_name(b->kind), b->name);
	}
}

void
find_no_processing_timeout(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];

		if (k->engine && k->engine->processing_ms == 0)
			advise(a, FINDING_ALERT,
			       (struct place){ k->filter->config, k->engine->agent_line },
			       "spoe-agent '%s': without 'timeout processing' a hung usher stops "
			       "every client for good; add 'timeout processing 200ms'",
			       k->engine->agent);
	}
}

void
find_late_answers(const struct adviser *a)
{
	int64_t max_delay_ms = a->in->policy->max_delay_ms;

	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];

		if (k->engine && k->engine->processing_ms &&
		    k->engine->processing_ms <= max_delay_ms)
			advise(a, FINDING_WARNING,
			       (struct place){ k->filter->config, k->engine->agent_line },
			       "spoe-agent '%s': HAProxy waits %lld ms, but usher may take %lld ms "
			       "(agent.max_delay), and a verdict that comes late is lost; raise "
			       "'timeout processing' or lower max_delay",
			       k->engine->agent, (long long)k->engine->processing_ms,
			       (long long)max_delay_ms);
	}
}
