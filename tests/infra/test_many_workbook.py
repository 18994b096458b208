"""The workbook of many workspaces: it picks by name, and shows each workspace and each round."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.cloud.mirror import SECURITY_INCIDENT
from tests.infra.many import CONTOSO, NORTHWIND, OWN, THREE, WITHOUT_OWN, deployed_with, workspace_line
from tests.infra.many_rules import RULES, condition_of
from tests.infra.rounds_logged import MINUTE, announced, line, minutes_on, summed_up, swept
from tests.infra.telemetry import APP_TRACES, Row, ask, workspace
from tests.support.kusto import parse

OF_ONE = ["outcomes", "findings", "actions", "open-by-age", "data", "due", "open", "sweeps"]


def _workbook(entries: object = THREE, **given: Any) -> dict[str, Any]:
    """The workbook's content."""
    (found,) = (item for item in deployed_with(entries, **given) if item.type == "Microsoft.Insights/workbooks")
    content: dict[str, Any] = json.loads(found.body["properties"]["serializedData"])
    return content


BOOK = _workbook()
PANELS = {item["name"]: item["content"] for item in BOOK["items"] if item["type"] == 3}


def _pickers(book: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What can be picked, by name."""
    (found,) = (item["content"]["parameters"] for item in book["items"] if item["type"] == 9)
    return {picker["name"]: picker for picker in found}


def _picked(panel: str, names: str, *rows: Row) -> list[Row]:
    """What a panel shows when these names are picked, as the workbook fills them in."""
    with workspace(rows) as tables:
        return ask(PANELS[panel]["query"].replace("{Workspace}", names), tables, minutes_on(60))


def _day() -> list[Row]:
    """The lines of a round with all sorts of ends."""
    return [
        *announced("contoso", "fabrikam", "northwind", "tailspin", "wingtip"),
        *swept("quiet", "contoso", -MINUTE),
        *swept("failing", "fabrikam", -2 * MINUTE),
        *swept("dry run", "northwind", -3 * MINUTE),
        *swept("invalid", "tailspin", -4 * MINUTE),
        line("sweep_abandoned", -50 * MINUTE, round="r", workspace_name="wingtip", tries=3),
        *summed_up([("clean", 1), ("failed", 3), ("planned", 1)], -50 * MINUTE),
    ]


def test_the_panels_of_one_and_two_more() -> None:
    """With entries every panel is there, and one for the workspaces and one for the rounds; without, none of it is."""
    assert list(PANELS) == [*OF_ONE, "workspaces", "rounds"]
    plain = _workbook([])
    assert [item["name"] for item in plain["items"] if item["type"] == 3] == OF_ONE
    assert list(_pickers(plain)) == ["TimeRange"]
    assert "{" not in json.dumps(plain["fallbackResourceIds"])


def test_what_can_be_picked() -> None:
    """Receipts are picked by the names that the app logged, all of them at first; incidents by an entry's name."""
    found = _pickers(BOOK)
    assert list(found) == ["TimeRange", "Workspace", "Sentinel"]
    assert (found["Workspace"]["type"], found["Workspace"]["multiSelect"]) == (2, True)
    assert found["Workspace"]["typeSettings"]["selectAllValue"] == "*"
    assert found["Workspace"]["defaultValue"] == "value::all"
    choices = json.loads(found["Sentinel"]["jsonData"])
    assert found["Sentinel"]["type"] == 5
    assert [choice["label"] for choice in choices] == ["contoso", "fabrikam", "northwind", "own"]
    assert [choice["selected"] for choice in choices] == [True, False, False, False]
    assert (choices[0]["value"], choices[2]["value"], choices[3]["value"]) == (CONTOSO.lower(), NORTHWIND.lower(), OWN)
    with workspace(_day()) as tables:
        names = ask(found["Workspace"]["query"], tables, minutes_on(60))
    assert [row["workspace_name"] for row in names] == ["contoso", "fabrikam", "northwind", "tailspin", "wingtip"]


def test_own_is_picked_where_there_is_one() -> None:
    """The app's own workspace is listed once: as `own`, or under the name of the entry that names it; else not."""
    named = [*THREE, workspace_line("home", OWN)]
    for entries, given, labels in (
        (named, {}, ["contoso", "fabrikam", "northwind", "home"]),
        (THREE, WITHOUT_OWN, ["contoso", "fabrikam", "northwind"]),
    ):
        choices = json.loads(_pickers(_workbook(entries, **given))["Sentinel"]["jsonData"])
        assert [choice["label"] for choice in choices] == labels


@pytest.mark.parametrize("name", PANELS)
def test_each_panel_asks_where_its_rows_are(name: str) -> None:
    """Receipts and rounds are asked of the app's own workspace, incidents of the one that is picked."""
    incidents = "SecurityIncident" in PANELS[name]["query"]
    assert PANELS[name]["crossComponentResources"] == [
        "{Sentinel}" if incidents else "<monitoring.outputs.workspaceId>"
    ]
    assert ("{Workspace}" in PANELS[name]["query"]) == (not incidents and name != "rounds")


@pytest.mark.slow
def test_microsofts_parser_takes_every_query() -> None:
    """Microsoft's own parser and binder accept every panel and alarm, and see the columns that the alarms split by."""
    tables = {"AppTraces": APP_TRACES, "SecurityIncident": SECURITY_INCIDENT}
    conditions = [condition_of(rule) for rule in RULES.values()]
    texts = [content["query"] for content in PANELS.values()] + [_pickers(BOOK)["Workspace"]["query"]]
    queries = [text.replace("{Workspace}", "'contoso','fabrikam'") for text in texts]
    # The binder knows one workspace only.
    queries += [re.sub(r"workspace\('[^']+'\)\.", "", each["query"]) for each in conditions]
    (answers,) = parse([(tables, queries)])
    assert [answer["diagnostics"] for answer in answers] == [[]] * len(queries)
    for condition, answer in zip(conditions, answers[len(texts) :], strict=True):
        columns = {*(each["name"] for each in condition["dimensions"]), condition.get("metricMeasureColumn", "")} - {""}
        assert columns <= answer["columns"].keys()


def test_each_workspace_by_its_last_receipt() -> None:
    """One line a workspace, the worst first, with its last receipt's figures; what was picked narrows it."""
    healed = swept("flagged", "fabrikam", -20 * MINUTE)
    shown = _picked("workspaces", "'*'", *_day(), *healed)
    assert [(row["workspace_name"], row["Outcome"]) for row in shown] == [
        ("tailspin", "settings invalid"),
        ("wingtip", "abandoned"),
        ("northwind", "dry run"),
        ("fabrikam", "flagged"),
        ("contoso", "clean"),
    ]
    assert [row["workspace_name"] for row in _picked("workspaces", "'contoso','wingtip'", *_day())] == [
        "wingtip",
        "contoso",
    ]
    assert "LOOKBACK_DAYS" in shown[0]["Reasons"]
    assert shown[3]["Flagged"] == 1


def test_charts_follow_what_is_picked() -> None:
    """The charts and the list of sweeps show the picked workspaces' receipts only, each once."""
    twice = [*_day(), *_day()]
    assert sum(row["Sweeps"] for row in _picked("outcomes", "'*'", *twice)) == 5
    assert [row["Outcome"] for row in _picked("outcomes", "'fabrikam'", *twice)] == ["failed"]
    listed = _picked("sweeps", "'fabrikam','contoso'", *twice)
    assert [(row["workspace_name"], row["Outcome"]) for row in listed] == [("fabrikam", "failed"), ("contoso", "clean")]
    assert _picked("outcomes", "'nobody'", *twice) == []


def test_each_round() -> None:
    """A round is one line with the counts that it was told with, the newest first."""
    older = summed_up([("clean", 5)], timedelta(days=1), slot="r0")
    shown = _picked("rounds", "'*'", *older, *_day(), *_day()[-1:])
    assert [(row["Complete"], row["Workspaces"], row["Failed"], row["DryRuns"]) for row in shown] == [
        ("no", 5, 3, 1),
        ("yes", 5, 0, 0),
    ]
    assert shown[0]["Minutes"] == pytest.approx(312.5 / 60)


def test_hundreds_can_be_picked() -> None:
    """The list stays within 500, however many there are."""
    entries = [workspace_line(f"w{n}", f"{CONTOSO}{n}") for n in range(600)]
    choices = json.loads(_pickers(_workbook(entries, sentinelAccess="none"))["Sentinel"]["jsonData"])
    assert len(choices) == 500
