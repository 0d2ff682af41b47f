/*
 * All that haproxy.cfg's lines in TLS need, made when the file is read: a context for each bind
 * line and each server line, for each worker, because OpenSSL locks what threads share.
 *
 * A store belongs to a world. A reload makes a new one beside it, with the files as they are then;
 * connections of the old one go on, and keep it alive through their world. Tickets are good in the
 * new one too, unless it trusts others.
 */
#ifndef USHER_TLS_STORE_H
#define USHER_TLS_STORE_H

#include "agent/core/base/report.h"
#include "agent/core/topology/model.h"
#include "agent/tls/client.h"
#include "agent/tls/server.h"

struct tls_store;

/*
 * Open what the topology's frontends and backends name, apart from those that are disabled or for
 * HTTP. What is wrong stands in the report, in HAProxy's words; NULL: there was an alert. The
 * store borrows topology and tickets. Main thread; nothing else may change them meanwhile.
 */
struct tls_store *tls_store_load(const struct topology *t, struct tls_tickets *tickets,
				 unsigned n_workers, struct report *r);
void tls_store_free(struct tls_store *s);

/* The worker's context of a bind line with `ssl`, NULL: without. */
const struct tls_server *tls_store_server(const struct tls_store *s, const struct bind *b,
					  unsigned worker);
/* The worker's context of a server with `ssl`, or whose checks speak TLS; NULL: neither. */
struct tls_client *tls_store_client(const struct tls_store *s, const struct server *server,
				    unsigned worker);
/* The same for its checks, which one thread makes. */
struct tls_client *tls_store_checker(const struct tls_store *s, const struct server *server);

/* A certificate that clients are shown, as monitors want to know it. */
enum { TLS_PRESENTED_NAME = 256 };
struct tls_presented {
	const char *file;
	const char *frontend;
	char name[TLS_PRESENTED_NAME]; /* the first that it is for, cut; "": none */
	int64_t expires_at;	       /* s since 1970 */
};
size_t tls_store_n_presented(const struct tls_store *s);
struct tls_presented tls_store_presented(const struct tls_store *s, size_t i);
/* Is it there before i, in another line of the same frontend? */
bool tls_store_is_repeated(const struct tls_store *s, size_t i);

enum { TLS_EXPIRY_DAYS = 14 };
/* One line in the log for each certificate that has expired, or will in TLS_EXPIRY_DAYS. */
void tls_store_log_expiry(const struct tls_store *s, int64_t now_s);

#endif
