/* What is read keeps to its fields, and what a log may show reads as the same store. */
#include <assert.h>
#include <stddef.h>

#include "agent/core/store/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct store_url u, again;
	char shown[STORE_URL_TEXT];

	if (store_url_parse((struct str){ (const char *)p, n }, &u))
		return 0;
	assert(!u.path[0] != !u.host[0] && u.port);
	assert(strlen(u.path) < sizeof(u.path) && strlen(u.host) < sizeof(u.host));
	assert(strlen(u.password) < sizeof(u.password) && strlen(u.user) < sizeof(u.user));
	store_url_format(&u, shown);
	u.user[0] = u.password[0] = '\0';
	assert(!store_url_parse(str_of(shown), &again) && store_url_eq(&u, &again));
	return 0;
}
