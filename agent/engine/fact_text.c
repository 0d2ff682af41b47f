/* By type; the names are fact_name()'s. */
#include "agent/engine/fact_text.h"

bool
fact_from_text(struct facts *f, enum fact fact, struct str text)
{
	struct ip ip;
	uint64_t number;

	switch (fact_type(fact)) {
	case FACT_TYPE_STRING:
		facts_set_str(f, fact, text);
		return true;
	case FACT_TYPE_NUMBER:
		if (!str_u64(text, &number))
			return false;
		facts_set_number(f, fact, number);
		return true;
	case FACT_TYPE_BOOL:
		if (!str_is(text, "true") && !str_is(text, "false"))
			return false;
		facts_set_number(f, fact, str_is(text, "true"));
		return true;
	case FACT_TYPE_IP:
		if (!ip_parse(text, &ip))
			return false;
		facts_set_ip(f, fact, &ip);
		return true;
	}
	return false;
}

bool
named_text_parse(struct named_text *t, enum fact_family family, struct str text)
{
	const char *equals = memchr(text.p, '=', text.n);

	if (!equals || equals == text.p)
		return false;
	*t = (struct named_text){
		.family = family,
		.name = { text.p, (size_t)(equals - text.p) },
		.value = { equals + 1, text.n - (size_t)(equals - text.p) - 1 },
	};
	return true;
}

void
facts_set_named(struct facts *f, const struct fact_names *names, const struct named_text *texts,
		size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum fact fact = fact_names_find(names, texts[i].family, texts[i].name);

		if (fact != FACT_NONE)
			facts_set_str(f, fact, texts[i].value);
	}
}
