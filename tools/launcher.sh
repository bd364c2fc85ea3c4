#!/bin/sh
# p2pchat in one file: this script, padded, then compressed parts, the programs and the runtime they need.
# The first start unpacks two of them into the user's cache, each under its digest; later starts run them from there.

# Nothing below begins with what the environment has under the same name, least of all what is to be removed.
unset CDPATH above asked begun bytes cache cleaning compiled database databases digest facts files flags folder fresh \
  from group guarded hard home kept_invite kept_password kind known left mask max members name number open ours owner \
  parent part paths program_is rest runtime_is said script self small state step temporary tenths used watched whole

# What can do all, and what can do one command alone, without what these flags load: to load the others' code takes each
# start a tenth longer.
only=${1:-}
case "$#" in 0) only=regserver ;; esac # what each can do, the smallest does soonest
case " $* " in
  ' --help ' | ' help ' | ' --version ') only=regserver ;;
  *' --irc'* | *' --log-file'* | *' --map-port'* | *' --mcp'* | *' --metrics'* | *' --web'*) only=all ;;
esac
case $only in
  mesh) program=@MESH@ program_start=@MESH_START@ program_bytes=@MESH_BYTES@ ;;
  peer) program=@PEER@ program_start=@PEER_START@ program_bytes=@PEER_BYTES@ ;;
  regserver) program=@REGSERVER@ program_start=@REGSERVER_START@ program_bytes=@REGSERVER_BYTES@ ;;
  serve) program=@SERVE@ program_start=@SERVE_START@ program_bytes=@SERVE_BYTES@ ;;
  *) program=@PROGRAM@ program_start=@PROGRAM_START@ program_bytes=@PROGRAM_BYTES@ ;;
esac
runtime=@RUNTIME@
runtime_start=@RUNTIME_START@
runtime_bytes=@RUNTIME_BYTES@
whole_bytes=@WHOLE_BYTES@

# A file that grows past the limit (ulimit -f) is an error, which the program tells, and no end without a word.
trap '' XFSZ

# No process but the program's own gets what is secret.
if [ -n "${P2PCHAT_PASSWORD+set}" ]; then kept_password=$P2PCHAT_PASSWORD; fi
if [ -n "${P2PCHAT_INVITE+set}" ]; then kept_invite=$P2PCHAT_INVITE; fi
unset P2PCHAT_PASSWORD P2PCHAT_INVITE

# The runtime opens /dev/null where standard output is closed: what is read from the network or from others would be lost,
# and nobody told. (Something would be opened as it below, too.)
if ! { true 3>&1; } 2>/dev/null; then
  echo "error: Cannot write to standard output: it is closed; write to another place, /dev/null if nobody is to read it" >&2
  exit 5
fi

# How many files may be open: the runtime raises its limit to the hard one, and breaks off with a trace where it is low.
P2PCHAT_OPEN_FILES=
if [ -r /proc/self/limits ]; then
  while read -r max open files _ hard _; do
    case "$max $open $files" in
      'Max open files')
        P2PCHAT_OPEN_FILES=$hard
        break # a shell reads byte by byte
        ;;
    esac
  done < /proc/self/limits
fi
case $P2PCHAT_OPEN_FILES in
  '' | *[!0-9]*) ;;
  *)
    if [ "$P2PCHAT_OPEN_FILES" -lt 64 ]; then
      echo "error: p2pchat may open no more than $P2PCHAT_OPEN_FILES files and sockets, and needs 64; raise the hard limit (ulimit -Hn, LimitNOFILE of a service) and start again" >&2
      exit 5
    fi
    ;;
esac

