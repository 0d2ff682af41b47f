/* What is shown of the process, its proxies and servers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "agent/core/base/units.h"
#include "agent/engine/statistics_text.h"
#include "agent/io/worker.h"
#include "agent/runtime/cli.h"

static bool
has_word(const struct command *c, const char *word)
{
	for (unsigned i = 2; i < c->n; i++)
		if (strcmp(c->words[i], word) == 0)
			return true;
	return false;
}

static enum statistics_form
form_of(const struct command *c)
{
	return has_word(c, "json")    ? STATISTICS_JSON
	       : has_word(c, "typed") ? STATISTICS_TYPED
				      : STATISTICS_CSV;
}

/* ---- show stat, show info -------------------------------------------------------------------- */

static uint32_t
iid_of(struct cli *c, const char *name)
{
	const struct topology *t = &c->o->world(c->o->arg)->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		if (strcmp(t->proxies[i]->name, name) == 0)
			return statistics_iid(t, t->proxies[i]);
	return 0;
}

/* "show stat [PROXY|IID TYPE SID]": both numbers, -1 for all; the types are or-ed. */
static bool
read_filter(struct cli *c, struct statistics_filter *f)
{
	const char *const *words = c->command.words;
	long iid, kinds;

	if (!words[3][0] || !words[4][0])
		return true;
	iid = strtol(words[2], NULL, 10);
	kinds = strtol(words[3], NULL, 10);
	f->iid = iid > 0 ? (uint32_t)iid : iid < 0 ? 0 : iid_of(c, words[2]);
	f->kinds = kinds < 0 ? 7 : (unsigned)kinds & 7;
	f->sid = strtol(words[4], NULL, 10);
	if (iid != 0 || f->iid)
		return true;
	cli_say(c, "No such proxy.\n");
	return false;
}

void
show_stat(struct cli *c)
{
	struct statistics_filter filter = STATISTICS_ALL;
	enum statistics_form form = form_of(&c->command);

	filter.has_addresses = c->level >= RUNTIME_OPERATOR;
	filter.up = has_word(&c->command, "up");
	filter.no_maint = has_word(&c->command, "no-maint");
	if (!read_filter(c, &filter))
		return;
	if (!statistics_write(c->o, &filter, form, worker_now(), &c->out))
		c->closes = true;
}

void
show_info(struct cli *c)
{
	enum statistics_form form = form_of(&c->command);

	if (!statistics_write_info(c->o, form, worker_now(), &c->out))
		c->closes = true;
}

/* ---- servers --------------------------------------------------------------------------------- */

/* HAProxy's number of what a check found. */
static unsigned
check_number(enum health_status status)
{
	static const uint8_t numbers[N_HEALTH_STATUSES] = {
		[HEALTH_INI] = 1,     [HEALTH_OBSERVED] = 3, [HEALTH_SOCKERR] = 4,
		[HEALTH_L4OK] = 6,    [HEALTH_L4TOUT] = 7,   [HEALTH_L4CON] = 8,
		[HEALTH_L6OK] = 9,    [HEALTH_L6TOUT] = 10,  [HEALTH_L6RSP] = 11,
		[HEALTH_L7TOUT] = 12, [HEALTH_L7RSP] = 13,   [HEALTH_L7OK] = 15,
		[HEALTH_L7OKC] = 16,  [HEALTH_L7STS] = 17,
	};

	return numbers[status];
}

/* Unknown, failed, passed, passed with a condition. */
static unsigned
result_number(enum health_status status)
{
	if (status == HEALTH_INI)
		return 0;
	return status == HEALTH_L7OKC ? 4 : health_passed(status) ? 3 : 2;
}

enum { CHECK_RUNS = 1, CHECK_CONFIGURED = 2, CHECK_ENABLED = 4, CHECK_PAUSED = 8 };

struct check_columns {
	unsigned status, result, health, state;
};

static struct check_columns
check_columns(const struct server_facts *f)
{
	bool is_maint = f->admin & (ADMIN_MAINT | ADMIN_MAINT_INHERITED | ADMIN_UNRESOLVED);
	enum health_status status = f->view.answer.status;

	if (!f->server->check || !f->has_view)
		return (struct check_columns){
			.status = 1,
			.health = is_maint || f->shown == SHOWN_STOPPED ? 0
									: f->server->checking.rise,
			.state = is_maint ? CHECK_PAUSED : 0,
		};
	return (struct check_columns){
		.status = check_number(status),
		.result = result_number(status),
		.health = is_maint ? 0 : f->view.health,
		.state = CHECK_CONFIGURED | CHECK_ENABLED | (is_maint ? CHECK_PAUSED : 0) |
			 (f->view.runs ? CHECK_RUNS : 0),
	};
}

static const char *
address_text(const struct server_facts *f, char *text)
{
	struct ip ip;

	addr_ip(&f->addr, &ip);
	return f->addr.len && ip.family ? ip_format(&ip, text) : "-";
}

