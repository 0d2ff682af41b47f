/*
 * The steps of a decision, in their order: who is refused by whom, with which reason under which
 * name, and where the others go. One row, one CONNECT, a fresh world.
 */
#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static const char cfg[] = "frontend mqtt\n\tbind 127.0.0.1:1883\n\tdefault_backend main\n"
			  "frontend rdv\n\tbind 127.0.0.1:1884\n\tdefault_backend rdv\n"
			  "frontend open\n\tbind 127.0.0.1:1885\n"
			  "listen both\n\tbind 127.0.0.1:1886\n\tserver l1 127.0.0.1:9\n"
			  "frontend dead\n\tbind 127.0.0.1:1887\n\tdefault_backend dead\n"
			  "backend main\n\tbalance roundrobin\n"
			  "\tserver s1 127.0.0.1:1\n\tserver s2 127.0.0.1:2\n"
			  "\tserver s3 127.0.0.1:3\n\tserver off 127.0.0.1:4 disabled\n"
			  "backend eu\n\tserver e1 127.0.0.1:5\n\tserver s2 127.0.0.1:2\n"
			  "backend acme\n\tbalance leastconn\n"
			  "\tserver a1 127.0.0.1:6\n\tserver a2 127.0.0.1:7\n"
			  "backend rdv\n\tserver emqx1 127.0.0.1:8\n\tserver emqx2 127.0.0.1:10\n"
			  "\tserver emqx3 127.0.0.1:11\n\tserver m4 127.0.0.1:12\n"
			  "\tserver broker-five.example 127.0.0.1:13\n"
			  "backend dead\n\tserver off 127.0.0.1:4 disabled\n";

struct client {
	const char *id, *username, *cn, *sni, *protocol, *source, *frontend;
	bool verified;
};

struct expected {
	const char *refusal; /* NULL: accepted */
	const char *rule, *tenant, *backend, *server, *by;
};

/* Everything at once; each row below is a client that meets one part of it. */
#define FULL                                                                                       \
	"{\"backends\": {\"rdv\": {\"balance\": \"rendezvous\"}},"                                 \
	"\"rules\": ["                                                                             \
	"{\"name\": \"stolen\", \"if\": {\"client_id\": \"acme-stolen\"}, \"reject\": "            \
	"\"banned\"},"                                                                             \
	"{\"name\": \"old\", \"if\": {\"protocol\": \"3.1\"}, \"unless\": {\"source\": "           \
	"\"10.0.0.0/8\"}, \"reject\": \"unsupported_version\"},"                                   \
	"{\"name\": \"pin\", \"if\": {\"client_id\": {\"prefix\": \"lab-\"}}, \"server\": "        \
	"\"s3\"},"                                                                                 \
	"{\"name\": \"pin-off\", \"if\": {\"client_id\": \"off\"}, \"server\": \"off\"},"          \
	"{\"if\": {\"sni\": {\"suffix\": \".eu\"}}, \"backend\": \"eu\"},"                         \
	"{\"name\": \"gateway\", \"if\": {\"cn\": \"gw\"}, \"tenant\": \"acme\"},"                 \
	"{\"name\": \"to-dead\", \"if\": {\"client_id\": \"lost\"}, \"backend\": \"dead\"},"       \
	"{\"name\": \"late\", \"if\": {\"client_id\": {\"prefix\": \"lab-\"}}, \"reject\": "       \
	"\"banned\"}],"                                                                            \
	"\"tenant_from\": [{\"sni\": \"^(?<tenant>[a-z]+)\\\\.mqtt\"},"                            \
	"{\"client_id\": \"^(?<tenant>[a-z]+)-\"}],"                                               \
	"\"tenants\": {"                                                                           \
	"\"acme\": {\"backend\": \"acme\", \"identity\": {\"client_id\": \"starts_with\", \"to\":" \
	" \"tenant\"}},"                                                                           \
	"\"beta\": {\"servers\": [\"s2\"]},"                                                       \
	"\"gone\": {\"servers\": [\"off\"]},"                                                      \
	"\"strict\": {\"identity\": {\"client_id\": \"equals\", \"to\": \"cn\"}}}}"
