"""Loading operators' own exports: every format, with the values that come out."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.cloud import Cloud
from tests.cloud.engine import engine
from tests.cloud.events import EventsInvalid, csv_file, find, load_events, staging
from tests.cloud.events.source import Source, blocks
from tests.cloud.schemas import EMAIL_EVENTS_DOCS

DATA = Path(__file__).parents[2] / "data"
LOG_ANALYTICS = (
    '\ufeff"TimeGenerated [UTC]","NetworkMessageId","RecipientEmailAddress","Subject","LatestDeliveryAction",'
    '"UrlCount","IsFirstContact","To","LastEventExecutionTime [UTC]","Timestamp [UTC]","SomethingNew"\r\n'
    '"11/23/2026, 7:55:45.735 AM",m1,A@contoso.com,"a ""quoted"", one\r\nover two lines",Hard delete,3,true,'
    '"[""a@contoso.com""]","11/23/2026, 12:00:00.000 PM","11/23/2026, 7:55:45.735 AM",x\r\n'
    '"11/3/2026, 12:05:00.000 AM",m2,b@contoso.com,plain,,,,,,,\r\n'
)
DEFENDER = (
    "Timestamp,NetworkMessageId,RecipientEmailAddress,Subject,LatestDeliveryAction\n"
    "2026-11-23T07:55:45.7357933Z,m1,a@contoso.com,s,Soft delete\n"
    '"Nov 3, 2026 1:05:06 PM",m2,a@contoso.com,s,Soft delete\n'
)
ROW = {"TimeGenerated": "2026-11-23T07:55:45Z", "NetworkMessageId": "m1", "RecipientEmailAddress": "a@contoso.com"}
ENVELOPE = {
    "time": "2026-11-23T08:00:00.3832981Z",
    "category": "AdvancedHunting-EmailEvents",
    "properties": {
        "Timestamp": "2026-11-23T07:55:45Z",
        "NetworkMessageId": "m3",
        "RecipientEmailAddress": "a@contoso.com",
        "Subject": None,
        "AttachmentCount": 0,
        "To": ["a@contoso.com"],
    },
}
FROM_ENVELOPE = {
    "Timestamp": "2026-11-23T07:55:45.0000000Z",
    "TimeGenerated": "2026-11-23T07:55:45.0000000Z",
    "NetworkMessageId": "m3",
    "RecipientEmailAddress": "a@contoso.com",
    "AttachmentCount": 0,
    "To": ["a@contoso.com"],
}
FIRST = {
    "TimeGenerated": "2026-11-23T07:55:45.7350000Z",
    "NetworkMessageId": "m1",
    "RecipientEmailAddress": "A@contoso.com",
    "Subject": 'a "quoted", one\r\nover two lines',
    "LatestDeliveryAction": "Hard delete",
    "UrlCount": 3,
    "IsFirstContact": True,
    "To": ["a@contoso.com"],
    "LastEventExecutionTime": "2026-11-23T12:00:00.0000000Z",
    "Timestamp": "2026-11-23T07:55:45.7350000Z",
}
SECOND = {
    "TimeGenerated": "2026-11-03T00:05:00.0000000Z",
    "NetworkMessageId": "m2",
    "RecipientEmailAddress": "b@contoso.com",
    "Subject": "plain",
}


def put_file(folder: Path, content: str | bytes, name: str = "export") -> Path:
    """The file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _rows(*paths: Path, **how: Any) -> list[dict[str, Any]]:
    """What these files hold."""
    loaded = load_events(paths, **how)
    found = loaded.read()
    engine().drop(loaded.table)
    return found


def test_log_analytics_csv(tmp_path: Path) -> None:
    """The Log Analytics portal's CSV: a BOM, zones in the header, its own times, quoted line breaks, typed cells."""
    assert _rows(put_file(tmp_path, LOG_ANALYTICS)) == [FIRST, SECOND]


