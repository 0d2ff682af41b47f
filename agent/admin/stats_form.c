/* Values may come in pieces; a server's name is complete when the next begins, or at the end. */
#include "agent/admin/stats_form.h"

#include <string.h>

#include "agent/engine/statistics.h"

static void
add_piece(struct stats_form *f, char *to, size_t size, const char *data, uint64_t off, size_t n)
{
	if (off >= size || n >= size - off) {
		f->has_too_much = true;
		return;
	}
	memcpy(to + off, data, n);
	to[off + n] = '\0';
}

static void
end_server(struct stats_form *f)
{
	size_t n = strlen(f->server) + 1;

	if (n == 1)
		return;
	if (n > STATS_FORM_SERVERS - f->n_servers) {
		f->has_too_much = true;
		return;
	}
	memcpy(f->servers + f->n_servers, f->server, n);
	f->n_servers += n;
	f->server[0] = '\0';
}

void
stats_form_add(struct stats_form *f, const char *key, const char *data, uint64_t off, size_t n)
{
	if (strcmp(key, "action") == 0)
		add_piece(f, f->action, sizeof(f->action), data, off, n);
	else if (strcmp(key, "b") == 0)
		add_piece(f, f->backend, sizeof(f->backend), data, off, n);
	if (strcmp(key, "s") != 0)
		return;
	if (off == 0)
		end_server(f);
	add_piece(f, f->server, sizeof(f->server), data, off, n);
}

/* "#3", its number, or its name. */
static const struct proxy *
find_backend(const struct operations *o, const char *text)
{
	const struct topology *t = &o->world(o->arg)->topology;
	uint64_t iid = 0;

	if (text[0] != '#')
		return topology_backend(t, str_of(text));
	for (size_t i = 0; i < t->n_proxies && str_u64(str_of(text + 1), &iid); i++)
		if (t->proxies[i]->kind & PROXY_BACKEND && statistics_iid(t, t->proxies[i]) == iid)
			return t->proxies[i];
	return NULL;
}

/* ---- actions --------------------------------------------------------------------------------- */

static void
set_ready(const struct operations *o, const struct target_server *t)
{
	operations_set_state(o, t, OPERATOR_READY);
}

static void
set_drain(const struct operations *o, const struct target_server *t)
{
	operations_set_state(o, t, OPERATOR_DRAIN);
}

static void
set_maint(const struct operations *o, const struct target_server *t)
{
	operations_set_state(o, t, OPERATOR_MAINT);
}

static void
force_up(const struct operations *o, const struct target_server *t)
{
	(void)operations_set_health(o, t, SERVER_UP);
}

static void
force_stopping(const struct operations *o, const struct target_server *t)
{
	(void)operations_set_health(o, t, SERVER_DRAIN);
}

static void
force_down(const struct operations *o, const struct target_server *t)
{
	(void)operations_set_health(o, t, SERVER_DOWN);
}

static void
end_sessions(const struct operations *o, const struct target_server *t)
{
	o->end_sessions(o->arg, t->server);
}

static const struct action {
	const char *name;
	void (*run)(const struct operations *o, const struct target_server *t);
} actions[] = {
	{ "ready", set_ready },	 { "drain", set_drain },       { "maint", set_maint },
	{ "enable", set_ready }, { "stop", set_drain },	       { "disable", set_maint },
	{ "start", set_ready },	 { "hrunn", force_up },	       { "hnolb", force_stopping },
	{ "hdown", force_down }, { "shutdown", end_sessions },
};

static const struct action *
find_action(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

const char *
stats_form_action(const struct stats_form *f)
{
	return find_action(f->action) ? f->action : "-";
}

const char *
stats_form_apply(struct stats_form *f, const struct operations *o)
{
	const struct proxy *backend = find_backend(o, f->backend);
	const struct action *action = find_action(f->action);
	unsigned n_done = 0, n_missing = 0;

	end_server(f);
	if (!backend || !action || f->has_too_much)
		return "ERRP";
	for (size_t at = 0; at < f->n_servers; at += strlen(f->servers + at) + 1) {
		struct target_server t =
			operations_find(o, str_of(backend->name), str_of(f->servers + at));

		if (!t.server) {
			n_missing++;
			continue;
		}
		action->run(o, &t);
		n_done++;
	}
	if (n_missing)
		return n_done ? "PART" : "ERRP";
	return n_done ? "DONE" : "NONE";
}
