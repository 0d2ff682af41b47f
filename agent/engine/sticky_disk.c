/*
 * Reading goes over the file twice, block by block, so that a file of any size takes a constant of
 * memory and a bad one leaves no trace. Writing copies the table a slice at a time into a second
 * file, which takes the first one's name when the disk has it.
 */
#include "agent/engine/sticky_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/core/base/buf.h"
#include "agent/core/base/mem.h"
#include "agent/io/clock.h"
#include "agent/io/worker.h"

static char *
with_suffix(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *out = xmalloc(size);

	snprintf(out, size, "%s%s", path, suffix);
	return out;
}

/* "/a/b" → "/a/"; "b" → "./". Owned by the caller. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? str_dup((struct str){ path, (size_t)(slash - path) + 1 })
		     : str_dup(STR("./"));
}

/* ---- whose it is ---------------------------------------------------------------------------- */

/* The lock's file is never removed: who waits for it would hold another one than who comes next. */
int
sticky_disk_open(struct sticky_disk *d, const char *path)
{
	char *name = with_suffix(path, ".lock");
	int error = 0;

	d->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(name);
	if (d->lock < 0)
		return -errno;
	if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
		error = -errno;
		close(d->lock);
		return error;
	}
	d->path = str_dup(str_of(path));
	return 0;
}

void
sticky_disk_close(struct sticky_disk *d)
{
	if (!d->path)
		return;
	free(d->path);
	d->path = NULL;
	close(d->lock);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A server's name in the file. It gets its number when an entry needs it, so old names die out. */
struct kept_name {
	char *name; /* owned */
	uint32_t target;
};

struct reader {
	struct engine *engine;
	struct stick_table *table;
	struct sticky_reading *result;
	struct kept_name *names; /* owned */
	size_t n_names;
	int64_t now; /* monotonic ms */
};

static uint32_t
target_of(struct reader *rd, uint32_t number)
{
	struct kept_name *n = &rd->names[number - 1];

	if (n->target == STICK_NO_TARGET)
		n->target = engine_intern_target(rd->engine, str_of(n->name));
	return n->target;
}

static void
restore_entries(struct reader *rd, struct snapshot_block *block)
{
	struct stick_record r;

	while (snapshot_next_entry(block, &r)) {
		r.target = target_of(rd, r.target);
		r.since_ms += rd->result->age_ms;
		r.age_ms += rd->result->age_ms;
		if (r.target != STICK_NO_TARGET && stick_table_restore(rd->table, &r, rd->now))
			rd->result->restored++;
		else
			rd->result->passed_by++;
	}
}

/* What the second reading does with a block. */
static void
take_block(struct reader *rd, const struct snapshot_decoder *d, struct snapshot_block *block)
{
	struct str name;

	if (block->type == SNAPSHOT_HEAD)
		rd->result->age_ms = snapshot_age_ms(d->written_ms, wall_clock_now().us / 1000);
	if (block->type == SNAPSHOT_NAMES)
		while (snapshot_next_name(block, &name)) {
			ARRAY_GROW(rd->names, rd->n_names);
			rd->names[rd->n_names++] = (struct kept_name){ str_dup(name), 0 };
		}
	if (block->type == SNAPSHOT_ENTRIES)
		restore_entries(rd, block);
}

/* More bytes into the buffer: how many; 0 at the end; a negative errno. */
static ssize_t
fill(int fd, struct buf *b)
{
	enum { STEP = 64 << 10 };
	uint8_t *room = buf_reserve(b, STEP);
	ssize_t n;

	if (!room)
		return -ENOMEM;
	do
		n = read(fd, room, STEP);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf_commit(b, (size_t)n);
	return n;
}

/* The whole file, from its beginning. rd NULL: only look whether it is sound. */
static int
scan(int fd, struct buf *b, struct reader *rd, enum snapshot_fault *fault)
{
	struct snapshot_decoder decoder = { 0 };
	struct snapshot_block block;
	size_t used;
	ssize_t n;

	buf_consume(b, buf_len(b));
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;)
		switch (snapshot_decode(&decoder, buf_front(b), buf_len(b), &block, &used)) {
		case PARSE_OK:
			if (rd)
				take_block(rd, &decoder, &block);
			buf_consume(b, used);
			break;
		case PARSE_MORE:
			n = fill(fd, b);
			if (n > 0)
				break;
			if (n < 0 || (decoder.is_over && buf_len(b) == 0))
				return (int)n;
			*fault = SNAPSHOT_CUT;
			return -EBADMSG;
		case PARSE_BAD:
			*fault = decoder.fault;
			return -EBADMSG;
		}
}

static int
open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
	struct stat st;
	int error;

	if (fd < 0)
		return -errno;
	error = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

int
sticky_disk_read(const struct sticky_disk *d, struct engine *e, struct stick_table *table,
		 struct sticky_reading *r)
{
	struct reader rd = { .engine = e, .table = table, .result = r, .now = worker_now() };
	struct buf b;
	int fd = open_regular(d->path), error;

	*r = (struct sticky_reading){ 0 };
	if (fd < 0)
		return fd;
	buf_init(&b, 2 * SNAPSHOT_BLOCK);
	error = scan(fd, &b, NULL, &r->fault);
	if (!error)
		error = scan(fd, &b, &rd, &r->fault);
	if (rd.n_names)
		stick_table_settle(table);
	for (size_t i = 0; i < rd.n_names; i++)
		free(rd.names[i].name);
	free(rd.names);
	buf_fini(&b);
	close(fd);
	return error;
}

