/* A source is a file, a directory of files, the stem of a bundle, or a crt-list of files. */
#include "agent/tls/sources.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/io/file.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* What reading needs to know all the way down. */
struct reading {
	struct tls_sources *to;
	const struct tls_global *g;
	char *why;
};

static bool
add_file(struct reading *r, const char *path)
{
	struct tls_sources *s = r->to;

	ARRAY_GROW(s->files, s->n);
	s->files[s->n] = (struct tls_source_file){ 0 };
	return tls_pem_read(&s->files[s->n++].pem, path, r->g, r->why);
}

/* Those with these suffixes belong to others. */
static int
is_certificate(const struct dirent *entry)
{
	static const char *const others[] = { ".key", ".issuer", ".ocsp", ".sctl" };
	struct str name = str_of(entry->d_name);

	for (size_t i = 0; i < N(others); i++)
		if (str_has_suffix(name, str_of(others[i])))
			return 0;
	return name.p[0] != '.';
}

static bool
add_directory(struct reading *r, const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_certificate, alphasort);
	struct stat st;
	bool ok = true;

	if (n < 0) {
		snprintf(r->why, TLS_WHY, "unable to scan directory '%s' for SSL certificates : %s",
			 directory, strerror(errno));
		return false;
	}
	for (int i = 0; i < n; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
			abort();
		if (ok && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			ok = add_file(r, path);
		free(path);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

/* FILE.rsa and its kin, where there is no FILE. False: one of them is bad, or there are none. */
static bool
add_bundle(struct reading *r, const char *stem)
{
	static const char *const types[] = { "rsa", "ecdsa", "dsa" };
	bool any = false, ok = true;

	for (size_t i = 0; ok && i < N(types); i++) {
		char *path;

		if (asprintf(&path, "%s.%s", stem, types[i]) < 0)
			abort();
		if (access(path, F_OK) == 0) {
			any = true;
			ok = add_file(r, path);
		}
		free(path);
	}
	if (any)
		return ok;
	errno = ENOENT;
	return add_file(r, stem);
}

static bool
add_source(struct reading *r, const char *path, bool takes_directories)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return r->g->no_bundles ? add_file(r, path) : add_bundle(r, path);
	if (S_ISDIR(st.st_mode) && takes_directories)
		return add_directory(r, path);
	return add_file(r, path);
}

/* ---- crt-list -------------------------------------------------------------------------------- */

/* The next word of the line; absent at its end. */
static struct str
next_word(struct str *line)
{
	size_t skip = 0, n = 0;
	struct str word;

	while (skip < line->n && strchr(" \t\r", line->p[skip]))
		skip++;
	while (skip + n < line->n && !strchr(" \t\r", line->p[skip + n]))
		n++;
	word = n ? (struct str){ line->p + skip, n } : (struct str){ 0 };
	line->p += skip + n;
	line->n -= skip + n;
	return word;
}

static void
add_filter(struct tls_source_file *f, struct str filter)
{
	ARRAY_GROW(f->filters, f->n_filters);
	f->filters[f->n_filters++] = str_dup(filter);
}

/* "FILE [FILTER]…"; settings of its own in brackets would need a context of its own. */
static bool
read_list_line(struct reading *r, const char *list, unsigned number, struct str line)
{
	struct str word = next_word(&line);
	size_t first = r->to->n;
	char *path;
	bool ok;

	if (!word.p || word.p[0] == '#')
		return true;
	if (memchr(word.p, '[', word.n) || memchr(line.p, '[', line.n)) {
		snprintf(r->why, TLS_WHY,
			 "'crt-list' : line %u of '%s' has settings in brackets, which usher proxy "
			 "does not read; give that certificate a bind line of its own",
			 number, list);
		return false;
	}
	if (word.p[0] == '/' || !r->g->crt_base)
		path = str_dup(word);
	else if (asprintf(&path, "%s/%.*s", r->g->crt_base, STR_ARG(word)) < 0)
		abort();
	ok = add_source(r, path, false);
	free(path);
	while ((word = next_word(&line)).p)
		for (size_t i = first; ok && i < r->to->n; i++)
			add_filter(&r->to->files[i], word);
	return ok;
}

static bool
add_list(struct reading *r, const char *list)
{
	struct str rest = { 0 };
	char *text;
	int error = file_read(list, &text, &rest.n);
	bool ok = true;

	if (error < 0) {
		snprintf(r->why, TLS_WHY, "'crt-list' : cannot open file '%s' : %s", list,
			 strerror(-error));
		return false;
	}
	rest.p = text;
	for (unsigned number = 1; ok && rest.n; number++) {
		const char *lf = memchr(rest.p, '\n', rest.n);
		struct str line = { rest.p, lf ? (size_t)(lf - rest.p) : rest.n };

		rest.p += line.n + (lf != NULL);
		rest.n -= line.n + (lf != NULL);
		ok = read_list_line(r, list, number, line);
	}
	free(text);
	return ok;
}

/* ---- all of a line --------------------------------------------------------------------------- */

bool
tls_sources_read(struct tls_sources *s, const struct tls_settings *settings,
		 const struct tls_global *g, char why[TLS_WHY])
{
	struct reading r = { s, g, why };
	bool ok = true;

	*s = (struct tls_sources){ 0 };
	for (size_t i = 0; ok && i < settings->n_sources; i++) {
		const struct tls_source *source = &settings->sources[i];

		ok = source->is_list ? add_list(&r, source->path)
				     : add_source(&r, source->path, true);
	}
	return ok;
}

void
tls_sources_fini(struct tls_sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct tls_source_file *f = &s->files[i];

		for (size_t j = 0; j < f->n_filters; j++)
			free(f->filters[j]);
		free(f->filters);
		tls_pem_fini(&f->pem);
	}
	free(s->files);
	*s = (struct tls_sources){ 0 };
}

const char *
tls_source_leaves_out(const struct tls_source_file *f)
{
	static const char *const suffixes[] = { ".ocsp", ".sctl" };

	for (size_t i = 0; i < N(suffixes); i++) {
		bool is_there;
		char *path;

		if (asprintf(&path, "%s%s", f->pem.path, suffixes[i]) < 0)
			abort();
		is_there = access(path, F_OK) == 0;
		free(path);
		if (is_there)
			return suffixes[i];
	}
	return NULL;
}
