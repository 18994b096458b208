"""`make sweep`: the deployed function on a small Azure, with the sample tenant or an operator's own export."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cloud import Cloud
from tests.cloud.mail import crowd, write
from tests.support.terminal import on_a_terminal
from tests.tryout.keep import keep
from tests.tryout.run import without_effect
from tests.tryout.words import card_lines

ROOT = Path(__file__).resolve().parents[2]
Demo = Callable[..., "subprocess.CompletedProcess[str]"]


def surroundings(**given: str) -> dict[str, str]:
    """The environment that `make` runs the try-out in, with these variables."""
    kept = ("PATH", "HOME", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": str(ROOT)} | given


@pytest.fixture
def demo(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What `make sweep` runs, with the variables given, in a folder of its own."""

    def run(**given: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.tryout"]
        return subprocess.run(command, cwd=tmp_path, env=surroundings(**given), capture_output=True, text=True)

    return run


def _kept(folder: Path) -> dict[str, str]:
    """The run's files, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in (folder / ".sweep/last-run").iterdir()}


def _export(folder: Path, days_old: int) -> Path:
    """An export of two recipients with a dozen messages each, its newest row so many days old."""
    path = folder / "my export.ndjson"
    write(crowd(datetime.now(UTC) - timedelta(days=days_old), recipients=2, messages=12), path)
    return path


def test_the_sample_tenant_is_swept(demo: Demo) -> None:
    """Without EVENTS it shows recipients over the threshold, incidents and the card, ends by itself and leaves no word
    on standard error."""
    ran = demo()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not ran.stderr
    for words in (
        "finance@contoso.com",
        "Teams card",
        "verdict   flagged (sweep_completed)",
        ", as an analyst reads it",
        "What to do next:",
        "11 incidents, 0 comments, 1 card in the small Azure",
        "Every incident, comment and card as a file: .sweep/last-run",
    ):
        assert words in ran.stdout
    assert "exactly" not in ran.stdout.lower()
    assert not set(ran.stdout) & set("\x1b\u202e\u200b")


def test_an_old_export_is_not_an_all_clear(demo: Demo, tmp_path: Path) -> None:
    """An old export is untrusted as it stands, with a hint; shifted to now it is swept as if it were of today."""
    path = _export(tmp_path, 400)
    as_it_is = demo(EVENTS=str(path))
    assert as_it_is.returncode == 0, as_it_is.stdout + as_it_is.stderr
    assert "verdict   untrusted" in as_it_is.stdout
    assert "SHIFT=now" in as_it_is.stdout
    shifted = demo(EVENTS=f"'{path}'", SHIFT="now")
    assert shifted.returncode == 0, shifted.stdout + shifted.stderr
    assert "verdict   flagged" in shifted.stdout


def test_policy_settings_are_taken_from_the_environment(demo: Demo, tmp_path: Path) -> None:
    """An operator can try a threshold on the own export; a bad one is named and leaves with 2."""
    path = _export(tmp_path, 0)
    assert "0 flagged" in demo(EVENTS=str(path), SUM_CASE_THRESHOLD="1000").stdout
    ran = demo(EVENTS=str(path), SUM_CASE_THRESHOLD="many")
    assert ran.returncode == 2
    assert "SUM_CASE_THRESHOLD: expected a whole number" in ran.stdout


@pytest.mark.parametrize("wrong", ["absent", "line", "gzip", "shift", "quote"])
def test_what_cannot_be_read_is_named(demo: Demo, wrong: str, tmp_path: Path) -> None:
    """A file or a word that cannot be read is named without a traceback, and the exit code is 2."""
    path = _export(tmp_path, 0)
    given = {"EVENTS": str(path)}
    expected = str(path)
    if wrong == "absent":
        path.unlink()
        given = {"EVENTS": f"'{path}'"}
    elif wrong == "line":
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(["not", "a", "record"]) + "\n")
        expected = f"{path}, line "
    elif wrong == "gzip":
        path.write_bytes(gzip.compress(b"x" * 1000)[:-20])
    elif wrong == "shift":
        given["SHIFT"] = expected = "yesterday"
    else:
        given["EVENTS"] = "'" + str(path)
        expected = "EVENTS"
    ran = demo(**given)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert expected in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


def test_days_in_doubt_are_no_all_clear(demo: Demo) -> None:
    """Twelve hard deletes on days that could be months: refused with what to do; told the order, all are counted."""
    path = ROOT / "tests" / "data" / "events" / "day_first.csv"
    refused = demo(EVENTS=str(path), SHIFT="now")
    assert refused.returncode == 2
    assert "which number is the day?" in refused.stdout
    assert "DATES=day-first" in refused.stdout
    assert "clean" not in refused.stdout
    ran = demo(EVENTS=str(path), SHIFT="now", DATES="day-first")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"a\.brown@contoso\.example +12 +12 ", ran.stdout)
    assert "verdict   flagged" in ran.stdout


def test_a_folder_of_hours_is_swept(demo: Demo) -> None:
    """The streaming export's folder, by its name and by a pattern."""
    folder = ROOT / "tests" / "data" / "events" / "streaming"
    for events in (str(folder), f"'{folder}/**/PT1H.json'"):
        ran = demo(EVENTS=events, SHIFT="now")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "14 rows of PT1H.json" in ran.stdout
        assert re.search(r"c\.green@contoso\.example +14 +0 +14 ", ran.stdout)


def test_what_came_out_lies_there_as_files(demo: Demo, tmp_path: Path) -> None:
    """Each incident, comment and card of the run, and its receipt, is a file that says what the services were sent."""
    assert demo().returncode == 0
    files = _kept(tmp_path)
    receipt = json.loads(files["receipt.json"])
    numbers = range(1, receipt["created"] + 1)
    assert receipt["created"] == 11
    assert set(files) == {
        *("README.txt", "receipt.json", "card-1.txt", "card-1.json"),
        *(f"incident-{number}.{ending}" for number in numbers for ending in ("md", "json")),
    }
    for number in numbers:
        properties = json.loads(files[f"incident-{number}.json"])["properties"]
        assert properties["title"] in files[f"incident-{number}.md"]
        assert properties["severity"] in files[f"incident-{number}.md"]
        words = [" ".join(line.split()) for line in properties["description"].splitlines() if line.strip()]
        assert [line for line in words if line not in " ".join(files[f"incident-{number}.md"].split())] == []
    (attachment,) = json.loads(files["card-1.json"])["attachments"]
    assert attachment["content"]["type"] == "AdaptiveCard"
    assert "11 new (1 High)" in files["card-1.txt"]


def test_comments_are_files_too(tmp_path: Path) -> None:
    """A comment is below its incident and in a file of its own."""
    with Cloud() as cloud:
        cloud.store.stored["i"] = {"name": "i", "properties": PROPERTIES}
        cloud.store.comments["i"] = [{"properties": {"message": f"{word}\nmore"}} for word in ("First", "Second")]
        assert keep(tmp_path / "run", cloud, {}) == "1 incident, 2 comments, 0 cards"
    assert (tmp_path / "run/incident-7-comment-2.md").read_text(encoding="utf-8") == "Second\nmore\n"
    text = (tmp_path / "run/incident-7.md").read_text(encoding="utf-8")
    assert text.index("# A title") < text.index("What it says") < text.index("First") < text.index("Second")
    assert "owner@contoso.com" in text


PROPERTIES = {
    "title": "A title",
    "severity": "High",
    "status": "Active",
    "owner": {"assignedTo": "owner@contoso.com"},
    "labels": [{"labelName": "a label"}],
    "description": "What it says",
    "incidentNumber": 7,
}


def test_the_next_run_replaces_the_files(demo: Demo, tmp_path: Path) -> None:
    """The folder is the last run's alone; what somebody else put there under its name is not touched, and that is
    said."""
    assert demo().returncode == 0
    assert demo(SUM_CASE_THRESHOLD="50").returncode == 0
    assert sum(name.endswith(".md") for name in _kept(tmp_path)) == 1
    folder = tmp_path / ".sweep/last-run"
    (folder / "README.txt").rename(folder / "mine.txt")
    ran = demo()
    assert ran.returncode == 0
    assert "The run's files are not kept: .sweep/last-run is there, and no run made it" in ran.stdout
    assert (folder / "mine.txt").exists()


def test_a_misspelt_name_is_named(demo: Demo) -> None:
    """A name that is a letter or two off one with a meaning is named once, with the right one."""
    ran = demo(EVENT="mine.csv", SUM_CASE_TRESHOLD="3", SHFT="now")
    assert ran.returncode == 0
    for wrong, right in (("EVENT", "EVENTS"), ("SUM_CASE_TRESHOLD", "SUM_CASE_THRESHOLD"), ("SHFT", "SHIFT")):
        assert f"{wrong} is no setting and has no effect: did you mean {right}?" in ran.stdout
        assert (ran.stdout + ran.stderr).count(f"{wrong} ") == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"events": "mine.csv"}, "events has no effect: did you mean EVENTS?"),
        ({"SHIFT": "now"}, "SHIFT has no effect without EVENTS"),
        ({"DATES": "day-first"}, "DATES has no effect without EVENTS"),
        ({"DRY_RUN": "true"}, "DRY_RUN has no effect here"),
        ({"HUNT_SOURCE": "defender"}, "HUNT_SOURCE has no effect here"),
        ({"EVENTS": "mine.csv", "SHIFT": "now"}, ""),
        ({"sum_case_threshold": "50"}, ""),
    ],
)
def test_what_has_no_effect_is_said(given: dict[str, str], said: str) -> None:
    """A variable that somebody may have meant and that does nothing is named; one that is used is not."""
    assert [sentence for sentence in without_effect(surroundings(**given)) if not sentence.startswith(said)] == []
    assert bool(without_effect(surroundings(**given))) == bool(said)


