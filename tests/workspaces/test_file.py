"""workspaces.json as a whole: what makes it unusable is said, all at once, and is never taken for an empty list."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.settings import SettingsInvalid
from shared.workspaces.file import has_entries, referenced
from shared.workspaces.reading import read_workspaces
from tests.support.workspaces import APP, guid, resource, written_entry, written_file

ROOT = Path(__file__).resolve().parents[2]


def mistakes_of_file(folder: Path) -> tuple[str, ...]:
    """What is said of the file as a whole; nothing when it is fine."""
    try:
        read_workspaces(APP, folder)
    except SettingsInvalid as invalid:
        return invalid.mistakes
    return ()


def test_it_ships_empty() -> None:
    """The repository's own file lists nothing, and names the schema."""
    assert json.loads((ROOT / "workspaces.json").read_text(encoding="utf-8")) == {
        "$schema": "./docs/workspaces.schema.json",
        "workspaces": [],
    }
    assert not read_workspaces(APP)
    assert not has_entries()
    assert (ROOT / "docs/workspaces.schema.json").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON (line 1, column 1)"),
        (b'{"workspaces": [}', "is not JSON (line 1, column 17)"),
        (b'{"workspaces": []} // none', "is not JSON (line 1, column 20)"),
        (b'{"workspaces": [{"name": NaN}]}', "is not JSON that can be read (a number in it is none)"),
        (b'{"workspaces": [' + b"1" * 5000 + b"]}", "is not JSON that can be read (a number in it is none)"),
        (b'{"workspaces": ' + b"[" * 100_000, "is not JSON that can be read (it is nested too deeply)"),
        ('{"workspaces": []}'.encode("utf-16"), "is not UTF-8: save it as UTF-8"),
        (b'{"workspaces": ["\xe4"]}', "is not UTF-8: save it as UTF-8"),
        (b"[]", "holds no JSON object"),
        (b"null", "holds no JSON object"),
        (b"{}", 'has no list "workspaces"'),
        (b'{"workspaces": null}', 'has no list "workspaces"'),
        (b'{"workspaces": {"name": "contoso"}}', 'has no list "workspaces"'),
        (b'{"Workspaces": []}', 'has no list "workspaces"'),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, said: str
) -> None:
    """A file that is not as expected is said to be so; at the function's start it is an error in the log."""
    (tmp_path / "workspaces.json").write_bytes(content)
    (mistake,) = mistakes_of_file(tmp_path)
    assert mistake.startswith(f"workspaces.json {said}")
    assert not has_entries(tmp_path)
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "sweep")
    assert json.loads(record.getMessage().removeprefix("settings_invalid ")) == {"mistakes": [mistake]}
    assert referenced(tmp_path) == frozenset()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file, and a folder in its place, are no empty list either."""
    assert mistakes_of_file(tmp_path)[0].startswith("workspaces.json is missing beside host.json; expected")
    (tmp_path / "workspaces.json").mkdir()
    assert mistakes_of_file(tmp_path) == ("workspaces.json cannot be read (Is a directory)",)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Windows editors begin a file with it."""
    text = json.dumps({"workspaces": [written_entry()]})
    (tmp_path / "workspaces.json").write_text(text, encoding="utf-8-sig")
    assert has_entries(tmp_path)
    assert [each.name for each in read_workspaces(APP, tmp_path).entries] == ["contoso"]


