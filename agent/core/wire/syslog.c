/*
 * Only the structured data is read: it begins with the first " [", so that header fields may be
 * what they like, and is walked element by element, so that what a client put into another's
 * value is not taken for ours. A parameter is NAME="VALUE" with '"', '\' and ']' escaped by '\'
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

static void
skip(struct str *at, size_t n)
{
	at->p += n;
	at->n -= n;
}

static bool
take_byte(struct str *at, char c)
{
	if (at->n == 0 || at->p[0] != c)
		return false;
	skip(at, 1);
	return true;
}

/* Bytes up to one of `ends`; false when there are none, or no end. */
static bool
take_until(struct str *at, const char *ends, struct str *taken)
{
	size_t n = 0;

	while (n < at->n && (at->p[n] == '\0' || !strchr(ends, at->p[n])))
		n++;
	*taken = (struct str){ at->p, n };
	if (n == 0 || n == at->n)
		return false;
	skip(at, n);
	return true;
}

/* NAME="VALUE" or NAME=VALUE, with the blanks before it. */
static bool
take_param(struct str *at, struct str *name, struct str *value)
{
	size_t n = 0;

	while (take_byte(at, ' '))
		;
	if (!take_until(at, "= ]\"", name) || !take_byte(at, '='))
		return false;
	if (!take_byte(at, '"'))
		return take_until(at, " ]", value);
	while (n < at->n && at->p[n] != '"')
		n += at->p[n] == '\\' ? 2 : 1;
	if (n >= at->n)
		return false;
	*value = (struct str){ at->p, n };
	skip(at, n + 1);
	return true;
}

/* "[ID NAME=VALUE …]": its ID, and what our names say. */
static bool
take_element(struct str *at, struct str *id, struct session_end *end, bool *sound)
{
	struct str name, value;

	if (!take_byte(at, '[') || !take_until(at, " ]", id))
		return false;
	*end = (struct session_end){ 0 };
	*sound = false;
	while (take_param(at, &name, &value)) {
		if (str_is(name, "key")) {
			end->has_key = session_key_parse(value, &end->key);
			*sound = end->has_key || value.n == 0;
		} else if (str_is(name, "be")) {
			end->backend = value;
		} else if (str_is(name, "srv")) {
			end->server = value;
		}
	}
	return take_byte(at, ']');
}

enum parse
session_end_decode(struct str datagram, struct session_end *end)
{
	const char *first = datagram.n ? memmem(datagram.p, datagram.n, " [", 2) : NULL;
	struct str at = datagram, id;
	bool sound;

	if (!first)
		return PARSE_BAD;
	skip(&at, (size_t)(first - datagram.p) + 1);
	while (take_element(&at, &id, end, &sound))
		if (str_is(id, SYSLOG_SD_ID))
			return sound ? PARSE_OK : PARSE_BAD;
	return PARSE_BAD;
}
