/* `show info`: what HAProxy has and usher has not (pools, TLS, compression, peers) is 0. */
#include "agent/engine/statistics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/engine/data_path.h"
#include "agent/engine/statistics_book.h"

const struct statistics_field statistics_info_lines[N_INFO] = {
#define X(id, name, type, origin, nature, scope)                                                   \
	[INFO_##id] = { name, STATISTICS_##type, origin, nature, scope },
	STATISTICS_INFO(X)
#undef X
};

static int64_t
cpu_us(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

static uint64_t
bytes_out(const struct world *w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->data_path->n; i++)
		if (w->data_path->fronts[i])
			sum += traffic_bytes_out(&w->data_path->fronts[i]->traffic);
	return sum;
}

void
statistics_sample(const struct operations *o, int64_t now_ms)
{
	const struct world *w = o->world(o->arg);
	struct cpu_sample *s = statistics_cpu(o->statistics);
	uint64_t out = bytes_out(w);
	int64_t passed_ms = now_ms - s->at, used = cpu_us();
	int64_t busy;

	if (s->at && passed_ms < 900)
		return;
	if (s->at) {
		busy = (used - s->cpu_us) / 10 / passed_ms / (o->n_workers ? o->n_workers : 1);
		s->idle_percent = busy < 0 ? 100 : busy > 100 ? 0 : (uint32_t)(100 - busy);
		s->bytes_out_rate = (out - s->bytes_out) * 1000 / (uint64_t)passed_ms;
	} else {
		s->idle_percent = 100;
	}
	s->at = now_ms;
	s->cpu_us = used;
	s->bytes_out = out;
}

/* "0d 0h01m38s". */
static void
make_uptime(int64_t s, char *out, size_t size)
{
	snprintf(out, size, "%lldd %lldh%02lldm%02llds", (long long)(s / 86400),
		 (long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60));
}

/* The word of a line of the global section; NULL: there is none. */
static const char *
global_word(const struct topology *t, const char *keyword)
{
	const char *found = NULL;

	for (size_t i = 0; i < t->n_global; i++)
		if (strcmp(t->global[i].words[0], keyword) == 0 && t->global[i].n > 1)
			found = t->global[i].words[1];
	return found;
}

static int64_t
count_listeners(const struct topology *t)
{
	int64_t n = (int64_t)t->n_stats_sockets;

	for (size_t i = 0; i < t->n_proxies; i++)
		n += t->proxies[i]->disabled ? 0 : (int64_t)t->proxies[i]->n_binds;
	return n;
}

static void
set(struct statistics_info *info, enum statistics_info_line line, int64_t number)
{
	info->value[line] = (struct statistics_value){ .is_set = true, .number = number };
}

static void
set_text(struct statistics_info *info, enum statistics_info_line line, const char *text)
{
	info->value[line] = (struct statistics_value){ .is_set = true, .text = text };
}

/* All of it 0, but for texts and for what HAProxy leaves out, too. */
static void
set_zeros(struct statistics_info *info)
{
	for (enum statistics_info_line i = 0; i < N_INFO; i++)
		if (statistics_info_lines[i].type != STATISTICS_TEXT && i != INFO_ZLIBMEMUSAGE &&
		    i != INFO_MAXZLIBMEMUSAGE)
			set(info, i, 0);
}

static void
fill_names(const struct operations *o, struct statistics_info *info)
{
	const struct topology *t = &o->world(o->arg)->topology;
	const char *node = global_word(t, "node"), *description = global_word(t, "description");
	int64_t uptime_s = time(NULL) - o->started_at;

	if (node)
		snprintf(info->node, sizeof(info->node), "%s", node);
	else if (gethostname(info->node, sizeof(info->node) - 1) < 0)
		info->node[0] = '\0';
	make_uptime(uptime_s, info->uptime, sizeof(info->uptime));
	set_text(info, INFO_NAME, "usher");
	set_text(info, INFO_VERSION, USHER_VERSION);
	set_text(info, INFO_RELEASE_DATE, "-");
	set_text(info, INFO_BUILD_INFO, USHER_VERSION);
	set_text(info, INFO_NODE, info->node);
	set_text(info, INFO_UPTIME, info->uptime);
	set_text(info, INFO_TAINTED, "0");
	if (description)
		set_text(info, INFO_DESCRIPTION, description);
	set(info, INFO_UPTIME_SEC, uptime_s);
	set(info, INFO_START_TIME_SEC, o->started_at);
}

static void
fill_limits(const struct operations *o, struct statistics_info *info)
{
	const struct topology *t = &o->world(o->arg)->topology;
	struct rlimit files = { 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	set(info, INFO_NBTHREAD, o->n_workers);
	set(info, INFO_NBPROC, 1);
	set(info, INFO_PROCESS_NUM, 1);
	set(info, INFO_PID, getpid());
	set(info, INFO_ULIMIT_N, (int64_t)files.rlim_cur);
	set(info, INFO_MAXSOCK, (int64_t)files.rlim_cur);
	set(info, INFO_MAXCONN, o->max_sessions(o->arg));
	set(info, INFO_HARD_MAXCONN, o->max_sessions(o->arg));
	set(info, INFO_CONNRATELIMIT, t->maxconnrate);
	set(info, INFO_SESSRATELIMIT, t->maxsessrate);
	set(info, INFO_LISTENERS, count_listeners(t));
	set(info, INFO_STOPPING, o->is_stopping);
}

static uint32_t
highest(const struct traffic *t, enum traffic_peak which, uint32_t now)
{
	uint32_t most = atomic_load(&t->peaks[which]);

	return most > now ? most : now;
}

static void
fill_traffic(const struct operations *o, int64_t now_ms, struct statistics_info *info)
{
	const struct frontend_load *all = o->world(o->arg)->data_path->process;
	const struct traffic *t = &all->traffic;
	uint32_t n = atomic_load(&all->n_sessions), rate = rate_meter_read(&all->rate, now_ms);
	uint32_t conn_rate = rate_meter_read(&all->connection_rate, now_ms);

	set(info, INFO_CURRCONNS, n);
	set(info, INFO_JOBS, n + info->value[INFO_LISTENERS].number);
	set(info, INFO_TASKS, n);
	set(info, INFO_CUMCONNS, (int64_t)traffic_read(t, TRAFFIC_CONNECTIONS));
	set(info, INFO_CUMREQ, (int64_t)traffic_read(t, TRAFFIC_SESSIONS));
	set(info, INFO_CONNRATE, conn_rate);
	set(info, INFO_MAXCONNRATE, highest(t, TRAFFIC_PEAK_CONNECTION_RATE, conn_rate));
	set(info, INFO_SESSRATE, rate);
	set(info, INFO_MAXSESSRATE, highest(t, TRAFFIC_PEAK_RATE, rate));
	set(info, INFO_TOTALBYTESOUT, (int64_t)bytes_out(o->world(o->arg)));
}

void
statistics_process(const struct operations *o, int64_t now_ms, struct statistics_info *info)
{
	const struct cpu_sample *s = statistics_cpu(o->statistics);

	*info = (struct statistics_info){ 0 };
	set_zeros(info);
	fill_names(o, info);
	fill_limits(o, info);
	statistics_sample(o, now_ms);
	fill_traffic(o, now_ms, info);
	set(info, INFO_IDLE_PCT, s->idle_percent);
	set(info, INFO_BYTESOUTRATE, (int64_t)s->bytes_out_rate);
}