_NAMED = "expected 1 to 40 of a-z, 0-9 and -"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["contoso"], ["entry 1 is no JSON object"]),
        ([None, written_entry()], ["entry 1 is no JSON object"]),
        ([[written_entry()]], ["entry 1 is no JSON object"]),
        ([written_entry(name=None)], [f"entry 1: name is missing; {_NAMED}"]),
        ([written_entry(name="")], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name=7)], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name="Contoso")], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name="contoso ")], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name="contoso\n")], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name="c\u043entoso")], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name="contoso-\u0661")], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name="x" * 41)], [f"entry 1: name: {_NAMED}"]),
        ([written_entry(name="own")], ["entry 1: name must not be own"]),
        ([written_entry("a", 1), written_entry("a", 2)], ["2 entries have the name a; each needs its own"]),
        (
            [written_entry("a", 1), written_entry("b", 2, SENTINEL_WORKSPACE_ID=guid(1).upper())],
            ["entry 1 (a) and entry 2 (b) have the same SENTINEL_WORKSPACE_ID"],
        ),
        (
            [written_entry("a", 1), written_entry("b", 2, SENTINEL_WORKSPACE_ID="{" + guid(1).replace("-", "") + "}")],
            ["entry 1 (a) and entry 2 (b) have the same SENTINEL_WORKSPACE_ID"],
        ),
        (
            [written_entry("a", 1), written_entry("b", 2, SENTINEL_WORKSPACE_RESOURCE_ID=f" {resource(1).upper()} ")],
            ["entry 1 (a) and entry 2 (b) have the same SENTINEL_WORKSPACE_RESOURCE_ID"],
        ),
        (
            [written_entry("a", 1), written_entry("a", 1), 5, written_entry("A", 3)],
            [
                "2 entries have the name a",
                "entry 1 (a) and entry 2 (a) have the same SENTINEL_WORKSPACE_ID",
                "entry 1 (a) and entry 2 (a) have the same SENTINEL_WORKSPACE_RESOURCE_ID",
                "entry 3 is no JSON object",
                "entry 4: name",
            ],
        ),
    ],
)
def test_what_no_entry_can_tell_alone(tmp_path: Path, entries: list[Any], said: list[str]) -> None:
    """Without a name of its own, or when two name one thing, the whole file is refused: nobody is left out silently."""
    found = sorted(mistakes_of_file(written_file(tmp_path, *entries)))
    assert len(found) == len(said)
    assert all(mistake.startswith(f"workspaces.json: {start}") for mistake, start in zip(found, said, strict=True))
    assert has_entries(tmp_path)


def test_names_at_their_bounds(tmp_path: Path) -> None:
    """One letter, forty, and digits and hyphens alone are names."""
    names = ["a", "x" * 40, "1", "-", "a-1"]
    entries = [written_entry(name, number) for number, name in enumerate(names)]
    assert [each.name for each in read_workspaces(APP, written_file(tmp_path, *entries)).entries] == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"workspaces": [], "workspaces": []}', "workspaces is there twice"),
        ('{"workspaces": [], "workspace": [1]}', 'workspace is not expected beside "workspaces"'),
        ('{"workspaces": [], "sig=S3cret": 1}', 'a key that is no name is not expected beside "workspaces"'),
        ('{"workspaces": [{"name": "a", "name": "b"}]}', "entry 1 (b): name is there twice"),
        ('{"workspaces": [{"name": "a", "DRY_RUN": true, "DRY_RUN": false}]}', "entry 1 (a): DRY_RUN is there twice"),
        ('{"workspaces": [{"name": "a", "S3cret": 1, "S3cret": 2}]}', "entry 1 (a): a key that is no name is there"),
        (
            '{"workspaces": [{"name": "a", "EXCLUDED_RECIPIENTS": [{"until": "1", "until": "2"}]}]}',
            "entry 1 (a): until is there twice",
        ),
    ],
)
def test_keys_that_are_too_many(tmp_path: Path, text: str, said: str) -> None:
    """A key that is there twice, of which JSON's readers take either, and a key that nobody reads are refused."""
    (tmp_path / "workspaces.json").write_text(text)
    (mistake,) = mistakes_of_file(tmp_path)
    assert mistake.startswith(f"workspaces.json: {said}")
    assert "S3cret" not in mistake


def test_the_start_needs_the_standard_library_alone() -> None:
    """What the function imports at its start to read the file is the standard library."""
    code = "import sys; from shared.workspaces.file import has_entries; has_entries(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = [name for name in ran.stdout.split() if name.startswith("shared.")]
    assert ours == ["shared.workspaces", "shared.workspaces.file"]


def test_the_settings_that_entries_refer_to(tmp_path: Path) -> None:
    """They are the webhooks' references, and nothing else between percent signs."""
    entries = [
        written_entry("a", 1),
        written_entry("b", 2, TEAMS_WEBHOOK_URL="%TEAMS_WEBHOOK_URL%"),
        written_entry("c", 3, TEAMS_WEBHOOK_URL="https://x/%A%", RUNBOOK_URL="%RUNBOOK%"),
        written_entry("d", 4, TEAMS_WEBHOOK_URL=None),
    ]
    assert referenced(written_file(tmp_path, *entries)) == {"CONTOSO_WEBHOOK_URL", "TEAMS_WEBHOOK_URL"}
