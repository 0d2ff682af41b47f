/*
 *	         begin         connected          greeted           sent
 *	REST ──────────▶ DIAL ───────────▶ GREET ─────────▶ SEND ───────▶ EXPECT
 *	  ▲               ▲                   └─────────────────────────────▶ │
 *	  │               └─────────── the script connects again ─────────────┤
 *	  └───────────── the script's end, a failure, or the bound ───────────┘
 *
 * The script says which state comes next. Like HAProxy a check ends with a reset, which leaves no
 * socket behind in TIME_WAIT, unless the script asks for good manners.
 */
#include "agent/health/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/list.h"
#include "agent/core/health/probe.h"

enum step {
	STEP_WAIT,
	STEP_NEXT,
	STEP_END,
};

static enum step dial(struct check *c);
static enum step greet(struct check *c);
static enum step send_bytes(struct check *c);
static enum step expect(struct check *c);

/* Descriptor events that a state waits for. */
static const struct {
	enum step (*step)(struct check *c);
	int events;
} states[] = {
	[CHECK_REST] = { NULL, 0 },	      [CHECK_DIAL] = { dial, EV_WRITE },
	[CHECK_GREET] = { greet, EV_WRITE },  [CHECK_SEND] = { send_bytes, EV_WRITE },
	[CHECK_EXPECT] = { expect, EV_READ },
};

static void
hang_up(struct check *c)
{
	ev_io_stop(c->loop, &c->io);
	link_close(&c->link, c->lingers);
}

static enum step
end(struct check *c, enum health_status status, const char *what)
{
	char place[SCRIPT_PLACE];

	health_answer_set(&c->answer, status, 0, "%s%s", what,
			  script_place(c->order.script, c->step, place));
	return STEP_END;
}

static void
set_bound(struct check *c, uint32_t ms)
{
	ev_timer_stop(c->loop, &c->bound);
	ev_timer_set(&c->bound, ms / 1e3, 0.);
	ev_timer_start(c->loop, &c->bound);
}

static void
watch(struct check *c, int events)
{
	ev_io_stop(c->loop, &c->io);
	ev_io_set(&c->io, c->link.fd, events);
	ev_io_start(c->loop, &c->io);
}

/* ---- connections ---------------------------------------------------------------------------- */

static void
set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

static struct addr
goal(const struct check *c)
{
	const struct script_step *step = &c->order.script->steps[c->step];
	struct addr a = step->addr.len ? step->addr : c->order.to;

	if (step->port)
		set_port(&a, step->port);
	addr_default_port(&a, addr_port(&c->order.to));
	return a;
}

static enum step
enter_dial(struct check *c)
{
	struct addr to = goal(c);
	char what[HEALTH_INFO];
	int fd;

	hang_up(c);
	fd = dial_start_from(&to, &c->order.from);
	if (fd < 0) {
		snprintf(what, sizeof(what), "General socket error (%s)", strerror(-fd));
		return end(c, HEALTH_SOCKERR, what);
	}
	link_begin(&c->link, fd);
	c->lingers = c->order.script->steps[c->step].lingers;
	c->state = CHECK_DIAL;
	c->n_heard = 0;
	c->is_all = false;
	if (c->order.answer_ms)
		set_bound(c, c->order.connect_ms);
	watch(c, states[CHECK_DIAL].events);
	return STEP_WAIT;
}

/* The script's step at hand begins, or there is none left. */
static enum step
enter(struct check *c)
{
	const struct script *s = c->order.script;

	if (c->step == s->n_steps) {
		c->step--;
		if (s->steps[c->step].op != SCRIPT_EXPECT)
			script_done(s, c->link.has_tls, &c->answer);
		return STEP_END;
	}
	if (s->steps[c->step].op == SCRIPT_CONNECT)
		return enter_dial(c);
	if (s->steps[c->step].op == SCRIPT_SEND) {
		c->state = CHECK_SEND;
		c->n_sent = c->n_heard = 0;
	} else {
		c->state = CHECK_EXPECT;
	}
	watch(c, states[c->state].events);
	return STEP_NEXT;
}

static enum step
advance(struct check *c)
{
	c->step++;
	return enter(c);
}

static enum step
dial(struct check *c)
{
	int error = dial_result(c->link.fd);

	if (error)
		return end(c, HEALTH_L4CON, strerror(-error));
	c->state = CHECK_GREET;
	return STEP_NEXT;
}

/* It cannot go on now. */
static enum step
wait(struct check *c)
{
	watch(c, c->link.events);
	return STEP_WAIT;
}

