#!/bin/sh
# Are the alerts in the .err files those of a real HAProxy? For each .cfg that begins with
# "# as haproxy", compare the [ALERT] lines (with what is printed below them) apart from the pid.
# The texts are those of 2.6; another version is not asked.
set -eu
cd "$(dirname "$0")"

if ! haproxy -v 2>/dev/null | grep -q '^HAProxy version 2\.6'; then
	echo "against-haproxy: no HAProxy 2.6 here, nothing compared" >&2
	exit 0
fi

alerts() { # stdin: findings → the alerts among them, without pid, blank lines and farewell
	sed 's/^\(\[[A-Z]*\] *\)([0-9]*)/\1(PID)/' | grep -av '^ *$' |
		awk '/^\[/ { shown = /^\[ALERT\]/ && !/ config : (Error\(s\) found in|Fatal errors found)/ }
			shown'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 bad=0
for cfg in *.cfg; do
	[ "$(head -n 1 "$cfg")" = "# as haproxy" ] || continue
	haproxy -c -f "$cfg" 2>&1 | alerts >"$work/theirs" || :
	alerts <"${cfg%.cfg}.err" >"$work/ours"
	diff -u --label "haproxy: $cfg" --label "${cfg%.cfg}.err" "$work/theirs" "$work/ours" || bad=1
	n=$((n + 1))
done
[ "$bad" = 0 ] && echo "against-haproxy: $n files, the same alerts"
exit "$bad"
