#include "agent/core/topology/spoe_engine.h"
#include "tests/unit/run.h"

static const struct topology_env strict = { .strict = true };
static const struct topology_env loose = { .strict = false };

#define AGENT "spoe-agent a\n use-backend b\n"

/* ---- what is understood ------------------------------------------------------------------------
 */

static const char two_engines[] = "[mqtt]\n"
				  "spoe-agent mqtt-agent\n"
				  "    groups mqtt-connect more\n"
				  "    option var-prefix mlb\n"
				  "    option continue-on-error\n"
				  "    log global\n"
				  "    timeout hello 100ms\n"
				  "    timeout processing 200ms\n"
				  "    use-backend spoa\n"
				  "    register-var-names action be\n"
				  "spoe-group mqtt-connect\n"
				  "    messages mqtt-connect-msg\n"
				  "spoe-message mqtt-connect-msg\n"
				  "    args uid=var(txn.uid) src=src\n"
				  "[mqtt-ack]\n"
				  "spoe-agent mqtt-ack-agent\n"
				  "    messages m1 m2\n"
				  "    messages m3\n"
				  "    timeout processing 1s\n"
				  "    use-backend other\n"
				  "spoe-message m1\n"
				  "    event on-server-session\n"
				  "[mqtt]\n"
				  "spoe-message late\n";

static const struct {
	const char *name, *text, *engine;
	const char *agent, *backend, *var_prefix;
	int64_t processing_ms;
	size_t n_messages, n_groups;
	int line;
} good[] = {
	{ "first scope", two_engines, "mqtt", "mqtt-agent", "spoa", "mlb", 200, 0, 2, 2 },
	{ "second scope", two_engines, "mqtt-ack", "mqtt-ack-agent", "other", "mqtt-ack-agent",
	  1000, 3, 0, 16 },
	{ "no scope", "# x\n" AGENT, "", "a", "b", "a", 0, 0, 0, 2 },
	{ "no scope wanted, some there", AGENT "[x]\nspoe-agent c\n", "", "a", "b", "a", 0, 0, 0,
	  1 },
	{ "errors of others are theirs", "[x]\nspoe-agent\n frob\n[e]\n" AGENT, "e", "a", "b", "a",
	  0, 0, 0, 5 },
	{ "the last of two counts",
	  AGENT " use-backend c\n timeout processing 5\n"
		" timeout processing 7\n",
	  "", "a", "c", "a", 7, 0, 0, 1 },
};

static const char one_group[] = "spoe-agent a\n use-backend b\n groups g h\n"
				"spoe-group g\n messages m n\n"
				"spoe-group h\n messages o\n"
				"spoe-message m\n args x=src\n"
				"spoe-message n\n args x=dst\n"
				"spoe-message o\n args y=path\n";

START_TEST(groups_send_their_messages)
{
	static const struct {
		const char *group;
		bool sends[3];
	} sent[] = {
		{ "g", { true, true, false } },
		{ "h", { false, false, true } },
		{ "unheard-of", { true, true, true } },
	};
	struct spoe_engine e;
	struct report r;

	report_init(&r);
	ck_assert(spoe_engine_parse(str_of(one_group), "f", str_of(""), &strict, &e, &r));
	ck_assert_uint_eq(e.n_args, 3);
	for (size_t i = 0; i < N_ROWS(sent); i++)
		for (size_t j = 0; j < e.n_args; j++)
			ck_assert_msg(spoe_engine_sends(&e, sent[i].group, &e.args[j]) ==
					      sent[i].sends[j],
				      "%s, %s", sent[i].group, e.args[j].message);
	spoe_engine_fini(&e);
	report_fini(&r);
}
END_TEST

START_TEST(engine_is_read)
{
	struct spoe_engine e;
	struct report r;

	report_init(&r);
	ck_assert_msg(spoe_engine_parse(str_of(good[_i].text), "s.conf", str_of(good[_i].engine),
					&strict, &e, &r),
		      "%s: %s", good[_i].name, r.n ? r.findings[0].text : "");
	ck_assert_uint_eq(r.n, 0);
	ck_assert_str_eq(e.agent, good[_i].agent);
	ck_assert_str_eq(e.backend, good[_i].backend);
	ck_assert_str_eq(e.var_prefix, good[_i].var_prefix);
	ck_assert_int_eq(e.processing_ms, good[_i].processing_ms);
	ck_assert_uint_eq(e.n_messages, good[_i].n_messages);
	ck_assert_uint_eq(e.n_groups, good[_i].n_groups);
	ck_assert_int_eq(e.agent_line, good[_i].line);
	spoe_engine_fini(&e);
	report_fini(&r);
}
END_TEST

