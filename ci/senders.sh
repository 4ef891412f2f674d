#!/usr/bin/env bash
# Runs a sender of POST /v3/events against a server while the way between them breaks (killed server, storms of 503, lost
# answers, full disk), and compares what it was asked to send with what is stored: each event once. ci/senders/ledger.py
# says how. Clients that lose or double events are the controls.
#
#   ci/senders.sh                                      3,000 events, and 400 of each control
#   SENDERS_EVENTS=400 SENDERS_KILLS=1 ci/senders.sh   a short run
#
# ATRAIL names the binary [default: target/release/atrail].
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${ATRAIL:-target/release/atrail}")
command -v python3 >/dev/null || { echo "SKIPPED senders: python3 is not installed"; exit 0; }
failed=0
python3 ci/senders/ledger.py "$binary" plain "${SENDERS_EVENTS:-3000}" || failed=1
python3 ci/senders/ledger.py "$binary" --control 400 || failed=1
exit "$failed"
