/*
 * jansson reads, lines.c finds the places, and one table of keys for each kind of object says
 * what may stand in it. What two fields say together is checked when their object is done.
 */
#include "agent/core/policy/load.h"

#include <math.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/policy/load_rules.h"
#include "agent/core/policy/load_standby.h"
#include "agent/core/policy/load_store.h"
#include "agent/core/policy/load_tenants.h"

static void
read_nothing(struct reader *rd, struct at at, void *into)
{
}

#define SECOND_MS INT64_C(1000)
#define LONGEST_MS (24 * 24 * 3600 * SECOND_MS) /* whole days below HAProxy's longest time */

/* ---- frontends and backends ---- */

static void
read_without_verdict(struct reader *rd, struct at at, void *into)
{
	static const char *const words[] = { "open", "closed" };
	struct frontend_policy *f = into;
	size_t index;

	if (reader_choice(rd, at, "word", words, 2, &index))
		f->closed = index == 1;
}

static void
read_idle_cap(struct reader *rd, struct at at, void *into)
{
	struct frontend_policy *f = into;

	(void)reader_duration(rd, at, SECOND_MS, LONGEST_MS, &f->idle_cap_ms);
}

static void
read_websocket(struct reader *rd, struct at at, void *into)
{
	struct frontend_policy *f = into;

	(void)reader_bool(rd, at, &f->websocket);
}

static const struct key frontend_keys[] = {
	{ "without_verdict", read_without_verdict, false },
	{ "idle_cap", read_idle_cap, false },
	{ "websocket", read_websocket, false },
};
static const struct object frontend_object = OBJECT("frontend", frontend_keys);

static void
read_frontend(struct reader *rd, struct at at, void *into)
{
	struct policy *p = rd->policy;
	struct frontend_policy f = { .name = str_dup(reader_key(at)), .line = reader_line(at) };

	reader_object(rd, at, &frontend_object, &f);
	ARRAY_GROW(p->frontends, p->n_frontends);
	p->frontends[p->n_frontends++] = f;
}

static void
read_frontends(struct reader *rd, struct at at, void *into)
{
	reader_map(rd, at, read_frontend, NULL);
}

static void
read_balance(struct reader *rd, struct at at, void *into)
{
	/* All but the hash of an expression, which is haproxy.cfg's to say. */
	static const enum balance_kind kinds[] = { BALANCE_ROUNDROBIN, BALANCE_LEASTCONN,
						   BALANCE_SOURCE, BALANCE_RANDOM,
						   BALANCE_RENDEZVOUS };
	enum { N_KINDS = sizeof(kinds) / sizeof(*kinds) };
	const char *words[N_KINDS];
	struct backend_policy *b = into;
	size_t index;

	for (size_t i = 0; i < N_KINDS; i++)
		words[i] = balance_name(kinds[i]);
	if (!reader_choice(rd, at, "algorithm", words, N_KINDS, &index))
		return;
	b->has_balance = true;
	b->balance = kinds[index];
}

static void
read_bounded_load(struct reader *rd, struct at at, void *into)
{
	struct backend_policy *b = into;
	double bound = json_number_value(at.json);

	if (!json_is_number(at.json))
		reader_is(rd, at, JSON_REAL, "a number from 1 to 10, such as 1.25");
	else if (bound < 1 || bound > 10)
		reader_refuse(rd, at,
			      "%g is out of range; write a number from 1 to 10, such as 1.25",
			      bound);
	else
		b->bounded_load_percent = (uint32_t)lround(bound * 100);
}

static void
read_sticky(struct reader *rd, struct at at, void *into)
{
	struct backend_policy *b = into;
	bool sticky;

	if (reader_bool(rd, at, &sticky))
		b->not_sticky = !sticky;
}

static void
read_emqx_probe(struct reader *rd, struct at at, void *into)
{
	struct backend_policy *b = into;
	uint64_t port;

	b->probe = PROBE_EMQX;
	if (reader_number(rd, at, 1, UINT16_MAX, &port))
		b->probe_port = (uint16_t)port;
}

static const struct key probe_keys[] = {
	{ "emqx", read_emqx_probe, true },
};
static const struct object probe_object = OBJECT("probe", probe_keys);

