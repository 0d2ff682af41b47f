/*
 * Has the server said what it should? Asked again whenever more came. A text that is not there yet
 * may still come, and one that must not come as well; so without `min-recv` only a match, or the
 * end, decides.
 */
#include <stdio.h>
#include <string.h>

#include "agent/core/health/probe.h"
#include "agent/core/health/response.h"
#include "agent/core/health/script.h"

/* What an expectation is held against. */
struct heard {
	const uint8_t *p;
	size_t n;
	bool is_all; /* nothing more comes */
};

static bool
matches_hex(const struct pattern *pattern, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[PATTERN_SUBJECT_MAX];
	size_t i = 0;

	for (; i < n && 2 * i < sizeof(text); i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	return pattern_matches(pattern, (struct str){ text, 2 * i });
}

static bool
matches(const struct expect *e, const struct heard *h)
{
	size_t n = h->n < PATTERN_SUBJECT_MAX ? h->n : PATTERN_SUBJECT_MAX;

	if (e->kind == EXPECT_RBINARY)
		return matches_hex(e->pattern, h->p, n);
	if (e->pattern)
		return pattern_matches(e->pattern, (struct str){ (const char *)h->p, n });
	return memmem(h->p, h->n, e->bytes, e->n_bytes);
}

/* Fewer bytes than that are not looked at. */
static size_t
least(const struct expect *e)
{
	size_t n = e->pattern ? 0 : e->n_bytes;

	if (e->min_recv < 0)
		return n;
	return e->pattern || (uint64_t)e->min_recv < n ? (size_t)e->min_recv : n;
}

/* Of the text alone; what to say about it is the caller's. */
static enum script_result
hold_against(const struct expect *e, const struct heard *h)
{
	if (!h->is_all && h->n < least(e))
		return SCRIPT_MORE;
	if (matches(e, h))
		return e->is_negated ? SCRIPT_FAIL : SCRIPT_PASS;
	if (!h->is_all && e->min_recv < 0)
		return SCRIPT_MORE;
	return e->is_negated ? SCRIPT_PASS : SCRIPT_FAIL;
}

/* ---- tcp-check ------------------------------------------------------------------------------ */

static enum script_result
fail_tcp(const struct script_step *step, bool is_empty, struct health_answer *a)
{
	static const char *const kinds[] = {
		[EXPECT_RSTRING] = " (regex)",
		[EXPECT_BINARY] = " (binary)",
		[EXPECT_RBINARY] = " (binary regex)",
	};
	const struct expect *e = &step->expect;
	char what[HEALTH_INFO];

	if (e->on_error)
		snprintf(what, sizeof(what), "%s", e->on_error);
	else if (is_empty)
		snprintf(what, sizeof(what), "TCPCHK got an empty response at step %u",
			 step->number);
	else if (e->kind == EXPECT_STRING)
		snprintf(what, sizeof(what), "TCPCHK %s content '%s' at step %u",
			 e->is_negated ? "matched unwanted" : "did not match",
			 (const char *)e->bytes, step->number);
	else
		snprintf(what, sizeof(what), "TCPCHK %s content%s at step %u",
			 e->is_negated ? "matched unwanted" : "did not match", kinds[e->kind],
			 step->number);
	health_answer_set(a, e->error, 0, "%s%s%s", what, step->comment ? " comment: " : "",
			  step->comment ? step->comment : "");
	return SCRIPT_FAIL;
}

static enum script_result
expect_tcp(const struct script_step *step, const struct heard *h, struct health_answer *a)
{
	const struct expect *e = &step->expect;
	enum script_result result;

	if (h->n == 0)
		return h->is_all ? fail_tcp(step, true, a) : SCRIPT_MORE;
	result = hold_against(e, h);
	if (result == SCRIPT_FAIL)
		return fail_tcp(step, false, a);
	if (result == SCRIPT_PASS)
		health_answer_set(a, e->ok, 0, "%s", e->on_success ? e->on_success : "(tcp-check)");
	return result;
}

/* ---- http-check ----------------------------------------------------------------------------- */

static enum script_result
fail_http(const struct script_step *step, int code, struct str what, struct health_answer *a)
{
	const struct expect *e = &step->expect;
	struct str info = e->on_error ? str_of(e->on_error) : what;

	health_answer_set(a, e->error, code, "%.*s%s%s", STR_ARG(info),
			  step->comment ? " comment: " : "", step->comment ? step->comment : "");
	return SCRIPT_FAIL;
}

static bool
status_matches(const struct expect *e, int status)
{
	char text[16];

	if (e->pattern) {
		snprintf(text, sizeof(text), "%d", status);
		return pattern_matches(e->pattern, str_of(text));
	}
	for (size_t i = 0; i < e->n_ranges; i++)
		if (status >= e->ranges[i].from && status <= e->ranges[i].to)
			return true;
	return false;
}

/* Of status or body, when the head is there. */
static enum script_result
expect_response(const struct script_step *step, const struct response *r, const struct heard *h,
		struct health_answer *a)
{
	const struct expect *e = &step->expect;
	uint8_t body[SCRIPT_ANSWER_MAX];
	struct heard said = { .p = body };
	enum script_result result;
	bool is_whole;

	if (e->kind == EXPECT_STATUS || e->kind == EXPECT_RSTATUS)
		return status_matches(e, r->status) != e->is_negated
			       ? SCRIPT_PASS
			       : fail_http(step, r->status, r->reason, a);
	said.n = response_body(r, h->p, h->n, body, sizeof(body), &is_whole);
	said.is_all = h->is_all || is_whole;
	if (said.n == 0)
		return said.is_all
			       ? fail_http(step, 0,
					   STR("HTTP content check could not find a response body"),
					   a)
			       : SCRIPT_MORE;
	result = hold_against(e, &said);
	if (result == SCRIPT_FAIL)
		return fail_http(step, 0,
				 e->is_negated ? STR("HTTP check matched unwanted content")
					       : STR("HTTP content check did not match"),
				 a);
	return result;
}

static enum script_result
expect_http(const struct script *s, const struct script_step *step, const struct heard *h,
	    bool is_up, struct health_answer *a)
{
	const struct expect *e = &step->expect;
	struct response r;
	enum parse parsed = response_head(h->p, h->n, &r);
	enum script_result result;

	if (parsed == PARSE_MORE && !h->is_all)
		return SCRIPT_MORE;
	if (parsed != PARSE_OK) {
		health_answer_set(a, HEALTH_L7RSP, 0, "%s", "");
		return SCRIPT_FAIL;
	}
	if (s->drains_on_404 && is_up && r.status == 404) {
		health_answer_set(a, HEALTH_L7OKC, r.status, "%s", "");
		return SCRIPT_PASS;
	}
	result = expect_response(step, &r, h, a);
	if (result == SCRIPT_PASS)
		health_answer_set(a, e->ok, r.status, "%s", e->on_success ? e->on_success : "");
	return result;
}

/* ---- the door ------------------------------------------------------------------------------- */

enum script_result
script_expect(const struct script *s, size_t step, const uint8_t *p, size_t n, bool eof, bool is_up,
	      struct health_answer *a)
{
	static const enum script_result results[] = {
		[PROBE_MORE] = SCRIPT_MORE,
		[PROBE_PASS] = SCRIPT_PASS,
		[PROBE_FAIL] = SCRIPT_FAIL,
	};
	const struct script_step *at = &s->steps[step];
	struct heard h = { p, n, eof || n >= SCRIPT_ANSWER_MAX };

	switch (at->expect.kind) {
	case EXPECT_CONNACK:
		return results[probe_mqtt(p, n, h.is_all, a)];
	case EXPECT_EMQX:
		return results[probe_emqx(p, n, h.is_all, a)];
	default:
		return s->kind == SCRIPT_HTTP ? expect_http(s, at, &h, is_up, a)
					      : expect_tcp(at, &h, a);
	}
}
