#!/bin/sh
# Makes the demo's secrets, once: a CA, the server's certificate, a client's, and the cluster's cookie.
#
#   certs.sh DIRECTORY
#
# They live in the volume that is mounted there; `docker compose down -v` throws them away.
set -eu
umask 027
cd "$1"
[ ! -e complete ] || exit 0

days=3650
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
make() { # NAME SUBJECT EXTENSION: NAME.crt and NAME.key, signed by the CA
	new_key "$1"
	printf '%s\n' "$3" >"$1.ext"
	openssl req -new -key "$1.key" -subj "$2" | openssl x509 -req -CA ca.pem -CAkey ca.key \
		-CAcreateserial -days "$days" -extfile "$1.ext" -out "$1.crt"
	rm "$1.ext"
}
new_key ca
openssl req -x509 -key ca.key -days "$days" -out ca.pem -subj "/CN=usher demo CA"
make server "/CN=localhost" "subjectAltName = DNS:localhost, DNS:usher, DNS:proxy, IP:127.0.0.1"
cat server.crt server.key >server.pem
make client "/CN=gateway-1" "extendedKeyUsage = clientAuth"

# EMQX runs as another user and reads its cookie from here.
openssl rand -hex 20 >cookie
chmod 644 cookie
touch complete
