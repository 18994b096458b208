"""A JSON record of `EmailEvents`, its envelope taken off: the cells of known columns as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.cloud.events.header import column_named
from tests.cloud.events.source import repaired

Cells = dict[str, str]
TIME = "TimeGenerated (or, as in the Defender portal and the streaming export, Timestamp)"
_ENVELOPES = ("properties", "additionalProperties", "AdditionalProperties")


def cells(record: Mapping[str, Any]) -> Cells:
    """The known columns that are filled; every other column may be left out where it is null.

    Raises:
        ValueError: saying what is wrong and what was expected.
    """
    category = record.get("category")
    for envelope in _ENVELOPES:
        if isinstance(record.get(envelope), dict):
            if category and not str(category).lower().endswith("-emailevents"):
                raise ValueError(f"a record of {str(category)[:60]!r}; expected AdvancedHunting-EmailEvents")
            record = record[envelope]
            break
    # The Azure CLI's answer: every value is a text, a missing one "None".
    spoken = "TableName" in record
    found: Cells = {}
    known = False
    for title, value in record.items():
        name, wrong = column_named(title)
        if wrong:
            raise ValueError(wrong)
        known = known or name == "NetworkMessageId"
        if name and value is not None and not (spoken and value == "None"):
            found[name] = _text(value)
    if not known:
        raise ValueError("no NetworkMessageId; expected a record of EmailEvents")
    if not found.get("TimeGenerated") and not found.get("Timestamp"):
        raise ValueError(f"no time; expected {TIME}")
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return repaired(value)
    return repaired(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
