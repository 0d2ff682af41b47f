/* The manual and the schema say what the code does. */
#include <jansson.h>
#include <stdio.h>

#include "agent/core/policy/load.h"
#include "agent/core/policy/reader.h"
#include "tests/unit/run.h"

/* The whole file, NUL-terminated, owned by the caller. */
static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(1 << 20);
	size_t n;

	ck_assert_msg(f && text, "%s cannot be read; run from the root of the tree", path);
	n = fread(text, 1, (1 << 20) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Every block of JSON in the manual is a policy that loads without a finding. */
START_TEST(test_examples_load)
{
	char *manual = read_file("docs/policy.md");
	const char *at = manual, *end;
	int n = 0;

	while ((at = strstr(at, "\n```json\n{"))) {
		struct policy policy;
		struct report report;

		at += strlen("\n```json\n");
		end = strstr(at, "\n```\n");
		ck_assert_ptr_nonnull(end);
		report_init(&report);
		policy_load(&policy, (struct str){ at, (size_t)(end - at) }, "policy.md", &report);
		ck_assert_msg(report.n == 0, "example %d: %s", n,
			      report.n ? report.findings[0].text : "");
		policy_fini(&policy);
		report_fini(&report);
		n++;
	}
	ck_assert_int_ge(n, 9);
	free(manual);
}
END_TEST

/* Every fact, reason and key has its word in the manual. */
START_TEST(test_words_are_explained)
{
	char *manual = read_file("docs/policy.md");
	char word[64];

	for (enum fact f = 0; f < N_FACTS; f++) {
		snprintf(word, sizeof(word), "`%s`", fact_name(f));
		ck_assert_msg(strstr(manual, word) != NULL, "%s", word);
	}
	for (enum refusal r = 0; r < N_REFUSALS; r++) {
		char row[96];

		snprintf(row, sizeof(row), "| `%s` | %d | 0x%02x |", refusal_name(r),
			 refusal_code(r, 4), refusal_code(r, 5));
		ck_assert_msg(strstr(manual, row) != NULL, "%s", row);
	}
	for (size_t i = 0; policy_object(i); i++)
		for (size_t k = 0; k < policy_object(i)->n_keys; k++) {
			const char *name = policy_object(i)->keys[k].name;

			snprintf(word, sizeof(word), "`%s`", name);
			if (strstr(manual, word))
				continue;
			snprintf(word, sizeof(word), "\"%s\"", name);
			ck_assert_msg(strstr(manual, word) != NULL, "%s", word);
		}
	free(manual);
}
END_TEST

static json_t *
load_schema(void)
{
	char *text = read_file("docs/usher.schema.json");
	json_error_t error;
	json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(schema != NULL, "%d: %s", error.line, error.text);
	free(text);
	return schema;
}

static const json_t *
definition(const json_t *schema, const char *name)
{
	return strcmp(name, "policy") == 0
		       ? schema
		       : json_object_get(json_object_get(schema, "$defs"), name);
}

/* The definition has these properties and no others. */
static void
assert_properties(const json_t *object, const char *name, const char *const *keys, size_t n)
{
	const json_t *properties = json_object_get(object, "properties");

	ck_assert_msg(json_is_false(json_object_get(object, "additionalProperties")),
		      "%s allows any property", name);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(json_object_get(properties, keys[i]) != NULL,
			      "the schema of %s lacks %s", name, keys[i]);
	ck_assert_msg(json_object_size(properties) == n, "the schema of %s knows %zu keys, not %zu",
		      name, json_object_size(properties), n);
}

START_TEST(test_schema_has_the_keys_of_the_reader)
{
	json_t *schema = load_schema();
	size_t i = 0;

	for (; policy_object(i); i++) {
		const struct object *object = policy_object(i);
		const char *keys[KEYS_MAX];

		for (size_t k = 0; k < object->n_keys; k++)
			keys[k] = object->keys[k].name;
		assert_properties(definition(schema, object->name), object->name, keys,
				  object->n_keys);
	}
	ck_assert_uint_eq(i, 17);
	json_decref(schema);
}
END_TEST

START_TEST(test_schema_has_the_facts)
{
	json_t *schema = load_schema();
	const char *all[N_FACTS], *texts[N_FACTS];
	size_t n_texts = 0;

	for (enum fact f = 0; f < N_FACTS; f++) {
		all[f] = fact_name(f);
		if (fact_type(f) == FACT_TYPE_STRING)
			texts[n_texts++] = fact_name(f);
	}
	assert_properties(definition(schema, "conditions"), "conditions", all, N_FACTS);
	assert_properties(definition(schema, "tenant_source"), "tenant_source", texts, n_texts);
	json_decref(schema);
}
END_TEST

START_TEST(test_schema_has_the_reasons)
{
	json_t *schema = load_schema();
	const json_t *reasons = json_object_get(
		json_object_get(json_object_get(definition(schema, "rule"), "properties"),
				"reject"),
		"enum");

	ck_assert_uint_eq(json_array_size(reasons), N_REFUSALS);
	for (enum refusal r = 0; r < N_REFUSALS; r++)
		ck_assert_str_eq(json_string_value(json_array_get(reasons, r)), refusal_name(r));
	json_decref(schema);
}
END_TEST

START_TEST(test_schema_has_the_differences)
{
	json_t *schema = load_schema();
	const json_t *names = json_object_get(
		json_object_get(
			json_object_get(json_object_get(definition(schema, "proxy"), "properties"),
					"as_haproxy"),
			"items"),
		"enum");
	char *manual = read_file("docs/configuration.md");

	ck_assert_uint_eq(json_array_size(names), N_DIFFERENCES);
	for (enum difference d = 0; d < N_DIFFERENCES; d++) {
		char row[64];

		ck_assert_str_eq(json_string_value(json_array_get(names, d)), difference_name(d));
		snprintf(row, sizeof(row), "\n| `%s` | ", difference_name(d));
		ck_assert_msg(strstr(manual, row) != NULL, "the manual lacks %s", row);
	}
	free(manual);
	json_decref(schema);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy docs");
	TCase *tcase = tcase_create("docs");

	tcase_add_test(tcase, test_examples_load);
	tcase_add_test(tcase, test_words_are_explained);
	tcase_add_test(tcase, test_schema_has_the_keys_of_the_reader);
	tcase_add_test(tcase, test_schema_has_the_facts);
	tcase_add_test(tcase, test_schema_has_the_reasons);
	tcase_add_test(tcase, test_schema_has_the_differences);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
