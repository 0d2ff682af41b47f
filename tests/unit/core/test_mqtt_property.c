/* Properties: which may stand where, how their values are written, what is refused. */
#include "agent/core/mqtt/property.h"
#include "tests/unit/run.h"

/* Of the 27 in MQTT 5, table 2-4: one that is sound, and the places among our three. */
static const struct {
	struct str bytes;
	struct mqtt_property property;
	const char *places; /* C: CONNECT, W: will, A: CONNACK */
} sound[] = {
	{ STR("\1\1"), { .id = 1, .number = 1 }, "W" },
	{ STR("\2\0\0\1\0"), { .id = 2, .number = 256 }, "W" },
	{ STR("\3\0\2tx"), { .id = 3, .value = { "tx", 2 } }, "W" },
	{ STR("\x8\0\3r/t"), { .id = 8, .value = { "r/t", 3 } }, "W" },
	{ STR("\x9\0\3\0\xff\0"), { .id = 9, .value = { "\0\xff\0", 3 } }, "W" },
	{ STR("\xb\x80\1"), { .id = 11, .number = 128 }, "" },
	{ STR("\x11\xff\xff\xff\xff"), { .id = 17, .number = UINT32_MAX }, "CA" },
	{ STR("\x12\0\2id"), { .id = 18, .value = { "id", 2 } }, "A" },
	{ STR("\x13\0\x3c"), { .id = 19, .number = 60 }, "A" },
	{ STR("\x15\0\1m"), { .id = 21, .value = { "m", 1 } }, "CA" },
	{ STR("\x16\0\0"), { .id = 22, .value = { "", 0 } }, "CA" },
	{ STR("\x17\0"), { .id = 23 }, "C" },
	{ STR("\x18\0\0\0\5"), { .id = 24, .number = 5 }, "W" },
	{ STR("\x19\1"), { .id = 25, .number = 1 }, "C" },
	{ STR("\x1a\0\1i"), { .id = 26, .value = { "i", 1 } }, "A" },
	{ STR("\x1c\0\4h:p "), { .id = 28, .value = { "h:p ", 4 } }, "A" },
	{ STR("\x1f\0\2no"), { .id = 31, .value = { "no", 2 } }, "A" },
	{ STR("\x21\0\1"), { .id = 33, .number = 1 }, "CA" },
	{ STR("\x22\xff\xff"), { .id = 34, .number = 65535 }, "CA" },
	{ STR("\x23\0\1"), { .id = 35, .number = 1 }, "" },
	{ STR("\x24\1"), { .id = 36, .number = 1 }, "A" },
	{ STR("\x25\0"), { .id = 37 }, "A" },
	{ STR("\x26\0\1k\0\2vv"), { .id = 38, .name = { "k", 1 }, .value = { "vv", 2 } }, "CWA" },
	{ STR("\x27\0\0\0\1"), { .id = 39, .number = 1 }, "CA" },
	{ STR("\x28\1"), { .id = 40, .number = 1 }, "A" },
	{ STR("\x29\0"), { .id = 41 }, "A" },
	{ STR("\x2a\1"), { .id = 42, .number = 1 }, "A" },
};

static const char place_letters[] = {
	[MQTT_IN_CONNECT] = 'C', [MQTT_IN_WILL] = 'W', [MQTT_IN_CONNACK] = 'A'
};

static bool
same(struct str a, struct str b)
{
	return str_eq(a, b) && !a.p == !b.p;
}

START_TEST(test_sound)
{
	const struct mqtt_property *want = &sound[_i].property;

	for (enum mqtt_place place = MQTT_IN_CONNECT; place <= MQTT_IN_CONNACK; place++) {
		bool allowed = strchr(sound[_i].places, place_letters[place]);
		struct mqtt_property_reader r;
		struct mqtt_property got;

		mqtt_property_reader_init(&r, sound[_i].bytes, place);
		ck_assert_int_eq(mqtt_property_next(&r, &got), allowed);
		if (!allowed) {
			ck_assert_int_eq(r.fault, MQTT_FAULT_PROPERTY_MISPLACED);
			continue;
		}
		ck_assert_int_eq(got.id, want->id);
		ck_assert_uint_eq(got.number, want->number);
		ck_assert(same(got.name, want->name) && same(got.value, want->value));
		ck_assert(!mqtt_property_next(&r, &got));
		ck_assert_int_eq(r.fault, MQTT_FAULT_NONE);
	}
}
END_TEST

