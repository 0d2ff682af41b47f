/*
 * What usher proxy knows of haproxy.cfg, out of the tables it reads the file by.
 *
 *	configuration HEAD.md	the manual, docs/configuration.md, behind a text written by hand
 *	configuration rows	the same rows for scripts: PLACE, WORD, SUPPORT, ARGUMENTS, NOTE
 */
#include <stdio.h>
#include <string.h>

#include "agent/core/expr/keyword.h"
#include "agent/core/expr/log_format.h"
#include "agent/core/topology/language.h"

static const char *const supports[] = {
	[LANGUAGE_SUPPORTED] = "supported",
	[LANGUAGE_IGNORED] = "ignored",
	[LANGUAGE_REFUSED] = "refused",
};

static const char *const kinds[] = { [EXPR_FETCH] = "fetch", [EXPR_CONVERTER] = "converter" };

/* ---- for scripts ----------------------------------------------------------------------------- */

static void
print_rows(void)
{
	const struct expr_keyword *k;

	for (enum language_place place = 1; place < N_LANGUAGE_PLACES; place++)
		for (const struct language_row *row = language_rows(place); row->name; row++)
			printf("%s\t%s\t%s\t%u\t%s\n", language_place_name(place), row->name,
			       supports[row->support], row->n_args, row->note ? row->note : "");
	for (enum expr_kind kind = EXPR_FETCH; kind <= EXPR_CONVERTER; kind++)
		for (struct expr_cursor at = { 0 }; (k = expr_keyword_next(kind, &at));)
			printf("%s\t%s\t%s\t0\t%s\n", kinds[kind], k->name,
			       supports[k->refused ? LANGUAGE_REFUSED : LANGUAGE_SUPPORTED],
			       k->refused ? k->refused : "");
}

/* ---- the manual ------------------------------------------------------------------------------ */

static const struct {
	enum language_place place;
	const char *title;
} chapters[] = {
	{ LANGUAGE_SECTION, "Sections" },
	{ LANGUAGE_GLOBAL, "global" },
	{ LANGUAGE_GLOBAL_STATS, "global: stats" },
	{ LANGUAGE_DEFAULT_PATH, "global: default-path" },
	{ LANGUAGE_LUA_FILE, "global: lua-load, lua-load-per-thread" },
	{ LANGUAGE_PROXY, "defaults, frontend, backend, listen" },
	{ LANGUAGE_UPGRADE, "Proxies of mode http with WebSocket" },
	{ LANGUAGE_UPGRADE_OPTION, "mode http: option" },
	{ LANGUAGE_FORWARDFOR, "mode http: words of option forwardfor" },
	{ LANGUAGE_UPGRADE_TIMEOUT, "mode http: timeout" },
	{ LANGUAGE_UPGRADE_BALANCE, "mode http: balance" },
	{ LANGUAGE_HTTP_REQUEST, "mode http: http-request" },
	{ LANGUAGE_MODE, "mode" },
	{ LANGUAGE_OPTION, "option" },
	{ LANGUAGE_TIMEOUT, "timeout" },
	{ LANGUAGE_BIND, "Words of bind" },
	{ LANGUAGE_SERVER, "Words of server, default-server, server-template" },
	{ LANGUAGE_OBSERVE, "server: observe" },
	{ LANGUAGE_ON_ERROR, "server: on-error" },
	{ LANGUAGE_MARKED_DOWN, "server: on-marked-down" },
	{ LANGUAGE_MARKED_UP, "server: on-marked-up" },
	{ LANGUAGE_SOURCE, "Words of source" },
	{ LANGUAGE_BALANCE, "balance" },
	{ LANGUAGE_HASH_TYPE, "Words of hash-type" },
	{ LANGUAGE_STICK, "stick" },
	{ LANGUAGE_STICK_TABLE, "Words of stick-table" },
	{ LANGUAGE_STICK_TYPE, "stick-table: type" },
	{ LANGUAGE_STICK_KEY, "stick-table: srvkey" },
	{ LANGUAGE_STICK_DATA, "stick-table: store" },
	{ LANGUAGE_TCP_REQUEST, "tcp-request" },
	{ LANGUAGE_TCP_CONNECTION, "tcp-request connection" },
	{ LANGUAGE_TCP_SESSION, "tcp-request session" },
	{ LANGUAGE_TCP_CONTENT, "tcp-request content" },
	{ LANGUAGE_TCP_RESPONSE, "tcp-response" },
	{ LANGUAGE_TCP_RESPONSE_CONTENT, "tcp-response content" },
	{ LANGUAGE_SERVICE, "use-service" },
	{ LANGUAGE_ENGINE, "send-spoe-group: engines" },
	{ LANGUAGE_FILTER, "filter" },
	{ LANGUAGE_TCP_CHECK, "tcp-check" },
	{ LANGUAGE_HTTP_CHECK, "http-check" },
	{ LANGUAGE_CHECK_CONNECT, "Words of tcp-check connect, http-check connect" },
	{ LANGUAGE_RESOLVERS, "resolvers" },
	{ LANGUAGE_RESOLVERS_TIMEOUT, "resolvers: timeout" },
	{ LANGUAGE_RESOLVERS_HOLD, "resolvers: hold" },
};