def test_a_setting_counts_in_any_case(demo: Demo) -> None:
    """As with `python -m shared`, a setting's name in small letters is the setting."""
    assert "1 flagged" in demo(sum_case_threshold="50").stdout


def test_what_is_held_back_is_counted(demo: Demo) -> None:
    """The table says how many more are over the threshold, and how many of them wait for the next sweeps."""
    ran = demo(MAX_NEW_INCIDENTS="2")
    assert "and 9 more (9 of them held for the next sweeps)" in ran.stdout
    assert re.search(r"data +434 of 448 rows are in the window, the newest of \S+Z, action filled in 99%", ran.stdout)


def test_files_are_nobody_else_s_to_read(demo: Demo, tmp_path: Path) -> None:
    """The folder with addresses and subjects is open to its owner alone, and an earlier run's is gone at once."""
    demo()
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in (".sweep", ".sweep/last-run")] == [0o700, 0o700]
    assert demo(EVENTS="nowhere.csv").returncode == 2
    assert not (tmp_path / ".sweep/last-run").exists()


def test_a_closed_terminal_leaves_nothing(tmp_path: Path) -> None:
    """Ended by a signal, it removes what it has written into temporary folders."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = surroundings(TMPDIR=str(temporary), EVENTS=str(_export(tmp_path, 0)))
    command = [sys.executable, "-m", "tests.tryout"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()  # the rows are loaded
        running.send_signal(signal.SIGHUP)
        running.communicate(timeout=60)
    assert running.returncode == 130
    assert list(temporary.iterdir()) == []


def test_bold_is_not_shown_as_stars() -> None:
    """A card's Markdown is shown as what it means."""
    assert list(card_lines({"type": "TextBlock", "text": "**To do:** look, 2 ** 3"})) == ["To do: look, 2 ** 3"]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_it_fits_the_terminal(columns: int, tmp_path: Path) -> None:
    """On a narrow terminal, too, no line is wider than it, every finding is there, and numbers stay with names."""
    seen = on_a_terminal(surroundings(), columns=columns, module="tests.tryout", folder=tmp_path)
    assert seen.code == 0, seen.text
    assert max(map(len, seen.lines)) <= columns
    assert any(line.split()[:3] == ["57", "High", "finance@contoso.com"] for line in seen.lines) is (columns < 76)
    assert any(line.split()[:2] == ["finance@contoso.com", "57"] for line in seen.lines) is (columns >= 76)
    assert "verdict" in seen.text
    assert "sweep_completed {" not in seen.text  # the receipt as the table says it, not as JSON beside it


