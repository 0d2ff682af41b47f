/*
 * Addresses as HAProxy takes them behind `source`, `addr`, `nameserver` and `log`, and what it
 * says of those it refuses.
 */
#ifndef USHER_CORE_TOPOLOGY_ADDRESS_H
#define USHER_CORE_TOPOLOGY_ADDRESS_H

#include "agent/core/topology/model.h"

enum {
	ADDRESS_RANGE = 1,	/* PORT-PORT may stand there */
	ADDRESS_OFFSET = 2,	/* +PORT and -PORT too */
	ADDRESS_PORT_NEEDED = 4 /* and is not 0 */
};

enum { ADDRESS_WHY = 256 };

/* Is its port, if any, one that may stand there? If not, why[ADDRESS_WHY] has HAProxy's words. */
bool address_check_port(const char *text, unsigned flags, char *why) MUST_USE;

enum address_result {
	ADDRESS_OK,
	ADDRESS_REFUSED, /* why says so */
	ADDRESS_NAMED,	 /* a host name; why has HAProxy's words for one it cannot look up */
};

/* Read it all; the port goes to port_min and port_max, the address keeps none. */
enum address_result address_read(const char *text, unsigned flags, struct source *s, char *why)
	MUST_USE;

#endif
