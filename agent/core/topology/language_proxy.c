/* The words of defaults, frontend, backend and listen (configuration manual, 4.2). */
#include "agent/core/topology/language_rows.h"

#define EXTERNAL "`option external-check` is refused"
#define STATISTICS_PAGE "statistics are served by proxies of `mode http`"
#define TRANSPARENT "connections go to servers alone; name them by `server`"
#define MAIL "nobody is mailed when a server goes down or comes up"
#define STATE "servers start as the file says, not as they were when HAProxy ended"
#define PERSISTENCE "clients would go to other servers; leave these to HAProxy"
#define SPLICE "bytes are never spliced"
#define COUNTERS "counters of sockets are not kept"

const struct language_row language_proxy[] = {
	DOES("acl", NULL),
	DOES("balance", NULL, .then = LANGUAGE_BALANCE),
	DOES("bind", NULL, .then = LANGUAGE_BIND, .skip = 1),
	DOES("clitcpka-cnt", NULL),
	DOES("clitcpka-idle", NULL),
	DOES("clitcpka-intvl", NULL),
	DOES("default-server", NULL, .then = LANGUAGE_SERVER),
	DOES("default_backend", NULL),
	DOES("disabled", NULL),
	DOES("enabled", NULL),
	DOES("error-log-format", NULL),
	DOES("filter", NULL, .then = LANGUAGE_FILTER),
	DOES("hash-type", NULL, .then = LANGUAGE_HASH_TYPE),
	DOES("http-check", "with `option httpchk`", .then = LANGUAGE_HTTP_CHECK),
	DOES("id", NULL),
	DOES("log", NOTE_LOG_TARGET),
	DOES("log-format", NULL),
	DOES("log-format-sd", NULL),
	DOES("log-tag", NULL),
	DOES("maxconn", NULL),
	DOES("mode", NULL, .then = LANGUAGE_MODE),
	DOES("option", NULL, .then = LANGUAGE_OPTION),
	DOES("rate-limit", "sessions"),
	DOES("retries", "an attempt that was refused is repeated elsewhere, at once"),
	DOES("server", NULL, .then = LANGUAGE_SERVER, .skip = 2),
	DOES("server-template", NULL, .then = LANGUAGE_SERVER, .skip = 3),
	DOES("source", NULL, .then = LANGUAGE_SOURCE, .skip = 1),
	DOES("srvtcpka-cnt", NULL),
	DOES("srvtcpka-idle", NULL),
	DOES("srvtcpka-intvl", NULL),
	DOES("stick", NULL, .then = LANGUAGE_STICK),
	DOES("stick-table", NULL, .then = LANGUAGE_STICK_TABLE),
	DOES("tcp-check", "with `option tcp-check`", .then = LANGUAGE_TCP_CHECK),
	DOES("tcp-request", NULL, .then = LANGUAGE_TCP_REQUEST),
	DOES("tcp-response", NULL, .then = LANGUAGE_TCP_RESPONSE),
	DOES("timeout", NULL, .then = LANGUAGE_TIMEOUT),
	DOES("use-server", NULL),
	DOES("use_backend", NULL),

	LOST("backlog", "up to 4096 newcomers wait to be accepted, whatever this says"),
	LOST("bind-process", "usher is one process"),
	LOST("cookie", "mode tcp has no cookies, to HAProxy neither"),
	LOST("description", NOTE_STATISTICS),
	LOST("email-alert", MAIL),
	LOST("external-check", EXTERNAL),
	LOST("fullconn", "servers take their whole maxconn at any time"),
	LOST("load-server-state-from-file", STATE),
	LOST("server-state-file-name", STATE),
	LOST("stats", STATISTICS_PAGE),
	LOST("unique-id-format", "sessions have no identifier, so `unique-id` has no value"),

	LOST("capture", NOTE_HTTP),
	LOST("compression", NOTE_HTTP),
	LOST("declare", NOTE_HTTP),
	LOST("errorfile", NOTE_HTTP),
	LOST("errorfiles", NOTE_HTTP),
	LOST("errorloc", NOTE_HTTP),
	LOST("errorloc302", NOTE_HTTP),
	LOST("errorloc303", NOTE_HTTP),
	LOST("hash-balance-factor", "it has a meaning with hash-type consistent, which is refused"),
	LOST("http-error", NOTE_HTTP),
	LOST("http-reuse", NOTE_HTTP),
	LOST("http-send-name-header", NOTE_HTTP),
	LOST("max-keep-alive-queue", NOTE_HTTP),
	LOST("monitor-uri", NOTE_HTTP),
	LOST("retry-on", NOTE_HTTP),
	LOST("unique-id-header", NOTE_HTTP),
	LOST("use-fcgi-app", NOTE_HTTP),

	REFUSED("clitimeout", "HAProxy 2.6 does the same; write `timeout client`"),
	REFUSED("contimeout", "HAProxy 2.6 does the same; write `timeout connect`"),
	REFUSED("srvtimeout", "HAProxy 2.6 does the same; write `timeout server`"),
	REFUSED("dispatch", TRANSPARENT),
	REFUSED("transparent", TRANSPARENT),
	REFUSED("force-persist", PERSISTENCE),
	REFUSED("ignore-persist", PERSISTENCE),
	REFUSED("persist", "it reads RDP"),
	REFUSED("http-after-response", NOTE_HTTP),
	REFUSED("http-request", NOTE_HTTP "; say the same by tcp-request, or remove it"),
	REFUSED("http-response", NOTE_HTTP),
	REFUSED("monitor", NOTE_HTTP),
	REFUSED("redirect", NOTE_HTTP),
	{ 0 },
};

