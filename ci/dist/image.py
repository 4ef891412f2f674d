#!/usr/bin/env python3
"""Writes a container image from scratch, without a daemon.

    image.py --binary FILE --version V --commit C --epoch SECONDS --licences FILE --out FILE.tar

The file is an OCI image layout and what `docker save` writes at the same time: `docker load`, `podman load` and
`skopeo copy oci-archive:FILE` read it. Two layers: the C library that the program needs, with the certificates of
authorities, and the program. No shell, no package manager. The same files give the same bytes.
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile

USER = 10001
# What the package ca-certificates holds, and none that this machine trusts besides.
AUTHORITIES = pathlib.Path("/usr/share/ca-certificates/mozilla")
# glibc loads these for names of hosts; older versions keep them outside libc.so.6.
RESOLVERS = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"]


class Layer:
    """A tar whose bytes follow from what is added to it."""

    def __init__(self, epoch):
        self.epoch, self.entries = epoch, {}

    def add(self, path, data=None, *, mode=0o644, owner=0, link=None):
        for parent in reversed(pathlib.PurePosixPath(path).parents[:-1]):
            self.entries.setdefault(str(parent), (None, 0o755, 0, None))
        self.entries[path] = (data, mode, owner, link)

    def tar(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path, (data, mode, owner, link) in sorted(self.entries.items()):
                info = tarfile.TarInfo(path)
                info.mode, info.uid, info.gid, info.mtime = mode, owner, owner, self.epoch
                if link:
                    info.type, info.linkname = tarfile.SYMTYPE, link
                elif data is None:
                    info.type = tarfile.DIRTYPE
                else:
                    info.size = len(data)
                tar.addfile(info, io.BytesIO(data) if data is not None else None)
        return out.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def needed(binary):
    """Returns the program's interpreter and libraries: (path in the image, file here)."""
    listed = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
    if "not found" in listed:
        sys.exit(f"image: a library is missing here:\n{listed}")
    found = {}
    for line in listed.splitlines():
        by_name = re.search(r"(\S+) => (/\S+)", line)
        by_path = re.search(r"^\s*(/\S*ld-linux\S*)", line)
        if by_name:
            found[f"lib/x86_64-linux-gnu/{by_name[1]}"] = pathlib.Path(by_name[2])
        elif by_path:
            found[by_path[1].lstrip("/")] = pathlib.Path(by_path[1])
    libc = found["lib/x86_64-linux-gnu/libc.so.6"]
    for name in RESOLVERS:
        if (libc.parent / name).exists():
            found[f"lib/x86_64-linux-gnu/{name}"] = libc.parent / name
    return found


def installed(package):
    """Returns `package=version` as Debian has it installed here, or `package=unknown`."""
    try:
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    except FileNotFoundError:
        return f"{package}=unknown"
    return f"{package}={asked.stdout or 'unknown'}"


def authorities():
    """Returns the certificates of authorities, in the order of their files' names."""
    files = sorted(AUTHORITIES.glob("*.crt"))
    if len(files) < 50:
        sys.exit(f"image: {AUTHORITIES} holds {len(files)} certificates: is the package ca-certificates installed?")
    return b"".join(file.read_bytes().rstrip(b"\n") + b"\n" for file in files)


def base(binary, epoch):
    layer = Layer(epoch)
    for path, file in needed(binary).items():
        layer.add(path, file.resolve().read_bytes(), mode=0o755)
    layer.add("etc/ssl/certs/ca-certificates.crt", authorities())
    layer.add("etc/passwd", f"root:x:0:0:root:/:/nonexistent\natrail:x:{USER}:{USER}:atrail:/home/atrail:/nonexistent\n".encode())
    layer.add("etc/group", f"root:x:0:\natrail:x:{USER}:\n".encode())
    layer.add("etc/nsswitch.conf", b"hosts: files dns\n")
    layer.add("tmp", mode=0o1777)
    for package in ("libc6", "ca-certificates"):
        text = pathlib.Path(f"/usr/share/doc/{package}/copyright")
        if text.exists():
            layer.add(f"usr/share/doc/{package}/copyright", text.read_bytes())
    return layer


