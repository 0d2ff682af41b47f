/*
 * Inside a session: the struct and what its parts (session.c, route.c, server.c, context.c,
 * opening.c) ask of one another. Not for others; session.h has the picture.
 */
#ifndef USHER_PROXY_STATE_H
#define USHER_PROXY_STATE_H

#include "agent/core/decide/decide.h"
#include "agent/core/mqtt/connect.h"
#include "agent/core/logline/text.h"
#include "agent/engine/data_path.h"
#include "agent/engine/quota.h"
#include "agent/engine/route.h"
#include "agent/engine/sharing.h"
#include "agent/proxy/relay.h"
#include "agent/proxy/session.h"

enum session_state {
	SESSION_HEADER,	   /* the PROXY header of `accept-proxy` */
	SESSION_HANDSHAKE, /* the client's TLS */
	SESSION_UPGRADE,   /* the client's request for a WebSocket */
	SESSION_FRONT,	   /* the frontend's rules, and the verdict */
	SESSION_BACK,	   /* the backend's rules, and the server */
	SESSION_QUEUE,	   /* no place free */
	SESSION_PAUSE,	   /* before the same server is tried again */
	SESSION_DIAL,	   /* to the server */
	SESSION_GREET,	   /* our PROXY header to it, and its TLS */
	SESSION_SWITCH,	   /* the WebSocket with it */
	SESSION_ANSWER,	   /* the CONNECT is sent, the server has said nothing yet */
	SESSION_RELAY,
	SESSION_REFUSED, /* the client was told, and reads it */
};

enum step {
	STEP_WAIT,
	STEP_NEXT,
	STEP_END,
};

enum {
	NO_SERVER = UINT16_MAX,
	REQUEST_MAX = 192 << 10, /* bytes kept of a client while its server is sought */
};

/* What came of looking for a server. */
enum placed {
	PLACED, /* it has a place there */
	QUEUED, /* it waits for one */
	NOT_PLACED_NO_SERVER,
	NOT_PLACED_QUEUE_FULL,
	NOT_PLACED_MEMORY,
};

/* What the session tracks in stick-tables: track-sc0, -sc1, -sc2. */
struct tracks {
	struct {
		struct table *table; /* the world's */
		struct table_entry *entry;
	} at[3];
};

/* The addresses of a connection's two ends. */
struct ends {
	struct ip peer, self;
	uint16_t peer_port, self_port;
};

/* What its line in HAProxy's log says of a session, beside what the session knows anyhow. */
struct record {
	struct vars vars;	     /* the opening's, if the line looks at them after it */
	int64_t accepted_us;	     /* wall clock */
	int64_t wait_ms, connect_ms; /* -1: it did not come to that */
	struct ends client, server;  /* as they were: a socket that was reset knows them no more */
	uint32_t server_queue, backend_queue; /* how many stood before it */
	uint32_t n_backend, n_server;	      /* sessions, without it; see record_counts() */
	uint32_t n_retries;
	bool is_redispatched;
	bool is_late; /* the last attempt to connect was not refused, but took too long */
	bool is_logged;
};

/* What most sessions do not have. */
struct extra {
	struct tracks tracks;
	struct secured *client_tls, *server_tls; /* owned; NULL: plain */
	bool is_presented;			 /* a PROXY header said who the client is: */
	struct ends presented;
	char *authority; /* owned; and which name it had asked for; NULL: none */
};

