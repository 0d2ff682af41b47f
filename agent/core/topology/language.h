/*
 * HAProxy 2.6's whole language, and what `usher proxy` does with each word of it: tables, read by
 * language_check() before it starts and by the manual (docs/configuration.md).
 *
 * Nothing is silently different. A word is carried out, ignored with a warning that says what is
 * lost, or refused with the cure; one that no table has is refused as well.
 */
#ifndef USHER_CORE_TOPOLOGY_LANGUAGE_H
#define USHER_CORE_TOPOLOGY_LANGUAGE_H

#include "agent/core/base/report.h"
#include "agent/core/topology/model.h"

enum language_support {
	LANGUAGE_SUPPORTED,
	LANGUAGE_IGNORED, /* clients and brokers see nothing else, or the note says what */
	LANGUAGE_REFUSED,
};

/* Where a word stands. The order is the manual's. */
enum language_place {
	LANGUAGE_NOWHERE, /* as a row's `then`: what follows are values */
	LANGUAGE_SECTION,
	LANGUAGE_GLOBAL,
	LANGUAGE_GLOBAL_STATS,
	LANGUAGE_DEFAULT_PATH,
	LANGUAGE_LUA_FILE,
	LANGUAGE_PROXY,
	LANGUAGE_PAGE,
	LANGUAGE_STATS,
	LANGUAGE_UPGRADE,
	LANGUAGE_UPGRADE_OPTION,
	LANGUAGE_UPGRADE_TIMEOUT,
	LANGUAGE_UPGRADE_BALANCE,
	LANGUAGE_FORWARDFOR,
	LANGUAGE_HTTP_REQUEST,
	LANGUAGE_MODE,
	LANGUAGE_OPTION,
	LANGUAGE_TIMEOUT,
	LANGUAGE_BIND,
	LANGUAGE_SERVER,
	LANGUAGE_OBSERVE,
	LANGUAGE_ON_ERROR,
	LANGUAGE_MARKED_DOWN,
	LANGUAGE_MARKED_UP,
	LANGUAGE_SOURCE,
	LANGUAGE_BALANCE,
	LANGUAGE_HASH_TYPE,
	LANGUAGE_STICK,
	LANGUAGE_STICK_TABLE,
	LANGUAGE_STICK_TYPE,
	LANGUAGE_STICK_KEY,
	LANGUAGE_STICK_DATA,
	LANGUAGE_TCP_REQUEST,
	LANGUAGE_TCP_CONNECTION,
	LANGUAGE_TCP_SESSION,
	LANGUAGE_TCP_CONTENT,
	LANGUAGE_TCP_RESPONSE,
	LANGUAGE_TCP_RESPONSE_CONTENT,
	LANGUAGE_SERVICE,
	LANGUAGE_ENGINE,
	LANGUAGE_FILTER,
	LANGUAGE_TCP_CHECK,
	LANGUAGE_HTTP_CHECK,
	LANGUAGE_CHECK_CONNECT,
	LANGUAGE_RESOLVERS,
	LANGUAGE_RESOLVERS_TIMEOUT,
	LANGUAGE_RESOLVERS_HOLD,
	N_LANGUAGE_PLACES,
};

/* How the words of a place follow one another. */
enum language_shape {
	LANGUAGE_ONE,	 /* one word says it all: "option tcplog" */
	LANGUAGE_ANY,	 /* any number, in any order, each with its arguments: "check inter 2s" */
	LANGUAGE_COMMAS, /* one word, a list: "conn_cur,conn_rate(10s)" */
};

struct language_row {
	const char *name; /* "usher*" and "*usher.lua" stand for what begins or ends so */
	enum language_support support;
	const char *note;	  /* what is lost, or the cure; NULL: as in HAProxy */
	unsigned n_args;	  /* in LANGUAGE_ANY: how many words belong to it */
	enum language_place then; /* where what follows is looked up */
	unsigned skip;		  /* words between this one and those */
};

/* The rows of a place; the last has no name. */
const struct language_row *language_rows(enum language_place place);
/* "tcp-request content", as the manual calls it. */
const char *language_place_name(enum language_place place);
enum language_shape language_shape(enum language_place place);

/* The row of a word, "set-var" for "set-var(txn.x)"; NULL: no such word. */
const struct language_row *language_find(enum language_place place, const char *word);

/*
 * Report all that `usher proxy` will do otherwise with this file: each line once, those of
 * defaults sections when a proxy that is carried inherits them.
 */
void language_check(const struct topology *t, struct report *r);

#endif
