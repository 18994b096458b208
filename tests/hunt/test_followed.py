"""What became of the findings that the analytics rule was handed, by the shipped query on the small Azure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.errors import PartialData
from shared.hunt.columns import FINDINGS_TABLE
from shared.hunt.followed import FOLLOWED_TABLES, Followed
from shared.model import Severity, incident_id
from tests.cloud import Fault
from tests.cloud.alerts import SECURITY_ALERT
from tests.cloud.mirror import SECURITY_INCIDENT
from tests.cloud.schemas import EMAIL_REMEDIATION_FINDINGS
from tests.support.clients import Clients
from tests.support.clock import START

WORKSPACE = "/subscriptions/1/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/Sentinel"
WHO = "a@contoso.com"
ID, OTHER = incident_id(WORKSPACE, WHO, 0), incident_id(WORKSPACE, "b@contoso.com", 2)
ALERT, SECOND = "00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000a2"
ONE, TWO = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


@pytest.fixture(autouse=True)
def _empty(azure: Clients) -> None:
    """Each test begins with the three tables, empty."""
    azure.cloud.tables.refresh.clear()
    for table, columns in zip(
        FOLLOWED_TABLES, (EMAIL_REMEDIATION_FINDINGS, SECURITY_ALERT, SECURITY_INCIDENT), strict=True
    ):
        azure.cloud.define(table, columns)


def _ago(hours: float) -> datetime:
    """So long before the clock starts."""
    return START - timedelta(hours=hours)


def _upload(azure: Clients, **cells: Any) -> None:
    """A row of the findings table."""
    usual = {"TimeGenerated": _ago(5), "Kind": "finding", "FindingId": ID, "Attempt": 1, "Recipient": WHO, "Episode": 0}
    azure.cloud.append(FINDINGS_TABLE, [usual | cells])


def _alert(azure: Clients, alert: str = ALERT, hours: float = 4, as_text: bool = True, **details: Any) -> None:
    """An alert that the rule has made, with these custom details beside or in place of the usual ones."""
    usual = {"FindingId": [ID], "Attempt": ["1"], "Recipient": [WHO], "Episode": ["0"], "Sum_case": ["17"]}
    own = {name: value for name, value in (usual | details).items() if value is not None}
    properties = json.dumps({"Query": "…", "Custom Details": json.dumps(own) if as_text else own})
    row = {"TimeGenerated": _ago(hours), "DisplayName": "x", "SystemAlertId": alert, "ExtendedProperties": properties}
    azure.cloud.append("SecurityAlert", [row])


def _in_incident(azure: Clients, name: str = ONE, hours: float = 4, alerts: object = (ALERT,), **cells: Any) -> None:
    """A row about an incident, of a change so many hours ago."""
    usual = {
        "IncidentName": name,
        "Title": "Multi-stage incident",
        "Status": "New",
        "Severity": "Medium",
        "TimeGenerated": _ago(hours),
        "LastModifiedTime": _ago(hours),
        "CreatedTime": _ago(hours),
        "AlertIds": list(alerts) if isinstance(alerts, tuple) else alerts,
    }
    azure.cloud.append("SecurityIncident", [usual | cells])


def _followed(azure: Clients) -> Mapping[str, Followed]:
    """What the hunt's workspace is asked."""
    return azure.hunt(hunt_source="defender").followed(WORKSPACE)


def _incident_name(azure: Clients) -> str:
    """The name of the incident that was found for the finding, "" for none."""
    found = _followed(azure)[ID].incident
    return found.name if found else ""


def test_a_finding_is_followed_from_its_row_to_its_incident(azure: Clients) -> None:
    """Row, alert and incident tell of one finding; the incident's fields are those of its newest row."""
    _upload(azure, TimeGenerated=_ago(5))
    _upload(azure, TimeGenerated=_ago(3))  # the same attempt once more
    _alert(azure, ALERT.upper())
    _in_incident(azure, ONE.upper(), 4, Severity="High", IncidentNumber=7, IncidentUrl="https://portal/7")
    labels = [{"labelName": "raised-to:High", "type": "User"}]
    _in_incident(azure, ONE, 2, CreatedTime=_ago(4), Status="Active", Owner={"email": "ana@contoso.com"}, Labels=labels,
         IncidentNumber=7, IncidentUrl="https://portal/7")  # fmt: skip
    [found] = _followed(azure).values()
    assert (found.id, found.recipient, found.episode, found.attempt) == (ID, WHO, 0, 1)
    assert (found.uploaded, found.alerted) == (_ago(5), _ago(4))
    incident = found.incident
    assert incident
    assert (incident.id, incident.name, incident.recipient, incident.episode) == (ID, ONE, WHO, 0)
    assert (incident.number, incident.url, incident.title) == (7, "https://portal/7", "Multi-stage incident")
    assert (incident.modified, incident.created, incident.high_at) == (_ago(2), _ago(4), _ago(4))
    assert (incident.status, incident.owned, incident.escalated_to) == ("Active", True, Severity.HIGH)
    assert (incident.merged, incident.closed) == (False, None)