#define IDENTITY                                                                                   \
	"{\"identity\": {\"client_id\": \"equals\", \"to\": \"cn\"}, \"unknown_tenant\": "         \
	"\"allow\"}"
#define KNOWN_TENANTS                                                                              \
	"{\"unknown_tenant\": \"reject\", \"tenant_from\": [{\"client_id\": "                      \
	"\"^(?<tenant>[a-z]+)-\"}], \"tenants\": {\"acme\": {}},"                                  \
	"\"identity\": {\"client_id\": \"equals\", \"to\": \"cn\"}}"

#define BY_CN                                                                                      \
	"{\"unknown_tenant\": \"reject\", \"tenants\": {\"acme\": {}},"                            \
	"\"tenant_from\": [{\"cn\": \"^(?<tenant>[a-z]+)/\"}]}"

static const struct {
	const char *name, *policy;
	struct client client;
	struct expected expected;
} rows[] = {
	{ "nothing said: the default backend",
	  "{}",
	  { .id = "x" },
	  { NULL, "", NULL, "main", "s1", "roundrobin" } },
	{ "nothing known of the client either",
	  "{}",
	  { 0 },
	  { NULL, "", NULL, "main", "s1", "roundrobin" } },
	{ "a listen is its own backend",
	  "{}",
	  { .id = "x", .frontend = "both" },
	  { NULL, "", NULL, "both", "l1", "roundrobin" } },
	{ "an unknown frontend",
	  "{}",
	  { .id = "x", .frontend = "nobody" },
	  { NULL, "", NULL, NULL, NULL, "" } },
	{ "no frontend", "{}", { .id = "x", .frontend = "" }, { NULL, "", NULL, NULL, NULL, "" } },
	{ "a frontend without default",
	  "{}",
	  { .id = "x", .frontend = "open" },
	  { NULL, "", NULL, NULL, NULL, "" } },
	{ "a default backend without a usable server",
	  "{}",
	  { .id = "x", .frontend = "dead" },
	  { "server_unavailable", "no_server", NULL, "dead", NULL, NULL } },

	{ "a rule rejects; the tenant is not looked for",
	  FULL,
	  { .id = "acme-stolen" },
	  { "banned", "stolen", NULL, NULL, NULL, NULL } },
	{ "it does so on an unknown frontend",
	  FULL,
	  { .id = "acme-stolen", .frontend = "nobody" },
	  { "banned", "stolen", NULL, NULL, NULL, NULL } },
	{ "another reason",
	  FULL,
	  { .id = "x", .protocol = "3.1", .source = "192.0.2.1" },
	  { "unsupported_version", "old", NULL, NULL, NULL, NULL } },
	{ "unless",
	  FULL,
	  { .id = "x", .protocol = "3.1", .source = "10.9.9.9" },
	  { NULL, "", NULL, "main", "s1", "roundrobin" } },
	{ "unless, when that is not known",
	  FULL,
	  { .id = "x", .protocol = "3.1" },
	  { "unsupported_version", "old", NULL, NULL, NULL, NULL } },
	{ "a pinned server; a later rule is not asked",
	  FULL,
	  { .id = "lab-1" },
	  { NULL, "pin", NULL, "main", "s3", "rule" } },
	{ "the pinned server is off: the algorithm",
	  FULL,
	  { .id = "off" },
	  { NULL, "pin-off", NULL, "main", "s1", "roundrobin" } },
	{ "the pinned server is in another backend",
	  FULL,
	  { .id = "lab-1", .frontend = "both" },
	  { NULL, "pin", NULL, "both", "l1", "roundrobin" } },
	{ "a backend, by a rule without name",
	  FULL,
	  { .id = "x", .sni = "a.eu" },
	  { NULL, "rules[4]", NULL, "eu", "e1", "roundrobin" } },
	{ "a rule's backend comes before the tenant's",
	  FULL,
	  { .id = "acme-1", .sni = "a.eu" },
	  { NULL, "rules[4]", "acme", "eu", "e1", "roundrobin" } },
	{ "a rule's backend that cannot",
	  FULL,
	  { .id = "lost" },
	  { "server_unavailable", "no_server", NULL, "dead", NULL, NULL } },

	{ "a rule sets the tenant",
	  FULL,
	  { .id = "acme-7", .cn = "gw", .verified = true },
	  { NULL, "gateway", "acme", "acme", "a1", "leastconn" } },
	{ "and that tenant's identity binds",
	  FULL,
	  { .id = "x", .cn = "gw", .verified = true },
	  { "not_authorized", "tenants.identity", "acme", NULL, NULL, NULL } },
	{ "from a CN that verified",
	  BY_CN,
	  { .id = "x", .cn = "acme/7", .verified = true },
	  { NULL, "", "acme", "main", "s1", "roundrobin" } },
	{ "not from one that did not",
	  BY_CN,
	  { .id = "x", .cn = "acme/7" },
	  { "not_authorized", "unknown_tenant", NULL, NULL, NULL, NULL } },
	{ "from the client id",
	  FULL,
	  { .id = "acme-1" },
	  { NULL, "", "acme", "acme", "a1", "leastconn" } },
	{ "from the first source",
	  FULL,
	  { .id = "beta-1", .sni = "acme.mqtt" },
	  { "not_authorized", "tenants.identity", "acme", NULL, NULL, NULL } },
	{ "the first source names none of the table",
	  FULL,
	  { .id = "beta-1", .sni = "who.mqtt" },
	  { NULL, "", "beta", "main", "s2", "roundrobin" } },
	{ "no source names a known one",
	  FULL,
	  { .id = "who-1" },
	  { NULL, "", NULL, "main", "s1", "roundrobin" } },
	{ "unknown tenants are refused, before identity",
	  KNOWN_TENANTS,
	  { .id = "who-1" },
	  { "not_authorized", "unknown_tenant", NULL, NULL, NULL, NULL } },
	{ "so is who names none",
	  KNOWN_TENANTS,
	  { .id = "x", .cn = "x", .verified = true },
	  { "not_authorized", "unknown_tenant", NULL, NULL, NULL, NULL } },
	{ "a tenant without identity has the policy's",
	  KNOWN_TENANTS,
	  { .id = "acme-1" },
	  { "not_authorized", "tenants.identity", "acme", NULL, NULL, NULL } },
	{ "which it may prove",
	  KNOWN_TENANTS,
	  { .id = "acme-1", .cn = "acme-1", .verified = true },
	  { NULL, "", "acme", "main", "s1", "roundrobin" } },

	{ "identity holds",
	  IDENTITY,
	  { .id = "d1", .cn = "d1", .verified = true },
	  { NULL, "", NULL, "main", "s1", "roundrobin" } },
	{ "identity, spoofed",
	  IDENTITY,
	  { .id = "d2", .cn = "d1", .verified = true },
	  { "not_authorized", "identity", NULL, NULL, NULL, NULL } },
	{ "identity, not verified",
	  IDENTITY,
	  { .id = "d1", .cn = "d1" },
	  { "not_authorized", "identity", NULL, NULL, NULL, NULL } },
	{ "identity binds on unknown frontends",
	  IDENTITY,
	  { .id = "d1", .frontend = "nobody" },
	  { "not_authorized", "identity", NULL, NULL, NULL, NULL } },
	{ "a tenant's own identity",
	  FULL,
	  { .id = "strict-1", .cn = "strict-2", .verified = true },
	  { "not_authorized", "tenants.identity", "strict", NULL, NULL, NULL } },

	{ "a tenant's subset",
	  FULL,
	  { .id = "beta-1" },
	  { NULL, "", "beta", "main", "s2", "roundrobin" } },
	{ "none of the subset is usable: never another",
	  FULL,
	  { .id = "gone-1" },
	  { "server_unavailable", "no_server", "gone", "main", NULL, NULL } },
	{ "the subset is not in this backend",
	  FULL,
	  { .id = "beta-1", .frontend = "both" },
	  { "server_unavailable", "no_server", "beta", "both", NULL, NULL } },

	{ "rendezvous by client id",
	  FULL,
	  { .id = "device-0002", .frontend = "rdv" },
	  { NULL, "", NULL, "rdv", "m4", "rendezvous" } },
	{ "another client",
	  FULL,
	  { .id = "sensor-7", .frontend = "rdv" },
	  { NULL, "", NULL, "rdv", "broker-five.example", "rendezvous" } },
};

