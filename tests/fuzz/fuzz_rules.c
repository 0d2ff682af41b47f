/*
 * What a client says, under rules such as haproxy/haproxy.cfg has. The first byte says how it is
 * judged (1: strictly) and how many bytes come at a time; the rest comes.
 */
#include <assert.h>
#include <stdlib.h>

#include "agent/core/rules/rules.h"
#include "agent/core/topology/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define PAYLOAD "req.payload(0,0)"

static const char config[] =
	"frontend f\n"
	" filter spoe engine usher config u.conf\n"
	" tcp-request connection track-sc0 src table t\n"
	" tcp-request inspect-delay 10s\n"
	" tcp-request content reject unless { req.payload(0,1) -m bin 10 } { " PAYLOAD
	",mqtt_is_valid }\n"
	" tcp-request content set-var(txn.id) " PAYLOAD
	",mqtt_field_value(connect,client_identifier)\n"
	" tcp-request content set-var(txn.level) " PAYLOAD
	",mqtt_field_value(connect,protocol_version)\n"
	" tcp-request content set-var-fmt(txn.text) %[var(txn.id)]-%[req.len]-%[src]\n"
	" tcp-request content reject if { var(txn.id),length gt 80 }\n"
	" tcp-request content track-sc1 " PAYLOAD ",mqtt_field_value(connect,username) table t\n"
	" tcp-request content send-spoe-group usher usher-connect\n"
	" tcp-request content use-service lua.usher_refuse if { var(txn.id) -m beg no }\n"
	" tcp-request content silent-drop if { " PAYLOAD
	",mqtt_field_value(connect,33) -m int 7 }\n"
	" use_backend %[var(txn.id)] if { var(txn.id) -m beg b }\n"
	" default_backend b\n"
	"backend b\n"
	" stick-table type string len 32 size 1k\n"
	" stick on var(txn.id)\n"
	" balance hash var(txn.text),lower\n"
	" tcp-request content reject if { var(txn.text) -m sub evil }\n"
	" use-server %[var(txn.id)] if { var(txn.id) -m found }\n"
	" use-server s2 unless { req.len le 30 }\n"
	" server s1 127.0.0.1:1\n"
	" server s2 127.0.0.1:2\n"
	"backend t\n"
	" stick-table type string len 32 size 1k store gpc0\n";

static struct topology topology;
static struct rules *frontend, *backend;

static void
set_up(void)
{
	static const struct topology_env env = { .strict = true };
	struct report r;

	report_init(&r);
	topology_init(&topology);
	topology_parse(&topology, STR(config), "fuzz.cfg", &env, &r);
	topology_resolve(&topology, &r);
	frontend = rules_compile(&topology, topology_frontend(&topology, STR("f")), true, &r);
	backend = rules_compile(&topology, topology_backend(&topology, STR("b")), true, &r);
	assert(frontend && backend);
	report_fini(&r);
}

static bool
get_var(void *arg, enum var_scope scope, struct str name, struct sample *s)
{
	return vars_get(arg, scope, name, s);
}

static bool
may_use(void *arg, const struct server *s)
{
	return s->index != *(size_t *)arg;
}

/* One list, as the bytes come. True: the session goes on. */
static bool
run(const struct rules *rules, struct expr_context *x, const struct rules_hooks *hooks, size_t n,
    size_t step)
{
	struct rules_walk walk = { 0 };
	enum rules_outcome outcome;
	unsigned n_asks = 0;

	do {
		x->request_may_grow = x->request.n < n;
		outcome = rules_run(rules, RULES_CONTENT, &walk, x, hooks);
		assert(outcome != RULES_WAIT || x->request_may_grow);
		n_asks += outcome == RULES_ASK;
		assert(n_asks <= 1);
		if (outcome == RULES_WAIT)
			x->request.n = n - x->request.n < step ? n : x->request.n + step;
	} while (outcome == RULES_WAIT || outcome == RULES_ASK);
	return outcome == RULES_PASS;
}

static void
choose(struct expr_context *x)
{
	struct stick_lookup lookup;
	struct sample key;
	size_t down = 0;

	rules_use_backend(frontend, x);
	rules_use_server(backend, x, may_use, &down);
	for (size_t i = 0; (i = rules_stick_match(backend, i, x, &lookup));)
		assert(lookup.key.bytes.n > 0);
	for (size_t i = 0; (i = rules_stick_store(backend, i, x, &lookup));)
		assert(lookup.key.bytes.n > 0);
	rules_balance_key(backend, x, &key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char scratch[4096];
	struct vars vars = { 0 };
	const struct rules_hooks hooks = { .vars = &vars };
	char *bytes = n > 1 ? malloc(n - 1) : NULL;
	struct expr_context x = { .scratch = { .p = scratch, .size = sizeof(scratch) },
				  .src = { .family = 4, .bytes = { 10 } },
				  .arg = &vars,
				  .get_var = get_var };

	if (!frontend)
		set_up();
	if (bytes) { /* of their own length, so that a byte too far shows */
		memcpy(bytes, p + 1, n - 1);
		x.request.p = bytes;
		x.mqtt_is_strict = p[0] & 1;
		if (run(frontend, &x, &hooks, n - 1, (size_t)(p[0] >> 1) + 1) &&
		    run(backend, &x, &hooks, n - 1, n))
			choose(&x);
	}
	vars_fini(&vars);
	free(bytes);
	return 0;
}