def test_each_step_may_be_all_there_is(azure: Clients) -> None:
    """A row without an alert, an alert whose rows are gone, both without an incident."""
    _upload(azure)
    _alert(azure, FindingId=[OTHER], Recipient=["b@contoso.com"], Episode=["2"])
    assert _followed(azure) == {
        ID: Followed(ID, WHO, 0, attempt=1, uploaded=_ago(5)),
        OTHER: Followed(OTHER, "b@contoso.com", 2, alerted=_ago(4)),
    }


def test_the_last_attempt_and_the_last_alert_count(azure: Clients) -> None:
    """Growth and further parts are no attempts; of attempts the highest counts, of alerts the latest."""
    _upload(azure, Attempt=2, TimeGenerated=_ago(2))
    _upload(azure, Attempt=1, TimeGenerated=_ago(1))
    _upload(azure, Attempt=3, Kind="growth")
    _upload(azure, Attempt=4, Kind="messages")
    _upload(azure, Attempt=5, FindingId="")
    _alert(azure, ALERT, 3)
    _alert(azure, ALERT, 1)  # the same alert, changed
    _alert(azure, SECOND, 2)
    [found] = _followed(azure).values()
    assert (found.attempt, found.uploaded, found.alerted) == (2, _ago(2), _ago(2))


FOREIGN: list[dict[str, Any]] = [
    {"Recipient": ["b@contoso.com"]},
    {"Episode": ["1"]},
    {"Episode": ["-1"]},
    {"Episode": ["٣"]},
    {"Episode": ["9" * 5000]},
    {"FindingId": [OTHER]},
    {"FindingId": [ID, OTHER]},
    {"FindingId": [[ID]]},
    {"FindingId": None, "Attempt": ["FindingId"]},
    {"Recipient": []},
    {"Recipient": {"a": 1}},
    {"Recipient": ["\ud800"]},
]
ODD = ['{"FindingId"', '"FindingId"', '["FindingId"]', '{"Custom Details": "FindingId"}',
       '{"Custom Details": ["FindingId"]}', '{"Custom Details": "{FindingId"}']  # fmt: skip


def test_an_alert_of_somebody_else_is_passed_over(azure: Clients) -> None:
    """An alert is ours only when its finding's id is the one that its recipient and episode give in this workspace."""
    for place, details in enumerate(FOREIGN):
        _alert(azure, f"a{place}", **details)
    _in_incident(azure, alerts=tuple(f"a{place}" for place in range(len(FOREIGN))))
    assert _followed(azure) == {}


def test_an_alert_with_other_properties_is_passed_over(azure: Clients) -> None:
    """Whatever another alert says of a FindingId, it ends nothing."""
    for place, properties in enumerate(ODD):
        row = {"TimeGenerated": START, "SystemAlertId": f"a{place}", "ExtendedProperties": properties}
        azure.cloud.append("SecurityAlert", [row])
    _upload(azure)
    assert _followed(azure)[ID].alerted is None


def test_custom_details_may_be_an_object_and_hold_bare_values(azure: Clients) -> None:
    """The details are mostly JSON text of lists; what they say counts in other forms, too."""
    _alert(azure, as_text=False, FindingId=ID.upper(), Recipient=WHO, Episode=0)
    assert _followed(azure)[ID].alerted == _ago(4)


def test_rows_of_another_workspace_are_passed_over(azure: Clients) -> None:
    """A row is a finding of this workspace only when its id is derived from it."""
    _upload(azure, FindingId=incident_id(WORKSPACE + "2", WHO, 0))
    _upload(azure, FindingId=OTHER, Attempt=None)
    _upload(azure, FindingId=OTHER.upper(), Recipient="b@contoso.com", Episode=2)
    assert _followed(azure).keys() == {OTHER}


def test_a_merged_incident_gives_way_to_the_one_that_holds_its_alerts(azure: Clients) -> None:
    """Of several incidents the latest made that is not merged counts; when all are, the latest of those."""
    _alert(azure)
    closed = {"Status": "Closed", "Labels": [{"labelName": "Redirected"}], "Classification": "Undetermined"}
    _in_incident(azure, ONE, 4)
    _in_incident(azure, ONE, 1, CreatedTime=_ago(4), ClosedTime=_ago(1), **closed)
    found = _followed(azure)[ID].incident
    assert found
    assert (found.name, found.merged, found.classification, found.closed) == (ONE, True, "", _ago(1))
    _in_incident(azure, TWO, 6, alerts=())  # older, and it holds the alert since an hour
    _in_incident(azure, TWO, 1, alerts=(SECOND, ALERT.upper()), CreatedTime=_ago(6))
    assert _incident_name(azure) == TWO
    assert len(_followed(azure)) == 1


