/* http-request: what becomes of a request under a frontend's rules, as proxy/route.c runs them. */
#include <stdio.h>

#include "agent/core/http1/head.h"
#include "agent/core/rules/rules.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

enum { OUT_MAX = 512 };

#define HTTP "http-request "
#define ASK HTTP "send-spoe-group usher g\n"

struct client {
	struct topology t;
	struct report r;
	struct rules *rules;
	struct vars vars;
	struct http1_head head;
	struct expr_context x;
	char scratch[4096];
	char done[OUT_MAX]; /* what came of it, in order */
};

static void
note(struct client *c, const char *what)
{
	size_t n = strlen(c->done);

	snprintf(c->done + n, sizeof(c->done) - n, "%s%s", n ? " " : "", what);
}

static bool
get_var(void *arg, enum var_scope scope, struct str name, struct sample *s)
{
	struct client *c = arg;

	return vars_get(&c->vars, scope, name, s);
}

/* There is room for all but those called "Big". */
static bool
change_field(void *arg, enum rules_field how, struct str name, struct str value)
{
	static const char signs[] = { '=', '+', '-' };
	char text[128];

	snprintf(text, sizeof(text), "%.*s%c%.*s", STR_ARG(name), signs[how], STR_ARG(value));
	note(arg, text);
	return !str_is(name, "Big");
}

static void
client_init(struct client *c, const char *rules, const char *mode)
{
	static const char request[] = "GET /a/b?c=d HTTP/1.1\r\nHost: h\r\nX: 1, 2\r\n\r\n";
	static const struct topology_env env = { .strict = true };
	char config[2048];
	enum http1_fault fault;

	*c = (struct client){ 0 };
	snprintf(config, sizeof(config),
		 "frontend f\n mode %s\n bind 127.0.0.1:1\n filter spoe engine usher config x\n%s"
		 "backend t\n mode tcp\n stick-table type string len 9 size 1k store gpc0\n",
		 mode, rules);
	topology_init(&c->t);
	report_init(&c->r);
	topology_parse(&c->t, str_of(config), "h.cfg", &env, &c->r);
	topology_resolve(&c->t, &c->r);
	c->rules = rules_compile(&c->t, topology_frontend(&c->t, STR("f")), false, &c->r);
	ck_assert_int_eq(
		http1_request_decode((const uint8_t *)request, strlen(request), &c->head, &fault),
		PARSE_OK);
	c->x = (struct expr_context){ .scratch = { c->scratch, sizeof(c->scratch), 0 },
				      .src = { .family = 4, .bytes = { 192, 0, 2, 1 } },
				      .http = &c->head,
				      .arg = c,
				      .get_var = get_var };
}

static void
client_fini(struct client *c)
{
	vars_fini(&c->vars);
	rules_free(c->rules);
	report_fini(&c->r);
	topology_fini(&c->t);
}

/* Both lists, past every question. */
static void
run(struct client *c)
{
	const struct rules_hooks hooks = { .arg = c, .vars = &c->vars, .field = change_field };
	enum rules_outcome outcome = RULES_PASS;
	char text[32];

	for (enum rules_stage s = RULES_CONTENT; s <= RULES_HTTP && outcome == RULES_PASS; s++) {
		struct rules_walk walk = { 0 };

		do {
			outcome = rules_run(c->rules, s, &walk, &c->x, &hooks);
			if (outcome == RULES_ASK)
				note(c, "ask");
		} while (outcome == RULES_ASK);
		snprintf(text, sizeof(text), "deny:%u", walk.status);
	}
	note(c, outcome == RULES_PASS	  ? "pass"
		: outcome == RULES_DENY	  ? text
		: outcome == RULES_REJECT ? "reject"
		: outcome == RULES_DROP	  ? "drop"
					  : "?");
}

static const struct {
	const char *name, *rules, *done;
} rows[] = {
	{ "no rule", "", "pass" },
	{ "deny", HTTP "deny\n", "deny:403" },
	{ "deny with a status", HTTP "deny deny_status 429\n", "deny:429" },
	{ "or so", HTTP "deny status 503 if TRUE\n", "deny:503" },
	{ "return", HTTP "return status 404\n", "deny:404" },
	{ "return without status", HTTP "return\n", "deny:200" },
	{ "reject", HTTP "reject\n", "reject" },
	{ "silent-drop", HTTP "silent-drop\n", "drop" },
	{ "a field without room is refused", HTTP "set-header Big 1\n" HTTP "set-header A 1\n",
	  "Big=1 deny:500" },
	{ "but not one whose condition fails", HTTP "set-header Big 1 if FALSE\n", "pass" },
	{ "allow ends the list", HTTP "allow\n" HTTP "deny\n", "pass" },
	{ "by path", HTTP "deny if { path_beg /a }\n", "deny:403" },
	{ "unless by path", HTTP "deny unless { path_beg /a }\n", "pass" },
	{ "by any value of a field", HTTP "deny if { hdr(x) 1 }\n", "deny:403" },
	{ "by an acl", "acl mine path_end /b\n" HTTP "deny if mine\n", "deny:403" },
	{ "by what is predefined", HTTP "deny if METH_GET\n", "deny:403" },
	{ "tcp-request content comes first, wherever it stands",
	  HTTP "set-header A %[var(txn.v)]\n tcp-request content set-var(txn.v) path\n",
	  "A=/a/b pass" },
	{ "its accept ends its list alone", "tcp-request content accept\n" HTTP "deny\n",
	  "deny:403" },
	{ "its reject ends all", "tcp-request content reject\n" HTTP "deny\n", "reject" },
	{ "nothing is waited for",
	  "tcp-request inspect-delay 1s\n tcp-request content reject unless WAIT_END\n", "pass" },
	{ "the question, and what stands behind it",
	  HTTP "deny if { path /x }\n" ASK HTTP "deny if { path /a/b }\n", "ask deny:403" },
	{ "what stands before it", HTTP "deny if { path /a/b }\n" ASK, "deny:403" },
	{ "a question of tcp-request",
	  "tcp-request content send-spoe-group usher g\n" HTTP "deny\n", "ask deny:403" },
	{ "variables", HTTP "set-var(txn.v) path\n" HTTP "deny if { var(txn.v) -m str /a/b }\n",
	  "deny:403" },
	{ "variables of text",
	  HTTP "set-var-fmt(req.v) %[hdr(host)]-%[src]\n" HTTP
	       "deny if { var(req.v) -m str h-192.0.2.1 }\n",
	  "deny:403" },
	{ "unset",
	  HTTP "set-var(txn.v) path\n" HTTP "unset-var(txn.v)\n" HTTP
	       "deny if { var(txn.v) -m found }\n",
	  "pass" },
	{ "fields",
	  HTTP "set-header A %[src]\n" HTTP "add-header B \"x %[path]\"\n" HTTP "del-header C\n",
	  "A=192.0.2.1 B+x /a/b C- pass" },
	{ "a field on a condition", HTTP "set-header A 1 if { path /x }\n", "pass" },
	{ "of no effect",
	  HTTP "wait-for-handshake\n" HTTP "disable-l7-retry\n" HTTP "strict-mode on\n" HTTP
	       "early-hint Link a if TRUE\n" HTTP "capture path len 9\n",
	  "pass" },
};

