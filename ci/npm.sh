#!/usr/bin/env bash
# Installs the packages of a folder by its lockfile, once: ci/npm.sh FOLDER. No package runs a script of its own.
set -euo pipefail
cd "$(dirname "$0")/../$1"

mark=node_modules/.of-lockfile
if ! cmp -s package-lock.json "$mark"; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json "$mark"
fi
