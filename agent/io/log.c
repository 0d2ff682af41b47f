/* Lines are put together on the stack and written whole; a pipe or terminal keeps them so. */
#include "agent/io/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static enum log_level threshold = LOG_INFO;

void
log_set_level(enum log_level level)
{
	threshold = level;
}

bool
log_wants(enum log_level level)
{
	return level <= threshold;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	char line[LINE_MAX_BYTES];
	struct timespec now;
	struct tm utc;
	va_list args;
	size_t n;
	int more;

	if (!log_wants(level))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
	n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ldZ %s ", now.tv_nsec / 1000000,
			      names[level]);
	va_start(args, fmt);
	more = vsnprintf(line + n, sizeof(line) - n - 1, fmt, args);
	va_end(args);
	if (more < 0)
		return;
	n = n + (size_t)more < sizeof(line) - 2 ? n + (size_t)more : sizeof(line) - 2;
	line[n++] = '\n';
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		;
}

bool
log_limit_pass(struct log_limit *l, uint32_t *left_out)
{
	struct timespec now;
	int64_t last = l->second;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	/* Monotonic time may begin at 0, which is also "never": shift it by one. */
	if (last == now.tv_sec + 1 ||
	    !atomic_compare_exchange_strong(&l->second, &last, now.tv_sec + 1)) {
		atomic_fetch_add(&l->left_out, 1);
		return false;
	}
	*left_out = atomic_exchange(&l->left_out, 0);
	return true;
}
