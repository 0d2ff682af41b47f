/*
 * The sticky table outlives the process: read from `stickiness.file` before the first decision,
 * written there every `stickiness.save_interval` when something changed, and once more at the end.
 *
 * A thread of its own waits for the disk, so that nobody else does. All functions are the main
 * thread's. Whatever fails is logged once, counted, and tried again: decisions need no file.
 */
#ifndef USHER_ENGINE_STICKY_FILE_H
#define USHER_ENGINE_STICKY_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct world;
struct sticky_file;

struct sticky_file_stats {
	bool is_wanted; /* usher.json names a file */
	uint64_t saves, failures;
	uint64_t entries;  /* in the last save */
	int64_t last_save; /* UNIX time; 0: none yet */
};

/* Does nothing yet. */
struct sticky_file *sticky_file_new(struct engine *e);
/* Read what there is, and keep the table from now on. Before workers run: this one waits. */
void sticky_file_start(struct sticky_file *f, const struct world *w);
/* Another world: another path or interval perhaps. */
void sticky_file_follow(struct sticky_file *f, const struct world *w);
/* The last save; when nobody changes the table any more. */
void sticky_file_free(struct sticky_file *f);

struct sticky_file_stats sticky_file_stats(const struct sticky_file *f);

#endif
