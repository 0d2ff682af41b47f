/*
 * tests/config/advice: each NN-NAME.cfg, with NN-NAME.json if there is one, shows the finding
 * [NAME], in the words of NN-NAME.err; its twin NN-NAME-fine does not. What else such a small file
 * lacks is not looked at. A file that is nobody's pair must have no finding at all.
 * SPOE configurations are named from the root of the tree. USHER_CONFIG_WRITE=1 writes .err files
 * that are missing.
 */
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/core/advice/advice.h"
#include "agent/core/base/mem.h"
#include "agent/core/policy/check.h"
#include "agent/core/policy/load.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

enum { TEXT_MAX = 1 << 20, ENGINES_MAX = 16 };

static const char folder[] = "tests/config/advice/";
static glob_t pairs;

/* The whole file, NUL-terminated, owned by the caller; NULL: there is none. */
static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text;
	size_t n;

	if (!f)
		return NULL;
	text = xmalloc(TEXT_MAX);
	n = fread(text, 1, TEXT_MAX - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static char *
read_sibling(const char *name, const char *suffix)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s%s", folder, name, suffix);
	return read_file(path);
}

/* ---- what is found --------------------------------------------------------------------------- */

struct world {
	struct topology topology;
	struct policy policy;
	struct advice_engine engines[ENGINES_MAX];
	size_t n_engines;
	struct report report;
};

static void
read_engine(struct world *w, const struct spoe_filter *f)
{
	static const struct topology_env env = { 0 };
	struct advice_engine *e = &w->engines[w->n_engines];
	char *text = read_file(f->config);

	if (!text)
		return;
	ck_assert_uint_lt(w->n_engines, ENGINES_MAX);
	e->filter = f;
	if (spoe_engine_parse(str_of(text), f->config, str_of(f->engine), &env, &e->engine,
			      &w->report))
		w->n_engines++;
	else
		spoe_engine_fini(&e->engine);
	free(text);
}

static void
world_init(struct world *w, const char *name)
{
	static const struct topology_env env = { 0 };
	char *cfg = read_sibling(name, ".cfg"), *json = read_sibling(name, ".json"), file[128];

	ck_assert_msg(cfg != NULL, "%s.cfg cannot be read", name);
	snprintf(file, sizeof(file), "%s.cfg", name);
	*w = (struct world){ 0 };
	report_init(&w->report);
	topology_init(&w->topology);
	topology_parse(&w->topology, str_of(cfg), file, &env, &w->report);
	topology_resolve(&w->topology, &w->report);
	policy_init(&w->policy);
	if (json) {
		policy_fini(&w->policy);
		policy_load(&w->policy, str_of(json), "usher.json", &w->report);
		policy_check(&w->policy, &w->topology, "usher.json", &w->report);
	}
	for (size_t i = 0; i < w->topology.n_proxies; i++)
		for (size_t j = 0; j < w->topology.proxies[i]->n_filters; j++)
			if (spoe_filter_is_ours(&w->topology.proxies[i]->filters[j]))
				read_engine(w, &w->topology.proxies[i]->filters[j]);
	advice_check(&(struct advice_input){ .topology = &w->topology,
					     .policy = &w->policy,
					     .policy_file = json ? "usher.json" : NULL,
					     .engines = w->engines,
					     .n_engines = w->n_engines },
		     &w->report);
	free(cfg);
	free(json);
}

static void
world_fini(struct world *w)
{
	for (size_t i = 0; i < w->n_engines; i++)
		spoe_engine_fini(&w->engines[i].engine);
	policy_fini(&w->policy);
	topology_fini(&w->topology);
	report_fini(&w->report);
}

/* The findings of that name, or all when it is NULL, each on a line; owned by the caller. */
static char *
findings_of(const char *file, const char *name)
{
	struct world w;
	char *out, tag[64];
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	snprintf(tag, sizeof(tag), " [%s]", name ? name : "");
	world_init(&w, file);
	for (size_t i = 0; i < w.report.n; i++) {
		char line[4096];

		report_format(&w.report.findings[i], 1, line, sizeof(line));
		if (!name || str_has_suffix(str_of(line), str_of(tag)))
			fprintf(stream, "%s\n", line);
	}
	fclose(stream);
	world_fini(&w);
	return out;
}

