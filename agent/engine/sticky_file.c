/*
 * The thread has the file; the main thread tells it by `wanted` which one, under the lock. The lock
 * is never held while the disk is waited for.
 */
#include "agent/engine/sticky_file.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core/base/mem.h"
#include "agent/engine/sticky_disk.h"
#include "agent/engine/world.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"

struct sticky_file {
	struct engine *engine;
	struct stick_table *table; /* the engine's */
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock;
	pthread_cond_t told;
	char *wanted; /* guarded, as the next two; owned; NULL: nothing is kept */
	int64_t interval_ms;
	bool is_over;

	/* The thread's, once it runs. */
	char *path;		 /* owned; the one it has, or tries to have */
	struct sticky_disk disk; /* closed: not ours yet */
	bool is_failing;	 /* said once, until it works again */
	bool is_due;		 /* to be written though nothing may have changed */
	uint64_t changes;	 /* of the table, when it was written last */
	int64_t tried_at;	 /* monotonic ms */

	_Atomic bool is_wanted;
	_Atomic uint64_t saves, failures, entries;
	_Atomic int64_t last_save;
};

/* ---- the file ------------------------------------------------------------------------------- */

static void
note_failure(struct sticky_file *f, const char *what, const char *reason)
{
	atomic_fetch_add(&f->failures, 1);
	if (!f->is_failing)
		log_line(LOG_WARNING,
			 "sticky file failed path=%s op=%s reason=\"%s\" consequence=\"what is "
			 "new since the last save would be lost with this process\"",
			 f->path, what, reason);
	f->is_failing = true;
}

static void
note_success(struct sticky_file *f)
{
	if (f->is_failing)
		log_line(LOG_INFO, "sticky file works again path=%s", f->path);
	f->is_failing = false;
}

/* False: it stays where it is, and must not be written over. */
static bool
set_aside(struct sticky_file *f, const char *reason)
{
	char *name;
	int error = sticky_disk_set_aside(&f->disk, &name);

	if (!error)
		log_line(LOG_WARNING,
			 "sticky file set aside path=%s to=%s reason=\"%s\" consequence=\"the "
			 "entries in it are not used\"",
			 f->path, name, reason);
	else
		note_failure(f, "set_aside", strerror(-error));
	free(name);
	return !error;
}

static bool
read_file(struct sticky_file *f)
{
	int64_t began = worker_now();
	struct sticky_reading r;
	int error = sticky_disk_read(&f->disk, f->engine, f->table, &r);

	if (error == -ENOENT)
		return true;
	if (error == -EBADMSG)
		return set_aside(f, snapshot_fault_text(r.fault));
	if (error) { /* perhaps there is nothing wrong with it: it stays */
		note_failure(f, "read",
			     error == -EINVAL ? "it is no regular file" : strerror(-error));
		return false;
	}
	log_line(LOG_INFO,
		 "sticky file read path=%s entries=%" PRIu64 " expired=%" PRIu64 " age_s=%" PRId64
		 " ms=%" PRId64,
		 f->path, r.restored, r.passed_by, r.age_ms / 1000, worker_now() - began);
	return true;
}

static void
open_file(struct sticky_file *f)
{
	int error = sticky_disk_open(&f->disk, f->path);

	if (error)
		note_failure(f, "open",
			     error == -EWOULDBLOCK ? "another usher keeps its entries there"
						   : strerror(-error));
	else if (!read_file(f))
		sticky_disk_close(&f->disk);
	f->is_due = true;
}

