/* What haproxy.cfg says about the name of a server, where it has one instead of an address. */
#ifndef USHER_NAMES_SERVER_NAME_H
#define USHER_NAMES_SERVER_NAME_H

#include "agent/core/base/host.h"
#include "agent/core/topology/model.h"

/* Are this proxy's servers dialled by usher proxy? */
bool server_name_counts(const struct proxy *p);

/* False: it has an address, or nothing that can be looked up. The name is a view of s->address. */
bool server_name_of(const struct server *s, struct host *name) MUST_USE;

/*
 * The last argument of an option that the model does not keep, from the server's own line or a
 * default-server line; NULL: it was not given.
 */
const char *server_name_option(const struct server *s, const char *option);

/* An address out of its two halves. */
struct addr addr_of_ip(const struct ip *ip, uint16_t port);

#endif
