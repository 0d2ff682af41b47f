/*
 * Inside setup: a plan in the making, and what the parts of it share. Not for others.
 */
#ifndef USHER_CORE_ADVICE_PLANNER_H
#define USHER_CORE_ADVICE_PLANNER_H

#include "agent/core/advice/adviser.h"
#include "agent/core/advice/setup.h"

struct planner {
	const struct setup_input *in;
	const struct topology *t;
	struct adviser a;
	struct setup *out;
	bool wants_tenants; /* quota lines were added */
};

/* Lines in the making. */
struct new_lines {
	char *text; /* owned; NULL: none */
	const char *indent;
};

void planner_line(struct new_lines *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The bytes of a file; a line of a text, from 1, without its LF; how many lines it has. */
struct str planner_text(const struct planner *p, const char *file);
struct str planner_nth_line(struct str text, int n);
int planner_count_lines(struct str text);

/* The blanks that the line at a place begins with, or four, into out[INDENT]. */
enum { INDENT = 32 };
const char *planner_indent(const struct planner *p, struct place at, char *out);
/* Those of a section's first line. */
const char *planner_section_indent(const struct planner *p, const struct proxy *proxy, char *out);

/* "frontend mqtt", into out[TITLE]. Returns out. */
enum { TITLE = 160 };
const char *planner_title(const struct proxy *proxy, char *out);

/* The last of the section's own lines that starts so, or its first line. */
struct place planner_behind(const struct proxy *proxy, const char *words);

/* Takes the text over; nothing comes of none. */
void planner_edit(struct planner *p, struct place at, bool replaces, const struct new_lines *o,
		  const char *section, const char *why);
void planner_note(struct planner *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* setup_frontend.c: what a frontend lacks; one that is made anew. */
void planner_frontend(struct planner *p, const struct asker *k);
void planner_new_frontend(struct planner *p, const struct asker *k, const struct proxy *b,
			  struct new_lines *o);
/* setup_backend.c: what a backend that verdicts name lacks. */
void planner_backend(struct planner *p, const struct proxy *b);

#endif