# ask FOLDER PATHS: asks the system about these files in it, and about all folders above it (../), in one process.
#   facts: six about each file that is there;
#   guarded: nobody else may put another folder in the place of FOLDER, or of one above it, as the owner of that may (65534:
#     in a container, of what is the machine's). For a folder with the sticky bit, only the owner of what is in it may, too;
#     where the group may, it has to be the owner's own.
ask() {
  rest=$1 step='' above='' guarded=no
  while [ -n "$rest" ]; do
    rest=${rest%/*}
    step=../$step
    above="$above $step"
  done
  # shellcheck disable=SC2086 # our own names, without blanks
  facts=$(cd "$1" 2>/dev/null && exec stat -L -c '%n %a %i %.9Z %s %u' . $above $2 2>/dev/null)
  # shellcheck disable=SC2086
  if [ -z "$facts" ]; then facts=$(cd "$1" 2>/dev/null && exec stat -L -f '%N %Mp%Lp %i %Fc %z %u' . $above $2 2>/dev/null); fi
  if [ -z "$facts" ]; then return; fi
  guarded=yes asked=$1
  # shellcheck disable=SC2086
  set -- $facts
  while [ $# -ge 6 ]; do
    # shellcheck disable=SC3067
    case $1$6 in
      *./0 | *./65534) ;;
      *./*) if [ ! -O "$asked/$1" ]; then guarded=no; fi ;;
    esac
    case "$1 $2" in
      *./' '[1357]???) ;;
      *./' '*[2367]) guarded=no ;;
      *./' '*[2367]?) has_own_group "$asked/$1" || guarded=no ;;
    esac
    shift 6
  done
}

# has_own_group FOLDER: its group has the owner's name, as where each user has one, and there is nobody else in it. (A + says
# that more users than these have rights.)
has_own_group() {
  # shellcheck disable=SC2046 # the first four words are looked at
  set -- $(exec ls -ld "$1" 2>/dev/null)
  case ${1:-+} in *+) return 1 ;; esac
  if [ "$3" != "$4" ]; then return 1; fi
  owner=$3 group=
  while IFS=: read -r name _ number members; do
    if [ "$name" = "$owner" ]; then
      case $members in '' | "$owner") group=$number ;; *) return 1 ;; esac
    fi
  done 2>/dev/null < /etc/group
  if [ -z "$group" ]; then return 1; fi
  while IFS=: read -r name _ _ number _; do
    if [ "$number" = "$group" ] && [ "$name" != "$owner" ]; then return 1; fi
  done 2>/dev/null < /etc/passwd
}

# [unpacks: what stands in such brackets isn't in the launcher of packages, where the parts lie beside it.
# is PART FILE: whether the file is this part, which is named after the first 32 digits of its SHA-256. (With exec,
# the shell makes one process for it, not two.)
is() {
  digest=$(exec 2>/dev/null sha256sum < "$2")
  if [ -z "$digest" ]; then digest=$(exec 2>/dev/null shasum -a 256 < "$2"); fi
  case $digest in "${1#*-}"*) ;; *) return 1 ;; esac
}

# look FOLDER: asks the system about the cache.
#   guarded: see above;
#   whole: the folder and both parts are there;
#   ours: they are this user's, and others have no right to change anything in them;
#   program_is, runtime_is: differ after each change of the file, even one that sets its time back;
#   compiled: the runtime's databases (SQLite) hold something, perhaps in their write-ahead logs alone.
look() {
  whole=yes ours=yes program_is='' runtime_is='' compiled=yes small=''
  for part in "$1" "$1/$runtime" "$1/$runtime/p2pchat" "$1/$program" "$1/$program/p2pchat.js"; do
    # shellcheck disable=SC3067 # dash, bash, ksh, zsh and busybox have it
    if [ ! -e "$part" ]; then whole=no; elif [ ! -O "$part" ]; then ours=no; fi
    if [ -L "$part" ] && [ "$part" != "$1" ]; then ours=no; fi
  done
  databases="$program/cache/dep_analysis_cache_v2 $program/cache/v8_code_cache_v2"
  paths="$runtime $runtime/p2pchat $program $program/p2pchat.js"
  for database in $databases; do paths="$paths $database $database-wal"; done
  ask "$1" "$paths"
  # shellcheck disable=SC2086
  set -- $facts
  while [ $# -ge 6 ]; do
    case $1 in
      .) case $2 in *00) ;; *) ours=no ;; esac ;;
      ../*) ;;
      */cache/*-wal) if [ "$5" -gt 0 ]; then small=''; fi ;;
      */cache/*)
        if [ -n "$small" ]; then compiled=no; fi
        if [ "$5" -gt 4096 ]; then small=''; else small=yes; fi
        ;;
      *) case $2 in *[2367]? | *[2367]) ours=no ;; esac ;;
    esac
    case $1 in
      */p2pchat) runtime_is="$3 $4 $5" ;;
      */p2pchat.js) program_is="$3 $4 $5" ;;
    esac
    shift 6
  done
  if [ -n "$small" ]; then compiled=no; fi
}

