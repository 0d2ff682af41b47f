/* Log lines: heads, cuts, levels and moments, as HAProxy 2.6 writes them. */
#include <stdio.h>

#include "agent/core/logline/line.h"
#include "agent/core/logline/text.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

/* ---- heads ----------------------------------------------------------------------------------- */

static const struct line_head usual = {
	.facility = 16,
	.severity = SEVERITY_INFO,
	.tag = { "haproxy", 7 },
	.pid = 13387,
	.now_us = INT64_C(1795344254351790), /* 2026-11-22 10:44:14.351790 UTC */
};

static const struct {
	const char *name;
	enum line_form form;
	const char *hostname, *data, *text;
} heads[] = {
	{ "local", LINE_LOCAL, "", "", "<134>Nov 22 10:44:14 haproxy[13387]: text\n" },
	{ "local never tells the host", LINE_LOCAL, "foo", "",
	  "<134>Nov 22 10:44:14 haproxy[13387]: text\n" },
	{ "rfc3164", LINE_RFC3164, "", "",
	  "<134>Nov 22 10:44:14 localhost haproxy[13387]: text\n" },
	{ "rfc3164 with the host", LINE_RFC3164, "foo", "",
	  "<134>Nov 22 10:44:14 foo haproxy[13387]: text\n" },
	{ "rfc5424", LINE_RFC5424, "", "",
	  "<134>1 2026-11-22T10:44:14.351790+00:00 - haproxy 13387 - - text\n" },
	{ "rfc5424 with host and data", LINE_RFC5424, "foo", "[a@1 x=1]",
	  "<134>1 2026-11-22T10:44:14.351790+00:00 foo haproxy 13387 - [a@1 x=1] text\n" },
	{ "priority", LINE_PRIORITY, "foo", "", "<134>text\n" },
	{ "short", LINE_SHORT, "foo", "", "<6>text\n" },
	{ "timed", LINE_TIMED, "foo", "", "<6>2026-11-22T10:44:14.351790+00:00 text\n" },
	{ "iso", LINE_ISO, "foo", "", "2026-11-22T10:44:14.351790+00:00 text\n" },
	{ "raw", LINE_RAW, "foo", "[a]", "text\n" },
};

static struct str
written(const struct line_head *head, const char *text, size_t max)
{
	static char out[512];

	memset(out, '!', sizeof(out));
	return (struct str){ out, line_write(head, str_of(text), out, max) };
}

START_TEST(head_of_each_format)
{
	struct line_head head = usual;
	struct str line;

	head.form = heads[_i].form;
	head.hostname = str_of(heads[_i].hostname);
	head.data = str_of(heads[_i].data);
	line = written(&head, "text", 256);
	ck_assert_msg(str_is(line, heads[_i].text), "%s: %.*s", heads[_i].name, STR_ARG(line));
}
END_TEST

static const struct {
	const char *name;
	enum line_form form;
	int64_t now_us;
	int32_t utc_offset_s;
	const char *text;
} times[] = {
	{ "a day of one digit has a blank before it", LINE_LOCAL, INT64_C(1772426045000001), 0,
	  "<134>Mar  2 04:34:05 haproxy[13387]: \n" },
	{ "local time", LINE_LOCAL, INT64_C(1772426045000001), 5400,
	  "<134>Mar  2 06:04:05 haproxy[13387]: \n" },
	{ "east of Greenwich", LINE_ISO, INT64_C(1772426045000001), 5400,
	  "2026-03-02T06:04:05.000001+01:30 \n" },
	{ "west of it, the day before", LINE_ISO, INT64_C(1772426045000001), -18000,
	  "2026-03-01T23:34:05.000001-05:00 \n" },
	{ "west of it by half an hour", LINE_TIMED, INT64_C(1772426045999999), -1800,
	  "<6>2026-03-02T04:04:05.999999-00:30 \n" },
	{ "before 1970", LINE_ISO, -1, 0, "1969-12-31T23:59:59.999999+00:00 \n" },
};

START_TEST(time_in_the_head)
{
	struct line_head head = usual;
	struct str line;

	head.form = times[_i].form;
	head.now_us = times[_i].now_us;
	head.utc_offset_s = times[_i].utc_offset_s;
	line = written(&head, "", 256);
	ck_assert_msg(str_is(line, times[_i].text), "%s: %.*s", times[_i].name, STR_ARG(line));
}
END_TEST

