/* When usher takes HAProxy's place, and when it makes way: every state, whatever is seen in it. */
#include "agent/standby/takeover.h"
#include "tests/unit/run.h"

enum { UID = 7, OTHER_UID = 8, ALL = 2, NOW = 100000 };

/* What is seen, in short: so many of two addresses, HAProxy's process, its runtime socket. */
#define GONE(PROCESS)                                                                              \
	{                                                                                          \
		.sockets = { ALL, 0 }, .process = PROCESS_##PROCESS                                \
	}
#define THERE(N)                                                                                   \
	{                                                                                          \
		.sockets = { ALL, N, UID }, .process = PROCESS_LIVES, .answers = true              \
	}

static const struct {
	const char *name;
	enum standby_state from;
	int64_t for_ms; /* in that state */
	bool stays, unsure, was_reigning;
	struct seen seen;
	enum standby_state to;
	enum standby_reason why;
} rows[] = {
	{ "seen", STANDBY_WAITING, 0, .seen = THERE(ALL), .to = STANDBY_READY },
	{ "seen on one of its addresses", STANDBY_WAITING, 0, .seen = THERE(1),
	  .to = STANDBY_READY },
	{ "not there yet", STANDBY_WAITING, 9999, .seen = GONE(UNKNOWN), .to = STANDBY_WAITING },
	{ "not there for the delay", STANDBY_WAITING, 10000, .seen = GONE(UNKNOWN),
	  .to = STANDBY_REIGN, .why = REASON_ABSENT },
	{ "not there, and nobody knows whose it is", STANDBY_WAITING, 10000, .unsure = true,
	  .seen = GONE(UNKNOWN), .to = STANDBY_WAITING },
	{ "not there, as when usher ended", STANDBY_WAITING, 0, .was_reigning = true,
	  .seen = GONE(UNKNOWN), .to = STANDBY_REIGN, .why = REASON_RESUMED },
	{ "it answers and listens out of sight", STANDBY_WAITING, 10000,
	  .seen = { .sockets = { ALL, 0 }, .answers = true }, .to = STANDBY_WAITING },
	{ "seen, and another's", STANDBY_WAITING, 0, .unsure = true,
	  .seen = { .sockets = { ALL, ALL, OTHER_UID } }, .to = STANDBY_UNFIT },

	{ "all is well", STANDBY_READY, 50, .seen = THERE(ALL), .to = STANDBY_READY },
	{ "a frontend is disabled", STANDBY_READY, 50, .seen = THERE(1), .to = STANDBY_READY },
	{ "killed", STANDBY_READY, 50, .seen = GONE(CRASHED), .to = STANDBY_REIGN,
	  .why = REASON_CRASHED },
	{ "ended, nobody knows how yet", STANDBY_READY, 50, .seen = GONE(ENDED),
	  .to = STANDBY_REIGN, .why = REASON_GONE },
	{ "its doors close first", STANDBY_READY, 50, .seen = GONE(LIVES), .to = STANDBY_REIGN,
	  .why = REASON_GONE },
	{ "stopped", STANDBY_READY, 50, .seen = GONE(STOPPED), .to = STANDBY_REIGN,
	  .why = REASON_STOPPED },
	{ "ended while it may have been stopped", STANDBY_READY, 50, .stays = true,
	  .seen = GONE(ENDED), .to = STANDBY_DOUBT, .why = REASON_GONE },
	{ "a process ends and another listens", STANDBY_READY, 50,
	  .seen = { .sockets = { ALL, ALL, UID }, .process = PROCESS_ENDED }, .to = STANDBY_READY },
	{ "hung", STANDBY_READY, 50,
	  .seen = { .sockets = { ALL, ALL, UID }, .process = PROCESS_LIVES, .is_hung = true },
	  .to = STANDBY_HUNG },
	{ "it comes back as another user", STANDBY_READY, 50,
	  .seen = { .sockets = { ALL, ALL, OTHER_UID } }, .to = STANDBY_UNFIT },
	{ "the kernel does not say", STANDBY_READY, 50,
	  .seen = { .sockets = { .n_addresses = ALL, .error = -1 } }, .to = STANDBY_READY },
	{ "there is nothing to stand in for", STANDBY_READY, 50, .seen = { .sockets = { 0, 0 } },
	  .to = STANDBY_READY },

	{ "hung no longer", STANDBY_HUNG, 50, .seen = THERE(ALL), .to = STANDBY_READY },
	{ "hung and killed", STANDBY_HUNG, 50, .seen = GONE(CRASHED), .to = STANDBY_REIGN,
	  .why = REASON_CRASHED },

	{ "it was stopped after all", STANDBY_DOUBT, 1, .stays = true, .seen = GONE(STOPPED),
	  .to = STANDBY_STOPPED, .why = REASON_STOPPED },
	{ "it crashed after all", STANDBY_DOUBT, 1, .stays = true, .seen = GONE(CRASHED),
	  .to = STANDBY_REIGN, .why = REASON_CRASHED },
	{ "it may still end", STANDBY_DOUBT, DOUBT_MS - 1, .stays = true, .seen = GONE(LIVES),
	  .to = STANDBY_DOUBT, .why = REASON_GONE },
	{ "it lives on with its sessions", STANDBY_DOUBT, DOUBT_MS, .stays = true,
	  .seen = GONE(LIVES), .to = STANDBY_STOPPED, .why = REASON_STOPPED },
	{ "nobody will ever say", STANDBY_DOUBT, DOUBT_MS, .stays = true, .seen = GONE(ENDED),
	  .to = STANDBY_REIGN, .why = REASON_GONE },
	{ "nobody could say", STANDBY_DOUBT, 0, .stays = true, .seen = GONE(UNKNOWN),
	  .to = STANDBY_REIGN, .why = REASON_GONE },
	{ "it is back before that is known", STANDBY_DOUBT, 1, .stays = true, .seen = THERE(ALL),
	  .to = STANDBY_READY },

	{ "stopped for good", STANDBY_STOPPED, 1000000, .stays = true, .seen = GONE(STOPPED),
	  .to = STANDBY_STOPPED },
	{ "usher is to serve after all", STANDBY_STOPPED, 1000, .seen = GONE(STOPPED),
	  .to = STANDBY_REIGN, .why = REASON_STOPPED },
	{ "usher is to serve however it ended", STANDBY_DOUBT, 1, .seen = GONE(STOPPED),
	  .to = STANDBY_REIGN, .why = REASON_STOPPED },
	{ "started again", STANDBY_STOPPED, 1000, .stays = true, .seen = THERE(ALL),
	  .to = STANDBY_READY },

	{ "still gone", STANDBY_REIGN, 1000000, .seen = GONE(CRASHED), .to = STANDBY_REIGN },
	{ "back", STANDBY_REIGN, 1000, .seen = THERE(ALL), .to = STANDBY_READY },
	{ "back as another user, elsewhere", STANDBY_REIGN, 1000,
	  .seen = { .sockets = { ALL, ALL, OTHER_UID } }, .to = STANDBY_UNFIT },
	{ "unfit for good", STANDBY_UNFIT, 1000000, .seen = GONE(CRASHED), .to = STANDBY_UNFIT },
};

