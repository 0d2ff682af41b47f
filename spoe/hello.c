/*
 * Each payload is read against a small table: name, type, where the value goes, and the status
 * that its absence earns. A known name with a value of another type makes the frame invalid.
 */
#include "spoe/hello.h"

/* An item of a payload. The caller's variable that `to` points to belongs to the type. */
struct item {
	const char *name;
	enum spop_type type;	  /* STRING, UINT32 or BOOL */
	void *to;		  /* struct spop_str, uint32_t or bool */
	enum spop_status missing; /* NORMAL: it may be absent */
	bool seen;
};

static bool
store(struct item *item, const struct spop_value *v)
{
	if (v->type != item->type)
		return false;
	if (v->type == SPOP_TYPE_STRING)
		*(struct spop_str *)item->to = v->str;
	else if (v->type == SPOP_TYPE_UINT32)
		*(uint32_t *)item->to = (uint32_t)v->u;
	else
		*(bool *)item->to = v->boolean;
	item->seen = true;
	return true;
}

/* The whole payload into n items. */
static enum spop_status
read_items(struct spop_reader *r, struct item *items, size_t n)
{
	while (r->p < r->end) {
		struct spop_str name = spop_read_str(r);
		struct spop_value value;

		spop_read_value(r, &value);
		if (r->bad)
			break;
		for (size_t i = 0; i < n; i++)
			if (spop_str_is(name, items[i].name) && !store(&items[i], &value))
				return SPOP_STATUS_INVALID;
	}
	if (r->bad)
		return SPOP_STATUS_INVALID;
	for (size_t i = 0; i < n; i++)
		if (!items[i].seen && items[i].missing)
			return items[i].missing;
	return SPOP_STATUS_NORMAL;
}

/* Take the next item off a comma-separated list, without the blanks around it. */
static bool
next_in_list(struct spop_str *list, struct spop_str *item)
{
	const char *comma;

	if (list->n == 0)
		return false;
	comma = memchr(list->p, ',', list->n);
	*item = (struct spop_str){ list->p, comma ? (size_t)(comma - list->p) : list->n };
	list->p += item->n + (comma != NULL);
	list->n -= item->n + (comma != NULL);
	for (; item->n && *item->p == ' '; item->n--)
		item->p++;
	while (item->n && item->p[item->n - 1] == ' ')
		item->n--;
	return true;
}

bool
spop_capability_in(struct spop_str list, const char *name)
{
	struct spop_str item;

	while (next_in_list(&list, &item))
		if (spop_str_is(item, name))
			return true;
	return false;
}

