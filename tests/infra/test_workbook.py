"""The workbook: its panels' KQL, word for word as it is deployed, over what real sweeps log and raise."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.model import Remedy
from shared.sweep.receipt import as_json
from tests.cloud.mail import Mail
from tests.cloud.mirror import SECURITY_INCIDENT
from tests.infra.bicep import INFRA, deployed
from tests.infra.rounds_logged import ROUND_FIELDS
from tests.infra.sweeps_logged import SCENES, logged_before, logged_in, skipped
from tests.infra.telemetry import APP_TRACES, Row, ask, workspace
from tests.infra.test_bicep import GIVEN, WORKSPACE
from tests.support.clock import START
from tests.support.kusto import parse
from tests.support.tenant import Tenant

(WORKBOOK,) = (item for item in deployed(GIVEN) if item.type == "Microsoft.Insights/workbooks")
DATA: Mapping[str, Any] = json.loads(WORKBOOK.body["properties"]["serializedData"])
PANELS = {item["name"]: item["content"] for item in DATA["items"] if item["type"] == 3}
OURS = "<monitoring.outputs.workspaceId>"
TABLES = {"AppTraces": APP_TRACES, "SecurityIncident": SECURITY_INCIDENT}
RECEIPTS = [name for name in SCENES if name != "invalid"]
# A week of sweeps, the newest last; each a day after the one before.
WEEK = ("quiet", "flagged", "failing", "untrusted", "due", "dry run", "invalid")


def week() -> list[Row]:
    """The lines of that week."""
    return [row for day, name in enumerate(reversed(WEEK)) for row in logged_before(name, timedelta(days=day))]


def panel(name: str, *rows: Row) -> list[Row]:
    """What a panel shows over these lines."""
    with workspace(rows) as tables:
        return ask(PANELS[name]["query"], tables, START + timedelta(hours=1))


def _receipt(name: str) -> dict[str, Any]:
    """The receipt of a scene, as JSON."""
    found = logged_in(name).receipt
    assert found is not None
    return as_json(found)


def series(rows: list[Row], key: str, value: str) -> dict[str, Any]:
    """The one value of each series."""
    assert len({row[key] for row in rows}) == len(rows)
    return {row[key]: row[value] for row in rows}


def test_it_stands_in_sentinel() -> None:
    """It is a shared workbook of the Sentinel workspace, with the documented panels, charts before tables."""
    assert WORKBOOK.body["kind"] == "shared"
    assert WORKBOOK.body["properties"]["category"] == "sentinel"
    assert WORKBOOK.body["properties"]["sourceId"] == WORKSPACE
    assert DATA["version"] == "Notebook/1.0"
    drawn = [content["visualization"] for content in PANELS.values()]
    assert list(PANELS) == ["outcomes", "findings", "actions", "open-by-age", "data", "due", "open", "sweeps"]
    assert drawn[-2:] == ["table", "table"]
    assert "table" not in drawn[:-2]


@pytest.mark.parametrize("name", PANELS)
def test_each_panel_asks_where_its_table_is(name: str) -> None:
    """Receipts are asked of the app's own workspace, incidents of the Sentinel workspace; one time range rules all."""
    content = PANELS[name]
    _incidents = "SecurityIncident" in content["query"]
    assert ("AppTraces" in content["query"]) != _incidents
    assert content["crossComponentResources"] == [WORKSPACE if _incidents else OURS]
    (ranges,) = (item["content"]["parameters"] for item in DATA["items"] if item["type"] == 9)
    assert [parameter["name"] for parameter in ranges] == [content["timeContextFromParameter"]]


def test_microsofts_parser_has_nothing_to_say() -> None:
    """Microsoft's own parser and binder accept every panel's KQL."""
    (answers,) = parse([(TABLES, [content["query"] for content in PANELS.values()])])
    assert [answer["diagnostics"] for answer in answers] == [[]] * len(PANELS)


@pytest.mark.parametrize("name", ["outcomes", "findings", "actions", "data", "due", "sweeps"])
def test_nothing_is_shown_where_nothing_was(name: str) -> None:
    """Before the first sweep a panel is empty; it does not fail."""
    assert panel(name) == []