#define DIGITS "01234567890123456789012345678901234567890123456789012345678901234567890123456789"

/* What HAProxy sent with `len 80`. */
static const struct {
	const char *name;
	enum line_form form;
	size_t tag_len, data_len;
	size_t len;
	const char *end;
} cuts[] = {
	{ "the text is cut", LINE_LOCAL, 7, 0, 81, "haproxy[13387]: 0123456789" },
	{ "the text alone", LINE_RAW, 7, 0, 81, "0123456789" },
	{ "data fits", LINE_RFC5424, 7, 17, 81, "haproxy 13387 - [xxxxxxxxxxxxxxx] 0123\n" },
	{ "data does not fit: no text either", LINE_RFC5424, 7, 29, 59, "haproxy 13387 - \n" },
	{ "the tag does not fit", LINE_LOCAL, 90, 0, 22, "<134>Nov 22 10:44:14 \n" },
	{ "nor behind the host", LINE_RFC3164, 90, 0, 32, "10:44:14 localhost \n" },
	{ "nor in rfc5424", LINE_RFC5424, 90, 19, 43, "+00:00 - \n" },
	{ "a head without tag cares for none", LINE_SHORT, 90, 0, 81, "<6>0123456789" },
};

START_TEST(cut_at_the_target_s_length)
{
	char tag[128], data[128];
	struct line_head head = usual;
	struct str line;

	memset(tag, 't', sizeof(tag));
	memset(data, 'x', sizeof(data));
	data[0] = '[';
	data[cuts[_i].data_len ? cuts[_i].data_len - 1 : 0] = ']';
	head.form = cuts[_i].form;
	if (cuts[_i].tag_len > 7)
		head.tag = (struct str){ tag, cuts[_i].tag_len };
	head.data = (struct str){ data, cuts[_i].data_len };
	line = written(&head, DIGITS DIGITS, 80);
	ck_assert_msg(line.n == cuts[_i].len, "%s: %zu %.*s", cuts[_i].name, line.n, STR_ARG(line));
	ck_assert_msg(memmem(line.p, line.n, cuts[_i].end, strlen(cuts[_i].end)), "%s: %.*s",
		      cuts[_i].name, STR_ARG(line));
	ck_assert_int_eq(line.p[line.n - 1], '\n');
	ck_assert_int_eq(line.p[line.n], '!');
}
END_TEST

/* ---- targets --------------------------------------------------------------------------------- */

START_TEST(format_of_a_target)
{
	char raw[] = "raw", rfc5424[] = "rfc5424", later[] = "newest";

	ck_assert_int_eq(line_form_of(&(struct log_target){ 0 }, false), LINE_LOCAL);
	ck_assert_int_eq(line_form_of(&(struct log_target){ 0 }, true), LINE_RFC3164);
	ck_assert_int_eq(line_form_of(&(struct log_target){ .format = raw }, true), LINE_RAW);
	ck_assert_int_eq(line_form_of(&(struct log_target){ .format = rfc5424 }, false),
			 LINE_RFC5424);
	ck_assert_int_eq(line_form_of(&(struct log_target){ .format = later }, false), LINE_LOCAL);
}
END_TEST

static const struct {
	enum log_severity level, min, of;
	int shown;
} severities[] = {
	{ SEVERITY_DEBUG, SEVERITY_EMERG, SEVERITY_EMERG, SEVERITY_EMERG },
	{ SEVERITY_DEBUG, SEVERITY_EMERG, SEVERITY_DEBUG, SEVERITY_DEBUG },
	{ SEVERITY_NOTICE, SEVERITY_EMERG, SEVERITY_NOTICE, SEVERITY_NOTICE },
	{ SEVERITY_NOTICE, SEVERITY_EMERG, SEVERITY_INFO, -1 },
	{ SEVERITY_DEBUG, SEVERITY_ERR, SEVERITY_EMERG, SEVERITY_ERR },
	{ SEVERITY_DEBUG, SEVERITY_ERR, SEVERITY_ERR, SEVERITY_ERR },
	{ SEVERITY_DEBUG, SEVERITY_ERR, SEVERITY_INFO, SEVERITY_INFO },
};

