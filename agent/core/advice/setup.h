/*
 * What a haproxy.cfg lacks for usher: edits to make, each with its place and its reason. Nothing
 * is written here; diff.h makes a patch of them.
 */
#ifndef USHER_CORE_ADVICE_SETUP_H
#define USHER_CORE_ADVICE_SETUP_H

#include "agent/core/advice/advice.h"

/* New lines, behind a line of a file or in its place. */
struct setup_edit {
	const char *file; /* one of the topology's */
	int line;	  /* 0: before the first one */
	bool replaces;
	char *text;    /* owned; whole lines */
	char *section; /* owned; "frontend mqtt" */
	char *why;     /* owned; one line for people */
};

struct setup {
	struct setup_edit *edits; /* owned; in the order of files and lines */
	size_t n_edits;
	char **notes; /* owned; what was left alone, and why */
	size_t n_notes;
	bool nobody_asks; /* no section leads to brokers: there is nothing to add to */
};

struct setup_input {
	const struct advice_input *files;
	const struct str *texts; /* of topology->files, in their order */
	const char *directory;	 /* where spoe-usher.conf and usher.lua are, or will be */
};

/* Fills *out, which the caller ends with setup_fini(). The topology must have no alerts. */
void setup_plan(const struct setup_input *in, struct setup *out);
void setup_fini(struct setup *s);

#endif
