/* The sticky table on a disk: what comes back, and what a bad file or a bad disk does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/engine/sticky_disk.h"
#include "agent/io/worker.h"
#include "tests/unit/run.h"

enum { EXPIRE = 60000, MAX_LIFE = 600000, MANY = 30000 };

static char dir[64];
static struct sticky_disk disk;
static struct engine *engine; /* knows "emqx1", "emqx2" and "emqx3" by these numbers */
static struct stick_table *table;

static struct stick_table *
new_table(uint64_t seed)
{
	struct stick_limits limits = { 4 * MANY, EXPIRE, MAX_LIFE, true };

	return stick_table_new(&limits, seed);
}

static void
set_up(void)
{
	strcpy(dir, "/tmp/usher-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	engine = engine_new();
	ck_assert_uint_eq(engine_intern_target(engine, STR("emqx1")), 1);
	ck_assert_uint_eq(engine_intern_target(engine, STR("emqx2")), 2);
	ck_assert_uint_eq(engine_intern_target(engine, STR("emqx3")), 3);
	table = new_table(1);
	ck_assert_int_eq(sticky_disk_open(&disk, "sticky"), 0);
}

static void
tear_down(void)
{
	char command[100];

	sticky_disk_close(&disk);
	stick_table_free(table);
	engine_free(engine);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void
put(int i, uint32_t target)
{
	char id[24];
	struct stick_key k;

	snprintf(id, sizeof(id), "client-%d", i);
	k = stick_key(table, STR("acme"), str_of(id));
	ck_assert_uint_eq(stick_table_place(table, &k, STICK_NO_TARGET, target, worker_now()),
			  target);
	stick_table_accept(table, k.hash, target, worker_now());
}

static struct sticky_writing
write_ok(void)
{
	struct sticky_writing w;

	ck_assert_int_eq(sticky_disk_write(&disk, engine, table, &w), 0);
	return w;
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void
make_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* Another process has other numbers for the servers, and other servers. */
START_TEST(test_there_and_back)
{
	struct engine *other = engine_new();
	struct stick_table *back = new_table(2);
	struct sticky_reading r;
	struct sticky_writing w;
	struct stat st;

	ck_assert_uint_eq(engine_intern_target(other, STR("emqx9")), 1);
	ck_assert_uint_eq(engine_intern_target(other, STR("emqx2")), 2);
	for (int i = 0; i < MANY; i++)
		put(i, 1 + (uint32_t)i % 2);
	w = write_ok();
	ck_assert_uint_eq(w.entries, MANY);
	ck_assert_int_eq(w.bytes, size_of("sticky"));
	ck_assert_int_gt(w.bytes, 2 * SNAPSHOT_BLOCK); /* or a buffer never had to be moved */
	ck_assert_int_eq(stat("sticky", &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(size_of("sticky.tmp"), -1);

	ck_assert_int_eq(sticky_disk_read(&disk, other, back, &r), 0);
	ck_assert_uint_eq(r.restored, MANY);
	ck_assert_uint_eq(r.passed_by, 0);
	for (int i = 0; i < MANY; i++) {
		char id[24];
		struct stick_key k;
		struct stick_view v;

		snprintf(id, sizeof(id), "client-%d", i);
		k = stick_key(back, STR("acme"), str_of(id));
		ck_assert(stick_table_find(back, &k, worker_now(), &v));
		ck_assert_str_eq(engine_target_name(other, v.target), i % 2 ? "emqx2" : "emqx1");
	}
	/* Of the servers that the file knows, one had no client, and is forgotten. */
	ck_assert_str_eq(engine_target_name(other, 3), "emqx1");
	ck_assert_ptr_null(engine_target_name(other, 4));
	ck_assert_int_eq(sticky_disk_read(&disk, other, back, &r), 0);
	ck_assert_uint_eq(r.restored, 0);
	ck_assert_uint_eq(r.passed_by, MANY);
	stick_table_free(back);
	engine_free(other);
}
END_TEST

static const struct {
	const char *what;
	bool is_live;
	int64_t since_ms; /* when it was written, 50 s ago */
	bool comes_back;
} spans[] = {
	{ "in time", false, 5000, true },
	{ "expired while we were away", false, 15000, false },
	{ "open then", true, 500000, true },
	{ "open too long", true, 555000, false },
};

START_TEST(test_the_time_away_counts)
{
	static uint8_t bytes[SNAPSHOT_BLOCK];
	struct stick_record record = { .id = STR("x"),
				       .is_live = spans[_i].is_live,
				       .since_ms = spans[_i].since_ms };
	struct stick_key k = stick_key(table, record.scope, record.id);
	struct snapshot_encoder e;
	struct sticky_reading r;
	struct stick_view v;
	FILE *f = fopen("sticky", "w");

	snapshot_start(&e, bytes, ((int64_t)time(NULL) - 50) * 1000);
	fwrite(bytes, 1, e.out.n, f);
	snapshot_begin(&e, SNAPSHOT_NAMES);
	ck_assert(snapshot_add_name(&e, STR("emqx1")));
	snapshot_seal(&e);
	fwrite(bytes, 1, e.out.n, f);
	snapshot_begin(&e, SNAPSHOT_ENTRIES);
	ck_assert(snapshot_add_entry(&e, &record, 1));
	snapshot_seal(&e);
	fwrite(bytes, 1, e.out.n, f);
	snapshot_begin(&e, SNAPSHOT_END);
	snapshot_seal(&e);
	fwrite(bytes, 1, e.out.n, f);
	fclose(f);

	ck_assert_int_eq(sticky_disk_read(&disk, engine, table, &r), 0);
	ck_assert_int_ge(r.age_ms, 49000);
	ck_assert_msg(r.restored == spans[_i].comes_back, "%s", spans[_i].what);
	ck_assert_uint_eq(r.restored + r.passed_by, 1);
	ck_assert_int_eq(stick_table_find(table, &k, worker_now(), &v), spans[_i].comes_back);
	if (spans[_i].comes_back)
		ck_assert_int_ge(v.age_ms, 48000);
}
END_TEST

/* The last block is bad: of those before it nothing is used either. */
START_TEST(test_bad_at_its_end)
{
	struct stick_table *back = new_table(2);
	struct sticky_reading r;

	for (int i = 0; i < MANY; i++)
		put(i, 1);
	write_ok();
	ck_assert_int_eq(truncate("sticky", size_of("sticky") - 1), 0);
	ck_assert_int_eq(sticky_disk_read(&disk, engine, back, &r), -EBADMSG);
	ck_assert_int_eq(r.fault, SNAPSHOT_CUT);
	ck_assert_uint_eq(stick_table_stats(back).entries, 0);
	stick_table_free(back);
}
END_TEST

START_TEST(test_what_is_no_file_of_ours)
{
	struct sticky_reading r;

	ck_assert_int_eq(sticky_disk_read(&disk, engine, table, &r), -ENOENT);
	make_file("sticky", "");
	ck_assert_int_eq(sticky_disk_read(&disk, engine, table, &r), -EBADMSG);
	ck_assert_int_eq(r.fault, SNAPSHOT_CUT);
	make_file("sticky", "# my notes\n");
	ck_assert_int_eq(sticky_disk_read(&disk, engine, table, &r), -EBADMSG);
	ck_assert_int_eq(r.fault, SNAPSHOT_FOREIGN);
	ck_assert_int_eq(unlink("sticky"), 0);
	ck_assert_int_eq(mkfifo("sticky", 0600), 0);
	ck_assert_int_eq(sticky_disk_read(&disk, engine, table, &r), -EINVAL);
	ck_assert_int_eq(unlink("sticky"), 0);
	ck_assert_int_eq(mkdir("sticky", 0700), 0);
	ck_assert_int_eq(sticky_disk_read(&disk, engine, table, &r), -EINVAL);
}
END_TEST

START_TEST(test_set_aside_and_few_kept)
{
	char *name, path[100];
	int n = 0;

	/* Of earlier days, and one that is none of ours. */
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "sticky.bad-100000000%d", i);
		make_file(path, "x");
	}
	make_file("sticky.badge", "x");
	make_file("sticky", "bad");
	ck_assert_int_eq(sticky_disk_set_aside(&disk, &name), 0);
	ck_assert_int_eq(size_of(name), 3);
	ck_assert_int_eq(size_of("sticky"), -1);
	ck_assert_int_eq(size_of("sticky.badge"), 1);
	free(name);
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "sticky.bad-100000000%d", i);
		n += size_of(path) >= 0;
		ck_assert_int_eq(size_of(path) >= 0, i >= 4);
	}
	ck_assert_int_eq(n, STICKY_BAD_KEPT - 1);
	ck_assert_int_eq(sticky_disk_set_aside(&disk, &name), -ENOENT);
	free(name);
}
END_TEST

START_TEST(test_one_at_a_time)
{
	struct sticky_disk other = { 0 };

	ck_assert_int_eq(sticky_disk_open(&other, "sticky"), -EWOULDBLOCK);
	ck_assert_ptr_null(other.path);
	sticky_disk_close(&disk);
	ck_assert_int_eq(sticky_disk_open(&other, "sticky"), 0);
	ck_assert_int_eq(sticky_disk_open(&disk, "sticky"), -EWOULDBLOCK);
	ck_assert_int_eq(sticky_disk_open(&disk, "nowhere/sticky"), -ENOENT);
	sticky_disk_close(&other);
}
END_TEST

/* Nobody makes us write into a file of his, and what a killed process left is no obstacle. */
START_TEST(test_links_are_not_followed)
{
	make_file("victim", "x");
	ck_assert_int_eq(symlink("victim", "sticky.tmp"), 0);
	put(1, 1);
	write_ok();
	ck_assert_int_eq(size_of("victim"), 1);
	make_file("sticky.tmp", "half");
	write_ok();
	ck_assert_int_eq(size_of("sticky.tmp"), -1);
	sticky_disk_close(&disk);
	ck_assert_int_eq(unlink("sticky.lock"), 0);
	ck_assert_int_eq(symlink("victim", "sticky.lock"), 0);
	ck_assert_int_eq(sticky_disk_open(&disk, "sticky"), -ELOOP);
}
END_TEST

/* A disk that fills up while we write: the file of before is still there, and nothing else. */
START_TEST(test_no_room)
{
	struct rlimit small = { 1 << 18, RLIM_INFINITY };
	struct sticky_writing w;
	off_t before;

	put(0, 1);
	write_ok();
	before = size_of("sticky");
	for (int i = 1; i < MANY; i++)
		put(i, 1);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(sticky_disk_write(&disk, engine, table, &w), -EFBIG);
	ck_assert_int_eq(size_of("sticky"), before);
	ck_assert_int_eq(size_of("sticky.tmp"), -1);
	small.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	write_ok();
	ck_assert_int_gt(size_of("sticky"), before);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sticky disk");
	TCase *tcase = tcase_create("disk");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, test_there_and_back);
	tcase_add_loop_test(tcase, test_the_time_away_counts, 0, N_ROWS(spans));
	tcase_add_test(tcase, test_bad_at_its_end);
	tcase_add_test(tcase, test_what_is_no_file_of_ours);
	tcase_add_test(tcase, test_set_aside_and_few_kept);
	tcase_add_test(tcase, test_one_at_a_time);
	tcase_add_test(tcase, test_links_are_not_followed);
	tcase_add_test(tcase, test_no_room);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
