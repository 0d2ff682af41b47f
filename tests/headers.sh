#!/bin/sh
# Every header compiles alone: it includes what it uses.
set -eu
n=0
for header in $(find agent spoe -name '*.h' | sort); do
	# shellcheck disable=SC2086 # CFLAGS are words
	${CC:-gcc} ${CFLAGS:--I.} -fsyntax-only -x c "$header" || { echo "headers: $header does not compile alone" >&2; exit 1; }
	n=$((n + 1))
done
echo "headers: $n compile alone"
