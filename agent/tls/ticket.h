/*
 * Keys of session tickets. A client that comes back shows the ticket it was given, and no
 * handshake in full is needed; so the keys are shared by all workers, and outlive reloads.
 *
 * Three keys: the newest encrypts, all of them decrypt, and a ticket under an older one is
 * replaced. Thread-safe.
 */
#ifndef USHER_TLS_TICKET_H
#define USHER_TLS_TICKET_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "agent/core/base/str.h"

struct tls_tickets;

/*
 * Random keys. A new one takes over each `period_s` seconds, as soon as a ticket is next asked
 * for: a ticket can be read for at least two periods. NULL: no randomness, or no memory.
 */
struct tls_tickets *tls_tickets_new(uint32_t period_s);

enum { TLS_TICKETS_WHY = 96 };
/*
 * The keys of a file of `tls-ticket-keys`: one a line, base64, 48 or 80 bytes each; the last
 * three count, and the one before the last encrypts. They never rotate. NULL: why[] says what is
 * wrong, in HAProxy's words.
 */
struct tls_tickets *tls_tickets_read(struct str text, char why[TLS_TICKETS_WHY]);

/* Free them once no context has them. */
void tls_tickets_free(struct tls_tickets *t);

/* A new key takes over now. */
void tls_tickets_rotate(struct tls_tickets *t);

/* The context encrypts its tickets with these keys, which it borrows. */
void tls_tickets_serve(struct tls_tickets *t, SSL_CTX *ctx);

#endif