def test_defender_csv(tmp_path: Path) -> None:
    """The Defender portal's CSV has Timestamp only, which is taken for TimeGenerated, as the workspace does."""
    found = _rows(put_file(tmp_path, DEFENDER))
    assert [row["TimeGenerated"] for row in found] == ["2026-11-23T07:55:45.7357933Z", "2026-11-03T13:05:06.0000000Z"]
    assert [row["Timestamp"] for row in found] == [row["TimeGenerated"] for row in found]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (LOG_ANALYTICS.replace("\ufeff", ""), "without a mark"),
        (LOG_ANALYTICS.replace("NetworkMessageId", "networkmessageid").replace("Subject", "SUBJECT"), "other case"),
        ("\ufeff" + LOG_ANALYTICS[1:].replace("\r\n", "\n").replace("one\n", "one\r\n"), "LF"),
        (LOG_ANALYTICS.replace("\r\n", "\r\n\r\n").replace("one\r\n\r\n", "one\r\n"), "blank lines"),
        ("\ufeffsep=,\r\n" + LOG_ANALYTICS[1:], "a line of a spreadsheet's above the header"),
        ("\ufeff#TYPE Selected.System.String\r\n" + LOG_ANALYTICS[1:], "a line of PowerShell's above the header"),
        (LOG_ANALYTICS.rstrip("\r\n"), "no line end at the end"),
        (gzip.compress(LOG_ANALYTICS.encode()), "gzip"),
        (gzip.compress(LOG_ANALYTICS[:400].encode()) + gzip.compress(LOG_ANALYTICS[400:].encode()), "two gzip members"),
        (LOG_ANALYTICS[1:].encode("utf-16"), "UTF-16"),
        (LOG_ANALYTICS[1:].encode("utf-16-le"), "UTF-16, little end, no mark"),
        (LOG_ANALYTICS[1:].encode("utf-16-be"), "UTF-16, big end, no mark"),
        (LOG_ANALYTICS.encode("utf-16-be"), "UTF-16, big end"),
        (gzip.compress(LOG_ANALYTICS[1:].encode("utf-16")), "UTF-16 in gzip"),
        (LOG_ANALYTICS[1:].encode("utf-32"), "UTF-32"),
    ],
)
def test_the_same_rows_in_another_dress(tmp_path: Path, content: str | bytes, what: str) -> None:
    """Marks, line ends, blank lines, packing and encoding change no value."""
    assert _rows(put_file(tmp_path, content)) == [FIRST, SECOND], what


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    """A header that names the columns with another delimiter settles it; commas in cells are then text."""
    titles = delimiter.join(["TimeGenerated", "NetworkMessageId", "RecipientEmailAddress", "Subject", "UrlCount"])
    first = delimiter.join(["2026-11-23T07:55:45Z", "m1", "a@contoso.com", "one, two", "3"])
    second = delimiter.join(["23.11.2026 07:56", "m2", "a@contoso.com", f'"a{delimiter}b"', ""])
    found = _rows(put_file(tmp_path, f"{titles}\r\n{first}\r\n{second}\r\n"))
    assert [row["Subject"] for row in found] == ["one, two", f"a{delimiter}b"]
    assert [row["TimeGenerated"] for row in found] == ["2026-11-23T07:55:45.0000000Z", "2026-11-23T07:56:00.0000000Z"]
    assert found[0]["UrlCount"] == 3


@pytest.mark.parametrize(
    "content",
    [
        f"{json.dumps(ENVELOPE)}\n\n{json.dumps(ENVELOPE)}\n",
        f"\n{json.dumps(ENVELOPE)}\r\n{json.dumps(ENVELOPE)}",
        f"{json.dumps(ENVELOPE, indent=1)}\n{json.dumps(ENVELOPE, indent=1)}",
        json.dumps(ENVELOPE, indent=1) + json.dumps(ENVELOPE, indent=1),
        json.dumps([ENVELOPE, ENVELOPE], indent=1),
        json.dumps([ENVELOPE, ENVELOPE]),
        json.dumps({"records": [ENVELOPE, ENVELOPE]}, indent=1),
        json.dumps({"records": [ENVELOPE, ENVELOPE]}),
        json.dumps({"records": [ENVELOPE]}) + "\n" + json.dumps({"records": [ENVELOPE]}),
    ],
    ids=[
        "ndjson",
        "ndjson after a blank line",
        "texts one after the other",
        "texts without a gap",
        "list",
        "list, one line",
        "event hub",
        "event hub, one line",
        "event hub, a batch a line",
    ],
)
def test_streaming_export(tmp_path: Path, content: str) -> None:
    """The envelope of the streaming export is taken off, in each of the forms it is kept in."""
    assert _rows(put_file(tmp_path, content)) == [FROM_ENVELOPE] * 2


def test_a_real_record_loads() -> None:
    """A record as a real storage export wrote it, spread over many lines; it has no action, which is said."""
    loaded = load_events([DATA / "email_events_live_record.json"])
    (row,) = loaded.read()
    assert row["TimeGenerated"] == "2026-07-18T14:08:56.0000000Z"
    assert row["RecipientEmailAddress"] == "user@contoso.com"
    assert (row["EmailClusterId"], row["EmailSize"], row["IsFirstContact"]) == (2898195034, 239528, True)
    assert "LatestDeliveryAction" not in row
    assert "No file has LatestDeliveryAction" in " ".join(loaded.hints)