START_TEST(severity_at_a_target)
{
	struct log_target t = { .level = (uint8_t)severities[_i].level,
				.min_level = (uint8_t)severities[_i].min };

	ck_assert_int_eq(line_severity(&t, severities[_i].of), severities[_i].shown);
}
END_TEST

START_TEST(sample_of_lines)
{
	struct log_range ranges[] = { { 1, 1 }, { 3, 4 } };
	struct log_target t = { .ranges = ranges, .n_ranges = 2, .sample_size = 5 };
	static const bool sent[] = { true, false, true, true, false };

	for (uint64_t i = 0; i < 20; i++)
		ck_assert_int_eq(line_is_sampled(&t, i), sent[i % 5]);
	ck_assert(line_is_sampled(&(struct log_target){ 0 }, 7));
}
END_TEST

/* ---- texts ----------------------------------------------------------------------------------- */

static struct topology topology;
static struct report report;

/* A frontend f with these lines; its texts. */
static const struct proxy *
compile(const char *lines, struct line_text *l)
{
	static const struct topology_env env = { .strict = true };
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "defaults\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n"
			 "frontend f\n bind :1883\n%s\n",
			 lines);

	topology_init(&topology);
	report_init(&report);
	topology_parse(&topology, (struct str){ text, (size_t)n }, "f.cfg", &env, &report);
	topology_resolve(&topology, &report);
	line_text_compile(l, &topology, topology.proxies[0], false, &report);
	return topology.proxies[0];
}

static void
finish(struct line_text *l)
{
	line_text_fini(l);
	report_fini(&report);
	topology_fini(&topology);
}

static const struct {
	const char *name, *lines, *text;
	enum line_moment due;
} texts[] = {
	{ "nothing said: at once", "", "Connect from 10.0.0.1:5 to 10.0.0.2:1883 (f/TCP)",
	  LINE_ACCEPTED },
	{ "option tcplog: at the end", " option tcplog",
	  "10.0.0.1:5 [22/Nov/2026:10:44:14.351] f f/<NOSRV> -1/-1/12 3 PR 1/2/0/0/0 0/0",
	  LINE_ENDED },
	{ "tcplog falls back from httplog", " option httplog",
	  "10.0.0.1:5 [22/Nov/2026:10:44:14.351] f f/<NOSRV> -1/-1/12 3 PR 1/2/0/0/0 0/0",
	  LINE_ENDED },
	{ "option logasap: once there is a server", " option tcplog\n option logasap",
	  "10.0.0.1:5 [22/Nov/2026:10:44:14.351] f f/<NOSRV> -1/-1/12 3 PR 1/2/0/0/0 0/0",
	  LINE_CONNECTED },
	{ "no sums: once there is a server", " log-format '%ci %s %[src]'",
	  "10.0.0.1 <NOSRV> 10.0.0.1", LINE_CONNECTED },
	{ "one sum: at the end", " log-format '%ci %B'", "10.0.0.1 3", LINE_ENDED },
	{ "the last of the two counts", " log-format a\n option tcplog\n log-format b%ts", "bPR",
	  LINE_ENDED },
};

static struct expr_context
session_context(char *scratch, size_t size)
{
	return (struct expr_context){
		.scratch = { scratch, size, 0 },
		.src = { .family = 4, .bytes = { 10, 0, 0, 1 } },
		.dst = { .family = 4, .bytes = { 10, 0, 0, 2 } },
		.src_port = 5,
		.dst_port = 1883,
		.frontend = STR("f"),
	};
}

static const struct log_fields fields = {
	.accepted_us = INT64_C(1795344254351790),
	.wait_ms = -1,
	.connect_ms = -1,
	.total_ms = 12,
	.bytes_in = 1,
	.bytes_out = 3,
	.termination = { "PR", 2 },
	.n_process = 1,
	.n_frontend = 2,
};

START_TEST(text_of_a_frontend)
{
	char scratch[1024], out[256];
	struct expr_context x = session_context(scratch, sizeof(scratch));
	struct line_text l;

	compile(texts[_i].lines, &l);
	ck_assert_msg(report.n_alerts == 0, "%s", report.n ? report.findings[0].text : "");
	log_format_write(&l.session, &x, &fields, out, sizeof(out));
	ck_assert_msg(strcmp(out, texts[_i].text) == 0, "%s: %s", texts[_i].name, out);
	ck_assert_msg(l.due == texts[_i].due, "%s: %d", texts[_i].name, (int)l.due);
	finish(&l);
}
END_TEST

