"""The incidents of ours that the workspace's SecurityIncident table remembers, also those that were deleted since."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.model import ESCALATED_LABEL, MERGED_TAG, Severity
from shared.query.answer import NUMBERS, Answer, check_columns, time_cell

_EPISODE = re.compile(r'"episode:(\d{1,9})"')
_OWNER = ("objectId", "email", "userPrincipalName", "assignedTo")
_TEXTS = ("Status", "Severity", "Whose", "Classified", "Url", "Title", "Labelled")
_TIMES = ("Modified", "Created", "Closed", "High")
INCIDENT_COLUMNS = ("Id", *_TIMES, "Status", "Severity", "Whose", "Classified", "Number", "Url", "Title", "Labelled")
"""The columns by which a query tells of an incident, in their order."""


def types_of(column: str) -> frozenset[str]:
    """The types that a column about an incident may have in an answer."""
    if column in _TIMES:
        return frozenset({"datetime"})
    return NUMBERS if column == "Number" else frozenset({"string", "guid"})


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An incident of ours as its newest row in SecurityIncident shows it. `id` is lower-cased.

    `modified` is its last modification that the table knows; `closed` when it was last closed, None while it is open
    or where that is not known; `high_at` the last modification that left it with severity High. `severity` is None
    for a word that is none of the four. `owned`: somebody has taken it. Of an incident that the analytics rule has made
    `id` is the finding's, `name` Sentinel's, and `recipient` as the alert says. `merged`: closed, its alerts being in
    another incident now. `escalated_to`: the severity that the sweep has raised it to, by its label.
    """

    id: str
    modified: datetime
    created: datetime
    closed: datetime | None
    high_at: datetime | None
    status: str
    severity: Severity | None
    owned: bool
    classification: str = ""
    number: int | None = None
    url: str = ""
    title: str = ""
    episode: int | None = None
    name: str = ""
    recipient: str = ""
    merged: bool = False
    escalated_to: Severity | None = None


def read_incidents(answer: Answer) -> dict[str, PastIncident]:
    """The incidents in the answer to known_incidents.kql, by id.

    Raises:
        PartialData: when a column is missing or mistyped, or a row has no id or no time.
    """
    check_columns(answer, INCIDENT_COLUMNS, tuple(map(types_of, INCIDENT_COLUMNS)))
    found = (past_incident(answer, dict(zip(INCIDENT_COLUMNS, row, strict=False))) for row in answer.rows)
    return {incident.id: incident for incident in found}


def past_incident(answer: Answer, cells: Mapping[str, Any]) -> PastIncident:
    """The incident that a row's cells, by column, tell of; its `id` is Sentinel's name of it, lower-cased.

    Raises:
        PartialData: the row has no id or no time.
    """
    name, number = cells.get("Id"), cells.get("Number")
    times = {column: time_cell(answer, column, cells.get(column)) for column in _TIMES}
    texts = {column: _text(cells.get(column)) for column in _TEXTS}
    modified = times["Modified"]
    if not isinstance(name, str) or not name or modified is None:
        raise answer.malformed("Id", "that is not an incident's id with its time")
    labels = texts["Labelled"]
    episodes = [int(episode) for episode in _EPISODE.findall(labels)]
    merged = texts["Status"] == "Closed" and f'"{MERGED_TAG}"' in labels
    raised = [severity for severity in Severity if f'"{ESCALATED_LABEL}{severity.value}"' in labels]
    return PastIncident(
        id=name.lower(),
        modified=modified,
        created=times["Created"] or modified,
        closed=times["Closed"] if texts["Status"] == "Closed" else None,
        high_at=times["High"],
        status=texts["Status"],
        severity=next((one for one in Severity if one.value == texts["Severity"]), None),
        owned=_owned(texts["Whose"]),
        classification="" if merged else texts["Classified"],
        number=number if type(number) is int else None,
        url=texts["Url"],
        title=texts["Title"],
        episode=max(episodes, default=None),
        merged=merged,
        escalated_to=max(raised, key=lambda severity: severity.rank, default=None),
    )


def _text(cell: object) -> str:
    """A cell's text without lone surrogates, which JSON can carry and a ledger cannot; "" for what is no text."""
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else ""


def _owned(owner: str) -> bool:
    """Whether the Owner column names anybody: an object with one of four keys filled."""
    try:
        found = json.loads(owner)
    except ValueError:
        return False
    return isinstance(found, dict) and any(found.get(key) for key in _OWNER)