def test_a_folder_of_hourly_files() -> None:
    """The storage export's tree of hours is read as it lies there."""
    found = _rows(*find(str(DATA / "events" / "streaming")))
    assert len(found) == 14
    assert {row["RecipientEmailAddress"] for row in found} == {"c.green@contoso.example"}
    assert {row["LatestDeliveryAction"] for row in found} == {"Soft delete"}
    assert len({row["NetworkMessageId"] for row in found}) == 14


COLUMNS = ["TimeGenerated", "NetworkMessageId", "RecipientEmailAddress", "Subject", "UrlCount", "To", "IsFirstContact"]
CELLS = ["2026-11-23T07:55:45.7357933Z", "m1", "a@contoso.com", "s", 3, '["a@contoso.com"]', True]
SAVED = {
    "TimeGenerated": "2026-11-23T07:55:45.7357933Z",
    "NetworkMessageId": "m1",
    "RecipientEmailAddress": "a@contoso.com",
    "Subject": "s",
    "UrlCount": 3,
    "To": ["a@contoso.com"],
    "IsFirstContact": True,
}
OBJECT = dict(zip(COLUMNS, CELLS, strict=True))
FRAME = {"FrameType": "DataSetHeader", "Version": "v2.0"}
MISSING = dict.fromkeys(["LastEventExecutionTime", "AttachmentCount", "LatestDeliveryAction"], "None")
ABOUT = {"TableName": "Table_1", "Columns": [{"ColumnName": "Value", "DataType": "String"}], "Rows": [["x"]]}


@pytest.mark.parametrize(
    "answer",
    [
        {"tables": [{"name": "PrimaryResult", "columns": [{"name": name} for name in COLUMNS], "rows": [CELLS]}]},
        {"tables": [{"rows": [CELLS], "columns": [{"name": name} for name in COLUMNS]}], "statistics": {}},
        {"Tables": [{"Columns": [{"ColumnName": name} for name in COLUMNS], "Rows": [CELLS]}, ABOUT]},
        {"Tables": [ABOUT, {"Name": "Table_0", "Columns": [{"Name": name} for name in COLUMNS], "Rows": [CELLS]}]},
        {"schema": [{"name": name, "type": "String"} for name in COLUMNS], "results": [OBJECT]},
        {"Schema": [{"Name": name, "Type": "String"} for name in COLUMNS], "Results": [OBJECT]},
        {"@odata.context": "…", "results": [{"additionalProperties": OBJECT}]},
        [FRAME, {"FrameType": "DataTable", "Columns": [{"ColumnName": name} for name in COLUMNS], "Rows": [CELLS]}],
        [{"TableName": "PrimaryResult", **{name: str(cell) for name, cell in OBJECT.items()}, **MISSING}],
    ],
    ids=[
        "tables",
        "rows first",
        "Tables",
        "tables about the query",
        "Graph",
        "Graph in capitals",
        "Graph's objects",
        "Kusto's frames",
        "Azure CLI",
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_saved_answers(tmp_path: Path, answer: Any, indent: int | None) -> None:
    """An answer that the query APIs, or the Azure CLI, gave and that was saved is read, on one line or on many."""
    assert _rows(put_file(tmp_path, json.dumps(answer, indent=indent))) == [SAVED]


def test_a_powershell_answer_in_utf16(tmp_path: Path) -> None:
    """What PowerShell redirects to a file is UTF-16."""
    answer = json.dumps({"results": [OBJECT]}, indent=4).replace("\n", "\r\n")
    assert _rows(put_file(tmp_path, answer.encode("utf-16"))) == [SAVED]


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        (r"\ud83d", "?"),
        (r"a\udc00b", "a?b"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"a\u0000b", "a\0b"),
        (r"\u2028", "\u2028"),
    ],
    ids=["half a pair", "the other half", "a pair", "NUL", "a separator"],
)
@pytest.mark.parametrize("form", ["{}", "[{}]", '{{"results":[{}]}}'])
def test_text_that_the_engine_cannot_take_is_repaired(tmp_path: Path, subject: str, read: str, form: str) -> None:
    """The row counts; what no UTF-8 can hold is a question mark, as in a live answer."""
    record = json.dumps(ROW)[:-1] + f', "Subject": "{subject}"}}'
    (row,) = _rows(put_file(tmp_path, form.format(record)))
    assert row["Subject"] == read
    assert row["RecipientEmailAddress"] == "a@contoso.com"


