#include "spoe/ack.h"

#include <assert.h>

void
spop_ack_begin(struct spop_writer *w, const struct spop_conn *c, uint64_t stream_id,
	       uint64_t frame_id)
{
	spop_frame_begin(w, SPOP_FRAME_ACK, c->max_frame_size, stream_id, frame_id);
}

/* Each action: its type, the number of its arguments, the arguments. */
static void
write_action(struct spop_writer *w, enum spop_action_type type, uint8_t n_args,
	     enum spop_scope scope, const char *name)
{
	uint8_t head[] = { (uint8_t)type, n_args, (uint8_t)scope };

	assert(scope <= SPOP_SCOPE_RES && *name);
	spop_write_bytes(w, head, sizeof(head));
	spop_write_str(w, (struct spop_str){ name, strlen(name) });
}

void
spop_ack_set(struct spop_writer *w, enum spop_scope scope, const char *name,
	     const struct spop_value *value)
{
	write_action(w, SPOP_ACTION_SET_VAR, 3, scope, name);
	spop_write_value(w, value);
}

void
spop_ack_set_str(struct spop_writer *w, enum spop_scope scope, const char *name,
		 struct spop_str value)
{
	spop_ack_set(w, scope, name,
		     &(struct spop_value){ .type = SPOP_TYPE_STRING, .str = value });
}

void
spop_ack_set_bin(struct spop_writer *w, enum spop_scope scope, const char *name,
		 struct spop_str value)
{
	spop_ack_set(w, scope, name,
		     &(struct spop_value){ .type = SPOP_TYPE_BINARY, .str = value });
}

void
spop_ack_set_bool(struct spop_writer *w, enum spop_scope scope, const char *name, bool value)
{
	spop_ack_set(w, scope, name,
		     &(struct spop_value){ .type = SPOP_TYPE_BOOL, .boolean = value });
}

void
spop_ack_set_int(struct spop_writer *w, enum spop_scope scope, const char *name, int64_t value)
{
	spop_ack_set(w, scope, name, &(struct spop_value){ .type = SPOP_TYPE_INT64, .i = value });
}

void
spop_ack_set_uint(struct spop_writer *w, enum spop_scope scope, const char *name, uint64_t value)
{
	spop_ack_set(w, scope, name, &(struct spop_value){ .type = SPOP_TYPE_UINT64, .u = value });
}

void
spop_ack_set_ipv4(struct spop_writer *w, enum spop_scope scope, const char *name,
		  const uint8_t ip[4])
{
	struct spop_value value = { .type = SPOP_TYPE_IPV4 };

	memcpy(value.ip, ip, 4);
	spop_ack_set(w, scope, name, &value);
}

void
spop_ack_set_ipv6(struct spop_writer *w, enum spop_scope scope, const char *name,
		  const uint8_t ip[16])
{
	struct spop_value value = { .type = SPOP_TYPE_IPV6 };

	memcpy(value.ip, ip, 16);
	spop_ack_set(w, scope, name, &value);
}

void
spop_ack_unset(struct spop_writer *w, enum spop_scope scope, const char *name)
{
	write_action(w, SPOP_ACTION_UNSET_VAR, 2, scope, name);
}

bool
spop_ack_end(struct spop_writer *w)
{
	return spop_frame_end(w);
}

static void
read_action(struct spop_reader *r, struct spop_action *a)
{
	uint8_t type = spop_read_u8(r);
	uint8_t n_args = spop_read_u8(r);
	uint8_t scope = spop_read_u8(r);

	a->type = type;
	a->scope = scope;
	a->name = spop_read_str(r);
	a->value.type = SPOP_TYPE_NULL;
	if (type == SPOP_ACTION_SET_VAR)
		spop_read_value(r, &a->value);
	/* The number of arguments follows from the type, and no other type is known. */
	if ((type != SPOP_ACTION_SET_VAR || n_args != 3) &&
	    (type != SPOP_ACTION_UNSET_VAR || n_args != 2))
		spop_reader_fail(r);
	if (scope > SPOP_SCOPE_RES || a->name.n == 0)
		spop_reader_fail(r);
}

bool
spop_ack_open(struct spop_ack *a, const struct spop_frame *f)
{
	struct spop_reader r = f->payload;
	struct spop_action action;

	while (r.p < r.end)
		read_action(&r, &action);
	if (r.bad)
		return false;
	*a = (struct spop_ack){ f->stream_id, f->frame_id, f->payload };
	return true;
}

bool
spop_ack_action(struct spop_ack *a, struct spop_action *action)
{
	if (a->rest.p == a->rest.end)
		return false;
	read_action(&a->rest, action);
	return true;
}
