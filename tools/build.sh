#!/bin/sh
# Builds ./p2pchat, one file that runs without Deno: with `deno compile`, or, where the runtime it downloads
# cannot be had, as a self-extracting executable: tools/launcher.sh, the bundled program and Deno itself. Packages
# consist of its parts, in build/parts: what starts the programs with a Deno that lies elsewhere, and the programs.
# Usage: tools/build.sh [compile|self-extracting|parts]
set -eu
cd "$(dirname "$0")/.."
deno=$(tools/find_deno.sh)
form=${1:-any}
# Sockets, the variables that the program reads, the addresses of this machine; no other program, no native library.
# Files below /, as the program gives up those that its command line doesn't need (lib/cli/args/least_privilege.ts), which
# it couldn't if it were given all files without a name.
variables=ALL_PROXY,GHOSTTY_RESOURCES_DIR,HOME,HTTPS_PROXY,HTTP_PROXY,KITTY_WINDOW_ID,KONSOLE_VERSION,LC_TERMINAL,NO_COLOR,P2PCHAT_AS,P2PCHAT_FOLDER,P2PCHAT_HANGUP,P2PCHAT_HOME,P2PCHAT_INVITE,P2PCHAT_OPEN_FILES,P2PCHAT_PASSWORD,P2PCHAT_STDOUT,P2PCHAT_USER_HOME,STY,TERM,TERM_PROGRAM,TMUX,TZ,VTE_VERSION,WEZTERM_PANE,XDG_CONFIG_HOME,XDG_DATA_HOME,XTERM_VERSION,all_proxy,http_proxy,https_proxy
# A small young generation, and an old one that is collected each time it has doubled: after a flood a member has a
# fifth less memory, for a thirtieth more processor time; at a fifth instead of double that would be a fifth more. A program
# that has become idle is collected once; a second time, as is usual, finds little, and costs as much as 10 s of silence.
flags="--allow-net --allow-read=/ --allow-write=/ --allow-env=$variables --allow-sys=networkInterfaces,uid,userInfo --unstable-net --v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--memory-reducer-gc-count=1"
mkdir -p build

# The manual page and the completions, for make install.
rm -rf build/share
"$deno" run --quiet --no-check --allow-read --allow-env --allow-write=build tools/command_files.ts build/share

# Whether the runtime of `deno compile` is here or within reach: it waits for minutes where packets are lost.
can_compile() {
  [ -n "${DENORT_BIN:-}" ] && return
  folder=$(NO_COLOR=1 "$deno" info --json 2>/dev/null | sed -n 's/^ *"denoDir": "\(.*\)",$/\1/p')
  ls "$folder"/dl/release/*/denort-* > /dev/null 2>&1 && return
  "$deno" eval 'await fetch("https://dl.deno.land/release-latest.txt", { signal: AbortSignal.timeout(10_000) })' \
    > /dev/null 2>&1
}

bytes_of() {
  echo $(($(wc -c < "$1")))
}

if [ "$form" = compile ] || { [ "$form" = any ] && can_compile; }; then
  rm -rf build/p2pchat.compiled*
  # shellcheck disable=SC2086 # several flags
  if NO_COLOR=1 "$deno" compile --quiet --no-prompt $flags -o build/p2pchat.compiled main.ts > build/compile.log 2>&1; then
    mv -f build/p2pchat.compiled p2pchat
    echo "Built ./p2pchat with deno compile, $(($(bytes_of p2pchat) / 1024 / 1024)) MiB"
    exit 0
  fi
  rm -rf build/p2pchat.compiled*
  if [ "$form" = compile ] || ! grep -q 'dl\.deno\.land' build/compile.log; then
    cat build/compile.log >&2
    exit 1
  fi
fi

# Bundles the program into build/NAME.js, in one file with all it imports: half as long it starts in two thirds of the
# time. Its log shows of a fault where it was in that file: `make where` says where in the sources. (To keep the names of
# functions costs a twentieth of the processor time of chat, as each closure is given its own when it is made.)
# bundle NAME PATTERN EXPORT...: of what lib/cli/program.ts loads when it is asked to, that which doesn't match isn't in it;
# what flags of few load (tools/launcher.sh names them) is in the first alone.
by_flags=$(grep -rhoE 'import\("(\.\./(doors|mcp|metrics|routers)/|\./open_doors|@logtape/)[^"]*' lib/cli | cut -d'"' -f2 | sort -u)
bundle() {
  name=$1
  left_out=
  if [ "$name" != program ]; then
    for module in $by_flags; do left_out="$left_out --external $module"; done
  fi
  for module in $(sed -n 's|.*import("\(\./[^"]*\)").*|\1|p' lib/cli/program.ts | sort -u | grep -v "$2"); do
    left_out="$left_out --external $module"
  done
  shift 2
  rm -f "build/$name.js"
  # shellcheck disable=SC2086 # several flags
  NO_COLOR=1 "$deno" bundle --quiet --platform deno --minify --sourcemap=external $left_out \
    -o "build/$name.js" main.ts 2> build/bundle.log || {
    cat build/bundle.log >&2
    exit 1
  }
  # What loads the modules of a start goes into the cache of compiled code: those of the commands, and what exports EXPORT.
  "$deno" run --quiet --no-check --allow-env --allow-sys --allow-read --allow-write=build \
    tools/eager_modules.ts "build/$name.js" "$@"
}

# Each as tools/launcher.sh names it: all commands, and one alone.
bundle program .
bundle mesh /mesh_mode runMesh InteractiveInterface ToldRooms
bundle peer '/member_mode\|/registry_mode\|/friends_mode' runMember runRegistry runFriends InteractiveInterface
bundle regserver /regserver_mode runRegserver InteractiveInterface
bundle serve /serve_mode runServe InteractiveInterface
programs='program mesh peer regserver serve'
filled="s|@FLAGS@|$flags|"
for name in $programs; do
  filled="$filled;s/@$(echo "$name" | tr a-z A-Z)@/$name-$(tools/sha256.sh "build/$name.js" | cut -c 1-32)/"
done

if [ "$form" = parts ]; then
  rm -rf build/parts
  mkdir build/parts
  cp -R build/share build/parts
  for name in $programs; do cp "build/$name.js" build/parts; done
  # Of the launcher that which doesn't unpack.
  {
    echo '#!/bin/sh'
    echo '# Starts p2pchat: that of its programs which the command needs, with the runtime.'
    sed -e '1,/^$/d;/^# \[unpacks/,/^# unpacks\]/d;/@RUNTIME/d;/@WHOLE/d;s/ program_start=.*BYTES@//' -e "$filled" tools/launcher.sh
    sed "s/@DENOS@/$(sed -n 's/^\([0-9a-f]\{64\}\) .*/\1/p' tools/deno/sha256 | tr '\n' ' ')/" packaging/launcher.sh
  } > build/parts/p2pchat
  chmod 755 build/parts/p2pchat
  echo "Built build/parts: p2pchat and its programs, without a runtime"
  exit 0
