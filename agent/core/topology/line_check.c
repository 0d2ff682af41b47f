/*
 * The options of a server about its health: how often and where it is asked, how many answers
 * count, what follows from them.
 */
#include <stdlib.h>

#include "agent/core/base/units.h"
#include "agent/core/topology/address.h"
#include "agent/core/topology/server_line.h"

static const char *
server_name(const struct server_line *l)
{
	return l->name ? l->name : "default-server";
}

bool
line_check_interval(struct server_line *l)
{
	const char *name = word(l->p, l->i), *text = word(l->p, l->i + 1);
	struct check_settings *c = &l->s->checking;
	uint32_t *interval = strcmp(name, "inter") == 0	      ? &c->inter_ms
			     : strcmp(name, "fastinter") == 0 ? &c->fastinter_ms
							      : &c->downinter_ms;
	enum units result;
	int64_t ms;
	size_t bad;

	if (!*text) {
		server_line_fail(l, "'%s' expects a delay as argument..", name);
		return false;
	}
	result = units_duration(str_of(text), 1, &ms, &bad);
	if (result == UNITS_BAD)
		/* HAProxy says agent-inter whichever of them it is */
		server_line_fail(l,
				 "unexpected character '%c' in 'agent-inter' argument of server "
				 "%s..",
				 text[bad], server_name(l));
	else if (result == UNITS_RANGE)
		server_line_fail(l,
				 "timer overflow in argument <%s> to <%s> of server %s, maximum "
				 "value is 2147483647 ms (~24.8 days)..",
				 text, name, server_name(l));
	else if (ms == 0)
		server_line_fail(l, "invalid value 0 for argument '%s' of server %s..", name,
				 server_name(l));
	else
		*interval = (uint32_t)ms;
	return result == UNITS_OK && ms > 0;
}

bool
line_check_count(struct server_line *l)
{
	const char *name = word(l->p, l->i), *text = word(l->p, l->i + 1);
	struct check_settings *c = &l->s->checking;
	bool is_limit = strcmp(name, "error-limit") == 0;
	uint32_t *count = is_limit		      ? &c->error_limit
			  : strcmp(name, "rise") == 0 ? &c->rise
						      : &c->fall;
	long n = strtol(text, NULL, 10);

	if (!*text) {
		server_line_fail(l, "'%s' expects an integer argument..", name);
		return false;
	}
	if (n <= 0) {
		server_line_fail(l, is_limit ? "%s has to be > 0.." : "'%s' has to be > 0..", name);
		return false;
	}
	*count = n > INT32_MAX ? INT32_MAX : (uint32_t)n;
	return true;
}

/* A name is looked up by HAProxy when it starts; usher takes addresses alone. */
bool
line_check_addr(struct server_line *l)
{
	const char *text = word(l->p, l->i + 1);
	enum address_result result;
	char why[ADDRESS_WHY];
	struct source s;

	if (!*text) {
		server_line_fail(l, "'addr' expects <ipv4|ipv6> as argument..");
		return false;
	}
	result = address_read(text, 0, &s, why);
	if (result == ADDRESS_REFUSED || (result == ADDRESS_NAMED && l->p->env->strict)) {
		server_line_fail(l, "'addr' : %s.", why);
		return false;
	}
	addr_default_port(&s.addr, s.port_min);
	l->s->checking.addr = s.addr;
	l->s->check_elsewhere = true;
	return true;
}

/* Any number is as good to HAProxy as its last 16 bits. */
bool
line_check_port(struct server_line *l)
{
	const char *text = word(l->p, l->i + 1);

	if (!*text) {
		server_line_fail(l, "'port' expects a port number as argument..");
		return false;
	}
	l->s->checking.port = (uint16_t)strtol(text, NULL, 10);
	l->s->check_elsewhere = true;
	return true;
}

bool
line_check_observe(struct server_line *l)
{
	const char *mode = word(l->p, l->i + 1);

	if (!*mode) {
		server_line_fail(l, "'observe' expects <mode> as argument..");
		return false;
	}
	if (strcmp(mode, "none") != 0 && strcmp(mode, "layer4") != 0 &&
	    strcmp(mode, "layer7") != 0) {
		server_line_fail(
			l, "'observe' expects one of 'none', 'layer4', 'layer7' but got '%s'.",
			mode);
		return false;
	}
	l->s->checking.observe_layer4 = strcmp(mode, "layer4") == 0;
	return true;
}

bool
line_check_on_error(struct server_line *l)
{
	static const struct {
		const char *name;
		enum error_action action;
	} actions[] = {
		{ "fastinter", ERROR_FASTINTER },
		{ "fail-check", ERROR_FAIL_CHECK },
		{ "sudden-death", ERROR_SUDDEN_DEATH },
		{ "mark-down", ERROR_MARK_DOWN },
	};
	const char *name = word(l->p, l->i + 1);

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(name, actions[i].name) == 0) {
			l->s->checking.on_error = actions[i].action;
			return true;
		}
	}
	server_line_fail(l,
			 "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or "
			 "'mark-down' but got '%s'.",
			 name);
	return false;
}

bool
line_check_on_marked(struct server_line *l)
{
	const char *name = word(l->p, l->i), *action = word(l->p, l->i + 1);
	bool down = strcmp(name, "on-marked-down") == 0;
	const char *only = down ? "shutdown-sessions" : "shutdown-backup-sessions";

	if (strcmp(action, only) != 0) {
		server_line_fail(l, "'%s' expects '%s' but got '%s'.", name, only, action);
		return false;
	}
	if (down)
		l->s->on_down = MARK_SHUTDOWN_SESSIONS;
	else
		l->s->on_up = MARK_SHUTDOWN_BACKUP_SESSIONS;
	return true;
}

bool
line_check_track(struct server_line *l)
{
	const char *what = word(l->p, l->i + 1);

	if (!*what) {
		server_line_fail(l, "'track' expects [<proxy>/]<server> as argument..");
		return false;
	}
	parser_set_text(&l->s->track, what);
	return true;
}
