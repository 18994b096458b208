"""The alarms of many workspaces: their KQL, word for word as deployed, over the lines of rounds."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.cloud.mirror import SECURITY_INCIDENT
from tests.infra.bicep import INFRA
from tests.infra.many import CONTOSO, OWN, THREE, WITHOUT_OWN, deployed_with, outputs_with, workspace_line
from tests.infra.many_rules import (
    DRY_RUNS,
    ENTRIES,
    GOOD_END,
    NO_ROUND,
    RULES,
    TROUBLE,
    UNATTENDED,
    condition_of,
    many_rules,
    misses_a_round,
    told_by_name,
)
from tests.infra.rounds_logged import MINUTE, announced, line, minutes_on, summed_up, swept
from tests.infra.sweeps_logged import logged_before, skipped
from tests.infra.telemetry import Row, ask, range_of, rules, workspace
from tests.infra.test_alarms import unfit
from tests.infra.test_bicep import GIVEN
from tests.support.clock import START

BY_NAME = (GOOD_END, TROUBLE, DRY_RUNS)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _names(rule: str, now: datetime, *rows: Row, **given: Any) -> list[str]:
    """Whom a rule tells about when it is evaluated then."""
    return told_by_name(rule, now, rows, **given)


def _mails(now: datetime, *rows: Row) -> dict[str, int]:
    """How often each is told while every rule is evaluated hourly, from then on until all has been told."""
    counts: Counter[str] = Counter()
    with workspace(rows) as tables:
        for hour in range(6):
            for rule in BY_NAME:
                moment = now + hour * HOUR
                for row in ask(condition_of(RULES[rule])["query"], tables, moment, range_of(RULES[rule])):
                    counts[f"{rule}/{row['workspace_name']}"] += 1
    return dict(counts)


def _no_round(now: datetime, *rows: Row, **given: Any) -> bool:
    """Whether the rule about rounds fires then."""
    return misses_a_round(now, rows, **given)


# ---- which rules there are


def test_the_rules_with_entries() -> None:
    """The rules of one workspace are there with other queries, one is added, and one for the entries' own incidents."""
    assert RULES.keys() == {NO_ROUND, GOOD_END, TROUBLE, DRY_RUNS, UNATTENDED, ENTRIES}
    assert rules(GIVEN).keys() == {NO_ROUND, TROUBLE, DRY_RUNS, UNATTENDED}
    assert many_rules(**WITHOUT_OWN).keys() == RULES.keys() - {UNATTENDED}
    assert many_rules(absenceHours=0, allowNoAlarm=True).keys() == RULES.keys() - {NO_ROUND}
    unwatched = many_rules(watchSentinel=False, sentinelLocation="northeurope")
    assert unwatched.keys() == RULES.keys() - {UNATTENDED, ENTRIES}


