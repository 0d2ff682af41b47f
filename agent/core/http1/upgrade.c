/* The rules of RFC 6455, 4.2.1, in its order; then those of HTTP that a proxy must not let slip. */
#include "agent/core/http1/upgrade.h"

#include "agent/core/http1/accept.h"

static const struct {
	const char *name;
	unsigned status;
} table[N_UPGRADE_FAULTS] = {
	[UPGRADE_FAULT_NONE] = { "none", 0 },
	[UPGRADE_FAULT_METHOD] = { "method", 405 },
	[UPGRADE_FAULT_TARGET] = { "target", 400 },
	[UPGRADE_FAULT_HOST] = { "host", 400 },
	[UPGRADE_FAULT_BODY] = { "body", 400 },
	[UPGRADE_FAULT_NO_UPGRADE] = { "no_upgrade", 426 },
	[UPGRADE_FAULT_DOUBLED] = { "doubled", 400 },
	[UPGRADE_FAULT_KEY] = { "key", 400 },
	[UPGRADE_FAULT_VERSION] = { "version", 426 }, /* 4.4 */
	[UPGRADE_FAULT_PROTOCOL] = { "protocol", 400 },
	[UPGRADE_FAULT_STATUS] = { "status", 502 },
	[UPGRADE_FAULT_ACCEPT] = { "accept", 502 },
	[UPGRADE_FAULT_EXTENSIONS] = { "extensions", 502 },
};

const char *
upgrade_fault_name(enum upgrade_fault fault)
{
	return table[fault].name;
}

unsigned
upgrade_fault_status(enum upgrade_fault fault)
{
	return table[fault].status;
}

unsigned
http1_fault_status(enum http1_fault fault)
{
	switch (fault) {
	case HTTP1_FAULT_VERSION:
		return 505;
	case HTTP1_FAULT_TOO_LONG:
	case HTTP1_FAULT_TOO_MANY:
		return 431;
	default:
		return 400;
	}
}

static enum upgrade_fault
check_target(struct str target, struct upgrade *u)
{
	const char *mark = memchr(target.p, '?', target.n);

	if (target.p[0] != '/' || memchr(target.p, '#', target.n)) /* RFC 6455, 3: no fragment */
		return UPGRADE_FAULT_TARGET;
	u->path = (struct str){ target.p, mark ? (size_t)(mark - target.p) : target.n };
	u->query = mark ? (struct str){ mark + 1, target.n - u->path.n - 1 } : (struct str){ 0 };
	return UPGRADE_FAULT_NONE;
}

/* RFC 9112, 3.2: one and only one; a name, an address, and perhaps a port (RFC 3986, 3.2). */
static enum upgrade_fault
check_host(const struct http1_head *h, struct upgrade *u)
{
	static const char others[] = "-._~%!$&'()*+;=:[]";

	if (http1_field_find(h, "host", &u->host) != 1 || u->host.n == 0)
		return UPGRADE_FAULT_HOST;
	for (size_t i = 0; i < u->host.n; i++) {
		char c = u->host.p[i], lower = (char)(c | 0x20);

		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr(others, c)))
			return UPGRADE_FAULT_HOST;
	}
	return UPGRADE_FAULT_NONE;
}

/* What came behind such a head would be a body to some and frames to others. */
static bool
has_body(const struct http1_head *h)
{
	struct str value;
	size_t n = http1_field_find(h, "content-length", &value);

	return n > 1 || (n == 1 && !str_is(value, "0")) ||
	       http1_field_find(h, "transfer-encoding", &value) > 0;
}

static bool
asks_for_websocket(const struct http1_head *h)
{
	return http1_list_has(h, "upgrade", STR("websocket")) &&
	       http1_list_has(h, "connection", STR("upgrade"));
}

static enum upgrade_fault
check_websocket(const struct http1_head *h, struct upgrade *u)
{
	struct str upgrade, version;
	size_t n_upgrades = http1_field_find(h, "upgrade", &upgrade);
	size_t n_versions = http1_field_find(h, "sec-websocket-version", &version);
	size_t n_keys = http1_field_find(h, "sec-websocket-key", &u->key);

	if (n_upgrades > 1 || n_versions > 1 || n_keys > 1)
		return UPGRADE_FAULT_DOUBLED;
	if (!asks_for_websocket(h))
		return UPGRADE_FAULT_NO_UPGRADE;
	if (!str_is(version, "13"))
		return UPGRADE_FAULT_VERSION;
	if (!http1_key_is_sound(u->key))
		return UPGRADE_FAULT_KEY;
	return UPGRADE_FAULT_NONE;
}

/* The list may come in several fields (RFC 6455, 11.3.4). */
static enum upgrade_fault
choose_protocol(const struct http1_head *h, struct upgrade *u)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		struct str list = h->fields[i].value;

		if (!str_ieq(h->fields[i].name, STR("sec-websocket-protocol")))
			continue;
		while (http1_list_next(&list, &u->protocol))
			if (str_ieq(u->protocol, STR("mqtt")) ||
			    str_ieq(u->protocol, STR("mqttv3.1")))
				return UPGRADE_FAULT_NONE;
	}
	return UPGRADE_FAULT_PROTOCOL;
}

enum upgrade_fault
upgrade_check(const struct http1_head *h, struct upgrade *u)
{
	enum upgrade_fault fault;

	*u = (struct upgrade){ 0 };
	if (!str_is(h->method, "GET"))
		return UPGRADE_FAULT_METHOD;
	fault = check_target(h->target, u);
	if (!fault)
		fault = check_host(h, u);
	if (!fault && has_body(h))
		fault = UPGRADE_FAULT_BODY;
	if (!fault)
		fault = check_websocket(h, u);
	return fault ? fault : choose_protocol(h, u);
}

/* RFC 6455, 4.1, what a client checks of its server's response. */
enum upgrade_fault
upgrade_answer_check(const struct http1_head *h, struct str key, struct str protocol)
{
	char want[HTTP1_ACCEPT_LEN];
	struct str accept, chosen, list, element;

	if (h->status != 101)
		return UPGRADE_FAULT_STATUS;
	if (!asks_for_websocket(h))
		return UPGRADE_FAULT_NO_UPGRADE;
	http1_accept_make(key, want);
	if (http1_field_find(h, "sec-websocket-accept", &accept) != 1 ||
	    !str_eq(accept, (struct str){ want, sizeof(want) }))
		return UPGRADE_FAULT_ACCEPT;
	if (http1_field_find(h, "sec-websocket-extensions", &list) > 1 ||
	    http1_list_next(&list, &element))
		return UPGRADE_FAULT_EXTENSIONS;
	if (http1_field_find(h, "sec-websocket-protocol", &chosen) != 1 ||
	    !str_ieq(chosen, protocol))
		return UPGRADE_FAULT_PROTOCOL;
	return UPGRADE_FAULT_NONE;
}