const struct language_row language_mode[] = {
	DOES("tcp", NULL),
	DOES("http", "for WebSocket, where usher.json says so (docs/websocket.md), and for a "
		     "statistics page; other proxies are ignored"),
	{ 0 },
};

const struct language_row language_option[] = {
	DOES("abortonclose", NULL),
	DOES("allbackups", NULL),
	DOES("clitcpka", NULL),
	DOES("dontlog-normal", NULL),
	DOES("dontlognull", NULL),
	DOES("httpchk", NULL),
	DOES("log-health-checks", "to usher's own log as well"),
	DOES("log-separate-errors", NULL),
	DOES("logasap", NULL),
	DOES("persist", NULL),
	DOES("redispatch", NULL),
	DOES("srvtcpka", NULL),
	DOES("tcp-check", NULL),
	DOES("tcpka", NULL),
	DOES("tcplog", NULL),

	LOST("nolinger", "connections end with a FIN as ever, not with a reset"),
	LOST("httplog", NOTE_HTTP "; " NOTE_TCPLOG),
	LOST("httpslog", NOTE_HTTP "; " NOTE_TCPLOG),
	LOST("contstats", COUNTERS),
	LOST("socket-stats", COUNTERS),
	LOST("independent-streams",
	     "bytes in either direction keep a session alive; its time-out comes later"),
	LOST("splice-auto", SPLICE),
	LOST("splice-request", SPLICE),
	LOST("splice-response", SPLICE),
	LOST("spop-check", "usher asks itself and not an agent, whose servers are not checked"),
	LOST("tcp-smart-accept", "the kernel acknowledges as it likes"),
	LOST("tcp-smart-connect", "the kernel acknowledges as it likes"),

	LOST("accept-invalid-http-request", NOTE_HTTP),
	LOST("accept-invalid-http-response", NOTE_HTTP),
	LOST("checkcache", NOTE_HTTP),
	LOST("disable-h2-upgrade", NOTE_HTTP),
	LOST("forwardfor", NOTE_HTTP),
	LOST("h1-case-adjust-bogus-client", NOTE_HTTP),
	LOST("h1-case-adjust-bogus-server", NOTE_HTTP),
	LOST("http-buffer-request", NOTE_HTTP),
	LOST("http-ignore-probes", NOTE_HTTP),
	LOST("http-keep-alive", NOTE_HTTP),
	LOST("http-no-delay", NOTE_HTTP),
	LOST("http-pretend-keepalive", NOTE_HTTP),
	LOST("http-restrict-req-hdr-names", NOTE_HTTP),
	LOST("http-server-close", NOTE_HTTP),
	LOST("http-use-proxy-header", NOTE_HTTP),
	LOST("httpclose", NOTE_HTTP),
	LOST("idle-close-on-response", NOTE_HTTP),
	LOST("originalto", NOTE_HTTP),
	LOST("prefer-last-server", NOTE_HTTP),

	REFUSED("transparent", TRANSPARENT),
	REFUSED("external-check", NOTE_CHECKS),
	REFUSED("ldap-check", NOTE_CHECKS),
	REFUSED("mysql-check", NOTE_CHECKS),
	REFUSED("pgsql-check", NOTE_CHECKS),
	REFUSED("redis-check", NOTE_CHECKS),
	REFUSED("smtpchk", NOTE_CHECKS),
	REFUSED("ssl-hello-chk", NOTE_CHECKS),
	{ 0 },
};

