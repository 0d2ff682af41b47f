/* Both ways end in the same JSON object, so they print alike. */
#include "agent/cli/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/buf.h"
#include "agent/engine/explain.h"
#include "agent/io/worker.h"

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "-";
}

static void
print_verdict(const json_t *verdict)
{
	const json_t *servers = json_object_get(verdict, "servers");

	if (strcmp(text(verdict, "action"), "accept") != 0) {
		printf("REJECTED: %s, by %s\n", text(verdict, "reason"), text(verdict, "rule"));
		return;
	}
	printf("ACCEPTED: backend %s", text(verdict, "backend"));
	for (size_t i = 0; i < json_array_size(servers); i++)
		printf("%s%s", i ? ", then " : ", server ",
		       json_string_value(json_array_get(servers, i)));
	printf(" (%s)\n", text(verdict, "reason"));
}

static void
print_explanation(const json_t *explanation, bool json)
{
	const json_t *steps = json_object_get(explanation, "steps");

	if (json) {
		json_dumpf(explanation, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);

		printf("%-10s %s\n", text(step, "step"), text(step, "text"));
	}
	print_verdict(json_object_get(explanation, "verdict"));
}

int
cli_explain(const struct world *w, const struct explain_client *c, bool json)
{
	struct facts facts = *c->facts;
	struct decide_input in = { .facts = &facts, .now = worker_now() };
	json_t *explanation;

	facts_set_named(&facts, &w->policy.named, c->named, c->n_named);
	explanation = explain(&w->env, &in);
	print_explanation(explanation, json);
	json_decref(explanation);
	return 0;
}

/* RFC 3986, 2.1: all but letters, digits and "-._~" as %HH. */
static bool
put_encoded(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			     strchr("-._~", c);
		char out[4];
		int n = plain ? 1 : 3;

		snprintf(out, sizeof(out), plain ? "%c" : "%%%02X", c);
		if (!buf_put(b, out, (size_t)n))
			return false;
	}
	return true;
}

static bool
put_fact(struct buf *b, const struct facts *f, enum fact fact)
{
	char out[IP_TEXT + 1];
	struct str value = { out, 0 };

	switch (fact_type(fact)) {
	case FACT_TYPE_STRING:
		value = facts_str(f, fact);
		break;
	case FACT_TYPE_NUMBER:
		value.n = (size_t)snprintf(out, sizeof(out), "%" PRIu64, facts_number(f, fact));
		break;
	case FACT_TYPE_BOOL:
		value = facts_number(f, fact) ? STR("true") : STR("false");
		break;
	case FACT_TYPE_IP:
		value = str_of(ip_format(facts_ip(f, fact), out));
		break;
	}
	return buf_put(b, "&", 1) && put_encoded(b, str_of(fact_name(fact))) &&
	       buf_put(b, "=", 1) && put_encoded(b, value);
}

/* "&header.x-region=eu" */
static bool
put_named(struct buf *b, const struct named_text *t)
{
	return buf_put(b, "&", 1) && put_encoded(b, str_of(fact_family_name(t->family))) &&
	       buf_put(b, ".", 1) && put_encoded(b, t->name) && buf_put(b, "=", 1) &&
	       put_encoded(b, t->value);
}

/* The request's path with every known fact in its query. */
static bool
put_path(struct buf *b, const struct explain_client *c)
{
	const struct facts *f = c->facts;

	if (!buf_put(b, "/v1/explain?", 12))
		return false;
	for (enum fact fact = 0; fact < N_FACTS; fact++)
		if (facts_has(f, fact) && !put_fact(b, f, fact))
			return false;
	for (size_t i = 0; i < c->n_named; i++)
		if (!put_named(b, &c->named[i]))
			return false;
	return buf_put(b, "", 1);
}

int
cli_explain_live(const struct admin_address *a, const struct explain_client *c, bool json)
{
	json_t *answer = NULL;
	struct buf path;
	int http = 0, result = 2;

	buf_init(&path, 1 << 20);
	if (put_path(&path, c))
		answer = admin_ask(a, "GET", (const char *)buf_front(&path), &http);
	buf_fini(&path);
	if (answer && http == 200) {
		print_explanation(answer, json);
		result = 0;
	} else if (answer) {
		fprintf(stderr, "usher: %s: %s\n", text(answer, "error"), text(answer, "detail"));
	}
	json_decref(answer);
	return result;
}
