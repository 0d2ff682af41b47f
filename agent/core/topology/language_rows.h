/* Inside the tables of HAProxy's language: how rows are written. Not for others. */
#ifndef USHER_CORE_TOPOLOGY_LANGUAGE_ROWS_H
#define USHER_CORE_TOPOLOGY_LANGUAGE_ROWS_H

#include "agent/core/topology/language.h"

/* Behind the note may stand further members: .n_args, .then, .skip. */
#define DOES(...)                                                                                  \
	{                                                                                          \
		ROW(LANGUAGE_SUPPORTED, __VA_ARGS__)                                               \
	}
#define LOST(...)                                                                                  \
	{                                                                                          \
		ROW(LANGUAGE_IGNORED, __VA_ARGS__)                                                 \
	}
#define REFUSED(...)                                                                               \
	{                                                                                          \
		ROW(LANGUAGE_REFUSED, __VA_ARGS__)                                                 \
	}
#define ROW(how, word, ...) .name = (word), .support = (how), .note = __VA_ARGS__

/* Notes that several tables have. */
#define NOTE_HTTP "it is for HTTP, of which usher proxy carries WebSocket upgrades alone"
#define NOTE_CHECKS "servers would count as up unasked; use `option tcp-check` or `option httpchk`"
#define NOTE_LOG_TARGET "to UDP, UNIX sockets and descriptors; `ring@…` and `tcp@…` are ignored"
#define NOTE_TCPLOG "sessions are logged as by `option tcplog`"
#define NOTE_INSIDE "it tunes the inside of HAProxy"
#define NOTE_STATISTICS "it is shown by HAProxy's statistics alone"
#define NOTE_ARRAYS "arrays of counters are not kept; use gpc0, gpc1 or gpt0"

extern const struct language_row language_sections[];
extern const struct language_row language_global[];
extern const struct language_row language_global_stats[];
extern const struct language_row language_default_path[];
extern const struct language_row language_lua_file[];
extern const struct language_row language_proxy[];
extern const struct language_row language_page[];
extern const struct language_row language_stats[];
extern const struct language_row language_upgrade[];
extern const struct language_row language_upgrade_option[];
extern const struct language_row language_upgrade_timeout[];
extern const struct language_row language_upgrade_balance[];
extern const struct language_row language_forwardfor[];
extern const struct language_row language_http_request[];
extern const struct language_row language_mode[];
extern const struct language_row language_option[];
extern const struct language_row language_timeout[];
extern const struct language_row language_bind[];
extern const struct language_row language_server[];
extern const struct language_row language_observe[];
extern const struct language_row language_on_error[];
extern const struct language_row language_marked_down[];
extern const struct language_row language_marked_up[];
extern const struct language_row language_source[];
extern const struct language_row language_balance[];
extern const struct language_row language_hash_type[];
extern const struct language_row language_stick[];
extern const struct language_row language_stick_table[];
extern const struct language_row language_stick_type[];
extern const struct language_row language_stick_key[];
extern const struct language_row language_stick_data[];
extern const struct language_row language_tcp_request[];
extern const struct language_row language_tcp_connection[];
extern const struct language_row language_tcp_session[];
extern const struct language_row language_tcp_content[];
extern const struct language_row language_tcp_response[];
extern const struct language_row language_tcp_response_content[];
extern const struct language_row language_service[];
extern const struct language_row language_engine[];
extern const struct language_row language_filter[];
extern const struct language_row language_tcp_check[];
extern const struct language_row language_http_check[];
extern const struct language_row language_check_connect[];
extern const struct language_row language_resolvers[];
extern const struct language_row language_resolvers_timeout[];
extern const struct language_row language_resolvers_hold[];

#endif
