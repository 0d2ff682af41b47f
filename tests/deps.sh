#!/bin/sh
# Installs the Debian packages that a make target needs and starts none of their services.
#
#   tests/deps.sh build|demo|check ...      each group includes the ones before it
#
# Prints what is missing before it installs it. When everything is there it neither asks for
# root nor touches the network.
set -eu

build="gcc make pkg-config libc6-dev libev-dev libssl-dev libjansson-dev libpcre2-dev libxxhash-dev libmicrohttpd-dev"
demo="haproxy mosquitto mosquitto-clients python3 python3-paho-mqtt procps"
check="check python3-pytest python3-yaml git prometheus"

want=""
for group in "$@"; do
	case $group in
	build) want="$want $build" ;;
	demo) want="$want $build $demo" ;;
	check) want="$want $build $demo $check" ;;
	*) want="$want $group" ;; # a package by its own name
	esac
done

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
# A policy-rc.d that was there before is put back, on every way out.
policy=/usr/sbin/policy-rc.d
saved=""
restore() {
	if [ -n "$saved" ]; then
		$as_root mv -f "$saved" "$policy"
	else
		$as_root rm -f "$policy"
	fi
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -e "$policy" ]; then
	saved=$policy.before-usher
	$as_root mv -f "$policy" "$saved"
fi
printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
$as_root chmod 755 "$policy"

# shellcheck disable=SC2086 # the list is words on purpose
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null; }
install 2>/dev/null || { $as_root apt-get update -qq && install; }
