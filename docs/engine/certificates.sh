#!/bin/sh
# Certificates for an engine, in the folder where it is run: an authority of its own (ca; keep ca.key elsewhere
# afterwards), one for each node, one for p2pchat.
# Usage: certificates.sh HOST1 HOST2 HOST3   (names or addresses by which nodes and p2pchat reach each node)
set -eu
umask 077
[ $# -gt 0 ] || { echo "usage: $0 HOST..." >&2; exit 2; }
new_key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

# None has a CN: etcd's gateway refuses one, and a node speaks to itself through it.
# shellcheck disable=SC2086 # several words
if [ ! -e ca.key ]; then
  openssl req -x509 $new_key -days 3650 -subj "/O=p2pchat engine" -keyout ca.key -out ca.pem 2> /dev/null
fi

# $1: name of the files, $2: whom it is for
certify() {
  # shellcheck disable=SC2086
  openssl req $new_key -subj "/O=p2pchat engine" -keyout "$1.key" -out "$1.csr" 2> /dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile "$1.ext" \
    -out "$1.pem" 2> /dev/null
  rm "$1.csr" "$1.ext"
}

for host in "$@"; do
  case $host in
    *:*) kind=IP ;;
    *[!0-9.]*) kind=DNS ;;
    *) kind=IP ;;
  esac
  certify "$host" "$kind:$host,IP:127.0.0.1"
done
certify p2pchat DNS:p2pchat
