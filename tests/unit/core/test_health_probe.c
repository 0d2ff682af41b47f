/* usher's own probes: what each answer means, whole and cut at every byte. */
#include "agent/core/health/probe.h"
#include "agent/core/health/script.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	const char *answer;
	size_t n;
	size_t decided; /* 0: by the end alone */
	enum probe_result result;
	enum health_status status;
	int code;
} mqtt[] = {
	{ "refused as it should be", "\x20\2\0\2", 4, 4, PROBE_PASS, HEALTH_L7OK, 2 },
	{ "taken in spite of all", "\x20\2\0\0", 4, 4, PROBE_PASS, HEALTH_L7OK, 0 },
	{ "wants credentials first", "\x20\2\0\5", 4, 4, PROBE_PASS, HEALTH_L7OK, 5 },
	{ "evacuating", "\x20\2\0\3", 4, 4, PROBE_PASS, HEALTH_L7OKC, 3 },
	{ "a code nobody knows", "\x20\2\0\x77", 4, 4, PROBE_PASS, HEALTH_L7OK, 0x77 },
	{ "closed without a byte: full, or wants a PROXY header", "", 0, 0, PROBE_FAIL,
	  HEALTH_L7RSP, 0 },
	{ "closed within the CONNACK", "\x20\2\0", 3, 0, PROBE_FAIL, HEALTH_L7RSP, 0 },
	{ "another protocol", "SSH-2.0", 7, 1, PROBE_FAIL, HEALTH_L7RSP, 0 },
	{ "another packet", "\xd0\0", 2, 1, PROBE_FAIL, HEALTH_L7RSP, 0 },
};

#define HEAD(status) "HTTP/1.1 " status "\r\ncontent-length: 0\r\n\r\n"

static const struct {
	const char *name, *answer;
	enum probe_result result;
	enum health_status status;
	int code;
} emqx[] = {
	{ "takes connections", HEAD("200 OK"), PROBE_PASS, HEALTH_L7OK, 200 },
	{ "evacuating", HEAD("503 Service Unavailable"), PROBE_PASS, HEALTH_L7OKC, 503 },
	{ "before 5.4: alive, and no more", HEAD("401 Unauthorized"), PROBE_PASS, HEALTH_L7OK,
	  401 },
	{ "open source: alive, and no more", HEAD("404 Not Found"), PROBE_PASS, HEALTH_L7OK, 404 },
	{ "broken", HEAD("500 Internal"), PROBE_FAIL, HEALTH_L7STS, 500 },
};

START_TEST(mqtt_answers)
{
	const uint8_t *p = (const uint8_t *)mqtt[_i].answer;
	size_t decided = mqtt[_i].decided ? mqtt[_i].decided : mqtt[_i].n + 1;
	struct health_answer a = { 0 };

	for (size_t cut = 0; cut <= mqtt[_i].n; cut++)
		ck_assert_msg(probe_mqtt(p, cut, false, &a) ==
				      (cut < decided ? PROBE_MORE : mqtt[_i].result),
			      "%s: after %zu bytes", mqtt[_i].name, cut);
	ck_assert_int_eq(probe_mqtt(p, mqtt[_i].n, true, &a), mqtt[_i].result);
	ck_assert_str_eq(health_word(a.status), health_word(mqtt[_i].status));
	ck_assert_int_eq(a.code, mqtt[_i].code);
}
END_TEST

START_TEST(emqx_answers)
{
	const uint8_t *p = (const uint8_t *)emqx[_i].answer;
	size_t n = strlen(emqx[_i].answer);
	struct health_answer a = { 0 };

	for (size_t cut = 0; cut < n; cut++)
		ck_assert_msg(probe_emqx(p, cut, false, &a) == PROBE_MORE, "%s: after %zu bytes",
			      emqx[_i].name, cut);
	ck_assert_int_eq(probe_emqx(p, n, false, &a), emqx[_i].result);
	ck_assert_str_eq(health_word(a.status), health_word(emqx[_i].status));
	ck_assert_int_eq(a.code, emqx[_i].code);
	ck_assert_int_eq(probe_emqx(p, n - 1, true, &a), PROBE_FAIL);
	ck_assert_int_eq(probe_emqx((const uint8_t *)"MQTT", 4, false, &a), PROBE_FAIL);
}
END_TEST

/* Valid as a packet, and yet no broker may take it: [MQTT-3.1.3-8]. */
START_TEST(the_question_is_a_connect_that_cannot_succeed)
{
	static const uint8_t expected[] = { 0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 0, 0, 60, 0, 0 };

	ck_assert_uint_eq(probe_mqtt_connect.n, sizeof(expected));
	ck_assert_mem_eq(probe_mqtt_connect.p, expected, sizeof(expected));
}
END_TEST

START_TEST(probes_are_scripts)
{
	struct script s;

	script_probe_emqx(&s, 18083);
	ck_assert_uint_eq(s.n_steps, 3);
	ck_assert_uint_eq(s.steps[0].port, 18083);
	ck_assert(s.steps[0].lingers);
	ck_assert_int_eq(s.steps[2].expect.timeout, HEALTH_L7TOUT);
	script_fini(&s);
	script_probe_mqtt(&s);
	ck_assert_uint_eq(s.steps[0].port, 0);
	script_fini(&s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health probe");
	TCase *tcase = tcase_create("probes");

	tcase_add_loop_test(tcase, mqtt_answers, 0, N_ROWS(mqtt));
	tcase_add_loop_test(tcase, emqx_answers, 0, N_ROWS(emqx));
	tcase_add_test(tcase, the_question_is_a_connect_that_cannot_succeed);
	tcase_add_test(tcase, probes_are_scripts);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
