#!/bin/sh
# Makes the package for Debian and its descendants: the programs with Deno, the manual page, completions, and units for
# the servers and a member that is always on, which nobody is made to run: they are enabled by hand. What is said to dpkg
# stands in packaging/deb.
# Usage: make deb   (into build/packages/p2pchat_VERSION_ARCHITECTURE.deb)
set -eu
. "$(dirname "$0")/common.sh"
command -v dpkg-deb > /dev/null || fail "Cannot make the package for Debian: dpkg-deb isn't on PATH; install the package dpkg"
staged usr/lib/p2pchat
architecture=$(dpkg --print-architecture)
runtime "$stage/usr/lib/p2pchat/deno"
mkdir -p "$stage/DEBIAN" "$stage/usr/bin" "$stage/usr/share/doc/p2pchat" "$stage/usr/share/lintian/overrides" \
  "$stage/lib/systemd/system"
ln -s ../lib/p2pchat/p2pchat "$stage/usr/bin/p2pchat"
mv "$stage"/usr/lib/p2pchat/share/* "$stage/usr/share"
mkdir "$stage/usr/share/zsh/vendor-completions"
mv "$stage/usr/share/zsh/site-functions/_p2pchat" "$stage/usr/share/zsh/vendor-completions"
rmdir "$stage/usr/share/zsh/site-functions" "$stage/usr/lib/p2pchat/share"
gzip -9 -n "$stage/usr/share/man/man1/p2pchat.1"

cp packaging/deb/copyright "$stage/usr/share/doc/p2pchat"
cp packaging/deb/overrides "$stage/usr/share/lintian/overrides/p2pchat"
gzip -9 -n < CHANGELOG.md > "$stage/usr/share/doc/p2pchat/NEWS.md.gz"
gzip -9 -n > "$stage/usr/share/doc/p2pchat/changelog.gz" << END
p2pchat ($version) stable; urgency=medium

  * What changed stands in NEWS.md.

 -- $(sed -n 's/^Maintainer: //p' packaging/deb/control)  $(date -R -d "@$SOURCE_DATE_EPOCH")
END
for unit in systemd/*; do
  sed 's|/usr/local/bin/|/usr/bin/|' "$unit" > "$stage/lib/systemd/system/${unit##*/}"
done

find "$stage" -type d -exec chmod 755 {} +
find "$stage" -type f -exec chmod 644 {} +
chmod 755 "$stage/usr/lib/p2pchat/p2pchat" "$stage/usr/lib/p2pchat/deno"
cp packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$stage/DEBIAN"
chmod 755 "$stage/DEBIAN"/p*
sed "s/@VERSION@/$version/;s/@ARCHITECTURE@/$architecture/;s|@SUMMARY@|$summary|;s/@KIB@/$(du -sk --apparent-size "$stage/usr" | cut -f 1)/" \
  packaging/deb/control > "$stage/DEBIAN/control"
(cd "$stage" && find usr lib -type f | sort | xargs md5sum) > "$stage/DEBIAN/md5sums"
find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zgzip -z3 --build "$stage" "$packages" > /dev/null
rm -rf "$stage"
echo "Built $packages/p2pchat_${version}_$architecture.deb"
