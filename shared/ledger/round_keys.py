"""The keys of the rows of rounds. They lie in a partition of their own, beside the workspaces' ledgers.

    card.<digest of the id>              a round's card
    ended.<round>.<digest of the name>   how an entry ended
    open.<round>.<digest of the name>    an entry that has not ended
    progress.<round>                     how far the round is: what was sent, who tells it
    round.<round>                        what it is about: when it began, the names of its entries
    state                                which rounds there are

An entry has one row: it moves from `open` to `ended` in one transaction, so that one request for the first row of a
range says whether every entry has ended. `<round>` is a round's id; neither it nor a digest has a dot.
"""

from __future__ import annotations

import hashlib

PARTITION = "rounds"
"""The partition of these rows; a workspace's resource id begins with a slash."""
STATE = "state"


def card_row(card_id: str) -> str:
    """The key of the round's card with this id."""
    return f"card.{_digest(card_id)}"


def round_row(round_id: str) -> str:
    """The key of what the round is about."""
    return f"round.{round_id}"


def progress_row(round_id: str) -> str:
    """The key of how far the round is."""
    return f"progress.{round_id}"


def open_row(round_id: str, name: str) -> str:
    """The key of an entry that has not ended."""
    return f"open.{round_id}.{_digest(name)}"


def ended_row(round_id: str, name: str) -> str:
    """The key of an entry that has ended."""
    return f"ended.{round_id}.{_digest(name)}"


def all_open(round_id: str) -> tuple[str, str]:
    """The range of the entries that have not ended."""
    return f"open.{round_id}.", f"open.{round_id}/"


def all_ended(round_id: str) -> tuple[str, str]:
    """The range of the entries that have ended."""
    return f"ended.{round_id}.", f"ended.{round_id}/"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
