/* Each key is a value of its own; none depends on another. */
#include "agent/core/policy/load_standby.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"

enum { START_DELAY_MAX_MS = 3600 * 1000 };

static void
read_start_delay(struct reader *rd, struct at at, void *into)
{
	(void)reader_duration(rd, at, 1, START_DELAY_MAX_MS, &rd->policy->standby.start_delay_ms);
}

static void
read_on_stop(struct reader *rd, struct at at, void *into)
{
	static const char *const words[] = { "takeover", "stay" };
	size_t index;

	if (reader_choice(rd, at, "word", words, 2, &index))
		rd->policy->standby.stays = index == 1;
}

/* "off", or a rate. */
static void
read_drain(struct reader *rd, struct at at, void *into)
{
	struct rate *drain = &rd->policy->standby.drain;
	const char *text = json_string_value(at.json);
	char shown[QUOTED];

	if (text && strcmp(text, "off") == 0)
		*drain = (struct rate){ 0 };
	else if (text && *text && !strchr(text, '/'))
		reader_refuse(rd, at,
			      "'%s' is no pace; write \"off\", or a rate such as \"100/1s\"",
			      reader_quoted(str_of(text), shown));
	else
		(void)reader_rate(rd, at, drain);
}

static void
read_haproxy_uid(struct reader *rd, struct at at, void *into)
{
	struct standby_policy *s = &rd->policy->standby;
	uint64_t uid;

	if (!reader_number(rd, at, 0, UINT32_MAX - 1, &uid))
		return;
	s->has_haproxy_uid = true;
	s->haproxy_uid = (uint32_t)uid;
}

static void
read_state_file(struct reader *rd, struct at at, void *into)
{
	struct str text;

	if (!reader_text(rd, at, "a path, such as \"/run/usher/standby\"", &text))
		return;
	free(rd->policy->standby.state_file);
	rd->policy->standby.state_file = str_dup(text);
}

static const struct key standby_keys[] = {
	{ "start_delay", read_start_delay, false },
	{ "on_stop", read_on_stop, false },
	{ "drain", read_drain, false },
	{ "haproxy_uid", read_haproxy_uid, false },
	{ "state_file", read_state_file, false },
};
const struct object standby_object = OBJECT("standby", standby_keys);

void
load_standby(struct reader *rd, struct at at, void *into)
{
	reader_object(rd, at, &standby_object, NULL);
}
