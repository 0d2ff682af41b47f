/* Files: read whole. Errors are negative errno. */
#ifndef USHER_IO_FILE_H
#define USHER_IO_FILE_H

#include <stddef.h>

/* The most a configuration file may hold. */
enum { FILE_MAX_BYTES = 64 << 20 };

/* The whole file, NUL-terminated, owned by the caller; its length in *n. */
int file_read(const char *path, char **text, size_t *n);

#endif
