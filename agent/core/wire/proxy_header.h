/*
 * The PROXY protocol, versions 1 and 2: who the client is, said in front of a connection by the
 * balancer that carries it. Read at `bind ... accept-proxy`, written to servers that want it.
 * Sections are those of "The PROXY protocol, versions 1 & 2" (2020/03/05).
 */
#ifndef USHER_CORE_WIRE_PROXY_HEADER_H
#define USHER_CORE_WIRE_PROXY_HEADER_H

#include "agent/core/base/addr.h"
#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

enum proxy_command {
	PROXY_LOCAL,   /* the sender's own connection, as its health checks are */
	PROXY_CARRIED, /* carried for somebody else ("PROXY") */
};

enum proxy_family { /* of version 2, 2.2 */
		    PROXY_UNSPEC,
		    PROXY_INET,
		    PROXY_INET6,
		    PROXY_UNIX,
};

enum { /* proxy_ssl.client, 2.2.6 */
       PROXY_CLIENT_TLS = 0x01,
       PROXY_CLIENT_CERT_CONN = 0x02, /* a certificate was shown on this connection */
       PROXY_CLIENT_CERT_SESS = 0x04, /* …or earlier in its TLS session */
};

/* What is known of the client's TLS. Views that are not there are absent. */
struct proxy_ssl {
	uint8_t client;
	/* 0: the certificate was verified. Without a certificate it says nothing: HAProxy sends 0
	 * then, where the specification wants another value; proxy_cn() asks the bits as well. */
	uint32_t verify;
	struct str version; /* "TLSv1.3" */
	struct str cn;	    /* of the client's certificate */
	struct str cipher;  /* "TLS_AES_256_GCM_SHA384" */
	struct str sig_alg,
		key_alg; /* of the balancer's own certificate: "RSA-SHA256", "RSA2048" */
};

enum { PROXY_UNIQUE_ID_MAX = 128, PROXY_AUTHORITY_MAX = 255 };

/* Views point into the header, or, where one is to be written, at the caller's texts. */
struct proxy_header {
	size_t len;	 /* of the header: what is behind it is the client's */
	uint8_t version; /* 1 or 2 */
	enum proxy_command command;
	enum proxy_family family;
	bool is_datagram;
	struct addr source, destination; /* none (len 0) if PROXY_UNSPEC, and with PROXY_LOCAL */
	struct str alpn, authority, unique_id, netns;
	bool has_crc32c; /* and it was right */
	bool has_ssl;
	struct proxy_ssl ssl;
};

enum proxy_fault {
	PROXY_FAULT_NONE,
	PROXY_FAULT_SIGNATURE, /* no PROXY header at all */
	/* version 1 */
	PROXY_FAULT_LINE,     /* CR or LF alone, or no CRLF in 107 bytes */
	PROXY_FAULT_PROTOCOL, /* neither TCP4 nor TCP6 nor UNKNOWN */
	PROXY_FAULT_ADDRESS,  /* not of that family, or, in version 2, a path without end */
	PROXY_FAULT_PORT,
	/* version 2 */
	PROXY_FAULT_VERSION,
	PROXY_FAULT_COMMAND,
	PROXY_FAULT_FAMILY,
	PROXY_FAULT_LENGTH,   /* shorter than the addresses of its family */
	PROXY_FAULT_TOO_LONG, /* longer than the reader allows */
	PROXY_FAULT_TLV,      /* runs past the end of what it stands in */
	PROXY_FAULT_VALUE,    /* of a length that its type does not take */
	PROXY_FAULT_CRC32C,
	N_PROXY_FAULTS,
};

/* "signature", "crc32c", …: in logs and metrics. */
const char *proxy_fault_name(enum proxy_fault fault);

/*
 * Decode the header at the front of [p, p+n), of at most `max` bytes (a line of version 1 never has
 * more than 107). PARSE_OK fills *h; PARSE_BAD sets *fault; without PARSE_OK *h is zero.
 *
 * Whatever stands behind PROXY_LOCAL and behind UNKNOWN is skipped unread, as 2.1 and 2.2 want it.
 * Of a type that comes twice the last one counts. The caller says what to do with what is sound but
 * no TCP over IP: HAProxy 2.6 takes PROXY_LOCAL and a bare `PROXY UNKNOWN` by the addresses of the
 * connection itself, and closes on PROXY_CARRIED with PROXY_UNSPEC, with PROXY_UNIX and with
 * datagrams. Stricter here than there: zeros in front of numbers, ports above 65535 and SSL TLVs
 * that are cut are faults; more lenient: UNKNOWN may be followed by addresses.
 */
enum parse proxy_header_decode(const uint8_t *p, size_t n, size_t max, struct proxy_header *h,
			       enum proxy_fault *fault) MUST_USE;

/* The CN of a certificate that was shown and verified, or an absent view. */
struct str proxy_cn(const struct proxy_header *h);

/* What a header of version 2 is to carry beside addresses and ALPN. */
enum proxy_send {
	PROXY_SEND_SSL = 1 << 0,
	PROXY_SEND_CERT_CN = 1 << 1, /* it and the next three imply PROXY_SEND_SSL */
	PROXY_SEND_SSL_CIPHER = 1 << 2,
	PROXY_SEND_CERT_SIG = 1 << 3,
	PROXY_SEND_CERT_KEY = 1 << 4,
	PROXY_SEND_AUTHORITY = 1 << 5,
	PROXY_SEND_CRC32C = 1 << 6,
	PROXY_SEND_UNIQUE_ID = 1 << 7,
	PROXY_SEND_BARE_LOCAL = 1 << 8, /* as HAProxy: an empty LOCAL gets no NOOP */
};

/* The option of that name in `proxy-v2-options`; 0: there is none. */
enum proxy_send proxy_send_by_name(struct str name);

/* Room for every header whose texts are no longer than certificates and TLS usually have them. */
enum { PROXY_HEADER_ROOM = 2048 };

/*
 * Write the header of version h->version with these options into out. Returns its length, or 0 if
 * `size` is too small; then out's bytes mean nothing. Of *h are read: version, command, source,
 * destination, alpn, authority, unique_id, ssl. `send-proxy-v2-ssl` is PROXY_SEND_SSL,
 * `send-proxy-v2-ssl-cn` is PROXY_SEND_CERT_CN.
 *
 * The bytes are those of HAProxy 2.6: addresses of two families both go as IPv6; a unique id is cut
 * to 128 bytes; there is an SSL TLV, with zeros alone, for a client without TLS; a client without
 * IP addresses is `PROXY UNKNOWN` in version 1 and LOCAL in version 2. They differ on purpose in
 * two things: the CN of a certificate that did not verify is not sent, since EMQX takes it as the
 * username all the same; and a LOCAL that would be empty gets a NOOP, since EMQX and ejabberd hang
 * on one of length zero, unless PROXY_SEND_BARE_LOCAL is given.
 *
 * For a health check HAProxy names, in version 1, the two ends of the checking connection as any
 * client's; in version 2 it sends PROXY_LOCAL, without unique id, or with `pp2-never-send-local`
 * PROXY_CARRIED and those two ends. So does usher: the caller sets command and addresses.
 */
size_t proxy_header_encode(const struct proxy_header *h, unsigned options, uint8_t *out,
			   size_t size) MUST_USE;

#endif
