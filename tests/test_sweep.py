"""Whole sweeps against the small Azure: what is raised, told and left alone, day after day."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.app import exit_code
from shared.model import Reason, incident_id
from tests.cloud.faults import Fault, Wire
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.cloud.tenant import SOFT
from tests.cloud.tenant import Tenant as Mail
from tests.sweeping import Tenant, facts, tenant

WHO = "dana@contoso.com"
SEEDS = itertools.count(1)


@pytest.fixture
def soc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant with one ordinary delivered message a day, so that its data is trusted."""
    with tenant(tmp_path, monkeypatch) as made:
        fresh(made)
        yield made


def fresh(soc: Tenant, *rows: list[dict[str, Any]]) -> None:
    """New rows arrive: the given ones, and a delivered one, so that the newest row is an hour old."""
    mail = Mail(soc.clock.now(), seed=next(SEEDS))
    mail.add("quiet@contoso.com", "Delivered", mail.ago(0.04))
    soc.cloud.append("EmailEvents", [*mail.events, *(row for some in rows for row in some)])


def mails(soc: Tenant, many: int, recipient: str = WHO, *, days: float = 0.4) -> list[dict[str, Any]]:
    """So many new messages, soft-deleted in the last `days`."""
    mail = Mail(soc.clock.now(), seed=next(SEEDS))
    return mail.remediated(recipient, many, days, (SOFT,))


def next_day(soc: Tenant, *rows: list[dict[str, Any]]) -> None:
    """A day passes; new rows arrive."""
    soc.clock.turn(days=1)
    fresh(soc, *rows)


def only(soc: Tenant, recipient: str = WHO, episode: int = 0) -> dict[str, Any]:
    """The properties of the one incident with this derived id."""
    found: dict[str, Any] = soc.cloud.incidents[incident_id(WORKSPACE_RESOURCE_ID, recipient, episode)]["properties"]
    return found


def comments(soc: Tenant, recipient: str = WHO, episode: int = 0) -> list[str]:
    """What was said in comments on an incident."""
    found = soc.cloud.comments.get(incident_id(WORKSPACE_RESOURCE_ID, recipient, episode), [])
    return [each["properties"]["message"] for each in found]


def writes(soc: Tenant) -> int:
    """How many requests so far asked Sentinel or Teams for an effect."""
    return sum((each.service, each.method) in (("sentinel", "PUT"), ("teams", "POST")) for each in soc.cloud.log)


def words(card: Any) -> str:
    """All of a card."""
    return json.dumps(card, ensure_ascii=False)


def test_a_quiet_tenant_is_clean_and_silent(soc: Tenant) -> None:
    """Trusted data without a finding is `clean`; nothing is raised, nothing told."""
    report = soc.sweep()
    assert facts(report) == {"event": "sweep_completed", "verdict": "clean"}
    assert writes(soc) == 0
    assert exit_code(report.receipt) == 0


def test_one_incident_and_one_card(soc: Tenant) -> None:
    """A recipient over the threshold gets one incident under the derived id, and on-call one card that names it."""
    fresh(soc, mails(soc, 11), mails(soc, 10, "at.threshold@contoso.com"))
    report = soc.sweep()
    assert facts(report) == {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "created": 1, "told": 1}
    incident = only(soc)
    assert incident["title"] == f"Unusual volume of remediated email: {WHO}"
    assert (incident["severity"], incident["status"]) == ("Medium", "New")
    assert [label["labelName"] for label in incident["labels"]] == [
        "email-remediation-sweep",
        "InitialAccess",
        "T1566",
        "episode:0",
    ]
    (card,) = soc.cloud.cards
    assert WHO in words(card)
    assert report.receipt.card_id in words(card)


def test_the_second_sweep_of_the_same_data_writes_nothing(soc: Tenant) -> None:
    """Nothing is raised twice, nothing told twice: the second sweep sends no write request at all."""
    fresh(soc, mails(soc, 11), mails(soc, 60, "high@contoso.com"))
    soc.sweep()
    before = writes(soc)
    assert facts(soc.sweep()) == {"event": "sweep_completed", "verdict": "flagged", "flagged": 2, "standing": 2}
    assert writes(soc) == before == 3


