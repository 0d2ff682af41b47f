/*
 * A table of what is carried out, by first word; rules are looked at for usher's own variables,
 * because on a governed frontend the verdict stands in for them.
 */
#include "agent/proxy/language.h"

#include <string.h>

/* Lines that are carried out whole, or have no effect on what a client sees. */
static const char *const carried[] = {
	"frontend",	 "backend",	    "listen",		"defaults",	  "mode",
	"bind",		 "default_backend", "server",		"default-server", "server-template",
	"balance",	 "disabled",	    "enabled",		"filter",	  "retries",
	"log-format-sd", "description",	    "unique-id-format",
};

/* Words of `bind` and `server` without which a client or broker would meet something else. */
static const char *const refused_words[] = {
	"ssl",		 "accept-proxy",      "accept-netscaler-cip", "send-proxy",
	"send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "socks4",
};

/* What marks a rule as part of the question to usher, which is asked without it here. */
static const char *const own_marks[] = {
	"txn.usher.",	    "lua.usher_", "txn.mqtt_",	   "mqtt_is_valid",
	"mqtt_field_value", "usher-con",  "usher_tenants",
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_own_rule(const struct raw_line *line)
{
	for (size_t i = 1; i < line->n; i++)
		for (size_t j = 0; j < N(own_marks); j++)
			if (strstr(line->words[i], own_marks[j]))
				return true;
	return false;
}

static bool
is_timeout_of_ours(const struct raw_line *line)
{
	static const char *const names[] = { "client", "server", "connect" };

	return strcmp(line->words[0], "timeout") == 0 && line->n > 1 &&
	       str_is_one_of(line->words[1], names, N(names));
}

/* The verdict and usher's own sticky table stand in for these. */
static bool
is_answered_by_usher(const struct world *w, const struct proxy *p, const struct raw_line *line)
{
	static const char *const rules[] = { "tcp-request", "tcp-response", "use_backend",
					     "use-server", "stick" };

	if (!str_is_one_of(line->words[0], rules, N(rules)))
		return strcmp(line->words[0], "stick-table") == 0;
	if (line->n > 1 && strcmp(line->words[1], "inspect-delay") == 0)
		return world_governs(w, p) || !(p->kind & PROXY_FRONTEND);
	return is_own_rule(line);
}

static void
refuse_words(const struct raw_line *line, struct report *r)
{
	for (size_t i = 2; i < line->n; i++)
		if (str_is_one_of(line->words[i], refused_words, N(refused_words)))
			report_cfg(r, FINDING_ALERT,
				   "[%s:%d] : '%s' of '%s' is not carried out by usher proxy yet; "
				   "leave this line to HAProxy",
				   line->at.file, line->at.line, line->words[i], line->words[0]);
}

/* These count sessions that are there; usher proxy counts the clients it ever sent. */
static bool
counts_sessions(const struct raw_line *line)
{
	return strcmp(line->words[0], "balance") == 0 && line->n > 1 &&
	       (strcmp(line->words[1], "leastconn") == 0 ||
		strncmp(line->words[1], "random", 6) == 0);
}

static void
check_line(const struct world *w, const struct proxy *p, const struct raw_line *line,
	   struct report *r)
{
	if (strcmp(line->words[0], "bind") == 0 || strcmp(line->words[0], "server") == 0 ||
	    strcmp(line->words[0], "default-server") == 0)
		refuse_words(line, r);
	if (counts_sessions(line))
		report_cfg(
			r, FINDING_WARNING,
			"[%s:%d] : '%s %s' counts the clients sent to each server, not yet those "
			"that are there",
			line->at.file, line->at.line, line->words[0], line->words[1]);
	if (str_is_one_of(line->words[0], carried, N(carried)) || is_timeout_of_ours(line) ||
	    is_answered_by_usher(w, p, line))
		return;
	report_cfg(r, FINDING_WARNING, "[%s:%d] : '%s%s%s' is not carried out by usher proxy yet",
		   line->at.file, line->at.line, line->words[0], line->n > 1 ? " " : "",
		   line->n > 1 ? line->words[1] : "");
}

/* The SPOE backend is ours: it is never dialled. */
static bool
is_carried(const struct proxy *p)
{
	return p->mode == PROXY_TCP && !p->disabled;
}

/* A line of a defaults section, which every proxy behind it inherits, is looked at once. */
static bool
was_seen(const struct proxy *p, const struct raw_line *line, struct place *inherited)
{
	if (line->at.file != p->at.file || line->at.line >= p->at.line)
		return false;
	if (inherited->file == line->at.file && line->at.line <= inherited->line)
		return true;
	*inherited = line->at;
	return false;
}

void
language_check(const struct world *w, struct report *r)
{
	const struct topology *t = &w->topology;
	struct place inherited = { 0 };

	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		if (!is_carried(p)) {
			report_cfg(r, FINDING_WARNING,
				   "[%s:%d] : %s '%s' is not served by usher proxy: %s", p->at.file,
				   p->at.line, proxy_kind_name(p->kind), p->name,
				   p->disabled ? "it is disabled" : "mode http is not carried yet");
			continue;
		}
		for (size_t j = 0; j < p->n_all; j++)
			if (!was_seen(p, &p->all[j], &inherited))
				check_line(w, p, &p->all[j], r);
	}
}