def program(given):
    layer = Layer(given.epoch)
    layer.add("usr/bin/atrail", given.binary.read_bytes(), mode=0o755)
    layer.add("usr/share/doc/atrail/LICENSE", pathlib.Path("LICENSE").read_bytes())
    layer.add("usr/share/doc/atrail/THIRD-PARTY-LICENSES.txt", given.licences.read_bytes())
    # A volume that is made here begins with this directory's owner and mode.
    layer.add("var/lib/atrail", mode=0o700, owner=USER)
    layer.add("home/atrail", mode=0o700, owner=USER)
    return layer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--epoch", required=True, type=int)
    parser.add_argument("--licences", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    given = parser.parse_args()
    when = datetime.datetime.fromtimestamp(given.epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    blobs, diffs, layers = {}, [], []

    def blob(data, kind):
        digest = sha256(data)
        blobs[digest] = data
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    for layer in (base(given.binary, given.epoch), program(given)):
        tar = layer.tar()
        diffs.append(f"sha256:{sha256(tar)}")
        packed = gzip.compress(tar, compresslevel=9, mtime=0)
        layers.append(blob(packed, "application/vnd.oci.image.layer.v1.tar+gzip"))
    labels = {
        # Besides the commit and the compiler, the image's bytes follow from these.
        "org.atrail.base": " ".join(installed(package) for package in ("libc6", "ca-certificates")),
        "org.opencontainers.image.title": "atrail",
        "org.opencontainers.image.description": "An activity tracker: server and command line",
        "org.opencontainers.image.version": given.version,
        "org.opencontainers.image.revision": given.commit,
        "org.opencontainers.image.created": when,
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    config = {
        "created": when,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["PATH=/usr/bin", "HOME=/home/atrail", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "Entrypoint": ["/usr/bin/atrail"],
            "Cmd": ["serve", "--data", "/var/lib/atrail", "--listen", "0.0.0.0:8181", "--insecure-http"],
            "ExposedPorts": {"8181/tcp": {}},
            "Volumes": {"/var/lib/atrail": {}},
            "WorkingDir": "/var/lib/atrail",
            "StopSignal": "SIGTERM",
            "Labels": labels,
            # In nanoseconds, as Docker keeps them.
            "Healthcheck": {
                # Whether it runs: a full disk stops events, and a new container would not make room. By address: no
                # variable and no login of the container leads elsewhere.
                "Test": ["CMD", "/usr/bin/atrail", "healthcheck", "--live", "-a", "http://127.0.0.1:8181"],
                "Interval": 30_000_000_000,
                "Timeout": 6_000_000_000,
                "StartPeriod": 60_000_000_000,
                "Retries": 3,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": diffs},
        "history": [
            {"created": when, "created_by": "ci/dist/image.py: C library and certificates"},
            {"created": when, "created_by": "ci/dist/image.py: atrail"},
        ],
    }
    packed = json.dumps(config, sort_keys=True).encode()
    config_blob = blob(packed, "application/vnd.oci.image.config.v1+json")
    manifest = blob(json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config_blob,
        "layers": layers,
        "annotations": labels,
    }, sort_keys=True).encode(), "application/vnd.oci.image.manifest.v1+json")
    name = f"atrail:{given.version}"
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [manifest | {
            "platform": {"architecture": "amd64", "os": "linux"},
            "annotations": {
                "io.containerd.image.name": f"docker.io/library/{name}",
                "org.opencontainers.image.ref.name": given.version,
            },
        }],
    }

    def path_of(descriptor):
        return f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"

    out = Layer(given.epoch)
    out.add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    out.add("index.json", json.dumps(index, sort_keys=True).encode())
    # What `docker load` before version 25 reads.
    out.add("manifest.json", json.dumps([{
        "Config": path_of(config_blob), "RepoTags": [name], "Layers": [path_of(layer) for layer in layers],
    }], sort_keys=True).encode())
    for digest, data in blobs.items():
        out.add(f"blobs/sha256/{digest}", data)
    given.out.write_bytes(out.tar())
    print(f"{name} {manifest['digest']}")


main()
