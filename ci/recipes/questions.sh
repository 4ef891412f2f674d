# shellcheck shell=bash

server
made 7 200 >"$WORK/events.ndjson"
"$PYTHON" - >>"$WORK/events.ndjson" <<'PYTHON'
import datetime, json
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
for number, (who, action, outcome, target, address) in enumerate([
    ("Ann", "delete", "failure", "bucket-7", "10.1.2.3"),
    ("Ann", "create", "success", "bucket-8", "203.0.113.9"),
    ("Bob", "delete", "success", "bucket-7", "192.168.0.5"),
]):
    print(json.dumps({"id": f"known-{number}", "eventTime": now, "action": action, "outcome": outcome,
                      "initiator": {"name": who, "host": {"address": address}}, "target": {"id": target}}))
PYTHON
atrail -q trail -f "$WORK/events.ndjson" >/dev/null
cd "$WORK" || exit
extract questions.sh >questions.sh
extract alarm.sh >alarm.sh
extract proof.sh >proof.sh
check "every question is answered" bash -euo pipefail questions.sh
grep -v '^#' questions.sh >lines.sh

# known QUESTION IDS: the line of the page that has these words finds exactly these of the known events.
known() {
  local line
  line=$(grep -m 1 -F -- "$1" lines.sh) || return 1
  bash -c "$line" 2>/dev/null | jq -r .id | grep '^known-' | sort | tr '\n' ' ' >ids
  [ "$(cat ids)" = "$2" ]
}
check "who deleted the bucket" known "target:bucket-7" "known-0 known-2 "
check "what Ann only tried" known "actor:ann -outcome:success" "known-0 "
check "what came from outside" known "-from:10.0.0.0/8" "known-1 "
check "where an address occurs" known "203.0.113.9" "known-1 "
control "a question finds what it does not ask for" known "203.0.113.9" "known-0 known-1 "
check "the alarm rings" bash alarm.sh
atrail -q download -s today -o events.json.gz
check "a hit is proven to others" bash -euo pipefail proof.sh
cp event.proof sound.proof
sed -i 's/^index .*/index 4711/' event.proof
control "the proof is not changed" cmp -s sound.proof event.proof
control "a changed proof verifies" atrail verify --proof event.proof
