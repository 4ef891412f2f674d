#!/usr/bin/env bash
# Runs the recipes of docs/recipes/ with the tools that they are for, each against a server of its own: the
# configuration is extracted from the page, so that the page is what was run. A recipe whose tool is not installed is
# SKIPPED, with the reason; every check that passes has a control that must fail.
#
#   ci/recipes.sh                 every recipe
#   ci/recipes.sh nginx caddy     these
#   ATRAIL=/usr/bin/atrail ci/recipes.sh
#
# The Python packages are installed below target/, unless PYTHON names an interpreter that has them. ATRAIL_OLD names an
# earlier version's binary, from which `upgrade` starts.
set -euo pipefail
cd "$(dirname "$0")/.."

ATRAIL=$(realpath "${ATRAIL:-target/release/atrail}")
export ATRAIL ROOT=$PWD
if [ -z "${PYTHON:-}" ]; then
  # A virtual environment is tied to its path, and the target directory may have been moved.
  python=$PWD/target/ci-tools/recipes
  if ! "$python/bin/python" -c 'import duckdb, pandas, polars, keystonemiddleware, oslo_messaging' 2>/dev/null; then
    python3 -m venv --clear "$python" && "$python/bin/pip" install --quiet duckdb pandas polars keystonemiddleware \
      oslo.messaging webob || rm -rf "$python"
  fi
  PYTHON=$python/bin/python
  [ -x "$PYTHON" ] || PYTHON=python3
fi
export PYTHON

for tool in curl jq openssl "$PYTHON"; do
  if ! command -v "$tool" >/dev/null; then
    echo "SKIPPED every recipe: $tool is not installed"
    exit 0
  fi
done

passed=() skipped=() failed=()
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for script in ci/recipes/*.sh; do
    name=$(basename "$script" .sh)
    [[ $name == lib* ]] || names+=("$name")
  done
fi
for name in "${names[@]}"; do
  printf '\n== %s\n' "$name"
  if [ ! -f "ci/recipes/$name.sh" ]; then
    echo "ci/recipes.sh: there is no recipe '$name'" >&2
    exit 2
  fi
  set +e
  NAME=$name timeout --kill-after=30 600 bash -euo pipefail -c '. "$ROOT/ci/recipes/lib.sh"; . "$ROOT/ci/recipes/$NAME.sh"'
  code=$?
  set -e
  case $code in
    0) passed+=("$name") ;;
    77) skipped+=("$name") ;;
    *)
      echo "FAILED $name: exit $code"
      failed+=("$name")
      ;;
  esac
done
printf '\nrun: %s\nskipped: %s\nfailed: %s\n' "${passed[*]:-none}" "${skipped[*]:-none}" "${failed[*]:-none}"
# A page without a script would be a recipe that nobody runs.
for page in docs/recipes/*.md; do
  name=$(basename "$page" .md)
  [ "$name" = README ] || [ -f "ci/recipes/$name.sh" ] || failed+=("$page has no script")
done
[ ${#failed[@]} -eq 0 ] || { printf '%s\n' "${failed[@]}" >&2; exit 1; }
