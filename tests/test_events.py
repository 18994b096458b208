"""Loading operators' own exports."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cloud.events import EventsInvalid, load_events

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


def put(folder: Path, content: str | bytes, name: str = "export") -> Path:
    """The file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_log_analytics_csv(tmp_path: Path) -> None:
    """The Log Analytics portal's CSV: a BOM, zones in the header, its own times, quoted line breaks, typed cells."""
    first, second = load_events([put(tmp_path, LOG_ANALYTICS)])
    assert first == {
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
    assert second["TimeGenerated"] == "2026-11-03T00:05:00.0000000Z"
    assert second["LastEventExecutionTime"] is None
    assert second["LatestDeliveryAction"] == ""


def test_defender_csv(tmp_path: Path) -> None:
    """The Defender portal's CSV has Timestamp only, which is taken for TimeGenerated, as the workspace does."""
    rows = load_events([put(tmp_path, DEFENDER)])
    assert [row["TimeGenerated"] for row in rows] == ["2026-11-23T07:55:45.7357933Z", "2026-11-03T13:05:06.0000000Z"]
    assert [row["Timestamp"] for row in rows] == [row["TimeGenerated"] for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        f"{json.dumps(ENVELOPE)}\n\n{json.dumps(ENVELOPE)}\n",
        json.dumps([ENVELOPE, ENVELOPE], indent=1),
        json.dumps({"records": [ENVELOPE, ENVELOPE]}, indent=1),
        json.dumps({"records": [ENVELOPE, ENVELOPE]}),
    ],
    ids=["ndjson", "list", "event hub", "event hub, one line"],
)
def test_streaming_export(tmp_path: Path, content: str) -> None:
    """The envelope of the streaming export is taken off, in each of the forms it is kept in."""
    rows = load_events([put(tmp_path, content)])
    assert (
        rows
        == [
            {
                "Timestamp": "2026-11-23T07:55:45.0000000Z",
                "TimeGenerated": "2026-11-23T07:55:45.0000000Z",
                "NetworkMessageId": "m3",
                "RecipientEmailAddress": "a@contoso.com",
                "Subject": None,
                "AttachmentCount": 0,
                "To": ["a@contoso.com"],
            }
        ]
        * 2
    )


def test_a_real_record_loads() -> None:
    """A record as a real storage export wrote it, spread over many lines."""
    path = Path(__file__).parent / "data" / "email_events_live_record.json"
    (row,) = load_events([path])
    assert row["TimeGenerated"] == "2026-07-18T14:08:56.0000000Z"
    assert row["RecipientEmailAddress"] == "user@contoso.com"
    assert "LatestDeliveryAction" not in row


def test_gzip_and_several_files(tmp_path: Path) -> None:
    """Files of any kind together, packed or not, are one table."""
    one = put(tmp_path, gzip.compress(LOG_ANALYTICS.encode()), "one.csv.gz")
    two = put(tmp_path, json.dumps(ROW), "two.ndjson")
    three = put(tmp_path, gzip.compress(json.dumps(ENVELOPE).encode()), "three.json.gz")
    assert [row["NetworkMessageId"] for row in load_events([one, two, three])] == ["m1", "m2", "m1", "m3"]


def test_shift(tmp_path: Path) -> None:
    """A shift moves every time of every file by one amount, to the last digit; the newest becomes the given moment."""
    one, two = put(tmp_path, LOG_ANALYTICS, "one"), put(tmp_path, DEFENDER, "two")
    now = datetime(2027, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    first, second, third, _ = load_events([one, two], now)
    assert third["TimeGenerated"] == "2027-01-01T12:00:00.1234560Z"
    assert first["TimeGenerated"] == first["Timestamp"] == "2027-01-01T12:00:00.1226627Z"
    assert first["LastEventExecutionTime"] == "2027-01-01T16:04:14.3876627Z"
    assert second["LastEventExecutionTime"] is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no row; expected"),
        ("Pictures,and,more", "line 1: expected a header with NetworkMessageId"),
        ("PK\x03\x04", "is no column's name; expected a CSV"),
        (b"\xff\xfe\x00T", "line 1: not UTF-8"),
        (b"NetworkMessageId,RecipientEmailAddress,Timestamp\nm,a,2026-11-23T00:00:00Z\n\xff,b,c", "line 3: not UTF-8"),
        (gzip.compress(b"Timestamp")[:-6], "damaged gzip"),
        (LOG_ANALYTICS.replace("TimeGenerated [UTC]", "TimeGenerated [Local Time]"), "expected an export in UTC"),
        (LOG_ANALYTICS.replace(",x\r\n", "\r\n"), "line 2: 10 fields; expected 11"),
        (LOG_ANALYTICS.replace("11/3/2026", "23/11/2026"), "line 4: TimeGenerated is '23/11/2026, 12:05:00.000 AM'"),
        (
            LOG_ANALYTICS.replace("Hard delete,3,", "Hard delete,three,"),
            "line 2: UrlCount is 'three'; expected a whole",
        ),
        (
            LOG_ANALYTICS.replace(",3,true,", ",3,perhaps,"),
            "line 2: IsFirstContact is 'perhaps'; expected true or false",
        ),
        (DEFENDER + '"never closed', "line 4: unexpected end of data"),
        (DEFENDER.replace("Nov 3", "Foo 3"), "line 3: Timestamp is 'Foo 3, 2026 1:05:06 PM'; expected a time in UTC"),
        (DEFENDER.replace("2026-11-23T", "2026-13-23T"), "line 2: Timestamp is '2026-13-23T07:55:45.7357933Z'"),
        (f"{json.dumps(ROW)}\nnot json\n", "line 2: not a JSON object; expected one record of EmailEvents a line"),
        (f"{json.dumps(ROW)}\n[1]\n", "line 2: not a JSON object"),
        ('{"a": 1,\n "b": }', "line 2: not JSON"),
        ("[1, 2]", "line 1: expected a list of records"),
        ('{"records":\n 5}', "line 1: expected a list of records"),
        (json.dumps({"TimeGenerated": "2026-11-23T07:55:45Z"}), "line 1: no NetworkMessageId"),
        (json.dumps({**ROW, "TimeGenerated": None}), "line 1: no TimeGenerated and no Timestamp; expected a time"),
        (
            json.dumps({**ENVELOPE, "category": "AdvancedHunting-EmailUrlInfo"}),
            "a record of 'AdvancedHunting-EmailUrlInfo'; expected AdvancedHunting-EmailEvents",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str | bytes, words: str) -> None:
    """A file that is no export, or a bad line in one, is named with its line and what was expected."""
    path = put(tmp_path, content)
    with pytest.raises(EventsInvalid) as caught:
        load_events([path])
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_nothing_is_half_loaded(tmp_path: Path) -> None:
    """One bad line of one file, and no row of any file is handed out; the first ten mistakes are named."""
    good = put(tmp_path, DEFENDER, "good")
    bad = put(tmp_path, "\n".join([json.dumps(ROW), *["x"] * 30]), "bad")
    with pytest.raises(EventsInvalid) as caught:
        load_events([good, bad])
    assert str(caught.value).count("not a JSON object") == 10
    assert "line 2:" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that cannot be read is named with the system's reason."""
    with pytest.raises(EventsInvalid, match=r"nowhere\.csv: cannot be read \(No such file"):
        load_events([tmp_path / "nowhere.csv"])
