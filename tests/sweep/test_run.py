"""Whole sweeps against the small Azure: what is raised, told and left alone, day after day."""

from __future__ import annotations

import itertools
import json
import logging
from typing import Any

import pytest

from shared.app import exit_code
from shared.model import Reason, incident_id
from tests.cloud.faults import Fault, Wire
from tests.cloud.mail import SOFT, Mail
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.tenant import Tenant, facts

WHO = "dana@contoso.com"
SEEDS = itertools.count(1)


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A tenant with one ordinary delivered message a day, so that its data is trusted."""
    fresh(tenant)
    return tenant


def fresh(tenant: Tenant, *rows: list[dict[str, Any]]) -> None:
    """New rows arrive: the given ones, and a delivered one, so that the newest row is an hour old."""
    mail = Mail(tenant.clock.now(), seed=next(SEEDS))
    mail.add("quiet@contoso.com", "Delivered", mail.ago(0.04))
    tenant.cloud.append("EmailEvents", [*mail.events, *(row for some in rows for row in some)])


def mails(tenant: Tenant, many: int, recipient: str = WHO, *, days: float = 0.4) -> list[dict[str, Any]]:
    """So many new messages, soft-deleted in the last `days`."""
    mail = Mail(tenant.clock.now(), seed=next(SEEDS))
    return mail.remediated(recipient, many, days, (SOFT,))


def _next_day(tenant: Tenant, *rows: list[dict[str, Any]]) -> None:
    """A day passes; new rows arrive."""
    tenant.clock.advance(days=1)
    fresh(tenant, *rows)


def only(tenant: Tenant, recipient: str = WHO, episode: int = 0) -> dict[str, Any]:
    """The properties of the one incident with this derived id."""
    found: dict[str, Any] = tenant.cloud.incidents[incident_id(WORKSPACE_RESOURCE_ID, recipient, episode)]["properties"]
    return found


def _comments(tenant: Tenant, recipient: str = WHO, episode: int = 0) -> list[str]:
    """What was said in comments on an incident."""
    found = tenant.cloud.comments.get(incident_id(WORKSPACE_RESOURCE_ID, recipient, episode), [])
    return [each["properties"]["message"] for each in found]


def _writes(tenant: Tenant) -> int:
    """How many requests so far asked Sentinel or Teams for an effect."""
    return sum((each.service, each.method) in (("sentinel", "PUT"), ("teams", "POST")) for each in tenant.cloud.log)


def words(card: Any) -> str:
    """All of a card."""
    return json.dumps(card, ensure_ascii=False)


def test_a_quiet_tenant_is_clean_and_silent(tenant: Tenant) -> None:
    """Trusted data without a finding is `clean`; nothing is raised, and after the first heartbeat nothing told."""
    for cards in (1, 0):
        before = _writes(tenant)
        report = tenant.sweep()
        assert facts(report) == {"event": "sweep_completed", "verdict": "clean"}
        assert _writes(tenant) - before == cards == len(tenant.cloud.cards) - before
        assert exit_code(report.receipt) == 0


def test_one_incident_and_one_card(tenant: Tenant) -> None:
    """A recipient over the threshold gets one incident under the derived id, and on-call one card that names it."""
    fresh(tenant, mails(tenant, 11), mails(tenant, 10, "at.threshold@contoso.com"))
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "created": 1, "told": 1}
    incident = only(tenant)
    assert incident["title"] == f"Unusual volume of remediated email: {WHO}"
    assert (incident["severity"], incident["status"]) == ("Medium", "New")
    assert [label["labelName"] for label in incident["labels"]] == [
        "email-remediation-sweep",
        "InitialAccess",
        "T1566",
        "episode:0",
    ]
    (card,) = tenant.cloud.cards
    assert WHO in words(card)
    assert report.receipt.card_id in words(card)


def test_the_second_sweep_of_the_same_data_writes_nothing(tenant: Tenant) -> None:
    """Nothing is raised twice, nothing told twice: the second sweep sends no write request at all."""
    fresh(tenant, mails(tenant, 11), mails(tenant, 60, "high@contoso.com"))
    tenant.sweep()
    before = _writes(tenant)
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "flagged", "flagged": 2, "standing": 2}
    assert _writes(tenant) == before == 3


def test_new_messages_are_commented_once_and_told_when_they_are_many(tenant: Tenant) -> None:
    """A comment tells just the new messages; on-call hears of them when the untold ones exceed the threshold."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    _next_day(tenant, mails(tenant, 6))
    assert facts(tenant.sweep())["commented"] == 1
    assert len(tenant.cloud.cards) == 1
    assert _comments(tenant)[0].startswith("6 new messages")
    _next_day(tenant, mails(tenant, 5))
    assert facts(tenant.sweep())["told"] == 1
    assert len(tenant.cloud.cards) == 2
    assert _comments(tenant)[1].startswith("5 new messages")


