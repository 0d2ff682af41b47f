/* Put together piece by piece into the caller's SENTENCE_MAX bytes; what does not fit is cut. */
#include "agent/core/health/sentence.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/core/base/str.h"

struct text {
	char *out;
	size_t n;
};

static void PRINTF_LIKE(2, 3) add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int more;

	va_start(args, fmt);
	more = vsnprintf(t->out + t->n, SENTENCE_MAX - t->n, fmt, args);
	va_end(args);
	if (more > 0)
		t->n += (size_t)more < SENTENCE_MAX - t->n ? (size_t)more : SENTENCE_MAX - t->n - 1;
}

static bool
shows_code(enum health_status status)
{
	return status == HEALTH_L7OK || status == HEALTH_L7OKC || status == HEALTH_L7STS;
}

static void
add_reason(struct text *t, const struct health_answer *a, uint32_t ms)
{
	char info[4 * HEALTH_INFO];

	add(t, ", reason: %s", health_text(a->status));
	if (shows_code(a->status))
		add(t, ", code: %d", a->code);
	if (a->info[0])
		add(t, ", info: \"%s\"", str_escape(str_of(a->info), info, sizeof(info)));
	if (a->status != HEALTH_OBSERVED)
		add(t, ", check duration: %ums", ms);
}

const char *
sentence_state(const struct sentence *s, enum sentence_state state, char *out)
{
	static const char *const words[] = { "UP", "DOWN", "stopping" };
	const struct server *server = s->server;
	struct text t = { .out = out };
	const char *running = s->n_active == 0 && s->n_backup ? " Running on backup." : "";

	add(&t, "%sServer %s/%s is %s", server->backup ? "Backup " : "", server->backend->name,
	    server->name, words[state]);
	if (s->via)
		add(&t, " via %s/%s", s->via->backend->name, s->via->name);
	else if (s->answer)
		add_reason(&t, s->answer, s->ms);
	add(&t, ". %u active and %u backup servers %s.%s", s->n_active, s->n_backup,
	    state == SENTENCE_DOWN ? "left" : "online", running);
	if (state == SENTENCE_DOWN)
		add(&t, " %u sessions active, 0 requeued, %u remaining in queue.", s->n_sessions,
		    s->n_waiting);
	else
		add(&t, " 0 sessions requeued, %u total in queue.", s->n_waiting);
	return out;
}

const char *
sentence_check(const struct sentence *s, const struct rise *rise, bool is_drained, char *out)
{
	struct text t = { .out = out };
	uint32_t of, shown = rise_shown(rise, &of);

	add(&t, "Health check for %sserver %s/%s %s%s", s->server->backup ? "backup " : "",
	    s->server->backend->name, s->server->name,
	    s->answer->status == HEALTH_L7OKC ? "conditionally " : "",
	    health_passed(s->answer->status) ? "succeeded" : "failed");
	add_reason(&t, s->answer, s->ms);
	add(&t, ", status: %u/%u %s.", shown, of,
	    !rise_is_up(rise) ? "DOWN"
	    : is_drained      ? "DRAIN"
			      : "UP");
	return out;
}

const char *
sentence_nobody(const struct proxy *backend, char *out)
{
	struct text t = { .out = out };

	add(&t, "%s %s has no server available!",
	    backend->kind == PROXY_BACKEND ? "backend" : "proxy", backend->name);
	return out;
}
