/*
 * That usher stands in for HAProxy, in a file, so that an usher that is killed and started again
 * goes on at once instead of waiting for HAProxy. It counts for this boot of the machine alone.
 */
#ifndef USHER_STANDBY_MEMORY_H
#define USHER_STANDBY_MEMORY_H

#include <stdbool.h>
#include <sys/types.h>

/* Write it, or take it away: 0, or a negative errno. */
int memory_keep(const char *path, uid_t uid);
int memory_drop(const char *path);

/* Did an usher of this boot stand in, with sockets of that user, when it ended? */
bool memory_recall(const char *path, uid_t *uid);

#endif
