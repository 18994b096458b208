"""The words on cards: the headline, why a recipient is there, how things stand, what a failure means for on-call.

All of it is the sweep's own text and numbers, except where a function says that it takes somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import takewhile

from shared.model import Counts, Coverage, Reason, Severity, Verdict
from shared.teams.alert import Also, Entry, Notice, Situation
from shared.text import bare, plain

RAISED = (Reason.FIRST, Reason.REOPENED, Reason.REOPENED_BENIGN, Reason.RECREATED)
SUBJECT_MATTER = "Unusual volume of remediated email"
_TOLD_BYTES = 1_500  # three copies of the words travel in each card

_GROUPS: tuple[tuple[tuple[Reason | Also, ...], str], ...] = (
    (RAISED, "new"),
    ((Reason.ESCALATED,), "now High"),
    ((Reason.GREW, Reason.COMMENTS_FULL), "grew"),
    ((Reason.ADOPTED,), "open, told again"),
    ((Also.NOT_RAISED,), "NOT raised"),
    ((Also.REMINDER,), "still waiting"),
    ((Also.DELETED,), "deleted"),
)

NOTICES: dict[Notice, tuple[str, str, str]] = {
    Notice.FAILED: (
        "Sweep failed: nothing was checked",
        "Until a sweep succeeds, silence is not an all-clear.",
        "Mend the cause and run the sweep again, or wait for the next: it looks back as far, so nothing is skipped.",
    ),
    Notice.UNTRUSTED: (
        "No all-clear: data not trusted",
        "What was found has been reported. There may be more.",
        "Check what is named here, the data connector first. The next sweep checks again.",
    ),
    Notice.DUE: (
        "Not everything was delivered",
        "Nothing is lost: what is still due is written down, and the next sweep sends it word for word.",
        "Mend the cause before the next sweep, or it will be stopped by it too.",
    ),
    Notice.HEARTBEAT: (
        "All quiet",
        "The sweep is alive and has had nothing to tell. If this card stops coming, something is wrong.",
        "",
    ),
}


def headline(entries: Sequence[Entry]) -> str:
    """How many of each kind, and how many of them High: "3 new (1 High), 1 now High"."""
    parts = []
    for reasons, name in _GROUPS:
        group = [entry for entry in entries if entry.reason in reasons]
        if not group:
            continue
        high = sum(1 for entry in group if entry.severity is Severity.HIGH)
        show = high and name in ("new", "NOT raised", "still waiting", "grew")
        parts.append(f"{len(group):,} {name}" + (f" ({high:,} High)" if show else ""))
    return ", ".join(parts) or "Nothing new"


_WHY: dict[Reason | Also, str] = {
    Reason.FIRST: "New: first time over the threshold",
    Reason.ADOPTED: "Open in Sentinel, but not in the sweep's ledger, which was lost: told again, to be sure",
}


def why(entry: Entry, situation: Situation) -> str:
    """Why this recipient is on the card."""
    new = f"{entry.new:,} new {'message' if entry.new == 1 else 'messages'}"
    match entry.reason:
        case Reason.REOPENED:
            return f"Back: {new} since the last incident was closed"
        case Reason.REOPENED_BENIGN:
            return f"Back: {new} since it was closed as benign or false positive"
        case Reason.RECREATED:
            return f"Back: {new} since its incident was deleted"
        case Reason.ESCALATED:
            return f"Raised to {entry.severity.value}: {new}"
        case Reason.GREW:
            return f"Growing: {new} since the last card"
        case Reason.COMMENTS_FULL:
            return f"Growing: {new}; the incident takes no more comments, so they are counted here only"
        case Also.NOT_RAISED:
            return "NOT written to Sentinel yet; the next sweep tries again"
        case Also.DELETED:
            return f"Its incident was deleted; more than {situation.threshold:,} new messages will raise it again"
        case Also.REMINDER if entry.since:
            return f"Waiting for {age(situation.now, entry.since)}: still New, without an owner"
        case Also.REMINDER:
            return "Waiting: still New, without an owner"
        case _:
            return _WHY.get(entry.reason, entry.reason.value.replace("_", " ").capitalize())


def counted(counts: Counts) -> str:
    """`Sum_case` and the four counts in a line."""
    return (
        f"{counts.total:,} remediated: hard delete {counts.hard_delete:,}, soft delete {counts.soft_delete:,}, "
        f"to junk {counts.move_to_junk:,}, to deleted items {counts.move_to_delete:,}"
    )


def about(situation: Situation) -> str:
    """What kind of alert this is, where, and from when on."""
    more = f": more than {situation.threshold:,} in {situation.window.days} days" if situation.window else ""
    return f"{SUBJECT_MATTER} in {plain(situation.workspace, 63) or 'the workspace'}{more}"


def whose(situation: Situation) -> str:
    """Which sweep it is that speaks."""
    return f"Email remediation sweep of {plain(situation.workspace, 63) or 'the workspace'}"


def more(entries: Sequence[Entry]) -> str:
    """Those that have no place of their own on the card: "and 12 more, 3 of them High"."""
    high = sum(1 for entry in entries if entry.severity is Severity.HIGH)
    return f"and {len(entries):,} more" + (f", {high:,} of them High" if high else "")


def held(situation: Situation) -> str:
    """What the fuse holds back, "" for nothing."""
    if not situation.held:
        return ""
    return f"{situation.held:,} more over the threshold are held back; the next sweeps raise them, highest first."


def standing(situation: Situation) -> str:
    """How the rest stands, "" when there is no rest."""
    parts = [
        f"{number:,} {name}"
        for number, name in (
            (situation.standing, "open with nothing new"),
            (situation.settled, "settled"),
            (situation.excluded, "excluded"),
        )
        if number
    ]
    return f"Known: {', '.join(parts)}." if parts else ""


def covered(coverage: Coverage | None, situation: Situation) -> str:
    """What the sweep looked at, in a line."""
    if coverage is None:
        return ""
    newest = "no row" if coverage.newest is None else f"newest {age(situation.now, coverage.newest)} old"
    days = f" in {situation.window.days} days" if situation.window else ""
    return (
        f"Data: {coverage.rows:,} rows{days}, {coverage.last_day:,} in the last 24 h, {newest}, "
        f"action filled in {coverage.filled:.0%}."
    )


def age(now: datetime, then: datetime) -> str:
    """How long ago, roughly: minutes, hours or days."""
    minutes = max(0, round((now - then).total_seconds() / 60))
    if minutes < 90:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 72 else f"{round(hours / 24)} days"


def doubt(situation: Situation) -> str:
    """What the verdict takes from the card's word, "" when it takes nothing."""
    if situation.verdict is Verdict.UNTRUSTED:
        return "Data not trusted: the numbers may be too low, and others may be missing"
    if situation.verdict is Verdict.FAILED:
        return "The sweep failed: this is what an earlier one found; nothing was checked since"
    return ""


def told(first: Sequence[str], each: Iterable[str] = (), count: int = 0) -> str:
    """The alert in plain words, for clients that draw no card: `first`, then of the `count` in `each` what fits."""
    kept: list[str] = []
    room = _TOLD_BYTES

    def fits(sentence: str) -> bool:
        nonlocal room
        text = bare(sentence, 300)
        room -= len(text.encode()) + 1
        if room >= 0:
            kept.append(text)
        return room >= 0

    shown = sum(1 for _ in takewhile(fits, each)) if all(fits(sentence) for sentence in first) else 0
    if shown < count:
        kept.append(f"And {count - shown:,} more: see the incident list.")
    return " ".join(kept)
