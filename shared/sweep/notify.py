"""Telling on-call: what is still to be told, on which card, and what is true once Teams has taken it.

A card is an intent like any other: written down, sent, and only then are its recipients told. A card that Teams may
have taken keeps its intent, and goes out again word for word, under the same id, until Teams has said yes; one that was
refused is forgotten, and what it told stays due for the next card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.errors import Rejected, SweepError
from shared.ledger.cache import Book
from shared.model import Action, Cause, Finding, Intent, IntentKind, Record, Verdict
from shared.plan.decide import EARLY, reminders
from shared.settings import Settings
from shared.teams.alert import Also, Card, Entry, Notice, Situation
from shared.teams.card import digest_card, notice_card
from shared.teams.links import incident_link
from shared.teams.webhook import Webhook

# Read anew before they are reminded about; of a crowd, which no card can name, only a few: quiet days stay cheap.
READ_ANEW = 10
READ_ANEW_OF_CROWD = 2
RAISING = (IntentKind.CREATE, IntentKind.ESCALATE, IntentKind.COMMENT)


@dataclass(frozen=True, slots=True)
class _Told:
    """One thing that a card tells, as its intent remembers it: what to do once it is told."""

    kind: str  # record, intent, reminder, deletion, cause
    subject: str  # recipient, intent id, or day/cause
    detail: str = ""

    def __str__(self) -> str:
        return "|".join((self.kind, self.subject, self.detail))

    @classmethod
    def read(cls, text: str) -> _Told:
        kind, rest = text.split("|", 1)
        return cls(kind, *rest.rsplit("|", 1))


class Telling:
    """The cards of one sweep. `check` raises when this sweep is no longer the only one at work.

    Of the `told`, so many were only `mentioned`: a deletion, which is no finding.
    """

    def __init__(
        self,
        book: Book,
        webhook: Webhook,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        check: Callable[[], None],
    ) -> None:
        self.told = 0
        self.mentioned = 0
        self.reminded = 0
        self.card_id = ""
        self.due = 0
        self.causes: list[Cause] = []
        self._book = book
        self._webhook = webhook
        self._settings = settings
        self._now = now
        self._check = check
        self._down = False
        self._doubts: Sequence[Cause] = ()
        self._sweeps: Sequence[str] = ()

    # -- what an earlier sweep left -----------------------------------------------------------------------------------

    def finish(self) -> None:
        """Post the cards that an earlier sweep noted but never saw accepted; take in those that were."""
        for intent in self._book.open(IntentKind.CARD):
            if intent.accepted:
                self._take_in(intent)
            else:
                self._send(intent)

    # -- what is to be told now ---------------------------------------------------------------------------------------

    def tell(
        self,
        situation: Situation,
        *,
        causes: Mapping[str, Cause],
        findings: Mapping[str, Finding],
        actions: Mapping[str, Action],
        still_there: Callable[[Sequence[Record]], list[Record]] | None,
    ) -> None:
        """One digest for all that is not yet told, and a notice for what is not about recipients.

        `causes` say, by intent, why an effect is still due. `still_there` keeps, of records to be reminded about, those
        whose incident still waits; None when Sentinel could not be asked.
        """
        if self._down or self._book.open(IntentKind.CARD):
            return  # Teams has just not taken a card that comes first
        entries = self._entries(situation, causes, findings, actions, still_there)
        day = situation.now.astimezone(UTC).date().isoformat()
        pending = [cause for cause in situation.causes if f"{day}/{cause.id}" not in self._book.standing.causes]
        kind = {Verdict.FAILED: Notice.FAILED, Verdict.UNTRUSTED: Notice.UNTRUSTED}.get(situation.verdict)
        doubts = [each for each in self._doubts if f"{day}/{each.id}" not in self._book.standing.causes] if kind else []
        if entries:
            said = [*pending, *(doubts if kind is Notice.UNTRUSTED else [])]
            tells = [*entries.values(), *(_Told("cause", f"{day}/{cause.id}") for cause in said)]
            if not self._post(digest_card(list(entries), situation), tells):
                self.due += 1 if doubts and kind is Notice.FAILED else 0
                return
            pending, doubts = [], [] if kind is Notice.UNTRUSTED else doubts
        if doubts and kind:
            card = notice_card(kind, doubts, situation)
            self._post(card, [_Told("cause", f"{day}/{cause.id}") for cause in doubts])
        elif pending and situation.due:
            card = notice_card(Notice.DUE, pending, situation)
            self._post(card, [_Told("cause", f"{day}/{cause.id}") for cause in pending])
        elif not entries and kind is None and not situation.due:
            self._heartbeat(situation)

    def because(self, doubts: Sequence[Cause], sweeps: Sequence[str] = ()) -> None:
        """Why the verdict is untrusted or failed, told once per cause and day; when earlier sweeps started."""
        self._doubts = tuple(doubts)
        self._sweeps = tuple(sweeps)

    def _heartbeat(self, situation: Situation) -> None:
        days, standing = self._settings.heartbeat_days, self._book.standing
        last = standing.card_at or standing.begun_at
        if days and last and situation.now - last >= timedelta(days=days) - EARLY:
            sweeps = 1 + sum(started >= last.isoformat()[:19] for started in self._sweeps)
            self._post(notice_card(Notice.HEARTBEAT, (), replace(situation, since=last, sweeps=sweeps)), [])

    def _entries(
        self,
        situation: Situation,
        causes: Mapping[str, Cause],
        findings: Mapping[str, Finding],
        actions: Mapping[str, Action],
        still_there: Callable[[Sequence[Record]], list[Record]] | None,
    ) -> dict[Entry, _Told]:
        entries: dict[Entry, _Told] = {}
        for record in self._book.records.values():
            if record.tell is not None:
                action = actions.get(record.recipient)
                new = record.untold or (len(action.new) if action else 0)
                entry = self._entry(record, new=new, finding=findings.get(record.recipient))
                detail = f"{record.episode}/{record.untold}/{record.tell.value}"
                entries[entry] = _Told("record", record.recipient, detail)
            elif record.deleted and not record.deletion_told:
                entries[replace(self._entry(record), reason=Also.DELETED, url="")] = _Told("deletion", record.recipient)
        day = situation.now.astimezone(UTC).date().isoformat()
        named: set[str] = set()
        for intent in self._book.open(*RAISING):
            cause = causes.get(intent.id)
            silent = intent.kind is IntentKind.COMMENT and not intent.tell
            if cause is None or silent or intent.recipient in named:
                continue
            stamp = f"{day}/{cause.id}"
            if intent.told != stamp:
                entry = Entry(
                    intent.recipient,
                    intent.incident_id,
                    intent.episode,
                    Also.NOT_RAISED,
                    intent.severity,
                    intent.counts,
                    new=len(intent.messages),
                    cause=cause.text,
                )
                entries[entry] = _Told("intent", intent.id, stamp)
                named.add(intent.recipient)
        waiting = reminders(self._book.records.values(), self._settings.remind_after_days, situation.now)
        if waiting and still_there is not None:
            anew = READ_ANEW if len(waiting) <= READ_ANEW else READ_ANEW_OF_CROWD
            for record in [*still_there(waiting[:anew]), *waiting[anew:]]:
                entry = replace(self._entry(record), reason=Also.REMINDER, since=record.raised_at)
                entries[entry] = _Told("reminder", record.recipient)
        return entries

    def _entry(self, record: Record, *, new: int = 0, finding: Finding | None = None) -> Entry:
        incident = record.incident
        shown = finding.evidence[:2] if finding is not None and self._settings.card_subjects else ()
        return Entry(
            recipient=record.recipient,
            incident_id=record.incident_id,
            episode=record.episode,
            reason=record.tell or Also.REMINDER,
            severity=record.severity,
            counts=record.counts,
            new=new,
            url=incident_link(
                self._settings.cloud.portal,
                self._settings.sentinel_workspace_resource_id,
                record.incident_id,
                incident.url if incident else "",
            ),
            number=incident.number if incident else None,
            subjects=tuple(item.subject for item in shown),
            remediators=record.remediators,
        )

    # -- note, send, only then record ---------------------------------------------------------------------------------

    def _post(self, card: Card, tells: Sequence[_Told]) -> bool:
        """Whether Teams took it. Raises LeaseLost when another sweep is at work by now: nothing is noted then."""
        intent = Intent(
            id=card.id,
            kind=IntentKind.CARD,
            noted_at=self._now(),
            body=card.body,
            tells=tuple(str(told) for told in tells),
        )
        self._check()  # a sweep that was overtaken leaves no card behind for the next one to post
        self._book.note([intent])
        return self._send(intent)

    def _send(self, intent: Intent) -> bool:
        """Whether Teams took it. Raises LeaseLost when another sweep is at work by now: nothing is sent then."""
        self._check()
        try:
            self._webhook.post(intent.body)
        except SweepError as error:
            self.due += 1
            self.causes.append(Cause(error.cause, str(error)))
            self._down = not isinstance(error, Rejected)  # another card may do better than one that was refused
            if not error.maybe_done:
                self._book.confirm([intent.id])  # what it told stays due, and goes on the next card
            return False
        accepted = replace(intent, accepted=True)
        self._book.note([accepted])  # one write: from here on the card is never sent again
        self._take_in(accepted)
        self.card_id = intent.id
        return True

    def _take_in(self, intent: Intent) -> None:
        """Record as told what an accepted card tells; may be done again after a crash."""
        now = self._now()
        changed: dict[str, Record] = {}
        noted: list[Intent] = []
        causes = list(self._book.standing.causes)
        for told in map(_Told.read, intent.tells):
            if told.kind == "cause":
                causes.append(told.subject)
            elif told.kind == "intent":
                if waiting := self._book.intents.get(told.subject):
                    noted.append(replace(waiting, told=told.detail))
                    self.told += 1
            elif record := changed.get(told.subject) or self._book.records.get(told.subject):
                changed[told.subject] = self._told(record, told, now)
        today = now.astimezone(UTC).date().isoformat()
        self._book.note(noted)
        self._book.stand(card_at=now, causes=tuple(sorted({each for each in causes if each[:10] >= today})))
        self._book.confirm([intent.id], list(changed.values()))

    def _told(self, record: Record, told: _Told, now: datetime) -> Record:
        if told.kind == "reminder":
            self.reminded += 1
            return replace(record, reminded_at=now)
        self.told += 1
        if told.kind == "deletion":
            self.mentioned += 1
            return replace(record, deletion_told=True)
        episode, untold, reason = told.detail.split("/")
        if record.episode != int(episode):
            return record
        tell = None if record.tell is not None and record.tell.value == reason else record.tell
        return replace(record, tell=tell, untold=max(record.untold - int(untold), 0), told_at=now)
