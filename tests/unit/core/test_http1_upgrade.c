/* WebSocket's opening handshake: who may upgrade, what is said to whom, and what brokers answer. */
#include <stdio.h>

#include "agent/core/http1/accept.h"
#include "agent/core/http1/upgrade.h"
#include "agent/core/http1/write.h"
#include "tests/unit/run.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" /* RFC 6455, 1.3 */

#define LINE "GET /mqtt HTTP/1.1\r\n"
#define HOST "Host: a.example:8083\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define SENT_KEY "Sec-WebSocket-Key: " KEY "\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: mqtt\r\n"
#define REST UPGRADE CONNECTION SENT_KEY VERSION PROTOCOL "\r\n"

static struct http1_head
request(const char *text)
{
	struct http1_head h;
	enum http1_fault fault;

	ck_assert_msg(http1_request_decode((const uint8_t *)text, strlen(text), &h, &fault) ==
			      PARSE_OK,
		      "%s: %s", text, http1_fault_name(fault));
	ck_assert_uint_eq(h.len, strlen(text));
	return h;
}

static const struct {
	const char *name, *head;
	enum upgrade_fault fault;
	unsigned status;
	const char *path, *query, *protocol;
} rows[] = {
	{ "as every client does", LINE HOST REST, UPGRADE_FAULT_NONE, 0, "/mqtt", NULL, "mqtt" },
	{ "a query", "GET /mqtt?a=b?c HTTP/1.1\r\n" HOST REST, UPGRADE_FAULT_NONE, 0, "/mqtt",
	  "a=b?c", "mqtt" },
	{ "an empty query", "GET /? HTTP/1.1\r\n" HOST REST, UPGRADE_FAULT_NONE, 0, "/", "",
	  "mqtt" },
	{ "any case, lists",
	  LINE "hOST: [::1]:80\r\nupgrade: WebSocket\r\n"
	       "Connection: keep-alive, Upgrade\r\n" SENT_KEY VERSION
	       "sec-websocket-protocol: wamp, MQTT, mqttv3.1\r\n\r\n",
	  UPGRADE_FAULT_NONE, 0, "/mqtt", NULL, "MQTT" },
	{ "Connection in two lines",
	  LINE HOST UPGRADE "Connection: keep-alive\r\n" CONNECTION SENT_KEY VERSION PROTOCOL
			    "\r\n",
	  UPGRADE_FAULT_NONE, 0, "/mqtt", NULL, "mqtt" },
	{ "protocols in two lines",
	  LINE HOST UPGRADE CONNECTION SENT_KEY VERSION "Sec-WebSocket-Protocol: x\r\n" PROTOCOL
							"\r\n",
	  UPGRADE_FAULT_NONE, 0, "/mqtt", NULL, "mqtt" },
	{ "an old client's protocol",
	  LINE HOST UPGRADE CONNECTION SENT_KEY VERSION
	  "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n",
	  UPGRADE_FAULT_NONE, 0, "/mqtt", NULL, "mqttv3.1" },
	{ "Content-Length 0", LINE HOST "Content-Length: 0\r\n" REST, UPGRADE_FAULT_NONE, 0,
	  "/mqtt", NULL, "mqtt" },

	{ "POST", "POST /mqtt HTTP/1.1\r\n" HOST REST, UPGRADE_FAULT_METHOD, 405, 0, 0, 0 },
	{ "get in small letters", "get /mqtt HTTP/1.1\r\n" HOST REST, UPGRADE_FAULT_METHOD, 405, 0,
	  0, 0 },
	{ "a target in absolute form", "GET http://a.example/ HTTP/1.1\r\n" HOST REST,
	  UPGRADE_FAULT_TARGET, 400, 0, 0, 0 },
	{ "a fragment", "GET /a#b HTTP/1.1\r\n" HOST REST, UPGRADE_FAULT_TARGET, 400, 0, 0, 0 },
	{ "no Host", LINE REST, UPGRADE_FAULT_HOST, 400, 0, 0, 0 },
	{ "two Hosts", LINE HOST HOST REST, UPGRADE_FAULT_HOST, 400, 0, 0, 0 },
	{ "an empty Host", LINE "Host:\r\n" REST, UPGRADE_FAULT_HOST, 400, 0, 0, 0 },
	{ "a Host with a path", LINE "Host: a/b\r\n" REST, UPGRADE_FAULT_HOST, 400, 0, 0, 0 },
	{ "a Host that is two", LINE "Host: a, b\r\n" REST, UPGRADE_FAULT_HOST, 400, 0, 0, 0 },
	{ "a body", LINE HOST "Content-Length: 5\r\n" REST, UPGRADE_FAULT_BODY, 400, 0, 0, 0 },
	{ "two Content-Lengths", LINE HOST "Content-Length: 0\r\nContent-Length: 0\r\n" REST,
	  UPGRADE_FAULT_BODY, 400, 0, 0, 0 },
	{ "a Content-Length that is two", LINE HOST "Content-Length: 0, 0\r\n" REST,
	  UPGRADE_FAULT_BODY, 400, 0, 0, 0 },
	{ "a body in chunks", LINE HOST "Transfer-Encoding: chunked\r\n" REST, UPGRADE_FAULT_BODY,
	  400, 0, 0, 0 },
	{ "an ordinary request", LINE HOST "\r\n", UPGRADE_FAULT_NO_UPGRADE, 426, 0, 0, 0 },
	{ "another Upgrade",
	  LINE HOST "Upgrade: h2c\r\n" CONNECTION SENT_KEY VERSION PROTOCOL "\r\n",
	  UPGRADE_FAULT_NO_UPGRADE, 426, 0, 0, 0 },
	{ "Connection without Upgrade",
	  LINE HOST UPGRADE "Connection: close\r\n" SENT_KEY VERSION PROTOCOL "\r\n",
	  UPGRADE_FAULT_NO_UPGRADE, 426, 0, 0, 0 },
	{ "Upgrade in two lines", LINE HOST UPGRADE REST, UPGRADE_FAULT_DOUBLED, 400, 0, 0, 0 },
	{ "two keys", LINE HOST SENT_KEY REST, UPGRADE_FAULT_DOUBLED, 400, 0, 0, 0 },
	{ "two versions", LINE HOST VERSION REST, UPGRADE_FAULT_DOUBLED, 400, 0, 0, 0 },
	{ "no version", LINE HOST UPGRADE CONNECTION SENT_KEY PROTOCOL "\r\n",
	  UPGRADE_FAULT_VERSION, 426, 0, 0, 0 },
	{ "version 8",
	  LINE HOST UPGRADE CONNECTION SENT_KEY "Sec-WebSocket-Version: 8\r\n" PROTOCOL "\r\n",
	  UPGRADE_FAULT_VERSION, 426, 0, 0, 0 },
	{ "no key", LINE HOST UPGRADE CONNECTION VERSION PROTOCOL "\r\n", UPGRADE_FAULT_KEY, 400, 0,
	  0, 0 },
	{ "a key of 15 bytes",
	  LINE HOST UPGRADE CONNECTION VERSION
	  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n" PROTOCOL "\r\n",
	  UPGRADE_FAULT_KEY, 400, 0, 0, 0 },
	{ "a key that is no base64",
	  LINE HOST UPGRADE CONNECTION VERSION
	  "Sec-WebSocket-Key: dGhlIHNhbXBs-SBub25jZQ==\r\n" PROTOCOL "\r\n",
	  UPGRADE_FAULT_KEY, 400, 0, 0, 0 },
	{ "a key of 18 bytes",
	  LINE HOST UPGRADE CONNECTION VERSION
	  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n" PROTOCOL "\r\n",
	  UPGRADE_FAULT_KEY, 400, 0, 0, 0 },
	{ "no protocol", LINE HOST UPGRADE CONNECTION SENT_KEY VERSION "\r\n",
	  UPGRADE_FAULT_PROTOCOL, 400, 0, 0, 0 },
	{ "another protocol",
	  LINE HOST UPGRADE CONNECTION SENT_KEY VERSION
	  "Sec-WebSocket-Protocol: mqtt5, xmqtt\r\n\r\n",
	  UPGRADE_FAULT_PROTOCOL, 400, 0, 0, 0 },
};

