"""`make sweep`: the deployed function on a small Azure, with the sample tenant or an operator's own export."""

import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cloud.tenant import crowd, write
from tests.tryout.run import files

ROOT = Path(__file__).resolve().parent.parent


def demo(**given: str) -> subprocess.CompletedProcess[str]:
    """What `make sweep` runs, with these variables."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | given
    return subprocess.run(
        [sys.executable, "-m", "tests.tryout"], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def export(folder: Path, days_old: int) -> Path:
    """An export of two recipients with a dozen messages each, its newest row so many days old."""
    path = folder / "my export.ndjson"
    write(crowd(datetime.now(UTC) - timedelta(days=days_old), recipients=2, messages=12), path)
    return path


def test_the_sample_tenant_is_swept() -> None:
    """Without EVENTS it shows recipients over the threshold, incidents and the card, ends by itself and leaves no word
    on standard error."""
    ran = demo()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not ran.stderr
    for words in (
        "finance@contoso.com",
        "Teams card",
        "verdict   flagged (sweep_completed)",
        "1 card in the small Teams",
    ):
        assert words in ran.stdout
    assert "exactly" not in ran.stdout.lower()
    assert not set(ran.stdout) & set("\x1b\u202e\u200b")


def test_an_old_export_is_not_an_all_clear(tmp_path: Path) -> None:
    """An old export is untrusted as it stands, with a hint; shifted to now it is swept as if it were of today."""
    path = export(tmp_path, 400)
    as_it_is = demo(EVENTS=str(path))
    assert as_it_is.returncode == 0, as_it_is.stdout + as_it_is.stderr
    assert "verdict   untrusted" in as_it_is.stdout
    assert "SHIFT=now" in as_it_is.stdout
    shifted = demo(EVENTS=f"'{path}'", SHIFT="now")
    assert shifted.returncode == 0, shifted.stdout + shifted.stderr
    assert "verdict   flagged" in shifted.stdout


def test_policy_settings_are_taken_from_the_environment(tmp_path: Path) -> None:
    """An operator can try a threshold on the own export; a bad one is named and leaves with 2."""
    path = export(tmp_path, 0)
    assert "0 flagged" in demo(EVENTS=str(path), SUM_CASE_THRESHOLD="1000").stdout
    ran = demo(EVENTS=str(path), SUM_CASE_THRESHOLD="many")
    assert ran.returncode == 2
    assert "SUM_CASE_THRESHOLD: expected a whole number" in ran.stdout


@pytest.mark.parametrize("wrong", ["absent", "line", "gzip", "shift", "quote"])
def test_what_cannot_be_read_is_named(wrong: str, tmp_path: Path) -> None:
    """A file or a word that cannot be read is named without a traceback, and the exit code is 2."""
    path = export(tmp_path, 0)
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


def test_events_are_read_as_a_shell_would(tmp_path: Path) -> None:
    """One path with blanks in it is a path; several words, quotes and patterns are read as a shell reads them."""
    one, two, three = (tmp_path / name for name in ("a b.csv", "c.csv", "d.csv"))
    for path in (one, two, three):
        path.touch()
    assert files("") == []
    assert files(str(one)) == [one]
    assert files(f"{two} '{one}'") == [two, one]
    assert files(f"{tmp_path}/[cd].csv") == [two, three]
    assert files("nowhere.csv") == [Path("nowhere.csv")]
