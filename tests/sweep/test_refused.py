"""One effect that is refused stops no other, and not itself for ever."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.incidents import drafts, text
from tests.cloud.faults import Fault
from tests.support.days import Days, incident_name

WHO = "olga@contoso.com"


def test_a_refused_comment_does_not_hold_up_the_next_episode(days: Days) -> None:
    """Sentinel never takes one comment; the incident is closed, and new messages make the next episode all the same."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 2)
    days.break_writes(match="/comments/")
    found = days.sweep()
    assert (found["due"], found["told"]) == (1, 1)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by(days=31)
    days.mail(WHO, 20)
    found = days.sweep()
    assert (found["created"], found["event"]) == (1, "sweep_completed"), days.causes
    assert days.incident(WHO, 1) is not None
    assert "22 new messages" in days.cards[-1], "the two that no comment told are among the new ones"


def test_a_refused_comment_does_not_hold_up_an_escalation_or_other_comments(days: Days) -> None:
    """One comment is refused for what it holds; later ones go on their own, and the severity is raised."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 2)
    days.break_writes(match="/comments/", times=2)  # in full, and in its minimal form
    assert days.sweep()["due"] == 1
    refused = {each.path for each in days.tenant.cloud.log if "/comments/" in each.path and each.method == "PUT"}
    assert len(refused) == 1, "both forms have one id"
    days.pass_by()
    days.mail(WHO, 3)
    days.break_writes(match=refused.pop().partition("?")[0])
    found = days.sweep()
    assert (found["commented"], found["due"]) == (1, 1)
    days.pass_by()
    days.mail(WHO, 60)
    found = days.sweep()
    assert (found["escalated"], found["commented"], found["due"]) == (1, 1, 1)
    days.well()
    days.pass_by()
    found = days.sweep()
    assert (found["commented"], found["event"]) == (1, "sweep_completed")
    assert len(days.comments(WHO)) == 3
    days.pass_by()
    days.sweep()
    assert len(days.comments(WHO)) == 3


def test_comments_refused_for_days_stop_nothing(days: Days) -> None:
    """New messages come each day and every comment is refused: each sweep ends as it should, and all is made later."""
    days.mail(WHO, 12)
    days.sweep()
    days.break_writes(match="/comments/")
    for day in range(4):
        days.pass_by()
        days.mail(WHO, 5)
        found = days.sweep()
        assert found["event"] == "sweep_incomplete", (day, days.causes)
    days.mail("new@contoso.com", 11)
    assert days.sweep()["created"] == 1
    days.well()
    days.pass_by()
    assert days.sweep()["event"] == "sweep_completed", days.causes
    days.pass_by()
    assert days.sweep()["verdict"] == "flagged"
    assert 1 <= len(days.comments(WHO)) <= 2


def test_a_refused_escalation_does_not_hold_up_the_comment(days: Days) -> None:
    """Sentinel never takes the severity: the messages are commented and told; it is named with its cause, and kept."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 60)
    days.break_writes(containing="raised-to:High")
    found = days.sweep()
    assert (found["commented"], found.get("escalated"), found["due"]) == (1, None, 1)
    assert "Invalid property" in days.cards[-1]
    assert "advanced-hunting" not in days.cards[-1]
    days.pass_by()
    days.mail(WHO, 3)
    found = days.sweep()
    assert (found["commented"], found["due"]) == (1, 1)
    cards = len(days.cards)
    days.pass_by()
    days.sweep()
    assert len(days.cards) == cards, "named on the first day and then weekly"
    days.well()
    days.pass_by()
    assert days.sweep()["escalated"] == 1
    incident = days.incident(WHO)
    assert incident is not None
    assert incident["severity"] == "High"


def test_the_next_version_heals_what_one_rendered_wrongly(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body is rendered anew by every sweep: one that a faulty version rendered is not sent again word for word."""

    def faulty(*args: object, **how: object) -> str:
        body: str = text.incident_body(*args, **how)  # type: ignore[arg-type]
        return body.replace('"status":"New"', '"status":"new!"')

    with monkeypatch.context() as patch:
        patch.setattr(drafts, "incident_body", faulty)
        days.mail(WHO, 60)
        assert days.sweep()["due"] == 1
    days.pass_by(days=31)
    found = days.sweep()
    assert (found["created"], found["told"], found["event"]) == (1, 1, "sweep_completed")


def test_what_the_mail_says_is_left_out_when_it_is_refused(days: Days) -> None:
    """What Sentinel refuses for a text of the mail is made, and commented, in a minimal form under the same ids."""
    days.mail(WHO, 12, subject="EICAR today")
    days.break_writes(containing="EICAR")
    found = days.sweep()
    assert (found["created"], found["event"]) == (1, "sweep_completed")
    days.pass_by()
    days.mail(WHO, 3, subject="EICAR again")
    found = days.sweep()
    assert (found["commented"], found["event"]) == (1, "sweep_completed")
    days.well()
    days.pass_by()
    days.sweep()
    assert (list(days.tenant.cloud.incidents), len(days.comments(WHO))) == ([incident_name(WHO)], 1)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_is_named_weekly_and_tried_daily(days: Days, status: int) -> None:
    """Named with its cause on the first day and a week later, tried once a sweep in two forms, due all the time."""
    days.mail(WHO, 12)
    days.break_writes(containing="olga", status=status)
    tried = 0
    for day in range(9):
        assert days.sweep()["due"] == 1, day
        puts = sum(each.service == "sentinel" and each.method == "PUT" for each in days.tenant.cloud.log)
        assert puts - tried == 2
        assert days.told(WHO) == (1 if day < 7 else 2), day
        tried = puts
        days.pass_by()
    days.well()
    found = days.sweep()
    assert (found["created"], found["told"], found["event"]) == (1, 1, "sweep_completed")


def test_a_severity_that_was_surely_refused_waits_for_nobody(days: Days) -> None:
    """Whoever is excluded owes nothing; a severity that may have been set would have to be looked up first."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 60)
    days.break_writes(containing="raised-to:High")
    assert days.sweep()["due"] == 1
    days.pass_by()
    days.tenant.cloud.faults.add(
        Fault(service="sentinel", method="GET", match=incident_name(WHO), times=None, status=503)
    )
    until = (days.tenant.clock.now().date() + timedelta(days=30)).isoformat()
    found = days.sweep(EXCLUDED_RECIPIENTS=json.dumps([{"pattern": WHO, "until": until, "reason": "a lab"}]))
    assert (found["event"], found.get("due"), found["excluded"]) == ("sweep_completed", None, 1)


def test_a_severity_that_is_not_answered_for_is_tried_once_a_sweep(days: Days) -> None:
    """One request with its retries, no more; its comment is not tried on the same road, and both stay due."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 60)
    days.break_writes(containing="raised-to:High", status=503)
    days.tenant.cloud.log.clear()
    found = days.sweep()
    assert (found["event"], found.get("commented")) == ("sweep_incomplete", None)
    written = [each for each in days.tenant.cloud.log if each.service == "sentinel" and each.method == "PUT"]
    assert len(written) <= 5
