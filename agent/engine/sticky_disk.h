/*
 * One file with the sticky table (core/stick/snapshot.h), and the lock that says whose it is.
 *
 *	FILE             the entries, as of the last time they were written whole
 *	FILE.tmp         those being written; nobody reads it
 *	FILE.lock        held as long as a process writes FILE; empty, and it stays
 *	FILE.bad-TIME    what was no such file, set aside; the newest few
 *
 * Everything here waits for the disk. One thread at a time. Errors are negative errno.
 */
#ifndef USHER_ENGINE_STICKY_DISK_H
#define USHER_ENGINE_STICKY_DISK_H

#include "agent/core/stick/snapshot.h"
#include "agent/engine/world.h"

enum { STICKY_BAD_KEPT = 3 };

struct sticky_disk {
	char *path; /* owned; NULL: closed */
	int lock;   /* descriptor */
};

/* -EWOULDBLOCK: another process has it. */
int sticky_disk_open(struct sticky_disk *d, const char *path) MUST_USE;
void sticky_disk_close(struct sticky_disk *d);

struct sticky_reading {
	enum snapshot_fault fault;    /* with -EBADMSG: why it is no such file */
	uint64_t restored, passed_by; /* the latter had expired, or are there anew */
	int64_t age_ms;		      /* how long ago it was written, by the wall clock */
};

/*
 * Put the file's entries into the table, those that it has not got. They come when the whole file
 * has been found sound, or not at all. -ENOENT: no file; -EBADMSG: no file of ours; -EINVAL: not
 * even a regular file.
 */
int sticky_disk_read(const struct sticky_disk *d, struct engine *e, struct stick_table *table,
		     struct sticky_reading *r) MUST_USE;

/*
 * Rename what is no such file, so that it can be looked at. *name: what it is called now; owned by
 * the caller, also when that failed.
 */
int sticky_disk_set_aside(const struct sticky_disk *d, char **name) MUST_USE;

struct sticky_writing {
	uint64_t entries, bytes;
	uint64_t unripe; /* left out now, and real soon */
};

/* Write the table as it is now. On error the file is as it was before. */
int sticky_disk_write(const struct sticky_disk *d, struct engine *e, struct stick_table *table,
		      struct sticky_writing *w) MUST_USE;

#endif
