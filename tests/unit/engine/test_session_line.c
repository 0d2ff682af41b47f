/* Lines as they arrive at the targets of a configuration. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/core/base/addr.h"
#include "agent/engine/session_line.h"
#include "agent/engine/world.h"
#include "tests/unit/run.h"

static char path[64];
static struct engine *engine;
static struct report report;
static struct world *world;
static int receiver, output[2];
static uint16_t port;

static void
set_up(void)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(STR("127.0.0.1"), false, &a), ADDR_OK);
	receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(receiver, &a.sa, a.len), 0);
	ck_assert_int_eq(getsockname(receiver, &a.sa, &a.len), 0);
	port = addr_port(&a);
	ck_assert_int_eq(pipe2(output, O_NONBLOCK), 0);
	report_init(&report);
	engine = engine_new();
	engine_carries(engine, 1);
	world = NULL;
}

static void
tear_down(void)
{
	world_unref(world);
	engine_free(engine);
	report_fini(&report);
	close(receiver);
	close(output[0]);
	close(output[1]);
}

/* "~" in it is the receiver's address, "#" the number of a descriptor to read output[0] from. */
static void
load(const char *cfg)
{
	struct world_files files = { { path }, 1, NULL };
	FILE *f;
	int fd;

	strcpy(path, "/tmp/usher-test-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	f = fdopen(fd, "w");
	for (; *cfg; cfg++)
		if (*cfg == '~')
			fprintf(f, "127.0.0.1:%u", port);
		else if (*cfg == '#')
			fprintf(f, "fd@%d", output[1]);
		else
			fputc(*cfg, f);
	fclose(f);
	world = world_load(engine, &files, NULL, &report);
	unlink(path);
}

#define TIMES " mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n"

static const char *
received(int fd)
{
	static char text[70000];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
assert_received(const char *text)
{
	const char *got = received(receiver);

	ck_assert_msg(strcmp(got, text) == 0, "got: %s\nexpected: %s", got, text);
}

static const struct proxy *
front(const char *name)
{
	return topology_frontend(&world->topology, str_of(name));
}

/* A session of frontend `name` that comes to this moment, without a line so far. */
static bool
write_line(const char *name, enum line_moment moment, const char *termination)
{
	static char scratch[16384];
	struct expr_context x = {
		.scratch = { scratch, sizeof(scratch), 0 },
		.src = { .family = 4, .bytes = { 10, 0, 0, 1 } },
		.src_port = 5,
		.frontend = str_of(name),
		.backend = STR("b"),
		.server = STR("s"),
	};
	struct log_fields fields = { .total_ms = 12,
				     .bytes_in = 1,
				     .termination = str_of(termination) };

	if (!session_line_is_due(world->data_path, front(name), moment))
		return false;
	session_line_write(world->data_path, front(name), &x, &fields, moment);
	return true;
}

START_TEST(session_s_line)
{
	load("global\n log ~ format raw local0\n log # format short local0 err\n"
	     "defaults\n" TIMES " log global\n"
	     "frontend f\n bind :1\n log-format '%ci %b/%s %Tt %ts'\n default_backend b\n"
	     "frontend silent\n bind :2\n no log\n log-format %ts\n"
	     "frontend now\n bind :3\n option log-separate-errors\n log-format %s\n"
	     "frontend soon\n bind :3\n option logasap\n log-format '%ts %Tt'\n"
	     "backend b\n server s 127.0.0.1:1\n");
	ck_assert_ptr_nonnull(world);
	ck_assert(!write_line("f", LINE_ACCEPTED, "--"));
	ck_assert(!write_line("f", LINE_CONNECTED, "--"));
	ck_assert(write_line("f", LINE_ENDED, "CD"));
	assert_received("10.0.0.1 b/s 12 CD\n");
	ck_assert(!write_line("silent", LINE_ENDED, "--"));
	ck_assert(!write_line("now", LINE_ACCEPTED, "--"));
	ck_assert(write_line("now", LINE_CONNECTED, "--"));
	assert_received("s\n");
	ck_assert(write_line("soon", LINE_CONNECTED, "--"));
	assert_received("-- +12\n");
	ck_assert_str_eq(received(output[0]), "");
	ck_assert(write_line("now", LINE_ENDED, "SC"));
	assert_received("s\n");
	ck_assert_str_eq(received(output[0]), "<3>s\n");
}
END_TEST

START_TEST(longest_line)
{
	char cfg[4096], text[2048];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	snprintf(cfg, sizeof(cfg),
		 "defaults\n" TIMES "frontend f\n bind :1\n log ~ len 100 format raw local0\n"
		 " log # len 120 format raw local0\n log-format %s\n",
		 text);
	load(cfg);
	ck_assert_ptr_nonnull(world);
	ck_assert(write_line("f", LINE_ENDED, "--"));
	ck_assert_uint_eq(strlen(received(receiver)), 101);
	/* HAProxy counts a descriptor's newline, and its text's end. */
	ck_assert_uint_eq(strlen(received(output[0])), 120);
}
END_TEST

START_TEST(sampled_by_each_proxy)
{
	static const char *const turns[] = { "f", "g", "f", "f", "g", "g", "g", "g", "f" };
	static const bool sent[] = { true, true, false, true, false, true, true, false, true };

	load("global\n log ~ format raw sample 1,3:3 local0\n"
	     "defaults\n" TIMES " log global\n log global\n log-format %f\n"
	     "frontend f\n bind :1\nfrontend g\n bind :2\n");
	ck_assert_ptr_nonnull(world);
	for (size_t i = 0; i < sizeof(sent); i++) {
		const char *got;

		ck_assert(write_line(turns[i], LINE_ENDED, "--"));
		got = received(receiver);
		ck_assert_msg((*got != '\0') == sent[i], "%zu: %s", i, got);
		ck_assert_str_eq(received(receiver), "");
	}
}
END_TEST

START_TEST(client_that_never_became_a_session)
{
	char scratch[1024];
	struct expr_context x = { .scratch = { scratch, sizeof(scratch), 0 },
				  .src = { .family = 4, .bytes = { 10, 0, 0, 1 } },
				  .src_port = 5,
				  .frontend = STR("f"),
				  .listener_id = 1 };
	const struct log_fields fields = { .accepted_us = INT64_C(1795344254351790),
					   .bytes_in = 1 };
	static const char what[] = "Received an invalid PROXY protocol header";

	setenv("TZ", "UTC", 1);
	load("defaults\n" TIMES " log ~ format priority local0\n option tcplog\n"
	     "frontend f\n bind :1\n"
	     "frontend g\n bind :2\n option log-separate-errors\n error-log-format ERR\\ %ci\n"
	     "frontend h\n bind :3\n option dontlognull\n");
	ck_assert_ptr_nonnull(world);
	session_line_write_refused(world->data_path, front("f"), &x, &fields, what);
	assert_received("<134>10.0.0.1:5 [22/Nov/2026:10:44:14.351] f/1: Received an invalid PROXY "
			"protocol header\n");
	x.listener = STR("lis");
	session_line_write_refused(world->data_path, front("f"), &x, &fields, what);
	assert_received("<134>10.0.0.1:5 [22/Nov/2026:10:44:14.351] f/lis: Received an invalid "
			"PROXY protocol header\n");
	session_line_write_refused(world->data_path, front("g"), &x, &fields, what);
	assert_received("<131>ERR 10.0.0.1\n");
	session_line_write_refused(world->data_path, front("h"), &x, &(struct log_fields){ 0 },
				   what);
	assert_received("");
}
END_TEST

START_TEST(sentences)
{
	char expected[128];

	load("global\n log-tag mine\n log-send-hostname here\n log ~ local0\n"
	     "defaults\n" TIMES "frontend f\n bind :1\n"
	     "backend b\n log ~ format rfc5424 local1\n log-tag ours\n server s 127.0.0.1:1\n"
	     "backend c\n log global\n server s 127.0.0.1:1\n");
	ck_assert_ptr_nonnull(world);
	session_line_say(world->data_path, front("f"), SEVERITY_ALERT, "nobody hears");
	assert_received("");
	session_line_say(world->data_path, topology_backend(&world->topology, STR("b")),
			 SEVERITY_ALERT, "Server b/s is DOWN.");
	snprintf(expected, sizeof(expected), " here ours %d - - Server b/s is DOWN.\n", getpid());
	ck_assert_ptr_nonnull(strstr(received(receiver), expected));
	session_line_say(world->data_path, topology_backend(&world->topology, STR("c")),
			 SEVERITY_NOTICE, "Server c/s is UP.");
	snprintf(expected, sizeof(expected), " here mine[%d]: Server c/s is UP.\n", getpid());
	ck_assert_ptr_nonnull(strstr(received(receiver), expected));
}
END_TEST

START_TEST(frontends_stop_before_backends)
{
	load("defaults\n" TIMES " log ~ format short local0\n"
	     "backend b\n server s 127.0.0.1:1\nbackend empty\n"
	     "listen l\n bind :1\n server s 127.0.0.1:1\n"
	     "frontend f\n bind :2\n"
	     "frontend off\n bind :3\n disabled\n");
	ck_assert_ptr_nonnull(world);
	session_line_say_stopped(world);
	assert_received("<4>Proxy l stopped (cumulated conns: FE: 0, BE: 0).\n");
	assert_received("<4>Proxy f stopped (cumulated conns: FE: 0, BE: 0).\n");
	assert_received("<4>Proxy b stopped (cumulated conns: FE: 0, BE: 0).\n");
	assert_received("<4>Proxy empty stopped (cumulated conns: FE: 0, BE: 0).\n");
	assert_received("");
}
END_TEST

START_TEST(lost_lines_are_counted)
{
	load("defaults\n" TIMES "frontend f\n bind :1\n log-format %s\n"
	     " log /tmp/usher-test-nobody.sock local0\n log ~ format raw local0\n");
	ck_assert_ptr_nonnull(world);
	for (int i = 0; i < 3; i++)
		ck_assert(write_line("f", LINE_ENDED, "--"));
	ck_assert_uint_eq(log_targets_lost(world->data_path->log_targets), 3);
	assert_received("s\n"); /* who is there gets his */
}
END_TEST

static const struct {
	const char *cfg, *finding;
	bool is_alert;
} findings[] = {
	{ "global\n log nobody.invalid local0\ndefaults\n" TIMES
	  " log global\nfrontend f\n bind :1\nfrontend g\n bind :2\n",
	  "log : invalid address: 'nobody.invalid' in 'nobody.invalid'\n", true },
	{ "defaults\n" TIMES "frontend f\n bind :1\n log ring@r local0\n option tcplog\n",
	  "log : 'ring@r' is ignored by usher proxy", false },
	{ "defaults\n" TIMES "frontend f\n bind :1\n log tcp@127.0.0.1:1 local0\n",
	  "log : 'tcp@127.0.0.1:1' is ignored by usher proxy", false },
	{ "defaults\n" TIMES "frontend f\n bind :1\n option tcplog\n",
	  "log format ignored for frontend 'f' since it has no log address.", false },
	{ "defaults\n" TIMES "frontend f\n bind :1\n log ~ local0\n log-format %zz\n",
	  "failed to parse log-format : no such format variable 'zz'", true },
};

START_TEST(finding_at_load)
{
	size_t n = 0;

	load(findings[_i].cfg);
	ck_assert_int_eq(world == NULL, findings[_i].is_alert);
	for (size_t i = 0; i < report.n; i++)
		n += strstr(report.findings[i].text, findings[_i].finding) != NULL;
	ck_assert_msg(n == 1, "%s: %zu times", findings[_i].finding, n);
}
END_TEST

START_TEST(names_are_looked_up)
{
	char cfg[256];

	snprintf(cfg, sizeof(cfg),
		 "defaults\n" TIMES "frontend f\n bind :1\n log-format %%s\n"
		 " log udp@localhost:%u format raw local0\n",
		 port);
	load(cfg);
	ck_assert_ptr_nonnull(world);
	ck_assert(write_line("f", LINE_ENDED, "--"));
	ck_assert_uint_eq(log_targets_lost(world->data_path->log_targets), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("session lines");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, session_s_line);
	tcase_add_test(all, longest_line);
	tcase_add_test(all, sampled_by_each_proxy);
	tcase_add_test(all, client_that_never_became_a_session);
	tcase_add_test(all, sentences);
	tcase_add_test(all, frontends_stop_before_backends);
	tcase_add_test(all, lost_lines_are_counted);
	tcase_add_loop_test(all, finding_at_load, 0, N_ROWS(findings));
	tcase_add_test(all, names_are_looked_up);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
