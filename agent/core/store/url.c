/* The user's part ends at the last '@', so that one in a password need not be encoded. */
#include "agent/core/store/url.h"

#include <stdio.h>

#include "agent/core/base/addr.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Percent-decoded into out[size]; false: too long, a NUL, or '%' without two digits. */
static bool
decode(struct str s, char *out, size_t size)
{
	size_t w = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (s.n - i < 3 || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
				return false;
			c = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 2;
		}
		if (c == '\0' || w + 1 >= size)
			return false;
		out[w++] = c;
	}
	out[w] = '\0';
	return true;
}

/* Control characters have no place in a path or a name, nor in the log. */
static bool
copy(struct str s, char *out, size_t size)
{
	if (s.n >= size)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* What stands before the first `c`, or all; *rest is what stands behind it. */
static struct str
cut(struct str s, char c, struct str *rest)
{
	const char *at = memchr(s.p, c, s.n);

	if (!at) {
		*rest = (struct str){ s.p + s.n, 0 };
		return s;
	}
	*rest = (struct str){ at + 1, (size_t)(s.p + s.n - at) - 1 };
	return (struct str){ s.p, (size_t)(at - s.p) };
}

/* "[user]:password@" in front, if there; *rest is what follows. */
static const char *
read_login(struct str s, struct store_url *u, struct str *rest)
{
	const char *at = memrchr(s.p, '@', s.n);
	struct str password;

	*rest = s;
	if (!at)
		return NULL;
	*rest = (struct str){ at + 1, (size_t)(s.p + s.n - at) - 1 };
	s.n = (size_t)(at - s.p);
	if (!memchr(s.p, ':', s.n))
		return "no ':' before '@'; write redis://:password@host or "
		       "redis://user:password@host";
	if (!decode(cut(s, ':', &password), u->user, sizeof(u->user)) ||
	    !decode(password, u->password, sizeof(u->password)))
		return "user or password is too long or has a '%' without two hexadecimal digits "
		       "behind it; write %25 for '%'";
	if (!u->password[0])
		return "the password is empty; write it, or none of ':' and '@'";
	return NULL;
}

static bool
read_port(struct str s, struct store_url *u)
{
	uint64_t port;

	if (!str_u64(s, &port) || port < 1 || port > UINT16_MAX)
		return false;
	u->port = (uint16_t)port;
	return true;
}

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);

		if (!(c >= 'a' && c <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    (!s.p[i] || !strchr("-._", s.p[i])))
			return false;
	}
	return s.n > 0;
}

static bool
read_host(struct str s, struct store_url *u)
{
	struct str port, host;
	struct ip ip;

	if (s.n && s.p[0] == '[') {
		host = cut((struct str){ s.p + 1, s.n - 1 }, ']', &port);
		if (host.n + 2 > s.n || !ip_parse(host, &ip) || (port.n && port.p[0] != ':'))
			return false;
		return copy(host, u->host, sizeof(u->host)) &&
		       (!port.n || read_port((struct str){ port.p + 1, port.n - 1 }, u));
	}
	host = cut(s, ':', &port);
	return is_name(host) && copy(host, u->host, sizeof(u->host)) &&
	       (host.n == s.n || read_port(port, u));
}

static const char *
read_redis(struct str s, struct store_url *u)
{
	const char *slash = memrchr(s.p, '/', s.n), *at = memrchr(s.p, '@', s.n);
	struct str where, db = { 0 };
	const char *fault;
	uint64_t number = 0;

	if (slash && (!at || slash > at)) {
		db = (struct str){ slash + 1, (size_t)(s.p + s.n - slash) - 1 };
		s.n = (size_t)(slash - s.p);
	}
	fault = read_login(s, u, &where);
	if (fault)
		return fault;
	if (!read_host(where, u))
		return "no host and port; write redis://host:port, such as "
		       "redis://127.0.0.1:6379";
	if (db.n && (!str_u64(db, &number) || number > STORE_DB_MAX))
		return "what follows the last '/' is no database number; write one, such as "
		       "redis://127.0.0.1:6379/0";
	u->db = (uint32_t)number;
	return NULL;
}

static const char *
read_unix(struct str s, struct store_url *u)
{
	struct str path = s;
	const char *fault = s.n && s.p[0] == '/' ? NULL : read_login(s, u, &path);

	if (fault)
		return fault;
	if (path.n < 2 || path.p[0] != '/' || !copy(path, u->path, sizeof(u->path)))
		return "no absolute path of at most 107 bytes; write unix:///run/redis/redis.sock";
	return NULL;
}

const char *
store_url_parse(struct str text, struct store_url *u)
{
	static const struct str redis = { "redis://", 8 }, local = { "unix://", 7 };

	*u = (struct store_url){ .port = STORE_PORT };
	if (str_has_prefix(text, redis))
		return read_redis((struct str){ text.p + redis.n, text.n - redis.n }, u);
	if (str_has_prefix(text, local))
		return read_unix((struct str){ text.p + local.n, text.n - local.n }, u);
	if (str_has_prefix(text, STR("rediss://")))
		return "TLS is not spoken; write redis:// to a stunnel on this machine "
		       "(docs/store.md)";
	return "no address of a store; write redis://host:port/db or unix:///path";
}

bool
store_url_eq(const struct store_url *a, const struct store_url *b)
{
	return strcmp(a->path, b->path) == 0 && strcmp(a->host, b->host) == 0 &&
	       a->port == b->port && a->db == b->db && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->password, b->password) == 0;
}

const char *
store_url_format(const struct store_url *u, char *out)
{
	bool v6 = strchr(u->host, ':');

	if (u->path[0])
		snprintf(out, STORE_URL_TEXT, "unix://%s", u->path);
	else
		snprintf(out, STORE_URL_TEXT, "redis://%s%s%s:%u/%u", v6 ? "[" : "", u->host,
			 v6 ? "]" : "", u->port, u->db);
	return out;
}