struct session {
	struct bounded bounded; /* the wait of the present state */
	struct list list;	/* in the carrier's sessions, or its idle slots */
	ev_io client, server;	/* fd -1: not open */
	struct relay up, down;	/* client → server, server → client */
	struct carrier *carrier;
	struct world *world;	      /* ref; the one it was accepted in */
	const struct proxy *frontend; /* of that world, and so is */
	const struct proxy *backend;  /* NULL: not chosen yet */
	struct opening *opening;      /* owned; NULL once a server has answered */
	struct record *record;	      /* owned; NULL: nobody logs it */
	struct extra *extra;	      /* owned; NULL: none */
	struct quota *quota;	      /* the tenant's count that it is part of; NULL: none */
	uint64_t key;		      /* of the sticky entry, if has_entry */
	int64_t started;	      /* monotonic ms */
	uint32_t idle_ms;	      /* from the client's keepalive; 0: what the file says */
	uint16_t index;		      /* the server's in the backend, or NO_SERVER */
	uint8_t reason;		      /* enum close_reason, once it ends or is refused */
	uint8_t state : 4;	      /* enum session_state */
	bool has_place : 1;	      /* one of the server's, see load.h */
	bool has_entry : 1;	      /* that learns when this session ends */
};

/* The moment its worker woke, or looked last; monotonic ms. */
static inline int64_t
session_now(const struct session *s)
{
	return worker_ms(s->carrier->worker);
}

/* Its ends, as bytes go through them. */
static inline struct end
session_client(const struct session *s)
{
	return (struct end){ s->client.fd, s->extra ? s->extra->client_tls : NULL };
}

static inline struct end
session_server(const struct session *s)
{
	return (struct end){ s->server.fd, s->extra ? s->extra->server_tls : NULL };
}

_Static_assert(sizeof(struct session) <= 256, "a session is small: there are millions");

/* ---- session.c ------------------------------------------------------------------------------ */

enum step session_enter(struct session *s, enum session_state state);
enum step session_end(struct session *s, enum close_reason reason);

/* An operator wants it gone. It is, on return. */
void session_shut(struct session *s);

/* Turn the wheel: an event came from outside the session's own descriptors and bound. */
void session_run(struct session *s);

/*
 * Tell a client of this protocol level why it may not come in, as a CONNACK with this code; no
 * code: close without a word. Then wait for it to go: a close now could overtake the words.
 */
enum step session_refuse(struct session *s, enum close_reason reason, unsigned level, uint8_t code);

/* End without letting the client know. */
enum step session_drop(struct session *s);

void session_close_side(struct session *s, ev_io *side);

/* The same in these bytes, whatever they are, for the reason given. */
enum step session_say_last(struct session *s, enum close_reason reason, const void *p, size_t n);

/*
 * Keep what the client has sent. False: it is gone, or memory is, and s->reason says which; or it
 * broke the rules of WebSocket, and was told. What then follows is session_unread().
 */
bool session_read_request(struct session *s) MUST_USE;

static inline enum step
session_unread(const struct session *s)
{
	return s->state == SESSION_REFUSED ? STEP_NEXT : STEP_END;
}

/* ---- dialling.c: from a place at a server to its first word -----------------------------------
 */

enum step dialling_dial(struct session *s);
enum step dialling_greet(struct session *s);
enum step dialling_switch(struct session *s);
enum step dialling_await_answer(struct session *s);
/* Their time is over. */
enum step dialling_end_queue(struct session *s);
enum step dialling_end_pause(struct session *s);
enum step dialling_end_dial(struct session *s);

/* Nobody takes this client: told what the last server said, or that there is none. */
enum step session_give_up(struct session *s, enum close_reason reason);

/* Into the state that follows from looking for a server. */
enum step session_placed(struct session *s, enum placed placed);

/* ---- opening.c: what it needs until a server has answered ------------------------------------ */

/*
 * A CONNECT that has been read, as far as it is needed later. The bytes are in up.rest, in their
 * frames, if they came in some.
 */
struct greeting {
	size_t len; /* of all that is to be sent again; 0: there is none */
	uint8_t level;
	uint16_t keepalive; /* s */
};

/* `stick store-request`: what to remember once the session has its server. */
struct pending_store {
	struct pending_store *next;
	struct table *table;
	struct table_key key;
};

