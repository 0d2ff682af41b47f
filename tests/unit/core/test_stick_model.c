/*
 * The sticky table against a model so simple that it is plainly right: an array, one element for
 * each key, and no clock but the argument. Some 200,000 operations drawn with a fixed seed.
 */
#include <stdio.h>

#include "agent/core/base/hash.h"
#include "agent/core/stick/table.h"
#include "tests/unit/run.h"

enum {
	N_KEYS = 64,
	N_OPERATIONS = 200000,
	TICK = 64, /* the table's clock */
	EXPIRE = 300 * TICK,
	MAX_LIFE = 1500 * TICK,
};

struct element {
	bool present, tentative;
	uint32_t target;
	unsigned sessions;
	int64_t event;	/* the last one: what expiry counts from */
	int64_t placed; /* s */
};

struct model {
	struct element elements[N_KEYS];
	bool ends_reported;
};

/* What time alone does to an element. */
static struct element *
look(struct model *m, int key, int64_t now)
{
	struct element *e = &m->elements[key];
	/* A tentative entry waits for its session as a real one does; an ended one does not. */
	int64_t life = m->ends_reported && e->sessions ? MAX_LIFE : EXPIRE;

	if (e->present && now - e->event > life)
		*e = (struct element){ 0 };
	if (e->present && e->tentative && (e->sessions || !m->ends_reported) &&
	    now - e->event >= STICK_TENTATIVE_MS)
		e->tentative = false;
	return e;
}

static uint32_t
model_place(struct model *m, int key, uint32_t seen, uint32_t target, int64_t now)
{
	struct element *e = look(m, key, now);

	if (!e->present) {
		*e = (struct element){ true, true, target, 0, now, now / 1000 };
	} else if (e->target != target && e->target != seen) {
		return e->target;
	} else if (e->target != target) {
		e->target = target;
		e->placed = now / 1000;
	}
	e->sessions += m->ends_reported;
	e->event = now;
	return target;
}

static void
model_end(struct model *m, int key, int64_t now)
{
	struct element *e = look(m, key, now);

	if (e->present && e->sessions && --e->sessions == 0)
		e->event = now;
}

static void
model_accept(struct model *m, int key, uint32_t target, int64_t now)
{
	struct element *e = look(m, key, now);

	if (!e->present)
		return;
	e->tentative = false;
	if (e->target != target)
		e->placed = now / 1000;
	e->target = target;
}

static void
compare(struct stick_table *t, const struct stick_key *k, struct model *m, int key, int64_t now)
{
	const struct element *e = look(m, key, now);
	struct stick_view v;

	ck_assert_int_eq(stick_table_find(t, k, now, &v), e->present);
	if (!e->present)
		return;
	ck_assert_uint_eq(v.target, e->target);
	ck_assert_uint_eq(v.sessions, e->sessions);
	ck_assert_int_eq(v.tentative, e->tentative);
	ck_assert_int_eq(v.age_ms, (now / 1000 - e->placed) * 1000);
}

static uint64_t
draw(uint64_t *state, uint64_t n)
{
	return hash_mix64(*state += UINT64_C(0x9e3779b97f4a7c15)) % n;
}

START_TEST(test_random_operations)
{
	struct stick_limits limits = { 100000, EXPIRE, MAX_LIFE, _i % 2 };
	struct stick_table *t = stick_table_new(&limits, (uint64_t)_i);
	struct model m = { .ends_reported = _i % 2 };
	struct stick_key keys[N_KEYS];
	char ids[N_KEYS][16];
	uint64_t state = 1000 + (uint64_t)_i, present = 0;
	int64_t now = (int64_t)1 << 33;

	for (int i = 0; i < N_KEYS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "key-%d", i / 2);
		keys[i] = stick_key(t, i % 2 ? STR("tenant") : STR(""), str_of(ids[i]));
	}
	for (int i = 0; i < N_OPERATIONS; i++) {
		int key = (int)draw(&state, N_KEYS);
		uint32_t target = 1 + (uint32_t)draw(&state, 3);
		uint32_t seen = (uint32_t)draw(&state, 4);
		uint64_t hash = keys[key].hash;

		now += TICK * (int64_t)draw(&state, draw(&state, 500) ? 10 : 1000);
		switch (draw(&state, 8)) {
		case 0:
		case 1:
		case 2:
			ck_assert_uint_eq(stick_table_place(t, &keys[key], seen, target, now),
					  model_place(&m, key, seen, target, now));
			break;
		case 3:
		case 4:
		case 5:
			/* The end of one that has expired may find it swept away or not. */
			if (!look(&m, key, now)->present)
				break;
			stick_table_session_end(t, hash, now);
			model_end(&m, key, now);
			break;
		case 6:
			stick_table_accept(t, hash, target, now);
			model_accept(&m, key, target, now);
			break;
		default:
			stick_table_drop(t, hash, target);
			if (m.elements[key].target == target)
				m.elements[key] = (struct element){ 0 };
		}
		compare(t, &keys[key], &m, key, now);
		compare(t, &keys[(key + 1) % N_KEYS], &m, (key + 1) % N_KEYS, now);
	}
	for (int i = 0; i < N_KEYS; i++) {
		compare(t, &keys[i], &m, i, now);
		present += look(&m, i, now)->present;
	}
	ck_assert_uint_ge(stick_table_stats(t).entries, present);
	ck_assert_uint_le(stick_table_stats(t).entries, N_KEYS);
	ck_assert_uint_eq(stick_table_stats(t).evicted, 0);
	ck_assert_uint_gt(present, N_KEYS / 4);
	stick_table_free(t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick model");
	TCase *tcase = tcase_create("model");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_random_operations, 0, 4);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