def test_new_messages_are_commented_once_and_told_when_they_are_many(soc: Tenant) -> None:
    """A comment tells just the new messages; on-call hears of them when the untold ones exceed the threshold."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    next_day(soc, mails(soc, 6))
    assert facts(soc.sweep())["commented"] == 1
    assert len(soc.cloud.cards) == 1
    assert comments(soc)[0].startswith("6 new messages")
    next_day(soc, mails(soc, 5))
    assert facts(soc.sweep())["told"] == 1
    assert len(soc.cloud.cards) == 2
    assert comments(soc)[1].startswith("5 new messages")


def test_a_finding_that_reaches_high_is_raised_and_told(soc: Tenant) -> None:
    """When Sum_case exceeds the high threshold, a severity that we set becomes High, with a comment and a card."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    next_day(soc, mails(soc, 40))
    assert facts(soc.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 1,
        "commented": 1, "raised": 1, "standing": 1, "told": 1,
    }  # fmt: skip
    assert only(soc)["severity"] == "High"
    assert len(soc.cloud.cards) == 2


def test_an_analysts_severity_stands(soc: Tenant) -> None:
    """A severity that an analyst set is never changed, up or down; owner, status and edits stay."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    name = incident_id(WORKSPACE_RESOURCE_ID, WHO, 0)
    soc.cloud.analyst.set_severity(name, "Low")
    soc.cloud.analyst.assign(name, "Ana Lyst")
    soc.cloud.analyst.edit(name, title="Mine", description="Looked at it")
    next_day(soc, mails(soc, 60))
    assert facts(soc.sweep()).get("raised") is None
    assert {key: only(soc)[key] for key in ("severity", "title", "description", "status")} == {
        "severity": "Low", "title": "Mine", "description": "Looked at it", "status": "Active",
    }  # fmt: skip
    assert len(comments(soc)) == 1


@pytest.mark.parametrize(
    ("classification", "enough", "reason"),
    [("TruePositive", 11, Reason.REOPENED), ("FalsePositive", 21, Reason.REOPENED_BENIGN)],
)
def test_closed_stays_closed_until_enough_is_new(soc: Tenant, classification: str, enough: int, reason: Reason) -> None:
    """After a closing only more than its threshold of new messages makes a new incident, which names the last."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    name = incident_id(WORKSPACE_RESOURCE_ID, WHO, 0)
    soc.cloud.analyst.close(name, classification)
    next_day(soc, mails(soc, enough - 1))
    assert facts(soc.sweep()) == {"event": "sweep_completed", "verdict": "clean", "flagged": 1, "settled": 1}
    next_day(soc, mails(soc, 1))
    report = soc.sweep()
    assert (facts(report)["created"], report.actions[0].reason) == (1, reason)
    assert name in only(soc, episode=1)["description"]
    assert len(soc.cloud.incidents) == 2
    assert only(soc)["status"] == "Closed"


