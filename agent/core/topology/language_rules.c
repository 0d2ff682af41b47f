/* The actions of rules, filters, and the steps of health checks (configuration manual, 4.2, 9). */
#include "agent/core/topology/language_rows.h"

#define ADDRESSES "rules and servers would see the client's own address; leave it to HAProxy"
#define MARKS "packets would not be marked; leave it to HAProxy"
#define PRIORITY "all sessions have the same priority"
#define QUEUE "who waits for a server is served in order; remove the line"
#define CAPTURE "samples are captured for logs alone: nothing is captured"
#define LUA                                                                                        \
	"no Lua runs here but what haproxy/usher.lua does; say it by other rules, or leave "       \
	"this frontend to HAProxy"
#define FOREIGN "agents other than usher are not asked; leave this frontend to HAProxy"
#define RESPONSE "what servers answer is passed on unseen; remove the rule"
#define TRACES "nothing is traced"

const struct language_row language_tcp_request[] = {
	DOES("connection", NULL, .then = LANGUAGE_TCP_CONNECTION),
	DOES("session", NULL, .then = LANGUAGE_TCP_SESSION),
	DOES("content", NULL, .then = LANGUAGE_TCP_CONTENT),
	DOES("inspect-delay", NULL),
	{ 0 },
};

/* What `tcp-request connection` and `session` share with `content`. */
#define EARLY_ACTIONS                                                                              \
	DOES("accept", NULL), DOES("reject", NULL), DOES("silent-drop", NULL),                     \
		DOES("sc-inc-gpc0", NULL), DOES("sc-inc-gpc1", NULL), DOES("sc-set-gpt0", NULL),   \
		DOES("set-var", NULL), DOES("set-var-fmt", NULL), DOES("track-sc0", NULL),         \
		DOES("track-sc1", NULL), DOES("track-sc2", NULL), DOES("unset-var", NULL),         \
		REFUSED("sc-inc-gpc", NOTE_ARRAYS), REFUSED("sc-set-gpt", NOTE_ARRAYS),            \
		REFUSED("set-dst", ADDRESSES), REFUSED("set-dst-port", ADDRESSES),                 \
		REFUSED("set-src", ADDRESSES), REFUSED("set-src-port", ADDRESSES),                 \
		REFUSED("set-mark", MARKS), REFUSED("set-tos", MARKS), DOES("expect-proxy", NULL), \
		REFUSED("expect-netscaler-cip", "usher proxy reads the PROXY protocol alone")

const struct language_row language_tcp_connection[] = {
	EARLY_ACTIONS,
	REFUSED("capture", CAPTURE),
	{ 0 },
};

const struct language_row language_tcp_session[] = {
	EARLY_ACTIONS,
	REFUSED("capture", CAPTURE),
	{ 0 },
};

const struct language_row language_tcp_content[] = {
	EARLY_ACTIONS,
	DOES("send-spoe-group", "usher asks itself", .then = LANGUAGE_ENGINE),
	DOES("use-service", NULL, .then = LANGUAGE_SERVICE),
	DOES("lua.usher_rank", "usher always has a verdict, so it changes nothing"),
	LOST("capture", CAPTURE),
	REFUSED("set-log-level", "the level follows from how a session ends; remove the line"),
	REFUSED("set-nice", PRIORITY "; remove the line"),
	REFUSED("set-priority-class", QUEUE),
	REFUSED("set-priority-offset", QUEUE),
	REFUSED("ot-group", TRACES "; remove the line"),
	REFUSED("do-resolve", "rules look up no names"),
	REFUSED("switch-mode", NOTE_HTTP),
	REFUSED("lua.*", LUA),
	{ 0 },
};

const struct language_row language_tcp_response[] = {
	DOES("content", NULL, .then = LANGUAGE_TCP_RESPONSE_CONTENT),
	LOST("inspect-delay", "usher reads the broker's CONNACK as it passes, and holds it not"),
	{ 0 },
};