static void
write_file(struct sticky_file *f, enum log_level level)
{
	uint64_t changes = stick_table_stats(f->table).changes;
	int64_t began = worker_now();
	struct sticky_writing w;
	int error;

	if (!f->is_due && changes == f->changes)
		return;
	error = sticky_disk_write(&f->disk, f->engine, f->table, &w);
	if (error) {
		note_failure(f, "write", strerror(-error));
		return;
	}
	note_success(f);
	f->changes = changes;
	f->is_due = w.unripe > 0;
	atomic_store(&f->entries, w.entries);
	atomic_store(&f->last_save, (int64_t)time(NULL));
	atomic_fetch_add(&f->saves, 1);
	log_line(level,
		 "sticky file written path=%s entries=%" PRIu64 " bytes=%" PRIu64 " ms=%" PRId64,
		 f->path, w.entries, w.bytes, worker_now() - began);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void
close_file(struct sticky_file *f)
{
	if (f->disk.path)
		write_file(f, LOG_INFO);
	sticky_disk_close(&f->disk);
}

/* Every interval: write it, or try again to make it ours. */
static void
tick(struct sticky_file *f)
{
	f->tried_at = worker_now();
	if (!f->path)
		return;
	if (!f->disk.path)
		open_file(f);
	if (f->disk.path)
		write_file(f, LOG_DEBUG);
}

static bool
is_same_path(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Another file, or none: `path` is ours from now on. It is written when the interval is over. */
static void
change_to(struct sticky_file *f, char *path)
{
	close_file(f);
	free(f->path);
	f->path = path;
	f->is_failing = false;
	f->tried_at = worker_now();
	if (path)
		open_file(f);
}

/*
 * Until the interval is over or another file is wanted, by the name that the caller then owns.
 * False: the end.
 */
static bool
await(struct sticky_file *f, char **wanted)
{
	bool goes_on;

	pthread_mutex_lock(&f->lock);
	while (!f->is_over && is_same_path(f->wanted, f->path)) {
		int64_t due = f->tried_at + f->interval_ms;
		struct timespec until = { due / 1000, due % 1000 * 1000000 };

		if (worker_now() >= due)
			break;
		pthread_cond_timedwait(&f->told, &f->lock, &until);
	}
	goes_on = !f->is_over;
	*wanted = f->wanted ? str_dup(str_of(f->wanted)) : NULL;
	pthread_mutex_unlock(&f->lock);
	return goes_on;
}

static void *
run(void *arg)
{
	struct sticky_file *f = arg;
	char *wanted;

	while (await(f, &wanted)) {
		if (!is_same_path(wanted, f->path)) {
			change_to(f, wanted);
			continue;
		}
		free(wanted);
		tick(f);
	}
	free(wanted);
	close_file(f);
	return NULL;
}

/* ---- the main thread ------------------------------------------------------------------------ */

struct sticky_file *
sticky_file_new(struct engine *e)
{
	struct sticky_file *f = xcalloc(1, sizeof(*f));
	pthread_condattr_t monotonic;

	f->engine = e;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->told, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return f;
}

/* Who keeps nothing has no thread for it. */
static void
start_thread(struct sticky_file *f)
{
	sigset_t all, before;
	int error;

	if (f->has_thread || !f->wanted)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	f->has_thread = !error;
	if (error)
		log_line(LOG_WARNING, "sticky file failed path=%s op=thread reason=\"%s\"",
			 f->wanted, strerror(error));
}

static char *
path_of(const struct world *w)
{
	return w->policy.sticky_file ? str_dup(str_of(w->policy.sticky_file)) : NULL;
}

void
sticky_file_start(struct sticky_file *f, const struct world *w)
{
	f->table = w->env.table;
	change_to(f, path_of(w));
	sticky_file_follow(f, w);
}

void
sticky_file_follow(struct sticky_file *f, const struct world *w)
{
	pthread_mutex_lock(&f->lock);
	free(f->wanted);
	f->wanted = path_of(w);
	f->interval_ms = w->policy.save_interval_ms;
	atomic_store(&f->is_wanted, f->wanted != NULL);
	pthread_cond_signal(&f->told);
	pthread_mutex_unlock(&f->lock);
	start_thread(f);
}

void
sticky_file_free(struct sticky_file *f)
{
	pthread_mutex_lock(&f->lock);
	f->is_over = true;
	pthread_cond_signal(&f->told);
	pthread_mutex_unlock(&f->lock);
	if (f->has_thread)
		pthread_join(f->thread, NULL);
	else
		close_file(f);
	pthread_cond_destroy(&f->told);
	pthread_mutex_destroy(&f->lock);
	free(f->wanted);
	free(f->path);
	free(f);
}

struct sticky_file_stats
sticky_file_stats(const struct sticky_file *f)
{
	return (struct sticky_file_stats){
		.is_wanted = atomic_load(&f->is_wanted),
		.saves = atomic_load(&f->saves),
		.failures = atomic_load(&f->failures),
		.entries = atomic_load(&f->entries),
		.last_save = atomic_load(&f->last_save),
	};
}
