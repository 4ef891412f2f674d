#!/usr/bin/env bash
# Builds the client for Windows and, where wine is installed, runs its tests there, and a round with a server of this
# machine: log in, send, download, verify, prove.
# Reports that it checks nothing where there is no toolchain for Windows. One is, on Debian,
#
#   apt-get install --no-install-recommends gcc-mingw-w64-x86-64 rustc-web cargo-web rust-web-src wine64
#
# and elsewhere MinGW with `rustup target add x86_64-pc-windows-gnu`.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly target=x86_64-pc-windows-gnu
readonly path=$PATH
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
cargo() {
  "$sysroot/bin/cargo" "$1" "${options[@]}" --target "$target" --locked -p atrail --no-default-features "${@:2}"
}

# Warnings are errors: code that only other systems use would be one.
cargo rustc --bin atrail -- -D warnings
exe=$CARGO_TARGET_DIR/$target/debug/atrail.exe
ls -l "$exe"

wine=$(command -v wine64 || command -v wine || true)
[ -n "$wine" ] || { echo "the client for Windows is built, and not run: there is no wine"; exit 0; }
# Its own Windows, in which nothing is installed.
work=$(mktemp -d)
server=
cleanup() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  wineserver -k 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
export WINEPREFIX=$work/windows WINEDEBUG=-all
"$wine" wineboot --init >/dev/null 2>&1 || true
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$wine
cargo test --bins --test client

# The server is the default compiler's.
env -u CARGO_TARGET_DIR -u RUSTC -u RUSTC_BOOTSTRAP -u CARGO_PROFILE_DEV_DEBUG PATH="$path" \
  cargo build --quiet --locked -p atrail
target/debug/atrail serve --data "$work/data" --listen 127.0.0.1:0 >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 300); do
  url=$(sed -n 's/^listening on //p' "$work/out")
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "$url" ] || { cat "$work/log" >&2; exit 1; }

cd "$work"
client() { "$wine" "$exe" "$@"; }
for i in $(seq 1000); do
  printf '{"eventTime":"2026-01-02T03:04:05Z","action":"update","outcome":"success","id":"event-%d","initiator":{"id":"u"},"target":{"id":"t"}}\n' "$i"
done >events.json
client login -a "$url" --api-key-file data/initial-credentials.json -o default -s default
find "$WINEPREFIX" -path '*/AppData/Roaming/atrail/config.json' | grep . # the state lies in the profile
client -q trail -f events.json
client download -s 2026-01-02 -e 2026-01-02 -o day.json.gz --verify
zcat day.json.gz | cmp - events.json
client verify day.json.gz
client prove day.json.gz --line 17 -o event.proof
client verify --proof event.proof
# A part that has a second name is not this download's own.
: >other.json.gz.part
ln other.json.gz.part second-name
if client download -s 2026-01-02 -e 2026-01-02 -o other.json.gz 2>refused; then exit 1; fi
grep 'another name' refused