def test_an_alert_that_was_moved_is_followed(azure: Clients) -> None:
    """An incident that names the alert now goes before one that no longer does; then the latest made."""
    _alert(azure)
    _in_incident(azure, TWO, 6)
    _in_incident(azure, ONE, 4)
    assert _incident_name(azure) == ONE
    _in_incident(azure, ONE, 2, alerts=(SECOND,), CreatedTime=_ago(4))
    assert _incident_name(azure) == TWO


def test_an_analyst_s_closing_is_no_merge(azure: Clients) -> None:
    """A label of another name is none of Defender's, and an open incident with it is not merged."""
    _alert(azure)
    _in_incident(
        azure, ONE, 4, Status="Closed", Classification="TruePositive", Labels=[{"labelName": "Not Redirected"}]
    )
    found = _followed(azure)[ID].incident
    assert found
    assert (found.merged, found.classification) == (False, "TruePositive")
    _in_incident(azure, TWO, 3, Status="Active", Labels=[{"labelName": "Redirected"}])
    found = _followed(azure)[ID].incident
    assert found
    assert (found.name, found.merged) == (TWO, False)


def test_incidents_without_our_alerts_are_none_of_ours(azure: Clients) -> None:
    """Whatever AlertIds holds: only an incident that names the alert is the finding's."""
    _alert(azure)
    odd: list[object] = [None, [], "", {}, "none", [None], [[ALERT]], [SECOND]]
    for place, alerts in enumerate(odd):
        _in_incident(azure, f"i{place}", alerts=alerts)
    assert _incident_name(azure) == ""


@pytest.mark.parametrize("there", [(1, 2), (0, 2), (0, 1), ()], ids=repr)
def test_a_missing_table_holds_nothing(azure: Clients, there: tuple[int, ...]) -> None:
    """Each of the three tables may be missing: what the others tell is known."""
    _upload(azure)
    _alert(azure)
    _in_incident(azure)
    for place in {0, 1, 2} - set(there):
        azure.cloud.remove(FOLLOWED_TABLES[place])
    found = _followed(azure).get(ID, Followed(ID, WHO, 0))
    assert (found.attempt == 1) is (0 in there)
    assert (found.alerted is not None) is (1 in there)
    assert (found.incident is not None) is ({1, 2} <= set(there))


def _answered(azure: Clients) -> dict[str, Any]:
    """The service's own answer about one finding with its incident."""
    _upload(azure)
    _alert(azure)
    _in_incident(azure)
    assert _incident_name(azure) == ONE
    names, found = azure.run(azure.cloud.log[-1].json["query"])
    kinds = {"Episode": "long", "Attempt": "long", "Number": "long"}
    kinds |= dict.fromkeys(("First", "Modified", "Created", "Closed", "High"), "datetime")
    columns = [{"name": name, "type": kinds.get(name, "string")} for name in names]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": found}]}


MALFORMED: list[tuple[str, str, object, str]] = [
    ("row", "First", "yesterday", "a column First with 'yesterday'"),
    ("row", "What", "other", "a column What with 'other'"),
    ("alert", "Alert", "", "a column Alert that is not an alert's id"),
    ("alert", "First", None, "a column Alert that is not an alert's id with its time"),
    ("link", "Id", None, "a column Id that is not an incident's id"),
    ("link", "Modified", None, "a column Id that is not an incident's id with its time"),
    ("incident", "Id", 7, "a column Id that is not an incident's id"),
]


def test_an_answer_without_what_is_needed_is_not_believed(azure: Clients) -> None:
    """A row without its id or time, a column that is missing or of another type: an error that names the column."""
    whole = json.dumps(_answered(azure))
    for what, column, cell, words in MALFORMED:
        body = json.loads(whole)
        [table] = body["tables"]
        place = [each["name"] for each in table["columns"]].index(column)
        next(row for row in table["rows"] if row[0] == what)[place] = cell
        _not_believed(azure, body, words)
    for place, name, change in ((4, "Attempt", {"name": "Other"}), (5, "First", {"type": "long"})):
        body = json.loads(whole)
        body["tables"][0]["columns"][place] |= change
        _not_believed(azure, body, f"a column {name}")


def _not_believed(azure: Clients, body: dict[str, Any], words: str) -> None:
    azure.cloud.faults.add(Fault(service="log_analytics", status=200, body=body))
    with pytest.raises(PartialData, match=words):
        _followed(azure)
