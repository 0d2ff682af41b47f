/*
 * What is said of lines that are wrong. The first table has HAProxy's own words:
 * tests/config/rules-against-haproxy.py asks it. The second has what usher alone says.
 */
#include "tests/unit/core/rules_world.h"

#define FRONTEND ""
#define BACKEND "--\n"
#define CONTENT "tcp-request content "
#define CONNECTION "tcp-request connection "
#define AT_FRONTEND "parsing [h.cfg:2] : "
#define AT_BACKEND "parsing [h.cfg:6] : "
#define AT_SERVER "[h.cfg:6] : 'server dx/x' : error detected while parsing sni expression : "

static const struct {
	const char *side, *line, *finding;
} rows[] = {
	{ BACKEND, "server x 127.0.0.1:9 ssl verify none sni nosuch",
	  AT_SERVER "unknown fetch method 'nosuch'" },
	{ BACKEND, "server x 127.0.0.1:9 ssl verify none sni src(1",
	  AT_SERVER "fetch method 'src' : expected ')' before '1'" },
	{ BACKEND, "server x 127.0.0.1:9 ssl verify none sni res.payload(0,3)",
	  AT_SERVER " fetch method 'res.payload(0,3)' extracts information from 'response buffer', "
		    "none of which is available here." },
	{ FRONTEND, CONTENT "accept if nosuch",
	  AT_FRONTEND "'tcp-request content accept' : error detected in frontend 'f' while parsing "
		      "'if' condition : no such ACL : 'nosuch'" },
	{ FRONTEND, CONTENT "accept foo",
	  AT_FRONTEND "'tcp-request content accept' only accepts 'if' or 'unless', in frontend 'f' "
		      "(got 'foo')" },
	{ FRONTEND, CONNECTION "accept if { req.len gt 0 }",
	  AT_FRONTEND
	  "anonymous acl will never match in 'tcp-request connection' because it uses keyword "
	  "'req.len' which is incompatible with 'frontend tcp-request connection rule'" },
	{ FRONTEND, CONNECTION "set-var(txn.x) req.len",
	  AT_FRONTEND "fetch method 'set-var(txn.x)' extracts information from 'request buffer', "
		      "none of which is available here" },
	{ FRONTEND, CONNECTION "set-var(foo.x) src",
	  AT_FRONTEND "invalid variable name 'foo.x'. A variable name must be start by its scope. "
		      "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'" },
	{ FRONTEND, CONNECTION "set-var(sess.x)", AT_FRONTEND "missing fetch method" },
	{ FRONTEND, CONNECTION "set-var sess.x src",
	  AT_FRONTEND "invalid or incomplete action 'set-var'. Expects 'set-var(<var-name>)', "
		      "'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'" },
	{ FRONTEND, CONNECTION "set-var(sess.x src",
	  AT_FRONTEND
	  "incomplete argument after action 'set-var(sess.x'. Expects 'set-var(<var-name>)', "
	  "'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'" },
	{ FRONTEND, CONNECTION "unset-var(sess.x) foo",
	  AT_FRONTEND "'tcp-request connection unset-var(sess.x)' only accepts 'if' or 'unless', "
		      "in frontend 'f' (got 'foo')" },
	{ FRONTEND, CONNECTION "track-sc0 src",
	  "Proxy 'f': unable to find table 'f' referenced by track-sc0." },
	{ FRONTEND, CONNECTION "track-sc0 src table nosuch",
	  "Proxy 'f': unable to find table 'nosuch' referenced by track-sc0." },
	{ FRONTEND, CONNECTION "track-sc0 src table ox",
	  "Proxy 'f': unable to find table 'ox' referenced by track-sc0." },
	{ FRONTEND, CONNECTION "track-sc0",
	  AT_FRONTEND "'tcp-request connection track-sc0' : missing fetch method" },
	{ FRONTEND, CONNECTION "track-sc0 src table",
	  "Proxy 'f': unable to find table '' referenced by track-sc0." },
	{ FRONTEND, CONNECTION "track-sc0 src tabl t",
	  AT_FRONTEND "'tcp-request connection track-sc0' only accepts 'if' or 'unless', in "
		      "frontend 'f' (got 'tabl')" },
	{ FRONTEND, CONNECTION "track-sc3 src table tx",
	  AT_FRONTEND "'tcp-request connection track-sc3' : 3 track-sc number exceeding 2 "
		      "(MAX_SESS_STKCTR-1) value" },
	{ FRONTEND, CONNECTION "track-sc9 src table tx",
	  AT_FRONTEND "'tcp-request connection track-sc9' : 9 track-sc number exceeding 2 "
		      "(MAX_SESS_STKCTR-1) value" },
	{ FRONTEND, CONNECTION "track-sc0 req.len table tx",
	  AT_FRONTEND "'tcp-request connection track-sc0' : fetch method 'req.len' extracts "
		      "information from 'request buffer', none of which is available here" },
	{ FRONTEND, CONTENT "track-sc0 res.len table tx",
	  AT_FRONTEND "'tcp-request content track-sc0' : fetch method 'res.len' extracts "
		      "information from 'response buffer', none of which is available here" },
	{ FRONTEND, CONNECTION "sc-inc-gpc0(9)",
	  AT_FRONTEND "invalid stick table track ID. The max allowed ID is 2" },
	{ FRONTEND, CONNECTION "sc-inc-gpc0(x)",
	  AT_FRONTEND "invalid stick table track ID. Expects sc-inc-gpc0(x)(<Track ID>)" },
	{ FRONTEND, CONNECTION "sc-inc-gpc0(0) foo",
	  AT_FRONTEND "'tcp-request connection sc-inc-gpc0(0)' only accepts 'if' or 'unless', in "
		      "frontend 'f' (got 'foo')" },
	{ FRONTEND, CONNECTION "sc-set-gpt0(0) src",
	  AT_FRONTEND "internal error, unexpected rule->from=0, please report this bug!" },
	{ FRONTEND, CONNECTION "sc-set-gpt0(0) int(5),add(1)",
	  AT_FRONTEND "internal error, unexpected rule->from=0, please report this bug!" },
	{ FRONTEND, CONNECTION "sc-set-gpt0(9) 5",
	  AT_FRONTEND "invalid stick table track ID 'sc-set-gpt0(9)'. The max allowed ID is 2" },
	{ FRONTEND, CONNECTION "expect-proxy",
	  AT_FRONTEND
	  "'tcp-request connection expect-proxy' only supports 'layer4' in frontend 'f' (got '')" },
	{ FRONTEND, CONNECTION "expect-proxy foo",
	  AT_FRONTEND "'tcp-request connection expect-proxy' only supports 'layer4' in frontend "
		      "'f' (got 'foo')" },
	{ FRONTEND, CONNECTION "silent-drop foo",
	  AT_FRONTEND "'tcp-request connection silent-drop' only accepts 'if' or 'unless', in "
		      "frontend 'f' (got 'foo')" },
	{ FRONTEND, "tcp-request session reject if { req.len gt 0 }",
	  AT_FRONTEND
	  "anonymous acl will never match in 'tcp-request session' because it uses keyword "
	  "'req.len' which is incompatible with 'frontend tcp-request session rule'" },
	{ FRONTEND, "tcp-request session expect-proxy layer4",
	  AT_FRONTEND
	  "'expect-proxy layer4' is not allowed in 'tcp-request session' rules in frontend 'f'" },
	{ FRONTEND, CONTENT "expect-proxy layer4",
	  AT_FRONTEND
	  "'expect-proxy layer4' is not allowed in 'tcp-request content' rules in frontend 'f'" },
	{ FRONTEND, CONNECTION "reject if { src 1.1.1.1",
	  AT_FRONTEND "'tcp-request connection reject' : error detected in frontend 'f' while "
		      "parsing 'if' condition : missing closing '}' in condition" },
	{ FRONTEND, CONNECTION "reject if { }",
	  AT_FRONTEND "'tcp-request connection reject' : error detected in frontend 'f' while "
		      "parsing 'if' condition : missing fetch method in ACL expression ''" },
	{ FRONTEND, CONTENT "set-var-fmt(txn.x) %foo",
	  AT_FRONTEND "no such format variable 'foo'. If you wanted to emit the '%' character "
		      "verbatim, you need to use '%%'" },
	{ FRONTEND, CONTENT "set-var(txn.x)", AT_FRONTEND "missing fetch method" },
	{ FRONTEND, CONTENT "set-var(txn.x) if { src 1.1.1.1 }",
	  AT_FRONTEND "unknown fetch method 'if'" },
	{ FRONTEND, CONTENT "set-var(txn.x) src foo",
	  AT_FRONTEND "'tcp-request content set-var(txn.x)' only accepts 'if' or 'unless', in "
		      "frontend 'f' (got 'foo')" },
	{ FRONTEND, CONTENT "set-var() src", AT_FRONTEND "Empty variable name cannot be accepted" },
	{ FRONTEND, CONTENT "set-var(txn) src",
	  AT_FRONTEND "invalid variable name 'txn'. A variable name must be start by its scope. "
		      "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'" },
	{ FRONTEND, CONTENT "set-var(txn.) src",
	  AT_FRONTEND "invalid variable name 'txn.'. A variable name must be start by its scope. "
		      "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'" },
	{ FRONTEND, CONTENT "set-var(txn.x-y) src", AT_FRONTEND "invalid syntax at char '-y)'" },
	{ FRONTEND, CONTENT "set-var(txn.x,foo) src", AT_FRONTEND "unknown condition \"foo\"" },
	{ FRONTEND, CONTENT "set-var(txn.x)z src",
	  AT_FRONTEND
	  "incomplete argument after action 'set-var(txn.x)z'. Expects 'set-var(<var-name>)', "
	  "'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'" },
	{ FRONTEND, CONTENT "set-var(req.x) res.len",
	  AT_FRONTEND "fetch method 'set-var(req.x)' extracts information from 'response buffer', "
		      "none of which is available here" },
	{ FRONTEND, CONTENT "set-var(req.x) be_name",
	  AT_FRONTEND "fetch method 'set-var(req.x)' extracts information from 'backend', none of "
		      "which is available here" },
	{ FRONTEND, CONTENT "set-var(req.x) srv_name",
	  AT_FRONTEND "fetch method 'set-var(req.x)' extracts information from 'server', none of "
		      "which is available here" },
	{ FRONTEND, CONTENT "set-var(req.x) bytes_in",
	  AT_FRONTEND "unknown fetch method 'bytes_in'" },
	{ FRONTEND, CONTENT "unset-var(foo.x)",
	  AT_FRONTEND "invalid variable name 'foo.x'. A variable name must be start by its scope. "
		      "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'" },
	{ FRONTEND, CONTENT "send-spoe-group e g",
	  "Proxy 'f': unable to find SPOE engine 'e' used by the send-spoe-group 'g'." },
	{ FRONTEND, CONTENT "send-spoe-group e",
	  AT_FRONTEND "expects 2 arguments: <engine-id> <group-id>" },
	{ FRONTEND, CONTENT "send-spoe-group",
	  AT_FRONTEND "expects 2 arguments: <engine-id> <group-id>" },
	{ FRONTEND, CONTENT "use-service", AT_FRONTEND "'tcp-request' expects a service name." },
	{ FRONTEND, CONTENT "use-service foo", AT_FRONTEND "'content' unknown service name." },
	{ FRONTEND, CONTENT "capture src",
	  AT_FRONTEND "'tcp-request content capture' : a positive 'len' argument is mandatory" },
	{ FRONTEND, CONTENT "capture src id 0",
	  AT_FRONTEND "'tcp-request content capture' : a positive 'len' argument is mandatory" },
	{ FRONTEND, CONTENT "sc-set-gpt0(0) if { src 1.1.1.1 }",
	  AT_FRONTEND "unknown fetch method 'if'" },
	{ FRONTEND, CONTENT "track-sc0 src,table_conn_cur(nosuch) table tx",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 1 of conversion "
	  "keyword 'table_conn_cur' for sample fetch keyword 'src' in tracking rule in proxy "
	  "'f'." },
	{ FRONTEND, CONTENT "track-sc0 src",
	  "Proxy 'f': unable to find table 'f' referenced by track-sc0." },
	{ FRONTEND, CONTENT "reject if { src,table_conn_cur(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 1 of conversion "
	  "keyword 'table_conn_cur' for ACL keyword 'src' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { src,table_conn_cur(ox) gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'ox' referenced in arg 1 of conversion keyword "
	  "'table_conn_cur' for ACL keyword 'src' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { sc0_conn_cur(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 1 of ACL keyword "
	  "'sc0_conn_cur' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { nbsrv(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of ACL keyword "
	  "'nbsrv' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { nbsrv(f) gt 1 }",
	  "parsing [h.cfg:2]: unable to find backend 'f' referenced in arg 1 of ACL keyword "
	  "'nbsrv' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { nbsrv gt 1 }",
	  "parsing [h.cfg:2]: proxy 'f', referenced in arg 1 of ACL keyword 'nbsrv' in proxy 'f', "
	  "has not backend capability." },
	{ FRONTEND, CONTENT "reject if { fe_conn(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find frontend 'nosuch' referenced in arg 1 of ACL keyword "
	  "'fe_conn' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { be_conn(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of ACL keyword "
	  "'be_conn' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { srv_conn(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find server 'nosuch' in proxy 'f', referenced in arg 1 of "
	  "ACL keyword 'srv_conn' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { srv_conn(ox/nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find server 'nosuch' in proxy 'ox', referenced in arg 1 of "
	  "ACL keyword 'srv_conn' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { srv_conn(nosuch/x) gt 1 }",
	  "parsing [h.cfg:2]: unable to find proxy 'nosuch' referenced in arg 1 of ACL keyword "
	  "'srv_conn' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { srv_conn(ox/s2) gt 1 }",
	  "parsing [h.cfg:2]: unable to find server 's2' in proxy 'ox', referenced in arg 1 of ACL "
	  "keyword 'srv_conn' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { src_conn_cur gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'f' referenced in arg 1 of ACL keyword "
	  "'src_conn_cur' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { src_conn_cur(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 1 of ACL keyword "
	  "'src_conn_cur' in proxy 'f'." },
	{ FRONTEND, CONTENT "set-var(txn.x) nbsrv(nosuch)",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of sample fetch "
	  "keyword 'nbsrv' in tcp-request content expression in proxy 'f'." },
	{ FRONTEND, CONTENT "set-var(txn.x) src,in_table(nosuch)",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 1 of conversion "
	  "keyword 'in_table' for sample fetch keyword 'src' in tcp-request content expression in "
	  "proxy 'f'." },
	{ FRONTEND, "acl x",
	  AT_FRONTEND
	  "error detected while parsing ACL 'x' : missing fetch method in ACL expression ''." },
	{ FRONTEND, "acl x src 1.1.1.300",
	  AT_FRONTEND "error detected while parsing ACL 'x' : '1.1.1.300' is not a valid IPv4 or "
		      "IPv6 address." },
	{ FRONTEND, "acl x src",
	  "parsing acl keyword 'src' :\n  no pattern to match against were provided, so this ACL "
	  "will never match.\n  If this is what you intended, please add '--' to get rid of this "
	  "warning.\n  If you intended to match only for existence, please use '-m found'.\n  If "
	  "you wanted to force an int to match as a bool, please use '-m bool'." },
	{ FRONTEND, "acl x/y src 1.1.1.1",
	  AT_FRONTEND "character '/' is not permitted in acl name 'x/y'." },
	{ FRONTEND, "acl or src 1.1.1.1",
	  AT_FRONTEND "acl name 'or' will never match. 'or' is used to express a logical "
		      "disjunction within a condition." },
	{ FRONTEND, "acl x nbsrv(nosuch) 1",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of ACL keyword "
	  "'nbsrv' in proxy 'f'." },
	{ FRONTEND, "use_backend ox if nosuch",
	  AT_FRONTEND "error detected while parsing switching rule : no such ACL : 'nosuch'." },
	{ FRONTEND, "use_backend ox if { src foo }",
	  AT_FRONTEND "error detected while parsing switching rule : 'foo' is not a valid IPv4 or "
		      "IPv6 address." },
	{ FRONTEND, "use_backend ox if { res.len gt 0 }",
	  AT_FRONTEND "anonymous acl will never match because it uses keyword 'res.len' which is "
		      "incompatible with 'frontend use-backend rule'" },
	{ FRONTEND, "use_backend ox if { nbsrv(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of ACL keyword "
	  "'nbsrv' in proxy 'f'." },
	{ FRONTEND, "use_backend %[src if TRUE",
	  "Parsing [h.cfg:2]: failed to parse use_backend rule '%[src' : missing ']' after "
	  "'src'." },
	{ FRONTEND, "use_backend %foo if TRUE",
	  "Parsing [h.cfg:2]: failed to parse use_backend rule '%foo' : no such format variable "
	  "'foo'. If you wanted to emit the '%' character verbatim, you need to use '%%'." },
	{ FRONTEND, "use_backend %[res.len] if TRUE",
	  "Parsing [h.cfg:2]: failed to parse use_backend rule '%[res.len]' : sample fetch "
	  "<res.len]> may not be reliably used here because it needs 'response buffer' which is "
	  "not available here." },
	{ FRONTEND, "use_backend a%[nbsrv(nosuch)] if TRUE",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of sample fetch "
	  "keyword 'nbsrv' in use_backend expression in proxy 'f'." },
	{ FRONTEND, "use_backend ox if { var(txn.x) }",
	  AT_FRONTEND
	  "error detected while parsing switching rule : matching method must be specified first "
	  "(using '-m') when using a sample fetch of this type ('var')." },
	{ BACKEND, "use-server s1 if nosuch",
	  AT_BACKEND "error detected while parsing switching rule : no such ACL : 'nosuch'." },
	{ BACKEND, "use-server %[res.len] if TRUE",
	  "Parsing [h.cfg:6]; use-server rule failed to parse log-format '%[res.len]' : sample "
	  "fetch <res.len]> may not be reliably used here because it needs 'response buffer' which "
	  "is not available here." },
	{ BACKEND, "use-server s1 if { res.len gt 0 }",
	  AT_BACKEND "anonymous acl will never match because it uses keyword 'res.len' which is "
		     "incompatible with 'backend use-server, balance or stick-match rule'" },
	{ BACKEND, "use-server s1 if { srv_conn(nosuch) gt 1 }",
	  "parsing [h.cfg:6]: unable to find server 'nosuch' in proxy 'dx', referenced in arg 1 of "
	  "ACL keyword 'srv_conn' in proxy 'dx'." },
	{ BACKEND, "stick on src", "Proxy 'dx': unable to find stick-table 'dx'." },
	{ BACKEND, "stick on", AT_BACKEND "'stick' expects a fetch method." },
	{ BACKEND, "stick on src table nosuch",
	  "Proxy 'dx': unable to find stick-table 'nosuch'." },
	{ BACKEND, "stick on src table ox", "Proxy 'dx': unable to find stick-table 'ox'." },
	{ BACKEND, "stick on src table", "Proxy 'dx': unable to find stick-table ''." },
	{ BACKEND, "stick on src tabl t", AT_BACKEND "'stick': unknown keyword 'tabl'." },
	{ BACKEND, "stick on src if nosuch",
	  AT_BACKEND
	  "'stick': error detected while parsing sticking condition : no such ACL : 'nosuch'." },
	{ BACKEND, "stick on src foo", AT_BACKEND "'stick': unknown keyword 'foo'." },
	{ BACKEND, "stick on src table tx foo", AT_BACKEND "'stick': unknown keyword 'foo'." },
	{ BACKEND, "stick on res.len table tx",
	  AT_BACKEND "'stick': fetch method 'res.len' extracts information from 'response buffer', "
		     "none of which is available during request." },
	{ BACKEND,
	  "stick on req.payload(0,0),mqtt_field_value(connect,client_identifier) table tx if { src "
	  "foo }",
	  AT_BACKEND "'stick': error detected while parsing sticking condition : 'foo' is not a "
		     "valid IPv4 or IPv6 address." },
	{ BACKEND, "stick on srv_id table tx",
	  AT_BACKEND "'stick': fetch method 'srv_id' extracts information from 'server', none of "
		     "which is available during request." },
	{ BACKEND, "balance hash res.len",
	  "backend 'dx' [h.cfg:5]: error detected while parsing 'balance hash' expression "
	  "'res.len' which requires information from response buffer, which is not available "
	  "here." },
	{ BACKEND, "tcp-request connection reject",
	  AT_BACKEND "tcp-request connection is not allowed because backend dx is not a frontend" },
	{ BACKEND, "tcp-request session reject",
	  AT_BACKEND "tcp-request session is not allowed because backend dx is not a frontend" },
	{ BACKEND, CONTENT "send-spoe-group e g",
	  "Proxy 'dx': unable to find SPOE engine 'e' used by the send-spoe-group 'g'." },
	{ BACKEND, CONTENT "track-sc0 src",
	  "Proxy 'dx': unable to find table 'dx' referenced by track-sc0." },
	{ BACKEND, "acl x nbsrv(nosuch) 1",
	  "parsing [h.cfg:6]: unable to find backend 'nosuch' referenced in arg 1 of ACL keyword "
	  "'nbsrv' in proxy 'dx'." },
	{ BACKEND, CONTENT "reject if { req.payload(0,0) ,mqtt_is_valid }",
	  AT_BACKEND "'tcp-request content reject' : error detected in backend 'dx' while parsing "
		     "'if' condition : matching method must be specified first (using '-m') when "
		     "using a sample fetch of this type ('req.payload')" },
	{ BACKEND, "stick-table foo", AT_BACKEND "stick-table: unknown argument 'foo'." },
	{ FRONTEND, CONTENT "reject if { src,lower,table_conn_cur(nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 1 of conversion "
	  "keyword 'table_conn_cur' for ACL keyword 'src' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { sc_conn_cur(0,nosuch) gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 2 of ACL keyword "
	  "'sc_conn_cur' in proxy 'f'." },
	{ FRONTEND, CONTENT "reject if { fe_conn(ox) gt 1 }",
	  "parsing [h.cfg:2]: unable to find frontend 'ox' referenced in arg 1 of ACL keyword "
	  "'fe_conn' in proxy 'f'." },
	{ FRONTEND, CONTENT "set-var-fmt(txn.x) %[nbsrv(nosuch)]",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of sample fetch "
	  "keyword 'nbsrv' in tcp-request content expression in proxy 'f'." },
	{ FRONTEND, "acl x src,in_table(nosuch)",
	  "parsing [h.cfg:2]: unable to find table 'nosuch' referenced in arg 1 of conversion "
	  "keyword 'in_table' for ACL keyword 'src' in proxy 'f'." },
	{ BACKEND, "stick on nbsrv(nosuch) table tx",
	  "parsing [h.cfg:6]: unable to find backend 'nosuch' referenced in arg 1 of sample fetch "
	  "keyword 'nbsrv' in stick rule in proxy 'dx'." },
	{ BACKEND, "stick on src,in_table(nosuch) table tx",
	  "parsing [h.cfg:6]: unable to find table 'nosuch' referenced in arg 1 of conversion "
	  "keyword 'in_table' for sample fetch keyword 'src' in stick rule in proxy 'dx'." },
	{ BACKEND, "stick on src table tx if { src,in_table(nosuch) }",
	  "parsing [h.cfg:6]: unable to find table 'nosuch' referenced in arg 1 of conversion "
	  "keyword 'in_table' for ACL keyword 'src' in proxy 'dx'." },
	{ BACKEND, CONTENT "reject if { req.len gt 1 } { srv_conn(nosuch) gt 1 }",
	  "parsing [h.cfg:6]: unable to find server 'nosuch' in proxy 'dx', referenced in arg 1 of "
	  "ACL keyword 'srv_conn' in proxy 'dx'." },
	{ BACKEND, CONTENT "reject if { fe_conn gt 1 }",
	  "parsing [h.cfg:6]: proxy 'dx', referenced in arg 1 of ACL keyword 'fe_conn' in proxy "
	  "'dx', has not frontend capability." },
	{ BACKEND, CONTENT "reject if { src_conn_cur gt 1 }",
	  "parsing [h.cfg:6]: unable to find table 'dx' referenced in arg 1 of ACL keyword "
	  "'src_conn_cur' in proxy 'dx'." },
	{ FRONTEND, "acl x src\nuse_backend ox if x",
	  "parsing acl keyword 'src' :\n  no pattern to match against were provided, so this ACL "
	  "will never match.\n  If this is what you intended, please add '--' to get rid of this "
	  "warning.\n  If you intended to match only for existence, please use '-m found'.\n  If "
	  "you wanted to force an int to match as a bool, please use '-m bool'." },
	{ FRONTEND, "acl x res.len gt 1\ntcp-request connection reject if x",
	  "parsing [h.cfg:3] : acl 'x' will never match in 'tcp-request connection' because it "
	  "only involves keywords that are incompatible with 'frontend tcp-request connection "
	  "rule'" },
	{ FRONTEND, "acl x req.len gt 1\ntcp-request connection reject if x",
	  "parsing [h.cfg:3] : acl 'x' will never match in 'tcp-request connection' because it "
	  "only involves keywords that are incompatible with 'frontend tcp-request connection "
	  "rule'" },
	{ FRONTEND, "acl x res.len gt 1\nuse_backend ox if x",
	  "parsing [h.cfg:3] : acl 'x' will never match because it only involves keywords that are "
	  "incompatible with 'frontend use-backend rule'" },
	{ FRONTEND, CONTENT "sc-inc-gpc0(4) if TRUE",
	  AT_FRONTEND "invalid stick table track ID. The max allowed ID is 2" },
	{ FRONTEND, CONNECTION "track-sc1 src table tx if { req.len gt 0 }",
	  AT_FRONTEND
	  "anonymous acl will never match in 'tcp-request connection' because it uses keyword "
	  "'req.len' which is incompatible with 'frontend tcp-request connection rule'" },
	{ FRONTEND, CONNECTION "set-var(txn.x) nosuch,foo if { src }",
	  AT_FRONTEND "unknown fetch method 'nosuch'" },
	{ BACKEND, "stick on src table tx if { res.len gt 2 }",
	  AT_BACKEND "anonymous acl will never match because it uses keyword 'res.len' which is "
		     "incompatible with 'backend use-server, balance or stick-match rule'" },
	{ BACKEND, "stick match src table tx if { srv_id 1 }",
	  AT_BACKEND "anonymous acl will never match because it uses keyword 'srv_id' which is "
		     "incompatible with 'backend use-server, balance or stick-match rule'" },
	{ FRONTEND, CONTENT "reject if { be_name b }",
	  AT_FRONTEND
	  "anonymous acl will never match in 'tcp-request content' because it uses keyword "
	  "'be_name' which is incompatible with 'frontend tcp-request content rule'" },
	{ FRONTEND, CONTENT "reject if { srv_name b }",
	  AT_FRONTEND
	  "anonymous acl will never match in 'tcp-request content' because it uses keyword "
	  "'srv_name' which is incompatible with 'frontend tcp-request content rule'" },
	{ FRONTEND, "use_backend ox if { be_name b }",
	  AT_FRONTEND "anonymous acl will never match because it uses keyword 'be_name' which is "
		      "incompatible with 'frontend use-backend rule'" },
	{ FRONTEND, "use_backend %[be_name]",
	  "Parsing [h.cfg:2]: failed to parse use_backend rule '%[be_name]' : sample fetch "
	  "<be_name]> may not be reliably used here because it needs 'backend' which is not "
	  "available here." },
	{ FRONTEND,
	  CONNECTION "reject if { always_true } { req.len gt 0 } { req.payload(0,1) -m found }",
	  AT_FRONTEND
	  "anonymous acl will never match in 'tcp-request connection' because it uses keyword "
	  "'req.len' which is incompatible with 'frontend tcp-request connection rule'" },
	{ FRONTEND, CONNECTION "set-var(sess.x) nbsrv(nosuch)",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of sample fetch "
	  "keyword 'nbsrv' in tcp-request connection expression in proxy 'f'." },
	{ FRONTEND, "tcp-request session set-var(sess.x) nbsrv(nosuch)",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of sample fetch "
	  "keyword 'nbsrv' in tcp-request session expression in proxy 'f'." },
	{ FRONTEND, "tcp-request session set-var-fmt(sess.x) %[nbsrv(nosuch)]",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of sample fetch "
	  "keyword 'nbsrv' in tcp-request session expression in proxy 'f'." },
	{ FRONTEND, CONTENT "sc-set-gpt0(0) nbsrv(nosuch)",
	  "parsing [h.cfg:2]: unable to find backend 'nosuch' referenced in arg 1 of ACL keyword "
	  "'nbsrv' in proxy 'f'." },
	{ FRONTEND, CONTENT "track-sc0 ssl_fc table t2",
	  "Proxy 'f': unable to find table 't2' referenced by track-sc0." },
	{ FRONTEND, CONTENT "track-sc0 always_true table ix",
	  "Proxy 'f': stick-table 'ix' uses a type incompatible with the 'track-sc0' rule." },
	{ BACKEND, "stick on always_true table ix",
	  "Proxy 'dx': type of fetch not usable with type of stick-table 'ix'." },
	{ BACKEND, "stick store-request always_true table ix",
	  "Proxy 'dx': type of fetch not usable with type of stick-table 'ix'." },
	{ BACKEND, "stick match always_true table ix",
	  "Proxy 'dx': type of fetch not usable with type of stick-table 'ix'." },
	{ BACKEND, "stick store-request src table nosuch",
	  "Proxy 'dx': unable to find stick-table 'nosuch'." },
	{ BACKEND, "stick match src table nosuch",
	  "Proxy 'dx': unable to find stick-table 'nosuch'." },
	{ FRONTEND, CONTENT "set-var(a.b.c) src",
	  AT_FRONTEND "invalid variable name 'a.b.c'. A variable name must be start by its scope. "
		      "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'" },
	{ FRONTEND, CONTENT "set-var-fmt(txn.x) a b",
	  AT_FRONTEND "'tcp-request content set-var-fmt(txn.x)' only accepts 'if' or 'unless', in "
		      "frontend 'f' (got 'b')" },
	{ FRONTEND, CONTENT "send-spoe-group e g foo",
	  AT_FRONTEND "expects 2 arguments: <engine-id> <group-id>" },
	{ FRONTEND, CONTENT "unset-var() foo",
	  AT_FRONTEND "Empty variable name cannot be accepted" },
	{ FRONTEND, CONTENT "unset-var",
	  AT_FRONTEND "invalid or incomplete action 'unset-var'. Expects 'set-var(<var-name>)', "
		      "'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'" },
	{ FRONTEND, CONTENT "set-vara(txn.x) src",
	  AT_FRONTEND
	  "invalid or incomplete action 'set-vara(txn.x)'. Expects 'set-var(<var-name>)', "
	  "'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'" },
	{ FRONTEND, CONTENT "sc-inc-gpc0x src",
	  AT_FRONTEND "invalid stick table track ID. Expects sc-inc-gpc0x(<Track ID>)" },
	{ FRONTEND, CONTENT "track-sc0x src table tx",
	  AT_FRONTEND "'tcp-request content track-sc0x' : Wrong track-sc number '0x'" },
	{ FRONTEND, CONTENT "capture src len 0",
	  AT_FRONTEND "'tcp-request content capture' : length must be > 0" },
	{ FRONTEND, CONTENT "capture src len x",
	  AT_FRONTEND "'tcp-request content capture' : length must be > 0" },
	{ FRONTEND, CONTENT "capture res.len len 4",
	  AT_FRONTEND "'tcp-request content capture' : fetch method 'res.len' extracts information "
		      "from 'response buffer', none of which is available here" },
	{ FRONTEND, CONTENT "sc-set-gpt0(x) 5",
	  AT_FRONTEND
	  "invalid stick table track ID 'sc-set-gpt0(x)'. Expects sc-set-gpt0(<Track ID>)" },
	{ FRONTEND, CONTENT "sc-set-gpt0(0 5",
	  AT_FRONTEND
	  "invalid stick table track ID 'sc-set-gpt0(0'. Expects sc-set-gpt0(<Track ID>)" },
	{ FRONTEND, CONTENT "sc-set-gpt0(0) 5 foo",
	  AT_FRONTEND "'tcp-request content sc-set-gpt0(0)' only accepts 'if' or 'unless', in "
		      "frontend 'f' (got 'foo')" },
	{ FRONTEND, CONTENT "sc-set-gpt0(0) res.len",
	  AT_FRONTEND "fetch method 'res.len' extracts information from 'response buffer', none of "
		      "which is available here" },
	{ FRONTEND, CONNECTION "set-var-fmt(sess.x) %[req.len]",
	  AT_FRONTEND "sample fetch <req.len]> may not be reliably used here because it needs "
		      "'request buffer' which is not available here" },
	{ FRONTEND, CONTENT "set-var-fmt(txn.x) %[res.len]",
	  AT_FRONTEND "sample fetch <res.len]> may not be reliably used here because it needs "
		      "'response buffer' which is not available here" },
	{ FRONTEND, CONTENT "set-var-fmt(txn.x) %[src", AT_FRONTEND "missing ']' after 'src'" },
	{ BACKEND, "use-server %[src if TRUE",
	  "Parsing [h.cfg:6]; use-server rule failed to parse log-format '%[src' : missing ']' "
	  "after 'src'." },
	{ FRONTEND, CONTENT "reject if { sc0_conn_cur(ox) gt 1 }",
	  "parsing [h.cfg:2]: unable to find table 'ox' referenced in arg 1 of ACL keyword "
	  "'sc0_conn_cur' in proxy 'f'." },
};

