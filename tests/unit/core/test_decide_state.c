/*
 * Decisions that depend on what was decided before: stickiness, turns, rates, and two workers who
 * are equally fast. decide() changes nothing; verdict_apply() changes all of it, or says no.
 */
#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static const char cfg[] =
	"frontend mqtt\n\tbind 127.0.0.1:1883\n\tdefault_backend main\n"
	"frontend rdv\n\tbind 127.0.0.1:1884\n\tdefault_backend rdv\n"
	"frontend free\n\tbind 127.0.0.1:1885\n\tdefault_backend free\n"
	"frontend lone\n\tbind 127.0.0.1:1886\n\tdefault_backend lone\n"
	"backend main\n\tbalance roundrobin\n"
	"\tserver s1 127.0.0.1:1\n\tserver s2 127.0.0.1:2\n\tserver s3 127.0.0.1:3\n"
	"backend rdv\n\tserver r1 127.0.0.1:4\n\tserver r2 127.0.0.1:5\n"
	"backend free\n\tserver s1 127.0.0.1:1\n\tserver s2 127.0.0.1:2\n"
	"backend lone\n\tserver s3 127.0.0.1:3\n\tserver z 127.0.0.1:9\n";

#define BACKENDS                                                                                   \
	"\"backends\": {\"rdv\": {\"balance\": \"rendezvous\"}, \"free\": {\"sticky\": false}}"
#define TENANTS                                                                                    \
	"\"tenant_from\": [{\"client_id\": \"^(?<tenant>[a-z]+)-\"}], \"tenants\": {"              \
	"\"acme\": {}, \"beta\": {\"servers\": [\"s1\", \"s2\"]}, \"user\": {\"key\": "            \
	"\"username\"}, \"slow\": {\"connect_rate\": \"2/10s\"}}"
#define PINS                                                                                       \
	"\"rules\": [{\"name\": \"pin\", \"if\": {\"username\": \"pinned\"}, \"server\": \"s3\"}]"
#define POLICY "{" BACKENDS "," TENANTS "," PINS "}"

static struct decide_world world;
static struct facts facts;
static int64_t now = 1000000;

static void
client(const char *id, const char *frontend)
{
	facts = (struct facts){ 0 };
	facts_set_str(&facts, FACT_CLIENT_ID, str_of(id));
	facts_set_str(&facts, FACT_FRONTEND, str_of(frontend));
}

static void
ask(struct verdict *v)
{
	struct decide_input in = { .facts = &facts, .now = now, .random = 4711 };

	decide(&world.env, &in, v);
}

static bool
apply(struct verdict *v)
{
	return verdict_apply(v, world.env.table, world.env.rates, now);
}

static struct verdict
connect_client(void)
{
	struct verdict v;

	ask(&v);
	ck_assert(apply(&v));
	return v;
}

static unsigned
goes_to(void)
{
	struct verdict v = connect_client();

	ck_assert_int_eq(v.action, VERDICT_ACCEPT);
	return v.ranking.server[0];
}

static uint64_t
entries(void)
{
	return stick_table_stats(world.env.table).entries;
}

START_TEST(test_sticky_beats_the_algorithm)
{
	struct verdict v;
	unsigned first;

	decide_world_init(&world, cfg, POLICY);
	client("device", "mqtt");
	first = goes_to();
	for (int i = 0; i < 10; i++) {
		client("device", "mqtt");
		now += 1000;
		v = connect_client();
		ck_assert_uint_eq(v.ranking.server[0], first);
		ck_assert_int_eq(v.by, BY_STICKY);
		ck_assert_str_eq(verdict_by_name(&v), "sticky");
		ck_assert_int_eq(v.sticky.age_ms, (i + 1) * 1000);
		ck_assert_uint_eq(v.sticky.sessions, i + 1);
		/* Whom to try next, should it be dead. */
		ck_assert_uint_eq(v.ranking.n, 3);
		ck_assert_uint_ne(v.ranking.server[1], first);
		ck_assert_uint_ne(v.ranking.server[2], first);
		/* Those that have no entry take turns meanwhile. */
		client(i % 2 ? "a" : "b", "mqtt");
		goes_to();
	}
	ck_assert_uint_eq(entries(), 3);
	ck_assert_uint_ge(pool_decided(world_pool_of(&world, "main"), first), 11);
	decide_world_fini(&world);
}
END_TEST

