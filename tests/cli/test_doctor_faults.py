"""The doctor against the small Azure: each fault planted in turn is named with its fix, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cli.checks import Check, Found
from shared.cli.doctor import examine
from shared.hunt.columns import FINDINGS, FINDINGS_TABLE
from shared.incidents.permissions import WRITING, not_permitted
from shared.settings import from_values
from shared.teams import Card
from shared.teams.trial import TRIAL_HEADING, trial_card
from tests.cloud import Cloud, schemas
from tests.cloud.arm import RESPONDER
from tests.cloud.faults import Fault
from tests.cloud.findings_rules import findings_rules
from tests.cloud.mail import sample
from tests.cloud.mirror import SECURITY_INCIDENT
from tests.support.cards import opened
from tests.support.clients import sign_in_to
from tests.support.clock import START, FakeClock

Plant = Callable[[Cloud, FakeClock], dict[str, str] | None]
ORDER = (
    *("settings", "schedule", "sign-in", "workspace", "incidents", "rights", "clock", "data", "witness", "columns"),
    *("ledger", "webhook", "portals"),
)
FOREIGN = "0f0e4c57-55a5-4a43-9f0e-0c1f6a3a2b11"


def incident_row(provider: str, rules: tuple[str, ...] = (FOREIGN,)) -> dict[str, object]:
    """A row of SecurityIncident, of an incident that these analytics rules have made."""
    time = "2026-11-20T00:00:00Z"
    return {
        "TimeGenerated": time,
        "IncidentName": FOREIGN,
        "ProviderName": provider,
        "RelatedAnalyticRuleIds": list(rules),
    }


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A small Azure in which all is well: mail, its remediations, an incident of somebody else's."""
    with Cloud(clock=FakeClock()) as cloud:
        mail = sample(START)
        cloud.load("EmailEvents", mail.events)
        cloud.load("EmailPostDeliveryEvents", mail.post_delivery)
        cloud.append("SecurityIncident", [incident_row("Azure Sentinel")])
        sign_in_to(cloud.environment, monkeypatch)
        yield cloud


def examined(cloud: Cloud, folder: Path, plant: Plant | None = None, *, card: bool = False) -> list[Check]:
    """What the doctor finds once the fault is planted."""
    clock = FakeClock()
    given = (plant(cloud, clock) if plant else None) or {}
    values = {**cloud.environment, "LEDGER_URL": f"sqlite:///{folder}/ledger.db", **given}
    return list(examine(from_values(values), clock, send_test_card=card))


def without(table: str, columns: dict[str, str], *gone: str, **other: str) -> Plant:
    """The table without some columns, and with others of another type."""

    def plant(cloud: Cloud, _: FakeClock) -> None:
        left = {name: other.get(name, kind) for name, kind in columns.items() if name not in gone}
        cloud.tables.refresh.pop(table, None)  # it stays empty
        cloud.define(table, left)

    return plant


def refuse(service: str, match: str = "", status: int = 403) -> Plant:
    """A service, or one address of it, refuses."""

    def plant(cloud: Cloud, _: FakeClock) -> None:
        cloud.faults.add(Fault(service=service, match=match, status=status, times=None))

    return plant


def may(*actions: str, but: tuple[str, ...] = ()) -> Plant:
    """The identity may do just this."""

    def plant(cloud: Cloud, _: FakeClock) -> None:
        cloud.permissions[:] = [{"actions": list(actions), "notActions": list(but)}]

    return plant


def clock_off(seconds: float) -> Plant:
    """The clock of this machine is wrong by so many seconds."""
    return lambda _, clock: clock.jump(seconds=seconds)


def removed(table: str) -> Plant:
    """The table is not there."""
    return lambda cloud, _: cloud.remove(table)


