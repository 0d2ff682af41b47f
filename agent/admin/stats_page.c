/*
 * A page knows its proxy by name and reads its settings anew for each request, from the world that
 * is in use then: a reload needs to care for addresses alone.
 */
#include "agent/admin/stats_page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/admin/http_loop.h"
#include "agent/admin/stats_form.h"
#include "agent/admin/stats_html.h"
#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/engine/statistics_text.h"
#include "agent/io/listener.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"

enum { PAGE_MAX = 256 << 20 };

struct stats_pages {
	struct ev_loop *loop;
	const struct operations *o;
	struct list pages; /* struct page */
};

/* One address of one proxy. */
struct page {
	struct list list;
	struct stats_pages *service;
	char *frontend, *address; /* owned; name, and as written */
	struct addr addr;
	struct http_loop http;
	bool is_wanted; /* while a new world is looked at */
};

/* One request; the form's fields as they come. */
struct request {
	struct page *page;
	char *uri; /* owned */
	bool has_begun;
	struct MHD_PostProcessor *post; /* owned; NULL: no form */
	struct stats_form form;
};

static enum MHD_Result
take_field(void *arg, enum MHD_ValueKind kind, const char *key, const char *file,
	   const char *content_type, const char *encoding, const char *data, uint64_t off, size_t n)
{
	stats_form_add(arg, key, data, off, n);
	return MHD_YES;
}

/* ---- answering ------------------------------------------------------------------------------- */

static enum MHD_Result
queue(struct MHD_Connection *c, unsigned status, struct MHD_Response *response, const char *type)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	result = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
send_error(struct MHD_Connection *c, unsigned status, const char *realm, const char *title,
	   const char *text)
{
	char body[256], challenge[256];
	int n = snprintf(body, sizeof(body), "<html><body><h1>%u %s</h1>\n%s\n</body></html>\n",
			 status, title, text);
	struct MHD_Response *response =
		MHD_create_response_from_buffer((size_t)n, body, MHD_RESPMEM_MUST_COPY);

	if (response && realm) {
		snprintf(challenge, sizeof(challenge), "Basic realm=\"%s\"", realm);
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, challenge);
	}
	return queue(c, status, response, "text/html");
}

static bool
may_look(const struct stats_settings *s, struct MHD_Connection *c)
{
	char *password = NULL, *name = MHD_basic_auth_get_username_password(c, &password);
	bool yes = s->n_users == 0 || (name && password && stats_settings_know(s, name, password));

	MHD_free(name);
	MHD_free(password);
	return yes;
}

static void
read_peer(struct MHD_Connection *c, struct expr_context *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct addr peer = { 0 };

	if (!info || !info->client_addr)
		return;
	if (info->client_addr->sa_family == AF_INET)
		peer.len = sizeof(peer.in);
	else if (info->client_addr->sa_family == AF_INET6)
		peer.len = sizeof(peer.in6);
	memcpy(&peer.sa, info->client_addr, peer.len);
	addr_ip(&peer, &x->src);
	x->src_port = addr_port(&peer);
}

/* `stats admin`, for this client. */
static bool
may_change(const struct stats_settings *s, struct MHD_Connection *c)
{
	char memory[1024];
	struct expr_context x = { .scratch = { memory, sizeof(memory), 0 } };

	if (s->admin.n_terms == 0)
		return false;
	read_peer(c, &x);
	return (acl_condition_eval(&s->admin, &x) == ACL_PASS) != s->admin.is_unless;
}

/* A page of somebody else's made the browser send this. */
static bool
is_foreign(struct MHD_Connection *c)
{
	const char *site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site");

	return site && strcmp(site, "cross-site") == 0;
}

static bool
shows(const void *arg, const struct proxy *p)
{
	const struct stats_page_view *v = arg;
	struct str scope = v->request->scope;

	return stats_settings_show(v->settings, v->own, p->name) &&
	       (scope.n == 0 || memmem(p->name, strlen(p->name), scope.p, scope.n));
}

