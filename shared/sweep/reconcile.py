"""What Sentinel says about our incidents now, beside what the ledger remembers of them.

One paged list a day; a read of its own for each incident that something is about to be done to; and, before anything
new is raised, the workspace's own memory of incidents, so that a deleted one is recognised after the ledger is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import SweepError
from shared.incidents.arm import Sentinel
from shared.ledger.cache import Book
from shared.model import Act, Action, Finding, Incident, IntentKind, Record, Severity
from shared.plan.decide import Policy, adopt, lengthen, plan, refresh
from shared.sweep.deliver import WORKERS, Breaker

OVERLAP = timedelta(hours=1)  # the list's index lags behind
ROUNDS = 25  # episodes of one recipient that a lost ledger can catch up with in one sweep
MOST = 500  # episodes of one recipient that are looked for in a list: labels can be edited by anybody
_TITLE = re.compile(r": (\S+)$")


class Recall:
    """Keeps the book's records in step with Sentinel, for one sweep."""

    def __init__(
        self,
        book: Book,
        sentinel: Sentinel,
        breaker: Breaker,
        policy: Policy,
        *,
        now: Callable[[], datetime],
        known: Callable[[], Mapping[str, datetime]],
    ) -> None:
        self._book = book
        self._sentinel = sentinel
        self._breaker = breaker
        self._policy = policy
        self._now = now
        self._known = known
        self._listed: dict[str, Incident] = {}
        self._episodes = 1
        self._fresh: set[str] = set()

    def list_changes(self) -> None:
        """Read what changed on our incidents since the newest change that was seen, and write it down.

        Only Sentinel's times are compared with Sentinel's: the clock of this machine may be wrong.

        Raises:
            SweepError: when the list cannot be read.
        """
        by_id = {record.incident_id: record for record in self._book.records.values()}
        since = self._book.standing.listed_to

        def shown_before(incident: Incident) -> bool | None:
            if since is None or incident.modified is None or incident.modified > since:
                return None
            record = by_id.get(incident.id)
            return record is not None and record.incident == incident and not record.deleted

        awaited = {intent.incident_id for intent in self._book.open(IntentKind.CREATE)}
        changed: dict[str, Record] = {}
        for incident in self._sentinel.changed(since - OVERLAP if since else None, shown_before):
            if incident.id in awaited:
                continue  # made, but its answer was lost: its intent will find it, and knows what to tell
            self._listed[incident.id] = incident
            record = by_id.get(incident.id)
            if record is None:
                continue
            if record.incident != incident or record.deleted:
                changed[record.recipient] = replace(record, incident=incident, deleted=False)
        self._episodes = min(max((incident.episode or 0 for incident in self._listed.values()), default=0) + 1, MOST)
        for incident in self._listed.values():
            if incident.id not in by_id and (found := self._whose(incident)):
                recipient, episode = found
                known = changed.get(recipient) or self._book.records.get(recipient)
                if known is None or known.episode < episode:
                    changed[recipient] = adopt(
                        recipient, None, incident, episode, self._policy, self._now(), record=known
                    )
        self._book.confirm([], list(changed.values()))
        seen = [incident.modified for incident in self._listed.values() if incident.modified]
        self._book.stand(listed_to=max([*seen, since] if since else seen, default=None))

    def _whose(self, incident: Incident) -> tuple[str, int] | None:
        """Recipient and episode of an incident, from its title; believed only when they give its very id."""
        found = _TITLE.search(incident.title)
        if found is None or incident.episode is None:
            return None
        recipient = found[1]
        return (
            (recipient, incident.episode)
            if self._policy.incident_id(recipient, incident.episode) == incident.id
            else None
        )

    def adopt_listed(self, findings: Iterable[Finding]) -> None:
        """Give the findings whose incident was listed, but is not in the ledger, a record of it."""
        adopted = []
        for finding in findings:
            record = self._book.records.get(finding.recipient)
            if record is not None and record.reported_before is not None and record.counts.total == 0:
                # Adopted from its title alone, above: now that its messages are known, take them in.
                if record.incident is not None:
                    then = replace(record.incident, modified=record.reported_before)
                    known = self._adopted(finding, then, record.episode, record)
                    adopted.append(
                        replace(
                            known,
                            incident=record.incident,
                            tell=record.tell,
                            told_at=record.told_at,
                            reminded_at=record.reminded_at,
                            deleted=record.deleted,
                        )
                    )
                continue
            last = record.episode if record else -1
            for episode in range(last + 1, max(last, self._episodes) + 2):
                incident = self._listed.get(self._policy.incident_id(finding.recipient, episode))
                if incident is not None:
                    adopted.append(self._adopted(finding, incident, episode, record))
        self._book.confirm([], list({record.recipient: record for record in adopted}.values()))

    def _adopted(
        self, finding: Finding, incident: Incident, episode: int, record: Record | None, *, deleted: bool = False
    ) -> Record:
        return adopt(
            finding.recipient, finding, incident, episode, self._policy, self._now(), record=record, deleted=deleted
        )

    def take_in(self, findings: Iterable[Finding], now: datetime) -> str:
        """Bring the records of these findings up to date: the look-back, the days their messages were seen.

        Returns what the receipt is to say about it, "" for nothing.
        """
        before, today = self._book.standing.lookback_days, self._policy.lookback_days
        edge = now - timedelta(days=before) if before is not None and today > before else None
        changed = []
        for finding in findings:
            record = self._book.records.get(finding.recipient)
            if record is None:
                continue
            kept = refresh(finding, lengthen(finding, record, edge, now) if edge else record, now)
            if kept is not record:
                changed.append(kept)
        self._book.confirm([], changed)
        self._book.stand(lookback_days=today)
        return (
            f"the look-back was lengthened from {before} to {today} days: what only the longer window shows is taken as"
            " reported"
            if edge
            else ""
        )

    def found(self, finding: Finding, incident: Incident, episode: int) -> None:
        """Take in an incident that was there when it was to be made."""
        self._book.confirm([], [self._adopted(finding, incident, episode, self._book.records.get(finding.recipient))])

    def settle(self, findings: Sequence[Finding], room: int) -> list[Action]:
        """The plan, made on incidents read just now wherever it wants something done.

        What cannot be read is planned on what the ledger remembers: trying it will tell.
        """
        by_recipient = {finding.recipient: finding for finding in findings}
        for _ in range(ROUNDS):
            actions = plan(findings, self._book.records, self._policy, room)
            wanted: dict[str, tuple[Finding, int]] = {}
            for action in actions:
                if action.act is Act.NOTHING:
                    continue
                record = self._book.records.get(action.recipient)
                finding = by_recipient[action.recipient]
                if record is not None and not record.deleted and record.incident_id not in self._fresh:
                    wanted[record.incident_id] = (finding, record.episode)
                unread = action.act is Act.CREATE and action.incident_id not in self._fresh
                if unread and action.incident_id in self._known():
                    wanted[action.incident_id] = (finding, action.episode)
            if not wanted or self._breaker.open is not None:
                return actions
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="recall") as pool:
                list(pool.map(lambda each: self._read(each[0], *each[1]), wanted.items()))
        return actions

    def _read(self, incident_id: str, finding: Finding, episode: int) -> None:
        if self._breaker.open is not None:
            return
        try:
            incident = self._sentinel.read(incident_id)
        except SweepError as error:
            self._breaker.ended(error)
            self._fresh.add(incident_id)  # not read anew in this sweep
            return
        self._breaker.ended(None)
        self._fresh.add(incident_id)
        record = self._book.records.get(finding.recipient)
        if record is not None and record.incident_id == incident_id:
            if incident is None and not record.deleted:
                self._book.confirm([], [replace(record, deleted=True)])
            elif incident is not None and incident != record.incident:
                self._book.confirm([], [replace(record, incident=incident)])
        elif incident is not None:
            self.found(finding, incident, episode)
        else:
            gone = Incident(incident_id, "New", Severity.MEDIUM, modified=self._known()[incident_id], episode=episode)
            self._book.confirm([], [self._adopted(finding, gone, episode, record, deleted=True)])

    def still_there(self, records: Sequence[Record]) -> list[Record]:
        """Those of these records whose incident is still New and unowned when read just now."""
        waiting: list[Record] = []
        for record in records:
            try:
                incident = self._sentinel.read(record.incident_id)
            except SweepError:
                return waiting  # not reminded about today; nothing else is lost by it
            changed = replace(record, incident=incident or record.incident, deleted=incident is None)
            if changed != record:
                self._book.confirm([], [changed])
            if incident is not None and incident.status == "New" and not incident.owned:
                waiting.append(changed)
        return waiting
