/* What rules ask of the session: a verdict, a refusal, a PROXY header, the request, keys. */
#include "tests/unit/core/rules_world.h"

#define CONTENT "tcp-request content "
#define OURS "filter spoe engine usher config u.conf\ntcp-request inspect-delay 5s\n"

static struct session *
start(const char *text)
{
	struct session *s = malloc(sizeof(*s));
	char config[CONFIG_MAX];

	session_write_config(text, config);
	session_init(s, config);
	s->frontend = session_compile(s, s->proxy);
	return s;
}

static void
stop(struct session *s)
{
	session_fini(s);
	free(s);
}

static enum rules_outcome
run(struct session *s, enum rules_stage stage, struct rules_walk *walk)
{
	const struct rules_hooks hooks = session_hooks(s);

	return rules_run(s->frontend, stage, walk, &s->x, &hooks);
}

static bool
is_set(struct session *s, const char *name)
{
	struct sample sample = { 0 };

	return vars_get(&s->vars, VAR_TXN, str_of(name), &sample);
}

/* ---- the verdict ----------------------------------------------------------------------------- */

/* Rules above the question are done with; those behind it are evaluated anew as others are. */
START_TEST(a_question_is_asked_once)
{
	struct session *s = start(OURS CONTENT "set-var(txn.a) str(1)\n" CONTENT
					       "send-spoe-group usher g\n" CONTENT
					       "set-var(txn.b) str(1)\n" CONTENT
					       "reject unless { req.payload(0,2) -m found }\n");
	struct rules_walk walk = { 0 };

	ck_assert(rules_ask(s->frontend) && rules_need_request(s->frontend));
	s->x.request_may_grow = true;
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_ASK);
	ck_assert(is_set(s, "a") && !is_set(s, "b"));
	vars_unset(&s->vars, VAR_TXN, STR("a"));
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_WAIT);
	ck_assert(is_set(s, "b"));
	vars_unset(&s->vars, VAR_TXN, STR("b"));
	s->x.request = STR("ab");
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_PASS);
	ck_assert(!is_set(s, "a") && is_set(s, "b"));
	ck_assert(s->x.request_may_grow);
	stop(s);
}
END_TEST

START_TEST(a_question_waits_for_its_condition)
{
	struct session *s =
		start(OURS CONTENT "send-spoe-group usher g if { req.payload(0,1) -m found }\n");
	struct rules_walk walk = { 0 };

	s->x.request_may_grow = true;
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_WAIT);
	s->x.request = STR("a");
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_ASK);
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_PASS);
	stop(s);
}
END_TEST

START_TEST(the_connack_is_no_question)
{
	struct session *s = start("filter spoe engine usher-connack config u.conf\n" CONTENT
				  "send-spoe-group usher-connack g\n" CONTENT
				  "lua.usher_rank dx\n" CONTENT "capture src len 9\n");
	struct rules_walk walk = { 0 };

	ck_assert(!rules_ask(s->frontend) && !rules_need_request(s->frontend));
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_PASS);
	stop(s);
}
END_TEST

static const struct {
	const char *service;
	enum rules_refusal refusal;
} services[] = {
	{ "lua.usher_refuse", RULES_REFUSE_VERDICT },
	{ "lua.usher_over_quota", RULES_REFUSE_QUOTA },
	{ "lua.usher_unavailable", RULES_REFUSE_UNAVAILABLE },
};

START_TEST(a_service_refuses)
{
	struct rules_walk walk = { 0 };
	char text[128];
	struct session *s;

	snprintf(text, sizeof(text), CONTENT "use-service %s if { var(txn.no) -m found }\n",
		 services[_i].service);
	s = start(text);
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_PASS);
	ck_assert(vars_set(&s->vars, VAR_TXN, STR("no"),
			   &(struct sample){ .type = SAMPLE_INT, .number = 1 }));
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_REFUSE);
	ck_assert_int_eq(walk.refusal, services[_i].refusal);
	stop(s);
}
END_TEST

START_TEST(a_proxy_header_is_expected_of_some)
{
	struct session *s =
		start("tcp-request connection expect-proxy layer4 if { src 10.0.0.0/8 }\n"
		      "tcp-request connection reject if { src 10.0.0.9 }\n");
	struct rules_walk walk = { 0 }, other = { 0 };

	ck_assert_int_eq(run(s, RULES_CONNECTION, &walk), RULES_PASS);
	ck_assert(!walk.expect_proxy);
	s->x.src = (struct ip){ .family = 4, .bytes = { 10, 0, 0, 9 } };
	ck_assert_int_eq(run(s, RULES_CONNECTION, &other), RULES_REJECT);
	ck_assert(other.expect_proxy);
	stop(s);
}
END_TEST

