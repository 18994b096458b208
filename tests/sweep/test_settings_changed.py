"""Settings that change between two sweeps: what is owed is decided again, by today's settings."""

from __future__ import annotations

import json

import pytest

from tests.cloud.faults import Fault, Wire
from tests.support.days import Days, incident_name

WHO = "a@contoso.com"
EXCLUDED = json.dumps([{"pattern": WHO, "until": "2027-12-31", "reason": "test mailbox"}])


@pytest.mark.parametrize("status", [403, 503, 400])
def test_what_is_due_is_left_alone_once_excluded(days: Days, status: int) -> None:
    """A creation stayed due, whatever the cause, and its recipient is excluded: it rests; it is made after that."""
    days.mail(WHO, 40)
    days.break_writes(status=status)
    assert days.sweep()["due"] == 1
    days.well()
    days.pass_by()
    found = days.sweep(EXCLUDED_RECIPIENTS=EXCLUDED)
    assert (found.get("created"), found.get("due"), found["verdict"]) == (None, None, "clean")
    days.pass_by(days=31)
    found = days.sweep()
    assert (found["created"], found["verdict"]) == (1, "flagged")


def test_a_comment_and_a_severity_rest_while_excluded(days: Days) -> None:
    """What is owed to an open incident rests as well: nothing is written to it while its recipient is excluded."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 60)
    days.break_writes(status=503)
    assert days.sweep()["due"] == 2
    days.well()
    days.pass_by()
    found = days.sweep(EXCLUDED_RECIPIENTS=EXCLUDED)
    assert (found["verdict"], found["excluded"], len(days.comments(WHO))) == ("clean", 1, 0)
    days.pass_by()
    found = days.sweep()
    assert (found["escalated"], found["commented"]) == (1, 1)


@pytest.mark.parametrize("made", [True, False])
def test_a_doubt_is_settled_although_its_recipient_is_excluded(days: Days, made: bool) -> None:
    """The answer to a creation is lost and its recipient excluded: it is looked up all the same; found, it is told."""
    days.mail(WHO, 40)
    faults = days.tenant.cloud.faults
    faults.add(Fault(service="sentinel", method="PUT", effect=made, wire=Wire.DROP))
    faults.add(Fault(service="sentinel", match=incident_name(WHO), after=1, times=None, status=500))
    assert days.sweep()["due"] == 1
    days.well()
    days.pass_by()
    found = days.sweep(EXCLUDED_RECIPIENTS=EXCLUDED)
    assert (found.get("due"), found.get("created"), found.get("told")) == (None, None, 1 if made else None)
    assert len(days.tenant.cloud.incidents) == int(made)
    days.pass_by()
    found = days.sweep(EXCLUDED_RECIPIENTS=EXCLUDED)
    assert found["verdict"] == "clean"
    days.pass_by()
    assert days.sweep().get("created") == (None if made else 1)


@pytest.mark.parametrize("status", [503, 400])
def test_what_is_owed_rests_under_a_raised_threshold(days: Days, status: int) -> None:
    """Due, then the threshold is raised over it: it rests, is not due, and is made once the threshold is as it was."""
    days.mail(WHO, 15)
    days.break_writes(status=status)
    assert days.sweep()["due"] == 1
    days.well()
    days.pass_by()
    found = days.sweep(SUM_CASE_THRESHOLD="20")
    assert (found.get("created"), found.get("due"), found["verdict"]) == (None, None, "clean")
    days.pass_by()
    assert days.sweep()["created"] == 1


def test_a_lowered_high_threshold_escalates_once(days: Days) -> None:
    """What is High is decided by today's setting; raised again, the setting lowers nothing."""
    days.mail(WHO, 15)
    days.sweep()
    days.pass_by()
    assert days.sweep(HIGH_SEVERITY_THRESHOLD="12")["escalated"] == 1
    days.pass_by()
    found = days.sweep()
    assert (found.get("escalated"), found["standing"]) == (None, 1)
    incident = days.incident(WHO)
    assert incident is not None
    assert incident["severity"] == "High"


def test_a_longer_lookback_after_an_outage_swallows_nothing(days: Days) -> None:
    """No sweep for weeks, then a longer look-back: what no sweep had a chance to see is new."""
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.clock.advance(hours=2)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by()
    assert days.sweep()["settled"] == 1
    days.pass_by(days=5)
    days.mail(WHO, 60, days=0.5)
    days.pass_by(days=35)
    found = days.sweep(LOOKBACK_DAYS="90")
    assert (found["created"], found["told"]) == (1, 1)


def _says_longer(days: Days) -> bool:
    """Whether the last receipt says that the look-back was lengthened."""
    assert days.last is not None
    return any("the look-back was lengthened from 5 to 30 days" in note for note in days.last.receipt.notes)


def test_a_lookback_shortened_and_lengthened_again_raises_nothing_old(days: Days) -> None:
    """Thirty days, then five, then thirty again: what was out of view was reported, or came when nobody looked there.

    Late rows, of mail from before the short look-back, are taken as reported when it is lengthened.
    """
    days.mail(WHO, 12)
    days.mail("b@contoso.com", 12)
    days.sweep()
    days.tenant.clock.advance(hours=2)
    for recipient in (WHO, "b@contoso.com"):
        days.tenant.cloud.analyst.close(incident_name(recipient))
    days.pass_by(days=10)
    for _ in range(2):
        assert days.sweep(LOOKBACK_DAYS="5")["verdict"] == "clean"
        days.pass_by()
    days.mail(WHO, 12, days=9, after=7)
    days.mail("b@contoso.com", 11)
    found = days.sweep()
    assert (found["created"], found["settled"]) == (1, 1)
    assert days.incident("b@contoso.com", 1) is not None
    assert _says_longer(days)
    days.pass_by()
    assert days.sweep().get("created") is None
    assert not _says_longer(days)


def test_a_lookback_lengthened_before_somebody_is_found_raises_nothing_old(days: Days) -> None:
    """Three days, then eleven; only on the day after is somebody over the threshold, with a few new messages."""
    days.tenant.settings["LOOKBACK_DAYS"] = "3"
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.clock.advance(hours=1)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    for many in (1, 3, 3):
        days.pass_by(days=4)
        days.mail(WHO, many)
        assert days.sweep()["verdict"] == "clean"
    days.pass_by()
    days.tenant.settings["LOOKBACK_DAYS"] = "11"
    assert days.sweep().get("flagged") is None
    days.pass_by()
    days.mail(WHO, 5)
    found = days.sweep()
    assert (found["flagged"], found.get("settled"), found.get("created")) == (1, 1, None)
    days.pass_by()
    days.mail(WHO, 6)
    assert days.sweep()["created"] == 1, "eleven that are new"


def test_a_list_cut_short_reopens_what_is_certain(days: Days) -> None:
    """More new messages are needed than a list holds (5,000): a full list of new ones is more than enough."""
    days.tenant.settings |= {"SUM_CASE_THRESHOLD": "2500", "BENIGN_REOPEN_FACTOR": "2"}
    days.mail(WHO, 2600)
    days.sweep()
    days.tenant.clock.advance(hours=2)
    days.tenant.cloud.analyst.close(incident_name(WHO), "BenignPositive")
    days.pass_by(days=1)
    days.mail(WHO, 2600, days=0.5)
    assert days.sweep()["settled"] == 1, "5,200 in all, of which no more than 2,600 are new"
    days.pass_by(days=30)
    days.mail(WHO, 5400, days=0.5)
    assert days.sweep()["created"] == 1
    assert days.incident(WHO, 1) is not None