EVENTS, ACTS = dict(schemas.EMAIL_EVENTS), dict(schemas.EMAIL_POST_DELIVERY_EVENTS)
OLD_FLOW = "https://prod-1.westeurope.logic.azure.com/workflows/0123/triggers/manual/paths/invoke?sig=0123456789abcdef"
FAULTS: dict[str, tuple[Plant, str, Found, str]] = {
    "a reader": (may("*/read"), "rights", Found.WRONG, "lacks Microsoft.SecurityInsights/incidents/write, "),
    "no comments": (
        may("Microsoft.SecurityInsights/incidents/read", "microsoft.securityinsights/INCIDENTS/write"),
        "rights",
        Found.WRONG,
        "comments/read, Microsoft.SecurityInsights/incidents/comments/write: give it the role Microsoft Sentinel Resp",
    ),
    "taken away": (may("*", but=("Microsoft.SecurityInsights/*/write",)), "rights", Found.WRONG, "incidents/write"),
    "nothing": (lambda cloud, _: cloud.permissions.clear(), "rights", Found.WRONG, "incidents/read"),
    "clock ahead": (clock_off(600), "clock", Found.WRONG, "this clock is 600 seconds ahead of Sentinel's"),
    "clock behind": (clock_off(-90), "clock", Found.WRONG, "this clock is 90 seconds behind Sentinel's"),
    "no witness": (removed("EmailPostDeliveryEvents"), "witness", Found.DOUBT, "tick EmailPostDeliveryEvents"),
    "an old flow": (lambda *_: {"TEAMS_WEBHOOK_URL": OLD_FLOW}, "webhook", Found.DOUBT, "make a new webhook"),
    "no subject": (
        without("EmailEvents", EVENTS, "Subject"),
        "columns",
        Found.WRONG,
        "EmailEvents lacks Subject (string)",
    ),
    "no result": (
        without("EmailPostDeliveryEvents", ACTS, "ActionResult"),
        "columns",
        Found.WRONG,
        "EmailPostDeliveryEvents lacks ActionResult (string): compare the table",
    ),
    "no title": (
        without("SecurityIncident", dict(SECURITY_INCIDENT), "Title", "Status"),
        "columns",
        Found.WRONG,
        "SecurityIncident lacks Title (string), Status (string)",
    ),
    "another type": (
        without("SecurityIncident", dict(SECURITY_INCIDENT), Title="dynamic"),
        "columns",
        Found.WRONG,
        "in SecurityIncident Title is dynamic, not string",
    ),
    "Sentinel refuses": (refuse("sentinel"), "workspace", Found.WRONG, "Responder"),
    "the logs refuse": (refuse("log_analytics"), "data", Found.WRONG, "Responder"),
    "a missing table": (removed("EmailEvents"), "data", Found.WRONG, "has no table EmailEvents"),
}


def test_all_is_well_with_every_check(well: Cloud, tmp_path: Path) -> None:
    """With everything in place each check says ok, in order, and nothing was written."""
    found = examined(well, tmp_path)
    assert [(check.about, check.found) for check in found] == [(about, Found.FINE) for about in ORDER]
    assert not [request for request in well.log if request.method in ("PUT", "PATCH", "DELETE")]
    assert well.cards == []


LIKE_ANOTHER = ("no comments", "taken away", "nothing", "clock behind", "no title", "another type", "a missing table")
"""Relatives of other faults: tried in the long run only."""


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=pytest.mark.slow if name in LIKE_ANOTHER else ()) for name in FAULTS]
)
def test_a_fault_is_named_with_its_fix_and_nothing_else_is(fault: str, well: Cloud, tmp_path: Path) -> None:
    """One check says what is wrong and what to do; every other says ok, or that it cannot tell; none is left out."""
    plant, about, kind, words = FAULTS[fault]
    found = examined(well, tmp_path, plant)
    wrong = [check for check in found if check.found not in (Found.FINE, Found.UNTRIED)]
    assert [(check.about, check.found) for check in wrong] == [(about, kind)], wrong
    assert words in wrong[0].words
    assert list(dict.fromkeys(check.about for check in found)) == list(ORDER)
    unsure = [check.words for check in found if check.found is Found.UNTRIED]
    assert not [text for text in unsure if "cannot tell" not in text or "has no column" in text]
    assert sum(wrong[0].words[:60] in check.words for check in found) == 1


def test_rights_that_may_not_be_listed_are_not_known(well: Cloud, tmp_path: Path) -> None:
    """An identity that may not ask what it may do: it cannot tell, and nothing is called wrong."""
    found = examined(well, tmp_path, refuse("sentinel", "Microsoft.Authorization"))
    assert [check.about for check in found if check.found is not Found.FINE] == ["rights"]
    (rights,) = (check for check in found if check.about == "rights")
    assert rights.found is Found.UNTRIED
    assert "the first sweep will show" in rights.words


