/*
 * What a health check does once it begins: connect, send, expect, again and again. `option httpchk`
 * and `option tcp-check` with their lines, a bare connection and usher's own probes are all
 * compiled into the same few steps (configuration manual, "http-check …", "tcp-check …").
 *
 * Compiled on the main thread, immutable afterwards.
 */
#ifndef USHER_CORE_HEALTH_SCRIPT_H
#define USHER_CORE_HEALTH_SCRIPT_H

#include "agent/core/base/pattern.h"
#include "agent/core/base/report.h"
#include "agent/core/health/answer.h"
#include "agent/core/topology/model.h"

enum script_kind {
	SCRIPT_BARE, /* a connection is enough */
	SCRIPT_TCP,
	SCRIPT_HTTP,
	SCRIPT_PROBE_MQTT,
	SCRIPT_PROBE_EMQX,
};

enum script_op {
	SCRIPT_CONNECT,
	SCRIPT_SEND,
	SCRIPT_EXPECT,
};

enum expect_kind {
	EXPECT_STRING,
	EXPECT_RSTRING,
	EXPECT_BINARY,
	EXPECT_RBINARY,
	EXPECT_STATUS,
	EXPECT_RSTATUS,
	EXPECT_CONNACK, /* of a probe, and so is the next */
	EXPECT_EMQX,
};

struct status_range {
	int from, to;
};

struct expect {
	enum expect_kind kind;
	bool is_negated;
	int64_t min_recv;	 /* bytes; -1: not said */
	struct pattern *pattern; /* owned; NULL unless it is a regular expression */
	uint8_t *bytes;		 /* owned; of a string or binary */
	size_t n_bytes;
	struct status_range *ranges; /* owned */
	size_t n_ranges;
	enum health_status ok, error, timeout;
	char *on_success, *on_error; /* owned; NULL: HAProxy's own words */
};

struct script_step {
	enum script_op op;
	unsigned number; /* among the lines of the file, from 1; 0: no line of its own */
	char *comment;	 /* owned; NULL: none */
	/* SCRIPT_CONNECT */
	struct addr addr; /* len 0: where the server is checked */
	uint16_t port;	  /* 0: likewise */
	bool is_default;  /* as the server line says: TLS, PROXY header; else in the clear */
	bool lingers;	  /* closed in good order, and not by a reset */
	/* SCRIPT_SEND */
	uint8_t *bytes; /* owned */
	size_t n_bytes;
	/* SCRIPT_EXPECT */
	struct expect expect;
};

struct script {
	enum script_kind kind;
	struct script_step *steps; /* owned; the first is SCRIPT_CONNECT */
	size_t n_steps;
	bool drains_on_404;
};

/* The most bytes of an answer that are looked at. */
enum { SCRIPT_ANSWER_MAX = 16384 };

void script_fini(struct script *s);

/*
 * What the lines of a backend ask for. Faults are alerts in HAProxy's words, and what usher proxy
 * cannot do is one in its own; the script is sound only when no alert was added.
 */
void script_compile(struct script *s, const struct proxy *backend, struct report *r);

/* Only the findings. */
void script_check(const struct proxy *backend, struct report *r);

/* usher's own probes; the second asks that port. */
void script_probe_mqtt(struct script *s);
void script_probe_emqx(struct script *s, uint16_t port);

enum script_result {
	SCRIPT_MORE,
	SCRIPT_PASS, /* the step is done; *a is what to say if it was the last */
	SCRIPT_FAIL,
};

/*
 * Has the server said what this step expects? [p, p+n) is what came since the last send, `eof`:
 * nothing more comes. `is_up`: only a server that is may drain by a 404.
 */
enum script_result script_expect(const struct script *s, size_t step, const uint8_t *p, size_t n,
				 bool eof, bool is_up, struct health_answer *a);

/* All steps are done and the last one expected nothing; is_tls: the last connection is. */
void script_done(const struct script *s, bool is_tls, struct health_answer *a);

/* " at step 2 of tcp-check (connect port 25)": where a script stands, for its log line. */
enum { SCRIPT_PLACE = 256 };
const char *script_place(const struct script *s, size_t step, char *out);

#endif