def test_a_deleted_incident_is_settled_and_mentioned_once(soc: Tenant) -> None:
    """What somebody deleted is not raised again for the same messages; on-call is told of the deletion once."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    soc.cloud.analyst.delete(incident_id(WORKSPACE_RESOURCE_ID, WHO, 0))
    next_day(soc, mails(soc, 2))
    assert facts(soc.sweep()) == {"event": "sweep_completed", "verdict": "clean", "flagged": 1, "settled": 1, "told": 1}
    assert "deleted" in words(soc.cloud.cards[1])
    next_day(soc)
    soc.sweep()
    assert len(soc.cloud.cards) == 2
    assert soc.cloud.incidents == {}
    next_day(soc, mails(soc, 9))
    assert facts(soc.sweep())["created"] == 1
    assert only(soc, episode=1)["status"] == "New"


def test_the_fuse_holds_and_the_next_sweeps_raise_the_rest(soc: Tenant) -> None:
    """More than MAX_NEW_INCIDENTS are held, counted on the card and raised by the following sweeps, highest first."""
    fresh(soc, *(mails(soc, 11 + n, f"r{n}@contoso.com") for n in range(5)))
    soc.settings["MAX_NEW_INCIDENTS"] = "2"
    assert facts(soc.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 5, "created": 2, "held": 3, "told": 2,
    }  # fmt: skip
    assert "3 more" in words(soc.cloud.cards[0])
    assert only(soc, "r4@contoso.com")
    assert only(soc, "r3@contoso.com")
    assert facts(soc.sweep())["held"] == 1
    assert facts(soc.sweep())["created"] == 1
    assert len(soc.cloud.incidents) == 5


def test_excluded_recipients(soc: Tenant) -> None:
    """An exclusion counts until its date, inclusive; past it the receipt says so and the recipient is raised."""
    fresh(soc, mails(soc, 11))
    soc.settings["EXCLUDED_RECIPIENTS"] = json.dumps(
        [{"pattern": "*@contoso.com", "until": "2026-11-24", "reason": "lab"}]
    )
    assert facts(soc.sweep()) == {"event": "sweep_completed", "verdict": "clean", "flagged": 1, "excluded": 1}
    next_day(soc)
    report = soc.sweep()
    assert facts(report)["created"] == 1
    assert "past their date" in report.receipt.notes[0]


def test_a_dry_run_writes_nothing_anywhere(soc: Tenant) -> None:
    """A dry run plans all and writes neither to Sentinel nor Teams nor the ledger, not even a file."""
    fresh(soc, mails(soc, 11))
    report = soc.sweep(DRY_RUN="true")
    assert facts(report) == {"event": "sweep_planned", "verdict": "flagged", "flagged": 1}
    assert [action.reason for action in report.actions] == [Reason.FIRST]
    assert writes(soc) == 0
    assert not soc.ledger.exists()


def test_sentinel_refusing_does_not_silence_teams(soc: Tenant) -> None:
    """With Sentinel refusing, on-call gets the card with the reason; the next sweep raises, and tells with the link."""
    fresh(soc, mails(soc, 11), mails(soc, 60, "high@contoso.com"))
    soc.cloud.faults.add(Fault(service="sentinel", method="PUT", status=403, times=None))
    report = soc.sweep()
    assert facts(report) == {"event": "sweep_incomplete", "verdict": "flagged", "flagged": 2, "due": 2, "told": 2}
    assert exit_code(report.receipt) == 1
    (card,) = soc.cloud.cards
    assert "Microsoft Sentinel Responder" in words(card)
    assert WHO in words(card)
    assert "high@contoso.com" in words(card)
    soc.sweep()
    assert len(soc.cloud.cards) == 1, "the same cause is told once a day"
    soc.cloud.faults.clear()
    assert facts(soc.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 2, "created": 2, "standing": 2, "told": 2,
    }  # fmt: skip
    assert len(soc.cloud.cards) == 2
    assert len(soc.cloud.incidents) == 2


def test_what_is_due_is_raised_even_when_it_has_fallen_below_the_threshold(soc: Tenant) -> None:
    """An intent is completed word for word by the next sweep, whatever the hunt says by then."""
    fresh(soc, mails(soc, 11))
    soc.cloud.faults.add(Fault(service="sentinel", method="PUT", status=503, times=None))
    soc.sweep()
    soc.cloud.faults.clear()
    next_day(soc)
    assert facts(soc.sweep(SUM_CASE_THRESHOLD="500")) == {
        "event": "sweep_completed", "verdict": "flagged", "created": 1, "told": 1,
    }  # fmt: skip
    assert only(soc)["status"] == "New"


def test_teams_refusing_does_not_stop_sentinel(soc: Tenant) -> None:
    """With Teams refusing, incidents are raised, the sweep is red, and the next one tells, with the same card id."""
    fresh(soc, mails(soc, 11))
    soc.cloud.faults.add(Fault(service="teams", status=503, times=None))
    report = soc.sweep()
    assert facts(report) == {"event": "sweep_incomplete", "verdict": "flagged", "flagged": 1, "created": 1, "due": 1}
    assert "teams_unavailable" in report.receipt.reasons[0]
    tried = {each.body for each in soc.cloud.log if each.service == "teams"}
    assert len(tried) == 1
    soc.cloud.faults.clear()
    assert facts(soc.sweep())["told"] == 1
    assert json.loads(tried.pop()) == soc.cloud.cards[0]


def test_a_card_that_was_refused_is_told_on_the_next_one(soc: Tenant) -> None:
    """A final refusal leaves no card behind: what it told goes on the next card, with all that is new by then."""
    fresh(soc, mails(soc, 11))
    soc.cloud.faults.add(Fault(service="teams", status=404, times=None))
    assert facts(soc.sweep())["due"] == 1
    soc.cloud.faults.clear()
    next_day(soc, mails(soc, 12, "new@contoso.com"))
    assert facts(soc.sweep())["told"] == 2
    assert len(soc.cloud.cards) == 1
    assert WHO in words(soc.cloud.cards[0])
    assert "new@contoso.com" in words(soc.cloud.cards[0])


def test_the_lost_answer_to_a_put_makes_no_second_incident(soc: Tenant) -> None:
    """A PUT that was committed while its answer was lost is found by the GET, and not sent again."""
    fresh(soc, mails(soc, 11))
    soc.cloud.faults.add(Fault(service="sentinel", method="PUT", effect=True, wire=Wire.DROP))
    assert facts(soc.sweep())["created"] == 1
    assert sum(each.method == "PUT" for each in soc.cloud.log) == 1


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
def test_a_hunt_not_answered_in_full_fails_and_is_told_once_a_day(soc: Tenant, fault: Fault, says: str) -> None:
    """Without a full answer the verdict is `failed`: nothing is raised, never `clean`, and on-call hears of it once."""
    fresh(soc, mails(soc, 11))
    soc.cloud.faults.add(fault)
    report = soc.sweep()
    assert facts(report) == {"event": "sweep_failed", "verdict": "failed"}
    assert exit_code(report.receipt) == 1
    assert says.lower() in report.receipt.reasons[0].lower()
    assert soc.cloud.incidents == {}
    soc.sweep()
    assert len(soc.cloud.cards) == 1
    next_day(soc)
    soc.sweep()
    assert len(soc.cloud.cards) == 2
    soc.cloud.faults.clear()
    assert facts(soc.sweep())["created"] == 1


def test_untrusted_data_never_gives_an_all_clear_and_findings_are_still_raised(soc: Tenant) -> None:
    """A true positive is not thrown away when the data is stale; only silence is withheld."""
    fresh(soc, mails(soc, 11))
    soc.clock.turn(days=2)
    report = soc.sweep()
    assert facts(report) == {"event": "sweep_completed", "verdict": "untrusted", "flagged": 1, "created": 1, "told": 1}
    assert exit_code(report.receipt) == 3
    (card,) = soc.cloud.cards
    assert "not trusted" in words(card)
    assert "not trusted" in only(soc)["description"].lower()
    assert facts(soc.sweep())["verdict"] == "untrusted"
    assert len(soc.cloud.cards) == 1
    soc.clock.turn(days=1)
    soc.sweep()
    assert len(soc.cloud.cards) == 2, "once per cause and day, also without findings to tell"


def test_the_workspace_settings_must_name_one_workspace(soc: Tenant) -> None:
    """A GUID that is not the resource's customerId fails the first sweep, before anything is hunted or raised."""
    soc.cloud.faults.add(
        Fault(
            service="sentinel",
            status=200,
            body={"properties": {"customerId": "00000000-0000-0000-0000-00000000beef"}},
        )
    )
    report = soc.sweep()
    assert report.receipt.reasons[0].startswith("workspace_mismatch")
    assert exit_code(report.receipt) == 1
    assert not any(each.service == "log_analytics" for each in soc.cloud.log)