@pytest.mark.parametrize(
    ("rows", "found", "words"),
    [
        (
            [("Azure Sentinel", (FOREIGN,))],
            Found.FINE,
            "is not onboarded to the Defender portal, as its incidents show",
        ),
        ([("Microsoft XDR", (FOREIGN,))], Found.DOUBT, "is onboarded to the Defender portal, and incidents made over"),
        ([("Azure Sentinel", ()), ("Microsoft XDR", ())], Found.DOUBT, "do not see the sweep's incidents"),
        ([("Azure Sentinel", ())], Found.UNTRIED, "cannot tell whether the workspace is onboarded"),  # over the API
        ([], Found.UNTRIED, "cannot tell whether the workspace is onboarded"),
    ],
)
def test_in_which_portal_analysts_work(
    rows: list[tuple[str, tuple[str, ...]]], found: Found, words: str, well: Cloud, tmp_path: Path
) -> None:
    """What is synchronised from Defender shows that the workspace is onboarded, a rule's own incident that it is not;
    one that was made over the API, as ours are, shows nothing."""
    well.load("SecurityIncident", [incident_row(*row) for row in rows])
    checks = examined(well, tmp_path)
    (portals,) = (check for check in checks if check.about == "portals")
    assert (portals.found, words in portals.words) == (found, True), portals.words
    assert "31 March 2027" in portals.words
    assert "set RAISE_BY=rule" in portals.words
    assert checks[0 if found is Found.DOUBT else -1] is portals


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("Microsoft XDR", "is onboarded to the Defender portal, where the analytics rules' incidents are shown"),
        ("Azure Sentinel", "is not onboarded to the Defender portal; once it is, it shows"),
        ("", "shows no incident of a rule in 30 days; the analytics rules' incidents are in both portals"),
    ],
)
def test_with_the_rule_every_portal_is_fine(provider: str, words: str, well: Cloud, tmp_path: Path) -> None:
    """With RAISE_BY=rule both portals show the incidents, so the check of the portals comes last and doubts nothing."""
    well.load("SecurityIncident", [incident_row(provider)] if provider else [])
    *_, portals = examined(well, tmp_path, by_rule())
    assert (portals.about, portals.found, words in portals.words) == ("portals", Found.FINE, True), portals.words


def by_rule(*, columns: dict[str, str] | None = None) -> Plant:
    """RAISE_BY=rule, with the findings table and the collection rule deployed."""

    def plant(cloud: Cloud, _: FakeClock) -> dict[str, str]:
        cloud.deploy_findings(*findings_rules())
        if columns is not None:
            cloud.define(FINDINGS_TABLE, columns)
        return cloud.rule_road

    return plant


def _together(*plants: Plant) -> Plant:
    """Several things at once."""

    def plant(cloud: Cloud, clock: FakeClock) -> dict[str, str]:
        return {name: value for each in plants for name, value in (each(cloud, clock) or {}).items()}

    return plant


def test_with_the_rule_its_own_parts_are_checked(well: Cloud, tmp_path: Path) -> None:
    """The table, the upload and the following are fine, no row is written; what was found before is counted."""
    found = {check.about: check for check in examined(well, tmp_path, by_rule())}
    assert {check.found for check in found.values()} == {Found.FINE}
    assert list(found) == [*ORDER[:-1], "findings", "uploads", "following", ORDER[-1]]
    assert "SecurityAlert and the findings table may be read" in found["rights"].words
    assert "no row was written" in found["uploads"].words
    assert "holds 0 findings of this workspace; the rules made alerts of 0 findings" in found["following"].words
    assert well.ingestion.rows == []


FEWER = {name: kind for name, kind in FINDINGS.items() if name not in ("Parts", "Sender3")} | {"Attempt": "string"}
RULE_FAULTS: dict[str, tuple[Plant, str, Found, str]] = {
    "an old table": (
        by_rule(columns=FEWER),
        "findings",
        Found.WRONG,
        "lacks Parts (int), Sender3 (string); Attempt is string, not int. What no column takes is lost",
    ),
    "no role": (
        refuse("ingestion"),
        "uploads",
        Found.WRONG,
        "Monitoring Metrics Publisher on the data collection rule",
    ),
    "another rule": (
        lambda *_: {"FINDINGS_RULE_ID": "dcr-" + "0" * 32},
        "uploads",
        Found.WRONG,
        "check that FINDINGS_ENDPOINT, FINDINGS_RULE_ID and FINDINGS_STREAM are those of one",
    ),
    "no upload": (
        lambda cloud, _: cloud.refuse("ingestion"),
        "uploads",
        Found.WRONG,
        "(the host of FINDINGS_ENDPOINT is 127.0.0.1",
    ),
    "no alert yet": (removed("SecurityAlert"), "following", Found.UNTRIED, "query/SecurityAlert/read"),
    "few rights": (
        may("Microsoft.SecurityInsights/*", "Microsoft.OperationalInsights/workspaces/query/SecurityIncident/read"),
        "rights",
        Found.WRONG,
        "query/SecurityAlert/read, Microsoft.OperationalInsights/workspaces/query/Tables.Custom/read",
    ),
}


