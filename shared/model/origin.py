"""From whom the counted mail came, and the campaigns it belongs to. All texts are an attacker's; the hunt cuts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MailGroup:
    """Counted messages of one recipient with the same sender and subject. `sender` is lower-cased, "" when unknown.

    `key` names sender and subject in the queries. `reached`: how many recipients of the tenant got such mail in the
    window, this one included; None when that is not known.
    """

    sender: str
    domain: str
    subject: str
    messages: int
    key: str = ""
    reached: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """From whom one recipient's counted mail came; each list has the most frequent first and may be cut.

    `groups` are by sender and subject; `senders`, `domains`, `threats` and `detections` are names with their messages;
    `by_message` is the sender of each known message, by its id in lower case. `messages` is how many were counted in
    the window, exactly. Empty is not known: the messages may have left the window.
    """

    groups: tuple[MailGroup, ...] = ()
    senders: tuple[tuple[str, int], ...] = ()
    domains: tuple[tuple[str, int], ...] = ()
    threats: tuple[tuple[str, int], ...] = ()
    detections: tuple[tuple[str, int], ...] = ()
    by_message: Mapping[str, str] = field(default_factory=dict)
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Campaign:
    """Mail of one sender and subject that was counted for several flagged recipients, who are `flagged`, sorted.

    `reached`: how many recipients of the tenant got it in the window, theirs included; those flagged, when that could
    not be looked up. `messages`: counted for them. `key` names sender and subject in the queries.
    """

    sender: str
    domain: str
    subject: str
    reached: int
    flagged: tuple[str, ...]
    messages: int
    key: str = ""
