/* Answers come as several messages in several datagrams, all of them there when send() returns. */
#include "agent/io/sock_diag.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TCP_STATE_LISTEN = 10, ANSWER = 32 << 10 };

void
sock_diag_open(struct sock_diag *d)
{
	*d = (struct sock_diag){
		.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG),
	};
}

void
sock_diag_close(struct sock_diag *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

uint64_t
sock_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

static struct addr
make_addr(sa_family_t family, const void *bytes, uint16_t port_be)
{
	struct addr a = { .sa.sa_family = family };

	if (family == AF_INET) {
		a.len = sizeof(a.in);
		memcpy(&a.in.sin_addr, bytes, sizeof(a.in.sin_addr));
		a.in.sin_port = port_be;
	} else {
		a.len = sizeof(a.in6);
		memcpy(&a.in6.sin6_addr, bytes, sizeof(a.in6.sin6_addr));
		a.in6.sin6_port = port_be;
	}
	return a;
}

/* ---- netlink -------------------------------------------------------------------------------- */

static int
ask(struct sock_diag *d, sa_family_t family)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} m = {
		.header = {
			.nlmsg_len = sizeof(m),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = ++d->sequence,
		},
		.request = {
			.sdiag_family = (uint8_t)family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = 1U << TCP_STATE_LISTEN,
		},
	};

	return send(d->fd, &m, sizeof(m), 0) < 0 ? -errno : 0;
}

static void
show_message(const struct nlmsghdr *m, listening_fn *show, void *arg)
{
	struct inet_diag_msg row;
	struct listening l;

	if (m->nlmsg_len < NLMSG_LENGTH(sizeof(row)))
		return;
	memcpy(&row, NLMSG_DATA(m), sizeof(row));
	if (row.idiag_state != TCP_STATE_LISTEN)
		return;
	l = (struct listening){
		.addr = make_addr(row.idiag_family, row.id.idiag_src, row.id.idiag_sport),
		.uid = row.idiag_uid,
		.inode = row.idiag_inode,
	};
	show(arg, &l);
}

static int
error_of(const struct nlmsghdr *m)
{
	struct nlmsgerr e;

	if (m->nlmsg_len < NLMSG_LENGTH(sizeof(e)))
		return -EPROTO;
	memcpy(&e, NLMSG_DATA(m), sizeof(e));
	return e.error ? e.error : -EPROTO;
}

/* One datagram. 1: there are more; 0: that was all; or a negative errno. */
static int
read_answer(struct sock_diag *d, listening_fn *show, void *arg)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER];
	ssize_t got = recv(d->fd, answer, sizeof(answer), MSG_DONTWAIT);
	const struct nlmsghdr *m = (const struct nlmsghdr *)answer;

	if (got < 0)
		return errno == EINTR ? 1 : -errno;
	for (unsigned left = (unsigned)got; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
		if (m->nlmsg_seq != d->sequence)
			continue; /* the rest of an answer that was given up */
		if (m->nlmsg_type == NLMSG_DONE)
			return 0;
		if (m->nlmsg_type == NLMSG_ERROR)
			return error_of(m);
		show_message(m, show, arg);
	}
	return 1;
}

/* ---- /proc ---------------------------------------------------------------------------------- */

/*
 * "0100007F:075B" is 127.0.0.1:1883: words of 32 bits as this machine writes them. False: it is no
 * row, as the first line.
 */
static bool
read_row(const char *line, sa_family_t family, struct listening *l, unsigned *state)
{
	char text[33];
	uint32_t words[4];
	unsigned port;
	size_t n = family == AF_INET ? 1 : 4;

	if (sscanf(line, " %*u: %32[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X %*s %*s %*s %u %*u %" SCNu64,
		   text, &port, state, &l->uid, &l->inode) != 5 ||
	    strlen(text) != n * 8)
		return false;
	for (size_t i = 0; i < n; i++)
		if (sscanf(text + i * 8, "%8" SCNx32, &words[i]) != 1)
			return false;
	l->addr = make_addr(family, words, htons((uint16_t)port));
	return true;
}

/* The kernel names those that listen first; behind them may be a hundred thousand clients. */
static int
read_proc(sa_family_t family, listening_fn *show, void *arg)
{
	FILE *f = fopen(family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", "re");
	struct listening l;
	char line[512];
	unsigned state = TCP_STATE_LISTEN;

	if (!f)
		return family == AF_INET6 && errno == ENOENT ? 0 : -errno;
	while (state == TCP_STATE_LISTEN && fgets(line, sizeof(line), f))
		if (read_row(line, family, &l, &state) && state == TCP_STATE_LISTEN)
			show(arg, &l);
	fclose(f);
	return 0;
}

int
sock_diag_listening(struct sock_diag *d, sa_family_t family, listening_fn *show, void *arg)
{
	int result;

	if (d->fd < 0)
		return read_proc(family, show, arg);
	result = ask(d, family);
	for (int more = 1; result == 0 && more > 0;) {
		more = read_answer(d, show, arg);
		result = more < 0 ? more : 0;
	}
	return result;
}
