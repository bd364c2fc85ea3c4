#!/bin/sh
# Makes what Homebrew, Arch Linux and Nix install a release by, from the files in packaging/recipes: each takes the
# package for npm, by its digest, and the Deno of its own system. RELEASES is the address of the folder with the files
# of this release, HOMEPAGE that of the sources.
# Usage: make packaging RELEASES=https://HOST/... HOMEPAGE=https://HOST/...   (into build/packages)
set -eu
. "$(dirname "$0")/common.sh"
releases=${RELEASES:-https://p2pchat.invalid/releases/v$version}
homepage=${HOMEPAGE:-https://p2pchat.invalid}
pinned=$(sed -n 's/.*"deno": "\(.*\)".*/\1/p' tools/deno/package.json)
for recipe in packaging/recipes/*; do
  sed "s|@RELEASES@|$releases|;s|@HOMEPAGE@|$homepage|;s|@SUMMARY@|$summary|;s/@VERSION@/$version/g;s/@DENO@/${pinned%.*}/;s/@SHA256@/$(
    tools/sha256.sh "$packages/p2pchat-$version.tgz")/" "$recipe" > "$packages/${recipe##*/}"
done
# Of all files of the release that are there.
(
  cd "$packages"
  for file in p2pchat*"$version"*; do echo "$(../../tools/sha256.sh "$file")  $file"; done
) > "$packages/SHA256SUMS"
echo "Built $packages/p2pchat.rb, PKGBUILD, flake.nix and SHA256SUMS"
