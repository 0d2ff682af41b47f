/* HAProxy's own formats are log-formats as well; the error line's last word is the caller's. */
#include "agent/core/logline/text.h"

#include "agent/core/rules/rules.h"

/* Configuration manual, 8.2.1, 8.2.2 and 8.2.5. */
#define FORMAT_ACCEPTED "Connect from %ci:%cp to %fi:%fp (%f/TCP)"
#define FORMAT_REFUSED "%ci:%cp [%t] %f"
#define FORMAT_TCPLOG "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"

/* What is known at the end alone; all else is when the server has been reached. */
static const char *const of_the_end[] = { "Tw", "Tc", "Tt", "Th", "Tu", "B",  "U",  "ts",
					  "ac", "fc", "bc", "sc", "rc", "sq", "bq", "ID" };

enum { N_OF_THE_END = sizeof(of_the_end) / sizeof(of_the_end[0]) };

static bool
names_variable(const struct expr_call *call)
{
	for (size_t i = 0; i < EXPR_ARGS_MAX; i++)
		if (call->args[i].type == ARG_VAR)
			return true;
	return false;
}

static bool
uses_variables(const struct log_format *f)
{
	const struct expr *e;

	for (size_t i = 0; (e = log_format_expr(f, &i));)
		for (size_t k = 0; k < e->n_calls; k++)
			if (names_variable(&e->calls[k]))
				return true;
	return false;
}

void
line_text_compile(struct line_text *l, const struct topology *t, const struct proxy *p, bool blanks,
		  struct report *r)
{
	bool is_accepted = !p->log_format && !(p->options & OPTION_TCPLOG);
	const char *text = p->log_format		? p->log_format
			   : p->options & OPTION_TCPLOG ? FORMAT_TCPLOG
							: FORMAT_ACCEPTED;

	*l = (struct line_text){ .due = LINE_ENDED };
	if (rules_compile_log_format(&l->session, t, p, "log-format", p->log_format_at, text,
				     blanks, r) &&
	    !log_format_uses(&l->session, of_the_end, N_OF_THE_END))
		l->due = is_accepted ? LINE_ACCEPTED : LINE_CONNECTED;
	if (p->options & OPTION_LOGASAP && l->due == LINE_ENDED)
		l->due = LINE_CONNECTED;
	if (p->log_format_sd)
		(void)!rules_compile_log_format(&l->data, t, p, "log-format-sd", p->log_format_at,
						p->log_format_sd, blanks, r);
	l->uses_variables = uses_variables(&l->session) || uses_variables(&l->data);
	l->has_refused_format = p->error_log_format;
	(void)!rules_compile_log_format(
		&l->refused, t, p, "error-log-format", p->error_log_format_at,
		p->error_log_format ? p->error_log_format : FORMAT_REFUSED, blanks, r);
}

void
line_text_fini(struct line_text *l)
{
	log_format_fini(&l->session);
	log_format_fini(&l->data);
	log_format_fini(&l->refused);
}

/* HAProxy: an error, a timeout, a retry or a redispatch. What it answers itself is none. */
static bool
went_wrong(const struct log_fields *f)
{
	char cause = f->termination.n ? f->termination.p[0] : '-';

	return f->redispatched || f->retries > 0 || (cause != '-' && cause != 'L');
}

int
line_text_severity(const struct proxy *p, const struct log_fields *fields, enum line_moment moment)
{
	if (moment == LINE_ACCEPTED)
		return SEVERITY_INFO;
	if (moment == LINE_ENDED && p->options & OPTION_DONTLOGNULL && fields->bytes_in == 0)
		return -1;
	if (!went_wrong(fields))
		return p->options & OPTION_DONTLOG_NORMAL ? -1 : SEVERITY_INFO;
	return p->options & OPTION_LOG_SEPARATE_ERRORS ? SEVERITY_ERR : SEVERITY_INFO;
}

int
line_text_refused_severity(const struct proxy *p, const struct log_fields *fields)
{
	if (p->options & OPTION_DONTLOGNULL && fields->bytes_in == 0)
		return -1;
	return p->options & OPTION_LOG_SEPARATE_ERRORS ? SEVERITY_ERR : SEVERITY_INFO;
}