# usable FOLDER: both parts are there, and are what is in this file.
usable() {
  look "$1"
  [ "$whole$ours$guarded" = yesyesyes ] && is_as_packed "$1/$program" p2pchat.js "$program_is" &&
    is_as_packed "$1/$runtime" p2pchat "$runtime_is"
}

# is_as_packed FOLDER FILE FACTS: compares the digest with the folder's name, unless the file is unchanged since that was
# done: the stamp beside it has the facts of that time.
is_as_packed() {
  [ -x "$1/$2" ] || return 1
  known=
  { read -r known < "$1/stamp"; } 2>/dev/null
  if [ -n "$3" ] && [ "$known" = "$3" ]; then return; fi
  is "${1##*/}" "$1/$2" || return 1
  { printf '%s\n' "$3" > "$1/stamp"; } 2>/dev/null
}

# unpack FOLDER PART FILE START BYTES: moved into place by one rename, since several may start at once, and synced
# before, since a machine that loses power may keep the name without what is in it.
unpack() {
  fresh=$(mktemp -d "$1/new.XXXXXX" 2>/dev/null) || return 1
  # Quietly: the first of the three may complain that the second has enough.
  # shellcheck disable=SC2174 # the folder above is there
  if { tail -c "+$4" < "$self" | head -c "$5" | gzip -dc > "$fresh/$3"; } 2>/dev/null &&
    is "$2" "$fresh/$3" && chmod 700 "$fresh/$3" &&
    { sync "$fresh/$3" 2>/dev/null || sync; } && mkdir -p -m 700 "$1/$2" 2>/dev/null; then
    mv -f "$fresh/$3" "$1/$2/$3" 2>/dev/null
  fi
  rm -rf "$fresh"
}

# unpacks]
# The three of each kind that were used last stay, and what was used within a day; one that is running needs its files
# no more. A start first marks them as used, then looks for cleanings; a cleaning first marks itself, then looks what
# was used: of the two, one sees the other.
clean() (
  cd "$1" || exit
  cleaning=$(mktemp -d new.clean.XXXXXX 2>/dev/null) || exit
  trap 'rm -rf "$cleaning"; exit 130' HUP INT TERM
  for kind in program mesh peer regserver serve runtime; do
    # shellcheck disable=SC2012 # our own names, and only ls sorts by time
    ls -1t "$kind"-*/used 2>/dev/null | sed 1,3d | while IFS= read -r used; do
      if [ -n "$(find "$used" -mtime +0 2>/dev/null)" ]; then rm -rf "${used%/used}"; fi
    done
  done
  # What a killed start left.
  for left in new.*; do find "$left" -prune -mtime +0 -exec rm -rf {} + 2>/dev/null; done
  rm -rf "$cleaning"
)

