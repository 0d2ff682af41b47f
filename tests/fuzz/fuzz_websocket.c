/*
 * A stream of frames: its first byte says from which side and in which steps it comes; however it
 * is cut, the same MQTT bytes and the same end come out.
 */
#include <assert.h>

#include "agent/core/websocket/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ROOM = 200 };

/* False: it is over. */
static bool
read_on(struct websocket_reader *r, const uint8_t *p, size_t n)
{
	enum websocket_event event;

	do {
		event = websocket_read(r, p, n);
		assert(r->at <= n && r->n_mqtt <= r->mqtt_max && r->done <= r->frame.len);
		assert(r->n_control <= WEBSOCKET_CONTROL_MAX);
		assert((event == WEBSOCKET_BAD) == (r->fault != WEBSOCKET_FAULT_NONE));
	} while (event != WEBSOCKET_MORE && event < WEBSOCKET_CLOSED);
	return event == WEBSOCKET_MORE;
}

static void
check_own_frames(const struct websocket_reader *r)
{
	uint8_t out[ROOM + WEBSOCKET_HEADER_MAX], mqtt[ROOM];
	struct str payload = { (const char *)r->mqtt, r->n_mqtt };
	size_t n = websocket_frame_encode(WEBSOCKET_BINARY, payload, out, sizeof(out));
	struct websocket_reader again;

	websocket_reader_init(&again, WEBSOCKET_SERVER, mqtt, sizeof(mqtt));
	assert(n > 0 && read_on(&again, out, n) && again.at == n && !again.in_frame);
	assert(again.n_mqtt == payload.n && memcmp(mqtt, r->mqtt, payload.n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t whole_mqtt[ROOM] = { 0 }, cut_mqtt[ROOM] = { 0 };
	struct websocket_reader whole, cut;
	enum websocket_side from;
	size_t step;

	if (n < 2)
		return 0;
	from = *p & 1 ? WEBSOCKET_SERVER : WEBSOCKET_CLIENT;
	step = 1u + (*p++ >> 1);
	n--;
	websocket_reader_init(&whole, from, whole_mqtt, sizeof(whole_mqtt));
	websocket_reader_init(&cut, from, cut_mqtt, sizeof(cut_mqtt));
	read_on(&whole, p, n);
	for (size_t some = 0; some < n;) {
		some = some + step < n ? some + step : n;
		if (!read_on(&cut, p, some))
			break;
	}
	assert(whole.at == cut.at && whole.n_mqtt == cut.n_mqtt && whole.fault == cut.fault);
	assert(memcmp(whole_mqtt, cut_mqtt, ROOM) == 0 && whole.close_code == cut.close_code);
	check_own_frames(&whole);
	return 0;
}
