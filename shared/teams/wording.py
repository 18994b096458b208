"""The words on cards about recipients: the headline, why a recipient is there, from whom, how things stand.

All of it is the sweep's own text and numbers, but for the senders in `from_whom`, and the name of the workspace, which
operators choose: `own` leaves out a name that has a character in it that no workspace has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from shared.model import Counts, Coverage, Reason, Severity, Verdict, in_last_day, in_window
from shared.teams.alert import Entry, OtherReason, Situation
from shared.text import clean, plain, when

NEW = (Reason.FIRST, Reason.AFTER_BASELINE, Reason.REOPENED, Reason.REOPENED_BENIGN, Reason.RECREATED)
SUBJECT_MATTER = "Unusual volume of remediated email"

_COUNTED: tuple[tuple[tuple[Reason | OtherReason, ...], str], ...] = (
    ((OtherReason.NOT_RAISED,), "NOT raised"),
    (NEW, "new"),
    ((Reason.ESCALATED,), "now High"),
    ((Reason.GREW, Reason.COMMENTS_FULL), "grew"),
    ((Reason.ADOPTED,), "open, told again"),
    ((OtherReason.UNANSWERED,), "posted without an answer"),
    ((OtherReason.REMINDER,), "still waiting"),
    ((OtherReason.DELETED,), "deleted"),
)
_OF_ONE_SEVERITY = ("now High", "open, told again", "deleted")

_SENDERS = 3

MINIMAL = "Shown in short: Teams did not accept the full card."


def headline(entries: Sequence[Entry]) -> str:
    """How many of each kind, and how many of them High: "3 new (1 High), 1 now High"."""
    parts = []
    for reasons, name in _COUNTED:
        group = [entry for entry in entries if entry.reason in reasons]
        if not group:
            continue
        high = sum(1 for entry in group if entry.severity is Severity.HIGH)
        show = high and name not in _OF_ONE_SEVERITY
        parts.append(f"{len(group):,} {name}" + (f" ({high:,} High)" if show else ""))
    return ", ".join(parts) or "Nothing new"


def headed(heading: str, situation: Situation) -> str:
    """A card's first line: of many workspaces each card begins with the name of its own."""
    return f"{situation.name}: {heading}" if situation.name else heading


_WHY: dict[Reason | OtherReason, str] = {
    Reason.FIRST: "New: first time over the threshold",
    Reason.ADOPTED: "Open in Sentinel, but the sweep's own record of it was lost: told again, to be sure",
    OtherReason.NOT_RAISED: "NOT written to Sentinel yet; the next sweep tries again",
}


def why(entry: Entry, situation: Situation) -> str:
    """Why this recipient is on the card."""
    new = _messages(entry.new)
    match entry.reason:
        case Reason.AFTER_BASELINE:
            return f"New: {new} since the earlier ones were taken as reported"
        case Reason.REOPENED:
            return f"Back: {new} since the last incident was closed"
        case Reason.REOPENED_BENIGN:
            return f"Back: {new} since it was closed as benign or false positive"
        case Reason.RECREATED:
            return f"Back: {new} since its incident was deleted"
        case Reason.ESCALATED:
            return f"Escalated to {entry.severity.value}" + (f": {new}" if entry.new else "")
        case Reason.GREW:
            return f"Growing: {new} since the last card"
        case Reason.COMMENTS_FULL:
            return f"Growing: {new}; the incident takes no more comments, so they are counted here only"
        case OtherReason.UNANSWERED:
            return "Cards about this may have arrived, Teams did not answer" + (f": {new}" if entry.new else "")
        case OtherReason.DELETED:
            return f"Its incident was deleted; more than {situation.threshold:,} new messages will raise it again"
        case OtherReason.REMINDER if entry.since:
            return f"Waiting since {when(entry.since)}: still New, without an owner"
        case OtherReason.REMINDER:
            return "Waiting: still New, without an owner"
        case _:
            return _other_reason(entry)


def _other_reason(entry: Entry) -> str:
    if entry.reason is OtherReason.NOT_RAISED and entry.awaited:
        return "Handed to the analytics rule, which has made NO incident of it"
    return _WHY.get(entry.reason, entry.reason.value.replace("_", " ").capitalize())


def _messages(new: int) -> str:
    return f"{new:,} new {'message' if new == 1 else 'messages'}"