/* The name in a server's address as it was written; "-": it is no name. */
static void
say_fqdn(struct cli *c, const struct server *s)
{
	if (s->addr.len || s->address[0] == '/')
		cli_say(c, "-");
	else
		cli_say(c, "%.*s", (int)strcspn(s->address, ":"), s->address);
}

static void
say_state(struct cli *c, const struct server *s)
{
	const struct proxy *p = s->backend;
	struct check_columns check;
	struct server_facts f;
	char ip[IP_TEXT];

	statistics_server(c->o, s, &f);
	check = check_columns(&f);
	cli_say(c, "%u %s %u %s %s %u %u %u %u %lld %u %u %u %u 0 %u 0 ",
		statistics_iid(&c->o->world(c->o->arg)->topology, p), p->name, s->id, s->name,
		address_text(&f, ip), f.shown, f.admin, f.report.weight, s->weight,
		(long long)((worker_now() - f.changed_at) / 1000), check.status, check.result,
		check.health, check.state, p->id != 0);
	say_fqdn(c, s);
	cli_say(c, " %u - 0 %u - - %u\n", addr_port(&f.addr), s->checking.port, s->checking.port);
}

static void
say_connections(struct cli *c, const struct server *s)
{
	struct server_facts f;
	char ip[IP_TEXT];

	statistics_server(c->o, s, &f);
	cli_say(c, "%s/%s %u/%u %s %u - 0 %u %u %u 0 0 -1 0", s->backend->name, s->name,
		statistics_iid(&c->o->world(c->o->arg)->topology, s->backend), s->id,
		address_text(&f, ip), addr_port(&f.addr), f.report.sessions,
		atomic_load(&f.load->traffic.peaks[TRAFFIC_PEAK_SESSIONS]), f.report.sessions);
	for (unsigned i = 0; i < c->o->n_workers; i++)
		cli_say(c, " 0");
	cli_say(c, "\n");
}

/* say() for the servers of the backend named third, or of all; after the header. */
static void
each_server(struct cli *c, const char *header, void (*say)(struct cli *c, const struct server *s))
{
	const struct world *w = c->o->world(c->o->arg);
	const char *name = c->command.words[3];

	if (*name && !topology_backend(&w->topology, str_of(name))) {
		cli_say(c, "Can't find backend.\n");
		return;
	}
	statistics_look(c->o, worker_now());
	cli_say(c, "%s\n", header);
	for (size_t i = 0; i < w->topology.n_proxies; i++) {
		const struct proxy *p = w->topology.proxies[i];

		if (!(p->kind & PROXY_BACKEND) || (*name && strcmp(name, p->name) != 0))
			continue;
		for (size_t j = 0; j < p->n_servers; j++)
			say(c, p->servers[j]);
	}
}

void
show_servers_state(struct cli *c)
{
	each_server(c,
		    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state "
		    "srv_uweight srv_iweight srv_time_since_last_change srv_check_status "
		    "srv_check_result srv_check_health srv_check_state srv_agent_state "
		    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
		    "srv_check_port srv_check_addr srv_agent_addr srv_agent_port",
		    say_state);
}

void
show_servers_conn(struct cli *c)
{
	char header[256];

	snprintf(header, sizeof(header),
		 "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est "
		 "unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[%u]",
		 c->o->n_workers);
	each_server(c, header, say_connections);
}

/* ---- the rest -------------------------------------------------------------------------------- */

void
show_backend(struct cli *c)
{
	const struct topology *t = &c->o->world(c->o->arg)->topology;

	cli_say(c, "# name\n");
	for (size_t i = 0; i < t->n_proxies; i++)
		if (t->proxies[i]->kind & PROXY_BACKEND)
			cli_say(c, "%s\n", t->proxies[i]->name);
}

void
show_errors(struct cli *c)
{
	const char *name = c->command.words[2];
	struct timeval now;
	struct tm local;
	char day[64];

	if (*name && name[0] != '-' && !(name[0] >= '0' && name[0] <= '9') && !iid_of(c, name)) {
		cli_say(c, "No such proxy.\n");
		return;
	}
	gettimeofday(&now, NULL);
	localtime_r(&now.tv_sec, &local);
	strftime(day, sizeof(day), "%d/%b/%Y:%H:%M:%S", &local);
	cli_say(c, "Total events captured on [%s.%03d] : 0\n", day, (int)(now.tv_usec / 1000));
}

void
show_version(struct cli *c)
{
	cli_say(c, "%s\n", USHER_VERSION);
}

void
show_cli_level(struct cli *c)
{
	cli_say(c, "%s\n", runtime_level_name(c->level));
}

void
show_cli_sockets(struct cli *c)
{
	cli_say(c, "# socket lvl processes\n");
	for (size_t i = 0; i < c->service->n_doors; i++) {
		const struct runtime_door *d = &c->service->doors[i];
		bool has_path = d->line.addr.sa.sa_family == AF_UNIX && d->address[0] == '/';

		cli_say(c, "%s%s %s all\n", has_path ? "unix@" : "", d->address,
			runtime_level_name(d->line.level));
	}
}
