#!/bin/sh
# Makes an image for containers, an OCI image layout in an archive, for the two servers: nothing in it but Deno, the
# libraries of the system that it needs, and the program; no shell, and nothing that runs as root.
# Usage: make oci   (into build/packages/p2pchat-VERSION-oci-ARCHITECTURE.tar; Linux)
set -eu
. "$(dirname "$0")/common.sh"
[ "$(uname -s)" = Linux ] || fail "Cannot make the image: it is made of this system's libraries, which must be Linux's"
case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) fail "Cannot make the image: there is no Deno for $(uname -m)" ;;
esac
user=10001
staged programs/usr/lib/p2pchat

# The runtime: where its libraries lie it is told by the loader, and each brings its terms of use, as Debian has them.
base=$stage/runtime
mkdir -p "$base/etc" "$base/usr/lib/p2pchat" "$base/usr/share/doc"
runtime "$base/usr/lib/p2pchat/deno"
for library in $(ldd "$base/usr/lib/p2pchat/deno" | grep -o '/[^ ]*'); do
  mkdir -p "$base${library%/*}"
  cp -L "$library" "$base$library"
done
for terms in libc6 libgcc-s1; do
  if [ -f "/usr/share/doc/$terms/copyright" ]; then
    mkdir "$base/usr/share/doc/$terms"
    cp "/usr/share/doc/$terms/copyright" "$base/usr/share/doc/$terms"
  fi
done
echo "p2pchat:x:$user:$user::/data:/" > "$base/etc/passwd"
echo "p2pchat:x:$user:" > "$base/etc/group"
echo "hosts: files dns" > "$base/etc/nsswitch.conf"

# The program, of which one file can do all; and the volume.
programs=$stage/programs/usr/lib/p2pchat
run=$(sed -n 's/^ *exec "$begun" \(run .*\) \\$/\1/p' "$programs/p2pchat")
for file in "$programs"/*; do
  [ "$file" = "$programs/program.js" ] || rm -r "$file"
done
cp packaging/health.ts LICENSE "$programs"
mkdir -p "$stage/data/data" "$stage/image/blobs/sha256"

# blob FILE: moves a file to where its digest says. Its descriptor, but for the type, is in $blob.
blob() {
  digest=$(tools/sha256.sh "$1")
  blob="\"digest\":\"sha256:$digest\",\"size\":$(($(wc -c < "$1")))"
  mv "$1" "$stage/image/blobs/sha256/$digest"
}
# words WORD...: as a list in JSON. None of ours needs to be escaped.
words() {
  printf '"%s"' "$1"
  shift
  for word in "$@"; do printf ',"%s"' "$word"; done
}

layers= unpacked= paths=
for layer in runtime programs data; do
  # Without a word about the folder above, which is root's.
  names=$(ls "$stage/$layer")
  # shellcheck disable=SC2030,SC2086 # for this archive alone; several folders
  (
    if [ $layer = data ]; then owner=$user mode=u=rwx,go=; fi
    archive "$stage/$layer" $names > "$stage/layer"
  )
  unpacked="$unpacked${unpacked:+,}\"sha256:$(tools/sha256.sh "$stage/layer")\""
  gzip -3 -n "$stage/layer"
  blob "$stage/layer.gz"
  paths="$paths${paths:+,}\"blobs/sha256/$digest\""
  layers="$layers${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",$blob}"
done
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
# shellcheck disable=SC2086 # several flags
entry=$(words /usr/lib/p2pchat/deno $run /usr/lib/p2pchat/program.js)
health=$(words CMD /usr/lib/p2pchat/deno run --quiet --no-config --allow-net=127.0.0.1 /usr/lib/p2pchat/health.ts)
cat > "$stage/config" << END
{"created":"$created","architecture":"$architecture","os":"linux","config":{"User":"$user:$user","Env":[$(
  words PATH=/usr/lib/p2pchat HOME=/data P2PCHAT_HOME=/data P2PCHAT_HANGUP=ignored DENO_NO_UPDATE_CHECK=1 \
    DENO_DIR=/nonexistent)],"Entrypoint":[$entry],"Cmd":["serve","--stay"],"WorkingDir":"/data","Volumes":{"/data":{}},"ExposedPorts":{"6000/tcp":{},"6000/udp":{},"4400/tcp":{},"4400/udp":{}},"Healthcheck":{"Test":[$health],"Interval":30000000000,"Timeout":10000000000,"Retries":3},"Labels":{"org.opencontainers.image.title":"p2pchat","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"MIT"}},"rootfs":{"type":"layers","diff_ids":[$unpacked]},"history":[{"created":"$created"},{"created":"$created"},{"created":"$created"}]}
END
blob "$stage/config"
# By this Docker loads it where it doesn't keep images as OCI has them.
echo "[{\"Config\":\"blobs/sha256/$digest\",\"RepoTags\":[\"p2pchat:$version\"],\"Layers\":[$paths]}]" \
  > "$stage/image/manifest.json"
cat > "$stage/manifest" << END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",$blob},"layers":[$layers]}
END
blob "$stage/manifest"
cat > "$stage/image/index.json" << END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",$blob,"platform":{"architecture":"$architecture","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"$version"}}]}
END
echo '{"imageLayoutVersion":"1.0.0"}' > "$stage/image/oci-layout"
archive "$stage/image" > "$packages/p2pchat-$version-oci-$architecture.tar"
rm -rf "$stage"
echo "Built $packages/p2pchat-$version-oci-$architecture.tar"
