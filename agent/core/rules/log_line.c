/* A log line is written when the session's bytes have gone: it can name none of them. */
#include <stdio.h>

#include "agent/core/rules/rule.h"

enum { ABSENT_IN_LINES = EXPR_NEEDS_REQUEST | EXPR_NEEDS_RESPONSE | EXPR_NEEDS_HTTP };

/* The text from this expression on, as HAProxy shows it. */
static const char *
text_from(const char *text, const struct expr *e)
{
	const char *name = e->calls[0].keyword->name;

	for (const char *at = text; (at = strchr(at, '[')); at++)
		if (strncmp(at + 1, name, strlen(name)) == 0)
			return at + 1;
	return text;
}

static bool
check_exprs(struct rule_compiler *c, const struct log_format *f, const char *text)
{
	const char *keyword = c->line->words[0], *missing;
	const struct expr *e;
	char in[64];

	snprintf(in, sizeof(in), "%s string",
		 strcmp(keyword, "error-log-format") == 0 ? "log-format" : keyword);
	for (size_t i = 0; (e = log_format_expr(f, &i));) {
		missing = rule_missing(e, ABSENT_IN_LINES);
		if (missing) {
			snprintf(c->what, sizeof(c->what),
				 "sample fetch <%.128s> may not be reliably used here because it "
				 "needs '%s' which is not available here.",
				 text_from(text, e), missing);
			return false;
		}
		rule_check_expr(c, e, in);
	}
	return true;
}

static bool
compile(struct rule_compiler *c, struct log_format *f, const char *text)
{
	enum expr_status status = log_format_compile(f, text, LOG_FORMAT_LINE, c->what);

	if (status != EXPR_BAD && check_exprs(c, f, text)) {
		rule_note(c, status);
		return true;
	}
	if (status != EXPR_BAD)
		log_format_fini(f);
	report_cfg(c->r, FINDING_ALERT, "Parsing [%s:%d]: failed to parse %s : %s",
		   c->line->at.file ? c->line->at.file : "(null)", c->line->at.line,
		   c->line->words[0], c->what);
	return false;
}

bool
rules_compile_log_format(struct log_format *f, const struct topology *t, const struct proxy *p,
			 const char *keyword, struct place at, const char *text, bool blanks,
			 struct report *r)
{
	char word[32], *words[] = { word };
	struct raw_line line = { .words = words, .n = 1, .at = at };
	struct rule_compiler c = { .t = t, .p = p, .r = r, .line = &line, .blanks = blanks };
	bool ok;

	snprintf(word, sizeof(word), "%s", keyword);
	report_init(&c.late);
	ok = compile(&c, f, text);
	for (size_t i = 0; i < c.late.n; i++)
		report_cfg(r, c.late.findings[i].level, "%s", c.late.findings[i].text);
	if (ok && c.late.n_alerts + c.is_faulty > 0) {
		log_format_fini(f);
		ok = false;
	}
	report_fini(&c.late);
	return ok;
}
