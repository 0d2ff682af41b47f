/*
 * "HOST:PORT" with a host that may be a name and a port that may be a range, as HAProxy writes
 * them where addr_parse() has no address to give (configuration manual, "Address formats").
 */
#ifndef USHER_CORE_BASE_HOST_H
#define USHER_CORE_BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

struct host {
	struct str name;	 /* view; a name, an IP address, "*" or empty; without brackets */
	uint8_t family;		 /* "ipv4@" 4, "ipv6@" 6; 0: not said */
	uint16_t port, port_end; /* the same unless it is a range; 0: none */
};

/*
 * "broker.example:1883", "ipv6@broker.example", ":1883-1885", "[::1]:1-3". False for UNIX sockets,
 * other prefixes, offsets ("+10") and what is no port. A range may run backwards: the caller says.
 */
bool host_parse(struct str s, struct host *h) MUST_USE;

#endif
