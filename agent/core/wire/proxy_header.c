/*
 * Signature, version, command, family and length of version 2 are judged byte by byte, so that
 * whoever sends something else hears of it at once; addresses and TLVs are read when all of the
 * header is there (2.2). A line of version 1 is read when its CRLF has come (2.1).
 */
#include "agent/core/wire/proxy_header.h"

#include "agent/core/base/cursor.h"
#include "agent/core/base/hash.h"
#include "agent/core/wire/proxy_tlv.h"

enum { LINE_MAX_V1 = 107 }; /* 2.1, CRLF included */
enum { FIXED_V2 = 16 };
enum { SIGNATURE_LEN = 12, AT_COMMAND = 12, AT_FAMILY = 13, AT_LENGTH = 14 };

static const uint8_t signature[SIGNATURE_LEN] = PROXY_SIGNATURE;

static const char *const names[N_PROXY_FAULTS] = {
	[PROXY_FAULT_NONE] = "none",	     [PROXY_FAULT_SIGNATURE] = "signature",
	[PROXY_FAULT_LINE] = "line",	     [PROXY_FAULT_PROTOCOL] = "protocol",
	[PROXY_FAULT_ADDRESS] = "address",   [PROXY_FAULT_PORT] = "port",
	[PROXY_FAULT_VERSION] = "version",   [PROXY_FAULT_COMMAND] = "command",
	[PROXY_FAULT_FAMILY] = "family",     [PROXY_FAULT_LENGTH] = "length",
	[PROXY_FAULT_TOO_LONG] = "too_long", [PROXY_FAULT_TLV] = "tlv",
	[PROXY_FAULT_VALUE] = "value",	     [PROXY_FAULT_CRC32C] = "crc32c",
};

const char *
proxy_fault_name(enum proxy_fault fault)
{
	return names[fault];
}

static enum parse
bad(enum proxy_fault *fault, enum proxy_fault which)
{
	*fault = which;
	return PARSE_BAD;
}

/* ---- version 1 --------------------------------------------------------------------------------
 */

/* What comes before the next space, or all of it; *rest goes behind that space. */
static struct str
next_word(struct str *rest)
{
	const char *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
	struct str word = { rest->p, space ? (size_t)(space - rest->p) : rest->n };
	size_t used = space ? word.n + 1 : word.n;

	*rest = (struct str){ rest->p + used, rest->n - used };
	return word;
}

/* 2.1: decimal, 0..65535, no zeros in front. */
static bool
read_port(struct str word, uint16_t *port)
{
	uint64_t value;

	if (!str_u64(word, &value) || value > UINT16_MAX || (word.n > 1 && word.p[0] == '0'))
		return false;
	*port = (uint16_t)value;
	return true;
}

static void
set_ip(struct addr *a, uint8_t family, const uint8_t *bytes, uint16_t port)
{
	*a = (struct addr){ 0 };
	if (family == 4) {
		a->len = sizeof(a->in);
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		memcpy(&a->in.sin_addr, bytes, 4);
	} else {
		a->len = sizeof(a->in6);
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		memcpy(&a->in6.sin6_addr, bytes, 16);
	}
}

/* "192.0.2.1 192.0.2.2 1234 1883" */
static enum proxy_fault
read_addresses_v1(struct str rest, uint8_t family, struct proxy_header *h)
{
	struct str source = next_word(&rest), destination = next_word(&rest);
	struct str source_port = next_word(&rest), destination_port = rest;
	struct ip from, to;
	uint16_t from_port, to_port;

	if (!ip_parse(source, &from) || !ip_parse(destination, &to) || from.family != family ||
	    to.family != family)
		return PROXY_FAULT_ADDRESS;
	if (!read_port(source_port, &from_port) || !read_port(destination_port, &to_port))
		return PROXY_FAULT_PORT;
	h->family = family == 4 ? PROXY_INET : PROXY_INET6;
	set_ip(&h->source, family, from.bytes, from_port);
	set_ip(&h->destination, family, to.bytes, to_port);
	return PROXY_FAULT_NONE;
}

/* The line behind "PROXY ", without its CRLF. */
static enum proxy_fault
read_line(struct str line, struct proxy_header *h)
{
	struct str protocol = next_word(&line);

	if (str_is(protocol, "UNKNOWN")) /* 2.1: what follows is not looked at */
		return PROXY_FAULT_NONE;
	if (str_is(protocol, "TCP4"))
		return read_addresses_v1(line, 4, h);
	if (str_is(protocol, "TCP6"))
		return read_addresses_v1(line, 6, h);
	return PROXY_FAULT_PROTOCOL;
}

