#!/bin/sh
# Runs a command where a Docker daemon answers.
#
#   tests/compose/with-docker.sh COMMAND [ARGUMENT ...]
#
# That of DOCKER_HOST, if it is set. Else one is started for the command, whatever else runs on this
# machine, and everything that belongs to it ends with it: it lives in a network, process and mount
# namespace of its own, so its bridges, firewall rules, ports and mounts are seen by nobody else and
# nothing of this machine's is changed. slirp4netns gives the namespace its way out. Needs root.
set -eu

# Debian's tools, whatever else is first in PATH.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

if [ "${1-}" != --inside ]; then
	if [ -n "${DOCKER_HOST-}" ]; then
		echo "docker: $DOCKER_HOST"
		exec "$@"
	fi
	[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"

	room=$(mktemp -d /var/tmp/usher-compose.XXXXXX) # not /tmp, which may be memory or an overlay
	inside="" first="" slirp=""
	# In good order first: unshare itself heeds no signal, its child does. Whatever is left after a
	# minute dies with its namespace.
	leave() {
		trap '' HUP INT TERM
		tries=0
		while [ -n "$inside" ] && [ -n "$first" ] && [ -d "/proc/$first" ] && [ "$tries" -lt 600 ]; do
			[ "$tries" -gt 0 ] || kill "$first" 2>/dev/null || :
			tries=$((tries + 1))
			sleep 0.1
		done
		[ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null || :
		[ -z "$slirp" ] || kill "$slirp" 2>/dev/null || :
		wait
		# Empty groups of containers that are gone; of v1 and v2 hierarchies.
		find /sys/fs/cgroup -depth -type d -path "*/${room##*/}*" -exec rmdir {} + 2>/dev/null || :
		rm -rf "$room"
	}
	trap leave EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM

	unshare --net --mount --pid --fork --kill-child --mount-proc "$0" --inside "$room" "$@" &
	inside=$!
	# slirp4netns joins by the first process in there: unshare's child.
	until first=$(cat "/proc/$inside/task/$inside/children") && [ -n "$first" ]; do
		kill -0 "$inside" # it failed and has said why
		sleep 0.1
	done
	first=${first% }
	slirp4netns --configure --mtu=1500 --disable-host-loopback "$first" tap0 \
		>"$room/slirp4netns.log" 2>&1 &
	slirp=$!
	status=0
	wait "$inside" || status=$?
	inside=""
	exit "$status"
fi

room=$2
shift 2
ip link set lo up
tries=0
until ip -4 -o address show dev tap0 2>/dev/null | grep -q inet; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ] || {
		cat "$room/slirp4netns.log" >&2
		exit 1
	}
	sleep 0.1
done

# 10.0.2.3 is slirp4netns' own name server. One that the machine has on loopback is out of reach.
export DOCKER_HOST="unix://$room/docker.sock"
dockerd --host "$DOCKER_HOST" --data-root "$room/data" --exec-root "$room/exec" \
	--pidfile "$room/dockerd.pid" --dns 10.0.2.3 --exec-opt native.cgroupdriver=cgroupfs \
	--cgroup-parent "/${room##*/}" >"$room/dockerd.log" 2>&1 &
daemon=$!
until docker info >/dev/null 2>&1; do
	kill -0 "$daemon" 2>/dev/null || {
		tail -n 20 "$room/dockerd.log" >&2
		exit 1
	}
	sleep 0.2
done
echo "docker: a daemon of our own," \
	"storage $(docker info --format '{{.Driver}}'), in a network namespace of its own"

command="" status=0
end() { # the daemon unmounts and takes down what is its own
	trap '' HUP INT TERM
	[ -z "$command" ] || kill "$command" 2>/dev/null || :
	[ -z "$command" ] || wait "$command" || :
	kill "$daemon"
	wait "$daemon" || :
}
trap end EXIT
trap 'exit 143' HUP INT TERM
"$@" &
command=$!
wait "$command" || status=$?
command=""
exit "$status"