/* Stickiness takes no turn: ten old clients between two new ones, and the turns go on. */
START_TEST(test_sticky_takes_no_turn)
{
	decide_world_init(&world, cfg, POLICY);
	client("old", "mqtt");
	ck_assert_uint_eq(goes_to(), 0);
	for (unsigned i = 1; i < 10; i++) {
		char id[] = "newcomer?";

		for (int j = 0; j < 10; j++) {
			client("old", "mqtt");
			ck_assert_uint_eq(goes_to(), 0);
		}
		id[8] = (char)('0' + i);
		client(id, "mqtt");
		ck_assert_uint_eq(goes_to(), i % 3);
	}
	decide_world_fini(&world);
}
END_TEST

static const struct {
	const char *name;
	enum server_status status;
	uint16_t weight;
} away[] = {
	{ "down", SERVER_DOWN, 1 },
	{ "maintenance", SERVER_MAINT, 1 },
	{ "draining", SERVER_DRAIN, 1 },
	{ "weight 0", SERVER_UP, 0 },
};

/* Such a server never keeps a client; the entry moves, and stays where it moved to. */
START_TEST(test_nobody_stays_there)
{
	struct verdict v;
	unsigned first, second;
	struct pool *p;

	decide_world_init(&world, cfg, POLICY);
	p = world_pool_of(&world, "main");
	client("device", "mqtt");
	first = goes_to();
	world_report(p, first, away[_i].status, away[_i].weight, 0);
	v = connect_client();
	second = v.ranking.server[0];
	ck_assert_msg(second != first, "%s", away[_i].name);
	ck_assert_int_eq(v.by, BY_ALGORITHM);
	ck_assert_uint_eq(v.sticky.target, pool_target(p, first));
	for (int i = 0; i < v.ranking.n; i++)
		ck_assert_uint_ne(v.ranking.server[i], first);
	world_report(p, first, SERVER_UP, 1, 0);
	v = connect_client();
	ck_assert_uint_eq(v.ranking.server[0], second);
	ck_assert_int_eq(v.by, BY_STICKY);
	ck_assert_uint_eq(entries(), 1);
	decide_world_fini(&world);
}
END_TEST

/* The same name is the same broker, in whatever backend; one that is not there keeps nobody. */
START_TEST(test_entry_across_backends)
{
	struct verdict v;

	decide_world_init(&world, cfg, "{}");
	client("device", "mqtt");
	ck_assert_uint_eq(goes_to(), 0); /* s1 */
	client("device", "free");
	ck_assert_uint_eq(goes_to(), 0);
	client("device", "lone");
	v = connect_client();
	ck_assert_int_eq(v.by, BY_ALGORITHM);
	ck_assert(str_is(verdict_server(&v, 0), "s3"));
	client("device", "mqtt");
	v = connect_client();
	ck_assert_int_eq(v.by, BY_STICKY);
	ck_assert(str_is(verdict_server(&v, 0), "s3"));
	decide_world_fini(&world);
}
END_TEST

/* Clients that have no entry, however often they come. */
static const struct {
	const char *name, *policy, *id, *username, *cn;
	bool verified;
	const char *frontend;
	bool has_key, sticks;
} keys[] = {
	{ "client id", "{}", "x", NULL, NULL, false, "mqtt", true, true },
	{ "no client id", "{}", NULL, "u", "c", true, "mqtt", false, false },
	{ "empty client id", "{}", "", "u", "c", true, "mqtt", false, false },
	{ "username", "{\"stickiness\": {\"key\": \"username\"}}", NULL, "u", NULL, false, "mqtt",
	  true, true },
	{ "no username", "{\"stickiness\": {\"key\": \"username\"}}", "x", NULL, "c", true, "mqtt",
	  false, false },
	{ "CN", "{\"stickiness\": {\"key\": \"cn\"}}", NULL, NULL, "c", true, "mqtt", true, true },
	{ "CN, not verified", "{\"stickiness\": {\"key\": \"cn\"}}", "x", "u", "c", false, "mqtt",
	  false, false },
	{ "a tenant's key", POLICY, "user-1", "u", NULL, false, "mqtt", true, true },
	{ "a tenant's key is not there", POLICY, "user-1", NULL, NULL, false, "mqtt", false,
	  false },
	{ "rendezvous remembers nothing", POLICY, "x", NULL, NULL, false, "rdv", true, false },
	{ "not sticky", POLICY, "x", NULL, NULL, false, "free", true, false },
	{ "pinned by a rule", POLICY, "x", "pinned", NULL, false, "mqtt", true, false },
	{ "unknown frontend", POLICY, "x", NULL, NULL, false, "nobody", false, false },
};

