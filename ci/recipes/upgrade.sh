# shellcheck shell=bash
# ATRAIL_OLD names an earlier version's binary.
[ -n "${ATRAIL_OLD:-}" ] || skip "ATRAIL_OLD names no binary of an earlier version"
binary() { ln -sf "$(realpath "$1")" "$WORK/bin/atrail"; }

binary "$ATRAIL_OLD"
old=$(atrail --version | sed -n 1p)
server
made 1 300 >"$WORK/events"
atrail -q trail -f "$WORK/events" >/dev/null
atrail -q download -s today -o "$WORK/old.gz"

vkey=$(curl -fsS "$URL/v3/keys" | jq -r .key)
session=$(atrail session create -s today -q)
atrail -q download -o "$WORK/whole.gz" "$session"
atrail -q download -s today -o "$WORK/last.gz"
head -c 1000 "$WORK/whole.gz" >"$WORK/part.gz"

# The page's steps.
stop_server
check "the backup is made" atrail admin backup --data "$DATA" "$WORK/backup"
binary "$ATRAIL"
echo "from $old to $(atrail --version | sed -n 1p)"
check "the settings are accepted" atrail serve --config "$WORK/atrail.toml" --check-config
server
check "an earlier download verifies" atrail verify "$WORK/old.gz" --key "$vkey"
check "an interrupted download resumes" curl -fsS -C - -o "$WORK/part.gz" -H "X-Auth-Token: $(atrail token)" -H "SESSIONID: $session" "$URL/v3/events/download"
check "to the same bytes" cmp "$WORK/whole.gz" "$WORK/part.gz"
atrail -q download -s today -o "$WORK/new.gz"
check "the history goes on from the earlier receipt" atrail verify "$WORK/new.gz" --key "$vkey" --since "$WORK/last.gz.receipt"
check "every event is there" all_once 1 300
atrail -q trail -f "$WORK/events" >/dev/null
check "what is sent again is not stored again" all_once 1 300
binary "$ATRAIL_OLD"
check "an earlier client still reads" all_once 1 300
stop_server
control "the older binary starts on the newer directory" timeout 10 "$ATRAIL_OLD" serve --data "$DATA" --listen "127.0.0.1:$PORT"
[ "$CODE" -ne 124 ] || die "the older binary served the newer directory for ten seconds"
grep -q "made by a later version" "$WORK/check.out" || { cat "$WORK/check.out" >&2; die "the older binary gives another reason"; }
DATA=$WORK/backup
background back atrail serve --data "$DATA" --listen "127.0.0.1:$PORT"
binary "$ATRAIL"
check "the newer binary serves the backup, too" within 20 curl -fsS -o /dev/null "$URL/readyz"
