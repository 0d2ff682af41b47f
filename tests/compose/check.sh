#!/bin/sh
# What `make compose-check` does where a Docker daemon answers: builds the demo's images from a Debian
# base that debootstrap makes, runs the stack and the tour, with HAProxy and without, and takes all of
# it away again. compose/compose.local.yaml says what stands in for images of registries.
set -eu
cd "$(dirname "$0")/../.."

export COMPOSE_PROJECT_NAME=usher-compose-check COMPOSE_FILE=compose.yaml:compose.local.yaml
base=debian:bookworm-slim
imported=""
say() { printf '\n== %s\n' "$*"; }
down() {
	docker-compose --profile proxy --profile tour down --volumes --remove-orphans --timeout 15 2>&1 |
		grep -v '^Stopping\|^Removing' || :
}
clear_up() {
	status=$?
	trap '' HUP INT TERM
	[ "$status" = 0 ] || docker-compose logs --no-color --tail 40 usher haproxy proxy certs || :
	down
	docker-compose --profile proxy --profile tour down --rmi all >/dev/null 2>&1 || :
	[ -z "$imported" ] || docker rmi "$base" >/dev/null 2>&1 || :
	exit "$status"
}

if ! docker image inspect "$base" >/dev/null 2>&1; then
	say "$base, by debootstrap; kept in a cache for the next time"
	root=$(PYTHONPATH=tests/e2e /usr/bin/python3 -c \
		'import chroot; print(chroot.Suite("bookworm", include=None).prepare().root)')
	tar -C "$root" -c . | docker import - "$base" >/dev/null
	imported=yes
fi
cd compose
trap clear_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say "the files, as docker-compose $(docker-compose version --short) reads them"
docker-compose --file compose.yaml --profile proxy --profile tour config --quiet
docker-compose --profile proxy --profile tour config --quiet
echo valid

say "images"
# A proxy that apt needs is handed on; Docker keeps these two out of the images.
docker-compose --profile proxy --profile tour build --quiet \
	${http_proxy:+--build-arg "http_proxy=$http_proxy"} \
	${https_proxy:+--build-arg "https_proxy=$https_proxy"} || exit 1
docker images --format '{{.Repository}} {{.Size}}' | sed -n 's/^usher-local/   &/p'

is() { # TEXT EXPECTED FOUND
	[ "$2" = "$3" ] || {
		echo "does not hold: $1: '$3' and not '$2'" >&2
		exit 1
	}
	echo "   ok  $1"
}
opens() { /usr/bin/python3 -c 'import socket, sys; socket.create_connection(("localhost", int(sys.argv[1])), 5)' "$1"; }
serves() { # CONTAINER: what the guide promises of this machine's own ports, and we of the image
	for port in 1883 8883 8083 8084 8888; do
		opens "$port" || exit 1
	done
	echo "   ok  1883, 8883, 8083, 8084 and 8888 are open on this machine"
	page=$(/usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen("http://localhost:8888/stats").status)')
	is "http://localhost:8888/stats answers" 200 "$page"
	is "not root" 99:99 "$(docker exec "$1" sh -c 'echo $(id -u):$(id -g)')"
	is "the root file system is read-only" true "$(docker inspect -f '{{.HostConfig.ReadonlyRootfs}}' "$1")"
	tries=0
	until [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 60 ] || break
		sleep 1
	done
	is "usher status --check" healthy "$(docker inspect -f '{{.State.Health.Status}}' "$1")"
}
stops() { # CONTAINER: ends by itself, in good order
	docker stop --time 20 "$1" >/dev/null
	is "$1 ends with status 0 when it is stopped" 0 "$(docker inspect -f '{{.State.ExitCode}}' "$1")"
}

say "docker-compose up -d"
docker-compose up -d 2>/dev/null
serves usher
./tour.sh
stops usher
down

say "docker-compose up -d proxy"
docker-compose up -d proxy 2>/dev/null
serves usher-proxy
./tour.sh
stops usher-proxy

say "The stack held, with HAProxy and without."