/* ---- the pairs ------------------------------------------------------------------------------- */

/* "12-no-stick-fine" → "no-stick", true; NULL in *name: it is the pair of no finding. */
static bool
split_name(const char *file, char *name, size_t size)
{
	struct str s = str_of(file + strcspn(file, "-") + 1), fine = STR("-fine");
	bool is_fine = str_has_suffix(s, fine);

	snprintf(name, size, "%.*s", (int)(s.n - (is_fine ? fine.n : 0)), s.p);
	for (size_t i = 0; advice_name(i); i++)
		if (strcmp(advice_name(i), name) == 0)
			return is_fine;
	name[0] = '\0';
	return true;
}

static void
write_sibling(const char *file, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s.err", folder, file);
	f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(pair)
{
	const char *path = pairs.gl_pathv[_i];
	char file[128], name[64], *found, *expected;
	bool is_fine;

	snprintf(file, sizeof(file), "%.*s", (int)(strlen(path) - strlen(folder) - 4),
		 path + strlen(folder));
	is_fine = split_name(file, name, sizeof(name));
	found = findings_of(file, name[0] ? name : NULL);
	expected = read_sibling(file, ".err");
	if (!is_fine && !expected && *found && getenv("USHER_CONFIG_WRITE"))
		write_sibling(file, found);
	else if (strcmp(found, expected ? expected : "") != 0)
		ck_abort_msg("%s\n---- expected\n%s\n---- found\n%s", path,
			     expected ? expected : "", found);
	ck_assert_msg(is_fine || *found, "%s shows nothing", path);
	free(found);
	free(expected);
}
END_TEST

static bool
has_pair(const char *name, const char *suffix)
{
	char tail[96];

	snprintf(tail, sizeof(tail), "-%s%s.cfg", name, suffix);
	for (size_t i = 0; i < pairs.gl_pathc; i++) {
		const char *file = pairs.gl_pathv[i] + strlen(folder);

		if (strcmp(file + strcspn(file, "-"), tail) == 0)
			return true;
	}
	return false;
}

START_TEST(every_finding_has_its_pair)
{
	for (size_t i = 0; advice_name(i); i++) {
		ck_assert_msg(has_pair(advice_name(i), ""), "%s is shown nowhere", advice_name(i));
		ck_assert_msg(has_pair(advice_name(i), "-fine"), "%s is shown everywhere",
			      advice_name(i));
	}
}
END_TEST

/* ---- docs/check.md --------------------------------------------------------------------------- */

static bool
is_name(struct str word)
{
	for (size_t i = 0; advice_name(i); i++)
		if (str_is(word, advice_name(i)))
			return true;
	return false;
}

/* Its headings of the third level are the findings, neither more nor fewer. */
START_TEST(the_manual_explains_each)
{
	char *manual = read_file("docs/check.md"), heading[80];
	const char *at = manual;
	size_t n = 0, n_names = 0;

	ck_assert_ptr_nonnull(manual);
	for (; advice_name(n_names); n_names++) {
		snprintf(heading, sizeof(heading), "\n### %s\n", advice_name(n_names));
		ck_assert_msg(strstr(manual, heading) != NULL, "%s is not explained",
			      advice_name(n_names));
	}
	while ((at = strstr(at, "\n### "))) {
		struct str word = { at + 5, strcspn(at + 5, "\n") };

		ck_assert_msg(is_name(word), "%.*s is explained, but unknown", STR_ARG(word));
		at += 5;
		n++;
	}
	ck_assert_uint_eq(n, n_names);
	free(manual);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("advice pairs");
	TCase *tcase = tcase_create("pairs");

	if (glob("tests/config/advice/*.cfg", 0, NULL, &pairs) != 0) {
		fputs("no pairs in tests/config/advice; run from the root of the tree\n", stderr);
		return EXIT_FAILURE;
	}
	tcase_add_loop_test(tcase, pair, 0, (int)pairs.gl_pathc);
	tcase_add_test(tcase, every_finding_has_its_pair);
	tcase_add_test(tcase, the_manual_explains_each);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
