"""Sweeps whose incidents the deployed analytics rules make: awaited, seen, followed; late, silent and healed rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.faults import Fault, Wire
from tests.cloud.rule_definitions import load_rules
from tests.support.days import Days, incident_name
from tests.support.tenant import Tenant

DEPLOYED = Path(__file__).parents[2] / "infra/findings-rule.json"
VIP = "vip@contoso.com"


@pytest.fixture
def days(tenant: Tenant) -> Days:
    """A tenant with the findings table and the rules that are deployed."""
    tenant.cloud.deploy_findings(*load_rules(DEPLOYED))
    tenant.settings |= tenant.cloud.rule_road
    return Days(tenant)


def made_by_rule(days: Days, recipient: str = VIP) -> list[dict[str, Any]]:
    """The properties of the incidents about a recipient, in the order in which the rules made them."""
    found = [each["properties"] for each in days.tenant.cloud.incidents.values()]
    found = [each for each in found if recipient in each["title"]]
    return sorted(found, key=lambda each: int(each["incidentNumber"]))


def sentinels_name(days: Days, recipient: str = VIP) -> str:
    """Sentinel's name of the last incident about a recipient."""
    found = [(each["properties"]["incidentNumber"], name) for name, each in days.tenant.cloud.incidents.items()
             if recipient in each["properties"]["title"]]  # fmt: skip
    return max(found)[1]


def handed_rows(days: Days, kind: str = "finding") -> list[dict[str, Any]]:
    """The rows of the findings table of a kind, in the order in which they came."""
    return [row for row in days.tenant.cloud.ingestion.rows if row["Kind"] == kind]


def test_a_finding_is_handed_over_awaited_and_seen(days: Days) -> None:
    """Told at once with a search; on the next day the incident is there, and all else goes to it."""
    days.mail(VIP, 12)
    first = days.sweep()
    assert first["event"] == "sweep_completed"
    assert first["verdict"] == "flagged"
    assert first["created"] == first["told"] == 1
    assert days.last is not None
    assert days.last.receipt.awaited == 1
    assert not days.tenant.cloud.incidents
    assert "advanced-hunting" in days.cards[0]
    assert "analytics rule" in days.cards[0]
    (row,) = handed_rows(days)
    assert (row["FindingId"], row["Attempt"], row["Recipient"]) == (incident_name(VIP), 1, VIP)
    days.pass_by()
    days.mail(VIP, 60)
    second = days.sweep()
    assert second["event"] == "sweep_completed", days.causes
    assert (second["commented"], second["escalated"]) == (1, 1)
    (incident,) = made_by_rule(days)
    assert incident["severity"] == "High"
    assert len(days.tenant.cloud.comments[sentinels_name(days)]) == 1
    assert len(handed_rows(days)) == 1
    assert len(handed_rows(days, "growth")) == 1
    assert f"Open incident {incident['incidentNumber']}" in days.cards[-1]
    days.pass_by()
    assert days.sweep() == {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "standing": 1}


def test_the_fuse_counts_what_is_handed_to_the_rule(days: Days) -> None:
    """No more rows come in a sweep than incidents would; the rest is held for the next ones."""
    for number in range(5):
        days.mail(f"r{number}@contoso.com", 11 + number)
    found = days.sweep(MAX_NEW_INCIDENTS="2")
    assert (found["created"], found["held"], len(handed_rows(days))) == (2, 3, 2)


def test_a_rule_that_is_off_for_a_week_is_due_and_heals(days: Days) -> None:
    """Due and named each day, one row a day; once the rule is on again, one incident."""
    days.mail(VIP, 12)
    days.sweep()
    days.tenant.cloud.rules.switch(False)
    for day in range(1, 8):
        days.pass_by()
        receipt = days.sweep()
        assert receipt["event"] == "sweep_incomplete"
        assert receipt["due"] == 1
        assert days.causes.startswith("rule_silent")
        assert [row["Attempt"] for row in handed_rows(days)] == list(range(1, day + 2))
        assert "made NO incident" in days.cards[-1]
        assert "analytics rules" in days.cards[-1]
        assert "advanced-hunting" in days.cards[-1], "there is an alert to look for, and no incident"
    assert not made_by_rule(days)
    days.tenant.cloud.rules.switch(True)
    days.pass_by()
    days.sweep()
    days.pass_by()
    assert days.sweep()["event"] == "sweep_completed", days.causes
    assert len(made_by_rule(days)) == 1


def test_what_grows_while_the_rules_are_silent_becomes_high_on_the_one_incident(days: Days) -> None:
    """The second row goes to the rule of the first one: the other rule would make an incident of its own."""
    days.tenant.cloud.rules.switch(False)
    days.mail(VIP, 12)
    days.sweep()
    days.pass_by()
    days.mail(VIP, 60)
    days.sweep()
    assert [(row["Attempt"], row["Severity"]) for row in handed_rows(days)] == [(1, "Medium"), (2, "Medium")]
    days.tenant.cloud.rules.switch(True)
    days.pass_by()
    assert days.sweep()["escalated"] == 1, days.causes
    (incident,) = made_by_rule(days)
    assert incident["severity"] == "High"