/* A connection of the script's own making is in the clear. */
static enum step
greet(struct check *c)
{
	static const struct link_terms plain;
	bool is_default = c->order.script->steps[c->step].is_default;

	switch (link_greet(&c->link, is_default ? &c->order.terms : &plain)) {
	case LINK_OK:
		break;
	case LINK_WAIT:
		return wait(c);
	case LINK_CLOSED:
	case LINK_FAIL:
		return end(c, HEALTH_L6RSP, link_error(&c->link));
	}
	if (c->order.answer_ms)
		set_bound(c, c->order.answer_ms);
	return advance(c);
}

/* ---- talk ----------------------------------------------------------------------------------- */

static enum step
send_bytes(struct check *c)
{
	const struct script_step *step = &c->order.script->steps[c->step];

	size_t n;

	while (c->n_sent < step->n_bytes) {
		enum link_result result =
			link_send(&c->link, step->bytes + c->n_sent, step->n_bytes - c->n_sent, &n);

		if (result == LINK_WAIT)
			return wait(c);
		if (result != LINK_OK)
			return end(c, HEALTH_SOCKERR, link_error(&c->link));
		c->n_sent += n;
	}
	return advance(c);
}

/* What was heard so far may be enough, more of it need not come. */
static enum step
judge(struct check *c)
{
	switch (script_expect(c->order.script, c->step, c->heard, c->n_heard, c->is_all,
			      c->order.is_up, &c->answer)) {
	case SCRIPT_MORE:
		return wait(c);
	case SCRIPT_PASS:
		return advance(c);
	case SCRIPT_FAIL:
		break;
	}
	return STEP_END;
}

static enum step
expect(struct check *c)
{
	size_t n;

	if (!c->heard)
		c->heard = malloc(SCRIPT_ANSWER_MAX);
	if (!c->heard)
		return end(c, HEALTH_SOCKERR, "out of memory");
	while (!c->is_all && c->n_heard < SCRIPT_ANSWER_MAX) {
		enum link_result result = link_recv(&c->link, c->heard + c->n_heard,
						    SCRIPT_ANSWER_MAX - c->n_heard, &n);

		if (result == LINK_WAIT)
			break;
		if (result == LINK_FAIL)
			return end(c, HEALTH_SOCKERR, link_error(&c->link));
		c->is_all = result == LINK_CLOSED;
		c->n_heard += n;
	}
	return judge(c);
}

/* ---- begin and end -------------------------------------------------------------------------- */

/* A broker that took the CONNECT of a probe is told that it was not meant. */
static void
say_goodbye(struct check *c)
{
	size_t n;

	if (c->link.fd >= 0 && c->order.script->kind == SCRIPT_PROBE_MQTT &&
	    c->answer.status == HEALTH_L7OK && c->answer.code == 0)
		(void)!link_send(&c->link, probe_mqtt_disconnect.p, probe_mqtt_disconnect.n, &n);
}

static void
rest(struct check *c)
{
	ev_timer_stop(c->loop, &c->bound);
	hang_up(c);
	free(c->heard);
	c->heard = NULL;
	c->state = CHECK_REST;
}

static void
finish(struct check *c)
{
	uint32_t ms = (uint32_t)((ev_now(c->loop) - c->began) * 1e3);

	say_goodbye(c);
	rest(c);
	c->on_done(c, &c->answer, ms);
}

static void
run(struct check *c)
{
	enum step step;

	do
		step = states[c->state].step(c);
	while (step == STEP_NEXT);
	if (step == STEP_END)
		finish(c);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	run(container_of(io, struct check, io));
}

/* Its answer came to nothing in time, or could not even begin. */
static void
on_bound(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct check *c = container_of(timer, struct check, bound);
	const struct script_step *step = &c->order.script->steps[c->step];

	if (c->state != CHECK_DIAL || c->link.fd >= 0)
		(void)end(c,
			  c->state == CHECK_DIAL     ? HEALTH_L4TOUT
			  : c->state == CHECK_GREET  ? HEALTH_L6TOUT
			  : c->state == CHECK_EXPECT ? step->expect.timeout
						     : HEALTH_L7TOUT,
			  "");
	finish(c);
}

void
check_init(struct check *c, struct ev_loop *loop, check_done_fn *on_done)
{
	*c = (struct check){ .loop = loop, .on_done = on_done };
	link_init(&c->link);
	ev_init(&c->io, on_io);
	ev_init(&c->bound, on_bound);
}

void
check_begin(struct check *c, const struct check_order *order)
{
	c->order = *order;
	c->step = 0;
	c->began = ev_now(c->loop);
	c->state = CHECK_DIAL;
	set_bound(c, order->whole_ms);
	/* What fails at once is told from the loop, as everything else is. */
	if (enter(c) == STEP_END)
		set_bound(c, 0);
}

void
check_cancel(struct check *c)
{
	rest(c);
}
