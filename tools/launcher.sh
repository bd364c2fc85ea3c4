#!/bin/sh
# p2pchat, one file: this script, then a compressed archive of the runtime and the program. The first start
# unpacks it into the user's cache, under its digest; later starts run it from there.
digest=@DIGEST@
skip=@SKIP@
sizes='@SIZES@'
self=$0
case $self in */*) ;; *) self=$(command -v -- "$self") ;; esac

# A file that was changed after it was unpacked, or that has another size, is unpacked again.
usable() {
  [ -f "$1/stamp" ] && [ -x "$1/runtime" ] && ! [ "$1/runtime" -nt "$1/stamp" ] &&
    ! [ "$1/p2pchat.js" -nt "$1/stamp" ] && [ "$(sizes_of "$1")" = "$sizes" ]
}
sizes_of() {
  # shellcheck disable=SC2012 -- two fixed names, and one process instead of two
  set -- $(ls -lnL "$1/runtime" "$1/p2pchat.js" 2>/dev/null)
  printf '%s' "$5 ${14}"
}
# Only a folder of our own: another's could hold another's program.
own() {
  mkdir -p "$1" 2>/dev/null && chmod 700 "$1" 2>/dev/null && [ -O "$1" ] && [ ! -L "$1" ] && [ -w "$1" ]
}
# Each file is moved into place by one rename: several may start at once, and one may be running.
unpack() {
  fresh=$(mktemp -d "$1/new.XXXXXX") || return 1
  if tail -c "+$skip" "$self" | gzip -dc 2>/dev/null | (cd "$fresh" && tar -xf - 2>/dev/null) &&
    [ "$(sizes_of "$fresh")" = "$sizes" ] && touch "$fresh/stamp" && mkdir -p "$1/$digest"; then
    mv -f "$fresh/runtime" "$fresh/p2pchat.js" "$1/$digest/" 2>/dev/null && mv -f "$fresh/stamp" "$1/$digest/"
  fi
  rm -rf "$fresh"
  usable "$1/$digest"
}

for cache in "${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}" "${TMPDIR:-/tmp}"; do
  [ -n "$cache" ] || continue
  case $cache in "${TMPDIR:-/tmp}") cache=$cache/p2pchat-$(id -u) ;; *) cache=$cache/p2pchat ;; esac
  if usable "$cache/$digest" && [ -O "$cache" ] || { own "$cache" && unpack "$cache"; }; then
    DENO_DIR=$cache/$digest/runtime_cache DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1
    export DENO_DIR DENO_NO_UPDATE_CHECK DENO_NO_PACKAGE_JSON
    exec "$cache/$digest/runtime" run -A --quiet --no-prompt --no-config --no-lock --no-remote --unstable-net \
      "$cache/$digest/p2pchat.js" "$@"
  fi
done
echo "error: cannot unpack p2pchat: neither the cache folder nor ${TMPDIR:-/tmp} can be written and run from; set TMPDIR to a folder with 150 MB free." >&2
exit 5
