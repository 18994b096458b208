"""What the workspace's SecurityIncident table remembers of our incidents, by the shipped query on the small Azure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import PartialData
from shared.hunt.incidents import PastIncident
from shared.model import LABEL, Severity
from tests.cloud import Fault
from tests.cloud.mirror import SECURITY_INCIDENT
from tests.support.clients import Clients, connected
from tests.support.clock import START

TITLE = "Unusual volume of remediated email: a@contoso.com"
ONE, TWO = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
LABELS = [{"labelName": LABEL}, {"labelName": "episode:0"}]


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure in which no incident ever was."""
    with connected(monkeypatch) as made:
        yield made


def _make(azure: Clients, name: str = ONE, **properties: Any) -> None:
    """An incident, made now."""
    usual = {"title": TITLE, "severity": "Medium", "status": "New", "labels": LABELS}
    azure.cloud.store.put(name, {"properties": usual | properties})


def known(azure: Clients) -> dict[str, PastIncident]:
    """What the hunt's workspace is asked."""
    return azure.hunt(hunt_source="defender").known_incidents()


def rows(azure: Clients, *rows: dict[str, Any], columns: dict[str, str] | None = None) -> None:
    """Rows of the table as they stand, in place of the mirror's."""
    azure.cloud.tables.refresh.clear()
    azure.cloud.define("SecurityIncident", columns or SECURITY_INCIDENT)
    usual = {"IncidentName": ONE, "Title": TITLE, "Status": "New", "Severity": "Medium", "TimeGenerated": START}
    azure.cloud.load("SecurityIncident", [usual | row for row in rows])


def test_an_incident_is_known_as_it_was_left(azure: Clients) -> None:
    """Every field is that of its newest row; a deleted incident is known like any other."""
    _make(azure, name=ONE.upper(), labels=[*LABELS, {"labelName": "episode:3"}])
    azure.clock.advance(hours=1)
    azure.cloud.analyst.set_severity(ONE, "High")
    azure.clock.advance(hours=1)
    azure.cloud.analyst.set_severity(ONE, "Low")
    azure.clock.advance(hours=1)
    azure.cloud.analyst.assign(ONE)
    azure.clock.advance(hours=1)
    azure.cloud.analyst.close(ONE, "BenignPositive")
    azure.clock.advance(hours=1)
    azure.cloud.analyst.edit(ONE, classificationComment="closed for good")
    url = azure.cloud.incidents[ONE]["properties"]["incidentUrl"]
    azure.cloud.analyst.delete(ONE)
    assert known(azure) == {
        ONE: PastIncident(
            id=ONE,
            modified=START + timedelta(hours=5),
            created=START,
            closed=START + timedelta(hours=4),
            high_at=START + timedelta(hours=1),
            status="Closed",
            severity=Severity.LOW,
            owned=True,
            classification="BenignPositive",
            number=1,
            url=url,
            title=TITLE,
            episode=3,
        )
    }


def test_an_open_incident_was_not_closed(azure: Clients) -> None:
    """An incident that was closed and opened again has no closing time, an unowned one no owner."""
    _make(azure)
    azure.cloud.analyst.close(ONE)
    azure.clock.advance(hours=1)
    azure.cloud.analyst.reopen(ONE)
    found = known(azure)[ONE]
    assert (found.status, found.closed, found.owned, found.high_at) == ("Active", None, False, None)
    assert (found.classification, found.modified) == ("", START + timedelta(hours=1))


def test_ours_are_known_by_label_or_title_and_no_others(azure: Clients) -> None:
    """One of the two is enough, at any time: an analyst may have changed both since."""
    _make(azure, ONE, labels=[{"labelName": "other"}])
    _make(azure, TWO, title="renamed")
    _make(azure, "c", title="something else", labels=[])
    _make(azure, "d")
    azure.clock.advance(hours=1)
    azure.cloud.analyst.edit("d", title="mine", labels=[])
    azure.clock.advance(hours=1)
    azure.cloud.analyst.close("d")
    found = known(azure)
    assert found.keys() == {ONE, TWO, "d"}
    assert (found["d"].status, found["d"].title, found["d"].episode) == ("Closed", "mine", None)
    assert found["d"].closed == START + timedelta(hours=2)
    assert (found[ONE].episode, found[TWO].episode) == (None, 0)


