/*
 * The rules that haproxy.cfg gives a proxy, compiled: tcp-request connection|session|content,
 * http-request in mode http, use_backend, use-server, stick on|match|store-request, stick-table,
 * balance hash, and `sni` of servers. (Configuration manual, 4.2, 5.2; 7 for what they look at.)
 *
 * Compiled once per world and immutable then; evaluated on many threads, each with a walk of its
 * own. Nothing here waits or talks to anybody: what a rule wants done comes back as an outcome or
 * goes through struct rules_hooks.
 */
#ifndef USHER_CORE_RULES_RULES_H
#define USHER_CORE_RULES_RULES_H

#include "agent/core/base/report.h"
#include "agent/core/expr/context.h"
#include "agent/core/expr/log_format.h"
#include "agent/core/rules/vars.h"
#include "agent/core/table/table.h"
#include "agent/core/topology/model.h"

struct rules;

/*
 * Compile those of one proxy. Faults are reported in HAProxy's words, all of them; NULL when
 * there was an alert. The topology must outlive the result. blanks: those inside brackets, which
 * HAProxy refuses, are a warning.
 */
struct rules *rules_compile(const struct topology *t, const struct proxy *p, bool blanks,
			    struct report *r);
void rules_free(struct rules *rules);

/*
 * Compile a format of the proxy's log lines, with the same checks: `keyword` is the line's word and
 * `at` its place. False, with alerts: there is none, and *f needs no log_format_fini().
 */
bool rules_compile_log_format(struct log_format *f, const struct topology *t, const struct proxy *p,
			      const char *keyword, struct place at, const char *text, bool blanks,
			      struct report *r) MUST_USE;

/* The stick-table the proxy declares; NULL: none. */
const struct table_spec *rules_table(const struct rules *rules);

/*
 * Must the request be read before the frontend's own rules, its use_backend rules and the stick
 * rules and use-server rules of the backends it leads to can be decided? Such a frontend waits for
 * the client's first bytes, as long as `tcp-request inspect-delay` says.
 */
bool rules_need_request(const struct rules *rules);

/* Is there a `send-spoe-group` of ours among the proxy's own rules? */
bool rules_ask(const struct rules *rules);

/* What becomes of a field of the request. */
enum rules_field {
	RULES_FIELD_SET, /* it has this one value */
	RULES_FIELD_ADD, /* one more */
	RULES_FIELD_DELETE,
};

/* What rules do to the session beside deciding. NULL: nothing comes of it. */
struct rules_hooks {
	void *arg;
	struct vars *vars; /* set-var writes here; the context's get_var must read there */
	/*
	 * track-sc0..2: the table's name, "" for the proxy's own. A counter that tracks already
	 * keeps its key: a list that waits is evaluated anew.
	 */
	void (*track)(void *arg, unsigned counter, struct str table, const struct sample *key);
	/*
	 * sc-inc-gpc0(0), sc-inc-gpc1(0), sc-set-gpt0(0) N: what becomes n (set) or grows by n. A
	 * counter that tracks nothing stays as it is.
	 */
	void (*counter)(void *arg, unsigned counter, enum table_data what, bool is_set, int64_t n);
	/*
	 * set-header, add-header, del-header: a field of the request from now on. False: there is
	 * no room for it, and the client is refused with 500, as in HAProxy's strict mode.
	 */
	bool (*field)(void *arg, enum rules_field how, struct str name, struct str value);
};

enum rules_stage {
	RULES_CONNECTION, /* at accept */
	RULES_SESSION,	  /* once the address is known for good (PROXY header) */
	RULES_CONTENT,	  /* of a frontend or a backend: may wait for bytes */
	RULES_HTTP,	  /* http-request, of either, in mode http: once the head is there */
	N_RULES_STAGES,
};

enum rules_outcome {
	RULES_PASS,   /* an accept, or the end of the list */
	RULES_REJECT, /* close, without a word */
	RULES_DROP,   /* silent-drop: let the client believe that it is connected */
	RULES_WAIT,   /* for more bytes, or for the end of the delay */
	RULES_ASK,    /* `send-spoe-group` of ours: decide, set the verdict's variables, go on */
	RULES_REFUSE, /* `use-service lua.usher_…`: CONNACK with this walk's `refusal` */
	RULES_DENY,   /* `http-request deny`, `return`: this walk's `status` */
};

/* The services of usher.lua, done in-process. */
enum rules_refusal {
	RULES_REFUSE_VERDICT,	  /* lua.usher_refuse: what the verdict says */
	RULES_REFUSE_QUOTA,	  /* lua.usher_over_quota */
	RULES_REFUSE_UNAVAILABLE, /* lua.usher_unavailable */
};

/* Where a session stands in one list. Start with all zero. */
struct rules_walk {
	uint32_t from;	   /* the first rule to look at when the list is evaluated anew */
	uint32_t acting;   /* one more than the rule that goes on with its action; 0: none */
	bool expect_proxy; /* `expect-proxy layer4` applied: a PROXY header comes first */
	enum rules_refusal refusal;
	unsigned status; /* of HTTP; one that http1_refusal_encode() knows */
};

/*
 * Evaluate from where the walk stands. While bytes may still come and there is time left to wait
 * for them, x->request_may_grow is set; where it is not (the delay is over or was never given, the
 * client sends no more, the buffer is full) RULES_WAIT does not come back. Lists but CONTENT never
 * wait. As in HAProxy a list that waits for a condition is evaluated anew when more is there, from
 * its first rule, but not from before an ASK; one that waits for the key of a track-sc goes on
 * with that rule.
 *
 * An accept ends one list. A listen section that is its own backend has run its content rules as a
 * frontend and does not run them again.
 */
enum rules_outcome rules_run(const struct rules *rules, enum rules_stage stage,
			     struct rules_walk *walk, struct expr_context *x,
			     const struct rules_hooks *hooks);

/*
 * `use_backend`: the first that applies; NULL: default_backend. Nothing waits here: what is not
 * decided yet does not apply. A name made at run time that is no backend's ends the search.
 */
const struct proxy *rules_use_backend(const struct rules *rules, struct expr_context *x);

/*
 * `use-server`: the first that applies and whose server may be used; NULL: none. may_use is asked
 * of each candidate. A name made at run time that is no server's ends the search.
 */
const struct server *rules_use_server(const struct rules *rules, struct expr_context *x,
				      bool (*may_use)(void *arg, const struct server *s),
				      void *arg);

/* `stick on|match`: the keys to look up, in file order. table is a name, "" for the own one. */
struct stick_lookup {
	struct str table;
	struct sample key; /* valid until the next evaluation in the same context */
};

/*
 * The next `stick on|match` rule from position i on, at first 0, whose condition holds and that has
 * a key: fills *lookup and returns where to go on, 0 at the end.
 */
size_t rules_stick_match(const struct rules *rules, size_t i, struct expr_context *x,
			 struct stick_lookup *lookup);
/*
 * The same for `stick on|store-request`; of several rules with one table only the first that has
 * a key counts, and of all of them the first eight.
 */
size_t rules_stick_store(const struct rules *rules, size_t i, struct expr_context *x,
			 struct stick_lookup *lookup);

/* `balance hash EXPRESSION`: false when there is no value. */
bool rules_balance_key(const struct rules *rules, struct expr_context *x, struct sample *key);

/*
 * `sni EXPRESSION`: the name that the server is told in TLS, as text; false when there is no value.
 * In it may stand whatever the expression takes from the client.
 */
bool rules_server_name(const struct rules *rules, const struct server *s, struct expr_context *x,
		       struct sample *name);

#endif
