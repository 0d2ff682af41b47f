/*
 * One session under the rules of a small configuration: bytes in, where it ends up out.
 *
 * The text begins inside the frontend. "--" on a line of its own goes on inside the default
 * backend. '@' makes names different where many such texts stand in one file, as
 * tests/config/rules-against-haproxy.py puts them: the default backend is d@ with servers s1, s2
 * (weight 0) and s3 (disabled), o@ is another, t@ and i@ are stick tables of strings and addresses.
 *
 * Bytes are text with <hex>; '|' is a pause, after which more bytes come.
 */
#ifndef USHER_TESTS_UNIT_CORE_RULES_WORLD_H
#define USHER_TESTS_UNIT_CORE_RULES_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/rules/rules.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

enum { CONFIG_MAX = 4096, BYTES_MAX = 512, OUTCOME_MAX = 64, N_COUNTERS = 3 };

struct session {
	struct topology t;
	struct report r;
	struct rules *frontend;
	const struct proxy *proxy;
	struct vars vars;
	struct {
		bool is_on;
		char table[32], key[64];
		int64_t data[N_TABLE_DATA];
	} counters[N_COUNTERS];
	struct expr_context x;
	char scratch[16384];
	char bytes[BYTES_MAX];
	unsigned n_waits, n_asks;
};

static inline void
session_write_config(const char *text, char *out)
{
	const char *rest = strstr(text, "--\n");
	size_t n = rest ? (size_t)(rest - text) : strlen(text), at = 0;
	char all[CONFIG_MAX];

	snprintf(all, sizeof(all),
		 "frontend f\n%.*s\n bind 127.0.0.1:1\n default_backend d@\n"
		 "backend d@\n%s\n server s1 127.0.0.1:1\n server s2 127.0.0.1:2 weight 0\n"
		 " server s3 127.0.0.1:3 disabled\n"
		 "backend o@\n server s1 127.0.0.1:1\n"
		 "backend t@\n stick-table type string len 20 size 1k store "
		 "gpc0,gpc1,gpt0,conn_cur\n"
		 "backend i@\n stick-table type ip size 1k store gpc0\n",
		 (int)n, text, rest ? rest + 3 : "");
	for (size_t i = 0; all[i]; i++)
		out[at++] = all[i] == '@' ? 'x' : all[i];
	out[at] = '\0';
}

static inline void
session_track(void *arg, unsigned counter, struct str table, const struct sample *key)
{
	struct session *s = arg;
	struct sample text = *key;

	if (s->counters[counter].is_on)
		return;
	ck_assert(sample_cast(&text, SAMPLE_STR, &s->x.scratch));
	s->counters[counter].is_on = true;
	snprintf(s->counters[counter].table, 32, "%.*s", STR_ARG(table));
	snprintf(s->counters[counter].key, 64, "%.*s", STR_ARG(text.bytes));
	s->counters[counter].data[TABLE_CONN_CUR] = 1;
}

static inline void
session_count(void *arg, unsigned counter, enum table_data what, bool is_set, int64_t n)
{
	struct session *s = arg;
	int64_t *value = &s->counters[counter].data[what];

	if (s->counters[counter].is_on)
		*value = is_set ? n : *value + n;
}

static inline bool
session_tracked(void *arg, unsigned counter, struct str table, enum table_data what,
		struct sample *sample)
{
	struct session *s = arg;

	if (!s->counters[counter].is_on || (table.n && !str_is(table, s->counters[counter].table)))
		return false;
	sample_set_int(sample, s->counters[counter].data[what]);
	return true;
}

static inline bool
session_lookup(void *arg, struct str table, const struct sample *key, enum table_data what,
	       struct sample *sample)
{
	struct session *s = arg;
	bool is_there = false;

	if (what != TABLE_PRESENT || key->type != SAMPLE_STR)
		return false;
	for (int i = 0; i < N_COUNTERS; i++)
		is_there |= s->counters[i].is_on && str_is(table, s->counters[i].table) &&
			    str_is(key->bytes, s->counters[i].key);
	sample_set_bool(sample, is_there);
	return true;
}

static inline bool
session_get_var(void *arg, enum var_scope scope, struct str name, struct sample *sample)
{
	struct session *s = arg;

	return vars_get(&s->vars, scope, name, sample);
}

static inline void
session_init(struct session *s, const char *text)
{
	static const struct topology_env env = { .strict = true };

	*s = (struct session){ .x = { .scratch = { .p = s->scratch, .size = sizeof(s->scratch) },
				      .src = { .family = 4, .bytes = { 127, 0, 0, 1 } },
				      .src_port = 40000,
				      .arg = s,
				      .get_var = session_get_var,
				      .tracked = session_tracked,
				      .table_lookup = session_lookup } };
	topology_init(&s->t);
	report_init(&s->r);
	topology_parse(&s->t, str_of(text), "h.cfg", &env, &s->r);
	topology_resolve(&s->t, &s->r);
	s->proxy = topology_frontend(&s->t, STR("f"));
}

static inline void
session_fini(struct session *s)
{
	vars_fini(&s->vars);
	rules_free(s->frontend);
	report_fini(&s->r);
	topology_fini(&s->t);
}

static inline struct rules_hooks
session_hooks(struct session *s)
{
	return (struct rules_hooks){
		.arg = s, .vars = &s->vars, .track = session_track, .counter = session_count
	};
}

static inline struct rules *
session_compile(struct session *s, const struct proxy *p)
{
	struct rules *rules = rules_compile(&s->t, p, true, &s->r);

	ck_assert_msg(rules && s->r.n_alerts == 0, "%s",
		      s->r.n ? s->r.findings[s->r.n - 1].text : "?");
	return rules;
}

static inline bool
session_may_use(void *arg, const struct server *server)
{
	return !server->disabled;
}

#endif
