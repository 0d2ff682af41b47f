/* What `global` says of TLS: bases of paths, and defaults for lines that are silent. */
#include <stdlib.h>

#include "agent/core/base/units.h"
#include "agent/core/topology/line_tls.h"

/* ca-base, crt-base: the first counts, for the lines below it. */
void
line_tls_base(struct parser *p)
{
	struct tls_global *g = &p->t->tls;
	char **base = strcmp(word(p, 0), "ca-base") == 0 ? &g->ca_base : &g->crt_base;

	if (parser_too_many_words(p, 1))
		return;
	if (*base)
		parser_alert(p, "'%s' already specified.", word(p, 0));
	else if (!word(p, 1)[0])
		parser_alert(p, "global statement '%s' expects a directory path as an argument.",
			     word(p, 0));
	else
		parser_set_text(base, word(p, 1));
}

/* "ssl-default-bind-…" or "ssl-default-server-…". */
static struct tls_defaults *
side(struct parser *p)
{
	bool is_bind = str_has_prefix(str_of(word(p, 0)), STR("ssl-default-bind-"));

	return is_bind ? &p->t->tls.bind : &p->t->tls.server;
}

void
line_tls_text(struct parser *p)
{
	struct str name = str_of(word(p, 0));
	struct tls_defaults *d = side(p);
	bool is_curves = str_has_suffix(name, STR("-curves"));
	char **text = is_curves				      ? &d->curves
		      : str_has_suffix(name, STR("-ciphers")) ? &d->ciphers
							      : &d->ciphersuites;

	if (parser_too_many_words(p, 1))
		return;
	if (!word(p, 1)[0])
		parser_alert(p, "global statement '%s' expects a %s.", name.p,
			     is_curves ? "curves suite as an arguments"
				       : "cipher suite as an argument");
	else
		parser_set_text(text, word(p, 1));
}

/* ssl-min-ver, ssl-max-ver at word i. False, with an alert, when it is in error. */
static bool
read_version(struct parser *p, size_t i, enum tls_version *version)
{
	const char *text = word(p, i + 1);

	if (!*text) {
		parser_alert(p, "'%s' : missing the ssl/tls version on global statement '%s'.",
			     word(p, i), word(p, 0));
		return false;
	}
	if (tls_version_of(text) || !p->env->strict) {
		*version = tls_version_of(text);
		return true;
	}
	parser_alert(p, "'%s' : unknown ssl/tls version on global statement '%s'.", text,
		     word(p, 0));
	return false;
}

void
line_tls_options(struct parser *p)
{
	struct tls_defaults *d = side(p);
	bool is_bind = d == &p->t->tls.bind;

	if (!word(p, 1)[0])
		parser_alert(p, "global statement '%s' expects an option as an argument.",
			     word(p, 0));
	for (size_t i = 1; i < p->in.line.n_words; i++) {
		const char *name = word(p, i);
		bool is_min = strcmp(name, "ssl-min-ver") == 0;

		if (is_min || strcmp(name, "ssl-max-ver") == 0) {
			if (!read_version(p, i++, is_min ? &d->versions.min : &d->versions.max))
				return;
		} else if (strcmp(name, "no-tls-tickets") == 0) {
			d->no_tickets = true;
		} else if (strcmp(name, "prefer-client-ciphers") == 0 && is_bind) {
			d->prefer_client_ciphers = true;
		} else if (!line_tls_version_word(name, &d->versions) && p->env->strict) {
			parser_alert(p, "unknown option '%s' on global statement '%s'.", name,
				     word(p, 0));
			return;
		}
	}
}

void
line_tls_server_verify(struct parser *p)
{
	bool none = strcmp(word(p, 1), "none") == 0;

	if (parser_too_many_words(p, 1))
		return;
	if (!word(p, 1)[0])
		parser_alert(p, "'ssl-server-verify' expects an integer argument.");
	else if (!none && strcmp(word(p, 1), "required") != 0)
		parser_alert(p, "'ssl-server-verify' expects 'none' or 'required' as argument.");
	else
		p->t->tls.no_server_verify = none;
}

void
line_tls_lifetime(struct parser *p)
{
	const char *text = word(p, 1);
	enum units result;
	int64_t ms;
	size_t bad = 0;

	if (parser_too_many_words(p, 1))
		return;
	if (!*text) {
		parser_alert(p, "'tune.ssl.lifetime' expects ssl sessions <lifetime> in seconds as "
				"argument.");
		return;
	}
	result = units_duration(str_of(text), 1000, &ms, &bad);
	if (result == UNITS_BAD)
		parser_alert(p, "unexpected character '%c' in argument to <tune.ssl.lifetime>.",
			     text[bad]);
	else /* longer than TLS allows by far, and than HAProxy, which takes 68 years */
		p->t->tls.lifetime_s =
			(uint32_t)((result == UNITS_RANGE ? UNITS_MAX_MS : ms) / 1000);
}

/* Is the kind among the words of the line? */
static bool
has_word(const struct parser *p, const char *kind)
{
	for (size_t i = 1; i < p->in.line.n_words; i++)
		if (strcmp(word(p, i), kind) == 0)
			return true;
	return false;
}

/* `none`, `all`, or the kinds of files that usher may look for without being told. */
void
line_tls_extra_files(struct parser *p)
{
	static const char *const kinds[] = { "none", "all",    "bundle", "sctl",
					     "ocsp", "issuer", "key" };
	struct tls_global *g = &p->t->tls;
	bool all = has_word(p, "all"), known = word(p, 1)[0] != '\0';

	for (size_t i = 1; i < p->in.line.n_words; i++)
		known &= str_is_one_of(word(p, i), kinds, sizeof(kinds) / sizeof(kinds[0]));
	if (!known) {
		parser_alert(p, "'ssl-load-extra-files' expects one or multiple arguments (none, "
				"all, bundle, sctl, ocsp, issuer).");
	} else if ((all || has_word(p, "none")) && word(p, 2)[0]) {
		parser_alert(p, "'ssl-load-extra-files' 'none' and 'all' can be only used alone");
	} else {
		g->no_bundles = !all && !has_word(p, "bundle");
		g->no_key_files = !all && !has_word(p, "key");
	}
}

void
line_tls_extra_suffix(struct parser *p)
{
	p->t->tls.key_replaces_suffix = true;
}
