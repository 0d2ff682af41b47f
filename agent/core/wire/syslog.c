/*
 * Only the structured data is read: it is found by its "[usher@32473 ", so that header fields may
 * be what they like. A parameter is NAME="VALUE" with '"', '\' and ']' escaped by '\'
 * (RFC 5424, 6.3.3), or NAME=VALUE: HAProxy's %{+Q} leaves %ts without quotes.
 */
#include "agent/core/wire/syslog.h"

void
session_key_format(uint64_t key, char out[SESSION_KEY_TEXT])
{
	for (int i = 0; i < SESSION_KEY_TEXT; i++)
		out[i] = "0123456789abcdef"[key >> (60 - 4 * i) & 15];
}

bool
session_key_parse(struct str text, uint64_t *key)
{
	uint64_t value = 0;

	if (text.n != SESSION_KEY_TEXT)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*key = value;
	return true;
}

/* NAME="VALUE" or NAME=VALUE at the front of *at, the name up to the '='. */
static bool
take_param(struct str *at, struct str *name, struct str *value)
{
	const char *equals = at->n ? memchr(at->p, '=', at->n) : NULL;
	bool quoted;
	size_t i;

	if (!equals)
		return false;
	*name = (struct str){ at->p, (size_t)(equals - at->p) };
	i = name->n + 1;
	quoted = i < at->n && at->p[i] == '"';
	i += quoted;
	value->p = at->p + i;
	while (i < at->n && (quoted ? at->p[i] != '"' : at->p[i] != ' ' && at->p[i] != ']'))
		i += quoted && at->p[i] == '\\' ? 2 : 1;
	if (i >= at->n)
		return false;
	value->n = (size_t)(at->p + i - value->p);
	at->p += i + quoted;
	at->n -= i + quoted;
	return true;
}

enum parse
session_end_decode(struct str datagram, struct session_end *end)
{
	const struct str head = STR("[" SYSLOG_SD_ID " ");
	const char *found = datagram.n ? memmem(datagram.p, datagram.n, head.p, head.n) : NULL;
	struct str at, name, value;
	bool has_key = false;

	if (!found)
		return PARSE_BAD;
	at = (struct str){ found + head.n, datagram.n - (size_t)(found - datagram.p) - head.n };
	*end = (struct session_end){ 0 };
	while (take_param(&at, &name, &value)) {
		if (str_is(name, "key"))
			has_key = session_key_parse(value, &end->key);
		else if (str_is(name, "be"))
			end->backend = value;
		else if (str_is(name, "srv"))
			end->server = value;
		while (at.n && at.p[0] == ' ') {
			at.p++;
			at.n--;
		}
		if (at.n && at.p[0] == ']')
			return has_key ? PARSE_OK : PARSE_BAD;
	}
	return PARSE_BAD;
}
