"""The incidents that the workspace's SecurityIncident table remembers."""

from __future__ import annotations

from datetime import datetime

from shared.query.answer import Answer, check_columns, time_cell

_COLUMNS = ("IncidentName", "LastModified")
_TYPES = (frozenset({"string", "guid"}), frozenset({"datetime"}))


def read_incidents(answer: Answer) -> dict[str, datetime]:
    """Incident id (lower-cased) to last modification, from the answer to known_incidents.kql.

    Raises:
        PartialData: when a column is missing or mistyped.
    """
    check_columns(answer, _COLUMNS, _TYPES)
    found: dict[str, datetime] = {}
    for name, modified in answer.rows:
        time = time_cell(answer, "LastModified", modified)
        if not isinstance(name, str) or time is None:
            raise answer.malformed("IncidentName", "that is not an incident's id with its time")
        found[name.lower()] = time
    return found
