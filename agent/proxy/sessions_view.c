/*
 * A look at all sessions of a worker: first their slots are noted, all at once, then they are shown
 * in batches, each a message that the worker sends to itself. A slot is never given back while the
 * worker runs, so a noted one may be looked at later; in between, it may have ended (it has no
 * client any more) or have begun anew, and then it is shown as what it is now.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "agent/io/dial.h"
#include "agent/proxy/service.h"
#include "agent/proxy/state.h"

enum { BATCH = 200 };

struct view {
	struct carrier *carrier;
	struct session_look look;
	struct session **slots; /* owned */
	size_t n, at;
};

static const char *const state_names[] = {
	[SESSION_FRONT] = "front", [SESSION_BACK] = "back",	  [SESSION_QUEUE] = "queue",
	[SESSION_PAUSE] = "pause", [SESSION_DIAL] = "dial",	  [SESSION_ANSWER] = "answer",
	[SESSION_RELAY] = "relay", [SESSION_REFUSED] = "refused",
};

static void
fill_row(const struct session *s, struct session_row *row)
{
	bool has_server = s->backend && s->index != NO_SERVER;

	*row = (struct session_row){
		.id = (uintptr_t)s,
		.topology = &s->world->topology,
		.frontend = s->frontend,
		.backend = s->backend,
		.server = has_server ? s->backend->servers[s->index] : NULL,
		.client_fd = s->client.fd,
		.server_fd = s->server.fd,
		.age_ms = worker_now() - s->started,
		.in = s->up.n_bytes,
		.out = s->down.n_bytes,
		.n_retries = s->opening ? s->opening->n_retries : 0,
		.state = state_names[s->state],
	};
	(void)socket_peer(s->client.fd, &row->source);
	if (has_server)
		(void)pool_addr(s->world->pools[s->backend->index], s->index, &row->target);
}

static void
end_view(struct view *v)
{
	v->look.end(v->look.arg);
	free(v->slots);
	free(v);
}

static void
show_batch(void *arg)
{
	struct view *v = arg;
	size_t until = v->n - v->at > BATCH ? v->at + BATCH : v->n;

	/* Nobody is left: the worker may be about to stop, and then the slots are gone. */
	if (v->carrier->n_sessions == 0)
		v->at = until = v->n;
	for (; v->at < until; v->at++) {
		struct session *s = v->slots[v->at];
		struct session_row row;

		if (s->client.fd < 0)
			continue;
		fill_row(s, &row);
		if (v->look.row(v->look.arg, &row))
			session_shut(s);
	}
	if (v->at < v->n)
		inbox_send(&v->carrier->worker->inbox, show_batch, v);
	else
		end_view(v);
}

static void
note_slots(void *arg)
{
	struct view *v = arg;
	struct carrier *c = v->carrier;

	v->slots = malloc(c->n_sessions * sizeof(struct session *));
	if (v->slots)
		list_for_each(at, &c->sessions)
			v->slots[v->n++] = container_of(at, struct session, list);
	show_batch(v);
}

void
proxy_service_each_session(struct proxy_service *s, unsigned worker,
			   const struct session_look *look)
{
	struct view *v = calloc(1, sizeof(*v));

	if (!v) {
		look->end(look->arg); /* nothing is shown; the end may come from here as well */
		return;
	}
	v->carrier = proxy_service_carrier(s, worker);
	v->look = *look;
	inbox_send(&v->carrier->worker->inbox, note_slots, v);
}
