/*
 * Why a client is refused: usher's own names for it, the words of log and metrics, and the code
 * that stands in its CONNACK (MQTT 3.1.1, table 3.1; MQTT 5, table 3-1).
 */
#ifndef USHER_CORE_MQTT_REASON_H
#define USHER_CORE_MQTT_REASON_H

#include "agent/core/base/str.h"

enum refusal {
	REFUSAL_NOT_AUTHORIZED,	     /* 3.x: 5, 5.0: 0x87 */
	REFUSAL_BAD_CLIENT_ID,	     /* 2, 0x85 */
	REFUSAL_BAD_CREDENTIALS,     /* 4, 0x86 */
	REFUSAL_BANNED,		     /* 5, 0x8a */
	REFUSAL_SERVER_UNAVAILABLE,  /* 3, 0x88 */
	REFUSAL_SERVER_BUSY,	     /* 3, 0x89 */
	REFUSAL_QUOTA_EXCEEDED,	     /* 3, 0x97 */
	REFUSAL_RATE_EXCEEDED,	     /* 3, 0x9f */
	REFUSAL_USE_ANOTHER_SERVER,  /* 3, 0x9c */
	REFUSAL_UNSUPPORTED_VERSION, /* 1, 0x84 */
	N_REFUSALS,
};

/* "not_authorized", …: in usher.json, logs and metrics. */
const char *refusal_name(enum refusal r);
/* N_REFUSALS if there is none of that name. */
enum refusal refusal_by_name(struct str name);
/* The CONNACK code for a client whose protocol level is `level` (5 and above: MQTT 5). */
uint8_t refusal_code(enum refusal r, unsigned level);

/* Does this CONNACK code say "not here, not now", so that another server may accept? */
bool connack_means_elsewhere(unsigned code, unsigned level);

#endif
