# shellcheck shell=bash
needs ssconvert

server
made 1 20 >"$WORK/events.ndjson"
"$PYTHON" - >>"$WORK/events.ndjson" <<'PYTHON'
import datetime, json
today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT00:00:00Z")
for number, name in enumerate(['=1+1', '=HYPERLINK("http://x.example")', '+1', '-1', '@SUM(A1)', '007', 'Jürgen 😀', 'a;b,"c"', "two\nlines", "x" * 40_000, "\t=1+1"]):
    print(json.dumps({"id": f"odd-{number}", "eventTime": today, "action": "read", "outcome": "success",
                      "initiator": {"id": "u", "name": name}, "targetId": "t"}))
PYTHON
atrail -q trail -f "$WORK/events.ndjson" >/dev/null
cd "$WORK" || exit
atrail -q download -s today --as csv -o day.csv
extract for_spreadsheet.py >for_spreadsheet.py
"$PYTHON" for_spreadsheet.py day.csv
ssconvert --version

# as_opened: every cell that the spreadsheet shows is the one that the file has; none is the result of a formula.
as_opened() {
  ssconvert --import-type=Gnumeric_stf:stf_csvtab --export-type=Gnumeric_stf:stf_csv "$1" opened.csv
  "$PYTHON" - "$1" opened.csv <<'PYTHON'
import csv, sys
csv.field_size_limit(sys.maxsize)
def cells(path): return list(csv.reader(open(path, newline="", encoding="utf-8-sig")))
file, opened = map(cells, sys.argv[1:])
name = file[0].index("initiator.name")
if len(file) != len(opened): sys.exit(f"{len(file)} rows became {len(opened)}")
for row, seen in zip(file, opened):
    # An apostrophe marks text, and is not shown; numbers lose their zeros, as the page says.
    wanted = row[name].removeprefix("'")
    if seen[name].removeprefix("'") not in (wanted, wanted.lstrip("0")): sys.exit(f"{wanted[:50]!r} became {seen[name][:50]!r}")
PYTHON
}
check "every row and every name is what the file has, and none is a formula" as_opened day-1.csv
check "no cell is longer than a spreadsheet reads" "$PYTHON" -c '
import csv, sys
csv.field_size_limit(sys.maxsize)
sys.exit(max(len(cell) for row in csv.reader(open("day-1.csv", newline="")) for cell in row) > 32767)'
# The control: the same rows without the apostrophes.
sed "s/'\([=+@-]\)/\1/g" day-1.csv >formulas.csv
control "without the apostrophes, that no name is a formula" as_opened formulas.csv
