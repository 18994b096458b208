"""What all effects of one sweep share, and what came of one recipient's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.incidents.port import Attempt, Ended
from shared.incidents.terms import Terms
from shared.model import Action, Cause, Finding, Owed, Record
from shared.plan.decide import decide_about
from shared.plan.owed import Effect, exchanged, failed, marked
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.describe import Words

CHANGING = Cause("sentinel_changing", "the incident kept changing while it was written to; the next sweep goes on")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one recipient's action. `action` is the last one decided.

    `tried` and `taken` are about a creation: whether it was attempted, and whether it was made or may have been.
    `cause` says why something is still owed. `waits`: it has become a creation, which must wait for its turn.
    """

    action: Action
    tried: bool = False
    taken: bool = False
    waits: bool = False
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Delivering:
    """What all effects of one sweep share."""

    context: Context
    findings: Mapping[str, Finding]
    terms: Terms
    words: Words

    def record(self, recipient: str) -> Record:
        """The record as it is now."""
        return self.context.ledger.records.get(recipient) or Record(recipient)

    def save(self, record: Record) -> Record:
        """Write it down."""
        self.context.ledger.save([record])
        return record

    def decide(self, record: Record) -> Action:
        """The action for this recipient, as things are now."""
        return decide_about(record.recipient, self.findings.get(record.recipient), record, self.context.policy)

    def mark(self, record: Record, owed: Effect) -> tuple[Record, Effect]:
        """Note that this is about to be sent."""
        about = marked(owed, self.context.parts.incidents.time() or self.context.now())
        return self.save(exchanged(record, owed, about)), about

    def not_done(self, record: Record, owed: Owed, attempt: Attempt, *, lost: bool = False) -> tuple[Record, Cause]:
        """Record why an attempt failed, and whether it, or one before it (`lost`), may have been done all the same."""
        error = attempt.error
        cause = cause_of(error) if error else CHANGING
        refused = attempt.ended is Ended.REFUSED
        after = failed(owed, cause, in_doubt=lost or attempt.in_doubt, refused=refused)
        return self.save(exchanged(record, owed, after)), cause