# [unpacks
# take FOLDER: marks both parts as used, waits for cleanings that may not have seen it (one that takes 5 s was killed),
# and tells whether the parts are still there.
take() {
  { true > "$1/$runtime/used"; } 2>/dev/null
  { true > "$1/$program/used"; } 2>/dev/null
  for cleaning in "$1"/new.clean.*; do
    tenths=50
    while [ -e "$cleaning" ] && [ $tenths -gt 0 ]; do
      tenths=$((tenths - 1))
      sleep 0.1 2>/dev/null || sleep 1
    done
    if [ -e "$cleaning" ]; then rm -rf "$cleaning"; fi
  done
  [ -x "$1/$runtime/p2pchat" ] && [ -r "$1/$program/p2pchat.js" ]
}

# Whether somebody watches who may wonder: --plain is for those whom a line that is wiped away would disturb.
case " $* " in
  *' --plain '*) watched=no ;;
  *) if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then watched=yes; else watched=no; fi ;;
esac
said=no

# fill FOLDER: makes it usable, where it is ours and guarded and can be written and run from. What others could have changed goes.
fill() {
  # shellcheck disable=SC2174 # the folders above are the user's own matter
  mkdir -p -m 700 "$1" 2>/dev/null
  # shellcheck disable=SC3067
  [ -O "$1" ] || return 1
  look "$1"
  if [ "$guarded" = no ]; then
    rmdir "$1" 2>/dev/null
    return 1
  fi
  fresh=
  trap 'rm -rf "$fresh"; exit 130' HUP INT TERM
  if [ "$ours" = no ]; then
    chmod 700 "$1" 2>/dev/null || return 1
    rm -rf "$1/${runtime:?}" "$1/${program:?}"
  fi
  take "$1"
  if ! is_as_packed "$1/$runtime" p2pchat "$runtime_is"; then
    if [ $watched = yes ]; then
      said=yes
      printf 'Unpacking p2pchat, this once ...\n' >&2
    fi
    unpack "$1" "$runtime" p2pchat "$runtime_start" "$runtime_bytes"
  fi
  unpack "$1" "$program" p2pchat.js "$program_start" "$program_bytes"
  if usable "$1"; then
    take "$1" && clean "$1"
    compile "$1"
  fi
  trap - HUP INT TERM
  # What was typed meanwhile stands below the line; what the program says takes its place.
  if [ $said = yes ]; then printf '\033[A\r\033[J' >&2; fi
  usable "$1"
}

# compile FOLDER: the first process of a program compiles it, and holds 45 MB more until it ends: it is one that ends.
compile() {
  (unset kept_password kept_invite; run "$1" --version) > /dev/null 2>&1 < /dev/null
  fold "$1/$runtime/p2pchat" "$1/$program/cache"
}

# mend FOLDER: the runtime replaces a database that it finds locked, as it may when several start at once after a
# kill. While a process lives that has the old one open, each new one finds it empty, and compiles all for itself.
mend() {
  if [ "$compiled" = yes ]; then return; fi
  fresh=$(mktemp -d "$1/new.XXXXXX" 2>/dev/null) || return
  mv -f "$1/$program/cache" "$fresh" 2>/dev/null && compile "$1"
  rm -rf "$fresh"
}

# run FOLDER [ARGUMENT...]: returns only where a part has just been removed.
run() {
  cache=$1
  shift
  take "$cache" || return
  begin "$cache/$runtime/p2pchat" "$cache/$program/p2pchat.js" "$cache/$program" "$@"
}
# unpacks]