static enum mqtt_place
some_place(int row)
{
	switch (sound[row].places[0]) {
	case 'C':
		return MQTT_IN_CONNECT;
	case 'W':
		return MQTT_IN_WILL;
	default:
		return MQTT_IN_CONNACK;
	}
}

/* The property length ends inside of a property. */
START_TEST(test_cut_short)
{
	if (!sound[_i].places[0])
		return;
	for (size_t n = 1; n < sound[_i].bytes.n; n++) {
		struct mqtt_property_reader r;
		struct mqtt_property got;
		char *cut = malloc(n);

		memcpy(cut, sound[_i].bytes.p, n);
		mqtt_property_reader_init(&r, (struct str){ cut, n }, some_place(_i));
		ck_assert(!mqtt_property_next(&r, &got));
		ck_assert_int_eq(r.fault, MQTT_FAULT_CUT);
		ck_assert(!mqtt_property_next(&r, &got));
		ck_assert_int_eq(r.fault, MQTT_FAULT_CUT);
		free(cut);
	}
}
END_TEST

START_TEST(test_twice)
{
	struct str once = sound[_i].bytes;
	struct mqtt_property_reader r;
	struct mqtt_property got;
	char twice[32];

	if (!sound[_i].places[0])
		return;
	memcpy(twice, once.p, once.n);
	memcpy(twice + once.n, once.p, once.n);
	mqtt_property_reader_init(&r, (struct str){ twice, 2 * once.n }, some_place(_i));
	ck_assert(mqtt_property_next(&r, &got));
	if (sound[_i].property.id == MQTT_USER_PROPERTY) {
		ck_assert(mqtt_property_next(&r, &got));
		ck_assert_int_eq(r.fault, MQTT_FAULT_NONE);
		return;
	}
	ck_assert(!mqtt_property_next(&r, &got));
	ck_assert_int_eq(r.fault, MQTT_FAULT_PROPERTY_TWICE);
}
END_TEST

static const struct {
	const char *name;
	enum mqtt_place place;
	struct str bytes;
	enum mqtt_fault fault;
} bad_rows[] = {
	{ "identifier 0", MQTT_IN_CONNECT, STR("\0"), MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "identifier 4", MQTT_IN_CONNECT, STR("\4\0\0"), MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "identifier 43", MQTT_IN_CONNECT, STR("\x2b\0"), MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "identifier 127", MQTT_IN_CONNECT, STR("\x7f\0"), MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "identifier 128", MQTT_IN_CONNECT, STR("\x80\1\0"), MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "identifier 2^28 - 1", MQTT_IN_CONNECT, STR("\xff\xff\xff\x7f"),
	  MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "identifier of five bytes", MQTT_IN_CONNECT, STR("\x91\x80\x80\x80\0"),
	  MQTT_FAULT_VARINT },
	{ "identifier 17 in two bytes", MQTT_IN_CONNECT, STR("\x91\0\0\0\0\1"), MQTT_FAULT_VARINT },
	{ "receive maximum 0", MQTT_IN_CONNECT, STR("\x21\0\0"), MQTT_FAULT_PROPERTY_VALUE },
	{ "maximum packet size 0", MQTT_IN_CONNECT, STR("\x27\0\0\0\0"),
	  MQTT_FAULT_PROPERTY_VALUE },
	{ "request problem information 2", MQTT_IN_CONNECT, STR("\x17\2"),
	  MQTT_FAULT_PROPERTY_VALUE },
	{ "request response information 255", MQTT_IN_CONNECT, STR("\x19\xff"),
	  MQTT_FAULT_PROPERTY_VALUE },
	{ "payload format 2", MQTT_IN_WILL, STR("\1\2"), MQTT_FAULT_PROPERTY_VALUE },
	{ "response topic with a wildcard", MQTT_IN_WILL, STR("\x8\0\3r/#"),
	  MQTT_FAULT_PROPERTY_VALUE },
	{ "response topic empty", MQTT_IN_WILL, STR("\x8\0\0"), MQTT_FAULT_PROPERTY_VALUE },
	{ "maximum QoS 2", MQTT_IN_CONNACK, STR("\x24\2"), MQTT_FAULT_PROPERTY_VALUE },
	{ "shared subscriptions 2", MQTT_IN_CONNACK, STR("\x2a\2"), MQTT_FAULT_PROPERTY_VALUE },
	{ "authentication method not UTF-8", MQTT_IN_CONNECT, STR("\x15\0\1\xff"),
	  MQTT_FAULT_UTF8 },
	{ "content type with U+0000", MQTT_IN_WILL, STR("\3\0\1\0"), MQTT_FAULT_UTF8 },
	{ "user property's name not UTF-8", MQTT_IN_CONNECT, STR("\x26\0\1\xc3\0\1v"),
	  MQTT_FAULT_UTF8 },
	{ "user property's value a surrogate", MQTT_IN_CONNECT, STR("\x26\0\1k\0\3\xed\xa0\x80"),
	  MQTT_FAULT_UTF8 },
};

