/*
 * A change of state is two lines: usher's own, made of keys and values, and HAProxy's sentence,
 * which is what people's tools look for; it goes to the backend's `log` targets as well.
 */
#include "agent/health/checked.h"

#include "agent/core/health/sentence.h"
#include "agent/engine/session_line.h"
#include "agent/io/log.h"

static void
say(const struct checked *c, enum log_level level, enum log_severity severity, const char *sentence)
{
	log_line(level, "%s", sentence);
	session_line_say(checked_world(c)->data_path, c->server->backend, severity, sentence);
}

struct usable
announce_count(const struct checked *c)
{
	const struct proxy *p = c->server->backend;
	struct usable n = { 0 };

	for (unsigned i = 0; i < p->n_servers; i++) {
		if (pool_server(c->pool, i).status != SERVER_UP)
			continue;
		if (p->servers[i]->backup)
			n.n_backup++;
		else
			n.n_active++;
	}
	return n;
}

static struct sentence
sentence_of(const struct checked *c)
{
	struct server_load *load = pool_load(c->pool, c->server->index);
	struct usable left = announce_count(c);

	return (struct sentence){
		.server = c->server,
		.answer = &c->view.answer,
		.ms = c->view.ms,
		.n_active = left.n_active,
		.n_backup = left.n_backup,
		.n_sessions = pool_server(c->pool, c->server->index).sessions,
		.n_waiting = load ? load->n_waiting : 0,
	};
}

void
announce_check(const struct checked *c)
{
	struct sentence s = sentence_of(c);
	char text[SENTENCE_MAX];

	say(c, LOG_INFO, SEVERITY_NOTICE,
	    sentence_check(&s, &c->rise, c->server->weight == 0, text));
}

static void
announce_keys(const struct checked *c, enum server_status now)
{
	const struct health_answer *a = &c->view.answer;

	if (c->tracked)
		log_line(LOG_INFO, "server changed backend=%s server=%s state=%s weight=%u via=%s",
			 c->server->backend->name, c->server->name, server_status_name(now),
			 pool_server(c->pool, c->server->index).weight, c->tracked->key);
	else
		log_line(LOG_INFO,
			 "server changed backend=%s server=%s state=%s weight=%u check=%s code=%d "
			 "ms=%u",
			 c->server->backend->name, c->server->name, server_status_name(now),
			 pool_server(c->pool, c->server->index).weight, health_word(a->status),
			 a->code, c->view.ms);
}

void
announce_state(const struct checked *c, enum server_status now, struct usable before)
{
	const struct proxy *p = c->server->backend;
	struct sentence s = sentence_of(c);
	char text[SENTENCE_MAX];

	announce_keys(c, now);
	s.via = c->tracked ? c->tracked->server : NULL;
	if (p->options & OPTION_LOG_HEALTH_CHECKS)
		s.answer = NULL; /* said a moment ago, by announce_check() */
	sentence_state(&s,
		       now == SERVER_UP	    ? SENTENCE_UP
		       : now == SERVER_DOWN ? SENTENCE_DOWN
					    : SENTENCE_STOPPING,
		       text);
	say(c, now == SERVER_UP ? LOG_INFO : LOG_WARNING,
	    now == SERVER_DOWN ? SEVERITY_ALERT : SEVERITY_NOTICE, text);
	if (before.n_active + before.n_backup && !(s.n_active + s.n_backup))
		say(c, LOG_ERROR, SEVERITY_EMERG, sentence_nobody(p, text));
}
