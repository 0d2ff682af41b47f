/*
 * Which line of a JSON text a value stands on. jansson tells lines of syntax errors only; this
 * pass over the same text remembers them for every member and element, and finds keys that stand
 * twice in one object, of which jansson would show the first alone.
 *
 * The text need not be sound JSON: what makes no sense is skipped, and the nodes are then few.
 */
#ifndef USHER_CORE_POLICY_LINES_H
#define USHER_CORE_POLICY_LINES_H

#include "agent/core/base/map.h"

/* One value's place in the text. */
struct line_node {
	const struct line_node *parent; /* NULL: the outermost value */
	int line;			/* of the key, or of the element's first byte; from 1 */
	size_t id;			/* of the container that the value may be */
	size_t index;			/* of an element; unused for a member */
	struct str key;			/* of a member, escapes decoded; p == NULL: an element */
	/* Owned: the parent's id and the key or index, under which the map has the node. */
	char place[];
};

/* A key that stood in its object before. The later value counts, as in jansson. */
struct line_duplicate {
	const struct line_node *node;
	int first, again; /* lines */
};

struct lines {
	struct line_node **nodes; /* owned, and so is each; the outermost value first */
	size_t n_nodes;
	struct map by_place;
	size_t n_ids;
	struct line_duplicate *duplicates; /* owned, in the order of the text */
	size_t n_duplicates;
};

/* Nothing points into text afterwards. */
void lines_init(struct lines *l, struct str text);
void lines_fini(struct lines *l);

/* The outermost value; NULL when the text is blank. */
const struct line_node *lines_root(const struct lines *l);
/* NULL when there is none; so it is for a NULL node. */
const struct line_node *lines_member(const struct lines *l, const struct line_node *node,
				     struct str key);
const struct line_node *lines_element(const struct lines *l, const struct line_node *node,
				      size_t index);

/*
 * The node's path, "tenants.acme.servers[1]", into out[LINES_PATH]; empty for the outermost
 * value. A key that is no plain word stands in quotes, a path too long loses its front to "...".
 * Returns out.
 */
enum { LINES_PATH = 256 };
const char *lines_path(const struct line_node *node, char *out);

/* One key as it stands in a path, into out[LINES_KEY]. Returns out. */
enum { LINES_KEY = 96 };
const char *lines_key(struct str key, char *out);

#endif
