#!/usr/bin/env bash
# Builds the console's verifier anew and compares it with the committed one, byte for byte. The compiler is pinned, and no
# path of this machine becomes part of the file.
#
#   ci/wasm.sh           compares; a difference, or a tool that is missing, fails
#   ci/wasm.sh --write   writes the committed file
#
# AGAINST names another file to compare with.
#
# Needs rustup, which gets the compiler and its target once.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly toolchain=1.95.0 target=wasm32-unknown-unknown
# The console loads it only where something is to be proven.
readonly most_bytes_gzip=$((300 * 1024))
committed=${AGAINST:-$PWD/crates/atrail-console/ui/wasm/verifier.wasm}

command -v rustup >/dev/null || { echo "ci/wasm.sh: rustup is not installed" >&2; exit 1; }
rustup target list --toolchain "$toolchain" --installed 2>/dev/null | grep -qx "$target" ||
  rustup target add "$target" --toolchain "$toolchain"

cargo_home=${CARGO_HOME:-$HOME/.cargo}
export CARGO_TARGET_DIR=$PWD/target/wasm CARGO_INCREMENTAL=0
# The profile of releases optimises some crates for speed, at any size. The last level counts.
export RUSTFLAGS="-C opt-level=2 -C strip=symbols --remap-path-prefix=$PWD=/atrail --remap-path-prefix=$cargo_home=/cargo"
unset CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS RUSTC_WRAPPER
${CARGO:-cargo} "+$toolchain" rustc --quiet --locked --profile dist -p atrail-verifier --lib --crate-type cdylib \
  --target "$target"
built=$CARGO_TARGET_DIR/$target/dist/atrail_verifier.wasm

bytes=$(gzip -9nc "$built" | wc -c)
printf 'wasm/verifier.wasm: %d bytes, %d with gzip, sha256 %s\n' "$(wc -c <"$built")" "$bytes" \
  "$(sha256sum "$built" | cut -d ' ' -f 1)"
if [ "$bytes" -gt "$most_bytes_gzip" ]; then
  echo "ci/wasm.sh: more than $most_bytes_gzip bytes with gzip" >&2
  exit 1
fi
if [ "${1-}" = --write ]; then
  install -D -m 0644 "$built" "$committed"
elif ! cmp "$built" "$committed"; then
  echo "ci/wasm.sh: $committed is not what this source and Rust $toolchain make: run ci/wasm.sh --write" >&2
  exit 1
fi
