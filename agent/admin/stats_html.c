/*
 * One table a proxy, as HAProxy has it, without scripts: columns come from a list, and a form
 * around the servers of a backend where this client may change them.
 */
#include "agent/admin/stats_html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct page {
	const struct stats_page_view *view;
	struct buf *out;
	const struct proxy *proxy; /* whose table is open; NULL: none */
	bool has_form;
	bool ok;
};

static void PRINTF_LIKE(2, 3) put(struct page *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	p->ok = p->ok && buf_vprintf(p->out, fmt, args);
	va_end(args);
}

static void
put_escaped(struct page *p, const char *text)
{
	for (; *text; text++) {
		const char *name = *text == '&'	   ? "&amp;"
				   : *text == '<'  ? "&lt;"
				   : *text == '>'  ? "&gt;"
				   : *text == '"'  ? "&quot;"
				   : *text == '\'' ? "&#39;"
						   : NULL;

		put(p, name ? "%s" : "%.1s", name ? name : text);
	}
}

/* "2m5s", the two greatest units. */
static void
put_age(struct page *p, int64_t s)
{
	if (s < 60)
		put(p, "%" PRId64 "s", s);
	else if (s < 3600)
		put(p, "%" PRId64 "m%" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		put(p, "%" PRId64 "h%" PRId64 "m", s / 3600, s / 60 % 60);
	else
		put(p, "%" PRId64 "d%" PRId64 "h", s / 86400, s / 3600 % 24);
}

/* ---- a proxy's table ------------------------------------------------------------------------- */

static const struct {
	const char *title;
	unsigned n; /* columns below it */
} groups[] = {
	{ "Queue", 3 },	 { "Session rate", 3 }, { "Sessions", 6 }, { "Bytes", 2 },
	{ "Denied", 2 }, { "Errors", 3 },	{ "Warnings", 2 }, { "Server", 8 },
};

static const struct column {
	const char *title;
	enum statistics_column value;
	bool is_age;
} columns[] = {
	{ "Cur", STAT_QCUR, false },
	{ "Max", STAT_QMAX, false },
	{ "Limit", STAT_QLIMIT, false },
	{ "Cur", STAT_RATE, false },
	{ "Max", STAT_RATE_MAX, false },
	{ "Limit", STAT_RATE_LIM, false },
	{ "Cur", STAT_SCUR, false },
	{ "Max", STAT_SMAX, false },
	{ "Limit", STAT_SLIM, false },
	{ "Total", STAT_STOT, false },
	{ "LbTot", STAT_LBTOT, false },
	{ "Last", STAT_LASTSESS, true },
	{ "In", STAT_BIN, false },
	{ "Out", STAT_BOUT, false },
	{ "Req", STAT_DREQ, false },
	{ "Resp", STAT_DRESP, false },
	{ "Req", STAT_EREQ, false },
	{ "Conn", STAT_ECON, false },
	{ "Resp", STAT_ERESP, false },
	{ "Retr", STAT_WRETR, false },
	{ "Redis", STAT_WREDIS, false },
	{ "Status", STAT_STATUS, false },
	{ "LastChk", STAT_CHECK_STATUS, false },
	{ "Wght", STAT_WEIGHT, false },
	{ "Act", STAT_ACT, false },
	{ "Bck", STAT_BCK, false },
	{ "Chk", STAT_CHKFAIL, false },
	{ "Dwn", STAT_CHKDOWN, false },
	{ "Dwntme", STAT_DOWNTIME, true },
};
enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]) };
_Static_assert(N_COLUMNS == 29, "as many as the groups have");

static void
open_table(struct page *p, const struct proxy *proxy)
{
	p->proxy = proxy;
	p->has_form = p->view->may_change && proxy->n_servers;
	put(p, "<h3 id=\"");
	put_escaped(p, proxy->name);
	put(p, "\">");
	put_escaped(p, proxy->name);
	put(p, "</h3>\n%s<table>\n<tr><th rowspan=\"2\"></th>",
	    p->has_form ? "<form method=\"post\">" : "");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		put(p, "<th colspan=\"%u\">%s</th>", groups[i].n, groups[i].title);
	put(p, "</tr>\n<tr>");
	for (size_t i = 0; i < N_COLUMNS; i++)
		put(p, "<th>%s</th>", columns[i].title);
	put(p, "</tr>\n");
}

