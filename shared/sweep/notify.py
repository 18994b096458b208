"""Telling on-call: which cards a sweep posts, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.errors import SweepError
from shared.model import CardNote, Cause, Record, Verdict
from shared.plan.news import MOST_DOUBTFUL, News, causes_to_tell, due_to_tell, findings_to_tell
from shared.plan.records import seen
from shared.plan.reminders import EARLY, reminders
from shared.plan.told_in_doubt import causes_without, left_untold, news_without, told_in_doubt
from shared.sweep import portals
from shared.sweep.context import Context
from shared.sweep.deliver import Delivered
from shared.sweep.describe import Words
from shared.sweep.digest import post_digest
from shared.sweep.entries import shown_severity, tells_of
from shared.sweep.gather import Hunted
from shared.sweep.post import NOT_AGAIN, Posted, post
from shared.sweep.reconcile import Reconciled
from shared.sweep.situation import situation_of
from shared.sweep.words import words_to_tell
from shared.teams import Notice, Situation, notice_card
from shared.teams.places import MOST_NAMED

_KINDS = {Verdict.FAILED: Notice.FAILED, Verdict.UNTRUSTED: Notice.UNTRUSTED}
_UNTOLD = Cause("card_due", "findings of earlier sweeps are still to be told on a card: the next sweep posts it")


@dataclass(frozen=True, slots=True)
class Notified:
    """What could not be told, and why."""

    due: int = 0
    causes: tuple[Cause, ...] = ()


def notify(context: Context, hunted: Hunted, found: Reconciled, delivered: Delivered, described: Words) -> Notified:
    """Post what is to be told: one digest about recipients, and a notice about the sweep itself.

    Raises:
        LeaseLost: another sweep is at work by now; nothing more is posted.
        LedgerError: a card could not be written down.
    """
    context.parts.progress("telling Teams")
    tally, earlier = context.tally, _told_in_doubt(context)
    situation = situation_of(context, hunted, found, delivered, described)
    news = _news(context, delivered, situation)
    kind = _KINDS.get(situation.verdict)
    about = _About(
        kind,
        (hunted.failed,) if hunted.failed else hunted.doubts,
        tuple(_open_causes(context, found, delivered)),
        found.unread,
        causes_without(words_to_tell(context, hunted.words, hunted.coverage), earlier),
    )
    failed = _untold_causes(context, about.reasons) if kind is Notice.FAILED else ()
    undelivered, told = 0, True
    if to_tell := news_without(news, earlier):
        tells = tells_of(context, hunted, to_tell, situation, described)
        told = post_digest(context, tells, situation, _on_digest(context, about))
        undelivered += 0 if told else 1
    if context.parts.entry.shares_channel:
        tally.causes += () if tally.card_id else about.words  # the round's card tells what the receipt says
    elif not news and kind is None and not earlier and not _untold_causes(context, about.pending):
        undelivered += _sign_of_life(context, hunted, situation, about.words)
    else:
        undelivered += _about_us(context, about, failed, situation, told=told)
    if tally.card_id:
        portals.note_told(context)
    if left_untold(context.ledger.records.values(), earlier):
        tally.causes.append(NOT_AGAIN)
    due, causes = max(_untold(context), undelivered), {cause.id: cause for cause in tally.causes}
    return Notified(due, tuple(causes.values()))


@dataclass(frozen=True, slots=True)
class _About:
    """What there is to say about the sweep itself: why it failed or is not trusted, why effects are due (`pending`) or
    our incidents could not be read, and new words in the data.
    """

    kind: Notice | None
    reasons: tuple[Cause, ...]
    pending: tuple[Cause, ...]
    unread: Cause | None
    words: tuple[Cause, ...]


def _on_digest(context: Context, about: _About) -> list[str]:
    """The ids of the causes that the first full card of a digest tells."""
    pending = _untold_causes(context, about.pending)
    return [
        *(each.id for each in pending if about.kind is not None or each != about.unread),
        *(each.id for each in about.words),
        *(each.id for each in (_untold_causes(context, about.reasons) if about.kind is Notice.UNTRUSTED else ())),
    ]


def _about_us(context: Context, about: _About, failed: Sequence[Cause], situation: Situation, *, told: bool) -> int:
    """Post what no digest has told; the number of notices that were not accepted. `told`: every digest was.

    A minimal card tells no causes; a card that was not accepted may have.
    """
    about_us = failed or (_untold_causes(context, about.reasons) if told else ())
    pending = _untold_causes(context, about.pending) if told else ()
    if about_us and about.kind is not None:
        unread = [each for each in pending if each == about.unread]
        return _notice(context, about.kind, (*about_us, *unread), situation, about.words)
    return _notice(context, Notice.DUE, pending, situation, about.words) if pending else 0


def _told_in_doubt(context: Context) -> frozenset[str]:
    return told_in_doubt(context.ledger.cards.values(), context.parts.entry.round)


def _untold_causes(context: Context, causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Those of these causes that no card of today has told."""
    cards = context.ledger.cards.values()
    untold = causes_to_tell(causes, context.ledger.state, cards, context.now().date())
    return causes_without(untold, _told_in_doubt(context))


