"""The words on the card of a round over many workspaces: how it ended, and why an entry is named.

The names of entries and the reasons of their sweeps are somebody else's words: they are made inert here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from shared.model import EntryEnd, EntryTold, RoundTold
from shared.redaction import without_addresses
from shared.text import plain, when

_ENDS = (
    ((EntryEnd.CLEAN,), "clean"),
    ((EntryEnd.FLAGGED,), "flagged"),
    ((EntryEnd.UNTRUSTED,), "not trusted"),
    ((EntryEnd.FAILED, EntryEnd.ABANDONED), "failed"),
    ((EntryEnd.MISSING,), "not swept"),
    ((EntryEnd.PLANNED,), "dry run"),
    ((EntryEnd.REMOVED,), "removed"),
)
BAD = (EntryEnd.ABANDONED, EntryEnd.FAILED, EntryEnd.MISSING)
"""Whose silence is no all-clear, the worst first."""
_WORST_FIRST = (*BAD, EntryEnd.UNTRUSTED, EntryEnd.PLANNED, EntryEnd.REMOVED, EntryEnd.FLAGGED, EntryEnd.CLEAN)
_WHY = {
    EntryEnd.FAILED: "Failed: nothing was checked",
    EntryEnd.MISSING: "Not swept before the round's deadline",
    EntryEnd.UNTRUSTED: "Data not trusted: no all-clear",
    EntryEnd.PLANNED: "Dry run: nothing was written or told",
    EntryEnd.REMOVED: "No longer in workspaces.json: not swept",
}
_NAMES = 20
"""So many names that come or go are listed, the rest counted."""

SECTION = "Not every workspace is well"
"""The runbook's heading about this card."""


def round_headline(told: RoundTold) -> str:
    """How many workspaces, and how they ended: "48 workspaces: 45 clean, 2 flagged, 1 failed"."""
    many, counts = len(told.entries), told.counts
    ends = ((sum(counts[end] for end in some), name) for some, name in _ENDS)
    parts = ", ".join(f"{number:,} {name}" for number, name in ends if number)
    return f"{many:,} {'workspace' if many == 1 else 'workspaces'}" + (f": {parts}" if parts else "")


def about_round(told: RoundTold) -> str:
    """Which round it was."""
    minutes = max(round((told.ended - told.began) / timedelta(minutes=1)), 1)
    by_hand = ", started by hand" if told.by_hand else ""
    return f"Email remediation sweep: round of {when(told.began)}{by_hand}, {minutes:,} min"


def round_meaning(told: RoundTold) -> tuple[str, str]:
    """What the worst in it means, and what to do ("" for nothing)."""
    counts = told.counts
    if any(counts[end] for end in BAD):
        return (
            "Of a workspace that failed or was not swept, silence is not an all-clear.",
            (
                "Fix the causes named here before the next round: it looks back as far, so nothing is skipped. A"
                " service that was only busy or down needs no fix."
            ),
        )
    if counts[EntryEnd.UNTRUSTED]:
        return (
            "What was found has been reported. There may be more where data is not trusted.",
            "Check what is named here, the data connectors first. The next round checks again.",
        )
    if any(is_due(entry) for entry in told.entries):
        return (
            "Nothing is lost: what is due is written down, and the next round tries again.",
            "Fix the causes named here before the next round. A service that was only busy or down needs no fix.",
        )
    if not told.heartbeat:
        return "", ""
    if told.since is None:
        return (
            "This is the first card: the way to this channel works. If no card comes for long, something is wrong.",
            "",
        )
    return (
        f"Nothing to report since {when(told.since)}. If this card stops coming, something is wrong.",
        "",
    )


def is_due(entry: EntryTold) -> bool:
    """Whether its sweep left something due; a dry run leaves all it finds."""
    return entry.due > 0 and not entry.dry_run


def is_named(entry: EntryTold) -> bool:
    """Whether the card names it: it is not plainly well, or something was done or is to be said."""
    well = entry.end in (EntryEnd.CLEAN, EntryEnd.FLAGGED)
    return not well or is_due(entry) or bool(entry.created or entry.told or entry.reasons)


def worst_first(entries: Sequence[EntryTold]) -> list[EntryTold]:
    """Those that are named, the worst first."""
    named = [entry for entry in entries if is_named(entry)]
    return sorted(
        named, key=lambda each: (not _is_bad(each), not is_due(each), _WORST_FIRST.index(each.end), each.name)
    )


def _is_bad(entry: EntryTold) -> bool:
    return entry.end in BAD or entry.end is EntryEnd.UNTRUSTED


def entry_name(entry: EntryTold) -> str:
    """Its name, inert."""
    return plain(without_addresses(entry.name), 40) or "(no name)"


def entry_why(entry: EntryTold) -> str:
    """Why it is named."""
    done = [
        f"{number:,} {name}"
        for number, name in (
            (entry.created, "new incident" if entry.created == 1 else "new incidents"),
            (entry.told, "told"),
            (entry.due if is_due(entry) else 0, "due: the next round tries again"),
        )
        if number
    ]
    if entry.end is EntryEnd.ABANDONED:
        tries = f"{entry.tries:,} {'try' if entry.tries == 1 else 'tries'}"
        first = f"Given up: of {tries} the last one never ended"
    else:
        first = _WHY.get(entry.end, "")
    return ". ".join(each for each in (first, ", ".join(done)) if each) or "See what is said about it"


def entry_reasons(entry: EntryTold, most: int = 2) -> list[str]:
    """The first causes of its last sweep without their ids, and how many more there are."""
    texts = [without_addresses(each.partition(": ")[2] or each) for each in entry.reasons]
    more = len(texts) - most
    return [*texts[:most], *([f"and {more:,} more" if more > 1 else "and one more"] if more > 0 else [])]


def come_and_gone(told: RoundTold) -> list[str]:
    """Who is swept for the first time, and who no longer is, in a line each."""
    gone = f"No longer swept: {_listed(told.gone)}" if told.gone else ""
    new = f"New: {_listed(told.new)}" if told.new else ""
    return [each for each in (gone, new) if each]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(without_addresses(name), 40) or "(no name)" for name in sorted(names)[:_NAMES])
    return shown + (f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else "")
