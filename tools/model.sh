#!/bin/sh
# Checks the models of the group, of its edits, of consents to them, of its learners, and of who leads over an engine
# (docs/model/group.pml, edits.pml, consents.pml, learners.pml, fencing.pml) with SPIN: every run within the bounds of each
# line below; then the same with one rule wrong at a time, which must be found. Needs spin, gcc, and 8 GB of memory.
# Usage: tools/model.sh [runs|mutations|NAME...]   (default: runs and mutations; NAME: of a line below)
set -eu
cd "$(dirname "$0")/.."
missing=
for program in spin gcc; do command -v $program > /dev/null 2>&1 || missing="$missing $program"; done
if [ -n "$missing" ]; then
  echo "Cannot check the model:$missing isn't on PATH; install it (on Debian: apt-get install$missing) and run make model again." >&2
  exit 1
fi

# Of the group: name, members of view 1 (7: three; 3: two and a newcomer), views, rounds, crashes, leaves, texts,
# switches. Of the other models: name, bounds by their names, switches.
runs='
three-deep        7 3 1 2 0 1 CHECK_HELD
three-texts       7 3 1 1 0 2 CHECK_HELD
three-rounds      7 2 2 2 0 2 CHECK_HELD CHECK_ALONE
three-leave       7 3 1 1 1 1 CHECK_HELD
three-alone       7 3 2 0 0 1 CHECK_ALONE
newcomer-deep     3 3 1 2 0 2 CHECK_HELD
newcomer-rounds   3 2 2 2 0 2 CHECK_HELD CHECK_ALONE
newcomer-leave    3 3 1 1 1 2 CHECK_HELD
newcomer-alone    3 3 2 0 0 1 CHECK_ALONE
shortest-of-best  7 3 1 0 0 2 SHORTEST_OF_BEST
nothing-forgotten 7 2 1 1 0 2 CHECK_HELD UNSETTLED
'
edit_runs='
edits-two         FIRST_VIEW=3 GROUP=3 VIEWS=2 CRASHES=1 ROUNDS=1 NUMBERS=1
edits-again       FIRST_VIEW=3 GROUP=3 VIEWS=2 CRASHES=0
edits-restarts    FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 COORDINATOR_CRASHES=2 NUMBERS=3
edits-three       FIRST_VIEW=7 VIEWS=1 CRASHES=0 NUMBERS=1
edits-newcomer    FIRST_VIEW=3 VIEWS=2 CRASHES=0 LOSSES=0 NUMBERS=1
edits-same        FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 LOSSES=0 REQUESTS=3
edits-other       FIRST_VIEW=3 GROUP=3 VIEWS=1 COORDINATOR_CRASHES=0 LOSSES=0 REQUESTS=3 SAME_ENTRY=0 REFUSALS=0 QUEUE=5
'
learner_runs='
learners-deep     LOSSES=3 CRASHES=3 COMINGS=3
'
consent_runs='
consents-lies     RULES=2 CRASHES=1
consents-honest   LIES=0 NUMBERS=3 RULES=3 CRASHES=1
'
fencing_runs='
fencing-deep      CLOCKS=0 LEADS=3 RECORDS=2 COMPACTIONS=1 LATE=1 CRASHES=0
fencing-bases     CLOCKS=0 LEADS=2 RECORDS=2 COMPACTIONS=2 LATE=1 CRASHES=0
fencing-clocks    LEADS=3 RECORDS=1 COMPACTIONS=1 LATE=0 CRASHES=1
'
learner_mutations='
learners-gate     LOSSES=1 CRASHES=1 COMINGS=2 MUTATION_GATE
learners-alone    LOSSES=1 CRASHES=1 COMINGS=2 MUTATION_ALONE
learners-removal  LOSSES=1 CRASHES=1 COMINGS=2 MUTATION_REMOVAL
learners-outlives LOSSES=1 CRASHES=1 COMINGS=2 MUTATION_OUTLIVES
learners-wait     LOSSES=1 CRASHES=1 COMINGS=2 MUTATION_WAIT
'
consent_mutations='
consents-signature RULES=1 CRASHES=0 MUTATION_SIGNATURE
consents-binding  RULES=2 CRASHES=0 MUTATION_CONSENT
consents-place    RULES=1 CRASHES=0 MUTATION_PLACE
consents-text     RULES=2 CRASHES=0 MUTATION_TEXT
consents-twice    RULES=1 CRASHES=0 MUTATION_TWICE
consents-differs  RULES=1 CRASHES=0 MUTATION_DIFFERS
consents-unasked  RULES=2 CRASHES=0 MUTATION_UNASKED
consents-number   RULES=2 CRASHES=0 MUTATION_NUMBER
consents-id       RULES=2 CRASHES=0 MUTATION_ID
consents-own      RULES=1 CRASHES=0 MUTATION_OWN
consents-other    RULES=2 CRASHES=0 MUTATION_OTHER
consents-unsynced RULES=1 CRASHES=1 MUTATION_UNSYNCED
consents-record   RULES=1 CRASHES=1 MUTATION_RECORD
consents-rules    LIES=0 MUTATION_RULES
consents-votes    LIES=0 MUTATION_VOTES
'
fencing_mutations='
fencing-fence     CLOCKS=0 LEADS=2 RECORDS=1 COMPACTIONS=0 LATE=1 CRASHES=0 MUTATION_FENCE
fencing-name      CLOCKS=0 LEADS=2 RECORDS=1 COMPACTIONS=0 LATE=1 CRASHES=0 MUTATION_NAME
fencing-early     CLOCKS=0 LEADS=2 RECORDS=1 COMPACTIONS=0 LATE=0 CRASHES=0 MUTATION_EARLY
fencing-torn      CLOCKS=0 LEADS=3 RECORDS=1 COMPACTIONS=1 LATE=0 CRASHES=0 MUTATION_TORN
fencing-unknown   CLOCKS=0 LEADS=2 RECORDS=1 COMPACTIONS=0 LATE=0 CRASHES=0 MUTATION_UNKNOWN
fencing-refusal   CLOCKS=0 LEADS=2 RECORDS=1 COMPACTIONS=0 LATE=0 CRASHES=0 MUTATION_REFUSAL
fencing-from      CLOCKS=0 LEADS=1 RECORDS=1 COMPACTIONS=1 LATE=0 CRASHES=0 MUTATION_FROM
fencing-deletes   CLOCKS=0 LEADS=1 RECORDS=1 COMPACTIONS=2 LATE=0 CRASHES=0 MUTATION_DELETES
fencing-head      CLOCKS=0 LEADS=1 RECORDS=0 COMPACTIONS=2 LATE=1 CRASHES=0 MUTATION_HEAD
fencing-base      CLOCKS=0 LEADS=2 RECORDS=1 COMPACTIONS=2 LATE=0 CRASHES=0 MUTATION_BASE
fencing-trust     LEADS=2 RECORDS=0 COMPACTIONS=0 LATE=0 CRASHES=0 MUTATION_TRUST
fencing-unasked   LEADS=2 RECORDS=0 COMPACTIONS=0 LATE=0 CRASHES=0 MUTATION_UNASKED
'
mutations='
delivery          7 2 0 0 0 2 MUTATION_DELIVERY UNSETTLED
flush             7 2 0 0 0 2 MUTATION_FLUSH UNSETTLED
number            7 3 0 1 0 2 MUTATION_NUMBER
promise           3 2 1 1 0 2 MUTATION_PROMISE UNSETTLED
shortest          3 2 0 0 0 2 MUTATION_SHORTEST
validity          7 2 0 0 0 2 MUTATION_VALIDITY
levelled          7 3 0 0 0 2 MUTATION_LEVELLED
drop              7 3 0 0 0 2 MUTATION_DROP
newcomer          3 2 1 0 0 2 MUTATION_NEWCOMER
leaver            3 2 1 0 1 2 MUTATION_LEAVER
view              3 3 1 0 0 2 MUTATION_VIEW
incarnation       7 2 1 1 0 2 MUTATION_INCARNATION UNSETTLED
later             3 3 1 0 0 1 MUTATION_LATER
stuck             7 3 1 0 0 1 MUTATION_STUCK CHECK_ALONE
exception         7 3 0 0 0 2 RULE_EXCEPTION MUTATION_EXCEPTION
restarted         7 2 0 1 0 2 RULE_EXCEPTION CHECK_ALONE
'
edit_mutations='
edits-vote        FIRST_VIEW=3 GROUP=3 VIEWS=1 COORDINATOR_CRASHES=0 ROUNDS=1 NUMBERS=1 MUTATION_UNSYNCED_VOTE
edits-decision    FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 LOSSES=0 NUMBERS=1 MUTATION_UNSYNCED_DECISION
edits-presumes    FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 LOSSES=0 NUMBERS=1 MUTATION_PRESUMES
edits-forgets     FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 LOSSES=0 NUMBERS=1 MUTATION_FORGETS
edits-outsider    FIRST_VIEW=3 VIEWS=2 CRASHES=0 LOSSES=0 NUMBERS=1 MUTATION_NEWCOMER
edits-view        FIRST_VIEW=3 GROUP=3 VIEWS=2 COORDINATOR_CRASHES=0 LOSSES=2 NUMBERS=1 REFUSALS=0 MUTATION_VIEW
edits-asked       FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 COORDINATOR_CRASHES=0 LOSSES=0 NUMBERS=1 MUTATION_ASKED
edits-number      FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 LOSSES=0 MUTATION_NUMBER
edits-lock        FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 COORDINATOR_CRASHES=0 LOSSES=0 REQUESTS=3 MUTATION_LOCK
edits-id          FIRST_VIEW=3 GROUP=3 VIEWS=1 CRASHES=0 LOSSES=0 MUTATION_VOTE
edits-late        FIRST_VIEW=3 GROUP=3 VIEWS=2 CRASHES=0 REFUSALS=0 MUTATION_FELLOW
edits-forgives    FIRST_VIEW=3 GROUP=3 VIEWS=2 CRASHES=0 COORDINATOR_CRASHES=0 LOSSES=2 NUMBERS=1 MUTATION_FORGIVES
edits-orphan      FIRST_VIEW=3 GROUP=3 VIEWS=2 COORDINATOR_CRASHES=0 LOSSES=2 NUMBERS=1 MUTATION_ORPHAN
edits-offer       FIRST_VIEW=3 GROUP=3 VIEWS=1 COORDINATOR_CRASHES=0 LOSSES=0 REQUESTS=3 SAME_ENTRY=0 REFUSALS=0 QUEUE=5 MUTATION_OFFER DEEP
'

