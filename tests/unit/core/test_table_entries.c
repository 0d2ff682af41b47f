/* Entries over time: made, used, tracked, counted on, expired, pushed out. */
#include <stdio.h>

#include "agent/core/table/table.h"
#include "tests/unit/run.h"

#define BIT(data) (UINT32_C(1) << TABLE_##data)

enum { T0 = 5000000, EXPIRE = 3000 };

static struct table *table;

static void
open_table(uint32_t size, int64_t expire_ms, bool nopurge, uint32_t stores)
{
	struct table_spec spec = { .type = SAMPLE_STR,
				   .key_len = 31,
				   .size = size,
				   .expire_ms = expire_ms,
				   .nopurge = nopurge,
				   .stores = stores };

	for (int i = 0; i < N_TABLE_DATA; i++)
		spec.period_ms[i] = 2000;
	table = table_new(&spec, 4711);
	ck_assert_ptr_nonnull(table);
}

static struct table_key
key_of(const char *text)
{
	struct table_key key = { .len = (uint16_t)strlen(text) };

	memcpy(key.bytes, text, key.len);
	return key;
}

static void
put(const char *text, int64_t now, const char *server)
{
	struct table_key key = key_of(text);

	table_put_server(table, &key, now, str_of(server));
}

/* The server's name; "-": none. */
static const char *
get(const char *text, int64_t now)
{
	static char server[8];
	struct table_key key = key_of(text);

	return table_get_server(table, &key, now, server, sizeof(server)) ? server : "-";
}

static struct table_entry *
track(const char *text, int64_t now)
{
	struct table_key key = key_of(text);

	return table_track(table, &key, now);
}

/* -1: no such value. */
static int64_t
read_key(const char *text, enum table_data what, int64_t now)
{
	struct table_key key = key_of(text);
	struct sample s = { 0 };

	if (!table_read(table, &key, what, now, &s))
		return -1;
	ck_assert_int_eq(s.type, what == TABLE_PRESENT ? SAMPLE_BOOL : SAMPLE_INT);
	return s.number;
}

static bool
is_there(const char *text, int64_t now)
{
	return read_key(text, TABLE_PRESENT, now) == 1;
}

START_TEST(test_servers)
{
	open_table(10, 0, false, 0);
	ck_assert_str_eq(get("a", T0), "-");
	put("a", T0, "emqx1");
	put("b", T0, "emqx2");
	put("", T0, "emqx1");
	ck_assert_str_eq(get("a", T0), "emqx1");
	ck_assert_str_eq(get("b", T0), "emqx2");
	ck_assert_str_eq(get("", T0), "emqx1");
	put("a", T0, "emqx3");
	ck_assert_str_eq(get("a", T0), "emqx3");
	put("b", T0, "a-long-name");
	ck_assert_str_eq(get("b", T0), "a-long-"); /* cut at the caller's room */
	ck_assert_uint_eq(table_count(table), 3);
	table_free(table);
}
END_TEST

/* More names than the table has chains for them. */
START_TEST(test_many_servers)
{
	char text[16];

	open_table(1000, 0, false, 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "s%d", i);
		put(text, T0, text);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "s%d", i);
		ck_assert_str_eq(get(text, T0), text);
	}
	table_free(table);
}
END_TEST

START_TEST(test_server_id)
{
	struct table_key key = key_of("a");
	struct sample s;

	open_table(10, 0, false, _i ? BIT(SERVER_ID) : 0);
	put("a", T0, "emqx1");
	ck_assert(table_read(table, &key, TABLE_SERVER_ID, T0, &s));
	ck_assert_int_eq(s.type, SAMPLE_STR);
	assert_str(s.bytes, "emqx1");
	table_untrack(table, track("b", T0), T0);
	ck_assert_int_eq(read_key("b", TABLE_SERVER_ID, T0), _i ? 0 : -1);
	ck_assert_int_eq(read_key("absent", TABLE_SERVER_ID, T0), 0);
	ck_assert_str_eq(get("b", T0), "-");
	table_free(table);
}
END_TEST

enum use { USE_GET, USE_PUT, USE_TRACK, USE_ADD, USE_UNTRACK, USE_ADD_UNSTORED, USE_READ };

