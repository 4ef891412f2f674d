"""Reads index files with three readers, which must agree with each other and with the archive."""

import datetime
import gzip
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import duckdb
import polars
import pyarrow.parquet

# Each column of text, and the folded path of its member (docs/INDEX.md).
PATHS = {
    "action": "action",
    "outcome": "outcome",
    "severity": "severity",
    "event_type": "eventtype",
    "initiator_id": "initiator.id",
    "initiator_name": "initiator.name",
    "initiator_address": "initiator.host.address",
    "initiator_type": "initiator.typeuri",
    "target_id": "target.id",
    "target_name": "target.name",
    "target_type": "target.typeuri",
    "observer_id": "observer.id",
    "observer_name": "observer.name",
    "reason_code": "reason.reasoncode",
}
COLUMNS = list(PATHS)
LONGEST_BYTES = 1024
PATIENCE_SECS = 60


def by_duckdb(files, column):
    query = f"SELECT {column}, count(*) FROM read_parquet(?) GROUP BY ALL"
    return dict(duckdb.execute(query, [files]).fetchall())


def by_pyarrow(files, column):
    counts = {}
    for file in files:
        table = pyarrow.parquet.ParquetFile(file).read(columns=[column])
        for pair in table[column].value_counts().to_pylist():
            counts[pair["values"]] = counts.get(pair["values"], 0) + pair["counts"]
    return counts


def by_polars(files, column):
    counted = polars.scan_parquet(files).group_by(column).len().collect()
    return dict(counted.iter_rows())


READERS = {"duckdb": by_duckdb, "pyarrow": by_pyarrow, "polars": by_polars}


def compare(files, expected=None):
    """Compares what each reader counts; returns the number of rows."""
    rows = None
    for column in COLUMNS:
        counts = {name: reader(files, column) for name, reader in READERS.items()}
        first = counts["duckdb"]
        for name, other in counts.items():
            assert other == first, f"{name} counts {column} otherwise: {other} in place of {first}"
        if expected is not None:
            for value in first.keys() | expected[column].keys():
                pair = first.get(value, 0), expected[column].get(value, 0)
                assert pair[0] == pair[1], f"{column}: {value!r} {pair[0]} times in place of {pair[1]}"
        total = sum(first.values())
        assert rows in (None, total), f"{total} rows in place of {rows}"
        rows = total
    return rows


def check_order_and_filters(files):
    """Rows ascend in time, and a reader that uses the statistics and Bloom filters loses none."""
    for file in files:
        times = pyarrow.parquet.ParquetFile(file)
        for group in range(times.num_row_groups):
            column = times.read_row_group(group, columns=["time"])["time"].to_pylist()
            assert column == sorted(column), f"{file}: times do not ascend"
    one = "SELECT target_id, time FROM read_parquet(?) WHERE target_id IS NOT NULL LIMIT 1 OFFSET 7"
    target, time = duckdb.execute(one, [files]).fetchone()
    # DuckDB names the zone otherwise, which polars would not compare.
    time = time.astimezone(datetime.timezone.utc)
    one = "SELECT count(*) FROM read_parquet(?) WHERE target_id = ? AND time = ?"
    assert duckdb.execute(one, [files, target, time]).fetchone()[0] >= 1, "a filter hides a row"
    lazy = polars.scan_parquet(files).filter((polars.col("target_id") == target) & (polars.col("time") == time))
    assert lazy.collect().height >= 1, "a filter hides a row"


def run_page(root, data):
    """Runs the queries of docs/INDEX.md on a data directory; returns the rows of each but the view."""
    page = (root / "docs/INDEX.md").read_text(encoding="utf-8")
    statements = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    connection = duckdb.connect()
    rows = [connection.execute(text.replace("'DIR/", f"'{data}/")).fetchall() for text in statements]
    assert len(rows) == 5, f"{len(rows)} queries on the page"
    return rows[1:]


class Number(str):
    """A number as it is written."""


class Members(list):
    """An object's members, in order: a name may stand there twice."""


def scalars(value, path, found):
    """Adds to `found` the values at each folded path, with None in place of an object. Lists are entered."""
    if isinstance(value, Members):
        if path:
            found.setdefault(path, []).append(None)
        for name, inner in value:
            scalars(inner, f"{path}.{name.lower()}" if path else name.lower(), found)
    elif isinstance(value, list):
        for inner in value:
            scalars(inner, path, found)
    elif value is not None:
        found.setdefault(path, []).append(str(value).lower() if isinstance(value, bool) else str(value))


def columns_of(line):
    """The values that the columns of an event have by docs/INDEX.md."""
    event = json.loads(line, object_pairs_hook=Members, parse_int=Number, parse_float=Number)
    found = {}
    scalars(event, "", found)
    values = {}
    for column, path in PATHS.items():
        at = found.get(path, [])
        value = re.sub("[\ud800-\udfff]", "\ufffd", at[0]) if len(at) == 1 and at[0] is not None else None
        values[column] = value if value is not None and len(value.encode()) <= LONGEST_BYTES else None
    return values


def of_archive(directory):
    """Counts the columns' values in the lines of an archive's directory."""
    counts = {column: {} for column in COLUMNS}
    for file in sorted(directory.rglob("*.ndjson.gz")):
        for line in gzip.decompress(file.read_bytes()).splitlines():
            for column, value in columns_of(line).items():
                counts[column][value] = counts[column].get(value, 0) + 1
    return counts


