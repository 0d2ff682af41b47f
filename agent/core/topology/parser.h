/*
 * Inside the reader of haproxy.cfg: what the sections' keyword tables share. Not for others.
 */
#ifndef USHER_CORE_TOPOLOGY_PARSER_H
#define USHER_CORE_TOPOLOGY_PARSER_H

#include "agent/core/topology/parse.h"
#include "agent/core/topology/reader.h"

struct parser;

enum keyword_status {
	KEYWORD_USED,	 /* its setter changes the model */
	KEYWORD_SKIPPED, /* HAProxy's business alone */
};

/* Where a keyword of proxies may stand. */
enum keyword_place {
	IN_ANY,
	IN_FRONTEND,	      /* frontend, listen; defaults too */
	IN_BACKEND,	      /* backend, listen; defaults too */
	IN_PROXY = 4,	      /* with it: not in defaults */
	IN_NAMED_DEFAULTS = 8 /* with it: not in defaults without name */
};

/* One keyword of a section. Adding a keyword to usher's language is adding such a line. */
struct keyword {
	const char *name;
	enum keyword_status status;
	void (*set)(struct parser *p); /* the words are in p->in.line; NULL when skipped */
	unsigned place;
};

struct keywords {
	const struct keyword *table;
	size_t n;
};

struct section {
	const char *name;
	void (*begin)(struct parser *p); /* NULL: the section is skipped whole */
	const struct keywords *keywords;
	bool later; /* than 2.6: unknown to who is strict */
};

struct parser {
	struct reader in;
	struct topology *t;
	const struct topology_env *env;

	const struct section *section; /* NULL: before the first one */
	char *section_name;	       /* owned; for ${.SECTION} */
	struct proxy *proxy;	       /* the section's; NULL when its first line was in error */
};

extern const struct keywords section_global_keywords;
extern const struct keywords section_proxy_keywords;
extern const struct keywords section_resolvers_keywords;

/* The word at i of the line, "" when there is none. */
static inline const char *
word(const struct parser *p, size_t i)
{
	return lexer_word(&p->in.line, i);
}

static inline struct place
parser_place(const struct parser *p)
{
	return (struct place){ p->in.file, p->in.at };
}

/* A finding of the line: "parsing [file:line] : …". */
void parser_alert(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
void parser_warn(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As above, but "[file:line] : …", which is how HAProxy speaks of servers. */
void parser_alert_server(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Behind HAProxy 2.6's own words about what only later versions know. */
#define PARSER_LATER " (HAProxy knows it since a later version than 2.6)"

/* Alert when there are words behind the first n + 1. */
bool parser_too_many_words(struct parser *p, size_t n) MUST_USE;

/* Replace an owned string by a copy. */
void parser_set_text(char **text, const char *value);

/* The first byte that HAProxy does not take in names, or '\0'. */
char parser_bad_name_byte(const char *name);

/*
 * "; did you mean 'x' maybe ?", or "" when nothing is near, into out[PARSER_HINT]. `names` is the
 * first of n pointers to names, `stride` bytes apart: the first member of a table's rows.
 */
enum { PARSER_HINT = 96 };
const char *parser_hint(const char *name, const void *names, size_t n, size_t stride, char *out);

/* proxy_kind_name(), but a listen section is a "proxy" where HAProxy speaks of two proxies. */
const char *parser_capability_name(enum proxy_kind kind);

/* section_proxy.c: the first line of defaults, frontend, backend, listen. */
void section_proxy_begin(struct parser *p);
/* section_global.c: `global`. */
void section_global_begin(struct parser *p);
/* section_resolvers.c: `resolvers`. */
void section_resolvers_begin(struct parser *p);

/*
 * A line that begins with `no` or `default`; of these `no log` and those of options matter. False,
 * with an alert: this keyword cannot be negated (HAProxy then reads it as if it stood alone).
 */
bool section_proxy_negate(struct parser *p) MUST_USE;

/* line_server.c */
void line_server(struct parser *p);
void line_default_server(struct parser *p);
void line_server_template(struct parser *p);
/* Copy what a server has from its default-server, owned texts included. */
void line_server_inherit(struct server *to, const struct server *from);

/* line_bind.c, line_frontend.c and line_backend.c: the setters of the table in section_proxy.c */
void line_bind(struct parser *p);
void line_default_backend(struct parser *p);
void line_use_backend(struct parser *p);
void line_filter(struct parser *p);
void line_balance(struct parser *p);
void line_hash_type(struct parser *p);
void line_use_server(struct parser *p);
void line_stick(struct parser *p);

/* line_option.c: `option`, alone or behind `no` or `default` */
enum option_mood {
	OPTION_SET,
	OPTION_NO,
	OPTION_DEFAULT,
};
void line_option(struct parser *p);
void line_option_as(struct parser *p, enum option_mood mood);
/* Those of proxy.options that mean something to a proxy of this kind. */
unsigned line_option_bits(enum proxy_kind kind);

/* line_limits.c */
void line_maxconn(struct parser *p);
void line_fullconn(struct parser *p);
void line_backlog(struct parser *p);
void line_id(struct parser *p);
void line_hash_balance_factor(struct parser *p);
void line_rate_limit(struct parser *p);
void line_keepalive_probes(struct parser *p);
void line_old_timeout(struct parser *p);
/* HAProxy's notion of a number where anything goes: the digits it begins with, 0 without. */
uint32_t parser_number(const char *text);

/* line_log.c; in a global section p->proxy is NULL */
void line_log(struct parser *p);
void line_log_format(struct parser *p);
void line_log_tag(struct parser *p);
void line_log_send_hostname(struct parser *p);
/* The targets and the tag of a defaults section. */
void line_log_inherit(struct proxy *to, const struct proxy *from);

/* line_source.c */
void line_source(struct parser *p);

/* line_times.c */
void line_timeout(struct parser *p);
void line_retries(struct parser *p);
void line_inspect_delay(struct parser *p); /* of tcp-request; the line is kept as well */

/* variables.c: setenv, presetenv, unsetenv, resetenv; and the lookup that knows of them. */
void line_environment(struct parser *p);
const char *variables_get(void *parser, struct str name);

/* Append a copy of the words at hand to an array of lines. */
void parser_copy_line(struct parser *p, struct raw_line **lines, size_t *n);

/* Keep the line in p->proxy->lines. */
void parser_keep_line(struct parser *p);

#endif