/* A version 2 with a minor number: minors of one major understand each other. */
static bool
is_version_2(struct spop_str s)
{
	if (s.n < 3 || s.p[0] != '2' || s.p[1] != '.')
		return false;
	for (size_t i = 2; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool
has_version_2(struct spop_str list)
{
	struct spop_str item;

	while (next_in_list(&list, &item))
		if (is_version_2(item))
			return true;
	return false;
}

enum spop_status
spop_haproxy_hello_decode(struct spop_reader payload, struct spop_haproxy_hello *hello)
{
	struct item items[] = {
		{ "supported-versions", SPOP_TYPE_STRING, &hello->versions, SPOP_STATUS_NO_VERSION,
		  false },
		{ "max-frame-size", SPOP_TYPE_UINT32, &hello->max_frame_size,
		  SPOP_STATUS_NO_FRAME_SIZE, false },
		{ "capabilities", SPOP_TYPE_STRING, &hello->capabilities,
		  SPOP_STATUS_NO_CAPABILITIES, false },
		{ "engine-id", SPOP_TYPE_STRING, &hello->engine_id, SPOP_STATUS_NORMAL, false },
		{ "healthcheck", SPOP_TYPE_BOOL, &hello->healthcheck, SPOP_STATUS_NORMAL, false },
	};
	enum spop_status status;

	*hello = (struct spop_haproxy_hello){ .engine_id = SPOP_STR("") };
	status = read_items(&payload, items, sizeof(items) / sizeof(items[0]));
	if (status != SPOP_STATUS_NORMAL)
		return status;
	if (!has_version_2(hello->versions))
		return SPOP_STATUS_BAD_VERSION;
	if (hello->max_frame_size < SPOP_FRAME_SIZE_MIN)
		return SPOP_STATUS_BAD_FRAME_SIZE;
	return SPOP_STATUS_NORMAL;
}

enum spop_status
spop_agent_hello_decode(struct spop_reader payload, uint32_t offered,
			struct spop_agent_hello *hello)
{
	struct item items[] = {
		{ "version", SPOP_TYPE_STRING, &hello->version, SPOP_STATUS_NO_VERSION, false },
		{ "max-frame-size", SPOP_TYPE_UINT32, &hello->max_frame_size,
		  SPOP_STATUS_NO_FRAME_SIZE, false },
		{ "capabilities", SPOP_TYPE_STRING, &hello->capabilities,
		  SPOP_STATUS_NO_CAPABILITIES, false },
	};
	enum spop_status status;

	*hello = (struct spop_agent_hello){ 0 };
	status = read_items(&payload, items, sizeof(items) / sizeof(items[0]));
	if (status != SPOP_STATUS_NORMAL)
		return status;
	if (!spop_str_is(hello->version, "2.0"))
		return SPOP_STATUS_BAD_VERSION;
	if (hello->max_frame_size < SPOP_FRAME_SIZE_MIN || hello->max_frame_size > offered)
		return SPOP_STATUS_BAD_FRAME_SIZE;
	return SPOP_STATUS_NORMAL;
}

enum spop_status
spop_disconnect_decode(struct spop_reader payload, struct spop_disconnect *bye)
{
	uint32_t code = SPOP_STATUS_UNKNOWN;
	struct item items[] = {
		{ "status-code", SPOP_TYPE_UINT32, &code, SPOP_STATUS_NORMAL, false },
		{ "message", SPOP_TYPE_STRING, &bye->message, SPOP_STATUS_NORMAL, false },
	};
	enum spop_status status;

	*bye = (struct spop_disconnect){ .message = SPOP_STR("") };
	status = read_items(&payload, items, sizeof(items) / sizeof(items[0]));
	bye->status = code;
	return status;
}

static void
write_str_item(struct spop_writer *w, struct spop_str name, struct spop_str value)
{
	spop_write_str(w, name);
	spop_write_value(w, &(struct spop_value){ .type = SPOP_TYPE_STRING, .str = value });
}

static void
write_u32_item(struct spop_writer *w, struct spop_str name, uint32_t value)
{
	spop_write_str(w, name);
	spop_write_value(w, &(struct spop_value){ .type = SPOP_TYPE_UINT32, .u = value });
}

bool
spop_haproxy_hello_encode(struct spop_writer *w, const struct spop_haproxy_hello *hello)
{
	spop_frame_begin(w, SPOP_FRAME_HAPROXY_HELLO, UINT32_MAX, 0, 0);
	write_str_item(w, SPOP_STR("supported-versions"), hello->versions);
	write_u32_item(w, SPOP_STR("max-frame-size"), hello->max_frame_size);
	write_str_item(w, SPOP_STR("capabilities"), hello->capabilities);
	if (hello->engine_id.n)
		write_str_item(w, SPOP_STR("engine-id"), hello->engine_id);
	if (hello->healthcheck) {
		spop_write_str(w, SPOP_STR("healthcheck"));
		spop_write_value(w,
				 &(struct spop_value){ .type = SPOP_TYPE_BOOL, .boolean = true });
	}
	return spop_frame_end(w);
}

bool
spop_agent_hello_encode(struct spop_writer *w, const struct spop_agent_hello *hello)
{
	spop_frame_begin(w, SPOP_FRAME_AGENT_HELLO, UINT32_MAX, 0, 0);
	write_str_item(w, SPOP_STR("version"), hello->version);
	write_u32_item(w, SPOP_STR("max-frame-size"), hello->max_frame_size);
	write_str_item(w, SPOP_STR("capabilities"), hello->capabilities);
	return spop_frame_end(w);
}

static bool
write_disconnect(struct spop_writer *w, enum spop_frame_type type,
		 const struct spop_disconnect *bye)
{
	spop_frame_begin(w, type, UINT32_MAX, 0, 0);
	write_u32_item(w, SPOP_STR("status-code"), bye->status);
	write_str_item(w, SPOP_STR("message"), bye->message);
	return spop_frame_end(w);
}

bool
spop_haproxy_disconnect_encode(struct spop_writer *w, const struct spop_disconnect *bye)
{
	return write_disconnect(w, SPOP_FRAME_HAPROXY_DISCONNECT, bye);
}

bool
spop_agent_disconnect_encode(struct spop_writer *w, const struct spop_disconnect *bye)
{
	return write_disconnect(w, SPOP_FRAME_AGENT_DISCONNECT, bye);
}