def compare_days(data):
    """Compares each closed day of a data directory's index with the archive; returns the days and rows."""
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    index = data / "index"
    archive = data / "archive"
    days, archived = (
        sorted(day for day in root.glob("domain=*/date=*") if not day.name.endswith(today)) for root in (index, archive)
    )
    assert days, f"{index} has no closed days"
    same = [day.relative_to(index) for day in days] == [day.relative_to(archive) for day in archived]
    assert same, "the index has other days than the archive"
    total = 0
    for day in days:
        files = sorted(str(file) for file in day.glob("*.parquet"))
        expected = of_archive(archive / day.relative_to(index))
        total += compare(files, expected)
        query = "SELECT DISTINCT CAST(time AT TIME ZONE 'UTC' AS DATE) FROM read_parquet(?)"
        dates = {date.isoformat() for (date,) in duckdb.execute(query, [files]).fetchall()}
        assert dates == {day.name.removeprefix("date=")}, f"{day} has rows of {dates}"
    check_order_and_filters([str(file) for day in days for file in sorted(day.glob("*.parquet"))])
    # A control: one event less in the archive is noticed.
    column, files = "action", sorted(str(file) for file in days[0].glob("*.parquet"))
    expected = of_archive(archive / days[0].relative_to(index))
    value = next(iter(expected[column]))
    expected[column][value] += 1
    try:
        compare(files, expected)
    except AssertionError:
        pass
    else:
        raise AssertionError("the control was not noticed")
    return len(days), total


class Server:
    """A server on a directory of its own."""

    def __init__(self, program, data):
        self.data = data
        log = data.with_suffix(".log").open("w")
        command = [program, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--no-console"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = self.process.stdout.readline().removeprefix("listening on ").strip()
        assert self.url, data.with_suffix(".log").read_text()
        first = json.loads((data / "initial-credentials.json").read_text())
        self.key, self.space = first["api_key"], first["space"]

    def ask(self, path, body=None, key=None):
        headers = {"X-Auth-Token": key} if key else {"X-Auth-Token": self.key, "X-Auth-Project-Id": self.space}
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=PATIENCE_SECS) as answer:
            return json.loads(answer.read())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def make_directory(root, program, data):
    """Fills a data directory with the samples of the project's formats, and with ../shared/data where it is there."""
    server = Server(program, data)
    try:
        made = {"name": "readers", "space": server.space}
        key = server.ask("/v3/ingest_keys", made)["key"]
        files = sorted((root / "crates/atrail-sources/tests/fixtures").glob("*/*.in"))
        files += sorted(file for file in (root / "../shared/data").rglob("*") if file.suffix in (".json", ".ndjson"))
        for file in files:
            server.ask("/v3/events", file.read_bytes(), key)
        # A session seals what it covers, and sealed events are indexed.
        server.ask("/v3/sessions", {"start": "1970-01-01", "end": "yesterday"})
        until = time.monotonic() + PATIENCE_SECS
        while server.ask("/v3/index")["waiting_days"] > 0:
            assert time.monotonic() < until, "the days are not indexed"
            time.sleep(0.1)
    finally:
        server.stop()


def main(arguments):
    root = pathlib.Path(__file__).resolve().parent.parent
    golden = sorted((root / "crates/atrail-search/tests/golden").glob("*.parquet"))
    assert golden, "there are no golden files"
    for file in golden:
        rows = compare([str(file)])
        check_order_and_filters([str(file)])
        assert rows == 400, f"{file.name}: {rows} rows in place of 400"
        # A control: a file without its first row group's bytes must not be read as if nothing were missing.
        broken = root / "target/index-readers-control.parquet"
        bytes_ = bytearray(file.read_bytes())
        bytes_[4:20_000] = bytes(len(bytes_[4:20_000]))
        broken.write_bytes(bytes_)
        try:
            compare([str(broken)])
        except Exception:  # noqa: BLE001 each reader has its own
            pass
        else:
            raise AssertionError("the control was read")
        finally:
            broken.unlink()
        # The page's queries, with the file where a server would have it.
        data = root / "target/index-readers-data"
        day = data / "index/domain=space-07070707-0707-0707-0707-070707070707/date=2026-11-20"
        day.mkdir(parents=True)
        try:
            shutil.copy(file, day)
            days, deleted, failures, hours = run_page(root, data)
        finally:
            shutil.rmtree(data)
        assert [count for _, count in days] == [rows] == [sum(count for _, count, _ in hours)], "rows of days and hours"
        assert deleted and failures and len(hours) == 24, "each query finds something"
        print(f"ok  {file.name}: {rows} rows by {', '.join(READERS)}")
    if not arguments:
        return
    given = pathlib.Path(arguments[0]).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        data = given
        if given.is_file():
            data = pathlib.Path(scratch) / "data"
            make_directory(root, str(given), data)
        days, total = compare_days(data)
        run_page(root, data)
    print(f"ok  {days} days of {arguments[0]}: {total} rows, as in the archive, by {', '.join(READERS)}")


if __name__ == "__main__":
    main(sys.argv[1:])
