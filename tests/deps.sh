#!/bin/sh
# Installs the Debian packages that a make target needs and starts none of their services.
#
#   tests/deps.sh build|demo|check ...      each group includes the ones before it
#   tests/deps.sh compose                   what `make compose-check` needs of this machine
#
# Prints what is missing before it installs it. When everything is there it neither asks for
# root nor touches the network.
set -eu

build="gcc make pkg-config libc6-dev libev-dev libssl-dev libjansson-dev libpcre2-dev libxxhash-dev libmicrohttpd-dev libc-ares-dev libhiredis-dev"
demo="haproxy mosquitto mosquitto-clients python3 python3-paho-mqtt procps"
check="check hatop prometheus-haproxy-exporter python3-pytest python3-pytest-xdist python3-yaml git openssl patch prometheus iproute2 redis-server ejabberd rabbitmq-server keepalived"
# iptables is for dockerd, slirp4netns for the way out of its network namespace.
compose="debootstrap docker.io docker-compose iptables slirp4netns"

want=""
for group in "$@"; do
	case $group in
	build) want="$want $build" ;;
	demo) want="$want $build $demo" ;;
	check) want="$want $build $demo $check" ;;
	compose) want="$want $compose" ;;
	*) want="$want $group" ;; # a package by its own name
	esac
done

# `make -j` runs several of us at once: one after the other, each seeing what the last one left.
exec 9<"$0"
flock 9

missing=""
for package in $want; do
	case " $missing " in *" $package "*) continue ;; esac
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || :)" = installed ] ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
as_root=""
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	command -v sudo >/dev/null || {
		echo "not root, and no sudo: install the packages above and run again" >&2
		exit 1
	}
fi

# While dpkg configures the packages, policy-rc.d answers 101 to every "may I start this service?".
# A policy-rc.d that was there before is put back, on every way out; after a way out that nobody
# can catch, by the next run, which knows ours by its second line.
policy=/usr/sbin/policy-rc.d
saved=$policy.before-usher
restore() {
	if [ -e "$saved" ]; then
		$as_root mv -f "$saved" "$policy"
	else
		$as_root rm -f "$policy"
	fi
}
trap restore EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -e "$policy" ] && ! grep -q "^# tests/deps.sh of usher$" "$policy"; then
	$as_root mv -f "$policy" "$saved"
fi
printf '#!/bin/sh\n# tests/deps.sh of usher\nexit 101\n' | $as_root tee "$policy" >/dev/null
$as_root chmod 755 "$policy"

# sudo keeps ^C for the command in its own terminal; here only the command's status tells of it.
unless_killed() { "$@" || [ $? -lt 128 ]; }

# What would stop the installation is mended first: an earlier one that was cut short, and lists that
# are old or were never fetched. Whether that was enough is for the installation to say. On a machine
# just booted another apt may still be at work: it is waited for.
# shellcheck disable=SC2086 # $as_root and $missing are words on purpose
install() {
	debian="$as_root env DEBIAN_FRONTEND=noninteractive"
	apt="$debian apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
	[ -z "$(ls /var/lib/dpkg/updates)" ] || unless_killed $debian dpkg --configure -a >/dev/null
	unless_killed $apt update
	$apt install -y --no-install-recommends $missing >/dev/null
}
install

idle=""
for service in haproxy keepalived mosquitto prometheus prometheus-haproxy-exporter redis-server ejabberd rabbitmq-server docker.io; do
	case " $missing " in *" $service "*) idle="$idle $service" ;; esac
done
idle=$(echo "$idle" | sed "s/docker\.io/docker containerd/")
[ -z "$idle" ] || echo "not started:$idle; Debian will start them at the next boot, unless you say:" \
	"sudo systemctl disable$idle"
