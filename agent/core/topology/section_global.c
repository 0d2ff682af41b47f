/*
 * The global section: usher wants the stats sockets, the limits of the process and changes of the
 * environment.
 */
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/base/units.h"
#include "agent/core/topology/line_tls.h"

/* HAProxy 2.6's MAX_THREADS; later ones take more. */
enum { THREADS_MAX_2_6 = 64 };

void
section_global_begin(struct parser *p)
{
	parser_copy_line(p, &p->t->global, &p->t->n_global);
	(void)!parser_too_many_words(p, 0);
}

static void
set_nbthread(struct parser *p)
{
	const char *text = word(p, 1);
	char *end;
	long value = strtol(text, &end, 10);

	if (parser_too_many_words(p, 1))
		return;
	if (!*text || *end) {
		parser_alert(p, "'nbthread' passed a missing or unparsable integer value in '%s'",
			     text);
	} else if (value < 1 || value > UINT16_MAX || (p->env->strict && value > THREADS_MAX_2_6)) {
		parser_alert(p, "'nbthread' value must be between 1 and %d (was %ld)",
			     THREADS_MAX_2_6, value);
	} else {
		p->t->nbthread = (uint32_t)value;
	}
}

/* Numbers of which the first counts; HAProxy calls its warning of that an alert. */
static void
set_once(struct parser *p)
{
	struct topology *t = p->t;
	const struct {
		const char *name;
		uint32_t *value;
	} numbers[] = {
		{ "maxconn", &t->maxconn },
		{ "maxconnrate", &t->maxconnrate },
		{ "maxsessrate", &t->maxsessrate },
		{ "tune.rcvbuf.client", &t->rcvbuf_client },
		{ "tune.rcvbuf.server", &t->rcvbuf_server },
		{ "tune.sndbuf.client", &t->sndbuf_client },
		{ "tune.sndbuf.server", &t->sndbuf_server },
		{ "ulimit-n", &t->ulimit_n },
	};
	const char *name = word(p, 0);
	size_t i = 0;

	while (strcmp(name, numbers[i].name) != 0)
		i++; /* the table below brings no other name here */
	if (parser_too_many_words(p, 1))
		return;
	if (*numbers[i].value) {
		parser_warn(p, "'%s' already specified. Continuing.", name);
	} else if (!word(p, 1)[0]) {
		parser_alert(p, "'%s' expects an integer argument.", name);
	} else {
		*numbers[i].value = parser_number(word(p, 1));
		if (numbers[i].value == &t->maxconn)
			t->maxconn_at = parser_place(p);
	}
}

static void
set_spread_checks(struct parser *p)
{
	long value = strtol(word(p, 1), NULL, 10);

	if (parser_too_many_words(p, 1))
		return;
	if (p->t->spread_checks)
		report_cfg(p->in.r, FINDING_WARNING,
			   "parsing [%s:%d]: spread-checks already specified. Continuing.",
			   p->in.file, p->in.at);
	else if (!word(p, 1)[0])
		reader_alert(&p->in, "'spread-checks' expects an integer argument (0..50).");
	else if (value < 0 || value > 50)
		reader_alert(&p->in, "'spread-checks' needs a positive value in range 0..50.");
	else
		p->t->spread_checks = (uint32_t)value;
}

static void
set_hard_stop_after(struct parser *p)
{
	const char *text = word(p, 1);
	enum units result;
	int64_t ms;
	size_t bad = 0;

	if (!*text) {
		parser_alert(p, "'hard-stop-after' expects <time> as argument.");
		return;
	}
	result = units_duration(str_of(text), 1, &ms, &bad);
	if (result == UNITS_BAD)
		parser_alert(p, "unexpected character '%c' in argument to <hard-stop-after>.",
			     text[bad]);
	else if (result == UNITS_RANGE)
		parser_alert(p,
			     "timer overflow in argument '%s' to 'hard-stop-after' (maximum value "
			     "is 2147483647 ms or ~24.8 days)",
			     text);
	else
		p->t->hard_stop_after_ms = ms;
}

static void
set_stats(struct parser *p)
{
	static const char *const others[] = { "maxconn", "bind-process", "timeout" };
	struct topology *t = p->t;
	const char *what = word(p, 1);

	if (strcmp(what, "socket") == 0) {
		if (!word(p, 2)[0]) {
			parser_alert(p, "'stats socket' in global section expects an address or a "
					"path to a UNIX socket");
			return;
		}
		ARRAY_GROW(t->stats_sockets, t->n_stats_sockets);
		t->stats_sockets[t->n_stats_sockets++] = str_dup(str_of(word(p, 2)));
		return;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(what, others[i]) == 0)
			return;
	if (p->env->strict)
		parser_alert(p,
			     "'stats' only supports 'socket', 'maxconn', 'bind-process' and "
			     "'timeout' (got '%s')",
			     what);
}

