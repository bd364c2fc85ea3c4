#!/bin/sh
# Builds ./p2pchat, one file that runs without Deno: with `deno compile`, or, where the runtime it downloads
# cannot be had, as a self-extracting executable (tools/launcher.sh and an archive).
# Usage: tools/build.sh [compile|self-extracting]
set -eu
cd "$(dirname "$0")/.."
deno=$(tools/find_deno.sh)
form=${1:-any}
mkdir -p build

if [ "$form" != self-extracting ]; then
  if "$deno" compile -A --quiet --no-prompt --unstable-net -o build/p2pchat.compiled main.ts > build/compile.log 2>&1; then
    mv -f build/p2pchat.compiled p2pchat
    echo "Built ./p2pchat with deno compile"
    exit 0
  fi
  rm -f build/p2pchat.compiled*
  if [ "$form" = compile ] || ! grep -q -i -E 'download|sending request|denort|dns|connect' build/compile.log; then
    cat build/compile.log >&2
    exit 1
  fi
  echo "The runtime for deno compile cannot be downloaded here; building a self-extracting executable instead"
fi

# `deno run` of what ships needs neither network nor cache: everything is in one file.
"$deno" bundle --quiet --platform deno --minify -o build/p2pchat.js main.ts 2> build/bundle.log || {
  cat build/bundle.log >&2
  exit 1
}
stage=build/stage
rm -rf "$stage"
mkdir -p "$stage"
# The runtime rarely changes; the copy behind a link is what must be packed.
cp -L "$deno" "$stage/runtime"
chmod 755 "$stage/runtime"
cp build/p2pchat.js "$stage/p2pchat.js"
# Old on purpose: the launcher takes a file that is newer than its stamp for one that was changed.
touch -t 202001010000 "$stage/runtime" "$stage/p2pchat.js"
(cd "$stage" && tar -cf - runtime p2pchat.js) | gzip -6 > build/archive.tar.gz

if command -v sha256sum > /dev/null 2>&1; then
  digest=$(cat "$stage/runtime" "$stage/p2pchat.js" | sha256sum | cut -c 1-32)
else
  digest=$(cat "$stage/runtime" "$stage/p2pchat.js" | shasum -a 256 | cut -c 1-32)
fi
# shellcheck disable=SC2012 -- two fixed names
set -- $(ls -ln "$stage/runtime" "$stage/p2pchat.js")
sizes="$5 ${14}"
# The archive begins right after the script; its length with the final digits in place is found by trying.
skip=1
for _ in 1 2 3; do
  sed -e "s/@DIGEST@/$digest/" -e "s/@SIZES@/$sizes/" -e "s/@SKIP@/$skip/" tools/launcher.sh > build/launcher.sh
  skip=$(($(wc -c < build/launcher.sh) + 1))
done
cat build/launcher.sh build/archive.tar.gz > build/p2pchat.new
chmod 755 build/p2pchat.new
mv -f build/p2pchat.new p2pchat
rm -rf "$stage"
echo "Built ./p2pchat, self-extracting, $(($(wc -c < p2pchat) / 1024 / 1024)) MiB"
