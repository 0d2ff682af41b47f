/* A number, then one unit out of a short table. */
#include "agent/core/base/units.h"

#include <stdlib.h>

/* Digits at the front of s. Returns their count; *range when they do not fit. */
static size_t
read_number(struct str s, uint64_t *value, bool *range)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	*range = n && !str_u64((struct str){ s.p, n }, value);
	return n;
}

enum units
units_duration(struct str s, int64_t default_ms, int64_t *ms, size_t *bad)
{
	static const struct {
		struct str name;
		uint64_t us;
	} units[] = {
		{ STR("us"), 1 },
		{ STR("ms"), 1000 },
		{ STR("s"), 1000000 },
		{ STR("m"), 60000000 },
		{ STR("h"), UINT64_C(3600000000) },
		{ STR("d"), UINT64_C(86400000000) },
	};
	uint64_t value = 0, us = 0;
	bool range;
	size_t digits = read_number(s, &value, &range);
	struct str unit = { s.p + digits, s.n - digits };

	if (bad)
		*bad = digits;
	if (digits == 0)
		return UNITS_BAD;
	if (unit.n == 0)
		us = (uint64_t)default_ms * 1000;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_eq(unit, units[i].name))
			us = units[i].us;
	if (us == 0)
		return UNITS_BAD;
	if (range || value > (uint64_t)UNITS_MAX_MS * 1000 / us)
		return UNITS_RANGE;
	*ms = (int64_t)((value * us + 999) / 1000);
	return UNITS_OK;
}

enum units
units_size(struct str s, uint64_t *value, size_t *bad)
{
	uint64_t number = 0;
	unsigned shift = 0;
	bool range;
	size_t digits = read_number(s, &number, &range);

	if (bad)
		*bad = digits;
	if (digits == 0 || s.n > digits + 1)
		return UNITS_BAD;
	if (s.n == digits + 1) {
		switch (s.p[digits] | 0x20) {
		case 'k':
			shift = 10;
			break;
		case 'm':
			shift = 20;
			break;
		case 'g':
			shift = 30;
			break;
		default:
			return UNITS_BAD;
		}
	}
	if (range || number > UINT64_MAX >> shift)
		return UNITS_RANGE;
	*value = number << shift;
	return UNITS_OK;
}
