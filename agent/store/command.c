/*
 * Scripts are written out each time: Redis keeps what it compiled by their hash, and a restarted
 * one need not be told again.
 */
#include "agent/store/command.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum { ARGS = 8, NUMBER = 24, VALUE = 512 };

/* KEYS[1]: the key. ARGV: value, server, TTL in ms, `instead`. */
static const char place[] = "local v=redis.call('GET',KEYS[1]) "
			    "local s=v and string.match(v,'^[^ ]*') "
			    "if not v or s==ARGV[2] or s==ARGV[4] then "
			    "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[3]) end";
static const char end[] = "local v=redis.call('GET',KEYS[1]) "
			  "if not v or v==ARGV[1] then "
			  "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[3]) end";
static const char drop[] = "local v=redis.call('GET',KEYS[1]) "
			   "if v and string.match(v,'^[^ ]*')==ARGV[2] then "
			   "redis.call('DEL',KEYS[1]) end";

static const struct str scripts[N_STORE_WRITE_KINDS] = {
	[STORE_PLACE] = { place, sizeof(place) - 1 },
	[STORE_END] = { end, sizeof(end) - 1 },
	[STORE_DELETE] = { drop, sizeof(drop) - 1 },
};

static int
format(char **command, const struct str *args, int n)
{
	const char *words[ARGS];
	size_t lengths[ARGS];

	for (int i = 0; i < n; i++) {
		words[i] = args[i].n ? args[i].p : "";
		lengths[i] = args[i].n;
	}
	return (int)redisFormatCommandArgv(command, n, words, lengths);
}

int
command_format(char **command, const struct store_write *w)
{
	char value[VALUE], ttl[NUMBER];
	int n = snprintf(value, sizeof(value), "%.*s %.*s", STR_ARG(w->server), STR_ARG(w->owner));
	struct str what = { value, (size_t)n };

	if (n >= VALUE)
		return -1; /* a server's name without end: not to be shared */
	snprintf(ttl, sizeof(ttl), "%lld", (long long)w->ttl_ms);
	if (w->kind == STORE_SET)
		return format(command,
			      (struct str[]){ STR("SET"), w->key, what, STR("PX"), str_of(ttl) },
			      5);
	return format(command,
		      (struct str[]){ STR("EVAL"), scripts[w->kind], STR("1"), w->key, what,
				      w->server, str_of(ttl), w->instead },
		      8);
}
