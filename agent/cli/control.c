/* The service's JSON, laid out for people. */
#include "agent/cli/control.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/core/base/str.h"

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "-";
}

static void
print_time(long long when)
{
	time_t t = (time_t)when;
	struct tm utc;
	char out[32];

	gmtime_r(&t, &utc);
	strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%SZ", &utc);
	fputs(out, stdout);
}

static void
print_haproxy(const json_t *haproxy)
{
	json_t *engines = json_object_get(haproxy, "engines"), *engine;
	size_t i;

	if (json_is_true(json_object_get(haproxy, "runtime_socket")))
		printf("haproxy    %s pid %lld up %lld s\n", text(haproxy, "version"),
		       number(haproxy, "pid"), number(haproxy, "uptime_s"));
	else
		puts("haproxy    its runtime socket does not answer");
	printf("engines    %zu connected\n", json_array_size(engines));
	json_array_foreach(engines, i, engine)
		printf("           %s, connections %lld\n", text(engine, "id"),
		       number(engine, "connections"));
}

/* NULL: the one that was asked does not stand by. */
static void
print_standby(const json_t *standby)
{
	if (!standby)
		return;
	printf("standby    %s for %lld s, %lld sessions; %lld takeovers, %lld given back",
	       text(standby, "state"), number(standby, "for_ms") / 1000,
	       number(standby, "sessions"), number(standby, "takeovers"),
	       number(standby, "given_back"));
	if (number(standby, "takeovers"))
		printf("; the last one %s, %.1f ms", text(standby, "reason"),
		       json_real_value(json_object_get(standby, "last_ms")));
	putchar('\n');
}

static void
print_servers(const json_t *servers)
{
	json_t *s;
	size_t i;

	printf("\n%-24s %-20s %-6s %6s %9s\n", "backend", "server", "state", "weight", "sessions");
	json_array_foreach(servers, i, s)
		printf("%-24s %-20s %-6s %6lld %9lld\n", text(s, "backend"), text(s, "server"),
		       text(s, "state"), number(s, "weight"), number(s, "sessions"));
}

static void
print_refusals(json_t *refusals)
{
	const char *reason;
	json_t *n;
	bool any = false;

	json_object_foreach(refusals, reason, n)
	{
		if (json_integer_value(n) == 0)
			continue;
		printf("%s%s %lld", any ? ", " : "refusals   ", reason, json_integer_value(n));
		any = true;
	}
	puts(any ? "" : "refusals   none");
}

static void
print_reload(const json_t *reload)
{
	if (number(reload, "last") == 0) {
		puts("reload     none yet");
		return;
	}
	printf("reload     %s at ",
	       json_is_true(json_object_get(reload, "last_refused")) ? "REFUSED" : "done");
	print_time(number(reload, "last"));
	printf(", %lld done, %lld refused\n", number(reload, "done"), number(reload, "refused"));
}

static void
print_status(const json_t *status)
{
	const json_t *entries = json_object_get(status, "entries");
	const json_t *counters = json_object_get(status, "counters");

	printf("usher      %s up %lld s, %lld workers\n", text(status, "version"),
	       number(status, "uptime_s"), number(status, "workers"));
	print_haproxy(json_object_get(status, "haproxy"));
	print_standby(json_object_get(status, "standby"));
	printf("decisions  %.1f a second; %lld accepted, %lld rejected, %lld answered empty\n",
	       json_real_value(json_object_get(status, "decisions_per_s")),
	       number(counters, "accepted"), number(counters, "rejected"),
	       number(counters, "overloaded"));
	printf("entries    %lld of %lld, %lld tentative, %lld pushed out\n",
	       number(entries, "total"), number(entries, "max"), number(entries, "tentative"),
	       number(entries, "evicted"));
	print_refusals(json_object_get(status, "refusals"));
	print_reload(json_object_get(status, "reload"));
	print_servers(json_object_get(status, "servers"));
}

/* The first backend none of whose servers is up, or NULL. */
static const char *
backend_without_server(const json_t *servers)
{
	size_t n = json_array_size(servers);

	for (size_t i = 0, end; i < n; i = end) {
		const char *backend = text(json_array_get(servers, i), "backend");
		bool up = false;

		for (end = i; end < n; end++) {
			const json_t *s = json_array_get(servers, end);

			if (strcmp(text(s, "backend"), backend) != 0)
				break;
			up |= strcmp(text(s, "state"), "up") == 0;
		}
		if (!up)
			return backend;
	}
	return NULL;
}

