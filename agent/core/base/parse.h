/*
 * The three answers of every parser in usher.
 *
 * PARSE_MORE is the answer to every proper prefix of something valid; PARSE_BAD means that no
 * further bytes can mend what is there. Results are views into the caller's bytes.
 */
#ifndef USHER_CORE_BASE_PARSE_H
#define USHER_CORE_BASE_PARSE_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum parse {
	PARSE_OK,
	PARSE_MORE,
	PARSE_BAD,
};

#endif