# Runs one line; the statistics are left in build/model/NAME/result. $1: holds, breaks (breadth first: the shortest
# counterexample) or breaks-deep (any, where that takes too much).
check() {
  aim=$1 name=$2
  case $3 in
    *=*)
      model=${name%%-*}
      bounds=
      shift 2
      ;;
    *)
      model=group bounds="-DFIRST_VIEW=$3 -DVIEWS=$4 -DROUNDS=$5 -DCRASHES=$6 -DLEAVES=$7 -DTEXTS=$8"
      shift 8
      ;;
  esac
  # Of the others there are fewer states and a larger program: what compiling takes counts for more.
  case "$model $aim" in
    'group holds') compiling=-O2 searching=-w26 ;;
    'group breaks') compiling='-O1 -DBFS' searching=-w20 ;;
    *' holds') compiling=-O1 searching=-w24 ;;
    *' breaks') compiling='-O0 -DBFS' searching=-w20 ;;
    *) compiling=-O0 searching=-w20 ;;
  esac
  for switch in "$@"; do bounds="$bounds -D$switch"; done
  rm -rf "build/model/$name"
  mkdir -p "build/model/$name"
  (
    cd "build/model/$name"
    # shellcheck disable=SC2086 # several flags
    spin -a $bounds "../../../docs/model/$model.pml" > spin.log 2>&1 || { cat spin.log >&2; exit 2; }
    # All state is global: reduction by partial order would find nothing to leave out.
    # shellcheck disable=SC2086 # several flags
    gcc -w -DSAFETY -DNOREDUCE -DMEMLIM=8192 $compiling -o pan pan.c 2> gcc.log || { cat gcc.log >&2; exit 2; }
    started=$(date +%s)
    # shellcheck disable=SC2086 # several flags
    nice ./pan -m10000 -E $searching > result 2>&1 || true
    echo "seconds $(($(date +%s) - started))" >> result
    # What the steps of a counterexample say of themselves.
    if [ -f "$model.pml.trail" ]; then
      ./pan -r "$model.pml.trail" 2> /dev/null | sed -n 's/^ *\([0-9.]* [a-z].*\|coordinator: .*\|the [a-z]* .*\|request .*\|an attempt .*\|time passes\|fault [0-9]*\)$/\1/p' > steps.txt
    fi
  )
}

