/*
 * What a handshake has shown, for rules and logs.
 *
 * A name with NUL or another control character is not cut and not handed on: it is as if it had
 * not been sent, and has_bad_name says so. Of a distinguished name no part is left then.
 */
#ifndef USHER_TLS_FACTS_H
#define USHER_TLS_FACTS_H

#include "agent/core/expr/context.h"
#include "agent/tls/conn.h"

enum {
	TLS_DN_ENTRIES_MAX = 64,    /* of one name; more is a bad name */
	TLS_DN_BYTES_MAX = 8 << 10, /* their values */
};

struct tls_facts {
	struct expr_tls tls; /* views into this struct and into the connection */
	struct str cn;	     /* the client's first common name */
	bool is_verified;    /* it showed a certificate, and that is trusted */
	bool has_bad_name;
	struct dn_entry *entries; /* owned */
	char *text;		  /* owned */
};

/*
 * The facts of a connection whose handshake is done, for as long as it lives. 0 or -ENOMEM: then
 * there is nothing to end.
 */
int tls_facts_init(struct tls_facts *f, const struct tls_conn *c) MUST_USE;
void tls_facts_fini(struct tls_facts *f);

#endif
