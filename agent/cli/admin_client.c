/*
 * HTTP/1.0 with a close at the end, so that the answer is what is there when the peer is done:
 * all that a local request needs.
 */
#include "agent/cli/admin_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/core/base/buf.h"
#include "agent/core/policy/model.h"

enum {
	ANSWER_MAX = 64 << 20,
	PATIENCE_S = 5,
};

static int
complain(const char *address, const char *what)
{
	fprintf(stderr,
		"usher: %s: %s. Is usher running, and is this the address of admin.listen in its "
		"usher.json? Another one is given with --admin.\n",
		address, what);
	return -1;
}

static int
open_connection(const char *text)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct addr a;
	int fd;

	if (addr_parse(str_of(text), true, &a) != ADDR_OK)
		return complain(text, "no address");
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return complain(text, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, &a.sa, a.len) == 0)
		return fd;
	complain(text, strerror(errno));
	close(fd);
	return -1;
}

static bool
send_request(int fd, const struct admin_address *a, const char *method, const char *path)
{
	char *request;
	ssize_t sent;
	int n = asprintf(&request,
			 "%s %s HTTP/1.0\r\nHost: usher\r\n%s%s%sContent-Length: 0\r\n\r\n", method,
			 path, a->token ? "Authorization: Bearer " : "", a->token ? a->token : "",
			 a->token ? "\r\n" : "");

	if (n < 0)
		return false;
	sent = send(fd, request, (size_t)n, MSG_NOSIGNAL);
	free(request);
	return sent == n;
}

static bool
receive(int fd, struct buf *answer)
{
	for (;;) {
		uint8_t *room = buf_reserve(answer, 16384);
		ssize_t got = room ? recv(fd, room, 16384, 0) : -1;

		if (got == 0)
			return true;
		if (got > 0)
			buf_commit(answer, (size_t)got);
		else if (!room || errno != EINTR)
			return false;
	}
}

/* The status line's code and the body behind the empty line. */
static json_t *
read_answer(const struct buf *answer, const char *address, int *status)
{
	struct str all = { (const char *)buf_front(answer), buf_len(answer) };
	const char *body = all.n ? memmem(all.p, all.n, "\r\n\r\n", 4) : NULL;
	json_error_t error;
	json_t *json = NULL;

	if (body && sscanf(all.p, "HTTP/1.%*d %d", status) == 1)
		json = json_loadb(body + 4, (size_t)(all.p + all.n - body - 4), 0, &error);
	if (!json)
		complain(address, "no usher answers there");
	return json;
}

json_t *
admin_ask(const struct admin_address *a, const char *method, const char *path, int *status)
{
	const char *address = a->text ? a->text : POLICY_ADMIN_DEFAULT;
	int fd = open_connection(address);
	json_t *json = NULL;
	struct buf answer;

	if (fd < 0)
		return NULL;
	buf_init(&answer, ANSWER_MAX);
	if (send_request(fd, a, method, path) && receive(fd, &answer) &&
	    buf_put(&answer, "", 1)) { /* a NUL, so that it may be scanned as text */
		answer.w--;
		json = read_answer(&answer, address, status);
	} else {
		complain(address, "no answer");
	}
	buf_fini(&answer);
	close(fd);
	return json;
}
