/*
 * Where a session ends up. Each row holds for HAProxy 2.6 as well, in whole chunks:
 * tests/config/rules-against-haproxy.py asks it.
 */
#include "tests/unit/core/rules_world.h"

#define DELAY "tcp-request inspect-delay 1s\n"
#define CONTENT "tcp-request content "
#define FOUND "use_backend o@ if { var(txn.x) -m found }\n"
#define VALID DELAY CONTENT "reject unless { req.payload(0,0),mqtt_is_valid }\n"
#define FIELD(field, text)                                                                         \
	DELAY CONTENT "accept if { req.payload(0,0),mqtt_is_valid }\n--\n" CONTENT                 \
		      "set-var(txn.x) req.payload(0,0),mqtt_field_value(connect," field ")\n"      \
		      "use-server s2 if { var(txn.x) -m str " text " }\n"
#define ID "<100e0004>MQTT<0402003c0002>id"

/* "BACKEND/SERVER", "reject", "drop"; with "late" once the delay was over. */
static const struct {
	const char *name, *config, *bytes, *outcome;
} rows[] = {
	{ "no rule", "", "", "d/s1" },
	{ "reject", CONTENT "reject\n", "", "reject" },
	{ "silent-drop", CONTENT "silent-drop\n", "", "drop" },
	{ "accept ends the list", CONTENT "accept\n" CONTENT "reject\n", "", "d/s1" },
	{ "if without terms never holds", CONTENT "reject if\n", "", "d/s1" },
	{ "unless without terms always holds", CONTENT "reject unless\n", "", "reject" },
	{ "one test of a name suffices",
	  "acl x src 10.0.0.1\nacl x src 127.0.0.0/8\n" CONTENT "reject if x\n", "", "reject" },
	{ "a name grows behind its use",
	  "acl x src 10.0.0.1\n" CONTENT "reject if x\nacl x src 127.0.0.1\n", "", "reject" },
	{ "alternatives", CONTENT "reject if FALSE or { src 127.0.0.1 }\n", "", "reject" },
	{ "negation", CONTENT "reject if !TRUE\n", "", "d/s1" },
	/* waiting */
	{ "undecided waits for bytes",
	  DELAY CONTENT "reject unless { req.payload(0,4) -m str abcd }\n", "ab|cd", "d/s1" },
	{ "undecided at the end does not hold",
	  DELAY CONTENT
	  "reject if { req.payload(0,8) -m found }\nuse_backend o@ if { req.len 2 }\n",
	  "ab", "o/s1 late" },
	{ "undecided at the end holds for unless",
	  DELAY CONTENT "reject unless { req.payload(0,8) -m found }\n", "ab", "reject late" },
	{ "without delay nothing waits", CONTENT "reject unless { req.payload(0,2) -m found }\n",
	  "ab", "reject" },
	{ "decided at once with what is there", DELAY CONTENT "reject if { req.len lt 4 }\n",
	  "abcd", "reject" },
	{ "WAIT_END is the end of the delay", DELAY CONTENT "reject if WAIT_END\n", "",
	  "reject late" },
	{ "who accepts does not wait",
	  DELAY CONTENT "accept if { req.len gt 0 }\n" CONTENT "reject if WAIT_END\n", "a",
	  "d/s1" },
	{ "use_backend does not wait", DELAY "use_backend o@ if { req.payload(0,4) -m found }\n",
	  "", "d/s1" },
	{ "use_backend unless what is undecided",
	  DELAY "use_backend o@ unless { req.payload(0,4) -m found }\n", "", "o/s1" },
	{ "a backend waits as long as it says itself",
	  "--\n" DELAY CONTENT "reject unless { req.payload(0,2) -m str ab }\n", "a|b", "d/s1" },
	{ "a backend rejects after the frontend accepted",
	  CONTENT "accept\n--\n" CONTENT "reject\n", "", "reject" },
	/* variables */
	{ "set-var does not wait", DELAY CONTENT "set-var(txn.x) req.payload(0,2)\n" FOUND, "",
	  "d/s1" },
	{ "set-var is done again when the list waits",
	  DELAY CONTENT "set-var(txn.x) req.payload(0,2)\n" CONTENT
			"accept if { req.len ge 2 }\n" FOUND,
	  "ab", "o/s1" },
	{ "set-var decides for good", DELAY CONTENT "set-var(txn.x) wait_end\n" FOUND, "", "o/s1" },
	{ "no value leaves the old one",
	  CONTENT "set-var(txn.x) str(a)\n" CONTENT "set-var(txn.x) var(txn.none)\n" FOUND, "",
	  "o/s1" },
	{ "unset-var", CONTENT "set-var(txn.x) str(a)\n" CONTENT "unset-var(txn.x)\n" FOUND, "",
	  "d/s1" },
	{ "a format of nothing is the empty text",
	  CONTENT "set-var-fmt(txn.x) %[var(txn.none)]\n"
		  "use_backend o@ if { var(txn.x),length 0 }\n",
	  "", "o/s1" },
	{ "a format keeps its blanks",
	  CONTENT "set-var-fmt(txn.x) a\\ \\ %[str(x)]\nuse_backend o@ if { var(txn.x) -m str "
		  "\"a  x\" }\n",
	  "", "o/s1" },
	{ "ifnotexists and there is one",
	  CONTENT "set-var(txn.x) str(a)\n" CONTENT
		  "set-var(txn.x,ifnotexists) str(b)\nuse_backend o@ if { var(txn.x) -m str a }\n",
	  "", "o/s1" },
	{ "ifexists and there is none", CONTENT "set-var(txn.x,ifexists) str(a)\n" FOUND, "",
	  "d/s1" },
	{ "ifset after unset-var",
	  CONTENT "set-var(txn.x) str(a)\n" CONTENT "unset-var(txn.x)\n" CONTENT
		  "set-var(txn.x,ifset) str(b)\n" FOUND,
	  "", "d/s1" },
	{ "ifempty", CONTENT "set-var(txn.x,ifempty) str()\n" FOUND, "", "o/s1" },
	{ "numbers are never empty", CONTENT "set-var(txn.x,ifempty) int(0)\n" FOUND, "", "d/s1" },
	{ "ifnotempty", CONTENT "set-var(txn.x,ifnotempty) str()\n" FOUND, "", "d/s1" },
	{ "ifgt: what is there is greater",
	  CONTENT "set-var(txn.x) int(5)\n" CONTENT
		  "set-var(txn.x,ifgt) int(3)\nuse_backend o@ if { var(txn.x) -m int 3 }\n",
	  "", "o/s1" },
	{ "iflt: what is there is not less",
	  CONTENT "set-var(txn.x) int(5)\n" CONTENT
		  "set-var(txn.x,iflt) int(3)\nuse_backend o@ if { var(txn.x) -m int 3 }\n",
	  "", "d/s1" },
	{ "ifgt of other than numbers holds",
	  CONTENT "set-var(txn.x) str(a)\n" CONTENT
		  "set-var(txn.x,ifgt) int(3)\nuse_backend o@ if { var(txn.x) -m int 3 }\n",
	  "", "o/s1" },
	{ "several conditions",
	  CONTENT "set-var(txn.x) int(5)\n" CONTENT
		  "set-var(txn.x,ifset,iflt) int(7)\nuse_backend o@ if { var(txn.x) -m int 7 }\n",
	  "", "o/s1" },
	{ "sess is there from the connection on",
	  "tcp-request connection set-var(sess.x) str(a)\n"
	  "use_backend o@ if { var(sess.x) -m found }\n",
	  "", "o/s1" },
	{ "txn is not yet there at the connection",
	  "tcp-request connection set-var(txn.x) str(a)\n" FOUND, "", "d/s1" },
	{ "txn is not yet there at the session",
	  "tcp-request session set-var(txn.x) str(a)\n" FOUND, "", "d/s1" },
	{ "res is not there in a request",
	  CONTENT "set-var(res.x) str(a)\nuse_backend o@ if { var(res.x) -m found }\n", "",
	  "d/s1" },
	{ "req is there until the backend is chosen",
	  CONTENT "set-var(req.x) str(a)\nuse_backend o@ if { var(req.x) -m found }\n", "",
	  "o/s1" },
	/* connection and session */
	{ "connection reject", "tcp-request connection reject\n", "", "reject" },
	{ "an accept ends one list alone",
	  "tcp-request connection accept\ntcp-request session reject\n", "", "reject" },
	{ "a connection waits for nothing", DELAY "tcp-request connection reject if WAIT_END\n", "",
	  "reject" },
	{ "order within the connection",
	  "tcp-request connection set-var(sess.a) str(1)\n"
	  "tcp-request connection reject if { var(sess.a) -m found }\n",
	  "", "reject" },
	/* backends and servers */
	{ "a backend by name", CONTENT "set-var(txn.b) str(o@)\nuse_backend %[var(txn.b)]\n", "",
	  "o/s1" },
	{ "a backend by parts of a name", "use_backend o%[var(txn.none)]@\n", "", "o/s1" },
	{ "a name of no backend ends the search",
	  "use_backend nope%[src_port,mul(0)]\nuse_backend o@\n", "", "d/s1" },
	{ "no name at all ends the search, too", "use_backend %[var(txn.none)]\nuse_backend o@\n",
	  "", "d/s1" },
	{ "use-server", "--\nuse-server s2 if TRUE\n", "", "d/s2" },
	{ "use-server unless", "--\nuse-server s2 unless FALSE\n", "", "d/s2" },
	{ "a server that is down is passed over",
	  "--\nuse-server s3 if TRUE\nuse-server s2 if TRUE\n", "", "d/s2" },
	{ "a server by name that is down is passed over",
	  "--\nuse-server s%[int(3)] if TRUE\nuse-server s2 if TRUE\n", "", "d/s2" },
	{ "a name of no server ends the search",
	  "--\nuse-server s%[int(7)] if TRUE\nuse-server s2 if TRUE\n", "", "d/s1" },
	{ "no name at all of a server ends it, too",
	  "--\nuse-server %[var(txn.none)] if TRUE\nuse-server s2 if TRUE\n", "", "d/s1" },
	/* tracking */
	{ "a key is waited for",
	  DELAY CONTENT "track-sc0 req.payload(0,4) table t@\nuse_backend o@ if { sc0_tracked }\n",
	  "ab|cd", "o/s1" },
	{ "a key that grows is waited for to the end",
	  DELAY CONTENT "track-sc0 req.payload(0,0) table t@\n"
			"use_backend o@ if { str(abcd),in_table(t@) }\n",
	  "ab|cd", "o/s1 late" },
	{ "a key that was waited for goes on where it waited",
	  DELAY CONTENT "set-var(txn.x) req.len\n" CONTENT "track-sc0 req.payload(0,4) table t@\n"
			"use_backend o@ if { var(txn.x) -m int 4 }\n",
	  "ab|cd", "d/s1" },
	{ "a condition of tracking is waited for",
	  DELAY CONTENT "track-sc0 str(a) table t@ if { req.len ge 4 }\n"
			"use_backend o@ if { sc0_tracked }\n",
	  "ab|cd", "o/s1" },
	{ "no key, no tracking",
	  CONTENT "track-sc0 var(txn.none) table t@\nuse_backend o@ if { sc0_tracked }\n", "",
	  "d/s1" },
	{ "the first key stays",
	  CONTENT "track-sc0 str(a) table t@\n" CONTENT
		  "track-sc0 str(b) table t@\nuse_backend o@ if { str(b),in_table(t@) }\n",
	  "", "d/s1" },
	{ "tracked at the connection",
	  "tcp-request connection track-sc1 src table i@\nuse_backend o@ if { sc1_tracked }\n", "",
	  "o/s1" },
	{ "gpc0 grows",
	  CONTENT "track-sc0 str(a) table t@\n" CONTENT "sc-inc-gpc0(0)\n" CONTENT
		  "sc-inc-gpc0(0)\nuse_backend o@ if { sc0_get_gpc0 2 }\n",
	  "", "o/s1" },
	{ "gpc1 of the third counter",
	  CONTENT "track-sc2 str(a) table t@\n" CONTENT
		  "sc-inc-gpc1(2)\nuse_backend o@ if { sc2_get_gpc1 1 }\n",
	  "", "o/s1" },
	{ "what is not tracked does not grow",
	  CONTENT "sc-inc-gpc1(2)\nuse_backend o@ if { sc2_get_gpc1 1 }\n", "", "d/s1" },
	{ "gpt0 is set to a number",
	  CONTENT "track-sc0 str(a) table t@\n" CONTENT
		  "sc-set-gpt0(0) -1\nuse_backend o@ if { sc0_get_gpt0 4294967295 }\n",
	  "", "o/s1" },
	{ "gpt0 is set to a value",
	  CONTENT "track-sc0 str(a) table t@\n" CONTENT
		  "sc-set-gpt0(0) int(5),add(1)\nuse_backend o@ if { sc0_get_gpt0 6 }\n",
	  "", "o/s1" },
	{ "gpt0 stays without a value",
	  CONTENT "track-sc0 str(a) table t@\n" CONTENT "sc-set-gpt0(0) 4\n" CONTENT
		  "sc-set-gpt0(0) var(txn.none)\nuse_backend o@ if { sc0_get_gpt0 4 }\n",
	  "", "o/s1" },
	/* MQTT as HAProxy reads it */
	{ "a CONNECT", VALID, ID, "d/s1" },
	{ "a CONNECT in parts", VALID, "<100e0004>MQ|TT<0402003c0002>id", "d/s1" },
	{ "a CONNECT that never ends", VALID, "<100e0004>MQTT", "reject late" },
	{ "something else", VALID, "GET / HTTP/1.1", "reject" },
	{ "protocol name in small letters", VALID, "<100e0004>mqtt<0402003c0002>id", "d/s1" },
	{ "MQIsdp with level 4", VALID, "<10100006>MQIsdp<0402003c0002>id", "d/s1" },
	{ "MQTT with level 3", VALID, "<100e0004>MQTT<0302003c0002>id", "d/s1" },
	{ "level 6", VALID, "<100f0004>MQTT<0602003c000002>id", "reject" },
	{ "another protocol name", VALID, "<100e0004>MQTX<0402003c0002>id", "reject" },
	{ "a bridge", VALID, "<100e0004>MQTT<8402003c0002>id", "reject" },
	{ "reserved flag", VALID, "<100e0004>MQTT<0403003c0002>id", "reject" },
	{ "will QoS 3", VALID, "<10140004>MQTT<041e003c0002>id<0001>t<0001>m", "d/s1" },
	{ "will retain without will", VALID, "<100e0004>MQTT<0422003c0002>id", "d/s1" },
	{ "will QoS without will", VALID, "<100e0004>MQTT<040a003c0002>id", "d/s1" },
	{ "password without user", VALID, "<10110004>MQTT<0442003c0002>id<0001>p", "d/s1" },
	{ "empty identifier of a lasting session", VALID, "<100c0004>MQTT<0400003c0000>", "d/s1" },
	{ "identifier that is no UTF-8", VALID, "<100e0004>MQTT<0402003c0002>i<ff>", "d/s1" },
	{ "a length longer than need be", VALID,
	  "<108e8000>"
	  "<0004>MQTT<0402003c0002>id",
	  "d/s1" },
	{ "a length of five bytes", VALID, "<108e80808000>", "reject" },
	{ "reserved bits of the header", VALID, "<110e>", "reject" },
	{ "a length too short", VALID, "<100d0004>MQTT<0402003c0002>id", "reject" },
	{ "bytes left over", VALID, "<100f0004>MQTT<0402003c0002>idx", "reject" },
	{ "another packet behind it", VALID, ID "<c000>", "d/s1" },
	{ "user announced, none there", VALID, "<100e0004>MQTT<0482003c0002>id", "reject" },
	{ "3.1: password announced, none there", VALID, "<10100006>MQIsdp<0342003c0002>id",
	  "reject" },
	{ "a CONNACK of the client", VALID, "<20020000>", "d/s1" },
	{ "properties", VALID, "<10140004>MQTT<0502003c05110000000a0002>id", "d/s1" },
	{ "a property twice", VALID, "<10190004>MQTT<0502003c0a110000000a110000000b0002>id",
	  "reject" },
	{ "an unknown property", VALID, "<10110004>MQTT<0502003c0299010002>id", "reject" },
	{ "a property that is no UTF-8", VALID, "<10150004>MQTT<0502003c06150003>a<ff>b<0002>id",
	  "d/s1" },
	{ "a property of 0 that must not", VALID, "<10120004>MQTT<0502003c032100000002>id",
	  "reject" },
	{ "authentication data alone", VALID, "<10130004>MQTT<0502003c04160001>x<0002>id",
	  "reject" },
	{ "empty authentication data alone", VALID, "<10120004>MQTT<0502003c031600000002>id",
	  "d/s1" },
	{ "a response topic with a wildcard", VALID,
	  "<10190004>MQTT<0506003c000002>id<04080001>#<0001>t<0000>", "d/s1" },
	{ "field: name as written", FIELD("protocol_name", "mqtt"),
	  "<100e0004>mqtt<0402003c0002>id", "d/s2" },
	{ "field: level", FIELD("protocol_version", "4"), "<10100006>MQIsdp<0402003c0002>id",
	  "d/s2" },
	{ "field: flags as they came", FIELD("flags", "34"), "<100e0004>MQTT<0422003c0002>id",
	  "d/s2" },
	{ "field: QoS 3", FIELD("flags", "30"), "<10140004>MQTT<041e003c0002>id<0001>t<0001>m",
	  "d/s2" },
	{ "field: password alone", FIELD("password", "p"), "<10110004>MQTT<0442003c0002>id<0001>p",
	  "d/s2" },
	{ "field: behind a property that is no UTF-8", FIELD("33", "5"),
	  "<10180004>MQTT<0502003c09150003>a<ff>b<2100050002>id", "d/s2" },
	{ "field: of a bridge", FIELD("client_identifier", "id"), "<100e0004>MQTT<8402003c0002>id",
	  "d/s1" },
};