/* "mqtt", "emqx", or { "emqx": PORT }. */
static void
read_probe(struct reader *rd, struct at at, void *into)
{
	static const char *const words[] = { "mqtt", "emqx" };
	struct backend_policy *b = into;
	size_t index;

	b->probe_line = reader_line(at);
	b->probe_port = PROBE_EMQX_PORT;
	if (json_is_object(at.json))
		reader_object(rd, at, &probe_object, b);
	else if (reader_choice(rd, at, "probe", words, 2, &index))
		b->probe = index == 0 ? PROBE_MQTT : PROBE_EMQX;
}

static const struct key backend_keys[] = {
	{ "balance", read_balance, false },
	{ "bounded_load", read_bounded_load, false },
	{ "probe", read_probe, false },
	{ "sticky", read_sticky, false },
};
static const struct object backend_object = OBJECT("backend", backend_keys);

static void
read_backend(struct reader *rd, struct at at, void *into)
{
	struct policy *p = rd->policy;
	struct backend_policy b = { .name = str_dup(reader_key(at)), .line = reader_line(at) };

	if (reader_object(rd, at, &backend_object, &b) && b.bounded_load_percent &&
	    !(b.has_balance && b.balance == BALANCE_RENDEZVOUS))
		reader_warn(rd, reader_member(rd, at, "bounded_load"),
			    "has no effect without \"balance\": \"rendezvous\"; add that or remove "
			    "this");
	ARRAY_GROW(p->backends, p->n_backends);
	p->backends[p->n_backends++] = b;
}

static void
read_backends(struct reader *rd, struct at at, void *into)
{
	reader_map(rd, at, read_backend, NULL);
}

/* ---- stickiness ---- */

static void
read_policy_key(struct reader *rd, struct at at, void *into)
{
	load_key(rd, at, &rd->policy->key);
}

static void
read_expire(struct reader *rd, struct at at, void *into)
{
	(void)reader_duration(rd, at, SECOND_MS, LONGEST_MS, &rd->policy->expire_ms);
}

static void
read_max_life(struct reader *rd, struct at at, void *into)
{
	(void)reader_duration(rd, at, SECOND_MS, LONGEST_MS, &rd->policy->max_life_ms);
}

enum { ENTRIES_MAX = 1000000000 };

static void
read_entries(struct reader *rd, struct at at, void *into)
{
	(void)reader_number(rd, at, 1, ENTRIES_MAX, &rd->policy->max_entries);
}

static void
read_sticky_file(struct reader *rd, struct at at, void *into)
{
	struct policy *p = rd->policy;
	struct str text;

	if (!reader_text(rd, at, "a path, such as \"/var/lib/usher/sticky\"", &text))
		return;
	free(p->sticky_file);
	p->sticky_file = str_dup(text);
	p->sticky_file_line = reader_line(at);
}

#define SAVE_MIN_MS INT64_C(100)
#define SAVE_MAX_MS (3600 * SECOND_MS)

static void
read_save_interval(struct reader *rd, struct at at, void *into)
{
	(void)reader_duration(rd, at, SAVE_MIN_MS, SAVE_MAX_MS, &rd->policy->save_interval_ms);
}

static const struct key stickiness_keys[] = {
	{ "key", read_policy_key, false },    { "expire", read_expire, false },
	{ "max_life", read_max_life, false }, { "entries", read_entries, false },
	{ "file", read_sticky_file, false },  { "save_interval", read_save_interval, false },
	{ "store", load_store, false },
};
static const struct object stickiness_object = OBJECT("stickiness", stickiness_keys);

static void
read_stickiness(struct reader *rd, struct at at, void *into)
{
	const struct policy *p = rd->policy;

	if (!reader_object(rd, at, &stickiness_object, NULL))
		return;
	if (p->expire_ms > p->max_life_ms)
		reader_refuse(rd, at, "expire is longer than max_life; raise max_life");
	if (json_object_get(at.json, "save_interval") && !p->sticky_file)
		reader_warn(rd, reader_member(rd, at, "save_interval"),
			    "has no effect without \"file\"; add that or remove this");
}

/* ---- limits ---- */

static void
read_source_rate(struct reader *rd, struct at at, void *into)
{
	(void)reader_rate(rd, at, &rd->policy->source_rate);
}

