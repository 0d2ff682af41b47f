/* Commands that change servers. Whoever comes in for a word too few hears HAProxy's words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/statistics.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"
#include "agent/runtime/cli.h"

/* ---- weight ---------------------------------------------------------------------------------- */

/* Algorithms that give servers their places once: HAProxy takes no other weight for them. */
static bool
is_static(const struct proxy *p)
{
	for (size_t i = p->n_all; i-- > 0;)
		if (strcmp(p->all[i].words[0], "balance") == 0 && p->all[i].n > 1 &&
		    strcmp(p->all[i].words[1], "static-rr") == 0)
			return true;
	return p->balance == BALANCE_SOURCE || p->balance == BALANCE_HASH;
}

/* "50" or "50%" of the file's. NULL, or what is wrong. */
static const char *
read_weight(const struct target_server *t, const char *text, long *weight)
{
	char *end;

	if (!*text)
		return "Require <weight> or <weight%>.\n";
	*weight = strtol(text, &end, 10);
	if (end == text)
		return "Empty weight string empty or preceded by garbage";
	if (strcmp(end, "%") == 0) {
		if (*weight < 0)
			return "Relative weight must be positive.\n";
		*weight = *weight > 25600 ? 256 : *weight * t->server->weight / 100;
		*weight = *weight > 256 ? 256 : *weight;
	} else if (*end) {
		return "Trailing garbage in weight string";
	} else if (*weight < 0 || *weight > 256) {
		return "Absolute weight can only be between 0 and 256 inclusive.\n";
	}
	if (is_static(t->backend) && *weight != 0 && *weight != t->server->weight)
		return "Backend is using a static LB algorithm and only accepts weights '0%' and "
		       "'100%'.\n";
	return NULL;
}

static void
change_weight(struct cli *c, const struct target_server *t, const char *text)
{
	long weight = 0;
	const char *wrong = read_weight(t, text, &weight);

	if (wrong)
		cli_say(c, "%s", wrong);
	else
		operations_set_weight(c->o, t, (uint16_t)weight);
}

void
set_weight(struct cli *c)
{
	struct target_server t;

	if (cli_find_server(c, c->command.words[2], &t))
		change_weight(c, &t, c->command.words[3]);
}

void
get_weight(struct cli *c)
{
	struct target_server t;

	if (cli_find_server(c, c->command.words[2], &t))
		cli_say(c, "%u (initial %u)\n", pool_server(t.pool, t.server->index).weight,
			t.server->weight);
}

/* ---- state and health ------------------------------------------------------------------------ */

static void
change_state(struct cli *c, const struct target_server *t, const char *word)
{
	static const char *const words[] = { "ready", "drain", "maint" };

	for (enum operator_state i = OPERATOR_READY; i <= OPERATOR_MAINT; i++)
		if (strcmp(word, words[i]) == 0) {
			operations_set_state(c->o, t, i);
			return;
		}
	cli_say(c, "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n");
}

static void
change_health(struct cli *c, const struct target_server *t, const char *word)
{
	enum server_status to = strcmp(word, "up") == 0		? SERVER_UP
				: strcmp(word, "stopping") == 0 ? SERVER_DRAIN
				: strcmp(word, "down") == 0	? SERVER_DOWN
								: N_SERVER_STATUSES;

	if (t->server->tracked)
		cli_say(c, "cannot change health on a tracking server.\n");
	else if (to == N_SERVER_STATUSES)
		cli_say(c, "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n");
	else
		(void)operations_set_health(c->o, t, to);
}

void
enable_server(struct cli *c)
{
	struct target_server t;

	if (cli_find_server(c, c->command.words[2], &t))
		operations_set_state(c->o, &t, OPERATOR_READY);
}

void
disable_server(struct cli *c)
{
	struct target_server t;

	if (cli_find_server(c, c->command.words[2], &t))
		operations_set_state(c->o, &t, OPERATOR_MAINT);
}

/* ---- address --------------------------------------------------------------------------------- */

static const char *
ip_text(const struct addr *a, char *text)
{
	struct ip ip;

	addr_ip(a, &ip);
	return ip_format(&ip, text);
}