static const struct {
	const char *line;
	enum finding_level level;
	const char *finding; /* how it begins, behind the place; NULL: nothing is said */
} own[] = {
	{ CONTENT "set-var(txn.x) req.payload(0, 0), lower", FINDING_WARNING,
	  "blanks inside the sample expression 'req.payload...', which HAProxy refuses; usher "
	  "reads it as meant" },
	{ CONTENT "reject if { req.payload(0, 0), mqtt_is_valid }", FINDING_WARNING,
	  "blanks inside" },
	{ "acl x req.payload(0, 0), mqtt_is_valid", FINDING_WARNING, "blanks inside" },
	{ "use_backend \"%[src, lower]\"", FINDING_WARNING, "blanks inside" },
	{ CONTENT "capture src len 10", FINDING_WARNING,
	  "'tcp-request content capture' has no effect" },
	{ CONTENT "set-dst src", FINDING_ALERT,
	  "'tcp-request content set-dst' is not supported by usher proxy; addresses stay" },
	{ CONNECTION "set-src-port int(1)", FINDING_ALERT,
	  "'tcp-request connection set-src-port' is not" },
	{ "tcp-request session set-tos 1", FINDING_ALERT, "'tcp-request session set-tos' is not" },
	{ CONTENT "do-resolve(txn.x,r) src", FINDING_ALERT,
	  "'tcp-request content do-resolve(txn.x,r)' is" },
	{ CONTENT "sc-inc-gpc(0,0)", FINDING_ALERT,
	  "'tcp-request content sc-inc-gpc(0,0)' is not" },
	{ CONTENT "set-var(proc.x) src", FINDING_ALERT,
	  "'tcp-request content set-var(proc.x)' is not" },
	{ CONTENT "lua.other", FINDING_ALERT, "'tcp-request content lua.other' is not supported" },
	{ CONTENT "use-service lua.other", FINDING_ALERT,
	  "'tcp-request content use-service' of 'lua.other' is not supported" },
	{ CONTENT "set-var(txn.x) src,map(f)", FINDING_ALERT, "converter 'map' is not supported" },
	{ CONTENT "bogus", FINDING_ALERT,
	  "'tcp-request content' expects 'accept', 'reject', 'capture', 'expect-proxy', " },
	{ CONNECTION "use-service lua.usher_refuse", FINDING_ALERT,
	  "'tcp-request connection' expects" },
	{ "filter spoe engine other config o.conf\n" CONTENT "send-spoe-group other g",
	  FINDING_ALERT, "'send-spoe-group other g' is not supported by usher proxy" },
	{ "filter spoe engine usher config u.conf\n" CONTENT "send-spoe-group usher g",
	  FINDING_ALERT, NULL },
	{ "filter spoe engine usher-connack config u.conf\n" CONTENT
	  "send-spoe-group usher-connack g",
	  FINDING_ALERT, NULL },
	{ CONTENT "lua.usher_rank dx", FINDING_ALERT, NULL },
	{ CONTENT "use-service lua.usher_refuse if TRUE", FINDING_ALERT, NULL },
	{ CONNECTION "expect-proxy layer4 unless { src 10.0.0.0/8 }", FINDING_ALERT, NULL },
	{ "acl x src --", FINDING_ALERT, NULL },
	{ CONTENT "sc-inc-gpc0 if TRUE", FINDING_ALERT, NULL },
};