static void
fill_facts(struct facts *f, const struct client *c)
{
	struct ip ip;

	*f = (struct facts){ 0 };
	facts_set_str(f, FACT_CLIENT_ID, str_of(c->id));
	facts_set_str(f, FACT_USERNAME, str_of(c->username));
	facts_set_str(f, FACT_CN, str_of(c->cn));
	facts_set_str(f, FACT_SNI, str_of(c->sni));
	facts_set_str(f, FACT_PROTOCOL, str_of(c->protocol));
	facts_set_str(f, FACT_FRONTEND, str_of(c->frontend ? c->frontend : "mqtt"));
	facts_set_number(f, FACT_VERIFIED, c->verified);
	if (c->source) {
		ck_assert(ip_parse(str_of(c->source), &ip));
		facts_set_ip(f, FACT_SOURCE, &ip);
	}
}

START_TEST(test_row)
{
	const struct expected *e = &rows[_i].expected;
	const char *name = rows[_i].name;
	struct decide_world world;
	struct facts facts;
	struct decide_input in = { .facts = &facts, .now = 1000000, .random = 4711 };
	struct verdict v;

	decide_world_init(&world, cfg, rows[_i].policy);
	fill_facts(&facts, &rows[_i].client);
	decide(&world.env, &in, &v);
	ck_assert_msg((v.action == VERDICT_REJECT) == (e->refusal != NULL), "%s: %s %s", name,
		      refusal_name(v.refusal), v.rule);
	if (e->refusal)
		ck_assert_msg(strcmp(refusal_name(v.refusal), e->refusal) == 0, "%s", name);
	ck_assert_msg(strcmp(v.rule, e->rule) == 0, "%s: rule %s", name, v.rule);
	ck_assert_msg(str_is(str_of(v.tenant ? v.tenant->name : NULL), e->tenant), "%s", name);
	if (e->backend)
		ck_assert_msg(v.backend && strcmp(v.backend->name, e->backend) == 0, "%s", name);
	else
		ck_assert_msg(!v.backend, "%s", name);
	ck_assert_msg((v.ranking.n > 0) == (e->server != NULL), "%s", name);
	if (e->server)
		ck_assert_msg(str_is(verdict_server(&v, 0), e->server), "%s: %.*s", name,
			      STR_ARG(verdict_server(&v, 0)));
	if (e->by)
		ck_assert_msg(strcmp(verdict_by_name(&v), e->by) == 0, "%s", name);
	/* Applying does what it says, and no refusal leaves a trace. */
	ck_assert(verdict_apply(&v, world.env.table, world.env.rates, in.now));
	ck_assert_uint_eq(stick_table_stats(world.env.table).entries,
			  v.action == VERDICT_ACCEPT && v.effects.stick);
	decide_world_fini(&world);
}
END_TEST

/* The frontend and the backend that a verdict names, for those who write it down. */
START_TEST(test_places)
{
	struct decide_world world;
	struct facts facts;
	struct decide_input in = { .facts = &facts };
	struct verdict v;

	decide_world_init(&world, cfg, FULL);
	fill_facts(&facts, &(struct client){ .id = "x" });
	decide(&world.env, &in, &v);
	ck_assert_str_eq(v.frontend->name, "mqtt");
	ck_assert_ptr_eq(v.pool, world_pool_of(&world, "main"));
	ck_assert(v.has_key);
	ck_assert_uint_eq(v.ranking.n, 3);
	fill_facts(&facts, &(struct client){ .id = "x", .frontend = "nobody" });
	decide(&world.env, &in, &v);
	ck_assert_ptr_null(v.frontend);
	ck_assert_ptr_null(v.pool);
	ck_assert_int_eq(v.by, BY_NOBODY);
	decide_world_fini(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decide steps");
	TCase *tcase = tcase_create("steps");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_places);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
