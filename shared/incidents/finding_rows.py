"""What the rule road sends: rows of the table EmailRemediationFindings_CL, of which an analytics rule makes incidents.

A row holds what the rule needs for its alert: the incident's description, and the newest messages as columns of their
own, for the alert's entities. Sender and subject are data there: raw, in one visible line, never markup or a template.
Nothing here says when a row is uploaded; that is added when it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid5

from shared.incidents.comment_text import growth_opening
from shared.incidents.description import DESCRIPTION_LIMIT, description, minimal_description
from shared.incidents.fitting import utf8
from shared.incidents.guidance import stamp
from shared.incidents.message_lines import senders_known
from shared.incidents.terms import NO_BACKGROUND, Background, Terms
from shared.incidents.text import comment_body, comment_id
from shared.model import RULE_ID, Action, Evidence
from shared.text import ADDRESS_LIMIT, clean

MOST_HASHES = 3_000
"""Of one row: 57,000 bytes as JSON, where a field holds 65,536."""
MOST_NEWEST = 20
MOST_ENTITIES = 3
_SUBJECT = 256
_MESSAGE_ID = 128

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RuleDrafts:
    """The port `Drafts` (shared/incidents/port.py) for incidents that the analytics rule makes of uploaded rows.

    `found_at` is when the sweep began.
    """

    run_id: str
    version: str
    found_at: datetime

    def creation(
        self,
        action: Action,
        terms: Terms,
        about: Background = NO_BACKGROUND,
        *,
        attempt: int = 1,
        minimal: bool = False,
    ) -> str:
        """JSON: the finding's row, and a row for each further part of its list of messages."""
        says = _described(action, terms, about, minimal=minimal)
        row = self._row(action, "finding", attempt, says) | _newest(action, about, minimal=minimal)
        return _json(_parts(row, action, str(attempt)))

    def comment(
        self,
        action: Action,
        terms: Terms,
        about: Background = NO_BACKGROUND,
        *,
        last: bool = False,
        minimal: bool = False,
    ) -> str:
        """JSON: `comment`, the body of ARM's PUT as text, and `rows`, which the rule passes over."""
        row = self._row(action, "growth", 0, growth_opening(action, terms)) | _newest(action, about, minimal=minimal)
        rows = _parts(row, action, comment_id(action.incident_id, action.messages.times))
        return _json({"comment": comment_body(action, terms, about, last=last, minimal=minimal), "rows": rows})

    def _row(self, action: Action, kind: str, attempt: int, says: str) -> _Row:
        name, domain = _split(action.recipient)
        counts = action.counts
        return {
            "FoundAt": stamp(self.found_at),
            "Kind": kind,
            "FindingId": action.incident_id.lower(),
            "Attempt": attempt,
            "Recipient": action.recipient,
            "RecipientName": name,
            "RecipientDomain": domain,
            "Episode": action.episode,
            "Severity": action.severity.value,
            "Reason": action.reason.value,
            "Sum_case": action.total,
            "HardDelete_case": counts.hard_delete,
            "SoftDelete_case": counts.soft_delete,
            "MoveToJunk_case": counts.move_to_junk,
            "MoveToDelete_case": counts.move_to_delete,
            "Description": says,
            "RunId": self.run_id,
            "Version": self.version,
        }


def _split(recipient: str) -> tuple[str, str]:
    """What is before and after the last @, which an alert's Account entity is made of."""
    name, at, domain = recipient.rpartition("@")
    return (name, domain) if at else (recipient, "")


def _described(action: Action, terms: Terms, about: Background, *, minimal: bool) -> str:
    """The incident's description, of which an alert shows 5 KB: what other scripts make longer gives way."""
    if not minimal and utf8(full := description(action, terms, about, utf8)) <= DESCRIPTION_LIMIT:
        return full
    return minimal_description(action, terms)


def _newest(action: Action, about: Background, *, minimal: bool) -> _Row:
    """Cells about the newest messages; nothing of the mail in the minimal form."""
    return _listed(() if minimal else action.messages.newest[:MOST_NEWEST], senders_known(about))


def _listed(newest: Sequence[Evidence], senders: Mapping[str, str]) -> _Row:
    """These messages as data, the first of them as columns of their own as well."""
    cells: _Row = {"NewestMessages": [_message(item) for item in newest]}
    for place in range(MOST_ENTITIES):
        item = newest[place] if place < len(newest) else None
        sender = senders.get(item.message_id.lower(), "") if item else ""
        cells[f"NetworkMessageId{place + 1}"] = clean(item.message_id, _MESSAGE_ID) if item else ""
        cells[f"Sender{place + 1}"] = clean(sender, ADDRESS_LIMIT)
        cells[f"Subject{place + 1}"] = clean(item.subject, _SUBJECT) if item else ""
    return cells


def _message(item: Evidence) -> _Row:
    return {
        "NetworkMessageId": clean(item.message_id, _MESSAGE_ID),
        "Time": stamp(item.time),
        "Action": item.remedy.value,
        "Subject": clean(item.subject, _SUBJECT),
    }


def _parts(row: _Row, action: Action, repeat: str) -> list[_Row]:
    """The row with as many messages as fit, then rows with the rest. What is uploaded again has the same ids.

    `repeat` is what a repetition has in common: the attempt, or the comment's id. Messages are named by 16 hex digits:
    as numbers some were larger than a `long`.
    """
    hashes = [f"{number:016x}" for number in sorted(action.messages.times)]
    lists = [hashes[start : start + MOST_HASHES] for start in range(0, len(hashes), MOST_HASHES)] or [[]]
    further = row | _listed((), {}) | {"Kind": "messages", "Description": ""}
    return [
        (row if part == 1 else further)
        | {
            "RowId": str(uuid5(RULE_ID, f"{row['FindingId']}|{row['Kind']}|{repeat}|{part}")),
            "Part": part,
            "Parts": len(lists),
            "MessageHashes": some,
        }
        for part, some in enumerate(lists, start=1)
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
