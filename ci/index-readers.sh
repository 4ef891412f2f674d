#!/usr/bin/env bash
# Reads index files with DuckDB, pyarrow and polars, and compares what they count: the golden files of the tests, and,
# given a data directory or a server, the index of closed days against the archive.
#
#   ci/index-readers.sh                 the golden files
#   ci/index-readers.sh DIR             and those of this data directory, whose closed days are all indexed
#   ci/index-readers.sh --install       nothing, and installs the packages
#   ci/index-readers.sh BINARY          and those of a directory that this server makes, of the samples of all formats
#                                       and of ../shared/data where it is there
#
# The Python packages are installed below target/, unless PYTHON names an interpreter that has them.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${PYTHON:-}" ]; then
  # A virtual environment is tied to its path, and the target directory may have been moved.
  venv=$PWD/target/ci-tools/index-readers
  if ! "$venv/bin/python" -c 'import duckdb, pyarrow, polars' 2>/dev/null; then
    mkdir -p target/ci-tools
    { python3 -m venv --clear "$venv" && "$venv/bin/pip" install --quiet duckdb pyarrow polars; } || rm -rf "$venv"
  fi
  PYTHON=$venv/bin/python
fi
if ! "$PYTHON" -c 'import duckdb, pyarrow, polars' 2>/dev/null; then
  echo "SKIPPED: index files were not read: duckdb, pyarrow and polars cannot be installed here"
  exit 0
fi
[ "${1-}" = --install ] || exec "$PYTHON" ci/index_readers.py "$@"
