/* Places in a JSON text, sound or not: every node has a path, and lines never run backwards. */
#include <assert.h>
#include <stdint.h>

#include "agent/core/policy/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct lines lines;
	char path[LINES_PATH];

	lines_init(&lines, (struct str){ (const char *)p, n });
	for (size_t i = 0; i < lines.n_nodes; i++) {
		assert(strlen(lines_path(lines.nodes[i], path)) < LINES_PATH);
		assert(lines.nodes[i]->line >= 1);
	}
	for (size_t i = 0; i < lines.n_duplicates; i++)
		assert(lines.duplicates[i].first <= lines.duplicates[i].again);
	lines_fini(&lines);
	return 0;
}
