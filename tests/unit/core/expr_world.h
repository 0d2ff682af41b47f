/*
 * A session to evaluate expressions on: fixed facts, a few variables, one stick table.
 */
#ifndef USHER_TESTS_UNIT_CORE_EXPR_WORLD_H
#define USHER_TESTS_UNIT_CORE_EXPR_WORLD_H

#include "agent/core/expr/expr.h"
#include "tests/unit/run.h"

enum { WORDS_MAX = 32, LINE_MAX_LEN = 512 };

/* A line cut at its blanks, but for those inside '…' and "…" as a whole word. */
struct line {
	char text[LINE_MAX_LEN];
	const char *words[WORDS_MAX];
	size_t n;
};

static inline void
line_cut(struct line *l, const char *text)
{
	char *p = l->text;

	ck_assert_uint_lt(strlen(text), sizeof(l->text));
	strcpy(l->text, text);
	l->n = 0;
	while (*(p += strspn(p, " "))) {
		char quote = *p == '`' ? '`' : ' '; /* `a word with blanks` */

		p += quote == '`';
		l->words[l->n++] = p;
		p = strchr(p, quote);
		if (!p)
			break;
		*p++ = '\0';
	}
}

static bool
world_get_var(void *arg, enum var_scope scope, struct str name, struct sample *s)
{
	struct ip ip = { .family = 4, .bytes = { 10, 1, 2, 3 } };

	if (scope != VAR_TXN)
		return false;
	if (str_is(name, "s"))
		sample_set_str(s, STR("abc"));
	else if (str_is(name, "n"))
		sample_set_int(s, 7);
	else if (str_is(name, "ip"))
		sample_set_ip(s, &ip);
	else if (str_is(name, "w"))
		sample_set_str(s, STR("\"]\\a"));
	else if (str_is(name, "lf"))
		sample_set_str(s, STR("a\nb\x7f"));
	else if (str_is(name, "usher.max"))
		sample_set_int(s, 2);
	else if (str_is(name, "usher.tenant"))
		sample_set_str(s, STR("acme"));
	else
		return false;
	return true;
}

static bool
world_table_lookup(void *arg, struct str table, const struct sample *key, enum table_data what,
		   struct sample *s)
{
	bool known = key->type == SAMPLE_STR && str_is(key->bytes, "acme");

	if (!str_is(table, "usher_tenants") && table.n)
		return false;
	if (what == TABLE_PRESENT)
		sample_set_bool(s, known);
	else if (what == TABLE_CONN_CUR)
		sample_set_int(s, known ? 3 : key->type == SAMPLE_IPV4 ? 5 : 0);
	else
		return false;
	return true;
}

static bool
world_tracked(void *arg, unsigned counter, struct str table, enum table_data what, struct sample *s)
{
	if (counter != 1)
		return false;
	sample_set_int(s, what == TABLE_CONN_CUR ? 3 : 9);
	return true;
}

static bool
world_count(void *arg, enum expr_count what, struct str proxy, struct str server, int64_t *number)
{
	if (what == COUNT_NBSRV && str_is(proxy, "be"))
		*number = 2;
	else if (what == COUNT_SRV_CONN && str_is(proxy, "be") && str_is(server, "s1"))
		*number = 4;
	else if (what == COUNT_SRV_IS_UP && proxy.n == 0 && str_is(server, "s1"))
		*number = 1;
	else
		return false;
	return true;
}

static uint64_t
world_random(void *arg)
{
	return UINT64_C(0x0123456789abcdef);
}

static inline struct expr_context
world_context(void)
{
	static char scratch[4096];
	static const struct dn_entry subject[] = {
		{ { "O", 1 }, { "Example", 7 } },
		{ { "OU", 2 }, { "Sensors", 7 } },
		{ { "OU", 2 }, { "Lab", 3 } },
		{ { "CN", 2 }, { "device-0001", 11 } },
	};
	static const struct expr_tls tls = {
		.sni = { "Tenant-B.example.test", 21 },
		.protocol = { "TLSv1.3", 7 },
		.certificate_used = true,
		.subject = subject,
		.n_subject = 4,
	};

	return (struct expr_context){
		.scratch = { .p = scratch, .size = sizeof(scratch) },
		.request = { "hello world line2", 17 },
		.src = { .family = 4, .bytes = { 127, 0, 0, 1 } },
		.dst = { .family = 4, .bytes = { 192, 0, 2, 1 } },
		.src_port = 44356,
		.dst_port = 1883,
		.frontend = { "mqtt", 4 },
		.frontend_id = 2,
		.tls = &tls,
		.now_us = INT64_C(1795334044955123),
		.random = world_random,
		.get_var = world_get_var,
		.table_lookup = world_table_lookup,
		.tracked = world_tracked,
		.count = world_count,
	};
}

#endif
