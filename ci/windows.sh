#!/usr/bin/env bash
# Builds the client for Windows and, where wine is installed, runs its tests there and a download from a Linux server.
# Reports that it checks nothing where there is no toolchain for Windows. One is, on Debian,
#
#   apt-get install --no-install-recommends gcc-mingw-w64-x86-64 rustc-web cargo-web rust-web-src wine64
#
# and elsewhere MinGW with `rustup target add x86_64-pc-windows-gnu`.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly target=x86_64-pc-windows-gnu
export CARGO_TARGET_DIR=$PWD/target/windows CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0

skip() {
  echo "the client is not built for Windows: $*"
  exit 0
}
command -v x86_64-w64-mingw32-gcc >/dev/null || skip "there is no x86_64-w64-mingw32-gcc"

# A compiler that has the target's standard library, or its sources.
options=()
sysroot=
for candidate in "$(rustc --print sysroot)" /usr; do
  [ -x "$candidate/bin/rustc" ] || continue
  if [ -d "$candidate/lib/rustlib/$target/lib" ]; then
    sysroot=$candidate
    break
  elif [ -e "$candidate/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    sysroot=$candidate options=(-Zbuild-std)
    # Building the standard library is a feature of cargo that is not stable.
    export RUSTC_BOOTSTRAP=1
    break
  fi
done
[ -n "$sysroot" ] || skip "no compiler here has the standard library of $target or its sources"
export RUSTC=$sysroot/bin/rustc PATH=$sysroot/bin:$PATH
cargo() { "$sysroot/bin/cargo" "$@" "${options[@]}" --target "$target" --locked -p atrail --no-default-features; }

# Warnings are errors in our own code: what only other systems use would be one.
RUSTFLAGS='-D warnings' cargo build
exe=$CARGO_TARGET_DIR/$target/debug/atrail.exe
ls -l "$exe"

wine=$(command -v wine64 || command -v wine || true)
[ -n "$wine" ] || { echo "the client for Windows is built, and not run: there is no wine"; exit 0; }
# Its own Windows, in which nothing is installed.
WINEPREFIX=$(mktemp -d)
export WINEPREFIX WINEDEBUG=-all
trap 'wineserver -k 2>/dev/null || true; rm -rf "$WINEPREFIX"' EXIT
"$wine" wineboot --init >/dev/null 2>&1 || true
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$wine
RUSTFLAGS='-D warnings' cargo test --bins --test client
