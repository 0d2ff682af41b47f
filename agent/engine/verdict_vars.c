/* What is not known is not set: HAProxy's `-m found` asks for just that. */
#include "agent/engine/verdict_vars.h"

static void
add_text(struct verdict_vars *out, const char *name, struct str text)
{
	if (text.n)
		out->vars[out->n++] = (struct verdict_var){ .name = name, .text = text };
}

static void
add_number(struct verdict_vars *out, const char *name, int64_t number)
{
	out->vars[out->n++] =
		(struct verdict_var){ .name = name, .is_number = true, .number = number };
}

static void
add_rejection(const struct verdict *v, unsigned level, struct verdict_vars *out)
{
	add_text(out, "action", STR("reject"));
	add_number(out, "code", refusal_code(v->refusal, level));
	add_text(out, "reason", str_of(refusal_name(v->refusal)));
}

static void
add_acceptance(const struct verdict *v, struct verdict_vars *out)
{
	static const char *const names[RANKED] = { "srv1", "srv2", "srv3" };

	add_text(out, "action", STR("accept"));
	if (v->backend)
		add_text(out, "backend", str_of(v->backend->name));
	for (int i = 0; i < v->ranking.n; i++)
		add_text(out, names[i], verdict_server(v, i));
	if (v->tenant && v->tenant->max_connections)
		add_number(out, "max", v->tenant->max_connections);
	if (v->effects.stick) {
		session_key_format(v->effects.key.hash, out->key);
		add_text(out, "key", (struct str){ out->key, sizeof(out->key) });
	}
	add_text(out, "reason", str_of(verdict_by_name(v)));
}

void
verdict_vars(const struct verdict *v, unsigned level, struct verdict_vars *out)
{
	out->n = 0;
	if (v->action == VERDICT_REJECT)
		add_rejection(v, level, out);
	else
		add_acceptance(v, out);
	add_text(out, "tenant", str_of(v->tenant ? v->tenant->name : NULL));
	add_text(out, "rule", str_of(v->rule));
}