START_TEST(test_keys)
{
	struct verdict v;

	decide_world_init(&world, cfg, keys[_i].policy);
	for (int i = 0; i < 3; i++) {
		client(keys[_i].id, keys[_i].frontend);
		facts_set_str(&facts, FACT_USERNAME, str_of(keys[_i].username));
		facts_set_str(&facts, FACT_CN, str_of(keys[_i].cn));
		facts_set_number(&facts, FACT_VERIFIED, keys[_i].verified);
		v = connect_client();
		ck_assert_int_eq(v.action, VERDICT_ACCEPT);
		ck_assert_msg(v.has_key == keys[_i].has_key, "%s", keys[_i].name);
		ck_assert_msg(entries() == keys[_i].sticks, "%s", keys[_i].name);
		if (i)
			ck_assert_msg((v.by == BY_STICKY) == keys[_i].sticks, "%s", keys[_i].name);
	}
	decide_world_fini(&world);
}
END_TEST

/* The same user under two tenants, and two client ids of one user. */
START_TEST(test_scope_of_keys)
{
	struct verdict v;
	unsigned first;

	decide_world_init(&world, cfg, POLICY);
	client("user-1", "mqtt");
	facts_set_str(&facts, FACT_USERNAME, STR("ann"));
	first = goes_to();
	client("user-2", "mqtt");
	facts_set_str(&facts, FACT_USERNAME, STR("ann"));
	ck_assert_uint_eq(goes_to(), first);
	ck_assert_uint_eq(entries(), 1);
	client("ann", "mqtt");
	v = connect_client();
	ck_assert_int_eq(v.by, BY_ALGORITHM);
	ck_assert_uint_eq(entries(), 2);
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_pin)
{
	struct pool *p;
	struct verdict v;

	decide_world_init(&world, cfg, POLICY);
	p = world_pool_of(&world, "main");
	client("device", "mqtt");
	ck_assert_uint_eq(goes_to(), 0);
	/* The rule comes before the entry, and leaves it alone. */
	facts_set_str(&facts, FACT_USERNAME, STR("pinned"));
	v = connect_client();
	ck_assert_uint_eq(v.ranking.server[0], 2);
	ck_assert_int_eq(v.by, BY_RULE);
	ck_assert_uint_eq(v.ranking.n, 3);
	ck_assert_uint_eq(pool_decided(p, 2), 1);
	client("device", "mqtt");
	ck_assert_uint_eq(goes_to(), 0);
	/* Pinned, but it may take nobody. */
	facts_set_str(&facts, FACT_USERNAME, STR("pinned"));
	world_status(p, 2, SERVER_DRAIN);
	v = connect_client();
	ck_assert_uint_ne(v.ranking.server[0], 2);
	ck_assert_str_eq(v.rule, "pin");
	ck_assert_int_ne(v.by, BY_RULE);
	/* Nor does a rule lead out of a tenant's subset. */
	world_status(p, 2, SERVER_UP);
	client("beta-1", "mqtt");
	facts_set_str(&facts, FACT_USERNAME, STR("pinned"));
	v = connect_client();
	ck_assert_uint_lt(v.ranking.server[0], 2);
	decide_world_fini(&world);
}
END_TEST

