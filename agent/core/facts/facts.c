/*
 * One table: a fact's name, its type, and where in struct facts it stands. Those that the policy
 * names have an array instead.
 */
#include "agent/core/facts/facts.h"

#include <assert.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

static const struct {
	const char *name;
	enum fact_type type;
	uint8_t offset;
	uint8_t size;
} table[N_FACTS] = {
#define ROW(fact, type, member)                                                                    \
	[fact] = { #member, type, offsetof(struct facts, member),                                  \
		   sizeof(((struct facts *)0)->member) }
	ROW(FACT_CLIENT_ID, FACT_TYPE_STRING, client_id),
	ROW(FACT_USERNAME, FACT_TYPE_STRING, username),
	ROW(FACT_PROTOCOL, FACT_TYPE_STRING, protocol),
	ROW(FACT_CLEAN_START, FACT_TYPE_BOOL, clean_start),
	ROW(FACT_KEEPALIVE, FACT_TYPE_NUMBER, keepalive),
	ROW(FACT_SESSION_EXPIRY, FACT_TYPE_NUMBER, session_expiry),
	ROW(FACT_SOURCE, FACT_TYPE_IP, source),
	ROW(FACT_SOURCE_PORT, FACT_TYPE_NUMBER, source_port),
	ROW(FACT_DESTINATION, FACT_TYPE_IP, destination),
	ROW(FACT_DESTINATION_PORT, FACT_TYPE_NUMBER, destination_port),
	ROW(FACT_FRONTEND, FACT_TYPE_STRING, frontend),
	ROW(FACT_TRANSPORT, FACT_TYPE_STRING, transport),
	ROW(FACT_SNI, FACT_TYPE_STRING, sni),
	ROW(FACT_ALPN, FACT_TYPE_STRING, alpn),
	ROW(FACT_TLS_VERSION, FACT_TYPE_STRING, tls_version),
	ROW(FACT_CN, FACT_TYPE_STRING, cn),
	ROW(FACT_VERIFIED, FACT_TYPE_BOOL, verified),
	ROW(FACT_PATH, FACT_TYPE_STRING, path),
	ROW(FACT_QUERY, FACT_TYPE_STRING, query),
	ROW(FACT_HOST, FACT_TYPE_STRING, host),
#undef ROW
};

_Static_assert(offsetof(struct facts, named) < 256, "offsets in the table are bytes");
_Static_assert(FACT_NONE <= 64, "known is a mask of 64 bits");

static void *
member(struct facts *f, enum fact fact)
{
	return fact < N_FACTS ? (char *)f + table[fact].offset
			      : (char *)&f->named[fact - FACT_NAMED];
}

static const void *
const_member(const struct facts *f, enum fact fact)
{
	return fact < N_FACTS ? (const char *)f + table[fact].offset
			      : (const char *)&f->named[fact - FACT_NAMED];
}

void
facts_set_str(struct facts *f, enum fact fact, struct str value)
{
	assert(fact_type(fact) == FACT_TYPE_STRING);
	if (value.n == 0)
		return;
	*(struct str *)member(f, fact) = value;
	f->known |= FACT_BIT(fact);
}

void
facts_set_number(struct facts *f, enum fact fact, uint64_t value)
{
	void *at = member(f, fact);

	assert(table[fact].type == FACT_TYPE_NUMBER || table[fact].type == FACT_TYPE_BOOL);
	if (table[fact].type == FACT_TYPE_BOOL)
		*(bool *)at = value != 0;
	else if (table[fact].size == sizeof(uint16_t))
		*(uint16_t *)at = value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
	else
		*(uint32_t *)at = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
	f->known |= FACT_BIT(fact);
}

void
facts_set_ip(struct facts *f, enum fact fact, const struct ip *value)
{
	assert(table[fact].type == FACT_TYPE_IP);
	if (!value->family)
		return;
	*(struct ip *)member(f, fact) = *value;
	f->known |= FACT_BIT(fact);
}

