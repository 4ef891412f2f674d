# shellcheck shell=bash
needs_python duckdb pandas polars

server
made 1 300 >"$WORK/events.ndjson"
"$PYTHON" - >>"$WORK/events.ndjson" <<'PYTHON'
import json
base = {"eventTime": "2026-01-02T03:04:05Z", "action": "delete", "outcome": "failure",
        "initiator": {"id": "bob", "name": "Bob", "host": {"address": "192.0.2.7"}}, "target": {"id": "vault"}}
def odd(**members): print(json.dumps({**base, **members}))
for number in range(20): odd(id=f"del-{number}", target={"id": f"bucket-{number}", "name": f"Bücket {number}"})
odd(id="o1", eventTime="2026-01-02 03:04:05.123456789 +0000 UTC")
odd(id="o2", initiatorId="robot", initiator=None)
odd(id="o3", message="x" * 900_000)
odd(id="o4", initiator={"id": "007", "name": "007", "host": {"address": "2001:db8::1"}})
odd(id="o5", reason={"reasonCode": "404"}); odd(id="o6", reason={"reasonCode": 404}); odd(id="o7", reason=["x"])
odd(id="o8", tags={"a": {"b": [1, None]}}, text='a "quoted", \\ text; with \t and \u2028 and 😀')
print(json.dumps({**base, "id": "o9"})[:-1] + ', "size": 1e999, "big": 123456789012345678901234567890}')
odd(id="o10", initiator={"id": "eve", "host": "not an object"})
print(json.dumps({**base, "id": "o11"})[:-1] + ', "half": "J\\ud83d"}')
PYTHON
atrail -q trail -f "$WORK/events.ndjson" >"$WORK/receipts"
cd "$WORK" || exit
atrail -q download -s 2026-01-01 -e today -o events.json.gz --verify

extract events.sql >events.sql
extract events.py >events.py
extract with_pandas.py >with_pandas.py
extract with_polars.py >with_polars.py
for module in duckdb pandas polars; do "$PYTHON" -c "import $module; print('$module', $module.__version__)"; done

cat >compare.py <<'PYTHON'
import contextlib, gzip, io, json, sys
def columns(rows):
    texts = (tuple(str(value) if value == value and value is not None else None for value in row) for row in rows)
    return sorted(texts, key=lambda row: [(value is None, value or "") for value in row])
names = ["time", "action", "outcome", "who", "what", "address"]
def duck():
    import duckdb
    connection, answers = duckdb.connect(), []
    for statement in duckdb.extract_statements(open("events.sql").read()):
        answers.append(connection.execute(statement))
        if len(answers) > 1: answers[-1] = answers[-1].fetchall()
    return columns(connection.execute("SELECT " + ", ".join(names) + " FROM events").fetchall()), len(answers[1]), dict(answers[2])
def run(program):
    spaces = {}
    with contextlib.redirect_stdout(io.StringIO()): exec(compile(open(program).read(), program, "exec"), spaces)
    return spaces
def pandas():
    s = run("with_pandas.py")
    return columns(s["events"][names].itertuples(index=False)), len(s["deletions"]), s["failures"].to_dict()
def polars():
    s = run("with_polars.py")
    return columns(s["events"].select(names).rows()), s["deletions"].height, dict(s["failures"].rows())
total = sum(1 for _ in gzip.open("events.json.gz", "rb"))
first = None
for reader in (duck, pandas, polars):
    rows, deletions, failures = reader()
    failures = {address: count for address, count in failures.items() if address is not None}
    print(reader.__name__, len(rows), "rows,", deletions, "deletions,", failures)
    if len(rows) != total: sys.exit(f"{reader.__name__} read {len(rows)} of {total} lines")
    if deletions != 31 or failures != {"192.0.2.7": 28, "2001:db8::1": 1}: sys.exit(f"{reader.__name__}: {deletions} {failures}")
    first = first or rows
    for mine, other in zip(rows, first):
        if mine != other: sys.exit(f"{reader.__name__}: {mine} is not {other}")
PYTHON
check "all three read every line, and give the same answers" "$PYTHON" compare.py
cat "$WORK/check.out"
sed -i "s/^FROM read_ndjson_objects(.*)/& LIMIT 330/" events.sql
control "with a line less, that DuckDB reads every line" "$PYTHON" compare.py
extract events.sql >events.sql
sed -i 's/yield from map(row, lines)/yield from (row(line) for line in lines if len(line) < 65536)/' events.py
control "with a reader that leaves out long lines, that every line is read" "$PYTHON" compare.py
extract events.py >events.py
sed -i 's/"delete"/"update"/' with_pandas.py
control "with another question, that the answers are the same" "$PYTHON" compare.py
