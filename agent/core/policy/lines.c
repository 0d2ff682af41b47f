/*
 * One loop over the bytes with a stack of the containers that are open. A member's node is made
 * when its key ends and an element's when its value begins; a container takes over the node made
 * for it. Nodes are found by (id of the container, key or index), so that neither depth nor odd
 * characters in keys cost or confuse anything.
 */
#include "agent/core/policy/lines.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

/* A container that has not ended yet. */
struct open {
	struct line_node *node;
	struct line_node *member; /* the object's member whose value is awaited; else NULL */
	size_t index;		  /* the array's element at hand */
	bool is_array;
	bool awaits_key;
};

struct scanner {
	struct lines *lines;
	const char *at, *end;
	int line;
	struct open *open; /* owned; the innermost last */
	size_t depth;
};

static struct str
node_place(const struct line_node *node)
{
	return (struct str){ node->place,
			     sizeof(size_t) + (node->key.p ? node->key.n : sizeof(size_t)) };
}

/* A new node, its place still without the name. */
static struct line_node *
new_node(struct lines *l, const struct line_node *parent, int line, size_t name_len)
{
	struct line_node *node = xcalloc(1, sizeof(*node) + sizeof(size_t) + name_len + 1);

	*node = (struct line_node){ .parent = parent, .line = line, .id = l->n_ids++ };
	if (parent)
		memcpy(node->place, &parent->id, sizeof(parent->id));
	ARRAY_GROW(l->nodes, l->n_nodes);
	l->nodes[l->n_nodes++] = node;
	return node;
}

static struct line_node *
add_element(struct lines *l, const struct line_node *parent, int line, size_t index)
{
	struct line_node *node = new_node(l, parent, line, sizeof(index));

	node->index = index;
	memcpy(node->place + sizeof(size_t), &index, sizeof(index));
	return map_add(&l->by_place, node_place(node), node);
}

static unsigned
hex4(const char *p)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + (unsigned)((c | 0x20) - 'a' + 10);
		else
			return 0;
	}
	return value;
}

/* UTF-8; never more bytes than the escapes it came from. */
static size_t
put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The escape at s[*i], behind the backslash: write what it means, advance. */
static size_t
decode_escape(struct str s, size_t *i, char *out)
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
	char c = s.p[(*i)++];
	const char *letter = c ? strchr(letters, c) : NULL;
	unsigned code, low;

	if (c != 'u' || s.n - *i < 4) {
		*out = letter ? meant[letter - letters] : c;
		return 1;
	}
	code = hex4(s.p + *i);
	*i += 4;
	if (code >= 0xd800 && code < 0xdc00 && s.n - *i >= 6 && s.p[*i] == '\\') {
		low = hex4(s.p + *i + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			*i += 6;
		}
	}
	return put_utf8(out, code);
}

/* The key between its quotes, escapes decoded, into out, which has room for raw.n bytes. */
static size_t
decode_key(struct str raw, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n;) {
		char c = raw.p[i++];

		if (c == '\\' && i < raw.n)
			n += decode_escape(raw, &i, out + n);
		else
			out[n++] = c;
	}
	return n;
}

/*
 * A key that stands again keeps its node, but becomes a new container: what stood in the first
 * is not found any more, just as jansson has forgotten it.
 */
static struct line_node *
add_member(struct lines *l, const struct line_node *parent, int line, struct str raw)
{
	struct line_node *node = new_node(l, parent, line, raw.n);
	char *name = node->place + sizeof(size_t);
	struct line_node *first;

	node->key = (struct str){ name, decode_key(raw, name) };
	first = map_add(&l->by_place, node_place(node), node);
	if (first != node) {
		ARRAY_GROW(l->duplicates, l->n_duplicates);
		l->duplicates[l->n_duplicates++] =
			(struct line_duplicate){ first, first->line, line };
		first->line = line;
		first->id = node->id;
	}
	return first;
}

static struct open *
innermost(const struct scanner *s)
{
	return s->depth ? &s->open[s->depth - 1] : NULL;
}

/* A value begins here: its node. */
static struct line_node *
begin_value(struct scanner *s)
{
	struct open *in = innermost(s);

	if (in && in->is_array)
		return add_element(s->lines, in->node, s->line, in->index);
	if (in)
		return in->member ? in->member : in->node;
	return s->lines->n_nodes ? s->lines->nodes[0] : new_node(s->lines, NULL, s->line, 0);
}

static void
open_container(struct scanner *s, bool is_array)
{
	struct line_node *node = begin_value(s);

	ARRAY_GROW(s->open, s->depth);
	s->open[s->depth++] =
		(struct open){ .node = node, .is_array = is_array, .awaits_key = !is_array };
}