def test_within_two_periods_it_is_awaited_then_due_and_no_second_row_comes_that_day(days: Days) -> None:
    """An hour later nothing is due; three hours later it is, but the next row waits for another day."""
    days.tenant.cloud.rules.switch(False)
    days.mail(VIP, 12)
    days.sweep()
    days.pass_by(hours=1)
    early = days.sweep()
    assert (early["event"], early.get("due")) == ("sweep_completed", None)
    days.pass_by(hours=2)
    late = days.sweep()
    assert (late["event"], late["due"]) == ("sweep_incomplete", 1)
    assert len(handed_rows(days)) == 1


@pytest.mark.parametrize(
    "what", [pytest.param("late", marks=pytest.mark.slow), "skip", pytest.param("twice", marks=pytest.mark.slow)]
)
def test_a_rule_that_stumbles_makes_one_incident(days: Days, what: str) -> None:
    """Late by half an hour, left out once, or run twice: one incident in the end, and the sweep says what it lacks."""
    rules = days.tenant.cloud.rules
    days.mail(VIP, 12)
    days.sweep()
    {"late": lambda: rules.late(30), "skip": lambda: rules.skip(2), "twice": lambda: rules.twice(2)}[what]()
    for _ in range(3):
        days.pass_by()
        days.sweep()
    assert len(made_by_rule(days)) == 1
    assert days.sweep()["event"] == "sweep_completed", days.causes


