/*
 * A view of bytes: pointer and length, owned by somebody else, not NUL-terminated.
 * A view that is absent has p == NULL; an empty one has p != NULL and n == 0.
 */
#ifndef USHER_CORE_BASE_STR_H
#define USHER_CORE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n; /* bytes */
};

/* A view of a string literal. */
#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str
str_of(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_is(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

static inline bool
str_has_prefix(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool
str_has_suffix(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Equal but for the case of ASCII letters. */
bool str_ieq(struct str a, struct str b);

/* Is the word one of n? */
bool str_is_one_of(const char *word, const char *const *words, size_t n);

/* The decimal number that is the whole of s, no sign, no blank. False if it is none or too big. */
bool str_u64(struct str s, uint64_t *value);

/* A NUL-terminated copy on the heap, owned by the caller; out of memory ends the process. */
char *str_dup(struct str s);

/*
 * The one of n names that was probably meant by `word` (fewest edits, at most a third of its
 * length and one more), or NULL. For "did you mean" in error messages.
 */
const char *str_nearest(struct str word, const char *const *names, size_t n);

/*
 * Write s into out (NUL-terminated, at most size - 1 bytes) so that it is harmless on a terminal
 * and inside a quoted log field: printable ASCII except `"` and `\` stays, all else becomes \xHH.
 * A text that does not fit ends in "...". Returns out.
 */
char *str_escape(struct str s, char *out, size_t size);

#endif