def test_the_lone_surrogate_counts() -> None:
    """The record of the report: one row, its subject replaced."""
    (row,) = _rows(DATA / "events" / "lone_surrogate.ndjson")
    assert (row["NetworkMessageId"], row["Subject"], row["LatestDeliveryAction"]) == ("m", "?", "Hard delete")


def test_odd_bytes_in_csv(tmp_path: Path) -> None:
    """Halves of pairs as three bytes, NUL, and the mark that the engine is given for null are text."""
    content = DEFENDER.encode().replace(b",s,", b",\xed\xa0\xbd\x00\x01\\N,")
    assert [row["Subject"] for row in _rows(put_file(tmp_path, content))] == ["?\0\x01\\N"] * 2
    assert [row["Subject"] for row in _rows(put_file(tmp_path, DEFENDER.replace(",s,", ",\\N,")))] == ["\\N"] * 2


def test_gzip_and_several_files(tmp_path: Path) -> None:
    """Files of any kind together, packed or not, are one table."""
    one = put_file(tmp_path, gzip.compress(LOG_ANALYTICS.encode()), "one.csv.gz")
    two = put_file(tmp_path, json.dumps(ROW), "two.ndjson")
    three = put_file(tmp_path, gzip.compress(json.dumps(ENVELOPE).encode()), "three.json.gz")
    assert [row["NetworkMessageId"] for row in _rows(one, two, three)] == ["m1", "m2", "m1", "m3"]