/* ---- what is refused, in HAProxy's words --------------------------------------------------------
 */

static const struct {
	const char *text, *engine, *alert;
} bad[] = {
	{ AGENT " frob\n", "",
	  "parsing [s.conf:3] : unknown keyword 'frob' in spoe-agent section." },
	{ AGENT " option foo\n", "", "parsing [s.conf:3]: option 'foo' is not supported." },
	{ AGENT " option var-prefix\n", "",
	  "parsing [s.conf:3]: 'option var-prefix' expects a value." },
	{ AGENT " option var-prefix a-b\n", "",
	  "parsing [s.conf:3]: 'option var-prefix' only supports [a-zA-Z0-9_.] chars." },
	{ AGENT " timeout processing\n", "",
	  "parsing [s.conf:3] : 'timeout processing' expects an integer value (in milliseconds)." },
	{ AGENT " timeout foo 1\n", "",
	  "parsing [s.conf:3] : 'timeout' supports 'hello', 'idle' or 'processing' (got foo)." },
	{ AGENT " timeout processing x\n", "",
	  "parsing [s.conf:3] : unexpected character 'x' in 'timeout processing'." },
	{ AGENT " timeout idle 100d\n", "",
	  "parsing [s.conf:3]: timer overflow in argument <100d> to <timeout idle>, maximum value "
	  "is 2147483647 ms (~24.8 days)." },
	{ AGENT " use-backend\n", "",
	  "parsing [s.conf:3] : 'use-backend' expects a backend name." },
	{ AGENT " use-backend c d\n", "",
	  "parsing [s.conf:3] : 'use-backend' cannot handle unexpected argument 'd'." },
	{ AGENT "spoe-agent c\n", "",
	  "parsing [s.conf:3] : another spoe-agent section previously defined." },
	{ "spoe-agent\n", "", "parsing [s.conf:1] : missing name for spoe-agent section." },
	{ "spoe-agent a b\n", "",
	  "parsing [s.conf:1] : 'spoe-agent' cannot handle unexpected argument 'b'." },
	{ "spoe-agent a/b\n", "",
	  "parsing [s.conf:1] : character '/' is not permitted in 'spoe-agent' name 'a/b'." },
	{ "foo\n", "", "parsing [s.conf:1]: unknown keyword 'foo' out of section." },
	{ "[e\n", "e", "parsing [s.conf:1] : empty scope name is forbidden." },
	{ "[]\n", "e", "parsing [s.conf:1] : empty scope name is forbidden." },
	{ "[e] x\n", "e",
	  "parsing [s.conf:1] : character 'x' is not permitted after scope "
	  "declaration." },
	{ "[e]x\n", "e",
	  "parsing [s.conf:1] : character 'x' is not permitted after scope "
	  "declaration." },
	{ AGENT, "e", "No SPOE agent found in file s.conf" },
	{ "[x]\n" AGENT, "e", "No SPOE agent found in file s.conf" },
	{ "[x]\n" AGENT, "", "No SPOE agent found in file s.conf" },
	{ "", "", "No SPOE agent found in file s.conf" },
	{ "spoe-agent a\n", "", "No backend declared for SPOE agent 'a' declared at s.conf:1" },
	{ AGENT " log x", "",
	  "parsing [s.conf:3]: Missing LF on last line, file might have been truncated at position "
	  "7." },
};

START_TEST(engine_is_refused)
{
	struct spoe_engine e;
	struct report r;

	report_init(&r);
	ck_assert(!spoe_engine_parse(str_of(bad[_i].text), "s.conf", str_of(bad[_i].engine),
				     &strict, &e, &r));
	ck_assert_uint_eq(r.n_alerts, 1);
	ck_assert_str_eq(r.findings[0].text, bad[_i].alert);
	spoe_engine_fini(&e);
	report_fini(&r);
}
END_TEST

START_TEST(unknown_is_skipped_unless_strict)
{
	struct spoe_engine e;
	struct report r;

	report_init(&r);
	ck_assert(spoe_engine_parse(STR(AGENT " frob\n option frob\n no option frob\n"), "s.conf",
				    STR(""), &loose, &e, &r));
	ck_assert_uint_eq(r.n, 0);
	spoe_engine_fini(&e);
	report_fini(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("topology spoe engine");
	TCase *tcase = tcase_create("spoe engine");

	tcase_add_test(tcase, groups_send_their_messages);
	tcase_add_loop_test(tcase, engine_is_read, 0, N_ROWS(good));
	tcase_add_loop_test(tcase, engine_is_refused, 0, N_ROWS(bad));
	tcase_add_test(tcase, unknown_is_skipped_unless_strict);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
