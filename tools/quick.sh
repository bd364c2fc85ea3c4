#!/bin/sh
# Runs the pure tests, but for those marked SLOW (tests/given.ts): what to run after every change.
# Usage: tools/quick.sh [PART] [--watch]   (PART: a word of the tests' paths, such as mesh, group, cli)
set -u
cd "$(dirname "$0")/.." || exit
deno=$(tools/find_deno.sh) || exit 1
part=
watch=
for word in "$@"; do
  case $word in
  --watch) watch=--watch ;;
  *) part=$word ;;
  esac
done
files=$(find tests -name '*_test.ts' -path "*$part*" ! -name '*_io_test.ts' \
  ! -path 'tests/e2e/*' ! -path 'tests/sim/*' ! -name architecture_test.ts | sort)
if [ -z "$files" ]; then
  echo "error: no pure test has '$part' in its path" >&2
  exit 1
fi
# shellcheck disable=SC2086 # one argument a file
exec "$deno" test --v8-flags=--min-semi-space-size=64,--max-semi-space-size=128 --no-check --frozen --parallel --quiet --reporter=dot $watch $(tools/together.sh quick 4 $files) -- --quick
