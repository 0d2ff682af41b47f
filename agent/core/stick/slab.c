/*
 * A slot that was given back goes to a list of its size. What is left of a page when the next
 * thing does not fit is cut into such slots too, so that nothing is lost.
 */
#include "agent/core/stick/slab.h"

#include <stdbool.h>
#include <stdlib.h>

enum { PAGE_BYTES = 4096 - 32 }; /* with malloc's own bytes just below a page of memory */

struct slab_slot {
	struct slab_slot *next;
};

struct slab_page {
	struct slab_page *next;
	char bytes[PAGE_BYTES];
};

_Static_assert(sizeof(struct slab_slot) <= SLAB_STEP, "every slot can be in the list");

static size_t
rounded(size_t n)
{
	return n ? (n + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP : SLAB_STEP;
}

static struct slab_slot **
spare_of(struct slab *s, size_t size)
{
	return &s->spare[size / SLAB_STEP - 1];
}

static void
spare(struct slab *s, void *p, size_t size)
{
	struct slab_slot *slot = p, **list = spare_of(s, size);

	slot->next = *list;
	*list = slot;
}

void
slab_init(struct slab *s)
{
	*s = (struct slab){ 0 };
}

void
slab_fini(struct slab *s)
{
	struct slab_page *page = s->pages;

	while (page) {
		struct slab_page *next = page->next;

		free(page);
		page = next;
	}
	slab_init(s);
}

static bool
turn_page(struct slab *s)
{
	struct slab_page *page = malloc(sizeof(*page));

	if (!page)
		return false;
	while (s->left >= SLAB_STEP) {
		size_t size = s->left < SLAB_LARGEST ? s->left : SLAB_LARGEST;

		spare(s, s->at, size);
		s->at += size;
		s->left -= size;
	}
	page->next = s->pages;
	s->pages = page;
	s->at = page->bytes;
	s->left = sizeof(page->bytes);
	return true;
}

void *
slab_take(struct slab *s, size_t n)
{
	size_t size = rounded(n);
	struct slab_slot *slot;
	void *p;

	if (size > SLAB_LARGEST)
		return malloc(n);
	slot = *spare_of(s, size);
	if (slot) {
		*spare_of(s, size) = slot->next;
		return slot;
	}
	if (s->left < size && !turn_page(s))
		return NULL;
	p = s->at;
	s->at += size;
	s->left -= size;
	return p;
}

void
slab_give(struct slab *s, void *p, size_t n)
{
	if (rounded(n) > SLAB_LARGEST)
		free(p);
	else
		spare(s, p, rounded(n));
}
