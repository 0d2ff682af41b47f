/* Text and structured data are put together first, once; each target then has its own head. */
#include "agent/engine/session_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/io/clock.h"

bool
session_line_is_due(const struct data_path *d, const struct proxy *frontend,
		    enum line_moment moment)
{
	return log_targets_any(d->log_targets, frontend) &&
	       d->lines[frontend->index]->due <= moment;
}

bool
session_line_uses_variables(const struct data_path *d, const struct proxy *frontend)
{
	return log_targets_any(d->log_targets, frontend) &&
	       d->lines[frontend->index]->uses_variables;
}

/* The fields that are the same for everybody. */
static struct log_fields
complete(const struct data_path *d, const struct proxy *frontend, const struct log_fields *from)
{
	struct log_fields fields = *from;

	fields.pid = getpid();
	fields.hostname = log_targets_hostname(d->log_targets);
	fields.utc_offset_s = wall_clock_now().utc_offset_s;
	fields.log_counter = 0; /* HAProxy counts those of HTTP alone */
	fields.is_early = frontend->options & OPTION_LOGASAP;
	return fields;
}

/* HAProxy's room for a text is the longest line that any target takes. */
static size_t
write_format(const struct data_path *d, const struct log_format *f, struct expr_context *x,
	     const struct log_fields *fields, char *out)
{
	return log_format_write(f, x, fields, out, log_targets_longest(d->log_targets));
}

void
session_line_write(const struct data_path *d, const struct proxy *frontend, struct expr_context *x,
		   const struct log_fields *from, enum line_moment moment)
{
	const struct line_text *l = d->lines[frontend->index];
	struct log_fields fields = complete(d, frontend, from);
	int severity = line_text_severity(frontend, &fields, moment);
	char text[LOG_LEN_MAX], data[LOG_LEN_MAX];
	struct str data_view, text_view;

	if (severity < 0)
		return;
	data_view = (struct str){ data, write_format(d, &l->data, x, &fields, data) };
	text_view = (struct str){ text, write_format(d, &l->session, x, &fields, text) };
	log_targets_send(d->log_targets, frontend, (enum log_severity)severity, data_view,
			 text_view);
}

/* "127.0.0.1:48802 [22/Nov/2026:11:03:08.130] frontend/listener: what" */
static size_t
write_refusal(const struct data_path *d, const struct line_text *l, struct expr_context *x,
	      const struct log_fields *fields, const char *what, char *out)
{
	size_t n = write_format(d, &l->refused, x, fields, out);
	size_t size = log_targets_longest(d->log_targets);
	int more;

	if (l->has_refused_format || n >= size)
		return n;
	if (x->listener.n)
		more = snprintf(out + n, size - n, "/%.*s: %s", STR_ARG(x->listener), what);
	else
		more = snprintf(out + n, size - n, "/%lld: %s", (long long)x->listener_id, what);
	return more < 0 ? n : n + (size_t)more < size ? n + (size_t)more : size - 1;
}

void
session_line_write_refused(const struct data_path *d, const struct proxy *frontend,
			   struct expr_context *x, const struct log_fields *from, const char *what)
{
	const struct line_text *l = d->lines[frontend->index];
	struct log_fields fields = complete(d, frontend, from);
	char text[LOG_LEN_MAX], data[LOG_LEN_MAX];
	struct str data_view = { data, 0 };
	int severity = line_text_refused_severity(frontend, &fields);

	if (severity < 0 || !log_targets_any(d->log_targets, frontend))
		return;
	if (l->has_refused_format)
		data_view.n = write_format(d, &l->data, x, &fields, data);
	log_targets_send(d->log_targets, frontend, (enum log_severity)severity, data_view,
			 (struct str){ text, write_refusal(d, l, x, &fields, what, text) });
}

void
session_line_say(const struct data_path *d, const struct proxy *p, enum log_severity severity,
		 const char *sentence)
{
	log_targets_send(d->log_targets, p, severity, STR(""), str_of(sentence));
}

static void
say_stopped(const struct world *w, const struct proxy *p)
{
	const struct frontend_load *front = w->data_path->fronts[p->index];
	uint64_t n_front = front ? traffic_read(&front->traffic, TRAFFIC_CONNECTIONS) : 0;
	uint64_t n_back = 0;
	char text[512];

	if (!proxy_is_carried(p))
		return;
	if (p->kind & PROXY_BACKEND && p->n_servers)
		n_back = traffic_read(&pool_load(w->pools[p->index], 0)->backend->traffic,
				      TRAFFIC_SESSIONS);
	snprintf(text, sizeof(text),
		 "Proxy %s stopped (cumulated conns: FE: %" PRIu64 ", BE: %" PRIu64 ").", p->name,
		 n_front, n_back);
	session_line_say(w->data_path, p, SEVERITY_WARNING, text);
}

void
session_line_say_stopped(const struct world *w)
{
	const struct topology *t = &w->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		if (t->proxies[i]->kind & PROXY_FRONTEND)
			say_stopped(w, t->proxies[i]);
	for (size_t i = 0; i < t->n_proxies; i++)
		if (t->proxies[i]->kind == PROXY_BACKEND)
			say_stopped(w, t->proxies[i]);
}