/* The next chunk's bytes behind those that are there; NULL: no more. */
static const char *
add_chunk(struct session *s, const char *p)
{
	size_t n = s->x.request.n;
	bool is_hex = false;

	for (; *p && *p != '|'; p++) {
		if (*p == '<' || *p == '>') {
			is_hex = *p == '<';
			continue;
		}
		ck_assert_uint_lt(n, BYTES_MAX);
		if (is_hex) {
			char two[3] = { p[0], p[1], '\0' };

			s->bytes[n++] = (char)strtol(two, NULL, 16);
			p++;
		} else {
			s->bytes[n++] = *p;
		}
	}
	s->x.request = (struct str){ s->bytes, n };
	return p;
}

/* All bytes, in the end those of a text with pauses. */
static size_t
all_bytes(const char *text, char *out)
{
	struct session *s = calloc(1, sizeof(*s));
	size_t n;

	for (const char *p = text; *(p = add_chunk(s, p));)
		p++;
	n = s->x.request.n;
	memcpy(out, s->bytes, n);
	free(s);
	return n;
}

/* What a list says when chunks come, and then the delay ends. */
static enum rules_outcome
feed(struct session *s, const struct rules *rules, int64_t delay, const char **p, const char *flat,
     size_t n_flat, bool *late)
{
	const struct rules_hooks hooks = session_hooks(s);
	struct rules_walk walk = { 0 };
	enum rules_outcome outcome;

	for (;;) {
		bool more = flat ? s->x.request.n < n_flat : **p != '\0';

		s->x.request_may_grow = delay > 0 && !*late;
		outcome = rules_run(rules, RULES_CONTENT, &walk, &s->x, &hooks);
		if (outcome == RULES_ASK) {
			s->n_asks++;
			continue;
		}
		if (outcome != RULES_WAIT)
			return outcome;
		ck_assert_msg(!*late, "waits for ever");
		s->n_waits++;
		if (flat && more)
			s->x.request = (struct str){ flat, s->x.request.n + 1 };
		else if (more)
			*p = add_chunk(s, *p + (**p == '|'));
		else
			*late = true;
	}
}

