/* What the command line names, and what those files name in turn, from the disk into the models. */
#include "agent/engine/world_read.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/core/base/mem.h"
#include "agent/core/policy/check.h"
#include "agent/core/policy/load.h"
#include "agent/core/topology/language.h"
#include "agent/core/topology/parse.h"
#include "agent/core/topology/upgrades.h"
#include "agent/io/file.h"

static const char *
look_up_variable(void *arg, struct str name)
{
	char *z = str_dup(name);
	const char *value = getenv(z);

	free(z);
	return value;
}

static const struct topology_env topology_env = { .getenv = look_up_variable };
/* Where no HAProxy stands behind us to judge the file. */
static const struct topology_env strict_env = { .getenv = look_up_variable, .strict = true };

static void
cannot_open(struct report *r, const char *path, int error)
{
	report_cfg(r, FINDING_ALERT, "Cannot open configuration file/directory %s : %s", path,
		   strerror(error));
}

static void
read_cfg_file(struct topology *t, const char *path, const struct topology_env *env,
	      struct report *r)
{
	size_t n_alerts = r->n_alerts;
	char *text;
	size_t n;
	int error = file_read(path, &text, &n);

	if (error) {
		cannot_open(r, path, -error);
		return;
	}
	topology_parse(t, (struct str){ text, n }, path, env, r);
	free(text);
	if (env->strict && r->n_alerts > n_alerts)
		report_cfg(r, FINDING_ALERT, "Error(s) found in configuration file : %s", path);
}

static int
is_cfg(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);

	return name.p[0] != '.' && str_has_suffix(name, STR(".cfg"));
}

/* A directory's files ending in .cfg, in the order of their names, as HAProxy reads them. */
static void
read_cfg_directory(struct topology *t, const char *path, const struct topology_env *env,
		   struct report *r)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_cfg, alphasort);

	for (int i = 0; i < n; i++) {
		size_t size = strlen(path) + strlen(entries[i]->d_name) + 2;
		char *file = xmalloc(size);

		snprintf(file, size, "%s/%s", path, entries[i]->d_name);
		read_cfg_file(t, file, env, r);
		free(file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void
read_topology(struct topology *t, const struct world_files *files, const struct topology_env *env,
	      struct report *r)
{
	for (int i = 0; i < files->n_haproxy_cfg; i++) {
		struct stat st;

		if (stat(files->haproxy_cfg[i], &st) == 0 && S_ISDIR(st.st_mode))
			read_cfg_directory(t, files->haproxy_cfg[i], env, r);
		else
			read_cfg_file(t, files->haproxy_cfg[i], env, r);
	}
	topology_resolve(t, r);
}

static void
read_policy(struct policy *p, const struct topology *t, const char *path, struct report *r)
{
	size_t alerts = r->n_alerts;
	char *text;
	size_t n;
	int error;

	if (!path)
		return;
	error = file_read(path, &text, &n);
	if (error) {
		report_policy(r, FINDING_ALERT, "%s: cannot be read: %s", path, strerror(-error));
		return;
	}
	policy_load(p, (struct str){ text, n }, path, r);
	/* Names are looked up in a topology that was understood, or not at all. */
	if (alerts == 0)
		policy_check(p, t, path, r);
	free(text);
}

void
world_read(const struct world_files *files, struct topology *t, struct policy *p, struct report *r)
{
	topology_init(t);
	policy_init(p);
	read_topology(t, files, &topology_env, r);
	read_policy(p, t, files->policy, r);
}

static bool
has_upgrades(void *arg, struct str frontend)
{
	const struct frontend_policy *f = policy_frontend(arg, frontend);

	return f && f->websocket;
}

static bool
chooses(void *arg, struct str backend)
{
	const struct policy *p = arg;

	for (size_t i = 0; i < p->n_tenants; i++)
		if (p->tenants[i]->backend_name && str_is(backend, p->tenants[i]->backend_name))
			return true;
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].action == RULE_BACKEND && str_is(backend, p->rules[i].target))
			return true;
	return false;
}

/* The same for a proxy of our own: nothing in the file may be silently different. */
void
world_read_carried(const struct world_files *files, struct topology *t, struct policy *p,
		   struct report *r)
{
	const struct upgrade_policy upgrades = { p, has_upgrades, chooses };

	topology_init(t);
	policy_init(p);
	read_topology(t, files, &strict_env, r);
	read_policy(p, t, files->policy, r);
	topology_mark_upgrades(t, &upgrades);
	language_check(t, r);
}

bool
world_read_engine(const struct spoe_filter *f, struct spoe_engine *engine, struct report *r)
{
	char *text;
	size_t n;
	int error = file_read(f->config, &text, &n);
	bool is_sound;

	spoe_engine_init(engine);
	if (error) {
		report_cfg(r, FINDING_ALERT, "[%s:%d] : SPOE configuration '%s': %s", f->at.file,
			   f->at.line, f->config, strerror(-error));
		return false;
	}
	is_sound = spoe_engine_parse((struct str){ text, n }, f->config, str_of(f->engine),
				     &topology_env, engine, r);
	free(text);
	return is_sound;
}

/* The store's password, when it has a file of its own; a newline at its end is the editor's. */
void
world_read_store_password(struct policy *p, const char *path, struct report *r)
{
	struct store_policy *store = &p->store;
	char *text;
	size_t n;
	int error;

	if (!store->is_set || !store->password_file)
		return;
	error = file_read(store->password_file, &text, &n);
	if (error) {
		report_policy(r, FINDING_ALERT,
			      "%s:%d: stickiness.store.password_file: %s cannot be read: %s", path,
			      store->line, store->password_file, strerror(-error));
		return;
	}
	n = strcspn(text, "\r\n");
	if (n == 0 || n >= sizeof(store->url.password))
		report_policy(r, FINDING_ALERT,
			      "%s:%d: stickiness.store.password_file: the first line of %s is no "
			      "password; write one of at most %zu bytes",
			      path, store->line, store->password_file,
			      sizeof(store->url.password) - 1);
	else
		memcpy(store->url.password, text, n);
	explicit_bzero(text, strlen(text));
	free(text);
}
