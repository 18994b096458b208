"""The name under which the ledger keeps what it may not forget about somebody whose address it has removed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from shared.model.findings import Counts
from shared.model.ledger import Record

_FORGOTTEN = "forgotten:"
_PSEUDONYM = re.compile(rf"{_FORGOTTEN}([0-9a-f]{{32}})")


def pseudonym(recipient: str) -> str:
    """The recipient's pseudonym, from a hash of the address. Whoever guesses the address can tell that it is this one.

    A pseudonym is its own.
    """
    return _FORGOTTEN + address_digest(recipient)


def address_digest(recipient: str) -> str:
    """The 32 hex digits that stand for an address, also when its pseudonym is given."""
    if found := _PSEUDONYM.fullmatch(recipient):
        return found[1]
    return hashlib.sha256(recipient.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def without_person(record: Record) -> Record:
    """The record as it is written down when its person was forgotten: without the address, a title in which it stands,
    the names of those who remediated, and counts.
    """
    ours = record.incident
    if ours is not None and ours.seen is not None:
        ours = replace(ours, seen=replace(ours.seen, title="", about=""))
    return replace(record, recipient=pseudonym(record.recipient), incident=ours, counts=Counts(), remediators="")
