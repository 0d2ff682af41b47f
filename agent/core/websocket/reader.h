/*
 * The MQTT bytes inside a stream of WebSocket frames, as far as usher must see them: a client's
 * CONNECT before there is a broker, a broker's CONNACK.
 *
 *	raw:   [ frames that were read: 0..at | not yet read ]      the caller keeps all of them
 *	mqtt:  [ payload of their data frames, unmasked: 0..n_mqtt | room up to mqtt_max ]
 *
 * The raw bytes are never changed and never dropped here. So, when the reader has shown enough, the
 * caller can replay them to the other side as they came, masks and all, from byte 0 on (with every
 * byte behind `at`), and from then on carry bytes without looking. A frame that is only half there
 * goes on where it stopped. What was replayed includes pings that were seen: leave them to the
 *other side, which answers them then.
 */
#ifndef USHER_CORE_WEBSOCKET_READER_H
#define USHER_CORE_WEBSOCKET_READER_H

#include "agent/core/websocket/frame.h"

enum websocket_event {
	WEBSOCKET_MORE,	  /* all bytes are read */
	WEBSOCKET_DATA,	  /* n_mqtt has grown */
	WEBSOCKET_PINGED, /* control: the payload to pong with */
	WEBSOCKET_PONGED,
	WEBSOCKET_CLOSED, /* close_code; nothing behind it means anything (RFC 6455, 5.5.1) */
	WEBSOCKET_FULL,	  /* mqtt_max bytes are there and the frame has more of them */
	WEBSOCKET_BAD,	  /* fault; so it will stay */
};

enum { WEBSOCKET_NO_CODE = 1005 }; /* RFC 6455, 7.4.1: a close frame that gives none */

struct websocket_reader {
	enum websocket_side from;
	uint8_t *mqtt; /* borrowed: room for mqtt_max bytes */
	size_t n_mqtt, mqtt_max;
	size_t at; /* raw bytes that were read, from the stream's first on */
	bool in_frame;
	struct websocket_frame frame; /* the one that is being read, while in_frame */
	uint64_t done;		      /* bytes of its payload that were read */
	bool in_message;	      /* the last data frame was not the last of its message */
	uint8_t control[WEBSOCKET_CONTROL_MAX]; /* payload of the last control frame, unmasked */
	size_t n_control;
	uint16_t close_code;
	enum websocket_fault fault;
};

void websocket_reader_init(struct websocket_reader *r, enum websocket_side from, uint8_t *mqtt,
			   size_t mqtt_max);

/*
 * Read on in the stream, of which the first n bytes stand at raw, at least as many as the time
 * before, up to the next thing worth telling. Call it until it answers WEBSOCKET_MORE, or enough is
 * known. Empty frames and pings make raw bytes without end: the caller bounds those it keeps.
 */
enum websocket_event websocket_read(struct websocket_reader *r, const uint8_t *raw, size_t n)
	MUST_USE;

#endif