def test_shift(tmp_path: Path) -> None:
    """A shift moves every time of every file by one amount, to the last digit; the newest becomes the given moment."""
    one, two = put_file(tmp_path, LOG_ANALYTICS, "one"), put_file(tmp_path, DEFENDER, "two")
    now = datetime(2027, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    first, second, third, _ = _rows(one, two, shift_to=now)
    assert third["TimeGenerated"] == "2027-01-01T12:00:00.1234560Z"
    assert first["TimeGenerated"] == first["Timestamp"] == "2027-01-01T12:00:00.1226627Z"
    assert first["LastEventExecutionTime"] == "2027-01-01T16:04:14.3876627Z"
    assert "LastEventExecutionTime" not in second
    back = datetime(2020, 2, 29, tzinfo=UTC)
    assert _rows(two, shift_to=back)[0]["TimeGenerated"] == "2020-02-29T00:00:00.0000000Z"


@pytest.mark.parametrize(
    ("rows_", "whose"), [(30_000, "Log Analytics portal"), (100_000, "advanced hunting"), (500_000, "query API")]
)
def test_a_round_number_of_rows_was_probably_cut(tmp_path: Path, rows_: int, whose: str) -> None:
    """As many rows as an answer has at most gets a hint; one more or less does not."""
    line = "2026-11-23T07:55:45Z,m,a@contoso.com,Hard delete\n"
    header = "TimeGenerated,NetworkMessageId,RecipientEmailAddress,LatestDeliveryAction\n"
    exact = load_events([put_file(tmp_path, header + line * rows_)])
    engine().drop(exact.table)
    (hint,) = exact.hints
    assert f"exactly {rows_:,} rows" in hint
    assert whose in hint
    more = load_events([put_file(tmp_path, header + line * (rows_ + 1))])
    engine().drop(more.table)
    assert (more.rows, more.hints) == (rows_ + 1, ())


def test_an_empty_hour_is_said(tmp_path: Path) -> None:
    """Among several files one without rows is no mistake, but it is said."""
    loaded = load_events(
        [put_file(tmp_path, DEFENDER, "full.csv"), put_file(tmp_path, "", "PT1H.json"), put_file(tmp_path, "\n", "b")]
    )
    engine().drop(loaded.table)
    assert loaded.rows == 2
    assert loaded.hints == ("PT1H.json and 1 more: no row in it.",)


@pytest.mark.parametrize("chunk", [1, 150, 1000])
def test_batches_change_nothing(tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file is cut into batches, records stay whole, and lines are counted on."""
    monkeypatch.setattr(csv_file, "CHUNK", chunk)
    monkeypatch.setattr(staging, "BATCH", chunk)
    monkeypatch.setattr("tests.cloud.events.source.BLOCK", 64)
    monkeypatch.setattr("tests.cloud.events.source.HEAD", 128)
    body = LOG_ANALYTICS.partition("\r\n")[2] * 5
    assert _rows(put_file(tmp_path, LOG_ANALYTICS.partition("\r\n")[0] + "\r\n" + body)) == [FIRST, SECOND] * 5
    assert _rows(put_file(tmp_path, f"{json.dumps(ENVELOPE)}\n" * 5)) == [FROM_ENVELOPE] * 5
    path = put_file(tmp_path, LOG_ANALYTICS + body.replace("3,true", "x,true"))
    with pytest.raises(EventsInvalid, match=f"{path}, line 5: UrlCount is 'x'"):
        load_events([path])


def test_a_huge_field(tmp_path: Path) -> None:
    """A subject longer than many batches is one cell; a quote that never closes ends the reading with its line."""
    long = "x" * (csv_file.CHUNK + 1000)
    found = _rows(put_file(tmp_path, DEFENDER.replace(",s,", f',"{long}\n",', 1)))
    assert [len(row["Subject"]) for row in found] == [len(long) + 1, 1]


def test_a_quote_that_never_closes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record without an end is given up at a size, and the line where it begins is named."""
    monkeypatch.setattr(csv_file, "CHUNK", 1000)
    monkeypatch.setattr(csv_file, "FIELD", 5000)
    monkeypatch.setattr("tests.cloud.events.source.BLOCK", 1000)
    path = put_file(tmp_path, DEFENDER + 'm,"never closed\n' * 1 + "more text\n" * 1000)
    with pytest.raises(EventsInvalid, match="line 4: no record ends within"):
        load_events([path])


def test_a_loaded_export_is_the_clouds_table(tmp_path: Path) -> None:
    """`Cloud` takes the engine's table over; one without Timestamp, as the reference has it, gets the other columns."""
    path = put_file(tmp_path, LOG_ANALYTICS)
    loaded = load_events([path])
    with Cloud(events=loaded) as cloud:
        source = cloud.tables.table("EmailEvents")
        assert source is not None
        assert (source.name, source.rows) == (loaded.table, 2)
        cloud.append("EmailEvents", load_events([path]))
        cloud.append("EmailEvents", [{"NetworkMessageId": "m9", "TimeGenerated": "2026-11-23T07:55:45Z"}])
        assert cloud.tables.table("EmailEvents") is not None
        assert engine().count(loaded.table) == 5
    with Cloud(events=load_events([path]), timestamp=False) as cloud:
        source = cloud.tables.table("EmailEvents")
        assert source is not None
        assert set(source.columns) == set(EMAIL_EVENTS_DOCS)
        assert engine().sql(f"SELECT Subject FROM {source.name} WHERE UrlCount = 3").startswith('a "quoted"')


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Of a load that fails no table stays in the engine, and no row is handed out."""
    before = engine().sql("SHOW TABLES")
    with pytest.raises(EventsInvalid):
        load_events(
            [put_file(tmp_path, DEFENDER, "good"), put_file(tmp_path, DEFENDER.replace("Nov 3", "Foo 3"), "bad")]
        )
    after = engine().sql("SHOW TABLES")
    assert [name for name in after.split() if name not in before.split() and "shape" not in name] == []


def test_rows_with_half_a_pair_are_no_empty_table() -> None:
    """Rows that are given as they are get the same repair; a batch that the engine refuses fails every time."""
    with Cloud(events=[{**ROW, "Subject": "\ud83d"}]) as cloud:
        source = cloud.tables.table("EmailEvents")
        assert source is not None
        assert engine().sql(f"SELECT Subject FROM {source.name}") == "?\n"
    with Cloud(events=[{**ROW, "UrlCount": "many"}]) as cloud:
        for _ in range(2):
            with pytest.raises(ValueError, match="Cannot parse"):
                cloud.tables.table("EmailEvents")


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_on_a_terminal_only(tmp_path: Path, terminal: bool) -> None:
    """A bar names the file and how much is read; elsewhere no byte is written."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=terminal, width=100)
    loaded = load_events(
        [put_file(tmp_path, LOG_ANALYTICS, "one.csv"), put_file(tmp_path, DEFENDER, "two.csv")], console=console
    )
    engine().drop(loaded.table)
    assert ("reading the columns" in shown.getvalue()) is terminal
    assert terminal or not shown.getvalue()


def test_progress_counts_the_bytes_on_disk(tmp_path: Path) -> None:
    """Block by block, over all files, up to their size: of gzip what is packed."""
    files = [
        put_file(tmp_path, gzip.compress(LOG_ANALYTICS.encode() * 50), "one"),
        put_file(tmp_path, DEFENDER * 50, "two"),
    ]
    for place, path in enumerate(files):
        seen: list[int] = []
        assert sum(map(len, blocks(Source(place, path), seen.append))) > 0
        assert seen == sorted(seen)
        assert seen[-1] == path.stat().st_size
