/* Between the parts of statistics: what is kept over time. Not for others. */
#ifndef USHER_ENGINE_STATISTICS_BOOK_H
#define USHER_ENGINE_STATISTICS_BOOK_H

#include "agent/engine/statistics.h"

/* Of a backend or a server, over reloads. */
struct page {
	struct page *next;
	char *name; /* owned */
	bool is_known;
	bool is_down; /* it takes nobody, or has nobody who does */
	bool drained; /* by an operator; of a server */
	unsigned how; /* it was shown at the last look */
	int64_t changed_at;
	int64_t down_ms; /* altogether, but for the time since changed_at */
	uint64_t n_down;
};

/* The page; made when it is asked for the first time. server NULL: the backend's. */
struct page *statistics_page(struct statistics *s, const char *backend, const char *server);

/* Down altogether until now. */
static inline int64_t
downtime_ms(const struct page *p, int64_t now_ms)
{
	return p->down_ms + (p->is_down ? now_ms - p->changed_at : 0);
}

/* What the process has used up by then, and what it did in the time before. */
struct cpu_sample {
	int64_t at, cpu_us;
	uint64_t bytes_out;
	uint32_t idle_percent;
	uint64_t bytes_out_rate; /* a second */
};

struct cpu_sample *statistics_cpu(struct statistics *s);
void statistics_sample(const struct operations *o, int64_t now_ms);

/* Servers that take clients now. */
struct backend_sum {
	uint32_t n_active, n_backup;
	uint32_t weight; /* of those whose turn it is */
	bool is_up;
};

struct backend_sum statistics_backend_sum(const struct operations *o, const struct proxy *p);

#endif