/* A cell of a table: bars would end it. */
static void
print_cell(const char *text)
{
	for (; *text; text++)
		printf("%s%c", *text == '|' ? "\\" : "", *text);
}

static void
print_chapter(enum language_place place, const char *title)
{
	printf("\n### %s\n\n| word | usher proxy | note |\n|---|---|---|\n", title);
	for (const struct language_row *row = language_rows(place); row->name; row++) {
		printf("| `%s` | %s | ", row->name, supports[row->support]);
		print_cell(row->note ? row->note : "");
		printf(" |\n");
	}
}

/* "field(integer, string[, integer])" */
static void
print_call(const struct expr_keyword *k)
{
	unsigned n = 0;

	printf("`%s", k->name);
	for (; n < EXPR_ARGS_MAX && k->args[n] != ARG_NONE; n++)
		printf("%s%s%s", n == k->n_required ? "[" : "", n ? ", " : "(",
		       expr_arg_type_name(k->args[n]));
	printf("%s%s`", n > k->n_required ? "]" : "", n ? ")" : "");
}

static void
print_expressions(enum expr_kind kind)
{
	const struct expr_keyword *k;

	printf("| %s | yields |\n|---|---|\n", kinds[kind]);
	for (struct expr_cursor at = { 0 }; (k = expr_keyword_next(kind, &at));) {
		if (k->refused)
			continue;
		printf("| ");
		print_call(k);
		printf(" | %s |\n", sample_type_name(k->out));
	}
	printf("\nRefused by name:\n\n| %s | because |\n|---|---|\n", kinds[kind]);
	for (struct expr_cursor at = { 0 }; (k = expr_keyword_next(kind, &at));) {
		if (!k->refused)
			continue;
		printf("| `%s` | ", k->name);
		print_cell(k->refused);
		printf(" |\n");
	}
}

static void
print_manual(void)
{
	const char *variable;

	printf("\n## Words\n");
	for (size_t i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++)
		print_chapter(chapters[i].place, chapters[i].title);
	printf("\n## Fetches\n\n");
	print_expressions(EXPR_FETCH);
	printf("\n## Converters\n\n");
	print_expressions(EXPR_CONVERTER);
	printf("\n## Variables of log-format\n\n");
	for (size_t i = 0; (variable = log_format_variable(i)); i++)
		printf("%s`%%%s`", i ? ", " : "", variable);
	printf("\n");
}

static int
print_head(const char *path)
{
	FILE *f = fopen(path, "r");
	int c;

	if (!f) {
		perror(path);
		return 1;
	}
	while ((c = fgetc(f)) != EOF)
		putchar(c);
	fclose(f);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: configuration rows | HEAD.md\n");
		return 1;
	}
	if (strcmp(argv[1], "rows") == 0) {
		print_rows();
		return 0;
	}
	if (print_head(argv[1]))
		return 1;
	print_manual();
	return 0;
}
