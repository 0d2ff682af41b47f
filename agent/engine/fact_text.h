/* Facts written as text, as `usher explain` and the admin service take them. */
#ifndef USHER_ENGINE_FACT_TEXT_H
#define USHER_ENGINE_FACT_TEXT_H

#include "agent/core/facts/facts.h"

/*
 * Set a fact from text: numbers in decimal, addresses as such, true or false. The view must live
 * as long as the facts. False if the text is none of the fact's type.
 */
bool fact_from_text(struct facts *f, enum fact fact, struct str text);

#endif
