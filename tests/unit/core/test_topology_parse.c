/* The model that comes of a text; messages and whole files are in tests/config. */
#include <stdio.h>

#include "agent/core/topology/dump.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

static struct topology t;
static struct report r;

static void
set_up(void)
{
	topology_init(&t);
	report_init(&r);
}

static void
tear_down(void)
{
	report_fini(&r);
	topology_fini(&t);
}

static const char *
get_variable(void *arg, struct str name)
{
	(void)arg;
	return str_is(name, "SET") ? "old" : NULL;
}

static const struct topology_env strict = { .getenv = get_variable, .strict = true };
static const struct topology_env loose = { .getenv = get_variable };

static void
read_strict(const char *text)
{
	topology_parse(&t, str_of(text), "h.cfg", &strict, &r);
	topology_resolve(&t, &r);
	ck_assert_msg(r.n_alerts == 0, "%s", r.n ? r.findings[0].text : "");
}

/* ---- places and references --------------------------------------------------------------------
 */

START_TEST(references_are_pointers)
{
	struct proxy *f, *b, *l;

	read_strict("frontend f\n\n bind :1\n default_backend b\nbackend b\n server s 127.0.0.1:9\n"
		    "listen l\n bind :2\n");
	f = topology_frontend(&t, STR("f"));
	b = topology_backend(&t, STR("b"));
	l = topology_backend(&t, STR("l"));
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_eq(f->default_backend, b);
	ck_assert_int_eq(f->default_backend_at.line, 4);
	ck_assert_str_eq(f->default_backend_at.file, "h.cfg");
	ck_assert_ptr_eq(l->default_backend, l);
	ck_assert_ptr_eq(topology_frontend(&t, STR("l")), l);
	ck_assert_ptr_null(topology_frontend(&t, STR("b")));
	ck_assert_ptr_null(topology_backend(&t, STR("f")));
	ck_assert_ptr_eq(proxy_server(b, STR("s"))->backend, b);
	ck_assert_int_eq(proxy_server(b, STR("s"))->at.line, 6);
	ck_assert_int_eq(ntohs(proxy_server(b, STR("s"))->addr.in.sin_port), 9);
}
END_TEST

START_TEST(several_files_continue_one_another)
{
	topology_parse(&t, STR("defaults d\n balance source\nfrontend f\n default_backend b\n"),
		       "one.cfg", &strict, &r);
	topology_parse(&t, STR("backend b\n"), "two.cfg", &strict, &r);
	topology_resolve(&t, &r);
	ck_assert_uint_eq(r.n_alerts, 0);
	ck_assert_int_eq(topology_backend(&t, STR("b"))->balance, BALANCE_SOURCE);
	ck_assert_str_eq(topology_backend(&t, STR("b"))->at.file, "two.cfg");
	ck_assert_str_eq(topology_frontend(&t, STR("f"))->at.file, "one.cfg");
}
END_TEST

START_TEST(a_second_file_is_out_of_section)
{
	topology_parse(&t, STR("backend b\n"), "one.cfg", &strict, &r);
	topology_parse(&t, STR(" server s :1\n"), "two.cfg", &strict, &r);
	ck_assert_uint_eq(r.n_alerts, 1);
	ck_assert_str_eq(r.findings[0].text,
			 "parsing [two.cfg:1]: unknown keyword 'server' out of section.");
}
END_TEST

START_TEST(broken_files_are_not_resolved)
{
	topology_parse(&t, STR("frontend f\n default_backend nope\n frobnicate\n"), "h.cfg",
		       &strict, &r);
	topology_resolve(&t, &r);
	ck_assert_uint_eq(r.n_alerts, 1);
}
END_TEST

START_TEST(listen_may_share_a_backends_name)
{
	topology_parse(&t, STR("backend x\n server a :1\nlisten x\n server a :2\n"), "h.cfg",
		       &strict, &r);
	topology_resolve(&t, &r);
	ck_assert_uint_eq(r.n_alerts, 0);
	ck_assert_uint_eq(r.n_warnings, 1);
	ck_assert_int_eq(topology_backend(&t, STR("x"))->kind, PROXY_BACKEND);
	ck_assert_int_eq(topology_frontend(&t, STR("x"))->kind, PROXY_LISTEN);
}
END_TEST