START_TEST(test_what_becomes_of_it)
{
	struct client c;

	client_init(&c, rows[_i].rules, "http");
	ck_assert_msg(c.rules && c.r.n_alerts == 0, "%s: %s", rows[_i].name,
		      c.r.n ? c.r.findings[c.r.n - 1].text : "?");
	ck_assert_uint_eq(rules_ask(c.rules), strstr(rows[_i].rules, "send-spoe") != NULL);
	run(&c);
	ck_assert_msg(strcmp(c.done, rows[_i].done) == 0, "%s: %s, not %s", rows[_i].name, c.done,
		      rows[_i].done);
	client_fini(&c);
}
END_TEST

static const struct {
	const char *mode, *line, *finding;
} faults[] = {
	{ "http", HTTP "deny deny_status 299", "status '299' is not supported" },
	{ "http", HTTP "deny deny_status x", "status 'x' is not supported" },
	{ "http", HTTP "deny content-type text/plain", "'content-type' is not supported" },
	{ "http", HTTP "deny if nosuch", "no such ACL" },
	{ "http", HTTP "set-header A", "expects exactly 2 arguments" },
	{ "http", HTTP "set-header A b c", "only accepts 'if' or 'unless'" },
	{ "http", HTTP "set-header A: b", "'A:' is no name of a field" },
	{ "http", HTTP "set-header Connection close", "'Connection' is not supported" },
	{ "http", HTTP "add-header sec-websocket-KEY x", "it belongs to the connection" },
	{ "http", HTTP "del-header Upgrade", "it belongs to the connection" },
	{ "http", HTTP "del-header X- -m beg", "'-m' is not supported" },
	{ "http", HTTP "set-header A %[nosuch]", "unknown fetch method 'nosuch'" },
	{ "http", HTTP "set-log-level silent", "is not supported by usher proxy" },
	{ "http", HTTP "redirect location /", "'http-request redirect' is not supported" },
	{ "http", HTTP "track-sc0 path table nosuch", "unable to find table 'nosuch'" },
	{ "http", HTTP "deny if { req.payload(0,1) -m bin 10 }",
	  "'req.payload' is not supported by usher proxy in mode http" },
	{ "http", "tcp-request content reject if { req.len gt 0 }",
	  "'req.len' is not supported by usher proxy in mode http" },
	{ "http", "tcp-request content use-service lua.usher_refuse",
	  "is not supported by usher proxy in mode http" },
	{ "http", "tcp-request connection reject if { path /x }", "will never match" },
	{ "tcp", "tcp-request content reject if { path /x }",
	  "'path' is not supported by usher proxy in mode tcp" },
	{ "tcp", "tcp-request content reject if METH_GET",
	  "'method' is not supported by usher proxy in mode tcp" },
	{ "tcp", "acl x hdr(host) a", "'hdr' is not supported by usher proxy in mode tcp" },
};

START_TEST(test_what_is_said)
{
	struct client c;
	char line[256];
	bool is_said = false;

	snprintf(line, sizeof(line), "%s\n", faults[_i].line);
	client_init(&c, line, faults[_i].mode);
	for (size_t i = 0; i < c.r.n; i++)
		is_said |= strstr(c.r.findings[i].text, faults[_i].finding) != NULL;
	ck_assert_msg(is_said, "%s: %s", faults[_i].line,
		      c.r.n ? c.r.findings[0].text : "nothing was said");
	client_fini(&c);
}
END_TEST

/* HAProxy ignores them there; the language's table refuses them. */
START_TEST(test_no_rules_in_mode_tcp)
{
	struct client c;

	client_init(&c, HTTP "deny\n", "tcp");
	ck_assert_ptr_nonnull(c.rules);
	run(&c);
	ck_assert_str_eq(c.done, "pass");
	client_fini(&c);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rules http");
	TCase *tcase = tcase_create("http-request");

	tcase_add_loop_test(tcase, test_what_becomes_of_it, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_what_is_said, 0, N_ROWS(faults));
	tcase_add_test(tcase, test_no_rules_in_mode_tcp);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
