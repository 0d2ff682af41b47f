/*
 * Inside the reader of haproxy.cfg: the words of TLS, which bind and server lines share, and those
 * of `global`. Not for others.
 */
#ifndef USHER_CORE_TOPOLOGY_LINE_TLS_H
#define USHER_CORE_TOPOLOGY_LINE_TLS_H

#include "agent/core/topology/server_line.h"

/* A word at hand, what it changes, and room for what is wrong with it. */
struct tls_line {
	struct parser *p;
	size_t i; /* the word; its argument follows */
	struct tls_settings *s;
	bool is_server;
	char why[256]; /* HAProxy's words, without the full stop that ends them on server lines */
};

/* Does the word belong to TLS? Then *n_args says how many words follow it. */
bool line_tls_knows(const char *word, size_t *n_args);

/* The words of both sides, one by one; NULL: that was the last. */
const char *line_tls_name(size_t i);

/* Read a word that line_tls_knows(). False: l->why says what is wrong. */
bool line_tls_word(struct tls_line *l) MUST_USE;

/* Setter of server options; as those of server_line.h. */
bool line_tls_of_server(struct server_line *l) MUST_USE;
/* ssl, no-ssl, check-ssl, no-check-ssl */
bool line_tls_switch(struct server_line *l) MUST_USE;

/* line_tls_global.c: setters of `global` */
void line_tls_base(struct parser *p);	 /* ca-base, crt-base */
void line_tls_text(struct parser *p);	 /* ssl-default-{bind,server}-{ciphers,…} */
void line_tls_options(struct parser *p); /* ssl-default-{bind,server}-options */
void line_tls_server_verify(struct parser *p);
void line_tls_lifetime(struct parser *p);
void line_tls_extra_files(struct parser *p);
void line_tls_extra_suffix(struct parser *p); /* ssl-load-extra-del-ext */

/* no-sslv3, force-tlsv12, …: false when the word is none of these. */
bool line_tls_version_word(const char *word, struct tls_versions *v);

#endif
