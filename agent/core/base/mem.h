/*
 * Memory for start-up and reload, where running out ends the process. The data path calls
 * malloc() itself and lives with NULL.
 */
#ifndef USHER_CORE_BASE_MEM_H
#define USHER_CORE_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);

/*
 * Make room for one more element in a growing array: `array` (a pointer variable, NULL at first)
 * holds `n` elements; capacities are powers of two, so no capacity need be kept.
 */
#define ARRAY_GROW(array, n)                                                                       \
	((array) = ((n) & ((n)-1)) ? (array)                                                       \
				   : xrealloc((array), ((n) ? 2 * (n) : 1) * sizeof(*(array))))

#endif
