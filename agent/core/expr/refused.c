/* What HAProxy knows and usher does not: refused by name, with the reason. */
#include "agent/core/expr/keyword.h"

#define REFUSED(word, why)                                                                         \
	{                                                                                          \
		.name = word, .refused = why                                                       \
	}
#define HTTP "it reads HTTP"
#define WRITES "it changes a stick table or a variable while it reads"
#define LIBRARY "usher has no library for it"
#define FILES "maps and pattern files are not read"
#define KERNEL "it asks the kernel about a socket"
#define OWN "its algorithm is HAProxy's own"

const struct expr_keyword expr_fetch_refused[] = {
	REFUSED("base", HTTP),
	REFUSED("capture.req.hdr", HTTP),
	REFUSED("cook", HTTP),
	REFUSED("dst_is_local", KERNEL),
	REFUSED("env", "use a variable of the file instead: \"${NAME}\""),
	REFUSED("fc_rtt", KERNEL),
	REFUSED("hdr", HTTP),
	REFUSED("hdr_beg", HTTP),
	REFUSED("hdr_cnt", HTTP),
	REFUSED("hdr_dom", HTTP),
	REFUSED("hdr_end", HTTP),
	REFUSED("hdr_reg", HTTP),
	REFUSED("hdr_sub", HTTP),
	REFUSED("hdr_val", HTTP),
	REFUSED("hostname", "core does not know it; %H does in a log-format"),
	REFUSED("method", HTTP),
	REFUSED("path", HTTP),
	REFUSED("path_beg", HTTP),
	REFUSED("path_end", HTTP),
	REFUSED("path_reg", HTTP),
	REFUSED("path_sub", HTTP),
	REFUSED("payload_lv", "use req.payload"),
	REFUSED("query", HTTP),
	REFUSED("req.body", HTTP),
	REFUSED("req.cook", HTTP),
	REFUSED("req.fhdr", HTTP),
	REFUSED("req.hdr", HTTP),
	REFUSED("req.payload_lv", "use req.payload"),
	REFUSED("req.proto_http", HTTP),
	REFUSED("req.rdp_cookie", "it reads RDP"),
	REFUSED("req.ver", HTTP),
	REFUSED("res.hdr", HTTP),
	REFUSED("res.payload_lv", "use res.payload"),
	REFUSED("sc0_clr_gpc0", WRITES),
	REFUSED("sc0_inc_gpc0", WRITES),
	REFUSED("sc1_clr_gpc0", WRITES),
	REFUSED("sc1_inc_gpc0", WRITES),
	REFUSED("sc2_clr_gpc0", WRITES),
	REFUSED("sc2_inc_gpc0", WRITES),
	REFUSED("sc_clr_gpc0", WRITES),
	REFUSED("sc_inc_gpc0", WRITES),
	REFUSED("src_clr_gpc0", WRITES),
	REFUSED("src_inc_gpc0", WRITES),
	REFUSED("src_is_local", KERNEL),
	REFUSED("src_updt_conn_cnt", WRITES),
	REFUSED("status", HTTP),
	REFUSED("url", HTTP),
	{ 0 },
};

const struct expr_keyword expr_convert_refused[] = {
	REFUSED("aes_gcm_dec", LIBRARY),
	REFUSED("be2dec", "use hex"),
	REFUSED("be2hex", "use hex"),
	REFUSED("debug", "there is no debug ring"),
	REFUSED("digest", LIBRARY),
	REFUSED("hmac", LIBRARY),
	REFUSED("http_date", HTTP),
	REFUSED("json", "JSON is not written"),
	REFUSED("json_query", "JSON is not read"),
	REFUSED("jwt_verify", LIBRARY),
	REFUSED("ltime", "local time is not core's to know"),
	REFUSED("map", FILES),
	REFUSED("map_beg", FILES),
	REFUSED("map_dom", FILES),
	REFUSED("map_end", FILES),
	REFUSED("map_int", FILES),
	REFUSED("map_ip", FILES),
	REFUSED("map_reg", FILES),
	REFUSED("map_str", FILES),
	REFUSED("map_sub", FILES),
	REFUSED("protobuf", "it reads protocol buffers"),
	REFUSED("regsub", "patterns match here, they do not replace"),
	REFUSED("secure_memcmp", "use strcmp"),
	REFUSED("set-var", WRITES),
	REFUSED("sha2", LIBRARY),
	REFUSED("ungrpc", "it reads gRPC"),
	REFUSED("unset-var", WRITES),
	REFUSED("url_enc", "URLs are not written"),
	REFUSED("utime", "dates are logged by %T"),
	REFUSED("wt6", OWN),
	{ 0 },
};
