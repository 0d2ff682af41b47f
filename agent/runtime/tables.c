/* Stick-tables as operators see them. A key is a word, as the table's type reads it. */
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/mem.h"
#include "agent/core/table/filter.h"
#include "agent/engine/data_path.h"
#include "agent/io/worker.h"
#include "agent/runtime/cli.h"

/* A table and the proxy that declares it. */
struct found {
	const struct proxy *proxy;
	struct table *table;
	struct table_spec spec; /* as HAProxy would have it */
	bool is_stuck_by;	/* a `stick` rule stores servers in it */
};

/* Does a `stick` rule store servers in that table? */
static bool
is_stuck_by(const struct topology *t, const char *table)
{
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		for (size_t j = 0; j < p->n_lines; j++) {
			const struct raw_line *line = &p->lines[j];
			const char *named = p->name;

			if (strcmp(line->words[0], "stick") != 0)
				continue;
			for (size_t k = 0; k + 1 < line->n; k++)
				if (strcmp(line->words[k], "table") == 0)
					named = line->words[k + 1];
			if (strcmp(named, table) == 0)
				return true;
		}
	}
	return false;
}

static struct found
table_at(struct cli *c, size_t i)
{
	const struct world *w = c->o->world(c->o->arg);
	struct shared_table *shared = w->data_path->tables[i];
	struct found f = { .proxy = w->topology.proxies[i],
			   .table = shared ? shared->table : NULL };

	if (!shared)
		return f;
	f.spec = *table_spec(f.table);
	f.is_stuck_by = is_stuck_by(&w->topology, f.proxy->name);
	if (f.is_stuck_by)
		f.spec.stores |= 1U << TABLE_SERVER_ID;
	return f;
}

static struct found
find_table(struct cli *c, const char *name)
{
	const struct topology *t = &c->o->world(c->o->arg)->topology;

	for (size_t i = 0; i < t->n_proxies; i++) {
		struct found f = table_at(c, i);

		if (f.table && strcmp(f.proxy->name, name) == 0)
			return f;
	}
	cli_say(c, "No such table\n");
	return (struct found){ 0 };
}

/* ---- keys ------------------------------------------------------------------------------------ */

enum key_fault {
	KEY_OK,
	KEY_INVALID,
	KEY_NO_WORD, /* bytes cannot be written as a word */
};

/* As HAProxy reads them: what is no IPv4 address is 0.0.0.0, a number is its first digits. */
static enum key_fault
read_key(const struct table *t, const char *word, struct table_key *key)
{
	char memory[2 * TABLE_KEY_MAX];
	struct scratch m = { memory, sizeof(memory), 0 };
	enum sample_type type = table_spec(t)->type;
	struct sample s = { 0 };
	char *end;

	if (type == SAMPLE_INT) {
		sample_set_int(&s, (int64_t)strtoul(word, &end, 10));
		if (end == word || *end)
			return KEY_INVALID;
	} else if (type == SAMPLE_BIN) {
		return KEY_NO_WORD;
	} else {
		sample_set_str(&s, str_of(word));
	}
	return table_key_from(t, &s, &m, key) ? KEY_OK : KEY_INVALID;
}

/* False, with HAProxy's words: there is no such key. */
static bool
take_key(struct cli *c, const struct table *t, const char *word, const char *doing,
	 struct table_key *key)
{
	if (!*word) {
		cli_say(c, "Key value expected\n");
		return false;
	}
	switch (read_key(t, word, key)) {
	case KEY_INVALID:
		cli_say(c, "Invalid key\n");
		return false;
	case KEY_NO_WORD:
		cli_say(c,
			"%s keys %s tables of type other than ip, ipv6, string and integer is not "
			"supported\n",
			doing, strcmp(doing, "Inserting") ? "from" : "into");
		return false;
	case KEY_OK:
		break;
	}
	return true;
}

/* ---- show table ------------------------------------------------------------------------------ */

static void
say_header(struct cli *c, const struct found *f)
{
	const struct table_spec *spec = table_spec(f->table);

	cli_say(c, "# table: %s, type: %s, size:%u, used:%u\n", f->proxy->name,
		table_type_word(spec->type), spec->size, table_count(f->table));
}

/* Text that cannot break a line or a word. */
static void
say_text(struct cli *c, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] <= ' ' && p[i] != ' ')
			cli_say(c, "\\x%02X", p[i]);
		else if (p[i] > '~')
			cli_say(c, "\\x%02X", p[i]);
		else
			cli_say(c, strchr(" \\=", p[i]) ? "\\%c" : "%c", p[i]);
	}
}

