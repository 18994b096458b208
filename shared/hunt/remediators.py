"""Who remediated: administrators, automated investigation, or the service's own zero-hour purge (ZAP)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.query.answer import NUMBERS, Answer, check_columns

_COLUMNS = ("Recipient", "Message", "Actor", "Outcome", "Attempts", "Newest")
_TEXT = frozenset({"string"})
_TYPES = (_TEXT, _TEXT, _TEXT, _TEXT, NUMBERS, frozenset({"datetime"}))
_ACTORS = {"admin": "by admins", "automation": "by automated investigation", "zap": "by ZAP", "other": "by others"}


@dataclass(slots=True)
class Remediation:
    """What is known about one message: who last remediated it ("" when nobody did), and how many attempts failed."""

    actor: str = ""
    failed: int = 0


Remediators = Mapping[str, Mapping[str, Remediation]]
"""By recipient and message id, both lower-cased."""


@dataclass(frozen=True, slots=True)
class Remediations:
    """Who remediated a number of messages of one recipient: messages by actor, failed attempts, messages unknown."""

    actors: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, messages: Iterable[str], known: Mapping[str, Remediation]) -> Remediations:
        """The remediations of these message ids."""
        remediations = [
            known.get(message, Remediation()) for message in sorted({message.lower() for message in messages})
        ]
        actors = Counter(remediation.actor for remediation in remediations)
        unknown = actors.pop("", 0)
        ordered = {actor: actors[actor] for actor in _ACTORS if actors[actor]}
        return cls(ordered, sum(remediation.failed for remediation in remediations), unknown)

    @property
    def words(self) -> str:
        """Such as "12 messages: 9 by admins, 3 by ZAP; 1 attempt failed"; "" when nothing is known."""
        if not self.actors and not self.failed:
            return ""
        total = sum(self.actors.values()) + self.unknown
        parts = [f"{many:,} {_ACTORS[actor]}" for actor, many in self.actors.items()]
        if self.unknown:
            parts.append(f"{self.unknown:,} by nobody on record")
        failed = f"; {self.failed:,} {'attempt' if self.failed == 1 else 'attempts'} failed" if self.failed else ""
        return f"{total:,} {'message' if total == 1 else 'messages'}: {', '.join(parts)}{failed}"


def read_remediations(answer: Answer) -> Remediators:
    """The remediations in the response to remediators.kql, whose rows come newest first for each message.

    Raises:
        PartialData: when a column is missing, mistyped or holds what the query cannot return.
    """
    check_columns(answer, _COLUMNS, _TYPES)
    found: dict[str, dict[str, Remediation]] = {}
    for recipient, message, actor, outcome, attempts, _ in answer.rows:
        if not isinstance(recipient, str) or not isinstance(message, str):
            raise answer.malformed("Recipient", "that is not text")
        if actor not in _ACTORS:
            raise answer.malformed("Actor", "that is not a known actor")
        if outcome not in ("done", "failed"):
            raise answer.malformed("Outcome", "that is not a known outcome")
        if type(attempts) is not int or attempts < 0:
            raise answer.malformed("Attempts", "that is not a count")
        remediation = found.setdefault(recipient, {}).setdefault(message.lower(), Remediation())
        if outcome == "failed":
            remediation.failed += attempts
        elif not remediation.actor:
            remediation.actor = actor
    return found