const struct language_row language_tcp_response_content[] = {
	DOES("accept", NULL),
	DOES("send-spoe-group", "usher reads the broker's CONNACK itself", .then = LANGUAGE_ENGINE),
	LOST("set-log-level", "the level follows from how a session ends"),
	LOST("set-nice", PRIORITY),
	LOST("ot-group", TRACES),
	REFUSED("close", RESPONSE),
	REFUSED("reject", RESPONSE),
	REFUSED("sc-inc-gpc", RESPONSE),
	REFUSED("sc-inc-gpc0", RESPONSE),
	REFUSED("sc-inc-gpc1", RESPONSE),
	REFUSED("sc-set-gpt", RESPONSE),
	REFUSED("sc-set-gpt0", RESPONSE),
	REFUSED("set-mark", MARKS),
	REFUSED("set-tos", MARKS),
	REFUSED("set-var", RESPONSE),
	REFUSED("set-var-fmt", RESPONSE),
	REFUSED("silent-drop", RESPONSE),
	REFUSED("unset-var", RESPONSE),
	REFUSED("lua.*", LUA),
	{ 0 },
};

const struct language_row language_service[] = {
	DOES("lua.usher_refuse", "built in"),
	DOES("lua.usher_over_quota", "built in"),
	DOES("lua.usher_unavailable", "built in"),
	REFUSED("lua.*", LUA),
	REFUSED("prometheus-exporter", NOTE_HTTP "; usher's own metrics are at /metrics"),
	{ 0 },
};

const struct language_row language_engine[] = {
	DOES("usher*", NULL),
	REFUSED("*", FOREIGN),
	{ 0 },
};

const struct language_row language_filter[] = {
	DOES("spoe", "engines whose name begins with usher; " FOREIGN),
	LOST("trace", TRACES),
	LOST("opentracing", TRACES),
	REFUSED("cache", NOTE_HTTP),
	REFUSED("compression", NOTE_HTTP),
	REFUSED("fcgi-app", NOTE_HTTP),
	{ 0 },
};

#define FORMATS "text alone; a variable or %[expression] in it is refused"
#define STEPS "a server that fails this step would count as up; use send and expect"

const struct language_row language_tcp_check[] = {
	DOES("comment", NULL),
	DOES("connect", NULL, .then = LANGUAGE_CHECK_CONNECT),
	DOES("expect", NULL),
	DOES("send", NULL),
	DOES("send-binary", NULL),
	DOES("send-lf", FORMATS),
	DOES("send-binary-lf", FORMATS),
	REFUSED("set-var", STEPS),
	REFUSED("set-var-fmt", STEPS),
	REFUSED("unset-var", STEPS),
	{ 0 },
};

const struct language_row language_http_check[] = {
	DOES("comment", NULL),	      DOES("connect", NULL, .then = LANGUAGE_CHECK_CONNECT),
	DOES("expect", NULL),	      DOES("send", NULL),
	DOES("disable-on-404", NULL), LOST("send-state", "servers are not told how they are seen"),
	REFUSED("set-var", STEPS),    REFUSED("set-var-fmt", STEPS),
	REFUSED("unset-var", STEPS),  { 0 },
};

#define AS_SERVER "only `default` does, where the server line says so"

const struct language_row language_check_connect[] = {
	DOES("addr", NULL, .n_args = 1),
	DOES("comment", NULL, .n_args = 1),
	DOES("default", "with the TLS and the PROXY header of the server line"),
	DOES("port", NULL, .n_args = 1),
	DOES("linger", NULL),
	REFUSED("alpn", AS_SERVER, .n_args = 1),
	REFUSED("proto", NOTE_HTTP, .n_args = 1),
	REFUSED("send-proxy", AS_SERVER),
	REFUSED("sni", AS_SERVER, .n_args = 1),
	REFUSED("ssl", AS_SERVER),
	REFUSED("via-socks4", "the check would not go through the proxy"),
	{ 0 },
};
