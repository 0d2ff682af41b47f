/*
 * Conditions of haproxy.cfg (HAProxy configuration manual, 7.1 and 7.2): `acl` lines, and what
 * stands behind `if` and `unless`.
 *
 *	acl bad src 10.0.0.0/8
 *	… unless { req.payload(0,0),mqtt_is_valid } !bad or TRUE
 *
 * Compiled at start, immutable then. Evaluation takes a context and allocates nothing.
 */
#ifndef USHER_CORE_EXPR_ACL_H
#define USHER_CORE_EXPR_ACL_H

#include "agent/core/base/map.h"
#include "agent/core/expr/expr.h"
#include "agent/core/expr/match.h"

/* In this order "and" is the least, "or" the greatest, and "not" counts from the other end. */
enum acl_result {
	ACL_FAIL,
	ACL_UNDECIDED, /* more bytes may decide it */
	ACL_PASS,
};

/* A name and the tests of all its `acl` lines; one that passes is enough. */
struct acl {
	bool is_predefined; /* no line of the file has made it */
	char *name;	    /* owned; NULL: anonymous */
	struct acl_test {
		struct expr expr;
		struct match match;
	} * tests; /* owned */
	size_t n_tests;
};

/* The named ACLs of one proxy. */
struct acl_set {
	struct acl **acls; /* owned, in the order of their first line */
	size_t n_acls;
	struct map by_name;
};

void acl_set_init(struct acl_set *set);
void acl_set_fini(struct acl_set *set);

/* An `acl` line: words[0] is the name. what[EXPR_ERROR] as for expr_compile(). */
enum expr_status acl_set_add(struct acl_set *set, const char *const *words, size_t n, char *what)
	MUST_USE;

/* A condition: alternatives of terms that must all pass. */
struct acl_condition {
	bool is_unless;
	struct acl_term {
		struct acl *acl; /* owned if anonymous, else borrowed from the set */
		bool is_negated;
		bool starts_alternative;
	} * terms; /* owned */
	size_t n_terms;
};

void acl_condition_fini(struct acl_condition *c);

/*
 * Compile; words[0] is "if" or "unless". The named ACLs it uses must have been added already, as
 * in HAProxy, and the set must outlive it. On EXPR_BAD *c needs no acl_condition_fini().
 */
enum expr_status acl_condition_compile(struct acl_condition *c, struct acl_set *set,
				       const char *const *words, size_t n, char *what) MUST_USE;

enum acl_result acl_condition_eval(const struct acl_condition *c, struct expr_context *x);

/* enum expr_needs of all its expressions. */
unsigned acl_condition_needs(const struct acl_condition *c);

#endif
