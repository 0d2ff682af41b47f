/* Facts written as text, as `usher explain` and the admin service take them. */
#ifndef USHER_ENGINE_FACT_TEXT_H
#define USHER_ENGINE_FACT_TEXT_H

#include "agent/core/facts/facts.h"

/*
 * Set a fact from text: numbers in decimal, addresses as such, true or false. The view must live
 * as long as the facts. False if the text is none of the fact's type.
 */
bool fact_from_text(struct facts *f, enum fact fact, struct str text);

/* "NAME=VALUE" of a header or user property, before it is known whether the policy asks for it. */
struct named_text {
	enum fact_family family;
	struct str name, value;
};

/* Cut it in two at the first '='; false if there is none, or no name before it. */
bool named_text_parse(struct named_text *t, enum fact_family family, struct str text);

/* Set those that the policy asks for; the others decide nothing. */
void facts_set_named(struct facts *f, const struct fact_names *names,
		     const struct named_text *texts, size_t n);

#endif