/* ---- servers -----------------------------------------------------------------------------------
 */

static const struct server_row {
	const char *words;
	uint16_t weight;
	uint32_t maxconn;
	bool check, backup, disabled;
} servers[] = {
	{ "", 1, 0, false, false, false },
	{ "weight 0", 0, 0, false, false, false },
	{ "weight 256", 256, 0, false, false, false },
	{ "maxconn 50000", 1, 50000, false, false, false },
	{ "check inter 2s fall 3 rise 2", 1, 0, true, false, false },
	{ "check no-check", 1, 0, false, false, false },
	{ "backup disabled", 1, 0, false, true, true },
	{ "disabled enabled", 1, 0, false, false, false },
	/* a word that is another's argument means nothing */
	{ "cookie check", 1, 0, false, false, false },
	{ "sni str(x) cookie backup weight 2", 2, 0, false, false, false },
	{ "source 10.0.0.1 usesrc client interface disabled check", 1, 0, true, false, false },
	{ "check-send-proxy send-proxy-v2-ssl-cn", 1, 0, false, false, false },
	{ "pool-low-conn 16 pool-purge-delay 1m check", 1, 0, true, false, false },
};

START_TEST(server_options_are_read)
{
	const struct server_row *row = &servers[_i];
	const struct server *s;
	char text[256];

	snprintf(text, sizeof(text), "backend b\n server s 127.0.0.1:1 %s\n", row->words);
	read_strict(text);
	s = t.proxies[0]->servers[0];
	ck_assert_uint_eq(s->weight, row->weight);
	ck_assert_uint_eq(s->maxconn, row->maxconn);
	ck_assert(s->check == row->check);
	ck_assert(s->backup == row->backup);
	ck_assert(s->disabled == row->disabled);
}
END_TEST

START_TEST(default_server_counts_for_what_follows)
{
	const struct proxy *b;

	read_strict("backend b\n server a :1\n default-server weight 5 check\n server b :1\n"
		    " server c :1 weight 6 no-check\n");
	b = t.proxies[0];
	ck_assert_uint_eq(b->servers[0]->weight, 1);
	ck_assert_uint_eq(b->servers[1]->weight, 5);
	ck_assert(!b->servers[0]->check && b->servers[1]->check && !b->servers[2]->check);
	ck_assert_uint_eq(b->servers[2]->weight, 6);
	ck_assert_uint_eq(b->servers[2]->index, 2);
}
END_TEST

/* As `show servers state` of HAProxy 2.6 lists them. */
static const struct {
	const char *lines;
	uint32_t ids[8];
} numbered[] = {
	{ " server a :1\n server b :1\n server c :1\n", { 1, 2, 3 } },
	{ " server a :1 id 7\n server b :1\n server c :1\n", { 7, 2, 3 } },
	{ " server a :1\n server b :1\n server c :1 id 1\n server d :1 id 9\n"
	  " server-template e 2 :1 id 4\n server f :1\n",
	  { 2, 3, 1, 9, 4, 7, 8 } },
	{ " server a :1 id 5 id 6\n server b :1 id 5\n", { 6, 5 } },
};

START_TEST(servers_are_numbered)
{
	char text[512];
	const struct proxy *b;

	snprintf(text, sizeof(text), "backend b\n%s", numbered[_i].lines);
	read_strict(text);
	b = t.proxies[0];
	for (size_t i = 0; i < b->n_servers; i++)
		ck_assert_msg(b->servers[i]->id == numbered[_i].ids[i], "%s is %u",
			      b->servers[i]->name, b->servers[i]->id);
}
END_TEST