static void
read_client_rate(struct reader *rd, struct at at, void *into)
{
	(void)reader_rate(rd, at, &rd->policy->client_rate);
}

static void
read_total_rate(struct reader *rd, struct at at, void *into)
{
	(void)reader_rate(rd, at, &rd->policy->total_rate);
}

enum { HANDSHAKES_MAX = 10000000 };

static void
read_handshakes(struct reader *rd, struct at at, void *into)
{
	(void)reader_number(rd, at, 1, HANDSHAKES_MAX, &rd->policy->max_handshakes);
}

static const struct key limits_keys[] = {
	{ "source", read_source_rate, false },
	{ "client", read_client_rate, false },
	{ "total", read_total_rate, false },
	{ "handshakes", read_handshakes, false },
};
static const struct object limits_object = OBJECT("limits", limits_keys);

static void
read_limits(struct reader *rd, struct at at, void *into)
{
	reader_object(rd, at, &limits_object, NULL);
}

/* ---- agent ---- */

/* An address to listen on; false when it is none. */
static bool
read_address(struct reader *rd, struct at at, struct str *text)
{
	char shown[QUOTED];
	struct addr addr;

	if (!reader_text(rd, at, "an address, such as \"127.0.0.1:12345\"", text))
		return false;
	if (addr_parse(*text, true, &addr) == ADDR_OK)
		return true;
	reader_refuse(rd, at,
		      "'%s' is no address to listen on; write an IP address and a port, "
		      "such as \"127.0.0.1:12345\", or \"unix@/run/usher.sock\"",
		      reader_quoted(*text, shown));
	return false;
}

static void
read_listen_address(struct reader *rd, struct at at, void *into)
{
	struct policy *p = rd->policy;
	struct str text;

	if (!read_address(rd, at, &text))
		return;
	ARRAY_GROW(p->listen, p->n_listen);
	p->listen[p->n_listen++] = str_dup(text);
}

static void
read_listen(struct reader *rd, struct at at, void *into)
{
	reader_one_or_many(rd, at, read_listen_address, NULL);
}

static void
read_max_delay(struct reader *rd, struct at at, void *into)
{
	(void)reader_duration(rd, at, 1, 60 * SECOND_MS, &rd->policy->max_delay_ms);
}

static const struct key agent_keys[] = {
	{ "listen", read_listen, false },
	{ "max_delay", read_max_delay, false },
};
static const struct object agent_object = OBJECT("agent", agent_keys);

static void
read_agent(struct reader *rd, struct at at, void *into)
{
	reader_object(rd, at, &agent_object, NULL);
}

/* ---- proxy ---- */

static void
read_difference(struct reader *rd, struct at at, void *into)
{
	const char *words[N_DIFFERENCES];
	size_t index;

	for (size_t i = 0; i < N_DIFFERENCES; i++)
		words[i] = difference_name((enum difference)i);
	if (reader_choice(rd, at, "difference", words, N_DIFFERENCES, &index))
		rd->policy->as_haproxy |= 1U << index;
}

static void
read_as_haproxy(struct reader *rd, struct at at, void *into)
{
	reader_filled_array(rd, at, read_difference, NULL);
}

static const struct key proxy_keys[] = {
	{ "as_haproxy", read_as_haproxy, false },
};
static const struct object proxy_object = OBJECT("proxy", proxy_keys);

static void
read_proxy(struct reader *rd, struct at at, void *into)
{
	reader_object(rd, at, &proxy_object, NULL);
}

/* ---- admin ---- */

static void
read_admin_listen(struct reader *rd, struct at at, void *into)
{
	struct str text;

	if (!read_address(rd, at, &text))
		return;
	free(rd->policy->admin_listen);
	rd->policy->admin_listen = str_dup(text);
}

static void
read_token_file(struct reader *rd, struct at at, void *into)
{
	struct str text;

	if (!reader_text(rd, at, "a path, such as \"/etc/usher/token\"", &text))
		return;
	free(rd->policy->admin_token_file);
	rd->policy->admin_token_file = str_dup(text);
}

static const struct key admin_keys[] = {
	{ "listen", read_admin_listen, false },
	{ "token_file", read_token_file, false },
};
static const struct object admin_object = OBJECT("admin", admin_keys);