/* An IP address alone, into *a, which has the port of `old`. */
static bool
read_ip(const char *text, const struct addr *old, struct addr *a)
{
	struct ip ip;

	if (!ip_parse(str_of(text), &ip))
		return false;
	*a = (struct addr){ 0 };
	if (ip.family == 4) {
		a->len = sizeof(a->in);
		a->in.sin_family = AF_INET;
		memcpy(&a->in.sin_addr, ip.bytes, 4);
	} else {
		a->len = sizeof(a->in6);
		a->in6.sin6_family = AF_INET6;
		memcpy(&a->in6.sin6_addr, ip.bytes, 16);
	}
	addr_default_port(a, addr_port(old));
	return true;
}

static void
set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

/* What is said of it, both to who asked and to the log: HAProxy's sentence. */
struct change {
	char ip[2 * IP_TEXT + 40], port[80];
};

static void
say_change(struct cli *c, const struct target_server *t, const struct change *change)
{
	cli_say(c, "%s%s%s by 'stats socket command'\n", change->ip, *change->port ? ", " : "",
		change->port);
	log_line(LOG_WARNING, "%s/%s changed its %s%s%s by 'stats socket command'",
		 t->backend->name, t->server->name, change->ip, *change->port ? ", " : "",
		 change->port);
}

static void
change_port(const char *text, struct addr *a, struct change *change)
{
	uint16_t old = addr_port(a), port;
	char *end;

	port = (uint16_t)strtol(text, &end, 10);
	if (end == text || *end) {
		snprintf(change->port, sizeof(change->port),
			 "problem converting port '%.20s' to an int", text);
	} else if (port == old) {
		snprintf(change->port, sizeof(change->port), "no need to change the port");
	} else {
		set_port(a, port);
		snprintf(change->port, sizeof(change->port), "port changed from '%u' to '%u'", old,
			 port);
	}
}

static void
change_address(struct cli *c, const struct target_server *t, const char *const *words)
{
	char from[IP_TEXT], to[IP_TEXT];
	struct change change = { 0 };
	struct addr old, a;

	(void)pool_addr(t->pool, t->server->index, &old);
	if (!words[0][0]) {
		cli_say(c, "set server <b>/<s> addr requires an address and optionally a port.\n");
		return;
	}
	if (!read_ip(words[0], &old, &a)) {
		cli_say(c, "Invalid addr '%s' by 'stats socket command'\n", words[0]);
		return;
	}
	ip_text(&old, from);
	ip_text(&a, to);
	if (old.len && strcmp(from, to) == 0)
		snprintf(change.ip, sizeof(change.ip), "no need to change the addr");
	else
		snprintf(change.ip, sizeof(change.ip), "IP changed from '%s' to '%s'", from, to);
	if (strcmp(words[1], "port") == 0)
		change_port(words[2], &a, &change);
	if (pool_set_addr(t->pool, t->server->index, &a))
		statistics_look(c->o, worker_now());
	say_change(c, t, &change);
}

/* ---- set server, set maxconn server ---------------------------------------------------------- */

void
set_server(struct cli *c)
{
	const char *const *words = c->command.words;
	struct target_server t;

	if (!cli_find_server(c, words[2], &t))
		return;
	if (strcmp(words[3], "state") == 0)
		change_state(c, &t, words[4]);
	else if (strcmp(words[3], "weight") == 0)
		change_weight(c, &t, words[4]);
	else if (strcmp(words[3], "health") == 0)
		change_health(c, &t, words[4]);
	else if (strcmp(words[3], "addr") == 0)
		change_address(c, &t, &words[4]);
	else
		cli_say(c, "usage: set server <backend>/<server> addr | health | state | weight\n");
}

void
set_maxconn_server(struct cli *c)
{
	const char *text = c->command.words[4];
	struct target_server t;
	char *end;
	long n;

	if (!cli_find_server(c, c->command.words[3], &t))
		return;
	n = strtol(text, &end, 10);
	if (!*text)
		cli_say(c, "Require <maxconn>.\n");
	else if (end == text)
		cli_say(c, "maxconn string empty or preceded by garbage");
	else if (*end)
		cli_say(c, "Trailing garbage in maxconn string");
	else
		pool_set_maxconn(t.pool, t.server->index, n < 0 ? 0 : (uint32_t)n);
}
