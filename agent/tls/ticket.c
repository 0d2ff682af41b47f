/*
 * The keys stand in a ring behind a lock that is held while eighty bytes are copied. Cipher and
 * names are fetched once: OpenSSL 3.0 would search its providers, under locks, at each ticket.
 */
#include "agent/tls/ticket.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_KEYS = 3, NAME_BYTES = 16, KEY_BYTES_MAX = 32, LINE_BYTES_MAX = 128 };

struct key {
	uint8_t name[NAME_BYTES];
	uint8_t hmac[KEY_BYTES_MAX], aes[KEY_BYTES_MAX]; /* half of each with 48 bytes a key */
};

struct tls_tickets {
	pthread_mutex_t lock;
	struct key keys[N_KEYS];
	unsigned n;	    /* of them there are */
	unsigned newest;    /* it encrypts */
	size_t key_bytes;   /* 16 or 32 */
	EVP_CIPHER *cipher; /* owned */
	int64_t period_s;   /* 0: never rotated */
	int64_t rotates_at; /* monotonic s */
};

static int64_t
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static struct tls_tickets *
new_tickets(size_t key_bytes)
{
	struct tls_tickets *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->key_bytes = key_bytes;
	t->cipher = EVP_CIPHER_fetch(NULL, key_bytes == 32 ? "AES-256-CBC" : "AES-128-CBC", NULL);
	pthread_mutex_init(&t->lock, NULL);
	if (t->cipher)
		return t;
	tls_tickets_free(t);
	return NULL;
}

/* Without randomness the old keys go on. */
static bool
add_random_key(struct tls_tickets *t)
{
	struct key key;

	if (RAND_bytes((unsigned char *)&key, sizeof(key)) != 1)
		return false;
	t->newest = t->n ? (t->newest + 1) % N_KEYS : 0;
	t->keys[t->newest] = key;
	t->n += t->n < N_KEYS;
	OPENSSL_cleanse(&key, sizeof(key));
	return true;
}

struct tls_tickets *
tls_tickets_new(uint32_t period_s)
{
	struct tls_tickets *t = new_tickets(32);

	if (!t)
		return NULL;
	t->period_s = period_s;
	t->rotates_at = now_s() + period_s;
	if (add_random_key(t))
		return t;
	tls_tickets_free(t);
	return NULL;
}

void
tls_tickets_free(struct tls_tickets *t)
{
	if (!t)
		return;
	EVP_CIPHER_free(t->cipher);
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t->keys, sizeof(t->keys));
	free(t);
}

void
tls_tickets_rotate(struct tls_tickets *t)
{
	pthread_mutex_lock(&t->lock);
	add_random_key(t);
	pthread_mutex_unlock(&t->lock);
}

/* ---- from a file ----------------------------------------------------------------------------- */

/* Bytes of one line of base64, into out[LINE_BYTES_MAX]; -1: it is none. */
static int
decode_line(struct str line, uint8_t *out)
{
	uint8_t bytes[LINE_BYTES_MAX * 4 / 3 + 4];
	int n, padding = 0;

	if (line.n > LINE_BYTES_MAX || line.n % 4 || line.n == 0)
		return -1;
	while (padding < 2 && line.p[line.n - 1 - (size_t)padding] == '=')
		padding++;
	n = EVP_DecodeBlock(bytes, (const uint8_t *)line.p, (int)line.n);
	if (n < 0)
		return -1;
	memcpy(out, bytes, (size_t)(n - padding));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return n - padding;
}

/* 48 bytes are name, AES, HMAC of 16 each; 80 are name, HMAC, AES, as HAProxy has them. */
static struct key
split_key(const uint8_t *bytes, size_t key_bytes)
{
	struct key key = { 0 };
	bool is_short = key_bytes == 16;

	memcpy(key.name, bytes, NAME_BYTES);
	memcpy(is_short ? key.aes : key.hmac, bytes + NAME_BYTES, key_bytes);
	memcpy(is_short ? key.hmac : key.aes, bytes + NAME_BYTES + key_bytes, key_bytes);
	return key;
}

