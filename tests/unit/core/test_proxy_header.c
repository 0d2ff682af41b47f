/* PROXY headers: as HAProxy 2.6 writes them, as it reads them, and what the specification forbids.
 */
#include "agent/core/wire/proxy_header.h"
#include "tests/unit/run.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 "\x7f\0\0\1\x7f\0\0\1"
#define V2_IPV4(len) SIGNATURE "\x21\x11" len
#define LOOPBACK6 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"
#define DB8 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"

enum { HEADER_MAX = 16384 };

static struct addr
address(const char *text)
{
	struct addr a = { 0 };

	if (text)
		ck_assert_int_eq(addr_parse(str_of(text), true, &a), ADDR_OK);
	return a;
}

static const struct proxy_ssl tls13 = {
	.client = 0x01,
	.version = { "TLSv1.3", 7 },
	.cipher = { "TLS_AES_256_GCM_SHA384", 22 },
	.sig_alg = { "RSA-SHA256", 10 },
	.key_alg = { "RSA2048", 7 },
};
static const struct proxy_ssl verified = {
	.client = 0x07,
	.version = { "TLSv1.3", 7 },
	.cn = { "device-0001", 11 },
	.cipher = { "TLS_AES_256_GCM_SHA384", 22 },
	.sig_alg = { "RSA-SHA256", 10 },
	.key_alg = { "RSA2048", 7 },
};
static const struct proxy_ssl resumed = {
	.client = 0x05,
	.version = { "TLSv1.2", 7 },
	.cn = { "device-0001", 11 },
};
static const struct proxy_ssl unverified = {
	.client = 0x07,
	.verify = 0x15,
	.version = { "TLSv1.3", 7 },
	.cn = { "evil", 4 },
};
static const struct proxy_ssl no_certificate_but_a_name = {
	.client = 0x01,
	.version = { "TLSv1.3", 7 },
	.cn = { "evil", 4 },
};

#define ALL 0xff
#define X16 "xxxxxxxxxxxxxxxx"
#define X128 X16 X16 X16 X16 X16 X16 X16 X16