def test_reminders(soc: Tenant) -> None:
    """A New, unowned incident is reminded about at its age and every so many days after, flagged today or not."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    told = []
    for _ in range(7):
        next_day(soc)
        told.append(soc.sweep(SUM_CASE_THRESHOLD="500").receipt.reminded)
    assert told == [0, 0, 1, 0, 0, 1, 0]
    soc.cloud.analyst.assign(incident_id(WORKSPACE_RESOURCE_ID, WHO, 0), status="New")
    next_day(soc)
    next_day(soc)
    assert soc.sweep().receipt.reminded == 0


def test_the_heartbeat(soc: Tenant) -> None:
    """When Teams has taken no card for HEARTBEAT_DAYS and all is well, a card says how things stand."""
    cards = []
    for _ in range(15):
        assert facts(soc.sweep())["verdict"] == "clean"
        cards.append(len(soc.cloud.cards))
        next_day(soc)
    assert cards == [0] * 7 + [1] * 7 + [2]
    assert "8 sweeps since" in words(soc.cloud.cards[0])


def test_comments_end_at_ninety_one(soc: Tenant) -> None:
    """The 91st comment says that further messages are counted on the card only; after it none is written."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    name = incident_id(WORKSPACE_RESOURCE_ID, WHO, 0)
    for number in range(90):
        soc.cloud.analyst.comment(name, f"note {number}")
    next_day(soc, mails(soc, 3))
    soc.sweep()
    assert "card only" in comments(soc)[90]
    next_day(soc, mails(soc, 9))
    report = soc.sweep()
    assert (len(comments(soc)), report.actions[0].reason, report.receipt.told) == (91, Reason.COMMENTS_FULL, 1)
    assert facts(soc.sweep()).get("told") is None