static const struct {
	const char *name;
	enum use use;
	uint32_t stores;
	bool refreshes;
} uses[] = {
	{ "stick match refreshes", USE_GET, 0, true },
	{ "stick store-request refreshes", USE_PUT, 0, true },
	{ "tracking refreshes", USE_TRACK, 0, true },
	{ "a counter that grows refreshes", USE_ADD, BIT(GPC0), true },
	{ "a rate that grows refreshes", USE_ADD, BIT(GPC0_RATE), true },
	{ "what is not stored refreshes nothing", USE_ADD, 0, false },
	{ "the end of tracking refreshes with conn_cur", USE_UNTRACK, BIT(CONN_CUR), true },
	{ "and does not without", USE_UNTRACK, BIT(GPC0), false },
	{ "reading refreshes nothing", USE_READ, BIT(GPC0), false },
};

START_TEST(test_use)
{
	int64_t later = T0 + 1000;
	struct table_entry *e;

	open_table(10, EXPIRE, false, uses[_i].stores);
	e = track("a", T0);
	if (uses[_i].use != USE_UNTRACK && uses[_i].use != USE_ADD)
		table_untrack(table, e, T0);
	switch (uses[_i].use) {
	case USE_GET:
		get("a", later);
		break;
	case USE_PUT:
		put("a", later, "emqx1");
		break;
	case USE_TRACK:
		track("a", later);
		break;
	case USE_ADD:
		table_add(table, e, TABLE_GPC0, 1, later);
		break;
	case USE_UNTRACK:
		table_untrack(table, e, later);
		break;
	default:
		read_key("a", TABLE_GPC0, later);
	}
	ck_assert_msg(read_key("a", TABLE_EXPIRE, later) == (uses[_i].refreshes ? 3000 : 2000),
		      "%s", uses[_i].name);
	ck_assert_msg(read_key("a", TABLE_IDLE, later) == (uses[_i].refreshes ? 0 : 1000), "%s",
		      uses[_i].name);
	table_free(table);
}
END_TEST

START_TEST(test_expiry)
{
	open_table(10, EXPIRE, false, 0);
	put("a", T0, "emqx1");
	put("b", T0 + 1000, "emqx1");
	ck_assert(is_there("a", T0 + EXPIRE - 1));
	ck_assert(!is_there("a", T0 + EXPIRE));
	ck_assert_str_eq(get("a", T0 + EXPIRE), "-");
	ck_assert_int_eq(read_key("a", TABLE_EXPIRE, T0 + EXPIRE), -1);
	ck_assert_int_eq(read_key("a", TABLE_IDLE, T0 + EXPIRE), -1);
	ck_assert(is_there("b", T0 + EXPIRE));
	ck_assert_uint_eq(table_count(table), 1);
	/* A thread with an older clock. */
	ck_assert_int_eq(read_key("b", TABLE_EXPIRE, T0), EXPIRE);
	put("b", T0, "emqx2");
	ck_assert_int_eq(read_key("b", TABLE_EXPIRE, T0 + 2000), 2000);
	table_free(table);
}
END_TEST

START_TEST(test_expired_ones_go_by_themselves)
{
	char text[16];

	open_table(100000, EXPIRE, false, 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "old %d", i);
		put(text, T0, "emqx1");
	}
	ck_assert_uint_eq(table_count(table), 5000);
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "new %d", i);
		put(text, T0 + EXPIRE, "emqx1");
	}
	/* Two go for each that comes, in the shard where it comes. */
	ck_assert_uint_eq(table_count(table), 5000);
	table_free(table);
}
END_TEST

START_TEST(test_no_expiry)
{
	open_table(10, 0, false, 0);
	put("a", T0, "emqx1");
	ck_assert_str_eq(get("a", INT64_MAX), "emqx1");
	ck_assert_int_eq(read_key("a", TABLE_EXPIRE, T0 + 9), 0);
	ck_assert_int_eq(read_key("a", TABLE_IDLE, T0 + 9), 0);
	table_free(table);
}
END_TEST

