/*
 * The session's line in HAProxy's log. What it says is noted as it happens; it is written at the
 * moment when all that the frontend's format asks for is known, and once.
 */
#include <stdlib.h>
#include <sys/time.h>

#include "agent/engine/session_line.h"
#include "agent/io/dial.h"
#include "agent/proxy/state.h"

void
record_begin(struct session *s)
{
	struct timeval now;

	if (!session_line_is_due(s->world->data_path, s->frontend, LINE_ENDED))
		return;
	s->record = calloc(1, sizeof(*s->record));
	if (!s->record)
		return; /* a line less */
	gettimeofday(&now, NULL);
	s->record->accepted_us = (int64_t)now.tv_sec * 1000000 + now.tv_usec;
	s->record->wait_ms = s->record->connect_ms = -1;
	session_ends(s, &s->record->client);
	record_moment(s, LINE_ACCEPTED);
}

void
record_queue(struct session *s)
{
	const struct server_load *load = s->index == NO_SERVER ? NULL : server_load_of(s);
	const struct backend_load *back = pool_load(s->world->pools[s->backend->index], 0)->backend;

	if (!s->record)
		return;
	if (load)
		s->record->server_queue = atomic_load(&load->n_waiting);
	else
		s->record->backend_queue = atomic_load(&back->n_waiting);
}

void
record_dial(struct session *s, int fd, const struct addr *to)
{
	if (!s->record)
		return;
	if (s->record->wait_ms < 0)
		s->record->wait_ms = session_now(s) - s->started;
	s->record->is_late = false;
	if (fd >= 0)
		session_socket_ends(fd, &s->record->server);
	addr_ip(to, &s->record->server.peer);
	s->record->server.peer_port = addr_port(to);
}

void
record_dial_failed(struct session *s, bool is_late)
{
	if (s->record)
		s->record->is_late = is_late;
}

void
record_retry(struct session *s, bool elsewhere)
{
	if (!s->record)
		return;
	s->record->n_retries++;
	s->record->is_redispatched |= elsewhere;
}

void
record_connected(struct session *s)
{
	if (!s->record)
		return;
	s->record->connect_ms = session_now(s) - s->started - s->record->wait_ms;
	session_socket_ends(s->server.fd, &s->record->server);
	record_moment(s, LINE_CONNECTED);
}

/* The opening goes: what the line will look at of it stays. */
void
record_keep_variables(struct session *s)
{
	if (!s->record || s->record->is_logged ||
	    !session_line_uses_variables(s->world->data_path, s->frontend))
		return;
	s->record->vars = s->opening->vars;
	s->opening->vars = (struct vars){ 0 };
}

/* ---- the line ------------------------------------------------------------------------------- */

/* Which of two equal time-outs it was, HAProxy says of the client's. */
static char
late_side(const struct session *s)
{
	int64_t client = s->frontend->timeout_ms[TIMEOUT_CLIENT];
	int64_t server = s->backend->timeout_ms[TIMEOUT_SERVER];

	return client > 0 && (server <= 0 || client <= server) ? 'c' : 's';
}

/* The client is gone without having said its last. */
static bool
is_reset(const struct session *s)
{
	return s->reason == CLOSE_CLIENT_GONE && !s->up.eof;
}

/* Where it was (configuration manual, 8.5, second character). */
static char
phase_of(const struct session *s)
{
	static const char phases[] = {
		[SESSION_HEADER] = 'R', [SESSION_HANDSHAKE] = 'R', [SESSION_GREET] = 'C',
		[SESSION_FRONT] = 'R',	[SESSION_BACK] = 'R',	   [SESSION_QUEUE] = 'Q',
		[SESSION_PAUSE] = 'C',	[SESSION_DIAL] = 'C',	   [SESSION_ANSWER] = 'D',
		[SESSION_RELAY] = 'D',	[SESSION_REFUSED] = 'R',   [SESSION_UPGRADE] = 'R',
		[SESSION_SWITCH] = 'C',
	};

	/* HAProxy sees a reset only where it would pass on data. */
	if (is_reset(s) && s->state != SESSION_FRONT && s->state != SESSION_BACK)
		return 'D';
	return phases[s->state];
}