/* Whatever happens, a tenant's client is never sent outside of its subset, nor told to go there. */
START_TEST(test_subset_is_airtight)
{
	static const enum server_status statuses[] = { SERVER_UP, SERVER_DOWN, SERVER_DRAIN };
	struct pool *p;
	int refused = 0;

	decide_world_init(&world, cfg, POLICY);
	p = world_pool_of(&world, "main");
	for (unsigned i = 0; i < 300; i++) {
		char id[] = "beta-??";
		struct verdict v;

		id[5] = (char)('a' + i % 7);
		id[6] = (char)('a' + i % 3);
		world_status(p, i % 3, statuses[i / 3 % 3]);
		client(id, "mqtt");
		v = connect_client();
		for (int j = 0; j < v.ranking.n; j++)
			ck_assert_uint_lt(v.ranking.server[j], 2);
		if (v.action == VERDICT_ACCEPT) {
			ck_assert_uint_gt(v.ranking.n, 0);
			continue;
		}
		ck_assert_int_eq(v.refusal, REFUSAL_SERVER_UNAVAILABLE);
		ck_assert_str_eq(v.rule, "no_server");
		ck_assert(pool_server(p, 0).status != SERVER_UP);
		ck_assert(pool_server(p, 1).status != SERVER_UP);
		refused++;
	}
	ck_assert_int_gt(refused, 0);
	decide_world_fini(&world);
}
END_TEST

/* An entry from before the tenant had a subset. */
START_TEST(test_entry_outside_of_the_subset)
{
	struct stick_key k;
	struct verdict v;

	decide_world_init(&world, cfg, POLICY);
	k = stick_key(world.env.table, STR("beta"), STR("beta-1"));
	ck_assert_uint_eq(stick_table_place(world.env.table, &k, STICK_NO_TARGET,
					    pool_target(world_pool_of(&world, "main"), 2), now),
			  3);
	client("beta-1", "mqtt");
	v = connect_client();
	ck_assert_int_eq(v.by, BY_ALGORITHM);
	ck_assert_uint_lt(v.ranking.server[0], 2);
	v = connect_client();
	ck_assert_int_eq(v.by, BY_STICKY);
	decide_world_fini(&world);
}
END_TEST

/* Asked a hundred times and never applied: the same answer, and no trace. */
START_TEST(test_decide_changes_nothing)
{
	static const char *const policies[] = {
		POLICY, "{\"limits\": {\"client\": \"1/10s\", \"source\": \"1/10s\", \"total\": "
			"\"1/10s\"}}"
	};
	struct verdict first, v;

	decide_world_init(&world, cfg, policies[_i]);
	client("device", "mqtt");
	ask(&first);
	for (int i = 0; i < 100; i++) {
		ask(&v);
		ck_assert_int_eq(v.action, VERDICT_ACCEPT);
		ck_assert_mem_eq(&v.ranking, &first.ranking, sizeof(v.ranking));
		ck_assert_uint_eq(v.effects.key.hash, first.effects.key.hash);
		ck_assert_uint_eq(v.effects.n_rates, first.effects.n_rates);
		ck_assert(v.effects.take_turn && v.effects.stick);
	}
	ck_assert_uint_eq(first.effects.n_rates, _i ? 2 : 0);
	ck_assert_uint_eq(entries(), 0);
	for (unsigned s = 0; s < 3; s++)
		ck_assert_uint_eq(pool_decided(world_pool_of(&world, "main"), s), 0);
	decide_world_fini(&world);
}
END_TEST

/* Two workers decide on one client at once. */
START_TEST(test_conflict_over_the_entry)
{
	struct verdict one, two;

	decide_world_init(&world, cfg, POLICY);
	client("device", "mqtt");
	ask(&one);
	/* The other is a turn later, and so at another server. */
	client("other", "mqtt");
	goes_to();
	client("device", "mqtt");
	ask(&two);
	ck_assert_uint_ne(one.ranking.server[0], two.ranking.server[0]);
	ck_assert(apply(&two));
	ck_assert(!apply(&one));
	ask(&one);
	ck_assert(apply(&one));
	ck_assert_int_eq(one.by, BY_STICKY);
	ck_assert_uint_eq(one.ranking.server[0], two.ranking.server[0]);
	ck_assert_uint_eq(entries(), 2);
	decide_world_fini(&world);
}
END_TEST

/* The turn was free, but the entry is there already: the first decision stands. */
START_TEST(test_first_entry_stands)
{
	struct verdict v;
	struct pool *p;

	decide_world_init(&world, cfg, POLICY);
	p = world_pool_of(&world, "main");
	client("device", "mqtt");
	ask(&v);
	ck_assert_uint_eq(v.ranking.server[0], 0);
	ck_assert_uint_eq(stick_table_place(world.env.table, &v.effects.key, STICK_NO_TARGET,
					    pool_target(p, 2), now),
			  pool_target(p, 2));
	ck_assert(!apply(&v));
	v = connect_client();
	ck_assert_int_eq(v.by, BY_STICKY);
	ck_assert_uint_eq(v.ranking.server[0], 2);
	ck_assert_uint_eq(v.sticky.sessions, 1);
	decide_world_fini(&world);
}
END_TEST

