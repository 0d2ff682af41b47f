/* Names of syslog's numbers, and the end of `log` targets. */
#include <stdlib.h>

#include "agent/core/topology/model.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

const char *
log_facility_name(unsigned facility)
{
	static const char *const names[] = {
		"kern",	  "user",   "mail",   "daemon", "auth",	  "syslog", "lpr",    "news",
		"uucp",	  "cron",   "auth2",  "ftp",	"ntp",	  "audit",  "alert",  "cron2",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	};

	return facility < N(names) ? names[facility] : NULL;
}

const char *
log_severity_name(unsigned severity)
{
	static const char *const names[] = { "emerg",	"alert",  "crit", "err",
					     "warning", "notice", "info", "debug" };

	return severity < N(names) ? names[severity] : NULL;
}

void
log_targets_fini(struct log_target **logs, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		free((*logs)[i].address);
		free((*logs)[i].format);
		free((*logs)[i].ranges);
	}
	free(*logs);
	*logs = NULL;
	*n = 0;
}
