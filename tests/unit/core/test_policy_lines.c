/* Path → line, duplicate keys, and paths as they are printed. */
#include "agent/core/policy/lines.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	const char *text;
	const char *steps[4]; /* keys, or "[2]" for an element; NULL: the end */
	int line;	      /* 0: there is no such place */
	const char *path;
} places[] = {
	{ "the whole", "\n\n{}", { NULL }, 3, "" },
	{ "a member stands where its key does", "{\n\"a\":\n1}", { "a" }, 2, "a" },
	{ "behind a comma", "{\"a\":1,\n\"b\":2}", { "b" }, 2, "b" },
	{ "below an object", "{\"a\":{\n\"b\":{\n\"c\":1}}}", { "a", "b", "c" }, 3, "a.b.c" },
	{ "an element stands where it begins", "{\"a\":[1,\n2,\n\n3]}", { "a", "[2]" }, 4, "a[2]" },
	{ "object in an array", "{\"a\":[{},{\n\"b\":1}]}", { "a", "[1]", "b" }, 2, "a[1].b" },
	{ "array in an array", "[[1],[\n2]]", { "[1]", "[0]" }, 2, "[1][0]" },
	{ "after an array in an object", "{\"a\":[1,2],\n\"b\":0}", { "b" }, 2, "b" },
	{ "a string's brackets do not count", "{\"a\":\"}],{\\\"\",\n\"b\":0}", { "b" }, 2, "b" },
	{ "key with an escape", "{\n\"\\u0061\\u00e9\":0}", { "a\xc3\xa9" }, 2, "\"a\\xc3\\xa9\"" },
	{ "key with a surrogate pair",
	  "{\n\"\\ud83d\\ude00\":0}",
	  { "\xf0\x9f\x98\x80" },
	  2,
	  "\"\\xf0\\x9f\\x98\\x80\"" },
	{ "key with every short escape",
	  "{\n\"\\b\\f\\n\\r\\t\\/\\\\\\\"\":0}",
	  { "\b\f\n\r\t/\\\"" },
	  2,
	  "\"\\x08\\x0c\\x0a\\x0d\\x09/\\x5c\\x22\"" },
	{ "a dot in a key is no step", "{\"a\":{\"b\":0},\n\"a.b\":0}", { "a.b" }, 2, "\"a.b\"" },
	{ "the last of two counts",
	  "{\"a\":{\"b\":0},\n\"a\":{\n\"b\":0}}",
	  { "a", "b" },
	  3,
	  "a.b" },
	{ "what only the first had is gone",
	  "{\"a\":{\"c\":0},\n\"a\":{}}",
	  { "a", "c" },
	  0,
	  NULL },
	{ "no such key", "{\"a\":1}", { "b" }, 0, NULL },
	{ "no such element", "[1]", { "[1]" }, 0, NULL },
	{ "below a scalar", "{\"a\":1}", { "a", "b" }, 0, NULL },
	{ "nothing", " \n ", { NULL }, 0, NULL },
};

START_TEST(test_place)
{
	struct lines lines;
	const struct line_node *node;
	char path[LINES_PATH];

	lines_init(&lines, str_of(places[_i].text));
	node = lines_root(&lines);
	for (size_t i = 0; i < 4 && places[_i].steps[i]; i++) {
		const char *step = places[_i].steps[i];

		node = *step == '[' ? lines_element(&lines, node, strtoul(step + 1, NULL, 10))
				    : lines_member(&lines, node, str_of(step));
	}
	ck_assert_msg((node ? node->line : 0) == places[_i].line, "%s: line %d", places[_i].name,
		      node ? node->line : 0);
	if (node)
		ck_assert_str_eq(lines_path(node, path), places[_i].path);
	lines_fini(&lines);
}
END_TEST

static const struct {
	const char *name;
	const char *text;
	size_t n;
	int first, again; /* of the last one found */
	const char *path;
} twice[] = {
	{ "none", "{\"a\":1,\"b\":{\"a\":1}}", 0, 0, 0, NULL },
	{ "side by side", "{\"a\":1,\n\"a\":2}", 1, 1, 2, "a" },
	{ "one of them escaped", "{\"a\":1,\n\"\\u0061\":2}", 1, 1, 2, "a" },
	{ "three times", "{\"a\":1,\n\"a\":2,\n\"a\":3}", 2, 2, 3, "a" },
	{ "deep", "{\"a\":[{},{\"b\":1,\n\n\"b\":1}]}", 1, 1, 3, "a[1].b" },
	{ "below two that are one, no duplicate", "{\"a\":{\"b\":1},\n\"a\":{\"b\":1}}", 1, 1, 2,
	  "a" },
	{ "elements are never duplicates", "[1,1,{\"a\":1},{\"a\":1}]", 0, 0, 0, NULL },
};

START_TEST(test_duplicate)
{
	struct lines lines;
	char path[LINES_PATH];

	lines_init(&lines, str_of(twice[_i].text));
	ck_assert_msg(lines.n_duplicates == twice[_i].n, "%s: %zu", twice[_i].name,
		      lines.n_duplicates);
	if (lines.n_duplicates) {
		const struct line_duplicate *d = &lines.duplicates[lines.n_duplicates - 1];

		ck_assert_int_eq(d->first, twice[_i].first);
		ck_assert_int_eq(d->again, twice[_i].again);
		ck_assert_str_eq(lines_path(d->node, path), twice[_i].path);
	}
	lines_fini(&lines);
}
END_TEST

/* No JSON at all: what is found does not matter, that it ends does. */
static const char *const garbage[] = {
	"{",
	"}",
	"]]]]",
	"{{{{",
	"[[[[",
	"\"",
	"{\"",
	"{\"a",
	"{\"a\\",
	"{\"a\\u",
	"{\"\\u12\":1}",
	"{\"\\ud800\":1}",
	"{\"\\ud800\\u0041\":1}",
	"{\"\\uzzzz\":1}",
	",,,,",
	"{,,}",
	"{1:2}",
	"{\"a\"{\"b\"[\"c\"",
	"[1 2 3]",
	"[}{]",
	"{\"a\":1}{\"a\":2}",
	"nul",
	":::",
};

START_TEST(test_garbage)
{
	struct lines lines;
	char path[LINES_PATH];

	lines_init(&lines, str_of(garbage[_i]));
	for (size_t i = 0; i < lines.n_nodes; i++)
		ck_assert_uint_lt(strlen(lines_path(lines.nodes[i], path)), LINES_PATH);
	lines_fini(&lines);
}
END_TEST

START_TEST(test_long_path_loses_its_front)
{
	struct lines lines;
	char text[4096] = "", path[LINES_PATH];

	for (int i = 0; i < 100; i++)
		strcat(text, "{\"abcdefgh\":");
	strcat(text, "{\"last\":1");
	lines_init(&lines, str_of(text));
	lines_path(lines.nodes[lines.n_nodes - 1], path);
	ck_assert_mem_eq(path, "...", 3);
	ck_assert_str_eq(path + strlen(path) - 5, ".last");
	lines_fini(&lines);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy lines");
	TCase *tcase = tcase_create("lines");

	tcase_add_loop_test(tcase, test_place, 0, N_ROWS(places));
	tcase_add_loop_test(tcase, test_duplicate, 0, N_ROWS(twice));
	tcase_add_loop_test(tcase, test_garbage, 0, N_ROWS(garbage));
	tcase_add_test(tcase, test_long_path_loses_its_front);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
