/*
 * A page has slots of one size, so that it is empty again some day and can go back to the heap;
 * mixed pages would leave what strangers once filled with ids of one length useless for any other.
 * Pages begin at a multiple of their size: a slot's address tells its page.
 *
 *	page:  [ head | slots taken or given back: ..at | never used yet: at.. ]
 */
#include "agent/core/stick/slab.h"

#include <stdint.h>
#include <stdlib.h>

enum {
	PAGE_ALIGN = 4096,
	PAGE_BYTES = PAGE_ALIGN - 16, /* malloc's own bytes stand just below the next page */
};

struct slab_slot {
	struct slab_slot *next;
};

struct slab_page {
	struct list list;	 /* in its size's pages with room, or in the full ones */
	struct slab_slot *spare; /* given back */
	uint32_t at;		 /* bytes from the beginning of the page */
	uint32_t taken;		 /* slots */
};

_Static_assert(sizeof(struct slab_slot) <= SLAB_STEP, "every slot can be in the list");
_Static_assert(sizeof(struct slab_page) % SLAB_STEP == 0, "slots are aligned");

static size_t
rounded(size_t n)
{
	return n ? (n + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP : SLAB_STEP;
}

static struct list *
pages_of(struct slab *s, size_t size)
{
	return &s->with_room[size / SLAB_STEP - 1];
}

static struct slab_page *
page_of(void *slot)
{
	return (struct slab_page *)((uintptr_t)slot & ~(uintptr_t)(PAGE_ALIGN - 1));
}

static bool
is_full(const struct slab_page *page, size_t size)
{
	return !page->spare && page->at + size > PAGE_BYTES;
}

static void
move(struct slab_page *page, struct list *to)
{
	list_remove(&page->list);
	list_append(to, &page->list);
}

void
slab_init(struct slab *s)
{
	for (size_t i = 0; i < SLAB_SIZES; i++)
		list_init(&s->with_room[i]);
	list_init(&s->full);
}

static void
free_pages(struct list *pages)
{
	list_for_each_safe(at, pages)
		free(container_of(at, struct slab_page, list));
}

void
slab_fini(struct slab *s)
{
	for (size_t i = 0; i < SLAB_SIZES; i++)
		free_pages(&s->with_room[i]);
	free_pages(&s->full);
	slab_init(s);
}

static struct slab_page *
page_with_room(struct slab *s, size_t size)
{
	struct list *pages = pages_of(s, size);
	struct slab_page *page;
	void *memory;

	if (!list_is_empty(pages))
		return container_of(pages->next, struct slab_page, list);
	if (posix_memalign(&memory, PAGE_ALIGN, PAGE_BYTES) != 0)
		return NULL;
	page = memory;
	*page = (struct slab_page){ .at = sizeof(*page) };
	list_append(pages, &page->list);
	return page;
}

void *
slab_take(struct slab *s, size_t n)
{
	size_t size = rounded(n);
	struct slab_page *page;
	void *p;

	if (size > SLAB_LARGEST)
		return malloc(n);
	page = page_with_room(s, size);
	if (!page)
		return NULL;
	p = page->spare;
	if (page->spare) {
		page->spare = page->spare->next;
	} else {
		p = (char *)page + page->at;
		page->at += (uint32_t)size;
	}
	page->taken++;
	if (is_full(page, size))
		move(page, &s->full);
	return p;
}

void
slab_give(struct slab *s, void *p, size_t n)
{
	size_t size = rounded(n);
	struct slab_slot *slot = p;
	struct slab_page *page;

	if (size > SLAB_LARGEST) {
		free(p);
		return;
	}
	page = page_of(p);
	if (is_full(page, size))
		move(page, pages_of(s, size));
	slot->next = page->spare;
	page->spare = slot;
	if (--page->taken == 0) {
		list_remove(&page->list);
		free(page);
	}
}