/* Held beyond its time it stays, and goes with the last who holds it unless that is a use. */
START_TEST(test_held)
{
	int64_t late = T0 + 10 * EXPIRE;
	struct table_entry *e, *f;
	uint32_t stores = _i ? BIT(CONN_CUR) : 0;

	open_table(10, EXPIRE, false, stores);
	e = track("a", T0);
	f = track("a", T0);
	ck_assert_ptr_eq(e, f);
	ck_assert(is_there("a", late));
	ck_assert_int_eq(read_key("a", TABLE_EXPIRE, late), 0);
	ck_assert_int_eq(read_key("a", TABLE_IDLE, late), EXPIRE);
	ck_assert_int_eq(read_key("a", TABLE_TRACKERS, late), 2);
	table_untrack(table, e, late);
	ck_assert(is_there("a", late));
	ck_assert_int_eq(read_key("a", TABLE_TRACKERS, late), 1);
	table_untrack(table, f, late);
	ck_assert_uint_eq(table_count(table), (unsigned)_i);
	ck_assert_int_eq(is_there("a", late), _i);
	table_free(table);
}
END_TEST

START_TEST(test_full)
{
	open_table(3, 0, false, 0);
	put("a", T0, "emqx1");
	put("b", T0 + 1, "emqx1");
	put("c", T0 + 2, "emqx1");
	get("a", T0 + 3);
	put("d", T0 + 4, "emqx1"); /* b is the longest unused */
	ck_assert(is_there("a", T0 + 4) && is_there("c", T0 + 4) && is_there("d", T0 + 4));
	ck_assert(!is_there("b", T0 + 4));
	ck_assert_uint_eq(table_count(table), 3);
	table_free(table);
}
END_TEST

START_TEST(test_full_of_held)
{
	struct table_entry *a, *b;

	open_table(3, 0, false, 0);
	a = track("a", T0);
	b = track("b", T0);
	put("c", T0, "emqx1");
	put("d", T0, "emqx1");
	ck_assert(is_there("a", T0) && is_there("b", T0) && is_there("d", T0));
	track("e", T0);
	ck_assert_ptr_null(track("f", T0));
	put("f", T0, "emqx1");
	ck_assert(!is_there("f", T0));
	table_untrack(table, a, T0);
	put("f", T0, "emqx1");
	ck_assert(is_there("f", T0) && !is_there("a", T0));
	table_untrack(table, b, T0);
	ck_assert_uint_eq(table_count(table), 3);
	table_free(table);
}
END_TEST

START_TEST(test_nopurge)
{
	open_table(2, EXPIRE, true, 0);
	put("a", T0, "emqx1");
	put("b", T0 + 1000, "emqx1");
	put("c", T0 + 1000, "emqx1");
	ck_assert_ptr_null(track("c", T0 + 1000));
	ck_assert(is_there("a", T0 + 1000) && !is_there("c", T0 + 1000));
	put("a", T0 + 1000, "emqx2"); /* what is there may change */
	ck_assert_str_eq(get("a", T0 + 1000), "emqx2");
	put("c", T0 + 1000 + EXPIRE, "emqx1");
	ck_assert(is_there("c", T0 + 1000 + EXPIRE));
	table_free(table);
}
END_TEST

/* Many shards: the size is exact, and those elsewhere go too. */
START_TEST(test_full_with_shards)
{
	char text[16];

	open_table(5000, EXPIRE, _i, 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "old %d", i);
		track(text, T0);
	}
	ck_assert_uint_eq(table_count(table), 5000);
	ck_assert_ptr_null(track("new", T0));
	for (int i = 0; i < 10; i++) {
		struct table_key key;

		snprintf(text, sizeof(text), "old %d", i);
		key = key_of(text);
		ck_assert(!table_drop(table, &key));	/* it is held */
		ck_assert_ptr_nonnull(track(text, T0)); /* no room is needed for it */
	}
	table_free(table);
}
END_TEST

START_TEST(test_room_in_another_shard)
{
	struct table_entry *first;
	char text[16];

	open_table(5000, EXPIRE, _i, 0);
	first = track("first", T0);
	for (int i = 1; i < 5000; i++) {
		snprintf(text, sizeof(text), "old %d", i);
		ck_assert_ptr_nonnull(track(text, T0));
	}
	table_untrack(table, first, T0);
	ck_assert_int_eq(track("new", T0) != NULL, !_i);
	ck_assert_int_eq(is_there("first", T0), _i);
	ck_assert_int_eq(track("newer", T0 + EXPIRE) != NULL, _i);
	ck_assert_uint_eq(table_count(table), 5000);
	table_free(table);
}
END_TEST

