/* The sticky table as bytes: there and back, and whatever can happen to a file in between. */
#include <stdio.h>
#include <string.h>

#include "agent/core/base/hash.h"
#include "agent/core/stick/snapshot.h"
#include "tests/unit/run.h"

enum { WRITTEN = 1700000000, BYTES = 4096 };

static uint8_t block[SNAPSHOT_BLOCK];

/* A file in memory. */
struct file {
	uint8_t bytes[BYTES];
	size_t n;
};

static void
take(struct file *f, struct snapshot_encoder *e)
{
	ck_assert_uint_le(f->n + e->out.n, sizeof(f->bytes));
	memcpy(f->bytes + f->n, e->out.p, e->out.n);
	f->n += e->out.n;
	e->out.n = 0;
}

static const struct {
	const char *scope, *id;
	bool is_live;
	uint32_t name;
	int64_t since_ms, age_ms;
} rows[] = {
	{ "", "a", false, 1, 0, 0 },
	{ "acme", "sensor-7", true, 2, 4000, 60000 },
	{ "acme", "\xe2\x82\xac", false, 1, INT64_C(24) * 24 * 3600 * 1000, INT64_C(86400) * 1000 },
	{ "b", "x", false, 2, 5000000000, INT64_C(1) << 60 }, /* both beyond their fields */
	{ "", "y", false, 1, -5, -5000 },
};
enum { N_ENTRIES = sizeof(rows) / sizeof(rows[0]) };

static struct stick_record
record(int i)
{
	return (struct stick_record){
		.scope = str_of(rows[i].scope),
		.id = str_of(rows[i].id),
		.is_live = rows[i].is_live,
		.since_ms = rows[i].since_ms,
		.age_ms = rows[i].age_ms,
	};
}

static void
write_whole(struct file *f)
{
	struct snapshot_encoder e;

	f->n = 0;
	snapshot_start(&e, block, WRITTEN);
	take(f, &e);
	snapshot_begin(&e, SNAPSHOT_NAMES);
	ck_assert(snapshot_add_name(&e, STR("emqx1")));
	ck_assert(snapshot_add_name(&e, STR("emqx2")));
	snapshot_seal(&e);
	take(f, &e);
	for (int i = 0; i < N_ENTRIES; i++) {
		struct stick_record r = record(i);

		if (i == 0 || i == 3)
			snapshot_begin(&e, SNAPSHOT_ENTRIES);
		ck_assert(snapshot_add_entry(&e, &r, (uint16_t)rows[i].name));
		if (i == 2 || i == N_ENTRIES - 1) {
			snapshot_seal(&e);
			take(f, &e);
		}
	}
	snapshot_begin(&e, SNAPSHOT_END);
	snapshot_seal(&e);
	take(f, &e);
}

/* Reads all of it: PARSE_OK at the end, PARSE_MORE when it stops short. */
static enum parse
read_whole(const uint8_t *p, size_t n, struct snapshot_decoder *d)
{
	struct snapshot_block b;
	enum parse result;
	size_t used;

	*d = (struct snapshot_decoder){ 0 };
	while ((result = snapshot_decode(d, p, n, &b, &used)) == PARSE_OK) {
		ck_assert_uint_le(used, n);
		p += used;
		n -= used;
	}
	return result == PARSE_MORE && n == 0 && d->is_over ? PARSE_OK : result;
}

static int64_t
clamped(int64_t value, int64_t max)
{
	return value < 0 ? 0 : value > max ? max : value;
}