static bool
write_body(const struct stats_page_view *v, struct buf *out)
{
	struct statistics_filter filter = STATISTICS_ALL;

	filter.up = v->request->up;
	filter.no_maint = v->request->no_maint;
	filter.has_addresses = v->settings->shows_legends;
	filter.shows = shows;
	filter.arg = v;
	if (v->request->csv || v->request->json)
		return statistics_write(v->o, &filter,
					v->request->csv ? STATISTICS_CSV : STATISTICS_JSON,
					worker_now(), out);
	return stats_html_write(v, &filter, worker_now(), out);
}

static enum MHD_Result
send_page(const struct stats_page_view *v, struct MHD_Connection *c)
{
	const struct stats_request *asked = v->request;
	struct MHD_Response *response = NULL;
	char refresh[32];
	struct buf out;

	buf_init(&out, PAGE_MAX);
	if (write_body(v, &out))
		response = MHD_create_response_from_buffer(buf_len(&out), buf_front(&out),
							   MHD_RESPMEM_MUST_COPY);
	buf_fini(&out);
	snprintf(refresh, sizeof(refresh), "%lld", (long long)v->settings->refresh_s);
	if (response && v->settings->refresh_s > 0 && !asked->norefresh)
		MHD_add_response_header(response, "Refresh", refresh);
	return queue(c, MHD_HTTP_OK, response,
		     asked->csv	   ? "text/plain"
		     : asked->json ? "application/json"
				   : "text/html; charset=utf-8");
}

static enum MHD_Result
answer_change(struct request *r, const struct stats_settings *s, struct MHD_Connection *c)
{
	const char *outcome = may_change(s, c) && !is_foreign(c)
				      ? stats_form_apply(&r->form, r->page->service->o)
				      : "DENY";
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	char location[1024];

	log_line(LOG_INFO, "statistics page asked action=%s result=%s", stats_form_action(&r->form),
		 outcome);
	snprintf(location, sizeof(location), "%s;st=%s", s->uri, outcome);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, location);
	return queue(c, MHD_HTTP_SEE_OTHER, response, "text/plain");
}

static enum MHD_Result
answer(struct request *r, const struct proxy *own, const struct stats_settings *s,
       const char *method, struct MHD_Connection *c)
{
	const struct operations *o = r->page->service->o;
	struct stats_request asked = stats_request_parse(s, r->uri);
	struct stats_page_view view = { o, s, &asked, own, false };

	if (!asked.is_ours)
		return send_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "Service Unavailable",
				  "No server is available to handle this request.");
	if (!may_look(s, c))
		return send_error(c, MHD_HTTP_UNAUTHORIZED, s->realm, "Unauthorized",
				  "You need a valid user and password to access this content.");
	if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
		return answer_change(r, s, c);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return send_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "Service Unavailable",
				  "No server is available to handle this request.");
	view.may_change = may_change(s, c);
	return send_page(&view, c);
}

static const struct proxy *find_page_proxy(const struct stats_pages *s, const char *name);

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
	   const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct request *r = *state;
	const struct proxy *own;
	struct stats_settings s;
	char wrong[EXPR_ERROR];
	enum MHD_Result result;

	if (!r)
		return MHD_NO; /* no memory for it */
	if (!r->has_begun) {
		r->has_begun = true;
		if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
			r->post = MHD_create_post_processor(c, 1024, take_field, &r->form);
		return MHD_YES;
	}
	if (*upload_size) {
		if (r->post)
			MHD_post_process(r->post, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	own = find_page_proxy(r->page->service, r->page->frontend);
	if (!own)
		return MHD_NO;
	if (r->post)
		MHD_destroy_post_processor(r->post); /* hands over what is left */
	r->post = NULL;
	stats_settings_read(&s, own, wrong);
	result = answer(r, own, &s, method, c);
	stats_settings_fini(&s);
	return result;
}

static void *
on_begin(void *arg, const char *uri, struct MHD_Connection *c)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->page = arg;
	r->uri = strdup(uri);
	if (r->uri)
		return r;
	free(r);
	return NULL;
}

static void
on_end(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	struct request *r = *state;

	if (!r)
		return;
	if (r->post)
		MHD_destroy_post_processor(r->post);
	free(r->uri);
	free(r);
	*state = NULL;
}