def test_how_sweeps_ended() -> None:
    """Each sweep counts once on its day under its outcome: verdict, dry run or invalid settings."""
    shown = panel("outcomes", *week())
    assert [row["Outcome"] for row in shown] == [
        "clean", "flagged", "failed", "untrusted", "flagged", "dry run", "settings invalid",
    ]  # fmt: skip
    assert [row["Sweeps"] for row in shown] == [1] * 7
    assert len({row["Day"] for row in shown}) == 7


def test_a_line_that_came_twice_counts_once() -> None:
    """Telemetry is delivered at least once; a repeated line is one sweep, and a skipped one none."""
    rows = [*logged_before("quiet", timedelta()), *logged_before("quiet", timedelta()), skipped(timedelta())]
    assert [row["Sweeps"] for row in panel("outcomes", *rows)] == [1]
    assert len(panel("sweeps", *rows)) == 1


@pytest.mark.parametrize("name", RECEIPTS)
def test_findings_are_the_receipts(name: str) -> None:
    """What became of the flagged recipients is what the receipt counts."""
    said = _receipt(name)
    assert series(panel("findings", *logged_before(name, timedelta())), "What", "Recipients") == {
        "flagged": said["flagged"],
        "new incident": said["created"],
        "standing": said["standing"],
        "settled": said["settled"],
        "held": said["held"],
    }


@pytest.mark.parametrize("name", ["quiet", "flagged", "due", "dry run"])
def test_actions_are_the_coverages(name: str) -> None:
    """The four actions are those of the rule, with the rows that the sweep saw; one that was not there is zero."""
    said = _receipt(name)["coverage"]["actions"]
    shown = series(panel("actions", *logged_before(name, timedelta())), "Action", "Rows")
    assert shown == {remedy.value: said.get(remedy.value, 0) for remedy in Remedy}
    assert name == "quiet" or sum(shown.values()) == 60


def test_actions_need_a_coverage() -> None:
    """A sweep that failed before it measured anything adds nothing to the actions."""
    assert panel("actions", *logged_before("failing", timedelta())) == []


def test_the_data_under_the_verdicts() -> None:
    """Each figure that trust depends on is that of the coverage."""
    said = _receipt("flagged")
    coverage = said["coverage"]
    age = datetime.fromisoformat(said["started"]) - datetime.fromisoformat(coverage["newest"])
    shown = series(panel("data", *logged_before("flagged", timedelta())), "What", "Value")
    assert shown.pop("hours since the newest row") == pytest.approx(age.total_seconds() / 3600, abs=0.02)
    last = coverage["last_day"]
    assert shown == {
        "messages of the last day": last["rows"],
        "% of messages with an action": coverage["filled"] * 100,
        "% of the last day's actions in unknown words": last["unknown"] * 100,
        "% of the last day without recipient or id": last["unattributable"] * 100,
        "removals of the last day": last["removals"],
    }
    assert (last["rows"] > 0, last["removals"] > 0) == (True, True)
    empty = series(panel("data", *logged_before("untrusted", timedelta())), "What", "Value")
    assert {name: value for name, value in empty.items() if value} == {}
    assert len(empty) == 5


@pytest.mark.parametrize("name", RECEIPTS)
def test_what_is_due(name: str) -> None:
    """What is due or held is what the receipt says; only the sweep whose sink failed has any."""
    said = _receipt(name)
    shown = series(panel("due", *logged_before(name, timedelta())), "What", "Effects")
    assert shown == {"due": said["due"], "held": said["held"]}
    assert (shown["due"] > 0) == (name == "due")


def test_the_newest_sweeps() -> None:
    """The table lists the newest first, each with its receipt's figures and reasons."""
    shown = panel("sweeps", *week())
    assert [row["Event"] for row in shown] == [
        "settings_invalid", "sweep_planned", "sweep_incomplete", "sweep_completed", "sweep_failed", "sweep_completed",
        "sweep_completed",
    ]  # fmt: skip
    for row, name in zip(shown[1:], reversed(WEEK[:-1]), strict=True):
        said = _receipt(name)
        assert (row["Flagged"], row["Due"], row["Told"]) == (said["flagged"], said["due"], said["told"])
        assert (row["Version"], row["Settings"], row["RunId"]) == (said["version"], said["settings"], said["run_id"])
        assert row["Seconds"] == pytest.approx(said["seconds"])
        assert all(json.dumps(reason)[1:20] in row["Reasons"] for reason in said["reasons"])


# ---- incidents


