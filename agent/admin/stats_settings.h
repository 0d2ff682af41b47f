/*
 * The `stats …` lines of a `mode http` proxy (configuration manual, 4.2): what its statistics page
 * shows, and to whom.
 */
#ifndef USHER_ADMIN_STATS_SETTINGS_H
#define USHER_ADMIN_STATS_SETTINGS_H

#include "agent/core/expr/acl.h"
#include "agent/core/topology/model.h"

enum { STATS_USERS_MAX = 64, STATS_SCOPES_MAX = 64 };

/* All texts are the topology's. */
struct stats_settings {
	bool enabled;
	const char *uri, *realm;
	int64_t refresh_s;		    /* 0: none */
	const char *users[STATS_USERS_MAX]; /* "name:password" */
	size_t n_users;			    /* 0: anybody may look */
	const char *scopes[STATS_SCOPES_MAX];
	size_t n_scopes; /* 0: all proxies */
	bool hide_version, shows_legends, shows_node, shows_description;
	const char *node, *description; /* NULL: the process's */
	struct acl_set acls;
	struct acl_condition admin; /* may change servers; n_terms 0: nobody */
};

/*
 * Read the lines of p. A condition that makes no sense lets nobody in; *wrong says so then, in
 * wrong[EXPR_ERROR], and is empty otherwise.
 */
void stats_settings_read(struct stats_settings *s, const struct proxy *p, char *wrong);
void stats_settings_fini(struct stats_settings *s);

/* Does the page show that proxy? `own` is the one that has the page. */
bool stats_settings_show(const struct stats_settings *s, const struct proxy *own, const char *name);

/* Is that one of the users? Takes as long whether or not it is. */
bool stats_settings_know(const struct stats_settings *s, const char *name, const char *password);

/* What the client asks for behind the page's own address: "…;csv;norefresh?scope=x". */
struct stats_request {
	bool is_ours; /* the address begins with the page's */
	bool csv, json, norefresh, up, no_maint;
	struct str status; /* of "st=DONE", what the last change came to; absent: none */
	struct str scope;  /* a part of the name of the proxies that are shown; absent: all */
};

/* Views into uri. */
struct stats_request stats_request_parse(const struct stats_settings *s, const char *uri);

#endif
