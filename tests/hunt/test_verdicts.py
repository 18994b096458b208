"""A zero means zero: every cause of distrust, made on the wire, through whole sweeps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.model import Verdict
from tests.cloud import Fault
from tests.cloud.mail import SOFT, Mail, sample
from tests.support.cards import strings
from tests.support.clock import START
from tests.support.tenant import Tenant

DAY = timedelta(days=1)


@pytest.fixture
def swept(tenant: Tenant) -> Tenant:
    """A tenant without a single remediated mail, a thousand delivered ones a day until its clock's now."""
    return tenant


def _mail(now: Any, per_day: int = 30, action: str = "Delivered", days: int = 30) -> list[dict[str, Any]]:
    """So many messages a day up to now, all with this action."""
    made = Mail(now)
    for day in range(days):
        for place in range(per_day):
            made.add("a@contoso.com", action, now - timedelta(days=day, hours=1 + 20 * place / per_day))
    return made.events


def _quiet(swept: Tenant) -> list[dict[str, Any]]:
    """Mail that is wholly in order, as of now."""
    return _mail(swept.clock.now())


def _empty(swept: Tenant) -> None:
    """No row at all."""
    swept.cloud.load("EmailEvents", [])


def long_empty(swept: Tenant) -> None:
    """The last row is older than the window."""
    swept.cloud.load("EmailEvents", _mail(swept.clock.now() - 41 * DAY, days=1))


def no_body(swept: Tenant) -> None:
    """The service answers without a body, as it does for a workspace without data."""
    swept.cloud.faults.add(Fault(service="log_analytics", status=204, body=b"", times=None))


def stale(swept: Tenant) -> None:
    """The newest row is 32 hours old."""
    swept.cloud.load("EmailEvents", _mail(swept.clock.now() - timedelta(hours=31)))


def unfilled(swept: Tenant) -> None:
    """No row says what became of the mail."""
    swept.cloud.load("EmailEvents", _mail(swept.clock.now(), action=""))


def fallen(swept: Tenant) -> None:
    """The last day brings 27 messages instead of 90."""
    now = swept.clock.now()
    swept.cloud.load("EmailEvents", [*_mail(now - DAY, per_day=90, days=29), *_mail(now, per_day=27, days=1)])


def fill_fallen(swept: Tenant) -> None:
    """In the last three days no more than a tenth of the rows say what became of the mail."""
    now = swept.clock.now()
    rows = [*_mail(now, per_day=9, days=3), *_mail(now, per_day=81, action="", days=3)]
    swept.cloud.load("EmailEvents", [*_mail(now - 3 * DAY, per_day=90, days=27), *rows])


def no_action(swept: Tenant) -> None:
    """Each row has a word, and the word says that there was no action."""
    now = swept.clock.now()
    rows = [row for word in ("None", "unknown", " NONE ") for row in _mail(now, per_day=10, action=word)]
    swept.cloud.load("EmailEvents", rows)


def other_words(swept: Tenant) -> None:
    """All words are unknown, and none of them looks like a removal."""
    swept.cloud.load("EmailEvents", _mail(swept.clock.now(), action="Zapped"))


def renamed(swept: Tenant) -> None:
    """A removal is written otherwise, in few rows only."""
    now = swept.clock.now()
    swept.cloud.load("EmailEvents", [*_quiet(swept), *_mail(now, per_day=5, action="HardDelete", days=1)])


def no_recipients(swept: Tenant) -> None:
    """All recipients are empty, or blank."""
    rows = [row | {"RecipientEmailAddress": ("", "  ")[place % 2]} for place, row in enumerate(_quiet(swept))]
    swept.cloud.load("EmailEvents", rows)


def no_ids(swept: Tenant) -> None:
    """No row has a message id."""
    swept.cloud.load("EmailEvents", [row | {"NetworkMessageId": ""} for row in _quiet(swept)])


def removals_fallen(swept: Tenant) -> None:
    """A tenth of the mail used to be removed; for a week now, everything reads as delivered."""
    now = swept.clock.now()
    made = Mail(now)
    for day in range(7, 30):
        for place in range(10):
            made.add(f"u{place}@contoso.com", SOFT, now - timedelta(days=day, hours=2 + place))
    swept.cloud.load("EmailEvents", [*_mail(now, per_day=90), *made.events])


def contradicted(swept: Tenant) -> None:
    """EmailPostDeliveryEvents has seen removals that EmailEvents never shows."""
    rows = _quiet(swept)
    made = Mail(swept.clock.now())
    for row in rows[-20:]:
        made.acted(row | {"LatestDeliveryAction": SOFT}, "Phish ZAP")
    swept.cloud.load("EmailEvents", rows)
    swept.cloud.load("EmailPostDeliveryEvents", made.post_delivery)


