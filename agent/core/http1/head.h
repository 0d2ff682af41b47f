/*
 * Heads of HTTP/1.1 messages, as strict as RFC 9112 lets a server be: what two readers could
 * understand in two ways is refused. Made for WebSocket upgrades, where a head is all there is.
 */
#ifndef USHER_CORE_HTTP1_HEAD_H
#define USHER_CORE_HTTP1_HEAD_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

enum { HTTP1_HEAD_MAX = 16384, HTTP1_FIELDS_MAX = 64 };

enum http1_fault {
	HTTP1_FAULT_NONE,
	HTTP1_FAULT_START_LINE, /* neither "METHOD TARGET HTTP/d.d" nor "HTTP/d.d STATUS REASON" */
	HTTP1_FAULT_VERSION,	/* not HTTP/1.1 */
	HTTP1_FAULT_LINE_END,	/* CR or LF alone */
	HTTP1_FAULT_CONTROL,	/* NUL or another control character */
	HTTP1_FAULT_FOLD,	/* a line that continues the one before it */
	HTTP1_FAULT_FIELD,	/* no name, or a space in it, or no colon */
	HTTP1_FAULT_TOO_LONG,	/* more than HTTP1_HEAD_MAX bytes */
	HTTP1_FAULT_TOO_MANY,	/* more than HTTP1_FIELDS_MAX fields */
	N_HTTP1_FAULTS,
};

/* "fold", "line_end", …: in logs and metrics. */
const char *http1_fault_name(enum http1_fault fault);

struct http1_field {
	struct str name;  /* as it is spelled; never empty */
	struct str value; /* without the blanks around it; may be empty */
};

/* All views point into the head. */
struct http1_head {
	size_t len;		   /* with the empty line: what follows is behind the head */
	struct str method, target; /* of a request */
	unsigned status;	   /* of a response: 100..999 */
	struct str reason;	   /* may be empty */
	struct http1_field fields[HTTP1_FIELDS_MAX];
	size_t n_fields;
};

/*
 * Decode the head of a request, or of a response, at the front of [p, p+n). PARSE_OK fills *h;
 * PARSE_BAD sets *fault, as soon as the byte is there that breaks the rule; a line is judged as one
 * of the two kinds when it is complete. Without PARSE_OK *h is of no use.
 */
enum parse http1_request_decode(const uint8_t *p, size_t n, struct http1_head *h,
				enum http1_fault *fault) MUST_USE;
enum parse http1_response_decode(const uint8_t *p, size_t n, struct http1_head *h,
				 enum http1_fault *fault) MUST_USE;

/* How often the field is there, by any case of its name; *value: the last one's, else absent. */
size_t http1_field_find(const struct http1_head *h, const char *name, struct str *value);

/*
 * Walk the elements of a comma-separated list (RFC 9110, 5.6.1): the next one without blanks, empty
 * ones skipped; false at the end. *list starts as a field's value and becomes what is left.
 */
bool http1_list_next(struct str *list, struct str *element);

/* Has the field, in one line or over several, an element that is this token in any case? */
bool http1_list_has(const struct http1_head *h, const char *name, struct str token);

/* token of RFC 9110, 5.6.2: not empty, letters, digits and !#$%&'*+-.^_`|~ */
bool http1_is_token(struct str s);

#endif
