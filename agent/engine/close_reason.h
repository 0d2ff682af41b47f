/*
 * Why a session that usher carried ended: one enum for the log, the metrics and the tests.
 */
#ifndef USHER_ENGINE_CLOSE_REASON_H
#define USHER_ENGINE_CLOSE_REASON_H

enum close_reason {
	CLOSE_DONE,	      /* both sides have sent their last byte */
	CLOSE_CLIENT_GONE,    /* the client reset */
	CLOSE_SERVER_GONE,    /* the server reset */
	CLOSE_CLIENT_TIMEOUT, /* nothing moved for `timeout client` or `timeout server` */
	CLOSE_NOT_MQTT,	      /* no CONNECT, or one against the protocol */
	CLOSE_NOT_WEBSOCKET,  /* no upgrade to WebSocket, or against the protocol */
	CLOSE_CONNECT_LATE,   /* the CONNECT was not complete in time */
	CLOSE_REFUSED,	      /* by the verdict; the client was told */
	CLOSE_NO_SERVER,      /* none that may take it */
	CLOSE_CONNECT_FAILED, /* those tried refuse or do not answer */
	CLOSE_REJECTED,	      /* a rule of haproxy.cfg said no */
	CLOSE_BAD_HEADER,     /* no PROXY header, or one against the protocol, or too late */
	CLOSE_HANDSHAKE,      /* the client's TLS handshake failed, or was too late */
	CLOSE_QUEUE_FULL,     /* `maxqueue` others wait for that server */
	CLOSE_QUEUE_LATE,     /* no place became free within `timeout queue` */
	CLOSE_SHUT,	      /* an operator's `shutdown session` */
	CLOSE_SERVER_DOWN,    /* `on-marked-down shutdown-sessions` */
	CLOSE_MEMORY,
	CLOSE_STOPPING, /* usher ends */
	N_CLOSE_REASONS,
};

const char *close_reason_name(enum close_reason reason);

#endif