@pytest.mark.parametrize("name", RULE_FAULTS)
def test_a_fault_of_the_rule_road_is_named(name: str, well: Cloud, tmp_path: Path) -> None:
    """Each is found by its own check, with what to do, and nothing else is called wrong."""
    plant, about, found, words = RULE_FAULTS[name]
    checks = examined(well, tmp_path, _together(by_rule(), plant))
    [check] = [check for check in checks if check.found is not Found.FINE]
    assert (check.about, check.found) == (about, found), check
    assert words in check.words


def test_what_was_never_deployed_is_named(well: Cloud, tmp_path: Path) -> None:
    """With RAISE_BY=rule and neither table nor collection rule, both are named, and where to read on."""
    found = {check.about: check for check in examined(well, tmp_path, lambda *_: well.rule_road)}
    assert [about for about, check in found.items() if check.found is Found.WRONG] == ["findings", "uploads"]
    assert f"there is no table {FINDINGS_TABLE}, or the identity may not read it" in found["findings"].words
    assert "docs/portals.md" in found["findings"].words


def test_an_upload_of_nothing_may_be_refused(well: Cloud, tmp_path: Path) -> None:
    """A service that refuses the empty list for what it holds has let us in."""
    body = {"error": {"code": "InvalidPayload", "message": "no items"}}
    well.faults.add(Fault(service="ingestion", status=400, body=body, times=None))
    found = {check.about: check for check in examined(well, tmp_path, by_rule())}
    assert found["uploads"].found is Found.FINE
    assert "(400); no row was written" in found["uploads"].words


def test_a_test_card_is_marked_and_said(well: Cloud, tmp_path: Path) -> None:
    """The card says that it is a test, and the doctor what to look for and where when it does not appear."""
    *others, last = examined(well, tmp_path, card=True)
    assert [check.about for check in others] == list(ORDER)
    assert (last.about, last.found) == ("test card", Found.FINE)
    assert len(well.cards) == 1
    shown = json.dumps(well.cards[0])
    assert TRIAL_HEADING in shown
    assert TRIAL_HEADING in last.words
    reference = last.words.partition("reference ")[2][:8]
    assert f"reference {reference}" in shown
    opened(Card(reference, trial_card("soc", reference, START)))  # every check that holds for all cards
    assert "run history" in last.words
    assert well.environment["TEAMS_WEBHOOK_URL"] not in last.words


@pytest.mark.parametrize(
    ("given", "status", "found", "words"),
    [
        ({}, 404, Found.WRONG, "404"),
        ({"DRY_RUN": "true"}, 0, Found.UNTRIED, "not sent: DRY_RUN is on"),
        ({"DRY_RUN": "true", "TEAMS_WEBHOOK_URL": ""}, 0, Found.UNTRIED, "not sent: TEAMS_WEBHOOK_URL is not set"),
    ],
)
def test_a_test_card_that_is_not_taken(
    given: dict[str, str], status: int, found: Found, words: str, well: Cloud, tmp_path: Path
) -> None:
    """Refused, it is wrong with what to do; a dry run posts nothing."""
    if status:
        well.faults.add(Fault(service="teams", status=status, times=None))
    *_, last = examined(well, tmp_path, lambda *_: given, card=True)
    assert (last.about, last.found) == ("test card", found)
    assert words in last.words
    assert well.cards == []


def test_responder_may_write() -> None:
    """Microsoft's role grants all that the sweep does; so do several entries together."""
    assert not_permitted([RESPONDER], WRITING) == []
    assert not_permitted([{"actions": [action]} for action in WRITING], WRITING) == []
    assert not_permitted([{"actions": "*"}, {"actions": None}, {}, {"actions": [1]}], WRITING) == list(WRITING)
    assert not_permitted([{"actions": ["*"], "notActions": ["*"]}, {"actions": WRITING}], WRITING) == []
    assert not_permitted([{"actions": ["*"], "notActions": ["*/WRITE"]}], WRITING) == [WRITING[1], WRITING[3]]


@given(st.text(max_size=30))
def test_a_pattern_is_text_but_for_its_asterisks(text: str) -> None:
    """Whatever else a pattern holds stands for itself."""
    action = text.replace("*", "")
    assert not_permitted([{"actions": [action]}], [action]) == []
    assert not_permitted([{"actions": [action + "*"]}], [action + "/write"]) == []
    assert not_permitted([{"actions": ["x" + action]}], [action]) == [action]