static void
read_admin(struct reader *rd, struct at at, void *into)
{
	reader_object(rd, at, &admin_object, NULL);
}

/* ---- the whole ---- */

static const struct key policy_keys[] = {
	{ "$schema", read_nothing, false }, /* for editors */
	{ "frontends", read_frontends, false },
	{ "backends", read_backends, false },
	{ "stickiness", read_stickiness, false },
	{ "identity", load_identity, false },
	{ "limits", read_limits, false },
	{ "tenant_from", load_tenant_from, false },
	{ "unknown_tenant", load_unknown_tenant, false },
	{ "tenants", load_tenants, false },
	{ "rules", load_rules, false },
	{ "agent", read_agent, false },
	{ "proxy", read_proxy, false },
	{ "standby", load_standby, false },
	{ "admin", read_admin, false },
};
static const struct object whole_object = OBJECT("policy", policy_keys);

const struct object *
policy_object(size_t i)
{
	static const struct object *const all[] = {
		&whole_object,		&frontend_object, &backend_object,
		&stickiness_object,	&identity_object, &limits_object,
		&tenant_object,		&agent_object,	  &proxy_object,
		&admin_object,		&rule_object,	  &text_matcher_object,
		&number_matcher_object, &probe_object,	  &address_matcher_object,
		&store_object,		&standby_object,
	};

	return i < sizeof(all) / sizeof(*all) ? all[i] : NULL;
}

/* What to do about a text that is no JSON; the words before it are jansson's. */
static const char *
syntax_cure(const json_error_t *error, struct str text)
{
	if (str_has_prefix(text, STR("\xef\xbb\xbf")))
		return "save the file without a byte order mark";
	if (text.n == 0)
		return "the file is empty, write {} for a policy that says nothing";
	if (strstr(error->text, "near '/") || strstr(error->text, "near '#"))
		return "JSON has no comments, remove this one";
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input:
		return "the text ends before everything is closed, look for a missing quote or "
		       "bracket";
	case json_error_end_of_input_expected:
		return "remove what stands behind the closing bracket";
	case json_error_invalid_utf8:
		return "save the file as UTF-8";
	case json_error_stack_overflow:
		return "nest less deeply";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "remove \\u0000";
	case json_error_numeric_overflow:
		return "write a smaller number";
	default:
		return "look for a missing or surplus comma, quote or bracket";
	}
}

static void
refuse_syntax(struct reader *rd, const json_error_t *error, struct str text)
{
	char words[JSON_ERROR_TEXT_LENGTH];
	size_t n = 0;

	/* jansson quotes the text: bytes for a terminal to trip over are left out. */
	for (const char *c = error->text; *c && n + 1 < sizeof(words); c++)
		words[n++] = *c >= ' ' && *c <= '~' ? *c : '?';
	words[n] = '\0';
	report_policy(rd->report, FINDING_ALERT, "%s:%d: %s; %s", rd->file,
		      error->line > 0 ? error->line : 1, words, syntax_cure(error, text));
}

static void
refuse_duplicates(struct reader *rd)
{
	for (size_t i = 0; i < rd->lines.n_duplicates; i++) {
		const struct line_duplicate *d = &rd->lines.duplicates[i];
		char path[LINES_PATH];

		report_policy(rd->report, FINDING_ALERT,
			      "%s:%d: %s: stands in line %d already; remove one of the two",
			      rd->file, d->again, lines_path(d->node, path), d->first);
	}
}

void
policy_load(struct policy *p, struct str text, const char *file, struct report *r)
{
	struct reader rd = { .file = file, .report = r, .policy = p };
	json_error_t error;
	json_t *json;

	policy_init(p);
	/* Not JSON_REJECT_DUPLICATES: it stops at the first; ours are all refused below. */
	json = json_loadb(text.p ? text.p : "", text.n, 0, &error);
	if (!json) {
		refuse_syntax(&rd, &error, text);
		return;
	}
	lines_init(&rd.lines, text);
	refuse_duplicates(&rd);
	reader_object(&rd, (struct at){ json, lines_root(&rd.lines) }, &whole_object, p);
	load_inherit(p);
	load_store_check(&rd);
	lines_fini(&rd.lines);
	json_decref(json);
}