/* What the verdict said, as far as it is needed later. */
struct granted {
	enum verdict_action action;
	uint8_t code;		     /* of a refusal, in the client's version */
	const struct tenant *tenant; /* NULL: none; of the world */
	const struct proxy *backend; /* NULL: the file's */
	struct ranking ranking;
	char *key; /* owned; what the algorithms and the entry go by; NULL: none */
	size_t key_len;
	bool sticks; /* the choice is to be remembered */
	uint32_t seen;
};

struct opening {
	const struct bind *bind; /* the client came by it */
	struct ends ends;	 /* as its socket says, once somebody has asked */
	bool has_ends;
	struct buf *head;  /* owned; what is left of that for the server: PROXY header, upgrade */
	struct edge *edge; /* owned; around the client's MQTT; NULL: it comes bare */
	struct vars vars;
	struct rules_walk walk; /* of the state's rules */
	bool at_http;		/* which are those of http-request by now */
	bool ask_due; /* a rule asked, and the CONNECT was not complete, or is asked about */
	bool asked;
	struct route_fetch fetch; /* what other ushers know of it, asked for before that */
	struct granted verdict;	  /* once asked */
	bool passed;		  /* the state's rules have let it pass */
	bool delay_over;	  /* no more of the request is waited for */
	struct greeting greeting;
	size_t n_sent;	    /* of the CONNECT, to the present server */
	uint16_t tried[16]; /* servers that are not to be had, as indexes */
	uint8_t n_tried;
	uint8_t last_code;   /* of the last refusal that was not passed on; 0: none */
	uint32_t refused_by; /* the target that said so */
	uint32_t n_retries;
	int64_t since;		      /* monotonic ms: when it began to wait, or to dial */
	uint16_t dialled;	      /* the server that was dialled last, or NO_SERVER */
	uint32_t random;	      /* the same in every choice of this session */
	struct waiting *waiting;      /* owned with the message that may be under way; NULL: none */
	struct pending_store *stores; /* owned */
};

/* False when memory is out. */
bool opening_make(struct session *s) MUST_USE;
void opening_drop(struct session *s);
void opening_drop_head(struct opening *o); /* it is another server's greeting */

/*
 * Read the CONNECT at the front of the client's bytes, if that is what they are. PARSE_OK fills
 * opening->greeting and *c.
 */
enum parse opening_read(struct session *s, struct mqtt_connect *c, enum mqtt_fault *fault);

/* The client's MQTT so far; a view until the next bytes come. */
struct str opening_mqtt(const struct session *s);

/* ---- arrival.c: what stands before a client's first byte, and before the server's -------------
 */

enum step arrival_begin(struct session *s); /* into the first state there is to be */
enum step arrival_header(struct session *s);
enum step arrival_handshake(struct session *s);
enum step arrival_end(struct session *s); /* the time of either is over */
/* Greeting a server. STEP_NEXT: done. STEP_END: it failed, and the session goes on elsewhere. */
bool greeting_is_due(const struct session *s);
enum step greeting_run(struct session *s);
/* Why it failed: -EPROTO when a name that came from the client may be at fault, not the server. */
int greeting_error(const struct session *s);

/* Who the client is, and whom it called: by its PROXY header, else by its socket. */
void session_ends(const struct session *s, struct ends *e);
void session_socket_ends(int fd, struct ends *e);
/* NULL when memory is out. */
struct extra *session_extra(struct session *s);
void extra_drop(struct session *s);

/* ---- upgrade.c: WebSocket, where usher looks into it ------------------------------------------
 */

bool upgrade_is_due(const struct session *s); /* on this frontend */
/* The client's request. */
enum step upgrade_client(struct session *s);
enum step upgrade_end(struct session *s); /* its time is over */
/* A rule says no, with this status, before the client has its 101. */
enum step upgrade_deny(struct session *s, unsigned status);
/* What has come of the client's frames. False: as with session_read_request(). */
bool session_read_frames(struct session *s) MUST_USE;
/* A server's turn: into SESSION_SWITCH; its step. STEP_NEXT there: done, or the client refused. */
enum step upgrade_server_begin(struct session *s);
enum step upgrade_server(struct session *s);
/* A CONNACK, or none, and why it ends, in frames; EDGE_FAREWELL_MAX bytes at most. */
size_t upgrade_wrap(enum close_reason reason, struct str connack, uint8_t *out);