/* Behind the opening quote: the bytes up to the closing one, which is skipped. */
static struct str
take_string(struct scanner *s)
{
	struct str raw = { s->at, 0 };

	while (s->at < s->end && *s->at != '"')
		s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
	raw.n = (size_t)(s->at - raw.p);
	s->at += s->at < s->end;
	return raw;
}

static void
on_string(struct scanner *s)
{
	struct open *in = innermost(s);
	int line = s->line;

	if (in && in->awaits_key) {
		in->awaits_key = false;
		in->member = add_member(s->lines, in->node, line, take_string(s));
	} else {
		begin_value(s);
		take_string(s);
	}
}

static void
on_comma(struct scanner *s)
{
	struct open *in = innermost(s);

	if (!in)
		return;
	in->index++;
	in->member = NULL;
	in->awaits_key = !in->is_array;
}

/* A number, true, false or null. */
static void
on_literal(struct scanner *s)
{
	begin_value(s);
	while (s->at < s->end && !strchr(" \t\r\n,:\"[]{}", *s->at))
		s->at++;
}

static void
scan_one(struct scanner *s)
{
	switch (*s->at++) {
	case '\n':
		s->line++;
		break;
	case ' ':
	case '\t':
	case '\r':
	case ':':
		break;
	case '"':
		on_string(s);
		break;
	case '{':
		open_container(s, false);
		break;
	case '[':
		open_container(s, true);
		break;
	case '}':
	case ']':
		s->depth -= s->depth > 0;
		break;
	case ',':
		on_comma(s);
		break;
	default:
		on_literal(s);
	}
}

void
lines_init(struct lines *l, struct str text)
{
	struct scanner s = { .lines = l, .at = text.p, .end = text.p + text.n, .line = 1 };

	*l = (struct lines){ 0 };
	map_init(&l->by_place);
	while (s.at < s.end)
		scan_one(&s);
	free(s.open);
}

void
lines_fini(struct lines *l)
{
	for (size_t i = 0; i < l->n_nodes; i++)
		free(l->nodes[i]);
	free(l->nodes);
	free(l->duplicates);
	map_fini(&l->by_place);
	*l = (struct lines){ 0 };
}

const struct line_node *
lines_root(const struct lines *l)
{
	return l->n_nodes ? l->nodes[0] : NULL;
}

enum { SHORT_PLACE = 128 }; /* keys up to here are looked up without allocation */

const struct line_node *
lines_member(const struct lines *l, const struct line_node *node, struct str key)
{
	char small[SHORT_PLACE];
	size_t n = sizeof(node->id) + key.n;
	char *place = n <= sizeof(small) ? small : xmalloc(n);
	const struct line_node *found = NULL;

	if (node) {
		memcpy(place, &node->id, sizeof(node->id));
		memcpy(place + sizeof(node->id), key.p, key.n);
		found = map_get(&l->by_place, (struct str){ place, n });
	}
	if (place != small)
		free(place);
	return found;
}

const struct line_node *
lines_element(const struct lines *l, const struct line_node *node, size_t index)
{
	size_t place[2];

	if (!node)
		return NULL;
	place[0] = node->id;
	place[1] = index;
	return map_get(&l->by_place, (struct str){ (const char *)place, sizeof(place) });
}

static bool
is_plain_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		      c == '_' || c == '-' || c == '$'))
			return false;
	}
	return s.n > 0;
}

const char *
lines_key(struct str key, char *out)
{
	char shown[LINES_KEY - 2];

	str_escape(key, shown, sizeof(shown));
	snprintf(out, LINES_KEY, is_plain_word(key) ? "%s" : "\"%s\"", shown);
	return out;
}

/* What the node adds to the path of its parent. */
static size_t
write_step(const struct line_node *node, char *out, size_t size)
{
	const char *dot = node->parent->parent ? "." : "";
	char key[LINES_KEY];

	if (!node->key.p)
		return (size_t)snprintf(out, size, "[%zu]", node->index);
	return (size_t)snprintf(out, size, "%s%s", dot, lines_key(node->key, key));
}

const char *
lines_path(const struct line_node *node, char *out)
{
	size_t at = LINES_PATH - 1; /* written from the end: the way leads upwards */

	out[at] = '\0';
	for (; node && node->parent; node = node->parent) {
		char step[112];
		size_t n = write_step(node, step, sizeof(step));

		if (n + 3 > at) { /* the dots must always fit */
			at -= 3;
			memcpy(out + at, "...", 3);
			break;
		}
		at -= n;
		memcpy(out + at, step, n);
	}
	memmove(out, out + at, LINES_PATH - at);
	return out;
}
