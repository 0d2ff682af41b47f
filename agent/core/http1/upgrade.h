/*
 * The opening handshake of WebSocket (RFC 6455, 4.2) with MQTT inside (MQTT 5, 6): may this client
 * upgrade, and did the broker say yes.
 */
#ifndef USHER_CORE_HTTP1_UPGRADE_H
#define USHER_CORE_HTTP1_UPGRADE_H

#include "agent/core/http1/head.h"

enum upgrade_fault {
	UPGRADE_FAULT_NONE,
	/* a client's request */
	UPGRADE_FAULT_METHOD,	  /* not GET */
	UPGRADE_FAULT_TARGET,	  /* does not begin with '/', or has a fragment */
	UPGRADE_FAULT_HOST,	  /* none, two, or one that is no host */
	UPGRADE_FAULT_BODY,	  /* a body is announced */
	UPGRADE_FAULT_NO_UPGRADE, /* Upgrade and Connection do not ask for websocket; of both sides
				   */
	UPGRADE_FAULT_DOUBLED,	  /* Upgrade, Sec-WebSocket-Key or -Version twice */
	UPGRADE_FAULT_KEY,	  /* Sec-WebSocket-Key is no 16 bytes in base64 */
	UPGRADE_FAULT_VERSION,	  /* Sec-WebSocket-Version is not 13 */
	UPGRADE_FAULT_PROTOCOL, /* none of those offered is MQTT, or the broker took another one */
	/* a broker's answer */
	UPGRADE_FAULT_STATUS, /* not 101 */
	UPGRADE_FAULT_ACCEPT, /* not the answer to this key */
	UPGRADE_FAULT_EXTENSIONS,
	N_UPGRADE_FAULTS,
};

/* "no_upgrade", "key", …: in logs and metrics. */
const char *upgrade_fault_name(enum upgrade_fault fault);

/* The status that tells a client so (http1_refusal_encode()): 400, 405, 426, 431 or 505. */
unsigned http1_fault_status(enum http1_fault fault);
unsigned upgrade_fault_status(enum upgrade_fault fault);

/* What a sound request asks for. Views point into its head. */
struct upgrade {
	struct str path;     /* of the target, up to '?'; as it was sent, nothing is unescaped */
	struct str query;    /* behind '?', absent if there is none */
	struct str host;     /* with the port, as it was sent */
	struct str key;	     /* HTTP1_KEY_LEN bytes */
	struct str protocol; /* the first one offered that is MQTT, spelled as the client does */
};

/*
 * Judge a request. UPGRADE_FAULT_NONE fills *u; otherwise *u is of no use. "mqtt" is MQTT, and so
 * is "mqttv3.1" of old clients; in any case of letters.
 */
enum upgrade_fault upgrade_check(const struct http1_head *h, struct upgrade *u) MUST_USE;

/*
 * Judge a broker's answer to the key and the protocol that it was sent. Nothing was offered of
 * extensions, and the client's 101 may be out already: whatever else the broker chose is a fault.
 */
enum upgrade_fault upgrade_answer_check(const struct http1_head *h, struct str key,
					struct str protocol) MUST_USE;

#endif
