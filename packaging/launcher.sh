
# In a package the programs lie beside this script, to which links may lead. So does the runtime, or it lies where npm puts
# it: in this package's folder, beside this package, or, as pnpm does, beside the package deno.
case $0 in
  */*) self=$0 ;;
  *) self=$(command -v -- "$0") ;;
esac
self=$(readlink -f -- "$self")
here=${self%/*} runtime=$here/deno from=package
if [ ! -x "$runtime" ]; then
  from=npm
  case $(uname -sm) in
    'Linux x86_64') kind=linux-x64-glibc ;;
    'Linux aarch64') kind=linux-arm64-glibc ;;
    'Darwin x86_64') kind=darwin-x64 ;;
    'Darwin arm64') kind=darwin-arm64 ;;
    *) kind=none ;;
  esac
  for folder in "$here/node_modules" "$here/.." "$here/../deno/.."; do
    runtime=$folder/@deno/$kind/deno
    if [ -x "$runtime" ]; then break; fi
  done
  if [ ! -x "$runtime" ]; then
    echo "error: cannot start p2pchat: no Deno for $(uname -sm) came with the package in $here; install it again, with its optional dependencies" >&2
    exit 5
  fi
fi
# What the runtime compiles, and then runs, lies with npm's package where that is this user's, and goes with it; else in
# the user's cache, unless others could put theirs in its place.
# shellcheck disable=SC2174,SC3067 # the folders above are the user's own matter
if [ "$from" = npm ] && [ -O "$here" ] && [ -w "$here" ]; then
  cache=$here/cache
elif [ -n "$cache" ]; then
  mkdir -p -m 700 "$cache" 2>/dev/null
  ask "$cache" ''
  mode=${facts#* }
  case $guarded${mode%% *} in yes*00) ;; *) guarded=no ;; esac
  if [ "$guarded" = no ] || [ ! -O "$cache" ]; then
    rmdir "$cache" 2>/dev/null
    cache=
  fi
fi

# The first start of a version makes sure that npm brought the Deno that it was built with, compiles, in a process that
# ends, and removes what older versions have left. Without a cache of one's own, every start does the first of these.
# shellcheck disable=SC2174,SC3067 # the folders above are the user's own matter
if [ -z "$cache" ] || ! mkdir -p -m 700 "$cache" "$cache/$program" 2>/dev/null || [ -L "$cache/$program" ] ||
  [ ! -O "$cache/$program" ]; then cache=; fi # others may have made it while the cache was open to them
if [ -z "$cache" ] || [ ! -e "$cache/$program/used" ]; then
  if [ "$from" = npm ]; then
    digest=$({ sha256sum < "$runtime" || shasum -a 256 < "$runtime"; } 2>/dev/null)
    case " @DENOS@ " in
      *" ${digest%% *} "*) ;;
      *)
        echo "error: cannot start p2pchat: $runtime isn't the Deno that p2pchat was built with; install p2pchat again" >&2
        exit 5
        ;;
    esac
  fi
fi
if [ -z "$cache" ]; then begin "$runtime" "$here/${program%-*}.js" "$here" "$@"; fi
if [ ! -e "$cache/$program/used" ] && true 2>/dev/null > "$cache/$program/used"; then
  clean "$cache"
  (unset kept_password kept_invite; begin "$runtime" "$here/${program%-*}.js" "$cache/$program" --version) \
    > /dev/null 2>&1 < /dev/null
  fold "$runtime" "$cache/$program/cache"
fi
true 2>/dev/null > "$cache/$program/used"
begin "$runtime" "$here/${program%-*}.js" "$cache/$program" "$@"