/* Two workers decide at once on two clients: one turn each. */
START_TEST(test_conflict_over_the_turn)
{
	struct verdict one, two;

	decide_world_init(&world, cfg, POLICY);
	client("a", "mqtt");
	ask(&one);
	client("b", "mqtt");
	ask(&two);
	ck_assert_uint_eq(one.ranking.server[0], two.ranking.server[0]);
	ck_assert(apply(&one));
	ck_assert(!apply(&two));
	/* Turned down, it left nothing behind. */
	ck_assert_uint_eq(entries(), 1);
	ask(&two);
	ck_assert(apply(&two));
	ck_assert_uint_ne(one.ranking.server[0], two.ranking.server[0]);
	ck_assert_uint_eq(entries(), 2);
	decide_world_fini(&world);
}
END_TEST

/* The entry moved between question and answer. */
START_TEST(test_conflict_over_a_move)
{
	struct verdict one, two;
	struct pool *p;

	decide_world_init(&world, cfg, POLICY);
	p = world_pool_of(&world, "main");
	client("device", "mqtt");
	ck_assert_uint_eq(goes_to(), 0);
	world_status(p, 0, SERVER_DOWN);
	ask(&one);
	client("other", "mqtt");
	goes_to();
	client("device", "mqtt");
	two = connect_client();
	ck_assert_uint_ne(one.ranking.server[0], two.ranking.server[0]);
	ck_assert(!apply(&one));
	ask(&one);
	ck_assert_uint_eq(one.ranking.server[0], two.ranking.server[0]);
	decide_world_fini(&world);
}
END_TEST

#define LIMITS(limit) "{\"limits\": {" limit "}}"
#define TENANT_LIMIT "{" TENANTS "}"

static const struct {
	const char *name, *policy, *rule;
	enum refusal refusal;
	const char *ids[3], *sources[3];     /* the third is one too many */
	const char *other_id, *other_source; /* who is not concerned; NULL: everybody is */
} limits[] = {
	{ "source",
	  LIMITS("\"source\": \"2/10s\""),
	  "limits.source",
	  REFUSAL_RATE_EXCEEDED,
	  { "a", "b", "c" },
	  { "192.0.2.1", "192.0.2.1", "192.0.2.1" },
	  "a",
	  "192.0.2.2" },
	{ "client",
	  LIMITS("\"client\": \"2/10s\""),
	  "limits.client",
	  REFUSAL_RATE_EXCEEDED,
	  { "a", "a", "a" },
	  { "192.0.2.1", "192.0.2.2", "192.0.2.3" },
	  "b",
	  "192.0.2.1" },
	{ "tenant",
	  TENANT_LIMIT,
	  "tenants.connect_rate",
	  REFUSAL_RATE_EXCEEDED,
	  { "slow-a", "slow-b", "slow-c" },
	  { "192.0.2.1", "192.0.2.2", "192.0.2.3" },
	  "acme-a",
	  "192.0.2.1" },
	{ "total",
	  LIMITS("\"total\": \"2/10s\""),
	  "limits.total",
	  REFUSAL_SERVER_BUSY,
	  { "a", "b", "c" },
	  { "192.0.2.1", "192.0.2.2", "192.0.2.3" },
	  NULL,
	  NULL },
};

static void
client_from(const char *id, const char *source)
{
	struct ip ip;

	client(id, "mqtt");
	ck_assert(ip_parse(str_of(source), &ip));
	facts_set_ip(&facts, FACT_SOURCE, &ip);
}

START_TEST(test_limits)
{
	struct verdict v;

	decide_world_init(&world, cfg, limits[_i].policy);
	for (int i = 0; i < 2; i++) {
		client_from(limits[_i].ids[i], limits[_i].sources[i]);
		ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	}
	for (int i = 0; i < 10; i++) {
		client_from(limits[_i].ids[2], limits[_i].sources[2]);
		v = connect_client();
		ck_assert_msg(v.action == VERDICT_REJECT, "%s", limits[_i].name);
		ck_assert_int_eq(v.refusal, limits[_i].refusal);
		ck_assert_str_eq(v.rule, limits[_i].rule);
		ck_assert_uint_eq(v.ranking.n, 0);
	}
	if (limits[_i].other_id) {
		client_from(limits[_i].other_id, limits[_i].other_source);
		ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	}
	now += 5000;
	client_from(limits[_i].ids[2], limits[_i].sources[2]);
	ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	ck_assert_int_eq(connect_client().action, VERDICT_REJECT);
	decide_world_fini(&world);
}
END_TEST