static void
say_key(struct cli *c, enum sample_type type, const struct table_key *key)
{
	struct ip ip = { .family = type == SAMPLE_IPV6 ? 6 : 4 };
	char text[IP_TEXT];
	uint32_t number;

	switch (type) {
	case SAMPLE_IPV4:
	case SAMPLE_IPV6:
		memcpy(ip.bytes, key->bytes, key->len < 16 ? key->len : 16);
		cli_say(c, "%s", ip_format(&ip, text));
		break;
	case SAMPLE_INT:
		memcpy(&number, key->bytes, sizeof(number));
		cli_say(c, "%u", number);
		break;
	case SAMPLE_STR:
		say_text(c, key->bytes, key->len);
		break;
	default:
		for (size_t i = 0; i < key->len; i++)
			cli_say(c, "%02X", key->bytes[i]);
	}
}

/* What a walk over a table's entries does with each. */
struct table_walk {
	struct cli *cli;
	struct found found;
	const struct table_filter *filter;
	const struct table_key *key; /* NULL: all */
	unsigned n;
	struct table_key *dropped; /* owned; keys that are to go */
	size_t n_dropped;
};

static bool
is_wanted(const struct table_walk *w, const struct table_row *row)
{
	if (w->key && (w->key->len != row->key.len ||
		       memcmp(w->key->bytes, row->key.bytes, row->key.len) != 0))
		return false;
	return table_filter_fits(w->filter, row);
}

/* The number of that server in the backend whose table it is. */
static int64_t
server_number(const struct table_walk *w, const char *name)
{
	const struct server *s = proxy_server(w->found.proxy, str_of(name));

	return s ? s->id : 0;
}

static void
say_data(struct table_walk *w, const struct table_row *row)
{
	const struct table_spec *spec = &w->found.spec;
	enum table_data what;
	const char *name;

	for (unsigned i = 0; (name = table_data_shown(i, &what)); i++) {
		if (!(spec->stores & 1U << what))
			continue;
		cli_say(w->cli, spec->period_ms[what] ? " %s(%u)=%lld" : " %s%.0u=%lld", name,
			spec->period_ms[what], (long long)row->data[what]);
		if (what == TABLE_SERVER_ID && w->found.is_stuck_by)
			cli_say(w->cli, " server_key=%s", row->server[0] ? row->server : "-");
	}
}

static void
show_row(void *arg, const struct table_row *given)
{
	struct table_walk *w = arg;
	struct table_row row = *given;

	row.data[TABLE_SERVER_ID] = server_number(w, row.server);
	if (!is_wanted(w, &row))
		return;
	cli_say(w->cli, "0x%x: key=", ++w->n);
	say_key(w->cli, table_spec(w->found.table)->type, &row.key);
	cli_say(w->cli, " use=%u exp=%lld", row.n_trackers, (long long)row.expires_in_ms);
	say_data(w, &row);
	cli_say(w->cli, "\n");
}

static const char *
fault_words(enum table_filter_fault fault)
{
	switch (fault) {
	case TABLE_FILTER_UNKNOWN:
		return "Unknown data type";
	case TABLE_FILTER_NOT_STORED:
		return "Data type not stored in this table";
	case TABLE_FILTER_OPERATOR:
		return "Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"";
	default:
		return "Require a valid integer value to compare against";
	}
}

/* Words from the fourth on. `usage` is said when they are no filter at all. */
static bool
read_filter(struct cli *c, const struct found *f, const char *usage, struct table_filter *filter)
{
	unsigned at = 0;
	enum table_filter_fault fault =
		table_filter_parse(filter, &f->spec, &c->command.words[3], &at);

	if (fault == TABLE_FILTER_OK)
		return true;
	if (fault == TABLE_FILTER_NO_DATA)
		cli_say(c, "%s\n", usage);
	else if (fault == TABLE_FILTER_EXTRA)
		cli_say(c, "Detected extra data in filter, %uth word of input, after '%s'\n",
			at + 4, c->command.words[at + 2]);
	else
		cli_say(c, "Filter entry #%u: %s\n", at, fault_words(fault));
	return false;
}

static void
show_tables(struct cli *c)
{
	const struct topology *t = &c->o->world(c->o->arg)->topology;

	/* The last one of the file first, as in HAProxy. */
	for (size_t i = t->n_proxies; i-- > 0;) {
		struct found f = table_at(c, i);

		if (f.table)
			say_header(c, &f);
	}
}

static bool
table_has(const struct found *f, const struct table_key *key)
{
	struct sample s;

	return table_read(f->table, key, TABLE_PRESENT, worker_now(), &s) && s.number;
}

