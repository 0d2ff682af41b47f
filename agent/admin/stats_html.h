/* The statistics page itself. Every text from the file or from a server is escaped. */
#ifndef USHER_ADMIN_STATS_HTML_H
#define USHER_ADMIN_STATS_HTML_H

#include "agent/admin/stats_settings.h"
#include "agent/core/base/buf.h"
#include "agent/engine/statistics.h"

struct stats_page_view {
	const struct operations *o;
	const struct stats_settings *settings;
	const struct stats_request *request;
	const struct proxy *own; /* the proxy that has the page */
	bool may_change;	 /* servers, for this client */
};

bool stats_html_write(const struct stats_page_view *v, const struct statistics_filter *filter,
		      int64_t now_ms, struct buf *out) MUST_USE;

#endif
