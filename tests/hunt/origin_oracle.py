"""From whom counted mail came and how far it reached, in plain Python and without the project's code."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.hunt.oracle import Item, item_of, seven_digits

Row = Mapping[str, Any]
Mail = tuple[str, str]
"""A sender, and a subject as subjects are compared."""


@dataclass(slots=True)
class Figures:
    """One recipient's: messages in all, and by each name."""

    messages: int = 0
    groups: Counter[Mail] = field(default_factory=Counter)
    senders: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    threats: Counter[str] = field(default_factory=Counter)
    detections: Counter[str] = field(default_factory=Counter)


def counted(rows: Iterable[Row], start: datetime, end: datetime, *, deduplicate: bool) -> dict[str, list[Row]]:
    """The counted rows of each recipient."""
    items: dict[tuple[str, Any], list[tuple[Item, Row]]] = defaultdict(list)
    for place, row in enumerate(_within(rows, start, end)):
        recipient = (row.get("RecipientEmailAddress") or "").lower()
        if recipient and row.get("LatestDeliveryAction"):
            items[recipient, row["NetworkMessageId"] if deduplicate else place].append((item_of(row), row))
    found: dict[str, list[Row]] = defaultdict(list)
    for (recipient, _), versions in items.items():
        item, row = max(versions, key=lambda each: each[0])
        if item.rank:
            found[recipient].append(row)
    return found


def figures_of(rows: Iterable[Row]) -> Figures:
    """Those of one recipient's counted rows."""
    made = Figures()
    for row in rows:
        made.messages += 1
        made.groups[mail_of(row)] += 1
        made.senders[_sender(row)] += 1
        made.domains[_domain(row)] += 1
        made.threats.update({part.strip() for part in (row.get("ThreatTypes") or "").split(",")})
        methods = json.loads(row.get("DetectionMethods") or "{}")
        made.detections.update({method for listed in methods.values() for method in listed})
    for tally in (made.senders, made.domains, made.threats):
        del tally[""]
    return made


def campaigns(of: Mapping[str, Sequence[Row]]) -> dict[Mail, tuple[tuple[str, ...], int]]:
    """Mail that was counted for several: for whom, and how many messages."""
    whose: dict[Mail, Counter[str]] = defaultdict(Counter)
    for recipient, rows in of.items():
        for row in rows:
            if _sender(row):
                whose[mail_of(row)][recipient] += 1
    return {mail: (tuple(sorted(them)), them.total()) for mail, them in whose.items() if len(them) > 1}


def reached(rows: Iterable[Row], start: datetime, end: datetime) -> dict[Mail, int]:
    """How many recipients got each mail, whatever became of it."""
    who: dict[Mail, set[str]] = defaultdict(set)
    for row in _within(rows, start, end):
        if row.get("RecipientEmailAddress"):
            who[mail_of(row)].add(row["RecipientEmailAddress"].lower())
    return {mail: len(them) for mail, them in who.items()}


def mail_of(row: Row) -> Mail:
    """Sender and subject, without the white space around it, in lower case."""
    return _sender(row), compared(row.get("Subject") or "")


def compared(subject: str) -> str:
    """A subject as subjects are compared."""
    return re.sub(r"^\s+|\s+$", "", subject[:256], flags=re.ASCII).lower()


def _within(rows: Iterable[Row], start: datetime, end: datetime) -> list[Row]:
    return [row for row in rows if seven_digits(start) <= seven_digits(row["TimeGenerated"]) <= seven_digits(end)]


def _sender(row: Row) -> str:
    return (row.get("SenderFromAddress") or "").strip().lower()


def _domain(row: Row) -> str:
    return (row.get("SenderFromDomain") or "").lower() or _sender(row).partition("@")[2].rpartition("@")[2]
