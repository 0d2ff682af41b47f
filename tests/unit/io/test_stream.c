/* A stream over a pair of sockets: what is kept, what waits, what ends it. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/io/stream.h"
#include "tests/unit/run.h"

static struct worker *worker;
static struct stream stream;
static int peer, events;

static void
on_event(struct stream *s)
{
	events++;
	stream_watch(s);
}

static const struct stream_owner owner = { on_event, NULL };

static void
set_up(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	worker = worker_new(0);
	ck_assert_ptr_nonnull(worker);
	peer = fds[1];
	events = 0;
	stream_open(&stream, worker, fds[0], &owner);
}

static void
tear_down(void)
{
	stream_close(&stream);
	ck_assert(list_is_empty(&worker->streams));
	if (peer >= 0)
		close(peer);
	worker_free(worker);
}

static void
peer_says(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

static void
assert_reads(const char *text)
{
	const uint8_t *p;
	size_t n;

	stream_read(&stream, &p, &n);
	ck_assert_uint_eq(n, strlen(text));
	ck_assert_mem_eq(p, text, n);
}

/* As many events as are due now. */
static int
turn(void)
{
	events = 0;
	ev_run(worker->loop, EVRUN_NOWAIT);
	return events;
}

START_TEST(test_read)
{
	assert_reads("");
	ck_assert(!stream.eof && !stream.broken);
	ck_assert_int_eq(turn(), 0);
	peer_says("hello");
	ck_assert_int_eq(turn(), 1);
	assert_reads("hello");
	stream_watch(&stream);
	ck_assert_int_eq(turn(), 0);
}
END_TEST

START_TEST(test_keep)
{
	const uint8_t *p;
	size_t n;

	peer_says("first,sec");
	stream_read(&stream, &p, &n);
	ck_assert(stream_keep(&stream, p + 6, n - 6));
	/* The worker's buffer serves others meanwhile. */
	memset(worker->read_buffer, '#', WORKER_BUFFER);
	assert_reads("sec");
	ck_assert(stream_keep(&stream, worker->read_buffer, 3));
	peer_says("ond");
	assert_reads("second");
	/* Not kept, so gone; and no memory is held for it. */
	assert_reads("");
	ck_assert_ptr_null(stream.in.data);
}
END_TEST

/* Byte by byte, nothing is lost or doubled. */
START_TEST(test_keep_bytewise)
{
	static const char text[] = "a message that comes slowly";
	const uint8_t *p;
	size_t n;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		ck_assert_int_eq(write(peer, text + i, 1), 1);
		stream_read(&stream, &p, &n);
		ck_assert_uint_eq(n, i + 1);
		ck_assert_mem_eq(p, text, n);
		ck_assert(stream_keep(&stream, p, n));
	}
}
END_TEST

START_TEST(test_keep_has_a_limit)
{
	static uint8_t much[WORKER_BUFFER + 1];

	ck_assert(!stream_keep(&stream, much, sizeof(much)));
	ck_assert(stream_keep(&stream, much, WORKER_BUFFER / 2));
	ck_assert(!stream_keep(&stream, much, WORKER_BUFFER / 2 + 1));
}
END_TEST

/* Everything kept and no room for more: that is not the peer's end. */
START_TEST(test_full_is_not_the_end)
{
	static uint8_t much[WORKER_BUFFER];
	const uint8_t *p;
	size_t n;

	ck_assert(stream_keep(&stream, much, sizeof(much)));
	peer_says("more");
	stream_read(&stream, &p, &n);
	ck_assert_uint_eq(n, sizeof(much));
	ck_assert(!stream.eof);
	ck_assert(!stream.broken);
}
END_TEST

START_TEST(test_write)
{
	char got[16];

	ck_assert(stream_write(&stream, "hello", 5));
	ck_assert(stream_write(&stream, "", 0));
	ck_assert_int_eq(read(peer, got, sizeof(got)), 5);
	ck_assert_mem_eq(got, "hello", 5);
	ck_assert_ptr_null(stream.out.data);
}
END_TEST

/* Write until the peer's buffer is full; the number of bytes accepted. */
static size_t
fill(const uint8_t *bytes, size_t n)
{
	size_t written = 0;

	while (buf_len(&stream.out) == 0) {
		ck_assert(stream_write(&stream, bytes + written % n, 1000));
		written += 1000;
	}
	return written;
}