def by_action(counts: Counts) -> str:
    """`Sum_case` and the counts of the actions that were taken, in a line."""
    actions = (
        ("hard delete", counts.hard_delete),
        ("soft delete", counts.soft_delete),
        ("to junk", counts.move_to_junk),
        ("to deleted items", counts.move_to_delete),
    )
    taken = ", ".join(f"{name} {number:,}" for name, number in actions if number)
    return f"{counts.total:,} remediated" + (f": {taken}" if taken else "")


def from_whom(entry: Entry) -> tuple[str, ...]:
    """From which domains its mail came, with the messages of each, and from which senders when they may be shown."""
    return tuple(
        f"{begins} {_most(named)}"
        for begins, named in (("From", [(sender_domain(name), n) for name, n in entry.domains]), ("By", entry.senders))
        if named
    )


def _most(named: Sequence[tuple[str, int]]) -> str:
    """The first names, inert, with their numbers, and how many more there are."""
    shown = [f"{plain(name, 60) or 'unknown'} ({number:,})" for name, number in named[:_SENDERS]]
    more = len(named) - len(shown)
    return short_line(", ".join(shown) + (f" and {more:,} more" if more else ""), 200, 240)


def sender_domain(domain: str) -> str:
    """The domain alone, whatever stands before an @; inert, "" when it is not known."""
    return short_line(plain(domain.rpartition("@")[2], 60), 60, 120)


def about(situation: Situation, *, own: bool = False) -> str:
    """What kind of alert this is, where, and from when on."""
    more = f": more than {situation.threshold:,} in {situation.window.days} days" if situation.window else ""
    return f"{SUBJECT_MATTER} in {_workspace(situation, own)}{more}"


def whose(situation: Situation, *, own: bool = False) -> str:
    """Which sweep posts the card."""
    return f"Email remediation sweep of {_workspace(situation, own)}"


def _workspace(situation: Situation, own: bool) -> str:
    if own and re.fullmatch(r"[A-Za-z0-9-]{1,63}", situation.workspace) is None:
        return "the workspace"
    return plain(situation.workspace, 63) or "the workspace"


def more(entries: Sequence[Entry]) -> str:
    """Those that have no place of their own on the card: "and 12 more, 3 of them High"."""
    high = sum(1 for entry in entries if entry.severity is Severity.HIGH)
    return f"and {len(entries):,} more" + (f", {high:,} of them High" if high else "")


def held(situation: Situation) -> str:
    """What the fuse holds back, and what of it is held beyond memory; "" for nothing."""
    lost = situation.held_unremembered
    number = max(situation.held, lost)
    if not number:
        return ""
    text = f"{number:,} more over the threshold {_are(number)} held back; the next sweeps raise them, highest first."
    if lost:
        text += (
            f" {lost:,} of them {_are(lost)} not remembered: they are raised only if a later sweep finds them again."
            " Raise MAX_NEW_INCIDENTS, or SUM_CASE_THRESHOLD if it is too low."
        )
    return text


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def standing(situation: Situation) -> str:
    """How the rest stands, "" when there is no rest."""
    parts = [
        f"{number:,} {name}"
        for number, name in (
            (situation.grown, "open with new messages"),
            (situation.standing, "open with nothing new"),
            (situation.settled, "closed with few new messages"),
            (situation.excluded, "excluded"),
        )
        if number
    ]
    return f"Known: {', '.join(parts)}." if parts else ""


def covered(coverage: Coverage | None, situation: Situation) -> str:
    """What the sweep looked at, in a line."""
    if coverage is None:
        return ""
    newest = "no row" if coverage.newest is None else f"newest {when(coverage.newest)}"
    days = f" in {situation.window.days} days" if situation.window else ""
    return (
        f"Data: {coverage.rows:,} rows{days}, {in_last_day(coverage).messages:,} messages in the last 24 h, {newest}, "
        f"action filled in {in_window(coverage).filled:.0%}."
    )


def short_line(text: str, characters: int, size: int) -> str:
    """The text in a visible line of at most so many characters and so many bytes of JSON."""
    shown = clean(text, characters)
    return shown if len(json.dumps(shown, ensure_ascii=False).encode()) - 2 <= size else clean(text, size // 4)


def doubt(situation: Situation) -> str:
    """What the verdict takes from the card's word, "" when it takes nothing."""
    if situation.verdict is Verdict.UNTRUSTED:
        return "Data not trusted: the numbers may be too low, and others may be missing"
    if situation.verdict is Verdict.FAILED:
        return "The sweep failed: this is what an earlier sweep found; nothing was checked since"
    return ""
