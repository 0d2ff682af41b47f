/* Lines of a frontend and of a backend, apart by "--": compiled, and evaluated if they are sound.
 */
#include <assert.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/rules/rules.h"
#include "agent/core/topology/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char front[] = "frontend f\n filter spoe engine usher config u.conf\n"
			    " default_backend b\n";
static const char back[] = "\nbackend b\n stick-table type ip size 1k\n server s1 127.0.0.1:1\n";

static struct str
write_config(struct str lines)
{
	const char *cut = lines.n > 3 ? memmem(lines.p, lines.n, "\n--\n", 4) : NULL;
	size_t first = cut ? (size_t)(cut - lines.p) : lines.n;
	struct str rest = { lines.p + first + (cut ? 4 : 0), lines.n - first - (cut ? 4 : 0) };
	size_t n = sizeof(front) - 1 + sizeof(back) - 1 + first + rest.n + 1, at = 0;
	char *text = xmalloc(n);

	memcpy(text, front, sizeof(front) - 1);
	at = sizeof(front) - 1;
	memcpy(text + at, lines.p, first);
	at += first;
	memcpy(text + at, back, sizeof(back) - 1);
	at += sizeof(back) - 1;
	memcpy(text + at, rest.p, rest.n);
	text[at + rest.n] = '\n';
	return (struct str){ text, n };
}

static bool
may_use(void *arg, const struct server *s)
{
	return s != arg;
}

static void
run(const struct rules *rules)
{
	static char scratch[4096];
	struct vars vars = { 0 };
	const struct rules_hooks hooks = { .vars = &vars };
	struct expr_context x = { .scratch = { .p = scratch, .size = sizeof(scratch) },
				  .request = STR("\x10\x0e\0\4MQTT\4\2\0\x3c\0\2id"),
				  .src = { .family = 4, .bytes = { 10 } } };
	struct stick_lookup lookup;

	for (enum rules_stage stage = 0; stage < N_RULES_STAGES; stage++) {
		struct rules_walk walk = { 0 };

		while (rules_run(rules, stage, &walk, &x, &hooks) == RULES_ASK)
			assert(rules_ask(rules));
	}
	rules_use_backend(rules, &x);
	rules_use_server(rules, &x, may_use, NULL);
	for (size_t i = 0; (i = rules_stick_store(rules, i, &x, &lookup));)
		;
	vars_fini(&vars);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct topology_env env = { .strict = true };
	struct str text = write_config((struct str){ n ? (const char *)p : "", n });
	struct topology t;
	struct report r;

	topology_init(&t);
	report_init(&r);
	topology_parse(&t, text, "fuzz.cfg", &env, &r);
	topology_resolve(&t, &r);
	for (size_t i = 0; r.n_alerts == 0 && i < t.n_proxies; i++) {
		struct rules *rules = rules_compile(&t, t.proxies[i], true, &r);

		assert(rules || r.n_alerts);
		if (rules)
			run(rules);
		rules_free(rules);
	}
	report_fini(&r);
	topology_fini(&t);
	free((char *)(uintptr_t)text.p);
	return 0;
}
