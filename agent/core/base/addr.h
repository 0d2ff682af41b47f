/*
 * Addresses: a client's IP as a fact, networks to match it with, and socket addresses in
 * HAProxy's notation (configuration manual, "Address formats").
 */
#ifndef USHER_CORE_BASE_ADDR_H
#define USHER_CORE_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

/* An IP address without port. */
struct ip {
	uint8_t family;	   /* 0: unknown, 4 or 6 */
	uint8_t bytes[16]; /* network order; the first 4 for IPv4 */
};

/* "192.0.2.1", "2001:db8::1". False if it is neither. */
bool ip_parse(struct str s, struct ip *ip) MUST_USE;

enum { IP_TEXT = 46 }; /* longest text with its NUL */
/* Writes text into out[IP_TEXT]; "-" when unknown. Returns out. */
const char *ip_format(const struct ip *ip, char *out);

/* A network: address and prefix length. IPv4-mapped IPv6 addresses count as IPv4. */
struct cidr {
	struct ip ip; /* host bits are zero */
	uint8_t bits;
};

/* "10.0.0.0/8", or an address alone, meaning all of its bits. */
bool cidr_parse(struct str s, struct cidr *c) MUST_USE;
bool cidr_has(const struct cidr *c, const struct ip *ip);

/* A socket address. */
struct addr {
	socklen_t len; /* 0: none */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

enum addr_result {
	ADDR_OK,
	ADDR_NAME,    /* sound, but the host is a name to resolve */
	ADDR_NO_PORT, /* an IP or name without port */
	ADDR_BAD_PORT,
	ADDR_BAD,
};

/*
 * "127.0.0.1:1883", ":1883", "*:1883", "[::1]:1883", "ipv4@…", "ipv6@…", "/run/x.sock",
 * "unix@/run/x.sock", "abns@name". ADDR_OK fills *a; a missing port with need_port false is 0.
 */
enum addr_result addr_parse(struct str s, bool need_port, struct addr *a) MUST_USE;

/* The IP address in it, unknown (family 0) for a UNIX socket, and its port, then 0. */
void addr_ip(const struct addr *a, struct ip *ip);
uint16_t addr_port(const struct addr *a);
/* Port 0 of an IP address becomes this one. */
void addr_default_port(struct addr *a, uint16_t port);

/* The same IP address and port. False for UNIX sockets. */
bool addr_same_port(const struct addr *a, const struct addr *b);

enum { ADDR_TEXT = 128 };
/* The notation addr_parse() reads, into out[ADDR_TEXT]. Returns out. */
const char *addr_format(const struct addr *a, char *out);

#endif