static bool
any_broker_is_up(const json_t *servers)
{
	for (size_t i = 0; i < json_array_size(servers); i++) {
		const json_t *s = json_array_get(servers, i);

		if (json_is_true(json_object_get(s, "broker")) &&
		    strcmp(text(s, "state"), "up") == 0)
			return true;
	}
	return false;
}

/* What `usher run` says of itself, but for "standby", where all is well. */
static const struct standing {
	const char *state, *words;
	bool is_outage; /* nobody listens, or nobody answers */
} standings[] = {
	{ "waiting", "HAProxy is not there", true },
	{ "hung", "HAProxy listens and does not answer", true },
	{ "doubt", "HAProxy is gone", true },
	{ "stopped", "HAProxy was stopped, and nobody serves in its place", true },
	{ "reigning", "usher serves in HAProxy's place", false },
	{ "unfit", "usher cannot take HAProxy's place, see its log", false },
};

/* NULL: "standby", or the one that was asked does not stand by. */
static const struct standing *
find_standing(const json_t *status)
{
	const char *state = text(json_object_get(status, "standby"), "state");

	for (size_t i = 0; i < sizeof(standings) / sizeof(standings[0]); i++)
		if (strcmp(state, standings[i].state) == 0)
			return &standings[i];
	return NULL;
}

/* Does HAProxy carry the clients, and is usher unable to ask it? */
static bool
haproxy_is_silent(const json_t *status)
{
	const json_t *haproxy = json_object_get(status, "haproxy");
	const struct standing *standing = find_standing(status);

	return json_is_true(json_object_get(haproxy, "wanted")) &&
	       !json_is_true(json_object_get(haproxy, "runtime_socket")) &&
	       !(standing && strcmp(standing->state, "reigning") == 0);
}

/*
 * Why no client gets to a broker through this machine, or NULL. Another machine may do better, so
 * this, and no mere warning, moves the address that two of them share.
 */
static const char *
outage(const json_t *status)
{
	const json_t *haproxy = json_object_get(status, "haproxy");
	const struct standing *standing = find_standing(status);

	if (standing && standing->is_outage)
		return standing->words;
	if (haproxy_is_silent(status) &&
	    json_is_true(json_object_get(haproxy, "has_runtime_socket")))
		return "HAProxy's runtime socket does not answer";
	if (!any_broker_is_up(json_object_get(status, "servers")))
		return "no broker is up";
	return NULL;
}

static int
check(const json_t *status)
{
	const char *backend = backend_without_server(json_object_get(status, "servers"));
	const struct standing *standing = find_standing(status);
	const char *reason = outage(status);

	if (reason) {
		printf("CRITICAL: %s\n", reason);
		return 2;
	}
	if (json_is_true(json_object_get(json_object_get(status, "reload"), "last_refused"))) {
		puts("WARNING: the last reload was refused");
	} else if (standing) {
		printf("WARNING: %s\n", standing->words);
	} else if (haproxy_is_silent(status)) {
		puts("WARNING: haproxy.cfg has no runtime socket that usher could ask");
	} else if (backend) {
		printf("WARNING: backend %s has no server up\n", backend);
	} else {
		printf("OK: %.1f decisions a second\n",
		       json_real_value(json_object_get(status, "decisions_per_s")));
		return 0;
	}
	return 1;
}

int
cli_status(const struct admin_address *a, bool json, bool check_only)
{
	int http = 0, result = 0;
	json_t *status = admin_ask(a, "GET", "/v1/status", &http);

	if (!status || http != 200) {
		json_decref(status);
		return 2;
	}
	if (check_only)
		result = check(status);
	else if (json)
		json_dumpf(status, stdout, JSON_INDENT(2)), putchar('\n');
	else
		print_status(status);
	json_decref(status);
	return result;
}

int
cli_reload(const struct admin_address *a)
{
	int http = 0;
	json_t *answer = admin_ask(a, "POST", "/v1/reload", &http);
	int result = answer && http == 200 ? 0 : 1;

	if (answer && result)
		fprintf(stderr, "usher: %s: %s\n", text(answer, "error"), text(answer, "detail"));
	else if (answer)
		puts("reloaded");
	json_decref(answer);
	return result;
}
