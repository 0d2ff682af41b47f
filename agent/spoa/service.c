/*
 * Every worker listens on every address. A stopping worker has nothing to wait for: SPOP answers
 * are immediate, and a peer that does not take the last bytes does not want them.
 */
#include "agent/spoa/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/io/listener.h"
#include "agent/io/log.h"
#include "agent/io/stream.h"
#include "agent/spoa/session.h"

struct spoa_service {
	struct listener *listeners; /* owned; n_addresses for each worker, worker by worker */
	size_t n_addresses;	    /* those that could be opened */
	unsigned n_workers;
};

static const char *
cure(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return "stop who listens there, perhaps another usher, or set agent.listen";
	case -EADDRNOTAVAIL:
		return "an address of this machine, in haproxy.cfg or in agent.listen";
	default:
		return "an address that this user may listen on, in haproxy.cfg or agent.listen";
	}
}

static bool
open_address(struct spoa_service *s, const struct world_agent *at, struct worker **workers)
{
	int error = listener_start_all(&s->listeners[s->n_addresses * s->n_workers], workers,
				       s->n_workers, &at->addr, session_open, NULL);

	/* An address of another machine that shares this file is not ours to open. */
	if (error)
		log_line(error == -EADDRNOTAVAIL ? LOG_INFO : LOG_ERROR,
			 "listener failed address=%s reason=\"%s\" cure=\"%s\"", at->text,
			 strerror(-error), cure(error));
	else
		log_line(LOG_INFO, "listener open address=%s workers=%u", at->text, s->n_workers);
	return error == 0;
}

struct spoa_service *
spoa_service_open(const struct world *world, struct worker **workers, unsigned n_workers)
{
	struct spoa_service *s = xcalloc(1, sizeof(*s));

	s->n_workers = n_workers;
	s->listeners = xcalloc(world->n_listen * n_workers + 1, sizeof(*s->listeners));
	for (size_t i = 0; i < world->n_listen; i++)
		s->n_addresses += open_address(s, &world->listen[i], workers);
	if (s->n_addresses)
		return s;
	spoa_service_free(s);
	return NULL;
}

void
spoa_service_stop(struct spoa_service *s, struct worker *w)
{
	for (size_t i = 0; i < s->n_addresses * s->n_workers; i++)
		if (s->listeners[i].worker == w)
			listener_stop(&s->listeners[i]);
	list_for_each_safe(at, &w->streams) {
		struct stream *stream = container_of(at, struct stream, list);

		stream->on_stop(stream);
	}
}

void
spoa_service_free(struct spoa_service *s)
{
	free(s->listeners);
	free(s);
}