struct str
facts_str(const struct facts *f, enum fact fact)
{
	assert(fact_type(fact) == FACT_TYPE_STRING && facts_has(f, fact));
	return *(const struct str *)const_member(f, fact);
}

uint64_t
facts_number(const struct facts *f, enum fact fact)
{
	const void *at = const_member(f, fact);

	assert(facts_has(f, fact));
	if (table[fact].type == FACT_TYPE_BOOL)
		return *(const bool *)at;
	assert(table[fact].type == FACT_TYPE_NUMBER);
	return table[fact].size == sizeof(uint16_t) ? *(const uint16_t *)at : *(const uint32_t *)at;
}

const struct ip *
facts_ip(const struct facts *f, enum fact fact)
{
	assert(table[fact].type == FACT_TYPE_IP && facts_has(f, fact));
	return const_member(f, fact);
}

const char *
fact_name(enum fact fact)
{
	return table[fact].name;
}

enum fact_type
fact_type(enum fact fact)
{
	return fact < N_FACTS ? table[fact].type : FACT_TYPE_STRING;
}

enum fact
fact_by_name(struct str name)
{
	enum fact fact = 0;

	while (fact < N_FACTS && !str_is(name, table[fact].name))
		fact++;
	return fact;
}

/* ---- those that the policy names ---- */

static const char *const families[N_FACT_FAMILIES] = {
	[FACT_FAMILY_HEADER] = "header",
	[FACT_FAMILY_USER_PROPERTY] = "user_property",
};

const char *
fact_family_name(enum fact_family family)
{
	return families[family];
}

bool
fact_family_split(struct str text, enum fact_family *family, struct str *name)
{
	for (*family = 0; *family < N_FACT_FAMILIES; ++*family) {
		size_t n = strlen(families[*family]);

		if (!str_has_prefix(text, str_of(families[*family])) || text.n < n + 2 ||
		    text.p[n] != '.')
			continue;
		*name = (struct str){ text.p + n + 1, text.n - n - 1 };
		return true;
	}
	return false;
}

enum fact
fact_names_find(const struct fact_names *names, enum fact_family family, struct str name)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct named_fact *item = &names->items[i];

		if (item->family == family &&
		    (family == FACT_FAMILY_HEADER ? str_ieq(item->name, name)
						  : str_eq(item->name, name)))
			return (enum fact)(FACT_NAMED + i);
	}
	return FACT_NONE;
}

enum fact
fact_names_add(struct fact_names *names, enum fact_family family, struct str name)
{
	enum fact fact = fact_names_find(names, family, name);
	size_t prefix = strlen(families[family]) + 1;
	char *text;

	if (fact != FACT_NONE || names->n == FACTS_NAMED_MAX)
		return fact;
	text = xmalloc(prefix + name.n + 1);
	memcpy(text, families[family], prefix - 1);
	text[prefix - 1] = '.';
	for (size_t i = 0; i < name.n; i++) {
		bool is_capital =
			family == FACT_FAMILY_HEADER && name.p[i] >= 'A' && name.p[i] <= 'Z';

		text[prefix + i] = is_capital ? (char)(name.p[i] | 0x20) : name.p[i];
	}
	text[prefix + name.n] = '\0';
	names->items[names->n++] = (struct named_fact){
		.family = family,
		.text = text,
		.name = { text + prefix, name.n },
	};
	return (enum fact)(FACT_NAMED + names->n - 1);
}

const char *
fact_names_text(const struct fact_names *names, enum fact fact)
{
	return fact < N_FACTS ? fact_name(fact) : names->items[fact - FACT_NAMED].text;
}

void
fact_names_fini(struct fact_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i].text);
	*names = (struct fact_names){ 0 };
}

struct str
fact_protocol(unsigned level)
{
	switch (level) {
	case 3:
	case 0x83:
		return STR("3.1");
	case 4:
	case 0x84:
		return STR("3.1.1");
	case 5:
		return STR("5.0");
	default:
		return (struct str){ 0 };
	}
}