static const struct {
	const char *lines;
	int port_min, port_max; /* of the server; -1: it has no source */
	const char *address;
} sources[] = {
	{ " server s :1\n", -1, 0, "" },
	{ " source 10.0.0.1\n server s :1\n", 0, 0, "10.0.0.1:0" },
	{ " source 10.0.0.1:50\n server s :1\n", 50, 50, "10.0.0.1:0" },
	{ " server s :1\n source [::1]\n", 0, 0, "[::1]:0" },
	{ " source 10.0.0.1\n server s :1 source 10.0.0.2:5-9\n", 5, 9, "10.0.0.2:0" },
	{ " source 10.0.0.1\n default-server source *:7\n server s :1\n", 7, 7, "0.0.0.0:0" },
	{ " source 10.0.0.1 usesrc clientip interface lo\n server s :1\n", 0, 0, "10.0.0.1:0" },
	{ " source /run/x.sock\n server s :1\n", -1, 0, "" },
	{ " server s :1 source ::1:80\n", 80, 80, "[::1]:0" },
};

START_TEST(source_is_the_servers_or_the_backends)
{
	char text[256], address[ADDR_TEXT];
	const struct source *s;

	snprintf(text, sizeof(text), "backend b\n%s", sources[_i].lines);
	read_strict(text);
	s = &t.proxies[0]->servers[0]->source;
	if (sources[_i].port_min < 0) {
		ck_assert_uint_eq(s->addr.len, 0);
		return;
	}
	ck_assert_str_eq(addr_format(&s->addr, address), sources[_i].address);
	ck_assert_int_eq(s->port_min, sources[_i].port_min);
	ck_assert_int_eq(s->port_max, sources[_i].port_max);
}
END_TEST

START_TEST(tracked_servers_are_pointers)
{
	const struct proxy *a, *b;

	read_strict("backend a\n server x :1 track b/x\n server y :1 check\n server z :1 track y\n"
		    "backend b\n server x :1 track y\n server y :1 check\n");
	a = t.proxies[0];
	b = t.proxies[1];
	ck_assert_ptr_eq(a->servers[0]->tracked, b->servers[0]);
	ck_assert_ptr_eq(a->servers[2]->tracked, a->servers[1]);
	ck_assert_ptr_eq(b->servers[0]->tracked, b->servers[1]);
	ck_assert_ptr_null(b->servers[1]->tracked);
}
END_TEST

START_TEST(template_makes_servers)
{
	const struct proxy *b;

	read_strict("backend b\n server-template x 3 broker.example:1883 weight 4\n"
		    " server-template y 7-8 127.0.0.1:1\n");
	b = t.proxies[0];
	ck_assert_uint_eq(b->n_servers, 5);
	ck_assert_str_eq(b->servers[0]->name, "x1");
	ck_assert_str_eq(b->servers[2]->name, "x3");
	ck_assert_uint_eq(b->servers[2]->weight, 4);
	ck_assert_uint_eq(b->servers[2]->addr.len, 0);
	ck_assert_str_eq(b->servers[2]->address, "broker.example:1883");
	ck_assert_str_eq(b->servers[3]->name, "y7");
	ck_assert_uint_eq(b->servers[4]->index, 4);
	ck_assert_ptr_eq(proxy_server(b, STR("y8")), b->servers[4]);
}
END_TEST

/* ---- what is unknown ---------------------------------------------------------------------------
 */

static const char *const unknown[] = {
	"global\n frobnicate\n",
	"backend b\n frobnicate\n",
	"backend b\n server s :1 frobnicate\n",
	"backend b\n default-server frobnicate\n",
	"backend b\n server s :1 idle-ping 1s\n", /* newer than 2.6 */
	"backend b\n mode spop\n",
	"crt-store x\n",
	"backend b\n balance log-hash x\n",
	"backend b\n no bind\n",
	"global\n stats frobnicate\n",
	"global\n nbthread 65\n",
	"backend b\n filter spoe frob config x\n",
	"backend b\n log 127.0.0.1 format newer local0\n",
	"backend b\n log 127.0.0.1 local9\n",
	"backend b\n option newer\n",
	"backend b\n no option newer\n",
	"backend b\n no option tcpka\n",
	"backend b\n option abortonclose newer\n",
	"backend b\n option forceclose\n", /* older */
	"backend b\n srvtimeout 1s\n",
	"backend b\n hash-type consistent none\n",
	"backend b\n source broker.example\n", /* a name: HAProxy looks it up */
	"backend b\n source 10.0.0.1 newer\n",
	"backend b\n server s :1 addr broker.example\n",
	"backend b\n server s :1 source broker.example\n",
	"backend b\n server s :1 init-addr newer\n",
	"resolvers r\n newer\n",
	"resolvers r\n hold newer 5\n",
	"resolvers r\n nameserver n ns.example:53\n",
};