def test_a_finding_that_reaches_high_is_raised_and_told(tenant: Tenant) -> None:
    """When Sum_case exceeds the high threshold, a severity that we set becomes High, with a comment and a card."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    _next_day(tenant, mails(tenant, 40))
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 1,
        "commented": 1, "escalated": 1, "standing": 1, "told": 1,
    }  # fmt: skip
    assert only(tenant)["severity"] == "High"
    assert len(tenant.cloud.cards) == 2


def test_an_analysts_severity_stands(tenant: Tenant) -> None:
    """A severity that an analyst set is never changed, up or down; owner, status and edits stay."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    name = incident_id(WORKSPACE_RESOURCE_ID, WHO, 0)
    tenant.cloud.analyst.set_severity(name, "Low")
    tenant.cloud.analyst.assign(name, "Ana Lyst")
    tenant.cloud.analyst.edit(name, title="Mine", description="Looked at it")
    _next_day(tenant, mails(tenant, 60))
    assert facts(tenant.sweep()).get("escalated") is None
    assert {key: only(tenant)[key] for key in ("severity", "title", "description", "status")} == {
        "severity": "Low", "title": "Mine", "description": "Looked at it", "status": "Active",
    }  # fmt: skip
    assert len(_comments(tenant)) == 1


@pytest.mark.parametrize(
    ("classification", "enough", "reason"),
    [("TruePositive", 11, Reason.REOPENED), ("FalsePositive", 21, Reason.REOPENED_BENIGN)],
)
def test_closed_stays_closed_until_enough_is_new(
    tenant: Tenant, classification: str, enough: int, reason: Reason
) -> None:
    """After a closing only more than its threshold of new messages makes a new incident, which names the last."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    name = incident_id(WORKSPACE_RESOURCE_ID, WHO, 0)
    tenant.cloud.analyst.close(name, classification)
    _next_day(tenant, mails(tenant, enough - 1))
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "clean", "flagged": 1, "settled": 1}
    _next_day(tenant, mails(tenant, 1))
    report = tenant.sweep()
    assert (facts(report)["created"], report.actions[0].reason) == (1, reason)
    assert name in only(tenant, episode=1)["description"]
    assert len(tenant.cloud.incidents) == 2
    assert only(tenant)["status"] == "Closed"


def test_a_deleted_incident_is_settled_and_mentioned_once(tenant: Tenant) -> None:
    """What somebody deleted is not raised again for the same messages; on-call is told of the deletion once."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    tenant.cloud.analyst.delete(incident_id(WORKSPACE_RESOURCE_ID, WHO, 0))
    _next_day(tenant, mails(tenant, 2))
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed",
        "verdict": "clean",
        "flagged": 1,
        "settled": 1,
        "told": 1,
    }
    assert "deleted" in words(tenant.cloud.cards[1])
    _next_day(tenant)
    tenant.sweep()
    assert len(tenant.cloud.cards) == 2
    assert tenant.cloud.incidents == {}
    _next_day(tenant, mails(tenant, 9))
    assert facts(tenant.sweep())["created"] == 1
    assert only(tenant, episode=1)["status"] == "New"


def test_the_fuse_holds_and_the_next_sweeps_raise_the_rest(tenant: Tenant) -> None:
    """More than MAX_NEW_INCIDENTS are held, counted on the card and raised by the following sweeps, highest first."""
    fresh(tenant, *(mails(tenant, 11 + n, f"r{n}@contoso.com") for n in range(5)))
    tenant.settings["MAX_NEW_INCIDENTS"] = "2"
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 5, "created": 2, "held": 3, "told": 2,
    }  # fmt: skip
    assert "3 more" in words(tenant.cloud.cards[0])
    assert only(tenant, "r4@contoso.com")
    assert only(tenant, "r3@contoso.com")
    assert facts(tenant.sweep())["held"] == 1
    assert facts(tenant.sweep())["created"] == 1
    assert len(tenant.cloud.incidents) == 5