def _incidents(place: Tenant, name: str) -> list[Row]:
    """What a panel about incidents shows now."""
    return ask(PANELS[name]["query"], place.cloud.tables, place.clock.now())


def test_open_incidents_by_age(tenant: Tenant) -> None:
    """Open incidents of ours are counted by age and severity as they last stood; closed ones are gone."""
    mail = Mail(START)
    for recipient, many in (("finance@contoso.com", 60), ("sales@contoso.com", 20), ("hr@contoso.com", 12)):
        mail.remediated(recipient, many)
    tenant.cloud.load("EmailEvents", mail.events)
    assert tenant.sweep().receipt.created == 3
    tenant.clock.advance(hours=1)
    fresh = _incidents(tenant, "open-by-age")
    assert Counter({row["Severity"]: row["Incidents"] for row in fresh}) == {"High": 1, "Medium": 2}
    assert {row["Age"] for row in fresh} == {"1: less than a day"}
    ages = []
    for days in (1, 2, 4):
        tenant.clock.advance(days=days)
        ages.append({row["Age"] for row in _incidents(tenant, "open-by-age")})
    assert ages == [{"2: 1 to 3 days"}, {"3: 3 to 7 days"}, {"4: more than a week"}]
    first, *_ = tenant.cloud.incidents
    tenant.cloud.analyst.close(first)
    assert sum(row["Incidents"] for row in _incidents(tenant, "open-by-age")) == 2


def test_open_incidents_listed(tenant: Tenant) -> None:
    """The list names each open incident, who has it and where it is."""
    mail = Mail(START)
    mail.remediated("finance@contoso.com", 60)
    mail.remediated("sales@contoso.com", 20)
    tenant.cloud.load("EmailEvents", mail.events)
    tenant.sweep()
    owned, other = tenant.cloud.incidents
    tenant.cloud.analyst.assign(owned, "Ana Lyst")
    shown = {row["IncidentNumber"]: row for row in _incidents(tenant, "open")}
    for incident, name in ((owned, "Ana Lyst"), (other, "")):
        properties = tenant.cloud.incidents[incident]["properties"]
        row = shown[properties["incidentNumber"]]
        assert (row["AssignedTo"] or "") == name
        assert (row["Title"], row["IncidentUrl"]) == (properties["title"], properties["incidentUrl"])


# ---- the fields that alerts and workbook read, against the receipts that real sweeps log


def fields() -> set[str]:
    """Every JSON field that a query of the deployment reads out of a message's text."""
    read = set()
    for file in (INFRA / "queries").glob("*.kql"):
        for pattern in re.findall(r"""extract\(@'([^']+)'""", file.read_text(encoding="utf-8")):
            if named := re.match(r'(?:\(\?i\))?"(?:\(\?:)?([\w |]+)\)?": \?', pattern):
                read |= set(named[1].split("|"))
    return read


def _keys(value: Any) -> set[str]:
    """Every key of a JSON object, nested ones too."""
    if not isinstance(value, dict):
        return set()
    return set(value) | {key for item in value.values() for key in _keys(item)}


def test_every_field_that_is_read_is_logged() -> None:
    """No query reads a field that receipts do not have, so that renaming one cannot silence an alert."""
    logged = _keys(json.loads(logged_in("flagged").rows[-1]["Message"].split(" ", 1)[1]))
    mistakes = _keys(json.loads(logged_in("invalid").rows[-1]["Message"].split(" ", 1)[1]))
    owner = {"objectId", "email", "assignedTo", "userPrincipalName"}
    actions = {remedy.value.lower() for remedy in Remedy}
    assert {"verdict", "dry_run", "due", "run_id", "reasons", "mistakes"} <= fields()
    assert fields() - owner - actions <= logged | mistakes | ROUND_FIELDS
    assert actions <= {key.lower() for key in logged}


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_receipt_is_one_line_of_json(name: str) -> None:
    """What follows the event's name is the receipt, each field at most once at its level, within a trace's length."""
    message = logged_in(name).rows[-1]["Message"]
    event, text = message.split(" ", 1)
    assert json.loads(text) == _receipt(name)
    assert event == _receipt(name)["event"]
    assert "\n" not in message
    assert len(message) < 32_768
    for field in fields() & set(_receipt(name)):
        assert len(re.findall(rf'"{field}": ', text)) == 1, field