/* The bytes are recorded from HAProxy 2.6.12, except where the name says "usher". */
static const struct {
	const char *name;
	unsigned version;
	enum proxy_command command;
	const char *source, *destination;
	unsigned options;
	const struct proxy_ssl *ssl;
	const char *alpn, *authority, *unique_id;
	struct str bytes;
} written[] = {
	{ "send-proxy", 1, PROXY_CARRIED, "127.0.0.1:50152", "127.0.0.1:20001", 0, NULL, "mqtt",
	  "a.example", "id", STR("PROXY TCP4 127.0.0.1 127.0.0.1 50152 20001\r\n") },
	{ "send-proxy, IPv6", 1, PROXY_CARRIED, "[::1]:51822", "[::1]:20015", 0, NULL, NULL, NULL,
	  NULL, STR("PROXY TCP6 ::1 ::1 51822 20015\r\n") },
	{ "send-proxy, IPv4 at a listener for both", 1, PROXY_CARRIED, "[::ffff:127.0.0.1]:35974",
	  "[::ffff:127.0.0.1]:20029", 0, NULL, NULL, NULL, NULL,
	  STR("PROXY TCP6 ::ffff:127.0.0.1 ::ffff:127.0.0.1 35974 20029\r\n") },
	{ "send-proxy, source IPv6, destination IPv4", 1, PROXY_CARRIED, "[2001:db8::1]:40562",
	  "127.0.0.1:39707", 0, NULL, NULL, NULL, NULL,
	  STR("PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 40562 39707\r\n") },
	{ "send-proxy, source IPv4, destination IPv6", 1, PROXY_CARRIED, "127.0.0.1:34586",
	  "[2001:db8::2]:43667", 0, NULL, NULL, NULL, NULL,
	  STR("PROXY TCP6 ::ffff:127.0.0.1 2001:db8::2 34586 43667\r\n") },
	{ "send-proxy, UNIX socket", 1, PROXY_CARRIED, "/run/a", "/run/b", 0, NULL, NULL, NULL,
	  NULL, STR("PROXY UNKNOWN\r\n") },
	{ "send-proxy with options of version 2", 1, PROXY_CARRIED, "127.0.0.1:51962",
	  "127.0.0.1:33439", PROXY_SEND_CRC32C, NULL, NULL, NULL, NULL,
	  STR("PROXY TCP4 127.0.0.1 127.0.0.1 51962 33439\r\n") },

	{ "send-proxy-v2", 2, PROXY_CARRIED, "127.0.0.1:47616", "127.0.0.1:20002", 0, NULL, NULL,
	  "a.example", "id", STR(V2_IPV4("\0\x0c") IPV4 "\xba\0\x4e\x22") },
	{ "send-proxy-v2, IPv6", 2, PROXY_CARRIED, "[::1]:46444", "[::1]:20016", 0, NULL, NULL,
	  NULL, NULL, STR(SIGNATURE "\x21\x21\0\x24" LOOPBACK6 LOOPBACK6 "\xb5\x6c\x4e\x30") },
	{ "send-proxy-v2, source IPv6, destination IPv4", 2, PROXY_CARRIED, "[2001:db8::1]:38618",
	  "127.0.0.1:54327", 0, NULL, NULL, NULL, NULL,
	  STR(SIGNATURE "\x21\x21\0\x24" DB8 "\1" MAPPED "\x96\xda\xd4\x37") },
	{ "send-proxy-v2, source IPv4, destination IPv6", 2, PROXY_CARRIED, "127.0.0.1:46786",
	  "[2001:db8::2]:49801", 0, NULL, NULL, NULL, NULL,
	  STR(SIGNATURE "\x21\x21\0\x24" MAPPED DB8 "\2\xb6\xc2\xc2\x89") },
	{ "send-proxy-v2, TLS with ALPN", 2, PROXY_CARRIED, "127.0.0.1:58028", "127.0.0.1:20072", 0,
	  &tls13, "mqtt", "a.example", NULL,
	  STR(V2_IPV4("\0\x13") IPV4 "\xe2\xac\x4e\x68\1\0\4mqtt") },
	{ "send-proxy-v2-ssl, no TLS", 2, PROXY_CARRIED, "127.0.0.1:48100", "127.0.0.1:20003",
	  PROXY_SEND_SSL, NULL, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x14") IPV4 "\xbb\xe4\x4e\x23\x20\0\5\0\0\0\0\0") },
	{ "send-proxy-v2-ssl-cn, no TLS", 2, PROXY_CARRIED, "127.0.0.1:33278", "127.0.0.1:20004",
	  PROXY_SEND_CERT_CN, NULL, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x14") IPV4 "\x81\xfe\x4e\x24\x20\0\5\0\0\0\0\0") },
	{ "send-proxy-v2-ssl, no certificate", 2, PROXY_CARRIED, "127.0.0.1:42746",
	  "127.0.0.1:20073", PROXY_SEND_SSL, &tls13, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x1e") IPV4 "\xa6\xfa\x4e\x69\x20\0\x0f\1\0\0\0\0\x21\0\7TLSv1.3") },
	{ "send-proxy-v2-ssl, certificate", 2, PROXY_CARRIED, "127.0.0.1:42726", "127.0.0.1:20073",
	  PROXY_SEND_SSL, &verified, "mqtt", "a.example", NULL,
	  STR(V2_IPV4("\0\x25") IPV4 "\xa6\xe6\x4e\x69\1\0\4mqtt"
				     "\x20\0\x0f\7\0\0\0\0\x21\0\7TLSv1.3") },
	{ "send-proxy-v2-ssl-cn, certificate", 2, PROXY_CARRIED, "127.0.0.1:39774",
	  "127.0.0.1:20074", PROXY_SEND_CERT_CN, &verified, "mqtt", "a.example", NULL,
	  STR(V2_IPV4("\0\x33") IPV4 "\x9b\x5e\x4e\x6a\1\0\4mqtt"
				     "\x20\0\x1d\7\0\0\0\0\x21\0\7TLSv1.3\x22\0\x0b"
				     "device-0001") },
	{ "send-proxy-v2-ssl-cn, resumed session", 2, PROXY_CARRIED, "127.0.0.1:52200",
	  "127.0.0.1:44539", PROXY_SEND_CERT_CN, &resumed, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x2c") IPV4 "\xcb\xe8\xad\xfb"
				     "\x20\0\x1d\5\0\0\0\0\x21\0\7TLSv1.2\x22\0\x0b"
				     "device-0001") },
	{ "send-proxy-v2-ssl-cn, usher: no CN that did not verify", 2, PROXY_CARRIED,
	  "127.0.0.1:39812", "127.0.0.1:20074", PROXY_SEND_CERT_CN, &unverified, "mqtt", NULL, NULL,
	  STR(V2_IPV4("\0\x25") IPV4 "\x9b\x84\x4e\x6a\1\0\4mqtt"
				     "\x20\0\x0f\7\0\0\0\x15\x21\0\7TLSv1.3") },
	{ "send-proxy-v2-ssl-cn, usher: no CN without certificate", 2, PROXY_CARRIED,
	  "127.0.0.1:39774", "127.0.0.1:20074", PROXY_SEND_CERT_CN, &no_certificate_but_a_name,
	  NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x1e") IPV4 "\x9b\x5e\x4e\x6a\x20\0\x0f\1\0\0\0\0\x21\0\7TLSv1.3") },
	{ "ssl-cipher", 2, PROXY_CARRIED, "127.0.0.1:36756", "127.0.0.1:20077",
	  PROXY_SEND_SSL_CIPHER, &tls13, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x37") IPV4 "\x8f\x94\x4e\x6d\x20\0\x28\1\0\0\0\0\x21\0\7TLSv1.3"
				     "\x23\0\x16TLS_AES_256_GCM_SHA384") },
	{ "cert-sig", 2, PROXY_CARRIED, "127.0.0.1:60804", "127.0.0.1:20078", PROXY_SEND_CERT_SIG,
	  &tls13, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x2b") IPV4 "\xed\x84\x4e\x6e\x20\0\x1c\1\0\0\0\0\x21\0\7TLSv1.3"
				     "\x24\0\x0aRSA-SHA256") },
	{ "cert-key", 2, PROXY_CARRIED, "127.0.0.1:37164", "127.0.0.1:20079", PROXY_SEND_CERT_KEY,
	  &tls13, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x28") IPV4 "\x91\x2c\x4e\x6f\x20\0\x19\1\0\0\0\0\x21\0\7TLSv1.3"
				     "\x25\0\7RSA2048") },
	{ "authority", 2, PROXY_CARRIED, "127.0.0.1:35528", "127.0.0.1:20080", PROXY_SEND_AUTHORITY,
	  &tls13, "mqtt", "a.example", NULL,
	  STR(V2_IPV4("\0\x1f") IPV4 "\x8a\xc8\x4e\x70\1\0\4mqtt\2\0\x09"
				     "a.example") },
	{ "authority, none known", 2, PROXY_CARRIED, "127.0.0.1:48392", "127.0.0.1:20010",
	  PROXY_SEND_AUTHORITY, NULL, NULL, NULL, NULL,
	  STR(V2_IPV4("\0\x0c") IPV4 "\xbd\x08\x4e\x2a") },
	{ "crc32c", 2, PROXY_CARRIED, "127.0.0.1:50908", "127.0.0.1:20011", PROXY_SEND_CRC32C, NULL,
	  NULL, NULL, NULL, STR(V2_IPV4("\0\x13") IPV4 "\xc6\xdc\x4e\x2b\3\0\4\x38\x59\x61\xc7") },
	{ "crc32c before ALPN", 2, PROXY_CARRIED, "127.0.0.1:49336", "127.0.0.1:20081",
	  PROXY_SEND_CRC32C, &tls13, "mqtt", NULL, NULL,
	  STR(V2_IPV4("\0\x1a") IPV4 "\xc0\xb8\x4e\x71\3\0\4\x40\xba\x60\x83\1\0\4mqtt") },
	{ "unique-id", 2, PROXY_CARRIED, "127.0.0.1:39196", "127.0.0.1:20012", PROXY_SEND_UNIQUE_ID,
	  NULL, NULL, NULL, "id-127.0.0.1-39196-20012",
	  STR(V2_IPV4("\0\x27") IPV4 "\x99\x1c\x4e\x2c\5\0\x18id-127.0.0.1-39196-20012") },
	{ "unique-id without unique-id-format", 2, PROXY_CARRIED, "127.0.0.1:53952",
	  "127.0.0.1:38073", PROXY_SEND_UNIQUE_ID, NULL, NULL, NULL, "",
	  STR(V2_IPV4("\0\x0f") IPV4 "\xd2\xc0\x94\xb9\5\0\0") },
	{ "unique-id cut to 128 bytes", 2, PROXY_CARRIED, "127.0.0.1:43298", "127.0.0.1:34399",
	  PROXY_SEND_UNIQUE_ID, NULL, NULL, NULL, X128 "x",
	  STR(V2_IPV4("\0\x8f") IPV4 "\xa9\x22\x86\x5f\5\0\x80" X128) },
	{ "everything, no TLS", 2, PROXY_CARRIED, "127.0.0.1:60974", "127.0.0.1:20013", ALL, NULL,
	  NULL, NULL, "id-127.0.0.1-60974-20013",
	  STR(V2_IPV4("\0\x36") IPV4 "\xee\x2e\x4e\x2d\3\0\4QU\x16m"
				     "\5\0\x18id-127.0.0.1-60974-20013\x20\0\5\0\0\0\0\0") },
	{ "everything", 2, PROXY_CARRIED, "127.0.0.1:51180", "127.0.0.1:20083", ALL, &verified,
	  "mqtt", "a.example", "id-127.0.0.1-51180-20083",
	  STR(V2_IPV4("\0\x91") IPV4 "\xc7\xec\x4e\x73\3\0\4\x7f\xde\x09\xd4"
				     "\1\0\4mqtt\2\0\x09"
				     "a.example\5\0\x18id-127.0.0.1-51180-20083"
				     "\x20\0\x4d\7\0\0\0\0\x21\0\7TLSv1.3\x22\0\x0b"
				     "device-0001\x25\0\7RSA2048\x24\0\x0aRSA-SHA256"
				     "\x23\0\x16TLS_AES_256_GCM_SHA384") },

	{ "LOCAL, usher: never empty", 2, PROXY_LOCAL, "127.0.0.1:42224", "127.0.0.1:51909", 0,
	  NULL, NULL, NULL, NULL, STR(SIGNATURE "\x20\0\0\3\4\0\0") },
	{ "UNIX socket, usher: never empty", 2, PROXY_CARRIED, "/run/a", "/run/b", 0, NULL, NULL,
	  NULL, NULL, STR(SIGNATURE "\x20\0\0\3\4\0\0") },
	{ "check with send-proxy-v2-ssl", 2, PROXY_LOCAL, NULL, NULL, PROXY_SEND_SSL, NULL, NULL,
	  NULL, NULL, STR(SIGNATURE "\x20\0\0\x08\x20\0\5\0\0\0\0\0") },
	{ "check with crc32c", 2, PROXY_LOCAL, NULL, NULL, PROXY_SEND_CRC32C, NULL, NULL, NULL,
	  NULL, STR(SIGNATURE "\x20\0\0\7\3\0\4\xa9\xb8\x7e\x8f") },
	{ "check with everything", 2, PROXY_LOCAL, NULL, NULL, ALL, NULL, NULL, NULL, NULL,
	  STR(SIGNATURE "\x20\0\0\x0f\3\0\4\x88\x9d\xa1\xdf\x20\0\5\0\0\0\0\0") },
};

