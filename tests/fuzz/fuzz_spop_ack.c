/* Bytes as from an agent, read by HAProxy's side. */
#include <assert.h>

#include "spoe/ack.h"
#include "spoe/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
walk(const struct spop_frame *f)
{
	struct spop_action action;
	struct spop_ack ack;

	if (!spop_ack_open(&ack, f))
		return;
	while (spop_ack_action(&ack, &action))
		assert(action.name.n > 0 && action.scope <= SPOP_SCOPE_RES && !ack.rest.bad);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct spop_agent_hello hello;
	struct spop_disconnect bye;
	enum spop_status status;
	struct spop_frame f;

	for (; spop_frame_decode(p, n, 1024, &f, &status) == SPOP_OK; p += f.size, n -= f.size) {
		if (f.type == SPOP_FRAME_ACK)
			walk(&f);
		else if (f.type == SPOP_FRAME_AGENT_HELLO)
			status = spop_agent_hello_decode(f.payload, 16380, &hello);
		else
			status = spop_disconnect_decode(f.payload, &bye);
	}
	return 0;
}
