/*
 * From text to lines, from lines to words; what stands between `.if` and `.endif` is let through
 * or not. A stack of branches knows which.
 */
#include "agent/core/topology/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/topology/condition.h"

/* As in HAProxy; also the bound on what a broken file can make us remember. */
enum { ALERTS_MAX = 50 };

void
reader_alert(struct reader *in, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	report_cfg(in->r, FINDING_ALERT, "parsing [%s:%d]: %s", in->file, in->at, text);
	free(text);
}

static void
give_up(struct reader *in, const char *what)
{
	reader_alert(in, "%s", what);
	in->stop = true;
}

static bool
is_skipping(const struct reader *in)
{
	return in->n_conditions && in->conditions[in->n_conditions - 1].branch != BRANCH_TAKEN;
}

/* The condition behind .if or .elif: the rest of the line, blank by blank. */
static enum branch
choose_branch(struct reader *in)
{
	char text[1024], what[CONDITION_ERROR], excerpt[LEXER_EXCERPT], shown[1100];
	size_t len = 0, at = 0;
	bool value;

	text[0] = '\0';
	for (size_t i = 1; i < in->line.n_words && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 1 ? " " : "",
					lexer_word(&in->line, i));
	if (len >= sizeof(text)) {
		give_up(in, "conditional expression too long.");
		return BRANCH_NEVER;
	}
	if (condition_eval((struct str){ text, len }, &in->variables, &value, what, &at))
		return value ? BRANCH_TAKEN : BRANCH_AHEAD;
	len = (size_t)snprintf(shown, sizeof(shown), "%s %s", lexer_word(&in->line, 0), text);
	lexer_excerpt((struct str){ shown, len }, at + strlen(lexer_word(&in->line, 0)) + 1,
		      excerpt);
	reader_alert(in, "%s in '%s' at position %zu:%s", what, lexer_word(&in->line, 0), at + 1,
		     excerpt);
	in->stop = true;
	return BRANCH_NEVER;
}

static void
open_condition(struct reader *in)
{
	enum branch branch = BRANCH_NEVER;

	if (in->n_conditions == CONDITIONS_MAX) {
		give_up(in, "too many nested '.if'.");
		return;
	}
	if (!is_skipping(in))
		branch = choose_branch(in);
	in->conditions[in->n_conditions].branch = branch;
	in->conditions[in->n_conditions++].after_else = false;
}

static void
alternate_condition(struct reader *in, bool is_else)
{
	size_t i = in->n_conditions - 1;
	const char *name = lexer_word(&in->line, 0);

	if (!in->n_conditions) {
		reader_alert(in, "lone '%s' with no matching '.if'.", name);
		in->stop = true;
		return;
	}
	if (in->conditions[i].after_else) {
		reader_alert(in, "'%s' after '.else' is not permitted.", name);
		in->stop = true;
		return;
	}
	in->conditions[i].after_else = is_else;
	if (in->conditions[i].branch == BRANCH_TAKEN)
		in->conditions[i].branch = BRANCH_DONE;
	else if (in->conditions[i].branch == BRANCH_AHEAD)
		in->conditions[i].branch = is_else ? BRANCH_TAKEN : choose_branch(in);
}

static void
close_condition(struct reader *in)
{
	if (in->n_conditions)
		in->n_conditions--;
	else
		give_up(in, "lone '.endif' with no matching '.if'.");
}

/* .notice, .warning, .alert, .diag: the file speaks to its user. */
static void
speak(struct reader *in, bool is_diag, enum finding_level level)
{
	if (in->line.n_words > 2) {
		reader_alert(in,
			     "Unexpected argument '%s' for '%s'. Use quotes if the "
			     "message should contain spaces.",
			     lexer_word(&in->line, 2), lexer_word(&in->line, 0));
		return;
	}
	if (!is_diag)
		report_cfg(in->r, level, "parsing [%s:%d]: '%s'.", in->file, in->at,
			   lexer_word(&in->line, 1));
	in->stop = level == FINDING_ALERT;
}

static void
take_directive(struct reader *in)
{
	struct str name = str_of(lexer_word(&in->line, 0));

	if (str_is(name, ".if")) {
		open_condition(in);
	} else if (str_is(name, ".elif") || str_is(name, ".else")) {
		alternate_condition(in, str_is(name, ".else"));
	} else if (str_is(name, ".endif")) {
		close_condition(in);
	} else if (is_skipping(in)) {
		return;
	} else if (str_is(name, ".diag") || str_is(name, ".notice")) {
		speak(in, str_is(name, ".diag"), FINDING_NOTICE);
	} else if (str_is(name, ".warning")) {
		speak(in, false, FINDING_WARNING);
	} else if (str_is(name, ".alert")) {
		speak(in, false, FINDING_ALERT);
	} else {
		reader_alert(in, "unknown directive '%s'.", lexer_word(&in->line, 0));
		in->stop = true;
	}
}

static void
read_line(struct reader *in, struct str line)
{
	enum lexer_fault fault;

	in->variables.line = in->at;
	fault = lexer_read(&in->line, line, &in->variables);
	if (fault)
		lexer_report(&in->line, fault, line, in->file, in->at, in->r);
	else if (in->line.n_words && lexer_word(&in->line, 0)[0] == '.')
		take_directive(in);
	else if (in->line.n_words && !is_skipping(in))
		in->take(in);
}

/* False: the file was cut short, or is no text. */
static bool
check_line_end(struct reader *in, struct str line, bool ended)
{
	const char *nul = line.n ? memchr(line.p, '\0', line.n) : NULL;

	if (nul)
		reader_alert(in, "Stray NUL character at position %zu.",
			     (size_t)(nul - line.p) + 1);
	else if (!ended)
		reader_alert(in,
			     "Missing LF on last line, file might have been truncated at "
			     "position %zu.",
			     line.n + 1);
	return !nul && ended;
}

void
reader_run(struct reader *in, struct str text)
{
	size_t alerts_before = in->r->n_alerts;

	lexer_init(&in->line);
	in->variables.file = in->file;
	while (text.n && !in->stop) {
		const char *lf = memchr(text.p, '\n', text.n);
		struct str line = { text.p, lf ? (size_t)(lf - text.p) : text.n };
		const char *nul = line.n ? memchr(line.p, '\0', line.n) : NULL;

		in->at++;
		if (in->r->n_alerts - alerts_before >= ALERTS_MAX) {
			give_up(in, "too many fatal errors (50), stopping now.");
			break;
		}
		read_line(in, nul ? (struct str){ line.p, (size_t)(nul - line.p) } : line);
		if (!in->stop && !check_line_end(in, line, lf != NULL))
			break;
		text.p += line.n + (lf != NULL);
		text.n -= line.n + (lf != NULL);
	}
	if (in->n_conditions && !in->stop)
		give_up(in, "non-terminated '.if' block.");
	lexer_fini(&in->line);
}