START_TEST(test_bad_row)
{
	struct mqtt_property_reader r;
	struct mqtt_property got;

	mqtt_property_reader_init(&r, bad_rows[_i].bytes, bad_rows[_i].place);
	ck_assert(!mqtt_property_next(&r, &got));
	ck_assert_msg(r.fault == bad_rows[_i].fault, "%s: %s", bad_rows[_i].name,
		      mqtt_fault_name(r.fault));
}
END_TEST

START_TEST(test_unknown_identifiers)
{
	for (int id = 0; id < 128; id++) {
		bool known = false;
		struct mqtt_property_reader r;
		struct mqtt_property got;
		char bytes[8] = { (char)id };

		for (int i = 0; i < N_ROWS(sound); i++)
			known = known || (int)sound[i].property.id == id;
		mqtt_property_reader_init(&r, (struct str){ bytes, sizeof(bytes) },
					  MQTT_IN_CONNECT);
		(void)mqtt_property_next(&r, &got);
		ck_assert_msg((r.fault == MQTT_FAULT_PROPERTY_UNKNOWN) == !known, "%d", id);
	}
}
END_TEST

START_TEST(test_order_is_kept)
{
	static const struct str pairs[] = { STR("b"), STR("a"), STR("b"), STR("") };
	struct str bytes = STR("\x26\0\1b\0\0"
			       "\x11\0\0\0\x3c"
			       "\x26\0\1a\0\0"
			       "\x26\0\1b\0\0"
			       "\x26\0\0\0\0");
	struct mqtt_property_reader r;
	struct mqtt_property got;
	int n = 0;

	mqtt_property_reader_init(&r, bytes, MQTT_IN_CONNECT);
	while (mqtt_property_next(&r, &got))
		if (got.id == MQTT_USER_PROPERTY)
			ck_assert(same(got.name, pairs[n++]));
	ck_assert_int_eq(n, N_ROWS(pairs));
	ck_assert_int_eq(r.fault, MQTT_FAULT_NONE);
}
END_TEST

START_TEST(test_none)
{
	struct mqtt_property_reader r;
	struct mqtt_property got;

	mqtt_property_reader_init(&r, (struct str){ 0 }, MQTT_IN_WILL);
	ck_assert(!mqtt_property_next(&r, &got));
	ck_assert_int_eq(r.fault, MQTT_FAULT_NONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mqtt property");
	TCase *tcase = tcase_create("property");

	tcase_add_loop_test(tcase, test_sound, 0, N_ROWS(sound));
	tcase_add_loop_test(tcase, test_cut_short, 0, N_ROWS(sound));
	tcase_add_loop_test(tcase, test_twice, 0, N_ROWS(sound));
	tcase_add_loop_test(tcase, test_bad_row, 0, N_ROWS(bad_rows));
	tcase_add_test(tcase, test_unknown_identifiers);
	tcase_add_test(tcase, test_order_is_kept);
	tcase_add_test(tcase, test_none);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
