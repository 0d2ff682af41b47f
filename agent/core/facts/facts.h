/*
 * What is known of one CONNECT when it is decided, whichever door it came through.
 *
 * Strings are views into the door's own bytes and live as long as the decision. A fact that is
 * not known (the door cannot see it, or the client did not send it) has no bit in `known`;
 * nothing else says so. HAProxy shows an empty string and an absent one alike, so an empty string
 * is never known.
 *
 * Beside the facts of the table there are those that a policy names itself, headers of a WebSocket
 * upgrade and user properties of MQTT 5: `struct fact_names` lists them, and each has the number
 * FACT_NAMED + its place there. A door looks only for those that are listed.
 */
#ifndef USHER_CORE_FACTS_FACTS_H
#define USHER_CORE_FACTS_FACTS_H

#include "agent/core/base/addr.h"
#include "agent/core/base/str.h"

enum { FACTS_NAMED_MAX = 16 };

enum fact {
	FACT_CLIENT_ID,
	FACT_USERNAME,
	FACT_PROTOCOL, /* "3.1", "3.1.1", "5.0" */
	FACT_CLEAN_START,
	FACT_KEEPALIVE,	     /* s */
	FACT_SESSION_EXPIRY, /* s; absent and 0 are one value */
	FACT_SOURCE,
	FACT_SOURCE_PORT,
	FACT_DESTINATION,
	FACT_DESTINATION_PORT,
	FACT_FRONTEND,
	FACT_TRANSPORT, /* "tcp", "tls", "ws", "wss" */
	FACT_SNI,
	FACT_ALPN,
	FACT_TLS_VERSION, /* "TLSv1.3" */
	FACT_CN,	  /* of the client certificate; see FACT_VERIFIED */
	FACT_VERIFIED,	  /* a client certificate was presented and verified */
	FACT_PATH,	  /* of a WebSocket upgrade: up to '?' */
	FACT_QUERY,	  /* behind '?' */
	FACT_HOST,	  /* without the port */
	N_FACTS,
	FACT_NAMED = N_FACTS, /* the first of those that the policy names */
	FACT_NONE = FACT_NAMED + FACTS_NAMED_MAX,
};

enum fact_type {
	FACT_TYPE_STRING,
	FACT_TYPE_NUMBER,
	FACT_TYPE_BOOL,
	FACT_TYPE_IP,
};

struct facts {
	uint64_t known; /* FACT_BIT()s */
	struct str client_id, username, protocol, frontend, transport;
	struct str sni, alpn, tls_version, cn, path, query, host;
	struct ip source, destination;
	uint32_t session_expiry;
	uint16_t source_port, destination_port, keepalive;
	bool clean_start, verified;
	struct str named[FACTS_NAMED_MAX]; /* from FACT_NAMED on */
};

#define FACT_BIT(fact) (UINT64_C(1) << (fact))

static inline bool
facts_has(const struct facts *f, enum fact fact)
{
	return f->known & FACT_BIT(fact);
}

/* Set one fact by its number. Empty strings and unknown addresses are left unknown. */
void facts_set_str(struct facts *f, enum fact fact, struct str value);
void facts_set_number(struct facts *f, enum fact fact, uint64_t value); /* booleans as well */
void facts_set_ip(struct facts *f, enum fact fact, const struct ip *value);

/* Read one fact by its number; the fact must be known and of that type. */
struct str facts_str(const struct facts *f, enum fact fact);
uint64_t facts_number(const struct facts *f, enum fact fact); /* booleans as 0 and 1 */
const struct ip *facts_ip(const struct facts *f, enum fact fact);

/* As written in usher.json; not of those that the policy names. */
const char *fact_name(enum fact fact);
enum fact_type fact_type(enum fact fact); /* those are strings */
/* N_FACTS if there is none of that name. */
enum fact fact_by_name(struct str name);

enum fact_family {
	FACT_FAMILY_HEADER,	   /* "header.NAME": the last field of that name, in any case */
	FACT_FAMILY_USER_PROPERTY, /* "user_property.NAME": the first of that name, byte for byte */
	N_FACT_FAMILIES,
};

/* The facts that one policy names, each once. */
struct fact_names {
	struct named_fact {
		enum fact_family family;
		char *text; /* owned; "header.x-region" as in usher.json, a header in lower case */
		struct str name; /* view into it: "x-region" */
	} items[FACTS_NAMED_MAX];
	size_t n;
};

/* "header", "user_property". */
const char *fact_family_name(enum fact_family family);
/* "header.X" → its family and "X", any bytes but none at all; false if it is no such text. */
bool fact_family_split(struct str text, enum fact_family *family, struct str *name);

/* The number of the fact of that family and name; FACT_NONE if it is not listed. */
enum fact fact_names_find(const struct fact_names *names, enum fact_family family, struct str name);
/* The same, and listed if it was not; FACT_NONE when the list is full. */
enum fact fact_names_add(struct fact_names *names, enum fact_family family, struct str name);
/* As written in usher.json, whether the policy names it or not. */
const char *fact_names_text(const struct fact_names *names, enum fact fact);
void fact_names_fini(struct fact_names *names);

/* "3.1", "3.1.1" or "5.0" for protocol level 3, 4, 5 (0x83 and 0x84: a bridge's 3 and 4). */
struct str fact_protocol(unsigned level);

#endif
