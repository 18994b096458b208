"""What became of the findings that were handed to the analytics rule: rows, alerts and incidents, by finding.

An alert is of a finding of ours only when the finding's id is the one that the workspace, the alert's recipient and its
episode give. No incident is known by its title: the Defender portal may show another one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.hunt.columns import ALERT_TABLE, FINDINGS_TABLE, INCIDENT_TABLE
from shared.hunt.incidents import INCIDENT_COLUMNS, PastIncident, past_incident, types_of
from shared.model import incident_id
from shared.query.answer import NUMBERS, Answer, check_columns, time_cell
from shared.query.literals import query_text
from shared.query.refusal import TableMissing

FOLLOWED_TABLES = (FINDINGS_TABLE, ALERT_TABLE, INCIDENT_TABLE)
"""Each may be missing in a workspace; then it holds nothing."""
_OWN = ("What", "Finding", "Recipient", "Episode", "Attempt", "First", "Alert", "Details")
FOLLOWED_COLUMNS = (*_OWN, *INCIDENT_COLUMNS)
_LONGEST_EPISODE = 9  # digits


@dataclass(frozen=True, slots=True)
class Followed:
    """A finding that was handed to the rule, as the workspace shows it. `id` is the finding's, lower-cased.

    `attempt` is the highest number of a row that the findings table holds (0: none), `uploaded` when that row came.
    `alerted` is when the rule last made an alert of the finding, None when SecurityAlert knows none. `incident` is the
    incident with that alert: of several the latest that is not merged.
    """

    id: str
    recipient: str
    episode: int
    attempt: int = 0
    uploaded: datetime | None = None
    alerted: datetime | None = None
    incident: PastIncident | None = None


_Cells = Mapping[str, Any]


def ask_followed(ask: Callable[[str], Answer | None], workspace: str) -> dict[str, Followed]:
    """The findings as the workspace with this ARM id tells of them, by id. `ask` runs a query there.

    Raises:
        SweepError: it cannot be asked; a table that is missing holds nothing.
    """
    missing: list[str] = []
    while True:
        try:
            answer = ask(query_text(*(f"no_{table}" for table in missing), "followed"))
        except TableMissing as error:
            if error.table not in FOLLOWED_TABLES or error.table in missing:
                raise
            missing.append(error.table)
        else:
            return {} if answer is None else read_followed(answer, workspace)


def read_followed(answer: Answer, workspace: str) -> dict[str, Followed]:
    """The findings in the answer to followed.kql, by id. `workspace` is its ARM id.

    Raises:
        PartialData: a column is missing or mistyped, or a row lacks its id or its time.
    """
    check_columns(answer, FOLLOWED_COLUMNS, tuple(map(_types, FOLLOWED_COLUMNS)))
    rows: dict[str, list[_Cells]] = defaultdict(list)
    for row in answer.rows:
        cells = dict(zip(FOLLOWED_COLUMNS, row, strict=False))
        rows[str(cells.get("What"))].append(cells)
    if unknown := rows.keys() - {"row", "alert", "link", "incident"}:
        raise answer.malformed("What", f"with {min(unknown)[:32]!r}, which is nothing the query asks for")
    found = _handed(answer, rows["row"], workspace)
    alerts = _alerts(answer, rows["alert"], workspace)
    for alert in alerts.values():
        known = found.get(alert.id, replace(alert, alerted=None))
        times = [time for time in (known.alerted, alert.alerted) if time is not None]
        found[alert.id] = replace(known, alerted=max(times))
    return _with_incidents(answer, found, alerts, rows)


def _types(column: str) -> frozenset[str]:
    if column == "First":
        return frozenset({"datetime"})
    return NUMBERS if column in ("Episode", "Attempt") else types_of(column)


def _handed(answer: Answer, rows: Iterable[_Cells], workspace: str) -> dict[str, Followed]:
    """The findings that the findings table holds; rows of another workspace, or of nobody's, are passed over."""
    found: dict[str, Followed] = {}
    for cells in rows:
        attempt, uploaded = cells.get("Attempt"), time_cell(answer, "First", cells.get("First"))
        finding = _finding(cells, workspace)
        if finding is None or type(attempt) is not int or attempt < 1 or uploaded is None:
            continue
        found[finding.id] = replace(finding, attempt=attempt, uploaded=uploaded)
    return found


def _alerts(answer: Answer, rows: Iterable[_Cells], workspace: str) -> dict[str, Followed]:
    """The finding of each alert of ours, by the alert's id."""
    found: dict[str, Followed] = {}
    for cells in rows:
        name, made = cells.get("Alert"), time_cell(answer, "First", cells.get("First"))
        if not isinstance(name, str) or not name or made is None:
            raise answer.malformed("Alert", "that is not an alert's id with its time")
        details = _custom_details(cells.get("Details"))
        texts = {key: _only(details.get(key)) for key in ("FindingId", "Recipient", "Episode")}
        episode = texts["Episode"]
        number = int(episode) if episode.isdecimal() and len(episode) <= _LONGEST_EPISODE else None
        own = {"Finding": texts["FindingId"], "Recipient": texts["Recipient"], "Episode": number}
        if finding := _finding(own, workspace):
            found[name] = replace(finding, alerted=made)
    return found


def _finding(cells: _Cells, workspace: str) -> Followed | None:
    """The finding that cells name, None unless its id is the one that its recipient and episode give here."""
    name, recipient, episode = cells.get("Finding"), cells.get("Recipient"), cells.get("Episode")
    if not isinstance(name, str) or not isinstance(recipient, str) or not recipient or type(episode) is not int:
        return None
    recipient = recipient.encode("utf-8", "replace").decode()
    if episode < 0 or incident_id(workspace, recipient, episode) != name.lower():
        return None
    return Followed(name.lower(), recipient, episode)


def _custom_details(properties: object) -> Mapping[str, Any]:
    """The custom details in an alert's extended properties: JSON text within JSON text, or an object."""
    details = _object(properties).get("Custom Details")
    return _object(details)


def _object(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _only(value: object) -> str:
    """The one value of a custom detail, as text; "" where there is none, or more than one."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else ""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _with_incidents(
    answer: Answer, found: dict[str, Followed], alerts: Mapping[str, Followed], rows: Mapping[str, list[_Cells]]
) -> dict[str, Followed]:
    """The findings with their incidents."""
    incidents = {one.id: one for one in (past_incident(answer, cells) for cells in rows["incident"])}
    best: dict[str, tuple[tuple[bool, bool, datetime, str], PastIncident]] = {}
    for cells in rows["link"]:
        name, alert = cells.get("Id"), cells.get("Alert")
        last = time_cell(answer, "Modified", cells.get("Modified"))
        if not isinstance(name, str) or not isinstance(alert, str) or last is None:
            raise answer.malformed("Id", "that is not an incident's id with its time")
        finding, incident = alerts.get(alert), incidents.get(name.lower())
        if finding is None or incident is None:
            continue
        # An alert that was moved is named by the old incident's earlier rows only.
        rank = (not incident.merged, last >= incident.modified, incident.created, incident.id)
        if finding.id not in best or rank > best[finding.id][0]:
            best[finding.id] = rank, incident
    for name, (_, incident) in best.items():
        known = found[name]
        ours = replace(incident, id=name, name=incident.id, recipient=known.recipient, episode=known.episode)
        found[name] = replace(known, incident=ours)
    return found