static void
close_table(struct page *p)
{
	static const struct {
		const char *action, *label;
	} actions[] = {
		{ "", "" },
		{ "ready", "Set state to READY" },
		{ "drain", "Set state to DRAIN" },
		{ "maint", "Set state to MAINT" },
		{ "hrunn", "Health: force UP" },
		{ "hnolb", "Health: force NOLB" },
		{ "hdown", "Health: force DOWN" },
		{ "shutdown", "Kill Sessions" },
	};

	if (!p->proxy)
		return;
	put(p, "</table>\n");
	if (p->has_form) {
		put(p, "<p>Choose the action to perform on the checked servers: "
		       "<select name=\"action\">");
		for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
			put(p, "<option value=\"%s\">%s</option>", actions[i].action,
			    actions[i].label);
		put(p,
		    "</select><input type=\"hidden\" name=\"b\" value=\"#%u\"> "
		    "<input type=\"submit\" value=\"Apply\"></p></form>\n",
		    statistics_iid(&p->view->o->world(p->view->o->arg)->topology, p->proxy));
	}
	p->proxy = NULL;
}

static const char *
class_of(const struct statistics_row *row)
{
	const char *status = row->value[STAT_STATUS].text;

	if (row->kind != STATISTICS_SERVER)
		return "sum";
	if (strncmp(status, "MAINT", 5) == 0)
		return "maint";
	if (strncmp(status, "DOWN", 4) == 0)
		return status[4] ? "rising" : "down";
	if (strncmp(status, "UP", 2) == 0)
		return status[2] ? "falling" : "up";
	return strcmp(status, "no check") == 0 ? "unchecked" : "drain";
}

static void
put_name(struct page *p, const struct statistics_row *row)
{
	const char *name = row->value[STAT_SVNAME].text;
	const struct statistics_value *addr = &row->value[STAT_ADDR];
	bool shows_addr = addr->is_set;

	put(p, "<td class=\"name\"%s", shows_addr ? " title=\"" : "");
	if (shows_addr)
		put_escaped(p, addr->text);
	put(p, "%s>", shows_addr ? "\"" : "");
	if (p->has_form && row->kind == STATISTICS_SERVER) {
		put(p, "<input type=\"checkbox\" name=\"s\" value=\"");
		put_escaped(p, name);
		put(p, "\"> ");
	}
	put_escaped(p, row->kind == STATISTICS_FRONTEND	 ? "Frontend"
		       : row->kind == STATISTICS_BACKEND ? "Backend"
							 : name);
	put(p, "</td>");
}

static void
put_check(struct page *p, const struct statistics_row *row)
{
	const struct statistics_value *duration = &row->value[STAT_CHECK_DURATION];

	put_escaped(p, row->value[STAT_CHECK_STATUS].text);
	if (row->value[STAT_CHECK_CODE].is_set)
		put(p, "/%" PRId64, row->value[STAT_CHECK_CODE].number);
	if (duration->is_set)
		put(p, " in %" PRId64 "ms", duration->number);
}

static void
put_cell(struct page *p, const struct statistics_row *row, const struct column *c)
{
	const struct statistics_value *v = &row->value[c->value];

	if (c->value == STAT_CHECK_STATUS && v->is_set && row->value[STAT_LAST_CHK].is_set) {
		put(p, "<td title=\"");
		put_escaped(p, row->value[STAT_LAST_CHK].text);
		put(p, "\">");
		put_check(p, row);
	} else if (c->value == STAT_STATUS && v->is_set) {
		put(p, "<td>");
		if (row->value[STAT_LASTCHG].is_set) {
			put_age(p, row->value[STAT_LASTCHG].number);
			put(p, " ");
		}
		put_escaped(p, v->text);
	} else if (v->is_set && c->is_age) {
		put(p, "<td>");
		if (v->number >= 0)
			put_age(p, v->number);
		else
			put(p, "?");
	} else if (v->is_set) {
		put(p, "<td>%" PRId64, v->number);
	} else {
		put(p, "<td>");
	}
	put(p, "</td>");
}

static void
put_row(void *arg, const struct statistics_row *row)
{
	struct page *p = arg;

	if (p->proxy != row->proxy) {
		close_table(p);
		open_table(p, row->proxy);
	}
	put(p, "<tr class=\"%s\">", class_of(row));
	put_name(p, row);
	for (size_t i = 0; i < N_COLUMNS; i++)
		put_cell(p, row, &columns[i]);
	put(p, "</tr>\n");
}