/* Who ended it, and where it was (configuration manual, 8.5). */
static void
write_termination(const struct session *s, char flags[2])
{
	flags[1] = phase_of(s);
	switch ((enum close_reason)s->reason) {
	case CLOSE_DONE:
		flags[0] = flags[1] = '-';
		return;
	case CLOSE_CLIENT_GONE:
		flags[0] = 'C';
		return;
	case CLOSE_SERVER_GONE:
		flags[0] = 'S';
		return;
	case CLOSE_CLIENT_TIMEOUT:
		flags[0] = late_side(s);
		return;
	case CLOSE_REFUSED:
		flags[0] = 'L';
		return;
	case CLOSE_NOT_MQTT:
	case CLOSE_NOT_WEBSOCKET:
	case CLOSE_CONNECT_LATE:
	case CLOSE_REJECTED:
	case CLOSE_BAD_HEADER:
	case CLOSE_HANDSHAKE:
		flags[0] = 'P';
		return;
	case CLOSE_NO_SERVER:
	case CLOSE_CONNECT_FAILED:
		flags[0] = s->record->is_late ? 's' : 'S';
		flags[1] = 'C';
		return;
	case CLOSE_QUEUE_FULL:
		flags[0] = 'S';
		flags[1] = 'Q';
		return;
	case CLOSE_QUEUE_LATE:
		flags[0] = 's';
		flags[1] = 'Q';
		return;
	case CLOSE_SERVER_DOWN:
		flags[0] = 'D';
		return;
	case CLOSE_SHUT:
	case CLOSE_STOPPING:
		flags[0] = 'K';
		return;
	case CLOSE_MEMORY:
	case N_CLOSE_REASONS:
		break;
	}
	flags[0] = 'R';
}

static void
fill_fields(const struct session *s, struct log_fields *f)
{
	const struct record *r = s->record;
	const struct data_path *d = s->world->data_path;

	*f = (struct log_fields){
		.accepted_us = r->accepted_us,
		.wait_ms = r->wait_ms < 0 && s->state == SESSION_QUEUE ? session_now(s) - s->started
								       : r->wait_ms,
		.connect_ms = r->connect_ms,
		.total_ms = session_now(s) - s->started,
		.bytes_in = s->up.n_bytes + (s->up.rest ? buf_len(s->up.rest) : 0),
		.bytes_out = s->down.n_bytes,
		.n_process = atomic_load(&d->process->n_sessions),
		.n_frontend = atomic_load(&d->fronts[s->frontend->index]->n_sessions),
		.retries = r->n_retries,
		.redispatched = r->is_redispatched,
		.server_queue = r->server_queue,
		.backend_queue = r->backend_queue,
		.n_backend = r->n_backend,
		.n_server = r->n_server,
	};
}

/* How many there are in its backend, those who wait included, and at its server, without it. */
void
record_counts(struct session *s)
{
	const struct backend_load *back;

	if (!s->record || !s->backend || s->backend->n_servers == 0)
		return;
	back = pool_load(s->world->pools[s->backend->index], 0)->backend;
	s->record->n_backend = atomic_load(&back->n_sessions) + atomic_load(&back->n_waiting) -
			       (s->has_place || (s->opening && s->opening->waiting));
	if (s->index != NO_SERVER)
		s->record->n_server = atomic_load(&server_load_of(s)->n_sessions) - s->has_place;
}

static void
fill_context(struct session *s, struct expr_context *x)
{
	const struct record *r = s->record;

	context_fill(s, x);
	x->src = r->client.peer;
	x->src_port = r->client.peer_port;
	x->dst = r->client.self;
	x->dst_port = r->client.self_port;
	x->server_src = r->server.self;
	x->server_src_port = r->server.self_port;
	x->server_dst = r->server.peer;
	x->server_dst_port = r->server.peer_port;
	/* HAProxy goes on to the backend with what was reset. */
	if (!s->backend && is_reset(s) && s->frontend->default_backend)
		x->backend = str_of(s->frontend->default_backend->name);
	if (!s->backend || s->index == NO_SERVER)
		return;
	x->server = str_of(s->backend->servers[s->index]->name);
	x->server_id = s->backend->servers[s->index]->id;
}

/* While it goes on it counts. */
static void
count_with_it(struct session *s)
{
	record_counts(s);
	s->record->n_backend++;
	s->record->n_server++;
}

void
record_moment(struct session *s, enum line_moment moment)
{
	const struct data_path *d = s->world->data_path;
	struct log_fields fields;
	struct expr_context x;
	char flags[2] = { '-', '-' };

	if (!s->record || s->record->is_logged || !session_line_is_due(d, s->frontend, moment))
		return;
	if (moment == LINE_CONNECTED)
		count_with_it(s);
	fill_fields(s, &fields);
	fill_context(s, &x);
	if (moment == LINE_ENDED)
		write_termination(s, flags);
	fields.termination = (struct str){ flags, sizeof(flags) };
	session_line_write(d, s->frontend, &x, &fields, moment);
	s->record->is_logged = true;
}

void
record_end(struct session *s)
{
	if (!s->record)
		return;
	record_moment(s, LINE_ENDED);
	vars_fini(&s->record->vars);
	free(s->record);
	s->record = NULL;
}