void
show_table(struct cli *c)
{
	const char *const *words = c->command.words;
	struct table_walk w = { .cli = c };
	struct table_filter filter = { 0 };
	struct table_key key;

	if (!words[2][0]) {
		show_tables(c);
		return;
	}
	w.found = find_table(c, words[2]);
	if (!w.found.table)
		return;
	if (strcmp(words[3], "key") == 0) {
		if (!take_key(c, w.found.table, words[4], "Showing", &key))
			return;
		w.key = &key;
	} else if (!read_filter(c, &w.found,
				"Optional argument only supports \"data.<store_data_type>\" "
				"<operator> <value> and key <key>",
				&filter)) {
		return;
	}
	if (!w.key || table_has(&w.found, &key))
		say_header(c, &w.found);
	if (c->level < RUNTIME_OPERATOR) {
		cli_say(c, "# contents not dumped due to insufficient privileges\n");
		return;
	}
	w.filter = &filter;
	table_each(w.found.table, worker_now(), show_row, &w);
}

/* ---- clear table ----------------------------------------------------------------------------- */

static void
collect_row(void *arg, const struct table_row *given)
{
	struct table_walk *w = arg;
	struct table_row row = *given;

	row.data[TABLE_SERVER_ID] = server_number(w, row.server);
	if (!is_wanted(w, &row))
		return;
	ARRAY_GROW(w->dropped, w->n_dropped);
	w->dropped[w->n_dropped++] = row.key;
}

#define CLEAR_USAGE                                                                                \
	"Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> "    \
	"key <key>"

static void
clear_filtered(struct cli *c, const struct found *f)
{
	struct table_filter filter;
	struct table_walk w = { .cli = c, .found = *f, .filter = &filter };

	if (!read_filter(c, f, CLEAR_USAGE, &filter))
		return;
	table_each(f->table, worker_now(), collect_row, &w);
	for (size_t i = 0; i < w.n_dropped; i++)
		(void)table_drop(f->table, &w.dropped[i]);
	free(w.dropped);
}

static void
clear_key(struct cli *c, const struct found *f)
{
	struct table_key key;
	struct sample s;

	if (!take_key(c, f->table, c->command.words[4], "Removing", &key))
		return;
	if (!table_drop(f->table, &key) &&
	    table_read(f->table, &key, TABLE_TRACKERS, worker_now(), &s) && s.number)
		cli_say(c, "Entry currently in use, cannot remove\n");
}

void
clear_table(struct cli *c)
{
	const char *const *words = c->command.words;
	struct found f;

	if (!words[2][0]) {
		cli_say(c, CLEAR_USAGE "\n");
		return;
	}
	f = find_table(c, words[2]);
	if (f.table && strcmp(words[3], "key") == 0)
		clear_key(c, &f);
	else if (f.table)
		clear_filtered(c, &f);
}

/* ---- set table ------------------------------------------------------------------------------- */

/* "data.gpc0 5", or what is wrong with it. */
static const char *
set_data(const struct found *f, const struct table_key *key, const char *const *words)
{
	enum table_data what = N_TABLE_DATA;
	int64_t value;

	if (strncmp(words[0], "data.", 5) != 0)
		return "\"data.<type>\" followed by a value expected\n";
	switch (table_data_by_name(&f->spec, words[0] + 5, &what)) {
	case TABLE_NAME_UNKNOWN:
		return "Unknown data type\n";
	case TABLE_NAME_NOT_STORED:
		return "Data type not stored in this table\n";
	case TABLE_NAME_STORED:
		break;
	}
	if (!words[1][0] || !table_number(words[1], &value))
		return "Require a valid integer value to store\n";
	if (what == TABLE_SERVER_ID) {
		for (size_t i = 0; i < f->proxy->n_servers; i++)
			if (f->proxy->servers[i]->id == value)
				table_put_server(f->table, key, worker_now(),
						 str_of(f->proxy->servers[i]->name));
		return NULL;
	}
	if (!table_put(f->table, key, what, value, worker_now()))
		return "Unable to allocate a new entry\n";
	return NULL;
}

void
set_table(struct cli *c)
{
	static const char usage[] =
		"Required arguments: <table> key <key> [data.<store_data_type> <value>]*\n";
	const char *const *words = c->command.words;
	const char *wrong = NULL;
	struct table_key key;
	struct found f;

	if (!words[2][0]) {
		cli_say(c, usage);
		return;
	}
	f = find_table(c, words[2]);
	if (!f.table)
		return;
	if (strcmp(words[3], "key") != 0) {
		cli_say(c, "%s", words[3][0] ? usage : "");
		return;
	}
	if (!take_key(c, f.table, words[4], "Inserting", &key))
		return;
	if (!table_put(f.table, &key, N_TABLE_DATA, 0, worker_now()))
		wrong = "Unable to allocate a new entry\n";
	for (unsigned i = 5; words[i][0] && !wrong; i += 2)
		wrong = set_data(&f, &key, &words[i]);
	if (wrong)
		cli_say(c, "%s", wrong);
}