static void
assert_text(struct str got, const char *want)
{
	ck_assert_int_eq(got.p != NULL, want != NULL);
	ck_assert(str_is(got, want ? want : ""));
}

START_TEST(test_request)
{
	struct http1_head h = request(rows[_i].head);
	struct upgrade u;
	enum upgrade_fault fault = upgrade_check(&h, &u);

	ck_assert_msg(fault == rows[_i].fault, "%s: %s", rows[_i].name, upgrade_fault_name(fault));
	ck_assert_uint_eq(upgrade_fault_status(fault), rows[_i].status);
	if (fault)
		return;
	assert_text(u.path, rows[_i].path);
	assert_text(u.query, rows[_i].query);
	assert_text(u.protocol, rows[_i].protocol);
	assert_text(u.key, KEY);
	ck_assert_ptr_nonnull(u.host.p);
}
END_TEST

#define ANSWER_LINE "HTTP/1.1 101 Switching Protocols\r\n"
#define ANSWER_ACCEPT "Sec-WebSocket-Accept: " ACCEPT "\r\n"

static const struct {
	const char *name, *head;
	enum upgrade_fault fault;
} answers[] = {
	{ "yes", ANSWER_LINE UPGRADE CONNECTION ANSWER_ACCEPT PROTOCOL "\r\n", UPGRADE_FAULT_NONE },
	{ "in small letters",
	  ANSWER_LINE "connection: upgrade\r\nupgrade: WEBSOCKET\r\n"
		      "sec-websocket-accept: " ACCEPT "\r\nsec-websocket-protocol: mqtt\r\n"
		      "server: x\r\n\r\n",
	  UPGRADE_FAULT_NONE },
	{ "an empty list of extensions",
	  ANSWER_LINE UPGRADE CONNECTION ANSWER_ACCEPT PROTOCOL "Sec-WebSocket-Extensions:\r\n\r\n",
	  UPGRADE_FAULT_NONE },
	{ "200", "HTTP/1.1 200 OK\r\n" UPGRADE CONNECTION ANSWER_ACCEPT PROTOCOL "\r\n",
	  UPGRADE_FAULT_STATUS },
	{ "404", "HTTP/1.1 404 Not Found\r\n\r\n", UPGRADE_FAULT_STATUS },
	{ "no Upgrade", ANSWER_LINE CONNECTION ANSWER_ACCEPT PROTOCOL "\r\n",
	  UPGRADE_FAULT_NO_UPGRADE },
	{ "no Connection", ANSWER_LINE UPGRADE ANSWER_ACCEPT PROTOCOL "\r\n",
	  UPGRADE_FAULT_NO_UPGRADE },
	{ "no accept", ANSWER_LINE UPGRADE CONNECTION PROTOCOL "\r\n", UPGRADE_FAULT_ACCEPT },
	{ "two accepts", ANSWER_LINE UPGRADE CONNECTION ANSWER_ACCEPT ANSWER_ACCEPT PROTOCOL "\r\n",
	  UPGRADE_FAULT_ACCEPT },
	{ "the accept of another key",
	  ANSWER_LINE UPGRADE CONNECTION
	  "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" PROTOCOL "\r\n",
	  UPGRADE_FAULT_ACCEPT },
	{ "an extension",
	  ANSWER_LINE UPGRADE CONNECTION ANSWER_ACCEPT PROTOCOL
	  "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
	  UPGRADE_FAULT_EXTENSIONS },
	{ "no protocol", ANSWER_LINE UPGRADE CONNECTION ANSWER_ACCEPT "\r\n",
	  UPGRADE_FAULT_PROTOCOL },
	{ "another protocol",
	  ANSWER_LINE UPGRADE CONNECTION ANSWER_ACCEPT "Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n",
	  UPGRADE_FAULT_PROTOCOL },
	{ "two protocols", ANSWER_LINE UPGRADE CONNECTION ANSWER_ACCEPT PROTOCOL PROTOCOL "\r\n",
	  UPGRADE_FAULT_PROTOCOL },
};

