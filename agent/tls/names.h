/*
 * Which certificate for which name: the names of a bind line's certificates, and those that a
 * crt-list gives them. Filled while loading, then read by all workers.
 */
#ifndef USHER_TLS_NAMES_H
#define USHER_TLS_NAMES_H

#include "agent/core/base/map.h"
#include "agent/core/base/parse.h"
#include "agent/tls/certificate.h"

/* A certificate for each type of key, or -1: the client's abilities choose between them. */
struct tls_choice {
	int certificates[N_TLS_KEY_TYPES];
};

struct tls_names {
	struct map exact, wild;	     /* "a.example" → entry; "*.example" is there as ".example" */
	struct name_entry **entries; /* owned, and so is each */
	size_t n_entries;
	struct name_exclusion *exclusions; /* owned */
	size_t n_exclusions;
};

void tls_names_init(struct tls_names *names);
void tls_names_fini(struct tls_names *names);

/* The certificate of that number is for this name; of two for one name and type the first stays. */
void tls_names_add(struct tls_names *names, struct str name, int certificate,
		   enum tls_key_type type);

/* No wildcard of that certificate is for this name, which may be a wildcard itself. */
void tls_names_exclude(struct tls_names *names, struct str name, int certificate);

/* The certificates for a name, whatever its case. False: there are none. */
bool tls_names_find(const struct tls_names *names, struct str name, struct tls_choice *choice)
	MUST_USE;

/* The choice of one certificate. */
struct tls_choice tls_choice_of(int certificate, enum tls_key_type type);

#endif
