"""What is no export of EmailEvents, or not wholly: named with file, line, what was expected and what to do."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cloud.engine import engine, literal
from tests.cloud.events import EventsInvalid, load_events
from tests.cloud.events.mistakes import Mistakes
from tests.cloud.events.test_load import DEFENDER, ENVELOPE, LOG_ANALYTICS, ROW, put_file


def archive(*names: str) -> bytes:
    """A zip archive of empty files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in names:
            packed.writestr(name, "")
    return file.getvalue()


def parquet() -> bytes:
    """A Parquet file, as the engine writes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.parquet"
        engine().sql(f"INSERT INTO FUNCTION file({literal(str(path))}, Parquet) SELECT 1 AS a")
        return path.read_bytes()


def _named(value: str | bytes) -> str | None:
    """A test's name, the same in every process: a packed file has the moment in it when it was packed."""
    return "bytes" if isinstance(value, bytes) else None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive("[Content_Types].xml", "docProps/app.xml"), "an Excel workbook; expected the portal's own CSV"),
        (archive("xl/workbook.xml"), "an Excel workbook; expected the portal's own CSV"),
        (archive("_rels/.rels"), "an Excel workbook; expected the portal's own CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an Excel workbook; expected the portal's own CSV"),
        (archive("export.csv"), "a zip archive; unpack it and name the files or the folder"),
        (gzip.compress(archive("export.csv")), "a zip archive; unpack it"),
        (b"BZh91AY&SY", "packed with bzip2; unpack it first"),
        (b"\xfd7zXZ\0\0", "packed with xz; unpack it first"),
        (b"\x28\xb5\x2f\xfd\0", "packed with zstd; unpack it first"),
        (b"x" * 257 + b"ustar\0", "a tar archive; unpack it"),
        (parquet(), "Parquet, which is not read here; export EmailEvents again as CSV"),
        (b"Obj\x01\x04", "Avro, which is not read here"),
        (b"%PDF-1.7\n", "a PDF document, which is not read here"),
        ("\ufeff\n <!DOCTYPE html><html><title>Sign in</title>", "a web page, perhaps a sign-in or an error page"),
        ("<HTML>\n", "a web page"),
        ("<!-- saved\nfrom -->\n<html>", "a web page, perhaps a sign-in"),
        ('<?xml version="1.0"?>\n<!-- a --><!-- b --><!DOCTYPE html>', "a web page, perhaps a sign-in"),
        ("<!-- saved --><Error/>", "XML; export EmailEvents again"),
        ("<!-- never closed", "a web page or XML"),
        ('<?xml version="1.0"?><Error/>', "XML; export EmailEvents again"),
        ("<html>".encode("utf-16"), "a web page"),
    ],
    ids=_named,
)
def test_other_kinds_are_named_as_what_they_are(tmp_path: Path, content: str | bytes, words: str) -> None:
    """A file of another kind is called by its name, with what to do."""
    path = put_file(tmp_path, content)
    with pytest.raises(EventsInvalid) as caught:
        load_events([path])
    assert str(caught.value).startswith(f"{path}: this is ")
    assert words in str(caught.value)


def failed(code: str, **more: object) -> str:
    """A saved error of the query API."""
    return json.dumps({"error": {"code": code, "message": "why", **more}})