const struct language_row language_timeout[] = {
	DOES("check", NULL),
	DOES("client", NULL),
	DOES("client-fin", NULL),
	DOES("connect", NULL),
	DOES("queue", NULL),
	DOES("server", NULL),
	DOES("server-fin", NULL),
	DOES("tunnel", NULL),
	LOST("http-keep-alive", NOTE_HTTP),
	LOST("http-request", NOTE_HTTP),
	LOST("tarpit", NOTE_HTTP),
	{ 0 },
};

const struct language_row language_balance[] = {
	DOES("roundrobin", NULL),
	DOES("static-rr", NULL),
	DOES("leastconn", NULL),
	DOES("random", NULL),
	DOES("source", "by HAProxy's own map for IPv4; for IPv6 the server may be another one"),
	DOES("hash", NULL),
	REFUSED("first", "clients would be spread; use leastconn, or weights"),
	REFUSED("hdr", NOTE_HTTP),
	REFUSED("rdp-cookie", "it reads RDP"),
	REFUSED("uri", NOTE_HTTP),
	REFUSED("url_param", NOTE_HTTP),
	{ 0 },
};

#define FUNCTION "clients would go to other servers; use map-based and sdbm, which are the default"

const struct language_row language_hash_type[] = {
	DOES("map-based", NULL),
	DOES("sdbm", NULL),
	REFUSED("consistent",
		"clients would go to other servers; use map-based, or \"balance\": \"rendezvous\" "
		"in usher.json"),
	DOES("djb2", NULL),
	DOES("crc32", NULL),
	DOES("none", NULL),
	REFUSED("wt6", FUNCTION),
	REFUSED("avalanche", FUNCTION),
	{ 0 },
};

const struct language_row language_stick[] = {
	DOES("match", NULL),
	DOES("on", NULL),
	DOES("store-request", NULL),
	REFUSED("store-response", "what servers answer is not looked at; use store-request"),
	{ 0 },
};

const struct language_row language_stick_table[] = {
	DOES("type", NULL, .n_args = 1, .then = LANGUAGE_STICK_TYPE),
	DOES("len", NULL, .n_args = 1),
	DOES("size", NULL, .n_args = 1),
	DOES("expire", NULL, .n_args = 1),
	DOES("nopurge", NULL),
	DOES("srvkey", NULL, .n_args = 1, .then = LANGUAGE_STICK_KEY),
	DOES("store", NULL, .n_args = 1, .then = LANGUAGE_STICK_DATA),
	LOST("peers", "the table is not shared with other processes, nor kept over a restart",
	     .n_args = 1),
	LOST("write-to", "the table is not shared with other processes", .n_args = 1),
	{ 0 },
};

const struct language_row language_stick_type[] = {
	DOES("ip", NULL),     DOES("ipv6", NULL),   DOES("integer", NULL),
	DOES("string", NULL), DOES("binary", NULL), { 0 },
};

const struct language_row language_stick_key[] = {
	DOES("name", NULL),
	LOST("addr", "servers are known by their names: one that is renamed loses its entries"),
	{ 0 },
};

#define FIRST "its first elements; rules about the others are refused"

const struct language_row language_stick_data[] = {
	DOES("bytes_in_cnt", NULL),
	DOES("bytes_in_rate", NULL),
	DOES("bytes_out_cnt", NULL),
	DOES("bytes_out_rate", NULL),
	DOES("conn_cnt", NULL),
	DOES("conn_cur", NULL),
	DOES("conn_rate", NULL),
	DOES("gpc", FIRST),
	DOES("gpc_rate", FIRST),
	DOES("gpt", FIRST),
	DOES("gpc0", NULL),
	DOES("gpc0_rate", NULL),
	DOES("gpc1", NULL),
	DOES("gpc1_rate", NULL),
	DOES("gpt0", NULL),
	DOES("server_id", NULL),
	DOES("server_key", "the server is kept in any case"),
	DOES("server_name", "the server is kept in any case"),
	DOES("sess_cnt", NULL),
	DOES("sess_rate", NULL),
	LOST("http_err_cnt", NOTE_HTTP),
	LOST("http_err_rate", NOTE_HTTP),
	LOST("http_fail_cnt", NOTE_HTTP),
	LOST("http_fail_rate", NOTE_HTTP),
	LOST("http_req_cnt", NOTE_HTTP),
	LOST("http_req_rate", NOTE_HTTP),
	{ 0 },
};
