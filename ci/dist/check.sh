#!/usr/bin/env bash
# Builds what people install twice, in two directories, and compares the bytes; then tries the files: the binary's size
# and libraries, the tar.gz, the .deb, the image, the SBOM.
#
#   ci/dist/check.sh            builds twice
#   ci/dist/check.sh DIR        tries the files of DIR alone
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "ci/dist/check.sh: $*" >&2
  exit 1
}

dist=${1-} copies=
if [ -z "$dist" ]; then
  commit=$(git rev-parse HEAD)
  copies=$(mktemp -d)
  trap 'git worktree remove --force "$copies/first" 2>/dev/null; git worktree remove --force "$copies/the-second" 2>/dev/null; rm -rf "$copies"' EXIT
  for name in first the-second; do
    git worktree add --quiet --detach "$copies/$name" "$commit"
    "$copies/$name/ci/dist.sh"
  done
  diff "$copies/first/dist/SHA256SUMS" "$copies/the-second/dist/SHA256SUMS" || fail "two builds differ"
  echo "two builds in two directories are the same bytes"
  dist=$copies/first/dist
fi
dist=$(realpath "$dist")
(cd "$dist" && sha256sum --quiet --check SHA256SUMS)

work=$(mktemp -d)
tar -C "$work" --strip-components=1 -xzf "$dist"/atrail-*-x86_64-linux.tar.gz
binary=$work/bin/atrail
size=$(stat -c %s "$binary")
echo "binary: $size bytes; needs $(objdump -p "$binary" | sed -n 's/^ *NEEDED *//p' | tr '\n' ' ')"
# docs/decisions/0070-the-size-of-the-binary.md
[ "$size" -lt 30000000 ] || fail "the binary has 30 MB or more"
newest=$(objdump -T "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
[ "$(printf '%s\n' "$newest" GLIBC_2.17 | sort -V | tail -n 1)" = GLIBC_2.17 ] || fail "the binary needs $newest"
# Where it was built: here, or in the copies.
paths=("$PWD" "${CARGO_HOME:-$HOME/.cargo}" "$HOME/.rustup")
[ -z "$copies" ] || paths+=("$copies")
for path in "${paths[@]}"; do
  if grep -qaF "$path" "$binary"; then fail "the binary contains the path $path"; fi
done
export XDG_CONFIG_HOME=$work/state
"$binary" --version
if [ -n "$copies" ]; then
  "$binary" --version | grep -qxF "commit: $commit" || fail "the binary names another commit"
fi
"$binary" quickstart --exit >"$work/log" 2>&1 || { tail "$work/log" >&2; fail "the quickstart"; }
for page in atrail atrail-download atrail-admin-user-create; do
  [ -e "$work/share/man/man1/$page.1.gz" ] || fail "there is no page $page"
done
for program in bash zsh fish; do
  script=$(find "$work/share" -name atrail -path "*$program*" -o -name _atrail -path "*$program*" -o -name "atrail.$program")
  [ -s "$script" ] || fail "there are no completions for $program"
done
if tar -tzf "$dist"/atrail-*-x86_64-linux.tar.gz | grep '/$'; then fail "the tar.gz has entries for directories"; fi
[ -s "$work/share/doc/atrail/deploy/compose/compose.yaml" ] || fail "there is no deploy/ among the pages"
ci/dist/links.py "$work/share/doc/atrail" || fail "the tar.gz has links that lead nowhere"
dpkg-deb -x "$dist"/atrail_*.deb "$work/deb"
ci/dist/links.py "$work/deb/usr/share/doc/atrail" || fail "the .deb has links that lead nowhere"
# A control: the same pages without one of them.
rm "$work/share/doc/atrail/docs/SENDERS.md"
if ci/dist/links.py "$work/share/doc/atrail" >/dev/null; then fail "a missing page is not noticed"; fi
grep -q "default-src 'none'" "$dist/atrail-verify.html" || fail "the page that verifies has no policy"
[ -s "$dist/rustc.txt" ] || fail "the compiler is not named"
python3 -c 'import json, sys
bom = json.load(open(sys.argv[1]))
names = {component["bom-ref"] for component in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
assert len(names) > 100 and all(set(node["dependsOn"]) <= names for node in bom["dependencies"])' "$dist"/*.cdx.json
rm -rf "$work"

ci/dist/check_deb.sh "$dist"/*.deb
ci/dist/check_image.sh "$dist"/*-image.tar
