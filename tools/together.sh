#!/bin/sh
# Puts test files together, into modules that import some of them each: a module of its own costs each file a quarter of
# a second of processor time, most of it for compiling what the others have compiled, too. Prints the modules' paths.
# Usage: tools/together.sh NAME MODULES FILE...   (the modules are build/together/NAME-*.ts)
set -eu
cd "$(dirname "$0")/.."
name=$1
modules=$2
shift 2
mkdir -p build/together
rm -f build/together/"$name"-*.ts
# By turns: files of one folder take about as long as each other.
printf 'import "../../%s";\n' "$@" | awk -v modules="$modules" -v name="build/together/$name" \
  '{ file = name "-" NR % modules ".ts"; print > file } NR <= modules { print file }'
