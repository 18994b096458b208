"""What the ledger remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.actions import Reason
from shared.model.findings import Counts
from shared.model.incidents import Incident, Severity


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger holds about one recipient.

    `reported` maps the hash of a message id to the day (days since 1970) it was last seen. `tell` says why a card
    about it is still due; `untold` counts the messages reported since the last card. `incident` is as last read, None
    before the first reading; `deleted` once its own GET said 404. Messages with a state time before `reported_before`
    count as reported too: after a lost ledger, and when the record grew too large to hold them all.
    """

    recipient: str
    episode: int
    incident_id: str
    severity: Severity
    reported: Mapping[int, int]
    counts: Counts
    raised_at: datetime
    untold: int = 0
    tell: Reason | None = None
    told_at: datetime | None = None
    reminded_at: datetime | None = None
    incident: Incident | None = None
    deleted: bool = False
    deletion_told: bool = False
    reported_before: datetime | None = None
    remediators: str = ""  # who remediated, in a line, as last asked


class IntentKind(StrEnum):
    """The effects that are written down before they are tried."""

    CREATE = "create"
    COMMENT = "comment"
    ESCALATE = "escalate"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Intent:
    """One effect, rendered, as it will be sent, word for word, also by a later sweep.

    `body` is the JSON that is sent (for ESCALATE: nothing, the merge needs the fresh incident). `messages` are hashes
    of the message ids it reports. `tells` (cards): the `key()` of each thing told. `accepted` (cards): Teams took it,
    the records are not all updated yet. `told` remembers the cause and day for which on-call was told that this effect
    is due. `held` (creations): MAX_NEW_INCIDENTS holds it back, it is not to be tried yet.
    """

    id: str
    kind: IntentKind
    noted_at: datetime
    body: str
    recipient: str = ""
    incident_id: str = ""
    episode: int = 0
    reason: Reason | None = None
    severity: Severity = Severity.MEDIUM
    counts: Counts = Counts()
    messages: tuple[int, ...] = ()
    tell: bool = False
    tells: tuple[str, ...] = ()
    accepted: bool = False
    told: str = ""
    remediators: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger holds about the workspace as a whole.

    `listed_to`: the newest modification that a list of our incidents has shown, by Sentinel's clock. `lookback_days`:
    of the last sweep that planned. `checked_guid`: the workspace's customerId when it was last seen to be the GUID of
    the settings. `card_at`: when Teams last took a card. `causes`: what was told as failed or due, each as "day/cause".
    """

    listed_to: datetime | None = None
    lookback_days: int | None = None
    checked_guid: str = ""
    card_at: datetime | None = None
    begun_at: datetime | None = None
    causes: tuple[str, ...] = ()
