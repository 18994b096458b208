"""Exports at scale, as the bench makes them, in small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.events import TIMES, write_export
from tests.cloud.bulk import bulk, made
from tests.cloud.engine import engine, literal
from tests.cloud.events import load_events

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


def test_bulk_rows_are_those_that_were_asked_for(tmp_path: Path) -> None:
    """So many rows and recipients within the days; one in ten is remediated, a third are streamed again; the same seed
    gives the same rows."""
    path = tmp_path / "events.parquet"
    bulk(path, NOW, rows=30_000, recipients=100, days=5)
    answer = engine().sql(
        "SELECT count(), uniqExact(NetworkMessageId), uniqExact(RecipientEmailAddress),"
        " countIf(LatestDeliveryAction != 'Delivered'), toUnixTimestamp(min(TimeGenerated)),"
        " toUnixTimestamp(max(TimeGenerated)), countIf(LastEventExecutionTime > TimeGenerated),"
        f" countIf(LastEventExecutionTime < TimeGenerated) FROM file({literal(str(path))}, Parquet)"
    )
    rows, messages, recipients, remediated, first, last, again, before = map(int, answer.split())
    assert (rows, messages, before) == (30_000, 20_000, 0)
    assert 90 <= recipients <= 100
    assert 2_700 <= remediated <= 3_300
    assert (NOW - timedelta(days=5)).timestamp() <= first < last <= NOW.timestamp()
    assert 9_900 <= again <= 10_000
    sums = [
        engine().sql(f"SELECT sum(sipHash64(*)) FROM ({made(NOW, rows=1000, recipients=10, seed=seed)})")
        for seed in (1, 1, 2)
    ]
    assert sums[0] == sums[1] != sums[2]


def test_every_way_to_write_times_is_read_as_the_same_rows(tmp_path: Path) -> None:
    """The bench's exports hold the same rows however their times are written; the loaded ones do, to the digit."""
    found = {}
    for form in TIMES:
        path = tmp_path / "export.csv"
        write_export(path, form, 3_000)
        loaded = load_events([path], NOW)
        rows = loaded.read()
        engine().drop(loaded.table)
        path.unlink()
        newest = datetime.fromisoformat(max(row["TimeGenerated"] for row in rows)[:26] + "+00:00")
        assert (len(rows), newest) == (3_000, NOW)
        found[form] = {
            (row["NetworkMessageId"], row["RecipientEmailAddress"], row["Subject"], row["UrlCount"]) for row in rows
        }
        assert all(row["Timestamp"] == row["TimeGenerated"] <= row["LastEventExecutionTime"] for row in rows)
    assert len({frozenset(rows) for rows in found.values()}) == 1