static const char *
ending(enum rules_outcome outcome)
{
	return outcome == RULES_REJECT ? "reject" : outcome == RULES_DROP ? "drop" : NULL;
}

/* The whole way of one session, as the proxy will go it. */
static void
go(struct session *s, const char *bytes, bool byte_by_byte, char *outcome)
{
	char flat[BYTES_MAX];
	size_t n_flat = all_bytes(bytes, flat);
	const struct rules_hooks hooks = session_hooks(s);
	const char *p = bytes, *end = NULL;
	const struct proxy *backend = NULL;
	const struct server *server = NULL;
	struct rules *rules = NULL;
	bool late = false;

	for (enum rules_stage stage = RULES_CONNECTION; stage < RULES_CONTENT && !end; stage++) {
		struct rules_walk walk = { 0 };

		s->x.request_may_grow = true;
		end = ending(rules_run(s->frontend, stage, &walk, &s->x, &hooks));
	}
	s->x.request = (struct str){ flat, 0 }; /* rules are looked at before bytes come */
	if (!end)
		end = ending(feed(s, s->frontend, s->proxy->inspect_delay_ms, &p,
				  byte_by_byte ? flat : NULL, n_flat, &late));
	if (!end) {
		backend = rules_use_backend(s->frontend, &s->x);
		backend = backend ? backend : s->proxy->default_backend;
		rules = session_compile(s, backend);
		end = ending(feed(s, rules, backend->inspect_delay_ms, &p,
				  byte_by_byte ? flat : NULL, n_flat, &late));
	}
	if (!end)
		server = rules_use_server(rules, &s->x, session_may_use, NULL);
	rules_free(rules);
	if (end)
		snprintf(outcome, OUTCOME_MAX, "%s%s", end, late ? " late" : "");
	else
		snprintf(outcome, OUTCOME_MAX, "%c/%s%s", *backend->name,
			 server ? server->name : "s1", late ? " late" : "");
}

static void
check_row(int i, bool byte_by_byte)
{
	struct session *s = malloc(sizeof(*s));
	char config[CONFIG_MAX], outcome[OUTCOME_MAX];

	session_write_config(rows[i].config, config);
	session_init(s, config);
	s->frontend = session_compile(s, s->proxy);
	go(s, rows[i].bytes, byte_by_byte, outcome);
	ck_assert_msg(strcmp(outcome, rows[i].outcome) == 0, "%s: %s, not %s", rows[i].name,
		      outcome, rows[i].outcome);
	session_fini(s);
	free(s);
}

START_TEST(session_ends_up)
{
	check_row(_i, false);
}
END_TEST

/* Whoever gives time to wait does not depend on how the bytes are cut; pauses are part of a row. */
START_TEST(session_ends_up_byte_by_byte)
{
	if (strstr(rows[_i].config, DELAY) && !strchr(rows[_i].bytes, '|'))
		check_row(_i, true);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rules run");
	TCase *tcase = tcase_create("run");

	tcase_add_loop_test(tcase, session_ends_up, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, session_ends_up_byte_by_byte, 0, N_ROWS(rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