def test_no_color_is_obeyed(tmp_path: Path) -> None:
    """With NO_COLOR a terminal gets no colours; without a terminal no escape at all is written."""
    seen = on_a_terminal(surroundings(NO_COLOR="1"), module="tests.tryout", folder=tmp_path)
    assert not re.search(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7]|38|48)[;m]", seen.raw)
    coloured = on_a_terminal(surroundings(), module="tests.tryout", folder=tmp_path)
    assert re.search(rb"\x1b\[[0-9;]*31m", coloured.raw)


def test_an_ascii_locale_is_readable(demo: Demo) -> None:
    """Where only ASCII can be shown the output is ASCII, dashes and frames included, with nothing lost but letters."""
    ran = demo(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.isascii()
    assert "+- Teams card -" in ran.stdout
    assert "\n| High - New - unassigned" in ran.stdout


@pytest.mark.parametrize("after", [0.0, 0.3, 0.8, 1.4])
def test_ctrl_c_ends_it(after: float, tmp_path: Path) -> None:
    """Ctrl-C at any time ends it within seconds, without a traceback."""
    begun = time.monotonic()
    seen = on_a_terminal(
        surroundings(),
        ctrl_c=lambda _: time.monotonic() - begun > after,
        module="tests.tryout",
        folder=tmp_path,
        seconds=30,
    )
    assert "Traceback" not in seen.text
    assert seen.code in (130, -2, 0)  # -2: before Python itself is up; 0: it was through
    if after > 0.5 and seen.code == 130:
        assert "Stopped" in seen.text
