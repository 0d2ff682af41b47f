/* One line per thing. A buffer that is full stays full: only the end asks. */
#include "agent/core/topology/dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct dump {
	struct buf *out;
	bool full;
};

static void PRINTF_LIKE(2, 3) print(struct dump *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	d->full |= !buf_vprintf(d->out, fmt, args);
	va_end(args);
}

/* A word as it could stand in the file. */
static void
print_word(struct dump *d, const char *word)
{
	char text[512];
	bool plain = *word != '\0';

	for (const char *c = word; *c; c++)
		plain &= *c > ' ' && *c <= '~' && !strchr("\"'\\#", *c);
	if (plain)
		print(d, " %s", word);
	else
		print(d, " \"%s\"", str_escape(str_of(word), text, sizeof(text)));
}

static void
print_global(struct dump *d, const struct topology *t)
{
	if (!t->n_stats_sockets && !t->nbthread)
		return;
	print(d, "global\n");
	for (size_t i = 0; i < t->n_stats_sockets; i++)
		print(d, "\tstats socket %s\n", t->stats_sockets[i]);
	if (t->nbthread)
		print(d, "\tnbthread %u\n", t->nbthread);
}

static void
print_server(struct dump *d, const struct server *s)
{
	char text[ADDR_TEXT];

	print(d, "\tserver %s %s", s->name, s->addr.len ? addr_format(&s->addr, text) : "name");
	if (!s->addr.len)
		print_word(d, s->address);
	print(d, " weight %u", s->weight);
	if (s->maxconn)
		print(d, " maxconn %u", s->maxconn);
	print(d, "%s%s%s\n", s->check ? " check" : "", s->backup ? " backup" : "",
	      s->disabled ? " disabled" : "");
}

static void
print_frontend(struct dump *d, const struct proxy *p)
{
	if (p->n_binds)
		print(d, "\tbind x%zu\n", p->n_binds);
	if (p->default_backend)
		print(d, "\tdefault_backend %s %s:%d\n", p->default_backend->name,
		      p->default_backend->at.file, p->default_backend->at.line);
	else if (p->default_backend_name)
		print(d, "\tdefault_backend %s not found\n", p->default_backend_name);
	for (size_t i = 0; i < p->n_filters; i++)
		print(d, "\tfilter spoe engine %s config %s\n",
		      p->filters[i].engine ? p->filters[i].engine : "-", p->filters[i].config);
	for (size_t i = 0; i < p->n_logs; i++)
		print(d, "\tlog %s format %s\n", p->logs[i].address,
		      p->logs[i].format ? p->logs[i].format : "-");
	if (p->log_format_sd) {
		print(d, "\tlog-format-sd");
		print_word(d, p->log_format_sd);
		print(d, "\n");
	}
}

static void
print_proxy(struct dump *d, const struct proxy *p)
{
	print(d, "%s %s %s:%d\n\tmode %s\n", proxy_kind_name(p->kind), p->name, p->at.file,
	      p->at.line, p->mode == PROXY_HTTP ? "http" : "tcp");
	if (p->disabled)
		print(d, "\tdisabled\n");
	print_frontend(d, p);
	for (size_t i = 0; i < p->n_lines; i++) {
		print(d, "\tline %d:", p->lines[i].at.line);
		for (size_t w = 0; w < p->lines[i].n; w++)
			print_word(d, p->lines[i].words[w]);
		print(d, "\n");
	}
	if (!(p->kind & PROXY_BACKEND))
		return;
	print(d, "\tbalance %s\n", balance_name(p->balance));
	for (size_t i = 0; i < p->n_servers; i++)
		print_server(d, p->servers[i]);
}

bool
topology_dump(const struct topology *t, struct buf *out)
{
	struct dump d = { .out = out };

	print_global(&d, t);
	for (size_t i = 0; i < t->n_proxies; i++)
		print_proxy(&d, t->proxies[i]);
	return !d.full;
}