def test_the_budget_ends_and_the_rest_stays_due(soc: Tenant) -> None:
    """When the time budget ends, what is confirmed is told and the rest stays due for the next sweep."""
    fresh(soc, *(mails(soc, 11, f"r{n}@contoso.com") for n in range(40)))
    soc.cloud.faults.add(
        Fault(service="sentinel", method="PUT", times=None, then=lambda _: soc.clock.sleep(3), effect=True)
    )
    report = soc.sweep(SWEEP_BUDGET_SECONDS="60")
    assert report.receipt.event == "sweep_incomplete"
    assert 0 < report.receipt.created < 40
    assert report.receipt.created + report.receipt.due == 40
    assert any("budget_ended" in reason for reason in report.receipt.reasons)
    soc.cloud.faults.clear()
    assert facts(soc.sweep())["event"] == "sweep_completed"
    assert len(soc.cloud.incidents) == 40


def test_a_longer_lookback_reports_nothing_old_as_new(soc: Tenant) -> None:
    """When the look-back is lengthened, older messages are taken as reported, and the receipt says so."""
    fresh(soc, mails(soc, 31))
    soc.settings["LOOKBACK_DAYS"] = "5"
    soc.clock.turn(days=5.2)
    fresh(soc, mails(soc, 12))
    assert facts(soc.sweep())["created"] == 1
    report = soc.sweep(LOOKBACK_DAYS="30")
    assert facts(report) == {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "standing": 1}
    assert "lengthened from 5 to 30 days" in report.receipt.notes[0]


def test_who_remediated_is_said(soc: Tenant) -> None:
    """The incident and the card say who remediated; without the table the receipt says so and nothing fails."""
    mail = Mail(soc.clock.now(), seed=next(SEEDS))
    rows = mail.remediated(WHO, 12, 0.4, (SOFT,))
    for place, row in enumerate(rows):
        mail.acted(row, "Manual remediation" if place < 9 else "Phish ZAP")
    soc.cloud.append("EmailPostDeliveryEvents", mail.post_delivery)
    fresh(soc, rows)
    soc.sweep()
    line = "12 messages: 9 by admins, 3 by ZAP"
    assert line in only(soc)["description"]
    assert line in words(soc.cloud.cards[0])
    soc.cloud.remove("EmailPostDeliveryEvents")
    next_day(soc, mails(soc, 2))
    report = soc.sweep()
    assert report.receipt.commented == 1
    assert "EmailPostDeliveryEvents" in report.receipt.notes[0]


def test_one_log_line_is_the_receipt(soc: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    """The receipt is one JSON object on one line after its event's name, with counts and without addresses."""
    fresh(soc, mails(soc, 11))
    with caplog.at_level(logging.INFO, "sweep"):
        soc.sweep()
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("sweep_completed ")]
    receipt = json.loads(line.removeprefix("sweep_completed "))
    assert receipt["created"] == 1
    assert receipt["requests"]["teams"] == 1
    assert not any(WHO in record.getMessage() for record in caplog.records)
