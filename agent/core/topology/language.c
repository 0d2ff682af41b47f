/*
 * Words are followed from table to table: "tcp-request" → "content" → "send-spoe-group" → the
 * engine's name. A row that is not supported ends its branch: what stands behind it is part of it.
 */
#include "agent/core/topology/language.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/host.h"
#include "agent/core/base/mem.h"
#include "agent/core/topology/language_rows.h"

static const struct {
	const char *name;
	const struct language_row *rows;
	enum language_shape shape;
} places[N_LANGUAGE_PLACES] = {
	[LANGUAGE_NOWHERE] = { "", (const struct language_row[]){ { 0 } }, LANGUAGE_ONE },
	[LANGUAGE_SECTION] = { "section", language_sections, LANGUAGE_ONE },
	[LANGUAGE_GLOBAL] = { "global", language_global, LANGUAGE_ONE },
	[LANGUAGE_GLOBAL_STATS] = { "global stats", language_global_stats, LANGUAGE_ONE },
	[LANGUAGE_DEFAULT_PATH] = { "default-path", language_default_path, LANGUAGE_ONE },
	[LANGUAGE_LUA_FILE] = { "lua-load", language_lua_file, LANGUAGE_ONE },
	[LANGUAGE_PROXY] = { "proxy", language_proxy, LANGUAGE_ONE },
	[LANGUAGE_PAGE] = { "proxy of `mode http` with statistics", language_page, LANGUAGE_ONE },
	[LANGUAGE_STATS] = { "stats", language_stats, LANGUAGE_ONE },
	[LANGUAGE_UPGRADE] = { "proxy of `mode http` with WebSocket", language_upgrade,
			       LANGUAGE_ONE },
	[LANGUAGE_UPGRADE_OPTION] = { "option in `mode http`", language_upgrade_option,
				      LANGUAGE_ONE },
	[LANGUAGE_UPGRADE_TIMEOUT] = { "timeout in `mode http`", language_upgrade_timeout,
				       LANGUAGE_ONE },
	[LANGUAGE_UPGRADE_BALANCE] = { "balance in `mode http`", language_upgrade_balance,
				       LANGUAGE_ONE },
	[LANGUAGE_FORWARDFOR] = { "option forwardfor", language_forwardfor, LANGUAGE_ANY },
	[LANGUAGE_HTTP_REQUEST] = { "http-request", language_http_request, LANGUAGE_ONE },
	[LANGUAGE_MODE] = { "mode", language_mode, LANGUAGE_ONE },
	[LANGUAGE_OPTION] = { "option", language_option, LANGUAGE_ONE },
	[LANGUAGE_TIMEOUT] = { "timeout", language_timeout, LANGUAGE_ONE },
	[LANGUAGE_BIND] = { "bind", language_bind, LANGUAGE_ANY },
	[LANGUAGE_SERVER] = { "server", language_server, LANGUAGE_ANY },
	[LANGUAGE_OBSERVE] = { "server observe", language_observe, LANGUAGE_ONE },
	[LANGUAGE_ON_ERROR] = { "server on-error", language_on_error, LANGUAGE_ONE },
	[LANGUAGE_MARKED_DOWN] = { "server on-marked-down", language_marked_down, LANGUAGE_ONE },
	[LANGUAGE_MARKED_UP] = { "server on-marked-up", language_marked_up, LANGUAGE_ONE },
	[LANGUAGE_SOURCE] = { "source", language_source, LANGUAGE_ANY },
	[LANGUAGE_BALANCE] = { "balance", language_balance, LANGUAGE_ONE },
	[LANGUAGE_HASH_TYPE] = { "hash-type", language_hash_type, LANGUAGE_ANY },
	[LANGUAGE_STICK] = { "stick", language_stick, LANGUAGE_ONE },
	[LANGUAGE_STICK_TABLE] = { "stick-table", language_stick_table, LANGUAGE_ANY },
	[LANGUAGE_STICK_TYPE] = { "stick-table type", language_stick_type, LANGUAGE_ONE },
	[LANGUAGE_STICK_KEY] = { "stick-table srvkey", language_stick_key, LANGUAGE_ONE },
	[LANGUAGE_STICK_DATA] = { "stick-table store", language_stick_data, LANGUAGE_COMMAS },
	[LANGUAGE_TCP_REQUEST] = { "tcp-request", language_tcp_request, LANGUAGE_ONE },
	[LANGUAGE_TCP_CONNECTION] = { "tcp-request connection", language_tcp_connection,
				      LANGUAGE_ONE },
	[LANGUAGE_TCP_SESSION] = { "tcp-request session", language_tcp_session, LANGUAGE_ONE },
	[LANGUAGE_TCP_CONTENT] = { "tcp-request content", language_tcp_content, LANGUAGE_ONE },
	[LANGUAGE_TCP_RESPONSE] = { "tcp-response", language_tcp_response, LANGUAGE_ONE },
	[LANGUAGE_TCP_RESPONSE_CONTENT] = { "tcp-response content", language_tcp_response_content,
					    LANGUAGE_ONE },
	[LANGUAGE_SERVICE] = { "use-service", language_service, LANGUAGE_ONE },
	[LANGUAGE_ENGINE] = { "send-spoe-group", language_engine, LANGUAGE_ONE },
	[LANGUAGE_FILTER] = { "filter", language_filter, LANGUAGE_ONE },
	[LANGUAGE_TCP_CHECK] = { "tcp-check", language_tcp_check, LANGUAGE_ONE },
	[LANGUAGE_HTTP_CHECK] = { "http-check", language_http_check, LANGUAGE_ONE },
	[LANGUAGE_CHECK_CONNECT] = { "tcp-check connect", language_check_connect, LANGUAGE_ANY },
	[LANGUAGE_RESOLVERS] = { "resolvers", language_resolvers, LANGUAGE_ONE },
	[LANGUAGE_RESOLVERS_TIMEOUT] = { "resolvers timeout", language_resolvers_timeout,
					 LANGUAGE_ONE },
	[LANGUAGE_RESOLVERS_HOLD] = { "resolvers hold", language_resolvers_hold, LANGUAGE_ONE },
};

