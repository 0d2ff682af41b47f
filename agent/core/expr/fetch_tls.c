/* Fetches at layer 5 (HAProxy configuration manual, 7.3.4): what usher saw when it ended TLS. */
#include "agent/core/expr/keyword.h"

#include <stdio.h>

static bool
fetch_is_tls(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bool(s, x->tls != NULL);
	return true;
}

static bool
fetch_name(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const struct str *text;

	if (!x->tls)
		return false;
	text = (const void *)((const char *)x->tls + call->keyword->detail);
	if (!text->p || !text->n)
		return false;
	sample_set_str(s, *text);
	return true;
}

static bool
fetch_flag(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	if (!x->tls)
		return false;
	sample_set_bool(s, *((const bool *)x->tls + call->keyword->detail));
	return true;
}

/* 0 without a certificate, too: ssl_c_used tells. */
static bool
fetch_verify(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	if (!x->tls)
		return false;
	sample_set_int(s, x->tls->verify);
	return true;
}

static bool
check_dn(struct expr_call *call, char *what)
{
	if (call->n_args < 3 || call->args[2].text.n == 0 || str_is(call->args[2].text, "rfc2253"))
		return true;
	snprintf(what, EXPR_ERROR,
		 "only rfc2253 or a blank value are currently supported as the format argument.");
	return false;
}

/* The nth entry of that name, from the end when nth is negative. */
static const struct dn_entry *
find_entry(const struct dn_entry *dn, size_t n, struct str name, int64_t nth)
{
	bool backwards = nth < 0;
	uint64_t left = backwards ? -(uint64_t)nth : (uint64_t)(nth ? nth : 1);

	for (size_t i = 0; i < n; i++) {
		const struct dn_entry *entry = &dn[backwards ? n - 1 - i : i];

		if (str_ieq(entry->name, name) && --left == 0)
			return entry;
	}
	return NULL;
}

static char *
put(char *w, struct str s)
{
	memcpy(w, s.p, s.n);
	return w + s.n;
}

/* "/O=Example/CN=device", or "CN=device,O=Example" in the way of RFC 2253. */
static bool
render(const struct dn_entry *dn, size_t n, bool rfc2253, struct scratch *m, struct str *text)
{
	size_t len = 0;
	char *start, *w;

	for (size_t i = 0; i < n; i++)
		len += dn[i].name.n + dn[i].value.n + 2;
	start = w = scratch_take(m, len);
	if (!start)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct dn_entry *entry = &dn[rfc2253 ? n - 1 - i : i];

		if (!rfc2253 || i)
			*w++ = rfc2253 ? ',' : '/';
		w = put(w, entry->name);
		*w++ = '=';
		w = put(w, entry->value);
	}
	*text = (struct str){ start, (size_t)(w - start) };
	return true;
}

enum { DN_SUBJECT, DN_ISSUER };

/* ssl_c_s_dn([entry[,occurrence[,format]]]) */
static bool
fetch_dn(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	bool is_subject = call->keyword->detail == DN_SUBJECT;
	const struct dn_entry *dn, *entry;
	struct str text;
	size_t n;

	if (!x->tls || !x->tls->certificate_used)
		return false;
	dn = is_subject ? x->tls->subject : x->tls->issuer;
	n = is_subject ? x->tls->n_subject : x->tls->n_issuer;
	if (n == 0)
		return false;
	if (call->n_args && call->args[0].text.n) {
		entry = find_entry(dn, n, call->args[0].text, call->args[1].number);
		if (!entry)
			return false;
		text = entry->value;
	} else if (!render(dn, n, call->n_args == 3 && call->args[2].text.n, &x->scratch, &text)) {
		return false;
	}
	sample_set_str(s, text);
	return true;
}

#define TEXT(word, member)                                                                         \
	{                                                                                          \
		.name = word, .out = SAMPLE_STR, .eval = fetch_name,                               \
		.detail = (int)offsetof(struct expr_tls, member)                                   \
	}
#define FLAG(word, member)                                                                         \
	{                                                                                          \
		.name = word, .out = SAMPLE_BOOL, .eval = fetch_flag,                              \
		.detail = (int)offsetof(struct expr_tls, member)                                   \
	}
#define NAME(word, what)                                                                           \
	{                                                                                          \
		.name = word, .args = { ARG_STR, ARG_INT, ARG_STR }, .out = SAMPLE_STR,            \
		.eval = fetch_dn, .check = check_dn, .detail = what                                \
	}

const struct expr_keyword expr_fetch_tls[] = {
	NAME("ssl_c_i_dn", DN_ISSUER),
	NAME("ssl_c_s_dn", DN_SUBJECT),
	FLAG("ssl_c_used", certificate_used),
	{ .name = "ssl_c_verify", .out = SAMPLE_INT, .eval = fetch_verify },
	{ .name = "ssl_fc", .out = SAMPLE_BOOL, .eval = fetch_is_tls },
	TEXT("ssl_fc_alpn", alpn),
	TEXT("ssl_fc_cipher", cipher),
	FLAG("ssl_fc_has_crt", certificate_is_new),
	FLAG("ssl_fc_is_resumed", is_resumed),
	TEXT("ssl_fc_protocol", protocol),
	TEXT("ssl_fc_sni", sni),
	{ 0 },
};
