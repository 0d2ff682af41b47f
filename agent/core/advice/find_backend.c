/* Servers and stickiness of backends. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/advice/adviser.h"

/* ---- stickiness ------------------------------------------------------------------------------ */

/* Is it computed in Lua, without an agent, where this backend's clients go? */
static bool
is_ranked(const struct adviser *a, const struct proxy *b)
{
	for (size_t i = 0; i < a->n_askers; i++)
		if (proxy_first_mention(a->askers[i].p, "tcp-request content lua.usher_rank",
					b->name) != SIZE_MAX)
			return true;
	return false;
}

/* Are all its clients refused while usher is away? Then nothing is chosen without it. */
static bool
is_behind_closed_doors(const struct adviser *a, const struct proxy *b)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct proxy *p = a->askers[i].p;
		const struct frontend_policy *f = policy_frontend(a->in->policy, str_of(p->name));

		if ((p->default_backend == b || adviser_names_others(a, p)) && !(f && f->closed))
			return false;
	}
	return true;
}

bool
adviser_lacks_stick(const struct adviser *a, const struct proxy *b)
{
	const struct backend_policy *bp = policy_backend(a->in->policy, str_of(b->name));

	return b->n_servers > 1 && b->mode == PROXY_TCP && !(bp && bp->not_sticky) &&
	       !is_ranked(a, b) && !is_behind_closed_doors(a, b) &&
	       proxy_last_line(b, "stick on") == SIZE_MAX &&
	       proxy_last_line(b, "stick match") == SIZE_MAX;
}

void
find_no_stick(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_named; i++) {
		const struct proxy *b = a->named[i];

		if (!adviser_lacks_stick(a, b))
			continue;
		advise(a, FINDING_WARNING, b->at,
		       "%s '%s': while usher is away nothing sends clients back to their server; "
		       "add 'stick-table type binary len 20 size 1m expire 30m' and 'stick on "
		       "var(txn.mqtt_client_id),sha1'",
		       proxy_kind_name(b->kind), b->name);
	}
}

/* The stick-table that a stick line uses, or NULL. */
static const struct raw_line *
table_of(const struct topology *t, const struct proxy *b, const struct raw_line *stick)
{
	const struct proxy *owner = b;
	size_t at;

	for (size_t i = 2; i + 1 < stick->n; i++)
		if (strcmp(stick->words[i], "table") == 0) {
			owner = topology_backend(t, str_of(stick->words[i + 1]));
			if (!owner)
				owner = topology_frontend(t, str_of(stick->words[i + 1]));
		}
	at = owner ? proxy_last_line(owner, "stick-table") : SIZE_MAX;
	return at == SIZE_MAX ? NULL : &owner->all[at];
}

/* Bytes of a key; 0 when keys of that type are not cut. */
static unsigned long
key_length(const struct raw_line *table)
{
	unsigned long length = 0;

	for (size_t i = 1; i < table->n; i++) {
		if (strcmp(table->words[i], "string") == 0 ||
		    strcmp(table->words[i], "binary") == 0)
			length = 32; /* HAProxy's default */
		if (strcmp(table->words[i], "len") == 0)
			length = strtoul(line_word(table, i + 1), NULL, 10);
	}
	return length;
}

static bool
sets_raw_mqtt(const struct raw_line *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (expression_is_hashed(l->words[i]))
			return false;
	return line_mentions(l, "mqtt_field_value");
}

/* Directly, or by a variable that some frontend set so. */
bool
adviser_is_raw_key(const struct adviser *a, const struct raw_line *stick)
{
	const struct topology *t = a->in->topology;
	char set[VARIABLE + 16], variable[VARIABLE], expression[EXPRESSION];

	if (!line_starts(stick, "stick"))
		return false;
	stick_expression(stick, expression);

	if (expression_is_hashed(expression))
		return false;
	if (strstr(expression, "mqtt_field_value"))
		return true;
	if (!expression_variable(expression, variable)[0])
		return false;
	snprintf(set, sizeof(set), "set-var(%s)", variable);
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];
		size_t at = proxy_last_mention(p, "tcp-request content", set);

		if (at != SIZE_MAX && sets_raw_mqtt(&p->all[at]))
			return true;
	}
	return false;
}

/* No CONNECT that HAProxy takes is longer (tune.bufsize less tune.maxrewrite). */
enum { CONNECT_MAX = 15360 };

void
find_stick_len(const struct adviser *a)
{
	const struct topology *t = a->in->topology;

	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *b = t->proxies[i];

		for (size_t j = 0; j < b->n_all; j++) {
			const struct raw_line *stick = &b->all[j], *table;
			unsigned long length;

			if (!adviser_is_raw_key(a, stick))
				continue;
			table = table_of(t, b, stick);
			length = table ? key_length(table) : 0;
			if (length > 0 && length < CONNECT_MAX)
				advise(a, FINDING_WARNING, table->at,
				       "%s '%s': client ids that share their first %lu bytes "
				       "become one client; write 'stick-table type binary len 20 "
				       "…' and 'stick on var(txn.mqtt_client_id),sha1'",
				       proxy_kind_name(b->kind), b->name, length);
		}
	}
}

/* ---- health checks --------------------------------------------------------------------------- */

