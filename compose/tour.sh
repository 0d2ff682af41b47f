#!/bin/sh
# A tour of the stack in compose.yaml, which must be up. Each step prints what it shows and ends the
# tour, with exit status 1, when it does not hold.
#
#   docker compose up -d && ./tour.sh
#   docker compose up -d proxy && ./tour.sh         the same without HAProxy
#
# The clients run in a container of their own, which is gone afterwards. COMPOSE_FILE counts.
set -eu
cd "$(dirname "$0")"

if docker compose version >/dev/null 2>&1; then
	compose() { docker compose "$@" >/dev/null 2>&1; }
else
	compose() { docker-compose "$@" >/dev/null 2>&1; }
fi

bold="" green="" red="" plain=""
if [ -t 1 ]; then
	bold=$(printf '\033[1m') green=$(printf '\033[32m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
fi
number=0
step() {
	number=$((number + 1))
	printf '\n%s%d  %s%s\n' "$bold" "$number" "$*" "$plain"
}
ok() { printf '   %sok%s  %s\n' "$green" "$plain" "$*"; }
fail() {
	printf '   %sdoes not hold%s  %s\n' "$red" "$plain" "$*"
	exit 1
}
# holds TEXT COMMAND...: the command says whether TEXT is true.
holds() {
	text=$1
	shift
	"$@" && ok "$text" || fail "$text"
}
# until_holds TEXT COMMAND...: the same, with a minute to become true.
until_holds() {
	text=$1
	shift
	deadline=$(($(date +%s) + 60))
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "$text"
		sleep 0.3
	done
	ok "$text"
}

# ---- brokers ------------------------------------------------------------------------------------

brokers="emqx1 emqx2 emqx3"
running() { [ "$(docker inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1" 2>/dev/null)" = healthy ]; }

# What the brokers see, one line a client: BROKER CLIENT_ID USERNAME ADDRESS:PORT
seen() {
	for broker in $brokers; do # side by side: each question takes EMQX a second
		docker exec "$broker" emqx ctl clients list 2>/dev/null | grep 'connected=true' | sed -n \
			"s/^Client(\([^,]*\), username=\([^,]*\), peername=\([^,]*\),.*/$broker \1 \2 \3/p" &
	done
	wait
}
# The same of the clients whose ids begin so, ordered by id.
seen_of() { seen | awk -v id="$1" 'index($2, id) == 1' | sort -k2; }
# ... without addresses, which are new after each reconnect.
homes() { seen_of "$1" | awk '{ print $2, $1 }'; }
home() { seen_of "$1" | awk -v id="$1" '$2 == id { print $1 }'; }
count() { seen_of "$1" | wc -l; }
has() { [ "$(count "$1")" -eq "$2" ]; }
table() {
	for broker in $brokers; do
		seen_of "$1" | awk -v broker="$broker" -v id="$1" \
			'$1 == broker { n++; who = who " " substr($2, length(id) + 1) }
			END { printf "       %s %3d  %s\n", broker, n, who }'
	done
}

# ---- clients ------------------------------------------------------------------------------------

in_tour() { docker exec usher-tour "$@"; }
# start GROUP PORT ARGUMENTS ID...: mosquitto_sub under each id; it comes back by itself, as devices do.
start() {
	group=$1 port=$2 arguments=$3
	shift 3
	# shellcheck disable=SC2016 # for the shell over there
	docker exec -d usher-tour sh -c '
		echo $$ >"/tmp/$0"; door=$1 port=$2 arguments=$3; shift 3
		trap "kill 0" TERM
		for id; do mosquitto_sub -h "$door" -p "$port" -i "$id" -t commands -k 30 $arguments & done
		while :; do wait; done' "$group" "$door" "$port" "$arguments" "$@"
}
# shellcheck disable=SC2016
leave() { in_tour sh -c 'kill "$(cat "/tmp/$0")"' "$1"; }
# What mosquitto_pub says when it comes under this id; nothing is success.
visit() {
	id=$1
	shift
	in_tour mosquitto_pub -h "$door" -i "$id" -t hello -m x "$@" 2>&1 | head -n 1 || :
}
refused() { # TEXT ID ARGUMENT...: the client is told no
	text=$1
	shift
	said=$(visit "$@")
	case $said in
	*[Rr]efused* | *[Aa]uthori* | *[Bb]anned* | *[Bb]ad*) ok "$text: $said" ;;
	*) fail "$text: it was told '$said'" ;;
	esac
}

# ---- the tour -----------------------------------------------------------------------------------

# Who publishes the ports; HAProxy shares usher's network.
if running haproxy; then
	door=usher
elif running usher-proxy; then
	door=proxy
else
	echo "Nothing is up. First: docker compose up -d (or: docker compose up -d proxy)" >&2
	exit 1
fi
for broker in $brokers; do
	healthy "$broker" || {
		echo "$broker is not healthy yet: docker compose ps" >&2
		exit 1
	}
done

finish() { docker rm -f usher-tour >/dev/null 2>&1 || :; }
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
finish
compose --profile tour up -d --no-deps tour
here=$(in_tour hostname -i)
sensors=$(seq -f 'sensor%02g' 10)

step "Ten clients and three brokers"
# shellcheck disable=SC2086 # ids are words on purpose
start sensors 1883 "" $sensors
until_holds "ten are there" has sensor 10
table sensor
spread=$(homes sensor | cut -d ' ' -f 2 | sort | uniq -c | awk '{ print $1 }' | sort -rn | paste -sd /)
holds "spread $spread" [ "$spread" = 4/3/3 ]
echo "       as printed in the guide: docker exec emqx1 emqx ctl broker stats | grep connections.count"
docker exec emqx1 emqx ctl broker stats | grep connections.count | sed 's/^/       /'