def _answer(rows: Sequence[object], **more: object) -> str:
    """A saved answer of the Log Analytics API."""
    columns = [{"name": name, "type": "string"} for name in ("TimeGenerated", "NetworkMessageId")]
    return json.dumps({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}], **more})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no row; expected"),
        ("\n\n", "holds no row; expected"),
        (LOG_ANALYTICS.partition("\r\n")[0], "holds no row: the query found nothing. More days? The right workspace?"),
        (LOG_ANALYTICS.partition("\n")[0] + "\n\r\n", "holds no row: the query found nothing"),
        ("[]", "holds no row: the query found nothing"),
        ('{"records": []}', "holds no row: the query found nothing"),
        (_answer([]), "holds no row: the query found nothing"),
        ("Pictures,and,more", "line 1: expected a header with NetworkMessageId"),
        ("\n\nPictures,and,more", "line 3: expected a header with NetworkMessageId"),
        (
            b"NetworkMessageId,RecipientEmailAddress,Timestamp\nm,a,2026-11-23T00:00:00Z\n\xff,b,c",
            "line 3: not UTF-8; Excel saves so",
        ),
        (b"NetworkMessageId,RecipientEmailAddress,Timestamp\nm,\0,\xff\n", "line 2: not UTF-8; this is no text"),
        (b'{"NetworkMessageId":"m"}\n{"x":"\xe9"}\n', "line 2: not UTF-8; use the file as it was downloaded"),
        ("Timestamp,NetworkMessageId".encode("utf-16")[:-1], "not UTF-16 to its end; expected a whole file"),
        (gzip.compress(b"Timestamp")[:-6], "damaged gzip"),
        (gzip.compress(DEFENDER.encode()) + b"tail", "damaged gzip"),
        (
            LOG_ANALYTICS.replace("TimeGenerated [UTC]", "TimeGenerated [Local Time]"),
            "expected an export in UTC (set the",
        ),
        (
            LOG_ANALYTICS.replace("Timestamp [UTC]", "Timestamp [Europe/London]"),
            "Timestamp is in 'Europe/London'; expected",
        ),
        (json.dumps({**ROW, "Timestamp [Local Time]": "x"}), "line 1: Timestamp is in 'Local Time'"),
        (LOG_ANALYTICS.replace("SomethingNew", "subject"), "line 1: Subject comes twice; expected each column once"),
        (LOG_ANALYTICS.replace(",x\r\n", "\r\n"), "line 2: 10 fields; expected 11"),
        (LOG_ANALYTICS.replace("11/3/2026", "11/31/2026"), "line 4: TimeGenerated is '11/31/2026, 12:05:00.000 AM'"),
        (
            LOG_ANALYTICS.replace("Hard delete,3,", "Hard delete,three,"),
            "line 2: UrlCount is 'three'; expected a whole",
        ),
        (LOG_ANALYTICS.replace("Hard delete,3,", "Hard delete,3000000000,"), "line 2: UrlCount is '3000000000'"),
        (LOG_ANALYTICS.replace("Hard delete,3,", "Hard delete,3.5,"), "line 2: UrlCount is '3.5'; expected a whole"),
        (
            LOG_ANALYTICS.replace(",3,true,", ",3,perhaps,"),
            "line 2: IsFirstContact is 'perhaps'; expected true or false",
        ),
        (LOG_ANALYTICS.replace('"11/3/2026, 12:05:00.000 AM"', ""), "line 4: no time; expected TimeGenerated"),
        (DEFENDER * 2, "line 4: Timestamp is 'Timestamp'; expected a time"),
        (DEFENDER + '"never closed', "line 4: unexpected end of data: was the file cut off?"),
        (DEFENDER.replace("m2,", '"m"2,'), "line 3: ',' expected after '\"'"),
        (DEFENDER.replace("Nov 3", "Foo 3"), "line 3: Timestamp is 'Foo 3, 2026 1:05:06 PM'; expected a time in UTC"),
        (DEFENDER.replace("2026-11-23T", "2026-13-23T"), "line 2: Timestamp is '2026-13-23T07:55:45.7357933Z'"),
        (DEFENDER.replace("2026-11-23T", "2026-02-30T"), "line 2: Timestamp is '2026-02-30T07:55:45.7357933Z'"),
        (f"{json.dumps(ROW)}\nnot json\n", "line 2: not a JSON object; expected one record of EmailEvents a line"),
        (f"{json.dumps(ROW)}\n[1]\n", "line 2: not a JSON object"),
        (f"{json.dumps(ROW)}\n{json.dumps(ROW)[:-5]}", "line 2: ends in the middle: was it cut off?"),
        (f"{json.dumps(ROW)}\n{json.dumps(ROW)[:-5]}\n{json.dumps(ROW)}", "line 2: not a JSON object"),
        (f"{json.dumps(ROW)}\n{json.dumps(ROW)[:-5]}\n", "line 2: not a JSON object"),
        (_answer([["2026-11-23T07:55:45Z", "m"]])[:-8], "line 1: ends in the middle: was it cut off?"),
        (json.dumps([ROW, {**ROW, "IsFirstContact": True}])[:-4], "line 1: ends in the middle"),
        (json.dumps([ROW, ROW], indent=1)[:-2], "ends in the middle"),
        (json.dumps([ROW, {"Subject": "\u00e9"}])[:-5], "line 1: ends in the middle"),
        ('{"a": 1,\n "b": }', "line 2: not JSON"),
        ('{"records": [\n{"a": 1} {"b": 2}]}', "line 2: not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[1, 2]", "line 1: expected a list of records"),
        ('{"records":\n 5}', "line 1: expected a list of records"),
        (json.dumps({"TimeGenerated": "2026-11-23T07:55:45Z"}), "line 1: no NetworkMessageId"),
        (json.dumps({**ROW, "TimeGenerated": None}), "line 1: no time; expected TimeGenerated (or, as in the Defender"),
        (
            json.dumps([ROW, {**ROW, "TimeGenerated": "soon"}], indent=1),
            "line 7: TimeGenerated is 'soon'; expected a time",
        ),
        (
            json.dumps({**ENVELOPE, "category": "AdvancedHunting-EmailUrlInfo"}),
            "a record of 'AdvancedHunting-EmailUrlInfo'; ex",
        ),
        (_answer([["2026-11-23T07:55:45Z"]]), "expected a row with a cell for each column"),
        (
            _answer([["2026-11-23T07:55:45Z", "m"]], error={"code": "PartialError", "message": "too large"}),
            "a partial answer (PartialError: too large); expected a whole one: ask for fewer days",
        ),
        (json.dumps({"error": {"code": "BadArgumentError", "message": "no"}}), "an error that the query API answered"),
        (
            failed("InsufficientAccessError"),
            "(InsufficientAccessError: why); expected a whole one: run the query again",
        ),
        (failed("BadArgumentError"), "expected a whole one: run the query again when this is solved"),
        (json.dumps({"error": "invalid_token", "error_description": "old"}), "(invalid_token: old); expected a whole"),
        (failed("PartialError"), "expected a whole one: ask for fewer days, or for fewer columns"),
        (failed("ResponsePayloadTooLarge"), "expected a whole one: ask for fewer days"),
        (failed("x", innererror={"code": "E_QUERY_RESULT_SET_TOO_LARGE"}), "expected a whole one: ask for fewer days"),
        (
            json.dumps({"tables": [{"columns": [{"name": "count_"}], "rows": [[1]]}]}),
            "expected an answer of EmailEvents",
        ),
    ],
    ids=_named,
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str | bytes, words: str) -> None:
    """A file that is no export, or a bad line in one, is named with its line and what was expected."""
    path = put_file(tmp_path, content)
    with pytest.raises(EventsInvalid) as caught:
        load_events([path])
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_nothing_is_half_loaded(tmp_path: Path) -> None:
    """One bad line of one file, and no row of any file is handed out; each cause is named once."""
    good = put_file(tmp_path, DEFENDER, "good")
    bad = put_file(tmp_path, "\n".join([json.dumps(ROW), *["x"] * 30]), "bad")
    with pytest.raises(EventsInvalid) as caught:
        load_events([good, bad])
    words = "line 2: not a JSON object; expected one record of EmailEvents a line"
    assert str(caught.value) == f"{bad}, {words}\n  the same in 29 more rows"
    wide = put_file(tmp_path, DEFENDER + "a,b\n" * 3 + DEFENDER.partition("\n")[2] + "c\n", "wide")
    with pytest.raises(EventsInvalid) as caught:
        load_events([wide])
    words = "line 4: 2 fields; expected 5, as in the header"
    assert str(caught.value) == f"{wide}, {words}\n  the same in 3 more rows"


