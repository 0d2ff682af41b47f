/* Both read with the parsers that are there already; what is here is what the answers mean. */
#include "agent/core/health/probe.h"

#include "agent/core/health/response.h"
#include "agent/core/mqtt/connack.h"

enum {
	CONNACK_MAX_BYTES = 1024, /* MQTT 5 could put properties behind it */
	CONNACK_UNAVAILABLE = 3,
};

const struct str probe_mqtt_connect = {
	"\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00",
	14,
};
const struct str probe_mqtt_disconnect = { "\xe0\x00", 2 };

static enum probe_result
fail(struct health_answer *a, const char *why)
{
	health_answer_set(a, HEALTH_L7RSP, 0, "%s", why);
	return PROBE_FAIL;
}

enum probe_result
probe_mqtt(const uint8_t *p, size_t n, bool eof, struct health_answer *a)
{
	struct mqtt_connack c;
	enum mqtt_fault fault;

	switch (mqtt_connack_decode(p, n, CONNACK_MAX_BYTES, &c, &fault)) {
	case PARSE_OK:
		break;
	case PARSE_MORE:
		if (!eof)
			return PROBE_MORE;
		return fail(a, n ? "closed within the CONNACK" : "closed without a CONNACK");
	case PARSE_BAD:
		return fail(a, "no CONNACK");
	}
	if (c.code == CONNACK_UNAVAILABLE)
		health_answer_set(a, HEALTH_L7OKC, c.code, "evacuating");
	else
		health_answer_set(a, HEALTH_L7OK, c.code, "(mqtt)");
	return PROBE_PASS;
}

enum probe_result
probe_emqx(const uint8_t *p, size_t n, bool eof, struct health_answer *a)
{
	struct response r;
	enum parse parsed = response_head(p, n, &r);

	if (parsed == PARSE_MORE && !eof)
		return PROBE_MORE;
	if (parsed != PARSE_OK)
		return fail(a, n ? "no HTTP response" : "closed without a response");
	switch (r.status) {
	case 200:
		health_answer_set(a, HEALTH_L7OK, r.status, "(emqx)");
		return PROBE_PASS;
	case 503:
		health_answer_set(a, HEALTH_L7OKC, r.status, "evacuating");
		return PROBE_PASS;
	case 401: /* EMQX before 5.4 wants credentials */
	case 404: /* the open-source edition has no such page */
		health_answer_set(a, HEALTH_L7OK, r.status,
				  "availability unknown: this EMQX does not say");
		return PROBE_PASS;
	default:
		health_answer_set(a, HEALTH_L7STS, r.status, "%.*s", STR_ARG(r.reason));
		return PROBE_FAIL;
	}
}