@pytest.mark.parametrize("accepted", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_lost_answer_to_the_upload_costs_no_second_incident(days: Days, accepted: bool) -> None:
    """Whether the row arrived or not: one incident, told."""
    fault = Fault(service="ingestion", effect=accepted, wire=Wire.DROP, times=None)
    days.tenant.cloud.faults.add(fault)
    days.mail(VIP, 12)
    assert days.sweep()["due"] == 1
    days.well()
    for _ in range(3):
        days.pass_by()
        days.sweep()
    assert len(made_by_rule(days)) == 1
    assert days.sweep()["event"] == "sweep_completed", days.causes
    assert days.told(VIP) >= 1


@pytest.mark.slow
def test_a_week_without_the_ingestion_service_is_caught_up_on(days: Days) -> None:
    """Creations and growth wait, are said to be due, and then come exactly once."""
    days.mail("first@contoso.com", 12)
    days.sweep()
    days.pass_by()
    days.sweep()
    days.tenant.cloud.faults.add(Fault(service="ingestion", status=503, times=None))
    days.mail(VIP, 12)
    days.mail("first@contoso.com", 3)
    for _ in range(7):
        receipt = days.sweep()
        assert (receipt["event"], receipt["due"]) == ("sweep_incomplete", 2)
        days.pass_by()
    days.well()
    assert days.sweep()["created"] == 1
    days.pass_by()
    assert days.sweep()["event"] == "sweep_completed", days.causes
    assert len(made_by_rule(days)) == len(made_by_rule(days, "first@contoso.com")) == 1
    assert len(days.tenant.cloud.comments[sentinels_name(days, "first@contoso.com")]) == 1


@pytest.mark.slow
def test_an_analyst_who_closes_it_in_defender_is_heard(days: Days) -> None:
    """The same messages raise nothing; a threshold of new ones makes the next episode."""
    days.mail(VIP, 12)
    days.sweep()
    days.pass_by()
    days.sweep()
    days.tenant.cloud.analyst.close_in_defender(sentinels_name(days), "True positive")
    days.pass_by()
    assert days.sweep()["settled"] == 1
    days.mail(VIP, 11)
    days.pass_by(hours=1)
    assert days.sweep()["created"] == 1
    days.pass_by()
    days.sweep()
    assert [each["status"] for each in made_by_rule(days)] == ["Closed", "New"]
    assert [row["Episode"] for row in handed_rows(days)] == [0, 1]


@pytest.mark.parametrize("alerts", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_merge_is_no_analysts_word(days: Days, alerts: bool) -> None:
    """The finding stays open: only what is new is added, and no second incident is made."""
    days.mail(VIP, 12)
    days.mail("other@contoso.com", 12)
    days.sweep()
    days.pass_by()
    days.sweep()
    days.tenant.cloud.rules.merge(sentinels_name(days), sentinels_name(days, "other@contoso.com"), alerts=alerts)
    days.pass_by()
    days.mail(VIP, 3)
    receipt = days.sweep()
    assert (receipt["event"], receipt["commented"]) == ("sweep_completed", 1), days.causes
    days.mail(VIP, 30)
    days.pass_by()
    receipt = days.sweep()
    assert receipt.get("created") is None
    assert sum(len(comments) for comments in days.tenant.cloud.comments.values()) == 2


def test_from_api_to_rule_and_back_makes_no_second_open_incident(days: Days) -> None:
    """Each incident is followed by whichever road made it."""
    days.mail(VIP, 12)
    days.sweep(RAISE_BY="api")
    days.pass_by()
    days.mail(VIP, 3)
    assert days.sweep()["commented"] == 1
    days.mail("other@contoso.com", 12)
    days.pass_by()
    assert days.sweep()["created"] == 1
    days.pass_by()
    days.mail("other@contoso.com", 3)
    assert days.sweep(RAISE_BY="api")["commented"] == 1
    assert len(made_by_rule(days)) == len(made_by_rule(days, "other@contoso.com")) == 1


@pytest.mark.slow
def test_what_the_rule_passed_over_is_made_at_once_after_the_switch_back(days: Days) -> None:
    """A silent rule, and RAISE_BY=api again: the incident is made over ARM, once."""
    days.tenant.cloud.rules.switch(False)
    days.mail(VIP, 12)
    days.sweep()
    days.pass_by()
    days.sweep(RAISE_BY="api")
    days.pass_by()
    assert days.sweep(RAISE_BY="api")["event"] == "sweep_completed", days.causes
    assert [each["status"] for each in made_by_rule(days)] == ["New"]


@pytest.mark.parametrize("raise_by", ["rule", pytest.param("api", marks=pytest.mark.slow)])
def test_a_lost_ledger_finds_the_rules_incidents(days: Days, raise_by: str) -> None:
    """Open: told again; closed: dealt with. By either road nothing is made a second time."""
    days.mail(VIP, 12)
    days.mail("closed@contoso.com", 12)
    days.sweep()
    days.pass_by()
    days.sweep()
    days.tenant.cloud.analyst.close(sentinels_name(days, "closed@contoso.com"))
    days.pass_by()
    days.lose_ledger()
    receipt = days.sweep(RAISE_BY=raise_by)
    assert receipt["event"] == "sweep_completed", days.causes
    assert (receipt.get("created"), receipt["settled"]) == (None, 1)
    days.pass_by()
    days.sweep(RAISE_BY=raise_by)
    assert len(made_by_rule(days)) == len(made_by_rule(days, "closed@contoso.com")) == 1
    assert len(handed_rows(days)) == 2


@pytest.mark.slow
def test_a_ledger_lost_while_the_row_is_awaited_hands_nothing_over_again(days: Days) -> None:
    """The table knows the row: it is awaited, and seen."""
    days.mail(VIP, 12)
    days.sweep()
    days.lose_ledger()
    days.pass_by(minutes=20)
    assert days.sweep().get("created") is None
    assert len(handed_rows(days)) == 1
    days.pass_by()
    assert days.sweep()["event"] == "sweep_completed", days.causes
    assert len(made_by_rule(days)) == 1


@pytest.mark.slow
def test_no_more_than_fifty_rows_are_handed_over_at_once(days: Days) -> None:
    """With more, the service would drop every alert's name and description."""
    for number in range(53):
        days.mail(f"p{number}@contoso.com", 11)
    receipt = days.sweep(MAX_NEW_INCIDENTS="100")
    assert (receipt["created"], receipt["held"]) == (50, 3)
    assert len(handed_rows(days)) == 50


@pytest.mark.slow
def test_on_an_onboarded_workspace_every_receipt_and_once_a_week_a_card_say_what_is_not_seen(days: Days) -> None:
    """With RAISE_BY=api only."""
    cloud = days.tenant.cloud
    cloud.rules.incidents.onboarded = True
    days.mail("first@contoso.com", 12)
    days.sweep()
    days.pass_by()
    days.sweep()
    assert days.last is not None
    assert not any("RAISE_BY" in note for note in days.last.receipt.notes)
    seen = []
    for day in range(9):
        days.pass_by()
        days.mail(f"p{day}@contoso.com", 12)
        before = len(days.cards)
        days.sweep(RAISE_BY="api")
        assert any("RAISE_BY=rule" in note for note in days.last.receipt.notes)
        seen.append(any("RAISE_BY=rule" in card for card in days.cards[before:]))
    assert seen == [day in (0, 7) for day in range(9)]


@pytest.mark.slow
def test_a_rule_that_makes_alerts_only_is_said(days: Days) -> None:
    """With createIncident off there is an alert and no incident: due, and for two days no further row."""
    rules = [{**rule, "incidentConfiguration": {"createIncident": False}} for rule in load_rules(DEPLOYED)]
    days.tenant.cloud.rules.remove_all()
    days.tenant.cloud.rules.install(*rules)
    days.mail(VIP, 12)
    days.sweep()
    days.pass_by()
    assert days.sweep()["due"] == 1
    assert days.causes.startswith("rule_without_incident")
    assert len(handed_rows(days)) == 1
    assert "makes incidents" in json.dumps(days.cards[-1])
