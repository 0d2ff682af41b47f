/* Bytes as from HAProxy: whatever they are, what is sent back is whole and each walk ends. */
#include <assert.h>

#include "spoe/ack.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
answer(const struct spop_conn *c, struct spop_notify *notify, struct spop_writer *out)
{
	struct spop_str message, name;
	struct spop_args args;
	struct spop_value value;

	spop_ack_begin(out, c, notify->stream_id, notify->frame_id);
	while (spop_notify_message(notify, &message, &args))
		while (spop_notify_arg(&args, &name, &value))
			spop_ack_set(out, SPOP_SCOPE_TXN, "echo", &value);
	if (!spop_ack_end(out)) {
		spop_ack_begin(out, c, notify->stream_id, notify->frame_id);
		assert(spop_ack_end(out));
	}
}

static void
check_sent(const struct spop_writer *out)
{
	enum spop_status fault;
	struct spop_frame f;
	struct spop_ack ack;

	for (size_t at = 0; at < out->n; at += f.size) {
		assert(spop_frame_decode(out->p + at, out->n - at, 1024, &f, &fault) == SPOP_OK);
		assert(f.type != SPOP_FRAME_ACK || spop_ack_open(&ack, &f));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum spop_event event;
	struct spop_conn c;

	spop_conn_init(&c, 1024);
	do {
		uint8_t memory[512];
		struct spop_writer out = { .p = memory, .cap = sizeof(memory) };
		struct spop_notify notify;
		size_t used;

		event = spop_conn_next(&c, p, n, &used, &notify, &out);
		assert(used <= n);
		p += used;
		n -= used;
		if (event == SPOP_EVENT_NOTIFY)
			answer(&c, &notify, &out);
		check_sent(&out);
	} while (event == SPOP_EVENT_HELLO || event == SPOP_EVENT_NOTIFY);
	return 0;
}
