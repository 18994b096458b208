"""Which files EVENTS names, and what the other variables may say."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cloud.events import EventsInvalid, export, find

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    """A folder of hourly files, with what else lies in such folders."""
    for name in ("h=07/m=00/PT1H.json", "h=08/m=00/PT1H.json", "h=08/notes.txt", "h=08/.hidden.json", "one.CSV.gz"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "tree" / "empty").mkdir()
    return tmp_path / "tree"


def test_events_are_read_as_a_shell_would(tmp_path: Path) -> None:
    """One path with blanks in it is a path; several words, quotes and patterns are read as a shell reads them."""
    one, two, three, four = (tmp_path / name for name in ("a b.csv", "c.csv", "d.csv", "e[1].csv"))
    for path in (one, two, three, four):
        path.touch()
    assert find("") == find("  ") == []
    assert find(str(one)) == [one]
    assert find(f"{two} '{one}'") == [two, one]
    assert find(f"{tmp_path}/[cd].csv") == [two, three]
    assert find(f"{two} {four}") == [two, four]
    assert find("nowhere.csv") == [Path("nowhere.csv")]
    assert find(f"{tmp_path}/a b*") == find(f"'{tmp_path}/a b*'") == [one]
    assert find("~nobody-of-this-name/x.csv") == [Path("~nobody-of-this-name/x.csv")]
    assert find("x" * 300) == [Path("x" * 300)]
    assert find(" ".join([str(two), str(three)] * 200)) == [two, three]


def test_a_name_that_does_not_exist_is_named_as_it_was_typed(tmp_path: Path) -> None:
    """Blanks and commas that were meant otherwise: the whole is named, and how to write it."""
    folder = tmp_path / "a b"
    folder.mkdir()
    here, there = folder / "one.csv", tmp_path / "two.csv"
    here.touch()
    there.touch()
    link = folder / "link.csv"
    link.symlink_to("gone.csv")
    assert find(str(link)) == [link]
    quotes = "A name with blanks needs quotes inside: EVENTS=\"'…'\""
    for events, words in {
        f"{folder}/nope.csv": f"'{folder}/nope.csv' does not exist; its folder is there",
        f"{folder}/*.nope": f"'{folder}/*.nope' matches no file; its folder is there",
        f"{folder}/**/*.nope": f"'{folder}/**/*.nope' matches no file; its folder is there",
        f"{folder} c/x.csv": f"'{folder} c/x.csv' does not exist; read as 3 names, of which '{tmp_path}/a', 'b',"
        f" 'c/x.csv' are missing. {quotes}",
        f"{here} {here}": f"'{here} {here}' does not exist; read as 4 names, of which '{tmp_path}/a', 'b/one.csv',"
        f" '{tmp_path}/a', … are missing. {quotes}",
        f"{there} nope.csv": f"'{there} nope.csv' does not exist; read as 2 names, of which 'nope.csv' is missing."
        f" {quotes}",
        f"{there} *.nope": f"'{there} *.nope' matches no file; read as 2 names, of which '*.nope' is missing. {quotes}",
        f"{there},{here}": f"names are separated by blanks, not commas: EVENTS=\"{there} '{here}'\"",
        f"'{here}'; {there}": f"names are separated by blanks, not commas: EVENTS=\"'{here}' {there}\"",
        "p.csv,q.csv": "'p.csv,q.csv' does not exist; names are separated by blanks, not commas",
        " ".join(["absent.csv"] * 50): "… are missing. A name with blanks",
    }.items():
        with pytest.raises(EventsInvalid) as caught:
            find(events)
        assert str(caught.value).startswith("EVENTS: ")
        assert str(caught.value).endswith(words) or words in str(caught.value)[-200:]
        assert len(str(caught.value)) < 600


def test_a_folder_stands_for_the_exports_below_it(hours: Path) -> None:
    """All folders below are searched; files of other kinds and hidden ones are passed over."""
    first, second = hours / "h=07/m=00/PT1H.json", hours / "h=08/m=00/PT1H.json"
    assert find(str(hours)) == [first, second, hours / "one.CSV.gz"]
    assert find(f"{hours}/h=0*") == [first, second]
    assert find(f"'{hours}/h=07' {hours}/one.CSV.gz") == [first, hours / "one.CSV.gz"]


@pytest.mark.parametrize("pattern", ["**/PT1H.json", "**/*.json", "h=0?/m=00/PT1H.json", "*/*/*"])
def test_patterns_reach_into_folders(hours: Path, pattern: str) -> None:
    """`**` stands for any number of folders."""
    assert find(f"{hours}/{pattern}") == [hours / "h=07/m=00/PT1H.json", hours / "h=08/m=00/PT1H.json"]


def test_everything_below_by_a_pattern(hours: Path) -> None:
    """A pattern for all files passes over those that are no exports, as a folder does."""
    assert find(f"{hours}/**") == find(str(hours))


def test_a_file_is_taken_once(hours: Path) -> None:
    """Named twice, by a pattern and by itself, it is not counted twice."""
    path = hours / "h=07/m=00/PT1H.json"
    link = hours / "link.json"
    link.symlink_to(path)
    assert find(f"{path} {hours}/h=07 {link} {hours}/**/m=00/*.json") == [path, hours / "h=08/m=00/PT1H.json"]


def test_linked_folders_are_followed_once(hours: Path, tmp_path: Path) -> None:
    """A link to a folder stands for it; one that leads back to where it is ends there."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/tree").symlink_to(hours)
    (hours / "again").symlink_to(hours)
    (hours / "h=07/up").symlink_to("..")
    assert find(str(hours)) == [hours / "h=07/m=00/PT1H.json", hours / "h=08/m=00/PT1H.json", hours / "one.CSV.gz"]
    assert len(find(str(tmp_path / "linked"))) == 3


