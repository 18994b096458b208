"""From whom the counted mail came, which campaigns it belongs to, and how far they reached in the tenant.

It decides nothing: an incident and a card say more with it. Senders and subjects are compared by a key that the query
makes; no text of the mail goes back into a query.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.model import Campaign, MailGroup, Origin
from shared.query.answer import NUMBERS, Answer, check_columns

MOST_RECIPIENTS = 500
"""So many recipients are asked about: one campaign against hundreds shows as one."""
MOST_ROWS = 20_000
"""Of one response; the groups with the fewest messages are left out."""
MOST_IDS = 500
"""Of the messages of one row."""
REACH_OF = 3
"""It is asked how far each campaign reached, and of each recipient so many groups of two messages and more."""
MOST_SHOWN = 20
"""Names or groups of each kind that are kept of one recipient."""
MOST_CAMPAIGNS = 100

COLUMNS = ("Recipient", "Sender", "Domain", "Subject", "Key", "Threats", "Detections", "Messages", "Ids")
_TEXT = frozenset({"string"})
_LIST = frozenset({"dynamic", "object", "string", "array", "collection(string)"})


@dataclass(frozen=True, slots=True)
class _Mail:
    """A row: counted messages of one recipient that are alike."""

    recipient: str
    sender: str
    domain: str
    subject: str
    key: str
    threats: str
    detections: str
    messages: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailContext:
    """The origin of each recipient's mail, by lower-cased address, and the campaigns among them, the largest first.

    A recipient whose messages have left the window has an empty origin. `cut`: there was more mail than one response
    holds.
    """

    origins: Mapping[str, Origin] = field(default_factory=dict)
    campaigns: tuple[Campaign, ...] = ()
    cut: bool = False

    @property
    def keys(self) -> list[str]:
        """The mail whose reach is worth asking for."""
        largest = [group for origin in self.origins.values() for group in origin.groups[:REACH_OF]]
        groups = [group.key for group in largest if group.sender and group.messages > 1]
        return sorted({*groups, *(campaign.key for campaign in self.campaigns)})

    def with_reach(self, reach: Mapping[str, int]) -> MailContext:
        """The same with how many recipients got the mail of each key, as far as that is known."""
        origins = {
            recipient: replace(
                origin, groups=tuple(replace(group, reached=reach.get(group.key)) for group in origin.groups)
            )
            for recipient, origin in self.origins.items()
        }
        campaigns = [replace(each, reached=max(reach.get(each.key, 0), len(each.flagged))) for each in self.campaigns]
        return replace(self, origins=origins, campaigns=_sorted(campaigns))


def read_context(answer: Answer, recipients: Iterable[str]) -> MailContext:
    """The response to context.kql about these recipients.

    Raises:
        PartialData: when a column is missing or mistyped, or holds what the query does not make.
    """
    check_columns(answer, COLUMNS, (*[_TEXT] * 7, NUMBERS, _LIST))
    rows = [_row(answer, list(cells)) for cells in answer.rows]
    of: dict[str, list[_Mail]] = {recipient: [] for recipient in recipients}
    for row in rows:
        if row.recipient not in of:
            raise answer.malformed("Recipient", "that was not asked about")
        of[row.recipient].append(row)
    origins = {recipient: _origin(mail) for recipient, mail in of.items()}
    return MailContext(origins, _campaigns(rows), cut=len(rows) >= MOST_ROWS)


def read_reach(answer: Answer) -> dict[str, int]:
    """The response to reach.kql: recipients by key.

    Raises:
        PartialData: when a column is missing or mistyped.
    """
    check_columns(answer, ("Key", "Reached"), (_TEXT, NUMBERS))
    found: dict[str, int] = {}
    for key, reached in answer.rows:
        if not isinstance(key, str) or type(reached) is not int or reached < 0:
            raise answer.malformed("Reached", "that is not a count")
        found[key] = reached
    return found


def _sorted(campaigns: Iterable[Campaign]) -> tuple[Campaign, ...]:
    return tuple(sorted(campaigns, key=lambda each: (-len(each.flagged), -each.reached, -each.messages, each.key)))


def _row(answer: Answer, cells: list[Any]) -> _Mail:
    if len(cells) < len(COLUMNS):
        raise answer.malformed(COLUMNS[len(cells)], "missing in a row")
    *texts, messages, ids = cells[: len(COLUMNS)]
    for name, text in zip(COLUMNS, texts, strict=False):
        if not isinstance(text, str):
            raise answer.malformed(name, "that is not text")
    if type(messages) is not int or messages < 1:
        raise answer.malformed("Messages", "that is not a count")
    try:
        listed = json.loads(ids) if isinstance(ids, str) else ids
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise answer.malformed("Ids", "that does not hold a list of ids")
    # Without lone surrogates, which a text that was cut can end with.
    who, sender, domain, subject, key, threats, found = (text.encode("utf-8", "replace").decode() for text in texts)
    return _Mail(who, sender, domain, subject, key, threats, found, messages, tuple(listed))


def _campaigns(rows: Iterable[_Mail]) -> tuple[Campaign, ...]:
    """The mail that was counted for several of these recipients."""
    of: dict[str, list[_Mail]] = {}
    for row in rows:
        if row.sender:
            of.setdefault(row.key, []).append(row)
    found = []
    for key, mail in of.items():
        flagged = tuple(sorted({row.recipient for row in mail}))
        if len(flagged) > 1:
            messages = sum(row.messages for row in mail)
            found.append(
                Campaign(mail[0].sender, mail[0].domain, mail[0].subject, len(flagged), flagged, messages, key)
            )
    return _sorted(found)[:MOST_CAMPAIGNS]


def _origin(mail: list[_Mail]) -> Origin:
    groups: dict[str, MailGroup] = {}
    for row in mail:
        before = groups.get(row.key) or MailGroup(row.sender, row.domain, row.subject, 0, row.key)
        groups[row.key] = replace(before, messages=before.messages + row.messages)
    largest = sorted(groups.values(), key=lambda each: -each.messages)
    return Origin(
        groups=tuple(largest[:MOST_SHOWN]),
        senders=_tally((row.messages, {row.sender}) for row in mail),
        domains=_tally((row.messages, {row.domain}) for row in mail),
        threats=_tally((row.messages, _threats(row.threats)) for row in mail),
        detections=_tally((row.messages, _detections(row.detections)) for row in mail),
        by_message={each.lower(): row.sender for row in mail if row.sender for each in row.ids},
        messages=sum(row.messages for row in mail),
    )


def _tally(mail: Iterable[tuple[int, set[str]]]) -> tuple[tuple[str, int], ...]:
    """Messages by name, the most frequent first; a message may have several."""
    counts: Counter[str] = Counter()
    for messages, names in mail:
        for name in names - {""}:
            counts[name] += messages
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_SHOWN])


def _threats(cell: str) -> set[str]:
    """The threats in a cell of ThreatTypes, such as "Malware, Phish"."""
    return {part.strip() for part in cell.split(",")}


def _detections(cell: str) -> set[str]:
    """The methods in a cell of DetectionMethods: {"Phish": ["URL detonation", …]}, as text. What was cut has none."""
    if not cell.startswith("{"):
        return {cell.strip()}
    try:
        methods = json.loads(cell)
    except ValueError:
        return set()
    listed = [each if isinstance(each, list) else [each] for each in methods.values()]
    return {method.strip() for each in listed for method in each if isinstance(method, str)}