def test_bad_cells_of_many_files_are_named_in_order(tmp_path: Path) -> None:
    """Each cause once, with the file and line of its first cell and the number of rows, over records of several
    lines."""
    one = put_file(tmp_path, LOG_ANALYTICS.replace("plain,,,,", "plain,,x,perhaps,"), "one")
    two = put_file(tmp_path, "\n".join(json.dumps({**ROW, "UrlCount": n}) for n in ["a", 1, "b", *["c"] * 20]), "two")
    with pytest.raises(EventsInvalid) as caught:
        load_events([one, two])
    lines = str(caught.value).splitlines()
    assert lines == [
        f"{one}, line 4: UrlCount is 'x'; expected a whole number",
        "  the same in 22 more rows",
        f"{one}, line 4: IsFirstContact is 'perhaps'; expected true or false",
    ]
    with pytest.raises(EventsInvalid) as caught:
        load_events([two])
    assert str(caught.value).startswith(
        f"{two}, line 1: UrlCount is 'a'; expected a whole number\n  the same in 21 more"
    )


def test_a_row_is_counted_once_however_many_of_its_columns_are_wrong(tmp_path: Path) -> None:
    """Times that a spreadsheet has written over are one cause for all columns; they are called what they are."""
    header = "TimeGenerated,Timestamp,LastEventExecutionTime,NetworkMessageId,RecipientEmailAddress\n"
    for cell in ("46:13.0", "46000.5", "46000,708333", "########", "1.79571E+09"):
        path = put_file(tmp_path, header + f'"{cell}","{cell}","{cell}",m,a\n' * 3)
        with pytest.raises(EventsInvalid) as caught:
            load_events([path])
        first, second = str(caught.value).splitlines()
        assert first.startswith(
            f"{path}, line 2: TimeGenerated is {cell!r}: Excel has rewritten it; use the portal's own"
        )
        assert second == "  the same in 2 more rows"


