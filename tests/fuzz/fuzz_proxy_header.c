/* A PROXY header: views lie inside it, prefixes ask for more, what is written again reads alike. */
#include <assert.h>

#include "agent/core/wire/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { HEADER_MAX = 4096, ALL_OPTIONS = 0xff };

static bool
is_inside(struct str s, const uint8_t *p, size_t n)
{
	const uint8_t *start = (const uint8_t *)s.p;

	return !start || (start >= p && s.n <= (size_t)(p + n - start));
}

static void
check_views(const struct proxy_header *h, const uint8_t *p)
{
	const struct str views[] = { h->alpn,	    h->authority,   h->unique_id,
				     h->netns,	    h->ssl.version, h->ssl.cn,
				     h->ssl.cipher, h->ssl.sig_alg, h->ssl.key_alg };

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		assert(is_inside(views[i], p, h->len));
}

static void
check_again(const struct proxy_header *h)
{
	uint8_t out[HEADER_MAX + PROXY_HEADER_ROOM];
	size_t n = proxy_header_encode(h, ALL_OPTIONS, out, sizeof(out));
	struct proxy_header again;
	enum proxy_fault fault;

	assert(n > 0);
	assert(proxy_header_decode(out, n, sizeof(out), &again, &fault) == PARSE_OK);
	assert(again.len == n && again.version == h->version);
	if (h->family != PROXY_INET && h->family != PROXY_INET6) {
		assert(again.family == PROXY_UNSPEC);
		return;
	}
	assert(again.family == h->family);
	assert(memcmp(&again.source, &h->source, h->source.len) == 0);
	assert(memcmp(&again.destination, &h->destination, h->destination.len) == 0);
	if (h->version == 1)
		return;
	assert(again.has_crc32c && str_eq(again.authority, h->authority));
	assert(str_eq(again.unique_id, h->unique_id) && str_eq(again.alpn, h->alpn));
	assert(!again.ssl.cn.p || str_eq(again.ssl.cn, proxy_cn(h)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct proxy_header h, cut;
	enum proxy_fault fault;
	char text[ADDR_TEXT];
	enum parse parse = proxy_header_decode(p, n, HEADER_MAX, &h, &fault);

	assert((parse == PARSE_BAD) == (fault != PROXY_FAULT_NONE) && fault < N_PROXY_FAULTS);
	if (parse != PARSE_OK)
		return 0;
	assert(h.len <= n && h.len <= HEADER_MAX);
	check_views(&h, p);
	if (h.source.len)
		addr_format(&h.source, text);
	check_again(&h);
	for (size_t len = h.len; len-- > 0;)
		assert(proxy_header_decode(p, len, HEADER_MAX, &cut, &fault) == PARSE_MORE);
	return 0;
}