START_TEST(test_other_limits)
{
	struct table_spec spec;
	char text[16];

	open_table(100, 0, false, 0);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		put(text, T0 + i, "emqx1");
	}
	spec = *table_spec(table);
	spec.size = 50;
	spec.expire_ms = EXPIRE;
	spec.at.file = "gone.cfg";
	table_set_limits(table, &spec);
	ck_assert_uint_eq(table_spec(table)->size, 50);
	ck_assert_ptr_null(table_spec(table)->at.file);
	ck_assert_uint_eq(table_count(table), 100);
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "new %d", i);
		put(text, T0 + 200, "emqx1");
	}
	ck_assert_uint_eq(table_count(table), 50);
	ck_assert(is_there("new 59", T0 + 200));
	ck_assert(!is_there("new 59", T0 + 200 + EXPIRE));
	spec.nopurge = true;
	table_set_limits(table, &spec);
	ck_assert(table_spec(table)->nopurge);
	table_free(table);
}
END_TEST

START_TEST(test_counters)
{
	uint32_t stores = BIT(CONN_CNT) | BIT(CONN_CUR) | BIT(CONN_RATE) | BIT(SESS_CNT) |
			  BIT(SESS_RATE) | BIT(KBYTES_IN) | BIT(BYTES_IN_RATE) | BIT(GPC0) |
			  BIT(GPC1_RATE) | BIT(GPT0);
	struct table_entry *e, *f;
	struct sample s;

	open_table(10, 0, false, stores);
	e = track("a", T0);
	f = track("a", T0);
	ck_assert_int_eq(read_key("a", TABLE_CONN_CNT, T0), 2);
	ck_assert_int_eq(read_key("a", TABLE_CONN_CUR, T0), 2);
	ck_assert_int_eq(read_key("a", TABLE_CONN_RATE, T0 + 3000), 1);
	ck_assert_int_eq(read_key("a", TABLE_SESS_CNT, T0), 0);
	table_add(table, e, TABLE_SESS_CNT, 1, T0);
	ck_assert_int_eq(read_key("a", TABLE_SESS_CNT, T0), 1);
	ck_assert_int_eq(read_key("a", TABLE_SESS_RATE, T0), 1);
	table_add(table, e, TABLE_KBYTES_IN, INT64_C(10) << 32, T0);
	ck_assert_int_eq(read_key("a", TABLE_KBYTES_IN, T0), INT64_C(10) << 22);
	ck_assert_int_eq(read_key("a", TABLE_BYTES_IN_RATE, T0), UINT32_MAX);
	table_add(table, e, TABLE_KBYTES_OUT, 10, T0);
	ck_assert_int_eq(read_key("a", TABLE_KBYTES_OUT, T0), -1);
	table_add(table, e, TABLE_GPC0, 3, T0);
	table_add(table, e, TABLE_GPC1, 4, T0);
	ck_assert_int_eq(read_key("a", TABLE_GPC0, T0), 3);
	ck_assert_int_eq(read_key("a", TABLE_GPC0_RATE, T0), -1);
	ck_assert_int_eq(read_key("a", TABLE_GPC1, T0), -1);
	ck_assert_int_eq(read_key("a", TABLE_GPC1_RATE, T0), 4);
	table_set(table, e, TABLE_GPT0, 7);
	table_set(table, e, TABLE_GPC1, 7);
	table_set(table, e, TABLE_KBYTES_IN, 7);
	ck_assert(table_read_entry(table, e, TABLE_GPT0, T0, &s));
	ck_assert_int_eq(s.number, 7);
	ck_assert(!table_read_entry(table, e, TABLE_GPC1, T0, &s));
	ck_assert_int_eq(read_key("a", TABLE_KBYTES_IN, T0), INT64_C(10) << 22);
	table_add(table, e, TABLE_GPC0, UINT32_MAX, T0);
	ck_assert_int_eq(read_key("a", TABLE_GPC0, T0), 2);
	table_untrack(table, e, T0);
	table_untrack(table, f, T0);
	ck_assert_int_eq(read_key("a", TABLE_CONN_CUR, T0), 0);
	ck_assert_int_eq(read_key("a", TABLE_CONN_CNT, T0), 2);
	table_free(table);
}
END_TEST

