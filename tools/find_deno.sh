#!/bin/sh
# Prints the path of a Deno that is new enough: the one on PATH, or one installed from npm into .deno/, by a lock file
# and without running the package's scripts; its binary is compared with tools/deno/sha256.
# Usage: tools/find_deno.sh   (exit 1 with one sentence where there is neither Deno nor npm)
set -eu
cd "$(dirname "$0")/.."
pinned=$(sed -n 's/.*"deno": "\(.*\)".*/\1/p' tools/deno/package.json)

# Whether version $1 (2.9.6) is at least the pinned one in its first two numbers.
new_enough() {
  major=${1%%.*}
  rest=${1#*.}
  minor=${rest%%.*}
  want_rest=${pinned#*.}
  [ "$major" -eq "${pinned%%.*}" ] 2>/dev/null && [ "$minor" -ge "${want_rest%%.*}" ] 2>/dev/null
}

if on_path=$(command -v deno 2>/dev/null); then
  version=$(NO_COLOR=1 "$on_path" --version 2>/dev/null | sed -n 's/^deno \([0-9.]*\).*/\1/p')
  if [ -n "$version" ] && new_enough "$version"; then
    printf '%s\n' "$on_path"
    exit 0
  fi
fi

stamp=.deno/version
if [ ! -x .deno/bin/deno ] || [ "$(cat "$stamp" 2>/dev/null)" != "$pinned" ]; then
  if ! command -v npm >/dev/null 2>&1; then
    echo "Cannot build p2pchat: neither Deno ${pinned%.*} or newer nor npm is on PATH; install one of them (https://deno.com, or the package npm) and run make again." >&2
    exit 1
  fi
  echo "Installing Deno $pinned from npm into .deno/" >&2
  mkdir -p .deno/bin
  cp tools/deno/package.json tools/deno/package-lock.json .deno/
  if ! npm ci --prefix .deno --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2; then
    echo "Cannot install Deno $pinned with npm; see its message above, or install Deno ${pinned%.*} or newer yourself and run make again." >&2
    exit 1
  fi
  # The native binary itself: the package's own launcher would start Node first.
  # shellcheck disable=SC2012 # one fixed name below folders that npm names
  native=$(ls .deno/node_modules/@deno/*/deno .deno/node_modules/@deno/*/deno.exe 2>/dev/null | head -n 1)
  if [ -z "$native" ]; then
    echo "Cannot use Deno $pinned from npm: it has no binary for this machine ($(uname -s) $(uname -m)); install Deno yourself and run make again." >&2
    exit 1
  fi
  if ! grep -q "^$(tools/sha256.sh "$native") " tools/deno/sha256; then
    echo "Cannot use Deno $pinned from npm: $native isn't one of the binaries in tools/deno/sha256; remove .deno and run make again." >&2
    exit 1
  fi
  chmod +x "$native"
  ln -sf "../../$native" .deno/bin/deno
  printf '%s\n' "$pinned" > "$stamp"
fi
printf '%s/.deno/bin/deno\n' "$PWD"