number_of() {
  sed -n "s/^ *\([0-9.e+]*\) $2.*/\1/p" "build/model/$1/result" | head -n 1
}

tell() {
  result=build/model/$1/result
  printf '%-18s %12s states  depth %3s  %5s MB  %4s s  %s\n' "$1" "$(number_of "$1" 'states, stored')" \
    "$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' "$result")" \
    "$(sed -n 's/^ *\([0-9]*\)[0-9.]*.total actual memory usage.*/\1/p' "$result")" \
    "$(sed -n 's/^seconds //p' "$result")" "$2"
}

failed=0

must_hold() {
  check holds "$@"
  if grep -q 'errors: 0' "build/model/$1/result" && ! grep -q 'Search not completed\|max search depth' "build/model/$1/result"; then
    tell "$1" holds
  else
    tell "$1" 'FAILS'
    failed=1
    if [ -f "build/model/$1/steps.txt" ]; then sed 's/^/  /' "build/model/$1/steps.txt"; else tail -n 20 "build/model/$1/result"; fi
  fi
}

must_break() {
  case " $* " in
    *' DEEP '*) check breaks-deep "$@" ;;
    *) check breaks "$@" ;;
  esac
  if [ -s "build/model/$1/steps.txt" ]; then
    tell "$1" "caught: $(tail -n 1 "build/model/$1/steps.txt") after $(($(wc -l < "build/model/$1/steps.txt") - 1)) steps"
  else
    tell "$1" 'NOT CAUGHT'
    failed=1
  fi
}

# $1: names or "all"; then the function for each line of standard input.
each() {
  wanted=$1 how=$2
  while read -r line; do
    # shellcheck disable=SC2086 # the words of the line
    set -- $line
    [ $# -gt 0 ] || continue
    case " $wanted " in *" all "* | *" $1 "*) $how "$@" ;; esac
  done
}

runs_wanted=all mutations_wanted=all
case "${1:-}" in
  '') ;;
  runs) mutations_wanted= ;;
  mutations) runs_wanted= ;;
  *) runs_wanted=$* mutations_wanted=$* ;;
esac
# The others beside the group, where there is a second processor.
(
  each "$runs_wanted" must_hold << END
$edit_runs
$consent_runs
$learner_runs
$fencing_runs
END
  each "$mutations_wanted" must_break << END
$edit_mutations
$consent_mutations
$learner_mutations
$fencing_mutations
END
  exit $failed
) &
each "$runs_wanted" must_hold << END
$runs
END
each "$mutations_wanted" must_break << END
$mutations
END
wait $! || failed=1
exit $failed
