"""The receipt as it is written down: rounded figures, and nobody's address."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.ledger import SqliteLedger
from shared.model import Window
from shared.sweep.receipt import as_json
from shared.sweep.tally import Tally
from tests.cloud import WORKSPACE_RESOURCE_ID
from tests.support.coverage import ordinary
from tests.support.days import Days
from tests.support.rounds import receipt_of

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
PERSON = "victim.smith@contoso.com"


@pytest.mark.parametrize("where", ["actions", "unknown_actions", "suspicious"])
def test_a_word_of_the_data_may_be_an_address(where: str) -> None:
    """Whatever stands where an action should: its count is kept, and the address is not."""
    counts = {PERSON: 2, f"Moved to {PERSON}": 1, "other@contoso.com": 3, "Hard delete": 5}
    coverage = replace(ordinary(NOW), **{where: counts})  # type: ignore[arg-type]
    found = as_json(receipt_of(coverage=coverage))["coverage"][where]
    assert "@contoso" not in str(found)
    assert sorted(found.values()) == [1, 5, 5]


def test_figures_are_rounded() -> None:
    """Seconds to the millisecond, the difference of the clocks to a tenth, shares to four digits."""
    coverage = ordinary(NOW, messages=81, filled=80)
    found = as_json(receipt_of(seconds=1.23456, clock_skew_seconds=-7.26, coverage=coverage))
    assert (found["seconds"], found["clock_skew_seconds"]) == (1.235, -7.3)
    assert (found["coverage"]["filled"], found["coverage"]["last_day"]["filled"]) == (0.9877, 0.9877)
    assert as_json(receipt_of())["clock_skew_seconds"] is None


def test_a_sweep_keeps_its_receipt(days: Days) -> None:
    """In the ledger, as it was written to the log; a dry run keeps none."""
    days.mail("vip@contoso.com", 12)
    days.sweep(DRY_RUN="true")
    days.sweep(LOOKBACK_DAYS="20")
    assert days.last is not None
    receipt = days.last.receipt
    ledger = SqliteLedger(days.tenant.ledger, WORKSPACE_RESOURCE_ID)
    kept: dict[str, Any] = dict(*ledger.receipts(receipt.started.date()))
    ledger.close()
    assert kept.pop("measure")
    assert kept == as_json(receipt)
    assert receipt.window == Window(receipt.started - timedelta(days=20), receipt.started)


def test_what_is_about_findings_adds_up() -> None:
    """Each effect and each telling is one, but for a deletion that was mentioned: that is about no finding."""
    assert Tally().about_findings == 0
    assert (
        Tally(created=1, commented=20, escalated=300, told=5_000, mentioned=1_000, reminded=9).about_findings == 4_321
    )
