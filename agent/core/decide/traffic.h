/*
 * What a frontend, a backend or a server has carried: the sums that statistics, logs and metrics
 * show. Any thread adds, anybody reads; bytes are added in shards, so that workers which move them
 * all the time do not fight over one cache line.
 *
 * The names in brackets are those of HAProxy's statistics (management guide, 9.1).
 */
#ifndef USHER_CORE_DECIDE_TRAFFIC_H
#define USHER_CORE_DECIDE_TRAFFIC_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum traffic_count {
	TRAFFIC_SESSIONS,	    /* [stot] */
	TRAFFIC_CONNECTIONS,	    /* [conn_tot] of a frontend: before its rules */
	TRAFFIC_CONNECTS,	    /* [connect] to servers that were attempted */
	TRAFFIC_DENIED_CONNECTIONS, /* [dcon] by tcp-request connection */
	TRAFFIC_DENIED_SESSIONS,    /* [dses] by tcp-request session */
	TRAFFIC_DENIED_REQUESTS,    /* [dreq] by tcp-request content, or by the verdict */
	TRAFFIC_REQUEST_ERRORS,	    /* [ereq] gone, late or wrong before a server was chosen */
	TRAFFIC_CONNECT_ERRORS,	    /* [econ] sessions that reached no server */
	TRAFFIC_RESPONSE_ERRORS,    /* [eresp] */
	TRAFFIC_RETRIES,	    /* [wretr] */
	TRAFFIC_REDISPATCHES,	    /* [wredis] */
	TRAFFIC_CHOSEN,		    /* [lbtot] by the algorithm */
	TRAFFIC_CLIENT_ABORTS,	    /* [cli_abrt] */
	TRAFFIC_SERVER_ABORTS,	    /* [srv_abrt] */
	TRAFFIC_REPLAYS,	    /* usher's own: a CONNECT that went to another server */
	N_TRAFFIC_COUNTS,
};

/* The most there ever was at once. */
enum traffic_peak {
	TRAFFIC_PEAK_SESSIONS,	      /* [smax] */
	TRAFFIC_PEAK_RATE,	      /* [rate_max] new sessions in a second */
	TRAFFIC_PEAK_WAITING,	      /* [qmax] */
	TRAFFIC_PEAK_CONNECTION_RATE, /* [conn_rate_max] */
	N_TRAFFIC_PEAKS,
};

/* Times of the last 1024 sessions or so, ms; each is an average times 1024. */
enum traffic_time {
	TRAFFIC_TIME_QUEUE,   /* [qtime] */
	TRAFFIC_TIME_CONNECT, /* [ctime] */
	TRAFFIC_TIME_TOTAL,   /* [ttime] */
	N_TRAFFIC_TIMES,
};

enum { TRAFFIC_SHARDS = 8, TRAFFIC_SAMPLES = 1024 };

struct traffic {
	struct {
		alignas(64) _Atomic uint64_t in, out; /* from clients, to clients */
	} bytes[TRAFFIC_SHARDS];
	_Atomic uint64_t counts[N_TRAFFIC_COUNTS];
	_Atomic uint32_t peaks[N_TRAFFIC_PEAKS];
	_Atomic uint64_t times[N_TRAFFIC_TIMES];
	_Atomic int64_t last_session_ms; /* monotonic; 0: none yet [lastsess] */
};

static inline void
traffic_add(struct traffic *t, enum traffic_count what)
{
	atomic_fetch_add_explicit(&t->counts[what], 1, memory_order_relaxed);
}

static inline uint64_t
traffic_read(const struct traffic *t, enum traffic_count what)
{
	return atomic_load_explicit(&t->counts[what], memory_order_relaxed);
}

static inline void
traffic_add_bytes(struct traffic *t, unsigned worker, uint64_t in, uint64_t out)
{
	unsigned shard = worker % TRAFFIC_SHARDS;

	if (in)
		atomic_fetch_add_explicit(&t->bytes[shard].in, in, memory_order_relaxed);
	if (out)
		atomic_fetch_add_explicit(&t->bytes[shard].out, out, memory_order_relaxed);
}

static inline uint64_t
traffic_bytes_in(const struct traffic *t)
{
	uint64_t sum = 0;

	for (int i = 0; i < TRAFFIC_SHARDS; i++)
		sum += atomic_load_explicit(&t->bytes[i].in, memory_order_relaxed);
	return sum;
}

static inline uint64_t
traffic_bytes_out(const struct traffic *t)
{
	uint64_t sum = 0;

	for (int i = 0; i < TRAFFIC_SHARDS; i++)
		sum += atomic_load_explicit(&t->bytes[i].out, memory_order_relaxed);
	return sum;
}

static inline void
traffic_peak(struct traffic *t, enum traffic_peak which, uint32_t value)
{
	uint32_t seen = atomic_load_explicit(&t->peaks[which], memory_order_relaxed);

	while (value > seen && !atomic_compare_exchange_weak(&t->peaks[which], &seen, value))
		;
}

/* A sample moves the average by a 1024th of what it differs. */
static inline void
traffic_time(struct traffic *t, enum traffic_time which, uint32_t ms)
{
	uint64_t seen = atomic_load_explicit(&t->times[which], memory_order_relaxed);

	while (!atomic_compare_exchange_weak(&t->times[which], &seen,
					     seen - (seen + TRAFFIC_SAMPLES - 1) / TRAFFIC_SAMPLES +
						     ms))
		;
}

#endif
