#!/usr/bin/env bash
# Unpacks the container image, checks that its digests are those of its bytes, and runs its command as its user in a
# root directory of nothing but the image; runs its health check, too, before and after the server is there.
# Needs root, for chroot: elsewhere it reports that it runs nothing.
#
#   ci/dist/check_image.sh dist/atrail-VERSION-x86_64-image.tar
set -euo pipefail
cd "$(dirname "$0")/../.."

image=$(realpath "${1:?which image?}")
# In a network of its own, where the image's port is free.
if [ "$(id -u)" = 0 ] && [ -z "${ATRAIL_OWN_NETWORK-}" ]; then
  ATRAIL_OWN_NETWORK=1 exec unshare --net ci/dist/check_image.sh "$image"
fi
work=$(mktemp -d)
server=
cleanup() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "check_image: $*" >&2
  exit 1
}

mkdir "$work/image" "$work/root"
tar -C "$work/image" -xf "$image"
for blob in "$work/image/blobs/sha256/"*; do
  [ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "$(basename "$blob")" ] || fail "$blob has other bytes than its name"
done
python3 - "$work/image" >"$work/plan" <<'P'
import gzip, hashlib, json, pathlib, shlex, sys
image = pathlib.Path(sys.argv[1])
blob = lambda descriptor: image / "blobs" / descriptor["digest"].replace(":", "/")
manifest = json.loads(blob(json.loads((image / "index.json").read_text())["manifests"][0]).read_text())
config = json.loads(blob(manifest["config"]).read_text())
for layer, diff in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
    tar = gzip.decompress(blob(layer).read_bytes())
    assert f"sha256:{hashlib.sha256(tar).hexdigest()}" == diff, "a layer is not what its diff id says"
run = config["config"]
print("layers=(" + shlex.join(str(blob(layer)) for layer in manifest["layers"]) + ")")
print("variables=(" + shlex.join(run["Env"]) + ")")
print("command=(" + shlex.join(run["Entrypoint"] + run["Cmd"]) + ")")
print("check=(" + shlex.join(run["Healthcheck"]["Test"][1:]) + ")")
print("user=" + shlex.quote(run["User"]))
print("directory=" + shlex.quote(run["WorkingDir"]))
P
# shellcheck disable=SC1091 # written above
. "$work/plan"
if [ "$(id -u)" != 0 ]; then
  echo "the image is sound; it is not run: that needs root"
  exit 0
fi
# shellcheck disable=SC2154 # of the plan
for layer in "${layers[@]}"; do tar -C "$work/root" -xzf "$layer"; done

# The image's variables are the program's alone: its PATH does not lead to chroot.
chroot=$(command -v chroot)
# A chroot has no /dev: the program asks the kernel for random numbers by a system call.
# shellcheck disable=SC2154 # of the plan
inside() { env -i "${variables[@]}" "$chroot" --userspec="$user" "$work/root" "$@"; }
ip link set lo up

# shellcheck disable=SC2154 # of the plan
if inside "${check[@]}" >"$work/out" 2>&1; then fail "the health check succeeds without a server"; fi
grep -q '^error: could not reach' "$work/out" || { cat "$work/out" >&2; fail "the health check does not run"; }
echo "health check without a server: $(head -n 1 "$work/out")"
# shellcheck disable=SC2154 # of the plan
start=(env -i "${variables[@]}" "$chroot" --userspec="$user" "$work/root" "${command[@]}")
# Not by the function: the number must be the server's, and not that of a shell that waits for it.
"${start[@]}" >"$work/out" 2>"$work/err" &
server=$!
for _ in $(seq 300); do
  if grep -q '^listening on ' "$work/out"; then break; fi
  sleep 0.1
done
cat "$work/out"
grep -q '^listening on ' "$work/out" || { cat "$work/err" >&2; fail "the server does not start"; }
echo "health check: $(inside "${check[@]}")"
owner=$(stat -c '%u:%g %a' "$work/root/var/lib/atrail/initial-credentials.json")
echo "user of the files: $owner"
[ "$owner" = "$user 600" ] || fail "the files are not the image's user's"
inside /usr/bin/atrail login -a 127.0.0.1:8181 --api-key-file /var/lib/atrail/initial-credentials.json \
  -o default -s default
kill -TERM "$server"
wait "$server" || fail "the server ended with $?"
server=