def test_a_folder_passes_over_no_export_that_cannot_be_read(hours: Path) -> None:
    """What is named like an export is named when it is no file; what is not is passed over."""
    os.mkfifo(hours / "pipe.csv")
    (hours / "dangling.json").symlink_to("gone")
    (hours / "loop.csv.gz").symlink_to("loop.csv.gz")
    (hours / "dangling.txt").symlink_to("gone")
    (hours / "folder.csv").mkdir()
    found = {path.name for path in find(str(hours))}
    assert found == {"PT1H.json", "one.CSV.gz", "pipe.csv", "dangling.json", "loop.csv.gz"}
    with pytest.raises(EventsInvalid, match=r"(?s)dangling\.json: is a link to 'gone'.*pipe\.csv: is a pipe or device"):
        export({"EVENTS": str(hours)}, NOW)


def test_the_home_folder(hours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home folder: make hands it on as it is."""
    monkeypatch.setenv("HOME", os.fspath(hours))
    assert find("~/one.CSV.gz") == find("~/*.gz") == [hours / "one.CSV.gz"]


def test_what_matches_nothing_is_named(hours: Path) -> None:
    """A folder without exports, a pattern without matches, a quote that does not close."""
    with pytest.raises(EventsInvalid, match=r"empty: the folder holds no export; expected files that end in \.csv"):
        find(f"{hours}/empty")
    with pytest.raises(EventsInvalid, match=r"\*\.ndjson matches no file; expected a path, a folder or a pattern"):
        find(f"{hours}/*.ndjson")
    with pytest.raises(EventsInvalid, match="EVENTS: No closing quotation; expected file names as a shell reads them"):
        find("'never closed")


def test_the_variables(hours: Path) -> None:
    """EVENTS names files, SHIFT and DATES say how they are read; a word that none of them knows is named."""
    path = hours / "day.csv"
    header = "TimeGenerated,NetworkMessageId,RecipientEmailAddress,LatestDeliveryAction"
    path.write_text(f'{header}\n"12/11/2026, 07:55:45.735",m,a@contoso.com,Hard delete\n')
    assert export({}, NOW) is None
    found = export({"EVENTS": str(path), "DATES": "day-first"}, NOW)
    assert found is not None
    assert found.loaded.read()[0]["TimeGenerated"] == "2026-11-12T07:55:45.7350000Z"
    assert (found.name, found.shifted) == ("day.csv", False)
    found = export({"EVENTS": str(path), "DATES": "month-first", "SHIFT": "now"}, NOW)
    assert found is not None
    assert found.loaded.read()[0]["TimeGenerated"] == "2026-11-24T00:00:00.0000000Z"
    assert found.shifted
    with pytest.raises(EventsInvalid, match=r"SHIFT: expected now, or nothing .* not 'tomorrow'"):
        export({"EVENTS": str(path), "SHIFT": "tomorrow"}, NOW)
    with pytest.raises(EventsInvalid, match="DATES: expected day-first, month-first or nothing, not 'DMY'"):
        export({"EVENTS": str(path), "DATES": "DMY"}, NOW)


def test_many_files_have_a_short_name(tmp_path: Path) -> None:
    """Of many files the first three are named."""
    for hour in range(24):
        (tmp_path / f"h{hour:02}.json").write_text(
            '{"TimeGenerated": "2026-11-23T07:55:45Z", "NetworkMessageId": "m"}\n'
        )
    found = export({"EVENTS": str(tmp_path)}, NOW)
    assert found is not None
    assert found.name == "h00.json, h01.json, h02.json and 21 more files"
    assert found.loaded.rows == 24


@pytest.mark.parametrize(
    ("hours_ahead", "words"), [((), ""), ((-1, 1), "1 row is later"), ((1, 2, 3), "3 rows are later")]
)
def test_rows_later_than_now_are_pointed_out(tmp_path: Path, hours_ahead: tuple[int, ...], words: str) -> None:
    """The sweep does not see them: an export in local time would be swept in part, without a word."""
    times = [NOW, *(NOW + timedelta(hours=hours) for hours in hours_ahead)]
    path = tmp_path / "export.csv"
    path.write_text(
        "TimeGenerated,NetworkMessageId,RecipientEmailAddress,LatestDeliveryAction\n"
        + "".join(f"{time:%Y-%m-%dT%H:%M:%SZ},m,a,Hard delete\n" for time in times)
    )
    found = export({"EVENTS": str(path)}, NOW)
    assert found is not None
    assert [words in hint and "SHIFT=now moves its times" in hint for hint in found.loaded.hints] == [True] * bool(
        words
    )
    shifted = export({"EVENTS": str(path), "SHIFT": "now"}, NOW)
    assert shifted is not None
    assert shifted.loaded.hints == ()
