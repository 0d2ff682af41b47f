/*
 * HAProxy has a few engines (one per process, up to 3.0 one per thread), so a scan is enough. What
 * does not fit into the list is not listed; nothing else depends on it.
 */
#include "agent/spoa/engines.h"

#include <pthread.h>

#include "spoe/conn.h"

enum { ENGINES_MAX = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char id[SPOP_ENGINE_ID_MAX];
	size_t len;
	unsigned connections; /* 0: free */
} engines[ENGINES_MAX];

static bool
is_at(size_t i, struct str id)
{
	return engines[i].connections && str_eq(id, (struct str){ engines[i].id, engines[i].len });
}

void
engines_add(struct str id)
{
	size_t at = ENGINES_MAX;

	pthread_mutex_lock(&lock);
	for (size_t i = ENGINES_MAX; i-- > 0;) {
		if (is_at(i, id)) {
			at = i;
			break;
		}
		if (!engines[i].connections)
			at = i;
	}
	if (at < ENGINES_MAX && engines[at].connections++ == 0) {
		engines[at].len = id.n < SPOP_ENGINE_ID_MAX ? id.n : SPOP_ENGINE_ID_MAX;
		memcpy(engines[at].id, id.p, engines[at].len);
	}
	pthread_mutex_unlock(&lock);
}

void
engines_remove(struct str id)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ENGINES_MAX; i++)
		if (is_at(i, id)) {
			engines[i].connections--;
			break;
		}
	pthread_mutex_unlock(&lock);
}

void
engines_each(void (*row)(void *arg, struct str id, unsigned connections), void *arg)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ENGINES_MAX; i++)
		if (engines[i].connections)
			row(arg, (struct str){ engines[i].id, engines[i].len },
			    engines[i].connections);
	pthread_mutex_unlock(&lock);
}
