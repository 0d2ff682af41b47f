/*
 * usher's own questions to a broker, asked where usher.json says `probe`.
 *
 * MQTT: a CONNECT that no broker can take (3.1.1, empty client id, clean session 0), so it costs no
 * session, no authentication and no lock in the cluster. Whoever answers with a CONNACK is alive;
 * one that answers 3 is, and wants nobody new.
 *
 * EMQX: its HTTP API says whether the node takes connections, earlier than MQTT would.
 */
#ifndef USHER_CORE_HEALTH_PROBE_H
#define USHER_CORE_HEALTH_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/core/base/str.h"
#include "agent/core/health/answer.h"

enum probe_result {
	PROBE_MORE,
	PROBE_PASS, /* the answer's status says whether it drains: HEALTH_L7OKC */
	PROBE_FAIL,
};

#define PROBE_EMQX_PATH "/api/v5/load_rebalance/availability_check"

/* The CONNECT, and the DISCONNECT for a broker that took it in spite of all. */
extern const struct str probe_mqtt_connect, probe_mqtt_disconnect;

/* What came back, [p, p+n), so far; `eof`: nothing more comes. */
enum probe_result probe_mqtt(const uint8_t *p, size_t n, bool eof, struct health_answer *a);
enum probe_result probe_emqx(const uint8_t *p, size_t n, bool eof, struct health_answer *a);

#endif