START_TEST(data_and_refusals)
{
	char scratch[1024], out[256];
	struct expr_context x = session_context(scratch, sizeof(scratch));
	struct line_text l;

	compile(" option tcplog\n log-format-sd %{+Q,+E}o\\ [x@1\\ ci=%ci]", &l);
	log_format_write(&l.data, &x, &fields, out, sizeof(out));
	ck_assert_str_eq(out, "[x@1 ci=\"10.0.0.1\"]");
	log_format_write(&l.refused, &x, &fields, out, sizeof(out));
	ck_assert_str_eq(out, "10.0.0.1:5 [22/Nov/2026:10:44:14.351] f");
	ck_assert(!l.has_refused_format);
	finish(&l);
	compile(" error-log-format ERR\\ %ci\\ %ts", &l);
	log_format_write(&l.refused, &x, &fields, out, sizeof(out));
	ck_assert_str_eq(out, "ERR 10.0.0.1 PR");
	ck_assert(l.has_refused_format);
	finish(&l);
}
END_TEST

static const struct {
	const char *lines;
	bool yes;
} variables[] = {
	{ " option tcplog", false },
	{ " log-format %ci", false },
	{ " log-format %[src]", false },
	{ " log-format %[var(txn.x)]", true },
	{ " log-format %[int(1),add(txn.x)]", true },
	{ " log-format %[int(1),add(2)]", false },
	{ " option tcplog\n log-format-sd [a@1\\ x=%[src]%[var(sess.x)]]", true },
	{ " option tcplog\n error-log-format %[var(sess.x)]", false },
};

START_TEST(variables_that_are_looked_at)
{
	struct line_text l;

	compile(variables[_i].lines, &l);
	ck_assert_msg(report.n_alerts == 0, "%s", report.n ? report.findings[0].text : "");
	ck_assert_msg(l.uses_variables == variables[_i].yes, "%s", variables[_i].lines);
	finish(&l);
}
END_TEST

/* As HAProxy says it. */
static const struct {
	const char *lines, *alert;
} faults[] = {
	{ " log-format %zz",
	  "Parsing [f.cfg:7]: failed to parse log-format : no such format variable 'zz'. If you "
	  "wanted to emit the '%' character verbatim, you need to use '%%'." },
	{ " option tcplog\n log-format-sd %zz",
	  "Parsing [f.cfg:7]: failed to parse log-format-sd : no such format variable 'zz'. If you "
	  "wanted to emit the '%' character verbatim, you need to use '%%'." },
	{ " option tcplog\n error-log-format %zz",
	  "Parsing [f.cfg:8]: failed to parse error-log-format : no such format variable 'zz'. If "
	  "you wanted to emit the '%' character verbatim, you need to use '%%'." },
	{ " log-format %[req.len]",
	  "Parsing [f.cfg:7]: failed to parse log-format : sample fetch <req.len]> may not be "
	  "reliably used here because it needs 'request buffer' which is not available here." },
	{ " log-format %[src]/%[req.len]",
	  "Parsing [f.cfg:7]: failed to parse log-format : sample fetch <req.len]> may not be "
	  "reliably used here because it needs 'request buffer' which is not available here." },
	{ " log-format %[src_conn_cnt(foo)]", "parsing [f.cfg:7]: unable to find table 'foo' "
					      "referenced in arg 1 of sample fetch keyword "
					      "'src_conn_cnt' in log-format string in proxy 'f'." },
	{ " log-format %[be_conn]",
	  "parsing [f.cfg:7]: proxy 'f', referenced in arg 1 of sample fetch keyword 'be_conn' in "
	  "log-format string in proxy 'f', has not backend capability." },
};

START_TEST(fault_of_a_format)
{
	struct line_text l;

	compile(faults[_i].lines, &l);
	ck_assert_uint_eq(report.n_alerts, 1);
	ck_assert_str_eq(report.findings[report.n - 1].text, faults[_i].alert);
	finish(&l);
}
END_TEST