def test_the_newest_row_is_the_last_modification_s(azure: Clients) -> None:
    """Rows may come late: the latest modification counts, and of rows about the same one the latest to come."""
    early, late = START - timedelta(hours=2), START - timedelta(hours=1)
    rows(
        azure,
        {"LastModifiedTime": late, "TimeGenerated": late, "Status": "Active"},
        {"LastModifiedTime": late, "TimeGenerated": START, "Status": "Closed", "ClosedTime": late},
        {"LastModifiedTime": late, "TimeGenerated": early, "Status": "Active", "Severity": "High"},
        {"LastModifiedTime": early, "TimeGenerated": START + timedelta(hours=1), "Severity": "High"},
        {"LastModifiedTime": None, "TimeGenerated": early - timedelta(hours=1), "IncidentName": ONE.upper()},
    )
    [found] = known(azure).values()
    assert (found.status, found.modified, found.closed) == ("Closed", late, late)
    assert found.high_at == late
    assert found.created == early - timedelta(hours=1)


def test_a_closing_without_its_time_is_a_closing(azure: Clients) -> None:
    """Where the table does not say when, the status says that."""
    rows(azure, {"Status": "Closed", "ClosedTime": None})
    assert (known(azure)[ONE].status, known(azure)[ONE].closed) == ("Closed", None)


def test_columns_that_a_workspace_lacks_are_not_needed(azure: Clients) -> None:
    """Of the table only the id, title, status, severity and time must be there."""
    needed = ("TimeGenerated", "IncidentName", "Title", "Status", "Severity")
    rows(azure, {}, columns={name: SECURITY_INCIDENT[name] for name in needed})
    assert known(azure) == {
        ONE: PastIncident(ONE, START, START, None, None, "New", Severity.MEDIUM, owned=False, title=TITLE)
    }


@pytest.mark.parametrize(
    ("owner", "owned"),
    [
        ({"objectId": "1", "email": None, "assignedTo": None, "userPrincipalName": None}, True),
        ({"objectId": None, "email": None, "assignedTo": "Ana", "userPrincipalName": None}, True),
        ({"email": "", "userPrincipalName": "ana@contoso.com"}, True),
        ({"objectId": None, "email": "", "assignedTo": None, "userPrincipalName": None}, False),
        ({}, False),
        (None, False),
        ("unassigned", False),
        (["ana"], False),
    ],
    ids=repr,
)
def test_any_mark_of_an_owner_counts(azure: Clients, owner: object, owned: bool) -> None:
    """An incident is owned when one of the four says by whom, however the column spells nobody."""
    rows(azure, {"Owner": owner})
    assert known(azure)[ONE].owned is owned


def test_odd_cells_end_nothing(azure: Clients) -> None:
    """A severity of another name, half a character in a title, labels that are no list, a row without its id."""
    rows(
        azure,
        {"Severity": "Severe", "Title": TITLE + " \ud83d", "Labels": "episode:1", "IncidentNumber": None},
        {"IncidentName": "", "Status": "Closed"},
    )
    [found] = known(azure).values()
    assert (found.severity, found.episode, found.number) == (None, None, None)
    assert found.title.encode().startswith(TITLE.encode())


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("Id", 7, "a column Id that is not an incident's id"),
        ("Id", "", "a column Id that is not an incident's id"),
        ("Modified", None, "a column Id that is not an incident's id with its time"),
        ("Closed", "yesterday", "a column Closed with 'yesterday'"),
    ],
)
def test_an_answer_without_what_is_needed_is_not_believed(
    azure: Clients, column: str, cell: object, words: str
) -> None:
    """A row without its id or time, or with a time that is none, is an error that names the column."""
    body = answered(azure)
    [table] = body["tables"]
    place = [each["name"] for each in table["columns"]].index(column)
    table["rows"][0][place] = cell
    azure.cloud.faults.add(Fault(service="log_analytics", status=200, body=body, times=None))
    with pytest.raises(PartialData, match=words):
        known(azure)


def test_an_answer_with_another_column_is_not_believed(azure: Clients) -> None:
    """A column that is missing, or of another type, ends the reading with its name."""
    whole = json.dumps(answered(azure))
    for change in ({"name": "Other"}, {"type": "long"}):
        body = json.loads(whole)
        body["tables"][0]["columns"][3] |= change
        azure.cloud.faults.add(Fault(service="log_analytics", status=200, body=body))
        with pytest.raises(PartialData, match="a column Closed"):
            known(azure)


def test_a_workspace_without_the_table_knows_none(azure: Clients) -> None:
    """A missing table is an answer, and so is an empty one."""
    assert known(azure) == {}
    azure.cloud.remove("SecurityIncident")
    assert known(azure) == {}


def answered(azure: Clients) -> dict[str, Any]:
    """The service's own answer about one closed incident."""
    _make(azure)
    azure.cloud.analyst.close(ONE)
    assert known(azure)
    kql = azure.cloud.log[-1].json["query"]
    names, found = azure.run(kql)
    times = ("Modified", "Created", "Closed", "High")
    kinds = ["long" if name == "Number" else "datetime" if name in times else "string" for name in names]
    columns = [{"name": name, "type": kind} for name, kind in zip(names, kinds, strict=True)]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": found}]}
