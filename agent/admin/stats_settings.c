/* Later lines replace earlier ones, but for users and scopes, which add up. */
#include "agent/admin/stats_settings.h"

#include <stdio.h>
#include <string.h>

#include "agent/core/base/units.h"

static const char *
word(const struct raw_line *line, size_t i)
{
	return i < line->n ? line->words[i] : "";
}

/* What is wrong with the last faulty line stands in wrong[]. */
static bool
is_sound(enum expr_status status, const char *what, char *wrong)
{
	if (status != EXPR_BAD)
		return true;
	snprintf(wrong, EXPR_ERROR, "%s", what);
	return false;
}

static void
read_acls(struct stats_settings *s, const struct proxy *p, char *wrong)
{
	char what[EXPR_ERROR];

	for (size_t i = 0; i < p->n_all; i++) {
		const struct raw_line *line = &p->all[i];

		if (strcmp(line->words[0], "acl") == 0 && line->n > 2)
			(void)is_sound(acl_set_add(&s->acls, (const char *const *)line->words + 1,
						   line->n - 1, what),
				       what, wrong);
	}
}

static void
read_admin(struct stats_settings *s, const struct raw_line *line, char *wrong)
{
	char what[EXPR_ERROR];

	acl_condition_fini(&s->admin);
	s->admin = (struct acl_condition){ 0 };
	if (!is_sound(acl_condition_compile(&s->admin, &s->acls,
					    (const char *const *)line->words + 2, line->n - 2,
					    what),
		      what, wrong))
		s->admin = (struct acl_condition){ 0 };
}

static void
read_refresh(struct stats_settings *s, const char *text)
{
	int64_t ms;

	if (units_duration(str_of(text), 1000, &ms, NULL) == UNITS_OK)
		s->refresh_s = ms / 1000;
}

static void
read_line(struct stats_settings *s, const struct raw_line *line, char *wrong)
{
	const char *what = word(line, 1), *value = word(line, 2);

	s->enabled = true;
	if (strcmp(what, "uri") == 0)
		s->uri = value;
	else if (strcmp(what, "realm") == 0)
		s->realm = value;
	else if (strcmp(what, "refresh") == 0)
		read_refresh(s, value);
	else if (strcmp(what, "auth") == 0 && s->n_users < STATS_USERS_MAX)
		s->users[s->n_users++] = value;
	else if (strcmp(what, "scope") == 0 && s->n_scopes < STATS_SCOPES_MAX)
		s->scopes[s->n_scopes++] = value;
	else if (strcmp(what, "hide-version") == 0)
		s->hide_version = true;
	else if (strcmp(what, "show-legends") == 0)
		s->shows_legends = true;
	else if (strcmp(what, "show-node") == 0) {
		s->shows_node = true;
		s->node = *value ? value : NULL;
	} else if (strcmp(what, "show-desc") == 0) {
		s->shows_description = true;
		s->description = *value ? value : NULL;
	} else if (strcmp(what, "admin") == 0 && line->n > 3)
		read_admin(s, line, wrong);
}

void
stats_settings_read(struct stats_settings *s, const struct proxy *p, char *wrong)
{
	*s = (struct stats_settings){ .uri = "/haproxy?stats", .realm = "HAProxy Statistics" };
	wrong[0] = '\0';
	acl_set_init(&s->acls);
	read_acls(s, p, wrong);
	for (size_t i = 0; i < p->n_all; i++)
		if (strcmp(p->all[i].words[0], "stats") == 0)
			read_line(s, &p->all[i], wrong);
}

void
stats_settings_fini(struct stats_settings *s)
{
	acl_condition_fini(&s->admin);
	acl_set_fini(&s->acls);
}

bool
stats_settings_show(const struct stats_settings *s, const struct proxy *own, const char *name)
{
	for (size_t i = 0; i < s->n_scopes; i++)
		if (strcmp(strcmp(s->scopes[i], ".") == 0 ? own->name : s->scopes[i], name) == 0)
			return true;
	return s->n_scopes == 0;
}

/* In the same time wherever the first difference is. */
static bool
is_same(const char *given, const char *right)
{
	size_t n = strlen(right), n_given = strlen(given);
	unsigned difference = n_given != n;

	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)given[i % (n_given + 1)] ^ (unsigned char)right[i];
	return difference == 0;
}

bool
stats_settings_know(const struct stats_settings *s, const char *name, const char *password)
{
	char given[512];
	bool known = false;
	int n = snprintf(given, sizeof(given), "%s:%s", name, password);

	for (size_t i = 0; i < s->n_users; i++)
		known |= is_same(given, s->users[i]) && n < (int)sizeof(given);
	return known;
}

/* Up to the next ';' or '&'. */
static struct str
value_behind(const char *rest, const char *key)
{
	const char *at = strstr(rest, key);

	if (!at)
		return (struct str){ 0 };
	at += strlen(key);
	return (struct str){ at, strcspn(at, ";&?") };
}

struct stats_request
stats_request_parse(const struct stats_settings *s, const char *uri)
{
	size_t n = strlen(s->uri);
	const char *rest;

	if (strncmp(uri, s->uri, n) != 0)
		return (struct stats_request){ 0 };
	rest = uri + n;
	return (struct stats_request){
		.is_ours = true,
		.csv = strstr(rest, ";csv"),
		.json = strstr(rest, ";json"),
		.norefresh = strstr(rest, ";norefresh"),
		.up = strstr(rest, ";up"),
		.no_maint = strstr(rest, ";no-maint"),
		.status = value_behind(rest, ";st="),
		.scope = value_behind(rest, "scope="),
	};
}