/* Everything said of the text, by all proxies of it. */
static void
compile_all(struct session *s, const char *text)
{
	char config[CONFIG_MAX];

	session_write_config(text, config);
	session_init(s, config);
	for (size_t i = 0; s->r.n_alerts == 0 && i < s->t.n_proxies; i++) {
		size_t alerts = s->r.n_alerts;
		struct rules *rules = rules_compile(&s->t, s->t.proxies[i], true, &s->r);

		ck_assert_int_eq(rules != NULL, s->r.n_alerts == alerts);
		rules_free(rules);
	}
}

static void
check_same(const char *found, const char *expected)
{
	size_t n = strlen(found);

	while (n && found[n - 1] == '\n')
		n--;
	ck_assert_msg(n == strlen(expected) && memcmp(found, expected, n) == 0, "%s\nnot\n%s",
		      found, expected);
}

START_TEST(lines_are_refused_as_by_haproxy)
{
	struct session *s = malloc(sizeof(*s));
	char text[CONFIG_MAX];

	snprintf(text, sizeof(text), "%s%s", rows[_i].side, rows[_i].line);
	compile_all(s, text);
	ck_assert_msg(s->r.n > 0, "%s: nothing was said", rows[_i].line);
	check_same(s->r.findings[0].text, rows[_i].finding);
	session_fini(s);
	free(s);
}
END_TEST

