/* Proxies of `mode http` with HAProxy's statistics page, which is then all they serve. */
#include "agent/core/topology/language_rows.h"

#define PAGE_ALONE "usher proxy serves nothing but statistics by HTTP; leave this proxy to HAProxy"
#define NOT_HERE "it has no effect on a statistics page"

const struct language_row language_page[] = {
	DOES("acl", NULL),
	DOES("bind", NULL, .then = LANGUAGE_BIND, .skip = 1),
	DOES("disabled", NULL),
	DOES("enabled", NULL),
	DOES("id", NULL),
	DOES("maxconn", "as shown; 64 connections at once are served"),
	DOES("mode", NULL, .then = LANGUAGE_MODE),
	DOES("stats", NULL, .then = LANGUAGE_STATS),
	DOES("timeout", "who says nothing for 10 s is sent away, whatever this says"),

	LOST("default-server", NOT_HERE),
	LOST("balance", NOT_HERE),
	LOST("hash-type", NOT_HERE),
	LOST("description", NOTE_STATISTICS),
	LOST("errorfile", "error pages are usher's own"),
	LOST("errorfiles", "error pages are usher's own"),
	LOST("log", "requests of the page are not logged"),
	LOST("log-format", "requests of the page are not logged"),
	LOST("log-format-sd", "requests of the page are not logged"),
	LOST("log-tag", "requests of the page are not logged"),
	LOST("error-log-format", "requests of the page are not logged"),
	LOST("option", NOT_HERE),
	LOST("retries", NOT_HERE),
	LOST("fullconn", NOT_HERE),
	LOST("backlog", NOT_HERE),
	LOST("load-server-state-from-file", NOT_HERE),
	LOST("clitcpka-cnt", NOT_HERE),
	LOST("clitcpka-idle", NOT_HERE),
	LOST("clitcpka-intvl", NOT_HERE),
	LOST("srvtcpka-cnt", NOT_HERE),
	LOST("srvtcpka-idle", NOT_HERE),
	LOST("srvtcpka-intvl", NOT_HERE),

	REFUSED("*", PAGE_ALONE),
	{ 0 },
};

const struct language_row language_stats[] = {
	DOES("admin", "conditions see the client's address, and no more of the request"),
	DOES("auth", NULL),
	DOES("enable", NULL),
	DOES("hide-version", NULL),
	DOES("realm", NULL),
	DOES("refresh", NULL),
	DOES("scope", NULL),
	DOES("show-desc", NULL),
	DOES("show-legends", NULL),
	DOES("show-node", NULL),
	DOES("uri", NULL),

	LOST("show-modules", "usher has no counters of protocols"),
	REFUSED("http-request", "say who may look by `stats auth`"),
	{ 0 },
};
