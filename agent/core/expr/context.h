/*
 * What an evaluation may look at: one session as it stands now. The caller fills it, evaluates, and
 * keeps what the views point at alive meanwhile. A view that is absent (p == NULL) and an address
 * of family 0 are facts that nobody knows: fetching them yields nothing.
 *
 * What lives outside a session (variables, stick tables, counters) is asked for through functions.
 * A NULL function knows nothing. What they answer must stay valid as long as the context does.
 */
#ifndef USHER_CORE_EXPR_CONTEXT_H
#define USHER_CORE_EXPR_CONTEXT_H

#include "agent/core/expr/sample.h"

struct http1_head;

enum var_scope {
	VAR_PROC,
	VAR_SESS,
	VAR_TXN,
	VAR_REQ,
	VAR_RES,
	N_VAR_SCOPES,
};

/* What a stick table may store under a key; the words are HAProxy's. */
#define EXPR_TABLE_DATA(X)                                                                         \
	X(BYTES_IN_RATE, bytes_in_rate)                                                            \
	X(BYTES_OUT_RATE, bytes_out_rate)                                                          \
	X(CONN_CNT, conn_cnt)                                                                      \
	X(CONN_CUR, conn_cur)                                                                      \
	X(CONN_RATE, conn_rate)                                                                    \
	X(GPC0_RATE, gpc0_rate)                                                                    \
	X(GPC1_RATE, gpc1_rate)                                                                    \
	X(KBYTES_IN, kbytes_in)                                                                    \
	X(KBYTES_OUT, kbytes_out)                                                                  \
	X(SESS_CNT, sess_cnt)                                                                      \
	X(SESS_RATE, sess_rate)

enum table_data {
#define X(name, word) TABLE_##name,
	EXPR_TABLE_DATA(X)
#undef X
		TABLE_GPC0,
	TABLE_GPC1,
	TABLE_GPT0,
	TABLE_SERVER_ID,
	TABLE_TRACKERS, /* how many sessions track the key */
	TABLE_IDLE,
	TABLE_EXPIRE,
	TABLE_PRESENT, /* is the key there? A boolean */
	N_TABLE_DATA,
};

/* What the process counts about a frontend, a backend or a server. */
enum expr_count {
	COUNT_NBSRV, /* usable servers */
	COUNT_BE_CONN,
	COUNT_BE_CONN_FREE,
	COUNT_BE_SESS_RATE,
	COUNT_CONNSLOTS,
	COUNT_QUEUE,
	COUNT_AVG_QUEUE,
	COUNT_FE_CONN,
	COUNT_FE_SESS_RATE,
	COUNT_DST_CONN, /* on the same listening socket */
	COUNT_SRV_CONN,
	COUNT_SRV_CONN_FREE,
	COUNT_SRV_QUEUE,
	COUNT_SRV_SESS_RATE,
	COUNT_SRV_WEIGHT,
	COUNT_SRV_IWEIGHT,
	COUNT_SRV_UWEIGHT,
	COUNT_SRV_IS_UP,
	COUNT_TABLE_CNT, /* entries of a table */
	COUNT_TABLE_AVL, /* room in it */
};

/* A part of a distinguished name, in the certificate's order. */
struct dn_entry {
	struct str name; /* "CN" */
	struct str value;
};

/* The client's side of TLS, when usher terminates it. */
struct expr_tls {
	struct str sni, alpn, protocol, cipher;
	bool certificate_used;
	bool certificate_is_new; /* it came in this handshake, not by resumption */
	bool is_resumed;
	int64_t verify; /* X509_V_*, 0: no fault, also without a certificate */
	const struct dn_entry *subject, *issuer;
	size_t n_subject, n_issuer;
};

struct expr_context {
	struct scratch scratch;

	struct str request, response; /* bytes that came and were not forwarded */
	bool request_may_grow;	      /* more may come, and there is time left to wait for it */
	bool response_may_grow;
	const struct http1_head *http; /* of the request, in mode http; NULL: there is none */
	/* A condition looks at each of several values: which one, from 1, is asked for; 0: the one
	 * that counts where there is no condition. The fetch says whether there are more, and notes
	 * for itself where they begin: a client may send thousands. */
	unsigned nth;
	bool has_more;
	struct {
		size_t field;
		struct str rest;
	} behind;

	struct ip src, dst;
	uint16_t src_port, dst_port;
	struct ip server_src, server_dst; /* of the connection to the server */
	uint16_t server_src_port, server_dst_port;
	bool came_by_proxy_header;

	struct str frontend, backend, server, listener; /* names */
	int64_t frontend_id, backend_id, server_id, listener_id;
	struct str default_backend;
	struct str unique_id;

	const struct expr_tls *tls; /* NULL: not TLS */

	int64_t now_us; /* wall clock, microseconds since 1970 */
	bool is_stopping;

	/*
	 * How mqtt_is_valid and mqtt_field_value judge a CONNECT: by the specifications, bridges
	 * included, or as HAProxy does, which is laxer and refuses bridges.
	 */
	bool mqtt_is_strict;

	void *arg; /* for the functions */
	/* 64 random bits. */
	uint64_t (*random)(void *arg);
	/* The value of a variable: sets *s, without touching may_change. False: it is not set. */
	bool (*get_var)(void *arg, enum var_scope scope, struct str name, struct sample *s);
	/*
	 * What a table says of a key; an empty table name is the current proxy's. A key that is not
	 * there reads as the table's data would at their start, 0, except IDLE and EXPIRE, which
	 * have no value then. False: no such value.
	 */
	bool (*table_lookup)(void *arg, struct str table, const struct sample *key,
			     enum table_data what, struct sample *s);
	/*
	 * The same for the key that the session tracks with counter 0, 1 or 2. An empty table name
	 * is the one it is tracked in. False: it tracks none.
	 */
	bool (*tracked)(void *arg, unsigned counter, struct str table, enum table_data what,
			struct sample *s);
	/* A count; an empty proxy name is the current one. False: there is no such proxy or server.
	 */
	bool (*count)(void *arg, enum expr_count what, struct str proxy, struct str server,
		      int64_t *number);
};

#endif