static bool
read_line(struct tls_tickets **t, struct str line, unsigned number, char *why)
{
	uint8_t bytes[LINE_BYTES_MAX];
	int n = decode_line(line, bytes);

	if (n < 0) {
		snprintf(why, TLS_TICKETS_WHY, "unable to decode base64 key on line %u", number);
		return false;
	}
	if (!*t && (n == 48 || n == 80))
		*t = new_tickets(n == 80 ? 32 : 16);
	if (!*t || (size_t)n != NAME_BYTES + 2 * (*t)->key_bytes) {
		snprintf(why, TLS_TICKETS_WHY, "wrong sized key on line %u", number);
		return false;
	}
	(*t)->keys[(number - 1) % N_KEYS] = split_key(bytes, (*t)->key_bytes);
	(*t)->n += (*t)->n < N_KEYS;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return true;
}

struct tls_tickets *
tls_tickets_read(struct str text, char why[TLS_TICKETS_WHY])
{
	struct tls_tickets *t = NULL;
	unsigned n = 0;

	while (text.n) {
		const char *lf = memchr(text.p, '\n', text.n);
		struct str line = { text.p, lf ? (size_t)(lf - text.p) : text.n };

		text.p += line.n + (lf != NULL);
		text.n -= line.n + (lf != NULL);
		while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
			line.n--;
		if (!read_line(&t, line, ++n, why))
			goto fail;
	}
	if (n < N_KEYS) {
		snprintf(why, TLS_TICKETS_WHY,
			 "please supply at least %d keys in the tls-tickets-file", N_KEYS);
		goto fail;
	}
	t->newest = (n - 2) % N_KEYS; /* the last one is for those who have the next file already */
	return t;
fail:
	tls_tickets_free(t);
	return NULL;
}

/* ---- for OpenSSL ----------------------------------------------------------------------------- */

static int index_in_context;

static void
make_index(void)
{
	index_in_context = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* A copy of the key to encrypt with, or of the one of that name. False: there is none. */
static bool
take_key(struct tls_tickets *t, const uint8_t *name, struct key *key, bool *is_newest)
{
	unsigned i = 0;
	bool found;

	pthread_mutex_lock(&t->lock);
	if (t->period_s && now_s() >= t->rotates_at) {
		t->rotates_at = now_s() + t->period_s;
		add_random_key(t);
	}
	if (!name)
		i = t->newest;
	else
		while (i < t->n && CRYPTO_memcmp(t->keys[i].name, name, NAME_BYTES) != 0)
			i++;
	found = i < t->n;
	if (found)
		*key = t->keys[i];
	*is_newest = i == t->newest;
	pthread_mutex_unlock(&t->lock);
	return found;
}

static bool
set_mac(EVP_MAC_CTX *mac, struct key *key, size_t key_bytes)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, key_bytes),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* 1: go on, 2: and give the client a new ticket, 0: not ours, -1: end the handshake. */
static int
use_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *ctx, EVP_MAC_CTX *mac,
	int encrypting)
{
	struct tls_tickets *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_in_context);
	bool is_newest, ok;
	struct key key;

	if (!take_key(t, encrypting ? NULL : name, &key, &is_newest))
		return 0;
	if (encrypting) {
		memcpy(name, key.name, NAME_BYTES);
		ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(t->cipher)) == 1 &&
		     EVP_EncryptInit_ex(ctx, t->cipher, NULL, key.aes, iv) == 1;
	} else {
		ok = EVP_DecryptInit_ex(ctx, t->cipher, NULL, key.aes, iv) == 1;
	}
	ok = ok && set_mac(mac, &key, t->key_bytes);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!ok)
		return -1;
	if (encrypting)
		return 1;
	/* In TLS 1.3 a ticket is good once: who shows it needs another for the next time. */
	return is_newest && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

void
tls_tickets_serve(struct tls_tickets *t, SSL_CTX *ctx)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_index);
	SSL_CTX_set_ex_data(ctx, index_in_context, t);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, use_key);
}