START_TEST(test_round_trip)
{
	struct file f;
	struct snapshot_decoder d = { 0 };
	struct snapshot_block b;
	struct stick_record r;
	struct str name;
	const uint8_t *p = f.bytes;
	size_t used;
	int i = 0;

	write_whole(&f);
	ck_assert_int_eq(snapshot_decode(&d, p, f.n, &b, &used), PARSE_OK);
	ck_assert_int_eq(b.type, SNAPSHOT_HEAD);
	ck_assert_int_eq(d.written_ms, WRITTEN);
	p += used;
	ck_assert_int_eq(snapshot_decode(&d, p, f.n, &b, &used), PARSE_OK);
	ck_assert_int_eq(b.type, SNAPSHOT_NAMES);
	ck_assert(snapshot_next_name(&b, &name));
	assert_str(name, "emqx1");
	ck_assert(snapshot_next_name(&b, &name));
	assert_str(name, "emqx2");
	ck_assert(!snapshot_next_name(&b, &name));
	for (p += used; !d.is_over; p += used) {
		ck_assert_int_eq(snapshot_decode(&d, p, (size_t)(f.bytes + f.n - p), &b, &used),
				 PARSE_OK);
		while (b.type == SNAPSHOT_ENTRIES && snapshot_next_entry(&b, &r)) {
			ck_assert(str_is(r.scope, rows[i].scope) && str_is(r.id, rows[i].id));
			ck_assert_int_eq(r.is_live, rows[i].is_live);
			ck_assert_uint_eq(r.target, rows[i].name);
			ck_assert_int_eq(r.since_ms, clamped(rows[i].since_ms, UINT32_MAX));
			ck_assert_int_eq(r.age_ms,
					 clamped(rows[i].age_ms, INT64_C(1000) * UINT32_MAX));
			i++;
		}
	}
	ck_assert_int_eq(i, N_ENTRIES);
	ck_assert_ptr_eq(p, f.bytes + f.n);
}
END_TEST

/* A prefix is incomplete, never wrong and never whole. */
START_TEST(test_cut_short)
{
	struct snapshot_decoder d;
	struct file f;

	write_whole(&f);
	for (size_t n = 0; n < f.n; n++) {
		uint8_t *exact = malloc(n + !n); /* a sanitizer sees each overrun */

		memcpy(exact, f.bytes, n);
		ck_assert_msg(read_whole(exact, n, &d) == PARSE_MORE, "%zu bytes", n);
		free(exact);
	}
	ck_assert_int_eq(read_whole(f.bytes, f.n, &d), PARSE_OK);
}
END_TEST

START_TEST(test_each_bit_flipped)
{
	struct snapshot_decoder d;
	struct file f;

	write_whole(&f);
	for (size_t i = 0; i < 8 * f.n; i++) {
		f.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert_msg(read_whole(f.bytes, f.n, &d) != PARSE_OK, "bit %zu", i);
		f.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}
END_TEST

/* Blocks that are sound by themselves, but left out, moved or said twice. */
START_TEST(test_blocks_rearranged)
{
	struct snapshot_decoder d = { 0 };
	struct snapshot_block b;
	struct file f, other;
	size_t at[6] = { 0 }, used;

	write_whole(&f);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(snapshot_decode(&d, f.bytes + at[i], f.n - at[i], &b, &used),
				 PARSE_OK);
		at[i + 1] = at[i] + used;
	}
	ck_assert_uint_eq(at[5], f.n);
	for (int out = 1; out < 5; out++) { /* the END last */
		memcpy(other.bytes, f.bytes, at[out]);
		memcpy(other.bytes + at[out], f.bytes + at[out + 1], f.n - at[out + 1]);
		other.n = f.n - (at[out + 1] - at[out]);
		ck_assert_int_ne(read_whole(other.bytes, other.n, &d), PARSE_OK);
	}
	memcpy(other.bytes, f.bytes, at[3]);
	memcpy(other.bytes + at[3], f.bytes + at[2], f.n - at[2]);
	ck_assert_int_eq(read_whole(other.bytes, at[3] + f.n - at[2], &d), PARSE_BAD);
	ck_assert_int_eq(d.fault, SNAPSHOT_CHANGED);
}
END_TEST

/* A file with one block of this content, and right checksums. */
static void
write_odd(struct file *f, int type, const void *content, size_t n)
{
	struct snapshot_encoder e;

	f->n = 0;
	snapshot_start(&e, block, WRITTEN);
	take(f, &e);
	snapshot_begin(&e, SNAPSHOT_NAMES);
	ck_assert(snapshot_add_name(&e, STR("s")));
	snapshot_seal(&e);
	take(f, &e);
	snapshot_begin(&e, SNAPSHOT_ENTRIES);
	e.out.p[0] = (uint8_t)type;
	writer_bytes(&e.out, content, n);
	snapshot_seal(&e);
	take(f, &e);
	snapshot_begin(&e, SNAPSHOT_END);
	snapshot_seal(&e);
	take(f, &e);
}