const struct language_row *
language_rows(enum language_place place)
{
	return places[place].rows;
}

const char *
language_place_name(enum language_place place)
{
	return places[place].name;
}

enum language_shape
language_shape(enum language_place place)
{
	return places[place].shape;
}

/* "usher*" and "*usher.lua" are what begins and ends so. */
static bool
row_fits(const char *name, struct str word)
{
	struct str pattern = str_of(name);

	if (name[0] == '*')
		return str_has_suffix(word, str_of(name + 1));
	if (pattern.p[pattern.n - 1] != '*')
		return str_eq(pattern, word);
	pattern.n--;
	return str_has_prefix(word, pattern);
}

const struct language_row *
language_find(enum language_place place, const char *word)
{
	struct str bare = { word, strcspn(word, "(") };

	for (const struct language_row *row = places[place].rows; row->name; row++)
		if (row_fits(row->name, bare))
			return row;
	return NULL;
}

/* ---- one line -------------------------------------------------------------------------------- */

struct walk {
	const struct raw_line *line;
	bool is_faulty;	     /* the reader has spoken of the words that nobody knows */
	const char *said[8]; /* notes of this line: ten words about TLS make one finding */
	size_t n_said;
	struct report *r;
};

static bool
was_said(struct walk *w, const char *note)
{
	for (size_t i = 0; i < w->n_said; i++)
		if (strcmp(w->said[i], note) == 0)
			return true;
	if (w->n_said < sizeof(w->said) / sizeof(w->said[0]))
		w->said[w->n_said++] = note;
	return false;
}

/* Name the word as it stands: 'option tcplog', 'crt' of 'bind', 'set-mark' of 'tcp-request …'. */
static void
say(struct walk *w, enum language_place place, size_t i, const char *word,
    const struct language_row *row)
{
	const struct raw_line *line = w->line;
	bool is_refused = !row || row->support == LANGUAGE_REFUSED;
	const char *note = row ? row->note : "usher does not know it";
	const char *of = places[place].shape != LANGUAGE_ONE ? line->words[0]
			 : i > 1			     ? places[place].name
							     : NULL;

	if ((!row && w->is_faulty) || was_said(w, note))
		return;
	report_cfg(w->r, is_refused ? FINDING_ALERT : FINDING_WARNING,
		   "[%s:%d] : '%s%s%s'%s%s%s is %s by usher proxy: %s", line->at.file,
		   line->at.line, i == 1 && !of ? line->words[0] : "", i == 1 && !of ? " " : "",
		   word, of ? " of '" : "", of ? of : "", of ? "'" : "",
		   is_refused ? "refused" : "ignored", note);
}

