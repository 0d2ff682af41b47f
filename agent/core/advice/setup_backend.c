/* A backend: follow the choice, stick without usher, notice dead servers. */
#include <stdio.h>

#include "agent/core/advice/mend.h"
#include "agent/core/advice/planner.h"

/* The last of its own lines before the first server. */
static struct place
before_servers(const struct proxy *proxy)
{
	struct place at = proxy->at;

	for (size_t i = 0; i < proxy->n_all; i++) {
		const struct raw_line *l = &proxy->all[i];

		if (!line_is_own(l, proxy))
			continue;
		if (line_starts(l, "server") || line_starts(l, "server-template"))
			break;
		at = l->at;
	}
	return at;
}

/* The words of a stick-table line, with a key that is a hash. */
static void
add_hashed_table(const struct raw_line *table, struct new_lines *o)
{
	char rest[EXPRESSION] = "";
	size_t len = 0;

	for (size_t i = 1; i < table->n && len < sizeof(rest); i++) {
		if (strcmp(table->words[i], "type") == 0 || strcmp(table->words[i], "len") == 0)
			i++;
		else
			len += (size_t)snprintf(rest + len, sizeof(rest) - len, " %s",
						table->words[i]);
	}
	planner_line(o, "stick-table type binary len 20%s", rest);
}

/* "stick on KEY …" with the hash of the client id as its key. */
static void
add_hashed_stick(const struct raw_line *stick, struct new_lines *o)
{
	char tail[EXPRESSION] = "";
	size_t len = 0, i = 2;

	while (i < stick->n && strcmp(stick->words[i], "table") != 0 &&
	       strcmp(stick->words[i], "if") != 0 && strcmp(stick->words[i], "unless") != 0)
		i++;
	for (; i < stick->n && len < sizeof(tail); i++)
		len += (size_t)snprintf(tail + len, sizeof(tail) - len, " %s", stick->words[i]);
	planner_line(o, "stick %s var(txn.mqtt_client_id),sha1%s", stick->words[1], tail);
}

/* Sticks this backend by a key that may be cut? Then its table and its lines are to be replaced. */
static bool
has_raw_key(const struct planner *p, const struct proxy *b)
{
	for (size_t i = 0; i < b->n_all; i++)
		if (adviser_is_raw_key(&p->a, &b->all[i]) && line_is_own(&b->all[i], b))
			return true;
	return false;
}

static void
plan_hash(struct planner *p, const struct proxy *b)
{
	char indent[INDENT], title[TITLE];

	planner_section_indent(p, b, indent);
	planner_title(b, title);
	for (size_t i = 0; i < b->n_all && has_raw_key(p, b); i++) {
		const struct raw_line *l = &b->all[i];
		struct new_lines o = { .indent = planner_indent(p, l->at, indent) };

		if (!line_is_own(l, b))
			continue;
		if (line_starts(l, "stick-table")) {
			add_hashed_table(l, &o);
			planner_edit(p, l->at, true, &o, title,
				     "a key that is cut makes ids that begin alike one client");
		} else if (adviser_is_raw_key(&p->a, l)) {
			add_hashed_stick(l, &o);
			planner_edit(p, l->at, true, &o, title,
				     mend_is_needed(l) ? "HAProxy does not load this line; and the "
							 "key, made a hash, is never cut"
						       : "the key, made a hash, is never cut");
		}
	}
}

static bool
lacks_checks(const struct proxy *b)
{
	if (proxy_last_mention(b, "default-server", "check") != SIZE_MAX)
		return false;
	for (size_t i = 0; i < b->n_servers; i++)
		if (!b->servers[i]->check)
			return true;
	return false;
}

static void
add_stick(struct planner *p, const struct proxy *b, struct new_lines *o)
{
	char title[TITLE];

	if (!adviser_lacks_stick(&p->a, b))
		return;
	if (proxy_last_line(b, "stick-table") != SIZE_MAX) {
		planner_note(p,
			     "%s (%s:%d) uses its stick-table for something else: while usher is "
			     "away nothing sends clients back to their server",
			     planner_title(b, title), b->at.file, b->at.line);
		return;
	}
	planner_line(o, "# What HAProxy falls back on while usher is away.");
	planner_line(o, "stick-table type binary len 20 size 1m expire 30m");
	planner_line(o, "stick on var(txn.mqtt_client_id),sha1");
}

void
planner_backend(struct planner *p, const struct proxy *b)
{
	static const char *const servers[] = { "srv1", "srv2", "srv3" };
	char indent[INDENT], title[TITLE];
	struct new_lines o = { .indent = planner_section_indent(p, b, indent) };
	const char *prefix = p->a.askers[0].prefix;

	plan_hash(p, b);
	add_stick(p, b, &o);
	for (size_t i = 0; i < 3; i++)
		if (!adviser_uses_variable(&p->a, b, "use-server", servers[i]))
			planner_line(&o,
				     "use-server %%[var(txn.%s.%s)] if { var(txn.%s.%s) -m found }",
				     prefix, servers[i], prefix, servers[i]);
	if (!proxy_has_option(b, "redispatch"))
		planner_line(&o, "option redispatch 1");
	if (proxy_first_mention(b, "tcp-response content", "mqtt_") != SIZE_MAX &&
	    !proxy_has_inspect_delay(b, "tcp-response"))
		planner_line(&o, "tcp-response inspect-delay 5s");
	if (lacks_checks(b))
		planner_line(&o, "default-server check inter 1s fall 2 rise 1 on-marked-down "
				 "shutdown-sessions");
	planner_edit(p, before_servers(b), false, &o, planner_title(b, title),
		     "follow usher's choice, notice dead servers");
}