/* "emqx1, emqx2" of those servers that `wants` selects, into out; the first one, or NULL. */
static const struct server *
list_servers(const struct proxy *b, bool (*wants)(const struct server *s), char *out, size_t size)
{
	const struct server *first = NULL;
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < b->n_servers; i++) {
		const struct server *s = b->servers[i];

		if (!wants(s))
			continue;
		if (len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", first ? ", " : "",
						s->name);
		if (!first)
			first = s;
	}
	return first;
}

static bool
is_unchecked(const struct server *s)
{
	return !s->check && !s->check_send_proxy;
}

static bool
is_unchecked_with_header(const struct server *s)
{
	return !s->check && s->check_send_proxy;
}

enum { SERVERS_SHOWN = 200 };

void
find_no_check(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_named; i++) {
		const struct proxy *b = a->named[i];
		char names[SERVERS_SHOWN];
		const struct server *s = list_servers(b, is_unchecked, names, sizeof(names));

		if (s)
			advise(a, FINDING_WARNING, s->at,
			       "%s '%s': no health checks, so neither HAProxy nor usher learns "
			       "that a server is dead: %s; add 'check inter 1s fall 2 rise 1'",
			       proxy_kind_name(b->kind), b->name, names);
	}
}

void
find_check_send_proxy(const struct adviser *a)
{
	const struct topology *t = a->in->topology;

	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *b = t->proxies[i];
		char names[SERVERS_SHOWN];
		const struct server *s =
			list_servers(b, is_unchecked_with_header, names, sizeof(names));

		if (s)
			advise(a, FINDING_WARNING, s->at,
			       "%s '%s': check-send-proxy alone makes no health checks: %s; add "
			       "'check'",
			       proxy_kind_name(b->kind), b->name, names);
	}
}

/* The check that counts: the last `option …chk` or `option …-check`. */
static bool
is_checked_by_dialogue(const struct proxy *b)
{
	bool tcp_check = false;

	for (size_t i = 0; i < b->n_all; i++) {
		const char *option = line_word(&b->all[i], 1);

		if (line_starts(&b->all[i], "option") &&
		    (strstr(option, "-check") || strstr(option, "chk")) &&
		    strcmp(option, "log-health-checks") != 0)
			tcp_check = strcmp(option, "tcp-check") == 0;
	}
	return tcp_check;
}

/* A dialogue with MQTT: bytes of a CONNECT are sent, an answer is expected. */
static bool
is_checked_by_mqtt(const struct proxy *b)
{
	bool sends = false;

	for (size_t i = 0; i < b->n_all; i++) {
		const struct raw_line *l = &b->all[i];

		if (line_starts(l, "tcp-check send-binary") ||
		    line_starts(l, "tcp-check send-binary-lf"))
			sends |= strncmp(line_word(l, 2), "10", 2) == 0;
	}
	return sends && is_checked_by_dialogue(b) &&
	       proxy_last_line(b, "tcp-check expect") != SIZE_MAX;
}

/* Does the check's connection begin with the header? `tcp-check connect` says so anew. */
static bool
check_sends_header(const struct proxy *b, const struct server *s)
{
	bool connects = false, sends = false;

	for (size_t i = 0; i < b->n_all; i++) {
		const struct raw_line *l = &b->all[i];

		if (!line_starts(l, "tcp-check connect"))
			continue;
		connects = true;
		for (size_t w = 2; w < l->n; w++) {
			bool as_server = strcmp(l->words[w], "default") == 0;

			sends |= as_server ? s->check_send_proxy || !s->check_elsewhere
					   : strcmp(l->words[w], "send-proxy") == 0;
		}
	}
	return connects ? sends : s->check_send_proxy || !s->check_elsewhere;
}

static bool
never_sends_local(const struct topology *t)
{
	for (size_t i = 0; i < t->n_global; i++)
		if (line_starts(&t->global[i], "pp2-never-send-local"))
			return true;
	return false;
}

void
find_bare_header(const struct adviser *a)
{
	const struct topology *t = a->in->topology;

	for (size_t i = 0; i < t->n_proxies && !never_sends_local(t); i++) {
		const struct proxy *b = t->proxies[i];

		for (size_t j = 0; is_checked_by_mqtt(b) && j < b->n_servers; j++) {
			const struct server *s = b->servers[j];

			if (!s->check || !(s->proxy_header & PROXY_HEADER_V2) ||
			    (s->proxy_header & PROXY_HEADER_TLV) || !check_sends_header(b, s))
				continue;
			advise(a, FINDING_ALERT, s->at,
			       "%s '%s': checks begin with an empty PROXY v2 header, after which "
			       "EMQX answers nothing, so healthy servers are marked down; add "
			       "'proxy-v2-options crc32c' to the server lines, or "
			       "'pp2-never-send-local' to the global section",
			       proxy_kind_name(b->kind), b->name);
			break; /* one for all its servers */
		}
	}
}

void
find_no_redispatch(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_named; i++) {
		const struct proxy *b = a->named[i];

		if (b->n_servers > 1 && !proxy_has_option(b, "redispatch"))
			advise(a, FINDING_WARNING, b->at,
			       "%s '%s': a client sent to a server that has just died is retried "
			       "there and then closed; add 'option redispatch 1'",
			       proxy_kind_name(b->kind), b->name);
	}
}
