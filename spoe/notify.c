#include "spoe/notify.h"

static void
skip_args(struct spop_reader *r, unsigned n)
{
	struct spop_value value;

	while (n--) {
		spop_read_str(r);
		spop_read_value(r, &value);
	}
}

bool
spop_notify_open(struct spop_notify *n, const struct spop_frame *f)
{
	struct spop_reader r = f->payload;
	unsigned n_messages = 0;

	while (r.p < r.end) {
		spop_read_str(&r);
		skip_args(&r, spop_read_u8(&r));
		n_messages++;
	}
	if (r.bad)
		return false;
	*n = (struct spop_notify){ f->stream_id, f->frame_id, f->payload, n_messages };
	return true;
}

bool
spop_notify_message(struct spop_notify *n, struct spop_str *name, struct spop_args *args)
{
	if (n->left == 0)
		return false;
	n->left--;
	*name = spop_read_str(&n->rest);
	args->left = spop_read_u8(&n->rest);
	args->rest = n->rest;
	if (n->left)
		skip_args(&n->rest, args->left); /* the last one's end is known */
	return true;
}

bool
spop_notify_arg(struct spop_args *a, struct spop_str *name, struct spop_value *value)
{
	if (a->left == 0)
		return false;
	a->left--;
	*name = spop_read_str(&a->rest);
	spop_read_value(&a->rest, value);
	return true;
}

void
spop_notify_begin(struct spop_writer *w, uint32_t max_frame_size, uint64_t stream_id,
		  uint64_t frame_id)
{
	spop_frame_begin(w, SPOP_FRAME_NOTIFY, max_frame_size, stream_id, frame_id);
}

void
spop_notify_put(struct spop_writer *w, struct spop_str message, const struct spop_arg *args,
		size_t n_args)
{
	if (n_args > SPOP_ARGS_MAX) {
		w->overflow = true;
		return;
	}
	spop_write_str(w, message);
	spop_write_u8(w, (uint8_t)n_args);
	for (size_t i = 0; i < n_args; i++) {
		spop_write_str(w, args[i].name);
		spop_write_value(w, &args[i].value);
	}
}

bool
spop_notify_end(struct spop_writer *w)
{
	return spop_frame_end(w);
}
