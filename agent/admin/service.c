/* Routes are a table; what is answered is api.c's and metrics.c's. */
#include "agent/admin/service.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/admin/api.h"
#include "agent/admin/http_loop.h"
#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/io/file.h"
#include "agent/io/listener.h"
#include "agent/io/log.h"

enum {
	PAGE_MAX = 64 << 20,
	RATE_SECONDS = 10,
};

struct admin_service {
	struct ev_loop *loop;
	struct admin_view view;
	struct http_loop http;
	ev_timer second;
	uint64_t decided[RATE_SECONDS + 1]; /* totals of the last seconds, a ring */
	unsigned at;
	unsigned n_seconds; /* how much of the ring is filled */
	bool is_tcp;
	char *unix_path; /* owned; to be removed at the end */
	char *token;	 /* owned; NULL: none */
};

/* ---- decisions per second ------------------------------------------------------------------- */

static uint64_t
total_decisions(struct admin_service *s)
{
	struct counters c;

	s->view.counters(s->view.arg, &c);
	return c.value[COUNTER_ACCEPTED] + c.value[COUNTER_REJECTED];
}

static void
on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct admin_service *s = container_of(timer, struct admin_service, second);

	s->at = (s->at + 1) % (RATE_SECONDS + 1);
	s->decided[s->at] = total_decisions(s);
	if (s->n_seconds < RATE_SECONDS)
		s->n_seconds++;
}

static double
decisions_per_s(const struct admin_service *s)
{
	unsigned oldest = (s->at + RATE_SECONDS + 1 - s->n_seconds) % (RATE_SECONDS + 1);

	return s->n_seconds ? (double)(s->decided[s->at] - s->decided[oldest]) / s->n_seconds : 0;
}

/* ---- answering ------------------------------------------------------------------------------ */