START_TEST(unknown_is_skipped_or_refused)
{
	topology_parse(&t, str_of(unknown[_i]), "h.cfg", &loose, &r);
	ck_assert_msg(r.n_alerts == 0, "%s%s", unknown[_i], r.n ? r.findings[0].text : "");
	topology_parse(&t, str_of(unknown[_i]), "h.cfg", &strict, &r);
	ck_assert_msg(r.n_alerts > 0, "%s", unknown[_i]);
}
END_TEST

/* ---- the environment ---------------------------------------------------------------------------
 */

static const struct {
	const char *global, *value; /* of "$SET" afterwards */
} environments[] = {
	{ "", "old" },
	{ "setenv SET new", "new" },
	{ "setenv SET a\n setenv SET b", "b" },
	{ "presetenv SET new", "old" },
	{ "unsetenv SET", "" },
	{ "unsetenv SET\n presetenv SET new", "new" },
	{ "resetenv", "" },
	{ "resetenv OTHER SET", "old" },
	{ "setenv SET new\n resetenv SET", "new" },
	{ "setenv SET new\n resetenv OTHER", "" },
};

START_TEST(environment_is_changed)
{
	char text[256];

	snprintf(text, sizeof(text), "global\n %s\n stats socket \"/$SET\"\n",
		 environments[_i].global);
	read_strict(text);
	ck_assert_str_eq(t.stats_sockets[0] + 1, environments[_i].value);
}
END_TEST

/* ---- lines kept -------------------------------------------------------------------------------
 */

START_TEST(lines_are_kept_in_order)
{
	static const char *const kept[] = { "acl", "tcp-request", "use_backend" };
	const struct proxy *f;

	read_strict("frontend f\n acl a src 127.0.0.1\n option tcplog\n"
		    " tcp-request content reject if a\n use_backend \"%[str(b c)]\" if a\n");
	f = t.proxies[0];
	ck_assert_uint_eq(f->n_lines, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(f->lines[i].words[0], kept[i]);
	ck_assert_int_eq(f->lines[2].at.line, 5);
	ck_assert_uint_eq(f->lines[2].n, 4);
	ck_assert_str_eq(f->lines[2].words[1], "%[str(b c)]");
}
END_TEST

START_TEST(dump_says_when_it_does_not_fit)
{
	struct buf out;

	read_strict("backend b\n server s :1\n");
	buf_init(&out, 16);
	ck_assert(!topology_dump(&t, &out));
	buf_fini(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("topology parse");
	TCase *tcase = tcase_create("parse");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, references_are_pointers);
	tcase_add_test(tcase, several_files_continue_one_another);
	tcase_add_test(tcase, a_second_file_is_out_of_section);
	tcase_add_test(tcase, broken_files_are_not_resolved);
	tcase_add_test(tcase, listen_may_share_a_backends_name);
	tcase_add_loop_test(tcase, server_options_are_read, 0, N_ROWS(servers));
	tcase_add_test(tcase, default_server_counts_for_what_follows);
	tcase_add_loop_test(tcase, servers_are_numbered, 0, N_ROWS(numbered));
	tcase_add_loop_test(tcase, source_is_the_servers_or_the_backends, 0, N_ROWS(sources));
	tcase_add_test(tcase, tracked_servers_are_pointers);
	tcase_add_test(tcase, template_makes_servers);
	tcase_add_loop_test(tcase, unknown_is_skipped_or_refused, 0, N_ROWS(unknown));
	tcase_add_loop_test(tcase, environment_is_changed, 0, N_ROWS(environments));
	tcase_add_test(tcase, lines_are_kept_in_order);
	tcase_add_test(tcase, dump_says_when_it_does_not_fit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
