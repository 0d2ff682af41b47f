/* One line: the boot's own number, and whose the sockets were. */
#include "agent/standby/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/base/str.h"
#include "agent/io/file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum { LINE_MAX_BYTES = 128 };

/* "boot-id uid\n" into line; false: this machine gives boots no number. */
static bool
write_line(char *line, uid_t uid)
{
	char *boot;
	size_t n;

	if (file_read(BOOT_ID, &boot, &n) < 0)
		return false;
	boot[strcspn(boot, "\n")] = '\0';
	snprintf(line, LINE_MAX_BYTES, "%s %u\n", boot, (unsigned)uid);
	free(boot);
	return true;
}

/* One write of one line: who reads it finds it whole or not at all. */
int
memory_keep(const char *path, uid_t uid)
{
	char line[LINE_MAX_BYTES];
	int fd, error = 0;

	if (!write_line(line, uid))
		return -ENOTSUP;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		error = errno ? -errno : -EIO;
	close(fd);
	return error;
}

int
memory_drop(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

bool
memory_recall(const char *path, uid_t *uid)
{
	char line[LINE_MAX_BYTES], *text, *blank;
	uint64_t value;
	bool yes = false;
	size_t n;

	if (file_read(path, &text, &n) < 0)
		return false;
	blank = strchr(text, ' ');
	if (blank && n && text[n - 1] == '\n' &&
	    str_u64((struct str){ blank + 1, (size_t)(text + n - 1 - blank - 1) }, &value) &&
	    value < UINT32_MAX && write_line(line, (uid_t)value) && strcmp(line, text) == 0) {
		*uid = (uid_t)value;
		yes = true;
	}
	free(text);
	return yes;
}
