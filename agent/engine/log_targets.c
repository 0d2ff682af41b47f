/*
 * Proxies that share a target share its socket: one outlet for each address as it is written. The
 * count that `sample` goes by is each proxy's own, as in HAProxy.
 */
#include "agent/engine/log_targets.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/core/logline/line.h"
#include "agent/core/topology/address.h"
#include "agent/io/clock.h"
#include "agent/io/log.h"
#include "agent/io/outlet.h"

enum { SYSLOG_UDP_PORT = 514, HOST_NAME_BYTES = 256 };

struct log_targets {
	struct log_outlet {
		char *address; /* owned; as written */
		struct outlet outlet;
	} * *outlets; /* owned, and so is each */
	size_t n_outlets;
	struct proxy_targets {
		struct proxy_target {
			const struct log_target *t;
			struct log_outlet *outlet;
			_Atomic uint64_t n_lines;
		} * targets; /* owned */
		size_t n;
	} * proxies; /* owned; by index */
	size_t n_proxies;
	struct str tag, sent_hostname; /* of the topology, or constant */
	char hostname[HOST_NAME_BYTES];
	size_t longest;
	_Atomic uint64_t n_lost;
	struct log_limit complaints;
};

/* ---- making ---------------------------------------------------------------------------------- */

static void PRINTF_LIKE(4, 5) say_once(struct report *r, enum finding_level level,
				       const struct place *at, const char *fmt, ...)
{
	char *what, *whole;
	va_list args;
	bool said = false;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0 ||
	    asprintf(&whole, "parsing [%s:%d] : log : %s", at->file, at->line, what) < 0)
		abort();
	va_end(args);
	for (size_t i = 0; i < r->n; i++) /* who inherits a target inherits its faults */
		said |= strcmp(r->findings[i].text, whole) == 0;
	if (!said)
		report_cfg(r, level, "%s", whole);
	free(whole);
	free(what);
}

/* The first address of a name that has one. */
static bool
look_up(struct str name, struct addr *a)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	char *host = str_dup(name);
	struct addrinfo *found = NULL;
	bool ok = name.n && getaddrinfo(host, NULL, &hints, &found) == 0 &&
		  found->ai_addrlen <= sizeof(struct sockaddr_in6);

	if (ok) {
		*a = (struct addr){ .len = found->ai_addrlen };
		memcpy(&a->sa, found->ai_addr, found->ai_addrlen);
	}
	if (found)
		freeaddrinfo(found);
	free(host);
	return ok;
}

static bool
find_address(const struct log_target *t, struct addr *a, struct report *r)
{
	const char *text = strncmp(t->address, "udp", 3) == 0 && strchr(t->address, '@')
				   ? strchr(t->address, '@') + 1
				   : t->address;
	const char *colon = strrchr(text, ':');
	char why[ADDRESS_WHY];
	struct source read;
	enum address_result result = address_read(text, 0, &read, why);

	*a = read.addr;
	if (result == ADDRESS_NAMED &&
	    look_up((struct str){ text, colon ? (size_t)(colon - text) : strlen(text) }, a))
		result = ADDRESS_OK;
	if (result != ADDRESS_OK) {
		say_once(r, FINDING_ALERT, &t->at, "%s%s", why,
			 result == ADDRESS_NAMED ? "\n" : "");
		return false;
	}
	if (a->sa.sa_family != AF_UNIX)
		addr_default_port(a, read.port_min ? read.port_min : SYSLOG_UDP_PORT);
	return true;
}

