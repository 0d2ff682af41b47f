/*
 * The head of a request, and of a response: views lie inside it, prefixes ask for more, and what
 * goes to the broker is a request that we would take, without what must not go on.
 */
#include <assert.h>

#include "agent/core/http1/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { PREFIXES_MAX = 300 }; /* each of them costs a pass */

static bool
is_inside(struct str s, const uint8_t *p, size_t n)
{
	const uint8_t *start = (const uint8_t *)s.p;

	return !start || (start >= p && s.n <= (size_t)(p + n - start));
}

static void
check_head(const struct http1_head *h, const uint8_t *p, size_t n)
{
	assert(h->len <= n && h->len <= HTTP1_HEAD_MAX && h->n_fields <= HTTP1_FIELDS_MAX);
	assert(is_inside(h->method, p, h->len) && is_inside(h->target, p, h->len));
	assert(is_inside(h->reason, p, h->len));
	for (size_t i = 0; i < h->n_fields; i++) {
		assert(http1_is_token(h->fields[i].name));
		assert(is_inside(h->fields[i].name, p, h->len));
		assert(is_inside(h->fields[i].value, p, h->len));
	}
}

static void
check_forward(const struct http1_head *h, const struct upgrade *u)
{
	static char out[HTTP1_FORWARD_ROOM];
	struct http1_forward f = { .client = { .family = 4, .bytes = { 192, 0, 2, 1 } } };
	size_t n = http1_forward_encode(h, u, &f, out, sizeof(out));
	struct http1_head sent;
	struct upgrade again;
	enum http1_fault fault;
	struct str value;

	assert(n > 0);
	if (n > HTTP1_HEAD_MAX || h->n_fields > HTTP1_FIELDS_MAX - 5)
		return;
	assert(http1_request_decode((uint8_t *)out, n, &sent, &fault) == PARSE_OK);
	assert(sent.len == n && upgrade_check(&sent, &again) == UPGRADE_FAULT_NONE);
	assert(str_eq(again.path, u->path) && str_eq(again.query, u->query));
	assert(str_eq(again.host, u->host) && str_eq(again.key, u->key));
	assert(http1_field_find(&sent, "x-forwarded-for", &value) == 1);
	assert(str_is(value, "192.0.2.1"));
	assert(http1_field_find(&sent, "sec-websocket-extensions", &value) == 0);
	assert(http1_field_find(&sent, "connection", &value) == 1);
}

static void
check_request(const uint8_t *p, size_t n)
{
	char out[HTTP1_SWITCH_ROOM];
	struct http1_head h, cut;
	enum http1_fault fault;
	struct upgrade u;
	enum parse parse = http1_request_decode(p, n, &h, &fault);

	assert((parse == PARSE_BAD) == (fault != HTTP1_FAULT_NONE) && fault < N_HTTP1_FAULTS);
	if (parse != PARSE_OK)
		return;
	check_head(&h, p, n);
	for (size_t len = h.len; len-- > 0 && len + PREFIXES_MAX > h.len;)
		assert(http1_request_decode(p, len, &cut, &fault) == PARSE_MORE);
	if (upgrade_check(&h, &u) != UPGRADE_FAULT_NONE)
		return;
	check_forward(&h, &u);
	assert(http1_switch_encode(&u, out, sizeof(out)) > 0);
}

static void
check_response(const uint8_t *p, size_t n)
{
	struct http1_head h;
	enum http1_fault fault;
	enum parse parse = http1_response_decode(p, n, &h, &fault);

	assert((parse == PARSE_BAD) == (fault != HTTP1_FAULT_NONE));
	if (parse != PARSE_OK)
		return;
	check_head(&h, p, n);
	assert(h.status >= 100 && h.status <= 999);
	assert(upgrade_answer_check(&h, STR("dGhlIHNhbXBsZSBub25jZQ=="), STR("mqtt")) <
	       N_UPGRADE_FAULTS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	check_request(p, n);
	check_response(p, n);
	return 0;
}
