#include "agent/engine/close_reason.h"

const char *
close_reason_name(enum close_reason reason)
{
	static const char *const names[N_CLOSE_REASONS] = {
		[CLOSE_DONE] = "done",
		[CLOSE_CLIENT_GONE] = "client_gone",
		[CLOSE_SERVER_GONE] = "server_gone",
		[CLOSE_CLIENT_TIMEOUT] = "client_timeout",
		[CLOSE_NOT_MQTT] = "not_mqtt",
		[CLOSE_NOT_WEBSOCKET] = "not_websocket",
		[CLOSE_CONNECT_LATE] = "connect_late",
		[CLOSE_REFUSED] = "refused",
		[CLOSE_NO_SERVER] = "no_server",
		[CLOSE_CONNECT_FAILED] = "connect_failed",
		[CLOSE_REJECTED] = "rejected",
		[CLOSE_BAD_HEADER] = "bad_header",
		[CLOSE_HANDSHAKE] = "handshake",
		[CLOSE_QUEUE_FULL] = "queue_full",
		[CLOSE_QUEUE_LATE] = "queue_late",
		[CLOSE_SHUT] = "shut",
		[CLOSE_SERVER_DOWN] = "server_down",
		[CLOSE_MEMORY] = "memory",
		[CLOSE_STOPPING] = "stopping",
	};

	return names[reason];
}
