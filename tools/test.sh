#!/bin/sh
# Runs all tests: types and style, those that need no permission, those that do, those of the built program.
# Usage: tools/test.sh   (each suite's output stands in build/test-*.log; the last line counts all)
set -u
cd "$(dirname "$0")/.." || exit
deno=$(tools/find_deno.sh) || exit 1
export NO_COLOR=1
mkdir -p build
# Each suite takes one to four minutes on two cores.
seconds_max=600
failed=0
passed=0

# Runs a command, and ends it where it takes too long: a test that waits for ever is a failed test.
bounded() {
  "$@" &
  command=$!
  (
    trap 'kill "$sleeping" 2>/dev/null; exit' TERM
    sleep "$seconds_max" &
    sleeping=$!
    wait "$sleeping"
    echo "error: still running after $seconds_max s, and ended" >&2
    kill "$command"
  ) &
  watching=$!
  wait "$command"
  ended=$?
  kill "$watching" 2>/dev/null
  wait "$watching" 2>/dev/null
  return "$ended"
}

# $1: name, then the command. Its output, and how it ended, stand in build/.
run() {
  name=$1
  shift
  bounded "$@" > "build/test-$name.log" 2>&1
  echo "$?" > "build/test-$name.status"
}

# $1: name. Counts what `deno test` said of itself.
report() {
  name=$1
  log=build/test-$name.log
  status=$(cat "build/test-$name.status" 2>/dev/null || echo 1)
  counts=$(sed -n 's/.*| \([0-9]*\) passed.* | \([0-9]*\) failed.*/\1 \2/p' "$log" | tail -n 1)
  suite_passed=${counts%% *}
  suite_failed=${counts##* }
  if [ "$status" -ne 0 ] && [ "${suite_failed:-0}" -eq 0 ]; then suite_failed=1; fi
  passed=$((passed + ${suite_passed:-0}))
  failed=$((failed + ${suite_failed:-0}))
  if [ "$status" -eq 0 ]; then
    printf '%-12s %s passed\n' "$name" "${suite_passed:-0}"
  else
    printf '%-12s FAILED, see %s\n' "$name" "$log"
    tail -n 60 "$log"
  fi
}

suite() {
  run "$@"
  report "$1"
}

# A check that isn't a test suite counts as one test.
check() {
  name=$1
  shift
  if "$@" > "build/test-$name.log" 2>&1; then
    passed=$((passed + 1))
    printf '%-12s passed\n' "$name"
  else
    failed=$((failed + 1))
    printf '%-12s FAILED\n' "$name"
    tail -n 40 "build/test-$name.log"
  fi
}

check fmt "$deno" fmt --check
check lint "$deno" lint
check types "$deno" check --frozen main.ts lib tests tools

# Pure suites get no permission at all; what needs files, ports or processes says so in its name.
pure=$(find tests -name '*_test.ts' ! -name '*_io_test.ts' ! -path 'tests/e2e/*' ! -path 'tests/sim/*' ! -name architecture_test.ts | sort)
simulated=$(find tests/sim -name '*_test.ts' | sort)
io=$(find tests -name '*_io_test.ts' ! -path 'tests/e2e/*' | sort)
friends=$(find tests/e2e -name 'friends_*test.ts' | sort)
group=$(find tests/e2e -name 'group_*test.ts' ! -name 'group_edit*' ! -name 'group_snapshot*' ! -name 'group_recovery*' | sort)
edits=$(find tests/e2e \( -name 'group_edit*test.ts' -o -name 'group_snapshot*test.ts' -o -name 'group_recovery*test.ts' \) | sort)
directory=$(find tests/e2e \( -name 'directory_*test.ts' -o -name 'regserver_*test.ts' -o -name 'accounts_*test.ts' \) | sort)
program=$(find tests/e2e -name '*_test.ts' ! -name 'friends_*' ! -name 'group_*' ! -name 'directory_*' ! -name 'regserver_*' ! -name 'accounts_*' | sort)
# shellcheck disable=SC2086 # one argument a file
suite pure "$deno" test --no-check --frozen --parallel $pure
# shellcheck disable=SC2086
suite simulated "$deno" test --no-check --frozen --parallel $simulated
# shellcheck disable=SC2086
suite files "$deno" test --no-check --frozen -A tests/architecture_test.ts $io

# The program's suites wait most of the time, for each other's processes and for time to pass: two at once.
e2e() {
  name=$1
  shift
  run "$name" "$deno" test --no-check --frozen -A "$@"
}
rm -f build/test-*.status
# shellcheck disable=SC2086
(
  e2e directory $directory
  e2e friends $friends
) &
beside=$!
# shellcheck disable=SC2086
e2e program $program
# shellcheck disable=SC2086
e2e group $group
# shellcheck disable=SC2086
e2e edits $edits
wait "$beside"
for name in program directory friends group edits; do report "$name"; done

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
