/* Fetches from internal states (HAProxy configuration manual, 7.3.2): constants, time, counts. */
#include "agent/core/expr/keyword.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/core/base/mem.h"

static bool
fetch_constant(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bool(s, call->keyword->detail);
	return true;
}

static bool
check_bool(struct expr_call *call, char *what)
{
	struct str text = call->args[0].text;

	if (str_ieq(text, STR("true")) || str_is(text, "1"))
		call->args[0].number = 1;
	else if (!str_ieq(text, STR("false")) && !str_is(text, "0"))
		return snprintf(what, EXPR_ERROR, "Expects 'true', 'false', '0' or '1'"), false;
	return true;
}

static bool
fetch_bool(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bool(s, call->args[0].number);
	return true;
}

static bool
fetch_int(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_int(s, call->args[0].number);
	return true;
}

static bool
fetch_str(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_str(s, call->n_args ? call->args[0].text : STR(""));
	return true;
}

static bool
fetch_ip(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_ip(s, &call->args[0].ip);
	return true;
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool
check_bin(struct expr_call *call, char *what)
{
	struct str text = call->args[0].text;

	if (text.n % 2) {
		snprintf(what, EXPR_ERROR, "an even number of hex digit is expected");
		return false;
	}
	call->data = xmalloc(text.n / 2 + 1);
	call->data_len = text.n / 2;
	for (size_t i = 0; i < text.n; i++) {
		int digit = hex_digit(text.p[i]);

		if (digit < 0) {
			snprintf(what, EXPR_ERROR, "an hex digit is expected (found '%c')",
				 text.p[i]);
			return false;
		}
		call->data[i / 2] = (char)(i % 2 ? call->data[i / 2] | digit : digit << 4);
	}
	return true;
}

static bool
fetch_bin(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bin(s, (struct str){ call->data, call->data_len });
	return true;
}

/* var(name[,default]): the default is a string. */
static bool
fetch_var(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const struct expr_arg *var = &call->args[0];

	if (x->get_var && x->get_var(x->arg, var->scope, var->text, s))
		return true;
	if (call->n_args < 2)
		return false;
	sample_set_str(s, call->args[1].text);
	return true;
}

static bool
check_date(struct expr_call *call, char *what)
{
	static const char *const units[] = { "us", "ms", "s" };
	static const int64_t unit_us[] = { 1, 1000, 1000000 };

	if (call->n_args < 2) {
		call->args[1].number = unit_us[2];
		return true;
	}
	for (size_t i = 0; i < 3; i++)
		if (str_is(call->args[1].text, units[i])) {
			call->args[1].number = unit_us[i];
			return true;
		}
	snprintf(what, EXPR_ERROR, "expects 's', 'ms' or 'us', got '%s'", call->args[1].text.p);
	return false;
}

static bool
fetch_date(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int64_t number = x->now_us / call->args[1].number;

	if (__builtin_add_overflow(number, call->args[0].number, &number))
		return false;
	sample_set_int(s, number);
	return true;
}

static bool
fetch_date_us(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_int(s, x->now_us % 1000000);
	return true;
}

static bool
check_rand(struct expr_call *call, char *what)
{
	if (call->args[0].type != ARG_INT ||
	    (call->args[0].number > 0 && call->args[0].number <= INT64_C(0x100000000)))
		return true;
	snprintf(what, EXPR_ERROR, "the range must be between 1 and 4294967296");
	return false;
}

static bool
fetch_rand(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	uint64_t random = x->random ? x->random(x->arg) & 0xffffffff : 0;

	if (!x->random)
		return false;
	if (call->args[0].type == ARG_INT) /* a share of 2^32, without modulo's bias */
		random = random * (uint64_t)call->args[0].number >> 32;
	sample_set_int(s, (int64_t)random);
	return true;
}

static bool
check_uuid(struct expr_call *call, char *what)
{
	if (call->args[0].type != ARG_INT || call->args[0].number == 4)
		return true;
	snprintf(what, EXPR_ERROR, "Unsupported UUID version: '%s'", call->args[0].text.p);
	return false;
}

/* RFC 4122, version 4: 122 random bits. */
static bool
fetch_uuid(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	enum { UUID_TEXT = 36 };
	char *text = scratch_take(&x->scratch, UUID_TEXT + 1);
	uint64_t a, b;

	if (!text || !x->random)
		return false;
	a = x->random(x->arg);
	b = x->random(x->arg);
	snprintf(text, UUID_TEXT + 1, "%8.8x-%4.4x-4%3.3x-%4.4x-%12.12llx", (unsigned)(a >> 32),
		 (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
		 (unsigned)(b >> 48 & 0x3fff) | 0x8000,
		 (unsigned long long)(b & UINT64_C(0xffffffffffff)));
	sample_set_str(s, (struct str){ text, UUID_TEXT });
	return true;
}

static bool
count(const struct expr_call *call, struct expr_context *x, struct str proxy, struct str server,
      struct sample *s)
{
	int64_t number;

	if (!x->count ||
	    !x->count(x->arg, (enum expr_count)call->keyword->detail, proxy, server, &number))
		return false;
	if (call->keyword->out == SAMPLE_BOOL)
		sample_set_bool(s, number != 0);
	else
		sample_set_int(s, number);
	return true;
}

static bool
fetch_proxy_count(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return count(call, x, call->n_args ? call->args[0].text : STR(""), STR(""), s);
}

/* "backend/server" or "server". */
static bool
fetch_server_count(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct str name = call->args[0].text;
	const char *slash = memchr(name.p, '/', name.n);
	size_t n = slash ? (size_t)(slash - name.p) : 0;

	return count(call, x, (struct str){ name.p, n },
		     slash ? (struct str){ slash + 1, name.n - n - 1 } : name, s);
}

static bool
fetch_stopping(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bool(s, x->is_stopping);
	return true;
}

#define COUNT(word, arg, what)                                                                     \
	{                                                                                          \
		.name = word, .args = { arg }, .out = SAMPLE_INT, .eval = fetch_proxy_count,       \
		.detail = what                                                                     \
	}
#define SERVER_COUNT(word, what)                                                                   \
	{                                                                                          \
		.name = word, .args = { ARG_SERVER }, .n_required = 1, .out = SAMPLE_INT,          \
		.eval = fetch_server_count, .detail = what                                         \
	}

const struct expr_keyword expr_fetch_state[] = {
	{ .name = "always_false", .out = SAMPLE_BOOL, .eval = fetch_constant, .detail = 0 },
	{ .name = "always_true", .out = SAMPLE_BOOL, .eval = fetch_constant, .detail = 1 },
	COUNT("avg_queue", ARG_BACKEND, COUNT_AVG_QUEUE),
	COUNT("be_conn", ARG_BACKEND, COUNT_BE_CONN),
	COUNT("be_conn_free", ARG_BACKEND, COUNT_BE_CONN_FREE),
	COUNT("be_sess_rate", ARG_BACKEND, COUNT_BE_SESS_RATE),
	{ .name = "bin",
	  .args = { ARG_STR },
	  .n_required = 1,
	  .out = SAMPLE_BIN,
	  .eval = fetch_bin,
	  .check = check_bin },
	{ .name = "bool",
	  .args = { ARG_STR },
	  .n_required = 1,
	  .out = SAMPLE_BOOL,
	  .eval = fetch_bool,
	  .check = check_bool },
	COUNT("connslots", ARG_BACKEND, COUNT_CONNSLOTS),
	{ .name = "date",
	  .args = { ARG_INT, ARG_STR },
	  .out = SAMPLE_INT,
	  .eval = fetch_date,
	  .check = check_date },
	{ .name = "date_us", .out = SAMPLE_INT, .eval = fetch_date_us },
	COUNT("dst_conn", ARG_NONE, COUNT_DST_CONN),
	COUNT("fe_conn", ARG_FRONTEND, COUNT_FE_CONN),
	COUNT("fe_sess_rate", ARG_FRONTEND, COUNT_FE_SESS_RATE),
	{ .name = "int",
	  .args = { ARG_INT },
	  .n_required = 1,
	  .out = SAMPLE_INT,
	  .eval = fetch_int },
	{ .name = "ipv4",
	  .args = { ARG_IPV4 },
	  .n_required = 1,
	  .out = SAMPLE_IPV4,
	  .eval = fetch_ip },
	{ .name = "ipv6",
	  .args = { ARG_IPV6 },
	  .n_required = 1,
	  .out = SAMPLE_IPV6,
	  .eval = fetch_ip },
	COUNT("nbsrv", ARG_BACKEND, COUNT_NBSRV),
	COUNT("queue", ARG_BACKEND, COUNT_QUEUE),
	{ .name = "rand",
	  .args = { ARG_INT },
	  .out = SAMPLE_INT,
	  .eval = fetch_rand,
	  .check = check_rand },
	SERVER_COUNT("srv_conn", COUNT_SRV_CONN),
	SERVER_COUNT("srv_conn_free", COUNT_SRV_CONN_FREE),
	{ .name = "srv_is_up",
	  .args = { ARG_SERVER },
	  .n_required = 1,
	  .out = SAMPLE_BOOL,
	  .eval = fetch_server_count,
	  .detail = COUNT_SRV_IS_UP },
	SERVER_COUNT("srv_iweight", COUNT_SRV_IWEIGHT),
	SERVER_COUNT("srv_queue", COUNT_SRV_QUEUE),
	SERVER_COUNT("srv_sess_rate", COUNT_SRV_SESS_RATE),
	SERVER_COUNT("srv_uweight", COUNT_SRV_UWEIGHT),
	SERVER_COUNT("srv_weight", COUNT_SRV_WEIGHT),
	{ .name = "stopping", .out = SAMPLE_BOOL, .eval = fetch_stopping },
	{ .name = "str", .args = { ARG_STR }, .out = SAMPLE_STR, .eval = fetch_str },
	COUNT("table_avl", ARG_TABLE, COUNT_TABLE_AVL),
	COUNT("table_cnt", ARG_TABLE, COUNT_TABLE_CNT),
	{ .name = "uuid",
	  .args = { ARG_INT },
	  .out = SAMPLE_STR,
	  .eval = fetch_uuid,
	  .check = check_uuid },
	{ .name = "var",
	  .args = { ARG_VAR, ARG_STR },
	  .n_required = 1,
	  .out = SAMPLE_ANY,
	  .eval = fetch_var },
	{ 0 },
};
