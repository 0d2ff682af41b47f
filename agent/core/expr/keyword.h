/*
 * Fetches and converters as tables: what the compiler checks, what runs, and what the manual is
 * made from. A keyword that HAProxy knows and usher does not stands here as well, with the reason,
 * so that it is refused by name and never read as something else.
 */
#ifndef USHER_CORE_EXPR_KEYWORD_H
#define USHER_CORE_EXPR_KEYWORD_H

#include "agent/core/expr/context.h"

enum { EXPR_ARGS_MAX = 4, EXPR_WORDS_MAX = 64, EXPR_ERROR = 384 };

enum arg_type {
	ARG_NONE, /* no further argument; or one that was left away */
	ARG_STR,
	ARG_INT,
	ARG_IPV4,
	ARG_IPV6,
	ARG_MASK4,    /* "255.0.0.0" or "8" */
	ARG_MASK6,    /* "ffff::" or "64" */
	ARG_VAR,      /* "txn.name" */
	ARG_VALUE,    /* an integer or a variable */
	ARG_FRONTEND, /* names of things of haproxy.cfg; the compiler does not look them up */
	ARG_BACKEND,
	ARG_SERVER, /* "backend/server" or "server" */
	ARG_TABLE,
};

struct expr_arg {
	enum arg_type type;   /* VALUE becomes INT or VAR; NONE: left away */
	enum var_scope scope; /* VAR */
	int64_t number;	      /* INT */
	struct ip ip;	      /* IPV4, IPV6, MASK4, MASK6 */
	struct str text;      /* owned: as it was written; for VAR the name behind the scope */
};

/* What a fetch needs to be there. The proxy inspects a frontend whose rules need its request. */
enum expr_needs {
	EXPR_NEEDS_REQUEST = 1,
	EXPR_NEEDS_RESPONSE = 2,
	EXPR_NEEDS_BACKEND = 4,
	EXPR_NEEDS_SERVER = 8,
	EXPR_NEEDS_TRACKING = 16,
	EXPR_NEEDS_HTTP = 32, /* the head of a request: in mode http alone */
};

/* A keyword with its arguments. */
struct expr_call {
	const struct expr_keyword *keyword;
	struct expr_arg args[EXPR_ARGS_MAX];
	unsigned n_args;
	char *data; /* owned: what the keyword's check() made of its arguments, or NULL */
	size_t data_len;
};

struct expr_keyword {
	const char *name;
	enum arg_type args[EXPR_ARGS_MAX];
	unsigned n_required;
	enum sample_type in;  /* converters: what they work on */
	enum sample_type out; /* what they yield */
	unsigned needs;	      /* enum expr_needs */
	int detail;	      /* lets keywords of a family share functions */
	unsigned counter;     /* of the fetches on tracked counters */
	/*
	 * Fetches fill *s. Converters work on *s, which has the type `in`. False: no value, and
	 * then s->may_change tells whether there may be one later.
	 */
	bool (*eval)(const struct expr_call *call, struct expr_context *x, struct sample *s);
	/* Look at the arguments once they are read; what[EXPR_ERROR] says what is wrong. */
	bool (*check)(struct expr_call *call, char *what);
	const char *refused; /* why usher does not do it; then there is no eval */
};

/* A table of keywords ends with a row without name. */
extern const struct expr_keyword expr_fetch_state[];
extern const struct expr_keyword expr_fetch_session[];
extern const struct expr_keyword expr_fetch_payload[];
extern const struct expr_keyword expr_fetch_http[];
extern const struct expr_keyword expr_fetch_tls[];
extern const struct expr_keyword expr_fetch_table[];
extern const struct expr_keyword expr_fetch_refused[];
extern const struct expr_keyword expr_convert_number[];
extern const struct expr_keyword expr_convert_text[];
extern const struct expr_keyword expr_convert_bytes[];
extern const struct expr_keyword expr_convert_hash[];
extern const struct expr_keyword expr_convert_table[];
extern const struct expr_keyword expr_convert_mqtt[];
extern const struct expr_keyword expr_convert_refused[];

enum expr_kind { EXPR_FETCH, EXPR_CONVERTER };

/* Walk all keywords of a kind: *at starts at 0. NULL after the last. */
struct expr_cursor {
	size_t table, row;
};
const struct expr_keyword *expr_keyword_next(enum expr_kind kind, struct expr_cursor *at);

/* By name, or NULL. */
const struct expr_keyword *expr_keyword_find(enum expr_kind kind, struct str name);

/* What was probably meant, or NULL. */
const char *expr_keyword_nearest(enum expr_kind kind, struct str name);

/* "integer", "IPv4 mask": as HAProxy's messages call it. */
const char *expr_arg_type_name(enum arg_type type);

#endif
