/*
 * All workers share one budget a second. Whoever opens the next second says how many lines the
 * former ones went without.
 */
#include "agent/engine/verdict_log.h"

#include <stdatomic.h>

#include "agent/io/log.h"

enum { ID_SHOWN = 256 }; /* bytes of an escaped id */

static _Atomic int64_t second;
static _Atomic uint32_t lines, left_out;

/* Takes one line of this second's budget. */
static bool
take_line(int64_t now)
{
	int64_t before = second;
	uint32_t missing;

	if (now != before && atomic_compare_exchange_strong(&second, &before, now)) {
		atomic_store(&lines, 0);
		missing = atomic_exchange(&left_out, 0);
		if (missing)
			log_line(LOG_WARNING, "verdicts left_out=%u", missing);
	}
	if (atomic_fetch_add(&lines, 1) < VERDICT_LINES_PER_SECOND)
		return true;
	atomic_fetch_add(&left_out, 1);
	return false;
}

void
verdict_log(const struct verdict *v, const struct facts *f, int64_t now_ms)
{
	char id[ID_SHOWN], user[ID_SHOWN], tenant[ID_SHOWN], source[IP_TEXT];
	bool ok = v->action == VERDICT_ACCEPT;

	if (!log_wants(LOG_INFO) || (!log_wants(LOG_DEBUG) && !take_line(now_ms / 1000)))
		return;
	log_line(LOG_INFO,
		 "verdict action=%s client_id=\"%s\" username=\"%s\" source=%s frontend=%.*s "
		 "tenant=\"%s\" backend=%s server=%.*s rule=\"%s\" reason=%s sticky_age_s=%lld",
		 ok ? "accept" : "reject", str_escape(f->client_id, id, sizeof(id)),
		 str_escape(f->username, user, sizeof(user)), ip_format(&f->source, source),
		 STR_ARG(v->frontend ? str_of(v->frontend->name) : STR("-")),
		 str_escape(str_of(v->tenant ? v->tenant->name : NULL), tenant, sizeof(tenant)),
		 v->backend ? v->backend->name : "-",
		 STR_ARG(ok && v->ranking.n ? verdict_server(v, 0) : STR("-")), v->rule,
		 ok ? verdict_by_name(v) : refusal_name(v->refusal),
		 (long long)(v->by == BY_STICKY ? v->sticky.age_ms / 1000 : -1));
}
