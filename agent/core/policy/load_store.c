/* No message quotes the URL: it may have a password in it. */
#include "agent/core/policy/load_store.h"

#include "agent/core/store/url.h"

enum { DEADLINE_MAX_MS = 1000 };

static void
read_store_url(struct reader *rd, struct at at, void *into)
{
	struct store_policy *store = into;
	struct str text;
	const char *fault;

	if (!reader_text(rd, at, "an address, such as \"redis://127.0.0.1:6379\"", &text))
		return;
	fault = store_url_parse(text, &store->url);
	if (fault)
		reader_refuse(rd, at, "%s", fault);
}

static void
read_store_deadline(struct reader *rd, struct at at, void *into)
{
	struct store_policy *store = into;

	(void)reader_duration(rd, at, 1, DEADLINE_MAX_MS, &store->deadline_ms);
}

static void
read_password_file(struct reader *rd, struct at at, void *into)
{
	struct store_policy *store = into;

	store->password_file = reader_name(rd, at, "a path, such as \"/etc/usher/store\"");
}

static void
read_store_prefix(struct reader *rd, struct at at, void *into)
{
	struct store_policy *store = into;

	store->prefix = reader_name(rd, at, "a text, such as \"usher:\"");
}

static const struct key store_keys[] = {
	{ "url", read_store_url, true },
	{ "password_file", read_password_file, false },
	{ "prefix", read_store_prefix, false },
	{ "deadline", read_store_deadline, false },
};
const struct object store_object = OBJECT("store", store_keys);

void
load_store(struct reader *rd, struct at at, void *into)
{
	struct store_policy *store = &rd->policy->store;

	store->line = reader_line(at);
	store->is_set = reader_object(rd, at, &store_object, store);
	if (!store->prefix)
		store->prefix = str_dup(STR(POLICY_STORE_PREFIX));
	if (store->is_set && store->password_file && store->url.password[0])
		reader_refuse(rd, reader_member(rd, at, "password_file"),
			      "the url has a password already; remove one of the two");
}

void
load_store_check(struct reader *rd)
{
	const struct policy *p = rd->policy;

	if (p->store.is_set && p->store.deadline_ms > p->max_delay_ms)
		report_policy(rd->report, FINDING_ALERT,
			      "%s:%d: stickiness.store.deadline: is longer than agent.max_delay; "
			      "lower it",
			      rd->file, p->store.line);
}
