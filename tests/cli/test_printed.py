"""What the shell prints of a sweep: its table, its counts and its exit code, from reports made by hand."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from shared.app import exit_code
from shared.cli.tables import ACTS, ENDINGS, REASONS, planned, shown
from shared.model import (
    Act,
    Action,
    Coverage,
    Evidence,
    Finding,
    Reason,
    Receipt,
    Remedy,
    Severity,
    Slot,
    Verdict,
    Window,
    Witness,
)
from shared.sweep.receipt import as_json
from shared.sweep.run import Report
from tests.support.receipts import RECEIPT_KEYS

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def _receipt(event: str = "sweep_completed", verdict: Verdict | None = Verdict.FLAGGED, **more: Any) -> Receipt:
    """A receipt that says so."""
    return Receipt("run", "0.1.0", "abc", "guid", NOW, 1.2345, event, verdict, **more)


def _finding(recipient: str, messages: int) -> Finding:
    """A finding of so many hard deletes."""
    return Finding.of(
        recipient,
        tuple(Evidence(f"id-{number}", NOW, "subject", Remedy.HARD_DELETE, NOW, NOW) for number in range(messages)),
    )


def report(*recipients: str) -> Report:
    """Each recipient flagged for the first time, one message more than the one before."""
    findings = {name: _finding(name, place + 11) for place, name in enumerate(recipients)}
    actions = [
        Action(Act.CREATE, Reason.FIRST, name, 0, f"id of {name}", Severity.MEDIUM, finding.counts)
        for name, finding in findings.items()
    ]
    return Report(_receipt(flagged=len(recipients)), tuple(actions), findings)


def printed(of: Report) -> str:
    """What a wide terminal without colours shows of it."""
    console = Console(width=200, color_system=None, force_terminal=True, record=True, file=StringIO())
    console.print(shown(of))
    return console.export_text()


@pytest.mark.parametrize(
    ("event", "verdict", "code"),
    [
        ("sweep_completed", Verdict.CLEAN, 0),
        ("sweep_completed", Verdict.FLAGGED, 0),
        ("sweep_completed", Verdict.UNTRUSTED, 3),
        ("sweep_incomplete", Verdict.CLEAN, 1),
        ("sweep_incomplete", Verdict.FLAGGED, 1),
        ("sweep_incomplete", Verdict.UNTRUSTED, 1),
        ("sweep_failed", Verdict.FAILED, 1),
        ("sweep_skipped", None, 0),
        ("sweep_planned", Verdict.FLAGGED, 0),
        ("sweep_planned", Verdict.UNTRUSTED, 3),
    ],
)
def test_exit_codes(event: str, verdict: Verdict | None, code: int) -> None:
    """The exit code is that of the design's verdict table."""
    assert exit_code(_receipt(event, verdict)) == code


def test_the_receipt_has_the_designs_fields() -> None:
    """The receipt is one flat JSON object with the design's names, times in UTC with a Z, null for what is unknown."""
    window = Window(NOW - timedelta(days=30), NOW)
    slots = (Slot(NOW - timedelta(days=2), 71, 71, 0, 0, 3), Slot(NOW - timedelta(days=1), 10, 9, 3, 1, 2))
    coverage = Coverage(
        100, NOW - timedelta(hours=1), slots, {"Hard delete": 5}, {"Moved": 2, "Zapped": 1}, {"Moved": 2}, 2,
        Witness(40, 39),
    )  # fmt: skip
    found = as_json(
        _receipt(window=window, coverage=coverage, history_days=1, requests={"sentinel": 3}, notes=("a note",))
    )
    assert list(found) == RECEIPT_KEYS
    assert (found["started"], found["seconds"], found["verdict"]) == ("2026-11-24T06:00:00Z", 1.234, "flagged")
    assert found["window"] == {"start": "2026-10-25T06:00:00Z", "end": "2026-11-24T06:00:00Z"}
    assert found["coverage"] == {
        "rows": 100,
        "newest": "2026-11-24T05:00:00Z",
        "filled": 0.9877,
        "unknown_actions": {"Moved": 2, "Zapped": 1},
        "last_day": {"rows": 10, "filled": 0.9, "unknown": 0.3333, "unattributable": 0.1, "removals": 2},
        "removals_seen": 40,
        "removals_shown": 39,
        "history_days": 1,
        "suspicious": {"Moved": 2},
        "messages": 81,
        "without_recipient": 2,
        "actions": {"Hard delete": 5},
        "last_rows": None,
    }
    assert json.loads(json.dumps(found)) == found
    bare = as_json(_receipt("sweep_skipped", None))
    assert list(bare) == RECEIPT_KEYS
    assert (bare["verdict"], bare["window"], bare["coverage"]) == (None, None, None)


def test_everything_has_words() -> None:
    """Each action, reason and event has its words in the table."""
    assert set(ACTS) == set(Act)
    assert set(REASONS) == set(Reason)
    assert set(ENDINGS) == {f"sweep_{end}" for end in ("completed", "incomplete", "failed", "skipped", "planned")}


def test_the_worst_come_first() -> None:
    """The table and the planned actions name the highest Sum_case first, whole addresses and the reason in words."""
    of = report("a@contoso.com", "b@contoso.com")
    text = printed(of)
    assert 0 < text.index("b@contoso.com") < text.index("a@contoso.com")
    assert "first time over the threshold" in text
    assert [(each["recipient"], each["sum_case"]) for each in planned(of)] == [
        ("b@contoso.com", 12),
        ("a@contoso.com", 11),
    ]


def test_a_hostile_address_cannot_move_the_cursor() -> None:
    """Control, escape and bidi characters of an address reach no terminal, and its markup stays text."""
    text = printed(report("\x1b[2J\x1b]0;owned\x07[red]x\u202e\r\n@contoso.com"))
    assert not set(text) & set("\x1b\x07\r\u202e")
    assert "[red]" in text or "red" in text


@pytest.mark.parametrize(
    ("event", "verdict", "due", "counts"),
    [
        ("sweep_failed", Verdict.FAILED, 0, "findings were not counted"),
        ("sweep_failed", Verdict.FAILED, 2, "findings were not counted; 2 due"),
        ("sweep_skipped", None, 0, "findings were not counted"),
        ("sweep_completed", Verdict.CLEAN, 0, "none flagged"),
        ("sweep_completed", Verdict.UNTRUSTED, 0, "none flagged"),
    ],
)
def test_a_sweep_that_did_not_look_counts_nothing(event: str, verdict: Verdict | None, due: int, counts: str) -> None:
    """Where nothing was looked at, the counts are no zero; that it failed is said once; no retries of no request."""
    text = printed(Report(_receipt(event, verdict, due=due, retries=4)))
    assert [line.split(maxsplit=1)[1].strip() for line in text.splitlines() if line.startswith("counts")] == [counts]
    assert text.count("failed") == (verdict is Verdict.FAILED)
    assert "retries" not in text
    assert "100 sentinel; 4 retries" in printed(Report(_receipt(requests={"sentinel": 100}, retries=4)))


def test_a_sweep_that_was_stopped_on_its_way_says_what_it_did() -> None:
    """One that lost its ledger after an incident and a card: not that nothing was used."""
    text = printed(Report(_receipt("sweep_failed", Verdict.FAILED, created=1, told=1)))
    assert "it did not come to its end: what it had done by then is counted below" in text
    assert "findings were not counted; 1 created; 1 told" in text
    assert "nothing it found was used" not in text
    assert "nothing it found was used" in printed(Report(_receipt("sweep_failed", Verdict.FAILED, due=2)))