# begin RUNTIME PROGRAM STATE [ARGUMENT...]: no variable or file of the user's changes what the runtime does: it would
# read the .npmrc in HOME, and stop where it cannot. The program is told of the user's own, in which files to send are,
# and the folder of downloads. STATE is a folder that nobody else may write to.
begin() {
  begun=$1 script=$2 state=$3
  shift 3
  unset DENO_AUDIT_PERMISSIONS DENO_CACHE_DB_MODE DENO_COMPAT DENO_CONDITIONS DENO_COVERAGE_DIR DENO_LOG \
    DENO_PERMISSION_BROKER_PATH DENO_TRACE_PERMISSIONS DENO_V8_FLAGS NODE_CHANNEL_FD NODE_OPTIONS \
    NODE_V8_COVERAGE OTEL_DENO RUST_LOG P2PCHAT_USER_HOME
  case ${HOME:-} in
    /*)
      case ${XDG_DATA_HOME:-} in /*) ;; *) export XDG_DATA_HOME="$HOME/.local/share" ;; esac
      export P2PCHAT_USER_HOME="$HOME" HOME="$state"
      ;;
  esac
  # Whether standard output waits where it is full, or refuses (O_NONBLOCK, 04000): the runtime may not read it.
  P2PCHAT_STDOUT=refuses
  while read -r name flags; do
    case "$name $flags" in
      flags:*[4-7][0-7][0-7][0-7]) ;;
      flags:*) P2PCHAT_STDOUT=waits ;;
    esac
  done 2>/dev/null < /proc/self/fdinfo/1
  # Whether hang-ups are ignored, as nohup has it (the lowest bit of a mask in hexadecimal), or a service's unit.
  P2PCHAT_HANGUP=${P2PCHAT_HANGUP:-heeded}
  while read -r name mask; do
    case "$name $mask" in
      SigIgn:*[13579bdf])
        P2PCHAT_HANGUP=ignored
        break
        ;;
      SigIgn:*) break ;;
    esac
  done 2>/dev/null < /proc/self/status
  if [ -n "${kept_password+set}" ]; then export P2PCHAT_PASSWORD="$kept_password"; fi
  if [ -n "${kept_invite+set}" ]; then export P2PCHAT_INVITE="$kept_invite"; fi
  # What others are told to type begins as this was begun.
  case $0 in /*) P2PCHAT_AS=p2pchat ;; *) P2PCHAT_AS=$0 ;; esac
  export P2PCHAT_AS P2PCHAT_STDOUT P2PCHAT_HANGUP P2PCHAT_OPEN_FILES DENO_DIR="$state/cache" DENO_NO_UPDATE_CHECK=1
  exec "$begun" run --quiet --no-prompt --no-config --no-lock --no-remote --no-npm @FLAGS@ \
    "$script" "$@"
}

# fold RUNTIME CACHE: what was compiled stands in a write-ahead log, page by page, as the runtime ends without closing its
# databases: each start would read it from there, in 1,400 pieces, for a twentieth of its time. Each is folded into its
# database, by a process that has a state of its own; where that fails, all is as it was.
fold() {
  folded=$(mktemp -d "$2/new.XXXXXX" 2>/dev/null) || return 0
  (
    unset kept_password kept_invite
    begin "$1" 'data:text/javascript,import{DatabaseSync}from"node:sqlite";for(const path of Deno.args)new DatabaseSync(path).exec("PRAGMA busy_timeout=2000;PRAGMA wal_checkpoint(TRUNCATE)")' \
      "$folded" "$2/v8_code_cache_v2" "$2/dep_analysis_cache_v2"
  ) > /dev/null 2>&1 < /dev/null
  rm -rf "$folded"
}

# Whether the folder that this was started in is where its path says. The runtime doesn't start in one that has been
# removed; and it finds files by their whole paths alone, so by none in a folder to which the way is closed to this user.
P2PCHAT_FOLDER=there
# shellcheck disable=SC3013
if [ ! . -ef "$PWD" ]; then
  case $(readlink /proc/self/cwd 2>/dev/null) in
    '' | *' (deleted)') P2PCHAT_FOLDER=removed ;;
    *) P2PCHAT_FOLDER=closed ;;
  esac
  cd / || exit
fi
export P2PCHAT_FOLDER

# utf8 TEXT: the runtime breaks off with a trace where a path isn't UTF-8. What is all ASCII costs no process.
utf8() {
  case $1 in *[!\ -~]*) ;; *) return ;; esac
  ! command -v iconv > /dev/null || printf %s "$1" | iconv -f UTF-8 -t UTF-8 > /dev/null 2>&1
}

case ${XDG_CACHE_HOME:-} in
  /*) cache=$XDG_CACHE_HOME/p2pchat from=XDG_CACHE_HOME ;;
  *) cache=${HOME:+$HOME/.cache/p2pchat} from=HOME ;;
esac
if ! utf8 "$cache"; then
  echo "error: The variable $from isn't UTF-8 text; set another" >&2
  exit 2
fi
# Who owns a folder above it could put anybody's cache in its place, and a link of one's own would have files of the
# user's removed. What isn't a link any more can't lead elsewhere between a check and the start.
parent=${cache%/*} home=$parent
if [ "$from" = HOME ]; then home=${HOME:-}; fi
# shellcheck disable=SC3067
if [ -n "$cache" ] && [ ! -e "$parent" ] && { [ "$home" = "$parent" ] || [ -O "$home" ]; }; then
  (umask 077; mkdir -p "$parent" 2>/dev/null) # -m would say it of the last of several
fi
# shellcheck disable=SC3067
if [ -n "$cache" ] && [ -O "$home" ] && [ -O "$parent" ]; then
  parent=$(cd "$parent" 2>/dev/null && pwd -P) && cache=$parent/p2pchat
  # shellcheck disable=SC3067
  if [ ! -O "$parent" ]; then
    cache=
  elif [ -L "$cache" ]; then
    ask "$parent" ./
    if [ "$guarded" = yes ] && [ -n "$(find "$cache" -prune -user "$(id -u)" 2>/dev/null)" ]; then
      cache=$(cd "$cache" 2>/dev/null && pwd -P)
    else
      cache=
    fi
  fi
else
  cache=
fi
# [unpacks
if [ -n "$cache" ] && usable "$cache"; then
  mend "$cache"
  run "$cache" "$@"
fi

self=$0
case $self in
  */*) ;;
  *) if [ -f "./$self" ]; then self=./$self; else self=$(command -v -- "$self"); fi ;;
