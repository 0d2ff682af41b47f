/*
 * Views of bytes. The functions here are for configuration and messages; the data path uses the
 * inline ones of the header.
 */
#include "agent/core/base/str.h"

#include "agent/core/base/mem.h"

static unsigned char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool
str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool
str_is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

bool
str_u64(struct str s, uint64_t *value)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - '0';

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

char *
str_dup(struct str s)
{
	char *z = xmalloc(s.n + 1);

	if (s.n)
		memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return z;
}

enum { NEAREST_MAX = 64 }; /* longer words are not typing errors of ours */

/* Edits from a to b: insert, remove, replace one byte (Levenshtein, one row at a time). */
static size_t
edits(struct str a, struct str b)
{
	size_t row[NEAREST_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t best = diagonal + (lower(a.p[i - 1]) != lower(b.p[j - 1]));

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b.n];
}

const char *
str_nearest(struct str word, const char *const *names, size_t n)
{
	const char *nearest = NULL;
	size_t least = word.n / 3 + 1;

	if (word.n > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(names[i]);
		size_t distance;

		if (name.n > NEAREST_MAX)
			continue;
		distance = edits(word, name);
		if (distance <= least && (!nearest || distance < least)) {
			least = distance;
			nearest = names[i];
		}
	}
	return nearest;
}

/* The bytes that one byte becomes. */
static size_t
escaped_len(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' ? 1 : 4;
}

static bool
fits_escaped(struct str s, size_t room)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t len = escaped_len((unsigned char)s.p[i]);

		if (len > room)
			return false;
		room -= len;
	}
	return true;
}

char *
str_escape(struct str s, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t room = size ? size - 1 : 0; /* the last byte is for the NUL */
	size_t dots = fits_escaped(s, room) ? 0 : room < 3 ? room : 3;
	size_t w = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		size_t len = escaped_len(c);

		if (w + len + dots > room)
			break;
		if (len == 1) {
			out[w++] = (char)c;
			continue;
		}
		out[w++] = '\\';
		out[w++] = 'x';
		out[w++] = hex[c >> 4];
		out[w++] = hex[c & 15];
	}
	memcpy(out + w, "...", dots);
	if (size)
		out[w + dots] = '\0';
	return out;
}
