/*
 * Fetches from buffers (HAProxy configuration manual, 7.3.5). They are the ones whose answer may
 * change: as long as more bytes may come, a miss is no miss yet.
 */
#include "agent/core/expr/client_hello.h"
#include "agent/core/expr/keyword.h"

static struct str
bytes_of(const struct expr_call *call, const struct expr_context *x, bool *may_grow)
{
	bool is_response = call->keyword->needs & EXPR_NEEDS_RESPONSE;

	*may_grow = is_response ? x->response_may_grow : x->request_may_grow;
	return is_response ? x->response : x->request;
}

static bool
fetch_len(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_int(s, (int64_t)bytes_of(call, x, &s->may_change).n);
	return true;
}

/* payload(offset,length); a length of 0 is all that is there. */
static bool
fetch_payload(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int64_t offset = call->args[0].number, length = call->args[1].number;
	bool may_grow;
	struct str bytes = bytes_of(call, x, &may_grow);

	if (offset < 0 || length < 0)
		return false;
	s->may_change = may_grow;
	if ((uint64_t)offset > bytes.n || (uint64_t)length > bytes.n - (uint64_t)offset)
		return false;
	if (!length)
		length = (int64_t)(bytes.n - (uint64_t)offset);
	else
		s->may_change = false; /* these bytes are what they are */
	if (!length)
		return false;
	sample_set_bin(s, (struct str){ bytes.p + offset, (size_t)length });
	return true;
}

enum { HELLO_TYPE, HELLO_SNI, HELLO_ALPN };

static bool
fetch_hello(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct client_hello hello;
	bool may_grow;
	struct str bytes = bytes_of(call, x, &may_grow);
	enum parse parse = client_hello_decode((const uint8_t *)bytes.p, bytes.n, &hello);
	struct str text;

	s->may_change = parse == PARSE_MORE && may_grow;
	if (parse != PARSE_OK)
		return false;
	if (call->keyword->detail == HELLO_TYPE) {
		sample_set_int(s, 1);
		return true;
	}
	text = call->keyword->detail == HELLO_SNI ? hello.sni : hello.alpn;
	if (!text.p)
		return false;
	sample_set_str(s, text);
	return true;
}

static bool
fetch_wait_end(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	s->may_change = x->request_may_grow || x->response_may_grow;
	if (s->may_change)
		return false;
	sample_set_bool(s, true);
	return true;
}

#define BYTES(word, function, type, need)                                                          \
	{                                                                                          \
		.name = word, .out = type, .eval = function, .needs = need                         \
	}
#define PAYLOAD(word, need)                                                                        \
	{                                                                                          \
		.name = word, .args = { ARG_INT, ARG_INT }, .n_required = 2, .out = SAMPLE_BIN,    \
		.eval = fetch_payload, .needs = need                                               \
	}
#define HELLO(word, type, what)                                                                    \
	{                                                                                          \
		.name = word, .out = type, .eval = fetch_hello, .detail = what,                    \
		.needs = EXPR_NEEDS_REQUEST                                                        \
	}

const struct expr_keyword expr_fetch_payload[] = {
	BYTES("req.len", fetch_len, SAMPLE_INT, EXPR_NEEDS_REQUEST),
	BYTES("req_len", fetch_len, SAMPLE_INT, EXPR_NEEDS_REQUEST),
	PAYLOAD("req.payload", EXPR_NEEDS_REQUEST),
	PAYLOAD("payload", EXPR_NEEDS_REQUEST),
	HELLO("req.ssl_alpn", SAMPLE_STR, HELLO_ALPN),
	HELLO("req.ssl_hello_type", SAMPLE_INT, HELLO_TYPE),
	HELLO("req_ssl_hello_type", SAMPLE_INT, HELLO_TYPE),
	HELLO("req.ssl_sni", SAMPLE_STR, HELLO_SNI),
	HELLO("req_ssl_sni", SAMPLE_STR, HELLO_SNI),
	BYTES("res.len", fetch_len, SAMPLE_INT, EXPR_NEEDS_RESPONSE),
	PAYLOAD("res.payload", EXPR_NEEDS_RESPONSE),
	BYTES("wait_end", fetch_wait_end, SAMPLE_BOOL, 0),
	{ 0 },
};
