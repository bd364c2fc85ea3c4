#!/bin/sh
# Runs the tests: types and style, those that need no permission, those that do, those of the built program.
# Usage: tools/test.sh [--all [SECONDS]]   (each suite's output stands in build/test-*.log; the last line counts all, but
# for those ignored, which the line before it counts; after SECONDS no further part of the program's tests is begun, and
# that is said)
#
# Without --all it leaves out what takes long for what it tells of a change: tests marked SLOW (tests/given.ts), long
# seeds and hunts of the simulator, real nodes of an engine, packages, and programs in trouble of the rarer kinds.
set -u
cd "$(dirname "$0")/.." || exit
deno=$(tools/find_deno.sh) || exit 1
case ${1:-} in
  --all) quick= ;;
  '') quick=--quick ;;
  *)
    echo "error: usage: tools/test.sh [--all [SECONDS]]" >&2
    exit 1
    ;;
esac
export NO_COLOR=1
mkdir -p build
parts=6
begun=$(date +%s)
beginning_until=$((begun + ${2:-86400}))
# A suite takes up to five minutes on two cores, those of files and of the program thrice that.
seconds_max=1080
before=
# For what simulates: most of a simulated room lives on, so that a large nursery spares the collector the copying of it;
# its helpers would only take the processors from other tests.
nursery=--v8-flags=--min-semi-space-size=64,--max-semi-space-size=128,--single-threaded-gc
failed=0
passed=0
ignored=

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
    # By SIGINT: then `deno test` says which tests hadn't ended.
    kill -INT "$command"
  ) &
  watching=$!
  wait "$command"
  ended=$?
  kill "$watching" 2>/dev/null
  wait "$watching" 2>/dev/null
  return "$ended"
}

