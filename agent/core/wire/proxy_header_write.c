/*
 * Lengths and the checksum stand before what they are made of: they are filled in when the rest is
 * there. The order of the TLVs is HAProxy's.
 */
#include "agent/core/wire/proxy_header.h"

#include <stdio.h>

#include "agent/core/base/hash.h"
#include "agent/core/base/writer.h"
#include "agent/core/wire/proxy_tlv.h"

static void
put_tlv(struct writer *w, enum proxy_tlv type, struct str value)
{
	writer_u8(w, type);
	writer_u16(w, value.n);
	writer_str(w, value);
}

/* The length in the two bytes at `at` becomes what was written behind them. */
static void
close_length(struct writer *w, size_t at)
{
	size_t n = w->n - at - 2;

	w->is_full = w->is_full || n > UINT16_MAX;
	if (w->is_full)
		return;
	w->p[at] = (uint8_t)(n >> 8);
	w->p[at + 1] = (uint8_t)n;
}

static void
widen(struct ip *ip)
{
	struct ip wide = { .family = 6, .bytes = { [10] = 0xff, [11] = 0xff } };

	if (ip->family == 6)
		return;
	memcpy(wide.bytes + 12, ip->bytes, 4);
	*ip = wide;
}

/* Both ends as IP addresses of one family: 4 or 6; 0 if they are none. */
static uint8_t
common_family(const struct proxy_header *h, struct ip *from, struct ip *to)
{
	addr_ip(&h->source, from);
	addr_ip(&h->destination, to);
	if (!from->family || !to->family)
		return 0;
	if (from->family != to->family) {
		widen(from);
		widen(to);
	}
	return from->family;
}

static void
put_line(struct writer *w, const struct proxy_header *h)
{
	struct ip from, to;
	uint8_t family = common_family(h, &from, &to);
	char line[128], from_text[IP_TEXT], to_text[IP_TEXT];
	int n;

	if (!family) {
		writer_str(w, STR("PROXY UNKNOWN\r\n"));
		return;
	}
	n = snprintf(line, sizeof(line), "PROXY TCP%u %s %s %u %u\r\n", family,
		     ip_format(&from, from_text), ip_format(&to, to_text), addr_port(&h->source),
		     addr_port(&h->destination));
	writer_bytes(w, line, (size_t)n);
}

/* Command, family, a length to be filled in, addresses. */
static void
put_addresses(struct writer *w, const struct proxy_header *h)
{
	static const uint8_t signature[] = PROXY_SIGNATURE;
	struct ip from, to;
	uint8_t family = h->command == PROXY_LOCAL ? 0 : common_family(h, &from, &to);
	size_t width = family == 4 ? 4 : 16;

	writer_bytes(w, signature, sizeof(signature));
	writer_u8(w, family ? 0x21 : 0x20);
	writer_u8(w, family == 4 ? 0x11 : family == 6 ? 0x21 : 0);
	writer_u16(w, 0);
	if (!family)
		return;
	writer_bytes(w, from.bytes, width);
	writer_bytes(w, to.bytes, width);
	writer_u16(w, addr_port(&h->source));
	writer_u16(w, addr_port(&h->destination));
}

static void
put_present(struct writer *w, enum proxy_tlv type, bool wanted, struct str value)
{
	if (wanted && value.p && value.n)
		put_tlv(w, type, value);
}

static void
put_ssl(struct writer *w, const struct proxy_header *h, unsigned options)
{
	const struct proxy_ssl *ssl = &h->ssl;
	size_t at = w->n + 1;

	writer_u8(w, PROXY_TLV_SSL);
	writer_u16(w, 0);
	if (ssl->client & PROXY_CLIENT_TLS) {
		writer_u8(w, ssl->client);
		writer_u32(w, ssl->verify);
		put_present(w, PROXY_TLV_SSL_VERSION, true, ssl->version);
		put_present(w, PROXY_TLV_SSL_CN, options & PROXY_SEND_CERT_CN, proxy_cn(h));
		put_present(w, PROXY_TLV_SSL_KEY_ALG, options & PROXY_SEND_CERT_KEY, ssl->key_alg);
		put_present(w, PROXY_TLV_SSL_SIG_ALG, options & PROXY_SEND_CERT_SIG, ssl->sig_alg);
		put_present(w, PROXY_TLV_SSL_CIPHER, options & PROXY_SEND_SSL_CIPHER, ssl->cipher);
	} else {
		writer_bytes(w, (const uint8_t[5]){ 0 }, 5);
	}
	close_length(w, at);
}

static void
put_tlvs(struct writer *w, const struct proxy_header *h, unsigned options)
{
	static const unsigned ssl = PROXY_SEND_SSL | PROXY_SEND_CERT_CN | PROXY_SEND_SSL_CIPHER |
				    PROXY_SEND_CERT_SIG | PROXY_SEND_CERT_KEY;
	struct str id = h->unique_id;

	if (id.n > PROXY_UNIQUE_ID_MAX)
		id.n = PROXY_UNIQUE_ID_MAX;
	if (options & PROXY_SEND_CRC32C)
		put_tlv(w, PROXY_TLV_CRC32C, STR("\0\0\0\0"));
	put_present(w, PROXY_TLV_ALPN, true, h->alpn);
	if (options & PROXY_SEND_AUTHORITY && h->authority.p)
		put_tlv(w, PROXY_TLV_AUTHORITY, h->authority);
	if (options & PROXY_SEND_UNIQUE_ID && id.p)
		put_tlv(w, PROXY_TLV_UNIQUE_ID, id);
	if (options & ssl)
		put_ssl(w, h, options);
}

/* The sum is the first TLV: it stands behind the addresses and three bytes. */
static void
fill_crc32c(struct writer *w, size_t tlvs_at)
{
	struct writer hole = { .p = w->p, .n = tlvs_at + 3, .size = w->n };

	writer_u32(&hole, hash_crc32c((struct str){ (const char *)w->p, w->n }));
}

static void
put_v2(struct writer *w, const struct proxy_header *h, unsigned options)
{
	size_t tlvs_at;

	put_addresses(w, h);
	tlvs_at = w->n;
	put_tlvs(w, h, options);
	if (w->n == 16 && !(options & PROXY_SEND_BARE_LOCAL))
		put_tlv(w, PROXY_TLV_NOOP, (struct str){ 0 });
	close_length(w, 14);
	if (options & PROXY_SEND_CRC32C && !w->is_full)
		fill_crc32c(w, tlvs_at);
}

size_t
proxy_header_encode(const struct proxy_header *h, unsigned options, uint8_t *out, size_t size)
{
	struct writer w = { .p = out, .size = size };

	if (h->version == 1)
		put_line(&w, h);
	else
		put_v2(&w, h, options);
	return writer_end(&w);
}

enum proxy_send
proxy_send_by_name(struct str name)
{
	static const struct {
		const char *name;
		enum proxy_send option;
	} options[] = {
		{ "ssl", PROXY_SEND_SSL },
		{ "cert-cn", PROXY_SEND_CERT_CN },
		{ "ssl-cipher", PROXY_SEND_SSL_CIPHER },
		{ "cert-sig", PROXY_SEND_CERT_SIG },
		{ "cert-key", PROXY_SEND_CERT_KEY },
		{ "authority", PROXY_SEND_AUTHORITY },
		{ "crc32c", PROXY_SEND_CRC32C },
		{ "unique-id", PROXY_SEND_UNIQUE_ID },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (str_is(name, options[i].name))
			return options[i].option;
	return 0;
}