esac
bytes=$(($(wc -c < "$self")))
if [ "$bytes" -ne "$whole_bytes" ]; then
  echo "error: cannot start p2pchat: $self has $bytes bytes instead of $whole_bytes; get or build it again" >&2
  exit 5
fi
if [ -n "$cache" ] && fill "$cache"; then run "$cache" "$@"; fi

# A folder that everybody can write to: one of our own in it, and never through a link that another made. Where
# the first name is taken by somebody else, one that nobody can guess, found again by its beginning.
for temporary in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
  temporary=$(cd "$temporary" 2>/dev/null && pwd -P) && utf8 "$temporary" || continue
  cache=$temporary/p2pchat-$(id -u)
  mkdir -m 700 "$cache" 2>/dev/null
  for folder in "$cache" "$cache".*; do
    # The last asks of one and the same, whatever is swapped for it meanwhile; the others cost no process.
    # shellcheck disable=SC3067
    if [ ! -L "$folder" ] && [ -O "$folder" ] && [ "$(cd "$folder" 2>/dev/null && [ -O . ] && pwd -P)" = "$folder" ]; then
      if usable "$folder" || fill "$folder"; then
        mend "$folder"
        run "$folder" "$@"
      fi
      continue 2
    fi
  done
  cache=$(mktemp -d "$cache.XXXXXX" 2>/dev/null) || continue
  if fill "$cache"; then run "$cache" "$@"; fi
done

echo "error: cannot unpack p2pchat: neither ${XDG_CACHE_HOME:-${HOME:-\$HOME}/.cache} nor ${TMPDIR:-/tmp} can be written to and run from by this user and changed by no other; set TMPDIR to a folder with 150 MB free" >&2
exit 5
# unpacks]
