/*
 * A check's connection to a server, as that server wants to be spoken to: in the clear or in TLS,
 * with or without a PROXY header at its front (configuration manual, 5.2 `check-ssl`,
 * `check-send-proxy`).
 *
 * Nothing here waits. LINK_WAIT: call again when one of link->events has come.
 */
#ifndef USHER_HEALTH_LINK_H
#define USHER_HEALTH_LINK_H

#include <ev.h>

#include "agent/core/wire/proxy_header.h"
#include "agent/tls/conn.h"

struct link_terms {
	struct tls_client *tls; /* NULL: in the clear */
	const char *sni;	/* `check-sni`, NULL: none */
	unsigned proxy_header;	/* PROXY_HEADER_V1, _V2; 0: none */
	unsigned proxy_send;	/* enum proxy_send */
	bool never_local;	/* `pp2-never-send-local`: version 2 names the ends of the link */
};

enum link_result {
	LINK_OK,
	LINK_WAIT,
	LINK_CLOSED, /* the server has sent its last byte */
	LINK_FAIL,   /* link_error() says why */
};

struct link {
	int fd; /* owned; -1: none */
	bool has_tls;
	struct tls_conn tls;
	int events;
	int error;	     /* errno of the last failure, 0: it was in TLS */
	uint8_t header[256]; /* without texts of a client it is shorter */
	size_t n_header, n_sent;
};

void link_init(struct link *l);

/* The descriptor is taken over; it is connected, or about to be. */
void link_begin(struct link *l, int fd);
/* What stands before the first byte of the check, once it is connected. */
enum link_result link_greet(struct link *l, const struct link_terms *terms) MUST_USE;

/* LINK_OK: *n > 0 bytes went. */
enum link_result link_send(struct link *l, const void *p, size_t size, size_t *n) MUST_USE;
enum link_result link_recv(struct link *l, void *p, size_t size, size_t *n) MUST_USE;

/* In good order, or by a reset. */
void link_close(struct link *l, bool lingers);

const char *link_error(const struct link *l);

#endif
