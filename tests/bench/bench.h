/*
 * What the load generators share: names of clients, a clock, a histogram of latencies, the CPU time
 * of the processes under test.
 */
#ifndef USHER_TESTS_BENCH_BENCH_H
#define USHER_TESTS_BENCH_BENCH_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Client ids are "meter-" and digits: as long as an id often is, and never cut by `len 32`. */
#define ID_PREFIX "meter-"
enum { ID_DIGITS = 18, ID_LEN = sizeof(ID_PREFIX) - 1 + ID_DIGITS };

static inline void
put_digits(char *p, uint64_t n)
{
	for (int i = ID_DIGITS; i-- > 0; n /= 10)
		p[i] = (char)('0' + n % 10);
}

static inline void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

static inline uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Which of n clients comes next: far apart in the table, as clients of the field are. */
static inline uint64_t
shuffled(uint64_t i, uint64_t n)
{
	return (uint32_t)(i * UINT64_C(0x9e3779b97f4a7c15) >> 32) * n >> 32;
}

/* ---- latencies ------------------------------------------------------------------------------ */

/* Thirty-two steps to each doubling: a quantile is right within 3 %. */
enum { STEPS = 32, BUCKETS = 40 * STEPS };

struct histogram {
	uint64_t n, count[BUCKETS];
};

static inline void
histogram_add(struct histogram *h, uint64_t ns)
{
	unsigned doublings = ns < STEPS ? 0 : 58 - (unsigned)__builtin_clzll(ns);
	size_t bucket = doublings * STEPS + (ns >> doublings);

	h->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	h->n++;
}

/* The lower edge of the bucket that has this quantile, in µs. */
static inline double
histogram_us(const struct histogram *h, double quantile)
{
	uint64_t seen = 0;
	size_t bucket = 0;

	while (bucket < BUCKETS - 1 && (seen += h->count[bucket]) < quantile * (double)h->n)
		bucket++;
	if (bucket < STEPS)
		return (double)bucket / 1000;
	bucket -= STEPS;
	return (double)((STEPS + bucket % STEPS) << bucket / STEPS) / 1000;
}

/* ---- the processes under test --------------------------------------------------------------- */

/* User and system time so far, in µs. */
static inline double
cpu_us(int pid)
{
	unsigned long user, system;
	char path[64], text[1024];
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		die(path);
	fclose(f);
	/* Behind the name, which may have blanks: state, ten numbers, then the two. */
	at = strrchr(text, ')');
	if (!at || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			  &system) != 2)
		die(path);
	return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* Those given by -P. */
struct processes {
	int n, pid[8];
	double began[8];
};

static inline void
processes_add(struct processes *all, const char *pid)
{
	if (all->n == 8)
		die("-P");
	all->pid[all->n++] = atoi(pid);
}

static inline void
processes_begin(struct processes *all)
{
	for (int i = 0; i < all->n; i++)
		all->began[i] = cpu_us(all->pid[i]);
}

/* CPU time since begin for each of n units of work: of all together, then of each. */
static inline void
processes_print(const struct processes *all, uint64_t n)
{
	double each[8], sum = 0;

	for (int i = 0; i < all->n; i++)
		sum += each[i] = (cpu_us(all->pid[i]) - all->began[i]) / (double)n;
	printf(" cpu_us=%.3f", sum);
	for (int i = 0; i < all->n; i++)
		printf(" cpu%d_us=%.3f", i, each[i]);
}

#endif
