/*
 * Which proxies of `mode http` usher proxy carries: the frontends whose clients come in WebSocket,
 * which usher.json says and haproxy.cfg does not, and the backends of `mode http` they lead to.
 */
#ifndef USHER_CORE_TOPOLOGY_UPGRADES_H
#define USHER_CORE_TOPOLOGY_UPGRADES_H

#include "agent/core/topology/model.h"

/* What the policy says, asked by name. */
struct upgrade_policy {
	void *arg;
	bool (*has_upgrades)(void *arg, struct str frontend);
	bool (*chooses)(void *arg, struct str backend); /* a verdict may lead there */
};

/*
 * Set proxy.has_upgrades, before anybody asks proxy_is_carried(). A frontend leads to its default
 * backend, to those that its use_backend lines name, to those that a verdict chooses; where a line
 * makes up names of its own, to all.
 */
void topology_mark_upgrades(struct topology *t, const struct upgrade_policy *policy);

#endif