#define ENTRY(flags, name, tail) flags name "\0\0\0\1\0\0\0\1" tail

static const struct {
	const char *what;
	int type;
	struct str content;
	enum snapshot_fault fault;
} odd[] = {
	{ "no entries", SNAPSHOT_ENTRIES, STR(""), SNAPSHOT_SOUND },
	{ "no names", SNAPSHOT_NAMES, STR(""), SNAPSHOT_SOUND },
	{ "unknown block", 4, STR(""), SNAPSHOT_MALFORMED },
	{ "a block of type 0", 0, STR(""), SNAPSHOT_MALFORMED },
	{ "empty name", SNAPSHOT_NAMES, STR("\0\0"), SNAPSHOT_MALFORMED },
	{ "name with NUL", SNAPSHOT_NAMES, STR("\0\2a\0"), SNAPSHOT_MALFORMED },
	{ "name runs past its block", SNAPSHOT_NAMES, STR("\0\2a"), SNAPSHOT_MALFORMED },
	{ "half a length", SNAPSHOT_NAMES, STR("\0"), SNAPSHOT_MALFORMED },
	{ "more entries than the end says", SNAPSHOT_ENTRIES, STR(ENTRY("\0", "\0\1", "\0\0\0\1a")),
	  SNAPSHOT_MALFORMED },
	{ "unknown flag", SNAPSHOT_ENTRIES, STR(ENTRY("\2", "\0\1", "\0\0\0\1a")),
	  SNAPSHOT_MALFORMED },
	{ "server 0", SNAPSHOT_ENTRIES, STR(ENTRY("\0", "\0\0", "\0\0\0\1a")), SNAPSHOT_MALFORMED },
	{ "server without name", SNAPSHOT_ENTRIES, STR(ENTRY("\0", "\0\2", "\0\0\0\1a")),
	  SNAPSHOT_MALFORMED },
	{ "empty id", SNAPSHOT_ENTRIES, STR(ENTRY("\0", "\0\1", "\0\0\0\0")), SNAPSHOT_MALFORMED },
	{ "scope with NUL", SNAPSHOT_ENTRIES, STR(ENTRY("\0", "\0\1", "\0\2a\0\0\1a")),
	  SNAPSHOT_MALFORMED },
	{ "id runs past its block", SNAPSHOT_ENTRIES, STR(ENTRY("\0", "\0\1", "\0\0\0\2a")),
	  SNAPSHOT_MALFORMED },
	{ "entry cut short", SNAPSHOT_ENTRIES, STR("\0\0\1"), SNAPSHOT_MALFORMED },
	{ "end too early", SNAPSHOT_END, STR("\0\0\0\0\0\0\0\0"), SNAPSHOT_SURPLUS },
	{ "end without number", SNAPSHOT_END, STR(""), SNAPSHOT_MALFORMED },
	{ "end with too much", SNAPSHOT_END, STR("\0\0\0\0\0\0\0\0\0"), SNAPSHOT_MALFORMED },
};

/* Not what usher writes: a right checksum proves no content. */
START_TEST(test_odd_content)
{
	struct snapshot_decoder d;
	struct file f;
	enum parse result;

	write_odd(&f, odd[_i].type, odd[_i].content.p, odd[_i].content.n);
	result = read_whole(f.bytes, f.n, &d);
	ck_assert_msg(d.fault == odd[_i].fault, "%s: %s", odd[_i].what,
		      snapshot_fault_text(d.fault));
	ck_assert_int_eq(result, d.fault ? PARSE_BAD : PARSE_OK);
}
END_TEST