@pytest.mark.parametrize("rule", [GOOD_END, TROUBLE, DRY_RUNS, ENTRIES])
def test_workspaces_are_told_apart(rule: str) -> None:
    """A rule by name splits by workspace_name, and mutes nothing: one workspace may not silence another."""
    properties = RULES[rule].body["properties"]
    split = [dimension["name"] for dimension in condition_of(RULES[rule])["dimensions"]]
    assert split == ["workspace_name", *(["Trouble"] if rule == TROUBLE else [])]
    assert properties["muteActionsDuration"] is None


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_runbook_and_tells_somebody(rule: str) -> None:
    """Each rule is evaluated hourly, mails the action group, and names a section of the runbook."""
    properties = RULES[rule].body["properties"]
    assert (properties["evaluationFrequency"], properties["autoMitigate"]) == ("PT1H", False)
    assert properties["actions"] == {"actionGroups": ["<onCall.id>"]}
    named = re.search(r'docs/operate\.md, "([^"]+)"', properties["description"])
    assert named
    assert f"\n## {named[1]}\n" in (INFRA.parent / "docs/operate.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("deadline", [30, 120, 1200])
@pytest.mark.parametrize("rule", RULES)
def test_azure_monitor_takes_every_query(rule: str, deadline: int) -> None:
    """Times are literals within the two days that an alert may look back, and nothing is left to be filled in."""
    query = condition_of(many_rules(roundDeadlineMinutes=deadline)[rule])["query"]
    assert unfit(query) == []
    units = {"m": MINUTE, "h": HOUR, "d": DAY}
    assert max(int(number) * units[unit] for number, unit in re.findall(r"ago\((\d+)([mhd])\)", query)) <= 2 * DAY


# ---- rounds, from the healthy to none


def _healthy(ago: timedelta = timedelta(), slot: str = "r1") -> list[Row]:
    """A round in which everyone ends well."""
    return [
        *announced("contoso", "fabrikam", ago=ago, slot=slot),
        *swept("quiet", "contoso", ago - 3 * MINUTE, slot),
        *swept("flagged", "fabrikam", ago - 5 * MINUTE, slot),
        *summed_up([("clean", 1), ("flagged", 1)], ago - 5 * MINUTE, slot),
    ]


def test_a_healthy_round() -> None:
    """Nobody is told of anything, at any hour."""
    assert _mails(minutes_on(7), *_healthy()) == {}
    assert not _no_round(minutes_on(60), *_healthy())


def test_healed_by_a_second_try() -> None:
    """What a second try made good is no trouble, whenever the alarms look."""
    rows = [
        *announced("contoso"),
        *swept("due", "contoso", -2 * MINUTE),
        *swept("flagged", "contoso", -14 * MINUTE),
        *summed_up([("flagged", 1)], -14 * MINUTE),
    ]
    assert _mails(minutes_on(3), *rows) == {}


@pytest.mark.parametrize(
    ("scene", "trouble"),
    [
        ("failing", "it failed"),
        ("untrusted", "its data cannot be trusted"),
        ("due", "it left findings due"),
        ("invalid", "its settings are invalid"),
    ],
)
def test_one_fails(scene: str, trouble: str) -> None:
    """The one in trouble is told by name, with what is wrong, and has no good end; the others are left in peace."""
    rows = [
        *announced("contoso", "fabrikam"),
        *swept(scene, "contoso", -4 * MINUTE),
        *swept("quiet", "fabrikam", -MINUTE),
    ]
    assert _names(TROUBLE, minutes_on(60), *rows) == [f"contoso: {trouble}"]
    assert _names(GOOD_END, minutes_on(200), *rows) == ["contoso"]
    assert _names(DRY_RUNS, minutes_on(60), *rows) == []


@pytest.mark.parametrize("minute", [13, *(pytest.param(each, marks=pytest.mark.slow) for each in range(0, 60, 6))])
def test_each_is_told_once_or_twice(minute: int) -> None:
    """Whatever minute of the hour the rules are evaluated at, each trouble is told, and at most twice."""
    rows = [
        *announced("contoso", "fabrikam", "northwind"),
        *swept("failing", "contoso", -4 * MINUTE),
        *swept("untrusted", "fabrikam", -70 * MINUTE),
        *swept("quiet", "northwind", -MINUTE),
    ]
    found = _mails(minutes_on(minute), *rows)
    told_of = {f"{rule}/{name}" for rule in (TROUBLE, GOOD_END) for name in ("contoso", "fabrikam")}
    assert found.keys() == told_of
    assert set(found.values()) <= {1, 2}


def test_one_trouble_does_not_silence_another() -> None:
    """A workspace that fails hours after another one is told all the same."""
    rows = [
        *announced("contoso", "fabrikam"),
        *swept("failing", "contoso", -4 * MINUTE),
        *swept("failing", "fabrikam", -95 * MINUTE),
    ]
    assert _names(TROUBLE, minutes_on(60), *rows) == ["contoso: it failed"]
    assert _names(TROUBLE, minutes_on(180), *rows) == ["fabrikam: it failed"]


def test_the_one_that_dies_three_times() -> None:
    """A sweep that was abandoned leaves no receipt: its own line is the trouble, until a good sweep."""
    dead = [*announced("contoso"), line("sweep_abandoned", -40 * MINUTE, round="r1", workspace_name="contoso", tries=3)]
    assert _names(TROUBLE, minutes_on(100), *dead) == ["contoso: it was abandoned"]
    assert _names(GOOD_END, minutes_on(160), *dead) == ["contoso"]
    healed = [*dead, *swept("quiet", "contoso", -50 * MINUTE)]
    assert _names(TROUBLE, minutes_on(100), *healed) == []


def test_the_one_that_is_missing() -> None:
    """A workspace of which nothing was heard has no good end, also when the queue was emptied for all."""
    rows = [*announced("contoso", "fabrikam"), *swept("quiet", "fabrikam", -MINUTE)]
    assert _names(GOOD_END, minutes_on(149), *rows) == []
    assert _names(GOOD_END, minutes_on(151), *rows) == ["contoso"]
    assert _names(GOOD_END, minutes_on(239), *rows) == ["contoso"]
    assert _names(GOOD_END, minutes_on(241), *rows) == []
    assert _names(GOOD_END, minutes_on(200), *announced("contoso", "fabrikam")) == ["contoso", "fabrikam"]
    assert _names(TROUBLE, minutes_on(60), *rows) == []


@pytest.mark.parametrize("deadline", [30, 1200])
def test_the_deadline_is_waited_for(deadline: int) -> None:
    """The alarm follows ROUND_DEADLINE_MINUTES, from the shortest to the longest."""
    rows = announced("contoso")
    assert _names(GOOD_END, minutes_on(deadline + 29), *rows, roundDeadlineMinutes=deadline) == []
    assert _names(GOOD_END, minutes_on(deadline + 31), *rows, roundDeadlineMinutes=deadline) == ["contoso"]


def test_an_earlier_good_end_does_not_count() -> None:
    """Yesterday's good sweep is no good end of today's round, and a sweep by hand after its beginning is."""
    yesterday = [*_healthy(DAY, "r0"), *swept("quiet", "contoso", 20 * MINUTE, "")]
    assert _names(GOOD_END, minutes_on(180), *yesterday, *announced("contoso")) == ["contoso"]
    by_hand = swept("quiet", "contoso", -170 * MINUTE, "")
    assert _names(GOOD_END, minutes_on(180), *yesterday, *announced("contoso"), *by_hand) == []
    for verdict, dry_run in (("untrusted", False), ("clean", True), ("failed", False)):
        ended = {"workspace_name": "contoso", "verdict": verdict, "dry_run": dry_run}
        no_good = line("sweep_completed", -170 * MINUTE, **ended)
        assert _names(GOOD_END, minutes_on(180), *announced("contoso"), no_good) == ["contoso"]


def test_only_dry_runs_by_name() -> None:
    """A workspace that ran dry only is told by name, and has no good end; nothing of it is trouble."""
    rows = [
        *announced("contoso", "fabrikam"),
        *swept("dry run", "contoso", -MINUTE),
        *swept("quiet", "fabrikam", -MINUTE),
    ]
    assert _names(DRY_RUNS, minutes_on(60), *rows) == ["contoso"]
    assert _names(GOOD_END, minutes_on(180), *rows) == ["contoso"]
    assert _names(TROUBLE, minutes_on(60), *rows) == []
    real = [*rows, *swept("flagged", "contoso", -20 * MINUTE)]
    assert _names(DRY_RUNS, minutes_on(60), *real) == []


def test_no_round() -> None:
    """Without a round's beginning within ABSENCE_HOURS it is told, whatever else the app logs."""
    assert _no_round(minutes_on(60))
    assert _no_round(minutes_on(60), *swept("quiet", "contoso"), *summed_up([("clean", 1)]))
    assert not _no_round(minutes_on(60), *announced("contoso", ago=25 * HOUR - 5 * MINUTE))
    assert _no_round(minutes_on(60), *announced("contoso", ago=26 * HOUR))
    assert not _no_round(minutes_on(60), *announced("contoso", ago=40 * HOUR), absenceHours=47)


def test_a_broken_file_is_trouble_until_a_round_begins() -> None:
    """Settings that keep a round from beginning have no workspace's name; the next round that begins heals them."""
    broken = line("settings_invalid", mistakes=["workspaces.json is not JSON"])
    assert _names(TROUBLE, minutes_on(60), broken) == ["workspaces.json: its settings are invalid"]
    assert _names(TROUBLE, minutes_on(60), broken, *announced("contoso", ago=-10 * MINUTE)) == []


def test_what_is_no_end_is_not_taken_for_one() -> None:
    """A skipped sweep, a line that merely quotes one, and a name in a reason change nothing."""
    rows = [*announced("contoso"), *swept("failing", "contoso", -4 * MINUTE), skipped(-5 * MINUTE)]
    rows.append(line("sweep_skipped", -6 * MINUTE, workspace_name="contoso", dry_run=False, due=0))
    quoting = line("sweep_failed", -4 * MINUTE, workspace_name="fabrikam", notes=['"workspace_name": "contoso"'])
    assert _names(TROUBLE, minutes_on(60), *rows, quoting) == ["contoso: it failed", "fabrikam: it failed"]


def test_lines_of_one_workspace_are_left_behind() -> None:
    """Lines from before the first entry, without a name, are nobody's trouble once a round has begun."""
    before = [*logged_before("failing", HOUR), *logged_before("dry run", 2 * HOUR)]
    assert _names(TROUBLE, minutes_on(60), *before, *_healthy()) == []
    assert _names(DRY_RUNS, minutes_on(60), *before, *_healthy()) == []


# ---- incidents that nobody takes


def _incident(name: str, created: datetime, **more: Any) -> Row:
    """A High incident of ours that is New and unowned."""
    return {
        "TimeGenerated": created,
        "CreatedTime": created,
        "IncidentName": name,
        "Title": "Unusual volume of remediated email: a@contoso.com",
        "Severity": "High",
        "Status": "New",
        "Labels": [{"labelName": "email-remediation-sweep", "labelType": "User"}],
        **more,
    }


def _waiting(now: datetime, **rows: list[Row]) -> list[tuple[str, str]]:
    """Whom the rule about the entries' incidents tells of then: workspace and the incident's title's start."""
    rule = RULES[ENTRIES]
    query = condition_of(rule)["query"].replace("union isfuzzy=true", "union")
    for entry in THREE[:2]:
        query = query.replace(
            f"workspace('{entry['SENTINEL_WORKSPACE_ID']}').SecurityIncident", f"Incidents_{entry['name']}"
        )
    with workspace() as tables:
        for name in ("contoso", "fabrikam"):
            tables.define(f"Incidents_{name}", SECURITY_INCIDENT)
            tables.append(f"Incidents_{name}", rows.get(name, []))
        return sorted((row["workspace_name"], row["Title"][:7]) for row in ask(query, tables, now, range_of(rule)))


def test_whose_incidents_are_watched() -> None:
    """One query reads every workspace that the deployment may read, but the app's own, which keeps its rule."""
    query = condition_of(RULES[ENTRIES])["query"]
    assert re.findall(r"workspace\('([^']+)'\)", query) == [entry["SENTINEL_WORKSPACE_ID"] for entry in THREE[:2]]
    assert RULES[ENTRIES].body["properties"]["scopes"] == ["<monitoring.outputs.workspaceId>"]
    assert RULES[ENTRIES].body["properties"]["skipQueryValidation"] is True
    assert RULES[UNATTENDED].body == rules(GIVEN)[UNATTENDED].body
    assert RULES[UNATTENDED].body["properties"]["scopes"] == [OWN]
    assert "SENTINEL_ACCESS is none" in outputs_with()["NOT_WATCHED"]
    assert outputs_with(THREE[:2])["NOT_WATCHED"] == ""


def test_a_query_does_not_grow_without_end() -> None:
    """With more workspaces than one query reads, the deployment says so; the query stays within 10,000 characters."""
    entries = [workspace_line(f"{n:040d}", f"{CONTOSO}{n}") for n in range(60)]
    (rule,) = (item for item in deployed_with(entries) if item.body.get("name") == ENTRIES)
    query = condition_of(rule)["query"]
    assert query.count(").SecurityIncident |") == 50
    assert len(query) < 10_000
    assert "beyond the first 50" in outputs_with(entries)["NOT_WATCHED"]


def test_who_waits_is_told_by_name() -> None:
    """An incident that has waited for a day is told once or twice, and again when it changes; an owned one is not."""
    contoso = [_incident("1", START)]
    told_at = [hour for hour in range(22, 28) if _waiting(START + hour * HOUR + 20 * MINUTE, contoso=contoso)]
    assert told_at in ([24, 25], [24])
    changed = [*contoso, _incident("1", START, TimeGenerated=START + 40 * HOUR)]
    assert _waiting(START + 41 * HOUR, contoso=changed, fabrikam=[]) == [("contoso", "Unusual")]
    owned = [_incident("1", START, Owner={"assignedTo": "Ana"})]
    assert _waiting(START + 24 * HOUR + 20 * MINUTE, contoso=owned, fabrikam=[_incident("2", START)]) == [
        ("fabrikam", "Unusual")
    ]
