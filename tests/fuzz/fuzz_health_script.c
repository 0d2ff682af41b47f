/*
 * Lines of health checks and an answer to them: "h" first means http-check, the first NUL
 * ends the lines. What is sound is asked about every part of the answer, and says the same thing
 * for good once it is decided.
 */
#include <assert.h>
#include <stdint.h>

#include "agent/core/health/script.h"
#include "agent/core/topology/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
judge(const struct script *s, size_t step, const uint8_t *p, size_t n)
{
	enum script_result result = SCRIPT_MORE;
	struct health_answer a;

	for (size_t cut = 0; cut <= n && result == SCRIPT_MORE; cut += cut < 64 ? 1 : 61)
		result = script_expect(s, step, p, cut, false, true, &a);
	if (result == SCRIPT_MORE)
		result = script_expect(s, step, p, n, true, true, &a);
	assert(result != SCRIPT_MORE);
	assert(a.status < N_HEALTH_STATUSES && strlen(a.info) < HEALTH_INFO);
}

static void
run(const struct topology *t, struct report *r, const uint8_t *p, size_t n)
{
	char place[SCRIPT_PLACE];
	struct script s;

	script_compile(&s, topology_backend(t, STR("b")), r);
	assert(s.n_steps && s.steps[0].op == SCRIPT_CONNECT);
	for (size_t i = 0; i < s.n_steps && r->n_alerts == 0; i++) {
		assert(strlen(script_place(&s, i, place)) < SCRIPT_PLACE);
		if (s.steps[i].op == SCRIPT_EXPECT)
			judge(&s, i, p, n);
	}
	script_fini(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char http[] = "backend b\noption httpchk\n";
	static const char tcp[] = "backend b\noption tcp-check\n";
	const struct topology_env env = { 0 };
	const uint8_t *end = n ? memchr(p, 0, n) : NULL;
	size_t n_lines = end ? (size_t)(end - p) : n;
	struct topology t;
	struct report r;
	char text[8192];

	if (n_lines > sizeof(text) - sizeof(tcp))
		return 0;
	strcpy(text, n && *p == 'h' ? http : tcp);
	memcpy(text + strlen(text), p, n_lines);
	n_lines += n && *p == 'h' ? sizeof(http) - 1 : sizeof(tcp) - 1;
	topology_init(&t);
	report_init(&r);
	topology_parse(&t, (struct str){ text, n_lines }, "h.cfg", &env, &r);
	topology_resolve(&t, &r);
	if (topology_backend(&t, STR("b")))
		run(&t, &r, end ? end + 1 : p, end ? n - (size_t)(end + 1 - p) : 0);
	report_fini(&r);
	topology_fini(&t);
	return 0;
}
