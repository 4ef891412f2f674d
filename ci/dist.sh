#!/usr/bin/env bash
# Builds everything that people install, into dist/: a Linux binary, a tar.gz, a .deb, a container image, licence texts,
# an SBOM, a page that verifies downloads, the compiler's version and SHA256SUMS. The same commit and compiler give the same bytes, in whatever directory
# they are built; the image rests on this machine's libc6 and ca-certificates as well.
#
#   ci/dist.sh                      builds the binary first
#   ci/dist.sh --binary FILE        packs this one: for trying the packaging
#
# Needs what the build needs, and python3, dpkg-deb, xz, node and npm. It installs zig, which compiles for an old glibc, below
# target/.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly zig=0.17.1 zigbuild=0.24.1
# Rust's standard library needs 2.17 itself: systems since 2014.
readonly triple=x86_64-unknown-linux-gnu glibc=2.17

binary=
if [ "${1-}" = --binary ]; then binary=$2; fi

step() { printf '\n== %s\n' "$*"; }

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
commit=$(git rev-parse HEAD)
if [ -n "$(git status --porcelain)" ]; then
  echo "ci/dist.sh: the working tree has changes that no commit holds" >&2
  [ -n "$binary" ] || exit 1
fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

if [ -z "$binary" ]; then
  step "compiler for glibc $glibc"
  # The versions are part of the name: other ones are installed beside them, and not used by mistake.
  tools=$PWD/target/ci-tools/zig-$zig-$zigbuild
  if ! { "$tools/bin/python" -c 'import ziglang' && "$tools/bin/cargo-zigbuild" --version; } >/dev/null 2>&1; then
    python3 -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet "ziglang==$zig" "cargo-zigbuild==$zigbuild"
  fi

  step "binary"
  cargo_home=${CARGO_HOME:-$HOME/.cargo}
  # No path of this machine becomes part of the program: of Rust code by the first, of C code by the second.
  export RUSTFLAGS="--remap-path-prefix=$PWD=/atrail --remap-path-prefix=$cargo_home=/cargo"
  export CFLAGS="-ffile-prefix-map=$PWD=/atrail -ffile-prefix-map=$cargo_home=/cargo"
  # The wrapper's compilers write into a cache of their own; a build must not depend on an older one.
  export CARGO_TARGET_DIR=$PWD/target/dist CARGO_INCREMENTAL=0 ATRAIL_COMMIT=$commit
  export ZIG_GLOBAL_CACHE_DIR=$PWD/target/dist/zig-cache ZIG_LOCAL_CACHE_DIR=$PWD/target/dist/zig-cache
  PATH="$tools/bin:$PATH" cargo zigbuild --profile dist --locked -p atrail --target "$triple.$glibc"
  binary=$CARGO_TARGET_DIR/$triple/dist/atrail
  unset RUSTFLAGS CFLAGS CARGO_TARGET_DIR ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
fi

rm -rf dist target/dist-stage
mkdir -p dist target/dist-stage
stage=$PWD/target/dist-stage

step "licences and SBOM"
python3 ci/dist/inventory.py --target "$triple" --commit "$commit" --epoch "$SOURCE_DATE_EPOCH" \
  --sbom "dist/atrail-$version.cdx.json" --licences "$stage/THIRD-PARTY-LICENSES.txt"

# Fills a directory as /usr or /usr/local has them.
fill() {
  local usr=$1
  install -D -m 0755 "$binary" "$usr/bin/atrail"
  install -d "$usr/share/man/man1" "$usr/share/doc/atrail"
  # A state directory of its own: the commands read no file of this machine.
  export XDG_CONFIG_HOME=$stage/state
  "$usr/bin/atrail" -q man "$usr/share/man/man1"
  chmod 0644 "$usr/share/man/man1/"*
  gzip -9n "$usr/share/man/man1/"*
  install -d "$usr/share/bash-completion/completions" "$usr/share/zsh/site-functions" \
    "$usr/share/fish/vendor_completions.d"
  "$usr/bin/atrail" completions bash >"$usr/share/bash-completion/completions/atrail"
  "$usr/bin/atrail" completions zsh >"$usr/share/zsh/site-functions/_atrail"
  "$usr/bin/atrail" completions fish >"$usr/share/fish/vendor_completions.d/atrail.fish"
  # The pages stand to each other as in the sources, so that their links lead somewhere.
  local file
  for file in $(git ls-files README.md CHANGELOG.md ARCHITECTURE.md CONTRIBUTING.md LICENSE docs deploy \
    crates/atrail-sources/mappings/README.md); do
    install -D -m 0644 "$file" "$usr/share/doc/atrail/$file"
  done
  install -m 0644 "$stage/THIRD-PARTY-LICENSES.txt" "$usr/share/doc/atrail/"
  install -D -m 0644 deploy/atrail.service "$usr/lib/systemd/system/atrail.service"
}

step "tar.gz"
name=atrail-$version-x86_64-linux
fill "$stage/$name"
# Files alone: an entry for a directory would change the mode of /usr/local/bin, or replace a link that stands there.
(cd "$stage" && find "$name" -type f -print0 | sort -z) |
  tar --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
    -C "$stage" --null --verbatim-files-from --files-from=- -c | gzip -9n >"dist/$name.tar.gz"

step "deb"
deb=$stage/deb
fill "$deb/usr"
install -m 0644 LICENSE "$deb/usr/share/doc/atrail/copyright"
gzip -9n "$deb/usr/share/doc/atrail/CHANGELOG.md"
# The package makes the user, so that backups and the archive keep their owner when it is removed.
sed -i -e 's|/usr/local/bin/|/usr/bin/|' -e '/^DynamicUser=yes$/d' \
  -e 's|^# systemd unit for atrail: .*|# systemd unit for atrail, as the package installs it.|' \
  "$deb/usr/lib/systemd/system/atrail.service"
install -D -m 0644 docs/atrail.example.toml "$deb/etc/atrail/atrail.toml"
install -d "$deb/DEBIAN"
# In KiB, of the files' sizes: what the disk spends on them depends on the file system.
size=$(find "$deb/usr" "$deb/etc" -type f -printf '%s\n' | awk '{sum += int(($1 + 1023) / 1024)} END {print sum}')
sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$size/" -e "s/@GLIBC@/$glibc/" ci/dist/deb/control >"$deb/DEBIAN/control"
install -m 0644 ci/dist/deb/conffiles "$deb/DEBIAN/"
install -m 0755 ci/dist/deb/postinst ci/dist/deb/prerm ci/dist/deb/postrm "$deb/DEBIAN/"
(cd "$deb" && find usr etc -type f | sort | xargs -d '\n' md5sum) \
  >"$deb/DEBIAN/md5sums"
find "$deb" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$deb" "dist/atrail_${version}_amd64.deb" >/dev/null

step "container image"
python3 ci/dist/image.py --binary "$binary" --version "$version" --commit "$commit" --epoch "$SOURCE_DATE_EPOCH" \
  --licences "$stage/THIRD-PARTY-LICENSES.txt" --out "dist/atrail-$version-x86_64-image.tar"

step "page that verifies"
ci/verify-page.sh dist/atrail-verify.html

step "compiler"
# Of what the bytes depend on besides the commit; the image depends on two packages as well, and names them in a label.
{ rustc --version --verbose; echo "zig: $zig"; echo "cargo-zigbuild: $zigbuild"; } >dist/rustc.txt
cat dist/rustc.txt

step "checksums"
(cd dist && sha256sum -- * >SHA256SUMS && cat SHA256SUMS && ls -l)