/* ---- whether at all, and how loud ------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned options;
	enum line_moment moment;
	uint64_t bytes_in;
	const char *termination;
	unsigned retries;
	int severity;
} levels[] = {
	{ "normal", 0, LINE_ENDED, 0, "--", 0, SEVERITY_INFO },
	{ "an error is info as well", 0, LINE_ENDED, 0, "SC", 0, SEVERITY_INFO },
	{ "errors apart", OPTION_LOG_SEPARATE_ERRORS, LINE_ENDED, 0, "SC", 0, SEVERITY_ERR },
	{ "rejected is an error", OPTION_LOG_SEPARATE_ERRORS, LINE_ENDED, 0, "PR", 0,
	  SEVERITY_ERR },
	{ "a time-out is one", OPTION_LOG_SEPARATE_ERRORS, LINE_ENDED, 0, "cD", 0, SEVERITY_ERR },
	{ "a retry is one", OPTION_LOG_SEPARATE_ERRORS, LINE_ENDED, 0, "--", 1, SEVERITY_ERR },
	{ "a good end is none", OPTION_LOG_SEPARATE_ERRORS, LINE_ENDED, 0, "--", 0, SEVERITY_INFO },
	{ "no data", OPTION_DONTLOGNULL, LINE_ENDED, 0, "PR", 0, -1 },
	{ "some data", OPTION_DONTLOGNULL, LINE_ENDED, 1, "PR", 0, SEVERITY_INFO },
	{ "no data yet", OPTION_DONTLOGNULL, LINE_CONNECTED, 0, "--", 0, SEVERITY_INFO },
	{ "normal is not wanted", OPTION_DONTLOG_NORMAL, LINE_ENDED, 1, "--", 0, -1 },
	{ "nor is it early", OPTION_DONTLOG_NORMAL, LINE_CONNECTED, 1, "--", 0, -1 },
	{ "not normal", OPTION_DONTLOG_NORMAL, LINE_ENDED, 1, "CD", 0, SEVERITY_INFO },
	{ "a retry is not normal", OPTION_DONTLOG_NORMAL, LINE_ENDED, 1, "--", 1, SEVERITY_INFO },
	{ "at accept nothing is known yet", OPTION_DONTLOG_NORMAL | OPTION_DONTLOGNULL,
	  LINE_ACCEPTED, 0, "--", 0, SEVERITY_INFO },
};

START_TEST(severity_of_a_session)
{
	struct proxy p = { .options = levels[_i].options };
	struct log_fields f = { .bytes_in = levels[_i].bytes_in,
				.termination = str_of(levels[_i].termination),
				.retries = levels[_i].retries };

	ck_assert_msg(line_text_severity(&p, &f, levels[_i].moment) == levels[_i].severity, "%s",
		      levels[_i].name);
}
END_TEST

START_TEST(severity_of_a_refusal)
{
	struct proxy p = { .options = OPTION_DONTLOG_NORMAL };
	struct log_fields none = { 0 }, some = { .bytes_in = 1 };

	ck_assert_int_eq(line_text_refused_severity(&p, &none), SEVERITY_INFO);
	p.options = OPTION_DONTLOGNULL | OPTION_LOG_SEPARATE_ERRORS;
	ck_assert_int_eq(line_text_refused_severity(&p, &none), -1);
	ck_assert_int_eq(line_text_refused_severity(&p, &some), SEVERITY_ERR);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log lines");
	TCase *lines = tcase_create("lines"), *all = tcase_create("texts");

	tcase_add_loop_test(lines, head_of_each_format, 0, N_ROWS(heads));
	tcase_add_loop_test(lines, time_in_the_head, 0, N_ROWS(times));
	tcase_add_loop_test(lines, cut_at_the_target_s_length, 0, N_ROWS(cuts));
	tcase_add_test(lines, format_of_a_target);
	tcase_add_loop_test(lines, severity_at_a_target, 0, N_ROWS(severities));
	tcase_add_test(lines, sample_of_lines);
	suite_add_tcase(suite, lines);
	tcase_add_loop_test(all, text_of_a_frontend, 0, N_ROWS(texts));
	tcase_add_test(all, data_and_refusals);
	tcase_add_loop_test(all, variables_that_are_looked_at, 0, N_ROWS(variables));
	tcase_add_loop_test(all, fault_of_a_format, 0, N_ROWS(faults));
	tcase_add_loop_test(all, severity_of_a_session, 0, N_ROWS(levels));
	tcase_add_test(all, severity_of_a_refusal);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