/* The peer takes nothing for a while: all of it arrives in the end, in order. */
START_TEST(test_short_write)
{
	static uint8_t pattern[251 * 4000 + 1000], got[65536];
	size_t written, seen = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i % 251);
	written = fill(pattern, 251 * 1000);
	ck_assert(stream_write(&stream, pattern + written % 251, 100000));
	written += 100000;
	stream_watch(&stream);
	do {
		while ((n = read(peer, got, sizeof(got))) > 0)
			for (ssize_t i = 0; i < n; i++, seen++)
				ck_assert_uint_eq(got[i], seen % 251);
	} while (turn() > 0);
	ck_assert_uint_eq(seen, written);
	ck_assert_uint_eq(buf_len(&stream.out), 0);
	ck_assert_ptr_null(stream.out.data);
}
END_TEST

/* While something waits to go out, nothing is taken in. */
START_TEST(test_back_pressure)
{
	static uint8_t bytes[2000], got[65536];

	fill(bytes, 1000);
	stream_watch(&stream);
	peer_says("more questions");
	ck_assert_int_eq(turn(), 0);
	assert_reads("");
	while (read(peer, got, sizeof(got)) > 0)
		;
	/* Room again: what waited goes, and only then are the questions read. */
	ck_assert_int_eq(turn(), 1);
	ck_assert_uint_eq(buf_len(&stream.out), 0);
	stream_watch(&stream);
	ck_assert_int_eq(turn(), 1);
	assert_reads("more questions");
}
END_TEST

/* A peer that never takes anything cannot make us keep it all. */
START_TEST(test_write_has_a_limit)
{
	static uint8_t bytes[10000];
	size_t kept = 0;

	fill(bytes, 1000);
	while (stream_write(&stream, bytes, sizeof(bytes)))
		ck_assert_uint_lt(kept += sizeof(bytes), 64 * WORKER_BUFFER);
	ck_assert_uint_gt(kept, WORKER_BUFFER / 2);
	ck_assert(!stream.broken);
}
END_TEST

START_TEST(test_eof)
{
	peer_says("bye");
	shutdown(peer, SHUT_WR);
	assert_reads("bye");
	ck_assert(!stream.eof);
	ck_assert_int_eq(turn(), 1);
	assert_reads("");
	ck_assert(stream.eof);
	ck_assert(!stream.broken);
	/* It still listens. */
	ck_assert(stream_write(&stream, "ack", 3));
	ck_assert(!stream.broken);
}
END_TEST

/* No signal, no error: there is nobody to tell. */
START_TEST(test_broken)
{
	close(peer);
	peer = -1;
	ck_assert(stream_write(&stream, "hello", 5));
	ck_assert(stream.broken);
	ck_assert(stream_write(&stream, "again", 5));
	assert_reads("");
}
END_TEST

START_TEST(test_broken_while_it_waits)
{
	static uint8_t bytes[2000];

	fill(bytes, 1000);
	stream_watch(&stream);
	close(peer);
	peer = -1;
	ck_assert_int_eq(turn(), 1);
	ck_assert(stream.broken);
}
END_TEST

static void
close_it(struct stream *s)
{
	events++;
	stream_close(s);
}

/* A callback may close the stream under the loop's feet. */
START_TEST(test_close_from_within)
{
	int fds[2];
	struct stream other;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	stream_open(&other, worker, fds[0], &(struct stream_owner){ close_it, NULL });
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(turn(), 1);
	ck_assert_int_eq(other.fd, -1);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
	ck_assert_int_eq(turn(), 0);
	close(fds[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stream");
	TCase *tcase = tcase_create("stream");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, test_read);
	tcase_add_test(tcase, test_keep);
	tcase_add_test(tcase, test_keep_bytewise);
	tcase_add_test(tcase, test_keep_has_a_limit);
	tcase_add_test(tcase, test_full_is_not_the_end);
	tcase_add_test(tcase, test_write);
	tcase_add_test(tcase, test_short_write);
	tcase_add_test(tcase, test_back_pressure);
	tcase_add_test(tcase, test_write_has_a_limit);
	tcase_add_test(tcase, test_eof);
	tcase_add_test(tcase, test_broken);
	tcase_add_test(tcase, test_broken_while_it_waits);
	tcase_add_test(tcase, test_close_from_within);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
