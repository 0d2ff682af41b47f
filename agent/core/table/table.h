/*
 * A `stick-table` of haproxy.cfg (configuration manual, 4.2 and 11): keys, the server each key
 * sticks to, and counters that rules track. Not to be confused with usher's own sticky table
 * (core/stick), which knows sessions.
 *
 * One per proxy that declares one. It outlives worlds: the engine keeps it by name, and a reload
 * that leaves type, length and data as they were keeps its entries. Any thread; shards have locks,
 * which are leaves.
 *
 * Time is an argument: monotonic milliseconds.
 */
#ifndef USHER_CORE_TABLE_TABLE_H
#define USHER_CORE_TABLE_TABLE_H

#include "agent/core/base/report.h"
#include "agent/core/expr/context.h"
#include "agent/core/topology/model.h"

enum { TABLE_KEY_MAX = 1024 }; /* bytes; the longest `len` that usher takes */

/* `stick-table type T [len N] size S [expire T] [nopurge] [store D,D,…] …` as it was declared. */
struct table_spec {
	enum sample_type type; /* IPV4, IPV6, INT, STR, BIN */
	uint16_t key_len;  /* STR: at most so many bytes, BIN: exactly; else what the type has */
	uint32_t size;	   /* entries */
	int64_t expire_ms; /* since the last use; 0: never */
	bool nopurge;	   /* full: new keys are refused instead of old ones dropped */
	uint32_t stores;   /* bit 1 << enum table_data, for what is stored */
	uint32_t period_ms[N_TABLE_DATA]; /* of rates */
	struct place at;
};

/*
 * Read the words of a `stick-table` line of p. False, with an alert in HAProxy's words. Data that
 * HAProxy knows and usher does not keep is accepted; so are `peers`, `srvkey` and `write-to`, of
 * which only the form is read: what is lost with them, whether the peers exist, and that a proxy
 * has one table, is for others to say. TABLE_SERVER_ID is set for `store server_id` alone; whoever
 * compiles a stick rule sets it for the table the rule names.
 */
bool table_spec_parse(struct table_spec *spec, const struct proxy *p, const struct raw_line *line,
		      struct report *r) MUST_USE;

/* May entries survive the change from one to the other? */
bool table_spec_is_alike(const struct table_spec *a, const struct table_spec *b);

struct table;

/* NULL when memory is out. The seed is for the hash. */
struct table *table_new(const struct table_spec *spec, uint64_t seed);
void table_free(struct table *t);
/* As it is now, without its place; valid as long as the table. */
const struct table_spec *table_spec(const struct table *t);
/*
 * The new file's size, expire and nopurge; the rest must be alike. One thread at a time; memory
 * for start and reload. A smaller size is reached little by little, as new keys come.
 */
void table_set_limits(struct table *t, const struct table_spec *spec);

/*
 * A key as the table stores it: converted to its type, cut or padded to its length. Addresses are
 * in network order, integers a uint32_t as this machine has it.
 */
struct table_key {
	uint16_t len;
	uint8_t bytes[TABLE_KEY_MAX];
};

/*
 * From a sample. False: it has no value of the table's type, and nothing is stored. The empty text
 * and no bytes at all are keys like any other, as in HAProxy.
 */
bool table_key_from(const struct table *t, const struct sample *s, struct scratch *m,
		    struct table_key *key) MUST_USE;

/*
 * `stick match`: the name of the server that the key sticks to, copied into server[] (at most
 * size - 1 bytes, NUL-terminated). False: none. An entry found has been used: it expires later.
 */
bool table_get_server(struct table *t, const struct table_key *key, int64_t now, char *server,
		      size_t size) MUST_USE;

/*
 * `stick store-request`: remember. Makes the entry if need be, in place of the oldest if full;
 * without room or memory nothing is remembered.
 */
void table_put_server(struct table *t, const struct table_key *key, int64_t now, struct str server);

/*
 * An entry that a session tracks (`track-sc0 …`): it stays while it is held. track() counts the
 * connection: conn_cnt, conn_cur and conn_rate of what is stored. NULL: no memory, or no room.
 * untrack() lowers conn_cur and lets it go; expiry counts from there if conn_cur is stored, else
 * from the last change, so an entry may be gone at once, all of which is HAProxy's way.
 *
 * Sessions are the caller's to count: HAProxy adds 1 to TABLE_SESS_CNT of what is tracked when the
 * last `tcp-request session` rule let the session in, and nothing for what is tracked later.
 */
struct table_entry;
struct table_entry *table_track(struct table *t, const struct table_key *key, int64_t now);
void table_untrack(struct table *t, struct table_entry *e, int64_t now);

/*
 * Add to a counter of a tracked entry, and to its rate, if they are stored: TABLE_KBYTES_IN and
 * _OUT (bytes), TABLE_GPC0, TABLE_GPC1, TABLE_SESS_CNT. The entry has been used then. Counters
 * other than those of bytes have 32 bits and start again at 0.
 */
void table_add(struct table *t, struct table_entry *e, enum table_data what, int64_t n,
	       int64_t now);
/* Set a counter of 32 bits: TABLE_GPT0. */
void table_set(struct table *t, struct table_entry *e, enum table_data what, int64_t n);

/*
 * What a tracked entry, or a key, says; see context.h. False: the table does not store that. Asking
 * is not using: the entry expires as if nobody had asked. TABLE_SERVER_ID is the server's name, a
 * text that lives as long as the table, or the number 0 without one: ids change with the file.
 */
bool table_read_entry(struct table *t, struct table_entry *e, enum table_data what, int64_t now,
		      struct sample *s);
bool table_read(struct table *t, const struct table_key *key, enum table_data what, int64_t now,
		struct sample *s);

/* Entries; those that have expired and were not yet found out are among them. */
uint32_t table_count(struct table *t);

/*
 * Walk all entries, for the runtime socket: row() is called without a lock held, with a copy.
 * Entries made or dropped meanwhile may be missed or seen.
 */
struct table_row {
	struct table_key key;
	char server[256]; /* "": none */
	uint32_t n_trackers;
	int64_t expires_in_ms;	    /* 0: never, or held beyond its time */
	int64_t data[N_TABLE_DATA]; /* of what is stored; KBYTES_*: in bytes */
};
void table_each(struct table *t, int64_t now, void (*row)(void *arg, const struct table_row *row),
		void *arg);
/*
 * An operator's word: make the entry if need be, and set a counter or a rate of it to n; nothing is
 * set for what the table does not store, N_TABLE_DATA for one. The entry has been used. False: no
 * memory, or no room.
 */
bool table_put(struct table *t, const struct table_key *key, enum table_data what, int64_t n,
	       int64_t now);
/* Drop one. False: it is not there, or tracked. */
bool table_drop(struct table *t, const struct table_key *key);

#endif