/* ---- pages open and close ---------------------------------------------------------------------
 */

static bool
has_page(const struct proxy *p)
{
	if (!(p->kind & PROXY_FRONTEND) || p->disabled || proxy_is_carried(p))
		return false;
	for (size_t i = 0; i < p->n_all; i++)
		if (strcmp(p->all[i].words[0], "stats") == 0)
			return true;
	return false;
}

static const struct proxy *
find_page_proxy(const struct stats_pages *s, const char *name)
{
	const struct proxy *p = topology_frontend(&s->o->world(s->o->arg)->topology, str_of(name));

	return p && has_page(p) ? p : NULL;
}

static void
close_page(struct page *p)
{
	http_loop_stop(&p->http);
	if (p->addr.sa.sa_family == AF_UNIX && p->addr.un.sun_path[0])
		unlink(p->addr.un.sun_path);
	list_remove(&p->list);
	free(p->frontend);
	free(p->address);
	free(p);
}

static struct page *
find_page(struct stats_pages *s, const struct addr *a)
{
	list_for_each(at, &s->pages) {
		struct page *p = container_of(at, struct page, list);

		if (p->addr.len == a->len && memcmp(&p->addr.sa, &a->sa, a->len) == 0)
			return p;
	}
	return NULL;
}

static void
open_page(struct stats_pages *s, const struct proxy *proxy, const struct bind *b, struct report *r)
{
	int fd = b->addr.len ? listener_bind(&b->addr, 0666) : -EDESTADDRREQ;
	struct page *p = xcalloc(1, sizeof(*p));

	p->service = s;
	p->addr = b->addr;
	p->is_wanted = true;
	if (fd < 0 || !http_loop_start(&p->http, s->loop, fd,
				       &(struct http_service){ on_request, on_begin, on_end, p })) {
		report_cfg(r, FINDING_ALERT, "Starting frontend %s: cannot bind socket (%s) [%s]",
			   proxy->name, fd < 0 ? strerror(-fd) : "out of resources", b->text);
		if (fd >= 0)
			close(fd);
		free(p);
		return;
	}
	p->frontend = str_dup(str_of(proxy->name));
	p->address = str_dup(str_of(b->text));
	list_append(&s->pages, &p->list);
	log_line(LOG_INFO, "statistics page open frontend=%s address=%s", proxy->name, b->text);
}

static void
want_page(struct stats_pages *s, const struct proxy *proxy, const struct bind *b, struct report *r)
{
	struct page *p = find_page(s, &b->addr);

	if (!p) {
		open_page(s, proxy, b, r);
		return;
	}
	p->is_wanted = true;
	free(p->frontend);
	p->frontend = str_dup(str_of(proxy->name));
}

static void
check_settings(const struct proxy *p)
{
	struct stats_settings s;
	char wrong[EXPR_ERROR];

	stats_settings_read(&s, p, wrong);
	if (*wrong)
		log_line(LOG_WARNING,
			 "statistics page frontend=%s reason=\"%s\" consequence=\"nobody may "
			 "change servers there\"",
			 p->name, wrong);
	stats_settings_fini(&s);
}

void
stats_pages_follow(struct stats_pages *s, struct report *r)
{
	const struct topology *t = &s->o->world(s->o->arg)->topology;

	list_for_each(at, &s->pages)
		container_of(at, struct page, list)->is_wanted = false;
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		if (!has_page(p))
			continue;
		check_settings(p);
		for (size_t j = 0; j < p->n_binds; j++)
			want_page(s, p, &p->binds[j], r);
	}
	list_for_each_safe(at, &s->pages)
		if (!container_of(at, struct page, list)->is_wanted)
			close_page(container_of(at, struct page, list));
}

struct stats_pages *
stats_pages_new(struct ev_loop *loop, const struct operations *o, struct report *r)
{
	struct stats_pages *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->o = o;
	list_init(&s->pages);
	stats_pages_follow(s, r);
	return s;
}

void
stats_pages_free(struct stats_pages *s)
{
	if (!s)
		return;
	list_for_each_safe(at, &s->pages)
		close_page(container_of(at, struct page, list));
	free(s);
}