/* Is the word carried out? If not, it is said, and what belongs to it needs no further word. */
static bool
judge(struct walk *w, enum language_place place, size_t i, const char *word,
      const struct language_row *row)
{
	if (row && row->support == LANGUAGE_SUPPORTED)
		return true;
	say(w, place, i, word, row);
	return false;
}

/* One word that is a list; commas in parentheses do not part it. */
static void
follow_commas(struct walk *w, enum language_place place, size_t i)
{
	char *list = str_dup(str_of(w->line->words[i])), *item = list;
	unsigned depth = 0;

	for (char *c = list;; c++) {
		bool ends = *c == '\0';

		depth += *c == '(';
		depth -= *c == ')' && depth > 0;
		if (!ends && (*c != ',' || depth))
			continue;
		*c = '\0';
		(void)judge(w, place, i, item, language_find(place, item));
		item = c + 1;
		if (ends)
			break;
	}
	free(list);
}

static void
follow_any(struct walk *w, enum language_place place, size_t i)
{
	while (i < w->line->n) {
		const char *word = w->line->words[i];
		const struct language_row *row = language_find(place, word);
		size_t next = i + 1 + (row ? row->n_args : 0);

		if (judge(w, place, i, word, row) && row->then && i + 1 < w->line->n) {
			const char *value = w->line->words[i + 1];

			if (places[row->then].shape == LANGUAGE_COMMAS)
				follow_commas(w, row->then, i + 1);
			else
				(void)judge(w, row->then, i + 1, value,
					    language_find(row->then, value));
		}
		i = next;
	}
}

/* From the word at i on, which is looked up in that place. */
static void
follow(struct walk *w, enum language_place place, size_t i)
{
	while (place && i < w->line->n) {
		const char *word = w->line->words[i];
		const struct language_row *row;

		if (places[place].shape == LANGUAGE_ANY) {
			follow_any(w, place, i);
			return;
		}
		row = language_find(place, word);
		if (!judge(w, place, i, word, row))
			return;
		place = row->then;
		i += 1 + row->skip;
	}
}

static void
check_line(const struct topology *t, enum language_place place, const struct raw_line *line,
	   struct report *r)
{
	struct walk w = { .line = line, .is_faulty = t->faulty, .r = r };

