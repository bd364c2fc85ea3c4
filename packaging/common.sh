# What the scripts of packages share; each reads it first, in whatever folder it is started.
cd "$(dirname "$0")/.."

# fail SENTENCE
fail() {
  echo "$1" >&2
  exit 1
}

umask 022
deno=$(tools/find_deno.sh)
version=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' deno.json)
summary="End-to-end encrypted chat for the terminal, with no account at any company"
# The time of all files: that of the commit, so that whoever builds it gets the same bytes.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2> /dev/null) ||
    fail "Cannot make a package: there is no commit here whose time its files could have; set SOURCE_DATE_EPOCH to it"
fi
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
packages=build/packages
mkdir -p "$packages"

# staged FOLDER: an empty folder, with what `tools/build.sh parts` made in FOLDER below it. Its path is in $stage.
staged() {
  stage=build/stage-$(basename "$0" .sh)
  rm -rf "$stage"
  mkdir -p "$stage/$1"
  cp -R build/parts/. "$stage/$1"
}

# runtime FILE: copies Deno itself there, which is the one that was pinned, or there is no package.
runtime() {
  "$deno" eval 'Deno.copyFileSync(Deno.execPath(), Deno.args[0])' "$1"
  grep -q "^$(tools/sha256.sh "$1") " tools/deno/sha256 ||
    fail "Cannot make the package: $deno isn't the Deno that tools/deno names; take it off PATH, so that npm brings that one"
}

# archive FOLDER [NAME...]: what is in a folder, or that which is named, as an archive: the same files, the same bytes.
# All of it is root's, or $owner's, and may be read by all, or what $mode says.
owner=0 mode=u+rw,go-w,a+rX
archive() {
  folder=$1
  shift
  "$(command -v gtar || command -v tar)" -C "$folder" --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" \
    --owner="$owner" --group="$owner" --numeric-owner --mode="$mode" -c "${@:-.}"
}