/* ---- the request ----------------------------------------------------------------------------- */

static const struct {
	const char *text;
	bool needs;
} needs[] = {
	{ "", false },
	{ CONTENT "reject if { src 10.0.0.1 }\n", false },
	{ CONTENT "reject if { req.len gt 4 }\n", true },
	{ CONTENT "reject if WAIT_END\n", true },
	{ "acl x req.len gt 4\n" CONTENT "reject if !x\n", true },
	{ "acl x req.len gt 4\n", false },
	{ CONTENT "set-var(txn.x) req.payload(0,0)\n", true },
	{ CONTENT "set-var(txn.x) src\n", false },
	{ CONTENT "set-var-fmt(txn.x) %[req.len]\n", true },
	{ CONTENT "track-sc0 req.payload(0,2) table tx\n", true },
	{ "use_backend ox if { req.ssl_sni -m found }\n", true },
	{ "use_backend %[req.payload(0,1)]\n", true },
	{ "use_backend %[src]\n", false },
	{ "--\nuse-server s1 if { req.len gt 4 }\n", true },
	{ "--\nuse-server %[req.payload(0,1)] if TRUE\n", true },
	{ "--\nuse-server s1 if { src 10.0.0.1 }\n", false },
	{ "--\nstick on req.payload(0,0),mqtt_field_value(connect,client_identifier) table tx\n",
	  true },
	{ "--\nstick on src table ix\n", false },
	{ "--\nstick on src table ix if { req.len gt 4 }\n", true },
	{ "--\n" CONTENT "reject if { req.len gt 4 }\n", true },
	{ "use_backend dx if { src 10.0.0.1 }\n--\n" CONTENT "reject if { req.len gt 4 }\n", true },
	{ "--\nbalance hash req.payload(0,2)\n", true },
	{ "--\nbalance hash src\n", false },
};

START_TEST(the_request_is_needed)
{
	struct session *s = start(needs[_i].text);

	ck_assert_msg(rules_need_request(s->frontend) == needs[_i].needs, "%s", needs[_i].text);
	stop(s);
}
END_TEST

/* ---- keys ------------------------------------------------------------------------------------ */

static void
write_keys(struct session *s, struct rules *rules,
	   size_t (*next)(const struct rules *rules, size_t i, struct expr_context *x,
			  struct stick_lookup *lookup),
	   char *out, size_t size)
{
	struct stick_lookup lookup;
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; (i = next(rules, i, &s->x, &lookup));) {
		ck_assert(sample_cast(&lookup.key, SAMPLE_STR, &s->x.scratch));
		n += (size_t)snprintf(out + n, size - n, "%.*s:%.*s ", STR_ARG(lookup.table),
				      STR_ARG(lookup.key.bytes));
		ck_assert_uint_lt(n, size);
	}
}

static const struct {
	const char *name, *text, *match, *store;
} sticks[] = {
	{ "on is both", "stick on src table ix\n", "ix:127.0.0.1 ", "ix:127.0.0.1 " },
	{ "match alone", "stick match src table ix\n", "ix:127.0.0.1 ", "" },
	{ "store alone", "stick store-request src table ix\n", "", "ix:127.0.0.1 " },
	{ "a response is not stored", "stick store-response src table ix\n", "", "" },
	{ "the own table has no name", "stick-table type ip size 1k\nstick on src\n", ":127.0.0.1 ",
	  ":127.0.0.1 " },
	{ "no value, no key", "stick on var(txn.none) table tx\n", "", "" },
	{ "an empty text is no key", "stick on str() table tx\n", "", "" },
	{ "a condition that fails", "stick on src table ix if FALSE\n", "", "" },
	{ "what is not decided fails", "stick on src table ix if { req.payload(0,9) -m found }\n",
	  "", "" },
	{ "all are looked up, one a table is stored",
	  "stick on str(a) table tx\nstick on src table ix\nstick on str(b) table tx\n",
	  "tx:a ix:127.0.0.1 tx:b ", "tx:a ix:127.0.0.1 " },
	{ "who has no key leaves its table to the next",
	  "stick on str() table tx\nstick on str(b) table tx\n", "tx:b ", "tx:b " },
};