	/* What is switched off, usher does not do either. */
	if (strcmp(line->words[0], "no") != 0 && strcmp(line->words[0], "default") != 0)
		follow(&w, place, 0);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Lines of defaults sections that were looked at already, as lines of that place. */
struct seen {
	struct seen_line {
		struct place at;
		enum language_place place;
	} * lines; /* owned */
	size_t n;
};

static bool
is_own(const struct proxy *p, const struct raw_line *line)
{
	return line->at.file == p->at.file && line->at.line >= p->at.line;
}

static bool
was_seen(struct seen *seen, const struct proxy *p, enum language_place place,
	 const struct raw_line *line)
{
	if (is_own(p, line))
		return false;
	for (size_t i = 0; i < seen->n; i++)
		if (seen->lines[i].at.file == line->at.file &&
		    seen->lines[i].at.line == line->at.line && seen->lines[i].place == place)
			return true;
	ARRAY_GROW(seen->lines, seen->n);
	seen->lines[seen->n++] = (struct seen_line){ line->at, place };
	return false;
}

static void
check_model(const struct proxy *p, struct report *r)
{
	struct host host;

	for (size_t i = 0; i < p->n_filters; i++)
		if (!spoe_filter_is_ours(&p->filters[i]))
			report_cfg(r, FINDING_ALERT,
				   "[%s:%d] : 'filter spoe' is refused by usher proxy: %s",
				   p->filters[i].at.file, p->filters[i].at.line,
				   language_find(LANGUAGE_ENGINE, "")->note);
	for (size_t i = 0; i < p->n_binds; i++)
		if (!p->binds[i].addr.len && !host_parse(str_of(p->binds[i].text), &host))
			report_cfg(
				r, FINDING_ALERT,
				"[%s:%d] : 'bind %s' is refused by usher proxy: write a host and "
				"its ports, or the path of a UNIX socket",
				p->binds[i].at.file, p->binds[i].at.line, p->binds[i].text);
}

/* A page, which is all that it serves. */
static bool
has_statistics(const struct proxy *p)
{
	for (size_t i = 0; i < p->n_all; i++)
		if (p->kind & PROXY_FRONTEND && strcmp(p->all[i].words[0], "stats") == 0)
			return true;
	return false;
}

/* What it inherits is for those others who carry clients. */
static void
check_page(const struct topology *t, const struct proxy *p, struct report *r)
{
	for (size_t i = 0; i < p->n_all; i++)
		if (is_own(p, &p->all[i]))
			check_line(t, LANGUAGE_PAGE, &p->all[i], r);
}

/* What HAProxy carries there and usher does not. */
static void
warn_of_upgrades(const struct proxy *p, struct report *r)
{
	report_cfg(r, FINDING_WARNING,
		   "[%s:%d] : %s '%s' of `mode http` is carried by usher proxy: for WebSocket "
		   "alone; every other request is answered 426, and rules that refuse behind "
		   "send-spoe-group do so by a CONNACK and a close frame",
		   p->at.file, p->at.line, proxy_kind_name(p->kind), p->name);
}

static void
check_carried(const struct topology *t, const struct proxy *p, struct seen *seen, struct report *r)
{
	enum language_place place = p->mode == PROXY_HTTP ? LANGUAGE_UPGRADE : LANGUAGE_PROXY;

	if (p->mode == PROXY_HTTP && p->kind & PROXY_FRONTEND)
		warn_of_upgrades(p, r);
	for (size_t i = 0; i < p->n_all; i++)
		if (!was_seen(seen, p, place, &p->all[i]))
			check_line(t, place, &p->all[i], r);
	check_model(p, r);
}

static void
check_proxy(const struct topology *t, const struct proxy *p, struct seen *seen, struct report *r)
{
	if (p->disabled)
		return; /* as in HAProxy, it is not there */
	if (proxy_is_carried(p))
		check_carried(t, p, seen, r);
	else if (has_statistics(p))
		check_page(t, p, r);
	else
		report_cfg(r, FINDING_WARNING, "[%s:%d] : %s '%s' is ignored by usher proxy: %s",
			   p->at.file, p->at.line, proxy_kind_name(p->kind), p->name,
			   "in `mode http` it serves statistics, and WebSocket where usher.json "
			   "says \"websocket\": true");
}

/* Sections of other kinds: their first lines, and those of the kinds that are supported. */
static void
check_others(const struct topology *t, struct report *r)
{
	enum language_place place = LANGUAGE_NOWHERE;

	for (size_t i = 0; i < t->n_others; i++) {
		const struct raw_line *line = &t->others[i];
		const struct language_row *section =
			language_find(LANGUAGE_SECTION, line->words[0]);

		if (!section) {
			check_line(t, place, line, r);
			continue;
		}
		place = section->support == LANGUAGE_SUPPORTED ? LANGUAGE_RESOLVERS
							       : LANGUAGE_NOWHERE;
		if (!place)
			report_cfg(r, FINDING_WARNING,
				   "[%s:%d] : section '%s%s%s' is ignored by usher proxy: %s",
				   line->at.file, line->at.line, line->words[0],
				   line->n > 1 ? " " : "", line->n > 1 ? line->words[1] : "",
				   section->note);
	}
}

void
language_check(const struct topology *t, struct report *r)
{
	struct seen seen = { 0 };

	for (size_t i = 0; i < t->n_global; i++)
		check_line(t, LANGUAGE_GLOBAL, &t->global[i], r);
	check_others(t, r);
	for (size_t i = 0; i < t->n_proxies; i++)
		check_proxy(t, t->proxies[i], &seen, r);
	free(seen.lines);
}