static void
set_never_send_local(struct parser *p)
{
	p->t->never_sends_local = true;
}

static const struct keyword table[] = {
	{ "ca-base", KEYWORD_USED, line_tls_base, IN_ANY },
	{ "crt-base", KEYWORD_USED, line_tls_base, IN_ANY },
	{ "hard-stop-after", KEYWORD_USED, set_hard_stop_after, IN_ANY },
	{ "log", KEYWORD_USED, line_log, IN_ANY },
	{ "log-send-hostname", KEYWORD_USED, line_log_send_hostname, IN_ANY },
	{ "log-tag", KEYWORD_USED, line_log_tag, IN_ANY },
	{ "maxconn", KEYWORD_USED, set_once, IN_ANY },
	{ "maxconnrate", KEYWORD_USED, set_once, IN_ANY },
	{ "maxsessrate", KEYWORD_USED, set_once, IN_ANY },
	{ "nbthread", KEYWORD_USED, set_nbthread, IN_ANY },
	{ "pp2-never-send-local", KEYWORD_USED, set_never_send_local, IN_ANY },
	{ "presetenv", KEYWORD_USED, line_environment, IN_ANY },
	{ "resetenv", KEYWORD_USED, line_environment, IN_ANY },
	{ "setenv", KEYWORD_USED, line_environment, IN_ANY },
	{ "spread-checks", KEYWORD_USED, set_spread_checks, IN_ANY },
	{ "ssl-default-bind-ciphers", KEYWORD_USED, line_tls_text, IN_ANY },
	{ "ssl-default-bind-ciphersuites", KEYWORD_USED, line_tls_text, IN_ANY },
	{ "ssl-default-bind-curves", KEYWORD_USED, line_tls_text, IN_ANY },
	{ "ssl-default-bind-options", KEYWORD_USED, line_tls_options, IN_ANY },
	{ "ssl-default-server-ciphers", KEYWORD_USED, line_tls_text, IN_ANY },
	{ "ssl-default-server-ciphersuites", KEYWORD_USED, line_tls_text, IN_ANY },
	{ "ssl-default-server-options", KEYWORD_USED, line_tls_options, IN_ANY },
	{ "ssl-load-extra-del-ext", KEYWORD_USED, line_tls_extra_suffix, IN_ANY },
	{ "ssl-load-extra-files", KEYWORD_USED, line_tls_extra_files, IN_ANY },
	{ "ssl-server-verify", KEYWORD_USED, line_tls_server_verify, IN_ANY },
	{ "stats", KEYWORD_USED, set_stats, IN_ANY },
	{ "tune.rcvbuf.client", KEYWORD_USED, set_once, IN_ANY },
	{ "tune.rcvbuf.server", KEYWORD_USED, set_once, IN_ANY },
	{ "tune.sndbuf.client", KEYWORD_USED, set_once, IN_ANY },
	{ "tune.sndbuf.server", KEYWORD_USED, set_once, IN_ANY },
	{ "tune.ssl.lifetime", KEYWORD_USED, line_tls_lifetime, IN_ANY },
	{ "ulimit-n", KEYWORD_USED, set_once, IN_ANY },
	{ "unsetenv", KEYWORD_USED, line_environment, IN_ANY },
	{ .name = "51degrees-cache-size", .status = KEYWORD_SKIPPED },
	{ .name = "51degrees-data-file", .status = KEYWORD_SKIPPED },
	{ .name = "51degrees-property-name-list", .status = KEYWORD_SKIPPED },
	{ .name = "51degrees-property-separator", .status = KEYWORD_SKIPPED },
	{ .name = "busy-polling", .status = KEYWORD_SKIPPED },
	{ .name = "chroot", .status = KEYWORD_SKIPPED },
	{ .name = "close-spread-time", .status = KEYWORD_SKIPPED },
	{ .name = "cluster-secret", .status = KEYWORD_SKIPPED },
	{ .name = "cpu-map", .status = KEYWORD_SKIPPED },
	{ .name = "daemon", .status = KEYWORD_SKIPPED },
	{ .name = "default-path", .status = KEYWORD_SKIPPED },
	{ .name = "description", .status = KEYWORD_SKIPPED },
	{ .name = "deviceatlas-json-file", .status = KEYWORD_SKIPPED },
	{ .name = "deviceatlas-log-level", .status = KEYWORD_SKIPPED },
	{ .name = "deviceatlas-properties-cookie", .status = KEYWORD_SKIPPED },
	{ .name = "deviceatlas-separator", .status = KEYWORD_SKIPPED },
	{ .name = "expose-experimental-directives", .status = KEYWORD_SKIPPED },
	{ .name = "external-check", .status = KEYWORD_SKIPPED },
	{ .name = "fd-hard-limit", .status = KEYWORD_SKIPPED },
	{ .name = "gid", .status = KEYWORD_SKIPPED },
	{ .name = "grace", .status = KEYWORD_SKIPPED },
	{ .name = "group", .status = KEYWORD_SKIPPED },
	{ .name = "h1-accept-payload-with-any-method", .status = KEYWORD_SKIPPED },
	{ .name = "h1-case-adjust", .status = KEYWORD_SKIPPED },
	{ .name = "h1-case-adjust-file", .status = KEYWORD_SKIPPED },
	{ .name = "h2-workaround-bogus-websocket-clients", .status = KEYWORD_SKIPPED },
	{ .name = "httpclient.resolvers.id", .status = KEYWORD_SKIPPED },
	{ .name = "httpclient.resolvers.prefer", .status = KEYWORD_SKIPPED },
	{ .name = "httpclient.ssl.ca-file", .status = KEYWORD_SKIPPED },
	{ .name = "httpclient.ssl.verify", .status = KEYWORD_SKIPPED },
	{ .name = "insecure-fork-wanted", .status = KEYWORD_SKIPPED },
	{ .name = "insecure-setuid-wanted", .status = KEYWORD_SKIPPED },
	{ .name = "issuers-chain-path", .status = KEYWORD_SKIPPED },
	{ .name = "localpeer", .status = KEYWORD_SKIPPED },
	{ .name = "lua-load", .status = KEYWORD_SKIPPED },
	{ .name = "lua-load-per-thread", .status = KEYWORD_SKIPPED },
	{ .name = "lua-prepend-path", .status = KEYWORD_SKIPPED },
	{ .name = "master-worker", .status = KEYWORD_SKIPPED },
	{ .name = "max-spread-checks", .status = KEYWORD_SKIPPED },
	{ .name = "maxcompcpuusage", .status = KEYWORD_SKIPPED },
	{ .name = "maxcomprate", .status = KEYWORD_SKIPPED },
	{ .name = "maxpipes", .status = KEYWORD_SKIPPED },
	{ .name = "maxsslconn", .status = KEYWORD_SKIPPED },
	{ .name = "maxsslrate", .status = KEYWORD_SKIPPED },
	{ .name = "maxzlibmem", .status = KEYWORD_SKIPPED },
	{ .name = "mworker-max-reloads", .status = KEYWORD_SKIPPED },
	{ .name = "nbproc", .status = KEYWORD_SKIPPED },
	{ .name = "no-memory-trimming", .status = KEYWORD_SKIPPED },
	{ .name = "node", .status = KEYWORD_SKIPPED },
	{ .name = "noepoll", .status = KEYWORD_SKIPPED },
	{ .name = "noevports", .status = KEYWORD_SKIPPED },
	{ .name = "nogetaddrinfo", .status = KEYWORD_SKIPPED },
	{ .name = "nokqueue", .status = KEYWORD_SKIPPED },
	{ .name = "nopoll", .status = KEYWORD_SKIPPED },
	{ .name = "noreuseport", .status = KEYWORD_SKIPPED },
	{ .name = "nosplice", .status = KEYWORD_SKIPPED },
	{ .name = "numa-cpu-mapping", .status = KEYWORD_SKIPPED },
	{ .name = "pidfile", .status = KEYWORD_SKIPPED },
	{ .name = "profiling.memory", .status = KEYWORD_SKIPPED },
	{ .name = "profiling.tasks", .status = KEYWORD_SKIPPED },
	{ .name = "quiet", .status = KEYWORD_SKIPPED },
	{ .name = "server-state-base", .status = KEYWORD_SKIPPED },
	{ .name = "server-state-file", .status = KEYWORD_SKIPPED },
	{ .name = "set-dumpable", .status = KEYWORD_SKIPPED },
	{ .name = "set-var", .status = KEYWORD_SKIPPED },
	{ .name = "set-var-fmt", .status = KEYWORD_SKIPPED },
	{ .name = "ssl-dh-param-file", .status = KEYWORD_SKIPPED },
	{ .name = "ssl-engine", .status = KEYWORD_SKIPPED },
	{ .name = "ssl-mode-async", .status = KEYWORD_SKIPPED },
	{ .name = "ssl-propquery", .status = KEYWORD_SKIPPED },
	{ .name = "ssl-provider", .status = KEYWORD_SKIPPED },
	{ .name = "ssl-provider-path", .status = KEYWORD_SKIPPED },
	{ .name = "ssl-skip-self-issued-ca", .status = KEYWORD_SKIPPED },
	{ .name = "strict-limits", .status = KEYWORD_SKIPPED },
	{ .name = "thread-group", .status = KEYWORD_SKIPPED },
	{ .name = "thread-groups", .status = KEYWORD_SKIPPED },
	{ .name = "tune.buffers.limit", .status = KEYWORD_SKIPPED },
	{ .name = "tune.buffers.reserve", .status = KEYWORD_SKIPPED },
	{ .name = "tune.bufsize", .status = KEYWORD_SKIPPED },
	{ .name = "tune.comp.maxlevel", .status = KEYWORD_SKIPPED },
	{ .name = "tune.fail-alloc", .status = KEYWORD_SKIPPED },
	{ .name = "tune.fd.edge-triggered", .status = KEYWORD_SKIPPED },
	{ .name = "tune.h2.header-table-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.h2.initial-window-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.h2.max-concurrent-streams", .status = KEYWORD_SKIPPED },
	{ .name = "tune.h2.max-frame-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.http.cookielen", .status = KEYWORD_SKIPPED },
	{ .name = "tune.http.logurilen", .status = KEYWORD_SKIPPED },
	{ .name = "tune.http.maxhdr", .status = KEYWORD_SKIPPED },
	{ .name = "tune.idle-pool.shared", .status = KEYWORD_SKIPPED },
	{ .name = "tune.idletimer", .status = KEYWORD_SKIPPED },
	{ .name = "tune.listener.multi-queue", .status = KEYWORD_SKIPPED },
	{ .name = "tune.lua.forced-yield", .status = KEYWORD_SKIPPED },
	{ .name = "tune.lua.maxmem", .status = KEYWORD_SKIPPED },
	{ .name = "tune.lua.service-timeout", .status = KEYWORD_SKIPPED },
	{ .name = "tune.lua.session-timeout", .status = KEYWORD_SKIPPED },
	{ .name = "tune.lua.task-timeout", .status = KEYWORD_SKIPPED },
	{ .name = "tune.maxaccept", .status = KEYWORD_SKIPPED },
	{ .name = "tune.maxpollevents", .status = KEYWORD_SKIPPED },
	{ .name = "tune.maxrewrite", .status = KEYWORD_SKIPPED },
	{ .name = "tune.pattern.cache-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.peers.max-updates-at-once", .status = KEYWORD_SKIPPED },
	{ .name = "tune.pipesize", .status = KEYWORD_SKIPPED },
	{ .name = "tune.pool-high-fd-ratio", .status = KEYWORD_SKIPPED },
	{ .name = "tune.pool-low-fd-ratio", .status = KEYWORD_SKIPPED },
	{ .name = "tune.quic.frontend.conn-tx-buffers.limit", .status = KEYWORD_SKIPPED },
	{ .name = "tune.quic.frontend.max-idle-timeout", .status = KEYWORD_SKIPPED },
	{ .name = "tune.quic.frontend.max-streams-bidi", .status = KEYWORD_SKIPPED },
	{ .name = "tune.quic.retry-threshold", .status = KEYWORD_SKIPPED },
	{ .name = "tune.recv_enough", .status = KEYWORD_SKIPPED },
	{ .name = "tune.runqueue-depth", .status = KEYWORD_SKIPPED },
	{ .name = "tune.sched.low-latency", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.cachesize", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.capture-buffer-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.capture-cipherlist-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.default-dh-param", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.force-private-cache", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.hard-maxrecord", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.keylog", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.maxrecord", .status = KEYWORD_SKIPPED },
	{ .name = "tune.ssl.ssl-ctx-cache-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.vars.check-max-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.vars.global-max-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.vars.proc-max-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.vars.reqres-max-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.vars.sess-max-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.vars.txn-max-size", .status = KEYWORD_SKIPPED },
	{ .name = "tune.zlib.memlevel", .status = KEYWORD_SKIPPED },
	{ .name = "tune.zlib.windowsize", .status = KEYWORD_SKIPPED },
	{ .name = "uid", .status = KEYWORD_SKIPPED },
	{ .name = "unix-bind", .status = KEYWORD_SKIPPED },
	{ .name = "user", .status = KEYWORD_SKIPPED },
	{ .name = "wurfl-cache-size", .status = KEYWORD_SKIPPED },
	{ .name = "wurfl-data-file", .status = KEYWORD_SKIPPED },
	{ .name = "wurfl-information-list", .status = KEYWORD_SKIPPED },
	{ .name = "wurfl-information-list-separator", .status = KEYWORD_SKIPPED },
	{ .name = "zero-warning", .status = KEYWORD_SKIPPED },
};

const struct keywords section_global_keywords = { table, sizeof(table) / sizeof(table[0]) };