def test_no_more_than_ten_causes_are_named(tmp_path: Path) -> None:
    """A file of nothing but different mistakes is not read to its end."""
    lines = [json.dumps({"category": "x" * n, "properties": {"a": n}}) for n in range(1, 3)]
    mistakes = Mistakes()
    for n in range(9):
        mistakes.add(tmp_path, n, "x" * (n + 1), rows=2)
    with pytest.raises(EventsInvalid, match="and perhaps more") as caught:
        mistakes.add(tmp_path, 10, "y")
    assert str(caught.value).count("the same in 1 more row\n") == 9
    with pytest.raises(
        EventsInvalid, match=r"a record of 'x'; expected AdvancedHunting-EmailEvents\n  the same in 1 more"
    ):
        load_events([put_file(tmp_path, "\n".join([json.dumps(ROW), *lines]))])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that cannot be read is named with the system's reason."""
    with pytest.raises(EventsInvalid, match=r"nowhere\.csv: cannot be read \(No such file"):
        load_events([tmp_path / "nowhere.csv"])
    with pytest.raises(EventsInvalid, match=r"x: cannot be read \(File name too long"):
        load_events([tmp_path / ("x" * 300)])
    with pytest.raises(EventsInvalid, match=r"cannot be read \(Is a directory"):
        load_events([tmp_path])


def test_what_is_no_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    """Pipes, devices and links to nothing: all of them are named before any file is read."""
    pipe, link, loop = (tmp_path / name for name in ("pipe.csv", "link.csv", "loop.csv"))
    os.mkfifo(pipe)
    link.symlink_to("gone.csv")
    loop.symlink_to(loop)
    with pytest.raises(EventsInvalid) as caught:
        load_events([put_file(tmp_path, "not read"), pipe, "/dev/null", link, loop])
    assert str(caught.value).splitlines() == [
        f"{pipe}: is a pipe or device; save it as a file first",
        "/dev/null: is a pipe or device; save it as a file first",
        f"{link}: is a link to 'gone.csv', which cannot be read (No such file or directory)",
        f"{loop}: is a link to '{loop}', which cannot be read (Too many levels of symbolic links)",
    ]


def test_several_files_without_a_row(tmp_path: Path) -> None:
    """Many empty hours are no empty table: the load fails."""
    with pytest.raises(EventsInvalid, match="no rows at all in 2 files: the query found nothing"):
        load_events([put_file(tmp_path, "", "one"), put_file(tmp_path, "[]", "two")])
    with pytest.raises(EventsInvalid, match="no rows at all in 2 files; expected"):
        load_events([put_file(tmp_path, "", "one"), put_file(tmp_path, "\n", "two")])
