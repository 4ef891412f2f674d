"""Reads index files with three readers, which must agree with each other and with the archive."""

import datetime
import gzip
import json
import pathlib
import re
import shutil
import sys

import duckdb
import polars
import pyarrow.parquet

COLUMNS = ["action", "outcome", "initiator_name", "reason_code"]
PATHS = {
    "action": ["action"],
    "outcome": ["outcome"],
    "initiator_name": ["initiator", "name"],
    "reason_code": ["reason", "reasonCode"],
}


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
            assert first == expected[column], f"{column}: {first} in place of {expected[column]}"
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


def member(event, path):
    for name in path:
        event = event.get(name) if isinstance(event, dict) else None
    if event is None or isinstance(event, (dict, list)):
        return None
    if isinstance(event, bool):
        return str(event).lower()
    return str(event)


def of_archive(directory):
    """Counts the columns' values in the lines of an archive's directory."""
    counts = {column: {} for column in COLUMNS}
    for file in sorted(directory.rglob("*.ndjson.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                for column, path in PATHS.items():
                    value = member(event, path)
                    counts[column][value] = counts[column].get(value, 0) + 1
    return counts


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
    data = pathlib.Path(arguments[0])
    days = sorted((data / "index").glob("domain=*/date=*"))
    assert days, f"{data}/index has no days"
    total = 0
    for day in days:
        files = sorted(str(file) for file in day.glob("*.parquet"))
        expected = of_archive(data / "archive" / day.relative_to(data / "index"))
        total += compare(files, expected)
    check_order_and_filters([str(file) for day in days for file in sorted(day.glob("*.parquet"))])
    print(f"ok  {len(days)} days of {data}: {total} rows, as in the archive, by {', '.join(READERS)}")


if __name__ == "__main__":
    main(sys.argv[1:])
