/*
 * Names looked up without waiting, by c-ares, on one libev loop.
 *
 * A resolver asks as the system does (/etc/hosts, then the name servers of /etc/resolv.conf with
 * their search list), or it asks one name server, which is all that it knows.
 */
#ifndef USHER_IO_RESOLVER_H
#define USHER_IO_RESOLVER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/addr.h"

struct resolver;

enum {
	RESOLVER_ADDRS_MAX = 256, /* of one answer; what is beyond them is not seen */
	RESOLVER_SERVERS_MAX = 16,
};

struct resolver_settings {
	struct addr server;    /* len 0: as the system does */
	bool tcp;	       /* ask it by TCP alone */
	uint32_t timeout_ms;   /* of one question to one name server */
	uint32_t tries;	       /* questions to each */
	uint32_t payload_size; /* largest answer by UDP that is announced; 0: nothing is */
};

enum lookup_status {
	LOOKUP_OK,	/* n > 0 */
	LOOKUP_NX,	/* no such name */
	LOOKUP_REFUSED, /* the name server does not want to say */
	LOOKUP_TIMEOUT, /* nobody answered */
	LOOKUP_OTHER,	/* no address of that family, or any other failure */
	LOOKUP_STOPPED, /* the resolver is being freed: nothing may be asked of it any more */
};

struct lookup_result {
	enum lookup_status status;
	const struct ip *ips; /* valid during the call alone */
	size_t n;
};

typedef void resolver_fn(void *arg, const struct lookup_result *result);

/* NULL: out of memory or descriptors. On the loop's thread, as all the rest. */
struct resolver *resolver_new(struct ev_loop *loop, const struct resolver_settings *settings);
/* Never from within a resolver_fn. */
void resolver_free(struct resolver *r);

/*
 * Look the name up; family 4, 6 or 0 for either, the preferred one first (RFC 6724). fn is called
 * exactly once, perhaps before this returns.
 */
void resolver_ask(struct resolver *r, const char *name, uint8_t family, resolver_fn *fn, void *arg);

/* A name to be looked up at once, and what came of it. */
struct resolver_question {
	const char *name;
	uint8_t family;
	enum lookup_status status;
	struct ip ip; /* the first address, if LOOKUP_OK */
};

/* All of them side by side, as the system does. Waits, at most that long; the rest timed out. */
void resolver_ask_all(struct resolver_question *const *questions, size_t n, uint32_t deadline_ms);

/* The system's name servers; returns how many. */
size_t resolver_system_servers(struct addr servers[RESOLVER_SERVERS_MAX]);

#endif
