#!/usr/bin/env bash
# Imports a CloudTrail trail from moto, a fake of AWS's S3, SQS and SNS: listings of several pages, notifications direct
# and through SNS, signed digests in the objects' metadata, and imports that are killed. Then each event is stored once.
#
#   ci/cloudtrail.sh                      1,200 log files, and 5 kills
#   CLOUDTRAIL_FILES=300 ci/cloudtrail.sh a short run
#
# ATRAIL names the binary [default: target/release/atrail]. It needs `pip install 'moto[server]'`.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${ATRAIL:-target/release/atrail}")
command -v python3 >/dev/null || { echo "SKIPPED cloudtrail: python3 is not installed"; exit 0; }
python3 -c 'import boto3, cryptography, moto.server' 2>/dev/null || {
  echo "SKIPPED cloudtrail: moto is not installed: pip install 'moto[server]'"
  exit 0
}
exec python3 ci/senders/cloudtrail.py "$binary" "${CLOUDTRAIL_FILES:-1200}"