/* Whom one limit refuses does not use up another's. */
START_TEST(test_refused_counts_nowhere)
{
	decide_world_init(
		&world, cfg,
		LIMITS("\"source\": \"3/10s\", \"client\": \"1/10s\", \"total\": \"4/10s\""));
	client_from("loop", "192.0.2.1");
	ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	for (int i = 0; i < 100; i++)
		ck_assert_str_eq(connect_client().rule, "limits.client");
	for (int i = 0; i < 2; i++) {
		client_from(i ? "b" : "c", "192.0.2.1");
		ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	}
	client_from("d", "192.0.2.1");
	ck_assert_str_eq(connect_client().rule, "limits.source");
	client_from("d", "192.0.2.2");
	ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	client_from("e", "192.0.2.2");
	ck_assert_str_eq(connect_client().rule, "limits.total");
	decide_world_fini(&world);
}
END_TEST

/* Ten attempts of one decision are one CONNECT. */
START_TEST(test_counted_once_over_attempts)
{
	struct decide_input in = { .facts = &facts, .now = now, .random = 1 };
	struct verdict v;

	decide_world_init(&world, cfg, LIMITS("\"client\": \"1/10s\", \"total\": \"2/10s\""));
	for (int i = 0; i < 10; i++) {
		struct ranking other;

		client("device", "mqtt");
		decide(&world.env, &in, &v);
		ck_assert_int_eq(v.action, VERDICT_ACCEPT);
		/* Another takes the turn first. */
		pool_rank(v.pool, &(struct pick){ 0 }, &other);
		ck_assert(pool_commit(v.pool, &other, &(bool){ false }));
		ck_assert(!apply(&v));
		in.rates_done = v.effects.rates_done;
		ck_assert(in.rates_done);
	}
	decide(&world.env, &in, &v);
	ck_assert(apply(&v));
	ck_assert_str_eq(connect_client().rule, "limits.client");
	client("another", "mqtt");
	ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	client("a third", "mqtt");
	ck_assert_str_eq(connect_client().rule, "limits.total");
	decide_world_fini(&world);
}
END_TEST

/* Limits hold on frontends that haproxy.cfg lacks. */
START_TEST(test_limits_without_backend)
{
	decide_world_init(&world, cfg, LIMITS("\"total\": \"1/10s\""));
	client("a", "nobody");
	ck_assert_int_eq(connect_client().action, VERDICT_ACCEPT);
	client("b", "nobody");
	ck_assert_str_eq(connect_client().rule, "limits.total");
	decide_world_fini(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decide state");
	TCase *tcase = tcase_create("state");

	tcase_add_test(tcase, test_sticky_beats_the_algorithm);
	tcase_add_test(tcase, test_sticky_takes_no_turn);
	tcase_add_loop_test(tcase, test_nobody_stays_there, 0, N_ROWS(away));
	tcase_add_test(tcase, test_entry_across_backends);
	tcase_add_loop_test(tcase, test_keys, 0, N_ROWS(keys));
	tcase_add_test(tcase, test_scope_of_keys);
	tcase_add_test(tcase, test_pin);
	tcase_add_test(tcase, test_subset_is_airtight);
	tcase_add_test(tcase, test_entry_outside_of_the_subset);
	tcase_add_loop_test(tcase, test_decide_changes_nothing, 0, 2);
	tcase_add_test(tcase, test_conflict_over_the_entry);
	tcase_add_test(tcase, test_first_entry_stands);
	tcase_add_test(tcase, test_conflict_over_the_turn);
	tcase_add_test(tcase, test_conflict_over_a_move);
	tcase_add_loop_test(tcase, test_limits, 0, N_ROWS(limits));
	tcase_add_test(tcase, test_refused_counts_nowhere);
	tcase_add_test(tcase, test_counted_once_over_attempts);
	tcase_add_test(tcase, test_limits_without_backend);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
