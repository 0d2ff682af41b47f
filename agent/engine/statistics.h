/*
 * HAProxy's statistics of what usher carries: a row of named values for every frontend, backend
 * and server, and the process's own. What usher has no notion of is 0 where HAProxy's mode tcp
 * prints a 0 that means nothing, and empty where it prints nothing.
 *
 * HAProxy also knows since when a server is as it is, and how long it was down altogether. That is
 * kept here, by name, over reloads: statistics_look() books what changed since the last look. It
 * is called after each change, and once a second for those that nobody reports. Main thread only.
 */
#ifndef USHER_ENGINE_STATISTICS_H
#define USHER_ENGINE_STATISTICS_H

#include "agent/engine/operations.h"
#include "agent/engine/statistics_fields.h"

enum statistics_type {
	STATISTICS_TEXT,
	STATISTICS_U32,
	STATISTICS_U64,
	STATISTICS_S32,
};

struct statistics_field {
	const char *name;
	enum statistics_type type;
	const char *origin, *nature, *scope;
};

enum statistics_column {
#define X(id, ...) STAT_##id,
	STATISTICS_FIELDS(X)
#undef X
		N_STAT,
};

enum statistics_info_line {
#define X(id, ...) INFO_##id,
	STATISTICS_INFO(X)
#undef X
		N_INFO,
};

extern const struct statistics_field statistics_columns[N_STAT], statistics_info_lines[N_INFO];

struct statistics_value {
	bool is_set;
	int64_t number;
	const char *text; /* of STATISTICS_TEXT */
};

/* HAProxy's column `type`. */
enum statistics_kind {
	STATISTICS_FRONTEND,
	STATISTICS_BACKEND,
	STATISTICS_SERVER,
};

/* How a server is shown, beside maintenance and drain: HAProxy's srv_op_state. */
enum server_shown {
	SHOWN_STOPPED = 0,
	SHOWN_RUNNING = 2,
	SHOWN_STOPPING = 3, /* its check wants nobody new */
};

/* HAProxy's srv_admin_state. */
enum server_admin {
	ADMIN_MAINT = 0x01,
	ADMIN_MAINT_INHERITED = 0x02, /* of the one it tracks */
	ADMIN_MAINT_CONFIGURED = 0x04,
	ADMIN_DRAIN = 0x08,
	ADMIN_DRAIN_INHERITED = 0x10,
	ADMIN_UNRESOLVED = 0x20,
};

/* All that is known of a server. */
struct server_facts {
	const struct server *server, *tracked; /* the end of the chain; NULL: it tracks none */
	struct server_report report;
	struct addr addr; /* len 0: none yet */
	struct health_view view;
	bool has_view;
	enum server_shown shown;
	unsigned admin; /* enum server_admin, or-ed */
	int64_t changed_at, down_ms;
	uint64_t n_down;
	struct server_load *load;
};

struct statistics_row {
	enum statistics_kind kind;
	uint32_t iid, sid;
	const struct proxy *proxy;
	struct server_facts server; /* of a server */
	struct statistics_value value[N_STAT];
	char memory[1024]; /* of texts that were made */
	size_t n_memory;
};

struct statistics_info {
	struct statistics_value value[N_INFO];
	char uptime[32], node[65];
};

/* Which rows, as `show stat` says it. */
struct statistics_filter {
	uint32_t iid;	    /* 0: all */
	unsigned kinds;	    /* 1 << enum statistics_kind, or-ed */
	int64_t sid;	    /* -1: all */
	bool up, no_maint;  /* leave out servers that are not so */
	bool has_addresses; /* addr and algo are shown */
	/* Which proxies; NULL: all. */
	bool (*shows)(const void *arg, const struct proxy *p);
	const void *arg;
};

#define STATISTICS_ALL ((struct statistics_filter){ .kinds = 7, .sid = -1, .has_addresses = true })

struct statistics *statistics_new(void);
void statistics_free(struct statistics *s);

/* Book what changed. */
void statistics_look(const struct operations *o, int64_t now_ms);

/* An operator drains that server, or drains it no more. */
void statistics_drained(struct statistics *s, const struct server *server, bool drained);

/* What would be shown now. */
void statistics_server(const struct operations *o, const struct server *server,
		       struct server_facts *f);

/* HAProxy's number of a proxy. */
uint32_t statistics_iid(const struct topology *t, const struct proxy *p);

typedef void statistics_row_fn(void *arg, const struct statistics_row *row);

/* In the order of the file; a frontend before its backend, that after its servers. */
void statistics_each(const struct operations *o, const struct statistics_filter *filter,
		     int64_t now_ms, statistics_row_fn *row, void *arg);

void statistics_process(const struct operations *o, int64_t now_ms, struct statistics_info *info);

#endif