/* ---- around them ----------------------------------------------------------------------------- */

static const char style[] =
	"body{font:12px sans-serif;margin:1em}h1{font-size:20px}h3{margin:1em 0 .3em}"
	"table{border-collapse:collapse}th,td{border:1px solid #999;padding:1px 4px;"
	"text-align:right;white-space:nowrap;font-size:11px}th{background:#ddd;text-align:center}"
	"td.name{text-align:left}.sum{background:#eee;font-weight:bold}.up{background:#c0ffc0}"
	".falling{background:#ffffa0}.rising{background:#ffd020}.down{background:#ff9090}"
	".maint{background:#c07820}.drain{background:#20a0ff}.unchecked{background:#e0e0e0}"
	"p.done{background:#c0ffc0;padding:.3em}p.failed{background:#ff9090;padding:.3em}";

static const char *
outcome_text(struct str status)
{
	static const struct {
		const char *code, *text;
	} outcomes[] = {
		{ "DONE", "Action processed successfully." },
		{ "PART", "Action partially processed: some servers were not found." },
		{ "NONE", "Nothing has changed." },
		{ "DENY", "Access denied." },
		{ "ERRP", "Action not processed: check the action and the names." },
	};

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		if (str_is(status, outcomes[i].code))
			return outcomes[i].text;
	return "Unexpected result.";
}

static const char *
text_of(const struct statistics_info *info, enum statistics_info_line line, const char *instead)
{
	return instead ? instead : info->value[line].is_set ? info->value[line].text : "";
}

static void
put_process(struct page *p, const struct statistics_info *info)
{
	const struct stats_settings *s = p->view->settings;

	put(p, "<h1>usher%s%s</h1>\n<h2>Statistics Report for pid %" PRId64,
	    s->hide_version ? "" : " version ", s->hide_version ? "" : USHER_VERSION,
	    info->value[INFO_PID].number);
	if (s->shows_node) {
		put(p, " on ");
		put_escaped(p, text_of(info, INFO_NODE, s->node));
	}
	if (s->shows_description) {
		put(p, ": ");
		put_escaped(p, text_of(info, INFO_DESCRIPTION, s->description));
	}
	put(p,
	    "</h2>\n<p>uptime = %s; nbthread = %" PRId64 "; maxconn = %" PRId64
	    "; current conns = %" PRId64 "; conn rate = %" PRId64 "/sec; idle = %" PRId64
	    " %%</p>\n",
	    info->uptime, info->value[INFO_NBTHREAD].number, info->value[INFO_MAXCONN].number,
	    info->value[INFO_CURRCONNS].number, info->value[INFO_CONNRATE].number,
	    info->value[INFO_IDLE_PCT].number);
}

static void
put_links(struct page *p)
{
	static const struct {
		const char *suffix, *label;
	} links[] = {
		{ "", "Refresh now" },
		{ ";norefresh", "Disable refresh" },
		{ ";up", "Hide DOWN servers" },
		{ ";csv;norefresh", "CSV export" },
		{ ";json;norefresh", "JSON export" },
	};

	put(p, "<p>");
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		put(p, "%s<a href=\"", i ? " | " : "");
		put_escaped(p, p->view->settings->uri);
		put(p, "%s\">%s</a>", links[i].suffix, links[i].label);
	}
	put(p, "</p>\n");
}

static void
put_outcome(struct page *p)
{
	struct str status = p->view->request->status;

	if (status.p)
		put(p, "<p class=\"%s\">%s</p>\n", str_is(status, "DONE") ? "done" : "failed",
		    outcome_text(status));
}

bool
stats_html_write(const struct stats_page_view *v, const struct statistics_filter *filter,
		 int64_t now_ms, struct buf *out)
{
	struct page p = { .view = v, .out = out, .ok = true };
	struct statistics_info info;

	statistics_process(v->o, now_ms, &info);
	put(&p,
	    "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">"
	    "<title>Statistics Report for usher</title><style>%s</style></head>\n<body>\n",
	    style);
	put_process(&p, &info);
	put_links(&p);
	put_outcome(&p);
	statistics_each(v->o, filter, now_ms, put_row, &p);
	close_table(&p);
	put(&p, "</body></html>\n");
	return p.ok;
}