# $1: name, then options and files of `deno test`. How long each test took stands in build/test-NAME.xml, and how it
# ended in build/test-NAME.counts: passed, failed, ignored.
suite() {
  name=$1
  shift
  log=build/test-$name.log
  # shellcheck disable=SC2086 # a command before the command, or none; an argument, or none
  bounded $before "$deno" test --no-check --frozen --reporter=dot --junit-path="build/test-$name.xml" "$@" -- $quick > "$log" 2>&1
  status=$?
  counts=$(sed -n 's/.*| \([0-9]*\) passed.* | \([0-9]*\) failed.*/\1 \2/p' "$log" | tail -n 1)
  suite_passed=${counts%% *}
  suite_failed=${counts##* }
  if [ "$status" -ne 0 ] && [ "${suite_failed:-0}" -eq 0 ]; then suite_failed=1; fi
  suite_ignored=$(sed -n 's/.*| [0-9]* passed.* | \([0-9]*\) ignored.*/\1/p' "$log" | tail -n 1)
  echo "${suite_passed:-0} ${suite_failed:-0} ${suite_ignored:-0}" > "build/test-$name.counts"
  if [ "$status" -eq 0 ]; then
    printf '%-12s %s passed\n' "$name" "${suite_passed:-0}"
  else
    printf '%-12s FAILED, see %s\n' "$name" "$log"
    tail -n 60 "$log"
  fi
}

# Adds what a suite has left in its .counts.
count() {
  if read -r suite_passed suite_failed suite_ignored < "build/test-$1.counts"; then
    passed=$((passed + suite_passed))
    failed=$((failed + suite_failed))
    if [ -n "$suite_ignored" ]; then ignored="$ignored${ignored:+, }$1 $suite_ignored"; fi
  else
    failed=$((failed + 1))
  fi
}

# A check that isn't a test suite counts as one test.
check() {
  name=$1
  shift
  if "$@" > "build/test-$name.log" 2>&1; then
    echo 1 0 > "build/test-$name.counts"
    printf '%-12s passed\n' "$name"
  else
    echo 0 1 > "build/test-$name.counts"
    printf '%-12s FAILED\n' "$name"
    tail -n 40 "build/test-$name.log"
  fi
}

# Pure suites get no permission at all; what needs files, ports or processes says so in its name.
pure=$(find tests -name '*_test.ts' ! -name '*_io_test.ts' ! -path 'tests/e2e/*' ! -path 'tests/sim/*' ! -name architecture_test.ts | sort)
simulated=$(find tests/sim -name '*_test.ts' ! -name 'group_*' | sort)
simulated_groups=$(find tests/sim -name 'group_*_test.ts' | sort)
io=$(find tests -name '*_io_test.ts' ! -path 'tests/e2e/*' ! -path 'tests/engine/*' ! -path 'tests/packaging/*' | sort)
# Each in a module of its own: what a test of nodes that are killed leaves behind is no other test's.
engine=$(find tests/engine -name '*_io_test.ts' | sort)
# Those that take longest first, so that none of them is left over at the end: the directory, groups, rooms that split.
all=$(find tests/e2e -name '*_test.ts' | sort)
waiting='/(directory|group|mesh)_'
program="$(echo "$all" | grep -E "$waiting") $(echo "$all" | grep -vE "$waiting")"
if [ -n "$quick" ]; then
  trouble='/(engine|build|disk|launcher|packages)_|_(crash|flood|hostile|impostor|listed|loss|namespaces|recovery|split|trouble)_'
  program=$(echo "$program" | tr ' ' '\n' | grep -vE "$trouble")
  simulated=$(echo "$simulated" | grep -E '_sim_test')
  simulated_groups=$(echo "$simulated_groups" | grep -E '_sim_test')
  io=$(echo "$io" | grep -vE '/engine_')
  engine=
fi

rm -f build/test-*.counts
# Those of types need one processor; the others run on what they leave.
check types "$deno" check --frozen main.ts lib tests tools packaging &
types=$!
check fmt "$deno" fmt --check
check lint "$deno" lint
check weight "$deno" run --no-check --allow-read tools/weight.ts
# shellcheck disable=SC2086 # one argument a file
suite pure --parallel "$nursery" $(tools/together.sh pure 4 $pure)
wait "$types"
# The program's tests wait much of the time, for each other's processes and for time to pass: four files at once. The
# simulated suite and that of files run in those gaps with less right to the processors.
before='nice -n 5'
# shellcheck disable=SC2086
suite simulated --parallel "$nursery" $(tools/together.sh groups 2 $simulated_groups) $(tools/together.sh sim 4 $simulated) &
others=$!
# One after the other, so that they end last: a little less right is enough.
before='nice -n 2'
# shellcheck disable=SC2086
suite files -A $(tools/together.sh files 1 tests/architecture_test.ts $io) $engine &
files=$!
packages=
if [ -z "$quick" ]; then
  suite packages -A tests/packaging/packages_io_test.ts &
  packages=$!
fi
before=
# The first start of each command unpacks and compiles it: once, and not in each of the first tests, at the same time.
for command in mesh peer regserver serve --web; do
  "${P2PCHAT:-./p2pchat}" "$command" --version
done > build/test-start.log 2>&1
export DENO_JOBS=5
names=
left_out=0
for part in $(seq "$parts"); do
  # By turns, so that each part has some of those that take longest.
  of_part=$(echo "$program" | tr ' ' '\n' | awk -v part="$part" -v parts="$parts" 'NR % parts == part % parts')
  if [ "$(date +%s)" -gt "$beginning_until" ]; then
    left_out=$((left_out + $(echo "$of_part" | wc -l)))
    continue
  fi
  names="$names program-$part"
  # shellcheck disable=SC2086
  suite "program-$part" --parallel -A $of_part
done
unset DENO_JOBS
# shellcheck disable=SC2086 # a process, or none
wait "$others" "$files" $packages
for name in types fmt lint weight pure simulated files ${packages:+packages} $names; do count "$name"; done

# A test that can't run here is not one that passed: whoever reads this may want to run it elsewhere.
if [ -n "$quick" ]; then echo "left out: what takes long (make test-all); what is marked so counts as ignored"; fi
if [ "$left_out" -gt 0 ]; then echo "left out for want of time: $left_out files of the program's tests (make test-all)"; fi
printf 'ignored: %s\n' "$ignored"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
