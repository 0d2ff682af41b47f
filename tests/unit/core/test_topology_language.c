/* HAProxy's language: the tables are whole and sound; each line is said once, and rightly. */
#include <stdio.h>

#include "agent/core/topology/language.h"
#include "agent/core/topology/parse.h"
#include "agent/core/topology/parser.h"
#include "agent/core/topology/upgrades.h"
#include "tests/unit/run.h"

static void
assert_known(enum language_place place, const struct keywords *keywords)
{
	for (size_t i = 0; i < keywords->n; i++)
		ck_assert_msg(language_find(place, keywords->table[i].name) != NULL, "%s %s",
			      language_place_name(place), keywords->table[i].name);
}

START_TEST(test_what_the_reader_knows_has_a_row)
{
	assert_known(LANGUAGE_GLOBAL, &section_global_keywords);
	assert_known(LANGUAGE_PROXY, &section_proxy_keywords);
	assert_known(LANGUAGE_RESOLVERS, &section_resolvers_keywords);
}
END_TEST

START_TEST(test_rows_are_sound)
{
	enum language_place place = (enum language_place)_i;

	for (const struct language_row *row = language_rows(place); row->name; row++) {
		const char *name = row->name;

		ck_assert_msg(language_find(place, name) == row, "%s stands behind its like", name);
		ck_assert_msg(row->support == LANGUAGE_SUPPORTED || row->note, "%s: why?", name);
		ck_assert_msg(!row->note || !strchr(".;", row->note[strlen(row->note) - 1]),
			      "the note of %s is no whole line", name);
		ck_assert_msg(row->n_args == 0 || language_shape(place) == LANGUAGE_ANY,
			      "%s cannot have words of its own", name);
		ck_assert_msg(row->then < N_LANGUAGE_PLACES && row->then != place, "%s", name);
	}
}
END_TEST

#define WS "frontend ws\n mode http\n bind :1\n"
#define WS_SAID "W1 frontend 'ws' of `mode http` is carried by usher proxy"
#define TCP "listen l\n mode tcp\n bind 127.0.0.1:1\n"