/* ---- context.c: what rules may look at ------------------------------------------------------- */

/* A context for one evaluation after another; its scratch is the carrier's. */
void context_fill(struct session *s, struct expr_context *x);
/* What rules do to this session. */
struct rules_hooks context_hooks(struct session *s);
void tracks_drop(struct session *s);
/* It passed `tcp-request session`: HAProxy counts a session of what is tracked by then. */
void tracks_begin_session(struct session *s);
/* So many bytes went up and down since the last call. */
void tracks_add_bytes(struct session *s, uint64_t up, uint64_t down);
struct table *context_table(const struct session *s, const struct proxy *own, struct str name);

/* ---- account.c: what statistics say of it -----------------------------------------------------
 */

void account_accepted(struct session *s);
void account_admitted(struct session *s); /* past the rules on connections */
void account_denied(struct session *s, enum rules_stage stage);
void account_backend(struct session *s); /* it has one */
void account_waiting(struct session *s);
void account_dial(struct session *s, bool is_first);		 /* first: of that server */
void account_behind(struct session *s, enum traffic_count what); /* backend, server */
void account_time(struct session *s, enum traffic_time which, int64_t ms);
void account_bytes(struct session *s, uint64_t up, uint64_t down);
void account_end(struct session *s);

/* ---- record.c: its line in HAProxy's log ------------------------------------------------------
 */

void record_begin(struct session *s); /* it was admitted */
void record_queue(struct session *s); /* it waits */
void record_dial(struct session *s, int fd, const struct addr *to);
void record_dial_failed(struct session *s, bool is_late);
void record_retry(struct session *s, bool elsewhere);
void record_connected(struct session *s);
void record_keep_variables(struct session *s); /* the opening goes */
void record_counts(struct session *s);	       /* before its place is given to another */
void record_moment(struct session *s, enum line_moment moment);
void record_end(struct session *s);

/* ---- route.c: rules and verdict, up to the backend ------------------------------------------- */

/* `tcp-request connection`; may want a PROXY header. STEP_NEXT: go on. */
enum step route_connection(struct session *s, bool *expects_header);
/* `tcp-request session`, once it is known who the client is: into SESSION_FRONT, or out. */
enum step route_admit(struct session *s);
/*
 * The frontend's rules on the head of an upgrade, in mode http: all up to where one asks for the
 * verdict. STEP_NEXT: the client may have its 101.
 */
enum step route_request(struct session *s);
/* Steps of SESSION_FRONT and SESSION_BACK: all the client's bytes so far are in up.rest. */
enum step route_front(struct session *s);
enum step route_back(struct session *s);
/* How long bytes may be waited for in the present state, ms; 0: not at all. */
int64_t route_delay(const struct session *s);

/* ---- server.c: which server, and a place there ------------------------------------------------
 */

/* Choose the first. */
enum placed server_choose(struct session *s) MUST_USE;
/*
 * The present one is not to be had: another one of the algorithm's. If it is neither PLACED nor
 * QUEUED nothing has changed.
 */
enum placed server_choose_other(struct session *s) MUST_USE;
/* Give the place back, if it has one. */
void server_leave(struct session *s);
/* Stop waiting for one. */
void server_stop_waiting(struct session *s);
struct server_load *server_load_of(const struct session *s);
/* It has answered: sticky entry and stick-tables learn. */
void server_accepted(struct session *s);
/* It said "not here, not now", and so is the client told: the entry lets go of it. */
void server_refused(struct session *s, uint32_t target);
uint32_t server_target(const struct session *s);

#endif
