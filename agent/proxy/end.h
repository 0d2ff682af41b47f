/*
 * One end of a session: its bytes, be they in TLS or not. Results are those of recv(2) and send(2).
 */
#ifndef USHER_PROXY_END_H
#define USHER_PROXY_END_H

#include <stdatomic.h>
#include <sys/types.h>

#include "agent/tls/facts.h"

/* TLS on an end, where there is any. */
struct secured {
	struct tls_conn conn;
	struct tls_facts facts;
	bool has_facts;
	_Atomic uint32_t *under_way;		 /* where its handshake counts; NULL: it is done */
	bool read_wants_write, write_wants_read; /* what the last call of each waits for */
};

struct end {
	int fd;
	struct secured *tls; /* NULL: plain */
};

/* -1 with EAGAIN: later. 0: it has said its last. */
ssize_t end_recv(const struct end *e, void *p, size_t n);
/* -1 with EAGAIN: later. */
ssize_t end_send(const struct end *e, const void *p, size_t n);
/* Nothing more will be sent. */
void end_shut(const struct end *e);

/* May a read succeed although the descriptor is not readable? */
static inline bool
end_has_more(const struct end *e)
{
	return e->tls && tls_conn_has_more(&e->tls->conn);
}

/* NULL when memory is out. */
struct secured *secured_new(void);
/* Its handshake counts there from now on, and no longer. */
void secured_begin(struct secured *s, _Atomic uint32_t *under_way);
void secured_done(struct secured *s);
void secured_free(struct secured *s);

#endif
