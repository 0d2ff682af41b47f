/* Most sessions have one for some milliseconds; what it owns goes with it. */
#include <stdlib.h>

#include "agent/core/mqtt/connect.h"
#include "agent/proxy/edge.h"
#include "agent/proxy/state.h"

enum { CONNECT_MAX = 128 << 10 }; /* bytes; brokers take more, but nobody says hello that long */

bool
opening_make(struct session *s)
{
	s->opening = calloc(1, sizeof(*s->opening));
	if (!s->opening)
		return false;
	s->opening->dialled = NO_SERVER;
	s->opening->random = (uint32_t)worker_random(s->carrier->worker);
	return true;
}

void
opening_drop_head(struct opening *o)
{
	if (o->head)
		buf_fini(o->head);
	free(o->head);
	o->head = NULL;
}

void
opening_drop(struct session *s)
{
	struct opening *o = s->opening;

	if (!o)
		return;
	server_stop_waiting(s);
	route_fetch_cancel(&o->fetch);
	record_keep_variables(s);
	while (o->stores) {
		struct pending_store *next = o->stores->next;

		free(o->stores);
		o->stores = next;
	}
	opening_drop_head(o);
	edge_free(o->edge);
	vars_fini(&o->vars);
	free(o->verdict.key);
	free(o);
	s->opening = NULL;
}

struct str
opening_mqtt(const struct session *s)
{
	const struct buf *bytes = s->up.rest;

	if (s->opening && s->opening->edge)
		return edge_client_mqtt(s->opening->edge);
	return bytes ? (struct str){ (const char *)buf_front(bytes), buf_len(bytes) } : STR("");
}

enum parse
opening_read(struct session *s, struct mqtt_connect *c, enum mqtt_fault *fault)
{
	struct str bytes = opening_mqtt(s);
	const struct edge *edge = s->opening->edge;
	enum parse parse =
		mqtt_connect_decode((const uint8_t *)bytes.p, bytes.n, CONNECT_MAX, c, fault);

	if (parse == PARSE_OK && s->opening->greeting.len == 0)
		s->opening->greeting = (struct greeting){
			.len = edge ? edge_client_raw(edge) : c->len,
			.level = c->level,
			.keepalive = c->keepalive,
		};
	return parse;
}
