/*
 * The files are read twice: once as the agent reads them, once for their bytes, which the patch
 * has to match.
 */
#include "agent/cli/setup.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli/check.h"
#include "agent/core/advice/diff.h"
#include "agent/core/advice/setup.h"
#include "agent/core/base/mem.h"
#include "agent/io/file.h"

enum { PATCH_MAX = 16 << 20 };

static void
complain(const struct report *r)
{
	char line[4096];

	for (size_t i = 0; i < r->n; i++)
		if (r->findings[i].level == FINDING_ALERT)
			fprintf(stderr, "%s\n",
				report_format(&r->findings[i], getpid(), line, sizeof(line)));
	fputs("usher: the files have errors; nothing can be added to them before these are "
	      "mended.\n",
	      stderr);
}

/* The directory of the first file, or itself where it is one, into out[PATH_MAX]. */
static const char *
find_directory(const struct world_files *files, char *out)
{
	struct stat st;

	if (!realpath(files->haproxy_cfg[0], out))
		return "/etc/haproxy";
	return stat(out, &st) == 0 && S_ISDIR(st.st_mode) ? out : dirname(out);
}

static struct str *
read_texts(const struct topology *t)
{
	struct str *texts = xcalloc(t->n_files, sizeof(*texts));

	for (size_t i = 0; i < t->n_files; i++) {
		char *text;
		size_t n;

		if (file_read(t->files[i], &text, &n) == 0)
			texts[i] = (struct str){ text, n };
	}
	return texts;
}

static void
free_texts(struct str *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)texts[i].p);
	free(texts);
}

/* ---- printing -------------------------------------------------------------------------------- */

static void
print_introduction(const struct setup *s, const struct topology *t, const char *directory)
{
	printf("# What haproxy.cfg lacks for usher: a patch; nothing has been changed. Read it, "
	       "then\n"
	       "#\n");
	if (t->n_files == 1)
		printf("#   usher setup -f %s | patch %s\n", t->files[0], t->files[0]);
	else
		printf("#   usher setup … | patch -p0\n");
	printf("#   copy spoe-usher.conf and usher.lua (make install: share/usher) to %s\n"
	       "#   haproxy -c -f %s && usher check -f %s\n"
	       "#\n",
	       directory, t->files[0], t->files[0]);
	for (size_t i = 0; i < s->n_edits; i++) {
		const struct setup_edit *e = &s->edits[i];

		printf("# %s %s:%d, %s: %s.\n", e->replaces ? "instead of" : "behind", e->file,
		       e->line, e->section, e->why);
	}
}

static void
print_notes(const struct setup *s)
{
	for (size_t i = 0; i < s->n_notes; i++)
		printf("# %s.\n", s->notes[i]);
}

static bool
print_patch(const struct setup *s, const struct topology *t, const struct str *texts)
{
	struct buf out;
	bool fits = true;
	size_t end;

	buf_init(&out, PATCH_MAX);
	for (size_t i = 0; i < s->n_edits && fits; i = end) {
		const char *file = s->edits[i].file;

		for (end = i; end < s->n_edits && s->edits[end].file == file; end++)
			;
		for (size_t f = 0; f < t->n_files; f++)
			if (t->files[f] == file)
				fits = fits &&
				       diff_write(file, texts[f], &s->edits[i], end - i, &out);
	}
	fwrite(buf_front(&out), 1, buf_len(&out), stdout);
	buf_fini(&out);
	return fits;
}

static int
print_setup(const struct setup *s, const struct topology *t, const struct str *texts,
	    const char *directory)
{
	if (s->n_edits)
		print_introduction(s, t, directory);
	else if (!s->nobody_asks)
		puts("# Nothing is missing; `usher check` says whether all is well.");
	print_notes(s);
	return s->n_edits && !print_patch(s, t, texts);
}

int
cli_setup(struct engine *e, const struct world_files *files)
{
	char path[PATH_MAX];
	struct advice_input input = { .policy_file = files->policy };
	struct advice_engine *engines = NULL;
	struct topology topology;
	struct policy policy;
	struct report report;
	int status = 1;

	report_init(&report);
	world_read(files, &topology, &policy, &report);
	if (report.n_alerts) {
		complain(&report);
	} else {
		const char *directory = find_directory(files, path);
		struct str *texts = read_texts(&topology);
		struct setup setup;

		engines = cli_engines(&topology, &policy, &input.n_engines, &report);
		input.topology = &topology;
		input.policy = &policy;
		input.engines = engines;
		setup_plan(&(struct setup_input){ &input, texts, directory }, &setup);
		status = print_setup(&setup, &topology, texts, directory);
		setup_fini(&setup);
		free_texts(texts, topology.n_files);
	}
	cli_engines_free(engines, input.n_engines);
	policy_fini(&policy);
	topology_fini(&topology);
	report_fini(&report);
	return status;
}
