/* Rates and bytes, which want an address that 8 divides, stand before the counters. */
#include "agent/core/table/data.h"

#include "agent/core/table/rate.h"

static uint16_t
size_of(enum table_data what)
{
	switch (what) {
	case TABLE_BYTES_IN_RATE:
	case TABLE_BYTES_OUT_RATE:
	case TABLE_CONN_RATE:
	case TABLE_GPC0_RATE:
	case TABLE_GPC1_RATE:
	case TABLE_SESS_RATE:
		return sizeof(struct table_rate);
	case TABLE_KBYTES_IN:
	case TABLE_KBYTES_OUT:
		return sizeof(uint64_t);
	case TABLE_CONN_CNT:
	case TABLE_CONN_CUR:
	case TABLE_SESS_CNT:
	case TABLE_GPC0:
	case TABLE_GPC1:
	case TABLE_GPT0:
		return sizeof(uint32_t);
	default: /* what every entry knows */
		return 0;
	}
}

void
table_layout_init(struct table_layout *l, const struct table_spec *spec)
{
	*l = (struct table_layout){ .stores = spec->stores };
	memcpy(l->period_ms, spec->period_ms, sizeof(l->period_ms));
	for (int pass = 0; pass < 2; pass++)
		for (enum table_data what = 0; what < N_TABLE_DATA; what++) {
			bool is_small = size_of(what) == sizeof(uint32_t);

			if (!table_data_has(l, what) || is_small != (pass == 1))
				continue;
			l->offset[what] = (uint16_t)l->data_len;
			l->data_len += size_of(what);
		}
}

bool
table_data_is_stored(const struct table_layout *l, enum table_data what)
{
	return l->stores & UINT32_C(1) << what;
}

bool
table_data_has(const struct table_layout *l, enum table_data what)
{
	return table_data_is_stored(l, what) && size_of(what);
}

static void *
data_at(const struct table_layout *l, struct table_entry *e, enum table_data what)
{
	return (char *)e->data + l->offset[what];
}

int64_t
table_data_read(const struct table_layout *l, const struct table_entry *e, enum table_data what,
		int64_t now)
{
	const void *at = (const char *)e->data + l->offset[what];

	switch (size_of(what)) {
	case sizeof(uint64_t):
		return (int64_t) * (const uint64_t *)at;
	case sizeof(uint32_t):
		return *(const uint32_t *)at;
	default:
		return table_rate_read(at, l->period_ms[what], now);
	}
}

/* The rate that grows with a counter; N_TABLE_DATA: none. */
static enum table_data
rate_of(enum table_data what)
{
	switch (what) {
	case TABLE_KBYTES_IN:
		return TABLE_BYTES_IN_RATE;
	case TABLE_KBYTES_OUT:
		return TABLE_BYTES_OUT_RATE;
	case TABLE_CONN_CNT:
		return TABLE_CONN_RATE;
	case TABLE_SESS_CNT:
		return TABLE_SESS_RATE;
	case TABLE_GPC0:
		return TABLE_GPC0_RATE;
	case TABLE_GPC1:
		return TABLE_GPC1_RATE;
	default:
		return N_TABLE_DATA;
	}
}

static void
add_to_counter(void *at, uint16_t size, int64_t n)
{
	if (size == sizeof(uint64_t))
		*(uint64_t *)at += (uint64_t)n;
	else
		*(uint32_t *)at += (uint32_t)n;
}

bool
table_data_add(const struct table_layout *l, struct table_entry *e, enum table_data what, int64_t n,
	       int64_t now)
{
	enum table_data rate = rate_of(what);
	bool has_counter = table_data_has(l, what);
	bool has_rate = rate != N_TABLE_DATA && table_data_has(l, rate);

	if (has_counter)
		add_to_counter(data_at(l, e, what), size_of(what), n);
	if (has_rate)
		table_rate_add(data_at(l, e, rate), l->period_ms[rate],
			       n < UINT32_MAX ? (uint32_t)n : UINT32_MAX, now);
	return has_counter || has_rate;
}

void
table_data_set(const struct table_layout *l, struct table_entry *e, enum table_data what, int64_t n)
{
	if (table_data_has(l, what) && size_of(what) == sizeof(uint32_t))
		*(uint32_t *)data_at(l, e, what) = (uint32_t)n;
}

void
table_data_put(const struct table_layout *l, struct table_entry *e, enum table_data what, int64_t n,
	       int64_t now)
{
	void *at = data_at(l, e, what);

	switch (size_of(what)) {
	case sizeof(uint64_t):
		*(uint64_t *)at = (uint64_t)n;
		return;
	case sizeof(uint32_t):
		*(uint32_t *)at = (uint32_t)n;
		return;
	default:
		*(struct table_rate *)at = (struct table_rate){ 0 };
		table_rate_add(at, l->period_ms[what], (uint32_t)n, now);
	}
}
