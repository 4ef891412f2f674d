# shellcheck shell=bash
server
made 1 50 | jq -c '.eventTime = (now - 86400 | strftime("%Y-%m-%dT10:00:00Z"))' >"$WORK/yesterday.ndjson"
made 51 60 | jq -c '.eventTime = (now - 3 * 86400 | strftime("%Y-%m-%dT10:00:00Z"))' >"$WORK/earlier.ndjson"
atrail -q trail -f "$WORK/yesterday.ndjson" >/dev/null
atrail -q trail -f "$WORK/earlier.ndjson" >/dev/null

mkdir -p "$WORK/etc" "$WORK/files" "$WORK/home"
key "$WORK/etc/key" '"read"'
vkey=$(curl -fsS "$URL/v3/keys" | jq -r .key)
extract /usr/local/bin/atrail-nightly >"$WORK/bin/atrail-nightly"
chmod 755 "$WORK/bin/atrail-nightly"
extract /etc/atrail-nightly/environment | put https://audit.example.com "$URL" /etc/atrail-nightly "$WORK/etc" '=VKEY' "=$vkey" >"$WORK/etc/environment"

# The job has no context of anybody's login.
as_cron() {
  # cron replaces an unescaped % by a line break.
  local line
  line=$(extract /etc/cron.d/atrail-nightly | grep -v '^#' | put /var/lib/atrail-nightly "$WORK/files" /etc/atrail-nightly "$WORK/etc" \
    /usr/local/bin/atrail-nightly "$WORK/bin/atrail-nightly" | sed -n 's/^30 2 \* \* \* atrail-nightly //p')
  [ -n "$line" ] && [ "$line" = "${line//%/}" ]
  env -i PATH="$PATH" HOME="$WORK/home" /bin/sh -c "$line"
}
as_systemd() {
  local unit=$WORK/atrail-nightly.service
  extract /etc/systemd/system/atrail-nightly.service | put /usr/local/bin "$WORK/bin" >"$unit"
  local settings
  mapfile -t settings < <(grep -v '^#' "$WORK/etc/environment")
  cd "$WORK/files" && env -i PATH="$PATH" HOME="$WORK/home" "${settings[@]}" "$(sed -n 's/^ExecStart=//p' "$unit")"
}
# quiet COMMAND...: it succeeds and prints nothing, except that a day has no events.
quiet() {
  "$@" >"$WORK/said" 2>&1
  grep -v ': there is no event of' "$WORK/said" >&2 && return 1 || return 0
}
day() { date -u -d "$1 days ago" +%F; }
there() {
  [ "$(find "$WORK/files" -name '*.json.gz' | wc -l)" = 14 ] && [ "$(find "$WORK/files" -name '*.receipt' | wc -l)" = 14 ] &&
    [ "$(zcat "$WORK/files/audit-$(day 1).json.gz" | grep -c made-)" = 50 ] && [ "$(zcat "$WORK/files/audit-$(day 3).json.gz" | grep -c made-)" = 10 ]
}

check "by cron's line, it works and prints no error" quiet as_cron
check "there is a file for each of 14 days, with its receipt" there
before=$(stat -c %Y.%i "$WORK/files/audit-$(day 1).json.gz")
rm "$WORK/files/audit-$(day 3).json.gz" "$WORK/files/audit-$(day 3).json.gz.receipt"
check "as the unit starts it, it makes up for a missed night" as_systemd
check "and leaves the other files alone" test "$before" = "$(stat -c %Y.%i "$WORK/files/audit-$(day 1).json.gz")"
check "all files are there again" there
marked() { [ "$(find "$WORK/files" -name '*.verified' | wc -l)" = "$1" ]; }
check "each file is marked as proven" marked 14
# A night that cannot prove its file, because it knows no key, is not taken as done by the next night.
rm "$WORK/files/audit-$(day 3).json.gz"*
cp "$WORK/etc/environment" "$WORK/right"
sed -i /^ATRAIL_VKEY=/d "$WORK/etc/environment"
control "without the server's key, that the job succeeds" as_systemd
control "that the night after it succeeds" as_systemd
check "that file has no mark" marked 13
cp "$WORK/right" "$WORK/etc/environment"
check "with the right key, the job proves the file that is there" as_systemd
check "and marks it" marked 14
# `verify` with what anybody has: the file, the receipt and the key.
check "an outsider verifies a file" env -i PATH="$PATH" HOME="$WORK/home" atrail verify "$WORK/files/audit-$(day 1).json.gz" --key "$vkey"
zcat "$WORK/files/audit-$(day 1).json.gz" | sed 's/Ann/Eve/' | gzip >"$WORK/forged.gz"
cp "$WORK/files/audit-$(day 1).json.gz.receipt" "$WORK/forged.gz.receipt"
control "a forged file verifies" atrail verify "$WORK/forged.gz" --key "$vkey"
rm "$WORK/files/audit-$(day 3).json.gz"*
stop_server
control "without the server, that the job succeeds" as_systemd
if command -v systemd-analyze >/dev/null; then
  extract /etc/systemd/system/atrail-nightly.timer >"$WORK/atrail-nightly.timer"
  check "systemd reads the unit and the timer" systemd-analyze verify --man=no "$WORK/atrail-nightly.service" "$WORK/atrail-nightly.timer"
  check "and knows the time" systemd-analyze calendar --iterations=2 "$(sed -n 's/^OnCalendar=//p' "$WORK/atrail-nightly.timer")"
else
  echo "not checked: systemd-analyze is not installed"
fi
