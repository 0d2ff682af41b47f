/* Numbers that reader and writer of PROXY headers share. */
#ifndef USHER_CORE_WIRE_PROXY_TLV_H
#define USHER_CORE_WIRE_PROXY_TLV_H

#define PROXY_SIGNATURE                                                                            \
	{                                                                                          \
		'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'                    \
	}

enum proxy_tlv {
	PROXY_TLV_ALPN = 0x01,
	PROXY_TLV_AUTHORITY = 0x02,
	PROXY_TLV_CRC32C = 0x03,
	PROXY_TLV_NOOP = 0x04,
	PROXY_TLV_UNIQUE_ID = 0x05,
	PROXY_TLV_SSL = 0x20,
	PROXY_TLV_SSL_VERSION = 0x21, /* this and the next four inside PROXY_TLV_SSL */
	PROXY_TLV_SSL_CN = 0x22,
	PROXY_TLV_SSL_CIPHER = 0x23,
	PROXY_TLV_SSL_SIG_ALG = 0x24,
	PROXY_TLV_SSL_KEY_ALG = 0x25,
	PROXY_TLV_NETNS = 0x30,
};

#endif
