/*
 * Compiled rules as they lie in memory, and what their compiler's parts share. For
 * agent/core/rules alone.
 */
#ifndef USHER_CORE_RULES_RULE_H
#define USHER_CORE_RULES_RULE_H

#include "agent/core/expr/acl.h"
#include "agent/core/expr/log_format.h"
#include "agent/core/rules/rules.h"

enum rule_action {
	RULE_NOTHING, /* read, but of no effect here */
	RULE_ACCEPT,
	RULE_REJECT,
	RULE_DROP,
	RULE_SET_VAR,
	RULE_SET_VAR_FMT,
	RULE_UNSET_VAR,
	RULE_TRACK,
	RULE_COUNT,
	RULE_EXPECT_PROXY,
	RULE_ASK,
	RULE_REFUSE,
	RULE_DENY,
	RULE_FIELD,
};

/* set-var(NAME,CONDITION…) */
enum {
	SET_IF_EMPTY = 1 << 0,
	SET_IF_NOT_EMPTY = 1 << 1,
	SET_IF_SET = 1 << 2,
	SET_IF_NOT_SET = 1 << 3,
	SET_IF_GREATER = 1 << 4,
	SET_IF_LESS = 1 << 5,
};

/* What stands behind a rule; without one it always applies. */
struct rule_if {
	bool is_there;
	struct acl_condition condition;
};

/* An action of `tcp-request`. */
struct rule {
	enum rule_action action;
	struct rule_if when;
	struct expr expr;	  /* SET_VAR, TRACK; COUNT with is_set, unless a number was given */
	struct log_format format; /* SET_VAR_FMT, FIELD */
	enum var_scope scope;
	char *name; /* owned: a variable's, behind the scope; a field's */
	enum rules_field how;
	unsigned set_if;
	unsigned counter;  /* TRACK, COUNT */
	const char *table; /* TRACK; borrowed from the line, "": the proxy's own */
	enum table_data what;
	bool is_set;
	int64_t number; /* COUNT; DENY: the status */
	enum rules_refusal refusal;
};

/* `use_backend`, `use-server`: one of static, known at start, and format. */
struct rule_choice {
	struct rule_if when;
	const struct proxy *backend;
	const struct server *server;
	bool is_dynamic;
	struct log_format format;
};

struct rule_stick {
	struct rule_if when;
	bool matches, stores;
	struct expr expr;
	const char *table; /* borrowed from the line, "": the proxy's own */
};

/* The `acl` lines of one section: the proxy's, or those of a defaults section it inherits from. */
struct rule_scope {
	const struct proxy *section;
	struct acl_set acls;
};

struct rules {
	const struct topology *t;
	const struct proxy *p;	    /* whose rules they are */
	struct rule_scope **scopes; /* owned, and so is each */
	size_t n_scopes;
	struct rule_list {
		struct rule *rules; /* owned */
		size_t n;
	} lists[N_RULES_STAGES];
	struct rule_choice *backends, *servers; /* owned */
	size_t n_backends, n_servers;
	struct rule_stick *sticks; /* owned */
	size_t n_sticks;
	struct expr balance;	   /* no calls: none */
	struct expr *server_names; /* owned; by server index, no calls: none; NULL: nowhere */
	bool has_table;
	struct table_spec table;
	bool asks, needs_request;
};

struct rule_compiler {
	const struct topology *t;
	const struct proxy *p;
	struct rules *rules;
	struct report *r;
	struct report late;	     /* what HAProxy looks at only when all lines were sound */
	const struct raw_line *line; /* at hand */
	size_t action;		     /* its word that names an action */
	struct rule_scope *scope;    /* whose ACLs the line may use */
	bool blanks;		     /* may stand inside brackets */
	bool is_faulty;		     /* an alert was given */
	char what[EXPR_ERROR];	     /* why the expression engine refused */
};

/* The word at i of the line at hand, "" behind the last. */
static inline const char *
rule_word(const struct rule_compiler *c, size_t i)
{
	return i < c->line->n ? c->line->words[i] : "";
}

static inline bool
rule_is_condition(const char *word)
{
	return strcmp(word, "if") == 0 || strcmp(word, "unless") == 0;
}

/* "frontend", "backend", "proxy", "defaults": whose line is at hand, in HAProxy's messages. */
const char *rule_section_kind(const struct rule_compiler *c);
const char *rule_section_name(const struct rule_compiler *c);

/* A finding of the line: "parsing [file:line] : …". One that was given already is not repeated. */
void rule_alert(struct rule_compiler *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void rule_warn(struct rule_compiler *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* An alert of references, without place. */
void rule_alert_late(struct rule_compiler *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Warn of what was taken, but HAProxy would refuse or warn of; c->what is the engine's word. */
void rule_note(struct rule_compiler *c, enum expr_status status);

/* Which of enum expr_needs are not there in a stage; and in use-server, balance and stick rules. */
unsigned rule_absent(const struct proxy *p, enum rules_stage stage);
enum { RULE_ABSENT_IN_BACKEND = EXPR_NEEDS_RESPONSE | EXPR_NEEDS_SERVER };

/* The first that is needed and absent, as HAProxy calls it; NULL: nothing is. */
const char *rule_missing(const struct expr *e, unsigned absent);

/*
 * Compile the expression at word *i, and move *i behind it. False: c->what says why. `in` is where
 * it stands, for messages about what it refers to.
 */
bool rule_compile_expr(struct rule_compiler *c, size_t *i, struct expr *e, const char *in) MUST_USE;

/* The same for the log-format at word i. */
bool rule_compile_format(struct rule_compiler *c, size_t i, struct log_format *f, unsigned absent,
			 const char *in) MUST_USE;

/*
 * Compile the words from i on, "if …" or "unless …" or none at all. False: c->what says why.
 * `rule`, which may be "", and `where` name the rule should its condition never hold.
 */
bool rule_compile_if(struct rule_compiler *c, size_t i, struct rule_if *when, unsigned absent,
		     const char *rule, const char *where) MUST_USE;

/* server_name.c: the `sni` of all server lines. */
void rule_compile_server_names(struct rule_compiler *c);

/* action.c: the `tcp-request` or `http-request` line at hand becomes a rule. */
void rule_compile_action(struct rule_compiler *c);
void rule_compile_http_action(struct rule_compiler *c);

/*
 * variable.c: read "(txn.name,ifset)" behind set-var and its kin into rule->scope, name and set_if.
 * Variables of some scopes do not exist in a stage: HAProxy then sets nothing, *has_effect is
 * false.
 */
bool rule_read_variable(struct rule_compiler *c, enum rules_stage stage, const char *after,
			struct rule *rule, bool *has_effect) MUST_USE;

/* rule.c */
void rule_if_fini(struct rule_if *when);
void rule_fini(struct rule *rule);
void rule_stick_fini(struct rule_stick *stick);
/* Fill rules->asks and rules->needs_request from the rest. */
void rule_sum_up(struct rules *rules);

/* reference.c: does what they name exist? Alerts come late. `in` NULL: an ACL. */
void rule_check_expr(struct rule_compiler *c, const struct expr *e, const char *in);
void rule_check_table(struct rule_compiler *c, const char *table, const struct expr *e,
		      const char *action);
void rule_check_engine(struct rule_compiler *c, const char *engine, const char *group);

#endif