CAUSES = [
    (_empty, "coverage_empty", "EmailEvents holds no row of the last 30 days, nor of the last 90"),
    (long_empty, "coverage_empty", "; its last row is of 2026-10-14 05:00 UTC, 41 days ago"),
    (no_body, "coverage_empty", "EmailEvents holds no row"),
    (stale, "coverage_stale", "32 hours ago (MAX_DATA_AGE_HOURS is 24)"),
    (unfilled, "coverage_unfilled", "say what became of the mail (LatestDeliveryAction)"),
    (no_action, "coverage_unfilled", "say what became of the mail (LatestDeliveryAction)"),
    (fallen, "coverage_fallen", "brought 27 messages, under a third of the 90 that are usual on a "),
    (fill_fallen, "coverage_fill_fallen", "say what became of the mail (LatestDeliveryAction); 100.0% are usual"),
    (other_words, "coverage_unknown_actions", "have only actions that the sweep does not know"),
    (renamed, "coverage_unknown_actions", "HardDelete (5)"),
    (no_recipients, "coverage_unattributable", "have no recipient or no message id"),
    (no_ids, "coverage_unattributable", "have no recipient or no message id"),
    (removals_fallen, "coverage_removals_fallen", "were removed"),
    (contradicted, "coverage_contradicted", "EmailPostDeliveryEvents shows 20 removals"),
]


@pytest.mark.parametrize(("make", "cause", "words"), CAUSES, ids=[make.__name__ for make, _, _ in CAUSES])
def test_a_zero_over_bad_ground_is_untrusted(
    make: Callable[[Tenant], None], cause: str, words: str, swept: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """A sweep over such data ends untrusted, says why and what to check, tells it on a card, and nowhere says clean."""
    make(swept)
    cards = len(swept.cloud.cards)
    with caplog.at_level(logging.INFO):
        caplog.clear()
        receipt = swept.sweep().receipt
    assert (receipt.event, receipt.verdict) == ("sweep_completed", Verdict.UNTRUSTED)
    (reason,) = receipt.reasons
    assert reason.startswith(f"{cause}: ")
    assert words in reason
    assert any(word in reason for word in ("Check", "Compare", "List"))
    assert "clean" not in caplog.text
    assert len(swept.cloud.cards) == cards + 1
    shown = [text for _, text in strings(swept.cloud.cards[-1])]
    assert reason.partition(": ")[2] in shown


def test_the_same_mail_on_good_ground_is_clean(swept: Tenant) -> None:
    """The data that the tests above spoil is clean as it is."""
    swept.cloud.load("EmailEvents", _quiet(swept))
    receipt = swept.sweep().receipt
    assert (receipt.event, receipt.verdict, receipt.reasons) == ("sweep_completed", Verdict.CLEAN, ())


def test_findings_of_an_untrusted_sweep_are_raised_all_the_same(swept: Tenant) -> None:
    """Stale data withholds silence, not alarms: what is found is raised and told, marked so."""
    swept.cloud.load("EmailEvents", sample(START - 2 * DAY).events)
    receipt = swept.sweep().receipt
    assert (receipt.event, receipt.verdict) == ("sweep_completed", Verdict.UNTRUSTED)
    assert receipt.created == receipt.flagged == len(swept.cloud.incidents) > 5
    assert "hours ago" in str(swept.cloud.cards)


FAILURES: list[tuple[dict[str, Any], str]] = [
    ({"status": 200, "body": {"error": {"code": "PartialError", "message": "m"}}}, "log_analytics_partial"),
    ({"status": 200, "body": b"<html>"}, "log_analytics_partial"),
    ({"status": 403}, "log_analytics_forbidden"),
    ({"status": 500}, "log_analytics_unavailable"),
]


@pytest.mark.parametrize(("fault", "cause"), FAILURES)
def test_a_hunt_that_is_not_answered_in_full_fails(
    fault: dict[str, Any], cause: str, swept: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """A partial result, a page, a refusal, a fault of the service: failed, no incident, no clean, and told."""
    swept.cloud.load("EmailEvents", sample(START).events)
    swept.cloud.faults.add(Fault(service="log_analytics", containing="Sum_case", times=None, **fault))
    with caplog.at_level(logging.INFO):
        receipt = swept.sweep().receipt
    assert (receipt.event, receipt.verdict) == ("sweep_failed", Verdict.FAILED)
    assert receipt.reasons[0].startswith(f"{cause}: ")
    assert not swept.cloud.incidents
    assert "clean" not in caplog.text
    assert len(swept.cloud.cards) == 1


@pytest.mark.parametrize("spoil", ["missing", "basic"])
def test_a_table_that_cannot_be_hunted_fails(spoil: str, swept: Tenant) -> None:
    """A missing table, or one on a plan that cannot be summarised, is a failure with what to do about it."""
    if spoil == "missing":
        swept.cloud.remove("EmailEvents")
    else:
        swept.cloud.tables.set_basic("EmailEvents")
    receipt = swept.sweep().receipt
    assert (receipt.event, receipt.verdict) == ("sweep_failed", Verdict.FAILED)
    assert ("switch EmailEvents on" if spoil == "missing" else "plan to Analytics") in receipt.reasons[0]
