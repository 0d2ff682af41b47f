/*
 * The names of servers that keys stick to, each kept once and numbered, so that an entry holds two
 * bytes. They are never forgotten: servers are few, and a name that was handed out stays valid as
 * long as the table. Any thread; numbers are read without a lock.
 */
#ifndef USHER_CORE_TABLE_SERVERS_H
#define USHER_CORE_TABLE_SERVERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/core/base/str.h"

enum {
	TABLE_SERVERS_MAX = 16383, /* different names in the life of a table */
	TABLE_SERVER_BUCKETS = 256,
};

struct table_server;

struct table_servers {
	pthread_mutex_t lock;				    /* of the chains; a leaf */
	struct table_server *buckets[TABLE_SERVER_BUCKETS]; /* owned */
	uint16_t n;
	_Atomic(struct table_server *) *by_number; /* owned array; [0] is none */
};

/* False: no memory. */
bool table_servers_init(struct table_servers *s);
void table_servers_fini(struct table_servers *s);

/* Its number, from 1 on; 0: no memory, or no number left. */
uint16_t table_servers_number(struct table_servers *s, struct str name);

/* The name under a number that table_servers_number() gave. */
struct str table_servers_name(const struct table_servers *s, uint16_t number);

#endif
