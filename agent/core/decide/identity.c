/* Two strings and one comparison; the care is in where the second one comes from. */
#include "agent/core/decide/identity.h"

/* What the client id is held against; p == NULL when there is nothing trustworthy. */
static struct str
proof(const struct identity *identity, const struct facts *facts, const struct tenant *tenant)
{
	switch (identity->with) {
	case IDENTITY_CN:
		return facts->verified ? facts->cn : (struct str){ 0 };
	case IDENTITY_USERNAME:
		return facts->username;
	case IDENTITY_TENANT:
		return str_of(tenant ? tenant->name : NULL);
	}
	return (struct str){ 0 };
}

bool
identity_holds(const struct identity *identity, const struct facts *facts,
	       const struct tenant *tenant)
{
	struct str expected;

	if (identity->match == IDENTITY_NONE)
		return true;
	expected = proof(identity, facts, tenant);
	if (expected.n == 0 || facts->client_id.n == 0)
		return false;
	return identity->match == IDENTITY_EQUALS ? str_eq(facts->client_id, expected)
						  : str_has_prefix(facts->client_id, expected);
}
