#!/usr/bin/env python3
"""Lists what a binary consists of: an SBOM (CycloneDX 1.5), and the licence texts that go with it.

    inventory.py --target TARGET --commit COMMIT --epoch SECONDS --sbom FILE --licences FILE

The crates are those that cargo links into the program for the target: no build tools, no macros, no tests. C libraries inside
crates, and the standard library, are components of their own. The same sources give the same bytes.
"""

import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import uuid

# C libraries that crates contain: crate, name, file with the version, pattern, licence.
BUNDLED = [
    ("libsqlite3-sys", "sqlite", "sqlite3/sqlite3.h", r'#define SQLITE_VERSION\s+"([^"]+)"', "blessing"),
    ("libdeflate-sys", "libdeflate", "libdeflate/libdeflate.h", r'#define LIBDEFLATE_VERSION_STRING\s+"([^"]+)"', "MIT"),
    ("zstd-sys", "zstd", None, r"\+zstd\.(.+)$", "BSD-3-Clause"),
    ("aws-lc-sys", "aws-lc", "aws-lc/include/openssl/base.h", r'#define AWSLC_VERSION_NUMBER_STRING\s+"([^"]+)"',
     "ISC AND (Apache-2.0 OR ISC)"),
]
# What a file with a licence is called.
LICENCE_NAME = re.compile(r"^(licen[cs]e|copying|notice|copyright|unlicense)([-._].*)?$", re.IGNORECASE)
NO_LICENCE = {".rs", ".py", ".sh", ".toml", ".h", ".c", ".json", ".yml", ".yaml"}
# Folders of a crate that do not become part of a program.
UNLINKED = {"target", "tests", "test", "benches", "examples", "fuzz", "third_party", "util", "go", "contrib", "programs",
            "doc", "docs", "zlibWrapper", "node_modules"}


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def crates(target):
    """Returns (name, version) of each crate in the program, sorted, and the packages' metadata by the same key."""
    tree = run("cargo", "tree", "--locked", "-p", "atrail", "-e", "normal,no-proc-macro", "--target", target, "--prefix", "none",
               "--no-dedupe", "-f", "{p}")
    linked = set()
    for line in tree.splitlines():
        if line.strip() and not line.startswith("["):
            name, version = line.split()[:2]
            linked.add((name, version.removeprefix("v")))
    packages = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]
    found = {(package["name"], package["version"]): package for package in packages}
    return sorted(linked), found


def checksums():
    """Returns the registry's SHA-256 of each package, by (name, version)."""
    lock = pathlib.Path("Cargo.lock").read_text()
    block = re.compile(r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]+)"')
    return {(name, version): checksum for name, version, checksum in block.findall(lock)}


def expression(package):
    """Returns the licence as an SPDX expression; `/` is an old spelling of OR."""
    return (package["license"] or "").replace("/", " OR ")


def root(package):
    return pathlib.Path(package["manifest_path"]).parent


def bundled(package):
    """Returns the components of C inside a crate."""
    for crate, name, file, pattern, licence in BUNDLED:
        if package["name"] != crate:
            continue
        text = (root(package) / file).read_text(errors="replace") if file else package["version"]
        found = re.search(pattern, text)
        if not found:
            sys.exit(f"inventory: {crate} {package['version']} does not say its version of {name} as it used to")
        yield {"type": "library", "bom-ref": f"c:{name}@{found[1]}", "name": name, "version": found[1],
               "licenses": [{"expression": licence}], "purl": f"pkg:generic/{name}@{found[1]}"}


def standard_library():
    version = re.match(r"rustc (\S+)", run("rustc", "--version"))[1]
    return {"type": "library", "bom-ref": f"rust-std@{version}", "name": "rust-std", "version": version,
            "licenses": [{"expression": "MIT OR Apache-2.0"}], "purl": f"pkg:generic/rust-std@{version}"}