START_TEST(lines_are_judged_by_usher)
{
	struct session *s = malloc(sizeof(*s));
	const char *text, *expected = own[_i].finding;

	compile_all(s, own[_i].line);
	if (!expected) {
		ck_assert_msg(s->r.n == 0, "%s", s->r.n ? s->r.findings[0].text : "");
	} else {
		ck_assert_msg(s->r.n > 0, "%s: nothing was said", own[_i].line);
		text = strstr(s->r.findings[0].text, " : ");
		ck_assert_int_eq(s->r.findings[0].level, own[_i].level);
		ck_assert_msg(text && strncmp(text + 3, expected, strlen(expected)) == 0, "%s",
			      s->r.findings[0].text);
	}
	session_fini(s);
	free(s);
}
END_TEST

/* ---- whole files ----------------------------------------------------------------------------- */

static const char *const files[] = {
	"haproxy/haproxy.cfg",
	"tests/config/10-guide-mqtt.cfg",
	"tests/config/11-guide-tls.cfg",
	"tests/config/12-guide-websocket.cfg",
	"tests/config/13-guide-websocket-tls.cfg",
	"tests/config/14-guide-roundrobin.cfg",
	"tests/config/15-guide-weighted.cfg",
	"tests/config/16-guide-source.cfg",
	"tests/config/17-guide-leastconn.cfg",
	"tests/config/18-guide-sticky.cfg",
	"tests/config/19-guide-stats.cfg",
};

START_TEST(real_files_compile)
{
	static char text[1 << 16];
	static const struct topology_env env = { .strict = false };
	FILE *f = fopen(files[_i], "r");
	struct topology t;
	struct report r;
	size_t n;

	ck_assert_msg(f != NULL, "%s", files[_i]);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	topology_init(&t);
	report_init(&r);
	topology_parse(&t, (struct str){ text, n }, files[_i], &env, &r);
	topology_resolve(&t, &r);
	for (size_t i = 0; i < t.n_proxies; i++) {
		struct rules *rules = rules_compile(&t, t.proxies[i], true, &r);

		ck_assert_msg(rules != NULL, "%s", r.n ? r.findings[r.n - 1].text : "");
		rules_free(rules);
	}
	report_fini(&r);
	topology_fini(&t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rules compile");
	TCase *tcase = tcase_create("compile");

	tcase_add_loop_test(tcase, lines_are_refused_as_by_haproxy, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, lines_are_judged_by_usher, 0, N_ROWS(own));
	tcase_add_loop_test(tcase, real_files_compile, 0, N_ROWS(files));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