step "All ten leave and come back"
before=$(homes sensor)
leave sensors
until_holds "they are gone" has sensor 0
# shellcheck disable=SC2086
start sensors 1883 "" $sensors
until_holds "they are back" has sensor 10
table sensor
holds "each on its broker again" [ "$(homes sensor)" = "$before" ]

step "Tenants"
start tenants 1883 "" acme-meter-1 initech-1 initech-2 initech-3 initech-4 initech-5
until_holds "initech's five are there" has initech- 5
table initech-
holds "tenant initech has emqx1 and emqx2" [ "$(homes initech- | grep -c emqx3 || :)" = 0 ]
until_holds "acme's meter is there" has acme- 1
holds "tenant acme has a backend of its own, on emqx3" [ "$(home acme-meter-1)" = emqx3 ]
leave tenants

step "Refusals, in each client's own version of MQTT"
refused "rule 'stolen', MQTT 3.1.1" meter-1871 -V mqttv311
refused "rule 'stolen', MQTT 5" meter-1871 -V mqttv5
refused "identity of tenant globex" globex-7 -u mallory
holds "globex-7 under its own name is let in" [ -z "$(visit globex-7 -u globex-7)" ]
refused "a gateway without a certificate" gateway-1

step "TLS with a client certificate"
start gateway 8883 "--cafile /certs/ca.pem --cert /certs/client.crt --key /certs/client.key" gateway-1
until_holds "gateway-1 is there" has gateway-1 1
seen_of gateway-1 | sed 's/^/       /'
holds "the broker sees the certificate's common name" [ "$(seen_of gateway-1 | cut -d ' ' -f 3)" = gateway-1 ]
holds "and the client's own address, $here" \
	[ "$(seen_of gateway-1 | cut -d ' ' -f 4 | sed 's/:[0-9]*$//')" = "$here" ]
leave gateway

step "WebSocket"
websocket() { in_tour python3 /etc/usher/tour-websocket.py "$@"; }
holds "a message there and back over ws" websocket "$door" 8083
holds "and over wss" websocket "$door" 8084 /certs/ca.pem
if [ "$door" = proxy ]; then
	leave sensors
	until_holds "the ten leave" has sensor 0
	docker exec -d usher-tour sh -c 'echo $$ >/tmp/websocket; exec "$@"' sh \
		python3 /etc/usher/tour-websocket.py --stay "$door" 8083 sensor01
	until_holds "sensor01 comes back by WebSocket" has sensor01 1
	holds "to the broker it had over TCP" [ "$(homes sensor01)" = "$(echo "$before" | grep sensor01)" ]
	leave websocket
	until_holds "and leaves" has sensor 0
	# shellcheck disable=SC2086
	start sensors 1883 "" $sensors
	until_holds "the ten are back" has sensor 10
fi

step "A broker stops: docker compose stop emqx2"
before=$(seen_of sensor)
stayed=$(echo "$before" | grep -v emqx2)
compose stop emqx2
until_holds "its clients are elsewhere" has sensor 10
table sensor
holds "the others never moved" [ "$(seen_of sensor | grep -Fxc "$stayed")" = "$(echo "$stayed" | wc -l)" ]
compose start emqx2
until_holds "it is back" healthy emqx2

if [ "$door" = proxy ]; then
	before=$(homes sensor)
	step "usher is restarted: docker restart usher-proxy"
	docker restart --time 20 usher-proxy >/dev/null
	until_holds "it is back" healthy usher-proxy
	until_holds "the ten as well" has sensor 10
	table sensor
	holds "each on its broker: Redis kept what usher knew" [ "$(homes sensor)" = "$before" ]
else
	before=$(homes sensor)
	stands() { docker exec usher usher status | grep -q "^standby  *$1 "; }
	# Every one of the ten is on a connection that it did not have then.
	reconnected() { [ "$(seen_of sensor | grep -Fxcv "$previous")" -eq 10 ] && has sensor 10; }
	# HAProxy's own page says how many it carries.
	haproxy_carries() {
		[ "$(in_tour python3 -c '
import urllib.request
for line in urllib.request.urlopen("http://usher:8888/stats;csv", timeout=5).read().decode().split():
    if line.startswith("mqtt,FRONTEND,"):
        print(line.split(",")[4])' 2>/dev/null)" = "$1" ]
	}

	step "HAProxy stops: docker compose stop haproxy"
	previous=$(seen_of sensor)
	compose stop haproxy
	until_holds "usher has its ports" stands reigning
	until_holds "all ten are served by usher" reconnected
	table sensor
	holds "each on its broker" [ "$(homes sensor)" = "$before" ]
	refused "the policy holds: rule 'stolen'" meter-1871

	step "HAProxy is back: docker compose start haproxy"
	previous=$(seen_of sensor)
	compose start haproxy
	until_holds "usher stands by again" stands standby
	holds "the ten stay where they are" [ "$(seen_of sensor)" = "$previous" ]
	leave sensors
	until_holds "they leave" has sensor 0
	# shellcheck disable=SC2086
	start sensors 1883 "" $sensors
	until_holds "and come back" has sensor 10
	holds "each to its broker" [ "$(homes sensor)" = "$before" ]
	holds "HAProxy carries all ten" haproxy_carries 10
	docker exec usher usher status | sed -n 's/^standby/       &/p'
fi

printf '\n%sAll of it held.%s\n' "$bold" "$plain"