/* What is reported about a file: 'W' and 'A' for warnings and alerts, the line, how it begins. */
static const struct {
	const char *name, *cfg, *findings;
} rows[] = {
	{ "what is supported is not spoken of",
	  "global\n maxconn 10\n" TCP " timeout client 1s\n option tcpka\n server s 127.0.0.1:2 "
	  "check inter 2s weight 3 on-marked-down shutdown-sessions\n",
	  "" },
	{ "ignored in global", "global\n chroot /x\n", "W2 'chroot' is ignored by usher proxy" },
	{ "the second word decides", "global\n stats bind-process 1\n",
	  "W2 'stats bind-process' is ignored by usher proxy" },
	{ "what is switched off", "global\n no strict-limits\n" TCP " no option splice-auto\n",
	  "" },
	{ "usher.lua is built in", "global\n lua-load /etc/haproxy/usher.lua\n", "" },
	{ "another file of Lua", "global\n lua-load /etc/haproxy/other.lua\n",
	  "W2 'lua-load /etc/haproxy/other.lua' is ignored by usher proxy" },
	{ "files that would be looked for elsewhere",
	  "global\n default-path config\n default-path current\n",
	  "A2 'default-path config' is refused by usher proxy" },
	{ "an option", TCP " option transparent\n",
	  "A4 'option transparent' is refused by usher proxy" },
	{ "a word of bind", "listen l\n mode tcp\n bind 127.0.0.1:1 name x transparent\n",
	  "A3 'transparent' of 'bind' is refused by usher proxy" },
	{ "an argument that is called like a word", TCP " server s 127.0.0.1:2 track ssl\n", "" },
	{ "words with the same cure make one finding",
	  TCP " server s 127.0.0.1:2 check-proto x proto y namespace z\n",
	  "A4 'check-proto' of 'server' is refused by usher proxy\n"
	  "A4 'namespace' of 'server' is refused by usher proxy" },
	{ "behind the address of source", TCP " source 127.0.0.1 usesrc clientip\n",
	  "A4 'usesrc' of 'source' is refused by usher proxy" },
	{ "an argument with an opinion",
	  TCP " server s 127.0.0.1:2 observe layer4\n"
	      " default-server observe layer7\n",
	  "A5 'layer7' of 'server observe' is refused by usher proxy" },
	{ "brackets are no part of the word", TCP " balance random(2)\n balance hdr(x)\n",
	  "A5 'balance hdr(x)' is refused by usher proxy" },
	{ "words of hash-type", TCP " hash-type map-based sdbm\n hash-type consistent wt6\n",
	  "A5 'consistent' of 'hash-type' is refused by usher proxy\n"
	  "A5 'wt6' of 'hash-type' is refused by usher proxy" },
	{ "data of a stick-table",
	  TCP " stick-table type ip size 1k store conn_cur,http_req_rate(10s),gpc(2)\n",
	  "W4 'http_req_rate(10s)' of 'stick-table' is ignored by usher proxy" },
	{ "an action", TCP " tcp-request content set-mark 1\n tcp-request content accept\n",
	  "A4 'set-mark' of 'tcp-request content' is refused by usher proxy" },
	{ "an action of usher's own file",
	  TCP " tcp-request content lua.usher_rank b\n"
	      " tcp-request content use-service lua.usher_refuse if TRUE\n"
	      " tcp-request content send-spoe-group usher usher-connect\n",
	  "" },
	{ "Lua, services and agents of others",
	  TCP " tcp-request content lua.mine\n tcp-request content use-service lua.mine\n"
	      " tcp-request content send-spoe-group waf check\n",
	  "A4 'lua.mine' of 'tcp-request content' is refused by usher proxy\n"
	  "A5 'lua.mine' of 'use-service' is refused by usher proxy\n"
	  "A6 'waf' of 'send-spoe-group' is refused by usher proxy" },
	{ "filters of others",
	  TCP " filter spoe engine usher config x\n filter spoe engine waf config x\n"
	      " filter spoe config x\n filter compression\n",
	  "A7 'filter compression' is refused by usher proxy\n"
	  "A5 'filter spoe' is refused by usher proxy\n"
	  "A6 'filter spoe' is refused by usher proxy" },
	{ "a place to listen that is none", "listen l\n mode tcp\n bind fd@3\n",
	  "A3 'bind fd@3' is refused by usher proxy" },
	{ "mode http is not looked into", "listen l\n mode http\n http-request deny\n",
	  "W1 listen 'l' is ignored by usher proxy" },
	{ "a statistics page is served",
	  "defaults\n mode http\n option httplog\n timeout client 1s\nlisten l\n bind :1\n"
	  " stats uri /x\n stats auth a:b\n timeout client 1s\n stats admin if TRUE\n",
	  "" },
	{ "a statistics page that is more than that",
	  "listen l\n mode http\n bind :1\n stats enable\n http-request deny\n"
	  " stats http-request allow\n server s 127.0.0.1:2\n stats show-modules\n",
	  "A5 'http-request' is refused by usher proxy\n"
	  "A6 'stats http-request' is refused by usher proxy\n"
	  "A7 'server' is refused by usher proxy\n"
	  "W8 'stats show-modules' is ignored by usher proxy" },
	{ "what is disabled is not there, as in HAProxy",
	  "listen l\n mode tcp\n disabled\n option transparent\n", "" },
	{ "an inherited line is said once",
	  "defaults\n mode tcp\n option contstats\n" TCP "frontend f\n mode tcp\n bind :2\n",
	  "W3 'option contstats' is ignored by usher proxy" },
	{ "also out of two defaults sections in turn",
	  "defaults a\n mode tcp\n option contstats\ndefaults b\n mode tcp\n option contstats\n"
	  "frontend f from a\n bind :1\nfrontend g from b\n bind :2\nfrontend h from a\n bind "
	  ":3\n",
	  "W3 'option contstats' is ignored by usher proxy\n"
	  "W6 'option contstats' is ignored by usher proxy" },
	{ "defaults that nobody carried inherits",
	  "defaults\n mode http\n option httplog\nfrontend f\n bind :1\n",
	  "W4 frontend 'f' is ignored by usher proxy" },
	{ "WebSocket in mode http",
	  WS " http-request deny if { path /x }\n option http-server-close\n"
	     " timeout http-request 1s\n http-request set-header X-Forwarded-For %[src]\n",
	  WS_SAID },
	{ "what is lost and what is refused in mode http",
	  WS " option httplog\n http-request redirect location /\n http-request lua.x\n"
	     " http-response deny\n cookie a\n balance uri\n"
	     " option forwardfor except 10.0.0.0/8 if-none header X\n",
	  WS_SAID "\n"
		  "W4 'option httplog' is ignored by usher proxy\n"
		  "A5 'http-request redirect' is refused by usher proxy\n"
		  "A6 'http-request lua.x' is refused by usher proxy\n"
		  "W7 'http-response' is ignored by usher proxy\n"
		  "A8 'cookie' is refused by usher proxy\n"
		  "A9 'balance uri' is refused by usher proxy\n"
		  "W10 'except' of 'option' is ignored by usher proxy\n"
		  "W10 'if-none' of 'option' is ignored by usher proxy\n"
		  "A10 'header' of 'option' is refused by usher proxy" },
	{ "backends that it leads to, and no others",
	  WS " use_backend named if TRUE\n use_backend %[var(txn.usher.backend)]\n"
	     " default_backend last\n"
	     "backend named\n mode http\n cookie a\nbackend last\n mode http\n cookie a\n"
	     "backend tenant\n mode http\n cookie a\nbackend web\n mode http\n cookie a\n server s "
	     ":1\n",
	  WS_SAID "\n"
		  "A9 'cookie' is refused by usher proxy\n"
		  "A12 'cookie' is refused by usher proxy\n"
		  "A15 'cookie' is refused by usher proxy\n"
		  "W16 backend 'web' is ignored by usher proxy" },
	{ "all that have servers, where a name is made up",
	  WS " use_backend %[path,field(2,/)]\n"
	     "backend a\n mode http\n cookie a\n server s 127.0.0.1:1\n"
	     "backend empty\n mode http\n cookie a\n",
	  WS_SAID "\n"
		  "A7 'cookie' is refused by usher proxy\n"
		  "W9 backend 'empty' is ignored by usher proxy" },
	{ "a statistics page beside WebSocket is not served", WS " stats enable\n",
	  WS_SAID "\nW4 'stats' is ignored by usher proxy" },
	{ "a defaults section for both modes",
	  "defaults\n http-reuse safe\nfrontend ws\n mode http\n bind :1\nlisten l\n mode tcp\n"
	  " bind :2\n",
	  "W3 frontend 'ws' of `mode http` is carried by usher proxy\n"
	  "W2 'http-reuse' is ignored by usher proxy" },
	{ "of mode tcp as ever", "frontend ws\n mode tcp\n bind :1\n http-request deny\n",
	  "A4 'http-request' is refused by usher proxy" },
	{ "a section as a whole", "peers p\n peer a 127.0.0.1:1\nring r\n size 1\n",
	  "W1 section 'peers p' is ignored by usher proxy\n"
	  "W3 section 'ring r' is ignored by usher proxy" },
	{ "resolvers are supported",
	  "resolvers r\n nameserver a 127.0.0.1:53\n hold nx 1s\n timeout retry 1s\n", "" },
};

