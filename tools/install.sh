#!/bin/sh
# Puts ./p2pchat, its manual page and completions below a prefix, or removes them from there.
# Usage: tools/install.sh install|uninstall PREFIX [DESTDIR]
# What make has built is taken as it is: root, who installs, may have no Deno, and leaves nothing of its own here.
set -eu
cd "$(dirname "$0")/.."
umask 022 # folders that everybody may enter
prefix=$2
below=${3:-}$prefix
shared="man/man1/p2pchat.1 bash-completion/completions/p2pchat zsh/site-functions/_p2pchat
  fish/vendor_completions.d/p2pchat.fish"

if [ "$1" = uninstall ]; then
  if [ ! -e "$below/bin/p2pchat" ]; then
    echo "$below/bin/p2pchat isn't there; what else was installed with it is removed"
  else
    echo "Removed $below/bin/p2pchat, its manual page and completions; chats and keys stay where they are"
  fi
  # Folders stay, empty or not: whether others rely on them nobody knows.
  rm -f "$below/bin/p2pchat" "$below/bin/p2pchat.new"
  for file in $shared; do rm -f "$below/share/$file"; done
  exit 0
fi

if [ ! -f p2pchat ] || [ ! -d build/share ] ||
  [ -n "$(find main.ts lib tools deno.json deno.lock -newer p2pchat | head -n 1)" ]; then
  tools/build.sh
fi
mkdir -p "$below/bin"
# In its place at once: it may be running.
cp p2pchat "$below/bin/p2pchat.new"
chmod 755 "$below/bin/p2pchat.new"
mv -f "$below/bin/p2pchat.new" "$below/bin/p2pchat"
for file in $shared; do
  mkdir -p "$below/share/${file%/*}"
  cp "build/share/$file" "$below/share/$file"
  chmod 644 "$below/share/$file"
done
hint=
case ${3:+staged}:$PATH: in
  staged:* | *:"$prefix/bin":*) ;;
  *) hint="; $prefix/bin isn't on your PATH: add it there" ;;
esac
echo "Installed $below/bin/p2pchat, its manual page and completions$hint"