static enum parse
decode_v1(const char *p, size_t n, struct proxy_header *h, enum proxy_fault *fault)
{
	size_t prefix = sizeof("PROXY ") - 1, at = prefix;

	if (n < prefix)
		return PARSE_MORE;
	while (at < n && at < LINE_MAX_V1 && p[at] != '\r' && p[at] != '\n')
		at++;
	if (at >= LINE_MAX_V1 - 1) /* no room for CRLF */
		return bad(fault, PROXY_FAULT_LINE);
	if (at == n || (p[at] == '\r' && at + 1 == n))
		return PARSE_MORE;
	if (p[at] == '\n' || p[at + 1] != '\n') /* 2.1: never CR or LF alone */
		return bad(fault, PROXY_FAULT_LINE);
	h->version = 1;
	h->command = PROXY_CARRIED;
	h->len = at + 2;
	*fault = read_line((struct str){ p + prefix, at - prefix }, h);
	return *fault ? PARSE_BAD : PARSE_OK;
}

/* ---- version 2 --------------------------------------------------------------------------------
 */

/* A path that has an end, an abstract name without the zeros behind it, or no name at all. */
static bool
read_path(struct cursor *c, struct addr *a)
{
	struct str bytes = cursor_bytes(c, sizeof(a->un.sun_path));
	size_t n = bytes.n;
	bool is_path = n > 0 && bytes.p[0] != '\0';

	while (n > 0 && bytes.p[n - 1] == '\0')
		n--;
	if (is_path)
		n = strnlen(bytes.p, n);
	if (n == sizeof(a->un.sun_path)) /* texts are made of it: it must end */
		return false;
	*a = (struct addr){ 0 };
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + is_path);
	a->un.sun_family = AF_UNIX;
	if (n)
		memcpy(a->un.sun_path, bytes.p, n);
	return true;
}

static void
read_ips(struct cursor *c, uint8_t family, struct proxy_header *h)
{
	size_t width = family == 4 ? 4 : 16;
	const uint8_t *from = (const uint8_t *)cursor_bytes(c, width).p;
	const uint8_t *to = (const uint8_t *)cursor_bytes(c, width).p;
	uint16_t from_port = cursor_u16(c), to_port = cursor_u16(c);

	if (c->short_read)
		return;
	set_ip(&h->source, family, from, from_port);
	set_ip(&h->destination, family, to, to_port);
}

static enum proxy_fault
read_addresses_v2(struct cursor *c, struct proxy_header *h)
{
	bool has_end = true;

	if (h->family == PROXY_INET || h->family == PROXY_INET6)
		read_ips(c, h->family == PROXY_INET ? 4 : 6, h);
	else if (h->family == PROXY_UNIX)
		has_end = read_path(c, &h->source) && read_path(c, &h->destination);
	if (c->short_read)
		return PROXY_FAULT_LENGTH;
	return has_end ? PROXY_FAULT_NONE : PROXY_FAULT_ADDRESS;
}

/* 2.2.6 */
static enum proxy_fault
read_ssl(struct str value, struct proxy_header *h)
{
	struct cursor c = cursor_of(value);
	struct proxy_ssl ssl = { .client = cursor_u8(&c) };

	ssl.verify = cursor_u32(&c);
	if (c.short_read)
		return PROXY_FAULT_VALUE;
	while (c.p < c.end) {
		uint8_t type = cursor_u8(&c);
		struct str sub = cursor_str(&c);

		if (c.short_read)
			return PROXY_FAULT_TLV;
		if (type == PROXY_TLV_SSL_VERSION)
			ssl.version = sub;
		else if (type == PROXY_TLV_SSL_CN)
			ssl.cn = sub;
		else if (type == PROXY_TLV_SSL_CIPHER)
			ssl.cipher = sub;
		else if (type == PROXY_TLV_SSL_SIG_ALG)
			ssl.sig_alg = sub;
		else if (type == PROXY_TLV_SSL_KEY_ALG)
			ssl.key_alg = sub;
	}
	h->has_ssl = true;
	h->ssl = ssl;
	return PROXY_FAULT_NONE;
}

/* 2.2.3: the sum of the header with zeros where the sum stands. */
static enum proxy_fault
check_crc32c(struct str header, struct str value)
{
	struct cursor c = cursor_of(value);
	struct str before = { header.p, (size_t)(value.p - header.p) };
	uint32_t sum;

	if (value.n != 4)
		return PROXY_FAULT_VALUE;
	sum = hash_crc32c(before);
	sum = hash_crc32c_add(sum, STR("\0\0\0\0"));
	sum = hash_crc32c_add(sum, (struct str){ value.p + 4, header.n - before.n - 4 });
	return cursor_u32(&c) == sum ? PROXY_FAULT_NONE : PROXY_FAULT_CRC32C;
}

static enum proxy_fault
take_text(struct str value, size_t max, struct str *to)
{
	if (value.n > max)
		return PROXY_FAULT_VALUE;
	*to = value;
	return PROXY_FAULT_NONE;
}