static struct proxy_header
header_of_row(int i)
{
	return (struct proxy_header){
		.version = (uint8_t)written[i].version,
		.command = written[i].command,
		.source = address(written[i].source),
		.destination = address(written[i].destination),
		.alpn = str_of(written[i].alpn),
		.authority = str_of(written[i].authority),
		.unique_id = str_of(written[i].unique_id),
		.ssl = written[i].ssl ? *written[i].ssl : (struct proxy_ssl){ 0 },
	};
}

START_TEST(test_written)
{
	struct proxy_header h = header_of_row(_i);
	size_t len = written[_i].bytes.n;
	uint8_t out[PROXY_HEADER_ROOM];

	for (size_t size = 0; size < len; size++) {
		uint8_t *exact = malloc(size + !size); /* a sanitizer sees each overrun */

		ck_assert_uint_eq(proxy_header_encode(&h, written[_i].options, exact, size), 0);
		free(exact);
	}
	ck_assert_uint_eq(proxy_header_encode(&h, written[_i].options, out, len), len);
	ck_assert_mem_eq(out, written[_i].bytes.p, len);
}
END_TEST

/* What was written is read, and each prefix of it asks for more. */
START_TEST(test_written_is_read)
{
	struct proxy_header want = header_of_row(_i), got;
	struct str bytes = written[_i].bytes;
	enum proxy_fault fault;
	bool has_ips =
		written[_i].source && written[_i].source[0] != '/' && want.command == PROXY_CARRIED;
	char from[ADDR_TEXT];

	for (size_t n = 0; n < bytes.n; n++)
		ck_assert_int_eq(
			proxy_header_decode((const uint8_t *)bytes.p, n, HEADER_MAX, &got, &fault),
			PARSE_MORE);
	ck_assert_int_eq(
		proxy_header_decode((const uint8_t *)bytes.p, bytes.n, HEADER_MAX, &got, &fault),
		PARSE_OK);
	ck_assert_uint_eq(got.len, bytes.n);
	ck_assert_uint_eq(got.version, want.version);
	ck_assert_int_eq(got.family != PROXY_UNSPEC, has_ips);
	ck_assert_int_eq(got.source.len != 0, has_ips);
	if (!has_ips)
		return;
	addr_format(&got.source, from);
	if (got.family == PROXY_INET)
		ck_assert_str_eq(from, written[_i].source);
	ck_assert_uint_eq(addr_port(&got.destination), addr_port(&want.destination));
	ck_assert_int_eq(got.has_crc32c,
			 want.version == 2 && written[_i].options & PROXY_SEND_CRC32C);
	ck_assert_uint_eq(got.ssl.client, got.has_ssl ? want.ssl.client : 0);
	if (proxy_cn(&got).p)
		ck_assert(str_eq(proxy_cn(&got), want.ssl.cn));
}
END_TEST