START_TEST(keys_are_found)
{
	char text[256], keys[128];
	struct session *s;
	struct rules *rules;

	snprintf(text, sizeof(text), "--\n%s", sticks[_i].text);
	s = start(text);
	rules = session_compile(s, s->proxy->default_backend);
	s->x.request_may_grow = true;
	write_keys(s, rules, rules_stick_match, keys, sizeof(keys));
	ck_assert_str_eq(keys, sticks[_i].match);
	write_keys(s, rules, rules_stick_store, keys, sizeof(keys));
	ck_assert_str_eq(keys, sticks[_i].store);
	ck_assert_int_eq(rules_table(rules) != NULL, strstr(text, "stick-table") != NULL);
	rules_free(rules);
	stop(s);
}
END_TEST

START_TEST(a_hash_has_a_key)
{
	struct session *s = start("--\nbalance hash var(txn.k)\n");
	struct rules *rules = session_compile(s, s->proxy->default_backend);
	struct sample key = { .type = SAMPLE_INT, .number = 7 };

	ck_assert(!rules_balance_key(rules, &s->x, &key));
	key = (struct sample){ .type = SAMPLE_INT, .number = 7 };
	ck_assert(vars_set(&s->vars, VAR_TXN, STR("k"), &key));
	ck_assert(rules_balance_key(rules, &s->x, &key) && key.number == 7);
	ck_assert(!rules_balance_key(s->frontend, &s->x, &key));
	rules_free(rules);
	stop(s);
}
END_TEST

/* ---- defaults -------------------------------------------------------------------------------- */

/* Inherited rules come first, and use the ACLs of the section they were written in. */
START_TEST(inherited_rules_have_acls_of_their_own)
{
	static const char text[] = "defaults d\n acl x src 127.0.0.1\n"
				   " tcp-request content set-var(txn.a) str(1) if x\n"
				   "frontend f from d\n acl x src 10.0.0.1\n"
				   " tcp-request content reject if { var(txn.a) -m found } !x\n";
	struct session *s = malloc(sizeof(*s));
	struct rules_walk walk = { 0 };

	session_init(s, text);
	s->frontend = session_compile(s, s->proxy);
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), RULES_REJECT);
	stop(s);
}
END_TEST

/* ---- validity by the specifications -----------------------------------------------------------
 */

static const struct {
	const char *name;
	struct str bytes;
	bool strict, lax;
} packets[] = {
#define PACKET(literal)                                                                            \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}
	{ "3.1.1", PACKET("\x10\x0e\0\4MQTT\4\2\0\x3c\0\2id"), true, true },
	{ "bridge of 3.1.1", PACKET("\x10\x0e\0\4MQTT\x84\2\0\x3c\0\2id"), true, false },
	{ "bridge of 3.1", PACKET("\x10\x10\0\6MQIsdp\x83\2\0\x3c\0\2id"), true, false },
	{ "small letters", PACKET("\x10\x0e\0\4mqtt\4\2\0\x3c\0\2id"), false, true },
	{ "password alone", PACKET("\x10\x11\0\4MQTT\4\x42\0\x3c\0\2id\0\1p"), false, true },
	{ "no UTF-8", PACKET("\x10\x0e\0\4MQTT\4\2\0\x3c\0\2i\xff"), false, true },
	{ "CONNACK", PACKET("\x20\2\0\0"), false, true },
};

START_TEST(a_connect_is_valid)
{
	static const char rule[] = CONTENT "reject unless { req.payload(0,0),mqtt_is_valid }\n";
	struct session *s = start(rule);
	struct rules_walk walk = { 0 };

	s->x.request = packets[_i].bytes;
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk), packets[_i].lax ? RULES_PASS : RULES_REJECT);
	s->x.mqtt_is_strict = true;
	ck_assert_int_eq(run(s, RULES_CONTENT, &walk),
			 packets[_i].strict ? RULES_PASS : RULES_REJECT);
	stop(s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rules session");
	TCase *tcase = tcase_create("session");

	tcase_add_test(tcase, a_question_is_asked_once);
	tcase_add_test(tcase, a_question_waits_for_its_condition);
	tcase_add_test(tcase, the_connack_is_no_question);
	tcase_add_loop_test(tcase, a_service_refuses, 0, N_ROWS(services));
	tcase_add_test(tcase, a_proxy_header_is_expected_of_some);
	tcase_add_loop_test(tcase, the_request_is_needed, 0, N_ROWS(needs));
	tcase_add_loop_test(tcase, keys_are_found, 0, N_ROWS(sticks));
	tcase_add_test(tcase, a_hash_has_a_key);
	tcase_add_test(tcase, inherited_rules_have_acls_of_their_own);
	tcase_add_loop_test(tcase, a_connect_is_valid, 0, N_ROWS(packets));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