/* NOOP and the types that are not known say nothing (2.2). */
static enum proxy_fault
take_tlv(struct str header, uint8_t type, struct str value, struct proxy_header *h)
{
	switch (type) {
	case PROXY_TLV_ALPN:
		return take_text(value, SIZE_MAX, &h->alpn);
	case PROXY_TLV_AUTHORITY:
		return take_text(value, PROXY_AUTHORITY_MAX, &h->authority);
	case PROXY_TLV_UNIQUE_ID:
		return take_text(value, PROXY_UNIQUE_ID_MAX, &h->unique_id);
	case PROXY_TLV_NETNS:
		return take_text(value, SIZE_MAX, &h->netns);
	case PROXY_TLV_SSL:
		return read_ssl(value, h);
	case PROXY_TLV_CRC32C:
		if (h->has_crc32c) /* the sum over a sum has no meaning, and each costs a pass */
			return PROXY_FAULT_CRC32C;
		h->has_crc32c = true;
		return check_crc32c(header, value);
	default:
		return PROXY_FAULT_NONE;
	}
}

static enum proxy_fault
read_tlvs(struct cursor *c, struct str header, struct proxy_header *h)
{
	enum proxy_fault fault = PROXY_FAULT_NONE;

	while (c->p < c->end && !fault) {
		uint8_t type = cursor_u8(c);
		struct str value = cursor_str(c);

		fault = c->short_read ? PROXY_FAULT_TLV : take_tlv(header, type, value, h);
	}
	return fault;
}

/* 2.2: the combinations that are expected in practice; LOCAL's family is not looked at. */
static bool
family_fits(uint8_t byte)
{
	uint8_t family = byte >> 4, transport = byte & 0x0f;

	if (byte == 0)
		return true;
	return family >= PROXY_INET && family <= PROXY_UNIX && transport >= 1 && transport <= 2;
}

static enum parse
decode_v2(const uint8_t *p, size_t n, size_t max, struct proxy_header *h, enum proxy_fault *fault)
{
	struct str header = { (const char *)p, 0 };
	struct cursor c;

	if (n > AT_COMMAND && p[AT_COMMAND] >> 4 != 2)
		return bad(fault, PROXY_FAULT_VERSION);
	if (n > AT_COMMAND && (p[AT_COMMAND] & 0x0f) > PROXY_CARRIED)
		return bad(fault, PROXY_FAULT_COMMAND);
	if (n > AT_FAMILY && (p[AT_COMMAND] & 0x0f) == PROXY_CARRIED && !family_fits(p[AT_FAMILY]))
		return bad(fault, PROXY_FAULT_FAMILY);
	if (n < FIXED_V2)
		return PARSE_MORE;
	header.n = FIXED_V2 + (size_t)(p[AT_LENGTH] << 8 | p[AT_LENGTH + 1]);
	if (header.n > max)
		return bad(fault, PROXY_FAULT_TOO_LONG);
	if (n < header.n)
		return PARSE_MORE;
	h->version = 2;
	h->command = p[AT_COMMAND] & 0x0f;
	h->len = header.n;
	if (h->command == PROXY_LOCAL)
		return PARSE_OK;
	h->family = p[AT_FAMILY] >> 4;
	h->is_datagram = (p[AT_FAMILY] & 0x0f) == 2;
	c = (struct cursor){ .p = p + FIXED_V2, .end = p + header.n };
	*fault = read_addresses_v2(&c, h);
	/* What stands behind UNSPEC may be addresses of a kind that nobody knows (2.2). */
	if (!*fault && h->family != PROXY_UNSPEC)
		*fault = read_tlvs(&c, header, h);
	return *fault ? PARSE_BAD : PARSE_OK;
}

static bool
begins_as(const uint8_t *p, size_t n, const void *what, size_t len)
{
	return n == 0 || memcmp(p, what, n < len ? n : len) == 0;
}

enum parse
proxy_header_decode(const uint8_t *p, size_t n, size_t max, struct proxy_header *h,
		    enum proxy_fault *fault)
{
	enum parse parse;

	*h = (struct proxy_header){ 0 };
	*fault = PROXY_FAULT_NONE;
	if (n == 0)
		return PARSE_MORE;
	if (begins_as(p, n, signature, sizeof(signature)))
		parse = decode_v2(p, n, max, h, fault);
	else if (begins_as(p, n, "PROXY ", sizeof("PROXY ") - 1))
		parse = decode_v1((const char *)p, n, h, fault);
	else
		parse = bad(fault, PROXY_FAULT_SIGNATURE);
	if (parse != PARSE_OK)
		*h = (struct proxy_header){ 0 };
	return parse;
}

struct str
proxy_cn(const struct proxy_header *h)
{
	bool has_cert = h->ssl.client & (PROXY_CLIENT_CERT_CONN | PROXY_CLIENT_CERT_SESS);

	return has_cert && h->ssl.verify == 0 ? h->ssl.cn : (struct str){ 0 };
}
