/* What is known of a script once it is made; script_compile.c makes it from the file. */
#include "agent/core/health/script.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/health/probe.h"
#include "agent/core/health/script_make.h"

static void
step_fini(struct script_step *step)
{
	struct expect *e = &step->expect;

	free(step->comment);
	free(step->bytes);
	pattern_free(e->pattern);
	free(e->bytes);
	free(e->ranges);
	free(e->on_success);
	free(e->on_error);
}

void
script_fini(struct script *s)
{
	for (size_t i = 0; i < s->n_steps; i++)
		step_fini(&s->steps[i]);
	free(s->steps);
	*s = (struct script){ 0 };
}

struct script_step *
script_insert(struct script *s, size_t at, enum script_op op)
{
	ARRAY_GROW(s->steps, s->n_steps);
	memmove(&s->steps[at + 1], &s->steps[at], (s->n_steps - at) * sizeof(*s->steps));
	s->n_steps++;
	s->steps[at] = (struct script_step){
		.op = op,
		.expect = { .min_recv = -1,
			    .ok = HEALTH_L7OK,
			    .error = HEALTH_L7RSP,
			    .timeout = HEALTH_L7TOUT },
	};
	return &s->steps[at];
}

void
script_remove_last(struct script *s)
{
	step_fini(&s->steps[--s->n_steps]);
}

uint8_t *
script_copy(const void *bytes, size_t n)
{
	uint8_t *copy = xmalloc(n + 1);

	memcpy(copy, bytes, n);
	copy[n] = 0;
	return copy;
}

static void
make_probe(struct script *s, enum script_kind kind, struct str question, enum expect_kind answer)
{
	struct script_step *step;

	*s = (struct script){ .kind = kind };
	step = script_insert(s, 0, SCRIPT_CONNECT);
	step->lingers = step->is_default = true;
	step = script_insert(s, 1, SCRIPT_SEND);
	step->bytes = script_copy(question.p, question.n);
	step->n_bytes = question.n;
	script_insert(s, 2, SCRIPT_EXPECT)->expect.kind = answer;
}

void
script_probe_mqtt(struct script *s)
{
	make_probe(s, SCRIPT_PROBE_MQTT, probe_mqtt_connect, EXPECT_CONNACK);
}

void
script_probe_emqx(struct script *s, uint16_t port)
{
	make_probe(s, SCRIPT_PROBE_EMQX,
		   STR("GET " PROBE_EMQX_PATH " HTTP/1.1\r\nhost: emqx\r\nconnection: close\r\n"
		       "\r\n"),
		   EXPECT_EMQX);
	s->steps[0].port = port;
	s->steps[0].is_default = false;
}

static bool
only_connects(const struct script *s)
{
	for (size_t i = 0; i < s->n_steps; i++)
		if (s->steps[i].op != SCRIPT_CONNECT)
			return false;
	return true;
}

void
script_done(const struct script *s, bool is_tls, struct health_answer *a)
{
	/* Without a line of its own a tcp-check says no more than a bare connection. */
	bool is_bare = s->kind == SCRIPT_BARE || s->steps[s->n_steps - 1].number == 0;

	health_answer_set(a,
			  !only_connects(s) ? HEALTH_L7OK
			  : is_tls	    ? HEALTH_L6OK
					    : HEALTH_L4OK,
			  0, "%s", is_bare ? "" : "(tcp-check)");
}

static int
put_step(const struct script_step *step, char *out, size_t size)
{
	static const char *const words[] = {
		[EXPECT_STRING] = "string",
		[EXPECT_RSTRING] = "regex",
		[EXPECT_BINARY] = "binary",
		[EXPECT_RBINARY] = "binary regex",
	};
	const struct expect *e = &step->expect;

	switch (step->op) {
	case SCRIPT_CONNECT:
		return step->port ? snprintf(out, size, "(connect port %u)", step->port)
				  : snprintf(out, size, "(connect)");
	case SCRIPT_SEND:
		return snprintf(out, size, "(send)");
	case SCRIPT_EXPECT:
		break;
	}
	return e->pattern ? snprintf(out, size, "(expect %s)", words[e->kind])
			  : snprintf(out, size, "(expect %s '%s')", words[e->kind],
				     (const char *)e->bytes);
}

const char *
script_place(const struct script *s, size_t step, char *out)
{
	const struct script_step *at = &s->steps[step];
	char what[SCRIPT_PLACE / 2];

	*out = '\0';
	if (s->kind != SCRIPT_TCP)
		return out;
	if (at->number == 0) {
		snprintf(out, SCRIPT_PLACE, " at initial connection step of tcp-check");
		return out;
	}
	put_step(at, what, sizeof(what));
	snprintf(out, SCRIPT_PLACE, " at step %u of tcp-check %s%s%.*s%s", at->number, what,
		 at->comment ? " comment: '" : "", HEALTH_INFO, at->comment ? at->comment : "",
		 at->comment ? "'" : "");
	return out;
}
