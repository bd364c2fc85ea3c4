#!/bin/sh
# Installs the baselines of `make bench` that come from npm into build/bench-deps, and says which others are
# missing. Neither program nor tests need any of them.
# Usage: tools/bench_deps.sh
set -eu
cd "$(dirname "$0")/.."
if ! command -v npm > /dev/null 2>&1; then
  echo "Cannot install the baselines: npm isn't on PATH; install the package npm and run make bench-deps again." >&2
  exit 1
fi
mkdir -p build/bench-deps
cp tests/bench/baselines.json build/bench-deps/package.json
npm install --prefix build/bench-deps --no-audit --no-fund --ignore-scripts --loglevel=error
missing=
for package in nats-server redis-server etcd-server mosquitto openssh-server dbus-daemon avahi-daemon avahi-utils; do
  server=$package
  case $package in
    etcd-server) server=etcd ;;
    openssh-server) server=sshd ;;
    avahi-utils) server=avahi-browse ;;
  esac
  # Debian keeps servers where not every PATH looks.
  if ! PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$server" > /dev/null 2>&1; then missing="$missing $package"; fi
done
if [ -n "$missing" ]; then
  echo "Some rows have no baseline yet; on Debian: apt-get install -y$missing"
fi