static const struct {
	const char *what;
	size_t at;
	struct str bytes; /* put there, with the checksum of the head made right again */
	enum snapshot_fault fault;
} heads[] = {
	{ "as it was", 0, STR("usher"), SNAPSHOT_SOUND },
	{ "another program's", 0, STR("SQLite format 3\0"), SNAPSHOT_FOREIGN },
	{ "line ends translated", 12, STR("\n"), SNAPSHOT_FOREIGN },
	{ "the next version", 16, STR("\0\0\0\2"), SNAPSHOT_OTHER_VERSION },
	{ "version 0", 16, STR("\0\0\0\0"), SNAPSHOT_OTHER_VERSION },
	{ "a time before 1970", 20, STR("\xff"), SNAPSHOT_MALFORMED },
};

START_TEST(test_heads)
{
	struct snapshot_decoder d;
	struct snapshot_block b;
	struct file f;
	struct writer seal = { .p = f.bytes + 28, .size = 8 };
	uint64_t sum;
	size_t used;

	write_whole(&f);
	memcpy(f.bytes + heads[_i].at, heads[_i].bytes.p, heads[_i].bytes.n);
	sum = hash_seeded((struct str){ (char *)f.bytes, 28 }, 0);
	writer_u32(&seal, (uint32_t)(sum >> 32));
	writer_u32(&seal, (uint32_t)sum);
	d = (struct snapshot_decoder){ 0 };
	ck_assert_int_eq(snapshot_decode(&d, f.bytes, f.n, &b, &used),
			 heads[_i].fault ? PARSE_BAD : PARSE_OK);
	ck_assert_msg(d.fault == heads[_i].fault, "%s: %s", heads[_i].what,
		      snapshot_fault_text(d.fault));
	if (d.fault) /* it stays so */
		ck_assert_int_eq(snapshot_decode(&d, f.bytes, f.n, &b, &used), PARSE_BAD);
}
END_TEST

START_TEST(test_bytes_behind_the_end)
{
	struct snapshot_decoder d;
	struct file f;

	write_whole(&f);
	f.bytes[f.n++] = 0;
	ck_assert_int_eq(read_whole(f.bytes, f.n, &d), PARSE_BAD);
	ck_assert_int_eq(d.fault, SNAPSHOT_SURPLUS);
}
END_TEST

/* What does not fit leaves a block as it was; what fits into none is never written. */
START_TEST(test_full_block)
{
	static char big[65536];
	struct stick_record r = { .scope = { big, 65535 }, .id = { big, 65535 } };
	struct snapshot_encoder e;
	size_t before;

	memset(big, 'x', sizeof(big));
	snapshot_start(&e, block, WRITTEN);
	snapshot_begin(&e, SNAPSHOT_ENTRIES);
	ck_assert(snapshot_add_entry(&e, &r, 1));
	before = e.out.n;
	ck_assert(!snapshot_add_entry(&e, &r, 1));
	ck_assert_uint_eq(e.out.n, before);
	ck_assert_uint_eq(e.entries, 1);
	r.id.n = 1;
	ck_assert(snapshot_add_entry(&e, &r, 1));
	snapshot_seal(&e);
	ck_assert(!e.out.is_full);
	snapshot_begin(&e, SNAPSHOT_ENTRIES);
	r.id.n = 65536;
	ck_assert(!snapshot_add_entry(&e, &r, 1));
}
END_TEST

START_TEST(test_age)
{
	ck_assert_int_eq(snapshot_age_ms(1000, 61000), 60000);
	ck_assert_int_eq(snapshot_age_ms(61000, 1000), 0); /* the clock was set back */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick snapshot");
	TCase *tcase = tcase_create("snapshot");

	tcase_add_test(tcase, test_round_trip);
	tcase_add_test(tcase, test_cut_short);
	tcase_add_test(tcase, test_each_bit_flipped);
	tcase_add_test(tcase, test_blocks_rearranged);
	tcase_add_loop_test(tcase, test_odd_content, 0, N_ROWS(odd));
	tcase_add_loop_test(tcase, test_heads, 0, N_ROWS(heads));
	tcase_add_test(tcase, test_bytes_behind_the_end);
	tcase_add_test(tcase, test_full_block);
	tcase_add_test(tcase, test_age);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