def test_excluded_recipients(tenant: Tenant) -> None:
    """An exclusion counts until its date, inclusive; past it the receipt says so and the recipient is raised."""
    fresh(tenant, mails(tenant, 11))
    tenant.settings["EXCLUDED_RECIPIENTS"] = json.dumps(
        [{"pattern": "*@contoso.com", "until": "2026-11-24", "reason": "lab"}]
    )
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "clean", "flagged": 1, "excluded": 1}
    _next_day(tenant)
    report = tenant.sweep()
    assert facts(report)["created"] == 1
    assert "past their date" in report.receipt.notes[0]


def test_a_dry_run_writes_nothing_anywhere(tenant: Tenant) -> None:
    """A dry run plans all and writes neither to Sentinel nor Teams nor the ledger, not even a file."""
    fresh(tenant, mails(tenant, 11))
    report = tenant.sweep(DRY_RUN="true")
    assert facts(report) == {"event": "sweep_planned", "verdict": "flagged", "flagged": 1}
    assert [action.reason for action in report.actions] == [Reason.FIRST]
    assert _writes(tenant) == 0
    assert not tenant.ledger.exists()


def test_sentinel_refusing_does_not_silence_teams(tenant: Tenant) -> None:
    """With Sentinel refusing, on-call gets the card with the reason; the next sweep raises, and tells with the link."""
    fresh(tenant, mails(tenant, 11), mails(tenant, 60, "high@contoso.com"))
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", status=403, times=None))
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_incomplete", "verdict": "flagged", "flagged": 2, "due": 2, "told": 2}
    assert exit_code(report.receipt) == 1
    (card,) = tenant.cloud.cards
    assert "Microsoft Sentinel Responder" in words(card)
    assert WHO in words(card)
    assert "high@contoso.com" in words(card)
    tenant.sweep()
    assert len(tenant.cloud.cards) == 1, "the same cause is told once a day"
    tenant.cloud.faults.clear()
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 2, "created": 2, "told": 2,
    }  # fmt: skip
    assert len(tenant.cloud.cards) == 2
    assert len(tenant.cloud.incidents) == 2


def test_what_is_due_is_raised_even_when_it_has_fallen_below_the_threshold(tenant: Tenant) -> None:
    """What is owed is completed by a later sweep, although nothing of it is in the window any more."""
    fresh(tenant, mails(tenant, 11))
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", status=503, times=None))
    tenant.sweep()
    tenant.cloud.faults.clear()
    tenant.clock.advance(days=31)
    fresh(tenant)
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "flagged", "created": 1, "told": 1}
    assert only(tenant)["status"] == "New"
    assert "11 messages" in only(tenant)["description"]


def test_what_is_due_rests_while_it_is_not_over_the_threshold(tenant: Tenant) -> None:
    """What is owed is decided by today's settings: it waits under a higher threshold, and is raised under the old."""
    fresh(tenant, mails(tenant, 11))
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", status=503, times=None))
    tenant.sweep()
    tenant.cloud.faults.clear()
    _next_day(tenant)
    assert facts(tenant.sweep(SUM_CASE_THRESHOLD="11")) == {"event": "sweep_completed", "verdict": "clean"}
    assert facts(tenant.sweep())["created"] == 1


def test_teams_refusing_does_not_stop_sentinel(tenant: Tenant) -> None:
    """With Teams refusing, incidents are raised, the sweep is red, and the next one tells, under the same card id."""
    fresh(tenant, mails(tenant, 11))
    tenant.cloud.faults.add(Fault(service="teams", status=503, times=None))
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_incomplete", "verdict": "flagged", "flagged": 1, "created": 1, "due": 1}
    assert "teams_unavailable" in report.receipt.reasons[0]
    tried = {each.body for each in tenant.cloud.log if each.service == "teams"}
    assert len(tried) == 1
    tenant.cloud.faults.clear()
    after = tenant.sweep()
    assert facts(after)["told"] == 1
    assert after.receipt.card_id.encode() in tried.pop()
    assert len(tenant.cloud.cards) == 1


def test_a_card_that_was_refused_is_told_on_the_next_one(tenant: Tenant) -> None:
    """A final refusal leaves no card behind: what it told goes on the next card, with all that is new by then."""
    fresh(tenant, mails(tenant, 11))
    tenant.cloud.faults.add(Fault(service="teams", status=404, times=None))
    assert facts(tenant.sweep())["due"] == 1
    tenant.cloud.faults.clear()
    _next_day(tenant, mails(tenant, 12, "new@contoso.com"))
    assert facts(tenant.sweep())["told"] == 2
    assert len(tenant.cloud.cards) == 1
    assert WHO in words(tenant.cloud.cards[0])
    assert "new@contoso.com" in words(tenant.cloud.cards[0])