#define TLV_IPV4(len) SIGNATURE "\x21\x11" len IPV4 "\4\x57\x08\xae"
#define Z12 "\0\0\0\0\0\0\0\0\0\0\0\0"
#define Z106 Z12 Z12 Z12 Z12 Z12 Z12 Z12 Z12 "\0\0\0\0\0\0\0\0\0\0"

static const struct {
	const char *name;
	struct str bytes;
	enum proxy_command command;
	enum proxy_family family;
	bool is_datagram;
	const char *source, *destination;
	struct str authority, cn;
} read_rows[] = {
	{ "TCP4",
	  STR("PROXY TCP4 255.255.255.255 0.0.0.0 65535 1\r\n"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "ipv4@255.255.255.255:65535",
	  "0.0.0.0:1",
	  { 0 },
	  { 0 } },
	{ "TCP6, upper case",
	  STR("PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::ffff:192.0.2.1 1 2\r\n"),
	  PROXY_CARRIED,
	  PROXY_INET6,
	  false,
	  "[2001:db8::1]:1",
	  "[::ffff:192.0.2.1]:2",
	  { 0 },
	  { 0 } },
	{ "UNKNOWN",
	  STR("PROXY UNKNOWN\r\n"),
	  PROXY_CARRIED,
	  PROXY_UNSPEC,
	  false,
	  NULL,
	  NULL,
	  { 0 },
	  { 0 } },
	{ "UNKNOWN of 107 bytes",
	  STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	  PROXY_CARRIED,
	  PROXY_UNSPEC,
	  false,
	  NULL,
	  NULL,
	  { 0 },
	  { 0 } },
	{ "LOCAL of length zero",
	  STR(SIGNATURE "\x20\0\0\0"),
	  PROXY_LOCAL,
	  PROXY_UNSPEC,
	  false,
	  NULL,
	  NULL,
	  { 0 },
	  { 0 } },
	{ "LOCAL with family, addresses and TLV are skipped",
	  STR(SIGNATURE "\x20\x11\0\x11" IPV4 "\4\x57\x08\xae\3\0\2xx"),
	  PROXY_LOCAL,
	  PROXY_UNSPEC,
	  false,
	  NULL,
	  NULL,
	  { 0 },
	  { 0 } },
	{ "LOCAL of a family that is none",
	  STR(SIGNATURE "\x20\x4f\0\2xx"),
	  PROXY_LOCAL,
	  PROXY_UNSPEC,
	  false,
	  NULL,
	  NULL,
	  { 0 },
	  { 0 } },
	{ "UNSPEC, whatever follows",
	  STR(SIGNATURE "\x21\0\0\4\3\0\4x"),
	  PROXY_CARRIED,
	  PROXY_UNSPEC,
	  false,
	  NULL,
	  NULL,
	  { 0 },
	  { 0 } },
	{ "UDP over IPv4",
	  STR(SIGNATURE "\x21\x12\0\x0c" IPV4 "\4\x57\x08\xae"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  true,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { 0 },
	  { 0 } },
	{ "UDP over IPv6",
	  STR(SIGNATURE "\x21\x22\0\x24" DB8 "\1" MAPPED "\4\x57\x08\xae"),
	  PROXY_CARRIED,
	  PROXY_INET6,
	  true,
	  "[2001:db8::1]:1111",
	  "[::ffff:127.0.0.1]:2222",
	  { 0 },
	  { 0 } },
	{ "UNIX stream",
	  STR(SIGNATURE "\x21\x31\0\xd8/a" Z106 "/b" Z106),
	  PROXY_CARRIED,
	  PROXY_UNIX,
	  false,
	  "unix@/a",
	  "unix@/b",
	  { 0 },
	  { 0 } },
	{ "UNIX datagram, abstract name",
	  STR(SIGNATURE "\x21\x32\0\xd8\0a" Z106 "/b" Z106),
	  PROXY_CARRIED,
	  PROXY_UNIX,
	  true,
	  "abns@a",
	  "unix@/b",
	  { 0 },
	  { 0 } },
	{ "no TLV",
	  STR(TLV_IPV4("\0\x0c")),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { 0 },
	  { 0 } },
	{ "NOOP, empty and not",
	  STR(TLV_IPV4("\0\x14") "\4\0\0\4\0\2xx"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { 0 },
	  { 0 } },
	{ "types that nobody knows",
	  STR(TLV_IPV4("\0\x14") "\xe0\0\0\xff\0\2xx"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { 0 },
	  { 0 } },
	{ "AUTHORITY, the last one counts",
	  STR(TLV_IPV4("\0\x14") "\2\0\1a\2\0\1b"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { "b", 1 },
	  { 0 } },
	{ "AUTHORITY, empty",
	  STR(TLV_IPV4("\0\x0f") "\2\0\0"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { "", 0 },
	  { 0 } },
	{ "CN that was verified",
	  STR(TLV_IPV4("\0\x19") "\x20\0\x0a\3\0\0\0\0\x22\0\2cn"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { 0 },
	  { "cn", 2 } },
	{ "CN that was not",
	  STR(TLV_IPV4("\0\x19") "\x20\0\x0a\3\0\0\0\1\x22\0\2cn"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { 0 },
	  { 0 } },
	{ "CN without certificate",
	  STR(TLV_IPV4("\0\x19") "\x20\0\x0a\1\0\0\0\0\x22\0\2cn"),
	  PROXY_CARRIED,
	  PROXY_INET,
	  false,
	  "127.0.0.1:1111",
	  "127.0.0.1:2222",
	  { 0 },
	  { 0 } },
};

static bool
same(struct str a, struct str b)
{
	return str_eq(a, b) && !a.p == !b.p;
}

static void
assert_address(const struct addr *got, const char *want)
{
	char text[ADDR_TEXT], expected[ADDR_TEXT];
	struct addr a;

	ck_assert_int_eq(got->len != 0, want != NULL);
	if (!want)
		return;
	a = address(want);
	ck_assert_uint_eq(got->len, a.len);
	ck_assert_str_eq(addr_format(got, text), addr_format(&a, expected));
}

START_TEST(test_read)
{
	struct str bytes = read_rows[_i].bytes;
	uint8_t padded[1024] = { 0 };
	struct proxy_header h;
	enum proxy_fault fault;

	memcpy(padded, bytes.p, bytes.n);
	memcpy(padded + bytes.n, "\r\n\x10\x0c", 4); /* what is behind it is the client's */
	for (size_t n = 0; n < bytes.n; n++)
		ck_assert_msg(proxy_header_decode(padded, n, HEADER_MAX, &h, &fault) == PARSE_MORE,
			      "%s, cut to %zu: %s", read_rows[_i].name, n, proxy_fault_name(fault));
	ck_assert_msg(proxy_header_decode(padded, bytes.n + 4, bytes.n, &h, &fault) == PARSE_OK,
		      "%s: %s", read_rows[_i].name, proxy_fault_name(fault));
	ck_assert_uint_eq(h.len, bytes.n);
	ck_assert_int_eq(h.command, read_rows[_i].command);
	ck_assert_int_eq(h.family, read_rows[_i].family);
	ck_assert_int_eq(h.is_datagram, read_rows[_i].is_datagram);
	assert_address(&h.source, read_rows[_i].source);
	assert_address(&h.destination, read_rows[_i].destination);
	ck_assert(same(h.authority, read_rows[_i].authority));
	ck_assert(same(proxy_cn(&h), read_rows[_i].cn));
}
END_TEST

START_TEST(test_unnamed_unix_socket)
{
	static const char bytes[] = SIGNATURE "\x21\x31\0\xd8\0\0" Z106 "/b" Z106;
	struct proxy_header h;
	enum proxy_fault fault;

	ck_assert_int_eq(proxy_header_decode((const uint8_t *)bytes, sizeof(bytes) - 1, HEADER_MAX,
					     &h, &fault),
			 PARSE_OK);
	ck_assert_uint_eq(h.source.len, offsetof(struct sockaddr_un, sun_path));
}
END_TEST

#define FULL_PATH X16 X16 X16 X16 X16 X16 "xxxxxxxxxxxx"

static const struct {
	const char *name;
	struct str bytes;
	size_t at; /* bytes after which it is known */
	enum proxy_fault fault;
} bad_rows[] = {
	{ "MQTT", STR("\x10\x0c\0\4MQTT"), 1, PROXY_FAULT_SIGNATURE },
	{ "TLS", STR("\x16\3\1"), 1, PROXY_FAULT_SIGNATURE },
	{ "HTTP that begins alike", STR("PUT / HTTP/1.1\r\n"), 2, PROXY_FAULT_SIGNATURE },
	{ "lower case", STR("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), 1, PROXY_FAULT_SIGNATURE },
	{ "signature with another last byte", STR("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\0"), 12,
	  PROXY_FAULT_SIGNATURE },
	{ "LF alone", STR("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), 31, PROXY_FAULT_LINE },
	{ "CR alone", STR("PROXY UNKNOWN\rx\r\n"), 15, PROXY_FAULT_LINE },
	{ "line of 108 bytes",
	  STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n"),
	  106, PROXY_FAULT_LINE },
	{ "UDP4", STR("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"), 32, PROXY_FAULT_PROTOCOL },
	{ "no protocol", STR("PROXY \r\n"), 8, PROXY_FAULT_PROTOCOL },
	{ "two spaces", STR("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"), 33, PROXY_FAULT_ADDRESS },
	{ "no addresses", STR("PROXY TCP4\r\n"), 12, PROXY_FAULT_ADDRESS },
	{ "zero in front of a number", STR("PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n"), 33,
	  PROXY_FAULT_ADDRESS },
	{ "IPv6 in TCP4", STR("PROXY TCP4 ::1 ::1 1 2\r\n"), 24, PROXY_FAULT_ADDRESS },
	{ "IPv4 in TCP6", STR("PROXY TCP6 ::1 1.2.3.4 1 2\r\n"), 28, PROXY_FAULT_ADDRESS },
	{ "zero in front of a port", STR("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"), 33,
	  PROXY_FAULT_PORT },
	{ "port 65536", STR("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n"), 36, PROXY_FAULT_PORT },
	{ "no second port", STR("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), 30, PROXY_FAULT_PORT },
	{ "space at the end", STR("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"), 33, PROXY_FAULT_PORT },
	{ "version 3", STR(SIGNATURE "\x31\x11\0\0"), 13, PROXY_FAULT_VERSION },
	{ "command 2", STR(SIGNATURE "\x22\x11\0\0"), 13, PROXY_FAULT_COMMAND },
	{ "family 4", STR(SIGNATURE "\x21\x41\0\0"), 14, PROXY_FAULT_FAMILY },
	{ "transport 3", STR(SIGNATURE "\x21\x13\0\0"), 14, PROXY_FAULT_FAMILY },
	{ "IPv4 of no transport", STR(SIGNATURE "\x21\x10\0\0"), 14, PROXY_FAULT_FAMILY },
	{ "a stream of no family", STR(SIGNATURE "\x21\x01\0\0"), 14, PROXY_FAULT_FAMILY },
	{ "longer than allowed", STR(SIGNATURE "\x21\x11\x40\0"), 16, PROXY_FAULT_TOO_LONG },
	{ "LOCAL longer than allowed", STR(SIGNATURE "\x20\0\xff\xff"), 16, PROXY_FAULT_TOO_LONG },
	{ "shorter than its addresses", STR(SIGNATURE "\x21\x11\0\x08" IPV4), 24,
	  PROXY_FAULT_LENGTH },
	{ "UNIX, shorter than its addresses", STR(SIGNATURE "\x21\x31\0\4abcd"), 20,
	  PROXY_FAULT_LENGTH },
	{ "a path without end", STR(SIGNATURE "\x21\x31\0\xd8/a" Z106 FULL_PATH), 232,
	  PROXY_FAULT_ADDRESS },
	{ "TLV past the end", STR(TLV_IPV4("\0\x13") "\2\0\5host"), 35, PROXY_FAULT_TLV },
	{ "TLV without length", STR(TLV_IPV4("\0\x0d") "\4"), 29, PROXY_FAULT_TLV },
	{ "SSL without verify", STR(TLV_IPV4("\0\x13") "\x20\0\4\0\0\0\0"), 35, PROXY_FAULT_VALUE },
	{ "TLV past the end of SSL", STR(TLV_IPV4("\0\x18") "\x20\0\x09\1\0\0\0\0\x21\0\7T"), 40,
	  PROXY_FAULT_TLV },
	{ "CRC32C of three bytes", STR(TLV_IPV4("\0\x12") "\3\0\3abc"), 34, PROXY_FAULT_VALUE },
	{ "CRC32C of another header", STR(TLV_IPV4("\0\x13") "\3\0\4\x38\x59\x61\xc7"), 35,
	  PROXY_FAULT_CRC32C },
	{ "CRC32C twice, both right",
	  STR(TLV_IPV4("\0\x1a") "\3\0\4\xbc\xdc\xc0\xbc\3\0\4\x62\xf1\xa6\xb4"), 42,
	  PROXY_FAULT_CRC32C },
	{ "unique id of 129 bytes", STR(TLV_IPV4("\0\x90") "\5\0\x81x" X128), 160,
	  PROXY_FAULT_VALUE },
	{ "authority of 256 bytes", STR(TLV_IPV4("\1\x0f") "\2\1\0" X128 X128), 287,
	  PROXY_FAULT_VALUE },
};

START_TEST(test_bad)
{
	static const struct proxy_header nothing;
	char bytes[512] = { 0 };

	memcpy(bytes, bad_rows[_i].bytes.p, bad_rows[_i].bytes.n);
	for (size_t n = 0; n <= bad_rows[_i].bytes.n + 10; n++) {
		bool known = n >= bad_rows[_i].at;
		struct proxy_header h;
		enum proxy_fault fault;
		enum parse parse =
			proxy_header_decode((const uint8_t *)bytes, n, HEADER_MAX, &h, &fault);

		ck_assert_msg(parse == (known ? PARSE_BAD : PARSE_MORE), "%s, %zu bytes: %s",
			      bad_rows[_i].name, n, proxy_fault_name(fault));
		ck_assert_msg(fault == (known ? bad_rows[_i].fault : PROXY_FAULT_NONE), "%s: %s",
			      bad_rows[_i].name, proxy_fault_name(fault));
		ck_assert_mem_eq(&h, &nothing, sizeof(h));
	}
}
END_TEST

START_TEST(test_option_names)
{
	ck_assert_uint_eq(proxy_send_by_name(STR("cert-cn")), PROXY_SEND_CERT_CN);
	ck_assert_uint_eq(proxy_send_by_name(STR("unique-id")), PROXY_SEND_UNIQUE_ID);
	ck_assert_uint_eq(proxy_send_by_name(STR("cert")), 0);
	for (int i = 0; i < N_PROXY_FAULTS; i++)
		ck_assert_ptr_nonnull(proxy_fault_name(i));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy header");
	TCase *tcase = tcase_create("header");

	tcase_add_loop_test(tcase, test_written, 0, N_ROWS(written));
	tcase_add_loop_test(tcase, test_written_is_read, 0, N_ROWS(written));
	tcase_add_loop_test(tcase, test_read, 0, N_ROWS(read_rows));
	tcase_add_test(tcase, test_unnamed_unix_socket);
	tcase_add_loop_test(tcase, test_bad, 0, N_ROWS(bad_rows));
	tcase_add_test(tcase, test_option_names);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
