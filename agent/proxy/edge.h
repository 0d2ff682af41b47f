/*
 * The WebSocket around one client's MQTT, as long as usher looks into it: the client's upgrade, the
 * CONNECT in its frames, the same upgrade with a server, the CONNACK in the server's frames
 * (RFC 6455; MQTT 5, 6). Bytes in, bytes out; upgrade.c moves them.
 *
 *	client:  [ head | frames … ]      the head is kept here, the frames by the caller, as they
 *came server:  [ head | frames … ]      likewise; another server begins anew
 *
 * Frames are never changed: whatever usher has read is replayed as it was, and when the server has
 * answered nobody looks any more.
 */
#ifndef USHER_PROXY_EDGE_H
#define USHER_PROXY_EDGE_H

#include "agent/core/base/buf.h"
#include "agent/core/http1/upgrade.h"
#include "agent/core/http1/write.h"
#include "agent/core/websocket/reader.h"

struct edge;

/* NULL when memory is out. */
struct edge *edge_new(void);
void edge_free(struct edge *e);

/* ---- the client ----------------------------------------------------------------------------- */

/*
 * Read the client's request at the front of *raw. PARSE_OK: it may upgrade, and the head has been
 * taken off. PARSE_BAD: *status tells the client why not, *fault the log.
 */
enum parse edge_take_request(struct edge *e, struct buf *raw, unsigned *status, const char **fault)
	MUST_USE;

/* What the client asked for; views live as long as the edge. NULL before. */
const struct upgrade *edge_upgrade(const struct edge *e);
const struct http1_head *edge_request(const struct edge *e);

/* A host as HAProxy's host_only shows it, in lower case; a view until the next call. */
struct str edge_lower_host(struct edge *e, struct str host);

/*
 * A field of the request as rules and servers see it from now on: whatever is there of that name
 * goes, unless it is kept; value absent: no other comes. The name stays the caller's, the value is
 * copied. False: there is no room for it.
 */
bool edge_change_field(struct edge *e, bool keeps, struct str name, struct str value) MUST_USE;

enum edge_event {
	EDGE_OPEN,
	EDGE_CLOSED, /* a close frame; nothing behind it means anything, and so it stays */
	EDGE_BAD,    /* against the protocol */
	EDGE_MEMORY,
};

/* Read on in the client's frames, all of which so far stand at raw. *code: to close with. */
enum edge_event edge_read_client(struct edge *e, const struct buf *raw, uint16_t *code) MUST_USE;

/* The client's MQTT bytes so far, and how many of the raw ones carry them. */
struct str edge_client_mqtt(const struct edge *e);
size_t edge_client_raw(const struct edge *e);

/* ---- a server ------------------------------------------------------------------------------- */

/*
 * The client's request as this server gets it, with a key of its own from these random bytes.
 * Returns its length, or 0 if it is too long. What was read of a former server is forgotten.
 */
size_t edge_write_request(struct edge *e, const struct ip *client, const uint8_t random[16],
			  char *out, size_t size);

/*
 * Judge the server's answer at the front of *raw. PARSE_OK: it has upgraded, and its head has been
 * taken off. PARSE_BAD: it has not; *status is what it said, or 502, *fault is for the log.
 */
enum parse edge_take_answer(struct edge *e, struct buf *raw, unsigned *status, const char **fault)
	MUST_USE;

/* Read on in the server's frames, all of which so far stand at raw. */
enum edge_event edge_read_server(struct edge *e, const struct buf *raw) MUST_USE;
struct str edge_server_mqtt(const struct edge *e);

/* ---- usher's own words ---------------------------------------------------------------------- */

enum { EDGE_FAREWELL_MAX = 4 + WEBSOCKET_CONTROL_MAX + WEBSOCKET_CLOSE_LEN };

/*
 * A CONNACK, if there is one, in a frame, and a close frame with this code. Returns the length; of
 * a CONNACK above WEBSOCKET_CONTROL_MAX bytes there is none.
 */
size_t edge_write_farewell(struct str connack, uint16_t code, uint8_t out[EDGE_FAREWELL_MAX]);

#endif
