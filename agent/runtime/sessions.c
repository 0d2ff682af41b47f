/*
 * Sessions are shown by their workers, into a piece of text each, on their own threads. The pieces
 * come back to the main loop by message; when the last one is here they are the answer.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "agent/core/base/mem.h"
#include "agent/engine/statistics.h"
#include "agent/runtime/cli.h"

enum { PIECE_MAX = 128 << 20 };

struct piece {
	struct gather *gather;
	struct buf text;
	bool found; /* the session that was asked for */
};

/* ---- one session, on its worker's thread ------------------------------------------------------
 */

static void PRINTF_LIKE(2, 3) say(struct piece *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)!buf_vprintf(&p->text, fmt, args); /* what is too much is left out */
	va_end(args);
}

static const char *
protocol(const struct addr *a)
{
	switch (a->len ? a->sa.sa_family : AF_UNIX) {
	case AF_INET:
		return "tcpv4";
	case AF_INET6:
		return "tcpv6";
	default:
		return "unix_stream";
	}
}

static const char *
address(const struct addr *a, char *text)
{
	return a->len && a->sa.sa_family != AF_UNIX ? addr_format(a, text) : "unix:1";
}

/* "1d2h", "3h4m", "5m6s", "7s". */
static void
make_age(int64_t ms, char *out, size_t size)
{
	unsigned long long s = (unsigned long long)ms / 1000;

	if (s < 60)
		snprintf(out, size, "%llus", s);
	else if (s < 3600)
		snprintf(out, size, "%llum%llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%lluh%llum", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%llud%lluh", s / 86400, s / 3600 % 24);
}

static void
say_short(struct piece *p, const struct session_row *r)
{
	char source[ADDR_TEXT], age[48];

	make_age(r->age_ms, age, sizeof(age));
	say(p,
	    "0x%" PRIx64 ": proto=%s src=%s fe=%s be=%s srv=%s ts=00 epoch=0 age=%s calls=0 rate=0 "
	    "cpu=0 lat=0 rq[f=0h,i=0,an=00h,rx=,wx=,ax=] rp[f=0h,i=0,an=00h,rx=,wx=,ax=] "
	    "scf=[8,0h,fd=%d] scb=[8,0h,fd=%d] exp= rc=%u c_exp= state=%s in=%" PRIu64
	    " out=%" PRIu64 "\n",
	    r->id, protocol(&r->source), address(&r->source, source), r->frontend->name,
	    r->backend ? r->backend->name : "<NONE>", r->server ? r->server->name : "<none>", age,
	    r->client_fd, r->server_fd, r->n_retries, r->state, r->in, r->out);
}

/* When it began: "[22/Nov/2026:10:43:55.490135]". */
static void
say_begin(struct piece *p, int64_t age_ms)
{
	struct timeval now;
	struct tm local;
	char text[64];
	int64_t us;
	time_t s;

	gettimeofday(&now, NULL);
	us = now.tv_sec * INT64_C(1000000) + now.tv_usec - age_ms * 1000;
	s = us / 1000000;
	localtime_r(&s, &local);
	strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S", &local);
	say(p, "[%s.%06lld]", text, (long long)(us % 1000000));
}

static void
say_long(struct piece *p, const struct session_row *r)
{
	char source[ADDR_TEXT], target[ADDR_TEXT];

	say(p, "0x%" PRIx64 ": ", r->id);
	say_begin(p, r->age_ms);
	say(p, " id=0 proto=%s source=%s\n", protocol(&r->source), address(&r->source, source));
	say(p, "  flags=0x0, conn_retries=%u, state=%s\n", r->n_retries, r->state);
	say(p, "  frontend=%s (id=%u mode=tcp)\n", r->frontend->name,
	    statistics_iid(r->topology, r->frontend));
	if (r->backend)
		say(p, "  backend=%s (id=%u mode=tcp)\n", r->backend->name,
		    statistics_iid(r->topology, r->backend));
	else
		say(p, "  backend=<NONE> (id=-1 mode=-)\n");
	if (r->server)
		say(p, "  server=%s (id=%u) addr=%s\n", r->server->name, r->server->id,
		    address(&r->target, target));
	else
		say(p, "  server=<NONE> (id=-1)\n");
	say(p, "  scf= fd=%d\n  scb= fd=%d\n", r->client_fd, r->server_fd);
	say(p, "  req=0x0 (f=0x0 an=0x0 pipe=0 tofwd=0 total=%" PRIu64 ")\n", r->in);
	say(p, "  res=0x0 (f=0x0 an=0x0 pipe=0 tofwd=0 total=%" PRIu64 ")\n", r->out);
}

static bool
take_row(void *arg, const struct session_row *r)
{
	struct piece *p = arg;
	const struct gather *g = p->gather;

	if (g->id && g->id != r->id)
		return false;
	p->found = true;
	if (g->ends)
		return true;
	if (g->is_long)
		say_long(p, r);
	else
		say_short(p, r);
	return false;
}

/* ---- the answer, on the main loop -------------------------------------------------------------
 */

void
gather_free(struct gather *g)
{
	list_remove(&g->list);
	for (unsigned i = 0; i < g->n_pieces; i++)
		buf_fini(&g->pieces[i].text);
	free(g->pieces);
	free(g);
}

void
gather_forget(struct gather *g)
{
	g->cli = NULL;
}

static void
say_pieces(const struct gather *g)
{
	struct cli *c = g->cli;
	bool found = false;

	for (unsigned i = 0; i < g->n_pieces; i++) {
		struct piece *p = &g->pieces[i];

		found |= p->found;
		if (buf_len(&p->text) && !buf_put(&c->out, buf_front(&p->text), buf_len(&p->text)))
			c->closes = true;
	}
	if (g->id && !found)
		cli_say(c,
			g->ends ? "No such session (use 'show sess').\n" : "Session not found.\n");
}

static void
take_piece(void *arg)
{
	struct piece *p = arg;
	struct gather *g = p->gather;
	struct cli *c = g->cli;

	if (--g->n_left)
		return;
	if (c)
		say_pieces(g);
	gather_free(g);
	if (c)
		cli_resume(c);
}

static void
send_piece(void *arg)
{
	struct piece *p = arg;

	inbox_send(&p->gather->service->inbox, take_piece, p);
}

static void
ask_workers(struct cli *c, uint64_t id, bool is_long, bool ends)
{
	struct gather *g = xcalloc(1, sizeof(*g));

	*g = (struct gather){
		.service = c->service,
		.cli = c,
		.id = id,
		.is_long = is_long,
		.ends = ends,
		.n_left = c->o->n_workers,
		.n_pieces = c->o->n_workers,
		.pieces = xcalloc(c->o->n_workers, sizeof(struct piece)),
	};
	list_append(&c->service->gathers, &g->list);
	c->gather = g;
	c->waits = true;
	for (unsigned i = 0; i < g->n_pieces; i++) {
		struct piece *p = &g->pieces[i];

		p->gather = g;
		buf_init(&p->text, PIECE_MAX);
		c->o->each_session(c->o->arg, i, &(struct session_look){ take_row, send_piece, p });
	}
}

/* "0x…", and no other number. 0: it is none. */
static uint64_t
read_id(const char *text)
{
	char *end;
	uint64_t id = strtoull(text, &end, 0);

	return *end ? 0 : id;
}

void
show_sess(struct cli *c)
{
	const char *which = c->command.words[2];
	bool is_all = strcmp(which, "all") == 0;

	if (*which && !is_all && !read_id(which)) {
		cli_say(c, "Session not found.\n");
		return;
	}
	ask_workers(c, is_all ? 0 : read_id(which), *which, false);
}

void
shutdown_session(struct cli *c)
{
	uint64_t id = read_id(c->command.words[2]);

	if (!id)
		cli_say(c, "Session pointer expected (use 'show sess').\n");
	else
		ask_workers(c, id, false, true);
}

void
shutdown_sessions_server(struct cli *c)
{
	struct target_server t;

	if (cli_find_server(c, c->command.words[3], &t))
		c->o->end_sessions(c->o->arg, t.server);
}
