#!/usr/bin/env bash
# Runs real senders against a server while the way between them breaks (killed server, storms of 503, lost answers, full
# disk), and compares what each was asked to send with what is stored: each event once. ci/senders/ledger.py says how. A
# client that cannot be installed (pip, npm, Debian's packages) is SKIPPED with the reason. Clients that lose or double events
# are the controls.
#
#   ci/senders.sh                                             every client, 3,000 events each, and 400 of each control
#   ci/senders.sh rsyslog-es otel-py                          these, and the controls
#   ci/senders.sh letter                                      every block of code of docs/SENDERS.md, as it stands there
#   SENDERS_EVENTS=400 SENDERS_KILLS=1 ci/senders.sh plain    a short run
#
# ATRAIL names the binary [default: target/release/atrail], SENDERS_TOOLS the directory of the clients
# [default: target/ci-tools/senders].
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${ATRAIL:-target/release/atrail}")
tools=$(realpath -m "${SENDERS_TOOLS:-target/ci-tools/senders}")
command -v python3 >/dev/null || { echo "SKIPPED senders: python3 is not installed"; exit 0; }
mkdir -p "$tools"

all=(plain elasticsearch-py opensearch-py elasticsearch-js opensearch-js splunk-handler splunk-logging winston-splunk
  otel-py otel-js-proto otel-js-json rotel cloudevents-py cloudevents-js workos-py workos-js pangea-py retraced-js github-js
  rsyslog-es syslog-ng-http rsyslog-tls rsyslog-tls-killed syslog-ng-tls syslog-ng-tls-killed letter)

# python_has NAME PACKAGE…: an environment of its own with the packages, in $python.
python_has() {
  python=$tools/python-$1
  shift
  [ "$(cat "$python/ready" 2>/dev/null)" = "$*" ] || { python3 -m venv --clear "$python" &&
    "$python/bin/pip" install --quiet "$@" && echo "$*" >"$python/ready"; }
}

# node_has NAME PACKAGE…: a directory of its own with the packages and the programs, in SENDERS_NODE.
node_has() {
  export SENDERS_NODE=$tools/node-$1
  shift
  command -v npm >/dev/null || return 1
  [ "$(cat "$SENDERS_NODE/ready" 2>/dev/null)" = "$*" ] || { rm -rf "$SENDERS_NODE" && mkdir -p "$SENDERS_NODE" &&
    npm install --silent --no-audit --no-fund --prefix "$SENDERS_NODE" "$@" && echo "$*" >"$SENDERS_NODE/ready"; } || return 1
  cp ci/senders/*.mjs "$SENDERS_NODE/"
}

# debian_has PACKAGE…: the packages unpacked, and not installed, in SENDERS_DEBS.
debian_has() {
  export SENDERS_DEBS=$tools/debian
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  local package
  for package in "$@"; do
    [ -e "$SENDERS_DEBS/$package.ready" ] || {
      mkdir -p "$SENDERS_DEBS/$package.deb" &&
        (cd "$SENDERS_DEBS/$package.deb" && apt-get download "$package" >/dev/null && dpkg -x ./*.deb ..) &&
        touch "$SENDERS_DEBS/$package.ready"
    } || return 1
  done
}

# ready NAME: installs the client; fails when it cannot be had here.
ready() {
  python=
  case $1 in
    plain) ;;
    elasticsearch-py) python_has elasticsearch 'elasticsearch>=9,<10' ;;
    opensearch-py) python_has opensearch 'opensearch-py>=3,<4' ;;
    splunk-handler) python_has splunk 'splunk-handler>=3,<4' ;;
    otel-py) python_has otel 'opentelemetry-sdk>=1.45,<2' 'opentelemetry-exporter-otlp-proto-http>=1.45,<2' ;;
    rotel) python_has rotel 'rotel==0.0.1a15' 'opentelemetry-sdk>=1.45,<2' 'opentelemetry-exporter-otlp-proto-http>=1.45,<2' ;;
    cloudevents-py) python_has cloudevents 'cloudevents>=2,<3' requests ;;
    workos-py) python_has workos 'workos>=10,<11' ;;
    pangea-py) python_has pangea 'pangea-sdk>=6,<7' ;;
    elasticsearch-js) node_has elasticsearch '@elastic/elasticsearch@9' ;;
    opensearch-js) node_has opensearch '@opensearch-project/opensearch@3' ;;
    splunk-logging | winston-splunk) node_has splunk splunk-logging winston winston-splunk-httplogger ;;
    otel-js-*) node_has otel '@opentelemetry/sdk-logs' '@opentelemetry/exporter-logs-otlp-http' '@opentelemetry/exporter-logs-otlp-proto' ;;
    cloudevents-js) node_has cloudevents cloudevents@10 ;;
    workos-js) node_has workos '@workos-inc/node@11' ;;
    retraced-js) node_has retraced @retracedhq/retraced ;;
    github-js) node_has github '@octokit/webhooks@14' ;;
    rsyslog-*) command -v openssl >/dev/null && debian_has rsyslog rsyslog-elasticsearch rsyslog-gnutls libestr0 libfastjson4 ;;
    syslog-ng-*)
      command -v openssl >/dev/null && debian_has syslog-ng-core syslog-ng-mod-http libpcre3 libivykis0 libnet1 libwrap0
      ;;
    *) echo "ci/senders.sh: there is no client '$1'; there are: ${all[*]}" >&2; exit 2 ;;
  esac
}

# The page of documentation: every block of code whose tool is there.
letter() {
  local client
  [ "$(id -u)" = 0 ] && command -v jq >/dev/null || { echo "SKIPPED letter: it needs root and jq"; return 0; }
  for client in elasticsearch-py elasticsearch-js splunk-handler splunk-logging otel-py workos-py pangea-py retraced-js \
    rsyslog-es syslog-ng-http; do
    ready "$client" 2>"$tools/log" || true
  done
  SENDERS_TOOLS=$tools unshare --mount --net python3 ci/senders/letter.py "$binary"
}

failed=0
for name in "${@:-${all[@]}}"; do
  if [ "$name" = letter ]; then
    letter || failed=1
    continue
  fi
  # What an installer writes is of interest only when it fails.
  if ! ready "$name" 2>"$tools/log"; then
    cat "$tools/log" >&2
    echo "SKIPPED $name: it cannot be installed here"
    continue
  fi
  interpreter=python3
  [ -z "$python" ] || interpreter=$python/bin/python
  "$interpreter" ci/senders/ledger.py "$binary" "$name" "${SENDERS_EVENTS:-3000}" || failed=1
done
python3 ci/senders/ledger.py "$binary" --control 400 || failed=1
exit "$failed"