def test_the_lost_answer_to_a_put_makes_no_second_incident(tenant: Tenant) -> None:
    """A PUT that was committed while its answer was lost is found by the GET, and not sent again."""
    fresh(tenant, mails(tenant, 11))
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", effect=True, wire=Wire.DROP))
    assert facts(tenant.sweep())["created"] == 1
    assert sum(each.method == "PUT" for each in tenant.cloud.log) == 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            Fault(service="log_analytics", status=200, body="<html>Sign in</html>", containing="Sum_case", times=None),
            "log_analytics",
        ),
        (
            Fault(service="log_analytics", status=200, body="", containing="Sum_case", times=None),
            "sent an empty response to the hunt",
        ),
        (Fault(service="log_analytics", status=403, times=None), "Microsoft Sentinel Responder"),
        (Fault(service="log_analytics", status=500, times=None), "log_analytics_unavailable"),
        (
            Fault(
                service="log_analytics",
                status=200,
                containing="Sum_case",
                times=None,
                body={
                    "tables": [],
                    "error": {"code": "PartialError", "message": "There were some errors", "details": []},
                },
            ),
            "partial",
        ),
    ],
    ids=["html", "empty", "forbidden", "down", "partial"],
)
def test_a_hunt_not_answered_in_full_fails_and_is_told_once_a_day(tenant: Tenant, fault: Fault, says: str) -> None:
    """Without a full answer the verdict is `failed`: nothing is raised, never `clean`, and on-call hears of it once."""
    fresh(tenant, mails(tenant, 11))
    tenant.cloud.faults.add(fault)
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_failed", "verdict": "failed"}
    assert exit_code(report.receipt) == 1
    assert says.lower() in report.receipt.reasons[0].lower()
    assert tenant.cloud.incidents == {}
    tenant.sweep()
    assert len(tenant.cloud.cards) == 1
    _next_day(tenant)
    tenant.sweep()
    assert len(tenant.cloud.cards) == 2
    tenant.cloud.faults.clear()
    assert facts(tenant.sweep())["created"] == 1


def test_untrusted_data_never_gives_an_all_clear_and_findings_are_still_raised(tenant: Tenant) -> None:
    """A true positive is not thrown away when the data is stale; only silence is withheld."""
    fresh(tenant, mails(tenant, 11))
    tenant.clock.advance(days=2)
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_completed", "verdict": "untrusted", "flagged": 1, "created": 1, "told": 1}
    assert exit_code(report.receipt) == 3
    (card,) = tenant.cloud.cards
    assert "not trusted" in words(card)
    assert "not trusted" in only(tenant)["description"].lower()
    assert facts(tenant.sweep())["verdict"] == "untrusted"
    assert len(tenant.cloud.cards) == 1
    tenant.clock.advance(days=1)
    tenant.sweep()
    assert len(tenant.cloud.cards) == 2, "once per cause and day, also without findings to tell"


def test_the_workspace_settings_must_name_one_workspace(tenant: Tenant) -> None:
    """A GUID that is not the resource's customerId fails the first sweep, before anything is hunted or raised."""
    tenant.cloud.faults.add(
        Fault(
            service="sentinel",
            status=200,
            body={"properties": {"customerId": "00000000-0000-0000-0000-00000000beef"}},
        )
    )
    report = tenant.sweep()
    assert report.receipt.reasons[0].startswith("workspace_mismatch")
    assert exit_code(report.receipt) == 1
    assert not any(each.service == "log_analytics" for each in tenant.cloud.log)


