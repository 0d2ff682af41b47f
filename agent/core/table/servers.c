/* Chained hashing by name; an array by number, whose untouched pages cost nothing. */
#include "agent/core/table/servers.h"

#include <stdlib.h>

#include "agent/core/base/hash.h"

struct table_server {
	struct table_server *chain;
	uint16_t number;
	size_t len;
	char name[];
};

bool
table_servers_init(struct table_servers *s)
{
	*s = (struct table_servers){ 0 };
	s->by_number = calloc(TABLE_SERVERS_MAX + 1, sizeof(*s->by_number));
	pthread_mutex_init(&s->lock, NULL);
	return s->by_number != NULL;
}

void
table_servers_fini(struct table_servers *s)
{
	for (size_t i = 1; i <= s->n; i++)
		free(atomic_load(&s->by_number[i]));
	free(s->by_number);
	pthread_mutex_destroy(&s->lock);
}

/* Called with the lock. */
static struct table_server *
add(struct table_servers *s, struct table_server **bucket, struct str name)
{
	struct table_server *server;

	if (s->n == TABLE_SERVERS_MAX)
		return NULL;
	server = malloc(sizeof(*server) + name.n);
	if (!server)
		return NULL;
	*server = (struct table_server){ *bucket, ++s->n, name.n };
	memcpy(server->name, name.p, name.n);
	*bucket = server;
	atomic_store_explicit(&s->by_number[server->number], server, memory_order_release);
	return server;
}

uint16_t
table_servers_number(struct table_servers *s, struct str name)
{
	struct table_server **bucket =
		&s->buckets[hash_fnv1a64(HASH_FNV1A64_INIT, name.p, name.n) % TABLE_SERVER_BUCKETS];
	struct table_server *server;

	pthread_mutex_lock(&s->lock);
	for (server = *bucket; server; server = server->chain)
		if (str_eq((struct str){ server->name, server->len }, name))
			break;
	if (!server)
		server = add(s, bucket, name);
	pthread_mutex_unlock(&s->lock);
	return server ? server->number : 0;
}

struct str
table_servers_name(const struct table_servers *s, uint16_t number)
{
	const struct table_server *server =
		atomic_load_explicit(&s->by_number[number], memory_order_acquire);

	return (struct str){ server->name, server->len };
}
