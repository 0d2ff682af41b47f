/*
 * Pairs in tests/config: NN-name.cfg is read, and what comes of it must be
 *	NN-name.out	the topology printed back, and
 *	NN-name.err	the findings, with (PID) for the process id.
 * A file that is missing means: nothing of that kind. The first comments of the .cfg say how:
 *	# as haproxy		strict; against-haproxy.sh compares the alerts with HAProxy's own
 *	# strict		what is unknown is an alert
 *	# env NAME=VALUE	an environment variable
 * USHER_CONFIG_PAIRS names another folder; USHER_CONFIG_WRITE=1 writes what is missing.
 */
#include <dirent.h>
#include <stdio.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/dump.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

enum { PAIRS_MAX = 512, TEXT_MAX = 1 << 20 };

static struct {
	const char *folder;
	char *names[PAIRS_MAX]; /* without .cfg */
	int n;
} pairs;

/* ---- files ----------------------------------------------------------------------------------- */

static struct str
read_file(const char *name, const char *suffix)
{
	char path[512], *text = xmalloc(TEXT_MAX);
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s%s", pairs.folder, name, suffix);
	f = fopen(path, "rb");
	if (!f) {
		free(text);
		return (struct str){ 0 };
	}
	n = fread(text, 1, TEXT_MAX, f);
	fclose(f);
	ck_assert_uint_lt(n, TEXT_MAX);
	return (struct str){ text, n };
}

static void
write_file(const char *name, const char *suffix, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", pairs.folder, name, suffix);
	f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
find_pairs(void)
{
	DIR *dir;
	struct dirent *entry;

	pairs.folder = getenv("USHER_CONFIG_PAIRS");
	if (!pairs.folder)
		pairs.folder = "tests/config";
	dir = opendir(pairs.folder);
	while (dir && (entry = readdir(dir)) && pairs.n < PAIRS_MAX) {
		struct str name = str_of(entry->d_name);

		if (name.n > 4 && str_has_suffix(name, STR(".cfg")))
			pairs.names[pairs.n++] = str_dup((struct str){ name.p, name.n - 4 });
	}
	if (dir)
		closedir(dir);
	qsort(pairs.names, (size_t)pairs.n, sizeof(*pairs.names), compare_names);
}

/* ---- the comments at the top ----------------------------------------------------------------- */

/* The next line of *text, without its LF; false at the end. */
static bool
next_line(struct str *text, struct str *line)
{
	const char *lf = text->n ? memchr(text->p, '\n', text->n) : NULL;

	if (!lf)
		return false;
	*line = (struct str){ text->p, (size_t)(lf - text->p) };
	text->p += line->n + 1;
	text->n -= line->n + 1;
	return true;
}

static bool
is_strict(struct str text)
{
	struct str line;

	return next_line(&text, &line) &&
	       (str_is(line, "# as haproxy") || str_is(line, "# strict"));
}

/* "# env NAME=VALUE" among the first comments; arg is the file's text. */
static const char *
get_variable(void *arg, struct str name)
{
	static char value[256];
	struct str text = *(const struct str *)arg, line, prefix = STR("# env ");

	while (next_line(&text, &line) && line.n && line.p[0] == '#') {
		if (!str_has_prefix(line, prefix))
			continue;
		line.p += prefix.n;
		line.n -= prefix.n;
		if (line.n > name.n && line.p[name.n] == '=' && str_has_prefix(line, name)) {
			snprintf(value, sizeof(value), "%.*s", (int)(line.n - name.n - 1),
				 line.p + name.n + 1);
			return value;
		}
	}
	return NULL;
}

/* ---- the comparison -------------------------------------------------------------------------- */

static char *
print_findings(const struct report *r)
{
	char *all = xcalloc(1, TEXT_MAX), one[4096];
	size_t len = 0;

	for (size_t i = 0; i < r->n; i++) {
		const char *colon;

		report_format(&r->findings[i], 1, one, sizeof(one));
		colon = strstr(one, "(1)");
		ck_assert_ptr_nonnull(colon);
		len += (size_t)snprintf(all + len, TEXT_MAX - len, "%.*s(PID)%s\n",
					(int)(colon - one), one, colon + 3);
		ck_assert_uint_lt(len, TEXT_MAX);
	}
	return all;
}

static char *
print_topology(const struct topology *t)
{
	struct buf out;
	char *text;

	buf_init(&out, TEXT_MAX);
	ck_assert(topology_dump(t, &out));
	text = str_dup((struct str){ (const char *)buf_front(&out), buf_len(&out) });
	buf_fini(&out);
	return text;
}

static void
compare(const char *name, const char *suffix, const char *got)
{
	struct str expected = read_file(name, suffix);

	if (!expected.p && *got && getenv("USHER_CONFIG_WRITE"))
		write_file(name, suffix, got);
	else if (!str_eq(expected, str_of(got)))
		ck_abort_msg("%s%s\n---- expected\n%.*s\n---- got\n%s", name, suffix,
			     STR_ARG(expected), got);
	free((void *)(uintptr_t)expected.p);
}

START_TEST(pair)
{
	const char *name = pairs.names[_i];
	struct str text = read_file(name, ".cfg");
	struct topology_env env = { .getenv = get_variable,
				    .arg = &text,
				    .strict = is_strict(text) };
	struct topology t;
	struct report r;
	char file[256], *findings, *dump;

	ck_assert_ptr_nonnull(text.p);
	snprintf(file, sizeof(file), "%s.cfg", name);
	topology_init(&t);
	report_init(&r);
	topology_parse(&t, text, file, &env, &r);
	topology_resolve(&t, &r);

	findings = print_findings(&r);
	compare(name, ".err", findings);
	dump = print_topology(&t);
	if (!r.n_alerts)
		compare(name, ".out", dump);

	free(dump);
	free(findings);
	report_fini(&r);
	topology_fini(&t);
	free((void *)(uintptr_t)text.p);
}
END_TEST

START_TEST(there_are_pairs)
{
	ck_assert_int_ge(pairs.n, 40);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config pairs");
	TCase *tcase = tcase_create("pairs");
	int failed;

	find_pairs();
	tcase_add_test(tcase, there_are_pairs);
	tcase_add_loop_test(tcase, pair, 0, pairs.n);
	suite_add_tcase(suite, tcase);
	failed = run_suite(suite);
	for (int i = 0; i < pairs.n; i++)
		free(pairs.names[i]);
	return failed;
}
