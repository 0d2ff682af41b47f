/* Fetches at layer 4 (HAProxy configuration manual, 7.3.3): addresses, ports, names, ids. */
#include "agent/core/expr/keyword.h"

/* Members of the context are found by their offset: one function for each type. */
static const void *
member(const struct expr_call *call, const struct expr_context *x)
{
	return (const char *)x + call->keyword->detail;
}

static bool
fetch_address(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const struct ip *ip = member(call, x);

	if (!ip->family)
		return false;
	sample_set_ip(s, ip);
	return true;
}

static bool
fetch_port(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const uint16_t *port = member(call, x);

	if (!*port)
		return false;
	sample_set_int(s, *port);
	return true;
}

static bool
fetch_name(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const struct str *name = member(call, x);

	if (!name->p)
		return false;
	sample_set_str(s, *name);
	return true;
}

static bool
fetch_id(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const int64_t *id = member(call, x);

	if (!*id) /* ids start at 1 */
		return false;
	sample_set_int(s, *id);
	return true;
}

static bool
fetch_flag(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const bool *flag = member(call, x);

	sample_set_bool(s, *flag);
	return true;
}

#define MEMBER(word, type, function, what, need)                                                   \
	{                                                                                          \
		.name = word, .out = type, .eval = function,                                       \
		.detail = (int)offsetof(struct expr_context, what), .needs = need                  \
	}

const struct expr_keyword expr_fetch_session[] = {
	MEMBER("bc_dst", SAMPLE_ADDR, fetch_address, server_dst, EXPR_NEEDS_SERVER),
	MEMBER("bc_dst_port", SAMPLE_INT, fetch_port, server_dst_port, EXPR_NEEDS_SERVER),
	MEMBER("bc_src", SAMPLE_ADDR, fetch_address, server_src, EXPR_NEEDS_SERVER),
	MEMBER("bc_src_port", SAMPLE_INT, fetch_port, server_src_port, EXPR_NEEDS_SERVER),
	MEMBER("be_id", SAMPLE_INT, fetch_id, backend_id, EXPR_NEEDS_BACKEND),
	MEMBER("be_name", SAMPLE_STR, fetch_name, backend, EXPR_NEEDS_BACKEND),
	MEMBER("dst", SAMPLE_ADDR, fetch_address, dst, 0),
	MEMBER("dst_port", SAMPLE_INT, fetch_port, dst_port, 0),
	MEMBER("fc_rcvd_proxy", SAMPLE_BOOL, fetch_flag, came_by_proxy_header, 0),
	MEMBER("fe_defbe", SAMPLE_STR, fetch_name, default_backend, 0),
	MEMBER("fe_id", SAMPLE_INT, fetch_id, frontend_id, 0),
	MEMBER("fe_name", SAMPLE_STR, fetch_name, frontend, 0),
	MEMBER("so_id", SAMPLE_INT, fetch_id, listener_id, 0),
	MEMBER("so_name", SAMPLE_STR, fetch_name, listener, 0),
	MEMBER("src", SAMPLE_ADDR, fetch_address, src, 0),
	MEMBER("src_port", SAMPLE_INT, fetch_port, src_port, 0),
	MEMBER("srv_id", SAMPLE_INT, fetch_id, server_id, EXPR_NEEDS_SERVER),
	MEMBER("srv_name", SAMPLE_STR, fetch_name, server, EXPR_NEEDS_SERVER),
	MEMBER("unique-id", SAMPLE_STR, fetch_name, unique_id, 0),
	{ 0 },
};