def sbom(target, commit, epoch):
    linked, found = crates(target)
    sums = checksums()
    program, components, references = None, [standard_library()], {}
    for key in linked:
        package, (name, version) = found[key], key
        is_ours = package["source"] is None
        reference = f"{'atrail' if is_ours else 'crate'}:{name}@{version}"
        references[key] = reference
        component = {"type": "library", "bom-ref": reference, "name": name, "version": version}
        if package["license"]:
            component["licenses"] = [{"expression": expression(package)}]
        if not is_ours:
            component["purl"] = f"pkg:cargo/{name}@{version}"
            component["hashes"] = [{"alg": "SHA-256", "content": sums[key]}]
        if name == "atrail":
            program = component | {"type": "application"}
        else:
            components.append(component)
        components.extend(bundled(package))
    by_id = {package["id"]: key for key, package in found.items()}
    graph = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target))
    dependencies = []
    for node in graph["resolve"]["nodes"]:
        key = by_id.get(node["id"])
        if key not in references:
            continue
        needs = [references.get(by_id[need["pkg"]]) for need in node["deps"]
                 if any(kind["kind"] is None for kind in need["dep_kinds"])]
        needs += [component["bom-ref"] for component in bundled(found[key])]
        dependencies.append({"ref": references[key], "dependsOn": sorted(filter(None, set(needs)))})
    for component in components:
        if component["bom-ref"] not in references.values():
            dependencies.append({"ref": component["bom-ref"], "dependsOn": []})
    when = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # The same program has the same number.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'atrail:{commit}:{target}')}",
        "version": 1,
        "metadata": {
            "timestamp": when,
            "component": program,
            "properties": [{"name": "atrail:commit", "value": commit}, {"name": "atrail:target", "value": target}],
        },
        "components": sorted(components, key=lambda component: component["bom-ref"]),
        "dependencies": sorted(dependencies, key=lambda dependency: dependency["ref"]),
    }


def licence_files(directory):
    for path in sorted(directory.rglob("*")):
        inside = path.relative_to(directory)
        if any(part in UNLINKED for part in inside.parts[:-1]) or not path.is_file():
            continue
        if LICENCE_NAME.match(path.name) and path.suffix.lower() not in NO_LICENCE:
            yield inside, path
        elif inside.parts[0].lower() in ("licenses", "license") and len(inside.parts) > 1 and path.suffix == ".txt":
            yield inside, path


def licences(target):
    """Returns the licence texts, each once, under the crates that it belongs to."""
    linked, found = crates(target)
    texts, missing = {}, []
    for key in linked:
        package = found[key]
        if package["source"] is None:
            continue
        files = list(licence_files(root(package)))
        for inside, path in files:
            text = "\n".join(line.rstrip() for line in path.read_text(errors="replace").splitlines()).strip("\n")
            users = texts.setdefault(text, [])
            users.append(f"{package['name']} {package['version']} ({inside.as_posix()})")
        if not files:
            missing.append(package)
    sysroot = pathlib.Path(run("rustc", "--print", "sysroot").strip()) / "share/doc/rust/licenses"
    for path in sorted(sysroot.glob("*.txt")):
        if path.stem in ("MIT", "Apache-2.0"):
            text = "\n".join(line.rstrip() for line in path.read_text().splitlines()).strip("\n")
            texts.setdefault(text, []).append("the Rust standard library")
    lines = [
        "atrail contains software of others. Each text below is preceded by the packages that it comes with.",
        "SQLite (in libsqlite3-sys) is in the public domain: https://www.sqlite.org/copyright.html",
        "",
    ]
    if missing:
        lines += ["These packages come without a text; their manifests name the licence and the authors:", ""]
        for package in missing:
            authors = ", ".join(package["authors"]) or "the authors named at its repository"
            lines.append(f"  {package['name']} {package['version']}: {expression(package)}; {authors}; "
                         f"{package['repository'] or 'no repository'}")
        lines.append("")
    for text, users in sorted(texts.items(), key=lambda item: item[1]):
        lines += ["=" * 80, *users, "-" * 80, text, ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--epoch", required=True, type=int)
    parser.add_argument("--sbom", required=True, type=pathlib.Path)
    parser.add_argument("--licences", required=True, type=pathlib.Path)
    given = parser.parse_args()
    bom = sbom(given.target, given.commit, given.epoch)
    given.sbom.write_text(json.dumps(bom, indent=1, ensure_ascii=False) + "\n")
    given.licences.write_text(licences(given.target))
    print(f"{len(bom['components'])} components")


main()
