/*
 * tests/config/policy: each NN-name.json is loaded and checked against a small haproxy.cfg
 * (policy_world.h); what is found must be the lines of NN-name.err, to the byte.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "agent/core/policy/check.h"
#include "agent/core/policy/load.h"
#include "tests/unit/core/policy_world.h"
#include "tests/unit/run.h"

static glob_t pairs;

/* The whole file, NUL-terminated, owned by the caller. */
static char *
read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(1 << 20);

	ck_assert_msg(f && text, "%s cannot be read", path);
	*n = fread(text, 1, (1 << 20) - 1, f);
	text[*n] = '\0';
	fclose(f);
	return text;
}

static char *
findings_of(struct str json)
{
	struct policy policy;
	struct topology topology;
	struct report report;
	char *out;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	report_init(&report);
	world_init(&topology);
	policy_load(&policy, json, "usher.json", &report);
	policy_check(&policy, &topology, "usher.json", &report);
	for (size_t i = 0; i < report.n; i++) {
		char line[2048];

		fprintf(stream, "%s\n", report_format(&report.findings[i], 1, line, sizeof(line)));
	}
	fclose(stream);
	policy_fini(&policy);
	topology_fini(&topology);
	report_fini(&report);
	return out;
}

START_TEST(test_pair)
{
	const char *path = pairs.gl_pathv[_i];
	size_t n, n_err;
	char *json = read_file(path, &n);
	char *err_path, *expected, *found;

	ck_assert(asprintf(&err_path, "%.*s.err", (int)strlen(path) - 5, path) > 0);
	expected = read_file(err_path, &n_err);
	found = findings_of((struct str){ json, n });
	if (strcmp(found, expected) != 0) { /* too long a text for Check's own message */
		fprintf(stderr, "%s: found\n%s-- expected\n%s", path, found, expected);
		ck_abort_msg("%s: other findings than expected", path);
	}
	free(json);
	free(expected);
	free(found);
	free(err_path);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy pairs");
	TCase *tcase = tcase_create("pairs");

	if (glob("tests/config/policy/*.json", 0, NULL, &pairs) != 0) {
		fputs("no pairs in tests/config/policy; run from the root of the tree\n", stderr);
		return EXIT_FAILURE;
	}
	tcase_add_loop_test(tcase, test_pair, 0, (int)pairs.gl_pathc);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
