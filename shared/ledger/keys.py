"""The keys of the ledger's rows. A key says what its row is, and no address or id is in it.

    a.lease                        the lease
    a.receipt.<day>.<digest>       a sweep's receipt
    b.card.<digest of the id>      a card noted and not yet taken into the records
    b.intent.<digest of the id>    an effect as schema 1 noted it
    b.record.<digest of address>   a recipient
    b.standing.workspace           the workspace as a whole

They are ordered so that one range holds all that a sweep loads. `.1`, `.2`, … are appended to the key of a good row
that stands beside a damaged one.
"""

from __future__ import annotations

import hashlib
from datetime import date

from shared.model import address_digest

LEASE = "a.lease"
CARD = "b.card."
SCHEMA_1_INTENT = "b.intent."
RECORD = "b.record."
STATE = "b.standing.workspace"
LOADED = ("b.", "c")
_RECEIPT = "a.receipt."
ALL_BUT_LEASE = (("", LEASE), (LEASE + ".", "~"))
"""The ranges of all rows but the lease."""


def card(card_id: str) -> str:
    """The key of the card with this id."""
    return CARD + _digest(card_id)


def record(recipient: str) -> str:
    """The key of this recipient's record; the same for the address and for its pseudonym."""
    return RECORD + address_digest(recipient)


def receipt(day: date, run_id: str) -> str:
    """The key of a sweep's receipt."""
    return f"{_RECEIPT}{day.isoformat()}.{_digest(run_id)}"


def receipts_since(day: date) -> tuple[str, str]:
    """The range of the receipts kept since that day."""
    return _RECEIPT + day.isoformat(), _RECEIPT + ":"


def receipts_before(day: date) -> tuple[str, str]:
    """The range of the receipts older than that day."""
    return _RECEIPT, _RECEIPT + day.isoformat()


def day(key: str) -> str:
    """The day in a receipt's key."""
    return key.removeprefix(_RECEIPT)[:10]


def beside(key: str, number: int) -> str:
    """The key of the good row that stands beside a damaged one."""
    return f"{key}.{number}"


def base(key: str) -> str:
    """The key of the thing that a row is about, whichever row beside another it is."""
    return ".".join(key.split(".")[:3])


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
