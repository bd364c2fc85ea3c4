#!/bin/sh
# Makes the package for npm: the programs, and Deno as a dependency, whose digest the first start compares with the one
# that was pinned (no npm-shrinkwrap.json: with one, npm brings the binaries of all systems, half a gigabyte). Neither has
# it a script that runs when it is installed, nor does it need Deno's.
# Usage: make npm   (into build/packages/p2pchat-VERSION.tgz)
set -eu
. "$(dirname "$0")/common.sh"
staged package
cp README.md LICENSE "$stage/package"
cat > "$stage/package/package.json" << END
{
  "name": "p2pchat",
  "version": "$version",
  "description": "$summary",
  "keywords": ["chat", "terminal", "peer-to-peer", "end-to-end encryption"],
  "license": "MIT",
  "bin": { "p2pchat": "p2pchat" },
  "man": ["share/man/man1/p2pchat.1"],
  "os": ["linux", "darwin"],
  "cpu": ["x64", "arm64"],
$(grep '"dependencies"' tools/deno/package.json)
}
END
archive "$stage" package | gzip -9 -n > "$packages/p2pchat-$version.tgz"
rm -rf "$stage"
echo "Built $packages/p2pchat-$version.tgz; to try it: npm install -g ./$packages/p2pchat-$version.tgz"