static enum MHD_Result
respond(struct MHD_Connection *c, unsigned status, const char *type, const void *body, size_t n)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	result = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
respond_text(struct MHD_Connection *c, unsigned status, const char *text)
{
	return respond(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* Takes the reference. */
static enum MHD_Result
respond_json(struct MHD_Connection *c, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	enum MHD_Result result;

	json_decref(json);
	if (!text)
		return respond_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	result = respond(c, status, "application/json", text, strlen(text));
	free(text);
	return result;
}

static enum MHD_Result
respond_error(struct MHD_Connection *c, unsigned status, const char *error, const char *detail)
{
	return respond_json(c, status, json_pack("{s:s, s:s}", "error", error, "detail", detail));
}

static const char *
get_parameter(void *arg, const char *name)
{
	return MHD_lookup_connection_value(arg, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result
get_healthz(struct admin_service *s, struct MHD_Connection *c)
{
	return respond_text(c, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result
get_readyz(struct admin_service *s, struct MHD_Connection *c)
{
	if (s->view.reloads->last_refused)
		return respond_text(c, MHD_HTTP_OK, "ok, but the last reload was refused\n");
	return respond_text(c, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result
get_metrics(struct admin_service *s, struct MHD_Connection *c)
{
	enum MHD_Result result;
	struct buf page;

	buf_init(&page, PAGE_MAX);
	if (api_metrics(&s->view, &page))
		result = respond(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
				 buf_front(&page), buf_len(&page));
	else
		result = respond_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	buf_fini(&page);
	return result;
}

static enum MHD_Result
get_status(struct admin_service *s, struct MHD_Connection *c)
{
	return respond_json(c, MHD_HTTP_OK, api_status(&s->view, decisions_per_s(s)));
}

static enum MHD_Result
get_explain(struct admin_service *s, struct MHD_Connection *c)
{
	const char *what = "";
	json_t *json = api_explain(&s->view, get_parameter, c, &what);

	return json ? respond_json(c, MHD_HTTP_OK, json)
		    : respond_error(c, MHD_HTTP_BAD_REQUEST, "no such value", what);
}

static enum MHD_Result
post_reload(struct admin_service *s, struct MHD_Connection *c)
{
	if (s->view.reload(s->view.arg))
		return respond_json(c, MHD_HTTP_OK, json_pack("{s:s}", "result", "done"));
	return respond_error(c, MHD_HTTP_CONFLICT, "reload refused",
			     "the running configuration stays; the log says why");
}

static const struct route {
	const char *method, *path;
	bool changes;
	enum MHD_Result (*answer)(struct admin_service *s, struct MHD_Connection *c);
} routes[] = {
	{ "GET", "/healthz", false, get_healthz },    { "GET", "/readyz", false, get_readyz },
	{ "GET", "/metrics", false, get_metrics },    { "GET", "/v1/status", false, get_status },
	{ "GET", "/v1/explain", false, get_explain }, { "POST", "/v1/reload", true, post_reload },
};

/* In the same time wherever the first difference is. */
static bool
same_token(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned difference = 0;

	if (strlen(a) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)a[i] ^ (unsigned char)b[i];
	return difference == 0;
}

static bool
may_change(const struct admin_service *s, struct MHD_Connection *c)
{
	const char *given =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);

	if (!s->is_tcp)
		return true;
	return s->token && given && strncmp(given, "Bearer ", 7) == 0 &&
	       same_token(given + 7, s->token);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
	   const char *version, const char *upload, size_t *upload_size, void **state)
{
	static char seen;
	struct admin_service *s = arg;
	char shown[256];
	bool known = false;

	/* Called first with the headers, then for each piece of a body, at last with none. */
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(url, routes[i].path) != 0)
			continue;
		known = true;
		if (strcmp(method, routes[i].method) != 0)
			continue;
		if (routes[i].changes && !may_change(s, c))
			return respond_error(c, MHD_HTTP_UNAUTHORIZED, "token needed",
					     "Authorization: Bearer TOKEN, with the token of "
					     "admin.token_file in usher.json");
		return routes[i].answer(s, c);
	}
	return respond_error(c, known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
			     known ? "method not allowed" : "not found",
			     str_escape(str_of(url), shown, sizeof(shown)));
}

/* ---- start and stop ------------------------------------------------------------------------- */

static bool
start_daemon(struct admin_service *s, int fd)
{
	if (!http_loop_start(&s->http, s->loop, fd,
			     &(struct http_service){ .request = on_request, .arg = s }))
		return false;
	ev_timer_init(&s->second, on_second, 1., 1.);
	ev_timer_start(s->loop, &s->second);
	return true;
}

/* The token file's first line. */
static char *
read_token(const char *path)
{
	char *text;
	size_t n;
	int error = file_read(path, &text, &n);

	if (error) {
		log_line(LOG_ERROR, "admin token unreadable path=%s reason=\"%s\"", path,
			 strerror(-error));
		return NULL;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (*text)
		return text;
	log_line(LOG_ERROR, "admin token empty path=%s", path);
	free(text);
	return NULL;
}

/* Without a word in usher.json: the default, where the unit made its directory. */
static const char *
address_of(const struct policy *policy)
{
	if (policy->admin_listen)
		return policy->admin_listen;
	return access("/run/usher", W_OK) == 0 ? POLICY_ADMIN_DEFAULT : NULL;
}

struct admin_service *
admin_service_new(struct ev_loop *loop, const struct policy *policy, const struct admin_view *view)
{
	const char *text = address_of(policy);
	struct admin_service *s;
	struct addr a;
	int fd;

	if (!text || addr_parse(str_of(text), true, &a) != ADDR_OK)
		return NULL;
	fd = listener_bind(&a, 0660);
	if (fd < 0) {
		log_line(LOG_ERROR, "admin failed address=%s reason=\"%s\"", text, strerror(-fd));
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->loop = loop;
	s->view = *view;
	s->is_tcp = a.sa.sa_family != AF_UNIX;
	if (!s->is_tcp && a.un.sun_path[0])
		s->unix_path = str_dup(str_of(a.un.sun_path));
	s->token = policy->admin_token_file ? read_token(policy->admin_token_file) : NULL;
	if (!start_daemon(s, fd)) {
		log_line(LOG_ERROR, "admin failed address=%s reason=\"out of resources\"", text);
		close(fd);
		free(s->unix_path);
		free(s->token);
		free(s);
		return NULL;
	}
	log_line(LOG_INFO, "admin open address=%s", text);
	return s;
}

void
admin_service_free(struct admin_service *s)
{
	if (!s)
		return;
	ev_timer_stop(s->loop, &s->second);
	http_loop_stop(&s->http);
	if (s->unix_path)
		unlink(s->unix_path);
	free(s->unix_path);
	free(s->token);
	free(s);
}