def test_reminders(tenant: Tenant) -> None:
    """A New, unowned incident is reminded about at its age and every so many days after, flagged today or not."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    told = []
    for _ in range(7):
        _next_day(tenant)
        told.append(tenant.sweep(SUM_CASE_THRESHOLD="500").receipt.reminded)
    assert told == [0, 0, 1, 0, 0, 1, 0]
    tenant.cloud.analyst.assign(incident_id(WORKSPACE_RESOURCE_ID, WHO, 0), status="New")
    _next_day(tenant)
    _next_day(tenant)
    assert tenant.sweep().receipt.reminded == 0


def test_the_heartbeat(tenant: Tenant) -> None:
    """When Teams has taken no card for HEARTBEAT_DAYS and all is well, a card says how things stand."""
    tenant.cloud.faults.add(
        Fault(service="teams", times=None, effect=True, then=lambda _: tenant.clock.advance(seconds=1))
    )
    cards = []
    for _ in range(7):
        assert facts(tenant.sweep(HEARTBEAT_DAYS="3"))["verdict"] == "clean"
        cards.append(len(tenant.cloud.cards))
        _next_day(tenant)
    assert cards == [1] * 3 + [2] * 3 + [3]
    assert "3 sweeps since" in words(tenant.cloud.cards[1])


def test_no_heartbeat_at_all(tenant: Tenant) -> None:
    """HEARTBEAT_DAYS=0 posts none, not on the first day either; and a first sweep that tells a finding needs none."""
    assert facts(tenant.sweep(HEARTBEAT_DAYS="0"))["verdict"] == "clean"
    assert tenant.cloud.cards == []
    fresh(tenant, mails(tenant, 11))
    assert facts(tenant.sweep())["told"] == 1
    _next_day(tenant)
    tenant.sweep()
    assert len(tenant.cloud.cards) == 1


def test_comments_end_at_ninety_one(tenant: Tenant) -> None:
    """The 91st comment says that further messages are counted on the card only; after it none is written."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    name = incident_id(WORKSPACE_RESOURCE_ID, WHO, 0)
    for number in range(90):
        tenant.cloud.analyst.comment(name, f"note {number}")
    _next_day(tenant, mails(tenant, 3))
    tenant.sweep()
    assert "card only" in _comments(tenant)[90]
    _next_day(tenant, mails(tenant, 9))
    report = tenant.sweep()
    assert (len(_comments(tenant)), report.actions[0].reason, report.receipt.told) == (91, Reason.COMMENTS_FULL, 1)
    assert facts(tenant.sweep()).get("told") is None


def test_the_budget_ends_and_the_rest_stays_due(tenant: Tenant) -> None:
    """When the time budget ends, what is confirmed is told and the rest stays due for the next sweep."""
    fresh(tenant, *(mails(tenant, 11, f"r{n}@contoso.com") for n in range(40)))
    tenant.cloud.faults.add(
        Fault(service="sentinel", method="PUT", times=None, then=lambda _: tenant.clock.sleep(3), effect=True)
    )
    report = tenant.sweep(SWEEP_BUDGET_SECONDS="60")
    assert report.receipt.event == "sweep_incomplete"
    assert 0 < report.receipt.created < 40
    assert report.receipt.created + report.receipt.due == 40
    assert any("budget_ended" in reason for reason in report.receipt.reasons)
    tenant.cloud.faults.clear()
    assert facts(tenant.sweep())["event"] == "sweep_completed"
    assert len(tenant.cloud.incidents) == 40


def test_a_longer_lookback_reports_nothing_old_as_new(tenant: Tenant) -> None:
    """When the look-back is lengthened, older messages are taken as reported, and the receipt says so."""
    fresh(tenant, mails(tenant, 31))
    tenant.settings["LOOKBACK_DAYS"] = "5"
    tenant.clock.advance(days=5.2)
    fresh(tenant, mails(tenant, 12))
    assert facts(tenant.sweep())["created"] == 1
    report = tenant.sweep(LOOKBACK_DAYS="30")
    assert facts(report) == {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "standing": 1}
    assert "lengthened from 5 to 30 days" in report.receipt.notes[0]


def test_who_remediated_is_said(tenant: Tenant) -> None:
    """The incident and the card say who remediated; without the table the receipt says so and nothing fails."""
    mail = Mail(tenant.clock.now(), seed=next(SEEDS))
    rows = mail.remediated(WHO, 12, 0.4, (SOFT,))
    for place, row in enumerate(rows):
        mail.acted(row, "Manual remediation" if place < 9 else "Phish ZAP")
    tenant.cloud.append("EmailPostDeliveryEvents", mail.post_delivery)
    fresh(tenant, rows)
    tenant.sweep()
    line = "12 messages: 9 by admins, 3 by ZAP"
    assert line in only(tenant)["description"]
    assert line in words(tenant.cloud.cards[0])
    tenant.cloud.remove("EmailPostDeliveryEvents")
    _next_day(tenant, mails(tenant, 2))
    report = tenant.sweep()
    assert report.receipt.commented == 1
    assert "EmailPostDeliveryEvents" in report.receipt.notes[0]


def test_one_log_line_is_the_receipt(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    """The receipt is one JSON object on one line after its event's name, with counts and without addresses."""
    fresh(tenant, mails(tenant, 11))
    with caplog.at_level(logging.INFO, "sweep"):
        tenant.sweep()
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("sweep_completed ")]
    receipt = json.loads(line.removeprefix("sweep_completed "))
    assert receipt["created"] == 1
    assert receipt["requests"]["teams"] == 1
    assert not any(WHO in record.getMessage() for record in caplog.records)