START_TEST(test_answer)
{
	const char *text = answers[_i].head;
	struct http1_head h;
	enum http1_fault head_fault;
	enum upgrade_fault fault;

	ck_assert_int_eq(
		http1_response_decode((const uint8_t *)text, strlen(text), &h, &head_fault),
		PARSE_OK);
	fault = upgrade_answer_check(&h, STR(KEY), STR("mqtt"));
	ck_assert_msg(fault == answers[_i].fault, "%s: %s", answers[_i].name,
		      upgrade_fault_name(fault));
	ck_assert_int_eq(upgrade_fault_status(UPGRADE_FAULT_STATUS), 502);
}
END_TEST

/* Our own answer is one that we would take. */
START_TEST(test_switch)
{
	struct http1_head h = request(rows[_i].head), answer;
	struct upgrade u;
	char out[HTTP1_SWITCH_ROOM];
	enum http1_fault fault;
	size_t n;

	if (upgrade_check(&h, &u) != UPGRADE_FAULT_NONE)
		return;
	n = http1_switch_encode(&u, out, sizeof(out));
	ck_assert_int_eq(http1_response_decode((const uint8_t *)out, n, &answer, &fault), PARSE_OK);
	ck_assert_uint_eq(answer.len, n);
	ck_assert_int_eq(upgrade_answer_check(&answer, STR(KEY), u.protocol), UPGRADE_FAULT_NONE);
	for (size_t size = 0; size < n; size++)
		ck_assert_uint_eq(http1_switch_encode(&u, out, size), 0);
}
END_TEST