/* "stdout", "stderr" and "fd@3" are descriptors; -1: none of them. */
static int
find_descriptor(const char *address)
{
	if (strcmp(address, "stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(address, "stderr") == 0)
		return STDERR_FILENO;
	return strncmp(address, "fd@", 3) == 0 ? (int)strtol(address + 3, NULL, 10) : -1;
}

/* Kinds of targets that usher has not. */
static bool
is_foreign(const char *address)
{
	static const char *const prefixes[] = { "ring@",   "tcp@",    "tcp4@", "tcp6@",
						"stream@", "stream+", "uxst@", "backend@" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(address, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool
open_outlet(const struct log_target *t, struct outlet *o, struct report *r)
{
	int fd = find_descriptor(t->address), error;
	struct addr a;

	if (fd >= 0) {
		outlet_open_descriptor(o, fd);
		return true;
	}
	if (!find_address(t, &a, r))
		return false;
	error = outlet_open(o, &a);
	if (error)
		say_once(r, FINDING_ALERT, &t->at, "cannot create socket for '%s' (%s)", t->address,
			 strerror(-error));
	return error == 0;
}

static struct log_outlet *
take_outlet(struct log_targets *l, const struct log_target *t, struct report *r)
{
	struct log_outlet *o;

	for (size_t i = 0; i < l->n_outlets; i++)
		if (strcmp(l->outlets[i]->address, t->address) == 0)
			return l->outlets[i];
	o = xcalloc(1, sizeof(*o));
	if (!open_outlet(t, &o->outlet, r)) {
		free(o);
		return NULL;
	}
	o->address = str_dup(str_of(t->address));
	ARRAY_GROW(l->outlets, l->n_outlets);
	return l->outlets[l->n_outlets++] = o;
}

static void
add_target(struct log_targets *l, struct proxy_targets *to, const struct log_target *t,
	   struct report *r)
{
	struct log_outlet *o;

	if (is_foreign(t->address)) {
		say_once(r, FINDING_WARNING, &t->at,
			 "'%s' is ignored by usher proxy: it sends log lines to UDP and UNIX "
			 "sockets and to descriptors; none goes there.",
			 t->address);
		return;
	}
	o = take_outlet(l, t, r);
	if (!o)
		return;
	to->targets[to->n++] = (struct proxy_target){ .t = t, .outlet = o };
	if (t->len > l->longest)
		l->longest = t->len;
}

static bool
is_carried(const struct proxy *p)
{
	return proxy_is_carried(p);
}

static struct str
sent_hostname(const struct log_targets *l, const struct topology *t)
{
	if (!t->log_send_hostname)
		return STR("");
	return str_of(t->log_send_hostname[0] ? t->log_send_hostname : l->hostname);
}

struct log_targets *
log_targets_new(const struct topology *t, struct report *r)
{
	struct log_targets *l = xcalloc(1, sizeof(*l));

	if (gethostname(l->hostname, sizeof(l->hostname) - 1) < 0)
		l->hostname[0] = '\0';
	l->tag = t->log_tag ? str_of(t->log_tag) : STR("haproxy");
	l->sent_hostname = sent_hostname(l, t);
	l->n_proxies = t->n_proxies;
	l->proxies = xcalloc(t->n_proxies + 1, sizeof(*l->proxies));
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];
		struct proxy_targets *to = &l->proxies[i];

		to->targets = xcalloc(p->n_logs + 1, sizeof(*to->targets));
		for (size_t k = 0; is_carried(p) && k < p->n_logs; k++)
			add_target(l, to, &p->logs[k], r);
	}
	return l;
}

void
log_targets_free(struct log_targets *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_outlets; i++) {
		outlet_close(&l->outlets[i]->outlet);
		free(l->outlets[i]->address);
		free(l->outlets[i]);
	}
	for (size_t i = 0; i < l->n_proxies; i++)
		free(l->proxies[i].targets);
	free(l->outlets);
	free(l->proxies);
	free(l);
}

bool
log_targets_any(const struct log_targets *l, const struct proxy *p)
{
	return l->proxies[p->index].n > 0;
}

size_t
log_targets_longest(const struct log_targets *l)
{
	return l->longest;
}

struct str
log_targets_hostname(const struct log_targets *l)
{
	return str_of(l->hostname);
}

uint64_t
log_targets_lost(const struct log_targets *l)
{
	return atomic_load(&l->n_lost);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void
note_lost(struct log_targets *l, const struct log_outlet *o, int error)
{
	uint32_t left_out;
	char target[256];

	atomic_fetch_add(&l->n_lost, 1);
	if (log_limit_pass(&l->complaints, &left_out))
		log_line(LOG_WARNING, "log line lost target=\"%s\" reason=\"%s\" more=%u",
			 str_escape(str_of(o->address), target, sizeof(target)), strerror(-error),
			 left_out);
}

/* HAProxy counts the newline of what goes into a descriptor, and of datagrams does not. */
static size_t
room_of(const struct proxy_target *p)
{
	return p->t->len - (p->outlet->outlet.to.len ? 0 : 1);
}

static void
send_line(struct log_targets *l, const struct proxy_target *p, const struct line_head *head,
	  struct str text)
{
	char line[LOG_LEN_MAX + 1];
	size_t n = line_write(head, text, line, room_of(p));
	int error = outlet_send(&p->outlet->outlet, line, n);

	if (error)
		note_lost(l, p->outlet, error);
}

void
log_targets_send(struct log_targets *l, const struct proxy *p, enum log_severity severity,
		 struct str data, struct str text)
{
	struct proxy_targets *to = &l->proxies[p->index];
	struct wall_clock now = wall_clock_now();
	struct line_head head = {
		.tag = p->log_tag ? str_of(p->log_tag) : l->tag,
		.hostname = l->sent_hostname,
		.data = data,
		.pid = getpid(),
		.now_us = now.us,
		.utc_offset_s = now.utc_offset_s,
	};

	for (size_t i = 0; i < to->n; i++) {
		struct proxy_target *one = &to->targets[i];
		int shown = line_severity(one->t, severity);

		if (shown < 0 || !line_is_sampled(one->t, atomic_fetch_add(&one->n_lines, 1)))
			continue;
		head.form = line_form_of(one->t, l->sent_hostname.n > 0);
		head.facility = one->t->facility;
		head.severity = (enum log_severity)shown;
		send_line(l, one, &head, text);
	}
}
