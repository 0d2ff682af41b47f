/* Words lie in the memory that was given, are terminated there, and commands come to an end. */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "agent/core/wire/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str line = { n ? (const char *)p : "", n };
	char *memory = malloc(n + 1);
	size_t commands = 0;
	struct command c;

	while (command_next(&line, memory, &c)) {
		assert(++commands <= n + 1 && c.n <= COMMAND_WORDS_MAX);
		for (unsigned i = 0; i < c.n; i++) {
			assert(c.words[i] >= memory && c.words[i] <= memory + n);
			assert(c.words[i] + strlen(c.words[i]) <= memory + n);
		}
		assert(c.words[c.n][0] == '\0');
	}
	assert(!line.p);
	free(memory);
	return 0;
}
