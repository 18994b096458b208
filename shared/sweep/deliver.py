"""Carrying out intents in Sentinel: several incidents at a time, one writer per incident, each confirmed at once.

It is told what to do by intents and by the plan; it knows nothing of hunting or of cards. What could not be done stays
an open intent, with its cause in `causes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from shared.errors import Fault, Forbidden, NotFound, SignInFailed, SweepError, Throttled, Unavailable
from shared.incidents.arm import Ended, Sentinel
from shared.ledger.cache import Book
from shared.ledger.port import LedgerError
from shared.model import Cause, Counts, Incident, Intent, IntentKind, Reason, Record
from shared.plan.decide import day_number

WORKERS = 16  # each sends a GET and a PUT: enough for ARM's ten PUTs a second while an answer takes up to 0.7 s
PATIENCE = 3  # failures in a row after which the rest of the sweep's effects are left due without being tried


def _of_the_road(error: SweepError | None) -> bool:
    """Whether any other call would end so, too: it says nothing about the incident that was asked for.

    So do a 404 of the workspace and a gateway's page in Sentinel's place, which come with a status of its own.
    """
    if isinstance(error, NotFound):
        return not error.itself
    if error is not None and error.fault is Fault.GARBLED:
        return error.status is not None
    return isinstance(error, Forbidden | SignInFailed | Unavailable | Throttled)


class Breaker:
    """Remembers that Sentinel is down or refuses, so that a thousand effects do not each find out for themselves."""

    def __init__(self) -> None:
        self.open: SweepError | None = None
        self._row = 0
        self._lock = Lock()

    def failed(self, error: SweepError) -> None:
        """A call without which nothing else makes sense failed, after its own retries."""
        if _of_the_road(error):
            self.open = error

    def ended(self, error: SweepError | None) -> None:
        """Take note of how a call ended."""
        with self._lock:
            if error is None or not _of_the_road(error):
                self._row = 0
                return
            self._row += 1
            if self._row >= PATIENCE or isinstance(error, Forbidden | SignInFailed):
                self.open = error


@dataclass(slots=True)
class Raised:
    """What came of a round of intents. `stale` are recipients whose incident is no longer as the plan saw it."""

    done: Counter[str] = field(default_factory=Counter)
    causes: dict[str, Cause] = field(default_factory=dict)
    stale: dict[str, Incident | None] = field(default_factory=dict)


class Raising:
    """Performs intents. `halt()` says why no new effect may begin (the budget ended, the lease is lost), else None.

    `known()` maps ids of incidents that this workspace ever had to their last modification: an incident that is in it
    but answers 404 was deleted by somebody, and is not made again.
    """

    def __init__(
        self,
        book: Book,
        sentinel: Sentinel,
        breaker: Breaker,
        *,
        now: Callable[[], datetime],
        halt: Callable[[], Cause | None],
        known: Callable[[], Mapping[str, datetime]],
        progress: Callable[[str], None],
    ) -> None:
        self.raised = Raised()
        self._book = book
        self._sentinel = sentinel
        self._breaker = breaker
        self._now = now
        self._halt = halt
        self._known = known
        self._progress = progress
        self._lock = Lock()

    def perform(self, intents: Sequence[Intent], *, old: bool) -> None:
        """Carry these out. `old` intents are an earlier sweep's: what is found already there was done by it.

        Raises:
            LedgerError: when a confirmation cannot be written; nothing new is begun after that.
        """
        chains: dict[str, list[Intent]] = {}
        for intent in intents:
            chains.setdefault(intent.recipient, []).append(intent)
        if not chains:
            return
        failed: list[LedgerError] = []
        count = 0

        def work(chain: list[Intent]) -> None:
            nonlocal count
            try:
                for place, intent in enumerate(chain, 1):
                    if failed:
                        return
                    if not self._one(intent, old=old):
                        if intent.recipient in self.raised.stale:  # planned for an incident that is no longer so
                            self._book.confirm([each.id for each in chain[place:]])
                        return
            except LedgerError as error:
                failed.append(error)
            finally:
                count += 1
                self._progress(f"telling Sentinel: {count} of {len(chains)}")

        with ThreadPoolExecutor(WORKERS, thread_name_prefix="raise") as pool:
            list(pool.map(work, chains.values()))
        if failed:
            raise failed[0]

    def _one(self, intent: Intent, *, old: bool) -> bool:
        """Whether the next intent about the same incident may follow."""
        cause = self._halt()
        if cause is None and self._breaker.open is not None:
            cause = Cause(self._breaker.open.cause, str(self._breaker.open))
        if cause is not None:
            with self._lock:
                self.raised.causes[intent.id] = cause
            return False
        if intent.kind is IntentKind.CREATE:
            return self._create(intent, old=old)
        if intent.kind is IntentKind.ESCALATE:
            return self._escalate(intent, old=old)
        return self._comment(intent)

    def _create(self, intent: Intent, *, old: bool) -> bool:
        if old and intent.incident_id in self._known():
            try:
                incident = self._sentinel.read(intent.incident_id)
            except SweepError as error:
                return self._due(intent, error)
            if incident is None:  # made by the sweep that noted it, deleted since by somebody
                self._book.confirm([intent.id], [replace(self._record(intent, None), deleted=True, tell=None)])
                return True
        attempt = self._sentinel.create(intent.incident_id, intent.body)
        self._breaker.ended(attempt.error)
        if attempt.ended is Ended.DUE:
            return self._due(intent, attempt.error)
        if attempt.ended is Ended.FOUND and not old:
            return self._stale(intent, attempt.incident)
        self._book.confirm([intent.id], [self._record(intent, attempt.incident)])
        return self._done(intent)

    def _record(self, intent: Intent, incident: Incident | None) -> Record:
        before = self._book.records.get(intent.recipient)
        known = before.reported if before else {}
        untold = before.untold if before and before.incident_id == intent.incident_id else 0
        now = self._now()
        return Record(
            recipient=intent.recipient,
            episode=intent.episode,
            incident_id=intent.incident_id,
            severity=intent.severity,
            reported={**known, **dict.fromkeys(intent.messages, day_number(now))},
            untold=untold + sum(key not in known for key in intent.messages),
            reported_before=before.reported_before if before else None,
            counts=intent.counts,
            raised_at=now,
            tell=intent.reason,
            incident=incident,
            remediators=intent.remediators,
        )

    def _escalate(self, intent: Intent, *, old: bool) -> bool:
        record = self._book.records.get(intent.recipient) or self._record(intent, None)
        attempt = self._sentinel.escalate(intent.incident_id, record.severity, intent.severity)
        self._breaker.ended(attempt.error)
        if attempt.ended is Ended.DUE:
            self._due(intent, attempt.error)
            return True  # the comment does not need it
        if attempt.ended is Ended.DONE:
            changed = replace(record, severity=intent.severity, tell=intent.reason, incident=attempt.incident)
            self._book.confirm([intent.id], [changed])
            return self._done(intent)
        if old and attempt.ended is Ended.CHANGED:  # an analyst has set it since; the comment is still to be written
            self._book.confirm([intent.id], [replace(record, incident=attempt.incident or record.incident)])
            return True
        return self._stale(intent, attempt.incident)

    def _comment(self, intent: Intent) -> bool:
        attempt = self._sentinel.comment(intent.incident_id, intent.id, intent.body)
        self._breaker.ended(attempt.error)
        if attempt.ended is Ended.DUE:
            return self._due(intent, attempt.error)
        if attempt.ended is Ended.GONE:
            return self._stale(intent, None)
        self._book.confirm([intent.id], [self.reported(intent)])
        return self._done(intent)

    def reported(self, intent: Intent) -> Record:
        """The record once this intent's messages are reported."""
        record = self._book.records.get(intent.recipient) or self._record(intent, None)
        today = day_number(self._now())
        added = {key: today for key in intent.messages if key not in record.reported}
        raised = intent.reason is not Reason.ESCALATED or record.severity is intent.severity
        reason = intent.reason if raised else Reason.GREW  # what is still due is not told as done
        return replace(
            record,
            reported={**record.reported, **added},
            untold=record.untold + len(added),
            tell=reason if intent.tell and record.tell is None else record.tell,
            counts=intent.counts if intent.counts != Counts() else record.counts,
            remediators=intent.remediators or record.remediators,
        )

    def _done(self, intent: Intent) -> bool:
        with self._lock:
            self.raised.done[intent.kind] += 1
        return True

    def _due(self, intent: Intent, error: SweepError | None) -> bool:
        with self._lock:
            self.raised.causes[intent.id] = (
                Cause(error.cause, str(error)) if error else Cause("sentinel_changing", "the incident kept changing")
            )
        return False

    def _stale(self, intent: Intent, incident: Incident | None) -> bool:
        """The incident is not as the plan saw it: forget the intent, remember the incident, let the plan decide."""
        record = self._book.records.get(intent.recipient)
        changed = []
        if record is not None and record.incident_id == intent.incident_id:
            changed = [replace(record, incident=incident or record.incident, deleted=incident is None)]
        self._book.confirm([intent.id], changed)
        with self._lock:
            self.raised.stale[intent.recipient] = incident
        return False