/* As HAProxy has it, an absent key reads as 0 also where nothing is stored. */
START_TEST(test_absent)
{
	open_table(10, EXPIRE, false, BIT(GPC0));
	for (enum table_data what = 0; what < N_TABLE_DATA; what++)
		ck_assert_int_eq(read_key("absent", what, T0),
				 what == TABLE_IDLE || what == TABLE_EXPIRE ? -1 : 0);
	ck_assert_uint_eq(table_count(table), 0);
	table_free(table);
}
END_TEST

START_TEST(test_drop)
{
	struct table_key key = key_of("a");
	struct table_entry *e;

	open_table(10, 0, false, 0);
	ck_assert(!table_drop(table, &key));
	e = track("a", T0);
	ck_assert(!table_drop(table, &key));
	table_untrack(table, e, T0);
	ck_assert(table_drop(table, &key));
	ck_assert(!is_there("a", T0));
	ck_assert_uint_eq(table_count(table), 0);
	table_free(table);
}
END_TEST

enum { WALKED = 5000 };
struct seen {
	unsigned times[WALKED];
	unsigned n;
	bool makes_more;
};

static void
see(void *arg, const struct table_row *row)
{
	struct seen *seen = arg;
	char text[32] = "";
	int i;

	memcpy(text, row->key.bytes, row->key.len);
	if (sscanf(text, "old %d", &i) == 1) {
		seen->times[i]++;
		ck_assert_str_eq(row->server, i % 2 ? "odd" : "even");
		ck_assert_int_eq(row->data[TABLE_CONN_CNT], i % 10 == 0);
		ck_assert_uint_eq(row->n_trackers, i % 10 == 0);
		ck_assert_int_eq(row->expires_in_ms, EXPIRE - 1000);
	}
	/* No lock is held; three more for each, so the buckets double on the way. */
	for (int k = 0; seen->makes_more && k < 3; k++) {
		snprintf(text, sizeof(text), "new %u", seen->n++);
		put(text, T0, "emqx1");
	}
	seen->makes_more = seen->makes_more && seen->n < 4 * WALKED;
}

START_TEST(test_each)
{
	static struct seen seen;
	char text[16];

	seen = (struct seen){ .makes_more = _i & 1 };
	open_table(_i & 2 ? 100000 : 4096, EXPIRE, false, BIT(CONN_CNT));
	for (int i = 0; i < (_i & 2 ? WALKED : 1000); i++) {
		snprintf(text, sizeof(text), "old %d", i);
		put(text, T0, i % 2 ? "odd" : "even");
		if (i % 10 == 0)
			track(text, T0);
	}
	put("expired", T0 - EXPIRE + 500, "emqx1");
	table_each(table, T0 + 1000, see, &seen);
	if (_i == 1) /* the small table pushes out for the new ones */
		ck_assert_uint_gt(seen.n, 0);
	for (int i = 0; _i != 1 && i < (_i & 2 ? WALKED : 1000); i++)
		ck_assert_uint_eq(seen.times[i], 1);
	table_free(table);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table entries");
	TCase *tcase = tcase_create("time");

	tcase_add_test(tcase, test_servers);
	tcase_add_test(tcase, test_many_servers);
	tcase_add_loop_test(tcase, test_server_id, 0, 2);
	tcase_add_loop_test(tcase, test_use, 0, N_ROWS(uses));
	tcase_add_test(tcase, test_expiry);
	tcase_add_test(tcase, test_expired_ones_go_by_themselves);
	tcase_add_test(tcase, test_no_expiry);
	tcase_add_loop_test(tcase, test_held, 0, 2);
	tcase_add_test(tcase, test_full);
	tcase_add_test(tcase, test_full_of_held);
	tcase_add_test(tcase, test_nopurge);
	tcase_add_loop_test(tcase, test_full_with_shards, 0, 2);
	tcase_add_loop_test(tcase, test_room_in_another_shard, 0, 2);
	tcase_add_test(tcase, test_other_limits);
	tcase_add_test(tcase, test_counters);
	tcase_add_test(tcase, test_absent);
	tcase_add_test(tcase, test_drop);
	tcase_add_loop_test(tcase, test_each, 0, 4);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