static const struct {
	unsigned status;
	const char *head;
} refusals[] = {
	{ 400, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" },
	{ 405, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\n"
	       "Content-Length: 0\r\n\r\n" },
	{ 426,
	  "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	  "Connection: Upgrade, close\r\nContent-Length: 0\r\n\r\n" },
	{ 431, "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n"
	       "Content-Length: 0\r\n\r\n" },
	{ 503,
	  "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" },
};

START_TEST(test_refusal)
{
	char out[HTTP1_REFUSAL_ROOM];
	size_t n = http1_refusal_encode(refusals[_i].status, out, sizeof(out));

	ck_assert_uint_eq(n, strlen(refusals[_i].head));
	ck_assert_mem_eq(out, refusals[_i].head, n);
	for (size_t size = 0; size < n; size++)
		ck_assert_uint_eq(http1_refusal_encode(refusals[_i].status, out, size), 0);
}
END_TEST

/* Every fault of either side has a status that can be written. */
START_TEST(test_every_fault_has_a_refusal)
{
	char out[HTTP1_REFUSAL_ROOM];

	for (int i = 1; i < N_UPGRADE_FAULTS; i++) {
		ck_assert_ptr_nonnull(upgrade_fault_name(i));
		ck_assert_uint_gt(http1_refusal_encode(upgrade_fault_status(i), out, sizeof(out)),
				  0);
	}
	for (int i = 1; i < N_HTTP1_FAULTS; i++)
		ck_assert_uint_gt(http1_refusal_encode(http1_fault_status(i), out, sizeof(out)), 0);
	ck_assert_uint_eq(http1_fault_status(HTTP1_FAULT_TOO_LONG), 431);
	ck_assert_uint_eq(http1_fault_status(HTTP1_FAULT_TOO_MANY), 431);
	ck_assert_uint_eq(http1_fault_status(HTTP1_FAULT_VERSION), 505);
	ck_assert_uint_eq(http1_fault_status(HTTP1_FAULT_FOLD), 400);
}
END_TEST

#define FORWARDED UPGRADE CONNECTION SENT_KEY PROTOCOL

static const struct {
	const char *name, *head, *client, *key, *want;
} forwards[] = {
	{ "as it came", LINE HOST REST, NULL, NULL, LINE HOST VERSION FORWARDED "\r\n" },
	{ "target, cookies, Authorization, Origin stay in their order",
	  "GET /mqtt?a=b HTTP/1.1\r\nOrigin: https://a\r\n" HOST "Cookie: a=b\r\ncookie:c=d\r\n"
	  "Authorization: Basic eDp5\r\nX-Thing:\r\n" REST,
	  NULL, NULL,
	  "GET /mqtt?a=b HTTP/1.1\r\nOrigin: https://a\r\n" HOST "Cookie: a=b\r\ncookie: c=d\r\n"
	  "Authorization: Basic eDp5\r\nX-Thing: \r\n" VERSION FORWARDED "\r\n" },
	{ "X-Forwarded-For is overwritten",
	  LINE HOST "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\n" REST, "192.0.2.1",
	  NULL, LINE HOST VERSION FORWARDED "X-Forwarded-For: 192.0.2.1\r\n\r\n" },
	{ "X-Forwarded-For goes without an address too",
	  LINE HOST "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Port: 1\r\n"
		    "Forwarded: for=6.6.6.6\r\n" REST,
	  NULL, NULL, LINE HOST VERSION FORWARDED "\r\n" },
	{ "IPv6", LINE HOST REST, "2001:db8::1", NULL,
	  LINE HOST VERSION FORWARDED "X-Forwarded-For: 2001:db8::1\r\n\r\n" },
	{ "a key of our own", LINE HOST REST, NULL, "AAAAAAAAAAAAAAAAAAAAAA==",
	  LINE HOST VERSION UPGRADE CONNECTION
	  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" PROTOCOL "\r\n" },
	{ "extensions go, and all protocols but one",
	  LINE HOST "Sec-WebSocket-Extensions: permessage-deflate\r\n"
		    "Sec-WebSocket-Protocol: wamp\r\n" REST,
	  NULL, NULL, LINE HOST VERSION FORWARDED "\r\n" },
	{ "fields of one connection go",
	  LINE HOST "Keep-Alive: 5\r\nTE: trailers\r\nTrailer: x\r\nProxy-Connection: x\r\n"
		    "Proxy-Authorization: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n" REST,
	  NULL, NULL, LINE HOST VERSION FORWARDED "\r\n" },
	{ "what Connection names goes, but not what the broker needs",
	  LINE HOST "Connection: x-a, Host\r\nX-A: 1\r\nX-B: 2\r\nConnection: x-forwarded-for, "
		    "sec-websocket-version\r\n" REST,
	  "192.0.2.1", NULL,
	  LINE HOST "X-B: 2\r\n" VERSION FORWARDED "X-Forwarded-For: 192.0.2.1\r\n\r\n" },
};

START_TEST(test_forward)
{
	struct http1_head h = request(forwards[_i].head);
	struct http1_forward f = { .key = str_of(forwards[_i].key) };
	static char out[HTTP1_FORWARD_ROOM];
	struct upgrade u;
	size_t n;

	if (forwards[_i].client)
		ck_assert(ip_parse(str_of(forwards[_i].client), &f.client));
	ck_assert_int_eq(upgrade_check(&h, &u), UPGRADE_FAULT_NONE);
	n = http1_forward_encode(&h, &u, &f, out, sizeof(out));
	ck_assert_msg(n == strlen(forwards[_i].want) && !memcmp(out, forwards[_i].want, n),
		      "%s:\n%.*s", forwards[_i].name, (int)n, out);
	for (size_t size = 0; size < n; size++)
		ck_assert_uint_eq(http1_forward_encode(&h, &u, &f, out, size), 0);
}
END_TEST

/* The last fields are what rules wrote: they say who the client is, if they do. */
START_TEST(test_forward_what_rules_wrote)
{
	static const struct {
		const char *fields, *want;
		size_t n_written;
	} written[] = {
		{ "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 10.0.0.1\r\n",
		  "X-Forwarded-For: 10.0.0.1\r\n" FORWARDED, 1 },
		{ "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=x\r\n",
		  "Forwarded: for=x\r\n" FORWARDED "X-Forwarded-For: 192.0.2.1\r\n", 1 },
		{ "X-A: 1\r\nX-B: 2\r\n",
		  "X-A: 1\r\nX-B: 2\r\n" FORWARDED "X-Forwarded-For: 192.0.2.1\r\n", 2 },
	};
	char head[512], want[512], out[512];

	for (int i = 0; i < N_ROWS(written); i++) {
		struct http1_forward f = { .n_written = written[i].n_written };
		struct http1_head h;
		struct upgrade u;
		size_t n;

		snprintf(head, sizeof(head), "%s%s\r\n",
			 LINE HOST UPGRADE CONNECTION SENT_KEY VERSION PROTOCOL, written[i].fields);
		snprintf(want, sizeof(want), "%s%s\r\n", LINE HOST VERSION, written[i].want);
		h = request(head);
		ck_assert(ip_parse(STR("192.0.2.1"), &f.client));
		ck_assert_int_eq(upgrade_check(&h, &u), UPGRADE_FAULT_NONE);
		n = http1_forward_encode(&h, &u, &f, out, sizeof(out));
		ck_assert_msg(n == strlen(want) && !memcmp(out, want, n), "%.*s", (int)n, out);
	}
}
END_TEST

START_TEST(test_keys)
{
	char key[HTTP1_KEY_LEN], accept[HTTP1_ACCEPT_LEN];

	http1_key_make((const uint8_t *)"the sample nonce", key);
	ck_assert_mem_eq(key, KEY, sizeof(key));
	ck_assert(http1_key_is_sound((struct str){ key, sizeof(key) }));
	http1_accept_make(STR(KEY), accept);
	ck_assert_mem_eq(accept, ACCEPT, sizeof(accept));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http1 upgrade");
	TCase *tcase = tcase_create("upgrade");

	tcase_add_loop_test(tcase, test_request, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_answer, 0, N_ROWS(answers));
	tcase_add_loop_test(tcase, test_switch, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_refusal, 0, N_ROWS(refusals));
	tcase_add_test(tcase, test_every_fault_has_a_refusal);
	tcase_add_loop_test(tcase, test_forward, 0, N_ROWS(forwards));
	tcase_add_test(tcase, test_forward_what_rules_wrote);
	tcase_add_test(tcase, test_keys);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