def _open_causes(context: Context, found: Reconciled, delivered: Delivered) -> list[Cause]:
    """Why effects are due, and why our incidents could not be read.

    But not why Sentinel refuses an effect for ever: that is named with its recipient, and then weekly.
    """
    causes = []
    for recipient, cause in delivered.due.items():
        record = context.ledger.records.get(recipient)
        refused = [each.attempts.refused for each in record.owed if each.attempts.cause == cause] if record else []
        if not refused or not all(refused):
            causes.append(cause)
    return [*causes, found.unread] if found.unread else causes


def _notice(
    context: Context,
    kind: Notice,
    causes: Sequence[Cause],
    situation: Situation,
    also: Sequence[Cause] = (),
) -> int:
    """Post a notice; 1 when it was not accepted. `also`: causes that it names beside its own."""
    tally = context.tally
    if tally.down:
        return 1
    card = notice_card(kind, causes, situation)
    before = context.ledger.cards.get(card.id)
    if before is not None and before.doubtful >= MOST_DOUBTFUL:
        return 1
    if before is not None and before.round and before.round == context.parts.entry.round:
        tally.causes.append(NOT_AGAIN)
        return 1
    noted = CardNote(card.id, situation.now.date(), causes=tuple(cause.id for cause in (*causes, *also)))
    return 0 if post(context, card, noted) is Posted.ACCEPTED else 1


def _sign_of_life(context: Context, hunted: Hunted, situation: Situation, words: Sequence[Cause]) -> int:
    """What is posted when there is nothing else: new words in the data; else a heartbeat when Teams has taken no card
    for HEARTBEAT_DAYS, and after the first sweep of a ledger.
    """
    if words:
        return _notice(context, Notice.NEW_WORD, words, situation)
    days, state = context.settings.heartbeat_days, context.ledger.state
    if not days:
        return 0
    last = state.card_at
    if last is None:
        return _notice(context, Notice.HEARTBEAT, (), replace(situation, first=True))
    if situation.now - last < timedelta(days=days) - EARLY:
        return 0
    sweeps = 1 + sum(started >= last.isoformat()[:19] for started in hunted.sweeps)
    return _notice(context, Notice.HEARTBEAT, (), replace(situation, since=last, sweeps=sweeps))


def not_notified(context: Context) -> Notified:
    """What a dry run says, which posts nothing: what earlier sweeps left to be told is due."""
    due = _untold(context)
    return Notified(due=due, causes=(_UNTOLD,) if due else ())


def _untold(context: Context) -> int:
    return sum(record.tell is not None for record in context.ledger.records.values())


# -- what there is to tell --------------------------------------------------------------------------------------------


def _news(context: Context, delivered: Delivered, situation: Situation) -> News:
    records, cards = context.ledger.records, context.ledger.cards
    today = situation.now.date()
    findings, unanswered = findings_to_tell(records.values(), cards.values(), today)
    return News(
        findings,
        unanswered,
        due_to_tell(delivered.due, records, cards.values(), context.policy.threshold, today),
        tuple(
            record
            for record in records.values()
            if record.incident and record.incident.deleted and not record.incident.deletion_told and not record.tell
        ),
        _still_waiting(context, reminders(records.values(), context.settings.remind_after_days, situation.now)),
    )


def _still_waiting(context: Context, waiting: Sequence[Record]) -> tuple[Record, ...]:
    """Those of these records whose incident still waits: by SecurityIncident, and those that the card names read anew.

    In the order in which a card names them.
    """
    if not waiting or context.breaker.open is not None:
        return ()
    known = context.history.known() or {}
    there = []
    for record in waiting:
        past = known.get(record.incident.id) if record.incident else None
        if past is None or (past.status == "New" and not past.owned):
            there.append(record)
    there.sort(key=lambda record: (-shown_severity(context, record).rank, -record.counts.total, record.recipient))
    checked: list[Record] = []
    for record in there[:MOST_NAMED]:
        try:
            incident = context.parts.incidents.read(record.incident.id) if record.incident else None
        except SweepError:
            return tuple(checked)  # nobody is reminded of the rest today; nothing else is lost by it
        current = seen(record, incident)
        context.ledger.save([current])
        if current.incident and current.incident.waiting:
            checked.append(current)
    return (*checked, *there[MOST_NAMED:])