fi

# The runtime: Deno itself, and not what may start it on PATH. Packing it takes longest, so it is kept.
binary=$("$deno" eval 'console.log(Deno.execPath())')
digest=$(tools/sha256.sh "$binary")
runtime=$(echo "$digest" | cut -c 1-32)
packed=build/runtime-$runtime.gz
if [ ! -f "$packed" ]; then
  rm -f build/runtime-*
  gzip -6 -n -c "$binary" > build/runtime-new
  mv -f build/runtime-new "$packed"
fi

# The script is padded to a fixed length: it says where the parts begin, counted from 1.
head_bytes=20480
start=$((head_bytes + 1))
for name in $programs; do
  gzip -9 -n -c "build/$name.js" > "build/$name.gz"
  upper=$(echo "$name" | tr a-z A-Z)
  filled="$filled;s/@${upper}_START@/$start/;s/@${upper}_BYTES@/$(bytes_of "build/$name.gz")/"
  start=$((start + $(bytes_of "build/$name.gz")))
done
filled="$filled;s/@RUNTIME@/runtime-$runtime/;s/@RUNTIME_START@/$start/;s/@RUNTIME_BYTES@/$(bytes_of "$packed")/"
sed -e "$filled;s/@WHOLE_BYTES@/$((start - 1 + $(bytes_of "$packed")))/" tools/launcher.sh > build/launcher.sh
if [ "$(bytes_of build/launcher.sh)" -gt "$head_bytes" ]; then
  echo "Cannot build p2pchat: tools/launcher.sh is longer than $head_bytes bytes; raise head_bytes in tools/build.sh" >&2
  exit 1
fi
dd if=build/launcher.sh of=build/head bs="$head_bytes" conv=sync 2> /dev/null
{
  cat build/head
  for name in $programs; do cat "build/$name.gz"; done
  cat "$packed"
} > build/p2pchat.new
chmod 755 build/p2pchat.new
mv -f build/p2pchat.new p2pchat
if [ "$form" = any ]; then why="; the runtime for deno compile cannot be downloaded here"; else why=; fi
if ! grep -q "^$digest " tools/deno/sha256; then why="$why; $binary in it isn't the Deno that tools/deno names"; fi
echo "Built ./p2pchat, self-extracting, $(($(bytes_of p2pchat) / 1024 / 1024)) MiB$why"