START_TEST(test_next)
{
	struct standby_policy policy = { .start_delay_ms = 10000, .stays = rows[_i].stays };
	struct takeover t = {
		.state = rows[_i].from,
		.since = NOW - rows[_i].for_ms,
		.uid = UID,
		.uid_is_sure = !rows[_i].unsure,
		.was_reigning = rows[_i].was_reigning,
	};
	enum standby_reason why;
	enum standby_state to = takeover_next(&t, &policy, &rows[_i].seen, NOW, &why);

	ck_assert_msg(to == rows[_i].to, "%s: %s", rows[_i].name, standby_state_name(to));
	if (to != rows[_i].from)
		ck_assert_msg(why == rows[_i].why, "%s: %s", rows[_i].name,
			      standby_reason_name(why));
}
END_TEST

/* A starting HAProxy opens one address after the other; one that never opens the rest is there. */
START_TEST(test_partly_back)
{
	const struct seen some = THERE(1), none = GONE(UNKNOWN);
	struct standby_policy policy = { 0 };
	struct takeover t = { .state = STANDBY_REIGN, .uid = UID };
	enum standby_reason why;

	ck_assert_int_eq(takeover_next(&t, &policy, &some, NOW, &why), STANDBY_REIGN);
	ck_assert_int_eq(takeover_next(&t, &policy, &some, NOW + PARTIAL_MS - 1, &why),
			 STANDBY_REIGN);
	ck_assert_int_eq(takeover_next(&t, &policy, &none, NOW + PARTIAL_MS, &why), STANDBY_REIGN);
	ck_assert_int_eq(takeover_next(&t, &policy, &some, NOW + PARTIAL_MS + 1, &why),
			 STANDBY_REIGN);
	ck_assert_int_eq(takeover_next(&t, &policy, &some, NOW + 2 * PARTIAL_MS + 1, &why),
			 STANDBY_READY);
}
END_TEST

START_TEST(test_why_comes_out_later)
{
	const struct seen lives = GONE(LIVES), crashed = GONE(CRASHED), ended = GONE(ENDED);
	struct takeover t = { .state = STANDBY_READY };

	takeover_enter(&t, STANDBY_REIGN, REASON_GONE, NOW);
	ck_assert(!takeover_learn(&t, &ended, NOW + 1));
	ck_assert(!takeover_learn(&t, &lives, NOW + 1));
	ck_assert(takeover_learn(&t, &crashed, NOW + 2));
	ck_assert_int_eq(t.reason, REASON_CRASHED);
	ck_assert(!takeover_learn(&t, &crashed, NOW + 3));
	takeover_enter(&t, STANDBY_READY, REASON_NONE, NOW);
	ck_assert_int_eq(t.reason, REASON_CRASHED);
	takeover_enter(&t, STANDBY_REIGN, REASON_GONE, NOW);
	ck_assert(takeover_learn(&t, &lives, NOW + DOUBT_MS));
	ck_assert_int_eq(t.reason, REASON_STOPPED);
}
END_TEST

/* Once it was seen, whose it is is sure. */
START_TEST(test_sight_makes_sure)
{
	struct takeover t = { .state = STANDBY_WAITING };

	takeover_enter(&t, STANDBY_READY, REASON_NONE, NOW);
	ck_assert(t.uid_is_sure);
	ck_assert_int_eq(t.since, NOW);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("takeover");
	TCase *tc = tcase_create("states");

	tcase_add_loop_test(tc, test_next, 0, N_ROWS(rows));
	tcase_add_test(tc, test_partly_back);
	tcase_add_test(tc, test_why_comes_out_later);
	tcase_add_test(tc, test_sight_makes_sure);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
