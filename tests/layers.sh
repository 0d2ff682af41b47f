#!/bin/sh
# Includes point one way (docs/architecture.md, "Who may include whom"). Reads the #include lines.
set -eu

# folder : what it may include, besides itself
rules='
spoe:
agent/core/base: xxhash pcre2
agent/core/facts: agent/core/base
agent/core/mqtt: agent/core/base agent/core/facts
agent/core/expr: agent/core/base agent/core/mqtt agent/core/http1/head.h
agent/core/topology: agent/core/base
agent/core/stick: agent/core/base
agent/core/store: agent/core/base
agent/core/rules: agent/core/base agent/core/expr agent/core/http1/write.h agent/core/table agent/core/topology/model.h
agent/core/table: agent/core/base agent/core/expr agent/core/topology/model.h
agent/core/wire: agent/core/base
agent/core/http1: agent/core/base agent/core/facts
agent/core/websocket: agent/core/base
agent/core/logline: agent/core/base agent/core/expr agent/core/rules/rules.h agent/core/topology/model.h
agent/core/health: agent/core/base agent/core/mqtt/connack.h agent/core/topology/model.h
agent/core/policy: agent/core/base agent/core/facts agent/core/mqtt/reason.h agent/core/topology/model.h agent/core/store/url.h jansson
agent/core/advice: agent/core/base agent/core/facts agent/core/mqtt/reason.h agent/core/topology agent/core/policy agent/core/wire/syslog.h
agent/core/decide: agent/core/base agent/core/facts agent/core/mqtt/reason.h agent/core/stick agent/core/topology/model.h agent/core/policy/model.h agent/core/policy/rule.h
agent/io: agent/core/base ev
agent/tls: agent/core/base agent/core/expr/context.h agent/core/topology/model.h agent/core/topology/tls_settings.h agent/io openssl
agent/store: agent/core/base agent/core/store agent/io ev hiredis
agent/engine: agent/core agent/io agent/store/store.h agent/tls/store.h agent/tls/ticket.h
agent/spoa: spoe agent/core agent/io agent/engine
agent/health: agent/core agent/io agent/engine agent/tls
agent/names: agent/core agent/io agent/engine
agent/proxy: agent/core agent/io agent/engine agent/tls
agent/standby: agent/core agent/io agent/engine agent/proxy/service.h agent/health/checker.h agent/health/runtime.h
agent/runtime: agent/core agent/io agent/engine ev
agent/admin: agent/core agent/io agent/engine agent/tls/store.h jansson microhttpd
agent/cli: agent/core agent/io agent/engine jansson
'
# System headers that wait, and so have no place in core or spoe.
waits='^(ev|pthread|poll|signal|sys/(epoll|select|stat)|fcntl|netdb|time|sys/time)\.h$'

bad=0
complain() {
	echo "layers: $1 includes $2" >&2
	bad=1
}

allowed() { # file's folder, included path
	may=$(printf '%s\n' "$rules" | sed -n "s|^$1: *||p")
	for prefix in $1 $may; do
		case $2 in "$prefix" | "$prefix"/* | "$prefix".h) return 0 ;; esac
	done
	return 1
}

for file in $(find agent spoe -mindepth 2 -name '*.[ch]' -o -path 'spoe/*.[ch]' | sort); do
	folder=$(dirname "$file")
	printf '%s\n' "$rules" | grep -q "^$folder:" || { echo "layers: $folder has no rule" >&2; bad=1; }
	for header in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
		allowed "$folder" "$header" || complain "$file" "\"$header\""
	done
	case $folder in
	spoe | agent/core/*)
		for header in $(sed -n 's/^#include <\([^>]*\)>.*/\1/p' "$file"); do
			case $folder/$header in agent/core/stick/pthread.h | agent/core/decide/pthread.h | agent/core/table/pthread.h) continue ;; esac # locks
			! printf '%s\n' "$header" | grep -Eq "$waits" || complain "$file" "<$header>"
		done
		;;
	esac
done
[ "$bad" = 0 ] && echo "layers: includes point one way"
