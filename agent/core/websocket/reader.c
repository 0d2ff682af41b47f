/*
 * Payload of data frames is taken as it comes, however little; a control frame when all of it is
 * there. A header that is not complete is read again with the next bytes.
 */
#include "agent/core/websocket/reader.h"

#include "agent/core/base/cursor.h"

void
websocket_reader_init(struct websocket_reader *r, enum websocket_side from, uint8_t *mqtt,
		      size_t mqtt_max)
{
	*r = (struct websocket_reader){ .from = from, .mqtt = mqtt, .mqtt_max = mqtt_max };
}

static enum websocket_event
bad(struct websocket_reader *r, enum websocket_fault fault)
{
	r->fault = fault;
	return WEBSOCKET_BAD;
}

/* RFC 6455, 5.4: a message is one frame, or a first one and continuations; control frames between.
 */
static bool
frame_fits(const struct websocket_reader *r, const struct websocket_frame *f)
{
	if (websocket_is_control(f->opcode))
		return true;
	return r->in_message == (f->opcode == WEBSOCKET_CONTINUATION);
}

/* RFC 6455, 7.4: which codes may stand in a frame. */
static bool
is_code(unsigned code)
{
	if (code >= 3000)
		return code <= 4999;
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

static enum websocket_event
end_close(struct websocket_reader *r)
{
	struct cursor c = cursor_of((struct str){ (const char *)r->control, r->n_control });

	r->close_code = r->n_control ? cursor_u16(&c) : WEBSOCKET_NO_CODE;
	if (r->n_control && (c.short_read || !is_code(r->close_code))) /* 5.5.1 */
		return bad(r, WEBSOCKET_FAULT_CLOSE);
	return WEBSOCKET_CLOSED;
}

static enum websocket_event
read_control(struct websocket_reader *r, const uint8_t *raw, size_t n)
{
	if (n - r->at < r->frame.len)
		return WEBSOCKET_MORE;
	r->n_control = (size_t)r->frame.len;
	websocket_unmask(raw + r->at, r->n_control, r->frame.mask, 0, r->control);
	r->at += r->n_control;
	r->in_frame = false;
	if (r->frame.opcode == WEBSOCKET_CLOSE)
		return end_close(r);
	return r->frame.opcode == WEBSOCKET_PING ? WEBSOCKET_PINGED : WEBSOCKET_PONGED;
}

static size_t
least(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

static enum websocket_event
read_data(struct websocket_reader *r, const uint8_t *raw, size_t n)
{
	uint64_t left = r->frame.len - r->done;
	size_t room = r->mqtt_max - r->n_mqtt;
	size_t take = least(least(left, n - r->at), room);

	if (take > 0)
		websocket_unmask(raw + r->at, take, r->frame.mask, r->done, r->mqtt + r->n_mqtt);
	r->at += take;
	r->n_mqtt += take;
	r->done += take;
	r->in_frame = r->done < r->frame.len;
	if (take > 0)
		return WEBSOCKET_DATA;
	return r->in_frame && room == 0 ? WEBSOCKET_FULL : WEBSOCKET_MORE;
}

/* PARSE_OK: a frame has begun. */
static enum parse
read_header(struct websocket_reader *r, const uint8_t *raw, size_t n)
{
	struct websocket_frame f;
	enum parse parse = websocket_header_decode(raw + r->at, n - r->at, r->from, &f, &r->fault);

	if (parse != PARSE_OK)
		return parse;
	if (!frame_fits(r, &f)) {
		r->fault = WEBSOCKET_FAULT_CONTINUATION;
		return PARSE_BAD;
	}
	if (!websocket_is_control(f.opcode))
		r->in_message = !f.is_last;
	r->at += f.header_len;
	r->in_frame = true;
	r->frame = f;
	r->done = 0;
	return PARSE_OK;
}

enum websocket_event
websocket_read(struct websocket_reader *r, const uint8_t *raw, size_t n)
{
	enum websocket_event event = WEBSOCKET_MORE;

	/* An empty data frame says nothing: go on behind it. */
	while (!r->fault && event == WEBSOCKET_MORE && (r->in_frame || r->at < n)) {
		if (!r->in_frame && read_header(r, raw, n) != PARSE_OK)
			break;
		event = websocket_is_control(r->frame.opcode) ? read_control(r, raw, n)
							      : read_data(r, raw, n);
		if (r->in_frame)
			break;
	}
	return r->fault ? WEBSOCKET_BAD : event;
}