/* ---- set aside ------------------------------------------------------------------------------ */

/* Their names end in a time of ten digits, so their order is that of time. */
static void
remove_oldest_bad(const char *directory, struct str prefix)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, NULL, alphasort), kept = 0;
	size_t size;

	for (int i = n - 1; i >= 0; i--) {
		if (str_has_prefix(str_of(entries[i]->d_name), prefix) &&
		    ++kept > STICKY_BAD_KEPT) {
			char *name;

			size = strlen(directory) + strlen(entries[i]->d_name) + 1;
			name = xmalloc(size);
			snprintf(name, size, "%s%s", directory, entries[i]->d_name);
			unlink(name);
			free(name);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int
sticky_disk_set_aside(const struct sticky_disk *d, char **name)
{
	char *prefix = with_suffix(d->path, ".bad-"), *directory = directory_of(d->path);
	const char *slash = strrchr(prefix, '/');
	char digits[24];
	int error;

	snprintf(digits, sizeof(digits), "%010lld", (long long)time(NULL));
	*name = with_suffix(prefix, digits);
	error = rename(d->path, *name) < 0 ? -errno : 0;
	if (!error)
		remove_oldest_bad(directory, str_of(slash ? slash + 1 : prefix));
	free(directory);
	free(prefix);
	return error;
}

/* ---- writing -------------------------------------------------------------------------------- */

struct writing {
	struct engine *engine;
	struct sticky_writing *result;
	int fd;
	int error; /* the first; nothing is written any more */
	struct snapshot_encoder encoder;
	bool is_open; /* a block was begun */
	uint32_t n_names;
	struct stick_slice slice;
	uint8_t bytes[SNAPSHOT_BLOCK];
};

/* What stands in the encoder goes to the file. */
static void
write_out(struct writing *w)
{
	const uint8_t *p = w->encoder.out.p;
	size_t left = w->encoder.out.n;

	while (left && !w->error) {
		ssize_t n = write(w->fd, p, left);

		if (n < 0 && errno != EINTR)
			w->error = -errno;
		if (n <= 0)
			continue;
		p += n;
		left -= (size_t)n;
		w->result->bytes += (uint64_t)n;
	}
	w->encoder.out.n = 0;
}

static void
close_block(struct writing *w)
{
	if (!w->is_open)
		return;
	snapshot_seal(&w->encoder);
	write_out(w);
	w->is_open = false;
}

static void
open_block(struct writing *w, enum snapshot_block_type type)
{
	if (w->is_open && w->encoder.type == type)
		return;
	close_block(w);
	snapshot_begin(&w->encoder, type);
	w->is_open = true;
}

static bool
add_name(struct writing *w, struct str name)
{
	open_block(w, SNAPSHOT_NAMES);
	return snapshot_add_name(&w->encoder, name);
}

static bool
add_entry(struct writing *w, const struct stick_record *r)
{
	open_block(w, SNAPSHOT_ENTRIES);
	return snapshot_add_entry(&w->encoder, r, (uint16_t)r->target);
}

/* Names stand before the entries that use them, so a number in the file is the one in memory. */
static void
add_new_names(struct writing *w)
{
	const char *name;

	while ((name = engine_target_name(w->engine, w->n_names + 1))) {
		if (!add_name(w, str_of(name))) {
			close_block(w);
			if (!add_name(w, str_of(name)))
				w->error = -ENAMETOOLONG;
		}
		w->n_names++;
	}
}

/* An identity of more than 65,535 bytes, which MQTT has not got, fits into no block. */
static void
add_slice(struct writing *w)
{
	add_new_names(w);
	for (size_t i = 0; i < w->slice.n && !w->error; i++) {
		if (add_entry(w, &w->slice.records[i]))
			continue;
		close_block(w);
		(void)!add_entry(w, &w->slice.records[i]);
	}
}

static void
write_table(struct writing *w, struct stick_table *table)
{
	struct stick_walk at = { 0 };
	int64_t now = worker_now();

	snapshot_start(&w->encoder, w->bytes, wall_clock_now().us / 1000);
	write_out(w);
	while (!w->error && stick_table_walk(table, &at, now, &w->slice))
		add_slice(w);
	open_block(w, SNAPSHOT_END);
	close_block(w);
	w->result->entries = w->encoder.entries;
	w->result->unripe = at.unripe;
	if (!w->error && fsync(w->fd) < 0)
		w->error = -errno;
}

/* A rename outlives a power failure when the directory is on the disk as well. */
static int
put_in_place(const char *from, const char *path)
{
	char *directory = directory_of(path);
	int fd, error = 0;

	if (rename(from, path) < 0)
		error = -errno;
	fd = error ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fsync(fd) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	free(directory);
	return error;
}

int
sticky_disk_write(const struct sticky_disk *d, struct engine *e, struct stick_table *table,
		  struct sticky_writing *result)
{
	char *name = with_suffix(d->path, ".tmp");
	struct writing *w = xcalloc(1, sizeof(*w));
	int error;

	*result = (struct sticky_writing){ 0 };
	w->engine = e;
	w->result = result;
	unlink(name); /* what a killed process left, or a link that somebody put there */
	w->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0) {
		w->error = -errno;
	} else {
		write_table(w, table);
		if (close(w->fd) < 0 && !w->error)
			w->error = -errno;
		if (!w->error)
			w->error = put_in_place(name, d->path);
		if (w->error)
			unlink(name);
	}
	error = w->error;
	free(w);
	free(name);
	return error;
}
