/*
 * Inside advice: what the findings share. A finding is a function that looks at the files through
 * an adviser and says what it sees; its row in advice.c gives it a name. Not for others.
 */
#ifndef USHER_CORE_ADVICE_ADVISER_H
#define USHER_CORE_ADVICE_ADVISER_H

#include "agent/core/advice/advice.h"
#include "agent/core/advice/lines.h"

/* A frontend that asks usher: it has our filter line. */
struct asker {
	const struct proxy *p;
	const struct spoe_filter *filter;
	const struct spoe_engine *engine; /* NULL: its file cannot be read */
	size_t question;    /* index in p->all of `send-spoe-group`; SIZE_MAX: there is none */
	const char *group;  /* that the question names; NULL: there is none */
	const char *prefix; /* of our variables: txn.PREFIX.action */
	bool is_http;	    /* `mode http`: WebSocket, whose heads HAProxy reads, not the MQTT */
};

struct adviser {
	const struct advice_input *in;
	struct report *r;
	const char *name; /* of the finding at work */

	struct asker *askers; /* owned */
	size_t n_askers;
	const struct proxy **named; /* owned; the backends that a verdict can name */
	size_t n_named;
};

void adviser_init(struct adviser *a, const struct advice_input *in, struct report *r);
void adviser_fini(struct adviser *a);
/* Look at p as if it asked usher already. */
void adviser_add_door(struct adviser *a, const struct proxy *p);
/* Look at p as if a verdict could name it. */
void adviser_add_named(struct adviser *a, const struct proxy *p);

/* "[file:line] : text [name]"; the same text is said once. */
void advise(const struct adviser *a, enum finding_level level, struct place at, const char *fmt,
	    ...) PRINTF_LIKE(4, 5);
/* "usher.json:line: path: text [name]" */
void advise_policy(const struct adviser *a, enum finding_level level, int line, const char *path,
		   const char *fmt, ...) PRINTF_LIKE(5, 6);

/* "var(txn.usher.srv1)", into out[VARIABLE]. Returns out. */
const char *asker_variable(const struct asker *asker, const char *name, char *out);

/* Does a line of p that starts so mention our variable, whichever of the askers' prefixes it has?
 */
bool adviser_uses_variable(const struct adviser *a, const struct proxy *p, const char *words,
			   const char *name);

/* Is it a backend of MQTT whose servers usher names? */
bool adviser_names(const struct adviser *a, const struct proxy *p);

/* Does the policy name backends besides p's default? */
bool adviser_names_others(const struct adviser *a, const struct proxy *p);

/* The words that its rules begin with: "tcp-request content", "http-request". */
const char *asker_ruleset(const struct asker *k);

/* Does the frontend obey: refusals; verdicts that are missing, by a refusal; quotas? */
bool asker_obeys_refusals(const struct asker *k);
bool asker_is_closed(const struct asker *k);
bool asker_obeys_quotas(const struct adviser *a, const struct asker *k);

/* Are ends of sessions reported, in the words that usher reads? */
bool proxy_reports_ends(const struct proxy *p);

/* Do clients of this backend lose their server while usher is away? */
bool adviser_lacks_stick(const struct adviser *a, const struct proxy *b);
/* Is the key of a stick line what a client chose, whole? Then it may be cut. */
bool adviser_is_raw_key(const struct adviser *a, const struct raw_line *stick);
/* Does the policy say that clients without a verdict are refused here? */
bool adviser_wants_closed(const struct adviser *a, const struct proxy *p);

/* Can a verdict refuse a client for what usher.json says? */
bool policy_refuses(const struct policy *p);
bool policy_has_quotas(const struct policy *p);

/* The findings, by subject; each function may say several things under its one name. */
typedef void find_fn(const struct adviser *a);

/* find_syntax.c: what HAProxy refuses */
find_fn find_blank_in_brackets, find_full_width, find_no_lua;
/* find_question.c: is usher asked, and rightly */
find_fn find_not_asked, find_no_filter, find_no_question, find_no_inspect_delay,
	find_no_mqtt_is_valid, find_unset_variable, find_no_size_limit, find_fact_unseen;
/* find_answer.c: is what usher says obeyed */
find_fn find_no_refusal, find_not_closed, find_closed_unsaid, find_no_use_backend, find_no_quota,
	find_no_use_server, find_few_use_servers;
/* find_backend.c: servers and stickiness */
find_fn find_no_stick, find_stick_len, find_no_check, find_check_send_proxy, find_bare_header,
	find_no_redispatch;
/* find_surroundings.c: time-outs, reports, the agent's own backend */
find_fn find_no_timeout, find_timeout_keepalive, find_no_session_ends, find_logasap,
	find_no_stats_socket, find_agent_unchecked, find_no_spop_check, find_no_processing_timeout,
	find_late_answers;

#endif