/* usher.json says of every frontend "ws" that it has upgrades, and sends a tenant to "tenant". */
static bool
is_ws(void *arg, struct str frontend)
{
	return str_is(frontend, "ws");
}

static bool
is_tenant(void *arg, struct str backend)
{
	return str_is(backend, "tenant");
}

static const struct upgrade_policy policy = { NULL, is_ws, is_tenant };

static char *
findings_of(const char *cfg)
{
	static const struct topology_env env = { .strict = false };
	struct topology t;
	struct report r;
	char *out;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	report_init(&r);
	topology_init(&t);
	topology_parse(&t, str_of(cfg), "x.cfg", &env, &r);
	topology_resolve(&t, &r);
	report_fini(&r);
	topology_mark_upgrades(&t, &policy);
	language_check(&t, &r);
	for (size_t i = 0; i < r.n; i++) {
		const char *text = r.findings[i].text;
		const char *end = strstr(text, " usher proxy: ");
		int line = 0, used = 0;

		ck_assert_msg(sscanf(text, "[x.cfg:%d] : %n", &line, &used) == 1 && used && end,
			      "%s", text);
		fprintf(stream, "%s%c%d %.*s", i ? "\n" : "",
			r.findings[i].level == FINDING_ALERT ? 'A' : 'W', line,
			(int)(end + strlen(" usher proxy") - text - used), text + used);
	}
	fclose(stream);
	report_fini(&r);
	topology_fini(&t);
	return out;
}

START_TEST(test_line)
{
	char *found = findings_of(rows[_i].cfg);

	ck_assert_msg(strcmp(found, rows[_i].findings) == 0, "%s: found\n%s", rows[_i].name, found);
	free(found);
}
END_TEST

/* The reader of a faulty file has spoken of what nobody knows; the rest is said beside it. */
START_TEST(test_unknown_words)
{
	static const char cfg[] = TCP " option foo\n option transparent\n";
	struct report r;

	for (int faulty = 0; faulty < 2; faulty++) {
		struct topology t;

		report_init(&r);
		topology_init(&t);
		topology_parse(&t, STR(cfg), "x.cfg", &(struct topology_env){ 0 }, &r);
		report_fini(&r);
		t.faulty = faulty;
		language_check(&t, &r);
		ck_assert_uint_eq(r.n_alerts, faulty ? 1 : 2);
		report_fini(&r);
		topology_fini(&t);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("topology language");
	TCase *tables = tcase_create("tables"), *lines = tcase_create("lines");

	tcase_add_test(tables, test_what_the_reader_knows_has_a_row);
	tcase_add_loop_test(tables, test_rows_are_sound, 0, N_LANGUAGE_PLACES);
	tcase_add_loop_test(lines, test_line, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(lines, test_unknown_words);
	suite_add_tcase(suite, tables);
	suite_add_tcase(suite, lines);
	return run_suite(suite);
}
