/* A file may grow or be a pipe, so its size is not asked for: read until there is no more. */
#include "agent/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/core/base/mem.h"

int
file_read(const char *path, char **text, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t cap = 16384;
	ssize_t got;
	int error;

	if (fd < 0)
		return -errno;
	*text = xmalloc(cap);
	*n = 0;
	while ((got = read(fd, *text + *n, cap - *n - 1)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || *n + (size_t)got > FILE_MAX_BYTES) {
			error = got < 0 ? errno : EFBIG;
			close(fd);
			free(*text);
			return -error;
		}
		*n += (size_t)got;
		if (*n + 1 == cap)
			*text = xrealloc(*text, cap *= 2);
	}
	(*text)[*n] = '\0';
	close(fd);
	return 0;
}
